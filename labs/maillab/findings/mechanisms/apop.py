"""APOP (RFC 1939 section 7): the challenge stands in the server's greeting, the digest behind the name."""

from __future__ import annotations

import re

from ..attempt import Attempt, Learned, words

# What looks like a message id; a server that made up its own form still puts it between angle brackets.
_STAMPS = (re.compile(rb"<[^<>\s]*@[^<>\s]*>"), re.compile(rb"<[^<>\s]+>"))
_DIGEST = re.compile(rb"[0-9a-fA-F]{32}")


def read(attempt: Attempt) -> Learned:
    """User and digest, and the challenge if the capture has the greeting. hashcat 20: MD5(salt + password)."""
    challenge = stamp(attempt.greeting)
    said = attempt.command.argument
    name, _, digest = said.rpartition(b" ")
    if not name or not _DIGEST.fullmatch(digest):
        return Learned(challenge=words(challenge) if challenge else None, response=words(said) or None)
    line = f"{digest.decode().lower()}:{words(challenge)}" if challenge else None
    return Learned(
        words(name.rstrip(b" ")),
        challenge=words(challenge) if challenge else None,
        response=words(said),
        hashcat={"mode": 20, "line": line} if line else None,
    )


def stamp(greeting: bytes) -> bytes:
    """The challenge in a greeting, empty when there is none.

    >>> stamp(b"+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>")
    b'<1896.697170952@dbc.mtview.ca.us>'
    """
    for form in _STAMPS:
        if found := form.search(greeting):
            return found[0]
    return b""
