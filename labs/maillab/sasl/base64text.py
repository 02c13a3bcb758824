"""Base64 as SASL's carriers write it (RFC 4648 section 4): no line breaks, no blanks, full padding, nothing lenient."""

from __future__ import annotations

import base64
import re

MAX_LINE = 12288
"""Octets in a line of an AUTH exchange with its CRLF (RFC 4954 section 4; POP3, RFC 5034, sets no limit of its own)."""

_WHOLE = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


class Base64Error(ValueError):
    """The text isn't base64. The message never repeats the text: it may hold half a password."""


def encode(data: bytes) -> bytes:
    r"""``data`` as base64, on one line.

    >>> encode(b"\0alice\0sesame")
    b'AGFsaWNlAHNlc2FtZQ=='
    """
    return base64.b64encode(data)


def decode(text: bytes) -> bytes:
    r"""The octets that ``text`` stands for.

    Python's own decoder skips what it doesn't know; here a stray character is an error, as RFC 4954 section 4
    and RFC 5034 section 4 demand.

    Raises:
        Base64Error: a character outside the alphabet, or padding missing or misplaced.

    >>> decode(b"AGFsaWNlAHNlc2FtZQ==")
    b'\x00alice\x00sesame'
    >>> decode(b"AGFs!")
    Traceback (most recent call last):
    maillab.sasl.base64text.Base64Error: not base64: ...
    """
    if not _WHOLE.fullmatch(text):
        raise Base64Error("not base64: letters, digits, + and / in groups of four, with = to fill the last one.")
    return base64.b64decode(text)
