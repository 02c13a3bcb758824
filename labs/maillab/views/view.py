"""A figure that can always be read: as HTML in a notebook, as text wherever there is no HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from maillab.views.theme import style

#: How control characters are written: as Python does. (Unicode has pictures for them, but few fonts do.)
_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
_ESCAPES |= {0: "\\0", 9: "\\t", 10: "\\n", 13: "\\r"}


class View:
    """HTML and text of the same figure. Displays itself as the last line of a cell.

    `html` is the figure without the style sheet, `text` its twin for terminals, logs and `print`,
    `alt` one sentence that says what the figure shows.
    """

    def __init__(self, html: str, text: str, alt: str, *sheets: str) -> None:
        self.html, self.text, self.alt, self._sheets = html, text, alt, sheets

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": style(*self._sheets) + self.html, "text/plain": self.text}

    def __repr__(self) -> str:
        return self.text


def stacked(views: Sequence[View], *sheets: str) -> View:
    """Several figures, one under the other, as one."""
    return View(
        "".join(view.html for view in views),
        "\n\n".join(view.text for view in views),
        " ".join(view.alt for view in views),
        *sheets,
    )


def card(inside: str, alt: str, extra: str = "") -> str:
    """The frame around a figure. `role="figure"` keeps the text inside readable for screen readers,
    where `role="img"` would hide it behind the label. The two classes keep MathJax (3 and 2) from taking what
    stands between two dollar signs for a formula."""
    css = f"mlv mathjax_ignore tex2jax_ignore {extra}".strip()
    return f'<div class="{css}" role="figure" aria-label="{escape(alt)}">{inside}</div>'


def printable(data: bytes) -> str:
    r"""Bytes as one line of text: UTF-8 where it is, the rest as Python would write it.

    >>> print(printable(b"\0alice\0caf\xc3\xa9 \xff\r\n"))
    \0alice\0café \xff\r\n
    """
    text = data.decode("utf-8", "backslashreplace")
    return text.translate(_ESCAPES)


def mask(secret: str) -> str:
    """A secret's place holder; always eight dots, so that not even the length is told."""
    return "•" * 8 if secret else ""


def size(count: int, what: str = "byte") -> str:
    """A number with its noun.

    >>> size(1), size(2048)
    ('1 byte', '2,048 bytes')
    """
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def columns(rows: list[list[str]], right: frozenset[int] = frozenset()) -> str:
    """Rows as aligned text; the columns in `right` are set flush right.

    >>> print(columns([["a", "1"], ["bcd", "23"]], right=frozenset({1})))
    a     1
    bcd  23
    """
    if not rows:
        return ""
    widths = [max(len(row[col]) for row in rows) for col in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(w) if i in right else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
