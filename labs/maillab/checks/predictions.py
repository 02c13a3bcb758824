"""Predictions: the question comes before the evidence.

``predict("00.1")`` shows the options and notes the choice; it never blocks, and nothing is right or wrong yet.
``compare("00.1")``, after the evidence, answers the option that was chosen: each wrong one has its own sentence.
"""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any

import ipywidgets as widgets

from .lessons import declare
from .verdict import Note, box


@dataclass
class Prediction:
    id: str
    question: str
    options: dict[str, str]
    """Option → what to say, after the evidence, to those who chose it."""
    happened: str
    """What to say to those who chose none."""
    chosen: str | None = field(default=None)


_predictions: dict[str, Prediction] = {}


def prediction(number: str, question: str, options: dict[str, str], happened: str) -> None:
    """Declare a question; used by the ``lesson_NN.py`` files."""
    _predictions[number] = Prediction(number, question, options, happened)


def find(number: str) -> Prediction | None:
    """The prediction called ``number``; its lesson's file is imported when first asked for."""
    declare(number)
    return _predictions.get(number)


class Question(widgets.VBox):
    """The options as radio buttons, with a static twin for paper and for viewers without widgets."""

    def __init__(self, asked: Prediction) -> None:
        self._asked = asked
        asked.chosen = None
        self._said = widgets.HTML()
        self.buttons = widgets.RadioButtons(
            options=list(asked.options), value=None, layout=widgets.Layout(width="auto"), description=""
        )
        self.buttons.observe(self._chose, "value")
        question = widgets.HTML(f"<div style='line-height:1.45'><b>Predict.</b> {html.escape(asked.question)}</div>")
        super().__init__([question, self.buttons, self._said])
        self.add_class("maillab-predict")

    def _chose(self, change: dict[str, Any]) -> None:
        self._asked.chosen = change["new"]
        self._said.value = "Noted. Now run the next cells and compare."

    def _twin(self) -> str:
        return "\n".join([f"Predict. {self._asked.question}", *(f"  ( ) {option}" for option in self._asked.options)])

    def __repr__(self) -> str:
        return self._twin()

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        listed = "".join(f"<li>{html.escape(option)}</li>" for option in self._asked.options)
        twin = box(f"<b>Predict.</b> {html.escape(self._asked.question)}<ul>{listed}</ul>", "#CC79A7")
        bundle: dict[str, Any] = dict(super()._repr_mimebundle_(**options) or {})
        return {**bundle, "text/plain": self._twin(), "text/html": twin}


def unknown(number: str) -> Note:
    return Note(f"There is no prediction {number!r}: it is a number like '00.A'.")


def predict(number: str) -> Question | Note:
    """Ask for a prediction; it is noted and never blocks what comes after."""
    asked = find(number)
    return Question(asked) if asked else unknown(number)


def compare(number: str) -> Note:
    """Answer the prediction, now that the evidence is on screen."""
    asked = find(number)
    if asked is None:
        return unknown(number)
    if asked.chosen is None:
        return Note(asked.happened, "#CC79A7")
    return Note(f"You predicted: {asked.chosen}\n{asked.options[asked.chosen]}", "#CC79A7")
