"""SMTP on the wire: what RFC 5321, 4954 and 6409 say, and where aiosmtpd alone is laxer."""

from __future__ import annotations

import base64
import contextlib
import smtplib
import socket
from collections.abc import Iterator

import pytest

from maillab.student import Student

STUDENT = Student("test")
ALICE = STUDENT.password("alice")
MAIL = b"Subject: hello\r\n\r\nHow are you?\r\n"
PLAIN = base64.b64encode(f"\0alice\0{ALICE}".encode()).decode()


@contextlib.contextmanager
def session(server, service: str = "smtp") -> Iterator[smtplib.SMTP]:
    """smtplib, already introduced."""
    with smtplib.SMTP("127.0.0.1", server.ports[service], "laptop", timeout=10) as smtp:
        smtp.ehlo()
        yield smtp


def talk(server, data: bytes, service: str = "smtp") -> bytes:
    """Send octets as they are, and return all that comes back until the server hangs up."""
    with socket.create_connection(("127.0.0.1", server.ports[service]), timeout=10) as sock:
        sock.sendall(data)
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := sock.recv(65_536):
                received += piece
        return received


class TestAuth:
    @pytest.mark.parametrize("service", ["smtp", "submission"])
    @pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "plain"])
    def test_offered_and_accepted(self, mail_host, service: str, mechanism: str) -> None:
        with session(mail_host, service) as smtp:
            assert smtp.esmtp_features["auth"].split() == ["SCRAM-SHA-256", "PLAIN", "LOGIN"]
            smtp.user, smtp.password = "alice", ALICE
            assert smtp.auth(mechanism, getattr(smtp, f"auth_{mechanism.lower()}"))[0] == 235

    @pytest.mark.parametrize(
        ("lines", "codes"),
        [
            ([f"AUTH PLAIN {PLAIN}"], [b"235 2.7.0"]),
            (["AUTH PLAIN", PLAIN], [b"334 ", b"235 2.7.0"]),
            ([f"AUTH PLAIN {PLAIN}", f"AUTH PLAIN {PLAIN}"], [b"235 2.7.0", b"503 5.5.1"]),  # RFC 4954 section 4
            (["AUTH PLAIN", "*"], [b"334 ", b"501 5.7.0"]),
            (["AUTH PLAIN", "!!"], [b"334 ", b"501 5.5.2"]),
            (["AUTH PLAIN AAA"], [b"501 5.5.2"]),
            (["AUTH PLAIN ="], [b"535 5.7.8"]),
            (["AUTH PLAIN", ""], [b"334 ", b"535 5.7.8"]),
            (["AUTH PLAIN AGFsaWNlAHdyb25n"], [b"535 5.7.8"]),
            (["AUTH PLAIN AG5vYm9keQB3cm9uZw=="], [b"535 5.7.8"]),
            (["AUTH LOGIN", "YWxpY2U=", "d3Jvbmc="], [b"334 VXNlcm5hbWU6", b"334 UGFzc3dvcmQ6", b"535 5.7.8"]),
            (["AUTH LOGIN YWxpY2U=", "*"], [b"334 UGFzc3dvcmQ6", b"501 5.7.0"]),
            (["AUTH GSSAPI"], [b"504 5.5.4"]),
            (["AUTH"], [b"501 5.5.4"]),
            (["AUTH PLAIN AAAA AAAA"], [b"501 5.5.4"]),
            (["AUTH PLAIN", "A" * 20_000, "NOOP"], [b"334 ", b"500 5.5.6", b"250 "]),
            (["AUTH PLAIN " + "A" * 2000], [b"535 5.7.8"]),  # longer than 512 octets, and allowed for AUTH
        ],
    )
    def test_replies_of_rfc_4954(self, mail_host, lines: list[str], codes: list[bytes]) -> None:
        said = "".join(f"{line}\r\n" for line in ["EHLO laptop", *lines, "QUIT"]).encode()
        replies = [line for line in talk(mail_host, said, "submission").split(b"\r\n") if line[3:4] != b"-"][2:-2]
        assert [reply[: len(code)] for reply, code in zip(replies, codes, strict=True)] == codes

    def test_not_before_ehlo_nor_in_a_mail(self, mail_host) -> None:
        assert b"\r\n503 " in talk(mail_host, b"AUTH PLAIN\r\nQUIT\r\n")
        assert b"\r\n503 5.5.1" in talk(mail_host, b"HELO laptop\r\nAUTH PLAIN\r\nQUIT\r\n")
        said = b"EHLO laptop\r\nMAIL FROM:<a@b.test>\r\nAUTH PLAIN AAAA\r\nQUIT\r\n"
        assert b"\r\n503 5.5.1" in talk(mail_host, said)

    def test_submission_wants_a_login_first(self, mail_host) -> None:
        with session(mail_host, "submission") as smtp:
            assert smtp.mail("alice@example.test") == (530, b"5.7.0 log in first")
            smtp.login("alice", ALICE)
            assert smtp.mail("alice@example.test")[0] == 250

    def test_the_log_has_no_password(self, server_process, capfd) -> None:
        server = server_process()
        said = f"EHLO x\r\nAUTH PLAIN AGFsaWNlAHdyb25n\r\n{ALICE}\r\nAUTH PLAIN {PLAIN}\r\nQUIT\r\n".encode()
        talk(server, said)
        assert ALICE not in str(server.texts()) and PLAIN not in str(server.texts())
        assert capfd.readouterr().err == ""  # aiosmtpd would have written down what it doesn't understand
        assert server.texts()[1:3] == ["login refused, AUTH PLAIN", "alice logged in with AUTH PLAIN"]


class TestDelivery:
    def test_port_25_takes_mail_for_its_own_users(self, server_process) -> None:
        server = server_process()
        with session(server) as smtp:
            recipients = ["bob@example.test", "Bob@EXAMPLE.TEST", "nobody@example.test"]
            refused = smtp.sendmail("dave@elsewhere.test", recipients, MAIL)
            assert refused == {"nobody@example.test": (550, b"5.1.1 no such user here")}
        mails = server.mails("bob")
        assert len(mails) == 4  # one copy, though he was named twice
        head, body = mails[-1].split(b"\r\nSubject: hello")
        assert body == b"\r\n\r\nHow are you?\r\n"
        assert head.startswith(b"Return-Path: <dave@elsewhere.test>\r\nReceived: from laptop ([127.0.0.1])\r\n\tby ")
        assert b" with ESMTP for <" in head

    @pytest.mark.parametrize("service", ["smtp", "submission"])
    def test_a_host_without_a_next_hop_passes_nothing_on(self, mail_host, service: str) -> None:
        with session(mail_host, service) as smtp:
            smtp.login("alice", ALICE)
            with pytest.raises(smtplib.SMTPRecipientsRefused) as error:
                smtp.sendmail("alice@example.test", ["dave@elsewhere.test"], MAIL)
            assert error.value.recipients["dave@elsewhere.test"] == (550, b"5.4.4 no way from here to other servers")

    @pytest.mark.parametrize(
        "recipient", ["bob", "<bob>", "bob%elsewhere.test@example.test", "@example.test:bob@elsewhere.test"]
    )
    def test_old_ways_round_the_rule(self, mail_host, recipient: str) -> None:
        with session(mail_host) as smtp:
            smtp.mail("x@elsewhere.test")
            assert smtp.docmd("RCPT", f"TO:<{recipient}>")[0] // 100 == 5

    def test_null_sender_and_dots_and_login_in_the_trace(self, server_process) -> None:
        server = server_process()
        with session(server, "submission") as smtp:
            smtp.login("alice", ALICE)
            smtp.sendmail("", ["carol@example.test"], b"Subject: dots\r\n\r\n.one\r\n..two\r\n.\r\n")
        mail = server.mails("carol")[-1]
        assert mail.startswith(b"Return-Path: <>\r\n") and b" with ESMTPA for <carol@" in mail
        assert mail.endswith(b"\r\n\r\n.one\r\n..two\r\n.\r\n")
        assert "took mail from <> for carol (33 octets)" in server.texts()

    def test_size(self, mail_host) -> None:
        with session(mail_host) as smtp:
            assert smtp.esmtp_features["size"] == "1000000"
            assert smtp.mail("x@elsewhere.test", ["SIZE=1000001"])[0] == 552
            assert smtp.mail("x@elsewhere.test")[0] == 250
            smtp.rcpt("bob@example.test")
            assert smtp.data((b"x" * 78 + b"\r\n") * 15_000)[0] == 552
            assert smtp.noop()[0] == 250

    def test_an_overlong_line_in_a_mail(self, mail_host) -> None:
        for length in (1001, 20_000):
            with session(mail_host) as smtp:
                smtp.mail("x@elsewhere.test")
                smtp.rcpt("bob@example.test")
                assert smtp.data(b"x" * length)[0] == 500
                assert smtp.noop()[0] == 250

    def test_pipelining(self, server_process) -> None:
        """RFC 2920: everything up to DATA in one segment."""
        server = server_process()
        said = b"EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n" + MAIL + b".\r\nQUIT\r\n"
        codes = [line[:3] for line in talk(server, said).split(b"\r\n") if line[3:4] == b" "]
        assert codes == [b"220", b"250", b"250", b"250", b"354", b"250", b"221"]
        assert server.mails("bob")[-1].endswith(MAIL)

    def test_many_recipients(self, mail_host) -> None:
        with session(mail_host) as smtp:
            smtp.mail("x@elsewhere.test")
            codes = [smtp.rcpt("bob@example.test")[0] for _ in range(101)]
            assert codes == [250] * 100 + [452]


class TestSmuggling:
    """RFC 5321 section 2.3.8: only CRLF ends a line, in commands and in mails."""

    @pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r.\r", b"\n.\r"])
    def test_no_other_end_of_data(self, server_process, end: bytes) -> None:
        server = server_process()
        inner = b"MAIL FROM:<admin@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nx"
        outer = b"EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\nSubject: outer\r\n\r\nx"
        answer = talk(server, outer + end + inner + b"\r\n.\r\nQUIT\r\n")
        assert answer.count(b"354 ") == 1
        assert b"\r\n550 5.6.11 bare CR or LF in the mail\r\n" in answer
        assert len(server.mails("bob")) == 3

    @pytest.mark.parametrize("line", [b"NOOP\n", b"NOOP\rNOOP\r\n", b"NO\0OP\r\n", b"\n"])
    def test_no_other_end_of_a_command(self, mail_host, line: bytes) -> None:
        replies = talk(mail_host, b"EHLO x\r\n" + line + b"QUIT\r\n").split(b"\r\n")
        assert replies[-3:-1] == [b"500 5.5.2 a line ends in CR LF and holds no other CR, LF or NUL", b"221 Bye"]

    def test_nor_in_an_auth_exchange(self, mail_host) -> None:
        answer = talk(mail_host, b"EHLO x\r\nAUTH PLAIN\r\n" + PLAIN.encode() + b"\nNOOP\r\nQUIT\r\n")
        assert b"235" not in answer and b"\r\n500 5.5.2" in answer


class TestLimits:
    def test_too_many_errors(self, mail_host) -> None:
        answer = talk(mail_host, b"EHLO x\r\n" + b"XYZZY\r\n" * 50)
        assert answer.endswith(b"\r\n421 4.7.0 mail.example.test too many errors, closing\r\n")
        assert answer.count(b"\r\n500 ") < 10

    def test_too_many_refused_logins(self, mail_host) -> None:
        answer = talk(mail_host, b"EHLO x\r\n" + b"AUTH PLAIN AGFsaWNlAHdyb25n\r\n" * 50)
        assert answer.count(b"\r\n535 ") == 9 and answer.count(b"\r\n421 4.7.0 ") == 1

    def test_too_long_a_command(self, mail_host) -> None:
        assert b"\r\n500 " in talk(mail_host, b"NOOP " + b"x" * 600 + b"\r\nQUIT\r\n")
        assert b"\r\n500 " in talk(mail_host, b"NOOP " + b"x" * 60_000 + b"\r\nQUIT\r\n")

    def test_ehlo_again_and_again_changes_nothing(self, mail_host) -> None:
        """aiosmtpd lengthens the limit of MAIL by 26 octets at each EHLO, for all sessions at once."""
        line = b"MAIL FROM:<" + b"a" * 600 + b"@b.test>\r\n"
        assert b"\r\n500 " in talk(mail_host, b"EHLO x\r\n" * 15 + line + b"QUIT\r\n")


class TestPostmasterAndSpace:
    @pytest.mark.parametrize("address", ["postmaster", "Postmaster", "postmaster@example.test"])
    def test_everybody_can_write_to_the_postmaster(self, mail_host, address: str) -> None:
        """RFC 5321 section 4.5.1."""
        with session(mail_host) as smtp:
            smtp.mail("eve@elsewhere.test")
            assert smtp.rcpt(address)[0] == 250

    def test_the_auth_parameter_is_understood(self, mail_host) -> None:
        """RFC 4954 section 5: a server that offers AUTH takes AUTH= in MAIL."""
        with session(mail_host) as smtp:
            assert smtp.docmd("MAIL", "FROM:<eve@elsewhere.test> AUTH=<> SIZE=100")[0] == 250

    def test_a_full_maildrop_refuses_at_rcpt_so_that_nobodys_copy_is_lost(self, server_process) -> None:
        host = server_process()
        for _ in range(32):
            host.ask({"do": "deliver", "user": "bob", "mail": base64.b64encode(b"x" * 999_000).decode()})
        with session(host) as smtp:
            smtp.mail("eve@elsewhere.test")
            assert smtp.rcpt("alice@example.test")[0] == 250
            assert smtp.rcpt("bob@example.test")[0] == 452
            assert smtp.data(MAIL)[0] == 250


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"*", b"501 5.7.0"),
        (b"", b"535 5.7.8"),
        *((line, b"501 5.5.2") for line in (b"* ", b" ", b"AGFs====", b" AGFs", b"AGFs\t", b"=")),
    ],
)
def test_a_response_is_strict_base64(mail_host, line: bytes, code: bytes) -> None:
    """RFC 4954 section 4, as strict as in POP3; an empty line is an empty response."""
    with socket.create_connection(("127.0.0.1", mail_host.ports["submission"]), 10) as sock:
        lines = sock.makefile("rb")
        sock.sendall(b"EHLO x\r\nAUTH PLAIN\r\n")
        while not (answer := lines.readline()).startswith(b"334"):
            assert answer
        sock.sendall(line + b"\r\n")
        assert lines.readline().startswith(code)
