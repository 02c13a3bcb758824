"""What the checks of several lessons do on the wire of the student's own lab."""

from __future__ import annotations

import poplib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

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


def apop_login(lab: Lab, user: str, respond: Callable[[str], Any]) -> str:
    """Log ``user`` in over POP3 with the digits that ``respond`` finds for the challenge; the server's answer."""
    mailbox = lab.alice.pop3()
    try:
        greeting = mailbox.getwelcome().decode()
        digest = respond(greeting[greeting.index("<") : greeting.index(">") + 1])
        return mailbox._shortcmd(f"APOP {user} {digest}").decode()  # type: ignore[attr-defined]
    except poplib.error_proto as error:
        return str(error.args[0].decode() if isinstance(error.args[0], bytes) else error)
    finally:
        mailbox.close()
