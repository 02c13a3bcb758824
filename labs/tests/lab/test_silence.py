"""What lessons 10 to 13 call protected is silent, what they call clear isn't: every word of the mail is looked for."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from support.rungs import RUNGS, lab_on

from maillab import Lab
from maillab.capture.recorder import Capture
from maillab.clients import auth
from maillab.conversations import segment_of

pytestmark = pytest.mark.network

SAID_ANYWAY = b"example partner begin"
"""Of the servers' names, which a ClientHello says in the clear, and of the reply to STLS ("begin TLS")."""


@pytest.fixture(scope="module", params=RUNGS)
def lab(request) -> Iterator[Lab]:
    with lab_on(request.param, allow="plaintext_login", mx=True, tls=True, bastion=True) as running:
        running.start_ssh(running.mail)
        running.start_ssh(running.bastion)
        yield running


def words(mail: bytes) -> set[bytes]:
    """Words of at least five letters or digits: shorter ones turn up in random bytes by themselves."""
    return {word for word in re.findall(rb"[A-Za-z0-9]{5,}", mail) if word.lower() not in SAID_ANYWAY.split()}


def found(heard: Capture, secrets: set[bytes], port: int | None = None) -> set[bytes]:
    """Which of the secrets stand in what was captured, in connections to or from this port if one is given."""
    data = b""
    for frame in heard:
        segment = segment_of(frame)
        ends = (segment.source, segment.target) if segment else ()
        if port is None or any(end.endswith(f":{port}") for end in ends):
            data += segment.data if segment else b""
    return {secret for secret in secrets if secret in data}


def fetch(mailbox, lab: Lab) -> None:
    alice = lab.student.accounts["alice"]
    mailbox.user(alice.name)
    mailbox.pass_(alice.password)
    for number in range(1, mailbox.stat()[0] + 1):
        mailbox.retr(number)
    mailbox.quit()


def fetched_over_stls(lab: Lab) -> None:
    mailbox = lab.alice.pop3()
    mailbox.stls(lab.context())
    fetch(mailbox, lab)


FETCHED = {
    "POP3S": lambda lab: fetch(lab.alice.pop3s(lab.context()), lab),
    "POP3S 1.2": lambda lab: fetch(lab.alice.pop3s(lab.context(version="1.2")), lab),
    "STLS": fetched_over_stls,
}


@pytest.mark.parametrize("how", FETCHED)
def test_fetched_in_tls(lab: Lab, how: str) -> None:
    secrets = {lab.student.password("alice").encode()}.union(*map(words, lab.mails("alice")))
    assert len(secrets) > 100
    with lab.capture() as heard:
        FETCHED[how](lab)
    assert len(heard) > 20 and found(heard, secrets) == set()


def test_fetched_in_the_clear(lab: Lab) -> None:
    secrets = {lab.student.password("alice").encode()}.union(*map(words, lab.mails("alice")))
    with lab.capture() as heard:
        fetch(lab.alice.pop3(), lab)
    assert found(heard, secrets) == secrets


@pytest.mark.parametrize("through", ["mail", "bastion"])
def test_fetched_through_ssh(lab: Lab, through: str) -> None:
    secrets = {lab.student.password("alice").encode()}.union(*map(words, lab.mails("alice")))
    with lab.capture() as heard, lab.alice.tunnel("mail", 110, through=through) as tunnel:
        fetch(tunnel.pop3(), lab)
    pop3 = lab.mail.port("pop3")
    assert found(heard, secrets, lab.mail.port("ssh") if through == "mail" else lab.bastion.port("ssh")) == set()
    assert found(heard, secrets, pop3) == (secrets if through == "bastion" else set())


@pytest.mark.parametrize("policy", ["clear", "opportunistic", "verified"])
@pytest.mark.parametrize("how", ["submissions", "STARTTLS"])
def test_sent(lab: Lab, how: str, policy: str) -> None:
    text = b"Subject: meeting tonight\r\n\r\nbehind the greenhouse, quarter past eleven\r\n"
    alice = lab.student.accounts["alice"]
    lab.next_hop(policy)
    before = len(lab.mails("dave"))
    with lab.capture() as heard:
        with lab.alice.smtps(lab.context()) if how == "submissions" else lab.alice.smtp() as server:
            if how == "STARTTLS":
                server.starttls(context=lab.context())
            auth(server, "PLAIN", alice.name, alice.password)
            server.sendmail(alice.address, "dave@partner.example.test", text)
        while len(lab.mails("dave")) == before:
            time.sleep(0.02)
    secrets = words(text) | {alice.password.encode()}
    first = lab.mail.port("submissions" if how == "submissions" else "submission")
    assert found(heard, secrets, first) == set()
    assert found(heard, secrets) == (words(text) if policy == "clear" else set())
