"""Each view and widget in a real JupyterLab: typed text → what is computed here, and how fast."""

from __future__ import annotations

import base64
import random
import statistics
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from .conftest import OpenLesson
from .lab import Lesson

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

#: Sets the value as a key stroke does; resolves to the milliseconds until `region` contains `want`.
KEY_TO_PICTURE = """async ([box, region, value, want]) => {
    const begun = performance.now();
    const seen = new Promise((resolve, reject) => {
        const there = () => region.textContent.replaceAll(/\\s/g, "").includes(want);
        const look = () => { if (there()) { watch.disconnect(); resolve(); } };
        const watch = new MutationObserver(look);
        watch.observe(region, {childList: true, subtree: true, characterData: true, attributes: true});
        setTimeout(() => { watch.disconnect(); reject(new Error("not seen: " + want)); }, 5000);
    });
    box.value = value;
    box.dispatchEvent(new Event("input", {bubbles: true}));
    await seen;
    await new Promise(requestAnimationFrame);
    return performance.now() - begun;
}"""


@pytest.fixture(scope="module")
def opened(open_once: OpenLesson) -> Lesson:
    return open_once("widgets.ipynb")


@pytest.fixture
def widgets(opened: Lesson) -> Lesson:
    opened.run_again()
    assert opened.errors() == []
    return opened


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("zoomed", [False, True], ids=["1280", "zoom200"])
def test_every_view_is_there(open_lesson: OpenLesson, zoomed: bool, dark: bool) -> None:
    lesson = open_lesson("widgets.ipynb", zoomed=zoomed, dark=dark)
    lesson.run_all()
    assert lesson.errors() == []
    assert lesson.widgets_missing() == 0
    assert lesson.clipped() == []
    lesson.screenshot(f"widgets-{'zoom' if zoomed else '1280'}-{'dark' if dark else 'light'}")


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


@pytest.mark.parametrize("cell", ["peeler", "wire"])
def test_key_to_picture(widgets: Lesson, cell: str, record_property: Callable[[str, object], None]) -> None:
    """Under 100 ms from key stroke to new picture, p95 of 50 edits.

    The better of two rounds: others may be using the machine, too.
    """
    p50, p95 = min((_measure(widgets, cell) for _ in range(2)), key=lambda found: found[1])
    record_property("p95_ms", round(p95))
    print(f"\n{cell}: key to picture p50 {p50:.0f} ms, p95 {p95:.0f} ms")
    assert p95 < 100


def _measure(widgets: Lesson, cell: str) -> tuple[float, float]:
    """(p50, p95) in milliseconds of 50 edits, after five to warm up."""
    box = widgets.output(cell)
    field = box.get_by_label("password", exact=True).element_handle()
    picture = box.locator(".ml-widget").first.element_handle()
    spans = []
    for _ in range(55):
        password = f"copper-otter-{random.randrange(10**6):06}"
        want = base64.b64encode(f"\0alice\0{password}".encode()).decode() if cell == "peeler" else password
        spans.append(widgets.page.evaluate(KEY_TO_PICTURE, [field, picture, password, want]))
    spans = sorted(spans[5:])
    return statistics.median(spans), spans[int(len(spans) * 0.95)]
