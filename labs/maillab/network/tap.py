"""The tap rung: real servers, real clients and real bytes, on any system, without any privilege.

Where the system won't let us listen to its network, the client is led through a relay in this process, which
passes every byte on and notes who sent it when. From those notes ``scribe.py`` writes the frames that a card
would have heard. Nothing on this rung needs more than TCP on 127.0.0.1.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
import weakref

from ..names import AS_GATE, GATE, Name
from .card import Card, QueueCard
from .local import LOCAL, LocalServers
from .scribe import Scribe, other

CHUNK = 65536
DOOR = 0.2
"""Seconds after which a door looks whether the lab has ended: closing it doesn't wake it on every system."""
REACH = 10.0
"""Seconds in which a server on this machine has to answer."""
SETTLE = 0.5
"""Seconds that a new card waits for what is still under way."""


class Cards:
    """The cards open on a network that is not made of cables: whom a hub, or a switch, would let hear a frame."""

    def __init__(self) -> None:
        self.mode = "hub"
        # Weakly held: a card that nobody can read any more goes, as a socket would.
        self._cards: weakref.WeakKeyDictionary[QueueCard, str] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def open(self, host: Name) -> QueueCard:
        card = QueueCard()
        with self._lock:
            self._cards[card] = host.name
        return card

    def close(self) -> None:
        """The cable is cut: all cards close."""
        for card in list(self._cards):
            card.close()

    def now(self) -> weakref.WeakSet[QueueCard]:
        """The cards that are open now."""
        with self._lock:
            return weakref.WeakSet(self._cards)

    def hear(
        self, ends: tuple[str, str], time_ns: int, data: bytes, listening: weakref.WeakSet[QueueCard] | None = None
    ) -> None:
        """A frame between two hosts: a hub repeats it to everybody, a switch only to those two.

        ``listening``: only these cards can hear it; by default all.
        """
        with self._lock:
            hearers = [card for card, name in self._cards.items() if self.mode == "hub" or name in ends]
        for card in hearers:
            if listening is None or card in listening:
                card.put(time_ns, data)


class Tap(LocalServers):
    """Servers on 127.0.0.1, reached through a relay that records."""

    rung = "tap"
    real = (
        "Servers, clients and every byte between them are real; a relay recorded them. "
        "Ethernet, IP and TCP headers, hub and switch were synthesised around those bytes."
    )

    def __init__(self, nat: bool = False) -> None:
        super().__init__()
        if nat:
            self.names = AS_GATE
            self.gate = (
                f"{GATE.ip}  has no address to translate here: alice and mallory share it in all frames, as the mail "
                "server would see them; in its own log everybody is 127.0.0.1"
            )
        self._cards = Cards()
        self._open: set[socket.socket] = set()
        self._ending: set[Scribe] = set()  # of connections that one side has ended
        self._doors: dict[tuple[str, str, int], tuple[str, int]] = {}

    def card(self, host: Name) -> Card:
        """A card, once connections that are ending have ended: on a cable that takes no time, here relays have to.

        Without that, the first thing a card heard could be the last word of the connection before.
        """
        deadline = time.monotonic() + SETTLE
        while self._under_way() and time.monotonic() < deadline:
            time.sleep(0.001)
        return self._cards.open(host)

    def _under_way(self) -> bool:
        """Is there something that a relay hasn't passed on yet, or a connection that only one side has ended?"""
        try:
            with selectors.DefaultSelector() as selector:
                for sock in list(self._open):
                    selector.register(sock, selectors.EVENT_READ)
                # In this order: an end is noted before its socket leaves _open.
                return bool(selector.select(0) or self._ending)
        except (OSError, ValueError, KeyError):  # one was closed meanwhile
            return True

    def rewire(self, mode: str) -> None:
        self._cards.mode = mode

    def connect(self, source: Name, target: Name, port: int, timeout: float) -> socket.socket:
        client, near = pair(timeout)
        try:
            self._lead(near, source, target, port, timeout)
        except ConnectionRefusedError:
            client.close()
            raise
        return client

    def route(self, source: Name, target: Name, port: int) -> tuple[str, int]:
        """A door of our own, behind which a server's connection is led on and recorded like a client's.

        What a server says to its own host is on no cable: nobody hears it.
        """
        if source.name == target.name:
            return self.address_of(target, port)
        if (source.name, target.name, port) not in self._doors:
            self._doors[source.name, target.name, port] = self._open_door(source, target, port)
        return self._doors[source.name, target.name, port]

    def _open_door(self, source: Name, target: Name, port: int) -> tuple[str, int]:
        listener = socket.create_server((LOCAL, 0))
        listener.settimeout(DOOR)
        self._open.add(listener)
        address: tuple[str, int] = listener.getsockname()
        threading.Thread(
            target=self._doorkeeper, args=(listener, source, target, port), daemon=True, name="tap"
        ).start()
        return address

    def _doorkeeper(self, listener: socket.socket, source: Name, target: Name, port: int) -> None:
        with listener:
            while not self.ended:
                try:
                    near, _ = listener.accept()
                except TimeoutError:
                    continue
                except OSError:
                    return
                # Who knocks sees a connection that closes at once where another host would refuse it.
                with contextlib.suppress(OSError):
                    self._lead(near, source, target, port, REACH)

    def _lead(self, near: socket.socket, source: Name, target: Name, port: int, timeout: float) -> None:
        """Lead what came in at ``near``, from a client on ``source``, to the server, and write all of it down.

        Raises:
            ConnectionRefusedError: there is no server; that is written down too.
        """

        def emit(time_ns: int, data: bytes) -> None:
            self._cards.hear((source.name, target.name), time_ns, data)

        scribe = Scribe((source, near.getpeername()[1]), (target, port), emit)
        try:
            far = self.reach(source, target, port, timeout)
        except ConnectionRefusedError:
            scribe.refused(time.time_ns())
            near.close()
            raise
        scribe.opened(time.time_ns())
        for sock in (near, far):
            sock.settimeout(None)
        self._open |= {near, far}
        one = threading.Lock()  # the scribe takes one line at a time
        for who, source_sock, target_sock in (("client", near, far), ("server", far, near)):
            threading.Thread(
                target=self._pass_on, args=(who, source_sock, target_sock, scribe, one), daemon=True, name="tap"
            ).start()

    def _pass_on(
        self, who: str, source: socket.socket, target: socket.socket, scribe: Scribe, one: threading.Lock
    ) -> None:
        """Pass on what ``who`` says until there is no more; write each chunk down before it goes on."""
        try:
            while True:
                data = source.recv(CHUNK)
                with one:
                    if not data:
                        self._ending.add(scribe)
                        scribe.finished(time.time_ns(), who)
                    else:
                        scribe.data(time.time_ns(), who, data)
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    break
                target.sendall(data)
        except OSError as error:
            # A failed recv means that this end broke off; a failed sendall or shutdown, that the other one did.
            with one:
                scribe.reset(time.time_ns(), who if isinstance(error, ConnectionResetError) else other(who))
            for sock in (source, target):
                reset(sock)
        finally:
            self._done(source, target, scribe)

    def _done(self, source: socket.socket, target: socket.socket, scribe: Scribe) -> None:
        """Close both ends when both directions are through."""
        self._open.discard(source)
        if target not in self._open:
            self._ending.discard(scribe)
            source.close()
            target.close()

    def take_down(self) -> None:
        self._cards.close()
        for sock in list(self._open):
            reset(sock)


def reset(sock: socket.socket) -> None:
    """Let both the reader and the far end of a connection know that it is over."""
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
