"""The checks of lesson 09, against a server that lets addresses send."""

from __future__ import annotations

import poplib
from collections.abc import Iterator

import pytest
from support.rungs import lab_on
from support.verdicts import failed, passed

from maillab import Lab, check, follow


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab("09", rung="tap", student="checks", allow=["apop", "pop_before_smtp"], mx=True) as running:
        yield running


@pytest.fixture(scope="module")
def heard(lab: Lab):
    with lab.capture(lab.mail) as heard:
        mailbox = lab.alice.pop3()
        with pytest.raises(poplib.error_proto):
            mailbox.apop("alice", "wrong")
        mailbox.apop("alice", lab.student.password("alice"))
        mailbox.quit()
        server = lab.mallory.smtp("smtp")
        server.sendmail("alice@example.test", "dave@partner.example.test", "Subject: x\r\n\r\ny\r\n")
        server.quit()
    return heard


def test_09_1(heard):
    pop3, smtp = follow(heard)[:2]
    frames = {turn.text.split()[0] + " " + turn.kind: turn.frame for turn in pop3.turns}
    yes = next(turn.frame for turn in pop3.turns if turn.text.startswith("+OK alice has"))
    assert passed("09.1", (heard, yes))
    assert failed("09.1", (heard, frames["APOP command"]), "APOP alice")
    assert failed("09.1", (heard, frames["-ERR reply"]), "-ERR")
    assert failed("09.1", (heard, frames["QUIT command"]), "QUIT")
    assert failed("09.1", (heard, smtp.turns[1].frame), "SMTP conversation")
    assert failed("09.1", (heard, 1), "nobody says anything") and failed("09.1", (heard, 10**6))
    assert "a pair" not in str(check("09.1", (heard, 1)))  # it was one
    assert failed("09.1", yes, "a pair") and failed("09.1", (heard, "5"), "a pair")
    assert check("09.1", (heard, ...)).verdict == "TODO"


def right(logins, address, now, window):
    return any(where == address and 0 <= now - when <= window for where, _, when in logins)


WRONG = [
    (lambda logins, address, now, window: bool(logins), "another address"),
    (lambda logins, address, now, window: any(where == address for where, _, _ in logins), "longer ago"),
    (lambda logins, address, now, window: any(w == address and now - t < window for w, _, t in logins), "exactly"),
    (
        lambda logins, address, now, window: any(w == address and abs(now - t) <= window for w, _, t in logins),
        "to come",
    ),
    (lambda logins, address, now, window: bool(logins) and right(logins[:1], address, now, window), "first is too old"),
    (lambda logins, address, now, window: bool(logins) and right(logins[-1:], address, now, window), "doesn't matter"),
    (lambda logins, address, now, window: "yes", "True or False"),
    (lambda logins, address, now, window: logins[0], "IndexError"),
    (lambda *four: right(*four) or None, "`return` on every way"),
]


def test_09_2(lab):
    assert passed("09.2", right)
    for function, why in WRONG:
        assert failed("09.2", function, why)
    assert check("09.2", lambda *_: ...).verdict == "TODO"


def test_09_3(lab):
    assert passed("09.3", "port") and passed("09.3", "The client's port.")
    assert passed("09.3", "ports") and "each program's own" in str(check("09.3", "port"))  # tap has no router
    assert failed("09.3", "the time", "any two lines") and failed("09.3", "address") and failed("09.3", 25)
    assert failed("09.3", "report") and failed("09.3", "support")


@pytest.mark.network
def test_behind_the_router_the_port_is_its_own():
    with lab_on("sandbox", lesson="09", allow=["apop", "pop_before_smtp"], nat=True):
        assert passed("09.3", "port") and "each program's own" not in str(check("09.3", "port"))
