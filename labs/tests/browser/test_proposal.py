"""The form of lesson 15 in a real JupyterLab: filled in with the keyboard, and still there after a restart."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from .conftest import OpenLesson

pytestmark = [pytest.mark.browser, pytest.mark.lesson, pytest.mark.network, pytest.mark.timeout(300)]

NAME = "15-advise-a-mail-servers-owner.ipynb"


def test_a_row_is_added_by_keyboard_and_survives_the_kernel(open_lesson: OpenLesson) -> None:
    lesson = open_lesson(NAME)
    lesson.run_all(180)
    assert lesson.errors() == []
    form = lesson.output("form").locator(".ml-widget").first
    form.get_by_label("finding", exact=True).focus()
    keys = lesson.page.keyboard
    for typed in ("mail readable", "5", "listener reads mail", "implicit TLS", "RFC 8314"):  # M, B, D are commands, too
        keys.type(typed)
        keys.press("Tab")
    keys.type("Because it's private.")
    expect(form.get_by_role("status")).to_contain_text("Frame 5:")
    keys.press("Tab")
    keys.press("Enter")
    expect(form.locator("table")).to_contain_text("Because it's private.")
    expect(form.get_by_role("status").last).to_contain_text("Added as row 1")
    form.get_by_label("your name", exact=True).fill("Żółć 山田")
    form.get_by_label("frame", exact=True).fill("7")
    form.get_by_label("frame", exact=True).press("Tab")
    expect(form.get_by_role("status").first).to_contain_text("Frame 7:")
    lesson.restart_and_run_all(180)
    again = lesson.output("form").locator(".ml-widget").first
    expect(again.locator("table")).to_contain_text("Because it's private.")
    expect(again.get_by_label("your name", exact=True)).to_have_value("Żółć 山田")
    expect(again.get_by_label("frame", exact=True)).to_have_value("7")
    assert (
        "5, expected a frame that shows it" in lesson.output("ex-5-code").inner_text()
        or "row 1" in lesson.output("ex-5-code").inner_text()
    )
    expect(lesson.output("export").locator("iframe")).to_be_visible()
    lesson.screenshot("15-form-restarted")
