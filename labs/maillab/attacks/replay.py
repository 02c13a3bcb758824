"""Replay: say to a server, octet for octet, what somebody else's client was heard to say."""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import dataclass, field
from itertools import pairwise

from ..conversations import Conversation, Turn
from ..conversations.pop3 import has_many_lines
from ..names import WELL_KNOWN, host_named
from ..network import Host

LOG_INS = ("AUTH", "APOP", "USER", "PASS")

MAX_REPLY = 8 << 20
"""Octets, a list or mail included. The server may be anybody's."""

SILENT = 0.4
"""Seconds after which nothing more is expected of a server that can't be understood."""


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

    Each turn waits for the answer to the one before, for up to ``timeout`` seconds. It ends with the capture, or when
    a login is refused.

    Raises:
        ValueError: there's nothing to replay in this conversation, or not all of it was captured.
        ConnectionError, TimeoutError: nobody listens there, nobody answers, or the answer has no end.
    """
    turns = [turn for turn in conversation.turns if turn.who == "C"]
    if conversation.protocol is None or not turns:
        raise ValueError("In this conversation no client says anything to a mail server.")
    if any(turn.kind == "tls" for turn in turns):
        raise ValueError("This conversation is encrypted: its octets mean nothing in another connection.")
    greeted = any(turn.kind == "greeting" for turn in conversation.turns)
    if conversation.gaps or not (greeted or conversation.captured == "client"):
        raise ValueError(
            "A part of this conversation isn't in the capture, and may be the login: it can't be said again."
        )
    exchange: list[tuple[bytes, bytes]] = []
    accepted = False
    with host.connect(to, _port(host, conversation, to), timeout) as sock:
        answers = _Answers(sock, conversation.protocol, timeout)
        exchange.append((b"", answers.reply()))
        for turn in turns:
            sock.settimeout(timeout)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # then the answer is an empty one
                sock.sendall(turn.data)
            reply = answers.reply(turn)
            exchange.append((turn.data, reply))
            command = turn if turn.kind == "command" else turn.command
            if command and command.verb in LOG_INS:
                accepted |= command.verb != "USER" and reply.startswith((b"+OK", b"235"))
                if reply.startswith((b"-", b"4", b"5")):
                    break
            if not reply:
                break
    return Replayed(exchange, accepted)


def resend(host: Host, conversation: Conversation, to: str = "mail") -> list[bytes]:
    """Connect from ``host`` and say what the client in ``conversation`` said, octet for octet, without understanding
    it: TLS and SSH as well. What came back, before it and after each turn; it ends when the server hangs up.

    Raises:
        ConnectionError: nobody listens there.
    """
    parts = [b""]  # first the server's turn, then what the client said between two of the server's
    for before, turn in pairwise([None, *conversation.turns]):
        if turn is not None and turn.who == "C":
            parts += [turn.data] if before is None or before.who != "C" else [parts.pop() + turn.data]
    if conversation.turns and conversation.turns[0].who == "C":
        parts = parts[1:]
    answers = []
    with host.connect(to, _port(host, conversation, to)) as sock, contextlib.suppress(ConnectionError):
        for part in parts:
            sock.sendall(part)
            answers.append(b"")
            sock.settimeout(SILENT)
            with contextlib.suppress(TimeoutError):
                while said := sock.recv(1 << 16):
                    answers[-1] += said
                    sock.settimeout(0.03)
                break  # it has hung up
    return answers


def _port(host: Host, conversation: Conversation, to: str) -> int:
    """The well-known port of the service that was captured: on some rungs the servers really listen elsewhere."""
    captured = int(conversation.server.rpartition(":")[2])
    target = host_named(to)
    services = [service for service in WELL_KNOWN if host.network.port(target, service) == captured]
    return WELL_KNOWN[services[0]] if services else captured


class _Answers:
    """What the server says: each reply within ``timeout`` seconds, however slowly it comes, and up to MAX_REPLY."""

    def __init__(self, sock: socket.socket, protocol: str, timeout: float) -> None:
        self._sock, self._protocol, self._timeout = sock, protocol, timeout
        self._buffer = bytearray()  # came with an earlier reply

    def reply(self, turn: Turn | None = None) -> bytes:
        """The answer to a turn, with the list or mail that belongs to it in POP3; without a turn, the greeting.

        Empty if the connection is over.
        """
        self._deadline = time.monotonic() + self._timeout
        many = self._protocol == "pop3" and turn is not None and turn.kind == "command" and has_many_lines(turn)
        reply = bytearray()
        try:
            line = self._line(0)
            reply += line
            if self._protocol == "smtp":  # all lines but the last have a hyphen behind the code
                while line[3:4] == b"-":
                    line = self._line(len(reply))
                    reply += line
            elif many and line.startswith(b"+OK"):
                while line not in (b".\r\n", b""):
                    line = self._line(len(reply))
                    reply += line
        except ConnectionResetError:
            return b""
        return bytes(reply)

    def _line(self, before: int) -> bytes:
        """The next line, what there is of it when the connection ends; ``before``: octets of this reply that came."""
        while not (end := self._buffer.find(b"\n") + 1):
            if before + len(self._buffer) > MAX_REPLY:
                raise ConnectionError(f"The server's reply is longer than {MAX_REPLY:,} octets.")
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"The server's reply didn't end within {self._timeout:g} seconds.")
            self._sock.settimeout(left)
            try:
                more = self._sock.recv(1 << 16)
            except TimeoutError:
                continue
            if not more:
                end = len(self._buffer)
                break
            self._buffer += more
        line = bytes(self._buffer[:end])
        del self._buffer[:end]
        return line
