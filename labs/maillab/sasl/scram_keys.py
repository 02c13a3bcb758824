"""What SCRAM makes of a password (RFC 5802 section 3), at both ends: each time it is typed, and when it is set."""

from __future__ import annotations

import hashlib
import hmac

from maillab.sasl.saslprep import saslprep


def salted_password(secret: str, salt: bytes, iterations: int, algorithm: str = "sha256") -> bytes:
    """The slow part: PBKDF2, called Hi in RFC 5802 section 2.2.

    Raises:
        PrepError: the password has characters that no password may have.
    """
    return hashlib.pbkdf2_hmac(algorithm, saslprep(secret).encode(), salt, iterations)


def keys(salted: bytes, algorithm: str = "sha256") -> tuple[bytes, bytes, bytes]:
    """ClientKey, StoredKey, ServerKey (RFC 5802 section 3). The server keeps the last two, and the client has to know
    the first: a stolen store can't log in."""
    client_key = hmac.digest(salted, b"Client Key", algorithm)
    stored_key = hashlib.new(algorithm, client_key).digest()
    return client_key, stored_key, hmac.digest(salted, b"Server Key", algorithm)
