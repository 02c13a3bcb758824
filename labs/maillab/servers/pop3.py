r"""A POP3 server (RFC 1939) that does no I/O: octets in, octets out.

>>> from maillab.servers.store import Store
>>> from maillab.servers.switches import Switches
>>> store = Store("example.test", {"alice": "sesame"}, {"alice": [b"Subject: hi\r\n\r\nHello\r\n"]})
>>> session = Pop3Server(store, Switches(["plaintext_login"]))
>>> session.greeting()
b'+OK mail.example.test POP3 ready\r\n'
>>> session.receive(b"USER alice\r\nPASS sesame\r\nSTAT\r\n")
b'+OK now the password\r\n+OK alice has 1 message (22 octets)\r\n+OK 1 22\r\n'

It knows USER and PASS, APOP, AUTH (RFC 5034), STLS (RFC 2595), CAPA (RFC 2449), TOP, UIDL and response codes. Which
command is possible in which state, and where it leads, stands in :mod:`maillab.servers.pop3_table`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from maillab.sasl import MECHANISMS, Base64Error, Challenge, Server, Setting, Success, apop, decode, encode
from maillab.sasl.base64text import MAX_LINE
from maillab.servers.maildrop import Maildrop, Message
from maillab.servers.pop3_table import CANCEL, COMMANDS, RESPONSE, Row, State, rows_for
from maillab.servers.pop3_text import LineBuffer, LineError, Reply, arguments, top
from maillab.servers.store import Store
from maillab.servers.switches import Switches

MAX_COMMAND = 255
"""Octets in a command line with its CRLF (RFC 2449 section 4)."""

MAX_ERRORS = 10
"""With the last of these the session ends: a client that understands so little isn't one, or guesses passwords."""

REFUSED = "[AUTH] wrong name or password"  # [AUTH]: RFC 3206 section 4; which of the two isn't said
REFUSED_CLEAR = "[AUTH] no passwords without TLS here"


class Pop3Server:
    """One session.

    Args:
        store: users and maildrops.
        switches: which weaknesses are on; asked at every command.
        host: the name in the greeting.
        log: called with a line about each login, each mail read or deleted, and the end.
        opened: called with the user's name when somebody has logged in and has the maildrop.
        stls: offer STLS. In the state HANDSHAKE nothing is run until :meth:`secured` is called.
    """

    def __init__(
        self,
        store: Store,
        switches: Switches,
        host: str = "mail.example.test",
        log: Callable[[str], None] = lambda text: None,
        opened: Callable[[str], None] = lambda username: None,
        stls: bool = False,
    ) -> None:
        self.state = State.AUTHORIZATION
        self.username: str | None = None
        self._store, self._switches, self._host, self._log = store, switches, host, log
        self._opened = opened
        self._stls, self._secure = stls, False
        self._timestamp = b""  # APOP's challenge, once it has been sent
        self._lines = LineBuffer()
        self._errors = 0
        self._name = ""  # what USER said
        self._exchange: tuple[str, Server] | None = None  # the mechanism's name, and the server's side of it
        self._maildrop: Maildrop | None = None
        self._messages: list[Message] = []  # numbered from 1 as they were at login (RFC 1939 section 5)
        self._deleted: set[int] = set()  # numbers, marked only

    # Octets in, octets out

    @property
    def closed(self) -> bool:
        """Whether the session is over: send what was returned, then close the connection."""
        return self.state is State.CLOSED

    def greeting(self) -> bytes:
        """What the server says first; with APOP a timestamp ``<…>`` is its last word (RFC 1939 section 7)."""
        if self._switches.allows("apop"):
            self._timestamp = self._switches.challenge("APOP", lambda: apop.new_challenge(self._host))
        return bytes(Reply("+OK", f"{self._host} POP3 ready {self._timestamp.decode()}".rstrip()))

    def receive(self, data: bytes) -> bytes:
        """Take octets from the client, cut anywhere, and return all replies to them."""
        self.feed(data)
        return b"".join(self.replies())

    def feed(self, data: bytes) -> None:
        """Take octets from the client without acting on them yet."""
        if not self.closed:
            self._lines.feed(data)

    def replies(self) -> Iterator[bytes]:
        """Act on the commands that have arrived whole, one by one, and give each one's reply.

        Take them one at a time and send each before asking for the next: a client that pipelines a thousand RETR
        then has one mail in memory, not a thousand.
        """
        while self.state not in (State.CLOSED, State.HANDSHAKE):
            limit = MAX_LINE if self.state is State.EXCHANGE else MAX_COMMAND
            try:
                line = self._lines.next(limit)
                if line is None:
                    return
                reply = self._answer(line)
            except LineError as error:
                reply = Reply("-ERR", f"{error}; closing")
                self.lost()
            if reply.begins == "-ERR":
                self._errors += 1
                if self._errors >= MAX_ERRORS and not self.closed:
                    reply = Reply("-ERR", "too many errors; closing")
                    self.lost()
            yield bytes(reply)

    def secured(self) -> None:
        """The connection is in TLS now: after STLS, or from the start. The session begins anew (RFC 2595 section 4)."""
        self._secure, self._stls, self.state = True, False, State.AUTHORIZATION
        if not self._switches.allows("tls_injection"):
            self._lines.clear()  # it came in the clear, from whomever

    def lost(self) -> None:
        """The connection is gone: nothing is deleted (RFC 1939 section 6), and the maildrop is free again."""
        if self._maildrop is not None:
            self._maildrop.unlock()
            self._maildrop = None
        self._lines.clear()
        self.state = State.CLOSED

    # One line: look it up, run it, go where the table says

    def _answer(self, line: bytes) -> Reply:
        try:
            text = line.decode()
        except UnicodeDecodeError:
            return Reply("-ERR", "that isn't text")
        if self.state is State.EXCHANGE:
            command, given = (CANCEL, None) if text == "*" else (RESPONSE, text)
        else:
            word, blank, rest = text.partition(" ")
            # RFC 1939 section 3: case doesn't matter. Of ASCII letters, that is: upper() would make S of a long s.
            command, given = word.upper() if word.isascii() else word, rest if blank else None
        rows = rows_for(self.state, command)
        if not rows:
            known = command in COMMANDS
            return Reply("-ERR", f"{command} isn't possible now" if known else "unknown command")
        reply = self._run(rows[0], given)
        # The reply decides which arrow is taken; without one for it the session stays where it is.
        for row in rows:
            if row.reply == reply.begins:
                self.state = row.then
        if self.state is State.UPDATE:
            self._update()
        return reply

    def _run(self, row: Row, given: str | None) -> Reply:
        needless = self._secure and row.when == "plaintext_login"
        if row.when and not needless and not self._switches.allows(row.when):
            # RFC 3206 section 4: [AUTH] is also for logins that the server's policy forbids
            return Reply(
                "-ERR", REFUSED_CLEAR if row.when == "plaintext_login" else f"{row.command} isn't offered here"
            )
        words = arguments(row.arguments, given)
        if words is None:
            return Reply("-ERR", f"the syntax is: {row.command} {row.arguments}".rstrip())
        name = {RESPONSE: "response", CANCEL: "cancel"}.get(row.command, row.command.lower())
        reply: Reply = getattr(self, f"_do_{name}")(*words)
        return reply

    # AUTHORIZATION

    def _do_capa(self) -> Reply:
        capabilities = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING"]
        if self._secure or self._switches.allows("plaintext_login"):
            capabilities.append("USER")
        if mechanisms := self._switches.offered(self._secure):
            capabilities.append(" ".join(["SASL", *mechanisms]))
        if self._stls and self.state is not State.TRANSACTION:  # RFC 2595 section 4: where it's possible
            capabilities.append("STLS")
        capabilities.append("IMPLEMENTATION maillab")
        return Reply("+OK", "what I can do", [line.encode() for line in capabilities])

    def _do_stls(self) -> Reply:
        if self._secure:
            return Reply("-ERR", "this connection has TLS already")
        return Reply("+OK", "begin TLS") if self._stls else Reply("-ERR", "unknown command")

    def _do_user(self, name: str) -> Reply:
        self._name = name
        # RFC 1939 section 7 lets a server say here that there's no such user. Better not.
        return Reply("+OK", "now the password")

    def _do_pass(self, password: str) -> Reply:
        if not self._store.credentials.verify(self._name, password):
            return self._refuse(self._name, "USER/PASS")
        return self._open(self._name, "USER/PASS")

    def _do_apop(self, name: str, digest: str) -> Reply:
        if not self._timestamp:  # switched on after the greeting
            return Reply("-ERR", "there was no timestamp in the greeting")
        outcome = apop.verify(self._store.credentials, self._timestamp, name, digest)
        return self._open(name, "APOP") if isinstance(outcome, Success) else self._refuse(name, "APOP")

    def _do_auth(self, name: str, initial: str | None = None) -> Reply:
        mechanism = MECHANISMS.get(name.upper()) if name.isascii() else None
        if mechanism is None:
            return Reply("-ERR", "that mechanism isn't known here")
        if not self._switches.permits(mechanism, self._secure):
            return Reply("-ERR", REFUSED_CLEAR if mechanism.plaintext else "that mechanism isn't offered here")
        if initial is not None and not mechanism.initial_response:
            return Reply("-ERR", f"{mechanism.name} begins with the server's challenge (RFC 5034 section 4)")
        setting = Setting(self._host, "pop", self._switches.challenge)
        self._exchange = mechanism.name, mechanism.server(self._store.credentials, setting)
        if initial == "=":  # RFC 5034 section 4: how an empty initial response is written
            return self._step(b"")
        return self._step(None) if initial is None else self._do_response(initial)

    def _do_response(self, text: str) -> Reply:
        try:
            return self._step(decode(text.encode()))
        except Base64Error as error:
            return Reply("-ERR", str(error))

    def _do_cancel(self) -> Reply:
        return Reply("-ERR", "cancelled")

    def _step(self, response: bytes | None) -> Reply:
        assert self._exchange is not None
        mechanism, server = self._exchange
        if not self._switches.permits(MECHANISMS[mechanism], self._secure):  # switched off in the meantime
            return Reply("-ERR", "that mechanism isn't offered here")
        outcome = server.step(response)
        if isinstance(outcome, Challenge):
            return Reply("+", encode(outcome.data).decode())
        if isinstance(outcome, Success):
            return self._open(outcome.username, f"AUTH {mechanism}")
        return self._refuse("", f"AUTH {mechanism}")

    def _refuse(self, name: str, how: str) -> Reply:
        # Names that don't exist stay out of the log: people type passwords into the wrong field.
        self._log(f"login refused, {how}" + (f", as {name}" if name in self._store.credentials else ""))
        return Reply("-ERR", REFUSED)

    def _open(self, username: str, how: str) -> Reply:
        maildrop = self._store.maildrops[username]
        if not maildrop.lock():
            self._log(f"{username} logged in with {how}, but another session has the maildrop")
            return Reply("-ERR", "[IN-USE] another session has this maildrop")  # RFC 2449 section 8.1.1
        self._maildrop, self.username = maildrop, username
        self._messages = list(maildrop.messages)
        self._errors = 0  # she has shown that she is somebody
        self._log(f"{username} logged in with {how}")
        self._opened(username)
        return Reply("+OK", f"{username} has {self._summary()}")

    # TRANSACTION

    def _do_stat(self) -> Reply:
        return Reply("+OK", "{} {}".format(*self._totals()))

    def _do_noop(self) -> Reply:
        return Reply("+OK")

    def _do_list(self, number: int | None = None) -> Reply:
        return self._listing(number, lambda message: str(len(message)))

    def _do_uidl(self, number: int | None = None) -> Reply:
        return self._listing(number, lambda message: message.uid)

    def _do_retr(self, number: int) -> Reply:
        message = self._message(number)
        if message is None:
            return self._no_such_message()
        self._log(f"{self.username} reads message {number} ({len(message)} octets)")
        return Reply("+OK", f"{len(message)} octets", _lines(message))

    def _do_top(self, number: int, count: int) -> Reply:
        message = self._message(number)
        if message is None:
            return self._no_such_message()
        return Reply("+OK", f"the top of message {number}", top(_lines(message), count))

    def _do_dele(self, number: int) -> Reply:
        if self._message(number) is None:
            return self._no_such_message()
        self._deleted.add(number)
        return Reply("+OK", f"message {number} goes when you QUIT")

    def _do_rset(self) -> Reply:
        self._deleted.clear()
        return Reply("+OK", "nothing is marked for deletion")

    def _do_quit(self) -> Reply:
        return Reply("+OK", f"{self._host} says goodbye")

    # UPDATE

    def _update(self) -> None:
        """What QUIT after a login does, and nothing else does (RFC 1939 section 6)."""
        assert self._maildrop is not None
        self._maildrop.remove(self._messages[number - 1] for number in self._deleted)
        self._log(f"{self.username} is done, {len(self._deleted)} deleted")
        self.lost()

    # The maildrop as this session sees it

    def _visible(self) -> Iterator[tuple[int, Message]]:
        for number, message in enumerate(self._messages, 1):
            if number not in self._deleted:
                yield number, message

    def _message(self, number: int) -> Message | None:
        return dict(self._visible()).get(number)

    def _totals(self) -> tuple[int, int]:
        messages = [message for _, message in self._visible()]
        return len(messages), sum(map(len, messages))

    def _summary(self) -> str:
        count, octets = self._totals()
        return f"{count} message{'' if count == 1 else 's'} ({octets} octets)"

    def _listing(self, number: int | None, shown: Callable[[Message], str]) -> Reply:
        if number is None:
            listed = [f"{n} {shown(message)}".encode() for n, message in self._visible()]
            return Reply("+OK", self._summary(), listed)
        message = self._message(number)
        return self._no_such_message() if message is None else Reply("+OK", f"{number} {shown(message)}")

    def _no_such_message(self) -> Reply:
        return Reply("-ERR", "no such message")


def _lines(message: Message) -> list[bytes]:
    return message.content.removesuffix(b"\r\n").split(b"\r\n")
