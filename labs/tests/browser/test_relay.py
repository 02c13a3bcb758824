"""The relay matrix in a real JupyterLab: a rule, a click, and the server's answers."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from .conftest import OpenLesson

pytestmark = [pytest.mark.browser, pytest.mark.network, pytest.mark.timeout(240)]


def test_ask_under_each_rule(open_lesson: OpenLesson) -> None:
    lesson = open_lesson("relay.ipynb")
    lesson.run_all()
    assert lesson.errors() == []
    assert lesson.widgets_missing() == 0
    box = lesson.output("desk")
    expect(box).to_contain_text("Nothing asked yet.")
    for rule, taken in {"own recipients only": 5, "sender_check": 6, "open_relay": 8}.items():
        box.get_by_role("button", name=rule, exact=True).click()
        box.get_by_role("button", name="Ask the server").click()
        expect(box.locator("caption")).to_have_text(f"Who may send to whom: {rule}")
        expect(box.locator("td", has_text="taken")).to_have_count(taken)
        expect(box.locator("td", has_text="refused")).to_have_count(10 - taken)
    box.get_by_role("button", name="own recipients only", exact=True).click()  # asked before: still there
    expect(box.locator("td", has_text="taken")).to_have_count(5)
    assert lesson.output("all").locator("table").count() == 3
    assert lesson.clipped() == []
    lesson.screenshot("relay-1280-light")
    lesson.zoom_and_darken()
    assert lesson.clipped() == []
    lesson.screenshot("relay-zoom-dark")
