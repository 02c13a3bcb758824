"""The eavesdropper: listens to the turns of one connection and notes what they give away."""

from __future__ import annotations

from ..conversations.dialogue import Dialogue
from ..conversations.pop3 import MAILS
from ..conversations.turns import Turn
from . import mechanisms
from .attempt import Attempt
from .envelope import Envelope, own_domains
from .finding import Finding
from .mail import addresses, header_fields, path_of, unencoded
from .pop_logins import Login, PopLogins

MAX_KEPT = 32 << 20  # of a mail, so many bytes are kept; the rest is only counted
EXCERPT = 4096  # what is kept where mails aren't asked for


class Observer:
    """Give it each turn, then close(); .findings is what was learned, in the order in which it ended.

    keep_mails=False keeps only the beginning of each mail, so that a large capture fits in memory.
    pop_logins: what the observers of one capture share, since a log-in over POP3 may let in a mail over SMTP.
    """

    def __init__(self, keep_mails: bool = True, pop_logins: PopLogins | None = None) -> None:
        self.findings: list[Finding] = []
        self.dialogue: Dialogue | None = None
        self.missing = self.missing_from = 0  # bytes lost, and the first frame at which that shows
        self._keep = MAX_KEPT if keep_mails else EXCERPT
        self._greeting = b""
        self._user: Turn | None = None
        self._attempts: list[Attempt] = []
        self._pop_logins = pop_logins if pop_logins is not None else PopLogins()
        self._login: bool | None = False  # did somebody log in on this connection? None: perhaps
        self._own: set[str] = set()  # domains of the server
        self._mails: list[tuple[Turn | None, Finding, Envelope]] = []
        self._envelope = Envelope()
        self._upgrade: Finding | None = None
        self._tls_seen = False

    def turn(self, turn: Turn) -> None:
        kind = turn.kind
        if kind == "command":
            self._command(turn)
        elif kind == "reply":
            self._reply(turn)
        elif kind == "mail":
            self._mail(turn)
        elif kind == "challenge" or kind == "response":
            self._exchange(turn)
        elif kind == "greeting":
            self._greeting = turn.data
            self._own |= own_domains(turn.data)
        elif kind == "tls" and not self._tls_seen:
            self._tls_begins(turn)
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

    def _note(self, kind: str, turn: Turn, mechanism: str) -> Finding:
        assert self.dialogue is not None
        client, server = self.dialogue.names
        protocol = self.dialogue.protocol or ""
        return Finding(kind, turn.frame, protocol, mechanism, client, server, frames=list(turn.frames))  # type: ignore[arg-type]

    # -- log-ins --

    def _command(self, turn: Turn) -> None:
        verb = turn.verb
        protocol = self.dialogue.protocol or "" if self.dialogue else ""
        attempt: Attempt | None = None
        if verb == "AUTH" and turn.argument:
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
        elif verb in ("STLS", "STARTTLS"):
            self._upgrade = self._note("tls", turn, verb)
            self.findings.append(self._upgrade)
        elif protocol == "smtp":
            self._address(turn)
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
        elif line == b"*":
            attempt.aborted = True
        else:
            attempt.responses.append(line)

    def _reply(self, turn: Turn) -> None:
        command = turn.command
        if command is None:
            return
        good = turn.data.startswith((b"+OK", b"2"))
        if command.verb in ("AUTH", "PASS", "APOP"):
            attempt = self._attempt_of(command)
            if attempt:
                attempt.frames += turn.frames
                attempt.accepted = None if attempt.aborted else good
                self._attempts.remove(attempt)
                finding = self._learn(attempt)
                if finding.accepted:
                    self._logged_in(finding, turn)
        elif self._upgrade and command.verb == self._upgrade.mechanism and not self._tls_seen:
            self._upgrade.accepted = good
        elif command.verb in ("DATA", "BDAT"):
            # What answers a mail answers the DATA it belongs to; a BDAT is answered itself.
            asked = command.command if command.kind == "mail" else command
            for mail_command, finding, envelope in self._mails:
                if mail_command is asked and not turn.data.startswith(b"3"):
                    finding.accepted = good
                    self._addressed(finding, envelope)  # with BDAT, the replies to RCPT may come after the mail
        elif command.verb == "RCPT":
            envelopes = [self._envelope, *(envelope for _, _, envelope in self._mails)]
            any(envelope.answer(command, good) for envelope in envelopes)
        elif command.verb in ("EHLO", "HELO") and good:
            self._own |= own_domains(turn.data)

    def _logged_in(self, finding: Finding, reply: Turn) -> None:
        self._login = True
        if finding.protocol == "pop3":
            login = Login(finding.username, finding.mechanism, finding.frame, reply.time)
            self._pop_logins.note(finding.client, finding.server, login)

    def _learn(self, attempt: Attempt) -> Finding:
        learned = mechanisms.read(attempt)
        finding = self._note("credential", attempt.user or attempt.command, attempt.mechanism)
        finding.frames = sorted(set(attempt.frames))
        finding.frame = finding.frames[0]
        finding.username, finding.password, finding.authzid = learned.username, learned.password, learned.authzid
        finding.challenge, finding.response, finding.hashcat = learned.challenge, learned.response, learned.hashcat
        finding.accepted, finding.aborted = attempt.accepted, attempt.aborted
        self.findings.append(finding)
        return finding

    # -- mails --

    def _address(self, turn: Turn) -> None:
        if turn.verb == "MAIL":
            self._envelope = Envelope(path_of(turn.argument))
            self._authorise(self._envelope, turn)
        elif turn.verb == "RCPT":
            self._envelope.name(turn)
        elif turn.verb in ("RSET", "EHLO", "HELO"):
            self._envelope = Envelope()

    def _authorise(self, envelope: Envelope, mail: Turn) -> None:
        """By what right is this mail sent? Judged when MAIL is said, from what was said before."""
        assert self.dialogue is not None
        if self._login:
            envelope.authorised = "login"
            return
        unanswered = any(not attempt.aborted for attempt in self._attempts)
        if self._login is None or unanswered or self.dialogue.connection.opener is None:
            return
        login = self._pop_logins.last(*self.dialogue.names)
        envelope.authorised = "address" if login else "nobody"
        if login:
            seconds = round(mail.time - login.time, 3)
            envelope.popped = {**login._asdict(), "seconds": seconds}
            del envelope.popped["time"]

    def _mail(self, turn: Turn) -> None:
        last = self._mails[-1] if self._mails else None
        goes_on = last is not None and not last[1].complete and self._belongs(last[0], turn)
        if last is not None and goes_on:
            finding = last[1]
            finding.frames += turn.frames
            self._mails[-1] = (turn.command, finding, last[2])
        else:
            finding = self._note("mail", turn, turn.verb)
            self._mails = [*self._mails[-50:], (turn.command, finding, self._envelope)]
            self.findings.append(finding)
            if turn.verb in MAILS:
                finding.accepted = True
        part = turn.message
        room = self._keep - len(finding.message)
        if room > 0:
            finding.message += part[:room]
        finding.size += len(part)
        finding.complete = self._ends(turn)
        self._head(finding)
        self._addressed(finding, self._mails[-1][2])

    def _belongs(self, command: Turn | None, turn: Turn) -> bool:
        if turn.verb == "BDAT":  # one mail in several BDAT commands (RFC 3030)
            return command is not None and command.verb == "BDAT"
        return command is turn.command

    def _ends(self, turn: Turn) -> bool:
        last = turn.verb != "BDAT" or (turn.command is not None and turn.command.argument.upper().endswith(b" LAST"))
        return last and not turn.partial

    def _head(self, finding: Finding) -> None:
        fields = header_fields(finding.message)
        finding.subject = next((unencoded(text) for text in fields.get("subject", [])), None)
        if finding.protocol != "smtp":
            finding.sender = next(iter(addresses(fields.get("from", []))), None)
            finding.recipients = addresses(fields.get("to", []) + fields.get("cc", []))

    def _addressed(self, finding: Finding, envelope: Envelope) -> None:
        if finding.protocol == "smtp":
            finding.sender, finding.recipients = envelope.sender, envelope.recipients
            finding.relayed = envelope.relayed(self._own)
            finding.authorised, finding.popped = envelope.authorised, envelope.popped

    # -- TLS --

    def _tls_begins(self, turn: Turn) -> None:
        self._tls_seen = True
        if self._upgrade and self._upgrade.accepted is not False:
            self._upgrade.accepted = True
        elif self.dialogue and self.dialogue.protocol:
            finding = self._note("tls", turn, "TLS")
            finding.accepted = True
            self.findings.append(finding)
        if self.dialogue:
            self.dialogue.ignore = True  # the rest can't be read
