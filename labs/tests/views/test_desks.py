"""The desks of lessons 11 to 13: what they say happened is what did, and the lab is afterwards as it was."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from html import unescape

import pytest

from maillab import Lab
from maillab.attacks import Leak
from maillab.attacks.mailers import CLIENTS
from maillab.views import HopDesk, StripDesk, TunnelDesk, leaks_table
from maillab.views.hopdesk import send_on
from maillab.views.stripdesk import (
    BELIEVES,
    CHECKS,
    FIRST_BYTE,
    IF_OFFERED,
    LISTENS,
    OR_NOTHING,
    OWN,
    STRIPS,
    with_mallory,
)
from maillab.views.tunneldesk import ANSWERS, COMPARES, SSHD, through_ssh
from maillab.views.tunneldesk import BELIEVES as ANY_KEY
from maillab.views.tunneldesk import LISTENS as HEARS

pytestmark = pytest.mark.network

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def strip_lab() -> Iterator[Lab]:
    with Lab("11", rung="tap", student="guest", allow="plaintext_login", tls=True) as running:
        yield running


class TestStrip:
    @pytest.mark.parametrize("certificate", [CHECKS, BELIEVES])
    @pytest.mark.parametrize("policy", [IF_OFFERED, OR_NOTHING, FIRST_BYTE])
    @pytest.mark.parametrize("mallory", [LISTENS, STRIPS, OWN])
    def test_where_the_password_is_read(self, strip_lab: Lab, policy: str, certificate: str, mallory: str) -> None:
        happened, read = with_mallory(strip_lab, policy, certificate, mallory)
        if mallory == STRIPS and policy != FIRST_BYTE:
            expected = ("logged in, in the clear", "on the wire") if policy == IF_OFFERED else ("gave up", "nowhere")
        elif mallory == OWN:
            expected = ("gave up", "nowhere") if certificate == CHECKS else ("logged in, in TLS", "in her TLS")
        else:
            expected = ("logged in, in TLS", "nowhere")
        assert happened.startswith(expected[0]) and read == expected[1]
        assert happened.endswith(" (says poplib)") == (mallory == STRIPS and policy == OR_NOTHING)

    def test_the_button(self, strip_lab: Lab) -> None:
        desk = StripDesk(strip_lab)
        desk.toggles["mallory"].value = STRIPS
        desk.press.click()
        assert desk.tries == [[IF_OFFERED, CHECKS, STRIPS, "logged in, in the clear", "on the wire"]]
        assert WIDGET in desk._repr_mimebundle_() and "on the wire" in desk.results.value

    def test_trouble_is_one_sentence(self, strip_lab: Lab) -> None:
        desk = StripDesk(strip_lab)
        with strip_lab.mallory.listen("pop3"):
            desk.press.click()
        assert "That couldn't be tried." in unescape(desk.trouble.value) and desk.tries == []
        assert with_mallory(strip_lab, IF_OFFERED, CHECKS, LISTENS) == ("logged in, in TLS", "nowhere")


def test_the_table_of_leaks() -> None:
    told = ("curl", "TLS if offered", "--ssl", "pop3")
    found = [
        Leak(*told, "untouched", "logged in over TLS", ""),
        Leak(*told, "stripped", "logged in in the clear", "on the wire"),
        Leak("mpop", "TLS or nothing", "tls on", "pop3", "untouched", "not installed", ""),
    ]
    text = leaks_table(found).text.splitlines()
    assert text[1].split() == ["program", "over", "set", "to", "what", "that", "means", "untouched", "stripped"]
    assert text[2].split()[-4:] == ["–", "on", "the", "wire"] and "not installed" in text[3]


def test_the_table_of_leaks_has_a_row_for_each_run() -> None:
    """curl is set to the same over POP3 and SMTP: one of the two mustn't take the other's row."""
    did = {"pop3": "on the wire", "submission": "in her TLS"}
    found = [
        Leak(each.name, each.policy, each.how, each.service, "stripped", "", did.get(each.service, ""))
        for each in CLIENTS
    ]
    rows = leaks_table(found).text.splitlines()[2:-1]
    assert len(rows) == len(CLIENTS) == len({row.rsplit("  ", 1)[0] for row in rows})
    curl = {row.split()[1]: row.split("  ")[-1].strip() for row in rows if row.startswith("curl") and " --ssl  " in row}
    assert curl == did


@pytest.fixture(scope="module")
def tunnel_lab() -> Iterator[Lab]:
    with Lab("12", rung="tap", student="guest", allow="plaintext_login", bastion=True) as running:
        yield running


class TestTunnel:
    @pytest.mark.parametrize(
        ("sshd", "client", "mallory"), list(itertools.product(SSHD, (COMPARES, ANY_KEY), (HEARS, ANSWERS)))
    )
    def test_what_mallory_gets(self, tunnel_lab: Lab, sshd: str, client: str, mallory: str) -> None:
        got, connections, read = through_ssh(tunnel_lab, sshd, client, mallory)
        if mallory == ANSWERS and client == COMPARES:
            assert got.startswith("nothing: ") and read == "nowhere" and connections == 1
        elif mallory == ANSWERS:
            assert got == "3 mails" and "at her own sshd" in read
        else:
            assert got == "3 mails"
            assert (connections, read) == ((1, "nowhere") if sshd == "on the mail host" else (2, "on the wire"))

    def test_the_button(self, tunnel_lab: Lab) -> None:
        desk = TunnelDesk(tunnel_lab)
        desk.press.click()
        assert desk.tries == [["on the mail host", COMPARES, HEARS, "3 mails", 1, "nowhere"]]


@pytest.fixture(scope="module")
def hop_lab() -> Iterator[Lab]:
    with Lab("13", rung="tap", student="guest", mx=True, tls=True) as running:
        yield running


class TestHop:
    @pytest.mark.parametrize("mallory", ["listens", "strips the offer", "shows her own certificate"])
    @pytest.mark.parametrize("certificate", ["right", "expired"])
    @pytest.mark.parametrize("policy", ["clear", "opportunistic", "verified"])
    def test_what_becomes_of_the_mail(self, hop_lab: Lab, policy: str, certificate: str, mallory: str) -> None:
        became, read = send_on(hop_lab, policy, certificate, mallory)
        if policy == "verified" and (mallory != "listens" or certificate != "right"):
            assert became.startswith("waits: 454 4.7.") and read == "no"
        elif policy == "clear" or mallory == "strips the offer":
            assert (became, read) == ("arrived, with ESMTP", "on the wire")
        else:
            assert became == "arrived, with ESMTPS" and read == ("in her TLS" if mallory != "listens" else "no")
        assert hop_lab.server.ask("weakness")["next_hop"] == "opportunistic" and not hop_lab.queue()

    def test_the_button(self, hop_lab: Lab) -> None:
        desk = HopDesk(hop_lab)
        desk.press.click()
        assert desk.tries == [["clear", "right", "listens", "arrived, with ESMTP", "on the wire"]]
