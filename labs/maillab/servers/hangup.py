"""How to end a connection so that the last reply arrives."""

from __future__ import annotations

import asyncio

LINGER = 5
"""Seconds in which a client may finish sending after the server said its last word."""


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say that nothing more comes, let the client finish, and close.

    Closing while octets lie unread would send RST (RFC 1122 section 4.2.2.13), which overtakes the last reply: the
    client would see a broken connection instead of the sentence that says why. TLS does all that by itself: it says
    goodbye and waits for the other's (RFC 8446 section 6.1).
    """
    if not writer.can_write_eof() or writer.transport.is_closing():
        writer.close()
        return
    try:
        writer.write_eof()
        async with asyncio.timeout(LINGER):
            while await reader.read(65_536):
                pass
    except OSError:  # a TimeoutError is one
        pass
    finally:
        writer.close()
        # That waits until the client has taken all that was said: for ever, if she doesn't read.
        asyncio.get_running_loop().call_later(LINGER, writer.transport.abort)
