"""What the dialogues of POP3, SMTP and IMAP have in common: replies answer commands.

No I/O: bytes go in, turns come out.
"""

from __future__ import annotations

import base64
import binascii
from collections import deque

from .cutting import MAX_LINE, Cutter, Emit
from .turns import Side, Turn, looks_like_tls

# The usual ones, as they are usually written.
_USUAL = (
    "USER", "PASS", "APOP", "AUTH", "CAPA", "STAT", "LIST", "UIDL", "RETR", "DELE", "QUIT",
    "EHLO", "HELO", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "STLS", "STARTTLS", "TOP",
)  # fmt: skip
VERBS = {word.encode(): verb for verb in _USUAL for word in (verb, verb.lower())}
MAX_WAITING = 10_000  # commands without a reply; older ones are forgotten


class Grammar(Cutter):
    """Turns the bytes of both sides into a dialogue. Subclasses say what a line means.

    feed() and gap() take what a stream delivers, close() says that no more comes.
    """

    protocol = ""
    verbs: frozenset[str] = frozenset()
    line_by_line = True  # are the client's bytes, mails aside, just lines?

    def __init__(self, emit: Emit, *, from_start: bool = True) -> None:
        super().__init__(emit)
        self.tidy = self.line_by_line
        self.waiting: deque[Turn] = deque()  # commands without a reply, oldest first
        self.greeted = not from_start
        self.blocked = False  # the client's next bytes can't be understood before the server has replied
        self.expect_response = False  # the server sent a challenge
        self.guess = False  # replies are missing: judge the client's lines by their looks
        self.lost = False  # there was a gap in the replies, and no command since

    # -- what the stream delivers --

    def feed(self, side: Side, data: bytes, number: int, time_ns: int) -> None:
        if self.tidy and data[-1] == 10 and len(data) <= MAX_LINE and not 20 <= data[0] <= 23:
            # The usual case, a line or a reply: what step() would find out in the channels is known.
            single = data.find(b"\n") + 1 == len(data)
            if side == "S":
                if self.is_reply(data, single):
                    self._whole = (data, number, time_ns)
                    self.server_line(len(data))
                    self._whole = None
                    return
            elif single and not self.blocked:
                self._whole = (data, number, time_ns)
                self.client_line(len(data))
                self._whole = None
                return
        self.tidy = False
        self.channels[side].put(data, number, time_ns)
        other = self.channels["S" if side == "C" else "C"]
        while self.step(side):
            if other.buffer:
                self.pump()  # what this side said may tell what the other side's bytes mean
        self.tidy = self.line_by_line and self._is_tidy()

    def _is_tidy(self) -> bool:
        client, server = self.channels.values()
        between = not client.buffer and client.line_start and not server.buffer and server.line_start
        calm = not (client.cut or server.cut or self.tls or self.body["C"] or self.body["S"])
        return between and calm

    def gap(self, side: Side, missing: int, number: int, time_ns: int) -> None:
        self.tidy = False
        self.pump()
        self.flush(side)
        channel = self.channels[side]
        self._emit(Turn("gap", "gap", time_ns / 1e9, number, [number], b"", side, missing=missing))
        channel.cut = True
        channel.line_start = False
        body = self.body[side]
        if body and body.left is not None:
            body.left -= missing
            self.body[side] = body if body.left > 0 else None
        self.desynced = True
        if side == "S":
            self.guess = self.lost = self.greeted = True
            self.blocked = False
            self.lost_replies()
        self.pump()

    def close(self) -> None:
        if self.tidy:
            return  # nothing is left that could become a turn
        self.pump()
        if self.blocked:
            self.guess, self.blocked = True, False
            self.lost_replies()
            self.pump()
        for side in self.channels:
            self.flush(side)

    def pump(self) -> None:
        """Understand as much as possible."""
        while self.step("C") or self.step("S"):
            pass

    def step(self, side: Side) -> bool:
        """Take one turn of this side; False when there is none."""
        channel = self.channels[side]
        if not channel.buffer:
            return False
        if side in self.tls:
            return self._take_tls(side)
        if body := self.body[side]:
            return self._take_body(side, body)
        if channel.line_start and 20 <= channel.buffer[0] <= 23:
            if len(channel.buffer) < 3:
                return False
            if looks_like_tls(channel.buffer[:3]):
                self.tls.add(side)
                if side == "C":
                    self.blocked = False
                return self._take_tls(side)
        if side == "C":
            return False if self.blocked else self.take_client_line()
        return self.take_server_line()

    # -- meaning: commands and replies --

    def command(self, count: int, partial: bool = False) -> Turn:
        """A command of the client; it waits for its reply."""
        turn = self.emit("C", "command", count, partial)
        answered = self.read_command(turn)
        if self.lost:
            # What still waits was answered in the gap: a client that isn't pipelining has read it.
            self.waiting.clear()
            self.lost = False
        if answered:
            self.waiting.append(turn)
        if len(self.waiting) > MAX_WAITING:
            self.waiting.popleft()
        return turn

    def read_command(self, turn: Turn) -> bool:
        """Find verb and argument in a command; is there a reply to it?"""
        word, _, argument = turn.data.strip().partition(b" ")
        turn.verb = verb = VERBS.get(word) or word.decode("ascii", "replace").upper()[:32]
        # The password is everything after one space, spaces included (RFC 1939 section 7).
        turn.argument = argument.strip() if verb != "PASS" else turn.data.rstrip(b"\r\n").lstrip()[5:]
        return True

    def take_client_line(self) -> bool:
        count = self.line("C")
        if count:
            self.client_line(count)
        return bool(count)

    def client_line(self, count: int, partial: bool = False) -> None:
        """One line of the client: the answer to a challenge, or a command."""
        if self.expect_response or self.guess:
            auth = self.waiting[0] if self.waiting and self.waiting[0].verb == "AUTH" else None
            if self.expect_response or (auth and self._like_response(count)):
                self.expect_response = False
                turn = self.emit("C", "response", count, partial)
                turn.command = auth
                self.blocked = not self.guess
                self._emit(turn)
                return
        turn = self.command(count, partial)
        self.commanded(turn)
        self._emit(turn)

    def _like_response(self, count: int) -> bool:
        line = bytes(self.front("C")[:count]).strip()
        if line == b"*":
            return True
        if line.split(b" ")[0].upper().decode("ascii", "replace") in self.verbs:
            return False
        try:
            return bool(base64.b64decode(line, validate=True))
        except (binascii.Error, ValueError):
            return False

    def replied(self, turn: Turn, *, final: bool = True) -> Turn | None:
        """A reply answers the oldest waiting command; which one."""
        self.guess = False
        if not self.greeted and self.is_greeting(turn):
            turn.kind = "greeting"
            self.greeted = True
            return None
        self.greeted = True
        if not self.waiting:
            return None
        command = self.waiting.popleft() if final else self.waiting[0]
        turn.command = command
        if final and command.verb in ("AUTH", *self.blocking):
            self.blocked = self.expect_response = False
        return command

    def is_greeting(self, turn: Turn) -> bool:
        """Is the server's first word a greeting? (A capture may lack it.)"""
        return not self.waiting

    def is_reply(self, data: bytes, single: bool) -> bool:
        """Are these lines of the server, all since its last turn, one whole reply? single: it's one line."""
        raise NotImplementedError

    blocking: tuple[str, ...] = ()

    def commanded(self, turn: Turn) -> None:
        """A command was said: does the client have to wait for the reply?"""
        if turn.verb in self.blocking or turn.verb == "AUTH":
            self.blocked = not self.guess

    def lost_replies(self) -> None:
        """Replies are missing: of the waiting commands only the last can still be answered."""
        while len(self.waiting) > 1:
            self.waiting.popleft()

    def take_server_line(self) -> bool:
        raise NotImplementedError
