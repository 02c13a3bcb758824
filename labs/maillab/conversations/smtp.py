"""The dialogue of SMTP (RFC 5321; AUTH RFC 4954; STARTTLS RFC 3207; PIPELINING RFC 2920; BDAT RFC 3030)."""

from __future__ import annotations

from .cutting import MAX_REPLY
from .grammar import Grammar
from .turns import Side, Turn


class Smtp(Grammar):
    """Cuts an SMTP connection into turns."""

    protocol = "smtp"
    blocking = ("STARTTLS", "DATA")
    verbs = frozenset(
        [
            "EHLO",
            "HELO",
            "LHLO",
            "MAIL",
            "RCPT",
            "DATA",
            "BDAT",
            "AUTH",
            "STARTTLS",
            "QUIT",
            "RSET",
            "NOOP",
            "VRFY",
            "EXPN",
            "HELP",
            "ETRN",
            "XCLIENT",
            "XFORWARD",
        ]
    )

    def take_server_line(self) -> bool:
        """A reply: lines "250-…" and a last one "250 …" (RFC 5321 section 4.2.1)."""
        count = self.line("S")
        if not count:
            return False
        channel = self.channels["S"]
        buffer = channel.buffer
        count = max(count, channel.resume)
        while _goes_on(bytes(buffer[buffer.rfind(b"\n", 0, count - 1) + 1 : count])):
            if count > MAX_REPLY:
                break
            end = buffer.find(b"\n", count) + 1
            if not end:
                channel.resume = count
                return False
            count = end
        self.server_line(count)
        return True

    def is_reply(self, data: bytes, single: bool) -> bool:
        if single:
            return not _goes_on(data)
        *lines, last = data.split(b"\n")[:-1]
        return not _goes_on(last + b"\n") and all(map(_goes_on, lines))

    def server_line(self, count: int, partial: bool = False) -> None:
        buffer = self.front("S")
        code = bytes(buffer[:3])
        is_reply = len(code) == 3 and code.isdigit() and bytes(buffer[3:4]) in (b" ", b"-", b"\r", b"\n", b"")
        challenge = is_reply and code == b"334"
        turn = self.emit("S", "challenge" if challenge else "reply", count, partial)
        body = self.body["C"]
        if is_reply and self.desynced and body and body.left is None and code != b"354":
            # The end of the mail was lost in a gap; the server has seen it.
            self.flush("C")
            self.body["C"] = None
        if is_reply:
            command = self.replied(turn, final=not challenge)
            if turn.kind == "greeting" or command is None:
                pass
            elif challenge and command.verb == "AUTH":
                self.expect_response, self.blocked = True, False
            elif code == b"354" and command.verb == "DATA":
                self.begin_body("C", command)
        self._emit(turn)

    def is_greeting(self, turn: Turn) -> bool:
        # A client that didn't wait for it gets its greeting all the same.
        return not self.waiting or (turn.data.startswith(b"220") and self.waiting[0].verb != "STARTTLS")

    def commanded(self, turn: Turn) -> None:
        super().commanded(turn)
        if turn.verb == "BDAT":
            size = turn.argument.split(b" ")[0]
            if size.isdigit() and len(size) < 12 and int(size):
                self.begin_body("C", turn, int(size))
        elif turn.verb == "DATA" and self.guess:
            self.begin_body("C", turn)  # the 354 wasn't captured: what follows can only be the mail

    def lost_replies(self) -> None:
        super().lost_replies()
        if self.waiting and self.waiting[0].verb == "DATA" and self.body["C"] is None:
            self.begin_body("C", self.waiting[0])

    def mail_ended(self, side: Side, turn: Turn) -> None:
        # The mail itself is answered too; for DATA the command has had its 354 already.
        if turn.verb == "DATA":
            if self.waiting and self.waiting[0] is turn.command:
                self.waiting.popleft()
            self.waiting.append(turn)


def _goes_on(line: bytes) -> bool:
    return len(line) > 3 and line[:3].isdigit() and line[3:4] == b"-"
