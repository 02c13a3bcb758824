"""The eavesdropper: listens to the turns of one connection and notes what they give away."""

from __future__ import annotations

from ..conversations.dialogue import Dialogue
from ..conversations.pop3 import MAILS
from ..conversations.turns import Turn
from ..tls.outside import Visible
from ..tls.records import record_of
from . import mechanisms
from .attempt import Attempt
from .finding import Finding
from .mail import addresses, header_fields, path_of, unencoded

MAX_KEPT = 32 << 20  # of a mail, so many bytes are kept; the rest is only counted
MAX_HELLO = 32  # TLS records in which hellos are looked for
EXCERPT = 4096  # what is kept where mails aren't asked for


class Observer:
    """Give it each turn, then close(); .findings is what was learned, in the order in which it ended.

    keep_mails=False keeps only the beginning of each mail, so that a large capture fits in memory.
    """

    def __init__(self, keep_mails: bool = True) -> None:
        self.findings: list[Finding] = []
        self.dialogue: Dialogue | None = None
        self.missing = self.missing_from = 0  # bytes lost, and the first frame at which that shows
        self._keep = MAX_KEPT if keep_mails else EXCERPT
        self._greeting = b""
        self._user: Turn | None = None
        self._attempts: list[Attempt] = []
        self._mails: list[tuple[Turn | None, Finding]] = []
        self._sender: str | None = None
        self._recipients: list[tuple[Turn, str]] = []
        self._upgrade: Finding | None = None
        self._tls: Finding | None = None
        self._tls_turn: Turn | None = None  # the first TLS record
        self._hellos_left = MAX_HELLO
        self._outside = Visible()

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
        elif kind == "tls":
            self._tls_record(turn)
        elif kind == "gap":
            self.missing += turn.missing
            self.missing_from = self.missing_from or turn.frame
            if turn.side == "C":
                self._user = None  # another USER may have been lost

    def close(self) -> None:
        """The connection is over: what has no verdict stays without one."""
        for attempt in self._attempts:
            self._learn(attempt)
        self._attempts = []
        self._note_tls()
        if self._tls:
            self._tls.sni, self._tls.version = self._outside.sni, self._outside.version
            self._tls.suite = self._outside.suite

    def _note(self, kind: str, turn: Turn, mechanism: str) -> Finding:
        assert self.dialogue is not None
        client, server = self.dialogue.names
        protocol = self.dialogue.protocol or ""
        frames = list(turn.frames)
        finding = Finding(kind, turn.frame, protocol, mechanism, client, server, frames=frames)  # type: ignore[arg-type]
        finding.decrypted = turn.decrypted
        return finding

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
            self._envelope(turn)
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
                self._learn(attempt)
        elif self._upgrade and command.verb == self._upgrade.mechanism and not self._tls_turn:
            self._upgrade.accepted = good
        elif command.verb in ("DATA", "BDAT"):
            # What answers a mail answers the DATA it belongs to; a BDAT is answered itself.
            asked = command.command if command.kind == "mail" else command
            for mail_command, finding in self._mails:
                if mail_command is asked and not turn.data.startswith(b"3"):
                    finding.accepted = good
        elif command.verb == "RCPT" and not good:
            self._recipients = [(rcpt, to) for rcpt, to in self._recipients if rcpt is not command]

    def _learn(self, attempt: Attempt) -> None:
        learned = mechanisms.read(attempt)
        finding = self._note("credential", attempt.user or attempt.command, attempt.mechanism)
        finding.frames = sorted(set(attempt.frames))
        finding.frame = finding.frames[0]
        finding.username, finding.password, finding.authzid = learned.username, learned.password, learned.authzid
        finding.challenge, finding.response, finding.hashcat = learned.challenge, learned.response, learned.hashcat
        finding.accepted, finding.aborted = attempt.accepted, attempt.aborted
        self.findings.append(finding)

    # -- mails --

    def _envelope(self, turn: Turn) -> None:
        if turn.verb == "MAIL":
            self._sender, self._recipients = path_of(turn.argument), []
        elif turn.verb == "RCPT":
            path = path_of(turn.argument)
            if path is not None:
                self._recipients.append((turn, path))
        elif turn.verb in ("RSET", "EHLO", "HELO"):
            self._sender, self._recipients = None, []

    def _mail(self, turn: Turn) -> None:
        last = self._mails[-1] if self._mails else None
        goes_on = last is not None and not last[1].complete and self._belongs(last[0], turn)
        if last is not None and goes_on:
            finding = last[1]
            finding.frames += turn.frames
            self._mails[-1] = (turn.command, finding)
        else:
            finding = self._note("mail", turn, turn.verb)
            self._mails = [*self._mails[-50:], (turn.command, finding)]
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
        if finding.protocol == "smtp":
            finding.sender = self._sender
            finding.recipients = [to for _, to in self._recipients]
        else:
            finding.sender = next(iter(addresses(fields.get("from", []))), None)
            finding.recipients = addresses(fields.get("to", []) + fields.get("cc", []))

    # -- TLS --

    def _tls_record(self, turn: Turn) -> None:
        if self._tls_turn is None:
            self._tls_turn = turn
            self._note_tls()
        if self._hellos_left:
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
            self.findings.append(self._tls)
        if self._tls:
            self._tls.accepted = True
