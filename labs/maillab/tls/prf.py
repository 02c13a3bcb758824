"""From a secret to keys: TLS 1.2's PRF and TLS 1.3's HKDF-Expand-Label.

Both stretch a secret by hashing it again and again with HMAC, together with a label that says what the bytes are for.
"""

from __future__ import annotations

import hmac


def prf(hash: str, secret: bytes, label: bytes, seed: bytes, length: int) -> bytes:
    """The pseudorandom function of TLS 1.2 (RFC 5246 section 5): `length` bytes.

    hash: that of the cipher suite, as hashlib names it.

    >>> prf("sha256", b"secret", b"key expansion", b"seed", 8).hex()
    '124389dc488a0ac2'
    """
    seed = label + seed
    a, out = seed, b""
    while len(out) < length:
        a = hmac.digest(secret, a, hash)  # A(i) = HMAC(secret, A(i-1)), A(0) = seed
        out += hmac.digest(secret, a + seed, hash)
    return out[:length]


def hkdf_expand(hash: str, secret: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand (RFC 5869 section 2.3)."""
    block, out, count = b"", b"", 0
    while len(out) < length:
        count += 1
        block = hmac.digest(secret, block + info + bytes([count]), hash)
        out += block
    return out[:length]


def hkdf_expand_label(hash: str, secret: bytes, label: bytes, length: int) -> bytes:
    """HKDF-Expand-Label of TLS 1.3 (RFC 8446 section 7.1) with an empty context, as keys, IVs and updates have it.

    The server's handshake key of RFC 8448 section 3:

    >>> secret = bytes.fromhex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38")
    >>> hkdf_expand_label("sha256", secret, b"key", 16).hex()
    '3fce516009c21727d0f2e4e86ee403bc'
    """
    label = b"tls13 " + label
    info = length.to_bytes(2, "big") + bytes([len(label)]) + label + b"\0"
    return hkdf_expand(hash, secret, info, length)


def next_secret(hash: str, secret: bytes) -> bytes:
    """The traffic secret after a KeyUpdate (RFC 8446 section 7.2)."""
    return hkdf_expand_label(hash, secret, b"traffic upd", len(secret))
