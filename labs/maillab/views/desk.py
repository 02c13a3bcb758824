"""A desk: choose, press the button, and read off what really happened. The widgets of lessons 10 to 13 are desks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import ipywidgets as widgets

from maillab.views.answers import aside
from maillab.views.table import table
from maillab.views.twin import LABELS, ROW, TwinBox, at_work, part
from maillab.views.view import View

if TYPE_CHECKING:
    from maillab.lab import Lab

RECORDED = "This is a recording: it can't be asked anything new."


class Desk(TwinBox):
    """Toggles, a button that tries what they say on the lab's servers, and a table with a row for each try.

    A subclass says what there is to choose, and overrides :meth:`attempt`. `.tries` is the list of rows.
    """

    #: Keyword of `attempt` → (the toggle's label, what there is to choose).
    choices: ClassVar[Mapping[str, tuple[str, Sequence[str]]]]
    button: ClassVar[str] = "Try it"
    caption: ClassVar[str]
    #: Over the columns of the choices and of what `attempt` returns.
    headers: ClassVar[Sequence[str]]

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self.lab, self.tries = lab, list[list[Any]]()
        self.toggles = {
            name: widgets.ToggleButtons(
                options=list(options), description=label, style={**LABELS, "button_width": "auto"}, layout=ROW
            )
            for name, (label, options) in self.choices.items()
        }
        for toggle in self.toggles.values():
            toggle.add_class("ml-wrap")
        self.press = widgets.Button(
            description=self.button,
            button_style="primary",
            icon="play",
            layout=widgets.Layout(width="auto", max_width="24rem", margin="6px 0 6px 9.3rem"),
        )
        self.press.on_click(self._clicked)
        self.trouble, self.results = part(), part()
        if not lab.network.serves:  # a recording answers in the order in which it was asked then
            self.press.disabled = True
            self.trouble.value = aside(RECORDED).html
        self.show(*self.toggles.values(), self.press, self.trouble, self.results)
        self.results.value = self.twin().html

    def attempt(self, lab: Lab, **choice: str) -> Sequence[Any]:
        """Do it, for real; gives the row's further columns. What the lab was before, it is afterwards."""
        raise NotImplementedError

    def _clicked(self, _button: Any = None) -> None:
        choice = {name: toggle.value for name, toggle in self.toggles.items()}
        with at_work(self.press, "At work …", self.trouble, "That couldn't be tried."):
            self.tries.append([*choice.values(), *self.attempt(self.lab, **choice)])
        self.results.value = self.twin().html

    def twin(self) -> View:
        return tries_table(type(self), self.tries)


def tries_table(desk: type[Desk], tries: Sequence[Sequence[Any]]) -> View:
    """The rows under a desk's headers."""
    return table(tries, desk.headers, desk.caption, "" if tries else "Nothing tried yet.")
