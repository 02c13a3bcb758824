"""The loopback rung: everybody on 127.0.0.1, and a real capture on the loopback device.

It needs the right to listen there: root on Linux, root or ChmodBPF on macOS, Npcap on Windows. There is no
Ethernet on this rung, and no cable: whoever may listen on a machine hears what it says to itself.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
import weakref
from collections.abc import Callable

from scapy.config import conf

from ..names import HOSTS, WELL_KNOWN, Name
from .card import PACKET_IGNORE_OUTGOING, SOL_PACKET, Card, PacketCard, QueueCard
from .host import RungUnavailable
from .local import LOCAL, LocalServers
from .segment import ends_of

ETH_P_ALL = 3


class Loopback(LocalServers):
    """Servers on 127.0.0.1 and cards on the loopback device.

    Raises:
        RungUnavailable: we may not listen there.
    """

    rung = "loopback"
    real = (
        "Servers, clients and packets are real, captured on this computer's loopback device; "
        "the hosts share the address 127.0.0.1, other ports play 25, 110 and 587, and the switch is only "
        "imitated: it keeps the cards of mallory and mx silent."
    )

    within = "127.0.0.2"  # macOS has to be told first that this is its own: `ifconfig lo0 alias 127.0.0.2`
    _within = socket.inet_aton(within)

    def __init__(self, nat: bool = False) -> None:
        super().__init__()
        if nat:
            self.gate = "there is none here, and no need for one: everybody shares the address 127.0.0.1 anyway"
        self._cards: weakref.WeakSet[Card] = weakref.WeakSet()
        self.card(HOSTS["mallory"]).close()  # may we listen at all?

    def port(self, host: Name, service: str) -> int:
        return self._servers.get((host.name, WELL_KNOWN[service]), WELL_KNOWN[service])

    def address(self, host: Name) -> str:
        return LOCAL

    def route(self, source: Name, target: Name, port: int) -> tuple[str, int]:
        return self.address_of(target, port)

    def connect(self, source: Name, target: Name, port: int, timeout: float) -> socket.socket:
        return self.reach(source, target, port, timeout)

    def card(self, host: Name) -> Card:
        def keep(data: bytes) -> bool:
            return self._ours(data) and (self._mode == "hub" or host.name not in ("mallory", "mx"))

        card = linux_card(keep) if sys.platform == "linux" else other_card(keep)
        self._cards.add(card)
        return card

    def _ours(self, data: bytes) -> bool:
        """Is this one of the lab's own? Other programs use the loopback device too, and are none of our business.

        What comes from ``within`` stays on one host, where no card would hear it. With ends_of, not with Scapy, because
        on a busy machine there are many more frames of others than of ours.
        """
        ends = None if self.ended else ends_of(data)
        if ends is None or self._within in (ends.source[0], ends.target[0]):
            return False
        return any(port in self._servers.values() for _, port in (ends.source, ends.target))

    def take_down(self) -> None:
        """The device outlives the lab, and its ports may be somebody else's soon: all cards close."""
        for card in list(self._cards):
            card.close()


def linux_card(keep: Callable[[bytes], bool]) -> Card:
    """A packet socket on ``lo``, which shows each packet twice, going out and coming in: the first is ignored."""
    try:
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        sock.bind(("lo", ETH_P_ALL))
    except PermissionError:
        raise RungUnavailable("listening on the loopback device needs root") from None
    except OSError as error:
        raise RungUnavailable(f"the loopback device can't be listened to ({error})") from None
    return PacketCard(sock, keep)


def other_card(keep: Callable[[bytes], bool]) -> Card:
    """Scapy's own socket (BPF on macOS, Npcap on Windows), read by a thread so that nothing waits in a small buffer."""
    try:
        source = conf.L2listen(iface=conf.loopback_name)
    except Exception as error:  # Scapy raises whatever the system's library did
        raise RungUnavailable(
            f"listening on the loopback device needs root on macOS, Npcap on Windows ({error})"
        ) from None
    card = QueueCard()

    def read() -> None:
        # The thread that reads is also the one that closes: libpcap doesn't stand a close in the middle of a read.
        with contextlib.closing(source):
            while not card.closed:
                if not source.select([source], 0.1):
                    continue
                layer, data, _ = source.recv_raw()
                if layer and data and keep(data):
                    card.layer, card.linktype = layer, conf.l2types.layer2num.get(layer, 1)
                    card.put(time.time_ns(), data)

    threading.Thread(target=read, daemon=True, name="loopback card").start()
    return card
