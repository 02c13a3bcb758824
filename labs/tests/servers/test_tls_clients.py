"""Mail programs that others wrote, in TLS: with the right certificate, and with wrong ones that they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.programs import run
from support.tls import NAME

from maillab.student import Student

STUDENT = Student("test")
ALICE = STUDENT.password("alice")
MAIL = b"Subject: from a program\r\n\r\n.a dot\r\nbye\r\n"
WRONG = {"expired": b"expired", "wrong-name": b"", "self-signed": b"self"}
"""Kinds of certificate, and a word that most programs say about them."""


def curl(server, folder: Path, service: str, *more: str) -> tuple[bool, bytes]:
    """curl over this service: whether it went well, and what it said."""
    port = server.ports[service]
    options = [
        "curl",
        "-q",
        "-sS",
        "--resolve",
        f"{NAME}:{port}:127.0.0.1",
        "-u",
        f"alice:{ALICE}",
        "--ssl-reqd",
        *more,
    ]
    scheme = service if service.startswith("pop3") else "smtps" if service == "submissions" else "smtp"
    if scheme.startswith("pop3"):
        got = run(*options, f"{scheme}://{NAME}:{port}/2")
        return got.returncode == 0 and got.stdout == STUDENT.mails("alice")[1], got.stderr
    envelope = ["--mail-from", "alice@example.test", "--mail-rcpt", "bob@example.test", "-T", "-"]
    got = run(*options, *envelope, f"{scheme}://{NAME}:{port}/laptop", stdin=MAIL)
    return got.returncode == 0 and server.mails("bob")[-1].endswith(MAIL), got.stderr


def mpop(server, folder: Path, service: str, *more: str) -> tuple[bool, bytes]:
    secret = folder / "secret"
    secret.write_text(ALICE)
    starttls = "off" if service == "pop3s" else "on"
    options = (
        f"--host=127.0.0.1 --port={server.ports[service]} --user=alice --keep=on --tls=on --tls-starttls={starttls}"
    )
    options += f" --tls-host-override={NAME} --received-header=off --delivery=mbox,{folder / 'mbox'}"
    options += f" --uidls-file={folder / 'uidls'}"
    got = run("mpop", *options.split(), f"--passwordeval=cat {secret}", *more, home=folder)
    return got.returncode == 0 and (folder / "mbox").stat().st_size > 1000, got.stderr


def msmtp(server, folder: Path, service: str, *more: str) -> tuple[bool, bytes]:
    secret = folder / "secret"
    secret.write_text(ALICE)
    starttls = "off" if service == "submissions" else "on"
    options = f"--host=127.0.0.1 --port={server.ports[service]} --user=alice --auth=plain --tls=on"
    options += f" --tls-starttls={starttls} --tls-host-override={NAME} --from=alice@example.test --domain=laptop"
    password = f"--passwordeval=cat {secret}"
    got = run("msmtp", *options.split(), password, *more, "bob@example.test", stdin=MAIL, home=folder)
    return got.returncode == 0 and server.mails("bob")[-1].splitlines()[-1] == b"bye", got.stderr


def swaks(server, folder: Path, service: str, *more: str) -> tuple[bool, bytes]:
    how = "--tls-on-connect" if service == "submissions" else "--tls"
    options = f"--server 127.0.0.1 --port {server.ports[service]} --helo laptop {how} --auth PLAIN --auth-user alice"
    options += " --from alice@example.test --to bob@example.test --timeout 10"
    got = run("swaks", *options.split(), "--auth-password", ALICE, *more)
    if b"requires Net::SSLeay" in got.stderr:
        pytest.skip("swaks has no TLS: install Perl's Net::SSLeay (libnet-ssleay-perl)")
    return got.returncode == 0, got.stdout + got.stderr


def fetchmail(server, folder: Path, service: str, *more: str) -> tuple[bool, bytes]:
    config = folder / "rc"
    config.write_text(
        f'poll {NAME} via 127.0.0.1 service {server.ports[service]} protocol POP3 user "alice" password "{ALICE}" '
        f'sslcommonname "{NAME}" {"ssl" if service == "pop3s" else "sslproto tls1+"} {" ".join(more)} '
        f'keep fetchall mda "cat >> {folder}/mbox"\n'
    )
    config.chmod(0o600)
    got = run("fetchmail", "-f", str(config), "--nosyslog", "--pidfile", str(folder / "pid"), home=folder)
    return got.returncode == 0 and (folder / "mbox").stat().st_size > 1000, got.stdout + got.stderr


def trusting(program, ca: Path) -> list[str]:
    """The options with which it trusts this CA."""
    return {
        curl: ["--cacert", str(ca)],
        mpop: [f"--tls-trust-file={ca}"],
        msmtp: [f"--tls-trust-file={ca}"],
        fetchmail: ["sslcertck", f'sslcertfile "{ca}"'],
        swaks: ["--tls-verify", "--tls-ca-path", str(ca)],
    }[program]


CASES = [
    (curl, "pop3s"), (curl, "pop3"), (curl, "submissions"), (curl, "submission"), (mpop, "pop3s"), (mpop, "pop3"),
    (msmtp, "submissions"), (msmtp, "submission"), (swaks, "submissions"), (swaks, "submission"), (fetchmail, "pop3s"),
    (fetchmail, "pop3"),
]  # fmt: skip


@pytest.mark.parametrize(("program", "service"), CASES, ids=lambda value: getattr(value, "__name__", value))
class TestPrograms:
    @pytest.mark.parametrize("version", ["1.2", "1.3"])
    def test_the_right_certificate(self, tls_process, certificates, tmp_path, program, service, version) -> None:
        server = tls_process(versions=[version])
        well, said = program(server, tmp_path, service, *trusting(program, certificates / "ca.pem"))
        assert well, said
        texts = server.texts()
        assert any(text.startswith(f"TLSv{version}, ") for text in texts)
        assert any(text.startswith("alice logged in with") for text in texts)

    @pytest.mark.parametrize("certificate", WRONG)
    def test_a_wrong_one(self, tls_process, certificates, tmp_path, program, service, certificate) -> None:
        if program is swaks and certificate == "wrong-name":
            pytest.skip("not in CI: this swaks doesn't look at the name")
        server = tls_process(certificate=certificate)
        well, said = program(server, tmp_path, service, *trusting(program, certificates / "ca.pem"))
        assert not well
        assert WRONG[certificate] in said.lower() or program in (mpop, msmtp, swaks), said
        assert not any("logged in" in text for text in server.texts())

    def test_nobody_else_is_trusted(self, tls_process, tmp_path, program, service) -> None:
        """The machine's own list of CAs, which the lab's isn't on."""
        more = {swaks: ["--tls-verify"], fetchmail: ["sslcertck"]}.get(program, [])
        server = tls_process()
        assert not program(server, tmp_path, service, *more)[0]
        assert not any("logged in" in text for text in server.texts())


@pytest.mark.parametrize(
    ("service", "more"),
    [("pop3s", []), ("pop3", ["-starttls", "pop3"]), ("submissions", []), ("submission", ["-starttls", "smtp"])],
)
@pytest.mark.parametrize("version", ["2", "3"])
def test_openssl(tls_host, certificates, service: str, more: list[str], version: str) -> None:
    where = f"-connect 127.0.0.1:{tls_host.ports[service]} -servername {NAME} -tls1_{version} -crlf -quiet"
    whom = f"-verify_hostname {NAME} -verify_return_error -CAfile {certificates / 'ca.pem'}"
    got = run("openssl", "s_client", *where.split(), *more, *whom.split(), stdin=b"NOOP\nQUIT\n")
    assert got.returncode == 0 and b"verify return:1" in got.stderr, got.stderr
