"""Which protocol is it, and who is the server? Told by what is said, on any port."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

Protocol = Literal["pop3", "smtp", "imap"]
PROTOCOLS: dict[str, Protocol] = {"pop3": "pop3", "smtp": "smtp", "imap": "imap"}

# Ports of RFC 6335's registry, and 2525, which many providers offer. They only break ties.
PORTS: dict[int, Protocol] = {
    **{110: "pop3", 995: "pop3", 143: "imap", 993: "imap"},
    **{25: "smtp", 465: "smtp", 587: "smtp", 2525: "smtp"},
}
# So much is kept per side while nothing is certain.
MAX_HEAD = 1 << 14

_POP3_ONLY = re.compile(
    rb"(?:CAPA|STLS|STAT|UIDL(?: \d+)?|APOP \S+ [0-9a-f]{32}|TOP \d+ \d+|RETR \d+|DELE \d+|LIST(?: \d+)?)\r?$",
    re.I,
)
_SMTP_ONLY = re.compile(rb"(?:(?:EHLO|HELO|LHLO) ?.*|MAIL FROM:.*|RCPT TO:.*|STARTTLS|BDAT \d+( LAST)?)\r?$", re.I)
# A tag, a command; nobody's tag is a command of POP3 or SMTP.
_IMAP_ONLY = re.compile(
    rb"(?!USER |PASS |AUTH |HELP |EHLO |HELO |NOOP )[A-Za-z0-9.]{1,32} (?:CAPABILITY|LOGOUT|STARTTLS|IDLE|NAMESPACE|"
    rb"LOGIN \S+ \S.*|AUTHENTICATE \S+.*|(?:SELECT|EXAMINE|LIST|LSUB|STATUS|ENABLE|FETCH|UID|ID|APPEND) \S.*)\r?$",
    re.I,
)
_LOGIN = re.compile(rb"(?:USER|PASS|AUTH) .*", re.I)
_REPLY = re.compile(rb"\d{3}[ -]")


class Guess(NamedTuple):
    protocol: Protocol | None
    client: int  # side of the client, 0 or 1


def recognise(
    heads: tuple[bytes, bytes],
    first: int,
    opener: int | None,
    ports: tuple[int, int],
    insist: Mapping[int, str],
    final: bool = False,
) -> Guess | None:
    """Judge the first bytes of both sides; None: more is needed (never None when final).

    heads: what each side said so far. first: the side that spoke first. opener: the side that sent the SYN.
    ports: of each side. insist: port -> protocol, which ends the discussion.

    >>> recognise((b"", b"+OK ready\\r\\n"), 1, 0, (40001, 4711), {})
    Guess(protocol='pop3', client=0)
    """
    for side in (0, 1):
        if ports[side] in insist and opener != side:
            return Guess(PROTOCOLS[insist[ports[side]]], 1 - side)
    sides = (0, 1) if opener is None else (opener,)
    for client in sides:
        protocol2 = _said(heads[client], heads[1 - client], first != client, ports[1 - client])
        if protocol2:
            return Guess(protocol2, client)
    enough = final or any(len(head) >= MAX_HEAD for head in heads)
    strange = all(_strange(head) for head in heads if head) and any(heads)
    for client in sides:
        if (enough or strange) and ports[1 - client] in PORTS:
            return Guess(PORTS[ports[1 - client]], client)
    if enough or strange:
        return Guess(None, sides[0] if len(sides) == 1 else int(ports[0] < ports[1]))
    return None


def _strange(head: bytes) -> bool:
    """No line-based protocol begins like this (TLS, SSH packets, any binary)."""
    return any(byte < 9 or 13 < byte < 32 for byte in head[:8])


def _said(client: bytes, server: bytes, server_first: bool, port: int) -> Protocol | None:
    """The protocol, if these bytes of a client and a server leave no doubt."""
    greeting = server.split(b"\n")[0] if b"\n" in server else b""
    login = False
    for line in client.split(b"\n")[:-1][:200]:
        if _SMTP_ONLY.match(line) and not _REPLY.match(line):
            return "smtp"
        # FTP has USER, PASS, LIST, STAT and RETR too: its replies are three digits.
        if _POP3_ONLY.match(line) and not _REPLY.match(server):
            return "pop3"
        if _IMAP_ONLY.match(line) and not server.startswith((b"+OK", b"-ERR")) and not _REPLY.match(server):
            return "imap"
        login = login or bool(_LOGIN.match(line))
    if server_first and greeting.startswith((b"* OK", b"* PREAUTH", b"* BYE")):
        return "imap"
    # Redis answers "+OK" too, but never speaks first.
    speaks = server_first and not client.startswith((b"*", b"$"))
    if greeting.startswith((b"+OK", b"-ERR")) and (speaks or login):
        return "pop3"
    if login and server.startswith(b"334 "):
        return "smtp"
    if login and not server and PORTS.get(port):
        return PORTS[port]
    greets = server_first and greeting[:4] in (b"220 ", b"220-", b"554 ", b"421 ")
    if greets and (b"SMTP" in greeting.upper() or PORTS.get(port) == "smtp"):
        return "smtp"
    return None
