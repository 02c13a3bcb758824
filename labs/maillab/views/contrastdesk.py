"""The matrix to look into: choose an attacker, press a cell, and see what proves it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from maillab.contrast import CHANNELS, QUESTIONS, WAYS
from maillab.views.contrast import LOOK, contrast_table, evidence, note, summary
from maillab.views.twin import LABELS, ROW, TwinBox, part
from maillab.views.view import View, stacked

if TYPE_CHECKING:
    from maillab.contrast import Matrix


class ContrastDesk(TwinBox):
    """`ContrastDesk(matrix)`: an attacker's cells are buttons; the one that is pressed shows its evidence.

    `.attacker`, `.way` and `.channel` are what is chosen.
    """

    def __init__(self, matrix: Matrix) -> None:
        super().__init__("contrast", "ladder")
        self.matrix, self.way, self.channel = matrix, WAYS[0], next(iter(CHANNELS))
        self.attackers = widgets.ToggleButtons(
            options=list(QUESTIONS), description="attacker", style={**LABELS, "button_width": "auto"}, layout=ROW
        )
        self.attackers.add_class("ml-wrap")
        self.attackers.observe(self._draw, "value")
        self.cells = {(way, channel): self._button(way, channel) for way in WAYS for channel in CHANNELS}
        heads = [widgets.HTML(f"<b>{word}</b>") for word in ("login", *CHANNELS)]
        grid: list[Any] = heads
        for way in WAYS:
            grid += [widgets.HTML(way), *(self.cells[way, channel] for channel in CHANNELS)]
        self.grid = widgets.GridBox(grid)
        self.grid.add_class("ml-grid")
        self.note, self.proof = part(), part()
        self.show(self.attackers, self.grid, self.note, self.proof)
        self._draw()

    @property
    def attacker(self) -> str:
        return str(self.attackers.value)

    def _button(self, way: str, channel: str) -> widgets.Button:
        button = widgets.Button(layout=widgets.Layout(width="auto", height="auto"))
        button.add_class("ml-cell")
        button.on_click(partial(self._clicked, way, channel))
        return button

    def _clicked(self, way: str, channel: str, _button: Any = None) -> None:
        self.way, self.channel = way, channel
        self._draw()

    def _draw(self, _change: Any = None) -> None:
        for (way, channel), button in self.cells.items():
            verdict, says = summary(self.matrix.answers(self.attacker, way, channel))
            button.description, button.disabled = says, not verdict
            button.tooltip = f"{way}, {channel}: {says}"
            for each, (kind, _) in LOOK.items():
                (button.add_class if each == verdict else button.remove_class)(f"ml-b-{kind}")
            picked = (way, channel) == (self.way, self.channel)
            (button.add_class if picked else button.remove_class)("ml-picked")
        below = note(self.attacker)
        self.note.value = below and f'<div class="mlv bare">{below}</div>'
        self.proof.value = evidence(self.matrix, self.attacker, self.way, self.channel).html

    def twin(self) -> View:
        chosen = (self.attacker, self.way, self.channel)
        return stacked(
            [contrast_table(self.matrix, self.attacker), evidence(self.matrix, *chosen)], "contrast", "ladder"
        )
