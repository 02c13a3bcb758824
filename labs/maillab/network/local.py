"""Servers beside us on 127.0.0.1: what the rungs have in common that have no network of their own to put them in."""

from __future__ import annotations

import socket
import subprocess
import sys
import weakref
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from ..names import WELL_KNOWN, Name
from .host import Network, nobody_listens
from .takeover import before

LOCAL = "127.0.0.1"


class LocalServers(Network):
    """Servers that listen on any free port of 127.0.0.1, and report which."""

    def __init__(self) -> None:
        self._servers: dict[tuple[str, int], int] = {}
        # Weakly held: one that nobody can accept on any more goes, as a socket does.
        self._listeners: dict[tuple[str, int], weakref.ref[socket.socket]] = {}

    def publish(self, host: Name, service: str, port: int) -> None:
        self._servers[host.name, WELL_KNOWN[service]] = port

    def withdraw(self, host: Name, service: str) -> None:
        self._servers.pop((host.name, WELL_KNOWN[service]), None)

    def bind_to(self, host: Name) -> tuple[str, bool]:
        return LOCAL, False

    def connect_within(self, host: Name, port: int, timeout: float) -> socket.socket:
        return socket.create_connection((LOCAL, port), timeout)

    def intercept(self, host: Name, target: Name) -> AbstractContextManager[None]:
        """What others connect to ``target`` for goes to ``host``: :meth:`reach` sees to it."""
        return before(self, host, target)

    def reach(self, source: Name, target: Name, port: int, timeout: float) -> socket.socket:
        """A connection from ``source`` to the server that plays ``port`` of ``target``, or to who stands before it.

        Raises:
            ConnectionRefusedError: there is none.
        """
        between = self.intercepted.get(target.name, source)
        answers = target if between.name == source.name else between
        try:
            return socket.create_connection(self.address_of(answers, port), timeout)
        except ConnectionRefusedError:
            raise nobody_listens(target, port) from None

    def address_of(self, target: Name, port: int) -> tuple[str, int]:
        """Where the server really is that plays ``port`` of ``target``.

        Raises:
            ConnectionRefusedError: there is none.
        """
        try:
            return LOCAL, self._servers[target.name, port]
        except KeyError:
            raise nobody_listens(target, port) from None

    def listen(self, host: Name, port: int) -> socket.socket:
        place = host.name, port
        before = self._listeners[place]() if place in self._listeners else None
        if place in self._servers and (place not in self._listeners or (before and before.fileno() != -1)):
            raise OSError(f"Nobody else can listen on {host.name}, port {port}, now.")
        listener = socket.create_server((LOCAL, 0))
        self._listeners[place] = weakref.ref(listener)
        self._servers[place] = listener.getsockname()[1]
        return listener

    def spawn(self, host: Name, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        return subprocess.Popen(list(argv), stdin=pipe, stdout=pipe, stderr=pipe, **apart())


def apart() -> dict[str, Any]:
    """For Popen: a session of its own (on Windows a process group), so that Jupyter's interrupt, which goes to the
    whole group, stops the learner's cell and not the mail server."""
    # 0x200 is CREATE_NEW_PROCESS_GROUP
    return {"creationflags": 0x200} if sys.platform == "win32" else {"start_new_session": True}
