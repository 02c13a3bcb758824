"""Capture files in and out: which format is it, and what if it is none?

Reading streams: about a mebibyte is in memory at a time, so the size of a file doesn't matter.
"""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .batch import Batch, batches
from .errors import CaptureError
from .frame import Frame, frames_of
from .pcap import PCAP_MAGICS, read_pcap, write_pcap
from .pcapng import SECTION_HEADER, PcapngReader, write_pcapng

__all__ = ["CaptureError", "batches_of", "read_batches", "read_frames", "write_pcap", "write_pcapng"]

# First bytes of what people hand in by mistake.
STRANGERS = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a ZIP archive (unpack it first)",
    b"7z\xbc\xaf": "a 7z archive (unpack it first)",
    b"\xfd7zX": "an xz archive (unpack it first)",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive (unpack it first)",
    b"BZh": "a bzip2 archive (unpack it first)",
    b"\x7fELF": "a program",
    b"MZ": "a Windows program",
    b"XCP\x00": "a NetXRay capture (convert it with editcap)",
    b"snoop\x00\x00\x00": "a Solaris snoop capture (convert it with editcap)",
}


Secrets = Callable[[int, bytes], None]
Progress = Callable[[int], None]


def read_frames(path: str | os.PathLike[str], secrets: Secrets | None = None) -> Iterator[Frame]:
    """Frames of a pcap or pcapng file (plain or gzip), one after the other.

    pcap: micro- and nanoseconds, both byte orders. pcapng: several sections and interfaces, any resolution.
    secrets: called with (type, bytes) for each Decryption Secrets Block of a pcapng, before the frames behind it.
    Raises CaptureError, with one sentence that names the file and the byte, after the last readable frame.
    Formats: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.
    """
    for batch in read_batches(path, secrets):
        yield from batch.frames()


def read_batches(
    path: str | os.PathLike[str], secrets: Secrets | None = None, progress: Progress | None = None
) -> Iterator[Batch]:
    """The same frames in batches, for the bulk path.

    secrets: they may come a batch before the frames behind them. progress: called with the bytes of the file that
    were read, after each batch.
    """
    name = os.fspath(path)
    try:
        if Path(name).is_dir():
            raise CaptureError(name, 0, "this is a directory; name the capture file in it")
        raw = Path(name).open("rb")  # noqa: SIM115 (closed below)
    except FileNotFoundError:
        raise CaptureError(name, 0, "there is no such file") from None
    except PermissionError:
        raise CaptureError(name, 0, "the file may not be read by this user; change its permissions") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CaptureError(name, 0, f"the file can't be opened ({reason})") from None
    with raw:
        stream: io.BufferedReader = raw
        magic = _peek(name, stream)
        packed = magic[:2] == b"\x1f\x8b"
        if packed:
            stream = io.BufferedReader(gzip.GzipFile(fileobj=raw), 1 << 18)  # type: ignore[type-var]
            magic = _peek(name, stream)
        for batch in _batches(name, stream, magic, packed, secrets):
            yield batch
            if progress:
                progress(raw.tell())


def _peek(name: str, stream: io.BufferedReader) -> bytes:
    """First 8 bytes, without taking them (gzip headers may be broken too)."""
    try:
        return bytes(stream.peek(8)[:8])
    except (EOFError, zlib.error, OSError) as error:
        raise CaptureError(name, 0, f"the file can't be unpacked: gzip data is damaged ({error})") from None


def _batches(
    name: str, stream: io.BufferedReader, magic: bytes, packed: bool, secrets: Secrets | None
) -> Iterator[Batch]:
    if magic[:4] in PCAP_MAGICS:
        reader: Iterator[Batch] = read_pcap(stream, name)
    elif magic[:4] == SECTION_HEADER:
        reader = iter(PcapngReader(stream, name, secrets))
    else:
        raise CaptureError(name, 0, _stranger(magic))
    count = 0
    try:
        for batch in reader:
            count += len(batch.marks)
            yield batch
    except (EOFError, zlib.error, OSError) as error:
        what = f"the file can't be read any further after frame {count} ({error or 'it ends early'})"
        raise CaptureError(name, 0, what, count) from None


def _stranger(magic: bytes) -> str:
    if not magic:
        return "the file is empty (0 bytes); record it again"
    for start, what in STRANGERS.items():
        if magic.startswith(start):
            return f"this is {what}, not a capture (byte 0); name a pcap or pcapng file"
    shown = magic[:4].hex(" ")
    return f"neither pcap nor pcapng: it begins with {shown} (byte 0); name a capture file"


def batches_of(source: Any, secrets: Secrets | None = None, progress: Progress | None = None) -> Iterator[Batch]:
    """Frames of anything that holds packets (see frames_of), in batches."""
    if isinstance(source, (str, os.PathLike)):
        return read_batches(source, secrets, progress)
    return batches(frames_of(source))
