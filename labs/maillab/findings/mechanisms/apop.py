"""APOP (RFC 1939 section 7): the challenge stands in the server's greeting, the digest behind the name."""

from __future__ import annotations

from ...sasl.apop import challenge_in
from ..attempt import DIGEST, Attempt, Learned, words

MAX_SALT = 256  # octets: what hashcat takes


def read(attempt: Attempt) -> Learned:
    """User and digest, and the challenge if the capture has the greeting. hashcat 20: MD5(salt + password)."""
    asked = challenge_in(attempt.greeting)
    challenge = words(asked) if asked else None
    said = attempt.command.argument
    name, _, digest = said.rpartition(b" ")
    if not name or not DIGEST.fullmatch(digest):
        return Learned(challenge=challenge, response=words(said) or None)
    line = f"{digest.decode().lower()}:{challenge}" if asked and len(asked) <= MAX_SALT else None
    return Learned(
        words(name.rstrip(b" ")),
        challenge=challenge,
        response=words(said),
        hashcat={"mode": 20, "line": line} if line else None,
    )
