"""Replay: what one client said, said again by another, octet for octet."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Callable

import pytest
from support.rungs import RUNGS, lab_on
from support.wire import Talk

from maillab import Lab, follow
from maillab.attacks import replay
from maillab.clients import auth
from maillab.conversations import Conversation
from maillab.names import WELL_KNOWN

WEAK = ["plaintext_login", "apop", "cram_md5", "digest_md5"]
MECHANISMS = ["APOP", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-256"]


@pytest.fixture(scope="module", params=RUNGS)
def lab(request: pytest.FixtureRequest):
    with lab_on(request.param, allow=WEAK) as lab:
        yield lab


def log_in(lab: Lab, mechanism: str, service: str = "pop3") -> Conversation:
    """Alice logs in; what mallory's card heard of it."""
    alice = lab.student.accounts["alice"]
    with lab.capture() as heard:
        box = lab.alice.pop3() if service == "pop3" else lab.alice.smtp()
        if mechanism == "USER":
            box.user(alice.name)
            box.pass_(alice.password)
            box.list()
            box.retr(1)
        elif mechanism == "APOP":
            box.apop(alice.name, alice.password)
        else:
            auth(box, mechanism, alice.name, alice.password)
        box.quit()
    (conversation,) = follow(heard)
    return conversation


def sent(exchange: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(said for said, _ in exchange)


@pytest.mark.network
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_fresh_challenge_stops_it_and_a_repeated_one_does_not(lab: Lab, mechanism: str) -> None:
    fresh = log_in(lab, mechanism)
    refused = replay(lab.mallory, fresh)
    assert not refused.accepted and refused.exchange[-1][1].startswith(b"-ERR")
    assert fresh.bytes_from("client").startswith(sent(refused.exchange))
    assert "not logged in" in repr(refused) and "-ERR" in repr(refused)
    with lab.fixed_challenge(mechanism):
        repeated = log_in(lab, mechanism)
        accepted = replay(lab.mallory, repeated)
    assert accepted.accepted and sent(accepted.exchange) == repeated.bytes_from("client")
    assert accepted.exchange[0][0] == b"" and accepted.exchange[0][1].startswith(b"+OK")
    assert "".join(answer.decode() for _, answer in accepted.exchange).count("+OK") >= 2


@pytest.mark.network
def test_a_password_in_the_clear_can_always_be_replayed(lab: Lab) -> None:
    """With the list and the mail that follow it."""
    conversation = log_in(lab, "USER")
    replayed = replay(lab.mallory, conversation)
    assert replayed.accepted and sent(replayed.exchange) == conversation.bytes_from("client")
    heard = [turn.data for turn in conversation.turns if turn.who == "S" and turn.kind != "greeting"]
    # RETR's reply is two turns, the line and the mail
    assert b"".join(answer for _, answer in replayed.exchange[1:]) == b"".join(heard)


@pytest.mark.network
@pytest.mark.parametrize("mechanism", ["CRAM-MD5", "DIGEST-MD5", "PLAIN"])
def test_smtp(lab: Lab, mechanism: str) -> None:
    conversation = log_in(lab, mechanism, "smtp")
    replayed = replay(lab.mallory, conversation)
    assert replayed.accepted is (mechanism == "PLAIN")
    assert replayed.exchange[1][1].startswith(b"250-") and b"\r\n250 " in replayed.exchange[1][1]
    if mechanism != "PLAIN":
        assert replayed.exchange[-1][1].startswith(b"535")
        with lab.fixed_challenge(mechanism):
            assert replay(lab.mallory, log_in(lab, mechanism, "smtp")).accepted


@pytest.mark.network
def test_where_nobody_listens(lab: Lab) -> None:
    with pytest.raises(ConnectionRefusedError):
        replay(lab.mallory, log_in(lab, "APOP"), to="alice")


def test_nothing_to_replay() -> None:
    empty = Conversation("192.0.2.10:4000", "192.0.2.25:110", "pop3")
    with pytest.raises(ValueError, match="no client says anything"):
        replay(None, empty)  # type: ignore[arg-type]


ID = b"<1.2@mail.example.test>"


def heard(begin: int = 0, lost: bytes = b"?") -> Conversation:
    """APOP and LIST, as a card heard them that listened from frame ``begin`` on and missed one."""
    lines = [(1, b"+OK " + ID), (0, b"APOP alice " + b"0" * 32), (1, b"+OK"), (0, b"LIST"), (1, b"+OK\r\n1 5\r\n.")]
    frames = Talk().play([(side, line + b"\r\n") for side, line in lines]).frames
    (conversation,) = follow([frame for frame in frames[begin:] if lost not in frame.data])
    return conversation


def test_what_was_not_captured_whole() -> None:
    """A refusal would say that the server took no notice; the login just isn't there."""
    late = next(frame for frame in range(20) if not any(t.kind == "greeting" for t in heard(frame).turns))
    for conversation in (heard(late), heard(lost=b"APOP")):
        with pytest.raises(ValueError, match="isn't in the capture"):
            replay(None, conversation)  # type: ignore[arg-type]


def trickle(sock: socket.socket) -> None:
    while True:
        sock.sendall(b"x")
        time.sleep(0.05)


def trickle_lines(sock: socket.socket) -> None:
    sock.sendall(b"+OK\r\n+OK\r\n+OK\r\n")
    while True:
        sock.sendall(b"x\r\n")
        time.sleep(0.05)


def endless_list(sock: socket.socket) -> None:
    sock.sendall(b"+OK\r\n+OK\r\n+OK\r\n")
    while True:
        sock.sendall(b"x\r\n" * 10_000)


def endless_line(sock: socket.socket) -> None:
    while True:
        sock.sendall(b"x" * 60_000)


@pytest.mark.parametrize(
    ("behave", "error", "sentence"),
    [
        (lambda sock: sock.recv(1), TimeoutError, "within 0.5 seconds"),
        (trickle, TimeoutError, "within 0.5 seconds"),
        (trickle_lines, TimeoutError, "within 0.5 seconds"),
        (endless_list, ConnectionError, "longer than 100,000 octets"),
        (endless_line, ConnectionError, "longer than 100,000 octets"),
    ],
)
def test_a_server_without_end(
    behave: Callable[[socket.socket], object], error: type[Exception], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody's server, however slow or talkative it is."""
    monkeypatch.setattr(sys.modules[replay.__module__], "MAX_REPLY", 100_000)
    near, far = socket.socketpair()

    def serve() -> None:
        with contextlib.suppress(OSError), far:
            behave(far)

    class Nearby:
        network = type("Network", (), {"port": lambda self, target, service: WELL_KNOWN[service]})()

        def connect(self, to: str, port: int, timeout: float) -> socket.socket:
            return near

    thread = threading.Thread(target=serve)
    thread.start()
    began = time.perf_counter()
    with pytest.raises(error, match=sentence):
        replay(Nearby(), heard(), timeout=0.5)  # type: ignore[arg-type]
    assert time.perf_counter() - began < 5
    thread.join(5)
    assert not thread.is_alive()
