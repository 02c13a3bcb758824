"""One palette and one style sheet for every figure of the course.

The colours are Okabe and Ito's (https://jfly.uni-koeln.de/color/), which people with any of the common
colour-vision deficiencies can tell apart. Colour is never the only sign: each field also has a number,
each credential a label in words, and each kind of field its own underline, which survives grey print.

Text sits on a *tint* of a colour, mixed here once for a light and once for a dark page, so that the
contrast can be computed and tested (WCAG 2.1 asks for 4.5 : 1) instead of hoped for.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

FONT = "var(--jp-content-font-family, system-ui, -apple-system, 'Segoe UI', 'Noto Sans', sans-serif)"
MONO = "var(--jp-code-font-family, ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace)"


class Tone(NamedTuple):
    """One colour of the palette: the pure hue, how much of it goes into a tint, and its underline."""

    hue: str  #: "#rrggbb"
    light: float  #: share of the hue in the tint on a light page, 0…1
    dark: float  #: the same on a dark page
    line: str  #: CSS border-style: what tells the kinds apart when printed in grey


#: What a colour means, the same in every view. Shares differ so that the tints differ in grey, too.
PALETTE: dict[str, Tone] = {
    "user": Tone("#0072B2", 0.26, 0.55, "solid"),
    "password": Tone("#D55E00", 0.48, 0.60, "double"),
    "authzid": Tone("#009E73", 0.30, 0.45, "dashed"),
    "mail": Tone("#CC79A7", 0.38, 0.45, "dotted"),
    "command": Tone("#009E73", 0.16, 0.36, "solid"),
    "link": Tone("#56B4E9", 0.22, 0.26, "dotted"),
    "ip": Tone("#F0E442", 0.36, 0.24, "dashed"),
    "tcp": Tone("#E69F00", 0.24, 0.36, "solid"),
    "glue": Tone("#7A7A7A", 0.26, 0.42, "dotted"),
    "plain": Tone("#7A7A7A", 0.07, 0.16, "solid"),
    # what goes into a challenge and a response, and what comes out
    "challenge": Tone("#F0E442", 0.55, 0.34, "solid"),
    "nonce": Tone("#F0E442", 0.55, 0.34, "solid"),  # a challenge, too: the server's choice
    "cnonce": Tone("#CC79A7", 0.38, 0.45, "dashed"),
    "realm": Tone("#009E73", 0.30, 0.45, "dotted"),
    "salt": Tone("#56B4E9", 0.34, 0.36, "dashed"),
    "option": Tone("#E69F00", 0.26, 0.36, "dotted"),
    "digest": Tone("#7A7A7A", 0.16, 0.32, "solid"),
}

#: (background, text, quiet text, rules) of a light and of a dark page.
LIGHT = {"bg": "#ffffff", "fg": "#1c1c1c", "dim": "#595959", "rule": "#d0d0d0"}
DARK = {"bg": "#161616", "fg": "#ececec", "dim": "#ababab", "rule": "#4a4a4a"}
#: A credential's label: white on a vermillion dark enough for small text.
ALARM = "#A84300"


def mix(hue: str, share: float, page: str) -> str:
    """The colour `hue` laid over `page` with opacity `share` (0…1), as "#rrggbb".

    >>> mix("#000000", 0.5, "#ffffff")
    '#808080'
    """
    pairs = zip(_rgb(hue), _rgb(page), strict=True)
    return "#" + "".join(f"{round(a * share + b * (1 - share)):02x}" for a, b in pairs)


def luminance(colour: str) -> float:
    """Relative luminance, 0 (black) … 1 (white), as WCAG 2.1 defines it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _rgb(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG contrast ratio of two colours, 1 … 21.

    >>> contrast("#000000", "#ffffff")
    21.0
    """
    low, high = sorted((luminance(one), luminance(other)))
    return round((high + 0.05) / (low + 0.05), 2)


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def tint(kind: str, dark: bool = False) -> str:
    """The background on which text of this kind stands."""
    tone = PALETTE[kind]
    return mix(tone.hue, tone.dark, DARK["bg"]) if dark else mix(tone.hue, tone.light, LIGHT["bg"])


def stroke(kind: str, dark: bool = False) -> str:
    """A line's colour: the hue, moved away from the page until it shows (3 : 1, WCAG 1.4.11)."""
    page, ink = (DARK["bg"], "#ffffff") if dark else (LIGHT["bg"], "#000000")
    hue = PALETTE[kind].hue
    for step in range(20):
        colour = mix(hue, 1 - step / 20, ink)
        if contrast(colour, page) >= 3.2:
            return colour
    return ink


def _variables(dark: bool) -> str:
    names = dict(DARK if dark else LIGHT)
    for kind in PALETTE:
        names[f"t-{kind}"], names[f"s-{kind}"] = tint(kind, dark), stroke(kind, dark)
    return "".join(f"--ml-{name}:{value};" for name, value in names.items())


def _kinds() -> str:
    look = "{{background:var(--ml-t-{0});color:var(--ml-fg);border-bottom:{2} {1} var(--ml-s-{0})}}"
    # in a figure; and in a text box, whose text a figure shows in that colour
    rule = f".mlv .k-{{0}},.ml-widget .ml-k-{{0}} input{look}"
    return "".join(
        rule.format(kind, tone.line, "3px" if tone.line == "double" else "2px") for kind, tone in PALETTE.items()
    )


_CSS = Path(__file__).parent / "css"


@cache
def _sheet(name: str) -> str:
    return (_CSS / f"{name}.css").read_text(encoding="utf-8")


@cache
def style(*names: str) -> str:
    """The `<style>` element with the shared rules and those of the views named."""
    css = f".mlv,.ml-widget{{{_variables(False)}}}"
    # JupyterLab, VS Code and nbconvert each mark a dark page in their own way; paper is always light.
    css += (
        '@media screen{:is([data-jp-theme-light="false"],.vscode-dark,.vscode-high-contrast:not('
        f".vscode-high-contrast-light)) :is(.mlv,.ml-widget){{{_variables(True)}}}}}"
    )
    css += _sheet("theme") + _kinds() + "".join(map(_sheet, names))
    css = css.replace("FONT", FONT).replace("MONO", MONO).replace("ALARM", ALARM)
    return f"<style>{' '.join(css.split())}</style>"
