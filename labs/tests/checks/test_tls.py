"""The checks of lesson 10, on captures of the lab's own TLS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.verdicts import failed, passed

from maillab import Lab, check, follow
from maillab.findings import findings
from maillab.tls import visible
from maillab.views.tlsdesk import log_in

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab("10", rung="tap", student="checks", tls=True) as running:
        yield running


def capture(lab: Lab, **options):
    with lab.capture() as heard:
        mailbox = log_in(lab, lab.context(**options))
        for number in range(1, mailbox.stat()[0] + 1):
            mailbox.retr(number)
        mailbox.quit()
    return heard


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_10_1(lab, version):
    heard = capture(lab, version=version)
    hello = next(frame.number for frame in heard if b"mail.example.test" in frame.data)
    assert passed("10.1", (heard, hello))
    assert failed("10.1", (heard, hello - 1), "without the name")
    assert failed("10.1", (heard, 999), "frames 1 to") and failed("10.1", hello, "a pair")
    assert check("10.1", (heard, ...)).verdict == "TODO"


def test_10_2(lab):
    sizes = [size.length for size in visible(follow(capture(lab))[0]).sizes if size.side == "S"]
    mails = sizes[-5:-2]  # before the answer to QUIT and the alert that ends TLS
    assert passed("10.2", mails) and passed("10.2", [len(mail) for mail in lab.mails("alice")])
    assert failed("10.2", mails[::-1]) and failed("10.2", mails[:2], "2 sizes")
    assert failed("10.2", [603, *mails], "certificate") and failed("10.2", "large")
    assert check("10.2", [..., ..., ...]).verdict == "TODO"


def test_10_3(lab, tmp_path):
    keys = tmp_path / "keys"
    mails = [found for found in findings(capture(lab, keylog=keys), keylog=keys) if found.kind == "mail"]
    assert passed("10.3", mails[1].subject) and passed("10.3", f"Subject: {mails[1].subject} ")
    assert failed("10.3", mails[0].subject, "mail number 1") and failed("10.3", "lunch") and failed("10.3", 2)
