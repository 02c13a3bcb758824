"""What somebody on the path gets who puts commands in the clear behind STLS or STARTTLS (CVE-2011-0411).

She can't read or change what comes over TLS, but she can send something before it. A server that keeps it runs it as if
the client had sent it over TLS.
"""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
from pathlib import Path

import pytest
from support.tls import NAME
from support.tls_server import HalfTls

from maillab.clients import context
from maillab.network.clients import POP3, SMTP
from maillab.servers.next_hop import NextHop, hand_over, quit_politely
from maillab.servers.queue import Entry
from maillab.student import Student

ALICE = Student("test").password("alice")
PLAIN = base64.b64encode(f"\0alice\0{ALICE}".encode())


def injected(server, service: str, said: bytes, trust: ssl.SSLContext) -> tuple[bytes, ssl.SSLSocket]:
    """Say this in the clear in one go, read one reply to each line, go over to TLS; the replies and the connection."""
    sock = socket.create_connection(("127.0.0.1", server.ports[service]), 10)
    sock.sendall(said)
    got = b""
    while b"begin TLS\r\n" not in got:
        got += sock.recv(4096)
    secure = trust.wrap_socket(sock, server_hostname=NAME)
    secure.settimeout(10)
    return got, secure


def all_of(sock: ssl.SSLSocket) -> bytes:
    got = b""
    while data := sock.recv(4096):
        got += data
    return got


class TestPop3:
    @pytest.mark.parametrize("behind", [b"CAPA\r\n", b"CAPA", b"USER alice\r\nPASS x\r\n", b"x" * 5000])
    def test_forgotten(self, tls_host, certificates: Path, behind: bytes) -> None:
        got, sock = injected(tls_host, "pop3", b"STLS\r\n" + behind, context(certificates / "ca.pem"))
        assert got.endswith(b"+OK begin TLS\r\n")
        sock.sendall(b"NOOP\r\nQUIT\r\n")
        assert all_of(sock) == b"-ERR NOOP isn't possible now\r\n+OK mail.example.test says goodbye\r\n"

    def test_with_the_weakness(self, tls_process, certificates: Path) -> None:
        """Who looks for a mail in her box gets one from mallory's: she was logged in before she said a word."""
        server = tls_process(allow=["tls_injection"])
        bob = Student("test").password("bob").encode()
        got, sock = injected(
            server, "pop3", b"STLS\r\nUSER bob\r\nPASS " + bob + b"\r\n", context(certificates / "ca.pem")
        )
        assert got.endswith(b"+OK begin TLS\r\n")
        sock.sendall(b"QUIT\r\n")
        assert b"+OK bob has" in all_of(sock)

    def test_in_a_second_segment_it_is_no_handshake(self, tls_process, certificates: Path) -> None:
        server = tls_process(allow=["tls_injection"])
        with socket.create_connection(("127.0.0.1", server.ports["pop3"]), 10) as sock:
            sock.sendall(b"STLS\r\n")
            while b"begin TLS" not in sock.recv(4096):
                pass
            sock.sendall(b"USER alice\r\nPASS x\r\n")
            with contextlib.suppress(ConnectionResetError):
                assert sock.recv(4096) == b""
        assert server.texts()[1].startswith("TLS failed: ")


class TestSmtp:
    ATTACK = (
        b"EHLO x\r\nSTARTTLS\r\nEHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<carol@example.test>\r\nDATA\r\nSubject: x\r\n\r\n"
    )

    def victim(self, sock: ssl.SSLSocket) -> bytes:
        """What her program says over TLS, in the belief that it's the first thing that the server hears."""
        sock.sendall(b"EHLO laptop\r\nAUTH PLAIN " + PLAIN + b"\r\nDATA\r\n.\r\nQUIT\r\n")
        return all_of(sock)

    @pytest.mark.parametrize("service", ["smtp", "submission"])
    def test_forgotten(self, tls_host, certificates: Path, service: str) -> None:
        before = tls_host.mails("carol")
        _, sock = injected(tls_host, service, self.ATTACK, context(certificates / "ca.pem"))
        said = self.victim(sock)
        assert said.startswith(b"250-mail.example.test\r\n") and b"\r\n235 2.7.0 welcome\r\n" in said
        assert tls_host.mails("carol") == before

    def test_with_the_weakness_the_log_in_lands_in_mallorys_mail(self, tls_process, certificates: Path) -> None:
        """Wietse Venema's example: the victim's commands become the text of the attacker's mail."""
        server = tls_process(allow=["tls_injection"])
        _, sock = injected(server, "smtp", self.ATTACK, context(certificates / "ca.pem"))
        assert b"235" not in self.victim(sock)
        caught = server.mails("carol")[-1]
        assert b"with ESMTPS for <carol" in caught
        assert caught.endswith(b"Subject: x\r\n\r\nEHLO laptop\r\nAUTH PLAIN " + PLAIN + b"\r\nDATA\r\n")

    def test_the_session_begins_anew_also_with_it(self, tls_process, certificates: Path) -> None:
        server = tls_process(allow=["tls_injection", "plaintext_login"])
        said = b"EHLO x\r\nAUTH PLAIN " + PLAIN + b"\r\nSTARTTLS\r\nEHLO y\r\nMAIL FROM:<alice@example.test>\r\n"
        got, sock = injected(server, "submission", said, context(certificates / "ca.pem"))
        assert b"235 " in got
        sock.sendall(b"QUIT\r\n")
        assert b"\r\n530 5.7.0 log in first\r\n" in all_of(sock)


class TestOurClients:
    """The other way round: replies in the clear behind the server's "begin TLS" (response injection)."""

    def test_pop3(self, certificates: Path) -> None:
        with HalfTls(certificates / "mail-right.pem", b"+OK ready\r\n", b"+OK begin\r\n+OK injected\r\n") as server:
            pop = POP3(server.connect, NAME, 110, 10)
            pop.capa = lambda: {"STLS": []}  # type: ignore[method-assign]
            pop.stls(context(certificates / "ca.pem"))
            assert pop.noop() == b"+OK over TLS"
            pop.close()

    def test_smtp(self, certificates: Path) -> None:
        with HalfTls(certificates / "mail-right.pem", b"220 ready\r\n", b"220 begin\r\n250 injected\r\n") as server:
            smtp = SMTP(server.connect, NAME, 587, "laptop", 10)
            smtp.ehlo_resp, smtp.does_esmtp, smtp.esmtp_features = b"x", True, {"starttls": ""}
            smtp.starttls(context=context(certificates / "ca.pem"))
            assert smtp.ehlo_resp is None and smtp.esmtp_features == {}  # RFC 3207 section 4.2
            assert smtp.noop() == (250, b"over TLS")
            smtp.close()

    def test_the_relay(self, tmp_path: Path, certificates: Path) -> None:
        """What it believes about mx, it heard over TLS."""
        with HalfTls(certificates / "mx-right.pem", b"220 ready\r\n", b"220 begin\r\n250 injected\r\n") as server:
            hop = NextHop(("127.0.0.1", server.port), "mx.example.test", "verified", certificates / "ca.pem")
            entry = Entry("1", "alice@example.test", ("dave@partner.example.test",), 4)
            smtp, replies = hand_over(hop, "mail.example.test", entry, b"hi\r\n")
            assert replies == {"dave@partner.example.test": "250 over TLS"}
            quit_politely(smtp)
