"""The "Send it" button really sends: what was typed is found in what mallory heard."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from maillab import Lab, follow
from maillab.views import sender
from maillab.views.wire import Typed

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(allow="plaintext_login", rung="tap") as running:
        yield running


def said(lab: Lab, typed: Typed) -> list[str]:
    (conversation,) = follow(sender(lab)(typed))
    return conversation.transcript(times=False).splitlines()


def test_a_right_login(lab: Lab) -> None:
    lines = said(lab, Typed("alice", lab.student.password("alice")))
    assert any(line.startswith("S: +OK alice has") for line in lines) and "C: QUIT" in lines


@pytest.mark.parametrize("password", ["wrong", "pässwörd mit Leerzeichen", "€" * 40, ""])
def test_a_refused_login_is_a_result(lab: Lab, password: str) -> None:
    lines = said(lab, Typed("alice", password))
    assert f"C: PASS {password}".strip() in [line.strip() for line in lines]
    assert any(line.startswith("S: -ERR") for line in lines)


def test_a_login_that_the_server_hangs_up_on_is_a_result_too(lab: Lab) -> None:
    lines = said(lab, Typed("alice", "x" * 3000))
    assert any("x" * 3000 in line for line in lines) and any("at most 255 octets" in line for line in lines), lines[-2:]


def test_a_mail_is_fetched_and_gone(lab: Lab) -> None:
    lines = said(lab, Typed("", "", "Subject: lunch?\n\nAt noon.\n.hidden\n"))
    assert any("At noon." in line for line in lines) and any("..hidden" in line for line in lines)
    assert len(lab.server.ask("mails", user="alice")["mails"]) == 3


def test_mallory_hears_it_also_when_a_switch_was_left_on(lab: Lab) -> None:
    lab.mode = "switch"
    assert "C: USER alice" in said(lab, Typed("alice", "x"))
    assert lab.mode == "switch"
    lab.mode = "hub"


def test_a_recording_says_that_it_cant() -> None:
    with (
        Lab("01", allow="plaintext_login", rung="replay") as lab,
        pytest.raises(RuntimeError, match="This is a recording"),
    ):
        sender(lab)(Typed("alice", "x"))
