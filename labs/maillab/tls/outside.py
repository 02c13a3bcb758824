"""TLS from outside: all that a listener without any key sees of a connection."""

from __future__ import annotations

from typing import Any, NamedTuple

from .certificate import Certificate, certificate
from .handshake import (
    CERTIFICATE,
    CLIENT_HELLO,
    PRE_SHARED_KEY,
    SERVER_HELLO,
    ClientHello,
    Messages,
    ServerHello,
    certificate_list,
    client_hello,
    server_hello,
    version_name,
)
from .records import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Record, Side, record_of
from .suites import is_grease, suite, suite_name

# Alerts that one meets (RFC 8446 section 6).
ALERTS = {
    0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 40: "handshake_failure", 42: "bad_certificate",
    43: "unsupported_certificate", 44: "certificate_revoked", 45: "certificate_expired", 46: "certificate_unknown",
    47: "illegal_parameter", 48: "unknown_ca", 50: "decode_error", 51: "decrypt_error", 70: "protocol_version",
    71: "insufficient_security", 80: "internal_error", 90: "user_canceled", 112: "unrecognized_name",
    116: "certificate_required", 120: "no_application_protocol",
}  # fmt: skip


class Alert(NamedTuple):
    """An alert that wasn't encrypted: who sent it, how bad it is, what it says."""

    side: Side
    level: str
    description: str
    frame: int


class Size(NamedTuple):
    """How much was said in one encrypted record, as far as its length tells.

    time: seconds since 1970. side: "C" or "S". length: bytes, at most where it isn't exact (TLS 1.3 may pad, and
    hides which records are still handshake). frame: number of the record's first frame.
    """

    time: float
    side: Side
    length: int
    exact: bool
    frame: int


class Visible:
    """What TLS leaves open. Give it records with add(), in the order in which they crossed the wire.

    records: all of them. hello: the last ClientHello. answer: the ServerHello. retried: the server asked for a second
    ClientHello. alerts: those in the clear. chain: the server's certificates as bytes (DER), up to TLS 1.2.
    """

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.hello: ClientHello | None = None
        self.answer: ServerHello | None = None
        self.retried = False
        self.alerts: list[Alert] = []
        self.chain: list[bytes] = []
        self._messages: dict[Side, Messages] = {"C": Messages(), "S": Messages()}
        self._encrypted: set[Side] = set()

    def add(self, record: Record) -> None:
        """Take the next record. Never raises, whatever its bytes are."""
        self.records.append(record)
        side = record.side
        if record.type == CHANGE_CIPHER_SPEC:
            # Up to TLS 1.2 encryption begins here; in TLS 1.3 it only soothes boxes on the way (RFC 8446 appendix D.4).
            if self.answer and not self.answer.tls13:
                self._encrypted.add(side)
        elif side in self._encrypted:
            pass
        elif record.type == HANDSHAKE:
            for kind, body in self._messages[side].put(record.fragment):
                self._message(side, kind, body)
        elif record.type == ALERT and record.length == 2 and record.complete:
            level, what = record.fragment
            words = {1: "warning", 2: "fatal"}.get(level, str(level))
            self.alerts.append(Alert(side, words, ALERTS.get(what, f"alert {what}"), record.frame))

    def _message(self, side: Side, kind: int, body: bytes) -> None:
        if kind == CLIENT_HELLO and side == "C":
            self.hello = client_hello(body)
        elif kind == SERVER_HELLO and side == "S":
            hello = server_hello(body)
            if hello.retry:
                self.retried = True
            else:
                self.answer = hello
        elif kind == CERTIFICATE and side == "S":
            self.chain = certificate_list(body)

    # -- what the client asks for --

    @property
    def sni(self) -> str | None:
        """The name of the server that the client wants, unencrypted in all versions."""
        return self.hello.sni if self.hello else None

    @property
    def offered(self) -> list[str]:
        """Versions that the client offers."""
        return self.hello.offered if self.hello else []

    @property
    def offered_suites(self) -> list[str]:
        """Names of the cipher suites that the client offers."""
        return [suite_name(number) for number in self.hello.suites if not is_grease(number)] if self.hello else []

    @property
    def client_random(self) -> bytes | None:
        """Under which a key log has this connection's secrets."""
        return self.hello.random if self.hello else None

    # -- what the server chose --

    @property
    def version(self) -> str | None:
        """The version that is spoken."""
        return version_name(self.answer.version) if self.answer else None

    @property
    def suite(self) -> str | None:
        """Name of the cipher suite that is used."""
        return suite_name(self.answer.suite) if self.answer else None

    @property
    def alpn(self) -> list[str]:
        """The protocol that was agreed on where that is in the clear, else what the client offers; mostly nothing."""
        chosen = self.answer.alpn if self.answer else []
        return chosen or (self.hello.alpn if self.hello else [])

    @property
    def resumed(self) -> bool:
        """An earlier session goes on, so that no certificate is shown (RFC 5246 section 7.3, RFC 8446 section 2.2)."""
        if not self.answer or not self.hello:
            return False
        if self.answer.tls13:
            return PRE_SHARED_KEY in self.answer.extensions
        return not self.chain and self.answer.session_id == self.hello.session_id != b""

    @property
    def certificate(self) -> Certificate | None:
        """The server's certificate; None where it can't be seen (TLS 1.3 encrypts it) or read."""
        return certificate(self.chain[0]) if self.chain else None

    @property
    def settled(self) -> bool:
        """Both sides have said in the clear what they will."""
        return bool(self.answer) or any(record.type == APPLICATION_DATA for record in self.records)

    @property
    def sizes(self) -> list[Size]:
        """How much was said and when: what a listener guesses mails from.

        From each encrypted record of application data, what the suite adds is subtracted (Suite.overhead).
        """
        adds, exact = suite(self.answer.suite).overhead() if self.answer else (0, False)
        return [
            Size(record.time, record.side, max(0, record.length - adds), exact, record.frame)
            for record in self.records
            if record.type == APPLICATION_DATA
        ]

    def describe(self) -> list[tuple[str, str]]:
        """What stands in its table, as (label, text)."""
        if self.certificate:
            shown = str(self.certificate)
        elif self.resumed:
            shown = "none: an earlier session is resumed"
        else:
            shown = "encrypted" if self.answer and self.answer.tls13 else "not seen"
        rows = [
            ("server name (SNI)", self.sni or "not said"),
            ("offered", f"{', '.join(self.offered) or 'not seen'}; {len(self.offered_suites)} cipher suites"),
            ("version", (self.version or "not seen") + (", after a HelloRetryRequest" if self.retried else "")),
            ("cipher suite", self.suite or "not seen"),
            ("certificate", shown),
        ]
        if self.alpn:
            rows.append(("protocol (ALPN)", ", ".join(self.alpn)))
        for alert in self.alerts:
            who = "client" if alert.side == "C" else "server"
            rows.append(("alert", f"{alert.level} {alert.description} from the {who}, frame {alert.frame}"))
        said = {side: sum(size.length for size in self.sizes if size.side == side) for side in ("C", "S")}
        about = "" if all(size.exact for size in self.sizes) else "at most "
        which = "are encrypted" if self.answer and self.answer.tls13 else "hold application data"
        bytes_ = f"{about}{said['C']:,} bytes up, {said['S']:,} down"
        rows.append(("records", f"{len(self.records)}, of which {len(self.sizes)} {which}: {bytes_}"))
        return rows

    def __str__(self) -> str:
        return "\n".join(f"{label:18} {text}" for label, text in self.describe())

    def __repr__(self) -> str:
        if not self.records:
            return "<no TLS was seen>"
        to = f" to {self.sni}" if self.sni else ""
        return f"<{self.version or 'TLS'}{to}, {self.suite or 'cipher suite not seen'}: {len(self.records)} records>"


def visible(conversation: Any) -> Visible:
    """What anybody on the path sees of a conversation's TLS, without any key.

    conversation: one of follow(), or anything else with .turns. Never raises, whatever the bytes are. Example::

        (conversation,) = follow(cap)
        seen = maillab.tls.visible(conversation)
        seen.sni, seen.version, seen.certificate
        [size.length for size in seen.sizes if size.side == "S"]
    """
    seen = Visible()
    for turn in conversation.turns:
        record = record_of(turn) if turn.kind == "tls" else None
        if record:
            seen.add(record)
    return seen
