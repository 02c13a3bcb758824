"""The pcapng file: a row of blocks, each with its type and its length in front and behind.

    0a0d0d0a section header (byte order, comment)   00000001 an interface (link type, name, time unit)
    00000006 a frame (interface, time, bytes)       0000000a secrets (TLS key log)      … others are skipped

Source: draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

from .errors import CaptureError
from .frame import Frame

SECTION_HEADER = b"\x0a\x0d\x0d\x0a"
_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE, _PACKET, _SECRETS = 0x0A0D0D0A, 1, 2, 3, 6, 10
_COMMENT, _HARDWARE, _OS, _APPLICATION = 1, 2, 3, 4
_IF_NAME, _IF_TSRESOL, _IF_TSOFFSET = 2, 9, 14
MAX_BLOCK = 1 << 24  # 16 MiB: larger blocks are damage


class PcapngReader:
    """Iterates over the frames of an opened pcapng file; collects what else was in it.

    .comments: of the sections, in order. secrets: called with (type, bytes) of each Decryption Secrets Block when it is
    met, type 0x544c534b is a TLS key log.
    .interfaces: (link type, nanoseconds a tick as a fraction, offset in ns, name) of the present section.
    Raises CaptureError where the file breaks off.
    """

    def __init__(self, stream: IO[bytes], path: str, secrets: Callable[[int, bytes], None] | None = None) -> None:
        self.stream = stream
        self.path = path
        self.comments: list[str] = []
        self._secrets = secrets
        self.interfaces: list[tuple[int, tuple[int, int], int, str]] = []
        self.order = "<"
        self.number = 0
        self.offset = 0

    def _fail(self, offset: int, message: str) -> CaptureError:
        return CaptureError(self.path, offset, message, self.number)

    def __iter__(self) -> Iterator[Frame]:
        read = self.stream.read
        order = ""
        head = struct.Struct("<II")
        while True:
            header = read(8)
            if len(header) < 8:
                if not header:
                    return
                end = self.offset + len(header)
                raise self._fail(end, f"cut off at byte {end}, inside a block after frame {self.number}")
            if header[:4] == SECTION_HEADER:
                header += read(4)
                order = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}.get(header[8:12], "")
                if not order:
                    raise self._fail(self.offset, f"damaged at byte {self.offset}: a section without byte order")
                self.order = order
                head = struct.Struct(order + "II")
            kind, length = head.unpack(header[:8])
            if length < 12 or length % 4 or length > MAX_BLOCK:
                raise self._fail(
                    self.offset,
                    f"damaged at byte {self.offset}: a block after frame {self.number} claims {length:,} bytes",
                )
            rest = read(length - len(header))
            if len(rest) < length - len(header):
                end = self.offset + len(header) + len(rest)
                raise self._fail(end, f"cut off at byte {end}, inside the block after frame {self.number}")
            body = (header[8:] + rest)[:-4]
            try:
                frame = self._block(kind, body)
            except (struct.error, IndexError):
                raise self._fail(
                    self.offset, f"damaged at byte {self.offset}: the block after frame {self.number} makes no sense"
                ) from None
            if frame is not None:
                yield frame
            self.offset += length

    def _block(self, kind: int, body: bytes) -> Frame | None:
        order = self.order
        if kind in (_PACKET, _OLD_PACKET):
            if kind == _PACKET:
                interface, high, low, kept, length = struct.unpack_from(order + "IIIII", body)
            else:
                interface, _, high, low, kept, length = struct.unpack_from(order + "HHIIII", body)
            linktype, (top, bottom), shift, _ = self.interfaces[interface]
            if kept > len(body) - 20:
                raise IndexError
            self.number += 1
            time_ns = (high << 32 | low) * top // bottom + shift
            return Frame(self.number, time_ns, linktype, body[20 : 20 + kept], length)
        if kind == _SIMPLE:
            (length,) = struct.unpack_from(order + "I", body)
            self.number += 1
            return Frame(self.number, 0, self.interfaces[0][0], body[4 : 4 + length], length)
        if kind == _INTERFACE:
            self._interface(body)
        elif kind == _SECTION:
            self.interfaces = []
            for code, value in self._options(body, 16):
                if code == _COMMENT:
                    self.comments.append(value.decode("utf-8", "replace"))
        elif kind == _SECRETS and self._secrets:
            what, size = struct.unpack_from(order + "II", body)
            self._secrets(what, body[8 : 8 + size])
        return None

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
