"""What a guess costs: how long it takes to try all passwords of a kind, by mechanism, at the rates of this computer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Any

import ipywidgets as widgets

from maillab.views.cost import ITERATIONS, KINDS, big, slowed, span
from maillab.views.plot import INK, Plot, new_figure
from maillab.views.twin import LABELS, ROW, TwinBox, part
from maillab.views.view import View, card, columns

_ROUNDS = (1000, 2000, ITERATIONS, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000)
#: The bars reach from a millisecond to as long as the universe has been there (seconds).
_LEAST, _MOST = 1e-3, 4.4e17
_MARKS = ((1, "second"), (3600, "hour"), (86400 * 30, "month"), (3.156e9, "century"), (3.156e13, "million years"))


class GuessCost(TwinBox):
    """`GuessCost(rates)`: `rates` are guesses a second by mechanism, as `maillab.attacks.rates` measures them.

    Raises ValueError where there are none, or one of them isn't above 0.
    """

    def __init__(self, rates: Mapping[str, float], kind: str = "lower case", length: int = 8) -> None:
        if not rates or min(rates.values()) <= 0:
            raise ValueError("Rates are guesses a second, each above 0: take those of maillab.attacks.rates().")
        super().__init__("cost")
        self.rates = dict(rates)
        self.kind = widgets.ToggleButtons(
            options=list(KINDS),
            value=kind,
            description="password",
            style={**LABELS, "button_width": "10.5rem"},
            layout=ROW,
        )
        wide = widgets.Layout(width="auto", max_width="32rem")
        self.length = widgets.IntSlider(
            length, 4, 16, description="length", continuous_update=True, style=LABELS, layout=wide
        )
        self.iterations = widgets.SelectionSlider(
            options=[(f"{number:,}", number) for number in _ROUNDS],
            value=ITERATIONS,
            description="SCRAM iterations",
            continuous_update=True,
            style=LABELS,
            layout=wide,
        )
        self.picture = part()
        for control in (self.kind, self.length, self.iterations):
            control.observe(self._moved, "value")
        self._moved()
        self.kind.add_class("ml-wrap")
        self.show(self.kind, self.length, self.iterations, self.picture)

    def _moved(self, _change: Any = None) -> None:
        self.length.disabled = not KINDS[self.kind.value].has_length
        self.picture.value = self.twin().html

    def twin(self) -> View:
        return cost_view(self.rates, self.kind.value, self.length.value, self.iterations.value)


def cost_view(rates: Mapping[str, float], kind: str, length: int, iterations: int = ITERATIONS) -> View:
    """For each mechanism how long half of them and all of them take, in words and as a bar."""
    chosen = KINDS[kind]
    total = chosen.count(length)
    example = chosen.example[:length] if chosen.has_length else chosen.example
    what = f"{kind}, {length} characters" if chosen.has_length else kind
    rows, text = [], [["mechanism", "guesses a second", "half of them", "all of them"]]
    for name, rate in slowed(rates, iterations).items():
        label = f"{name}, {iterations:,} times" if name.startswith("SCRAM") else name
        speed = f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"
        half, whole = span(total / 2 / rate), span(total / rate)
        text.append([label, speed, half, whole])
        bar = f'<div class="fill" style="width:{_place(total / rate):.1f}%"></div>'
        rows.append(
            f'<tr><th scope="row">{escape(label)}</th><td class="num">{speed}</td><td>{half}</td><td>{whole}</td></tr>'
            f'<tr class="bar"><td colspan="4"><div class="track">{bar}</div></td></tr>'
        )
    caption = f"{big(total)} passwords: {what}"
    ticks = "".join(f'<span style="left:{_place(at):.1f}%">{name}</span>' for at, name in _MARKS)
    head = "".join(f'<th scope="col"{" class=num" if i == 1 else ""}>{name}</th>' for i, name in enumerate(text[0]))
    html = (
        f'<p class="cap">{escape(caption)}<small>such as <span class="mono">{escape(example)}</span></small></p>'
        f'<table class="cost"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
        f'<div class="scale" aria-hidden="true">{ticks}</div>'
        '<p class="note">On average a guesser is there after half of them. '
        "Bars: time for all; each mark is many times the one before.</p>"
    )
    alt = f"{caption}. All of them take: " + "; ".join(f"{row[0]} {row[3]}" for row in text[1:]) + "."
    twin = f"{caption}, such as {example}\n" + columns(text, right=frozenset({1}))
    return View(card(html, alt), twin, alt, "cost")


def _place(seconds: float) -> float:
    """Where a time is on the scale, in per cent; logarithmic."""
    clipped = min(max(seconds, _LEAST), _MOST)
    return 1 + 99 * math.log(clipped / _LEAST) / math.log(_MOST / _LEAST)


def rate_plot(rates: Mapping[str, float]) -> Plot:
    """Guesses a second by mechanism, on a logarithmic axis, fastest first. Raises ValueError for none."""
    if not rates or min(rates.values()) <= 0:
        raise ValueError("Rates are guesses a second, each above 0: take those of maillab.attacks.rates().")
    ordered = sorted(rates.items(), key=lambda item: item[1])
    figure = new_figure(7.2, 0.9 + 0.42 * len(ordered))
    axes = figure.add_subplot()
    bars = axes.barh([name for name, _ in ordered], [rate for _, rate in ordered], color="#0072B2", height=0.6)
    axes.bar_label(bars, [f"{rate:,.0f}" for _, rate in ordered], padding=4, color=INK)
    axes.set_xscale("log")
    least, most = ordered[0][1], ordered[-1][1]
    axes.set_xlim(10 ** math.floor(math.log10(least) - 0.5), most * 12)
    axes.minorticks_off()
    axes.set_xlabel("guesses a second, on one core; each step is ten times as many")
    alt = "; ".join(f"{name} {rate:,.0f}" for name, rate in reversed(ordered)) + f": {most / least:,.0f} times apart."
    return Plot(figure, "Guesses a second, on this computer", alt)
