"""Trying passwords on a captured exchange: compute what the client would have sent, compare with what it did send.

Each mechanism has a loop of its own, written to be fast: all that is the same for every guess is prepared before the
loop, and local names are looked up faster than those of an object. :mod:`maillab.sasl` has the same arithmetic, step
by step, for reading.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Protocol

from ..sasl.md5 import BLOCK
from ..sasl.saslprep import PrepError, saslprep


def _fast_md5() -> Callable[[bytes], Any]:
    """Python's own MD5. hashlib prefers OpenSSL's, which is made for long texts and takes longer to begin.

    For 40 octets a call, that is what counts.
    """
    try:
        from _md5 import md5
    except ImportError:
        return partial(hashlib.md5, usedforsecurity=False)
    return md5


md5 = _fast_md5()
XOR_36 = bytes(octet ^ 0x36 for octet in range(256))
XOR_5C = bytes(octet ^ 0x5C for octet in range(256))


class Trial(Protocol):
    """One captured login, ready to be tried on."""

    mechanism: ClassVar[str]

    def search(self, words: Iterable[bytes]) -> bytes | None:
        """The first of ``words`` that is the password, None if none is."""
        ...


@dataclass(frozen=True)
class Apop:
    """digest = MD5(challenge + password): one hash a guess."""

    mechanism: ClassVar[str] = "APOP"
    challenge: bytes
    digest: bytes

    def search(self, words: Iterable[bytes]) -> bytes | None:
        challenge, digest, hashed = self.challenge, self.digest, md5
        for word in words:
            if hashed(challenge + word).digest() == digest:
                return word
        return None


@dataclass(frozen=True)
class CramMd5:
    """digest = MD5(outer key + MD5(inner key + challenge)): two hashes a guess, of four blocks in all.

    The keys are the password, filled up to 64 octets, XORed with 36 36 36 … and 5c 5c 5c …; ``translate`` does that for
    all 64 at once.
    """

    mechanism: ClassVar[str] = "CRAM-MD5"
    challenge: bytes
    digest: bytes

    def search(self, words: Iterable[bytes]) -> bytes | None:
        challenge, digest, hashed, inner, outer = self.challenge, self.digest, md5, XOR_36, XOR_5C
        for word in words:
            key = (word if len(word) <= BLOCK else hashed(word).digest()).ljust(BLOCK, b"\0")
            if hashed(key.translate(outer) + hashed(key.translate(inner) + challenge).digest()).digest() == digest:
                return word
        return None


@dataclass(frozen=True)
class DigestMd5:
    """Three hashes a guess. A2 holds no secret, so its hash is the same for all: it is in ``after``.

    stored = MD5(before + password), HA1 = MD5(stored + middle), response = MD5(HA1 in hex + after)
    """

    mechanism: ClassVar[str] = "DIGEST-MD5"
    before: bytes
    middle: bytes
    after: bytes
    digest: bytes

    def search(self, words: Iterable[bytes]) -> bytes | None:
        before, middle, after, digest, hashed = self.before, self.middle, self.after, self.digest, md5
        for word in words:
            secret = word if word.isascii() else narrow(word)
            ha1 = hashed(hashed(before + secret).digest() + middle).hexdigest()
            if hashed(ha1.encode() + after).digest() == digest:
                return word
        return None


@dataclass(frozen=True)
class Scram:
    """The password goes through thousands of HMACs (PBKDF2) before anything can be compared: that is SCRAM's defence.

    ``hash`` is hashlib's name of it: "sha256" or "sha1".
    """

    mechanism: ClassVar[str] = "SCRAM"
    hash: str
    salt: bytes
    iterations: int
    auth_message: bytes
    proof: bytes

    def search(self, words: Iterable[bytes]) -> bytes | None:
        for word in words:
            try:
                secret = word if word.isascii() else saslprep(word.decode()).encode()
            except (PrepError, UnicodeDecodeError):
                continue  # nobody can have this password
            salted = hashlib.pbkdf2_hmac(self.hash, secret, self.salt, self.iterations)
            client_key = hmac.digest(salted, b"Client Key", self.hash)
            stored_key = hashlib.new(self.hash, client_key).digest()
            signature = hmac.digest(stored_key, self.auth_message, self.hash)
            if bytes(a ^ b for a, b in zip(client_key, signature, strict=True)) == self.proof:
                return word
        return None


def narrow(text: bytes) -> bytes:
    """UTF-8 as ISO 8859-1 where that has all its characters (RFC 2831 section 2.1.2.1 hashes it so).

    >>> narrow("pässwörd".encode()), narrow("żółw".encode()) == "żółw".encode()
    (b'p\\xe4ssw\\xf6rd', True)
    """
    try:
        return text.decode().encode("latin-1")
    except UnicodeError:
        return text
