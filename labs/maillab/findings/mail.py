"""What the header of a mail says: from, to, subject."""

from __future__ import annotations

import re
from collections.abc import Container
from email.header import decode_header
from email.utils import getaddresses

from .attempt import words

MAX_HEADER = 1 << 16  # so much of a mail is searched for its header
_BREAK = re.compile(rb"\r?\n")
# "name <local@domain>" or "local@domain", without quotes, comments and lists
_ATOMS = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+"
_PLAIN = re.compile(rf"(?:[A-Za-z0-9 _-]*<({_ATOMS}@{_ATOMS})>|({_ATOMS}@{_ATOMS}))")
_PATH = re.compile(rb"(?:FROM|TO):\s*(<[^>]*>|\S*)", re.I)


def header_fields(message: bytes, wanted: Container[str] | None = None) -> dict[str, list[str]]:
    r"""Field name in small letters -> its values, folded lines joined (RFC 5322 section 2.2.3). Never raises.

    wanted: only these fields.

    >>> header_fields(b"Subject: lunch\r\n today\r\n\r\nHello")
    {'subject': ['lunch today']}
    """
    fields: dict[str, list[str]] = {}
    last: list[str] | None = None
    for line in _BREAK.split(message[: _header_end(message)]):
        if line[:1] in b" \t":
            if last:
                last[-1] += " " + words(line.strip())
            continue
        before, colon, value = line.partition(b":")
        name = words(before.strip()).lower()
        if not colon or " " in name or (wanted and name not in wanted):
            last = None
            continue
        last = fields.setdefault(name, [])
        last.append(words(value.strip()))
    return fields


def _header_end(message: bytes) -> int:
    """Where the empty line behind the header is; MAX_HEADER when there is none before that."""
    if message.startswith((b"\n", b"\r\n")):
        return 0
    ends = [message.find(blank, 0, MAX_HEADER) for blank in (b"\r\n\r\n", b"\n\r\n", b"\r\n\n", b"\n\n")]
    return min((end for end in ends if end >= 0), default=MAX_HEADER)


def unencoded(text: str) -> str:
    """Encoded words undone (RFC 2047), as far as they make sense.

    >>> unencoded("=?utf-8?q?gr=C3=BC=C3=9Fe?= from me")
    'grüße from me'
    """
    if "=?" not in text:
        return " ".join(text.split())
    try:
        parts = decode_header(text)
    except Exception:  # the standard library raises several kinds on malformed words
        return text
    out = ""
    for part, charset in parts:
        if isinstance(part, str):
            out += part
            continue
        try:
            out += part.decode(charset or "ascii", "replace") if charset else words(part)
        except (LookupError, ValueError):
            out += words(part)
    return " ".join(out.split())


def addresses(values: list[str]) -> list[str]:
    """Addresses of From, To or Cc fields.

    >>> addresses(["Alice <alice@example.test>, bob@example.test"])
    ['alice@example.test', 'bob@example.test']
    """
    plain = [_PLAIN.fullmatch(value) for value in values]
    if all(plain):
        return [match[1] or match[2] for match in plain if match]
    try:
        return [address for _, address in getaddresses(values) if address]
    except Exception:  # malformed fields: show them as they are
        return [value for value in values if value]


def path_of(argument: bytes) -> str | None:
    """The address in FROM:<…> or TO:<…> (RFC 5321 section 4.1.2); "" is the empty return path.

    >>> path_of(b"FROM:<alice@example.test> SIZE=293")
    'alice@example.test'
    """
    match = _PATH.match(argument)
    return words(match[1].strip(b"<>")) if match else None
