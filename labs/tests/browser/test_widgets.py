"""Each view and widget in a real JupyterLab: typed text → what is computed here, and how fast."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from .conftest import OpenLesson
from .lab import Lesson
from .latency import LIMIT, key_to_picture

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def opened(open_once: OpenLesson) -> Lesson:
    return open_once("widgets.ipynb")


@pytest.fixture
def widgets(opened: Lesson) -> Lesson:
    opened.run_again()
    assert opened.errors() == []
    return opened


def test_every_view_is_there(open_lesson: OpenLesson) -> None:
    lesson = open_lesson("widgets.ipynb")
    lesson.run_all()
    assert lesson.errors() == []
    assert lesson.widgets_missing() == 0
    assert lesson.clipped() == []
    lesson.screenshot("widgets-1280-light")
    lesson.zoom_and_darken()
    assert lesson.clipped() == []
    lesson.screenshot("widgets-zoom-dark")


def test_peeler_follows_the_password(widgets: Lesson) -> None:
    box = widgets.output("peeler")
    box.get_by_label("password", exact=True).fill("tea & scones é")
    coded = base64.b64encode("\0alice\0tea & scones é".encode()).decode()
    expect(box.get_by_label("base64", exact=True)).to_have_value(coded)
    expect(box.locator(".b64")).to_have_text(coded)


def test_peeler_follows_the_base64(widgets: Lesson) -> None:
    box = widgets.output("peeler")
    coded = box.get_by_label("base64", exact=True)
    coded.fill(base64.b64encode(b"root\0bob\0swordfish").decode())
    expect(box.get_by_label("password", exact=True)).to_have_value("swordfish")
    expect(box.get_by_label("authzid", exact=True)).to_have_value("root")
    coded.fill("AGFs!")
    expect(box.get_by_role("alert")).to_contain_text("“!” (character 5)")
    expect(coded).to_have_value("AGFs!")
    expect(box.get_by_label("password", exact=True)).to_have_value("swordfish")
    widgets.screenshot("peeler-trouble")


def test_peeler_by_keyboard_alone(widgets: Lesson) -> None:
    box = widgets.output("peeler")
    box.get_by_label("authzid", exact=True).focus()
    for _ in range(2):
        widgets.page.keyboard.press("Tab")
    widgets.page.keyboard.press("End")
    widgets.page.keyboard.type("!x")
    coded = base64.b64encode(b"\0alice\0copper-otter-41!x").decode()
    expect(box.locator(".b64")).to_have_text(coded)


def test_hub_and_switch(widgets: Lesson) -> None:
    box = widgets.output("toggle")
    send = box.get_by_role("button", name="Send a login")
    send.click()
    expect(box.locator("tbody tr")).to_have_count(1)
    expect(box.locator("tbody tr").first).to_contain_text("copper-otter-41")
    box.get_by_role("button", name="switch").click()
    expect(box.get_by_role("img")).to_have_attribute(
        "aria-label", "With a switch, a frame from alice to mail reaches mail and nobody else."
    )
    send.click()
    expect(box.locator("tbody tr")).to_have_count(2)
    expect(box.locator("tbody tr").nth(1)).to_contain_text("not seen")
    widgets.screenshot("toggle-after")


def test_wire_shows_and_sends(widgets: Lesson) -> None:
    box = widgets.output("wire")
    box.get_by_label("password", exact=True).fill("hunter2")
    expect(box.locator(".bv").first).to_contain_text(b"hunt".hex(" "))
    box.get_by_role("button", name="Send it").click()
    expect(box.locator(".ladder")).to_contain_text("PASS hunter2")
    expect(box.locator(".ladder")).to_contain_text("password, in the clear")
    widgets.screenshot("wire-sent")
    box.get_by_label("password", exact=True).fill("wrong")
    box.get_by_role("button", name="Send it").click()
    expect(box.get_by_role("alert")).to_contain_text("wrong user name or password")
    box.get_by_role("button", name="a mail").click()
    box.get_by_label("mail", exact=True).fill("Subject: x\n\n.dot")
    expect(box.locator(".keys").first).to_contain_text("added dot")
    widgets.screenshot("wire-mail")


@pytest.mark.latency
@pytest.mark.parametrize("cell", ["peeler", "wire"])
def test_key_to_picture(widgets: Lesson, cell: str, record_property: Callable[[str, object], None]) -> None:
    """Under 100 ms from key stroke to new picture, p95 of 50 edits."""

    def edit() -> tuple[str, str]:
        password = f"copper-otter-{random.randrange(10**6):06}"
        return password, base64.b64encode(f"\0alice\0{password}".encode()).decode() if cell == "peeler" else password

    found = key_to_picture(widgets.output(cell), "password", edit)
    record_property("p95_ms", round(found.p95))
    print(f"\n{cell}: {found}")
    assert found.p95 < LIMIT
