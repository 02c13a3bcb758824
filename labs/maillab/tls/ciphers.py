"""Opening a record: the right key, the right nonce, and a tag that proves that nobody touched it.

    TLS 1.2, GCM      nonce = 4 secret bytes | 8 bytes in front of the record              RFC 5288 section 3
    TLS 1.2, ChaCha20 nonce = 12 secret bytes XOR sequence number                          RFC 7905 section 2
    TLS 1.3           the same for all ciphers                                             RFC 8446 section 5.3

The sequence number counts the records of one direction under one key and isn't sent.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from .prf import hkdf_expand_label, prf
from .suites import TAG, Suite


class BadRecord(Exception):
    """It doesn't open with this key at this place: another key, a lost record, or changed bytes."""


@dataclass(frozen=True, slots=True)
class RecordCipher:
    """The key of one direction. iv: its secret part of the nonce (4 or 12 bytes)."""

    cipher: AESGCM | ChaCha20Poly1305
    iv: bytes
    tls13: bool

    def open(self, sequence: int, record: bytes) -> tuple[int, bytes]:
        """(Content type, what was said) of a whole record, header included. Raises BadRecord."""
        if self.tls13:
            return self._open13(sequence, record)
        fragment = record[5:]
        if len(self.iv) == 4:  # GCM: the rest of the nonce is sent along
            nonce, fragment = self.iv + fragment[:8], fragment[8:]
        else:
            nonce = self._nonce(sequence)
        length = len(fragment) - TAG
        if length < 0:
            raise BadRecord
        # What is proved besides the data (RFC 5246 section 6.2.3.3).
        associated = sequence.to_bytes(8, "big") + record[:3] + length.to_bytes(2, "big")
        return record[0], self._decrypt(nonce, fragment, associated)

    def _open13(self, sequence: int, record: bytes) -> tuple[int, bytes]:
        inner = self._decrypt(self._nonce(sequence), record[5:], record[:5])
        said = inner.rstrip(b"\0")  # padding (RFC 8446 section 5.4); the last byte that isn't 0 is the true type
        if not said:
            raise BadRecord
        return said[-1], said[:-1]

    def _nonce(self, sequence: int) -> bytes:
        return (int.from_bytes(self.iv, "big") ^ sequence).to_bytes(len(self.iv), "big")

    def _decrypt(self, nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
        try:
            return self.cipher.decrypt(nonce, sealed, associated)
        except (InvalidTag, ValueError):
            raise BadRecord from None


def _cipher(suite: Suite, key: bytes) -> AESGCM | ChaCha20Poly1305:
    return ChaCha20Poly1305(key) if suite.aead.startswith("CHACHA") else AESGCM(key)


def ciphers_12(suite: Suite, master: bytes, client_random: bytes, server_random: bytes) -> dict[str, RecordCipher]:
    """Both directions' ciphers of TLS 1.2, "C" and "S", out of the master secret (RFC 5246 section 6.3)."""
    key, fixed = suite.key_bytes, 4 if suite.aead.endswith("GCM") else 12
    block = prf(suite.hash, master, b"key expansion", server_random + client_random, 2 * (key + fixed))
    keys, ivs = block[: 2 * key], block[2 * key :]
    return {
        "C": RecordCipher(_cipher(suite, keys[:key]), ivs[:fixed], False),
        "S": RecordCipher(_cipher(suite, keys[key:]), ivs[fixed:], False),
    }


def cipher_13(suite: Suite, secret: bytes) -> RecordCipher:
    """One direction's cipher of TLS 1.3 out of its traffic secret (RFC 8446 section 7.3)."""
    key = hkdf_expand_label(suite.hash, secret, b"key", suite.key_bytes)
    return RecordCipher(_cipher(suite, key), hkdf_expand_label(suite.hash, secret, b"iv", 12), True)
