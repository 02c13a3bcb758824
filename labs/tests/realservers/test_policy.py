"""The lab's relay policy and Postfix's: who may send to whom is decided alike, at the same command."""

from __future__ import annotations

import itertools
import smtplib

import pytest

from maillab.clients.auth import auth
from maillab.servers.policy import Envelope, judge
from maillab.servers.store import Store
from maillab.servers.switches import Switches

pytestmark = pytest.mark.network

SENDERS = ("alice@example.test", "bob@example.test", "eve@elsewhere.test", "", "eve")
RECIPIENTS = ("bob@example.test", "nobody@example.test", "dave@partner.example.test", "dave")
#: Postfix lets 127.0.0.2 relay, as ours does with whoever has logged in over POP3 from there.
POPPED = {"127.0.0.1": None, "127.0.0.2": 5.0}


@pytest.mark.parametrize("source", POPPED)
@pytest.mark.parametrize("username", [None, "alice"])
@pytest.mark.parametrize("service", ["smtp", "submission"])
def test_both_decide_alike(real, service: str, username: str | None, source: str) -> None:
    store = Store("example.test", dict.fromkeys(real.passwords, ""))
    switches = Switches(["pop_before_smtp"])
    with smtplib.SMTP("127.0.0.1", real.ports[service], "laptop.test", 20, (source, 0)) as server:
        server.ehlo()
        if username:
            auth(server, "PLAIN", username, real.passwords[username])
        for sender, recipient in itertools.product(SENDERS, RECIPIENTS):
            server.rset()
            code, text = server.docmd("MAIL", f"FROM:<{sender}>")
            theirs = ("MAIL", code // 100)
            if code == 250:
                code, text = server.docmd("RCPT", f"TO:<{recipient}>")
                theirs = ("RCPT", code // 100)
            at_mail = judge(Envelope(source, username, sender, "", service, POPPED[source]), store, switches)
            whole = judge(Envelope(source, username, sender, recipient, service, POPPED[source]), store, switches)
            ours = ("RCPT" if at_mail.accepted else "MAIL", int(whole.reply[0]))
            assert ours == theirs, (sender, recipient, whole.reply, code, text)
