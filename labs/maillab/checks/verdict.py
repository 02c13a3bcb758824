"""What a check says: TODO, FAIL or PASS, for people and for programs alike."""

from __future__ import annotations

import html
from dataclasses import asdict, dataclass
from typing import Any

MIMETYPE = "application/vnd.maillab.verdict+json"
"""Beside its text each verdict carries itself as JSON, which ``maillab run`` and ``maillab grade`` collect."""

LOOK = {"TODO": ("…", "#56B4E9"), "FAIL": ("✗", "#D55E00"), "PASS": ("✓", "#009E73")}


@dataclass(frozen=True)
class Verdict:
    """The result of one check.

    >>> print(Verdict("01.1", "FAIL", seen="'1234'", expected="the text after PASS", hint="Look at what alice says."))
    ✗ 01.1 FAIL: saw '1234', expected the text after PASS. Hint: Look at what alice says.
    """

    exercise: str
    verdict: str
    seen: str = ""
    expected: str = ""
    hint: str = ""
    note: str = ""

    def __str__(self) -> str:
        sign, _ = LOOK[self.verdict]
        return f"{sign} {self.exercise} {self.verdict}: {self.text()}"

    def text(self) -> str:
        """The sentence after the verdict."""
        if self.verdict == "TODO":
            return f"Replace the ... with your answer, then run the cell again. Stuck? hint({self.exercise!r})"
        if self.verdict == "PASS":
            return self.note or "That's right."
        hint = f" Hint: {self.hint}" if self.hint else ""
        return f"saw {self.seen}, expected {self.expected}.{hint}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {"text/plain": str(self), "text/html": self._html(), MIMETYPE: asdict(self)}

    def _html(self) -> str:
        sign, colour = LOOK[self.verdict]
        return box(f"<b>{sign} {self.exercise} {self.verdict}</b><br>{html.escape(self.text())}", colour)


def box(content: str, colour: str) -> str:
    """A paragraph with a coloured edge; the same for verdicts, hints and predictions."""
    return (
        f"<div style='border-left:6px solid {colour};padding:6px 12px;margin:4px 0;max-width:46em;"
        f"line-height:1.5'>{content}</div>"
    )


@dataclass(frozen=True)
class Note:
    """A short text in a box, with its plain twin."""

    text: str
    colour: str = "#56B4E9"

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return box(html.escape(self.text).replace("\n", "<br>"), self.colour)


class Code(Note):
    """A note that is code: it keeps its blanks, so that it can be copied."""

    def _repr_html_(self) -> str:
        return box(f"<pre style='margin:0;white-space:pre-wrap'>{html.escape(self.text)}</pre>", self.colour)
