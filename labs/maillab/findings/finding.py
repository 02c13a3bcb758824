"""A finding: one thing an eavesdropper learned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

# In the order of `maillab findings --json`; the others only for mails and for TLS.
KEYS = (
    "capture", "kind", "frame", "protocol", "mechanism", "client", "server", "username", "password",
    "challenge", "response", "accepted", "hashcat",
)  # fmt: skip
MAIL_KEYS = ("sender", "recipients", "subject", "size")
TLS_KEYS = ("sni", "version", "suite")


@dataclass(slots=True)
class Finding:
    """A credential, a mail that was read in the clear, or the point at which TLS began.

    kind: "credential", "mail", "tls". frame: number of the first frame it was read from; frames: all.
    mechanism: USER, PLAIN, LOGIN …; for a mail the command it crossed with (RETR, TOP, DATA, BDAT); for TLS how it
    began (STLS, STARTTLS, or TLS: from the first byte). client, server: "ip:port".
    username, password: None where not revealed. challenge, response: as sent, base64 undone, a list where there
    were several. accepted: by the server; None when no verdict was seen (aborted, or not in the capture).
    Mails: sender, recipients, subject (decoded, RFC 2047), size in bytes, message (the mail itself),
    complete (False: bytes are missing).
    TLS: sni (the server's name as the client calls it), version, suite; None where they weren't seen.
    decrypted: it was said inside TLS and read with a key log.

    A finding masks its password when it is shown; ``.reveal()`` is the act that tells it.
    """

    kind: Literal["credential", "mail", "tls"]
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
    sni: str | None = None
    version: str | None = None
    suite: str | None = None
    decrypted: bool = False

    def reveal(self) -> str | None:
        """The password."""
        return self.password

    def to_json(self) -> dict[str, Any]:
        """What `maillab findings --json` prints of it."""
        more = {"mail": MAIL_KEYS, "tls": TLS_KEYS}.get(self.kind, ())
        return {key: getattr(self, key) for key in KEYS + more}

    def __repr__(self) -> str:
        start = f"<{self.kind} in frame {self.frame}: {self.protocol} {self.mechanism}"
        verdict = {True: ", accepted", False: ", refused", None: ""}[self.accepted]
        verdict += ", read with the key log" if self.decrypted else ""
        if self.kind == "mail":
            return f"{start}, from {self.sender}, {self.subject!r}, {self.size} bytes{verdict}>"
        if self.kind == "credential":
            password = "not revealed" if self.password is None else "********"
            return f"{start}, user {self.username!r}, password {password}{verdict}>"
        return f"{start}{verdict}>"
