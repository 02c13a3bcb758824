"""One file a mechanism: what an eavesdropper reads out of it.

Each has ``read(attempt) -> Learned``. A new mechanism is a new file and a line in READERS. A mechanism that
has no file is reported by name, with what was sent, and no user name is guessed.
"""

from __future__ import annotations

from collections.abc import Callable

from ..attempt import Attempt, Learned
from . import apop, bearer, cram_md5, digest_md5, imap_login, login, other, plain, scram, user

Reader = Callable[[Attempt], Learned]

READERS: dict[str, Reader] = {
    "USER": user.read,
    "PLAIN": plain.read,
    "LOGIN": login.read,
    "APOP": apop.read,
    "CRAM-MD5": cram_md5.read,
    "DIGEST-MD5": digest_md5.read,
    "SCRAM-SHA-1": scram.read,
    "SCRAM-SHA-1-PLUS": scram.read,  # -PLUS: tied to a TLS connection (RFC 5802 section 6)
    "SCRAM-SHA-256": scram.read,
    "SCRAM-SHA-256-PLUS": scram.read,
    "XOAUTH2": bearer.read,
    "OAUTHBEARER": bearer.read,
}


def read(attempt: Attempt) -> Learned:
    """What this attempt gave away. LOGIN is also a command of IMAP, without base64."""
    if attempt.command.verb == "LOGIN":
        return imap_login.read(attempt)
    return READERS.get(attempt.mechanism, other.read)(attempt)
