"""A router with one address for everybody behind it: network address and port translation (RFC 3022 section 2.2).

    inside                                          outside
    10.0.2.10:40312 -> 192.0.2.25:110   becomes   192.0.2.1:50001 -> 192.0.2.25:110
    10.0.2.10:40312 <- 192.0.2.25:110   becomes   192.0.2.1:50001 <- 192.0.2.25:110   on the way back

Each connection from inside gets a port of the router's own, and the table of these is all it knows. So whoever is
outside can't tell the hosts inside apart by their address; and what isn't in the table doesn't come in.

TCP over IPv4 only, which is all that a mail lab needs. In the sandbox this file runs as a program on the host
``gate``, with the standard library alone. The kernel there has no IP address, hence answers nothing by itself, neither
ARP nor (with RST) a segment for a port that it never heard of: all that gate says is said here.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

FIN, SYN, RST, ACK = 1, 2, 4, 16
IPV4, ARP = b"\x08\x00", b"\x08\x06"
BROADCAST = b"\xff" * 6
ETH_P_ALL = 3
FIRST_PORT = 50001
IDLE = 7440.0
"""Seconds for which a connection may be silent: 2 hours 4 minutes (RFC 5382 section 5)."""
SETTLING = 240.0
"""The same for one that nobody outside has answered (RFC 5382 section 5), or in which the last word was an RST: it may
be forged, so that the other side doesn't believe it (RFC 7857 section 2.2)."""
OVER = 2.0
"""Seconds for which one that has ended is remembered, for the last ACK and whatever has to be sent again."""
HELD = 16
"""Packets that wait for an answer to ARP, for each address."""


class End(NamedTuple):
    """One end of a connection.

    >>> print(End(bytes([10, 0, 2, 10]), 40312))
    10.0.2.10:40312
    """

    address: bytes
    port: int

    def __str__(self) -> str:
        return f"{socket.inet_ntoa(self.address)}:{self.port}"


@dataclass
class Entry:
    """A row of the table: ``inside`` speaks with ``target``, which sees it as ``outside``."""

    inside: End
    outside: End
    target: End
    used: float = 0.0
    finished: set[str] = field(default_factory=set)
    answered: bool = False
    reset: bool = False

    @property
    def over(self) -> bool:
        """Both sides have sent a FIN."""
        return len(self.finished) == 2

    @property
    def patience(self) -> float:
        """Seconds for which it may be silent."""
        return OVER if self.over else IDLE if self.answered and not self.reset else SETTLING


class Table:
    """Which connection from inside has which port outside.

    >>> table, alice, mallory = Table(b"\\xc0\\0\\2\\1"), End(b"\\n\\0\\2\\n", 40312), End(b"\\n\\0\\2B", 40312)
    >>> mail = End(b"\\xc0\\0\\2\\x19", 110)
    >>> print(table.outward(alice, mail, SYN).outside, table.outward(mallory, mail, SYN).outside)
    192.0.2.1:50001 192.0.2.1:50002
    >>> print(table.inward(mail, 50002, SYN | ACK).inside)
    10.0.2.66:40312
    """

    def __init__(self, address: bytes, clock: Callable[[], float] = time.monotonic) -> None:
        self._address, self._clock = address, clock
        self._ports = itertools.cycle(range(FIRST_PORT, 65536))
        self._by_inside: dict[tuple[End, End], Entry] = {}
        self._by_port: dict[int, Entry] = {}

    def outward(self, inside: End, target: End, flags: int) -> Entry | None:
        """The entry for a segment on its way out; a SYN makes a new one. None: drop it."""
        entry = self._by_inside.get((inside, target))
        if flags & SYN and not flags & ACK and (entry is None or entry.over):
            self._forget()
            if entry is not None:
                self._drop(entry)
            if len(self._by_port) == 65536 - FIRST_PORT:
                return None  # all ports are in use
            port = next(port for port in self._ports if port not in self._by_port)
            entry = Entry(inside, End(self._address, port), target)
            self._by_inside[inside, target] = self._by_port[port] = entry
        return self._note(entry, "inside", flags)

    def inward(self, source: End, port: int, flags: int) -> Entry | None:
        """The entry for a segment that came from outside to one of our ports. None: nobody asked for it, drop it."""
        entry = self._by_port.get(port)
        return self._note(entry, "outside", flags) if entry is not None and entry.target == source else None

    def rows(self) -> list[Entry]:
        """All of it, the oldest connection first."""
        self._forget()
        return list(self._by_inside.values())

    def _note(self, entry: Entry | None, who: str, flags: int) -> Entry | None:
        if entry is not None:
            entry.used = self._clock()
            entry.finished |= {who} if flags & FIN else set()
            entry.reset = bool(flags & RST)
            entry.answered |= who == "outside" and not entry.reset
        return entry

    def _forget(self) -> None:
        now = self._clock()
        for entry in list(self._by_inside.values()):
            if now - entry.used > entry.patience:
                self._drop(entry)

    def _drop(self, entry: Entry) -> None:
        self._by_inside.pop((entry.inside, entry.target), None)
        self._by_port.pop(entry.outside.port, None)


def adjust(checksum: int, old: bytes, new: bytes) -> int:
    """The Internet checksum after some of the octets under it have changed (RFC 1624 section 3, whose example this is).

    >>> hex(adjust(0xDD2F, b"\\x55\\x55", b"\\x32\\x85"))
    '0x0'
    """
    total = ~checksum & 0xFFFF
    for (before,), (after,) in zip(struct.iter_unpack("!H", old), struct.iter_unpack("!H", new), strict=True):
        total += (~before & 0xFFFF) + after
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Segment:
    """An IPv4 packet with TCP in it (RFC 791 section 3.1, RFC 9293 section 3.1), to be read and changed in place."""

    def __init__(self, packet: bytearray) -> None:
        self.packet = packet
        self._tcp = (packet[0] & 15) * 4

    @property
    def source(self) -> End:
        return self._end(0)

    @source.setter
    def source(self, end: End) -> None:
        self._replace(0, end)

    @property
    def target(self) -> End:
        return self._end(1)

    @target.setter
    def target(self, end: End) -> None:
        self._replace(1, end)

    @property
    def flags(self) -> int:
        return self.packet[self._tcp + 13]

    def age(self) -> bool:
        """One hop more (RFC 1812 section 5.3.1); False when it has come too far and must be dropped."""
        if self.packet[8] <= 1:
            return False
        self._put(8, bytes([self.packet[8] - 1, self.packet[9]]), 10)
        return True

    def _end(self, which: int) -> End:
        at, port = 12 + 4 * which, self._tcp + 2 * which
        return End(bytes(self.packet[at : at + 4]), int.from_bytes(self.packet[port : port + 2], "big"))

    def _replace(self, which: int, end: End) -> None:
        # TCP's checksum covers the addresses, too (its "pseudo-header"), IP's only IP's own header.
        self._put(12 + 4 * which, end.address, 10, self._tcp + 16)
        self._put(self._tcp + 2 * which, end.port.to_bytes(2, "big"), self._tcp + 16)

    def _put(self, at: int, new: bytes, *checksums: int) -> None:
        old = bytes(self.packet[at : at + len(new)])
        for place in checksums:
            now = int.from_bytes(self.packet[place : place + 2], "big")
            self.packet[place : place + 2] = adjust(now, old, new).to_bytes(2, "big")
        self.packet[at : at + len(new)] = new


def segment_in(packet: bytes) -> Segment | None:
    """The segment in an IP packet; None for whatever isn't a whole one (not TCP, a fragment, cut off)."""
    if len(packet) < 20 or packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_TCP:
        return None
    header, length = (packet[0] & 15) * 4, int.from_bytes(packet[2:4], "big")
    fragment = int.from_bytes(packet[6:8], "big") & 0x3FFF
    if fragment or header < 20 or not header + 20 <= length <= len(packet):
        return None
    return Segment(bytearray(packet[:length]))  # a short frame is padded


class Side:
    """One of the router's two cards: its address, and whose card has which address there (ARP, RFC 826)."""

    def __init__(self, device: str, address: str) -> None:
        self.card = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.card.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.card.bind((device, ETH_P_ALL))
        self.mac: bytes = self.card.getsockname()[4]
        self.address = socket.inet_aton(address)
        self._neighbours: dict[bytes, bytes] = {}
        self._held: dict[bytes, list[bytes | bytearray]] = {}

    def receive(self) -> bytes | None:
        """The IP packet in the next frame; None if there is none in it, or it isn't for us."""
        frame = self.card.recv(65535)
        if frame[:6] not in (self.mac, BROADCAST):
            return None  # a hub lets us hear everybody's
        if frame[12:14] == ARP and len(frame) >= 42:
            self._learn(*struct.unpack("!H6s4s6s4s", frame[20:42]))
        return frame[14:] if frame[12:14] == IPV4 else None

    def send(self, packet: bytes | bytearray, to: bytes) -> None:
        """Send an IP packet to the host with this address, once it is known which card has it."""
        if to in self._neighbours:
            self._put(self._neighbours[to], IPV4, packet)
            return
        held = self._held.setdefault(to, [])
        del held[: len(held) + 1 - HELD]
        held.append(packet)
        self._arp(1, BROADCAST, bytes(6), to)

    def _learn(self, op: int, mac: bytes, address: bytes, _: bytes, target: bytes) -> None:
        """What RFC 826 says, in its order: note the sender first, whatever he wants; nobody checks that it's true."""
        if address in self._neighbours or target == self.address:
            self._neighbours[address] = mac
            for packet in self._held.pop(address, []):
                self._put(mac, IPV4, packet)
        if op == 1 and target == self.address:
            self._arp(2, mac, mac, address)

    def _arp(self, op: int, to: bytes, mac: bytes, address: bytes) -> None:
        body = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, op, self.mac, self.address, mac, address)
        self._put(to, ARP, body + bytes(18))

    def _put(self, to: bytes, kind: bytes, data: bytes | bytearray) -> None:
        with contextlib.suppress(OSError):  # a full queue: the packet is lost, and TCP sends it again
            self.card.send(to + self.mac + kind + data)


def main(inside_address: str, outside_address: str) -> None:
    """Route until stdin ends; each line there is answered with the table, as one line of JSON."""
    inside, outside = Side("inside", inside_address), Side("outside", outside_address)
    table = Table(outside.address)
    sources: list[Any] = [inside.card, outside.card, 0]
    while True:
        ready, _, _ = select.select(sources, [], [])
        if inside.card in ready and (segment := segment_in(inside.receive() or b"")) and segment.age():
            entry = table.outward(segment.source, segment.target, segment.flags)
            if entry:
                segment.source = entry.outside
                outside.send(segment.packet, entry.target.address)
        if outside.card in ready and (segment := segment_in(outside.receive() or b"")) and segment.age():
            entry = table.inward(segment.source, segment.target.port, segment.flags)
            if entry:
                segment.target = entry.inside
                inside.send(segment.packet, entry.inside.address)
        if 0 in ready:
            if not os.read(0, 1):
                return
            rows = [{"inside": str(e.inside), "outside": str(e.outside), "target": str(e.target)} for e in table.rows()]
            print(json.dumps(rows), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
