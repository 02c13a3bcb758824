r"""Stripping: take the offer of TLS out of a conversation, so that both sides believe the other has none.

STLS (RFC 2595) and STARTTLS (RFC 3207) are offered in the clear, and whoever sits on the path can unsay it. Neither
side notices: a server without TLS is nothing unusual. Only a client that insists on TLS is safe (RFC 8314 section 5.1).

>>> strip = Strip("pop3")
>>> strip.from_server(b"+OK ready\r\n"), strip.from_client(b"CAPA\r\n")
(b'+OK ready\r\n', b'CAPA\r\n')
>>> strip.from_server(b"+OK what I can do\r\nUSER\r\nSTLS\r\n.\r\n")
b'+OK what I can do\r\nUSER\r\n.\r\n'
"""

from __future__ import annotations

from collections import deque
from typing import Literal

Protocol = Literal["pop3", "smtp"]
COMMANDS: dict[Protocol, bytes] = {"pop3": b"STLS", "smtp": b"STARTTLS"}
MANY_LINES = (b"CAPA", b"RETR", b"TOP", b"LIST", b"UIDL")
"""POP3: the reply ends with a dot (LIST and UIDL: unless they ask for one message)."""

LONGEST = 8192
"""Octets of a line that are held back until its end comes."""


class Strip:
    """One connection. Octets in, octets out, whatever is in them; what isn't about TLS passes as it is.

    Replies come in the order of commands, also to a client that pipelines, so a queue of what was asked tells which
    reply is the list: the same line in a mail is none of its business.
    """

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self._asked: deque[bytes] = deque([b"(connect)"], 1000)  # not answered yet, oldest first
        self._held = {"C": b"", "S": b""}  # the beginning of a line
        self._list: list[bytes] = []  # an SMTP reply of which more is to come
        self._in_lines = False  # of a POP3 reply
        self._in_mail = False  # of an SMTP client
        self._in_exchange = False  # the client's next line is an answer to a challenge
        self.removed: list[str] = []
        """What was taken out, in words."""
        self.granted = False
        """Has the client asked for TLS, and the server said yes? Not if what comes out here goes on to them."""

    def from_client(self, data: bytes) -> bytes:
        """What to send to the server for what the client sent."""
        return b"".join(map(self._client_line, self._lines("C", data)))

    def from_server(self, data: bytes) -> bytes:
        """What to send to the client for what the server sent."""
        take = self._pop3_line if self._protocol == "pop3" else self._smtp_line
        return b"".join(map(take, self._lines("S", data)))

    def rest(self, who: str) -> bytes:
        """The beginning of ``C``'s or ``S``'s last line, whose end won't come any more."""
        rest, self._held[who] = self._held[who], b""
        return rest

    def _lines(self, who: str, data: bytes) -> list[bytes]:
        *lines, rest = (self._held[who] + data).split(b"\n")
        whole = [line + b"\n" for line in lines]
        if len(rest) > LONGEST:
            whole, rest = [*whole, rest], b""
        self._held[who] = rest
        return whole

    def _client_line(self, line: bytes) -> bytes:
        if self._in_mail:
            if line == b".\r\n":
                self._in_mail = False
                self._asked.append(b"(mail)")
            return line
        verb = b"" if self._in_exchange else (line.upper().split() or [b""])[0]
        self._in_exchange = False
        self._asked.append(verb if verb not in (b"LIST", b"UIDL") or not line.split()[1:] else b"(one)")
        if verb != COMMANDS[self._protocol]:
            return line
        # The server itself gives the right answer in the right place: that it doesn't know such a command. A few
        # firewalls did it like this, with as many X as there were letters.
        self.removed.append(f"the command {verb.decode()}")
        return b"X" * len(verb) + b"\r\n"

    def _pop3_line(self, line: bytes) -> bytes:
        """The body of a multi-line reply ends with a dot (RFC 1939 section 3); all else is one line a reply."""
        if self._in_lines:
            if line == b".\r\n":
                self._in_lines = False
                self._answered(line)
            elif self._asked[0] == b"CAPA" and line.upper().split()[:1] == [b"STLS"]:
                return self._remove()
            return line
        if self._asked and self._asked[0] in MANY_LINES and line.startswith(b"+OK"):
            self._in_lines = True
            return line
        self._in_exchange = line.startswith((b"+ ", b"+\r"))
        self._answered(line)
        return line

    def _smtp_line(self, line: bytes) -> bytes:
        """All lines of a reply but the last have a hyphen behind the code (RFC 5321 section 4.2.1)."""
        offers = bool(self._asked) and self._asked[0] == b"EHLO"
        if offers:
            self._list.append(line)
        if line[3:4] == b"-" and len(self._list) < 100:
            return b"" if offers else line
        self._in_mail = line.startswith(b"354") and bool(self._asked) and self._asked[0] == b"DATA"
        self._in_exchange = line.startswith(b"334")
        self._answered(line)
        if not offers:
            return line
        kept = [line for line in self._list if line[4:].upper().split()[:1] != [b"STARTTLS"] or self._remove()]
        self._list = []
        last = kept.pop() if kept else b"250 \r\n"
        return b"".join([*kept, last[:3] + b" " + last[4:]])

    def _remove(self) -> bytes:
        self.removed.append("the offer of " + COMMANDS[self._protocol].decode())
        return b""

    def _answered(self, line: bytes) -> None:
        if self._asked:
            asked = self._asked.popleft()
            self.granted |= asked == COMMANDS[self._protocol] and line.startswith((b"+OK", b"220"))
