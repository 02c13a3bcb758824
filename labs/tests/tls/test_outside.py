"""What stays visible of TLS without any key."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tls_sessions import Said, Session
from support.wire import Talk

import maillab
from maillab.conversations import follow
from maillab.tls import Visible, visible
from maillab.tls.handshake import Messages, certificate_list, client_hello, server_hello
from maillab.tls.records import record_of

from .dialogues import POP3, WAYS, talk_of

SAID = WAYS["POP3S"][1]


def seen(session: Session) -> Visible:
    (conversation,) = follow(talk_of(session.flights[0]).frames)
    return visible(conversation)


def test_tls_1_2(pems: dict[str, str]) -> None:
    """Name, versions, suites, the certificate, and the exact length of everything that was said."""
    shown = seen(Session(pems, SAID, version="TLSv1_2"))
    assert (shown.sni, shown.offered, shown.version) == ("mail.example.test", ["TLS 1.2"], "TLS 1.2")
    assert shown.suite in shown.offered_suites and not shown.alpn and not shown.retried and not shown.resumed
    certificate = shown.certificate
    assert certificate and certificate.names == ["mail.example.test"] and "trustme" in certificate.issuer
    assert certificate.not_before < datetime.now(UTC) < certificate.not_after
    assert "for mail.example.test, issued by" in str(shown)
    # a mail of more than 2**14 bytes goes into several records
    assert all(size.exact for size in shown.sizes)
    for side, letter in enumerate("CS"):
        assert sum(s.length for s in shown.sizes if s.side == letter) == sum(len(d) for who, d in SAID if who == side)
    client = [len(data) for side, data in SAID if side == 0]
    assert [size.length for size in shown.sizes if size.side == "C"] == client


def test_tls_1_3(pems: dict[str, str]) -> None:
    """The certificate is gone, sizes are upper limits; the server's name is still there."""
    shown = seen(Session(pems, SAID))
    assert (shown.sni, shown.offered, shown.version) == ("mail.example.test", ["TLS 1.3"], "TLS 1.3")
    assert shown.certificate is None and "encrypted" in str(shown) and "mail.example.test" in repr(shown)
    lengths = [size.length for size in shown.sizes if size.side == "C"]
    said = [len(data) for side, data in SAID if side == 0]
    # in front of what was said is the client's Finished, behind it the closing alert: nobody outside can tell
    assert lengths[1:-1] == said and not any(size.exact for size in shown.sizes)


def test_maillab_tls() -> None:
    assert maillab.tls.visible is visible


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_alert(pems: dict[str, str], version: str) -> None:
    """A client that doesn't trust the certificate says so, and everybody hears it.

    In TLS 1.3, too: OpenSSL's client has no key of its own in use yet when it looks at the certificate.
    """
    shown = seen(Session(pems, SAID, version=version, trusted=False))
    assert [(alert.side, alert.level, alert.description) for alert in shown.alerts] == [("C", "fatal", "unknown_ca")]
    assert "fatal unknown_ca from the client" in str(shown)


def test_no_tls() -> None:
    (conversation,) = follow(Talk().play([(1, b"+OK ready\r\n"), *POP3]).frames)
    shown = visible(conversation)
    assert repr(shown) == "<no TLS was seen>" and shown.sni is shown.version is shown.certificate is None
    str(shown)


def test_stls_counts_from_the_upgrade(pems: dict[str, str]) -> None:
    before, said, port = WAYS["STLS"]
    session = Session(pems, said)
    (conversation,) = follow(talk_of(session.flights[0], before, port).frames)
    assert visible(conversation).sni == "mail.example.test"
    assert len(visible(conversation).records) == sum(turn.kind == "tls" for turn in conversation.turns)


def test_messages_over_records() -> None:
    """One byte a record, or all at once: the same messages; an absurd length ends it."""
    said = bytes([1, 0, 0, 3]) + b"abc" + bytes([14, 0, 0, 0])
    messages = Messages()
    assert [m for byte in said for m in messages.put(bytes([byte]))] == Messages().put(said) == [(1, b"abc"), (14, b"")]
    messages = Messages()
    assert messages.put(b"\x01\xff\xff\xff") == [] == messages.put(said)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(st.sampled_from("CS"), st.integers(18, 25), st.binary(max_size=80)), max_size=12))
def test_any_records(records: list[tuple[str, int, bytes]]) -> None:
    turns = [
        SimpleNamespace(kind="tls", side=side, time=0.0, frames=[1], data=bytes([kind, 3, 3, 0, len(body)]) + body)
        for side, kind, body in records
    ]
    turns += [SimpleNamespace(kind="tls", side="C", time=0.0, frames=[1], data=body) for _, _, body in records]
    look_at(visible(SimpleNamespace(turns=turns)))


@given(st.binary(max_size=200))
def test_any_message(body: bytes) -> None:
    hello, answer = client_hello(body), server_hello(body)
    for parsed in (hello.sni, hello.alpn, hello.offered, answer.alpn, answer.retry, certificate_list(body)):
        repr(parsed)


def look_at(shown: Visible) -> None:
    """Everything that it says."""
    str(shown), repr(shown), shown.sizes, shown.certificate, shown.offered_suites, shown.client_random
    assert all(record.length < 1 << 16 for record in shown.records)


def test_absurd_length_is_no_record() -> None:
    data = b"\x17\x03\x03\xff\xff" + bytes(100)
    assert record_of(SimpleNamespace(kind="tls", side="C", time=0.0, frames=[1], data=data)) is None


def test_cut_hello(pems: dict[str, str]) -> None:
    """Any beginning of a ClientHello is read as far as it goes."""
    flights: Said = Session(pems, SAID).flights[0]
    body = flights[0][1][9:]
    names = [client_hello(body[:end]).sni for end in range(len(body) + 1)]
    assert names[0] is None and names[-1] == "mail.example.test"
