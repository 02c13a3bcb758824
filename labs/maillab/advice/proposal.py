"""The proposal: rows of finding, evidence, risk, measure and standard, and a summary. Kept on disk as it's written."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..firm.people import people, trade
from ..places import work
from .reading import Reading
from .vocabulary import FINDINGS, MEASURES, RISKS, STANDARDS

if TYPE_CHECKING:
    from ..firm import Firm
    from ..views.view import View
    from .report import Exported

FILE = "proposal.json"
LONGEST = 4000
"""Characters in the summary, and in a row's argument."""
CHOICES = {"finding": FINDINGS, "risk": RISKS, "measure": MEASURES, "standard": STANDARDS}


@dataclass(frozen=True)
class Row:
    """One row: short names from vocabulary.py, the number of the frame that proves it, and an argument in free text."""

    finding: str
    frame: int
    risk: str
    measure: str
    standard: str
    argument: str = ""


class Proposal:
    """A proposal to the owner of the server in a capture.

    Args:
        lab: a :class:`maillab.firm.Firm` that has been watched.

    What was written before is there again. Example::

        proposal = Proposal(lab)
        proposal.add(finding="mail readable", frame=152, risk="listener reads mail",
                     measure="implicit TLS", standard="RFC 8314")

    Raises:
        ValueError: the lab has no capture yet.
    """

    def __init__(self, lab: Firm) -> None:
        if getattr(lab, "capture_file", None) is None:
            raise ValueError("There is no capture yet: run capture = watch(lab) first.")
        self.capture = Path(str(lab.capture_file))
        self.student, self.owner = lab.student.id, trade(lab.student)
        self.secrets = {person.password for person in people(lab.student).values()}
        """What must not stand in a report: also passwords that were guessed."""
        self.path = work(self.student) / FILE
        self.rows: list[Row] = []
        self._texts = {"author": "", "summary": ""}
        self.started: dict[str, Any] = {}
        """The row that is being filled in, in the form."""
        self.listeners: list[Callable[[], None]] = []
        self._read: tuple[int, Reading] | None = None
        self._load()

    @property
    def reading(self) -> Reading:
        """The capture, read; read anew when the file has been made anew."""
        state = self.capture.stat().st_mtime_ns
        if self._read is None or self._read[0] != state:
            self._read = state, Reading(self.capture)
        return self._read[1]

    def add(self, finding: Any, frame: Any, risk: Any, measure: Any, standard: Any, argument: Any = "") -> None:
        """Add a row; one with the same finding and frame takes the other's place. With ``...`` in it: nothing happens.

        Raises:
            ValueError: something that can't be chosen; the sentence says what can.
        """
        given = {"finding": finding, "risk": risk, "measure": measure, "standard": standard}
        if any(value is ... for value in (*given.values(), frame, argument)):
            return
        for name, value in given.items():
            if value not in CHOICES[name]:
                raise ValueError(f"No {name} is called {value!r}: choose from {', '.join(map(repr, CHOICES[name]))}.")
        if type(frame) is not int or frame < 1:
            raise ValueError(f"frame is the number of a frame, from 1 up, not {frame!r}.")
        row = Row(**given, frame=frame, argument=_text(argument, "argument"))
        places = [at for at, old in enumerate(self.rows) if (old.finding, old.frame) == (finding, frame)]
        if places:
            self.rows[places[0]] = row
        else:
            self.rows.append(row)
        self.changed()

    def remove(self, number: int) -> None:
        """Take out a row, by its number from 1.

        Raises:
            IndexError: there's no such row.
        """
        if not 1 <= number <= len(self.rows):
            raise IndexError(f"There is no row {number}: there are {len(self.rows)}.")
        del self.rows[number - 1]
        self.changed()

    @property
    def summary(self) -> str:
        """What you would say to the owner in a few sentences, first of all."""
        return self._texts["summary"]

    @summary.setter
    def summary(self, text: Any) -> None:
        self._write("summary", text)

    @property
    def author(self) -> str:
        """Your name, as it is to stand in the report."""
        return self._texts["author"]

    @author.setter
    def author(self, text: Any) -> None:
        self._write("author", text)

    def _write(self, name: str, text: Any) -> None:
        if text is ...:
            return
        self._texts[name] = _text(text, name)
        self.changed()

    def changed(self) -> None:
        """Save, and tell who shows it."""
        self.save()
        for told in self.listeners:
            told()

    def save(self) -> None:
        """Write everything to disk, so that a crash at any moment leaves the old text or the new one."""
        content = {**self._texts, "rows": [asdict(row) for row in self.rows], "started": self.started}
        unfinished = self.path.with_suffix(".part")
        unfinished.write_text(json.dumps(content, ensure_ascii=False, indent=1), "utf-8")
        unfinished.replace(self.path)

    def _load(self) -> None:
        try:
            content = json.loads(self.path.read_text("utf-8"))
            self.rows = [Row(**row) for row in content["rows"]]
            self._texts = {name: str(content[name]) for name in self._texts}
            self.started = dict(content["started"])
        except FileNotFoundError:
            return
        except (OSError, ValueError, LookupError, TypeError):
            # Whatever it is, it isn't thrown away.
            kept = self.path.with_suffix(".unreadable")
            with contextlib.suppress(OSError):
                self.path.replace(kept)
            print(f"What you wrote before couldn't be read; it is kept as {kept}.")
            self.rows, self._texts, self.started = [], {"author": "", "summary": ""}, {}

    def export(self) -> Exported:
        """Write the report as HTML and as PDF into your folder, and say where; without rows nothing is written.

        Raises:
            OSError: it can't be written.
        """
        from .report import export  # here: PDF takes a moment to load

        return export(self)

    def table(self) -> View:
        """The rows as a table."""
        from ..views import View, table

        rows = [
            [number, row.finding, row.frame, row.risk, row.measure, row.standard, row.argument]
            for number, row in enumerate(self.rows, 1)
        ]
        headers = ["row", "finding", "frame", "risk", "measure", "standard", "argument"]
        made = table(rows, headers, "Your proposal", "" if rows else "No rows yet.", "proposal")
        return View(made.html, made.text, made.alt, "overview")

    def __repr__(self) -> str:
        return self.table().text

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:
        return self.table()._repr_mimebundle_(**options)


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} is a text, not {value!r}.")
    if len(value) > LONGEST:
        raise ValueError(f"{name} has at most {LONGEST:,} characters, and this one has {len(value):,}.")
    return value
