"""The record: the envelope of everything in TLS. Its five bytes are never encrypted.

    content type (1) | version (2) | length (2) | fragment …

Source: RFC 8446 section 5.1, RFC 5246 section 6.2.1. From TLS 1.3 on the version says 1.2 whatever is spoken, and the
type of an encrypted record is always application data: the true one is inside.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Side = Literal["C", "S"]

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23
KINDS = {
    CHANGE_CIPHER_SPEC: "change cipher spec",
    ALERT: "alert",
    HANDSHAKE: "handshake",
    APPLICATION_DATA: "application data",
}
HEADER = 5
# What a fragment can be at most: 2**14 bytes and what encryption adds (RFC 5246 section 6.2.3).
MAX_FRAGMENT = (1 << 14) + 2048


@dataclass(frozen=True, slots=True)
class Record:
    """One TLS record, seen from outside.

    side: "C" client, "S" server. type: 20 to 23 (KINDS). version: of its header, 0x0303 for TLS 1.2.
    length: bytes of the fragment, as the header says. time: seconds since 1970. frames: numbers of the frames that
    hold it. data: header and fragment as they crossed the wire; shorter than `length` says when bytes are missing.
    """

    side: Side
    type: int
    version: int
    length: int
    time: float
    frames: list[int]
    data: bytes = field(repr=False)

    @property
    def kind(self) -> str:
        """Its type in words."""
        return KINDS[self.type]

    @property
    def frame(self) -> int:
        """Number of the frame that holds its first byte."""
        return self.frames[0]

    @property
    def fragment(self) -> bytes:
        """What is inside, encrypted or not."""
        return self.data[HEADER:]

    @property
    def complete(self) -> bool:
        """No byte of it is missing."""
        return len(self.data) == HEADER + self.length


def record_of(turn: Any) -> Record | None:
    r"""The record in a turn of kind "tls"; None when these bytes are none (a piece of one, after a gap).

    >>> from types import SimpleNamespace
    >>> turn = SimpleNamespace(side="S", data=b"\x15\x03\x03\x00\x02\x02\x28", time=0.0, frames=[7])
    >>> record_of(turn)
    Record(side='S', type=21, version=771, length=2, time=0.0, frames=[7])
    """
    data = turn.data
    if len(data) < HEADER or not looks_like_tls(data):
        return None
    length = data[3] << 8 | data[4]
    if length > MAX_FRAGMENT or len(data) > HEADER + length:
        return None
    return Record(turn.side, data[0], data[1] << 8 | data[2], length, turn.time, turn.frames, data)


def looks_like_tls(data: bytes | bytearray) -> bool:
    """A TLS record header: content type 20-23, version 3.x (RFC 8446 section 5.1). Needs three bytes."""
    return len(data) >= 3 and 20 <= data[0] <= 23 and data[1] == 3 and data[2] <= 4


def describe_tls(record: bytes) -> str:
    """One line about a TLS record, from its unencrypted header.

    >>> describe_tls(bytes([22, 3, 1, 0, 1, 1]))
    'TLS handshake, ClientHello, 6 bytes'
    """
    what = KINDS[record[0]] if looks_like_tls(record) else "record"
    if what == "handshake" and len(record) > 5:
        step = {1: "ClientHello", 2: "ServerHello", 11: "Certificate"}.get(record[5])
        what += f", {step}" if step else ""
    return f"TLS {what}, {len(record):,} bytes"
