"""The dialogue of POP3 (RFC 1939; CAPA RFC 2449; AUTH RFC 5034; STLS RFC 2595)."""

from __future__ import annotations

from .cutting import MAX_REPLY
from .grammar import Grammar
from .turns import Side, Turn

MAILS = ("RETR", "TOP")
_STATUS = (b"+OK", b"-ERR")


def has_many_lines(command: Turn) -> bool:
    """Does a positive reply to this command go on until a line with a single dot? (RFC 1939 section 3)"""
    if command.verb in ("LIST", "UIDL", "AUTH"):  # AUTH alone lists mechanisms (early servers)
        return not command.argument
    return command.verb in ("CAPA", *MAILS)


class Pop3(Grammar):
    """Cuts a POP3 connection into turns."""

    protocol = "pop3"
    blocking = ("STLS",)
    verbs = frozenset(
        [
            "USER",
            "PASS",
            "APOP",
            "AUTH",
            "CAPA",
            "STLS",
            "QUIT",
            "STAT",
            "LIST",
            "RETR",
            "DELE",
            "NOOP",
            "RSET",
            "TOP",
            "UIDL",
            "UTF8",
            "LANG",
            "XTND",
        ]
    )

    def take_server_line(self) -> bool:
        count = self.line("S")
        if not count:
            return False
        if self._has_many_lines(self.channels["S"].buffer):
            count = self._list_end(count)
            if not count:
                return False
        self.server_line(count)
        return True

    def is_reply(self, data: bytes, single: bool) -> bool:
        return single and not self._has_many_lines(data)

    def _has_many_lines(self, reply: bytes | bytearray) -> bool:
        command = self.waiting[0] if self.waiting and self.greeted else None
        if not command or command.verb in MAILS:
            return False
        return has_many_lines(command) and reply.startswith(b"+OK")

    def _list_end(self, first: int) -> int:
        """Length of a reply of several lines; 0 when its end isn't there yet."""
        channel = self.channels["S"]
        buffer = channel.buffer
        at = max(first, channel.resume)
        while True:
            end = buffer.find(b"\n", at) + 1
            if not end:
                channel.resume = at
                return at if len(buffer) > MAX_REPLY else 0
            line = bytes(buffer[at:end])
            if line.rstrip(b"\r\n") == b".":
                return end
            if line.startswith(_STATUS) and len(self.waiting) > 1:
                return at  # the final dot never came, and this is the reply to the next command
            at = end

    def server_line(self, count: int, partial: bool = False) -> None:
        buffer = self.front("S")
        turn: Turn
        if buffer.startswith(_STATUS):
            turn = self.emit("S", "reply", count, partial)
            command = self.replied(turn)
            if command and command.verb in MAILS and turn.data.startswith(b"+OK"):
                self.begin_body("S", command)
        elif buffer.startswith((b"+ ", b"+\r", b"+\n")) and self.waiting and self.waiting[0].verb == "AUTH":
            turn = self.emit("S", "challenge", count, partial)
            self.replied(turn, final=False)
            self.expect_response, self.blocked = True, False
        elif self.channels["S"].cut and self.waiting and self.waiting[0].verb in MAILS:
            # The reply's first line was lost in a gap, and this is the mail.
            self.begin_body("S", self.waiting.popleft()).begun = True
            if partial:
                self.flush("S")
            return
        else:
            turn = self.emit("S", "reply", count, partial)  # no status: it answers nothing
        self._emit(turn)

    def next_reply_in_body(self, side: Side) -> int | None:
        """The end of the mail was lost in a gap, and the reply to the next command is here: where it begins."""
        if side != "S" or not self.waiting:
            return None
        channel = self.channels[side]
        buffer = channel.buffer
        if channel.cut and buffer.startswith(_STATUS):
            return 0
        found = [at + 1 for at in (buffer.find(b"\n" + status) for status in _STATUS) if at >= 0]
        return min(found, default=None)
