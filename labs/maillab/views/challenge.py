"""What the workbench's buttons do: a login, for real, at a server that sends the challenge the learner typed."""

from __future__ import annotations

import contextlib
import poplib
import smtplib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from maillab.clients import auth
from maillab.conversations import follow
from maillab.sasl import SaslError
from maillab.views.benches import challenge_of, options_of
from maillab.views.marks import credential_marks
from maillab.views.twin import sentence

if TYPE_CHECKING:
    from maillab.capture.recorder import Capture
    from maillab.lab import Lab


class Sent(NamedTuple):
    """A login, as mallory's card heard it."""

    heard: Capture
    accepted: bool
    answer: str  #: what the client made of the server's answer, in one sentence; empty when it was let in


#: mechanism, what was typed, whether the client makes up its own nonce → what came of it
Challenger = Callable[[str, Mapping[str, str], bool], Sent]


def challenger(lab: Lab) -> Challenger:
    """For `Workbench(…, lab)`: puts the challenge on the wire, and lets alice answer it with what was typed.

    A login that the server refuses is a result like any other. Raises RuntimeError on a recording, ServerError
    for a text that can't cross the wire as a challenge.
    """

    def perform(mechanism: str, values: Mapping[str, str], fresh: bool = False) -> Sent:
        if not lab.network.serves:
            raise RuntimeError(RECORDING)
        mode, lab.mode = lab.mode, "hub"
        try:
            with lab.fixed_challenge(mechanism, challenge_of(mechanism, values)), lab.capture() as heard:
                answer = log_in(lab, mechanism, values["user"], values["secret"], options_of(mechanism, values, fresh))
        finally:
            lab.mode = mode
        return Sent(heard, not answer, answer)

    return perform


RECORDING = "This is a recording: take the response apart here; sending needs another rung."


def log_in(lab: Lab, mechanism: str, user: str, secret: str, options: Mapping[str, Any] | None = None) -> str:
    """Log in from alice's computer, and out again. Returns "" if the server said yes, else why not.

    With Python's own clients where they know the mechanism, else with the course's.
    """
    connection: Any = lab.alice.smtp() if mechanism in ("CRAM-MD5", "SCRAM-SHA-256") else lab.alice.pop3()
    try:
        if mechanism == "APOP":
            connection.apop(user, secret)
        elif mechanism == "CRAM-MD5" and (user + secret).isascii():  # smtplib takes no others
            connection.user, connection.password = user, secret
            connection.ehlo_or_helo_if_needed()
            connection.auth("CRAM-MD5", connection.auth_cram_md5)
        else:
            auth(connection, mechanism, user, secret, **(options or {}))
        return ""
    except (poplib.error_proto, smtplib.SMTPException, SaslError, OSError) as error:
        return said(error)
    finally:
        with contextlib.suppress(poplib.error_proto, smtplib.SMTPException, OSError):
            connection.quit()
        connection.close()


def said(error: Exception) -> str:
    """A refusal in the client's words, without the exception's name."""
    if isinstance(error, poplib.error_proto | SaslError | smtplib.SMTPResponseException):
        parts = [part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part) for part in error.args]
        return " ".join(" ".join(parts).split())[:300] or "No."
    return sentence(error)


def responses(heard: Any) -> list[tuple[int, str]]:
    """The proofs that crossed the wire: (frame, response), base64 undone."""
    found = []
    for conversation in follow(heard):
        turns: list[Any] = conversation.turns
        for place, marks in credential_marks(turns).items():
            for mark in marks if turns[place].who == "C" else ():
                if mark.kind == "digest":
                    raw = turns[place].data[mark.start : mark.end] if mark.decoded is None else mark.decoded
                    found.append((turns[place].frame, raw.decode("utf-8", "replace")))
    return found
