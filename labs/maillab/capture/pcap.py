"""The pcap file: 24 bytes of header, then 16 bytes of header before each frame.

    magic a1b2c3d4 | version 2.4 | 0 | 0 | longest frame | link type
    seconds | micro- or nanoseconds | bytes kept | bytes on the wire | the frame …

Source: draft-ietf-opsawg-pcap. The magic tells byte order and time unit.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from .batch import BLOCK, Batch, Mark
from .errors import CaptureError
from .frame import ETHERNET, Frame

# magic as it stands in the file -> (struct's byte order, nanoseconds in one unit of the fraction)
PCAP_MAGICS = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}
# No link carries larger frames (Linux' loopback: 65,549 bytes); a larger number is damage, not a frame.
MAX_FRAME = 1 << 20


def read_pcap(stream: io.BufferedIOBase, path: str) -> Iterator[Batch]:
    """Frames of an opened pcap file, in batches. Raises CaptureError where it breaks off."""
    header = stream.read(24)
    if len(header) < 24:
        raise CaptureError(path, len(header), f"the file ends at byte {len(header)}, inside the pcap header")
    order, unit = PCAP_MAGICS[header[:4]]
    # The upper bits of the field say whether frames end in a check sequence; TCP's length doesn't need it.
    linktype = struct.unpack(order + "I", header[20:24])[0] & 0xFFFF
    unpack = struct.Struct(order + "IIII").unpack_from
    offset, number, rest = 24, 0, b""  # of the bytes in `rest`, which no batch has held yet
    while block := stream.read1(BLOCK):
        buffer = rest + block
        size, at = len(buffer), 0
        marks: list[Mark] = []
        note = marks.append
        kept = 0
        while at + 16 <= size:
            seconds, fraction, kept, length = unpack(buffer, at)
            end = at + 16 + kept
            if end > size or kept > MAX_FRAME:
                break
            note((seconds * 1_000_000_000 + fraction * unit, linktype, at + 16, kept, length))
            at = end
        if marks:
            yield Batch(buffer, range(number + 1, number + 1 + len(marks)), marks)
        number += len(marks)
        offset += at
        rest = buffer[at:]
        if len(rest) >= 16 and kept > MAX_FRAME:
            problem = f"damaged at byte {offset}: frame {number + 1} claims to be {kept:,} bytes long"
            raise CaptureError(path, offset, problem, number)
    if rest:
        end = offset + len(rest)
        if len(rest) < 16:
            raise CaptureError(path, end, f"cut off at byte {end}, inside the header of frame {number + 1}", number)
        missing = 16 + unpack(rest)[2] - len(rest)
        problem = f"cut off at byte {end}: {missing} bytes of frame {number + 1} are missing"
        raise CaptureError(path, end, problem, number)


def write_pcap(
    path: str | os.PathLike[str], frames: Iterable[Frame], *, order: str = "<", nanoseconds: bool = False
) -> int:
    """Write frames of one link type; the number written. Prefer write_pcapng, which can hold several.

    order: "<" or ">", struct's byte order. Raises ValueError when the link types differ.
    """
    unit = 1 if nanoseconds else 1000
    magic = next(m for m, value in PCAP_MAGICS.items() if value == (order, unit))
    record = struct.Struct(order + "IIII")
    linktype: int | None = None
    count = 0
    with Path(path).open("wb") as stream:
        for frame in frames:
            if linktype is None:
                linktype = frame.linktype
                stream.write(magic + struct.pack(order + "HHIIII", 2, 4, 0, 0, 262144, linktype))
            elif frame.linktype != linktype:
                raise ValueError("a pcap file holds one link type; use write_pcapng for several")
            seconds, rest = divmod(frame.time_ns, 1_000_000_000)
            stream.write(record.pack(seconds, rest // unit, len(frame.data), frame.length))
            stream.write(frame.data)
            count += 1
        if linktype is None:
            stream.write(magic + struct.pack(order + "HHIIII", 2, 4, 0, 0, 262144, ETHERNET))
    return count
