"""The checks of lesson 02, against a server that really relays."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.verdicts import failed, passed

from maillab import Lab

FORGED = "From: alice@example.test\r\nTo: dave@partner.example.test\r\nSubject: x\r\n\r\nLend me some.\r\n"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(rung="tap", student="checks", mx=True) as running:
        yield running


def relay_test(lab: Lab, sender="eve@elsewhere.example.test", to="dave@partner.example.test", data=False) -> bool:
    server = lab.mallory.smtp("smtp")
    server.ehlo()
    server.docmd("MAIL", f"FROM:<{sender}>")
    code, _ = server.docmd("RCPT", f"TO:<{to}>")
    if data and code == 250:
        server.data("Subject: test\r\n\r\ntest\r\n")
    server.quit()
    return code == 250


def test_02_1(lab):
    assert passed("02.1", relay_test)
    assert failed("02.1", lambda lab: relay_test(lab, to="bob@example.test"), "another domain")
    assert failed("02.1", lambda lab: relay_test(lab, sender="alice@example.test"), "sender has to be foreign")
    assert failed("02.1", lambda lab: relay_test(lab, data=True), "before DATA")
    assert failed("02.1", lambda lab: relay_test(lab, to="erin@partner.example.test", data=True), "before DATA")
    assert failed("02.1", lambda lab: False, "code is a number")
    lab.allow("open_relay")
    assert passed("02.1", relay_test) and lab.server.ask("weakness")["on"] == ["open_relay"]
    lab.allow()
    assert failed("02.1", lambda lab: 250, "True or False")
    assert lab.server.ask("weakness")["on"] == []


def send(lab: Lab, host, sender: str, text: str) -> None:
    lab.allow("sender_check")
    server = host.smtp("smtp")
    server.sendmail(sender, "dave@partner.example.test", text)
    server.quit()


def test_02_2(lab):
    assert failed("02.2", FORGED, "no such mail")
    assert failed("02.2", FORGED.replace("alice@", "eve@"), "a mail from eve@")
    send(lab, lab.mallory, "bob@example.test", FORGED.replace("Lend", "Bob lends"))
    assert failed("02.2", FORGED.replace("Lend", "Bob lends"), "in the envelope, too")
    send(lab, lab.mallory, "alice@example.test", FORGED.replace("Lend", "Bob lends"))
    assert passed("02.2", FORGED.replace("Lend", "Bob lends"))  # an earlier attempt doesn't count
    assert failed("02.2", FORGED.replace("alice@", "malice@"), "a mail from malice@")
    send(lab, lab.mallory, "alice@example.test", FORGED)
    assert passed("02.2", FORGED) and passed("02.2", FORGED.replace("\r\n", "\n"))


def test_02_3(lab):
    if not lab.mails("dave"):
        send(lab, lab.mallory, "alice@example.test", FORGED)
    assert passed("02.3", "127.0.0.1") and passed("02.3", "[127.0.0.1]")  # on tap everybody is
    assert failed("02.3", "alice@example.test", "claims")
    assert failed("02.3", lab.mail.ip, "the server's own")
    assert failed("02.3", "198.51.100.7")


def test_what_a_client_calls_itself_does_not_look_like_what_the_server_saw(lab):
    lab.allow("open_relay")
    server = lab.mallory.smtp("smtp")
    server.ehlo("bank ([198.51.100.7])")
    server.sendmail("eve@elsewhere.example.test", "bob@example.test", FORGED)
    server.quit()
    line = lab.mails("bob")[-1].partition(b"Received: ")[2].partition(b";")[0]
    assert line.startswith(b"from bank???[198.51.100.7]? ([127.0.0.1])") or b"([198" not in line
