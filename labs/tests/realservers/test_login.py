"""The course's clients log in to servers that providers run."""

from __future__ import annotations

import poplib
import smtplib

import pytest

from maillab.clients.auth import auth
from maillab.sasl import SaslError

pytestmark = pytest.mark.network

MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-256")


def pop3(real) -> poplib.POP3:
    return poplib.POP3("127.0.0.1", real.ports["pop3"], timeout=20)


def smtp(real, service: str = "submission") -> smtplib.SMTP:
    return smtplib.SMTP("127.0.0.1", real.ports[service], "laptop", timeout=20)


@pytest.mark.parametrize("mechanism", MECHANISMS)
class TestAuth:
    def test_pop3(self, real, mechanism: str) -> None:
        mailbox = pop3(real)
        auth(mailbox, mechanism, "alice", real.passwords["alice"])
        assert mailbox.stat() == (0, 0)
        mailbox.quit()

    def test_smtp(self, real, mechanism: str) -> None:
        with smtp(real) as server:
            auth(server, mechanism, "alice", real.passwords["alice"])
            assert server.mail("alice@example.test")[0] == 250

    def test_a_wrong_password(self, real, mechanism: str) -> None:
        mailbox = pop3(real)
        with pytest.raises((poplib.error_proto, SaslError)):
            auth(mailbox, mechanism, "alice", "not this")
        mailbox.close()
        with smtp(real) as server, pytest.raises((smtplib.SMTPAuthenticationError, SaslError)):
            auth(server, mechanism, "alice", "not this")
