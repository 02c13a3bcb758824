"""Where the lab's SSH servers forward connections to, and what they may be made to do wrong."""

from __future__ import annotations

from maillab.names import BASTION, HOSTS, PORTS, host_named

SSH_SWITCHES = {
    "accept_anyone": "lets everybody in who has a password, whatever it is, as an impostor does",
    "keep_passwords": "writes down each user name and password that it is given",
}
"""The weaknesses of an SSH server. All are off until a lesson switches one on and says so."""


class NotForwarded(Exception):
    """A client asked for a connection that it doesn't get; the text says why, and goes to the client."""


def target(host: str, port: int, own: str) -> str:
    """The key in the server's table for what a client wants to be forwarded to (RFC 4254 section 7.2).

    ``own`` is the server's own name: it's what the client calls ``localhost``.

    >>> target("mail.example.test", 110, own="bastion"), target("localhost", 25, own="mail")
    ('mail:110', 'mail:25')
    >>> target("www.example.org", 110, own="mail")
    Traceback (most recent call last):
    maillab.servers.ssh_rules.NotForwarded: this server forwards to the lab's own hosts only, not to 'www.example.org'
    >>> target("mail", 80, own="mail")
    Traceback (most recent call last):
    maillab.servers.ssh_rules.NotForwarded: this server forwards to mail ports only (25, 110, 465, 587, 995), not to 80
    """
    try:
        name = own if host in ("localhost", "127.0.0.1") else host_named(host, {**HOSTS, BASTION.name: BASTION}).name
    except ConnectionRefusedError:
        raise NotForwarded(f"this server forwards to the lab's own hosts only, not to {host[:100]!r}") from None
    if port not in PORTS.values():
        allowed = ", ".join(str(number) for number in sorted(PORTS.values()))
        raise NotForwarded(f"this server forwards to mail ports only ({allowed}), not to {port}")
    return f"{name}:{port}"
