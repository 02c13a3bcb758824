"""The checks of lessons 11, 12 and 13, on labs with TLS and SSH."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from email import message_from_bytes

import pytest
from scapy.layers.inet import TCP
from support.verdicts import failed, passed

from maillab import Lab, check
from maillab.checks.lesson_11 import POLICIES
from maillab.checks.lesson_13 import POLICIES as HOPS
from maillab.views.hopdesk import send, wait

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def lab_11() -> Iterator[Lab]:
    with Lab("11", rung="tap", student="checks", allow="plaintext_login", tls=True) as running:
        yield running


class Test11:
    def test_1(self, lab_11: Lab) -> None:
        def log_in(mailbox, context, user, password, ask=False, quiet=False, trust=True):
            try:
                if not ask or "STLS" in mailbox.capa():
                    mailbox.stls(context if trust else None)
            except Exception:
                if not quiet:
                    raise
                return
            mailbox.user(user)
            mailbox.pass_(password)

        def log_in_and_quit(mailbox, *three):
            log_in(mailbox, *three)
            mailbox.quit()

        def believe(mailbox, context, *two):
            log_in(mailbox, lab_11.context(verify=False), *two)

        assert passed("11.1", log_in) and passed("11.1", log_in_and_quit)
        assert failed("11.1", lambda *four: log_in(*four, ask=True), "read by Mallory")
        assert failed("11.1", lambda *four: log_in(*four, trust=False), "believes any certificate")
        assert failed("11.1", believe, "read by Mallory")
        assert failed("11.1", lambda *four: log_in(*four, quiet=True), "no error")
        assert failed("11.1", lambda mailbox, context, user, password: mailbox.user(user), "at the real server")
        assert failed("11.1", lambda mailbox, c, user, word: (mailbox.user(user), mailbox.pass_(word)), "without TLS")
        assert check("11.1", lambda *four: ...).verdict == "TODO"
        lab_11.allow()
        lab_11.mode = "switch"
        assert failed("11.1", lambda mailbox, c, user, word: (mailbox.user(user), mailbox.pass_(word)), "without TLS")
        lab_11.mode = "hub"
        assert passed("11.1", log_in) and lab_11.server.ask("weakness")["on"] == []

    def test_2(self, lab_11: Lab) -> None:
        def strip(reply):
            lines = [line for line in reply.splitlines() if line[4:] != b"STARTTLS"]
            lines[-1] = b"250 " + lines[-1][4:]
            return b"".join(line + b"\r\n" for line in lines)

        assert passed("11.2", strip)
        assert failed("11.2", lambda reply: reply)
        assert failed("11.2", lambda reply: reply.replace(b"250 STARTTLS\r\n", b""), "a blank behind 250")
        assert failed("11.2", lambda reply: reply.replace(b"250-STARTTLS\r\n", b""))

    def test_3(self, lab_11: Lab) -> None:
        assert passed("11.3", POLICIES) and passed("11.3", {name: list(row) for name, row in POLICIES.items()})
        for name, (stripped, impostor) in POLICIES.items():
            assert failed("11.3", {**POLICIES, name: (not stripped, impostor)}, name)
            assert failed("11.3", {**POLICIES, name: (stripped, not impostor)}, name)
        assert failed("11.3", {}) and check("11.3", {**POLICIES, name: (..., ...)}).verdict == "TODO"


@pytest.fixture(scope="module")
def lab_12() -> Iterator[Lab]:
    with Lab("12", rung="tap", student="checks", allow="plaintext_login", bastion=True) as running:
        yield running


@pytest.fixture(scope="module")
def twice(lab_12: Lab):
    lab_12.start_ssh(lab_12.bastion)
    alice = lab_12.student.accounts["alice"]
    with lab_12.capture() as heard, lab_12.alice.tunnel("mail", 110, through="bastion") as tunnel:
        for _ in range(2):
            mailbox = tunnel.pop3()
            mailbox.user(alice.name)
            mailbox.pass_(alice.password)
            mailbox.quit()
    return heard


class Test12:
    def test_1(self, lab_12: Lab, twice) -> None:
        secret = lab_12.student.password("alice").encode()
        frames = [frame.number for frame in twice if secret in frame.data]
        assert len(frames) == 2 and all(passed("12.1", (twice, frame)) for frame in frames)
        assert failed("12.1", (twice, frames[0] - 1)) and failed("12.1", frames[0], "a pair")
        with lab_12.capture() as nothing:
            lab_12.alice.pop3().quit()
        assert failed("12.1", (nothing, 1), "without the password")
        assert check("12.1", (twice, ...)).verdict == "TODO"

    def test_2(self, lab_12: Lab, twice) -> None:
        count = sum(packet[TCP].flags == "S" for packet in twice.packets if TCP in packet)
        assert count == 3 and passed("12.2", count)
        assert failed("12.2", 2, "tunnel itself") and failed("12.2", 6, "SYN ACK") and failed("12.2", 1)
        assert failed("12.2", "3") and failed("12.2", True)

    def test_3(self, lab_12: Lab) -> None:
        lab_12.start_ssh(lab_12.mail)
        shown = lab_12.ssh_servers["mail"].key.split()[1]
        raw = base64.b64decode(shown)
        digest = base64.b64encode(hashlib.sha256(raw).digest()).decode()
        assert passed("12.3", f"SHA256:{digest.rstrip('=')}") and passed("12.3", digest)
        assert passed("12.3", lab_12.ssh_servers["mail"].fingerprint)
        assert failed("12.3", hashlib.sha256(raw).hexdigest(), "hexadecimal")
        assert failed("12.3", base64.b64encode(hashlib.sha256(shown.encode()).digest()).decode(), "Base64 text")
        assert failed("12.3", "SHA256:?") and failed("12.3", 3)


@pytest.fixture(scope="module")
def lab_13() -> Iterator[Lab]:
    with Lab("13", rung="tap", student="checks", mx=True, tls=True) as running:
        yield running


class Test13:
    def test_1(self, lab_13: Lab) -> None:
        assert passed("13.1", HOPS)
        for name, (listens, strips) in HOPS.items():
            assert failed("13.1", {**HOPS, name: (not listens, strips)}, name)
            assert failed("13.1", {**HOPS, name: (listens, not strips)}, name)

    def test_2(self, lab_13: Lab) -> None:
        def hops(mail, last_first=False, word="with ESMTPS"):
            lines = message_from_bytes(mail).get_all("Received")
            return [word in line for line in (lines if last_first else reversed(lines))]

        assert failed("13.2", hops, "no mail")
        for policy in ("clear", "opportunistic"):
            lab_13.next_hop(policy)
            send(lab_13, policy)
            assert wait(lab_13, policy).startswith("arrived")
        assert passed("13.2", hops)
        assert failed("13.2", lambda mail: hops(mail, last_first=True), "lowest")
        assert failed("13.2", lambda mail: hops(mail, word="ESMTP")) and failed("13.2", lambda mail: b"ESMTPS" in mail)
        assert check("13.2", lambda mail: ...).verdict == "TODO"
