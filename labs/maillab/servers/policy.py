"""Who may send what to whom: a table of rules, and one pure function that goes through it from the top.

It sees no socket and no password. What it knows is in :class:`Envelope`; the first rule that applies decides.
A server asks twice: at ``MAIL``, when only the sender is known, and at ``RCPT`` for each recipient.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from maillab.servers.store import Store
from maillab.servers.switches import POP_WINDOW, Switches

MAX_ADDRESS = 254
"""Octets in an address: RFC 5321 section 4.5.3.1.3 allows 256 with its angle brackets."""

_ATOM = r"[\w!#$%&'*+/=?^`{|}~-]+"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_MAILBOX = re.compile(
    rf"""(?:{_ATOM}(?:\.{_ATOM})* | "(?:[ !#-\[\]-~]|\\[ -~])*")   # local part: a dot-string or a quoted string
         @(?:{_LABEL}(?:\.{_LABEL})* | \[[!-Z^-~]+\])               # a domain, or an address literal in brackets
    """,
    re.VERBOSE | re.ASCII,
)


@dataclass(frozen=True)
class Envelope:
    """What is known when a client names a recipient; ``recipient`` is empty when she has named the sender only."""

    client: str  # her address, such as 192.0.2.66
    username: str | None  # who logged in on this connection, if anybody did
    sender: str  # what she wrote after MAIL FROM, a claim, not a proof; empty for <>, the sender of bounces
    recipient: str = ""
    service: str = "smtp"  # or "submission": by which port she came in
    popped: float | None = None  # seconds since somebody at her address logged in over POP3; None if nobody did
    window: float = POP_WINDOW  # for so many seconds that counts, where pop_before_smtp is on


class Verdict(NamedTuple):
    """The reply, with its enhanced status code (RFC 3463), and the name of the rule that decided."""

    reply: str
    rule: str
    relay: bool = False  # whether the mail would have to go on to another server

    @property
    def accepted(self) -> bool:
        return self.reply.startswith("250")


class Rule(NamedTuple):
    """One line of the table."""

    name: str
    at: Literal["MAIL", "RCPT"]  # the command at which it can be judged
    when: str  # the switch that has to be on; empty if the rule is always there
    says: str
    source: str
    reply: str
    applies: Callable[[Envelope, Store], bool]


def is_mailbox(address: str) -> bool:
    """Whether this is an address as RFC 5321 section 4.1.2 writes it (Mailbox), with its domain.

    >>> is_mailbox("alice@example.test"), is_mailbox('"a b"@example.test'), is_mailbox("mx!alice"), is_mailbox("alice")
    (True, True, False, False)
    """
    return len(address) <= MAX_ADDRESS and _MAILBOX.fullmatch(address) is not None


def _no_sender(case: Envelope, store: Store) -> bool:
    return bool(case.sender) and not is_mailbox(case.sender)


def _not_hers(case: Envelope, store: Store) -> bool:
    return bool(case.username and case.sender) and store.local_user(case.sender) != case.username


def _no_recipient(case: Envelope, store: Store) -> bool:
    return case.recipient.lower() != "postmaster" and not is_mailbox(case.recipient)


def _elsewhere(case: Envelope, store: Store) -> bool:
    return not store.is_local(case.recipient)


POP_BEFORE_SMTP = "POP before SMTP"

RULES: tuple[Rule, ...] = (
    Rule(
        "log in first", "MAIL", "", "submission takes mail from nobody who hasn't logged in",
        "RFC 6409 section 4.3", "530 5.7.0 log in first",
        lambda case, store: case.service == "submission" and not case.username,
    ),
    Rule(
        "no such sender", "MAIL", "", "a sender has a domain, or is <>", "RFC 6409 section 4.2",
        "553 5.1.7 that is no address with a domain", _no_sender,
    ),
    Rule(
        # <> is nobody's address, and still allowed: programs need it for receipts (RFC 6409 section 3.2, "MUST be
        # accepted"), and who sent it is known all the same, because she logged in.
        "own address only", "MAIL", "", "who has logged in claims her own address, or <>", "RFC 6409 section 6.1",
        "550 5.7.1 that is not your address", _not_hers,
    ),
    Rule(
        "no such address", "RCPT", "", "a recipient has a domain, or is the postmaster", "RFC 5321 section 4.1.1.3",
        "553 5.1.3 that is no address with a domain", _no_recipient,
    ),
    Rule(
        # Whatever stands left of the @ is a name and no way to anywhere: user%elsewhere.test, elsewhere.test!user.
        "unknown user", "RCPT", "", "mail for somebody whom our domain doesn't have", "RFC 5321 section 3.3",
        "550 5.1.1 no such user here",
        lambda case, store: store.is_local(case.recipient) and store.local_user(case.recipient) is None,
    ),
    Rule(
        "own users", "RCPT", "", "mail for our own users is taken from anybody", "RFC 5321 section 2.3.10",
        "250 2.1.5 OK", lambda case, store: store.is_local(case.recipient),
    ),
    Rule(
        "logged in", "RCPT", "", "who has logged in may send anywhere", "RFC 6409 section 6.2",
        "250 2.1.5 OK, will be passed on", lambda case, store: bool(case.username) and _elsewhere(case, store),
    ),
    Rule(
        "open relay", "RCPT", "open_relay", "anybody may send anywhere", "against RFC 2505 section 2.1",
        "250 2.1.5 OK, will be passed on", _elsewhere,
    ),
    Rule(
        "sender check", "RCPT", "sender_check", "whoever claims a sender of ours may send anywhere",
        "RFC 5321 section 7.1: a claim proves nothing", "250 2.1.5 OK, will be passed on",
        lambda case, store: _elsewhere(case, store) and "@" in case.sender and store.is_local(case.sender),
    ),
    Rule(
        POP_BEFORE_SMTP, "RCPT", "pop_before_smtp", "whoever has the address of a recent POP3 login may send anywhere",
        "RFC 2476 and RFC 6409, section 3.3: in use, and why it is weak", "250 2.1.5 OK, will be passed on",
        lambda case, store: case.popped is not None and case.popped <= case.window and _elsewhere(case, store),
    ),
    Rule(
        "POP first", "RCPT", "pop_before_smtp", "anybody else is told how to become one of those", "",
        "550 5.7.1 relaying denied, fetch your mail first", _elsewhere,
    ),
    Rule(
        "own recipients only", "RCPT", "", "anything else would make us an open relay", "RFC 5321 section 7.9",
        "550 5.7.1 relaying denied", _elsewhere,
    ),
)  # fmt: skip
"""From the top: the first that applies decides."""


def judge(case: Envelope, store: Store, switches: Switches) -> Verdict:
    """The reply to ``MAIL`` (while no recipient is named) or to ``RCPT``.

    A whole envelope gets the refusal that comes first on the wire, so one call answers "may she send this?".

    >>> store = Store("example.test", {"alice": "sesame"})
    >>> judge(Envelope("192.0.2.66", None, "eve@elsewhere.test", "alice@example.test"), store, Switches()).reply
    '250 2.1.5 OK'
    >>> out = Envelope("192.0.2.66", None, "alice@example.test", "dave@partner.example.test")
    >>> judge(out, store, Switches())
    Verdict(reply='550 5.7.1 relaying denied', rule='own recipients only', relay=False)
    >>> judge(out, store, Switches(["sender_check"]))
    Verdict(reply='250 2.1.5 OK, will be passed on', rule='sender check', relay=True)
    """
    for rule in RULES:
        on = not rule.when or switches.allows(rule.when)
        if on and (rule.at == "MAIL" or case.recipient) and rule.applies(case, store):
            relay = rule.reply.startswith("250") and _elsewhere(case, store)
            return Verdict(rule.reply, rule.name, relay)
    return Verdict("250 2.1.0 OK", "any sender")
