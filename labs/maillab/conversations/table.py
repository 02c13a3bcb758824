"""All connections of a capture at once: each segment goes to the one it belongs to.

A segment of a connection that is under way only waits in the connection's queue; the queue is read when something
happens (SYN, FIN, RST) and at the end of each batch. So most packets cost no more than reading their headers, and a
dialogue is read in one go.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Iterator

from ..capture.batch import Batch
from ..capture.frame import ETHERNET
from .dialogue import Dialogue
from .fragments import Fragments
from .packets import ACK, FIN, RST, SYN, TCP, dissect
from .streams import Connection, Waiting

LINGER = 5_000  # frames for which a closed connection is remembered, so that late copies aren't taken for a new one
MAX_OPEN = 20_000  # connections; beyond, those silent for longest are closed

Open = Callable[[Connection], Dialogue]

# Most packets are TCP in IPv4 without options in Ethernet. At these places: EtherType, version, header length, TOS;
# total length; fragment, TTL, protocol; addresses and ports (the key of dissect()); seq; ack; header length and flags.
_common = struct.Struct(">12xIH2xI2x12sIIH").unpack_from
_NOTABLE = SYN | FIN | RST | ACK


class Table:
    """Hands segments to connections; `open` makes the sink of a new one. Memory is bounded by open connections."""

    def __init__(self, open: Open) -> None:
        self._open = open
        self._table: dict[bytes, tuple[Connection, int]] = {}
        self._queues: dict[bytes, tuple[list[Waiting], int]] = {}  # of connections that are under way
        self._closing: deque[tuple[int, Connection]] = deque()
        self._fragments = Fragments()
        self._count = 0
        self.finished: deque[Dialogue] = deque()

    def batch(self, batch: Batch) -> None:
        """Take the frames of a batch; connections that ended are in .finished afterwards."""
        buffer, numbers, marks = batch
        queue_of = self._queues.get
        count = self._count
        for number, (time_ns, linktype, at, kept, _) in zip(numbers, marks, strict=True):
            count += 1
            usual = False
            if linktype == ETHERNET and kept >= 54:
                shape, total, place, key, seq, ack, flags = _common(buffer, at)
                usual = shape & 0xFFFFFF00 == 0x08004500 and place & 0x3FFF00FF == TCP
            if usual:
                start = 34 + (flags >> 10 & 0x3C)
                end = 14 + total if total else kept
                if start < 54 or start > end:
                    continue
                data = buffer[at + start : at + (end if end < kept else kept)]
            else:
                frame = buffer[at : at + kept]
                parts = dissect(linktype, frame)
                if parts is None:
                    completed = self._fragments.add(linktype, frame, time_ns)
                    if completed is None:
                        continue
                    parts, frame = completed
                key, seq, ack, flags, start, end = parts
                data = frame[start:end]
            entry = queue_of(key)
            if entry and flags & _NOTABLE == ACK:
                queue, side = entry
                queue.append((side, seq, ack, data, number, time_ns))
            else:
                self._count = count
                self._segment(key, seq, ack, flags, data, number, time_ns)
        self._count = count
        self._catch_up()

    def _catch_up(self) -> None:
        """Everything that waits in a queue is read."""
        for connection, side in list(self._table.values()):
            if side == 0 and connection.queue:
                connection.catch_up()
        while self._closing and self._closing[0][0] < self._count:
            _, connection = self._closing.popleft()
            self._forget(connection)

    def _segment(self, key: bytes, seq: int, ack: int, flags: int, data: bytes, number: int, time_ns: int) -> None:
        """A segment with which something may begin or end."""
        if not flags & ACK:
            ack = 0
        entry = self._table.get(key)
        if entry and entry[0].remembered < self._count:
            self._forget(entry[0])
            entry = None
        elif entry and entry[0].closed and not flags & SYN:
            return  # a late copy
        if entry is None:
            if not data and not flags & SYN:
                return  # nothing to read in it: the rest of something that ended
            entry = self._new(key, number)
        elif flags & SYN and not flags & ACK and self._is_reuse(entry, seq):
            self._forget(entry[0])
            entry = self._new(key, number)
        connection, side = entry
        if connection.closed:
            return
        connection.segment(side, seq, ack, flags, data, number, time_ns)
        if flags & (FIN | RST):
            self._unqueue(connection)  # from now on, each segment may be the last
        if flags & RST or (connection.halves[side].fin is not None and connection.finished):
            connection.remembered = self._count + LINGER
            self._closing.append((connection.remembered, connection))
            if connection.finished:
                self._end(connection)

    def finish(self) -> None:
        """The capture is over: everything ends."""
        for connection, side in list(self._table.values()):
            if side == 0:
                self._end(connection)
        self._table.clear()
        self._queues.clear()

    def drain(self) -> Iterator[Dialogue]:
        """Take the dialogues that ended."""
        while self.finished:
            yield self.finished.popleft()

    def _new(self, key: bytes, number: int) -> tuple[Connection, int]:
        if len(self._table) >= 2 * MAX_OPEN:
            self._close_silent()
        connection = Connection(key, number)
        self._open(connection)
        back = connection.reverse
        self._table[back] = (connection, 1)
        self._queues[back] = (connection.queue, 1)
        self._queues[key] = (connection.queue, 0)
        entry = self._table[key] = (connection, 0)
        return entry

    def _is_reuse(self, entry: tuple[Connection, int], seq: int) -> bool:
        """Is this SYN the beginning of another connection between the same ports?"""
        connection, side = entry
        connection.catch_up()
        half = connection.halves[side]
        at = half.unwrap((seq + 1) & 0xFFFFFFFF)
        if half.start is not None:
            return at != half.start
        if half.anchored or connection.closed:
            return True
        return half.low is not None and not 0 <= half.low - at < 1 << 24

    def _end(self, connection: Connection) -> None:
        connection.catch_up()
        if not connection.closed and isinstance(connection.sink, Dialogue):
            connection.sink.close(connection.last_ns)
            self.finished.append(connection.sink)
            connection.sink = None
        self._unqueue(connection)

    def _unqueue(self, connection: Connection) -> None:
        if connection.queued:
            connection.queued = False
            for key in {connection.key, connection.reverse}:  # one, when somebody forged a packet to its own sender
                del self._queues[key]

    def _forget(self, connection: Connection) -> None:
        self._end(connection)
        for key in [connection.key, connection.reverse]:
            if key in self._table and self._table[key][0] is connection:
                del self._table[key]

    def _close_silent(self) -> None:
        self._catch_up()
        connections = {entry[0].key: entry[0] for entry in self._table.values()}
        for connection in sorted(connections.values(), key=lambda c: c.last)[: MAX_OPEN // 2]:
            self._forget(connection)
