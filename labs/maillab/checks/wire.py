"""What the checks of several lessons do on the wire of the student's own lab."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scapy.packet import Packet, Raw

if TYPE_CHECKING:
    from ..capture.recorder import Capture
    from ..lab import Lab


def one_login(lab: Lab) -> Capture:
    """Alice logs in over POP3 and out again, at a hub, and Mallory listens: what she heard."""
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
    return heard


def said(packet: Packet) -> bytes:
    """The bytes of the conversation in one packet; empty where it carries none."""
    return bytes(packet[Raw].load) if Raw in packet else b""
