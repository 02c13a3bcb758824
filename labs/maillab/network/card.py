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
from collections.abc import Callable
from typing import Any

from scapy.automaton import select_objects
from scapy.layers.l2 import Ether
from scapy.packet import Packet
from scapy.supersocket import SuperSocket

QUIET = 0.02
"""Seconds without a frame after which a burst counts as over."""
LINGER = 0.5
"""The same for a sniffer that was told to stop: the last FIN is often still under way then."""

SOL_PACKET, PACKET_STATISTICS, PACKET_IGNORE_OUTGOING = 263, 6, 23
SO_TIMESTAMPNS = 35
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
        self._batch: list[Any] = []
        self._others: list[Any] = []

    @abstractmethod
    def read(self) -> tuple[int, bytes] | None:
        """The next frame as (time in ns since 1970, bytes); None if there is none, or not for us. Never blocks."""

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
        # Scapy reads one packet for each time a socket stands in the list that select() gave it. Lengthening
        # that list while Scapy walks it is what holds the loop, also after stop(), until all has been read.
        if self.wait(QUIET) or (self._stopping() and self.wait(LINGER)):
            self._batch.append(self)
        if frame is None:
            return None, None, None
        return self.layer, frame[1], frame[0] / 1e9

    def _stopping(self) -> bool:
        """Has Scapy's stop() rung? Its bell is a pipe that it puts beside the cards."""
        bells = [bell for bell in self._others if not bell.closed]
        return bool(bells and select_objects(bells, 0))

    @staticmethod
    def select(sockets: list[Any], remain: float | None = None) -> list[Any]:
        """Scapy's question "which of these can be read?"; cards go first, so that a stop is seen last."""
        cards = [s for s in sockets if isinstance(s, Card)]
        batch = [card for card in cards if card._waiting]
        ready = select_objects(sockets, 0 if batch else remain)
        batch += [s for s in ready if isinstance(s, Card) and s not in batch]
        others = [s for s in ready if not isinstance(s, Card)]
        if others and not batch:  # stop() was called: what is under way still counts
            batch = [card for card in cards if card.wait(LINGER)]
        if not batch:
            return others
        for card in cards:
            card._batch, card._others = batch, [s for s in sockets if not isinstance(s, Card)]
        return batch


class PacketCard(Card):
    """A card on Linux: a packet socket (``man 7 packet``), already bound to its device."""

    def __init__(self, sock: socket.socket, keep: Callable[[bytes], bool] | None = None) -> None:
        super().__init__()
        self.ins = sock
        self._keep = keep
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)  # the kernel grants what its limit allows
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    def read(self) -> tuple[int, bytes] | None:
        try:
            data, ancillary, _, _ = self.ins.recvmsg(LARGEST, 64)
        except BlockingIOError:
            return None
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

    def __init__(self, on_close: Callable[[QueueCard], None]) -> None:
        super().__init__()
        self.ins, self._bell = socket.socketpair()  # one byte for each waiting frame wakes a select()
        self.ins.setblocking(False)
        self._bell.setblocking(False)
        self._frames: deque[tuple[int, bytes]] = deque()
        self._lock = threading.Lock()
        self._on_close = on_close
        self._rung = False

    def put(self, time_ns: int, data: bytes) -> None:
        """Let the card hear one frame."""
        with self._lock:
            if self.closed:
                return
            self._frames.append((time_ns, data))
            if not self._rung:
                self._rung = True
                self._bell.send(b"!")

    def read(self) -> tuple[int, bytes] | None:
        with self._lock:
            frame = self._frames.popleft() if self._frames else None
            if not self._frames and self._rung:
                self._rung = False
                self.ins.recv(1)
            return frame

    def close(self) -> None:
        with self._lock:
            if self.closed:
                return
            super().close()
            self._bell.close()
        self._on_close(self)
