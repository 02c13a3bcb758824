"""MD5 (RFC 1321), and HMAC over it (RFC 2104) written out."""

from __future__ import annotations

import hashlib

from maillab.sasl.steps import xored

BLOCK = 64
"""Octets that MD5 takes in at a time."""

INNER, OUTER = b"\x36" * BLOCK, b"\x5c" * BLOCK
"""What HMAC's two keys are XORed with (RFC 2104 section 2): ipad and opad."""


def md5(data: bytes) -> bytes:
    """The 16 octets of MD5's digest.

    A Python under FIPS rules forbids MD5 unless the caller says that nothing depends on it. Here nothing does: the lab
    shows how little it is good for.

    >>> md5(b"").hex()
    'd41d8cd98f00b204e9800998ecf8427e'
    """
    return hashlib.md5(data, usedforsecurity=False).digest()


def padded(key: bytes) -> bytes:
    """A key of any length as one block of 64 octets: hashed first if it is longer, then filled with zeros.

    >>> len(padded(b"sesame")), padded(b"x" * 100)[:16] == md5(b"x" * 100)
    (64, True)
    """
    if len(key) > BLOCK:  # RFC 2104 section 2
        key = md5(key)
    return key.ljust(BLOCK, b"\0")


def hmac_md5(key: bytes, data: bytes) -> bytes:
    """HMAC-MD5, as RFC 2104 section 2 defines it: two hashes, one inside the other, each begun with the key.

    Python's own ``hmac`` gives the same; this one is for reading.

    >>> hmac_md5(b"Jefe", b"what do ya want for nothing?").hex()  # RFC 2202 section 2, case 2
    '750c783e6ab0b503eaa86e310a5db738'
    """
    block = padded(key)
    inner = md5(xored(block, INNER) + data)
    return md5(xored(block, OUTER) + inner)
