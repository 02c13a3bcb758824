"""Keys of SSH: how people compare them, and how to make one."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True)
class KeyPair:
    """Both halves as OpenSSH keeps them in files; ``repr`` doesn't show the private one."""

    public: str
    private: str = field(repr=False)


def fingerprint(public: str) -> str:
    """What OpenSSH shows of a public key, so that people can compare it: the SHA-256 of its octets.

    Args:
        public: the line of a ``.pub`` file: type, octets in base64 (RFC 4253 section 6.6), perhaps a comment.

    >>> fingerprint("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl github.com")
    'SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU'
    """
    octets = base64.b64decode(public.split()[1])
    return "SHA256:" + base64.b64encode(hashlib.sha256(octets).digest()).decode().rstrip("=")


def new_key() -> KeyPair:
    """A new pair of Ed25519 keys (RFC 8709).

    >>> new_key().public.split()[0]
    'ssh-ed25519'
    """
    from cryptography.hazmat.primitives import serialization  # here: who only compares keys needs none of it
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    return KeyPair(public.decode(), private.decode())
