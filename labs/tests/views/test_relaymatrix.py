"""The relay matrix: what it shows, and that it shows what the policy's table says, asked on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from maillab import Lab, follow
from maillab.servers.policy import Envelope, judge
from maillab.servers.store import Store
from maillab.servers.switches import Switches
from maillab.views import RelayMatrix
from maillab.views.relaymatrix import ASKERS, RECIPIENTS, RECORDED, RULES, Cell, matrix, measure

WIDGET = "application/vnd.jupyter.widget-view+json"
SAID = [
    Cell("open_relay", "eve <b>", "bob@example.test", "RCPT", 250, "2.1.5 <i>OK</i>"),
    Cell("open_relay", "eve <b>", "dave@partner.example.test", "MAIL", 550, "5.7.1 not you"),
    Cell("own recipients only", "eve <b>", "bob@example.test", "RCPT", 451, "4.4.0 later"),
]


class TestMatrix:
    def test_words_and_colours_and_replies(self) -> None:
        view = matrix(SAID)
        assert '<span class="v k-user">taken</span><span class="re mono">250 2.1.5 &lt;i&gt;OK' in view.html
        assert '<span class="v k-password">refused</span><span class="re mono">550 5.7.1 not you (to MAIL' in view.html
        assert "eve &lt;b&gt;" in view.html and "<b>" not in view.html and "<i>" not in view.html
        assert "to dave@partner.example.test  refused  550 5.7.1 not you (to MAIL FROM)" in view.text
        assert view.alt == (
            "Who may send to whom: own recipients only: 0 taken, 1 refused. "
            "Who may send to whom: open_relay: 1 taken, 1 refused."
        )

    def test_an_answer_that_is_missing_leaves_its_place_empty(self) -> None:
        cells = [SAID[0]._replace(who="one"), SAID[1]._replace(who="two")]
        assert matrix(cells).html.count("<td>") == 4 and matrix(cells).html.count("<td>–</td>") == 2

    def test_nothing_asked(self) -> None:
        assert matrix([]).text == "Nothing asked yet."


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(rung="tap", student="guest", mx=True) as running:
        yield running


def refuse(*_: object) -> None:
    raise OSError("the lab has\nended")


@pytest.mark.network
class TestOnTheWire:
    def test_it_is_what_the_table_says(self, lab: Lab) -> None:
        store = Store("example.test", dict.fromkeys(lab.student.accounts, ""))
        cells = measure(lab)
        assert len(cells) == len(RULES) * len(ASKERS) * len(RECIPIENTS)
        askers = {who.name: who for who in ASKERS}
        for cell in cells:
            who = askers[cell.who]
            case = Envelope("192.0.2.66", who.user or None, who.sender, cell.recipient, who.service)
            verdict = judge(case, store, Switches(RULES[cell.rule]))
            assert f"{cell.code} {cell.text}" == verdict.reply and cell.taken == verdict.accepted, cell
        assert {cell.command for cell in cells if "claiming bob" in cell.who} == {"MAIL"}

    def test_a_session_for_each_cell_and_no_mail(self, lab: Lab) -> None:
        with lab.capture(lab.mail) as heard:
            measure(lab, ["open_relay"])
        talks = [[bytes(turn.data).upper() for turn in talk.turns if turn.who == "C"] for talk in follow(heard)]
        assert len(talks) == len(ASKERS) * len(RECIPIENTS)
        assert all(said[-1] == b"QUIT\r\n" and not any(line.startswith(b"DATA") for line in said) for said in talks)

    def test_the_button_asks_for_its_rule(self, lab: Lab) -> None:
        desk = RelayMatrix(lab)
        assert "Nothing asked yet." in desk.picture.value and "Nothing asked yet." in desk.twin().text
        desk.rule.value = "sender_check"
        desk.button.click()
        desk.button.click()  # the new answers take the place of the old
        assert {cell.rule for cell in desk.cells} == {"sender_check"} and len(desk.cells) == 10
        assert "sender_check" in desk.picture.value and not desk.button.disabled
        desk.rule.value = "open_relay"
        assert "Nothing asked yet." in desk.picture.value
        desk.button.click()
        bundle = desk._repr_mimebundle_()
        assert WIDGET in bundle and bundle["text/plain"].count("Who may send to whom") == 2

    def test_everything_is_put_back(self, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        lab.allow("sender_check", "plaintext_login")
        measure(lab, ["open_relay"])
        assert lab.server.ask("weakness")["on"] == ["plaintext_login", "sender_check"]
        monkeypatch.setattr("maillab.views.relaymatrix.auth", refuse)
        with pytest.raises(OSError, match="has"):
            measure(lab, ["open_relay"])
        assert lab.server.ask("weakness")["on"] == ["plaintext_login", "sender_check"]
        lab.allow()

    def test_trouble_is_one_sentence_and_the_picture_stays(self, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        desk = RelayMatrix(lab)
        desk.button.click()
        picture = desk.picture.value
        monkeypatch.setattr("maillab.views.relaymatrix.auth", refuse)
        desk.button.click()
        assert "The server couldn't be asked. OSError: the lab has ended" in unescape(desk.trouble.value)
        assert desk.picture.value == picture and desk.button.description == "Ask the server"


@pytest.mark.network
def test_a_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was measured when it was recorded can be measured again; the button can't ask anything new."""
    monkeypatch.setenv("MAILLAB_RECORD", str(tmp_path))
    with Lab("02", rung="tap", student="guest", mx=True) as lab:
        then = measure(lab)
    monkeypatch.delenv("MAILLAB_RECORD")
    (tmp_path / "captures").mkdir()
    (tmp_path / "02-mx.pcapng").rename(tmp_path / "captures" / "02-mx.pcapng")
    monkeypatch.setattr("maillab.recordings.DATA", tmp_path)
    with Lab("02", rung="replay", mx=True) as recording:
        desk = RelayMatrix(recording, measure(recording))
    assert desk.cells == then and desk.twin().text.count("Who may send to whom") == len(RULES)
    assert desk.button.disabled and RECORDED in unescape(desk.trouble.value)
