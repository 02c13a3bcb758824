"""Each weakness is off until it is named."""

from __future__ import annotations

import poplib
import smtplib
from collections.abc import Callable

import pytest

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
    assert not {"USER", "SASL"} & set(pop.capa())
    with pytest.raises(poplib.error_proto, match=r"\[AUTH\] no passwords without TLS"):
        pop.user("alice")
    for service in ("smtp", "submission"):
        with smtplib.SMTP("127.0.0.1", server.ports[service], "test", timeout=10) as smtp:
            smtp.ehlo()
            assert not smtp.has_extn("auth")
            assert smtp.docmd("AUTH", "PLAIN AGFsaWNlAHNlc2FtZQ==") == (538, b"5.7.11 no passwords without TLS here")
            assert smtp.docmd("AUTH", "LOGIN")[0] == 538
    assert server.ask({"do": "allow", "switches": ["plaintext_login"]}) == {"ok": True, "on": ["plaintext_login"]}
    pop.user("alice")  # the same connection
    pop.pass_(PASSWORD)
    pop.quit()
    assert server.ask({"do": "allow", "switches": []})["on"] == []
    with pytest.raises(poplib.error_proto):
        poplib.POP3("127.0.0.1", server.ports["pop3"], timeout=10).user("alice")
