"""The sockets around the servers, on asyncio. All rules are elsewhere; here is who waits for whom, and how long."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

from maillab.servers.hangup import hang_up
from maillab.servers.house import House
from maillab.servers.log import EventLog
from maillab.servers.pop3 import Pop3Server
from maillab.servers.pop3_table import State
from maillab.servers.smtp import SmtpServer
from maillab.servers.tls import start_tls

MAX_CONNECTIONS = 64
"""At once, for each service."""

IDLE = 600
"""Seconds without a command until POP3 hangs up (RFC 1939 section 3 wants at least ten minutes)."""


class Turnstile:
    """Counts the connections of one service."""

    def __init__(self) -> None:
        self._count = 0

    def enter(self) -> bool:
        """Let one in; ``False`` if the house is full."""
        if self._count >= MAX_CONNECTIONS:
            return False
        self._count += 1
        return True

    def leave(self) -> None:
        """One went."""
        self._count -= 1


async def listen(
    service: str,
    address: str,
    port: int,
    house: House,
) -> asyncio.Server:
    """Start one service: ``pop3``, ``smtp``, ``submission``, or, where the house has TLS, ``pop3s``, ``submissions``.

    These two don't get a TLS listener from asyncio: they take the connection and start TLS at once. So there is one way
    into TLS, a certificate chosen now is used from the next connection on, and a failed handshake is in the log.

    Raises:
        OSError: the port can't be opened.
    """
    turnstile = Turnstile()
    if service in ("pop3", "pop3s"):
        return await asyncio.start_server(
            lambda reader, writer: pop3_session(reader, writer, turnstile, house, service),
            address, port, limit=16_384,
        )  # fmt: skip
    loop = asyncio.get_running_loop()

    def session() -> asyncio.Protocol:
        if not turnstile.enter():
            busy = f"421 4.3.2 {house.host} is busy, come back later\r\n".encode()
            return Refusal(b"" if service == "submissions" else busy)
        return SmtpServer(house, loop, service, ended=turnstile.leave)

    return await loop.create_server(session, address, port)


class Refusal(asyncio.Protocol):
    """A connection that gets one line and ends."""

    def __init__(self, line: bytes) -> None:
        self._line = line

    def connection_made(self, transport: Any) -> None:
        """Say it and hang up."""
        transport.write(self._line)
        transport.close()


async def pop3_session(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    turnstile: Turnstile,
    house: House,
    service: str,
) -> None:
    """One POP3 connection, from greeting to close."""
    address, port = writer.get_extra_info("peername")[:2]

    def note(text: str) -> None:
        house.log.add(service, f"{address}:{port}", text)

    def opened(username: str) -> None:
        house.pop_logins.add(address, username)

    engine = Pop3Server(house.store, house.switches, house.host, note, opened, stls=house.tls is not None)

    async def handshake() -> None:
        assert house.tls is not None
        await start_tls(reader, writer, house.tls, note, keep=house.switches.allows("tls_injection"))
        engine.secured()

    entered = turnstile.enter()
    try:
        note("connected")
        if service == "pop3s":
            await handshake()
        if not entered:
            writer.write(b"-ERR [SYS/TEMP] too many connections, come back later\r\n")  # RFC 3206 section 4
            return
        await converse(reader, writer, engine, handshake)
    except (ConnectionError, TimeoutError):
        pass
    except Exception as error:
        EventLog.trouble("".join(traceback.format_exception(error)))
    finally:
        engine.lost()
        await hang_up(reader, writer)
        note("closed")
        if entered:
            turnstile.leave()


async def converse(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    engine: Pop3Server,
    handshake: Callable[[], Awaitable[None]],
) -> None:
    """Carry octets between a connection and its engine until one of them is done."""
    writer.write(engine.greeting())
    while not engine.closed:
        async with asyncio.timeout(IDLE):
            data = await reader.read(4096)
        if not data:
            return
        engine.feed(data)
        await answer(writer, engine)
        while engine.state is State.HANDSHAKE:
            await handshake()
            await answer(writer, engine)  # nothing, unless the weakness tls_injection is on


async def answer(writer: asyncio.StreamWriter, engine: Pop3Server) -> None:
    """Send the replies to what has come, one at a time. Meanwhile nothing more is read: a client that only asks can't
    fill our memory."""
    for reply in engine.replies():
        if engine.state is State.HANDSHAKE:
            writer.transport.pause_reading()  # type: ignore[attr-defined]  # her first octets of TLS are not for us
        writer.write(reply)
        async with asyncio.timeout(IDLE):
            await writer.drain()
