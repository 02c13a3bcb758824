"""TLS on the wire: implicit and explicit, 1.2 and 1.3, what changes in it, and what a failed handshake leaves."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import poplib
import smtplib
import socket
import ssl
import time
from pathlib import Path

import pytest
from support import aio
from support.tls import NAME, says, secured

from maillab.clients import context
from maillab.servers import tls as tls_module
from maillab.servers.house import House
from maillab.servers.listen import listen
from maillab.servers.log import EventLog
from maillab.servers.switches import SWITCHES, Switches
from maillab.servers.tls import Tls
from maillab.student import Student

STUDENT = Student("test")
ALICE = STUDENT.password("alice")
SERVICES = ("pop3s", "pop3", "submissions", "submission", "smtp")
PLAIN = base64.b64encode(f"\0alice\0{ALICE}".encode()).decode()


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("service", SERVICES)
def test_a_log_in_and_a_mail(tls_host, certificates: Path, service: str, version: str) -> None:
    client = secured(tls_host, service, context(certificates / "ca.pem", version=version))
    assert client.sock.version() == f"TLSv{version}"
    if isinstance(client, poplib.POP3):
        client.user("alice")
        client.pass_(ALICE)
        assert client.retr(1)[1] == STUDENT.mails("alice")[0].removesuffix(b"\r\n").split(b"\r\n")
    else:
        client.login("alice", ALICE)
        assert client.sendmail("alice@example.test", ["bob@example.test"], b"Subject: t\r\n\r\n.dot\r\n") == {}
        assert tls_host.mails("bob")[-1].endswith(b"Subject: t\r\n\r\n.dot\r\n")
        assert b"with ESMTPSA for <bob@example.test>" in tls_host.mails("bob")[-1]
    cipher = client.sock.cipher()[0]
    client.quit()
    assert f"TLSv{version}, {cipher}" in tls_host.texts()
    assert not any(ALICE in text for text in tls_host.texts())


class TestWhatChanges:
    """In the clear as before, in TLS anew."""

    def test_pop3(self, tls_host, certificates: Path) -> None:
        pop = poplib.POP3("127.0.0.1", tls_host.ports["pop3"], timeout=10)
        capa = pop.capa()
        assert "STLS" in capa and "USER" not in capa and capa["SASL"] == ["SCRAM-SHA-256"]
        for refused in (b"USER alice", b"AUTH PLAIN"):
            assert says(pop, refused) == b"-ERR [AUTH] no passwords without TLS here\r\n"
        pop.quit()
        pop = secured(tls_host, "pop3", context(certificates / "ca.pem"))
        capa = pop.capa()
        assert "STLS" not in capa and "USER" in capa and "PLAIN" in capa["SASL"]
        assert says(pop, b"STLS") == b"-ERR this connection has TLS already\r\n"
        assert says(pop, b"AUTH PLAIN " + PLAIN.encode()).startswith(b"+OK alice has")
        assert "STLS" not in pop.capa()
        assert says(pop, b"STLS") == b"-ERR STLS isn't possible now\r\n"
        pop.quit()

    def test_stls_is_for_those_who_have_not_logged_in(self, tls_process) -> None:
        server = tls_process(allow=["plaintext_login"])
        pop = poplib.POP3("127.0.0.1", server.ports["pop3"], timeout=10)
        pop.user("alice")
        pop.pass_(ALICE)
        assert "STLS" not in pop.capa()
        assert says(pop, b"STLS") == b"-ERR STLS isn't possible now\r\n"
        pop.quit()

    def test_the_name_said_before_is_forgotten(self, tls_process, certificates: Path) -> None:
        """RFC 2595 section 4: what the client said before may have been said by anybody."""
        server = tls_process(allow=["plaintext_login"])
        pop = poplib.POP3("127.0.0.1", server.ports["pop3"], timeout=10)
        pop.user("alice")
        assert says(pop, b"STLS") == b"+OK begin TLS\r\n"
        pop.sock = context(certificates / "ca.pem").wrap_socket(pop.sock, server_hostname=NAME)
        pop.file = pop.sock.makefile("rb")
        assert says(pop, b"PASS " + ALICE.encode()) == b"-ERR PASS isn't possible now\r\n"
        pop.quit()

    @pytest.mark.parametrize("service", ["smtp", "submission"])
    def test_smtp(self, tls_host, certificates: Path, service: str) -> None:
        with smtplib.SMTP("127.0.0.1", tls_host.ports[service], "laptop", timeout=10) as smtp:
            assert smtp.docmd("STARTTLS") == (503, b"Error: send EHLO first")
            smtp.ehlo()
            assert smtp.has_extn("starttls") and smtp.esmtp_features["auth"].split() == ["SCRAM-SHA-256"]
            assert smtp.docmd(f"AUTH PLAIN {PLAIN}") == (538, b"5.7.11 no passwords without TLS here")
            assert smtp.docmd("STARTTLS now") == (501, b"5.5.4 the syntax is: STARTTLS")
        smtp = secured(tls_host, service, context(certificates / "ca.pem"))
        assert smtp.docmd("MAIL FROM:<a@b.test>")[0] == 503  # RFC 3207 section 4.2: say EHLO again
        smtp.ehlo()
        assert not smtp.has_extn("starttls") and smtp.esmtp_features["auth"].split() == [
            "SCRAM-SHA-256",
            "PLAIN",
            "LOGIN",
        ]
        assert smtp.docmd("STARTTLS") == (503, b"5.5.1 this connection has TLS already")
        smtp.quit()

    def test_who_logged_in_before_has_not(self, tls_process, certificates: Path) -> None:
        """RFC 3207 section 4.2: also the login and a mail that was begun."""
        server = tls_process(allow=["plaintext_login"])
        smtp = smtplib.SMTP("127.0.0.1", server.ports["submission"], "laptop", timeout=10)
        smtp.login("alice", ALICE)
        smtp.mail("alice@example.test")
        smtp._host = NAME
        smtp.starttls(context=context(certificates / "ca.pem"))
        smtp.ehlo()
        assert smtp.rcpt("bob@example.test") == (530, b"5.7.0 log in first")
        assert smtp.mail("alice@example.test") == (530, b"5.7.0 log in first")
        smtp.quit()

    def test_the_rules_of_submission_hold_on_465(self, tls_host, certificates: Path) -> None:
        smtp = secured(tls_host, "submissions", context(certificates / "ca.pem"))
        smtp.ehlo()
        assert smtp.mail("alice@example.test") == (530, b"5.7.0 log in first")
        smtp.login("alice", ALICE)
        assert smtp.mail("bob@example.test")[0] == 550
        smtp.quit()

    def test_received_without_a_log_in(self, tls_host, certificates: Path) -> None:
        smtp = secured(tls_host, "smtp", context(certificates / "ca.pem"))
        assert smtp.sendmail("eve@elsewhere.test", ["carol@example.test"], b"Subject: s\r\n\r\n") == {}
        smtp.quit()
        assert b"with ESMTPS for <carol@" in tls_host.mails("carol")[-1]


class TestChoice:
    """What is chosen counts from the next connection on."""

    @pytest.mark.parametrize("service", ["pop3s", "submission"])
    @pytest.mark.parametrize(
        ("certificate", "reason"),
        [
            ("expired", "certificate has expired"),
            ("wrong-name", "Hostname mismatch, certificate is not valid for 'mail.example.test'"),
            ("self-signed", "self-signed certificate"),
        ],
    )
    def test_a_wrong_certificate(self, tls_process, certificates: Path, service, certificate, reason) -> None:
        server = tls_process(certificate=certificate)
        with pytest.raises(ssl.SSLCertVerificationError, match=reason):
            secured(server, service, context(certificates / "ca.pem"))
        secured(server, service, context(certificates / "ca.pem", verify=False)).quit()
        server.ask({"do": "tls", "certificate": "right"})
        secured(server, service, context(certificates / "ca.pem")).quit()
        failed = [text for text in server.texts() if "TLS failed" in text]
        assert len(failed) == 1 and ("alert" in failed[0] or failed[0].endswith("the client hung up"))

    def test_open_connections_stay_as_they_are(self, tls_process, certificates: Path) -> None:
        server = tls_process()
        pop = secured(server, "pop3s", context(certificates / "ca.pem"))
        assert server.ask({"do": "tls", "certificate": "expired", "versions": ["1.2"]})["tls"] == {
            "certificate": "expired", "versions": ["1.2"], "cipher": "",
        }  # fmt: skip
        assert "USER" in pop.capa() and pop.sock.version() == "TLSv1.3"
        pop.quit()

    def test_versions(self, tls_process, certificates: Path) -> None:
        server = tls_process()
        for offered, asked in (("1.2", "1.3"), ("1.3", "1.2")):
            server.ask({"do": "tls", "versions": [offered]})
            secured(server, "pop3s", context(certificates / "ca.pem", version=offered)).quit()
            with pytest.raises(OSError):
                secured(server, "pop3s", context(certificates / "ca.pem", version=asked))
        assert [text for text in server.texts() if "TLS failed" in text] == ["TLS failed: unsupported protocol"] * 2

    @pytest.mark.parametrize("suite", ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"])
    def test_a_cipher_suite(self, tls_process, certificates: Path, suite: str) -> None:
        server = tls_process(versions=["1.2"], cipher=f"ECDHE-ECDSA-{suite}")
        pop = secured(server, "pop3", context(certificates / "ca.pem"))
        assert pop.sock.cipher()[0] == f"ECDHE-ECDSA-{suite}"
        pop.quit()

    @pytest.mark.parametrize(
        ("asked", "sentence"),
        [
            ({"certificate": "golden"}, "no certificate is called 'golden': choose from right, expired,"),
            ({"versions": ["1.1"]}, "the versions of TLS here are 1.2 and 1.3, not '1.1'."),
            ({"versions": []}, "the versions of TLS here are 1.2 and 1.3, not 'none'."),
            ({"cipher": "ECDHE-ECDSA-AES128-GCM-SHA256"}, "a cipher suite can be chosen while"),
            ({"cipher": "ROT13", "versions": ["1.2"]}, "OpenSSL knows no cipher suite 'ROT13'"),
        ],
    )
    def test_what_there_isnt(self, tls_host, asked: dict, sentence: str) -> None:
        assert tls_host.ask({"do": "tls", **asked})["error"].startswith(sentence)
        assert tls_host.ask({"do": "weakness"})["tls"] == {
            "certificate": "right", "versions": ["1.2", "1.3"], "cipher": "",
        }  # fmt: skip


class TestWithout:
    """The default: nothing of all this."""

    def test_neither_offered_nor_known(self, mail_host) -> None:
        pop = poplib.POP3("127.0.0.1", mail_host.ports["pop3"], timeout=10)
        assert "STLS" not in pop.capa() and says(pop, b"STLS") == b"-ERR unknown command\r\n"
        pop.quit()
        with smtplib.SMTP("127.0.0.1", mail_host.ports["smtp"], "laptop", timeout=10) as smtp:
            smtp.ehlo()
            assert not smtp.has_extn("starttls")
            assert smtp.docmd("STARTTLS") == (502, b"5.5.1 STARTTLS isn't offered here")
        assert mail_host.ask({"do": "tls"})["error"] == "this server has no TLS."

    def test_a_port_for_tls_needs_certificates(self, server_process, tmp_path: Path) -> None:
        error = server_process(ports={"pop3s": 0}).ready["error"]
        assert error == 'pop3s needs "tls", with the folder of the certificates.'
        assert server_process(tls={"folder": str(tmp_path)}).ready["error"].startswith('"tls" is {"folder": path}')

    def test_the_weakness_is_off(self) -> None:
        assert "tls_injection" in SWITCHES and not Switches().allows("tls_injection")


def connections(server) -> int:
    """How many descriptors the server process has open (Linux)."""
    return len(list(Path(f"/proc/{server.child.pid}/fd").iterdir()))


GARBAGE = (
    b"",
    b"\0" * 600,
    b"GET / HTTP/1.0\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\xff" * 20_000,
)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="not in CI: looks into /proc")
def test_two_hundred_garbage_handshakes(tls_process, certificates: Path) -> None:
    """Nothing is left of them, each is one line in the log, and the next client is served."""
    server = tls_process()
    secured(server, "pop3s", context(certificates / "ca.pem")).quit()
    before, hello = connections(server), {"pop3": b"STLS\r\n", "submission": b"EHLO x\r\nSTARTTLS\r\n"}
    kinds = [(service, garbage) for service in ("pop3s", "submissions", "pop3", "submission") for garbage in GARBAGE]
    for service, garbage in kinds * 10:
        with socket.create_connection(("127.0.0.1", server.ports[service]), 10) as sock:
            if service in hello:
                sock.sendall(hello[service])
                answers = b""
                while b"begin TLS" not in answers:
                    answers += sock.recv(4096)
            sock.sendall(garbage)
            sock.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError):
                while sock.recv(4096):
                    pass
    for service in SERVICES:
        secured(server, service, context(certificates / "ca.pem")).quit()
    deadline = time.monotonic() + 10
    while connections(server) > before:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    texts = server.texts()
    assert len([text for text in texts if text.startswith("TLS failed: ")]) == 200
    assert texts.count("connected") == texts.count("closed") == 206
    assert set(texts) - {"connected", "closed"} <= {
        text for text in texts if text.startswith(("TLS failed: ", "TLSv1.3, "))
    }
    assert server.ask({"do": "ping"}) == {"ok": True}


@pytest.mark.parametrize("service", ["pop3s", "submissions", "pop3", "submission"])
def test_a_client_that_hangs_is_let_go(certificates: Path, monkeypatch, service: str, store) -> None:
    monkeypatch.setattr(tls_module, "HANDSHAKE", 0.3)

    async def run() -> tuple[bytes, list[str]]:
        log = EventLog()
        house = House("mail.example.test", store, Switches(), time, log, None, Tls(certificates, "mail"))  # type: ignore[arg-type]
        server = await listen(service, "127.0.0.1", 0, house)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write({"pop3": b"STLS\r\n", "submission": b"EHLO x\r\nSTARTTLS\r\n"}.get(service, b"\x16\x03\x01"))
        got = await asyncio.wait_for(reader.read(), 5)  # until the server hangs up
        writer.close()
        async with asyncio.timeout(5):
            while not log.events or log.events[-1].text != "closed":
                await asyncio.sleep(0.01)
        server.close()
        return got, [event.text for event in log.events]

    got, texts = aio.run(run())
    assert texts == ["connected", "TLS failed: no end after 0.3 s", "closed"]
    assert got.endswith(b"begin TLS\r\n") or service in ("pop3s", "submissions")


def test_a_long_mail_both_ways(tls_process, certificates: Path) -> None:
    """As much as the servers take, through their flow control."""
    server = tls_process()
    mail = b"Subject: long\r\n\r\n" + b"x" * 70 + b"\r\n"
    mail += b"".join(b"%064d\r\n" % n for n in range(13_000))
    smtp = secured(server, "submission", context(certificates / "ca.pem"))
    smtp.login("alice", ALICE)
    smtp.sendmail("alice@example.test", ["bob@example.test"], mail)
    smtp.quit()
    pop = secured(server, "pop3", context(certificates / "ca.pem"))
    pop.user("bob")
    pop.pass_(STUDENT.password("bob"))
    assert b"\r\n".join([*pop.retr(len(STUDENT.mails("bob")) + 1)[1], b""]).endswith(mail)
    pop.quit()


def test_resumption_and_goodbye(tls_host, certificates: Path) -> None:
    """A second connection may resume the first one's session, and the server says goodbye as TLS wants it."""
    trust = context(certificates / "ca.pem")
    pop = secured(tls_host, "pop3s", trust)
    session = pop.sock.session
    pop.quit()
    bare = socket.create_connection(("127.0.0.1", tls_host.ports["pop3s"]), 10)
    with trust.wrap_socket(bare, server_hostname=NAME, session=session, suppress_ragged_eofs=False) as sock:
        assert sock.recv(100).startswith(b"+OK") and sock.session_reused
        sock.sendall(b"QUIT\r\n")
        assert sock.recv(100).startswith(b"+OK")
        assert sock.recv(100) == b""  # without the server's close_notify this would raise SSLEOFError
