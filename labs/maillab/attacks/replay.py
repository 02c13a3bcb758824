"""Replay: say to a server, octet for octet, what somebody else's client was heard to say."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import IO

from ..conversations import Conversation, Turn
from ..conversations.pop3 import has_many_lines
from ..names import PORTS, host_named
from ..network import Host

LOG_INS = ("AUTH", "APOP", "USER", "PASS")


@dataclass(frozen=True)
class Replayed:
    """``exchange``: what was sent and what came back, the greeting first (nothing was sent for that)."""

    exchange: list[tuple[bytes, bytes]] = field(repr=False)
    accepted: bool

    def __repr__(self) -> str:
        said = self.exchange[-1][1].decode("utf-8", "backslashreplace").strip() if self.exchange else ""
        if self.accepted:
            return f"<replayed: logged in, {len(self.exchange) - 1} lines sent>"
        return f"<replayed: not logged in, after {len(self.exchange) - 1} lines the server said {said!r}>"


def replay(host: Host, conversation: Conversation, to: str = "mail", timeout: float = 5.0) -> Replayed:
    """Connect from ``host`` and say everything that the client in ``conversation`` said, as it was captured.

    Each turn waits for the answer to the one before. It ends with the capture, or when a log-in is refused.

    Raises:
        ValueError: there's nothing to replay in this conversation.
        ConnectionError, TimeoutError: nobody listens there, or nobody answers.
    """
    turns = [turn for turn in conversation.turns if turn.who == "C"]
    if conversation.protocol is None or not turns:
        raise ValueError("In this conversation no client says anything to a mail server.")
    if any(turn.kind == "tls" for turn in turns):
        raise ValueError("This conversation is encrypted: its octets mean nothing in another connection.")
    exchange: list[tuple[bytes, bytes]] = []
    accepted = False
    with host.connect(to, _port(host, conversation, to), timeout) as sock, sock.makefile("rb") as answers:
        exchange.append((b"", _line(answers, conversation.protocol)))
        for turn in turns:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # then the answer is an empty one
                sock.sendall(turn.data)
            reply = _reply(answers, conversation.protocol, turn)
            exchange.append((turn.data, reply))
            command = turn if turn.kind == "command" else turn.command
            if command and command.verb in LOG_INS:
                accepted |= command.verb != "USER" and reply.startswith((b"+OK", b"235"))
                if reply.startswith((b"-", b"4", b"5")):
                    break
            if not reply:
                break
    return Replayed(exchange, accepted)


def _port(host: Host, conversation: Conversation, to: str) -> int:
    """The well-known port of the service that was captured: on some rungs the servers really listen elsewhere."""
    captured = int(conversation.server.rpartition(":")[2])
    target = host_named(to)
    services = [service for service in PORTS if host.network.port(target, service) == captured]
    return PORTS[services[0]] if services else captured


def _line(answers: IO[bytes], protocol: str) -> bytes:
    """One reply; in SMTP it may have several lines, and all but the last have a hyphen behind the code."""
    try:
        reply = answers.readline()
        while protocol == "smtp" and reply.rpartition(b"\n")[0].rpartition(b"\n")[2][3:4] == b"-":
            more = answers.readline()
            if not more:
                break
            reply += more
    except ConnectionResetError:
        return b""
    return reply


def _reply(answers: IO[bytes], protocol: str, turn: Turn) -> bytes:
    """The answer to a turn, with the list or mail that belongs to it in POP3."""
    reply = _line(answers, protocol)
    if protocol == "pop3" and turn.kind == "command" and has_many_lines(turn) and reply.startswith(b"+OK"):
        line = None
        while line not in (b".\r\n", b""):
            line = answers.readline()
            reply += line
    return reply
