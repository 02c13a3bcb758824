"""All connections of a capture at once: each frame goes to the one it belongs to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from ..capture.frame import Frame
from .dialogue import Dialogue
from .packets import ACK, RST, SYN, dissect
from .streams import Connection

LINGER = 5_000  # frames for which a closed connection is remembered, so that late copies aren't taken for a new one
MAX_OPEN = 20_000  # connections; beyond, those silent for longest are closed

Open = Callable[[Connection], Dialogue]


class Table:
    """Hands frames to connections; `open` makes the sink of a new one. Memory is bounded by open connections."""

    def __init__(self, open: Open) -> None:
        self._open = open
        self._table: dict[bytes, tuple[Connection, int]] = {}
        self._closing: deque[tuple[int, Connection]] = deque()
        self._count = 0
        self._time_ns = 0
        self.finished: deque[Dialogue] = deque()

    def frame(self, frame: Frame) -> None:
        """Take one frame; connections that ended are in .finished afterwards."""
        number, time_ns, linktype, data, _ = frame
        self._count += 1
        if self._closing and self._closing[0][0] < self._count:
            self._forget()
        parts = dissect(linktype, data)
        if parts is None:
            return
        key, seq, ack, flags, start, end = parts
        if not flags & ACK:
            ack = 0
        entry = self._table.get(key)
        if entry is None:
            if start == end and not flags & SYN:
                return  # nothing to read in it: the rest of something that ended
            entry = self._new(key, number)
        elif flags & SYN and not flags & ACK and self._is_reuse(entry, seq):
            self._end(entry[0], time_ns)
            self._remove(entry[0])
            entry = self._new(key, number)
        connection, side = entry
        self._time_ns = time_ns
        if connection.closed:
            return
        connection.segment(side, seq, ack, flags, data[start:end], number, time_ns)
        if flags & RST or (connection.halves[side].fin is not None and connection.finished):
            self._closing.append((self._count + LINGER, connection))
            if connection.finished:
                self._end(connection, time_ns)

    def finish(self) -> None:
        """The capture is over: everything ends."""
        for connection, side in list(self._table.values()):
            if side == 0:
                self._end(connection, self._time_ns)
        self._table.clear()

    def drain(self) -> Iterator[Dialogue]:
        """Take the dialogues that ended."""
        while self.finished:
            yield self.finished.popleft()

    def _new(self, key: bytes, number: int) -> tuple[Connection, int]:
        if len(self._table) >= 2 * MAX_OPEN:
            self._close_silent()
        connection = Connection(key, number)
        self._open(connection)
        self._table[_reverse(key)] = (connection, 1)
        entry = self._table[key] = (connection, 0)
        return entry

    def _is_reuse(self, entry: tuple[Connection, int], seq: int) -> bool:
        """Is this SYN the beginning of another connection between the same ports?"""
        connection, side = entry
        half = connection.halves[side]
        at = half.unwrap((seq + 1) & 0xFFFFFFFF)
        if half.start is not None:
            return at != half.start
        if half.anchored or connection.closed:
            return True
        return half.low is not None and not 0 <= half.low - at < 1 << 24

    def _end(self, connection: Connection, time_ns: int) -> None:
        if not connection.closed and isinstance(connection.sink, Dialogue):
            connection.sink.close(time_ns)
            self.finished.append(connection.sink)
            connection.sink = None

    def _remove(self, connection: Connection) -> None:
        for key in [connection.key, _reverse(connection.key)]:
            if key in self._table and self._table[key][0] is connection:
                del self._table[key]

    def _forget(self) -> None:
        while self._closing and self._closing[0][0] < self._count:
            _, connection = self._closing.popleft()
            self._end(connection, self._time_ns)
            self._remove(connection)

    def _close_silent(self) -> None:
        connections = {entry[0].key: entry[0] for entry in self._table.values()}
        for connection in sorted(connections.values(), key=lambda c: c.last)[: MAX_OPEN // 2]:
            self._end(connection, self._time_ns)
            self._remove(connection)


def _reverse(key: bytes) -> bytes:
    size = (len(key) - 4) // 2
    return key[size : 2 * size] + key[:size] + key[-2:] + key[-4:-2]
