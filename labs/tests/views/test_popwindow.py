"""The window of POP before SMTP: the picture says what the policy's table says, and the button what the server says."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import pytest

from maillab import Lab
from maillab.views import PopWindow
from maillab.views.popwindow import (
    LONGEST,
    ONE_ADDRESS,
    PLACES,
    RECORDED,
    RULES,
    Case,
    expected,
    tries_table,
    try_window,
    window_picture,
)

WIDGET = "application/vnd.jupyter.widget-view+json"


class TestPicture:
    @pytest.mark.parametrize(
        "case", [Case(*parts) for parts in itertools.product(RULES, (0, 10, 30), (0, 9, 40), PLACES)]
    )
    def test_it_says_what_the_rule_says(self, case: Case) -> None:
        view = window_picture(case)
        taken = case.rule == "an address" and case.place == "Alice's address" and case.after < case.window
        assert expected(case).startswith("250" if taken else "530" if case.rule == "a login" else "550")
        assert (": taken" if taken else ": refused") in view.text and expected(case) in view.alt
        svg = ElementTree.fromstring(view.html[view.html.index("<svg") : view.html.index("</svg>") + 6])
        boxes = [element for element in svg.iter() if element.get("class") == "open"]
        assert [float(box.get("width", 0)) for box in boxes] == (
            [600 * case.window / LONGEST] if case.rule == "an address" and case.window else []
        )

    def test_nothing_tried(self) -> None:
        assert tries_table([]).text.endswith("Nothing tried yet.")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(rung="tap", student="guest", mx=True) as running:
        yield running


@pytest.mark.network
class TestOnTheWire:
    @pytest.mark.parametrize("after", [0, 9, 10, 30])
    @pytest.mark.parametrize("rule", RULES)
    def test_the_server_says_what_the_picture_says(self, lab: Lab, rule: str, after: int) -> None:
        case = Case(rule=rule, after=after)
        assert try_window(lab, case).reply == expected(case)

    def test_the_button_tries_what_the_controls_say(self, lab: Lab) -> None:
        desk = PopWindow(lab)
        desk.window.value, desk.after.value = 5, 6
        assert ": refused" in desk.picture.value and "Nothing tried yet." in desk.results.value
        desk.button.click()
        desk.after.value = 2
        desk.button.click()
        assert [(each.case.after, each.reply[:3]) for each in desk.tries] == [(6, "550"), (2, "250")]
        bundle = desk._repr_mimebundle_()
        assert WIDGET in bundle and "What the server said to Mallory" in bundle["text/plain"]
        assert not desk.button.disabled

    def test_another_address_needs_a_network_with_several(self, lab: Lab) -> None:
        desk = PopWindow(lab)
        desk.place.value = "another address"
        assert desk.button.disabled and ONE_ADDRESS in unescape(desk.why.value)
        desk.place.value = "Alice's address"
        assert not desk.button.disabled and not desk.why.value

    def test_everything_is_put_back(self, lab: Lab) -> None:
        lab.allow("sender_check")
        lab.window = 3
        try_window(lab, Case(window=20))
        assert lab.server.ask("weakness")["on"] == ["sender_check"] and lab.window == 3
        lab.allow()

    def test_trouble_is_one_sentence(self, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> None:
            raise OSError("the lab has\nended")

        desk = PopWindow(lab)
        monkeypatch.setattr("maillab.views.popwindow.try_window", refuse)
        desk.button.click()
        assert "The server couldn't be asked. OSError: the lab has ended" in unescape(desk.trouble.value)
        assert desk.tries == [] and desk.button.description == "Try it on the server"


@pytest.mark.network
def test_a_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was measured when it was recorded can be measured again; the button can't ask anything new."""
    cases = [Case(after=minutes) for minutes in (0, 11)]
    monkeypatch.setenv("MAILLAB_RECORD", str(tmp_path))
    with Lab("09", rung="tap", student="guest", mx=True) as lab:
        then = [try_window(lab, case) for case in cases]
    monkeypatch.delenv("MAILLAB_RECORD")
    (tmp_path / "captures").mkdir()
    (tmp_path / "09-mx.pcapng").rename(tmp_path / "captures" / "09-mx.pcapng")
    monkeypatch.setattr("maillab.recordings.DATA", tmp_path)
    with Lab("09", rung="replay", mx=True) as recording:
        assert [try_window(recording, case) for case in cases] == then
        desk = PopWindow(recording)
    assert desk.button.disabled and RECORDED in unescape(desk.why.value)
