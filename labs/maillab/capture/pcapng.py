"""The pcapng file: a row of blocks, each with its type and its length in front and behind.

    0a0d0d0a section header (byte order, comment)   00000001 an interface (link type, name, time unit)
    00000006 a frame (interface, time, bytes)       0000000a secrets (TLS key log)      … others are skipped

Source: draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from .batch import BLOCK, Batch, Mark
from .errors import CaptureError
from .frame import Frame

SECTION_HEADER = b"\x0a\x0d\x0d\x0a"
_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE, _PACKET, _SECRETS = 0x0A0D0D0A, 1, 2, 3, 6, 10
_COMMENT, _HARDWARE, _OS, _APPLICATION = 1, 2, 3, 4
_IF_NAME, _IF_TSRESOL, _IF_TSOFFSET = 2, 9, 14
MAX_BLOCK = 1 << 24  # 16 MiB: larger blocks are damage


class PcapngReader:
    """Iterates over the frames of an opened pcapng file, in batches; collects what else was in it.

    .comments: of the sections, in order. secrets: called with (type, bytes) of each Decryption Secrets Block when it is
    met, type 0x544c534b is a TLS key log.
    .interfaces: (link type, nanoseconds a tick as a fraction, offset in ns, name) of the present section.
    Raises CaptureError where the file breaks off.
    """

    def __init__(
        self, stream: io.BufferedIOBase, path: str, secrets: Callable[[int, bytes], None] | None = None
    ) -> None:
        self.stream = stream
        self.path = path
        self.comments: list[str] = []
        self._secrets = secrets
        self.interfaces: list[tuple[int, tuple[int, int], int, str]] = []
        self._set_order("<")
        self.number = 0
        self.offset = 0

    def _fail(self, offset: int, message: str) -> CaptureError:
        return CaptureError(self.path, offset, message, self.number)

    def __iter__(self) -> Iterator[Batch]:
        buffer, more = b"", True
        while more:
            block = self.stream.read1(BLOCK)
            more = bool(block)
            buffer += block
            marks: list[Mark] = []
            first = self.number + 1
            problem: CaptureError | None = None
            try:
                at = self._blocks(buffer, marks)
            except CaptureError as error:
                problem = error
            if marks:
                yield Batch(buffer, range(first, first + len(marks)), marks)
            if problem:
                raise problem
            buffer = buffer[at:]
        if buffer:
            end = self.offset + len(buffer)
            place = "a block" if len(buffer) < 8 else "the block"
            raise self._fail(end, f"cut off at byte {end}, inside {place} after frame {self.number}")

    def _blocks(self, buffer: bytes, marks: list[Mark]) -> int:
        """Note the frames in the whole blocks of a buffer; where the first block begins that isn't whole."""
        at, size = 0, len(buffer)
        while at + 8 <= size:
            if buffer.startswith(SECTION_HEADER, at):
                if at + 12 > size:
                    return at
                order = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}.get(buffer[at + 8 : at + 12], "")
                if not order:
                    raise self._fail(self.offset, f"damaged at byte {self.offset}: a section without byte order")
                self._set_order(order)
            kind, length = self._head(buffer, at)
            if length < 12 or length % 4 or length > MAX_BLOCK:
                raise self._fail(
                    self.offset,
                    f"damaged at byte {self.offset}: a block after frame {self.number} claims {length:,} bytes",
                )
            if at + length > size:
                return at
            try:
                if kind == _PACKET:
                    interface, high, low, kept, length_on_wire = self._packet(buffer, at + 8)
                    linktype, (top, bottom), shift, _ = self.interfaces[interface]
                    if kept > length - 32:
                        raise IndexError
                    time_ns = (high << 32 | low) * top // bottom + shift
                    marks.append((time_ns, linktype, at + 28, kept, length_on_wire))
                    self.number += 1
                else:
                    self._block(kind, buffer[at + 8 : at + length - 4], at + 8, marks)
            except (struct.error, IndexError):
                raise self._fail(
                    self.offset, f"damaged at byte {self.offset}: the block after frame {self.number} makes no sense"
                ) from None
            self.offset += length
            at += length
        return at

    def _set_order(self, order: str) -> None:
        self.order = order
        self._head = struct.Struct(order + "II").unpack_from
        self._packet = struct.Struct(order + "IIIII").unpack_from

    def _block(self, kind: int, body: bytes, at: int, marks: list[Mark]) -> None:
        """Any block but the usual packet. at: where its body stands in the buffer."""
        order = self.order
        if kind == _OLD_PACKET:
            interface, _, high, low, kept, length = struct.unpack_from(order + "HHIIII", body)
            linktype, (top, bottom), shift, _ = self.interfaces[interface]
            if kept > len(body) - 20:
                raise IndexError
            marks.append(((high << 32 | low) * top // bottom + shift, linktype, at + 20, kept, length))
            self.number += 1
        elif kind == _SIMPLE:
            (length,) = struct.unpack_from(order + "I", body)
            marks.append((0, self.interfaces[0][0], at + 4, min(length, len(body) - 4), length))
            self.number += 1
        elif kind == _INTERFACE:
            self._interface(body)
        elif kind == _SECTION:
            self.interfaces = []
            for code, value in self._options(body, 16):
                if code == _COMMENT:
                    self.comments.append(value.decode("utf-8", "replace"))
        elif kind == _SECRETS and self._secrets:
            what, size = struct.unpack_from(order + "II", body)
            self._secrets(what, body[8 : 8 + size])

    def _interface(self, body: bytes) -> None:
        (linktype,) = struct.unpack_from(self.order + "H", body)
        tick, shift, name = (1000, 1), 0, ""
        for code, value in self._options(body, 8):
            if code == _IF_NAME:
                name = value.decode("utf-8", "replace")
            elif code == _IF_TSRESOL:
                # Upper bit: a power of two instead of ten (section 4.2, if_tsresol).
                exponent = value[0] & 0x7F
                tick = (1_000_000_000, 2**exponent if value[0] & 0x80 else 10**exponent)
            elif code == _IF_TSOFFSET:
                shift = struct.unpack(self.order + "q", value)[0] * 1_000_000_000
        self.interfaces.append((linktype, tick, shift, name))

    def _options(self, body: bytes, offset: int) -> Iterator[tuple[int, bytes]]:
        while offset + 4 <= len(body):
            code, length = struct.unpack_from(self.order + "HH", body, offset)
            if code == 0:
                return
            yield code, body[offset + 4 : offset + 4 + length]
            offset += 4 + length + (-length % 4)


def _option(code: int, value: str | bytes) -> bytes:
    data = value.encode()[:65000] if isinstance(value, str) else value
    return struct.pack("<HH", code, len(data)) + data + bytes(-len(data) % 4)


def _block(kind: int, body: bytes) -> bytes:
    length = 12 + len(body)
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def write_pcapng(
    path: str | os.PathLike[str],
    frames: Iterable[Frame],
    comment: str | None = None,
    *,
    hardware: str | None = None,
    os_name: str | None = None,
    application: str = "maillab",
    names: Mapping[int, str] | None = None,
    comments: Mapping[int, str] | None = None,
    secrets: bytes | None = None,
) -> int:
    """Write frames; how many were written. Times keep their nanoseconds.

    comment, hardware, os_name, application: said about the whole file. names: link type -> interface name.
    comments: frame number -> comment. secrets: a TLS key log, put in front (Decryption Secrets Block).
    """
    options = b"".join(
        _option(code, text)
        for code, text in ((_COMMENT, comment), (_HARDWARE, hardware), (_OS, os_name), (_APPLICATION, application))
        if text
    )
    interfaces: dict[int, int] = {}
    count = 0
    with Path(path).open("wb") as stream:
        stream.write(_block(_SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + options + bytes(4)))
        if secrets:
            body = struct.pack("<II", 0x544C534B, len(secrets)) + secrets + bytes(-len(secrets) % 4)
            stream.write(_block(_SECRETS, body))
        for frame in frames:
            index = interfaces.get(frame.linktype)
            if index is None:
                index = interfaces[frame.linktype] = len(interfaces)
                described = _option(_IF_NAME, (names or {}).get(frame.linktype, f"if{index}"))
                described += _option(_IF_TSRESOL, b"\x09") + bytes(4)
                stream.write(_block(_INTERFACE, struct.pack("<HHI", frame.linktype, 0, 0) + described))
            head = struct.pack(
                "<IIIII", index, frame.time_ns >> 32, frame.time_ns & 0xFFFFFFFF, len(frame.data), frame.length
            )
            text = (comments or {}).get(frame.number)
            tail = _option(_COMMENT, text) + bytes(4) if text else b""
            stream.write(_block(_PACKET, head + frame.data + bytes(-len(frame.data) % 4) + tail))
            count += 1
    return count
