"""Each lesson, driven as a learner does: open, run all, look, move the widgets; some of them restarted as well."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from .conftest import OpenLesson
from .lab import ROOT, Lesson

pytestmark = [pytest.mark.browser, pytest.mark.lesson, pytest.mark.timeout(600)]

#: Run once more, in the same page, with a new kernel: one lesson with most kinds of widgets, one with the most labs.
RESTARTED = ("00", "09")
LESSONS = sorted(path.name for path in (ROOT / "notebooks").glob("[0-9][0-9]-*.ipynb"))


@pytest.mark.parametrize("name", LESSONS)
def test_run_all(open_lesson: OpenLesson, name: str) -> None:
    lesson = open_lesson(name)
    runs = [lesson.run_all]
    if name[:2] in RESTARTED:
        runs.append(lesson.restart_and_run_all)
    for run in runs:
        run(180)
        assert lesson.errors() == []
        assert lesson.widgets_missing() == 0
    assert lesson.clipped() == []
    lesson.screenshot(name.removesuffix(".ipynb"))
    move_each_widget(lesson)
    lesson.screenshot(f"{name.removesuffix('.ipynb')}-moved")
    lesson.zoom_and_darken()
    assert lesson.clipped() == []
    lesson.screenshot(f"{name.removesuffix('.ipynb')}-zoom-dark")


def move_each_widget(lesson: Lesson) -> None:
    """Type into every text box, turn every switch, press every button: the picture follows, the lab answers."""
    for widget in lesson.page.locator(".jp-OutputArea-output > .ml-widget").all():
        for box in widget.get_by_label("password", exact=True).all():
            box.fill("swordfish")
            expect(widget.locator(".bv").first).to_contain_text("swordfis")
        for label in ("hub", "switch"):
            for button in widget.get_by_role("button", name=label, exact=True).all():
                button.click()
                expect(widget.get_by_role("img")).to_have_attribute("aria-label", re.compile(f"With a {label}"))
        works = re.compile("Send|Ask the server|Capture a login|Try it|Fetch the mail|Log in over")
        for button in widget.get_by_role("button", name=works).all():
            button.click()
            expect(widget.locator("tbody tr, .ladder li").first).to_be_visible(timeout=20_000)
            expect(button).to_be_enabled(timeout=20_000)
            expect(widget.locator(".ladder, table").last).to_be_visible()
        assert widget.get_by_role("alert").count() == 0, widget.get_by_role("alert").first.inner_text()
