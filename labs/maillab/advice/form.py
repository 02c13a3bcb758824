"""The form for a proposal: a row is filled in, with a look at its frame while one types, and added.

The lists are text boxes that propose what fits, not the page's own lists: on those JupyterLab takes typed letters and
arrows for its own commands, so that an M would make the form's cell a text cell.
"""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as widgets

from ..views.answers import aside
from ..views.twin import LABELS, WIDE, TwinBox, part, say, sentence
from ..views.view import View, card
from .proposal import CHOICES, Proposal

BUTTON = {"width": "auto", "max_width": "24rem"}


class ProposalForm(TwinBox):
    """The form for one :class:`Proposal`. What is typed is saved; the same as :meth:`Proposal.add` in a cell.

    A box tells its text when one leaves it: told letter by letter, a busy kernel could hear the button's click before
    the last letters. On paper it is the table of the rows, with the summary.
    """

    def __init__(self, proposal: Proposal) -> None:
        super().__init__("overview")
        self.proposal = proposal
        self.choices = {name: choice(name, options) for name, options in CHOICES.items()}
        self.frame = widgets.BoundedIntText(value=0, min=0, max=10**7, description="frame", style=LABELS, layout=WIDE)
        self.argument = area("why it matters", "In your own words (may stay empty).", 3)
        self.author = widgets.Text(description="your name", continuous_update=False, style=LABELS, layout=WIDE)
        self.summary = area("summary", "What you'd say to the owner if there were half a minute.", 5)
        self.add = widgets.Button(description="Add this row", button_style="primary", icon="plus", layout=BUTTON)
        self.which = widgets.BoundedIntText(value=0, min=0, description="take out row", style=LABELS, layout=WIDE)
        self.out = widgets.Button(description="Take it out", icon="trash", layout=BUTTON)
        self.holds, self.trouble, self.rows = part(), part(), part()
        self.fields = {**self.choices, "frame": self.frame, "argument": self.argument}
        self._fill()
        for field in self.fields.values():
            field.observe(self._typed, "value")
        for name in ("author", "summary"):
            getattr(self, name).observe(lambda change, name=name: self._wrote(name, change["new"]), "value")
        self.add.on_click(self._add)
        self.out.on_click(self._take_out)
        proposal.listeners[:] = [told for told in proposal.listeners if getattr(told, "__self__", None) is None]
        proposal.listeners.append(self._shown)
        self.add.layout.margin = self.out.layout.margin = "4px 0 8px 9.3rem"
        chosen = [self.choices[name] for name in ("finding", "risk", "measure", "standard")]
        self.show(
            chosen[0], self.frame, self.holds, *chosen[1:], self.argument, self.add, self.trouble, self.rows,
            self.which, self.out, self.author, self.summary,
        )  # fmt: skip
        self._shown()
        self._look()

    def _fill(self) -> None:
        """What was typed before."""
        for name, value in self.proposal.started.items():
            if name in self.fields and isinstance(value, type(self.fields[name].value)):
                self.fields[name].value = value
        self.author.value, self.summary.value = self.proposal.author, self.proposal.summary

    def _typed(self, _change: Any) -> None:
        self.proposal.started = {name: field.value for name, field in self.fields.items() if field.value}
        self._save()
        self._look()

    def _wrote(self, name: str, text: str) -> None:
        if text != getattr(self.proposal, name):
            try:
                setattr(self.proposal, name, text)
            except (ValueError, OSError) as error:
                self.trouble.value = say(f"That wasn't saved. {sentence(error)}")

    def _save(self) -> None:
        try:
            self.proposal.save()
            self.trouble.value = ""
        except OSError as error:
            self.trouble.value = say(f"That wasn't saved. {sentence(error)}")

    def _look(self) -> None:
        """What the frame holds whose number was typed."""
        number = self.frame.value
        self.holds.value = aside(f"Frame {number}: {self.proposal.reading.what(number)}.").html if number else ""

    def _add(self, _button: Any = None) -> None:
        lacking = [name for name, field in self.choices.items() if not field.value.strip()]
        lacking += ["frame"] if not self.frame.value else []
        if lacking:
            self.trouble.value = say(f"Not added: still to be chosen is {', '.join(lacking)}.")
            return
        row = {name: field.value for name, field in self.fields.items()}
        row |= {name: short(row[name]) for name in self.choices}
        try:
            self.proposal.add(**row)
        except (ValueError, OSError) as error:
            self.trouble.value = say(f"Not added. {sentence(error)}")
            return
        for name, field in self.fields.items():
            field.value = 0 if name == "frame" else ""
        self.trouble.value = aside(f"Added as row {len(self.proposal.rows)}, and saved.").html

    def _take_out(self, _button: Any = None) -> None:
        if self.which.value:
            self.proposal.remove(self.which.value)

    def _shown(self) -> None:
        """The rows and texts as the proposal has them now, whoever changed them."""
        self.rows.value = self.proposal.table().html
        self.which.max = len(self.proposal.rows)
        self.which.disabled = self.out.disabled = not self.proposal.rows
        for name in ("author", "summary"):
            getattr(self, name).value = getattr(self.proposal, name)

    def twin(self) -> View:
        table, summary = self.proposal.table(), self.proposal.summary or "(no summary yet)"
        said = card(f"<p><b>Summary.</b> {escape(summary)}</p>", "The proposal's summary")
        return View(table.html + said, f"{table.text}\nSummary: {summary}", table.alt, "overview")


def choice(name: str, options: dict[str, str]) -> widgets.Combobox:
    """A text box that proposes the short names, which `add` takes, and what each means."""
    listed = [f"{code}: {text}" for code, text in options.items()]
    return widgets.Combobox(
        options=listed, placeholder="type, or choose with ↓", description=name, continuous_update=False, style=LABELS,
        layout=WIDE,
    )  # fmt: skip


def short(typed: str) -> str:
    """The short name in what was typed or chosen.

    >>> short("implicit TLS: TLS from the first byte …"), short(" implicit TLS ")
    ('implicit TLS', 'implicit TLS')
    """
    return typed.partition(":")[0].strip()


def area(name: str, placeholder: str, rows: int) -> widgets.Textarea:
    """A box for text."""
    return widgets.Textarea(
        description=name, placeholder=placeholder, rows=rows, continuous_update=False, style=LABELS, layout=WIDE
    )
