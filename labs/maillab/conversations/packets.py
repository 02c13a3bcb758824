"""From a frame to its TCP segment: cut off Ethernet, IP and TCP headers, each with struct.

    | Ethernet, cooked, loopback … | IPv4 or IPv6 | TCP | data |

Sources: RFC 791 (IPv4), RFC 8200 (IPv6), RFC 9293 (TCP), IEEE 802.1Q (VLAN), RFC 2516 (PPPoE).
"""

from __future__ import annotations

import ipaddress
import struct
from typing import NamedTuple

from ..capture.frame import ETHERNET, IPV4, IPV6, LINUX_SLL, LINUX_SLL2, LOOP, NULL, RAW, Frame

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10

_tcp = struct.Struct(">IIBB").unpack_from  # from byte 4 of the header: seq, ack, offset, flags
_names = struct.Struct(">8B2H").unpack
_u16 = struct.Struct(">H").unpack_from
_VLANS = (0x8100, 0x88A8, 0x9100)
# IPv6 headers that may stand before TCP (RFC 8200 section 4): hop-by-hop, routing, destination, mobility.
_EXTENSIONS = (0, 43, 60, 135)

Parts = tuple[bytes, int, int, int, int, int]


class Segment(NamedTuple):
    """One TCP segment: who to whom, sequence numbers, flags, data.

    source, target: "192.0.2.10:40001" or "[2001:db8::1]:110". seq, ack: 32-bit numbers. flags: FIN 1, SYN 2,
    RST 4, PSH 8, ACK 16.
    """

    source: str
    target: str
    seq: int
    ack: int
    flags: int
    data: bytes


def segment_of(frame: Frame) -> Segment | None:
    """The TCP segment in a frame, None when there is none (UDP, ARP, a cut header, a fragment)."""
    parts = dissect(frame.linktype, frame.data)
    if parts is None:
        return None
    key, seq, ack, flags, start, end = parts
    source, target = names_of(key)
    return Segment(source, target, seq, ack, flags, frame.data[start:end])


def names_of(key: bytes) -> tuple[str, str]:
    """Both ends of a key of dissect(): ("ip:port", "ip:port"), sender first.

    >>> names_of(bytes([192, 0, 2, 10, 192, 0, 2, 25]) + bytes([156, 65, 0, 110]))
    ('192.0.2.10:40001', '192.0.2.25:110')
    """
    if len(key) == 12:
        a, b, c, d, e, f, g, h, source_port, target_port = _names(key)
        return f"{a}.{b}.{c}.{d}:{source_port}", f"{e}.{f}.{g}.{h}:{target_port}"
    size = (len(key) - 4) // 2
    source, target = ipaddress.ip_address(key[:size]), ipaddress.ip_address(key[size : 2 * size])
    ports = struct.unpack(">HH", key[-4:])
    return f"[{source}]:{ports[0]}", f"[{target}]:{ports[1]}"


def dissect(linktype: int, data: bytes) -> Parts | None:
    """(key, seq, ack, flags, start, end) of a frame; its data is data[start:end].

    key: source address, target address, source port, target port as they stand in the packet. This is the
    bulk path, called for each packet: no objects, no exceptions, whatever the bytes are.
    """
    size = len(data)
    if linktype == ETHERNET:
        if size < 34:
            return None
        kind = data[12] << 8 | data[13]
        at = 14
        while kind in _VLANS and at + 4 <= size:
            kind = data[at + 2] << 8 | data[at + 3]
            at += 4
        if kind == 0x8864:  # PPPoE session: 6 bytes, then PPP's protocol
            if at + 8 > size:
                return None
            kind = {0x0021: 0x0800, 0x0057: 0x86DD}.get(_u16(data, at + 6)[0], 0)
            at += 8
        if kind != 0x0800 and kind != 0x86DD:
            return None
    else:
        at = _skip_link(linktype, data)
        if at < 0:
            return None
    if at + 20 > size:
        return None
    version = data[at] >> 4
    if version == 4:
        ihl = (data[at] & 15) * 4
        # Not TCP, or a fragment (its TCP header, if any, doesn't speak for its data).
        if data[at + 9] != 6 or ihl < 20 or (data[at + 6] & 0x3F) or data[at + 7]:
            return None
        tcp = at + ihl
        total = data[at + 2] << 8 | data[at + 3]
        # Total length 0: the card was to do the cutting (TSO), so the frame's own length counts.
        end = at + total if total else size
        addresses = data[at + 12 : at + 20]
    elif version == 6:
        tcp = _skip_extensions(data, at)
        if tcp < 0:
            return None
        total = data[at + 4] << 8 | data[at + 5]
        end = at + 40 + total if total else size
        addresses = data[at + 8 : at + 40]
    else:
        return None
    if tcp + 20 > size or tcp + 20 > end:
        return None
    seq, ack, offset, flags = _tcp(data, tcp + 4)
    start = tcp + (offset >> 4) * 4
    if start < tcp + 20 or start > end:
        return None
    return addresses + data[tcp : tcp + 4], seq, ack, flags, start, end if end < size else size


def _skip_link(linktype: int, data: bytes) -> int:
    """Where the IP header begins, -1 when none does."""
    size = len(data)
    if linktype in (RAW, IPV4, IPV6, 12, 14):  # 12 and 14: what some systems write for RAW
        return 0
    if linktype in (NULL, LOOP):
        # A family number of the capturing machine, in its byte order: IP's own version decides.
        return 4
    if linktype == LINUX_SLL:
        at, kind = 16, _u16(data, 14)[0] if size >= 16 else 0
    elif linktype == LINUX_SLL2:
        at, kind = 20, _u16(data, 0)[0] if size >= 20 else 0
    else:
        return -1
    while kind in _VLANS and at + 4 <= size:
        kind = _u16(data, at + 2)[0]
        at += 4
    return at if kind in (0x0800, 0x86DD) else -1


def _skip_extensions(data: bytes, at: int) -> int:
    """Where TCP begins in an IPv6 packet, -1 when it doesn't."""
    size = len(data)
    if at + 40 > size:
        return -1
    kind = data[at + 6]
    at += 40
    for _ in range(16):
        if kind == 6:
            return at
        if at + 8 > size:
            return -1
        if kind in _EXTENSIONS:
            step = (data[at + 1] + 1) * 8
        elif kind == 51:  # authentication header (RFC 4302) counts in words
            step = (data[at + 1] + 2) * 4
        elif kind == 44 and not _u16(data, at + 2)[0] & 0xFFF9:  # a fragment that is the whole packet
            step = 8
        else:
            return -1
        kind = data[at]
        at += step
    return -1
