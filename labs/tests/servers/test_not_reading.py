"""A client that asks and doesn't read what comes: when her time is over her place is free again."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from support import aio

from maillab.servers import hangup
from maillab.servers.hangup import hang_up
from maillab.servers.mailhost import MailHost
from maillab.servers.smtp import SmtpServer

PATIENCE = 10
SERVER = {"host": "mail", "address": "127.0.0.1", "ports": {}}


def client(port: int) -> socket.socket:
    """Connected, and with little room for what it won't read."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    sock.settimeout(PATIENCE)
    sock.connect(("127.0.0.1", port))
    return sock


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not what():
            await asyncio.sleep(0.01)


def test_smtp() -> None:
    async def run() -> None:
        loop, gone, sessions = asyncio.get_running_loop(), asyncio.Event(), []

        def session() -> SmtpServer:
            sessions.append(SmtpServer(MailHost(SERVER).house, loop, ended=gone.set))
            return sessions[0]

        server = await loop.create_server(session, "127.0.0.1", 0)
        with client(server.sockets[0].getsockname()[1]) as sock:
            asking = asyncio.create_task(asyncio.to_thread(send_all, sock, b"EHLO x\r\n" * 500_000))
            await until(lambda: sessions and sessions[0].transport and sessions[0].transport.get_write_buffer_size())
            sessions[0]._timeout_cb()
            async with asyncio.timeout(PATIENCE):
                await gone.wait()
            await asking  # it is told, too
        server.close()

    aio.run(run())


def send_all(sock: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):
        sock.sendall(data)


def test_pop3_and_whoever_hangs_up(monkeypatch) -> None:
    monkeypatch.setattr(hangup, "LINGER", 0.05)

    async def run() -> None:
        done = asyncio.Event()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"z" * 20_000_000)
            await hang_up(reader, writer)
            async with asyncio.timeout(PATIENCE):
                await writer.wait_closed()
            done.set()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        with client(server.sockets[0].getsockname()[1]):
            async with asyncio.timeout(PATIENCE + 1):
                await done.wait()
        server.close()

    aio.run(run())
