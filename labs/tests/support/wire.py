"""Builds frames out of a conversation: what a network card would have seen, with right sequence numbers.

>>> talk = Talk()
>>> talk.open().server(b"+OK ready\\r\\n").client(b"QUIT\\r\\n").close()
<Talk of 9 frames>
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable
from pathlib import Path

from maillab.capture.frame import ETHERNET, LINUX_SLL, LINUX_SLL2, LOOP, NULL, RAW, Frame

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
LINKTYPES = (ETHERNET, LINUX_SLL, LINUX_SLL2, NULL, LOOP, RAW)
START_NS = 1_795_000_000_123_456_789


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def tcp_packet(
    source: tuple[str, int],
    target: tuple[str, int],
    seq: int,
    ack: int,
    flags: int,
    data: bytes,
    *,
    extensions: bytes = b"",
) -> bytes:
    """An IP packet with a TCP segment in it, checksums right. extensions: IPv6 headers before TCP (kind 0)."""
    a, b = ipaddress.ip_address(source[0]), ipaddress.ip_address(target[0])
    header = struct.pack(
        ">HHIIBBHHH", source[1], target[1], seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 5 << 4, flags, 65535, 0, 0
    )
    length = len(header) + len(data)
    pseudo = (
        a.packed
        + b.packed
        + (struct.pack(">BBH", 0, 6, length) if a.version == 4 else struct.pack(">IHBB", length, 0, 0, 6))
    )
    tcp = header[:16] + struct.pack(">H", checksum(pseudo + header + data)) + header[18:] + data
    if a.version == 6:
        kind = 0 if extensions else 6
        return (
            struct.pack(">IHBB", 6 << 28, len(extensions) + length, kind, 64) + a.packed + b.packed + extensions + tcp
        )
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + length, 1, 0x4000, 64, 6, 0) + a.packed + b.packed
    return ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:] + tcp


def link(linktype: int, packet: bytes) -> bytes:
    """The bytes that stand before an IP packet on this kind of link."""
    v6 = packet[0] >> 4 == 6
    kind = 0x86DD if v6 else 0x0800
    if linktype == ETHERNET:
        return b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01" + struct.pack(">H", kind) + packet
    if linktype == LINUX_SLL:
        return struct.pack(">HHH8sH", 0, 1, 6, b"\x02\0\0\0\0\x01", kind) + packet
    if linktype == LINUX_SLL2:
        return struct.pack(">HHIHBB8s", kind, 0, 1, 1, 0, 6, b"\x02\0\0\0\0\x01") + packet
    if linktype == NULL:
        return struct.pack("<I", 30 if v6 else 2) + packet
    if linktype == LOOP:
        return struct.pack(">I", 24 if v6 else 2) + packet
    return packet


class Talk:
    """A TCP connection that is being written down. sides: 0 client, 1 server."""

    def __init__(
        self,
        client: tuple[str, int] = ("192.0.2.10", 40001),
        server: tuple[str, int] = ("192.0.2.25", 110),
        *,
        linktype: int = ETHERNET,
        isn: tuple[int, int] = (1000, 70000),
        acks: bool = True,
        start_ns: int = START_NS,
    ) -> None:
        self.ends = (client, server)
        self.linktype = linktype
        self.next = [isn[0], isn[1]]
        self.acks = acks
        self.time_ns = start_ns
        self.frames: list[Frame] = []
        self.sides: list[int] = []  # who sent each frame

    def __repr__(self) -> str:
        return f"<Talk of {len(self.frames)} frames>"

    def packet(
        self, side: int, flags: int, data: bytes = b"", *, seq: int | None = None, ack: int | None = None
    ) -> Talk:
        """Any segment; sequence numbers as they are now unless given. Doesn't move them."""
        self.time_ns += 1_000_000
        seq = self.next[side] if seq is None else seq
        ack = (self.next[1 - side] if flags & ACK else 0) if ack is None else ack
        raw = tcp_packet(self.ends[side], self.ends[1 - side], seq, ack, flags, data)
        framed = link(self.linktype, raw)
        self.frames.append(Frame(len(self.frames) + 1, self.time_ns, self.linktype, framed, len(framed)))
        self.sides.append(side)
        return self

    def open(self) -> Talk:
        self.packet(0, SYN)
        self.next[0] += 1
        self.packet(1, SYN | ACK)
        self.next[1] += 1
        return self.packet(0, ACK)

    def say(self, side: int, data: bytes, sizes: Iterable[int] = ()) -> Talk:
        """Data, in segments of these sizes (the rest in one)."""
        sizes = iter(sizes)
        at = 0
        while at < len(data):
            part = data[at : at + next(sizes, 1400)]
            self.packet(side, PSH | ACK, part)
            self.next[side] += len(part)
            at += len(part)
        if self.acks:
            self.packet(1 - side, ACK)
        return self

    def client(self, data: bytes, sizes: Iterable[int] = ()) -> Talk:
        return self.say(0, data, sizes)

    def server(self, data: bytes, sizes: Iterable[int] = ()) -> Talk:
        return self.say(1, data, sizes)

    def close(self) -> Talk:
        for side in (0, 1):
            self.packet(side, FIN | ACK)
            self.next[side] += 1
        return self.packet(0, ACK)

    def play(self, lines: list[tuple[int, bytes]], size: int = 1400) -> Talk:
        """A whole dialogue, opened and closed."""
        self.open()
        for side, data in lines:
            self.say(side, data, [size] * (len(data) // size + 1))
        return self.close()


def renumber(frames: Iterable[Frame]) -> list[Frame]:
    """The same frames as another capture would number them."""
    return [frame._replace(number=number) for number, frame in enumerate(frames, 1)]


def interleave(*talks: Talk) -> list[Frame]:
    """Frames of several connections in one capture, by time."""
    return renumber(sorted((f for talk in talks for f in talk.frames), key=lambda frame: frame.time_ns))


def read_transcript(path: Path) -> tuple[str, list[tuple[int, bytes]], dict[str, list[str]]]:
    """A golden file: (its `C:`/`S:` text, [(side, bytes)], other sections: title -> lines).

    "C: ", "S: " begin a turn; lines indented by three blanks continue it; "#" is a comment; "== title" a section.
    """
    said: list[tuple[int, bytes]] = []
    text: list[str] = []
    sections: dict[str, list[str]] = {}
    section: list[str] | None = None
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("== "):
            section = sections.setdefault(line[3:], [])
        elif section is not None:
            if line.strip():
                section.append(line)
        elif line.startswith("#"):
            continue
        else:
            text.append(line)
            data = line[3:].encode() + b"\r\n"
            if line[:2] in ("C:", "S:"):
                said.append(("CS".index(line[0]), data))
            elif said:
                said[-1] = (said[-1][0], said[-1][1] + data)
    return "\n".join(text), said, sections
