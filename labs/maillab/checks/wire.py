"""What the checks of several lessons do on the wire of the student's own lab."""

from __future__ import annotations

from typing import Any

from scapy.layers.inet import TCP
from scapy.packet import Packet, Raw


def one_login(lab: Any) -> list[Packet]:
    """Alice logs in over POP3 and out again, and Mallory listens: the packets with TCP in them."""
    mode, lab.mode = lab.mode, "hub"
    try:
        alice = lab.student.accounts["alice"]
        with lab.capture() as heard:
            mailbox = lab.alice.pop3()
            mailbox.user(alice.name)
            mailbox.pass_(alice.password)
            mailbox.quit()
    finally:
        lab.mode = mode
    return [packet for packet in heard.packets if TCP in packet]


def said(packet: Packet) -> bytes:
    """The bytes of the conversation in one packet; empty where it carries none."""
    return bytes(packet[Raw].load) if Raw in packet else b""
