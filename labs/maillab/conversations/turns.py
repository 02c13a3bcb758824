"""A turn: one thing that one side said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..tls.records import describe_tls
from ..tls.records import looks_like_tls as looks_like_tls  # cutting and grammar take it from here

Who = Literal["C", "S", "gap"]
Kind = Literal["greeting", "command", "reply", "challenge", "response", "mail", "tls", "data", "gap"]
Side = Literal["C", "S"]
# Mails whose length was told beforehand: no dots are doubled in them (RFC 3030 section 2, RFC 9051 section 4.3).
COUNTED = ("BDAT", "FETCH", "APPEND")


@dataclass(slots=True)
class Turn:
    """One command, one reply (with all its lines), one mail, one TLS record, or a gap.

    who: "C" client, "S" server, "gap" when bytes are missing from the capture.
    kind: greeting, command, reply, challenge, response, mail, tls, gap; data where no protocol was recognised.
    time: seconds since 1970, of its first byte. frame: number of the frame that holds its first byte;
    frames: all of them. data: the bytes as they crossed the wire, line ends and doubled dots included.
    side: "C" or "S", also for a gap (whose bytes are missing). missing: how many bytes a gap lost.
    verb, argument: of a command, e.g. "RETR" and b"1"; of a mail, the command it crossed with.
    command: the turn a reply answers.
    partial: its beginning or end is missing (a gap, the end of the capture, a limit).
    decrypted: it was said inside TLS and read with a key log; data is the plaintext, frames are those of its records.
    opened: a TLS record that was read, what it says is in turns that are decrypted.
    """

    who: Who
    kind: Kind
    time: float
    frame: int
    frames: list[int]
    data: bytes
    side: Side
    verb: str = ""
    argument: bytes = field(default=b"", repr=False)
    command: Turn | None = field(default=None, repr=False)
    partial: bool = False
    missing: int = 0
    middle: bool = field(default=False, repr=False)  # continues a mail whose beginning was another turn
    decrypted: bool = field(default=False, repr=False)
    opened: bool = field(default=False, repr=False)

    @property
    def text(self) -> str:
        """What can be printed of it, without the line end. Bytes that are no text appear as \\xNN."""
        if self.kind == "gap":
            return f"({self.missing:,} bytes are missing from the capture)"
        if self.kind == "tls":
            return f"({describe_tls(self.data)})"
        return printable(self.data.rstrip(b"\r\n"))

    @property
    def message(self) -> bytes:
        """The mail itself: doubled dots undone, the final dot gone (RFC 5321 section 4.5.2, RFC 1939 section 3)."""
        return self.data if self.verb in COUNTED else unstuff(self.data, at_line_start=not self.middle)

    def __str__(self) -> str:
        return f"{self.who}: {self.text}"


def printable(data: bytes) -> str:
    r"""Text that is safe to show: UTF-8 where it is valid, line ends kept, everything else escaped.

    >>> printable(b"p\xc3\xa4ss \x1b[2J \xff")
    'päss \\x1b[2J \\xff'
    """
    text = data.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
    if text.isprintable():
        return text
    return "".join(c if c in "\n\t" or c.isprintable() else escape(c) for c in text)


def escape(char: str) -> str:
    r"""\x1b for an escape character, \u2028 for a line separator."""
    code = ord(char)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def unstuff(data: bytes, at_line_start: bool = True) -> bytes:
    r"""Undo dot-stuffing and drop the final ".".

    >>> unstuff(b"Hello\r\n..dot\r\n.\r\n")
    b'Hello\r\n.dot\r\n'
    """
    if data.endswith(b"\r\n.\r\n"):
        data = data[:-3]
    elif data.endswith(b"\n.\n"):
        data = data[:-2]
    elif at_line_start and data in (b".\r\n", b".\n"):
        return b""
    if at_line_start and data.startswith(b"."):
        data = data[1:]
    return data.replace(b"\n.", b"\n")
