"""What a server keeps to check logins with, mechanism by mechanism.

====================== ====================================== ===============================================
mechanism              has to be kept                         what a thief does with it
====================== ====================================== ===============================================
USER/PASS, PLAIN,      a salted, slow hash would do           guesses, slowly
LOGIN
APOP, CRAM-MD5         the password, or what's as good as it  logs in, here and wherever it is used again
DIGEST-MD5             H(user:realm:password)                 logs in, in this realm
SCRAM-SHA-256          salt, StoredKey, ServerKey             guesses, slowly; plays the server
====================== ====================================== ===============================================

This lab speaks them all, so it has to keep the first line's password, which all others can be made from. But each
mechanism asks only for its own form: ``secret``, ``digest_key`` or ``verifier``.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import NamedTuple

from maillab.sasl.md5 import md5
from maillab.sasl.saslprep import PrepError, saslprep
from maillab.sasl.scram_keys import keys, salted_password
from maillab.sasl.steps import octets

ITERATIONS = 4096
"""Of PBKDF2 for SCRAM: the least that RFC 7677 section 4 allows. Today one would take a hundred times as many."""


class Verifier(NamedTuple):
    """What SCRAM's server keeps (RFC 5802 section 3). A login can be checked with it, and not made."""

    salt: bytes
    iterations: int
    stored_key: bytes
    server_key: bytes

    def __str__(self) -> str:
        """As RFC 5803 writes it into a directory: ``SCRAM-SHA-256$4096:salt$StoredKey:ServerKey``."""
        salt, stored, server = (
            base64.b64encode(part).decode() for part in (self.salt, self.stored_key, self.server_key)
        )
        return f"SCRAM-SHA-256${self.iterations}:{salt}${stored}:{server}"


class Credentials:
    """The passwords of a mail server's users.

    Args:
        passwords: by user name.
        believe: asked at each comparison; while it says yes, everybody is believed whose name is known: an impostor.

    ``repr`` shows the names only.

    >>> known = Credentials({"alice": "copper-otter-41"})
    >>> known
    Credentials(alice)
    >>> known.verify("alice", "copper-otter-41"), known.verify("alice", "guess"), known.verify("eve", "guess")
    (True, False, False)
    """

    def __init__(self, passwords: Mapping[str, str], believe: Callable[[], bool] = lambda: False) -> None:
        self._passwords, self._believe = dict(passwords), believe

    def __repr__(self) -> str:
        return f"Credentials({', '.join(self._passwords)})"

    def __contains__(self, username: str) -> bool:
        return username in self._passwords

    def matches(self, expected: bytes, got: bytes) -> bool:
        """Whether the answer is the expected one, in a time that doesn't tell how much of it is right."""
        return hmac.compare_digest(expected, got) or self._believe()

    def verify(self, username: str, password: str) -> bool:
        """Whether this is the user's password; for mechanisms that hand the password over.

        It takes as long for a name that doesn't exist, so that the clock tells no more than the reply does.
        """
        stored = self._passwords.get(username)
        same = self.matches((stored or "").encode(), password.encode(errors="replace"))
        return same and stored is not None and (stored != "" or self._believe())

    def secret(self, username: str) -> str | None:
        """For APOP and CRAM-MD5: the password itself; ``None`` if there's no such user.

        (An empty one is no password, and lets nobody in.)
        """
        stored = self._passwords.get(username)
        return stored if stored or self._believe() else None

    def digest_key(self, username: str, realm: str) -> bytes | None:
        """For DIGEST-MD5: H(user:realm:password), 16 octets (RFC 2831 section 2.1.2.1)."""
        secret = self.secret(username)
        return None if secret is None else digest_key(username, realm, secret)

    def verifier(self, username: str) -> Verifier | None:
        """For SCRAM-SHA-256: salt, iterations and two keys; ``None`` if there's no such user."""
        known = self._verifiers.get(username)
        # An impostor doesn't know the password, and answers as if he did.
        return self.made_up(username) if known is None and username in self and self._believe() else known

    def made_up(self, username: str) -> Verifier:
        """A verifier that nobody can satisfy, always the same for the same name.

        SCRAM's server tells the salt before it has seen a proof. One that had none for a name it doesn't know would say
        who its users are, and so would one that made up another each time.
        """
        key = hashlib.sha256(b"".join(known.server_key for known in self._verifiers.values())).digest()
        name = username.encode(errors="replace")
        salt, stored, server = (hmac.digest(key, label + name, "sha256") for label in (b"a", b"b", b"c"))
        return Verifier(salt[:16], ITERATIONS, stored, server)

    @cached_property
    def _verifiers(self) -> dict[str, Verifier]:
        """Everybody's at once, at the first question, so that the time it takes tells nothing about the name asked for.

        A salt is drawn at random when a password is set. Here it has to be the same tomorrow, so it's derived, and as
        slowly as the verifier itself: everybody is told the salt, and a quick hash of the password is quickly guessed.
        """
        found = {}
        for user, password in self._passwords.items():
            salt = hashlib.pbkdf2_hmac("sha256", password.encode(), b"salt of " + user.encode(), ITERATIONS)[:16]
            with contextlib.suppress(PrepError):  # a password that the other mechanisms take, but not SCRAM
                if saslprep(password):  # nothing may be left of it: a soft hyphen is mapped to nothing
                    found[user] = verifier(password, salt)
        return found

    def kept(self, username: str, realm: str = "example.test") -> list[tuple[str, str, str]]:
        """What lies on the server's disk about a user: (mechanism, what it is, the value).

        Raises:
            KeyError: there's no such user.
        """
        secret = self._passwords[username]
        key = digest_key(username, realm, secret).hex()
        return [
            ("APOP, CRAM-MD5", "the password", secret),
            ("DIGEST-MD5", f"MD5({username}:{realm}:password)", key),
            (
                "SCRAM-SHA-256",
                "iterations, salt, two keys",
                str(self.verifier(username) or "nothing: not a password for it"),
            ),
        ]


def digest_key(username: str, realm: str, password: str) -> bytes:
    """H(user:realm:password) of RFC 2831 section 2.1.2.1.

    >>> digest_key("chris", "elwood.innosoft.com", "secret").hex()
    'eb5a750053e4d2c34aa84bbc9b0b6ee7'
    """
    # The rule about ISO 8859-1 names user and password only; the realm stays in UTF-8.
    return md5(b":".join((latin(username), octets("realm", realm), latin(password))))


def latin(text: str) -> bytes:
    """Text as DIGEST-MD5 hashes it: in ISO 8859-1 where that can hold it, else in UTF-8 (RFC 2831 section 2.1.2.1)."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return octets("name or password", text)


def verifier(password: str, salt: bytes, iterations: int = ITERATIONS) -> Verifier:
    """SCRAM-SHA-256's verifier of a password (RFC 5802 section 3)."""
    _, stored_key, server_key = keys(salted_password(password, salt, iterations))
    return Verifier(salt, iterations, stored_key, server_key)
