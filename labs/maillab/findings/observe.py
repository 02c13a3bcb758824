"""The eavesdropper: listens to the turns of one connection and notes what they give away."""

from __future__ import annotations

from functools import partial

from ..conversations.dialogue import Dialogue
from ..conversations.turns import Turn
from ..tls.outside import Visible
from ..tls.records import record_of
from . import mechanisms
from .attempt import Attempt
from .envelope import Envelope
from .finding import Finding, Kind
from .mails import Mails
from .pop_logins import Login, PopLogins

LOGINS = ("AUTH", "AUTHENTICATE", "LOGIN", "PASS", "APOP")
# Commands that give something away, or whose replies do.
TELLING = frozenset(
    [*LOGINS, "USER", "STLS", "STARTTLS", "MAIL", "RCPT", "DATA", "BDAT", "APPEND", "EHLO", "HELO", "RSET"]
)
MAX_HELLO = 32  # TLS records in which hellos are looked for


class Observer:
    """Give it each turn, then close(); .findings is what was learned, in the order in which it ended.

    keep_mails=False keeps only the beginning of each mail, so that a large capture fits in memory.
    pop_logins: what the observers of one capture share, since a login over POP3 may let in a mail over SMTP.
    """

    def __init__(self, keep_mails: bool = True, pop_logins: PopLogins | None = None) -> None:
        self.findings: list[Finding] = []
        self.dialogue: Dialogue | None = None
        self.missing = self.missing_from = 0  # bytes lost, and the first frame at which that shows
        self._pop_logins = pop_logins if pop_logins is not None else PopLogins()
        self._mails = Mails(keep_mails)
        self._greeting = b""
        self._user: Turn | None = None
        self._attempts: list[Attempt] = []
        self._login: bool | None = False  # did somebody log in on this connection? None: perhaps
        self._upgrade: Finding | None = None
        self._tls: Finding | None = None
        self._tls_turn: Turn | None = None  # the first TLS record
        self._hellos_left = MAX_HELLO
        self._outside: Visible | None = None

    def turn(self, turn: Turn) -> None:
        kind = turn.kind
        if kind == "command":
            self._command(turn)
        elif kind == "reply":
            self._reply(turn)
        elif kind == "mail":
            if turn.verb != "LITERAL":  # a part of a mail, or something large that is none
                self._mails.turn(turn, self._note)
        elif kind == "challenge" or kind == "response":
            self._exchange(turn)
        elif kind == "greeting":
            self._greeting = turn.data
            self._mails.server_named(turn.data)
        elif kind == "tls":
            self._tls_record(turn)
        elif kind == "gap":
            self.missing += turn.missing
            self.missing_from = self.missing_from or turn.frame
            self._login = self._login or None  # it may have been lost
            if turn.side == "C":
                self._user = None  # another USER may have been lost

    def close(self) -> None:
        """The connection is over: what has no verdict stays without one."""
        for attempt in self._attempts:
            self._learn(attempt)
        self._attempts = []
        self._note_tls()
        if self._tls and self._outside:
            self._tls.sni, self._tls.version = self._outside.sni, self._outside.version
            self._tls.suite = self._outside.suite
        self.dialogue = None  # no cycle of objects stays behind

    def _note(self, kind: Kind, turn: Turn, mechanism: str) -> Finding:
        assert self.dialogue is not None
        client, server = self.dialogue.names
        protocol = self.dialogue.protocol or ""
        finding = Finding(kind, turn.frame, protocol, mechanism, client, server, frames=list(turn.frames))
        finding.decrypted = turn.decrypted
        self.findings.append(finding)
        return finding

    # -- logins --

    def _command(self, turn: Turn) -> None:
        verb = turn.verb
        if verb not in TELLING:
            return
        protocol = self.dialogue.protocol or "" if self.dialogue else ""
        attempt: Attempt | None = None
        if verb in ("AUTH", "AUTHENTICATE") and turn.argument:
            name, _, initial = turn.argument.partition(b" ")
            attempt = Attempt(name.decode("ascii", "backslashreplace").upper()[:64], protocol, turn)
            attempt.initial = initial.strip() or None
        elif protocol == "pop3" and verb == "USER":
            self._user = turn
        elif protocol == "pop3" and verb == "PASS":
            attempt = Attempt("USER", protocol, turn, user=self._user)
            self._user = None
        elif protocol == "pop3" and verb == "APOP":
            attempt = Attempt("APOP", protocol, turn, responses=[turn.argument])
        elif protocol == "imap" and verb == "LOGIN":
            attempt = Attempt("LOGIN", protocol, turn)
        elif verb in ("STLS", "STARTTLS"):
            self._upgrade = self._note("tls", turn, verb)
        elif protocol == "smtp":
            envelope = self._mails.address(turn)
            if envelope:
                self._authorise(envelope, turn)
        if attempt:
            attempt.greeting = self._greeting
            attempt.frames = [*(attempt.user.frames if attempt.user else []), *turn.frames]
            self._attempts.append(attempt)

    def _attempt_of(self, command: Turn | None) -> Attempt | None:
        return next((a for a in self._attempts if a.command is command), None) if command else None

    def _exchange(self, turn: Turn) -> None:
        attempt = self._attempt_of(turn.command)
        if not attempt:
            return
        attempt.frames += turn.frames
        line = turn.data.strip()
        if turn.kind == "challenge":
            attempt.challenges.append(line[3:].strip() if line[:3] == b"334" else line[1:].strip())
        elif attempt.command.verb == "LOGIN":
            attempt.responses.append(turn.data)  # literals, in which every byte counts
        elif line == b"*":
            attempt.aborted = True
        else:
            attempt.responses.append(line)

    def _reply(self, turn: Turn) -> None:
        command = turn.command
        if command is None or command.verb not in TELLING:
            return
        good = self._is_good(turn)
        if command.verb in LOGINS:
            attempt = self._attempt_of(command)
            if attempt:
                attempt.frames += turn.frames
                attempt.accepted = None if attempt.aborted else good
                self._attempts.remove(attempt)
                finding = self._learn(attempt)
                if finding.accepted:
                    self._logged_in(finding, turn)
        elif self._upgrade and command.verb == self._upgrade.mechanism and not self._tls_turn:
            self._upgrade.accepted = good
        elif command.verb in ("DATA", "BDAT", "APPEND"):
            if not turn.data.startswith(b"3"):
                self._mails.answered(command, good)
        elif command.verb == "RCPT":
            self._mails.rcpt_answered(command, good)
        elif command.verb in ("EHLO", "HELO") and good:
            self._mails.server_named(turn.data)

    def _is_good(self, reply: Turn) -> bool:
        if self.dialogue and self.dialogue.protocol == "imap":
            return reply.data[:300].upper().split()[1:2] == [b"OK"]
        return reply.data.startswith((b"+OK", b"2"))

    def _logged_in(self, finding: Finding, reply: Turn) -> None:
        self._login = True
        if finding.protocol == "pop3":
            login = Login(finding.username, finding.mechanism, finding.frame, reply.time)
            self._pop_logins.note(reply.frame, finding.client, finding.server, login)

    def _learn(self, attempt: Attempt) -> Finding:
        learned = mechanisms.read(attempt)
        finding = self._note("credential", attempt.user or attempt.command, attempt.mechanism)
        finding.frames = sorted(set(attempt.frames))
        finding.frame = finding.frames[0]
        finding.username, finding.password, finding.authzid = learned.username, learned.password, learned.authzid
        finding.challenge, finding.response, finding.hashcat = learned.challenge, learned.response, learned.hashcat
        finding.accepted, finding.aborted = attempt.accepted, attempt.aborted
        return finding

    def _authorise(self, envelope: Envelope, mail: Turn) -> None:
        """By what right is this mail sent? Judged when MAIL is said, from what was said before."""
        assert self.dialogue is not None
        if self._login:
            envelope.authorised = "login"
            return
        unanswered = any(not attempt.aborted for attempt in self._attempts)
        if self._login is None or unanswered or self.dialogue.connection.opener is None:
            return
        self._pop_logins.ask(mail.frame, *self.dialogue.names, partial(envelope.popped_by, mail.time))

    # -- TLS --

    def _tls_record(self, turn: Turn) -> None:
        if self._tls_turn is None:
            self._tls_turn = turn
            self._outside = Visible()
            self._note_tls()
        if self._hellos_left and self._outside:
            self._hellos_left -= 1
            record = record_of(turn)
            if record:
                self._outside.add(record)
            if self._outside.settled:
                self._hellos_left = 0
            if not self._hellos_left and self.dialogue and not self.dialogue.opens_tls:
                self.dialogue.ignore = True  # the rest can't be read

    def _note_tls(self) -> None:
        """Where TLS began; a protocol that only the dialogue inside tells is noted at the end."""
        if self._tls or self._tls_turn is None:
            return
        if self._upgrade and self._upgrade.accepted is not False:
            self._tls = self._upgrade
        elif self.dialogue and self.dialogue.protocol:
            self._tls = self._note("tls", self._tls_turn, "TLS")
        if self._tls:
            self._tls.accepted = True
