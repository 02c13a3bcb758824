"""Mallory in the middle: on each rung, on the path in the sandbox, and what the others notice."""

from __future__ import annotations

import contextlib
import poplib
import smtplib
import socket
import ssl
import threading
import time

import pytest
from support.rungs import RUNGS, lab_on
from support.waiting import wait_for

from maillab import Lab
from maillab.attacks import Middle, Spoof
from maillab.attacks import middle as middle_module
from maillab.findings import findings
from maillab.network import RungUnavailable

pytestmark = pytest.mark.network
MAIL = b"Subject: in between\r\n\r\nSTARTTLS\r\n.\r\n"


@pytest.fixture(params=RUNGS)
def lab(request):
    with lab_on(request.param, tls=True, allow="plaintext_login") as lab:
        yield lab


def password(lab: Lab) -> str:
    return lab.student.password("alice")


def read_mail(lab: Lab, host: str = "mallory", trust: ssl.SSLContext | None = None) -> bool:
    """As an opportunistic client does; was it over TLS?"""
    box = lab.alice.pop3(host)
    over_tls = "STLS" in box.capa()
    if over_tls:
        box.stls(trust or lab.context(verify=False))
    box.user("alice")
    box.pass_(password(lab))
    box.quit()
    return over_tls


def send_mail(lab: Lab, host: str = "mallory") -> bool:
    with lab.alice.smtp(host=host) as smtp:
        smtp.ehlo()
        over_tls = smtp.has_extn("starttls")
        if over_tls:
            smtp.starttls(context=lab.context(verify=False))
        smtp.login("alice", password(lab))
        smtp.sendmail("alice@example.test", ["bob@example.test"], MAIL)
    return over_tls


def passwords(source) -> list[str]:
    return [found.password for found in findings(source) if found.password]


class TestOnEachRung:
    def test_untouched(self, lab) -> None:
        with lab.capture() as heard, Middle(lab.mallory) as middle:
            assert read_mail(lab) and send_mail(lab)
        assert lab.mails("bob")[-1].endswith(MAIL)
        assert [(one.service, one.tls, one.opened, one.removed) for one in middle.connections] == [
            ("pop3", True, False, []), ("submission", True, False, []),
        ]  # fmt: skip
        assert passwords(middle.frames()) == passwords(heard) == []

    def test_stripped(self, lab) -> None:
        with lab.capture() as heard, Middle(lab.mallory, strip=True) as middle:
            assert not read_mail(lab) and not send_mail(lab)
        assert lab.mails("bob")[-1].endswith(MAIL)
        assert passwords(middle.frames()) == [password(lab)] * 2
        assert set(passwords(heard)) == {password(lab)}
        assert [one.removed for one in middle.connections] == [["the offer of STLS"], ["the offer of STARTTLS"]]

    def test_an_impostor(self, lab) -> None:
        with lab.capture() as heard, Middle(lab.mallory, impostor=lab.certificates / "impostor.pem") as middle:
            assert read_mail(lab) and send_mail(lab)
            box = lab.alice.pop3s(lab.context(verify=False), "mallory")
            box.user("alice")
            box.pass_(password(lab))
            box.quit()
        assert [(one.tls, one.opened) for one in middle.connections] == [(True, True)] * 3
        assert passwords(middle.frames()) == [password(lab)] * 3 and passwords(heard) == []
        assert [found.subject for found in findings(middle.frames()) if found.kind == "mail"] == ["in between"]

    def test_who_checks_refuses(self, lab) -> None:
        with Middle(lab.mallory, impostor=lab.certificates / "impostor.pem") as middle:
            for connect in (lab.alice.pop3s, lab.alice.smtps):
                with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
                    connect(lab.context(), "mallory")
            with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
                lab.alice.pop3("mallory").stls(lab.context())
        assert passwords(middle.frames()) == []

    def test_who_insists_refuses(self, lab) -> None:
        with Middle(lab.mallory, strip=True) as middle:
            with pytest.raises(poplib.error_proto, match="STLS not supported"):
                lab.alice.pop3("mallory").stls(lab.context())
            with pytest.raises(smtplib.SMTPNotSupportedError):
                lab.alice.smtp(host="mallory").starttls(context=lab.context())
        assert passwords(middle.frames()) == []

    def test_she_lets_go(self, lab) -> None:
        """Ports and threads are free again, and who was in the middle of something sees the end."""
        for _ in range(2):
            with Middle(lab.mallory, strip=True):
                box = lab.alice.pop3("mallory")
            with pytest.raises((poplib.error_proto, OSError)):
                box.noop()
        assert not [thread for thread in threading.enumerate() if thread.name == "mallory"]
        with pytest.raises(ConnectionRefusedError):
            lab.alice.pop3("mallory")

    def test_a_mail_server_that_isnt_there(self, lab) -> None:
        with Middle(lab.mallory, to="mx", strip=True, services=["smtp"]), contextlib.suppress(OSError):
            assert lab.alice.connect("mallory", "smtp").recv(100) == b""


def asks_for_tls(lab: Lab, service: str, pieces: list[bytes]) -> ssl.SSLSocket:
    """Say these, each after a pause, and go over to TLS when the server says so."""
    sock = lab.alice.connect("mallory", service)
    heard = sock.recv(1000)
    for piece in pieces:
        sock.sendall(piece)
        time.sleep(0.05)  # so that it is a segment of its own
    while not heard.upper().endswith(b"BEGIN TLS\r\n"):
        more = sock.recv(4096)
        assert more, heard
        heard += more
    return lab.context(verify=False).wrap_socket(sock)


@pytest.mark.parametrize("opened", [False, True], ids=["passed on", "impostor"])
@pytest.mark.parametrize(
    ("service", "pieces"),
    [
        ("pop3", [b"CAPA\r\nSTLS\r\n"]),
        ("pop3", [b"CAPA\r\nST", b"LS\r", b"\n"]),
        ("submission", [b"EHLO laptop\r\nSTARTTLS\r\n"]),
        ("submission", [b"EHLO laptop\r\n", b"START", b"TLS\r\n"]),
    ],
)
def test_tls_begins_wherever_the_command_stands(service, pieces, opened) -> None:
    with lab_on("tap", tls=True, allow="plaintext_login") as lab:
        impostor = lab.certificates / "impostor.pem" if opened else None
        with Middle(lab.mallory, impostor=impostor, services=[service]) as middle:
            with asks_for_tls(lab, service, pieces) as sock:
                sock.sendall(b"EHLO again\r\n" if service == "submission" else b"CAPA\r\n")
                assert sock.recv(4096)
                assert sock.getpeercert(binary_form=True)
            (one,) = middle.connections
            wait_for(lambda: one.tls)
        said = {who: b"".join(data for speaker, _, data in one.heard if speaker == who) for who in "CS"}
    assert (one.tls, one.opened) == (True, opened)
    command, last = (b"CAPA\r\n", b"CAPA\r\n") if service == "pop3" else (b"EHLO laptop\r\n", b"EHLO again\r\n")
    assert said["C"] == command + last if opened else said["C"] == b"".join(pieces), "her TLS alone isn't read"
    assert (b"begin tls" in said["S"].lower()) is not opened


def everything(sock: socket.socket) -> bytes:
    sock.settimeout(10)
    heard = b""
    while more := sock.recv(4096):
        heard += more
    return heard


@pytest.mark.parametrize("strip", [False, True])
def test_a_client_that_is_done_gets_its_replies(strip) -> None:
    with (
        lab_on("tap") as lab,
        lab.mx.listen("pop3") as listener,
        Middle(lab.mallory, to="mx", strip=strip, services=["pop3"]),
        lab.alice.connect("mallory", "pop3") as client,
    ):
        listener.settimeout(10)
        client.sendall(b"QUIT\r\nQU")
        client.shutdown(socket.SHUT_WR)
        server, _ = listener.accept()
        with server:
            assert everything(server) == b"QUIT\r\nQU"
            server.sendall(b"+OK\r\n+OK")
        assert everything(client) == b"+OK\r\n+OK"


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x20\x00\x01"], ids=["nothing", "half a record"])
def test_a_silent_client_doesnt_keep_her(monkeypatch, said) -> None:
    monkeypatch.setattr(middle_module, "PATIENCE", 60)
    with lab_on("tap", tls=True) as lab:
        middle = Middle(lab.mallory, impostor=lab.certificates / "impostor.pem", services=["pop3s"]).__enter__()
        with lab.alice.connect("mallory", "pop3s") as sock:
            sock.sendall(said)
            wait_for(lambda: middle._pairs and isinstance(middle._pairs[0].client, ssl.SSLSocket))
            closing = threading.Thread(target=middle.close)
            closing.start()
            closing.join(10)
            assert not closing.is_alive()


class TestOnThePath:
    """In the sandbox: nobody was told a wrong address, only a wrong MAC address."""

    def test_alice_asks_for_mail(self) -> None:
        with lab_on("sandbox", tls=True, allow="plaintext_login") as lab:
            lab.mode = "switch"
            assert read_mail(lab, "mail")
            spoof = Spoof(lab.mallory.card(), victim=lab.alice, instead_of=lab.mail)
            with lab.mallory.intercept(lab.mail), Middle(lab.mallory, strip=True) as middle, spoof:
                assert not read_mail(lab, "mail") and not send_mail(lab, "mail")
            assert passwords(middle.frames()) == [password(lab)] * 2
            assert middle.connections[0].client[0] == lab.alice.ip

    def test_mail_brings_mail_to_mx(self) -> None:
        """The second hop: opportunistic TLS falls, verified TLS waits."""
        with lab_on("sandbox", tls=True, mx=True, allow=["open_relay"]) as lab:

            def send() -> None:
                with lab.alice.smtp("smtp") as smtp:
                    smtp.sendmail("alice@example.test", ["dave@partner.example.test"], MAIL)

            spoof = Spoof(lab.mallory.card(), victim=lab.mail, instead_of=lab.mx)
            with (
                lab.mallory.intercept(lab.mx),
                spoof,
                Middle(lab.mallory, to="mx", strip=True, services=["smtp"]) as middle,
            ):
                send()
                wait_for(lambda: lab.mails("dave"))
                assert b"by mx.partner.example.test with ESMTP for" in lab.mails("dave")[0]
                assert [found.kind for found in findings(middle.frames())] == ["mail"]
                lab.next_hop("verified")
                send()
                wait_for(lambda: lab.queue() and lab.queue()[0]["attempts"])
                assert lab.queue()[0]["reply"].startswith("454 4.7.4 mx.partner.example.test offers no TLS")
            wait_for(lambda: len(lab.mails("dave")) == 2)  # she has gone
            assert b"by mx.partner.example.test with ESMTPS for" in lab.mails("dave")[1]


def test_on_replay_there_is_nobody_to_fool() -> None:
    with Lab("01", allow="plaintext_login", rung="replay") as lab, pytest.raises(RungUnavailable), Middle(lab.mallory):
        pass
