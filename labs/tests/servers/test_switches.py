"""Each weakness is off until it is named."""

from __future__ import annotations

import base64
import poplib
import smtplib
from collections.abc import Callable

import pytest

from maillab.sasl import cram_md5
from maillab.servers import SWITCHES, Switches
from maillab.student import Student

PASSWORD = Student("test").password("alice")


@pytest.mark.parametrize("name", SWITCHES)
def test_off_by_default(name: str) -> None:
    assert not Switches().allows(name)
    assert Switches([name]).on == [name]
    assert SWITCHES[name]


def test_a_wrong_name_says_the_right_ones() -> None:
    with pytest.raises(ValueError, match=r"no switch is called 'plain': choose from plaintext_login"):
        Switches(["plain"])
    with pytest.raises(ValueError, match="choose from"):
        Switches().allows("plain")
    kept = Switches("plaintext_login")
    with pytest.raises(ValueError, match="choose from"):
        kept.set(["plaintext_login", "nonsense"])
    assert kept.on == ["plaintext_login"]


def test_plaintext_login_is_off_in_a_real_server_and_can_be_switched_live(server_process: Callable) -> None:
    server = server_process(allow=[])
    pop = poplib.POP3("127.0.0.1", server.ports["pop3"], timeout=10)
    assert "USER" not in pop.capa() and pop.capa()["SASL"] == ["SCRAM-SHA-256"]
    with pytest.raises(poplib.error_proto, match=r"\[AUTH\] no passwords without TLS"):
        pop.user("alice")
    for service in ("smtp", "submission"):
        with smtplib.SMTP("127.0.0.1", server.ports[service], "test", timeout=10) as smtp:
            smtp.ehlo()
            assert smtp.esmtp_features["auth"].split() == ["SCRAM-SHA-256"]
            assert smtp.docmd("AUTH", "PLAIN AGFsaWNlAHNlc2FtZQ==") == (538, b"5.7.11 no passwords without TLS here")
            assert smtp.docmd("AUTH", "LOGIN")[0] == 538
    assert server.ask({"do": "allow", "switches": ["plaintext_login"]}) == {"ok": True, "on": ["plaintext_login"]}
    pop.user("alice")  # the same connection
    pop.pass_(PASSWORD)
    pop.quit()
    assert server.ask({"do": "allow", "switches": []})["on"] == []
    with pytest.raises(poplib.error_proto):
        poplib.POP3("127.0.0.1", server.ports["pop3"], timeout=10).user("alice")


@pytest.mark.parametrize(("switch", "mechanism"), [("cram_md5", "CRAM-MD5"), ("digest_md5", "DIGEST-MD5")])
def test_a_weak_mechanism_is_offered_only_while_it_is_on(server_process: Callable, switch: str, mechanism: str) -> None:
    server = server_process(allow=[])
    pop = poplib.POP3("127.0.0.1", server.ports["pop3"], timeout=10)
    with smtplib.SMTP("127.0.0.1", server.ports["submission"], "test", timeout=10) as smtp:
        smtp.ehlo()
        assert mechanism not in smtp.esmtp_features["auth"] and mechanism not in pop.capa()["SASL"]
        assert smtp.docmd("AUTH", mechanism) == (504, b"5.5.4 not offered here")
        with pytest.raises(poplib.error_proto, match="isn't offered here"):
            pop._shortcmd(f"AUTH {mechanism}")
        server.ask({"do": "allow", "switches": [switch]})
        assert mechanism in pop.capa()["SASL"]
        assert smtp.docmd("AUTH", mechanism)[0] == 334
        assert smtp.docmd("*")[0] == 501


def test_apop_is_offered_only_while_it_is_on(server_process: Callable) -> None:
    server = server_process(allow=[])
    pop = poplib.POP3("127.0.0.1", server.ports["pop3"], timeout=10)
    with pytest.raises(poplib.error_proto, match="APOP not supported by server"):
        pop.apop("alice", PASSWORD)
    server.ask({"do": "allow", "switches": ["apop"]})
    poplib.POP3("127.0.0.1", server.ports["pop3"], timeout=10).apop("alice", PASSWORD)


def test_challenges_are_fresh_unless_the_switch_is_on(server_process: Callable) -> None:
    server = server_process(allow=["apop"])

    def greetings() -> set[bytes]:
        return {poplib.POP3("127.0.0.1", server.ports["pop3"], timeout=10).getwelcome() for _ in range(5)}

    assert len(greetings()) == 5
    assert "only while" in server.ask({"do": "fix", "challenges": {"APOP": None}})["error"]
    server.ask({"do": "allow", "switches": ["apop", "fixed_challenge"]})
    assert len(greetings()) == 5  # the switch alone fixes nothing
    server.ask({"do": "fix", "challenges": {"APOP": None}})
    assert len(greetings()) == 1
    server.ask({"do": "allow", "switches": ["apop"]})
    assert len(greetings()) == 5


def test_nobody_is_believed_unless_the_switch_is_on(server_process: Callable) -> None:
    server = server_process(allow=["plaintext_login"])
    for switches, code in (([], 535), (["accept_anyone"], 235), ([], 535)):
        server.ask({"do": "allow", "switches": ["plaintext_login", *switches]})
        with smtplib.SMTP("127.0.0.1", server.ports["submission"], "test", timeout=10) as smtp:
            smtp.ehlo()
            assert smtp.docmd("AUTH", "PLAIN AGFsaWNlAHdyb25n")[0] == code
            if code == 235:
                continue
            assert smtp.docmd("AUTH", "PLAIN AGV2ZQB3cm9uZw==")[0] == 535


def test_a_mechanism_switched_off_in_mid_exchange_lets_nobody_in(server_process: Callable) -> None:
    challenge, response = (
        "PDFAbWFpbD4=",
        base64.b64encode(f"alice {cram_md5.digest(b'<1@mail>', PASSWORD.encode())}".encode()),
    )
    server = server_process(allow=[])
    pop = poplib.POP3("127.0.0.1", server.ports["pop3"], timeout=10)
    with smtplib.SMTP("127.0.0.1", server.ports["submission"], "test", timeout=10) as smtp:
        smtp.ehlo()
        for switches, code in ((["cram_md5", "fixed_challenge"], 235), ([], 504)):
            server.ask({"do": "allow", "switches": ["cram_md5", "fixed_challenge"]})
            server.ask({"do": "fix", "challenges": {"CRAM-MD5": "<1@mail>"}})
            assert smtp.docmd("AUTH", "CRAM-MD5") == (334, challenge.encode())
            pop._putcmd("AUTH CRAM-MD5")
            assert pop.file.readline() == f"+ {challenge}\r\n".encode()
            server.ask({"do": "allow", "switches": switches})
            assert smtp.docmd(response.decode())[0] == code
            pop._putline(response)
            assert pop.file.readline().startswith(b"+OK" if code == 235 else b"-ERR")
            pop = poplib.POP3("127.0.0.1", server.ports["pop3"], timeout=10)
            smtp.close()
            smtp.connect("127.0.0.1", server.ports["submission"])
            smtp.ehlo()
