"""Put fragments of an IP packet together again.

A packet that is too long for a link is cut up; each fragment says where its bytes belong, in units of eight, and
whether more follow (RFC 791 section 3.2, RFC 8200 section 4.5). Only the first one has the TCP header.

    | IP header: id 7, offset 0, more | TCP header, data … |
    | IP header: id 7, offset 1480    | … the rest         |
"""

from __future__ import annotations

import struct

from ..capture.frame import RAW
from .half import Half
from .packets import EXTENSIONS, FRAGMENT, TCP, Parts, dissect, ip_at

# What is held while fragments are missing: at most 256 packets of 64 KiB, each for a minute (RFC 8200 section 4.5).
MAX_PACKETS = 256
MAX_PIECES = 2000
MAX_AGE = 60 * 1_000_000_000
_u16 = struct.Struct(">H").unpack_from

# whose packet it is, IP header (as of a whole packet), offset in bytes, do more follow?, bytes, cut by the capture?
Fragment = tuple[bytes, bytes, int, bool, bytes, bool]


class Fragments:
    """Give it frames that hold no TCP segment; some complete a packet.

    Where fragments overlap, the bytes that came first stay (in IPv6 such packets shouldn't exist, RFC 5722).
    """

    def __init__(self) -> None:
        self._waiting: dict[bytes, _Packet] = {}

    def add(self, linktype: int, frame: bytes, time_ns: int) -> tuple[Parts, bytes] | None:
        """The TCP segment that this frame completes, and the packet it is in; else None."""
        fragment = fragment_of(linktype, frame)
        if fragment is None:
            return None
        key, header, offset, more, data, cut = fragment
        packet = self._waiting.get(key)
        if packet and abs(time_ns - packet.time_ns) > MAX_AGE:
            del self._waiting[key]  # the number was used again
            packet = None
        if packet is None:
            packet = self._waiting[key] = _Packet(time_ns)
            if len(self._waiting) > MAX_PACKETS:
                del self._waiting[next(iter(self._waiting))]
        packet.add(header, offset, more, data, cut)
        if not packet.complete:
            return None
        del self._waiting[key]
        whole = packet.whole()
        parts = dissect(RAW, whole)
        return (parts, whole) if parts else None


class _Packet:
    """The fragments of one packet."""

    def __init__(self, time_ns: int) -> None:
        self.time_ns = time_ns
        self._header = b""  # of the fragment with offset 0
        self._half = Half()
        self._have = 0
        self._size: int | None = None  # of all fragments together, told by the last

    def add(self, header: bytes, offset: int, more: bool, data: bytes, cut: bool) -> None:
        if offset == 0 and not self._header:
            self._header = header
        if not more and not cut and self._size is None:
            self._size = size = offset + len(data)
            # What came before and claims to be behind the end is nothing.
            kept = [(*piece[:4], piece[4][: size - piece[0]]) for piece in self._half.pending if piece[0] < size]
            self._half.pending = kept
            self._have = sum(len(piece[4]) for piece in kept)
        if self._size is not None:
            data = data[: max(0, self._size - offset)]
        if len(self._half.pending) < MAX_PIECES and data:
            self._have += self._half.keep(offset, data, 0, 0, 0)

    @property
    def complete(self) -> bool:
        return bool(self._header) and self._have == self._size

    def whole(self) -> bytes:
        """The packet as if it had never been cut up."""
        data = b"".join(piece[4] for piece in self._half.pending)
        if self._header[0] >> 4 == 4:
            # IPv4 counts the header, too; 0 where that doesn't fit, which dissect() takes for "up to the end".
            total = 20 + len(data)
            return self._header[:2] + struct.pack(">HHH", total & -(total < 65536), 0, 0) + self._header[8:] + data
        total = len(data)
        return self._header[:4] + struct.pack(">H", total & -(total < 65536)) + self._header[6:] + data


def fragment_of(linktype: int, frame: bytes) -> Fragment | None:
    """What a frame tells when it is a fragment that may be part of a TCP segment; else None. Never raises."""
    at, size = ip_at(linktype, frame), len(frame)
    if at < 0 or at + 20 > size:
        return None
    if frame[at] >> 4 == 4:
        place, start = _u16(frame, at + 6)[0], at + (frame[at] & 15) * 4
        if not place & 0x3FFF or frame[at + 9] != TCP or start < at + 20:
            return None
        end = at + _u16(frame, at + 2)[0]
        key = frame[at + 12 : at + 20] + frame[at + 4 : at + 6]
        # Options are left out: 5 words of header.
        header = bytes([0x45]) + frame[at + 1 : at + 20]
        return key, header, (place & 0x1FFF) * 8, bool(place & 0x2000), frame[start:end], end > size
    if frame[at] >> 4 == 6 and at + 40 <= size:
        return _ipv6(frame, at)
    return None


def _ipv6(frame: bytes, at: int) -> Fragment | None:
    kind, start, size = frame[at + 6], at + 40, len(frame)
    for _ in range(16):
        if start + 8 > size:
            return None
        if kind == FRAGMENT:
            place = _u16(frame, start + 2)[0]
            end = at + 40 + _u16(frame, at + 4)[0]
            key = frame[at + 8 : at + 40] + frame[start + 4 : start + 8]
            header = frame[at : at + 6] + frame[start : start + 1] + frame[at + 7 : at + 40]
            return key, header, place & 0xFFF8, bool(place & 1), frame[start + 8 : end], end > size
        if kind not in EXTENSIONS:
            return None
        kind, start = frame[start], start + (frame[start + 1] + 1) * 8
    return None
