"""From a frame to its TCP segment: cut off Ethernet, IP and TCP headers, each with struct.

    | Ethernet, cooked, loopback … | IPv4 or IPv6 | TCP | data |

Sources: RFC 791 (IPv4), RFC 8200 (IPv6), RFC 9293 (TCP), IEEE 802.1Q (VLAN), RFC 2516 (PPPoE), RFC 3032 (MPLS).
A fragment of a packet is no segment; fragments.py puts them together first.
"""

from __future__ import annotations

import ipaddress
import struct
from typing import NamedTuple

from ..capture.frame import (
    ETHERNET,
    IPV4,
    IPV6,
    LINUX_SLL,
    LINUX_SLL2,
    LOOP,
    NULL,
    PPP,
    PPP_HDLC,
    RAW,
    Frame,
)  # fmt: skip

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10

_tcp = struct.Struct(">IIBB").unpack_from  # from byte 4 of the header: seq, ack, offset, flags
_names = struct.Struct(">8B2H").unpack
_u16 = struct.Struct(">H").unpack_from
_VLANS = (0x8100, 0x88A8, 0x9100)
_MPLS = (0x8847, 0x8848)  # RFC 3032
_PPP = {0x0021: 0x0800, 0x0057: 0x86DD, 0x0281: 0x8847}  # PPP's numbers -> EtherType
TCP, FRAGMENT = 6, 44
# IPv6 headers that may stand before TCP (RFC 8200 section 4): hop-by-hop, routing, destination, mobility.
EXTENSIONS = (0, 43, 60, 135)

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
    at = ip_at(linktype, data)
    if at < 0 or at + 20 > size:
        return None
    version = data[at] >> 4
    if version == 4:
        ihl = (data[at] & 15) * 4
        # Not TCP, or a fragment (its TCP header, if any, doesn't speak for its data).
        if data[at + 9] != TCP or ihl < 20 or (data[at + 6] & 0x3F) or data[at + 7]:
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


def ip_at(linktype: int, data: bytes) -> int:
    """Where the IP header begins, -1 when none does."""
    size = len(data)
    if linktype == ETHERNET:
        at, kind = 14, _u16(data, 12)[0] if size >= 14 else 0
    elif linktype in (RAW, IPV4, IPV6, 12, 14):  # 12 and 14: what some systems write for RAW
        return 0
    elif linktype in (NULL, LOOP):
        # A family number of the capturing machine, in its byte order: IP's own version decides.
        return 4
    elif linktype == LINUX_SLL:
        at, kind = 16, _u16(data, 14)[0] if size >= 16 else 0
    elif linktype == LINUX_SLL2:
        at, kind = 20, _u16(data, 0)[0] if size >= 20 else 0
    elif linktype in (PPP, PPP_HDLC):
        at = 2 if data.startswith(b"\xff\x03") else 0  # address and control may be left out (RFC 1662)
        at, kind = at + 2, _PPP.get(_u16(data, at)[0], 0) if size >= at + 2 else 0
    else:
        return -1
    while True:
        if kind in (0x0800, 0x86DD):
            return at
        if kind in _VLANS and at + 4 <= size:  # tags may be stacked
            at, kind = at + 4, _u16(data, at + 2)[0]
        elif kind == 0x8864 and at + 8 <= size:  # PPPoE session: 6 bytes, then PPP's protocol
            at, kind = at + 8, _PPP.get(_u16(data, at + 6)[0], 0)
        elif kind in _MPLS and at + 4 <= size:
            # Labels up to the one with the bottom bit; what is behind them nobody says: IP, or something else.
            bottom = data[at + 2] & 1
            at += 4
            if bottom:
                return at if at < size and data[at] >> 4 in (4, 6) else -1
        else:
            return -1


def _skip_extensions(data: bytes, at: int) -> int:
    """Where TCP begins in an IPv6 packet, -1 when it doesn't."""
    size = len(data)
    if at + 40 > size:
        return -1
    kind = data[at + 6]
    at += 40
    for _ in range(16):
        if kind == TCP:
            return at
        if at + 8 > size:
            return -1
        if kind in EXTENSIONS:
            step = (data[at + 1] + 1) * 8
        elif kind == 51:  # authentication header (RFC 4302) counts in words
            step = (data[at + 1] + 2) * 4
        elif kind == FRAGMENT and not _u16(data, at + 2)[0] & 0xFFF9:  # a fragment that is the whole packet
            step = 8
        else:
            return -1
        kind = data[at]
        at += step
    return -1
