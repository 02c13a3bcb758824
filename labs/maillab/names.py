"""Who is who in the lab: four hosts, their names, addresses and well-known ports.

The addresses are from TEST-NET-1 (RFC 5737 section 3), the name from ``.test`` (RFC 6761 section 6.2): neither
can belong to anybody, so nothing that the lab prints or records can be mistaken for a real machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

DOMAIN = "example.test"
PARTNER = "partner.example.test"
"""Whose mail ``mx`` takes: a domain of its own, though its name stands below ours."""

PORTS = {"smtp": 25, "pop3": 110, "submission": 587, "pop3s": 995, "submissions": 465}
"""Well-known port of each service the lab can offer (IANA)."""
IMPLICIT_TLS = ("pop3s", "submissions")
"""Those that are in TLS from the first octet (RFC 8314 section 3); they run where the lab has TLS."""
CLEAR = {service: port for service, port in PORTS.items() if service not in IMPLICIT_TLS}
"""Those that begin in the clear; what a lab has by default."""
WELL_KNOWN = {**PORTS, "ssh": 22}
"""All of them, and SSH, which carries mail only inside."""


@dataclass(frozen=True)
class Name:
    """One host of the lab: what it is called, where it is and what it is there for."""

    name: str
    ip: str
    mac: str
    role: str

    @property
    def fqdn(self) -> str:
        """The full name.

        >>> HOSTS["mail"].fqdn
        'mail.example.test'
        """
        return f"{self.name}.{DOMAIN}"


HOSTS = {
    host.name: host
    for host in (
        Name("alice", "192.0.2.10", "02:00:00:00:00:10", "reads and sends mail"),
        Name("mail", "192.0.2.25", "02:00:00:00:00:25", "her provider's mail server"),
        Name("mx", "192.0.2.53", "02:00:00:00:00:53", "the next hop's mail server"),
        Name("mallory", "192.0.2.66", "02:00:00:00:00:66", "listens"),
    )
}

GATE = Name("gate", "192.0.2.1", "02:00:00:00:00:01", "lets alice and mallory share its address")
"""A router as in a hotel, which stands in front of alice and mallory where a lesson asks for it."""
GATE_INSIDE = replace(GATE, ip="10.0.2.1", mac="02:00:00:00:00:02")
"""Its other card, on the side of the guests."""
BEHIND_GATE = HOSTS | {
    "alice": replace(HOSTS["alice"], ip="10.0.2.10"),
    "mallory": replace(HOSTS["mallory"], ip="10.0.2.66"),
}
"""The hosts where gate is real: alice and mallory have private addresses (RFC 1918 section 3)."""
AS_GATE = HOSTS | {name: replace(HOSTS[name], ip=GATE.ip, mac=GATE.mac) for name in ("alice", "mallory")}
"""The same as everybody else sees them: whatever they send comes from gate."""

BASTION = Name("bastion", "192.0.2.22", "02:00:00:00:00:22", "a way in: SSH for those who may, and no mail")
"""A gateway in front of the mail server, where a lesson asks for it."""


def host_named(name: str, among: Mapping[str, Name] = HOSTS) -> Name:
    """The host called ``name``, short or in full; anything else is refused, because the lab talks to itself only.

    Raises:
        ConnectionRefusedError: the name or address isn't one of the lab's.

    >>> host_named("mail.example.test").ip
    '192.0.2.25'
    """
    short = name.removesuffix("." + DOMAIN)
    for host in among.values():
        if short == host.name or name == host.ip:
            return host
    raise ConnectionRefusedError(
        f"{name!r} is not in this lab, and the lab talks to nobody else: choose from {', '.join(among)}."
    )
