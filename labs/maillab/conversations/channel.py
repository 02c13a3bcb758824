"""The bytes of one side that were not understood yet, and the frame each of them came in."""

from __future__ import annotations

from collections import deque


class Channel:
    """A buffer that remembers frames. Bytes go in with put() and come out, whole turns at a time, with take()."""

    __slots__ = ("buffer", "cut", "line_start", "marks", "resume", "scanned")

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.marks: deque[list[int]] = deque()  # [how many bytes, frame number, time in ns]
        self.scanned = 0  # no terminator begins before this place
        self.line_start = True
        self.cut = False  # the next turn has lost its beginning
        self.resume = 0  # where the search for the end of a reply of several lines goes on

    def put(self, data: bytes, number: int, time_ns: int) -> None:
        self.buffer += data
        self.marks.append([len(data), number, time_ns])

    def take(self, count: int) -> tuple[bytes, list[int], int]:
        """The first `count` bytes, the frames they came in, the time of the first in ns."""
        marks = self.marks
        if len(marks) == 1 and count == marks[0][0]:  # the usual case: a segment is a line
            data = bytes(self.buffer)
            self.buffer.clear()
            self.scanned = self.resume = 0
            self.line_start = data.endswith(b"\n")
            _, number, time_ns = marks.popleft()
            return data, [number], time_ns
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        self.scanned = self.resume = 0
        self.line_start = data.endswith(b"\n")
        time_ns = marks[0][2]
        frames: list[int] = []
        while count:
            mark = marks[0]
            if not frames or frames[-1] != mark[1]:
                frames.append(mark[1])
            if mark[0] > count:
                mark[0] -= count
                break
            count -= mark[0]
            marks.popleft()
        return data, frames, time_ns

    def line_end(self, start: int = 0) -> int:
        """Where the line that begins at `start` ends (after its LF), 0 when its end isn't there yet."""
        at = self.buffer.find(b"\n", max(start, self.scanned))
        if at < 0:
            self.scanned = len(self.buffer)
            return 0
        return at + 1

    def find(self, what: bytes) -> int:
        """Where `what` ends, 0 when it isn't there; looks at each byte only once."""
        at = self.buffer.find(what, max(0, self.scanned - len(what)))
        if at < 0:
            self.scanned = len(self.buffer)
            return 0
        return at + len(what)
