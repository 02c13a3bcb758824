"""A network card that Scapy can listen on.

``sniff(opened_socket=card)`` and ``AsyncSniffer(opened_socket=card)`` work as with Scapy's own sockets, but
nothing is lost at either end of a capture:

* A card hears from the moment it is opened. Frames wait in it until somebody reads, so it doesn't matter
  whether the sniffer's thread was up before the traffic began.
* Scapy's ``stop()`` ends its loop at once and leaves what is still queued, most often the FINs. A card keeps
  that loop busy until its queue has been silent for :data:`LINGER` seconds (see :meth:`Card.select`).
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from scapy.automaton import ObjectPipe, select_objects
from scapy.layers.l2 import Ether
from scapy.packet import Packet
from scapy.supersocket import SuperSocket

QUIET = 0.02
"""Seconds without a frame after which a burst counts as over."""
LINGER = 0.5
"""The same for a sniffer that was told to stop: the last FIN is often still under way then."""
AT_MOST = 3.0
"""Seconds after which such a sniffer stops although frames still come."""
MOST = 64 << 20
"""Bytes that may wait in a card; what comes on top is counted as dropped."""

SOL_PACKET, PACKET_STATISTICS, PACKET_IGNORE_OUTGOING = 263, 6, 23
SO_TIMESTAMPNS, SO_RCVBUFFORCE = 35, 33
LARGEST = 1 << 17
"""More than any frame: loopback carries up to 65,549 bytes in one."""


class Card(SuperSocket):
    """Base of all cards: what Scapy expects of a socket, over :meth:`read`."""

    desc = "a network card of the lab"
    nonblocking_socket = False
    __selectable_force_select__ = True  # Windows: our fileno is a socket, not an event (scapy.automaton)
    linktype: int = 1
    layer: type[Packet] = Ether

    def __init__(self) -> None:  # not SuperSocket's: that one would open a socket on the real network
        self.outs = None
        self.closed = False
        self._waiting: tuple[int, bytes] | None = None

    @abstractmethod
    def read(self) -> tuple[int, bytes] | None:
        """The next frame as (time in ns since 1970, bytes); None if there is none, or not for us. Never blocks."""

    def send(self, x: Packet) -> int:
        """Put a frame on the wire; only a card of the sandbox can (:class:`maillab.network.wire.WireCard`)."""
        raise NotImplementedError("Only the sandbox has a wire that frames can be sent on; this card just listens.")

    def dropped(self) -> int:
        """How many frames were lost, because nobody read them in time, since this was last asked."""
        return 0

    def wait(self, seconds: float) -> bool:
        """Wait until a frame is there; False when none came within ``seconds``."""
        deadline = time.monotonic() + seconds
        while self._waiting is None:
            if not select_objects([self], max(0.0, deadline - time.monotonic())):
                return False
            self._waiting = self.read()
            if self._waiting is None and time.monotonic() >= deadline:
                return False
        return True

    def fetch(self) -> tuple[int, bytes] | None:
        """Take the next frame, if there is one. Never blocks."""
        frame, self._waiting = self._waiting or self.read(), None
        return frame

    def recv_raw(self, x: int = LARGEST) -> tuple[type[Packet] | None, bytes | None, float | None]:
        frame = self.fetch()
        return (self.layer, frame[1], frame[0] / 1e9) if frame else (None, None, None)

    def fileno(self) -> int:
        if self.closed:
            raise ConnectionError("This card is closed: open another with .card().")
        return super().fileno()

    @staticmethod
    def select(sockets: list[Any], remain: float | None = None) -> Iterable[Any]:  # type: ignore[override]
        """Scapy's question "which of these can be read?".

        Scapy reads one packet from each socket in the answer, and after it looks whether it has been told to stop.
        So the answer is a generator: it is asked for the next socket only when the last packet has been dealt
        with, and if Scapy's bell (a pipe that stop() writes to) has rung by then, it goes on until all is read.
        """
        cards = [s for s in sockets if isinstance(s, Card)]
        bells = [s for s in sockets if isinstance(s, ObjectPipe)]

        def rung() -> bool:
            # Asked of the pipe's queue, not with select(): that would let the thread that stops us in between
            # the question and the answer, and Scapy would be gone before it reads on.
            return any(not bell.empty() for bell in bells)

        ready = select_objects(sockets, 0 if any(card._waiting for card in cards) else remain)
        return turns(cards, [card for card in cards if card._waiting or card in ready], bells, rung)


def turns(cards: list[Card], ready: list[Card], bells: list[Any], rung: Callable[[], bool]) -> Iterator[Any]:
    """The sockets that Scapy is to read from, one after the other; after its bell has rung, until nothing comes."""
    yield from ready
    deadline = time.monotonic() + AT_MOST
    while rung() and time.monotonic() < deadline:
        late = [card for card in cards if card.wait(LINGER)]
        if not late:
            break
        yield from late
    if rung():
        yield from bells


class PacketCard(Card):
    """A card on Linux: a packet socket (``man 7 packet``), already bound to its device."""

    def __init__(self, sock: socket.socket, keep: Callable[[bytes], bool] | None = None) -> None:
        super().__init__()
        self.ins = sock
        self._keep = keep
        sock.setblocking(False)
        sock.set_inheritable(False)
        try:
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 25)
        except PermissionError:  # only root; for everybody else the system has a limit
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 25)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    def read(self) -> tuple[int, bytes] | None:
        try:
            data, ancillary, _, _ = self.ins.recvmsg(LARGEST, 64)
        except BlockingIOError:
            return None
        except OSError:  # the device is gone, because the lab has ended
            raise EOFError from None
        if self._keep and not self._keep(data):
            return None
        for _, kind, value in ancillary:
            if kind == SO_TIMESTAMPNS:
                seconds, nanoseconds = struct.unpack("ll", value)
                return seconds * 10**9 + nanoseconds, data
        return time.time_ns(), data

    def dropped(self) -> int:
        _, lost = struct.unpack("II", self.ins.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        return int(lost)


class QueueCard(Card):
    """A card into which the lab itself puts frames, from any thread; works on every system."""

    def __init__(self) -> None:
        super().__init__()
        self.ins, self._bell = socket.socketpair()  # one byte for each waiting frame wakes a select()
        self.ins.setblocking(False)
        self._bell.setblocking(False)
        self._frames: deque[tuple[int, bytes]] = deque()
        self._lock = threading.Lock()
        self._rung = False
        self._bytes = self._lost = 0

    def put(self, time_ns: int, data: bytes) -> None:
        """Let the card hear one frame."""
        with self._lock:
            if self.closed:
                return
            if self._bytes + len(data) > MOST:
                self._lost += 1
                return
            self._frames.append((time_ns, data))
            self._bytes += len(data)
            if not self._rung:
                self._rung = True
                self._bell.send(b"!")

    def read(self) -> tuple[int, bytes] | None:
        with self._lock:
            frame = self._frames.popleft() if self._frames else None
            self._bytes -= len(frame[1]) if frame else 0
            if not self._frames and self._rung:
                self._rung = False
                self.ins.recv(1)
            return frame

    def dropped(self) -> int:
        lost, self._lost = self._lost, 0
        return lost

    def close(self) -> None:
        with self._lock:
            if self.closed:
                return
            super().close()
            self._bell.close()
