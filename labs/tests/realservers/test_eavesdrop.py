"""What the course captures, reads, replays and guesses is the same where a provider's servers speak."""

from __future__ import annotations

import poplib
import smtplib
from collections.abc import Iterator

import pytest

from maillab import follow
from maillab.attacks import crack, replay
from maillab.capture.recorder import Capture
from maillab.clients.auth import auth
from maillab.findings import findings
from maillab.names import HOSTS
from maillab.network.host import Host, hosts_on
from maillab.network.loopback import Loopback
from maillab.sasl import apop

pytestmark = pytest.mark.network

IN_CLEAR = ("USER", "PLAIN", "LOGIN")
GUESSABLE = ("APOP", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-256")
MAIL = b"From: bob@example.test\r\nSubject: The cellar\r\n\r\nThe key is under the mat.\r\n.a dot\r\n"


@pytest.fixture(scope="module")
def hosts(real) -> Iterator[dict[str, Host]]:
    """Our hosts, on loopback, with the provider's servers where ours would be."""
    network = Loopback()
    for service in ("pop3", "smtp", "submission"):
        network.publish(HOSTS["mail"], service, real.ports[service])
    yield dict(hosts_on(network))
    network.close()


def log_in(real, hosts, protocol: str, mechanism: str, password: str) -> None:
    if protocol == "smtp":
        with hosts["alice"].smtp() as server:
            auth(server, mechanism, "alice", password)
        return
    mailbox = hosts["alice"].pop3()
    if mechanism == "USER":
        mailbox.user("alice")
        mailbox.pass_(password)
    elif mechanism == "APOP":
        mailbox.apop("alice", password)
    else:
        auth(mailbox, mechanism, "alice", password)
    mailbox.quit()


def overhear(hosts) -> Capture:
    return Capture(hosts["mallory"].card(), "lo")


@pytest.mark.parametrize(
    ("protocol", "mechanism"),
    [("pop3", name) for name in (*IN_CLEAR, *GUESSABLE)]
    + [("smtp", name) for name in (*IN_CLEAR, *GUESSABLE) if name not in ("USER", "APOP")],
)
def test_a_log_in(real, hosts, protocol: str, mechanism: str) -> None:
    password = real.passwords["alice"]
    with overhear(hosts) as heard:
        log_in(real, hosts, protocol, mechanism, password)
    (found,) = findings(heard)
    assert (found.protocol, found.mechanism, found.username, found.accepted) == (protocol, mechanism, "alice", True)
    (talk,) = follow(heard)
    again = replay(hosts["mallory"], talk)
    if mechanism in IN_CLEAR:
        assert found.password == password and again.accepted
    else:
        assert found.password is None and not again.accepted
        assert crack(found, ["wrong", password, "later"], processes=1, progress=False).password == password


def test_a_refused_log_in(real, hosts) -> None:
    with overhear(hosts) as heard, pytest.raises(poplib.error_proto):
        log_in(real, hosts, "pop3", "USER", "not this")
    (found,) = findings(heard)
    assert found.accepted is False and found.password == "not this"


def test_a_mail_on_both_legs(real, hosts) -> None:
    with overhear(hosts) as heard:
        with hosts["mallory"].smtp("smtp") as server:
            assert server.sendmail("bob@example.test", ["carol@example.test"], MAIL) == {}
        lines: list[bytes] = []
        for _ in range(100):  # Postfix delivers when it gets round to it
            mailbox = hosts["alice"].pop3()
            mailbox.user("carol")
            mailbox.pass_(real.passwords["carol"])
            if mailbox.stat()[0]:
                lines = mailbox.retr(1)[1]
            mailbox.quit()
            if lines:
                break
    sent, *_, fetched = [found for found in findings(heard) if found.kind == "mail"]
    assert (sent.sender, sent.recipients, sent.subject) == ("bob@example.test", ["carol@example.test"], "The cellar")
    head, _, body = MAIL.partition(b"\r\n\r\n")
    assert sent.message == MAIL and fetched.message.endswith(body) and head in fetched.message  # a header more


def test_the_greetings_challenge_is_new_each_time(real, hosts) -> None:
    challenges = set()
    for _ in range(20):
        mailbox = hosts["alice"].pop3()
        challenges.add(apop.challenge_in(mailbox.getwelcome()))
        mailbox.quit()
    assert len(challenges) == 20 and None not in challenges


def test_submission_wants_a_log_in(real, hosts) -> None:
    with hosts["alice"].smtp() as server, pytest.raises(smtplib.SMTPSenderRefused) as refused:
        server.sendmail("alice@example.test", ["bob@example.test"], MAIL)
    assert refused.value.smtp_code // 100 == 5
