"""Hub ⇄ switch: turn the network over, send a login, see what reaches the eavesdropper."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as widgets

from maillab.views.seats import HOSTS, MODES, Try, as_try, receivers
from maillab.views.table import table
from maillab.views.twin import LABELS, ROW, TwinBox, at_work, part, say, sentence
from maillab.views.view import View, card, stacked

_PLACES = {"alice": (90, 60), "mail": (510, 60), "mallory": (90, 220), "mx": (510, 220)}
_ROLES = {"alice": "mail user", "mail": "her mail server", "mallory": "eavesdropper", "mx": "another server"}


class HubSwitch(TwinBox):
    """`HubSwitch(lab, probe)`: `lab.mode` is set to "hub" or "switch", then `probe()` sends a login.

    `probe` runs the login while mallory listens, and returns (frames seen, password or None).
    Every try adds a row to the table. `.tries` is the list of them.
    """

    def __init__(self, lab: Any, probe: Callable[[], Any] | None = None) -> None:
        super().__init__("toggle")
        self.lab, self.probe, self.tries = lab, probe, list[Try]()
        mode = getattr(lab, "mode", "hub")
        self.mode = widgets.ToggleButtons(
            options=MODES,
            value=mode if mode in MODES else "hub",
            description="network",
            style={**LABELS, "button_width": "7rem"},
            layout=ROW,
        )
        self.button = widgets.Button(
            description="Send a login",
            button_style="primary",
            icon="paper-plane",
            layout=widgets.Layout(width="12rem", margin="6px 0 6px 0"),
        )
        self.button.disabled = probe is None
        self.picture, self.trouble, self.results = part(), part(), part()
        self.mode.observe(self._turned, "value")
        self.button.on_click(self._clicked)
        self.picture.layout.flex, self.picture.layout.width = "3 1 29rem", "auto"
        side = widgets.VBox(
            [self.button, self.trouble, self.results], layout=widgets.Layout(flex="2 1 20rem", width="auto")
        )
        both = widgets.Box([self.picture, side], layout=widgets.Layout(flex_flow="row wrap", grid_gap="0 12px"))
        self.show(self.mode, both)
        self._draw()

    def _turned(self, change: Any) -> None:
        try:
            self.lab.mode = change["new"]
        except Exception as error:  # whatever the lab says, the learner reads a sentence, not a traceback
            self.trouble.value = say(f"The network stayed as it was. {sentence(error)}")
            self.mode.unobserve(self._turned, "value")
            self.mode.value = change["old"]
            self.mode.observe(self._turned, "value")
            return
        self.trouble.value = ""
        self._draw()

    def _clicked(self, _button: Any = None) -> None:
        if self.probe is None:
            return
        with at_work(self.button, "Sending …", self.trouble, "The login was not captured."):
            self.tries.append(as_try(self.mode.value, self.probe()))
        self._draw()

    def _draw(self) -> None:
        self.picture.value = network_picture(self.mode.value).html
        self.results.value = tries_table(self.tries).html

    def twin(self) -> View:
        # On paper nothing can be turned: show both positions of the switch.
        views = [*(network_picture(mode) for mode in MODES), tries_table(self.tries)]
        return stacked(views, "toggle")


def tries_table(tries: list[Try]) -> View:
    """What each try brought."""
    rows = [[i, t.mode, t.frames, t.password if t.password is not None else "not seen"] for i, t in enumerate(tries, 1)]
    note = "" if rows else "Nothing sent yet."
    return table(rows, ["try", "network", "frames", "password"], "What mallory got", note)


def network_picture(mode: str) -> View:
    """Four hosts round a hub or a switch, and the way of a frame from alice to mail."""
    get = receivers(mode)
    wires, boxes = [], []
    for host in HOSTS:
        x, y = _PLACES[host]
        edge, port = (x + 80, 242) if x < 300 else (x - 80, 358)
        end = 125 if y < 140 else 155
        line = f"M{edge} {y} L{port} {end}"
        wires.append(f'<path class="wire" d="{line}"/>')
        if host == "alice" or host in get:
            css = "way" if host in ("alice", "mail") else "leak"
            wires.append(f'<path class="{css}" d="{line}"/>')
        if host in get:
            css = "tip" if host == "mail" else "leak tip"
            wires.append(f'<path class="{css}" d="{_tip(edge, y, port, end)}"/>')
        word = (
            "sends"
            if host == "alice"
            else "gets the frame"
            if host == "mail"
            else "gets a copy"
            if host in get
            else "gets nothing"
        )
        boxes.append(f'<rect class="{host}" x="{x - 80}" y="{y - 30}" width="160" height="60" rx="6"/>')
        boxes.append(f'<text class="b" x="{x}" y="{y - 4}">{host}</text>')
        boxes.append(f'<text class="s" x="{x}" y="{y + 17}">{_ROLES[host]}</text>')
        boxes.append(f'<text class="s" x="{x}" y="{y + 50}">{word}</text>')
    boxes.append('<rect class="box" x="240" y="108" width="120" height="64" rx="8"/>')
    boxes.append(f'<text class="b" x="300" y="136">{mode}</text>')
    boxes.append(f'<text class="s" x="300" y="156">{"repeats to all" if mode == "hub" else "knows the port"}</text>')
    others = [host for host in get if host != "mail"]
    alt = f"With a {mode}, a frame from alice to mail reaches {', '.join(get)}" + (
        "." if others else " and nobody else."
    )
    head = f'viewBox="0 0 600 290" role="img" aria-label="{escape(alt)}"'
    svg = f"<svg {head}><title>{escape(alt)}</title>{''.join(wires)}{''.join(boxes)}</svg>"
    return View(card(f'<div class="net">{svg}</div>', alt), alt, alt, "toggle")


def _tip(x: float, y: float, from_x: float, from_y: float) -> str:
    """A triangle at (x, y) for a line that comes from (from_x, from_y)."""
    dx, dy = x - from_x, y - from_y
    length = (dx * dx + dy * dy) ** 0.5
    ux, uy = dx / length, dy / length
    bx, by = x - 18 * ux, y - 18 * uy
    return f"M{x:.0f} {y:.0f} L{bx - 9 * uy:.1f} {by + 9 * ux:.1f} L{bx + 9 * uy:.1f} {by - 9 * ux:.1f} Z"
