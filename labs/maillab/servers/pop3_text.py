"""How POP3 writes things down: command lines in, replies out (RFC 1939 section 3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


class LineError(Exception):
    """The octets aren't a line of the protocol. What follows can't be trusted either, so the session ends."""


class LineBuffer:
    r"""Cuts what arrives into lines, and holds no more than one line's worth of an unfinished one.

    Strict: a line ends in CRLF and holds no other CR, LF or NUL. Accepting a bare LF is how mail gets smuggled past a
    server that looks for CRLF.

    >>> lines = LineBuffer()
    >>> lines.feed(b"NOOP\r\nQU")
    >>> lines.next(255), lines.next(255)
    (b'NOOP', None)
    """

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> None:
        """Add what arrived. Take the lines out before feeding more, or the buffer grows."""
        self._data += data

    def clear(self) -> None:
        """Forget what wasn't taken out."""
        self._data.clear()

    def next(self, limit: int) -> bytes | None:
        """The next line without its CRLF, or ``None`` if it hasn't arrived whole.

        Args:
            limit: octets in a line, CRLF included.

        Raises:
            LineError: the line is longer, or isn't a line.
        """
        end = self._data.find(b"\n", 0, limit)
        if end < 0:
            if len(self._data) >= limit:
                raise LineError(f"a line here has at most {limit} octets")
            return None
        line = bytes(self._data[: end + 1])
        del self._data[: end + 1]
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            raise LineError("a line ends in CR LF and holds no other CR or LF (RFC 1939 section 3)")
        if b"\0" in line:
            raise LineError("a line holds no NUL octet")
        return line[:-2]


@dataclass(frozen=True)
class Reply:
    r"""One answer: how it begins (``+OK``, ``-ERR`` or ``+``), the text behind it, and the lines of a multi-line one.

    >>> bytes(Reply("+OK", "here you are", [b"Subject: dots", b"", b".profile"]))
    b'+OK here you are\r\nSubject: dots\r\n\r\n..profile\r\n.\r\n'
    """

    begins: str
    text: str = ""
    lines: Sequence[bytes] | None = field(default=None, repr=False)

    def __bytes__(self) -> bytes:
        # RFC 5034 section 4: a challenge is "+", a blank, and base64, which may be empty: the blank stays.
        first = self.begins + (f" {self.text}" if self.text or self.begins == "+" else "")
        reply = first.encode("ascii") + b"\r\n"
        return reply if self.lines is None else reply + stuffed(self.lines)


def stuffed(lines: Iterable[bytes]) -> bytes:
    """The body of a multi-line reply: a line that begins with the termination octet gets another in front, and a line
    with nothing but it ends the reply (RFC 1939 section 3)."""
    return b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines) + b".\r\n"


def top(lines: Sequence[bytes], count: int) -> Sequence[bytes]:
    """The header, the blank line, and the first ``count`` lines of the body (RFC 1939 section 7, TOP).

    >>> top([b"Subject: x", b"", b"one", b"two"], 1)
    [b'Subject: x', b'', b'one']
    """
    try:
        body = list(lines).index(b"") + 1
    except ValueError:  # a mail without a body is all header
        return lines
    return lines[: body + count]


def arguments(syntax: str, given: str | None) -> list[str | int] | None:
    """What a command was given, checked against the syntax in its table row; ``None`` if it doesn't fit.

    >>> arguments("message lines", "1 20")
    [1, 20]
    >>> arguments("[message]", None), arguments("message", "one"), arguments("string", "two words")
    ([], None, ['two words'])
    """
    wanted = syntax.split()
    if wanted == ["string"]:
        # RFC 1939 section 7, PASS: it has one argument, so blanks may be part of the password.
        return None if given is None else [given]
    words = [] if given is None else given.split(" ")
    if not sum(not name.startswith("[") for name in wanted) <= len(words) <= len(wanted) or "" in words:
        return None
    found: list[str | int] = []
    for name, word in zip(wanted, words, strict=False):
        if name.strip("[]") in ("message", "lines"):
            if not (word.isascii() and word.isdigit() and len(word) <= 9):
                return None
            found.append(int(word))
        else:
            found.append(word)
    return found
