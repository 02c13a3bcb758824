"""The dialogue of IMAP (RFC 9051; literals that don't wait RFC 7888; SASL-IR RFC 4959).

Each command has a tag, which the reply repeats; untagged lines ("* …") may come at any time:

    C: a1 LOGIN alice {5}         a literal: so many bytes follow
    S: + go on
    C: bread
    S: a1 OK logged in

What follows a literal is a turn of its own, a "response" that belongs to the command.
"""

from __future__ import annotations

import re

from .cutting import MAX_LINE, MAX_REPLY, Emit
from .grammar import Grammar
from .turns import Turn

_LITERAL = re.compile(rb"\{(\d{1,10})\+?\}\r?\n\Z")
_MAIL = re.compile(rb"(?:BODY\[\]|BINARY\[\]|RFC822)(?:<0>)? ~?\{\d+\}\r?\n\Z", re.I)  # a whole mail, not a part of it
_END = 60  # so much of the end of a line is looked at for a literal


class Imap(Grammar):
    """Cuts an IMAP connection into turns."""

    protocol = "imap"
    blocking = ("STARTTLS", "AUTHENTICATE")
    line_by_line = False  # literals

    def __init__(self, emit: Emit, *, from_start: bool = True) -> None:
        super().__init__(emit, from_start=from_start)
        self.rest: Turn | None = None  # the command that goes on after a literal
        self.literal = 0  # bytes of it that are due

    # -- the client --

    def take_client_line(self) -> bool:
        channel = self.channels["C"]
        if len(channel.buffer) < self.literal:
            return False
        end = channel.line_end(self.literal)
        if not end and len(channel.buffer) <= self.literal + MAX_LINE:
            return False
        limit = self.literal + MAX_LINE
        self.client_line(min(end or limit, limit))
        return True

    def client_line(self, count: int, partial: bool = False) -> None:
        auth = next((turn for turn in self.waiting if turn.verb == "AUTHENTICATE"), None)
        if self.rest:
            turn = self.emit("C", "response", count, partial)
            turn.command, self.rest, self.literal = self.rest, None, 0
            self._literal_after(turn, turn.command)
        elif self.expect_response or (self.guess and auth and self._like_response(count)):
            self.expect_response = False
            turn = self.emit("C", "response", count, partial)
            turn.command = auth
            self.blocked = not self.guess
        else:
            turn = self.command(count, partial)
            self.commanded(turn)
            self._literal_after(turn, turn)
        self._emit(turn)

    def read_command(self, turn: Turn) -> bool:
        tag, _, rest = turn.data.strip().partition(b" ")
        verb, _, argument = (rest or tag).partition(b" ")  # DONE, which ends IDLE, has no tag and gets no reply
        turn.verb = verb.decode("ascii", "replace").upper()[:32]
        turn.argument = argument
        return bool(rest)

    def _literal_after(self, turn: Turn, command: Turn) -> None:
        """Does this line announce bytes that follow it? A mail (APPEND), or too much to hold, is a turn of its own."""
        match = _LITERAL.search(turn.data[-_END:])
        if not match:
            return
        self.rest, size = command, int(match[1])
        if command.verb != "APPEND" and size <= MAX_LINE:
            self.literal = size
        elif size:
            self.begin_body("C", command, size).verb = "APPEND" if command.verb == "APPEND" else "LITERAL"

    # -- the server --

    def take_server_line(self) -> bool:
        """A response, literals in it included, up to a mail or the line's end."""
        channel = self.channels["S"]
        buffer = channel.buffer
        at = channel.resume
        while True:
            end = buffer.find(b"\n", at) + 1
            if not end or end > MAX_REPLY:
                channel.resume = at
                if len(buffer) <= MAX_REPLY:
                    return False
                end = MAX_REPLY
                break
            literal = _LITERAL.search(bytes(buffer[max(0, end - _END) : end]))
            if not literal or self._stands_alone(bytes(buffer[max(0, end - _END) : end]), int(literal[1])):
                break
            at = end + int(literal[1])
        self.server_line(end)
        return True

    def _stands_alone(self, line: bytes, size: int) -> bool:
        return bool(_MAIL.search(line)) or size > MAX_REPLY // 2

    def server_line(self, count: int, partial: bool = False) -> None:
        start = bytes(self.channels["S"].buffer[:32])
        auth = next((turn for turn in self.waiting if turn.verb == "AUTHENTICATE"), None)
        if start.startswith(b"+") and auth and not self.rest:
            turn = self.emit("S", "challenge", count, partial)
            turn.command = auth
            self.guess = False
            self.expect_response, self.blocked = True, False
        elif start.startswith((b"+", b"* ")):
            turn = self.emit("S", "reply", count, partial)
            if not self.greeted and start.startswith(b"* "):
                turn.kind = "greeting"
            self.greeted = True
        else:
            turn = self.emit("S", "reply", count, partial)
            self.tagged(turn)
        self._emit(turn)
        end = turn.data[-_END:]
        literal = _LITERAL.search(end)
        if literal and not partial and int(literal[1]) and self._stands_alone(end, int(literal[1])):
            self.begin_body("S", turn, int(literal[1])).verb = "FETCH" if _MAIL.search(end) else "LITERAL"

    def tagged(self, turn: Turn) -> None:
        """The reply that ends a command: which one?"""
        self.greeted = True
        self.guess = False
        tag = turn.data.split(b" ", 1)[0]
        command = next((waiting for waiting in self.waiting if waiting.data.split(b" ", 1)[0] == tag), None)
        if command is None:
            return
        self.waiting.remove(command)
        turn.command = command
        if command.verb in self.blocking:
            self.blocked = self.expect_response = False
        if command is self.rest and self.body["C"] is None:
            self.rest, self.literal = None, 0  # refused: the literal won't come
