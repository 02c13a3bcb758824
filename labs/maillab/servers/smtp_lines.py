"""Strict lines for aiosmtpd, whose own reader takes a bare LF for the end of a command."""

from __future__ import annotations

import asyncio
from typing import Any

from maillab.sasl.base64text import MAX_LINE


class BadLine(Exception):
    """A line that breaks the rules; the text is the reply to it."""


class StrictReader(asyncio.StreamReader):
    """A stream on which a command line ends in CRLF or is an error (RFC 5321 section 2.3.8).

    What a server takes for the end of a line and another doesn't is how mail is smuggled.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit=MAX_LINE, loop=loop)

    async def readuntil(self, separator: Any = b"\n") -> bytes:
        """As asyncio's. aiosmtpd asks for LF when it wants a command, and for CRLF in the middle of a mail."""
        try:
            line = await super().readuntil(separator)
        except asyncio.LimitOverrunError as error:
            if separator == b"\n":
                raise
            # In a mail, aiosmtpd would keep the pieces of a line without end: it gets empty ones.
            await self.read(error.consumed)
            raise asyncio.LimitOverrunError(str(error), 0) from None
        if separator == b"\n" and (not line.endswith(b"\r\n") or b"\r" in line[:-2] or b"\0" in line):
            raise BadLine("500 5.5.2 a line ends in CR LF and holds no other CR, LF or NUL")
        return line

    async def readline(self) -> bytes:
        """A line of an AUTH exchange; what is too long is read to its end, so that no part is taken for a command."""
        try:
            return await self.readuntil()
        except asyncio.IncompleteReadError as error:
            return error.partial
        except asyncio.LimitOverrunError as error:
            await self.read(error.consumed)
        while True:
            try:
                await super().readuntil(b"\n")
                break
            except asyncio.LimitOverrunError as error:
                await self.read(error.consumed)
        raise BadLine("500 5.5.6 that response is too long")  # RFC 4954 section 6
