"""TLS: what stays visible of it from outside, and how it is read with a key log.

    records -> handshake -> Visible (outside)                   what anybody on the path sees
    records + key log -> keys (prf) -> ciphers -> decrypt       what the owner of the keys sees

No I/O but reading a key log. Records come from turns of kind "tls" (conversations); follow() and findings() take a key
log and do the rest. Memory: handshake messages up to 256 KiB; the records that a conversation holds anyway.
"""

from .keylog import KeyLog, KeyLogError
from .outside import Visible, visible
from .records import Record, describe_tls, looks_like_tls

__all__ = ["KeyLog", "KeyLogError", "Record", "Visible", "describe_tls", "looks_like_tls", "visible"]
