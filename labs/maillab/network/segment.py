"""Who speaks to whom in a frame: the few header fields that listening itself has to know.

Scapy shows all of a packet, and takes longer for it than a frame takes to come in; this is for the moment in between.
"""

from __future__ import annotations

from typing import NamedTuple

FIN, SYN, RST = 1, 2, 4


class Ends(NamedTuple):
    """Both ends of a TCP segment as (address, port), and its flags (RFC 9293 section 3.1)."""

    source: tuple[bytes, int]
    target: tuple[bytes, int]
    flags: int


def ends_of(frame: bytes) -> Ends | None:
    """The ends of a frame that carries TCP over IPv4, after Ethernet's header or the loopback device's four bytes.

    >>> frame = bytes(12) + b"\\x08\\x00" + b"E" + bytes(8) + b"\\x06" + bytes(2) + b"\\x7f\\0\\0\\x01" * 2
    >>> ends_of(frame + b"\\0\\x6e\\x04\\xd2" + bytes(9) + b"\\x02" + bytes(6))
    Ends(source=(b'\\x7f\\x00\\x00\\x01', 110), target=(b'\\x7f\\x00\\x00\\x01', 1234), flags=2)
    >>> ends_of(b"something else") is None
    True
    """
    ip = frame[14:] if frame[12:14] == b"\x08\x00" else frame[4:]
    start = (ip[0] & 15) * 4 if ip else 0
    if len(ip) < start + 20 or ip[0] >> 4 != 4 or ip[9] != 6:
        return None
    port = [int.from_bytes(ip[at : at + 2], "big") for at in (start, start + 2)]
    return Ends((ip[12:16], port[0]), (ip[16:20], port[1]), ip[start + 13])
