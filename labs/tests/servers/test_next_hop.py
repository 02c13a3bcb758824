"""The way on to the next server: in the clear, in TLS if it's offered, or in verified TLS and not at all otherwise."""

from __future__ import annotations

import contextlib
import smtplib
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from support import waiting
from support.next_hop import FakeNextHop

from maillab.servers import next_hop as next_hop_module
from maillab.servers.next_hop import POLICIES, NextHop, hand_over, quit_politely
from maillab.servers.queue import Entry

wait_for = partial(waiting.wait_for, seconds=15)
MAIL = b"Subject: onwards\r\n\r\nbye\r\n"
DAVE = "dave@partner.example.test"
RETRY = [0.1, 0.1]


@pytest.fixture
def pair(server_process, next_hop, certificates: Path, tmp_path: Path) -> Callable:
    """``pair(policy, certificate=…)`` starts mail and mx; ``pair(policy, port=…)`` mail alone, mx is there."""

    def start(policy: str, port: int = 0, tls: bool = True, retry: list[float] = RETRY, **chosen):
        mx = None
        if not port:
            mx = next_hop(tls={"folder": str(certificates), **chosen} if tls else None)
            port = mx.ports["smtp"]
        mail = server_process(
            allow=["open_relay"], tls={"folder": str(certificates)}, spool=str(tmp_path / "spool"), retry=retry,
            next_hop=["127.0.0.1", port], next_hop_name="mx.partner.example.test", next_hop_tls=policy,
        )  # fmt: skip
        return mail, mx

    return start


def send(mail) -> None:
    with smtplib.SMTP("127.0.0.1", mail.ports["smtp"], "laptop", timeout=10) as smtp:
        assert smtp.sendmail("alice@example.test", [DAVE], MAIL) == {}


def entries(mail) -> list[dict]:
    return mail.ask({"do": "queue"})["entries"]


@pytest.mark.parametrize(
    ("policy", "tls", "certificate", "protocol"),
    [
        ("clear", True, "right", b"ESMTP"),
        ("clear", False, "right", b"ESMTP"),
        ("opportunistic", False, "right", b"ESMTP"),
        ("opportunistic", True, "right", b"ESMTPS"),
        ("opportunistic", True, "self-signed", b"ESMTPS"),  # with whomever
        ("opportunistic", True, "wrong-name", b"ESMTPS"),
        ("verified", True, "right", b"ESMTPS"),
    ],
)
def test_it_arrives(pair, policy: str, tls: bool, certificate: str, protocol: bytes) -> None:
    mail, mx = pair(policy, tls=tls, certificate=certificate) if tls else pair(policy, tls=False)
    send(mail)
    wait_for(lambda: mx.mails("dave"))
    assert b"by mx.partner.example.test with " + protocol + b" for <dave@" in mx.mails("dave")[0]
    wait_for(lambda: not entries(mail))
    way = " over TLSv1.3" if protocol == b"ESMTPS" else ""
    assert f"mail from <alice@example.test> to <{DAVE}>{way}: 250 2.0.0 delivered" in mail.texts()


SHOWED = "454 4.7.5 mx.partner.example.test showed a wrong certificate: "


@pytest.mark.parametrize(
    ("chosen", "reply"),
    [
        ({"tls": False}, "454 4.7.4 mx.partner.example.test offers no TLS, and without it nothing is sent there"),
        (
            {"certificate": "expired"},
            SHOWED + "certificate has expired",
        ),
        (
            {"certificate": "self-signed"},
            SHOWED + "self-signed certificate",
        ),
        (
            {"certificate": "wrong-name"},
            SHOWED + "Hostname mismatch, certificate is not valid for 'mx.partner.example.test'.",
        ),
    ],
)
class TestVerified:
    def test_it_waits_and_comes_back(self, pair, chosen: dict, reply: str) -> None:
        mail, mx = pair("verified", **chosen)
        send(mail)
        wait_for(lambda: len(mail.mails("alice")) == 4)
        bounce = mail.mails("alice")[-1].decode()
        assert f"Diagnostic-Code: smtp; {reply}" in bounce and "Status: 5.4.7" in bounce
        assert mx.mails("dave") == [] and entries(mail) == []
        assert not any("took mail" in text for text in mx.texts())

    def test_it_goes_when_it_can(self, pair, chosen: dict, reply: str) -> None:
        """The reason stands in the queue; the policy counts from the next attempt on."""
        mail, mx = pair("verified", retry=[0.2] * 50, **chosen)
        send(mail)
        wait_for(lambda: entries(mail) and entries(mail)[0]["attempts"])
        assert entries(mail)[0]["reply"] == reply
        if "certificate" in chosen:
            mx.ask({"do": "tls", "certificate": "right"})
        else:
            assert mail.ask({"do": "next_hop", "tls": "opportunistic"})["tls"] == "opportunistic"
        wait_for(lambda: mx.mails("dave"))


@pytest.mark.parametrize("policy", ["opportunistic", "verified"])
@pytest.mark.parametrize("how", ["refused", "broken"])
def test_a_next_server_that_offers_tls_and_has_none(pair, policy: str, how: str) -> None:
    """Better in the clear than not at all, or the other way round."""
    with NoTlsAfterAll(how) as server:
        mail, _ = pair(policy, port=server.port)
        send(mail)
        if policy == "opportunistic":
            wait_for(lambda: not entries(mail))
            assert b"Subject: onwards\r\n" in server.lines
        else:
            wait_for(lambda: len(mail.mails("alice")) == 4)
            reason = b"454 4.7.5 no TLS with" if how == "broken" else b"454 4.7.4 mx.partner.example.test offers no TLS"
            assert reason in mail.mails("alice")[-1]
            assert b"STARTTLS\r\n" in server.lines and b"Subject: onwards\r\n" not in server.lines


class NoTlsAfterAll(FakeNextHop):
    """Lists STARTTLS; refuses the command, or hangs up where a handshake should come."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self._how = how

    def reply(self, line: bytes) -> bytes:
        if line.upper().startswith(b"EHLO"):
            return b"250-fake\r\n250 STARTTLS\r\n"
        if line.startswith(b"STARTTLS") and self._how == "refused":
            return b"454 4.7.0 not now\r\n"
        if line.startswith(b"STARTTLS"):
            self._open[-1].sendall(b"220 go ahead\r\n")
            raise ConnectionError
        return super().reply(line)


def handed_over(server: FakeNextHop, *recipients: str) -> dict[str, str]:
    smtp, replies = hand_over(
        NextHop(("127.0.0.1", server.port)), "mail", Entry("1", "a@example.test", recipients, len(MAIL)), MAIL
    )
    if smtp is not None:
        quit_politely(smtp)
    return replies


def test_data_refused_is_no_news_for_who_was_refused_before() -> None:
    class NoData(FakeNextHop):
        def reply(self, line: bytes) -> bytes:
            if line.startswith(b"data"):
                return b"554 5.6.0 no such content\r\n"
            return b"451 4.2.1 try later\r\n" if b"later@" in line else super().reply(line)

    with NoData() as server:
        replies = handed_over(server, "later@d.test", "taken@d.test")
    assert replies == {"later@d.test": "451 4.2.1 try later", "taken@d.test": "554 5.6.0 no such content"}


class TestALongTalker:
    """The whole queue waits for the end of a session, so it has one."""

    def test_who_says_more_and_more(self) -> None:
        with FakeNextHop(b"220-x\r\n" * 300_000 + b"220 fake\r\n") as server:
            assert handed_over(server, DAVE)[DAVE].endswith("it has talked for too long")

    @pytest.mark.parametrize("piece", [b"220-x\r\n", b"x"], ids=["lines", "octets of a line"])
    def test_who_deals_it_out_slowly(self, monkeypatch, piece: bytes) -> None:
        monkeypatch.setattr(next_hop_module, "SESSION", 0.5)

        class Slow(FakeNextHop):
            def _talk(self, sock) -> None:
                with contextlib.suppress(OSError):
                    sock.sendall(b"220-")
                    for _ in range(60):
                        sock.sendall(piece)
                        time.sleep(0.05)
                    sock.sendall(b"\r\n")
                super()._talk(sock)

        with Slow() as server:
            assert handed_over(server, DAVE)[DAVE].startswith("451 4.4.1 no answer from the next server: ")


class TestNames:
    def test_policies(self, pair) -> None:
        mail, _ = pair("clear")
        for policy in POLICIES:
            assert mail.ask({"do": "next_hop", "tls": policy})["tls"] == policy
        assert mail.ask({"do": "weakness"})["next_hop"] == "verified"
        error = mail.ask({"do": "next_hop", "tls": "hopeful"})["error"]
        assert error == "no policy is called 'hopeful': choose from clear, opportunistic, verified."

    def test_nobody_to_verify(self) -> None:
        with pytest.raises(ValueError, match="no name and CA"):
            NextHop(("127.0.0.1", 25)).with_policy("verified")

    def test_without_a_next_hop(self, tls_host) -> None:
        assert tls_host.ask({"do": "next_hop", "tls": "clear"})["error"] == "this server has no next hop."
        assert tls_host.ask({"do": "weakness"})["next_hop"] is None
