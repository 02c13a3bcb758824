"""Mail programs that others wrote, against real servers: poplib, smtplib, curl, mpop, msmtp, fetchmail, swaks."""

from __future__ import annotations

import poplib
import smtplib
from email.message import EmailMessage
from pathlib import Path

import pytest
from support.programs import run

from maillab.student import Student

STUDENT = Student("test")
PASSWORDS = {user: STUDENT.password(user) for user in STUDENT.accounts}


def lines(mail: bytes) -> list[bytes]:
    """Line by line, whatever the line ends: programs write mails to disk with those of the system."""
    return mail.strip().splitlines()


def test_poplib(server_process) -> None:
    server = server_process()
    pop = poplib.POP3("127.0.0.1", server.ports["pop3"], timeout=10)
    assert pop.getwelcome() == b"+OK mail.example.test POP3 ready"
    assert {"TOP", "UIDL", "PIPELINING", "USER"} <= set(pop.capa())
    pop.user("alice")
    pop.pass_(PASSWORDS["alice"])
    mails = STUDENT.mails("alice")
    assert pop.stat() == (3, sum(map(len, mails)))
    assert pop.list()[1] == [f"{n} {len(mail)}".encode() for n, mail in enumerate(mails, 1)]
    for n, mail in enumerate(mails, 1):
        assert pop.retr(n)[1] == mail.removesuffix(b"\r\n").split(b"\r\n")
    header = mails[1][: mails[1].index(b"\r\n\r\n")].split(b"\r\n")
    assert pop.top(2, 1)[1] == [*header, b"", b"Dear Alice,"]
    assert len({line.split()[1] for line in pop.uidl()[1]}) == 3
    pop.dele(2)
    assert pop.noop() == b"+OK"
    pop.rset()
    pop.dele(1)
    pop.quit()
    assert server.mails("alice") == mails[1:]


def test_smtplib(server_process) -> None:
    server = server_process()
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "alice@example.test", "bob@example.test", "Grüße"
    message.set_content("Schöne Grüße\n.\n..dots\n")
    with smtplib.SMTP("127.0.0.1", server.ports["submission"], "laptop", timeout=10) as smtp:
        smtp.login("alice", PASSWORDS["alice"])
        assert smtp.send_message(message) == {}
    assert b"Subject: =?utf-8?" in server.mails("bob")[-1]
    assert server.mails("bob")[-1].endswith(b"..dots\r\n")


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("initial", [(), ("--sasl-ir",)], ids=["two-step", "sasl-ir"])
class TestCurl:
    def test_pop3(self, server_process, mechanism: str, initial: tuple[str, ...]) -> None:
        server = server_process()
        url = f"pop3://127.0.0.1:{server.ports['pop3']}/2"
        user = f"alice:{PASSWORDS['alice']}"
        got = run("curl", "-q", "-sS", *initial, "--login-options", f"AUTH={mechanism}", "-u", user, url)
        assert got.returncode == 0, got.stderr
        assert got.stdout == STUDENT.mails("alice")[1]
        assert f"alice logged in with AUTH {mechanism}" in server.texts()
        wrong = run("curl", "-q", "-sS", *initial, "--login-options", f"AUTH={mechanism}", "-u", "alice:wrong", url)
        assert wrong.returncode == 67, wrong.stderr  # CURLE_LOGIN_DENIED

    def test_smtp(self, server_process, mechanism: str, initial: tuple[str, ...]) -> None:
        server = server_process()
        url = f"smtp://127.0.0.1:{server.ports['submission']}/laptop"
        options = ["-q", "-sS", *initial, "--login-options", f"AUTH={mechanism}", "-T", "-"]
        envelope = ["--mail-from", "alice@example.test", "--mail-rcpt", "carol@example.test"]
        mail = b"Subject: from curl\r\n\r\n.a dot\r\n"
        got = run("curl", *options, *envelope, "-u", f"alice:{PASSWORDS['alice']}", url, stdin=mail)
        assert got.returncode == 0, got.stderr
        assert server.mails("carol")[-1].endswith(mail)
        assert f"alice logged in with AUTH {mechanism}" in server.texts()
        assert run("curl", *options, *envelope, "-u", "alice:wrong", url, stdin=mail).returncode == 67


CHALLENGED = {"CRAM-MD5": "cram_md5", "DIGEST-MD5": "digest_md5", "SCRAM-SHA-256": ""}


def only(mechanism: str) -> list[str]:
    """The switches of a server that offers this mechanism and no plaintext."""
    return [switch for switch in [CHALLENGED[mechanism]] if switch]


@pytest.mark.parametrize("mechanism", CHALLENGED)
class TestChallenges:
    """Each program with each mechanism that it speaks, at both servers, with the right password and a wrong one."""

    def test_curl(self, server_process, mechanism: str) -> None:
        if mechanism == "SCRAM-SHA-256" and b"gsasl" not in run("curl", "-V").stdout:
            pytest.skip("not in CI: Debian's curl is built without SCRAM")
        server = server_process(allow=only(mechanism))
        pop3, smtp = f"pop3://127.0.0.1:{server.ports['pop3']}/2", f"smtp://127.0.0.1:{server.ports['submission']}/x"
        options = ["curl", "-q", "-sS", "--login-options", f"AUTH={mechanism}"]
        got = run(*options, "-u", f"alice:{PASSWORDS['alice']}", pop3)
        assert got.returncode == 0, got.stderr
        assert got.stdout == STUDENT.mails("alice")[1]
        assert run(*options, "-u", "alice:wrong", pop3).returncode == 67
        envelope = ["--mail-from", "alice@example.test", "--mail-rcpt", "carol@example.test", "-T", "-"]
        mail = b"Subject: from curl\r\n\r\nhello\r\n"
        got = run(*options, *envelope, "-u", f"alice:{PASSWORDS['alice']}", smtp, stdin=mail)
        assert got.returncode == 0, got.stderr
        assert server.mails("carol")[-1].endswith(mail)
        assert run(*options, *envelope, "-u", "alice:wrong", smtp, stdin=mail).returncode == 67
        assert server.texts().count(f"alice logged in with AUTH {mechanism}") == 2

    def test_mpop(self, server_process, tmp_path: Path, mechanism: str) -> None:
        server = server_process(allow=only(mechanism))
        options = mpop_options(server, tmp_path, mechanism.lower())
        got = run("mpop", *options, home=tmp_path)
        assert got.returncode == 0, got.stderr
        assert f"alice logged in with AUTH {mechanism}" in server.texts()
        assert server.mails("alice") == []
        (tmp_path / "secret").write_text("wrong")
        assert run("mpop", *options, home=tmp_path).returncode != 0

    def test_msmtp(self, server_process, tmp_path: Path, mechanism: str) -> None:
        server = server_process(allow=only(mechanism))
        where = f"--host=127.0.0.1 --port={server.ports['submission']} --tls=off --user=alice"
        options = [
            *where.split(),
            f"--auth={mechanism.lower()}",
            f"--passwordeval=cat {_file(tmp_path, PASSWORDS['alice'])}",
        ]
        options += ["--from=alice@example.test", "--domain=laptop", "bob@example.test"]
        got = run("msmtp", *options, stdin=b"Subject: m\n\nbye\n", home=tmp_path)
        assert got.returncode == 0, got.stderr
        assert f"alice logged in with AUTH {mechanism}" in server.texts()
        (tmp_path / "secret").write_text("wrong")
        assert run("msmtp", *options, stdin=b"Subject: m\n\nbye\n", home=tmp_path).returncode != 0

    def test_swaks(self, server_process, mechanism: str) -> None:
        if mechanism == "SCRAM-SHA-256":
            pytest.skip("not in CI: swaks speaks no SCRAM")
        server = server_process(allow=only(mechanism))
        swaks(server, mechanism)


def test_smtplib_picks_cram_md5_by_itself(server_process) -> None:
    server = server_process(allow=["cram_md5", "plaintext_login"])
    for password, code in ((PASSWORDS["alice"], 235), ("wrong", 535)):
        with smtplib.SMTP("127.0.0.1", server.ports["submission"], "laptop", timeout=10) as smtp:
            smtp.ehlo()
            assert smtp.esmtp_features["auth"].split() == ["SCRAM-SHA-256", "CRAM-MD5", "PLAIN", "LOGIN"]
            smtp.user, smtp.password = "alice", password
            assert smtp.docmd("NOOP")[0] == 250
            try:
                assert smtp.auth("CRAM-MD5", smtp.auth_cram_md5)[0] == code
            except smtplib.SMTPAuthenticationError as error:
                assert error.smtp_code == code
    assert "alice logged in with AUTH CRAM-MD5" in server.texts()


class TestApop:
    def test_poplib(self, server_process) -> None:
        server = server_process(allow=["apop"])
        pop = poplib.POP3("127.0.0.1", server.ports["pop3"], timeout=10)
        with pytest.raises(poplib.error_proto, match="wrong name or password"):
            pop.apop("alice", "wrong")
        pop.apop("alice", PASSWORDS["alice"])
        assert pop.retr(1)[1] == STUDENT.mails("alice")[0].removesuffix(b"\r\n").split(b"\r\n")
        pop.quit()

    def test_curl(self, server_process) -> None:
        server = server_process(allow=["apop"])
        url = f"pop3://127.0.0.1:{server.ports['pop3']}/1"
        options = ["curl", "-q", "-sS", "--login-options", "AUTH=+APOP"]
        got = run(*options, "-u", f"alice:{PASSWORDS['alice']}", url)
        assert got.returncode == 0, got.stderr
        assert got.stdout == STUDENT.mails("alice")[0]
        assert run(*options, "-u", "alice:wrong", url).returncode == 67

    def test_mpop(self, server_process, tmp_path: Path) -> None:
        server = server_process(allow=["apop"])
        got = run("mpop", *mpop_options(server, tmp_path, "apop"), home=tmp_path)
        assert got.returncode == 0, got.stderr
        assert "alice logged in with APOP" in server.texts()

    def test_fetchmail(self, server_process, tmp_path: Path) -> None:
        server = server_process(allow=["apop"])
        fetchmail(server, tmp_path, "APOP", "fetchall")
        assert "alice logged in with APOP" in server.texts()


def mpop_options(server, folder: Path, auth: str) -> list[str]:
    """mpop's command line for fetching alice's mail from here into a file."""
    where = f"--host=127.0.0.1 --port={server.ports['pop3']} --user=alice --tls=off --keep=off --auth={auth}"
    options = [*where.split(), f"--passwordeval=cat {_file(folder, PASSWORDS['alice'])}"]
    return [*options, f"--delivery=mbox,{folder / 'mbox'}", f"--uidls-file={folder / 'uidls'}", "--received-header=off"]


def test_curl_finds_no_apop(server_process) -> None:
    """A greeting without a timestamp offers none, and curl doesn't fall back to a password in the clear."""
    server = server_process()
    url = f"pop3://127.0.0.1:{server.ports['pop3']}/"
    got = run("curl", "-q", "-sS", "--login-options", "AUTH=+APOP", "-u", f"alice:{PASSWORDS['alice']}", url)
    assert got.returncode == 67, got.stderr
    assert not any("logged in" in text for text in server.texts())


@pytest.mark.parametrize(("auth", "how"), [("user", "USER/PASS"), ("plain", "AUTH PLAIN"), ("login", "AUTH LOGIN")])
def test_mpop(server_process, tmp_path: Path, auth: str, how: str) -> None:
    """mpop pipelines wherever the server says that it may."""
    server = server_process()
    got = run("mpop", *mpop_options(server, tmp_path, auth), home=tmp_path)
    assert got.returncode == 0, got.stderr
    assert f"alice logged in with {how}" in server.texts()
    written = lines((tmp_path / "mbox").read_bytes())
    for mail in STUDENT.mails("alice"):
        assert lines(mail)[0] in written and lines(mail)[-1] in written
    assert server.mails("alice") == []


@pytest.mark.parametrize("auth", ["plain", "login"])
def test_msmtp(server_process, tmp_path: Path, auth: str) -> None:
    server = server_process()
    mail = b"Subject: from msmtp\n\n.a dot\nbye\n"
    where = f"--host=127.0.0.1 --port={server.ports['submission']} --tls=off --auth={auth} --user=alice"
    got = run(
        "msmtp", *where.split(), f"--passwordeval=cat {_file(tmp_path, PASSWORDS['alice'])}",
        "--from=alice@example.test", "--domain=laptop", "bob@example.test", stdin=mail, home=tmp_path,
    )  # fmt: skip
    assert got.returncode == 0, got.stderr
    assert lines(server.mails("bob")[-1])[-4:] == lines(mail)
    assert f"alice logged in with AUTH {auth.upper()}" in server.texts()


def fetchmail(server, folder: Path, protocol: str, how: str) -> None:
    """fetchmail brings alice's mail into a file."""
    config = _file(
        folder,
        f"poll 127.0.0.1 service {server.ports['pop3']} protocol {protocol} "
        f'user "alice" password "{PASSWORDS["alice"]}" sslproto "" {how} keep mda "cat >> {folder}/mbox"\n',
    )
    got = run("fetchmail", "-f", str(config), "--nosyslog", "--pidfile", str(folder / "pid"), home=folder)
    assert got.returncode == 0, got.stdout + got.stderr


def test_fetchmail(server_process, tmp_path: Path) -> None:
    server = server_process()
    fetchmail(server, tmp_path, "POP3 auth password uidl", "no fetchall")
    written = lines((tmp_path / "mbox").read_bytes())
    for mail in STUDENT.mails("alice"):
        assert lines(mail)[-1] in written
    assert "alice logged in with USER/PASS" in server.texts()


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks(server_process, mechanism: str) -> None:
    swaks(server_process(), mechanism)


def swaks(server, mechanism: str) -> None:
    """swaks sends a mail after a login with the right password, and none after one with a wrong one."""
    where = f"--server 127.0.0.1 --port {server.ports['submission']} --helo laptop --auth {mechanism} --auth-user alice"
    envelope = "--from alice@example.test --to bob@example.test --header Subject:swaks --timeout 10"
    got = run("swaks", *where.split(), "--auth-password", PASSWORDS["alice"], *envelope.split())
    assert got.returncode == 0, got.stdout
    assert b"Subject:swaks" in server.mails("bob")[-1]
    wrong = run("swaks", *where.split(), "--auth-password", "wrong", *envelope.split())
    assert wrong.returncode == 28 and b"535 5.7.8" in wrong.stdout


def test_swaks_without_login_on_both_ports(server_process) -> None:
    server = server_process(allow=[])
    for service, code in (("smtp", 0), ("submission", 23)):
        where = f"--server 127.0.0.1 --port {server.ports[service]} --helo laptop --timeout 10"
        got = run("swaks", *where.split(), "--from", "dave@elsewhere.test", "--to", "bob@example.test")
        assert got.returncode == code, got.stdout
    assert b"530 5.7.0 log in first" in got.stdout


def _file(folder: Path, text: str) -> Path:
    path = folder / "secret"
    path.write_text(text)
    path.chmod(0o600)
    return path
