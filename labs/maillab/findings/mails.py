"""The mails of one connection: put together from their turns, with head and envelope."""

from __future__ import annotations

from collections.abc import Callable

from ..conversations.turns import Turn
from .envelope import Envelope, own_domains
from .finding import Finding, Kind
from .mail import MAX_HEADER, addresses, header_fields, path_of, unencoded

MAX_KEPT = 32 << 20  # of a mail, so many bytes are kept; the rest is only counted
SHOWN = ("subject", "from", "to", "cc")  # fields of a mail's head
EXCERPT = 4096  # what is kept where mails aren't asked for
READ = ("RETR", "TOP", "FETCH")  # the server hands out a mail: nothing more to be accepted
RECENT = 50  # mails that may still get their reply


class Mails:
    """Give it mail turns, envelope commands and replies.

    keep_mails=False keeps only the beginning of each mail, so that a large capture fits in memory.
    """

    def __init__(self, keep_mails: bool) -> None:
        self._keep = MAX_KEPT if keep_mails else EXCERPT
        self._own: set[str] = set()  # domains of the server
        self._recent: list[tuple[Turn | None, Finding, Envelope]] = []
        self._envelope = Envelope()

    def server_named(self, reply: bytes) -> None:
        """The greeting, or the answer to EHLO."""
        self._own |= own_domains(reply[:300])

    def address(self, command: Turn) -> Envelope | None:
        """A command of SMTP; the envelope that MAIL begins."""
        if command.verb == "MAIL":
            self._envelope = Envelope(path_of(command.argument))
            return self._envelope
        if command.verb == "RCPT":
            self._envelope.name(command)
        elif command.verb in ("RSET", "EHLO", "HELO"):
            self._envelope = Envelope()
        return None

    def rcpt_answered(self, command: Turn, accepted: bool) -> None:
        envelopes = [self._envelope, *(envelope for _, _, envelope in self._recent)]
        any(envelope.answer(command, accepted) for envelope in envelopes)

    def answered(self, command: Turn, accepted: bool) -> None:
        """The reply to a mail: of DATA it answers the mail, of BDAT and APPEND the command."""
        asked = command.command if command.kind == "mail" else command
        for mail_command, finding, envelope in self._recent:
            if mail_command is asked:
                finding.accepted = accepted
                self._addressed(finding, envelope)  # with BDAT, the replies to RCPT may come after the mail

    def turn(self, turn: Turn, note: Callable[[Kind, Turn, str], Finding]) -> None:
        """A mail, or a part of one. `note` makes a finding of a turn and its mechanism."""
        last = self._recent[-1] if self._recent else None
        if last and not last[1].complete and _belongs(last[0], turn):
            finding, envelope = last[1:]
            finding.frames += turn.frames
            self._recent[-1] = (turn.command, finding, envelope)
        else:
            finding, envelope = note("mail", turn, turn.verb), self._envelope
            envelope.mails.append(finding)
            self._recent = [*self._recent[-RECENT:], (turn.command, finding, envelope)]
            if turn.verb in READ:
                finding.accepted = True
        part = turn.message
        room = self._keep - len(finding.message)
        if room > 0:
            finding.message += part[:room]
        finding.size += len(part)
        finding.complete = _ends(turn)
        if finding.size - len(part) < MAX_HEADER:  # later parts can't add to it
            self._head(finding)
        self._addressed(finding, envelope)

    def _head(self, finding: Finding) -> None:
        fields = header_fields(finding.message, SHOWN)
        finding.subject = next((unencoded(text) for text in fields.get("subject", [])), None)
        if finding.protocol != "smtp":
            finding.sender = next(iter(addresses(fields.get("from", []))), None)
            finding.recipients = addresses(fields.get("to", []) + fields.get("cc", []))

    def _addressed(self, finding: Finding, envelope: Envelope) -> None:
        if finding.protocol == "smtp":
            finding.sender, finding.recipients = envelope.sender, envelope.recipients
            finding.relayed = envelope.relayed(self._own)
            finding.authorised, finding.popped = envelope.authorised, envelope.popped


def _belongs(command: Turn | None, turn: Turn) -> bool:
    if turn.verb == "BDAT":  # one mail in several BDAT commands (RFC 3030)
        return command is not None and command.verb == "BDAT"
    return command is turn.command


def _ends(turn: Turn) -> bool:
    last = turn.verb != "BDAT" or (turn.command is not None and turn.command.argument.upper().endswith(b" LAST"))
    return last and not turn.partial
