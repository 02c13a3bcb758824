"""One direction of a TCP connection: which byte is due, and what came too early.

Each byte has a sequence number (RFC 9293 section 3.4), so segments that come out of order, twice or
overlapping can be put in order again.
"""

from __future__ import annotations

from bisect import bisect_left, insort

_MASK = 0xFFFFFFFF
NEVER = -(1 << 62)

# (position of the first byte, frame number, position acknowledged, time in ns, bytes)
Piece = tuple[int, int, int, int, bytes]


class Half:
    """One direction of a connection.

    next: position of the byte that is due; positions are sequence numbers that don't wrap at 2**32.
    """

    __slots__ = ("acked", "anchored", "fin", "first_ack", "low", "next", "packets", "pending", "start")

    def __init__(self) -> None:
        self.next = 0
        self.anchored = False  # is `next` certain?
        self.packets = 0
        self.start: int | None = None  # position of the very first byte, from a SYN
        self.low: int | None = None
        self.first_ack: int | None = None
        self.acked = NEVER
        self.fin: int | None = None
        self.pending: list[Piece] = []

    @property
    def heard(self) -> int:
        """What the other side can have acknowledged: a FIN counts for one (RFC 9293 section 3.4)."""
        return self.next + 1 if self.fin is not None and self.next >= self.fin else self.next

    def unwrap(self, seq: int) -> int:
        """The position nearest to where we are that has this 32-bit number (RFC 9293 section 3.4)."""
        return self.next + ((seq - self.next + 0x80000000) & _MASK) - 0x80000000

    def keep(self, start: int, data: bytes, ack: int, number: int, time_ns: int) -> int:
        """Hold data back; how many bytes were new. Where it overlaps what is held, the bytes seen first stay."""
        pending = self.pending
        end = start + len(data)
        at = start
        i = bisect_left(pending, (start,))
        if i and pending[i - 1][0] + len(pending[i - 1][4]) > start:
            i -= 1
        fresh: list[Piece] = []
        while i < len(pending) and pending[i][0] < end:
            old = pending[i]
            if old[0] > at:
                fresh.append((at, number, ack, time_ns, data[at - start : old[0] - start]))
            if ack < old[2]:  # a copy that was sent earlier: it waits for less
                pending[i] = (old[0], old[1], ack, old[3], old[4])
            at = max(at, old[0] + len(old[4]))
            i += 1
        if at < end:
            fresh.append((at, number, ack, time_ns, data[at - start :]))
        for piece in fresh:
            insort(pending, piece)
        return sum(len(piece[4]) for piece in fresh)


def reassemble(segments: list[tuple[int, bytes]], start: int | None = None) -> list[bytes | int]:
    """Put (sequence number, data) of one direction in order: the idea of this file in one function.

    Returns pieces of the stream: bytes, or an int, the number of bytes that are missing at that place.
    start: number of the first byte; without it, the earliest seen. Of two copies the first seen counts.

    >>> reassemble([(1004, b" rabbit"), (1000, b"PASS"), (1000, b"PASS")])
    [b'PASS rabbit']
    >>> reassemble([(0, b"PASS"), (10, b"t")])
    [b'PASS', 6, b't']
    """
    half = Half()
    if not segments:
        return []
    half.next = segments[0][0] if start is None else start
    for number, (seq, data) in enumerate(segments):
        at = half.unwrap(seq)
        if start is not None and at < start:
            data, at = data[start - at :], start
        half.keep(at, data, 0, number, 0)
    out: list[bytes | int] = []
    at = half.pending[0][0] if start is None and half.pending else half.next
    for position, _, _, _, data in half.pending:
        if position > at:
            out.append(position - at)
        if out and isinstance(out[-1], bytes):
            out[-1] += data
        else:
            out.append(data)
        at = position + len(data)
    return out
