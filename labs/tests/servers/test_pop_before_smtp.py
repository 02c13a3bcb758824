"""POP before SMTP: what opens the window, for whom, and for how long."""

from __future__ import annotations

import poplib
import smtplib
from collections.abc import Iterator

import pytest
from support.programs import run

from maillab.clients.auth import auth
from maillab.servers.clock import Clock
from maillab.servers.pop_logins import MAX_ADDRESSES, PopLogins
from maillab.student import Student

ALICE = Student("test").password("alice")
PASSES, DENIED = "250 2.1.5 OK, will be passed on", "550 5.7.1 relaying denied, fetch your mail first"
OPENERS = ["USER", "APOP", "PLAIN", "CRAM-MD5", "SCRAM-SHA-256"]


@pytest.fixture
def mail(forwarding) -> Iterator:
    """A server that relays after a POP3 login, and has forgotten all before."""
    server, _ = forwarding
    server.ask({"do": "allow", "switches": ["plaintext_login", "apop", "cram_md5", "pop_before_smtp"]})
    server.ask({"do": "window", "seconds": 600})
    server.ask({"do": "reset"})
    yield server
    server.ask({"do": "allow", "switches": ["plaintext_login"]})


def fetch(server, how: str = "USER", password: str = ALICE) -> None:
    pop3 = poplib.POP3("127.0.0.1", server.ports["pop3"], timeout=10)
    try:
        if how == "USER":
            pop3.user("alice")
            pop3.pass_(password)
        elif how == "APOP":
            pop3.apop("alice", password)
        else:
            auth(pop3, how, "alice", password)
    finally:
        pop3.quit()


def asked(server, source: str = "127.0.0.1", service: str = "smtp") -> str:
    """The reply to a recipient elsewhere."""
    with smtplib.SMTP("127.0.0.1", server.ports[service], "x", 10, source_address=(source, 0)) as smtp:
        smtp.ehlo()
        smtp.docmd("MAIL", "FROM:<eve@elsewhere.test>")
        code, text = smtp.docmd("RCPT", "TO:<dave@partner.example.test>")
        return f"{code} {text.decode()}"


@pytest.mark.parametrize("how", OPENERS)
def test_each_log_in_opens_the_window_for_its_address_and_no_other(mail, how: str) -> None:
    assert asked(mail) == DENIED
    fetch(mail, how)
    assert asked(mail) == PASSES
    assert asked(mail, "127.0.0.2") == DENIED


def test_whoever_comes_from_the_address_is_taken_for_whoever_logged_in(mail) -> None:
    fetch(mail)
    asked(mail)
    (line,) = [text for text in mail.texts() if "pass:" in text]
    assert line.startswith(
        "lets mail from <eve@elsewhere.test> to <dave@partner.example.test> pass: POP before SMTP, "
        "alice logged in from this address "
    )


def test_a_refused_log_in_opens_nothing(mail) -> None:
    with pytest.raises(poplib.error_proto):
        fetch(mail, password="wrong")
    assert asked(mail) == DENIED


def test_the_window_closes_and_opens_again(mail) -> None:
    fetch(mail)
    mail.ask({"do": "forward", "seconds": 590})
    assert asked(mail) == PASSES
    mail.ask({"do": "forward", "seconds": 11})
    assert asked(mail) == DENIED
    mail.ask({"do": "window", "seconds": 900})
    assert asked(mail) == PASSES
    mail.ask({"do": "window", "seconds": 60})
    assert asked(mail) == DENIED
    fetch(mail)
    assert asked(mail) == PASSES


def test_sending_does_not_keep_the_window_open(mail) -> None:
    fetch(mail)
    for _ in range(4):
        mail.ask({"do": "forward", "seconds": 199})
        last = asked(mail)
    assert last == DENIED


def test_submission_wants_a_log_in_of_its_own(mail) -> None:
    fetch(mail)
    with smtplib.SMTP("127.0.0.1", mail.ports["submission"], "x", 10) as smtp:
        smtp.ehlo()
        assert smtp.docmd("MAIL", "FROM:<alice@example.test>") == (530, b"5.7.0 log in first")


def test_a_reset_forgets_and_a_switch_ends_it(mail) -> None:
    fetch(mail)
    mail.ask({"do": "reset"})
    assert asked(mail) == DENIED
    fetch(mail)
    mail.ask({"do": "allow", "switches": ["plaintext_login"]})
    assert asked(mail) == "550 5.7.1 relaying denied"


@pytest.mark.parametrize("seconds", [-1, "x", float("nan"), 1e9, None])
def test_windows_and_clocks_that_make_no_sense(mail, seconds: object) -> None:
    fetch(mail)
    for do in ("window", "forward"):
        assert mail.ask({"do": do, "seconds": seconds})["error"]
    assert asked(mail) == PASSES


def test_dates_follow_the_clock(mail) -> None:
    before = mail.ask({"do": "forward", "seconds": 0})["now"]
    now = mail.ask({"do": "forward", "seconds": 7200})["now"]
    fetch(mail)
    assert 7200 <= now - before < 7260
    assert mail.ask({"do": "log"})["events"][-1]["time"] >= now


@pytest.mark.parametrize("client", ["fetchmail", "mpop"])
def test_other_peoples_clients_open_it_too(mail, client: str, tmp_path) -> None:
    port = str(mail.ports["pop3"])
    if client == "mpop":
        (tmp_path / "config").write_text(
            f"account default\nhost 127.0.0.1\nport {port}\nuser alice\npassword {ALICE}\nauth user\ntls off\n"
            f"delivery mbox {tmp_path}/box\nuidls_file {tmp_path}/uidls\nkeep on\n"
        )
        (tmp_path / "config").chmod(0o600)
        run("mpop", f"--file={tmp_path}/config", home=tmp_path)
    else:
        (tmp_path / "config").write_text(
            f"poll 127.0.0.1 service {port} protocol pop3 user alice password {ALICE} sslproto '' keep mda '/bin/cat'\n"
        )
        (tmp_path / "config").chmod(0o600)
        run("fetchmail", "-f", f"{tmp_path}/config", "--pidfile", f"{tmp_path}/pid", home=tmp_path)
    assert asked(mail) == PASSES


def test_addresses_are_forgotten_when_there_are_too_many() -> None:
    logins = PopLogins(Clock())
    for number in range(MAX_ADDRESSES + 1):
        logins.add(f"address {number}", "alice")
    assert logins.last("address 0") is None and logins.last("address 1") is not None
