"""On the path: everything that alice sends to mail comes by mallory's computer first."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..names import PORTS
from ..network import Host
from .arp import Spoof

if TYPE_CHECKING:
    from ..lab import Lab


@contextlib.contextmanager
def on_path(lab: Lab, victim: Host | None = None, target: Host | None = None, by: Host | None = None) -> Iterator[None]:
    """For as long as the block lasts mallory (or ``by``) stands between two hosts, alice and mail by default.

    In the sandbox two things together do it: the victim is told by ARP that the target's address is at mallory's card
    (:class:`Spoof`), and mallory's computer keeps what comes for that address (:meth:`Host.intercept`). On tap and
    loopback the victim's connections are led to her. Whoever listens at mallory (:class:`Middle`) gets them.

    Raises:
        RungUnavailable: on the replay rung.
        TimeoutError: the victim doesn't answer ARP.

    Example::

        with Middle(lab.mallory, strip=True), on_path(lab):
            lab.alice.pop3().capa()          # it's mallory who answers, and she has left something out
    """
    victim, target, between = victim or lab.alice, target or lab.mail, by or lab.mallory
    with contextlib.ExitStack() as stack:
        stack.enter_context(between.intercept(target))
        if lab.rung == "sandbox":
            stack.enter_context(Spoof(between.card(), victim=victim, instead_of=target))
        elif lab.rung == "loopback" and victim is lab.mail:
            stack.enter_context(misled(lab))
        yield


@contextlib.contextmanager
def misled(lab: Lab) -> Iterator[None]:
    """Loopback only: the mail server takes mallory for the next hop. It was told an address when it started, and opens
    its connections itself, so they can't be led elsewhere. Mallory has to listen already."""
    before = lab.server.ask("next_hop")["address"]
    lab.server.ask("next_hop", address=lab.network.route(lab.mail.info, lab.mallory.info, PORTS["smtp"]))
    try:
        yield
    finally:
        lab.server.ask("next_hop", address=before)
