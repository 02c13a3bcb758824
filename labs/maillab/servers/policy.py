"""Who may send what to whom: one pure function, asked at RCPT TO. It sees no socket and no password."""

from __future__ import annotations

from dataclasses import dataclass

from maillab.servers.store import Store


@dataclass(frozen=True)
class Envelope:
    """What is known when a client names a recipient."""

    client: str  # her address, such as 192.0.2.66
    username: str | None  # who logged in on this connection, if anybody did
    sender: str  # what she wrote after MAIL FROM: a claim, not a proof
    recipient: str


def judge(envelope: Envelope, store: Store) -> str:
    """The reply to RCPT TO: ``250 …`` or a refusal, with its enhanced status code (RFC 3463).

    Strict: mail for our own users only, from anybody. Nothing is passed on to other servers.

    >>> store = Store("example.test", {"alice": "sesame"})
    >>> judge(Envelope("192.0.2.66", None, "eve@elsewhere.test", "alice@example.test"), store)
    '250 2.1.5 OK'
    >>> judge(Envelope("192.0.2.66", None, "eve@elsewhere.test", "dave@elsewhere.test"), store)
    '550 5.7.1 relaying denied'
    """
    if not store.is_local(envelope.recipient):
        return "550 5.7.1 relaying denied"
    if store.local_user(envelope.recipient) is None:
        return "550 5.1.1 no such user here"
    return "250 2.1.5 OK"
