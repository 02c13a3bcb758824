"""The envelope of a mail in SMTP: who sent it to whom, and by what right the server took it (RFC 5321 section 3.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from ..conversations.turns import Turn
from .attempt import words
from .finding import Finding
from .mail import path_of
from .pop_logins import Login

MAX_RECIPIENTS = 10_000  # further ones are not noted; RFC 5321 section 4.5.3.1.8 asks for 100
_NAMED = re.compile(rb"2[25]0[ -]([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)\.?(?:[ \r\n]|$)")


@dataclass(slots=True)
class Recipient:
    """A RCPT command, its address, and what the server said to it (None: its reply wasn't seen)."""

    command: Turn
    path: str
    accepted: bool | None = None


@dataclass(slots=True)
class Envelope:
    """What MAIL and RCPT said. authorised, popped: as in a Finding, judged when MAIL was said."""

    sender: str | None = None
    authorised: str | None = None
    popped: dict[str, str | int | float | None] | None = None
    mails: list[Finding] = field(default_factory=list)
    _named: dict[int, Recipient] = field(default_factory=dict)  # by identity of the RCPT turn

    def popped_by(self, time: float, login: Login | None) -> None:
        """Nobody has logged in here; `login` over POP3 came from the same address. time: when MAIL was said."""
        self.authorised = "address" if login else "nobody"
        self.popped = login.as_of(time) if login else None
        for finding in self.mails:
            finding.authorised, finding.popped = self.authorised, self.popped

    def name(self, command: Turn) -> None:
        """A RCPT was said."""
        path = path_of(command.argument)
        if path is not None and len(self._named) < MAX_RECIPIENTS:
            self._named[id(command)] = Recipient(command, path)

    def answer(self, command: Turn, accepted: bool) -> bool:
        """The server replied to a RCPT; False when it is none of this envelope's."""
        recipient = self._named.get(id(command))
        if recipient:
            recipient.accepted = accepted
        return recipient is not None

    @property
    def recipients(self) -> list[str]:
        """Addresses that weren't refused."""
        return [recipient.path for recipient in self._named.values() if recipient.accepted is not False]

    def relayed(self, own: set[str]) -> bool | None:
        """Did the server take a recipient of another domain? None: it can't be told. own: its domains."""
        elsewhere = [r.accepted for r in self._named.values() if r.accepted is not False and not _is_own(r.path, own)]
        if not any("." in domain for domain in own):
            own = set()  # "localhost" names nobody's domain
        if own and any(elsewhere):
            return True
        taken = any(recipient.accepted for recipient in self._named.values())
        return False if taken and not elsewhere else None


@lru_cache(1024)  # a server says the same to each client
def own_domains(reply: bytes) -> frozenset[str]:
    """The domains of a server that names itself in its greeting or in the first line of its answer to EHLO.

    >>> sorted(own_domains(b"220 mail.example.test ESMTP"))
    ['example.test', 'mail.example.test']
    >>> own_domains(b"250-example.test greets you")
    frozenset({'example.test'})
    """
    named = _NAMED.match(reply[:300])
    if not named:
        return frozenset()
    name = words(named[1]).lower()
    above = name.partition(".")[2]
    return frozenset([name, above] if "." in above else [name])  # nobody takes mail for the whole of .test


def _is_own(path: str, own: set[str]) -> bool:
    domain = path.rpartition("@")[2].lower().rstrip(".") if "@" in path else ""
    return not domain or domain in own  # <postmaster> without a domain is every server's own
