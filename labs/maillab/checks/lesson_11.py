"""What lesson 11 asks: Strip STLS and STARTTLS."""

from __future__ import annotations

import contextlib
import random
from typing import Any

from ..attacks import Middle
from ..findings import findings
from ..names import HOSTS
from .exercises import Said, Todo, Wrong, call, exercise
from .kinds import yes_or_no
from .predictions import prediction

prediction(
    "11.A",
    "Alice's program uses TLS if the server offers it. What if the line STLS were missing from the server's list?",
    {
        "It would ask for TLS all the same": "This one asks only if it sees the offer.",
        "It would log in without TLS": "Yes: a server without TLS is nothing unusual, so why should it mind?",
        "It would notice that yesterday there was TLS": "It keeps no note of yesterday. Few programs do.",
    },
    "It would log in without TLS: a server without TLS is nothing unusual, so why should it mind?",
)

prediction(
    "11.B",
    "On port 995 TLS comes before the first word. What can Mallory, on the path, do there?",
    {
        "Strip it as well": "There is no offer to take out. What isn't TLS isn't understood at all.",
        "Speak TLS herself, and hope that nobody looks": "Yes. It all depends on whether Alice's program checks.",
        "Nothing whatever": "She can still show a certificate of her own, and see who looks.",
    },
    "Speak TLS herself, and hope that nobody looks: it all depends on whether Alice's program checks.",
)

prediction(
    "11.C",
    "In one packet a client sends STLS and, behind it, another command, still in the clear. What should the server do?",
    {
        "Run it once TLS is there: it has been received": "Then whoever added it in the clear has spoken inside TLS.",
        "Throw it away": (
            "Yes: what came before TLS doesn't count in it (RFC 3207, section 4.2). "
            "The client shouldn't have sent it (RFC 2595, section 4)."
        ),
        "Run it before TLS begins": "The client said STLS first. After it nothing is to be taken in the clear.",
    },
    "Throw it away: what came before TLS doesn't count in it (RFC 3207, section 4.2).",
)


BELIEVES = "stls() without the context believes any certificate. Pass it on."


@exercise(
    "11.1",
    "mailbox.stls(context) asks for the list itself, and raises an error if STLS isn't in it. "
    "Do you call it in any case?",
    "Three lines: stls, user, pass_. No if.",
    "mailbox.stls(context); mailbox.user(user); mailbox.pass_(password)",
)
def strict(answer: Any, lab: Any) -> str:
    expected = "a function log_in(mailbox, context, user, password) that logs in over TLS, or not at all"
    if not callable(answer):
        raise Wrong(answer, expected)
    with lab.put_back():
        lab.allow("plaintext_login")
        at_home(answer, lab, expected)
        refused = [
            at_mallorys(answer, lab, "", strip=True),
            at_mallorys(answer, lab, BELIEVES, impostor=lab.certificates / "impostor.pem"),
        ]
    return f"TLS at the real server, {' and '.join(refused)} at Mallory's: it tells its user that something is wrong."


def at_home(answer: Any, lab: Any, expected: str) -> None:
    """Have the learner's function log in at the real server; Todo or Wrong where it doesn't, or not in TLS."""
    alice, events = lab.student.accounts["alice"], len(lab.log())
    with lab.capture(lab.mail) as heard:
        mailbox = lab.alice.pop3()
        try:
            if answer(mailbox, lab.context(), alice.name, alice.password) is ...:
                raise Todo
        except Todo:
            raise
        except Exception as error:
            raise Wrong(Said(f"{type(error).__name__} at the real server: {error}"), "a login there") from None
        finally:
            with contextlib.suppress(OSError):  # it may have quit by itself
                mailbox.close()
    if leaked(heard, lab):
        raise Wrong(Said("a login without TLS at the real server"), expected)
    if not lab.logged_in(since=events):
        raise Wrong(Said("no login at the real server"), expected)


def at_mallorys(answer: Any, lab: Any, hint: str, **middle: Any) -> str:
    """Have it log in where mallory stands in mail's place; the name of the error that it ends with there."""
    alice = lab.student.accounts["alice"]
    with Middle(lab.mallory, services=["pop3"], **middle) as mallory:
        mailbox = lab.alice.pop3("mallory")
        mailbox.host = HOSTS["mail"].fqdn  # whom it takes mallory for
        try:
            answer(mailbox, lab.context(), alice.name, alice.password)
        except Exception as error:
            refused = type(error).__name__
        else:
            refused = ""
        finally:
            with contextlib.suppress(OSError):
                mailbox.close()
    if leaked(mallory.frames(), lab):
        raise Wrong(Said("the password, read by Mallory"), "none", hint)
    if not refused:
        raise Wrong(Said("no error at Mallory's"), "one, so that somebody notices")
    return refused


def leaked(frames: Any, lab: Any) -> bool:
    """Can alice's password be read in them?"""
    return any(found.password == lab.student.password("alice") for found in findings(frames))


@exercise(
    "11.2",
    "reply.split(b'\\r\\n') are the lines. Leave STARTTLS out. What distinguishes the last line from those before?",
    "All lines but the last are b'250-…', the last is b'250 …' (RFC 5321, section 4.2.1).",
    "lines[-1] = b'250 ' + lines[-1][4:]",
)
def unsay(answer: Any, lab: Any) -> str:
    expected = "a function strip(reply): bytes in, bytes out"
    if not callable(answer):
        raise Wrong(answer, expected)
    rng = random.Random(f"11.2 {lab.student.id}")
    offers = [b"PIPELINING", b"SIZE 1000000", b"8BITMIME", b"AUTH SCRAM-SHA-256"]
    cases = [[b"mail.example.test", b"PIPELINING", b"STARTTLS"], [b"mail.example.test", b"STARTTLS"]]
    for _ in range(20):
        some = rng.sample(offers, rng.randrange(len(offers) + 1))
        if rng.random() < 0.7:
            some.insert(rng.randrange(len(some) + 1), b"STARTTLS")
        cases.append([b"mail.example.test", *some])
    for lines in cases:
        right = reply([line for line in lines if line != b"STARTTLS"])
        said = call(answer, reply(lines))
        if said != right:
            hint = "The last line has a blank behind 250, not a hyphen; also where STARTTLS was the last."
            raise Wrong(Said(f"{said!r} for {reply(lines)!r}"), repr(right), hint if b"STARTTLS" in lines[-1] else "")
    return "A relay of a few lines. What remains of TLS if it can be unsaid?"


def reply(lines: list[bytes]) -> bytes:
    """A reply to EHLO with these lines."""
    return b"".join(b"250" + (b" " if at == len(lines) else b"-") + line + b"\r\n" for at, line in enumerate(lines, 1))


POLICIES = {
    "TLS if offered, any certificate": (True, True),
    "TLS or nothing, any certificate": (False, True),
    "TLS or nothing, the right certificate": (False, False),
    "TLS from the first byte, the right certificate": (False, False),
}
"""Whether a program with this policy leaks when the offer is stripped, and to an impostor: as the lesson's runs show,
and tests/attacks/test_leaks.py verifies with each program. No secret."""


@exercise(
    "11.3",
    "Look at the table: which rows have a password in the column 'stripped', and which in 'impostor'?",
    "Stripping works where TLS is a wish; an impostor gets those who don't check the certificate.",
)
def policies(answer: Any, lab: Any) -> str:
    expected = "for each of the four policies True or False, twice"
    yes_or_no(answer, POLICIES, ("stripped", "impostor"), expected)
    return "Two conditions, and both are needed: TLS or nothing, and the right certificate."
