"""Who leaks? Mail programs with mallory in the middle, and what she read.

The programs are told that mallory is mail, which is what ARP or DNS would tell them on her network. None of them is
tricked in any other way: what they do is their policy (RFC 8314 section 5.1, RFC 7435).
"""

from __future__ import annotations

import poplib
import smtplib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..findings import findings
from ..names import PORTS
from ..scratch import Scratch
from .mailers import CLIENTS, USER, Client, Scene, installed
from .middle import Middle

if TYPE_CHECKING:
    from ..lab import Lab

SITUATIONS = {
    "untouched": "mallory passes everything on",
    "stripped": "mallory removes the offer of STLS or STARTTLS",
    "impostor": "mallory speaks TLS herself, with a certificate that she made",
}


@dataclass(frozen=True)
class Leak:
    """What one client did in one situation."""

    client: str
    policy: str
    how: str
    service: str
    situation: str
    did: str
    """``logged in over TLS``, ``logged in in the clear``, ``gave up`` or ``not installed``."""
    read: str
    """Where mallory read the password: ``on the wire``, ``in her TLS``, or nowhere."""
    said: str = ""
    """Its first complaint, or its last words."""


def leaks(lab: Lab, situations: Iterable[str] = tuple(SITUATIONS), clients: Iterable[Client] = CLIENTS) -> list[Leak]:
    """Let each client log in as alice in each situation, with mallory in the middle.

    For that time the mail server takes passwords in the clear (``plaintext_login``), as most still do.

    Raises:
        RuntimeError: the lab has no TLS, or is a recording.

    Example::

        for leak in leaks(lab, ["stripped"]):
            print(leak.client, leak.policy, leak.did, leak.read)
    """
    found = []
    with lab.put_back(), Scratch() as folder:
        impostor = lab.certificates / "impostor.pem"
        lab.allow(*{*lab.server.ask("weakness")["on"], "plaintext_login"})
        for situation in situations:
            with Middle(
                lab.mallory, strip=situation == "stripped", impostor=impostor if situation == "impostor" else None
            ) as middle:
                for number, client in enumerate(clients):
                    home = folder / f"{situation}-{number}"
                    home.mkdir()
                    found.append(_try(lab, client, situation, middle, home))
    return found


def _try(lab: Lab, client: Client, situation: str, middle: Middle, home: Path) -> Leak:
    who = (client.name, client.policy, client.how, client.service, situation)
    if not installed(client.name):
        return Leak(*who, "not installed", "")
    address, port = lab.network.route(lab.alice.info, lab.mallory.info, PORTS[client.service])
    scene = Scene(
        lab.alice, address, port, lab.student.password(USER), lab.context(), lab.context(verify=False),
        lab.certificates / "ca.pem", home,
    )  # fmt: skip
    connections, events = len(middle.connections), len(lab.log())
    with lab.capture() as heard:
        try:
            said = client.run(scene)
        except (OSError, poplib.error_proto, smtplib.SMTPException) as error:
            said = str(error)
    mine = middle.connections[connections:]
    did = "gave up"
    if lab.logged_in(since=events):
        did = "logged in over TLS" if any(one.tls for one in mine) else "logged in in the clear"
    read = ""
    if _password_in(heard, scene.password):
        read = "on the wire"
    elif any(_password_in(one.frames(), scene.password) for one in mine):
        read = "in her TLS"
    return Leak(*who, did, read, said)


def _password_in(frames: Any, password: str) -> bool:
    return any(found.password == password for found in findings(frames))
