"""A finding: one thing an eavesdropper learned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["credential", "mail", "tls"]
# In the order of `maillab findings --json`; the others only for mails and for TLS.
KEYS = (
    "capture", "kind", "frame", "protocol", "mechanism", "client", "server", "username", "password",
    "challenge", "response", "accepted", "hashcat",
)  # fmt: skip
MAIL_KEYS = ("sender", "recipients", "subject", "size", "relayed", "authorised", "popped")
TLS_KEYS = ("sni", "version", "suite")


@dataclass(slots=True)
class Finding:
    """A credential, a mail that was read in the clear, or the point at which TLS began.

    kind: "credential", "mail", "tls". frame: number of the first frame it was read from; frames: all.
    mechanism: USER, PLAIN, LOGIN …; for a mail the command it crossed with (RETR, TOP, FETCH, DATA, BDAT, APPEND);
    for TLS how it began (STLS, STARTTLS, or TLS: from the first byte). client, server: "ip:port".
    username, password: None where not revealed; the token of XOAUTH2 and OAUTHBEARER is as good as a password.
    challenge, response: as sent, base64 undone, a list where there were several. accepted: by the server; None when
    no verdict was seen (aborted, or not in the capture).
    Mails: sender, recipients, subject (decoded, RFC 2047), size in bytes, message (the mail itself),
    complete (False: bytes are missing). Of mails sent over SMTP also by what right the server took them:
    relayed: True when it took a recipient of another domain than its own, False when all were its own, None when
    that can't be told (the server didn't name itself, replies are missing).
    authorised: "login" (somebody had logged in on this connection), "address" (nobody had, but somebody had logged in
    over POP3 from the same address, earlier in the capture), "nobody", or None (what came before is missing).
    popped: that POP3 login: {"username", "mechanism", "frame", "seconds" before MAIL}; None unless by "address".
    TLS: sni (the server's name as the client calls it), version, suite; None where they weren't seen.
    decrypted: it was said inside TLS and read with a key log.

    A finding masks its password when it is shown; ``.reveal()`` is the act that tells it.
    """

    kind: Kind
    frame: int
    protocol: str
    mechanism: str
    client: str
    server: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    challenge: str | list[str] | None = field(default=None, repr=False)
    response: str | list[str] | None = field(default=None, repr=False)
    accepted: bool | None = None
    hashcat: dict[str, int | str] | None = field(default=None, repr=False)
    capture: str | None = None
    authzid: str | None = None
    aborted: bool = False
    frames: list[int] = field(default_factory=list, repr=False)
    sender: str | None = None
    recipients: list[str] = field(default_factory=list)
    subject: str | None = None
    size: int = 0
    message: bytes = field(default=b"", repr=False)
    complete: bool = True
    relayed: bool | None = None
    authorised: str | None = None
    popped: dict[str, Any] | None = field(default=None, repr=False)
    sni: str | None = None
    version: str | None = None
    suite: str | None = None
    decrypted: bool = False

    def reveal(self) -> str | None:
        """The password."""
        return self.password

    @property
    def right(self) -> str:
        """By what right a relayed mail was let in, in words; empty where nothing was relayed."""
        if not self.relayed:
            return ""
        if self.popped:
            who = f"{self.popped['username'] or 'somebody'}'s {self.popped['mechanism']}"
            when = f"in frame {self.popped['frame']}, {self.popped['seconds']:.0f} s before"
            return f"relayed, authorised by address only: {who} {when}"
        known = {"login": "authorised by a login", "nobody": "authorised by nobody"}
        return f"relayed, {known.get(self.authorised or '', 'by what right is not in the capture')}"

    def to_json(self) -> dict[str, Any]:
        """What `maillab findings --json` prints of it."""
        more = {"mail": MAIL_KEYS, "tls": TLS_KEYS}.get(self.kind, ())
        return {key: getattr(self, key) for key in KEYS + more}

    def __repr__(self) -> str:
        start = f"<{self.kind} in frame {self.frame}: {self.protocol} {self.mechanism}"
        verdict = {True: ", accepted", False: ", refused", None: ""}[self.accepted]
        verdict += ", read with the key log" if self.decrypted else ""
        if self.kind == "mail":
            right = self.right and f", {self.right}"
            return f"{start}, from {self.sender}, {self.subject!r}, {self.size} bytes{verdict}{right}>"
        if self.kind == "credential":
            password = "not revealed" if self.password is None else "********"
            return f"{start}, user {self.username!r}, password {password}{verdict}>"
        return f"{start}{verdict}>"
