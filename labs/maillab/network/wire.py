"""A network card that also sends: what Scapy puts together goes out as it is, whoever it says it is from."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from scapy.layers.inet import IP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

from ..names import GATE_INSIDE, Name
from .card import PacketCard

EVERYBODY = "ff:ff:ff:ff:ff:ff"


class WireCard(PacketCard):
    """A card in the sandbox.

    Example::

        with lab.mallory.card() as card:
            card.send(Ether() / ARP(op="is-at", psrc=lab.alice.ip, pdst=lab.mail.ip))     # a lie
            card.send(Ether() / IP(src=lab.alice.ip, dst=lab.mail.ip) / TCP(dport=25))    # another one
    """

    def __init__(self, sock: socket.socket, host: Name, names: Mapping[str, Name]) -> None:
        super().__init__(sock)
        self._host, self._names = host, names

    def send(self, x: Packet) -> int:
        """Put one Ethernet frame on the wire; gives the number of bytes sent.

        Addresses left open are filled in: as the sender, this host; as the receiver of IP, the card that has that
        address; of ARP, everybody. (Scapy would take them from this computer's own network instead.)

        Raises:
            ValueError: it isn't an Ethernet frame, or it's open who is to get it.
        """
        if not isinstance(x, Ether):
            raise ValueError("A card sends whole frames: put Ether()/ in front.")
        self.fileno()  # says so if the card is closed
        frame = x.copy()
        fill(frame, src=self._host.mac)
        if ARP in frame:
            fill(frame[ARP], hwsrc=self._host.mac, psrc=self._host.ip)
            fill(frame, dst=EVERYBODY)
        elif IP in frame:
            fill(frame[IP], src=self._host.ip)
            fill(frame, dst=self._next_hop(frame[IP].dst))
        if frame.fields.get("dst") is None:
            raise ValueError("Say whose card is to get this frame: Ether(dst=lab.mail.mac)/…")
        return self.ins.send(bytes(frame))

    def _next_hop(self, address: str) -> str | None:
        """The card to which IP packets for ``address`` go from here: its own, or the router's."""
        for other in self._names.values():
            if other.ip == address:
                near = other.ip.rpartition(".")[0] == self._host.ip.rpartition(".")[0]
                return other.mac if near else GATE_INSIDE.mac
        return None


def fill(layer: Packet, **fields: str | None) -> None:
    """Set those fields of a layer that nobody has set."""
    for name, value in fields.items():
        if layer.fields.get(name) is None and value is not None:
            setattr(layer, name, value)
