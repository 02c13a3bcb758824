"""The way to the next server, tried: its policy, mx's certificate, and mallory between the two."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, ClassVar

from maillab.attacks import Middle, on_path
from maillab.clients import auth
from maillab.findings import findings
from maillab.views.desk import Desk

if TYPE_CHECKING:
    from maillab.lab import Lab

LISTENS, STRIPS, OWN = "listens", "strips the offer", "shows her own certificate"
PATIENCE = 8.0
"""Seconds for a mail to arrive, or for an attempt to fail."""


class HopDesk(Desk):
    """`HopDesk(lab)`: the button has alice send a mail to dave, in TLS, and looks how it goes on from her server.

    The lab needs `Lab(…, mx=True, tls=True)`.
    """

    choices: ClassVar[Mapping[str, tuple[str, Sequence[str]]]] = {
        "policy": ("mail to mx", ("clear", "opportunistic", "verified")),
        "certificate": ("mx shows", ("right", "expired")),
        "mallory": ("Mallory", (LISTENS, STRIPS, OWN)),
    }
    button = "Send a mail to Dave"
    caption = "From Alice's server to Dave's"
    headers = ("policy", "mx shows", "Mallory", "what became of the mail", "Mallory read it")

    def attempt(self, lab: Lab, **choice: str) -> tuple[str, str]:
        return send_on(lab, **choice)


def send_on(lab: Lab, policy: str, certificate: str, mallory: str) -> tuple[str, str]:
    """Alice sends dave a mail; how it arrived, or why it waits, and whether mallory read it on the second leg.

    Raises ServerError or OSError if it can't be tried.
    """
    mark = f"note {time.time_ns():x}"
    with ExitStack() as stack:
        stack.enter_context(lab.put_back())
        lab.next_hop(policy)
        lab.certificate(certificate, host="mx")
        stack.callback(lab.certificate, "right", host="mx")
        middle = None
        if mallory != LISTENS:
            impostor = lab.certificates / "impostor.pem" if mallory == OWN else None
            middle = Middle(lab.mallory, to="mx", strip=mallory == STRIPS, impostor=impostor, services=["smtp"])
            stack.enter_context(middle)
            stack.enter_context(on_path(lab, lab.mail, lab.mx))
        with lab.capture() as heard:
            send(lab, mark)
            became = wait(lab, mark)
    if became.startswith("waits"):
        wait(lab, mark, to_arrive=True)  # with everything put back it goes on its way
    if any(mark in (found.subject or "") for found in findings(heard)):
        return became, "on the wire"
    in_her_tls = middle is not None and any(mark in (found.subject or "") for found in findings(middle.frames()))
    return became, "in her TLS" if in_her_tls else "no"


def send(lab: Lab, subject: str) -> None:
    """Alice hands in a mail for dave, over TLS."""
    alice = lab.student.accounts["alice"]
    with lab.alice.smtps(lab.context()) as server:
        auth(server, "PLAIN", alice.name, alice.password)
        server.sendmail(alice.address, "dave@partner.example.test", f"Subject: {subject}\r\n\r\nNoon?\r\n")


def wait(lab: Lab, subject: str, to_arrive: bool = False) -> str:
    """What became of the mail with this subject: arrived, and how mx says it came, or waiting, and why.

    `to_arrive`: don't be content with that it waits.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        waiting = lab.queue()  # the newest is the last; a mail is here from the 250 on until mx has it
        if waiting and waiting[-1]["attempts"] and not to_arrive:
            return f"waits: {waiting[-1]['reply']}"
        for mail in reversed(lab.mails("dave") if not waiting else []):
            if subject.encode() in mail:
                how = re.search(rb"by mx\S* with (\S+)", mail)
                return f"arrived, with {how[1].decode() if how else '?'}"
        time.sleep(0.05)
    return "is on its way"
