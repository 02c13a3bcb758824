"""The tap rung: real servers, real clients and real bytes, on any system, without any privilege.

Where the system won't let us listen to its network, the client is led through a relay in this process, which
passes every byte on and notes who sent it when. From those notes ``scribe.py`` writes the frames that a card
would have heard. Nothing on this rung needs more than TCP on 127.0.0.1.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import subprocess
import threading
import time
from collections.abc import Sequence

from .card import Card, QueueCard
from .host import Network, spawn_here
from .names import PORTS, Name
from .scribe import Scribe, other

LOCAL = "127.0.0.1"
CHUNK = 65536


class Cards:
    """The cards open on a network that is not made of cables: whom a hub, or a switch, would let hear a frame."""

    def __init__(self) -> None:
        self.mode = "hub"
        self._cards: list[tuple[str, QueueCard]] = []
        self._lock = threading.Lock()

    def open(self, host: Name) -> QueueCard:
        card = QueueCard(self._forget)
        with self._lock:
            self._cards.append((host.name, card))
        return card

    def _forget(self, card: QueueCard) -> None:
        with self._lock:
            self._cards = [(name, kept) for name, kept in self._cards if kept is not card]

    def hear(self, ends: tuple[str, str], time_ns: int, data: bytes) -> None:
        """A frame between two hosts: a hub repeats it to everybody, a switch only to those two."""
        with self._lock:
            hearers = [card for name, card in self._cards if self.mode == "hub" or name in ends]
        for card in hearers:
            card.put(time_ns, data)


class Tap(Network):
    """Servers on 127.0.0.1, reached through a relay that records."""

    rung = "tap"
    real = (
        "Servers, clients and every byte between them are real; a relay recorded them. "
        "Ethernet, IP and TCP headers, hub and switch were synthesised around those bytes."
    )

    def __init__(self) -> None:
        self._cards = Cards()
        self._servers: dict[tuple[str, int], int] = {}
        self._open: set[socket.socket] = set()

    def publish(self, host: Name, service: str, port: int) -> None:
        self._servers[host.name, PORTS[service]] = port

    def spawn(self, host: Name, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        return spawn_here(argv)

    def card(self, host: Name) -> Card:
        return self._cards.open(host)

    def rewire(self, mode: str) -> None:
        self._cards.mode = mode

    def connect(self, source: Name, target: Name, port: int, timeout: float) -> socket.socket:
        def emit(time_ns: int, data: bytes) -> None:
            self._cards.hear((source.name, target.name), time_ns, data)

        client, near = pair(timeout)
        scribe = Scribe((source, client.getsockname()[1]), (target, port), emit)
        try:
            far = socket.create_connection((LOCAL, self._servers[target.name, port]), timeout)
        except (KeyError, ConnectionRefusedError):
            scribe.refused(time.time_ns())
            client.close()
            near.close()
            raise ConnectionRefusedError(f"Nobody listens on {target.name}, port {port}.") from None
        scribe.opened(time.time_ns())
        self._open |= {near, far}
        threading.Thread(target=self._relay, args=(near, far, scribe), daemon=True, name="tap").start()
        return client

    def _relay(self, near: socket.socket, far: socket.socket, scribe: Scribe) -> None:
        """Pass bytes on in both directions until both sides are done; write each chunk down before it goes on."""
        who = {near: "client", far: "server"}
        facing = {near: far, far: near}
        with selectors.DefaultSelector() as selector, near, far:
            for sock in who:
                sock.settimeout(None)
                selector.register(sock, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select():
                    sock = near if key.fileobj is near else far
                    try:
                        data = sock.recv(CHUNK)
                        now = time.time_ns()
                        if data:
                            scribe.data(now, who[sock], data)
                            facing[sock].sendall(data)
                            continue
                        scribe.finished(now, who[sock])
                        selector.unregister(sock)
                        facing[sock].shutdown(socket.SHUT_WR)
                    except (ConnectionError, OSError) as error:
                        # recv failed: this end broke off. sendall or shutdown failed: the other one is gone.
                        broken = who[sock] if isinstance(error, ConnectionResetError) else other(who[sock])
                        scribe.reset(time.time_ns(), broken)
                        selector.close()
                        self._open -= {near, far}
                        return
        self._open -= {near, far}

    def close(self) -> None:
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def pair(timeout: float) -> tuple[socket.socket, socket.socket]:
    """Two ends of a new TCP connection over 127.0.0.1, and nobody else's: any other caller is turned away."""
    with socket.create_server((LOCAL, 0)) as listener:
        client = socket.create_connection(listener.getsockname(), timeout)
        while True:
            near, peer = listener.accept()
            if peer == client.getsockname():
                return client, near
            near.close()
