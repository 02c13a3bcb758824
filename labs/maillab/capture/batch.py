"""A batch: many frames in one block of memory, and where each of them stands in it.

Reading a file frame by frame makes two objects a frame before anything was learned. The readers of pcap and pcapng
take large blocks instead and only note places:

    buffer   … | header | the frame | header | the frame | …
    marks              at ^ + kept          ^ + kept

Whoever wants frames gets them from ``frames()``; the table of connections reads headers in the buffer itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from .frame import Frame

BLOCK = 1 << 20  # bytes that are read at once
FRAMES = 1000  # frames of a batch that doesn't come from a file

# time in ns, link type, place of the first byte, bytes kept, bytes on the wire
Mark = tuple[int, int, int, int, int]


class Batch(NamedTuple):
    """Frames that follow one another in a capture. numbers: of each frame; marks: where it stands in buffer."""

    buffer: bytes
    numbers: Iterable[int]
    marks: list[Mark]

    def frames(self) -> Iterator[Frame]:
        """One frame after the other.

        >>> next(Batch(b"..hi", [7], [(0, 1, 2, 2, 2)]).frames()).data
        b'hi'
        """
        buffer = self.buffer
        for number, (time_ns, linktype, at, kept, length) in zip(self.numbers, self.marks, strict=True):
            yield Frame(number, time_ns, linktype, buffer[at : at + kept], length)


def batches(frames: Iterable[Frame]) -> Iterator[Batch]:
    """Frames that are in memory already, as batches. What ``frames`` raises comes after the frames before it."""
    frames = iter(frames)
    broken: Exception | None = None
    while not broken:
        some: list[Frame] = []
        try:
            some.extend(islice(frames, FRAMES))
        except Exception as error:  # handed on below
            broken = error
        marks, at = [], 0
        for _, time_ns, linktype, data, length in some:
            marks.append((time_ns, linktype, at, len(data), length))
            at += len(data)
        if some:
            yield Batch(b"".join(frame.data for frame in some), [frame.number for frame in some], marks)
        elif not broken:
            return
    raise broken
