"""A matplotlib figure with a text twin, drawn in the page's own colours."""

from __future__ import annotations

import io
import re
from html import escape
from typing import TYPE_CHECKING

from maillab.views.view import View, card

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Stand for the page's text and rules; the page's style sheet puts in its own, light or dark.
INK, DIM, RULE = "#010203", "#010204", "#010205"
_VARIABLES = {INK: "var(--ml-fg)", DIM: "var(--ml-dim)", RULE: "var(--ml-rule)"}


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, `width` × `height` inches. Not from pyplot: the notebook would show it twice."""
    from matplotlib.figure import Figure  # not at the top: it takes 0.3 s to load

    return Figure(figsize=(width, height), layout="constrained")


class Plot(View):
    """A View made of a matplotlib figure, which is `.figure` (`.figure.savefig("plot.png")`)."""

    def __init__(self, figure: Figure, caption: str, alt: str) -> None:
        self.figure = figure
        drawn = f'<div class="plot">{_svg(figure, alt)}</div>'
        html = f'<p class="cap">{escape(caption)}</p>{drawn}<p class="note">{escape(alt)}</p>'
        super().__init__(card(html, caption), f"{caption}\n{alt}", alt, "plot")


def _svg(figure: Figure, alt: str) -> str:
    """The figure as an SVG element whose text is text and whose colours are the page's."""
    from matplotlib import rc_context

    for axes in figure.axes:
        axes.set_facecolor("none")
        axes.tick_params(colors=INK)
        axes.xaxis.label.set_color(INK)
        axes.yaxis.label.set_color(INK)
        for side, spine in axes.spines.items():
            spine.set_visible(side in ("left", "bottom"))
            spine.set_color(DIM)
    drawn = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "maillab", "font.size": 11}):
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = drawn.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for placeholder, variable in _VARIABLES.items():
        svg = svg.replace(placeholder, variable)
    width, height = figure.get_size_inches() * 72
    size = f'viewBox="0 0 {width:g} {height:g}" style="max-width:{width * 1.25:g}px"'
    head = f'<svg {size} role="img" aria-label="{escape(alt)}">'
    return head + svg[svg.index(">") + 1 :]
