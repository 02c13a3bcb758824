"""USER and PASS of POP3 (RFC 1939 section 7): both in the clear, not even base64."""

from __future__ import annotations

from ..attempt import Attempt, Learned, words


def read(attempt: Attempt) -> Learned:
    """The user name of the last USER, the password of this PASS (everything after one space)."""
    username = words(attempt.user.argument) if attempt.user else None
    password = words(attempt.command.argument) if attempt.command.verb == "PASS" else None
    return Learned(username, password)
