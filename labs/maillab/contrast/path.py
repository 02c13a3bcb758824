"""What somebody on the path gets: she says again what she heard, answers in the server's place, and stands between."""

from __future__ import annotations

import contextlib
import poplib
import smtplib
import ssl
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from ..attacks import Middle, on_path, replay, resend
from ..clients.tunnel import TunnelError
from ..conversations import Conversation, follow
from ..names import PORTS
from ..sasl import SaslError
from ..servers.ssh_handle import SshServer
from .answer import Answer
from .listener import frame_with, talks_of
from .ways import WAYS, fetch

if TYPE_CHECKING:
    from ..lab import Lab

REASONS = (SaslError, ssl.SSLError, TunnelError)
"""Why a careful program gives up. Any other failure isn't an answer to anything here, and goes through."""

IF = {"STLS": "if it insists", "POP3S": "if it checks", "SSH": "if it compares"}
"""What alice's program has to do, by channel."""
PROOF = {"STLS": "by certificate", "POP3S": "by certificate", "SSH": "by host key"}
WEAK = ("plaintext_login", "apop", "cram_md5", "digest_md5", "accept_anyone")


def again(lab: Lab, way: str, channel: str, talks: list[Conversation]) -> Answer:
    """What alice's program said to the POP3 server, once more and octet for octet, from mallory's host."""
    talk, question = talks[0], "replay works"
    before = len(lab.log())
    if channel == "clear":
        exchange = replay(lab.mallory, talk).exchange
        last = exchange[-1][1].decode("utf-8", "replace").strip()
    else:
        answers = resend(lab.mallory, talk)
        last = f"{len(answers)} times, {sum(map(len, answers))} octets in all, and hung up"
    said = "Mallory's host said to mail, octet for octet, what Alice's had said"
    if lab.logged_in(since=before):
        because = f"{said}; mail's log has another login of Alice's."
        return Answer(way, channel, question, "open", "yes", ("login",), because, [talk], talk.frame)
    because = f"{said}. Mail answered {last}. Its log has no login."
    return Answer(way, channel, question, "shut", "no", (), because, [talk])


@contextlib.contextmanager
def impostor(lab: Lab, channel: str) -> Iterator[str]:
    """Mallory answers in mail's place, knowing nobody's password. Gives the host that mail's name leads to.

    In the other channels standing between and being an impostor is the same: see :class:`Between`.
    """
    if channel == "clear":
        lab.serve(lab.mallory, allow=WEAK, accounts={"alice": ""})
        try:
            yield "mallory"
        finally:
            lab.stop_serving(lab.mallory)
    else:
        with Middle(lab.mallory, impostor=lab.certificates / "impostor.pem"), on_path(lab):
            yield "mail"


def meets(lab: Lab, way: str, channel: str, at: str) -> Answer:
    """An impostor, and alice's program, as careful as it can be: does it notice?"""
    with lab.capture() as heard:
        complaint = attempt(lab, way, channel, careful=True, at=at)
    return believes(way, channel, complaint, talks_of(follow(heard), lab))


def believes(way: str, channel: str, complaint: str, talks: list[Conversation]) -> Answer:
    """The answer, from what alice's program said when it met an impostor."""
    question = "server authenticated"
    if complaint:
        says = PROOF.get(channel, "by its proof")
        because = f"An impostor answered in mail's place. Alice's program gave up: {complaint}"
        return Answer(way, channel, question, "shut", says, (), because, talks)
    because = "An impostor that knows no password answered in mail's place and said yes. Alice's program believed it."
    return Answer(way, channel, question, "open", "no", ("Alice's trust",), because, talks, talks[0].frame)


def attempt(lab: Lab, way: str, channel: str, careful: bool, at: str) -> str:
    """Alice's program tries; its complaint, empty if it believes that it's logged in. (An impostor has no mail.)"""
    try:
        fetch(lab, way, channel, careful=careful, at=at)
    except REASONS as error:
        return sentence(getattr(error, "verify_message", "") or str(error))
    except poplib.error_proto as error:
        said = error.args[0] if isinstance(error.args[0], str) else error.args[0].decode("utf-8", "replace")
        if "no such message" in said:
            return ""
        if channel == "STLS" and "STLS" in said:  # poplib's own words: it isn't offered
            return sentence(said)
        raise
    return ""


def sentence(complaint: str) -> str:
    """Its first line, with a full stop.

    >>> sentence("self-signed certificate"), sentence("An impostor?")
    ('self-signed certificate.', 'An impostor?')
    """
    line = complaint.strip().partition("\n")[0]
    return line if line.endswith((".", "?")) else line + "."


class Seen(NamedTuple):
    """What came of it: what mallory got, the complaint of alice's program, and where that can be read."""

    got: tuple[str, ...]
    complaint: str
    talks: list[Conversation]


class Between:
    """For as long as the block lasts mallory stands between alice and mail, and does what she can in that channel."""

    def __init__(self, lab: Lab, channel: str) -> None:
        self._lab, self._channel = lab, channel
        self._middle: Middle | None = None
        self._sshd: SshServer | None = None
        self._closing = contextlib.ExitStack()

    def __enter__(self) -> Between:
        lab = self._lab
        if self._channel == "SSH":
            self._sshd = lab.start_ssh(lab.mallory, allow=["accept_anyone", "keep_passwords"])
            return self
        own = lab.certificates / "impostor.pem" if self._channel == "POP3S" else None
        with contextlib.ExitStack() as stack:
            self._middle = stack.enter_context(Middle(lab.mallory, strip=self._channel == "STLS", impostor=own))
            stack.enter_context(on_path(lab))
            self._closing = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    @cached_property
    def careful(self) -> Seen:
        """What a careful program does; where it gives up that is before the login, so once is enough for all ways."""
        return self.attack(WAYS[0], careful=True)

    def attack(self, way: str, careful: bool) -> Seen:
        """Alice's program tries to fetch her mail."""
        known = len(self._middle.connections) if self._middle else 0
        told = len(self._sshd.passwords()) if self._sshd else 0
        with self._lab.capture() as heard:
            complaint = attempt(self._lab, way, self._channel, careful, "mallory" if self._sshd else "mail")
        places = [talks_of(follow(heard), self._lab)]
        if self._middle:
            frames = [frame for one in self._middle.connections[known:] for frame in one.frames()]
            places.append(follow(frames))
        got: dict[str, list[Conversation]] = {}
        for what, text in (("password", self._lab.student.password("alice")), ("mail", self._lab.student.door_code)):
            place = next((talks for talks in places if frame_with(talks, text) is not None), None)
            if place is not None:
                got[what] = place
            elif what == "password" and self._sshd and ("alice", text) in self._sshd.passwords()[told:]:
                got[what] = places[0]
        return Seen(tuple(got), complaint, next(iter(got.values()), places[0]))


def survives(between: Between, way: str, channel: str) -> list[Answer]:
    """Alice's program, careful and not, while mallory stands between.

    Where she can only do that as an impostor this answers that question, too.
    """
    careful = between.careful if between.careful.complaint else between.attack(way, careful=True)
    also = [believes(way, channel, careful.complaint, careful.talks)] if channel in ("POP3S", "SSH") else []
    because = f"Mallory stood between and {DOES[channel]}. "
    if careful.got:
        because += f"She read {' and '.join(careful.got)}."
        says, talks = f"no: {' and '.join(careful.got)}", careful.talks
        return [*also, Answer(way, channel, QUESTION, "open", says, careful.got, because, talks, talks[0].frame)]
    because += f"A careful program gave up before the login: {careful.complaint} "
    loose = between.attack(way, careful=False)
    if not loose.got:
        because += "So did one that isn't careful."
        return [*also, Answer(way, channel, QUESTION, "shut", "yes", (), because, careful.talks)]
    because += f"One that isn't careful lost {' and '.join(loose.got)}."
    says, talks = IF[channel], loose.talks
    return [*also, Answer(way, channel, QUESTION, "depends", says, loose.got, because, talks, talks[0].frame)]


DOES = {
    "clear": "passed everything on",
    "STLS": "removed the offer of TLS",
    "POP3S": "answered with a certificate of her own",
    "SSH": "answered with an sshd of her own",
}
"""What mallory does there, by channel."""
QUESTION = "survives an active attacker"


@contextlib.contextmanager
def comes_from(lab: Lab, channel: str) -> Iterator[smtplib.SMTP]:
    """Mallory's connection to port 25, from the address at which the server has seen alice.

    In the sandbox she is the next guest, who gets the address that alice had; elsewhere all hosts have one address.
    Through SSH the server sees its own host's address: everybody has that who comes through this sshd, with whatever
    account.
    """
    with contextlib.ExitStack() as stack:
        if channel == "SSH":
            tunnel = stack.enter_context(lab.mallory.tunnel("mail", PORTS["smtp"], "mail", user="bob"))
            yield stack.enter_context(tunnel.smtp())
            return
        if lab.network.apart:
            stack.enter_context(lab.alice.unplugged())
            stack.enter_context(lab.mallory.borrow(lab.alice.ip))
        yield stack.enter_context(lab.mallory.smtp("smtp"))


def neighbour(lab: Lab, channel: str, before: Answer) -> Answer:
    """POP before SMTP: alice fetches her mail, then mallory comes from her address and asks whether she may send.

    ``before``: what survives() found out. Gives that and this, as one answer.
    """
    lab.forward(minutes=lab.window + 1)  # what other sessions opened is closed
    with lab.capture() as heard:
        fetch(lab, before.way, channel)
        with comes_from(lab, channel) as server:
            server.ehlo()
            server.mail("alice@example.test")
            code, text = server.rcpt("dave@partner.example.test")
    where = (
        "came through the same sshd, with Bob's account"
        if channel == "SSH"
        else (
            "got the address that was Alice's"
            if lab.network.apart
            else "came from 127.0.0.1, as all do on this rung, whatever the frames say"
        )
    )
    because = (
        f"{before.because} Afterwards Mallory {where}, logged in nowhere, and asked to send as Alice: "
        f"{code} {text.decode('utf-8', 'replace')}."
    )
    if code != 250:
        return replace(before, because=because)
    talk, got = follow(heard)[-1], (*(before.gets if before.verdict == "open" else ()), "sends as Alice")
    says = f"no: {', '.join(got)}"
    return replace(before, verdict="open", says=says, gets=got, because=because, conversations=[talk], frame=talk.frame)
