"""Records what a card hears, and loses nothing: neither the first frame, nor the last, nor one in between.

How that is done: the card is opened before the traffic begins; one thread does nothing but read bytes from it,
which are dissected only afterwards; and the recording stops when the connections it saw have ended and the card
has been silent for a moment, not when the caller says so. The system's own count of lost frames is shown.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import SupportsBytes

import scapy.layers.inet  # noqa: F401  (so that Scapy knows IP and TCP)
from scapy.packet import Packet

from ..network.card import QUIET, Card
from ..network.segment import FIN, RST, SYN, ends_of
from .files import write_pcapng
from .frame import Frame

UNFINISHED = 1.0
"""Seconds of silence after which a connection that is still open isn't waited for any longer."""
PATIENCE = 3.0
"""Seconds after which a recording stops even if the card is never silent."""
MOST = 256 << 20
"""Bytes a recording may hold; what comes after that is counted as dropped."""


class Capture:
    """A recording, made by ``with lab.capture() as cap:``; complete when the block ends.

    Example::

        with lab.capture() as cap:
            lab.alice.pop3().quit()
        print(cap)              # 12 frames, 853 bytes, 0 dropped: mallory's card (sandbox)
        cap.packets[0].show()   # Scapy's view of the first
    """

    def __init__(self, card: Card, where: str = "a card", comment: str = "") -> None:
        self._card, self._where, self._comment = card, where, comment
        self._heard: list[tuple[int, bytes]] = []
        self._bytes = 0
        self._dropped = 0
        self._deadline = 0.0
        self._open: dict[frozenset[tuple[bytes, int]], set[tuple[bytes, int]]] = {}
        self._cut = False
        self._packets: list[Packet] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True, name="capture")

    def start(self) -> Capture:
        """Begin; happens by itself at the start of a ``with`` block."""
        if self._thread.ident is not None:
            raise RuntimeError("A recording is made once: take another with lab.capture().")
        self._thread.start()
        return self

    def __enter__(self) -> Capture:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _listen(self) -> None:
        last = time.monotonic()
        while True:
            stopping = self._stop.is_set()  # asked before the silence: what comes between silence and question counts
            try:
                heard = self._card.wait(QUIET)
            except (EOFError, OSError, ValueError):  # the card is gone, because the lab ended
                self._cut = True
                return
            if heard:
                self._keep(self._card.fetch())
                last = time.monotonic()
            elif stopping and (time.monotonic() - last >= UNFINISHED or not self._open):
                return
            if stopping and time.monotonic() >= self._deadline:
                return

    def _keep(self, frame: tuple[int, bytes] | None) -> None:
        if frame is None:
            return
        if self._bytes + len(frame[1]) > MOST:
            self._dropped += 1
            return
        self._heard.append(frame)
        self._bytes += len(frame[1])
        self._count(frame[1])

    def _count(self, data: bytes) -> None:
        """Follow which connections have begun and not ended (FIN from both sides, or RST).

        From the bytes, not with Scapy: dissecting takes longer than capturing, and this happens in between.
        """
        ends = ends_of(data)
        if ends is None:
            return
        key = frozenset((ends.source, ends.target))
        if ends.flags & SYN:
            self._open.setdefault(key, set())
        elif ends.flags & RST:
            self._open.pop(key, None)
        elif ends.flags & FIN and key in self._open:
            self._open[key].add(ends.source)
            if len(self._open[key]) == 2:
                del self._open[key]

    def stop(self) -> None:
        """Stop when what is under way is over; happens by itself at the end of the ``with`` block."""
        self._deadline = time.monotonic() + PATIENCE
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if not self._card.closed:
            self._dropped += self._card.dropped()
            self._card.close()

    @property
    def packets(self) -> list[Packet]:
        """The frames as Scapy packets, in the order in which they were heard."""
        for time_ns, data in self._heard[len(self._packets) :]:
            packet = self._card.layer(data)
            packet.time = time_ns / 1e9
            self._packets.append(packet)
        return self._packets

    @property
    def frames(self) -> list[Frame]:
        """The frames as bytes, with exact times."""
        return [
            Frame(number, time_ns, self._card.linktype, data, len(data))
            for number, (time_ns, data) in enumerate(self._heard, start=1)
        ]

    @property
    def dropped(self) -> int:
        """How many frames were lost because they came faster than they could be read."""
        return self._dropped

    def save(self, path: str | Path, keylog: str | PathLike[str] | SupportsBytes | None = None) -> Path:
        """Write a pcapng file, which Wireshark opens; its comment says how the frames came about.

        Args:
            keylog: a TLS key log, as a path or as bytes, that goes into the file: whoever opens it reads everything.
        """
        secrets = Path(keylog).read_bytes() if isinstance(keylog, (str, PathLike)) else bytes(keylog or b"")
        write_pcapng(path, self.frames, comment=self._comment or None, secrets=secrets or None)
        return Path(path)

    def __iter__(self) -> Iterator[Frame]:
        return iter(self.frames)

    def __len__(self) -> int:
        return len(self._heard)

    def __repr__(self) -> str:
        cut = ", cut short because the lab ended" if self._cut else ""
        return f"{len(self)} frames, {self._bytes:,} bytes, {self.dropped} dropped{cut}: {self._where}"
