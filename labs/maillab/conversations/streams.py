"""Follow a stream: put the segments of a TCP connection back in order, both directions.

Segments arrive reordered, twice, overlapping, or never. Each byte has a sequence number (RFC 9293 section
3.4), so the order can be restored; each segment also acknowledges what its sender had received by then, which
tells in what order the two sides spoke. What never came is reported as a gap and never invented.
"""

from __future__ import annotations

from typing import Protocol

from .half import NEVER, Half
from .packets import ACK, FIN, RST, SYN

# Limits of what one connection may hold back while it waits for a missing segment.
MAX_PENDING = 4 << 20  # bytes
MAX_PIECES = 4096
# A capture that began in the middle: after so many frames no SYN will come any more.
PATIENCE = 200
FOREVER = 1 << 62
_MASK = 0xFFFFFFFF

# side, seq, ack, data, frame number, time in ns: a segment without SYN, FIN or RST that acknowledges something
Waiting = tuple[int, int, int, bytes, int, int]


class Sink(Protocol):
    """What a connection tells, in the order in which it was said. Side 0 opened the connection, if known."""

    def data(self, side: int, data: bytes, number: int, time_ns: int) -> None: ...

    def gap(self, side: int, missing: int, number: int, time_ns: int) -> None: ...


class Connection:
    """A TCP connection seen from outside; calls its sink with bytes in order.

    key: source and target as in the first segment seen (packets.dissect), whose sender is side 0.
    """

    __slots__ = (
        "closed", "first", "frames", "halves", "key", "last", "last_ns", "opener", "queue", "queued", "remembered",
        "reset", "reverse", "sink", "size",
    )  # fmt: skip

    def __init__(self, key: bytes, number: int) -> None:
        self.key = key
        size = (len(key) - 4) // 2
        self.reverse = key[size : 2 * size] + key[:size] + key[-2:] + key[-4:-2]  # the same, from the other side
        self.first = self.last = number
        self.last_ns = 0  # time of that frame
        self.frames = 0
        self.halves = (Half(), Half())
        self.reset = self.closed = False
        self.size = 0  # bytes held back
        self.opener: int | None = None  # the side that sent the SYN; None: the capture began later
        self.sink: Sink | None = None
        self.queue: list[Waiting] = []  # segments that came and weren't looked at yet
        self.queued = True  # do segments go there?
        self.remembered = FOREVER  # until the capture has so many frames (set when it has ended)

    def segment(self, side: int, seq: int, ack: int, flags: int, data: bytes, number: int, time_ns: int) -> None:
        """Take one segment. Never raises, whatever the numbers are."""
        if flags & (SYN | FIN | RST | ACK) == ACK:
            self.queue.append((side, seq, ack, data, number, time_ns))
            self.catch_up()
            return
        self.catch_up()
        if not self.closed:
            self.frames += 1
            self.halves[side].packets += 1
            self.last, self.last_ns = number, time_ns
            self._carefully(side, seq, ack, flags, data, number, time_ns)

    def catch_up(self) -> None:
        """Look at the segments in the queue."""
        if not self.queue:
            return
        halves, sink = self.halves, self.sink
        if self.closed:
            self.queue.clear()  # late copies of something that was handed out
            return
        for side, seq, ack, data, number, time_ns in self.queue:
            mine, other = halves[side], halves[1 - side]
            self.frames += 1
            mine.packets += 1
            if mine.anchored and other.anchored and not mine.pending:
                # The usual case: the next bytes, and nothing they answer is missing.
                ahead = (ack - other.next) & _MASK
                if not data:
                    if 0 < ahead <= 0x7FFFFFFF:
                        other.acked = max(other.acked, other.next + ahead)
                    continue
                if seq == mine.next & _MASK and (not ahead or ahead > 0x7FFFFFFF):
                    mine.next += len(data)
                    if sink:
                        sink.data(side, data, number, time_ns)
                    if other.pending:
                        self._drain()
                    continue
            self._carefully(side, seq, ack, ACK, data, number, time_ns)
        self.last, self.last_ns = number, time_ns
        self.queue.clear()

    def _carefully(self, side: int, seq: int, ack: int, flags: int, data: bytes, number: int, time_ns: int) -> None:
        mine, other = self.halves[side], self.halves[1 - side]
        if flags & SYN:
            seq = (seq + 1) & _MASK  # the SYN itself has a number, data begins after it
            self.opener = 1 - side if flags & ACK else side
        if mine.packets == 1 and mine.first_ack is None and not mine.anchored:
            mine.next = seq
        at = mine.unwrap(seq)
        mine.low = at if mine.low is None else min(mine.low, at)
        if flags & SYN and not mine.anchored:
            mine.start = mine.next = at
            mine.anchored = True
        acked = NEVER
        if flags & ACK:
            if not other.packets and other.first_ack is None:
                other.next = ack
            acked = other.unwrap(ack)
            if flags & SYN and not other.anchored:
                other.start = other.next = acked
                other.anchored = True
            other.first_ack = acked if other.first_ack is None else min(other.first_ack, acked)
            other.acked = max(other.acked, acked)
        if flags & FIN and mine.fin is None:
            mine.fin = at + len(data)
        if flags & RST:
            self.reset = True
        if data and at - mine.next < 1 << 30:
            if mine.anchored and at < mine.next:  # seen before: keep what is new
                data = data[mine.next - at :]
                at = mine.next
            if data:
                self.size += mine.keep(at, data, acked, number, time_ns)
        if self.frames > PATIENCE:
            self._anchor()
        self._drain()

    def _anchor(self) -> None:
        """No SYN came: begin with the earliest byte that was seen, or acknowledged."""
        for half in self.halves:
            if not half.anchored and (half.low is not None or half.first_ack is not None):
                half.next = half.low if half.low is not None else half.first_ack or 0
                half.anchored = True

    def _drain(self, final: bool = False) -> None:
        """Hand out what is due; when too much is held back (or at the end), step over what is missing."""
        while self.halves[0].pending or self.halves[1].pending:
            if self._ready(0) or self._ready(1):
                continue
            fronts = [side for side in (0, 1) if self.halves[side].pending and self.halves[side].anchored]
            if not fronts:
                return
            due = [s for s in fronts if self.halves[s].pending[0][0] <= self.halves[s].next]
            if len(due) == 2:
                # Each waits for the other (a retransmission acknowledges more): older frame first.
                self._hand_out(min(due, key=lambda s: self.halves[s].pending[0][1]))
                continue
            pieces = len(self.halves[0].pending) + len(self.halves[1].pending)
            alone = bool(due) and not self.halves[1 - due[0]].packets and self.frames > PATIENCE
            if not (final or alone or self.size > MAX_PENDING or pieces > MAX_PIECES):
                return
            self._step_over(min(due or fronts, key=lambda s: self.halves[s].pending[0][1]))

    def _ready(self, side: int) -> bool:
        half, other = self.halves[side], self.halves[1 - side]
        moved = False
        while half.anchored and half.pending:
            start, _, ack, _, _ = half.pending[0]
            if start > half.next:
                break
            # It answers bytes of the other side that are yet to come: let those come first.
            if ack > (other.heard if other.anchored else NEVER):
                break
            self._hand_out(side)
            moved = True
        return moved

    def _hand_out(self, side: int) -> None:
        half = self.halves[side]
        start, number, _, time_ns, data = half.pending.pop(0)
        self.size -= len(data)
        data = data[half.next - start :] if start < half.next else data
        if data:
            half.next += len(data)
            if self.sink:
                self.sink.data(side, data, number, time_ns)

    def _step_over(self, side: int) -> None:
        """The first piece of this side can't be reached: report what is missing before it."""
        half, other = self.halves[side], self.halves[1 - side]
        start, number, ack, time_ns, _ = half.pending[0]
        if start > half.next:
            self._gap(side, start, number, time_ns)
            return
        if not other.anchored:
            self._anchor()
        target = min(ack, other.pending[0][0]) if other.pending else ack
        if target > other.heard:
            self._gap(1 - side, target, number, time_ns)
        else:
            self._hand_out(side)

    def _gap(self, side: int, until: int, number: int, time_ns: int) -> None:
        half = self.halves[side]
        missing = until - half.next
        half.next = until
        if self.sink and missing > 0:
            self.sink.gap(side, missing, number, time_ns)

    @property
    def one_sided(self) -> int | None:
        """The side that was captured when the other never was, else None."""
        a, b = self.halves
        if a.packets and b.packets:
            return None
        return 0 if a.packets else 1

    @property
    def finished(self) -> bool:
        """Both sides have said FIN and everything before it was seen."""
        a, b = self.halves
        return a.fin is not None and b.fin is not None and a.next >= a.fin and b.next >= b.fin

    def close(self, time_ns: int = 0) -> None:
        """The end of the connection or of the capture: hand out all that is left, gaps reported."""
        if self.closed:
            return
        self._anchor()
        self._drain(final=True)
        for side, half in enumerate(self.halves):
            # Acknowledged (or before the FIN) but never seen. A FIN has a number too: one is no loss.
            until = half.fin if half.fin is not None else half.acked
            if half.anchored and until - half.next > (0 if half.fin is not None else 1):
                self._gap(side, until, self.last, time_ns)
        self.closed = True
