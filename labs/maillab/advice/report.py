"""The report: what a proposal says, with the evidence quoted from the capture and without any password."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from .reading import MASK
from .vocabulary import FINDINGS, MEASURES, RISKS, STANDARDS

if TYPE_CHECKING:
    from .proposal import Proposal, Row


@dataclass(frozen=True)
class Item:
    """One finding, in whole sentences. about: which user, or a mail's subject. lines: what was said around the frame,
    as (frame, who, text, the proof?)."""

    number: int
    finding: str
    frame: int
    about: str
    between: str
    lines: list[tuple[int, str, str, bool]]
    risk: str
    measure: str
    standard: str
    argument: str

    @property
    def evidence(self) -> str:
        """Where to look, and whom it is about."""
        about = f", about {self.about}" if self.about and self.about not in self.between else ""
        return f"Evidence: frame {self.frame}{about}, between {self.between}"


@dataclass(frozen=True)
class Report:
    """All that stands in it, in the order in which it stands there."""

    title: str
    author: str
    date: str
    summary: str
    facts: list[tuple[str, str]]
    items: list[Item]
    standards: list[tuple[str, str]]


NOTES = (
    "The capture was made at the mail server's network card, with the owner's permission. Frames are numbered as in "
    "Wireshark. Passwords, and what could be used to guess them, are masked; of mails only the subject is quoted. "
    "What is inside TLS was not read."
)


def report(proposal: Proposal) -> Report:
    """A proposal as a report. Passwords are masked wherever they stand, in free text, too."""
    reading = proposal.reading
    hidden = sorted((word for word in reading.passwords | proposal.secrets if len(word) > 3), key=len, reverse=True)

    def mask(text: str) -> str:
        for word in hidden:
            text = text.replace(word, MASK)
        return text

    first = min(reading.frames.values(), default=None, key=lambda frame: frame.time_ns)
    when = datetime.fromtimestamp(first.time).strftime("%d %B %Y, %H:%M") if first else "unknown"
    used = sorted({row.standard for row in proposal.rows})
    return Report(
        title=f"The mail server of {proposal.owner}",
        author=mask(proposal.author.strip()) or "(no name given)",
        date=f"{date.today():%d %B %Y}",
        summary=mask(proposal.summary.strip()) or "(no summary given)",
        facts=[
            ("Capture", f"{proposal.capture.name}, begun {when}"),
            ("Extent", f"{len(reading.frames):,} frames, {len(reading.talks)} connections"),
            ("Findings", f"{len(proposal.rows)}, each with the frame that shows it"),
        ],
        items=[item(proposal, number, row, mask) for number, row in enumerate(proposal.rows, 1)],
        standards=[(name, STANDARDS[name]) for name in used],
    )


def item(proposal: Proposal, number: int, row: Row, mask: Callable[[str], str]) -> Item:
    """One row, with what the capture has around its frame."""
    reading = proposal.reading
    told = reading.lines(row.frame, around=1)
    talk = reading.said.get(row.frame, [(None, 0)])[0][0]
    proof = {frame for frame, _, _ in reading.lines(row.frame)}
    return Item(
        number,
        FINDINGS[row.finding],
        row.frame,
        mask(reading.evidence.get(row.finding, {}).get(row.frame, "")),
        f"{talk.client} and {talk.server}" if talk else "",
        [(frame, who, mask(text), frame in proof) for frame, who, text in told],
        RISKS[row.risk],
        MEASURES[row.measure],
        row.standard,
        mask(row.argument.strip()),
    )


@dataclass(frozen=True)
class Exported:
    """Where the report was written; shows itself in a notebook."""

    html: Path | None
    pdf: Path | None
    page: str = ""
    note: str = ""

    def __repr__(self) -> str:
        if self.html is None:
            return "Nothing to export yet: the proposal has no rows."
        return f"Your report is {self.html} and, for printing, {self.pdf}." + (f" {self.note}" if self.note else "")

    def _repr_mimebundle_(self, **options: object) -> dict[str, str]:
        bundle = {"text/plain": repr(self)}
        if self.html is not None:
            # A page of its own, so that its style sheet and the notebook's leave each other alone.
            frame = (
                f'<iframe srcdoc="{html.escape(self.page)}" sandbox="" title="Your report" style="{FRAME}"></iframe>'
            )
            bundle["text/html"] = f"<p>{html.escape(repr(self))}</p>{frame}"
        return bundle


FRAME = "width:100%;max-width:60rem;height:32rem;border:1px solid #888;background:#fff"


def export(proposal: Proposal) -> Exported:
    """Write report.html and report.pdf beside the proposal."""
    from .html import page
    from .pdf import document

    if not proposal.rows:
        return Exported(None, None)
    made = report(proposal)
    text = page(made)
    data, lacking = document(made)
    paths = [proposal.path.with_name(name) for name in ("report.html", "report.pdf")]
    for path, content in zip(paths, (text.encode(), data), strict=True):
        unfinished = path.with_name(path.name + ".part")
        unfinished.write_bytes(content)
        unfinished.replace(path)
    note = ""
    if lacking:
        note = f"The PDF's font lacks {' '.join(sorted(lacking)[:10])} and shows □ there; the HTML has everything."
    return Exported(paths[0], paths[1], text, note)
