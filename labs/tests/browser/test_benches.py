"""The workbenches in a real JupyterLab: a typed input → the digest as hashlib and hmac have it, and how fast."""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from .conftest import OpenLesson
from .lab import Lesson
from .latency import LIMIT, key_to_picture

pytestmark = [pytest.mark.browser, pytest.mark.network, pytest.mark.timeout(300)]


def md5(text: str | bytes) -> str:
    raw = text.encode() if isinstance(text, str) else text
    return hashlib.md5(raw, usedforsecurity=False).hexdigest()


def digest_md5(user: str, realm: str, secret: str, nonce: str, cnonce: str, nc: str, qop: str, uri: str) -> str:
    """RFC 2831 section 2.1.2.1, once more and independently."""
    stored = bytes.fromhex(md5(f"{user}:{realm}:{secret}"))
    ha1, ha2 = md5(stored + f":{nonce}:{cnonce}".encode()), md5(f"AUTHENTICATE:{uri}")
    return md5(f"{ha1}:{nonce}:{nc}:{cnonce}:{qop}:{ha2}")


def scram(user: str, secret: str, salt: str, iterations: int, cnonce: str, nonce: str) -> str:
    """The proof in base64 (RFC 5802 section 3), once more and independently."""
    salted = hashlib.pbkdf2_hmac("sha256", secret.encode(), base64.b64decode(salt), iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    said = f"n={user},r={cnonce},r={cnonce}{nonce},s={salt},i={iterations},c=biws,r={cnonce}{nonce}"
    signature = hmac.digest(hashlib.sha256(client_key).digest(), said.encode(), "sha256")
    return base64.b64encode(bytes(a ^ b for a, b in zip(client_key, signature, strict=True))).decode()


def value(box: Locator, label: str) -> str:
    return box.get_by_label(label, exact=True).input_value()


def expected(box: Locator, cell: str) -> str:
    """The digest for what the boxes hold, computed here."""
    if cell == "apop":
        return md5(value(box, "challenge") + value(box, "secret"))
    if cell == "cram":
        return hmac.new(value(box, "secret").encode(), value(box, "challenge").encode(), "md5").hexdigest()
    if cell == "digest":
        labels = ("user", "realm", "secret", "nonce", "cnonce", "nc", "qop", "digest-uri")
        return digest_md5(*(value(box, label) for label in labels))
    typed = [value(box, label) for label in ("user", "secret", "salt", "iterations", "cnonce", "nonce")]
    return scram(*typed[:3], int(typed[3]), *typed[4:])


@pytest.fixture(scope="module")
def opened(open_once: OpenLesson) -> Lesson:
    return open_once("benches.ipynb")


@pytest.fixture
def benches(opened: Lesson) -> Lesson:
    opened.run_again()
    assert opened.errors() == []
    return opened


def test_every_bench_is_there(open_lesson: OpenLesson) -> None:
    lesson = open_lesson("benches.ipynb")
    lesson.run_all()
    assert lesson.errors() == []
    assert lesson.widgets_missing() == 0
    lesson.output("digest").get_by_label("cnonce", exact=True).fill("OA6MHXh6VqTrRl")
    lesson.output("cram").get_by_label("secret", exact=True).fill("copper-otter-42")
    expect(lesson.output("digest").locator(".steps mark").first).to_be_visible()
    expect(lesson.output("cram").locator(".steps mark").first).to_be_visible()
    assert lesson.clipped() == []
    assert overflowing(lesson) == []
    assert lesson.output("store").locator("mjx-container").count() == 0  # a $ in a verifier begins no formula
    lesson.screenshot("benches-1280-light")
    lesson.zoom_and_darken()
    assert lesson.clipped() == []
    assert overflowing(lesson) == []
    lesson.screenshot("benches-zoom-dark")


def overflowing(lesson: Lesson) -> list[str]:
    """Figures with something wider than themselves: they would have to be scrolled sideways."""
    found: list[str] = lesson.page.evaluate(
        """() => [...document.querySelectorAll(".jp-OutputArea-output .mlv")]
            .filter(node => node.scrollWidth > node.clientWidth + 1)
            .map(node => node.getAttribute("aria-label") || node.outerHTML.slice(0, 80))"""
    )
    return found


#: What is typed into which box, one after the other: the digest has to follow each time.
EDITS = {
    "apop": [("challenge", "<1.2@mail.example.test>"), ("secret", "café & <b>")],
    "cram": [("challenge", ""), ("secret", "x" * 70)],
    "digest": [
        ("realm", "elwood.innosoft.com"),
        ("nonce", "n" * 40),
        ("cnonce", "c"),
        ("nc", "0000000a"),
        ("digest-uri", "smtp/mx.example.test"),
    ],
    "scram": [("iterations", "10000"), ("nonce", "x$y$z"), ("salt", "QUJDREVGR0g=")],
}


@pytest.mark.parametrize("cell", EDITS)
def test_the_digest_is_the_librarys(benches: Lesson, cell: str) -> None:
    box = benches.output(cell)
    for label, typed in EDITS[cell]:
        before = expected(box, cell)
        box.get_by_label(label, exact=True).fill(typed)
        now = expected(box, cell)
        expect(box.locator(".s.out").nth(-1 if cell == "scram" else 0)).to_contain_text(now)
        undo = base64.b64decode if cell == "scram" else bytes.fromhex
        count, total = (int.from_bytes(undo(before)) ^ int.from_bytes(undo(now))).bit_count(), 8 * len(undo(now))
        expect(box.locator(".cap", has_text="bits changed")).to_contain_text(f"{count} of {total} bits changed")
        # a hash of the whole input: about half of the bits are others now
        assert total * 0.3 < count < total * 0.7
    assert overflowing(benches) == []


def test_what_cannot_be_used_is_one_sentence_and_the_picture_stays(benches: Lesson) -> None:
    box = benches.output("digest")
    want = expected(box, "digest")
    box.get_by_label("nc", exact=True).fill("1")
    expect(box.get_by_role("alert")).to_contain_text("8 digits")
    expect(box.locator(".s.out").first).to_contain_text(want)
    send = box.get_by_role("button", name=re.compile("Send$"))
    expect(send).to_be_disabled()
    benches.screenshot("digest-trouble")
    box.get_by_label("nc", exact=True).fill("00000002")
    expect(box.get_by_role("alert")).to_have_count(0)
    expect(send).to_be_enabled()


def test_by_keyboard_alone(benches: Lesson) -> None:
    box = benches.output("apop")
    box.get_by_label("challenge", exact=True).focus()
    benches.page.keyboard.press("End")
    benches.page.keyboard.press("ArrowLeft")  # to before the >, without which it would be no challenge of APOP
    benches.page.keyboard.type("!")
    expect(box.locator(".s.out").first).to_contain_text(
        md5("<1896.697170952@mail.example.test!>" + value(box, "secret"))
    )
    for _ in range(3):  # secret, user, the button
        benches.page.keyboard.press("Tab")
    benches.page.keyboard.press("Enter")
    expect(box.locator(".ladder")).to_contain_text("APOP alice")


@pytest.mark.parametrize(
    "cell, says", [("apop", "APOP alice "), ("cram", "AUTH CRAM-MD5"), ("digest", "AUTH DIGEST-MD5")]
)
def test_the_button_puts_the_very_challenge_on_the_wire(benches: Lesson, cell: str, says: str) -> None:
    box = benches.output(cell)
    label, typed = ("nonce", "my-own-nonce") if cell == "digest" else ("challenge", "<my.own@mail.example.test>")
    box.get_by_label(label, exact=True).fill(typed)
    box.get_by_role("button", name=re.compile("Send$")).click()
    ladder = box.locator(".ladder")
    for text in (says, typed, expected(box, cell)):
        expect(ladder).to_contain_text(text)
    expect(box.get_by_role("status")).to_contain_text("The response on the wire is the picture's")
    expect(box.locator(".bv")).to_be_visible()
    assert overflowing(benches) == []
    benches.screenshot(f"{cell}-sent")


@pytest.mark.parametrize("cell, equal", [("apop", True), ("cram", True), ("digest", False), ("scram", False)])
def test_the_same_challenge_twice(benches: Lesson, cell: str, equal: bool) -> None:
    box = benches.output(cell)
    twice = box.get_by_role("button", name="Send the same challenge twice")
    twice.click()
    expect(box.locator(".twice")).to_contain_text("Equal, byte for byte" if equal else "Different")
    if not equal:
        box.get_by_label("with the same cnonce, too").check()
        twice.click()
        expect(box.locator(".twice")).to_contain_text("Equal, byte for byte")
    benches.screenshot(f"{cell}-twice")


def test_a_refused_log_in_is_a_result(benches: Lesson) -> None:
    box = benches.output("apop")
    box.get_by_label("secret", exact=True).fill("wrong")
    box.get_by_role("button", name=re.compile("Send$")).click()
    expect(box.get_by_role("status")).to_contain_text("She wasn't let in")
    expect(box.locator(".ladder")).to_contain_text("-ERR")


def test_without_a_lab_there_are_no_buttons(benches: Lesson) -> None:
    box = benches.output("alone")
    assert box.get_by_role("button").count() == 0
    expect(box).to_contain_text("give it a lab")


def test_the_sliders_change_the_price(benches: Lesson) -> None:
    box = benches.output("cost")
    expect(box).to_contain_text("lower case, 8 characters")
    box.get_by_role("button", name="word + 2 digits", exact=True).click()
    expect(box).to_contain_text("6 million passwords")
    box.get_by_role("button", name="digits", exact=True).click()
    expect(box).to_contain_text("digits, 8 characters")  # the slider can be moved again
    slider = box.get_by_role("slider").first
    slider.focus()
    benches.page.keyboard.press("ArrowRight")
    expect(box).to_contain_text("digits, 9 characters")
    box.get_by_role("slider").nth(1).focus()
    benches.page.keyboard.press("End")
    expect(box).to_contain_text("SCRAM-SHA-256, 1,000,000 times")
    assert overflowing(benches) == []
    benches.screenshot("cost-moved")


def test_the_replay_desk(benches: Lesson) -> None:
    box = benches.output("desk")
    go = box.get_by_role("button", name="Capture a login and replay it")
    rows = box.locator("tbody tr")
    go.click()
    expect(rows).to_have_count(1)
    expect(rows.nth(0)).to_contain_text("refused")
    box.get_by_role("button", name="repeats").click()
    box.get_by_role("button", name="SCRAM-SHA-256").click()
    go.click()
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("logged in")
    benches.screenshot("desk-after")


@pytest.mark.latency
@pytest.mark.parametrize(
    "cell, label", [("apop", "challenge"), ("cram", "challenge"), ("digest", "cnonce"), ("scram", "cnonce")]
)
def test_key_to_picture(benches: Lesson, cell: str, label: str, record_property: Callable[[str, object], None]) -> None:
    """Under 100 ms from key stroke to new picture, p95 of 50 edits."""
    box = benches.output(cell)
    field = box.get_by_label(label, exact=True).element_handle()

    def edit() -> tuple[str, str]:
        typed, held = f"<{random.randrange(10**9)}@x>", field.input_value()
        field.evaluate("(box, text) => { box.value = text }", typed)  # no event: only for what to expect
        want = expected(box, cell)
        field.evaluate("(box, text) => { box.value = text }", held)
        return typed, want

    found = key_to_picture(box, label, edit)
    record_property("p95_ms", round(found.p95))
    print(f"\n{cell}: {found}")
    assert found.p95 < LIMIT
