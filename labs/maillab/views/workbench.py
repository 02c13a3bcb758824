"""The workbench: change what goes into a response, watch every step of it; then put it on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from maillab.sasl.steps import Step
from maillab.views.answers import aside, sent_view, twice_view
from maillab.views.avalanche import avalanche_view
from maillab.views.benches import Input, bench_for, compared, proof_of, steps_of
from maillab.views.challenge import RECORDING, challenger
from maillab.views.pieces import KINDS
from maillab.views.steps import steps_view
from maillab.views.twin import TwinBox, part, say, sentence
from maillab.views.view import View, stacked

if TYPE_CHECKING:
    from maillab.lab import Lab

_LABELS = {"description_width": "5.6rem"}


class Workbench(TwinBox):
    """`Workbench("CRAM-MD5", lab, challenge="<1@mail>", secret="…")`: a text box for each input, every step in sight.

    Mechanisms: APOP, CRAM-MD5, DIGEST-MD5, SCRAM-SHA-256. Inputs that aren't given have an example's value, and the
    secret is alice's where there is a lab. With a lab that serves, two buttons put the typed challenge on the wire.
    `.steps` are the steps shown, `.sent` is the last figure of what was captured.

    Raises ValueError for another mechanism, TypeError for an input that it doesn't have.
    """

    def __init__(self, mechanism: str, lab: Lab | None = None, **values: str) -> None:
        bench = bench_for(mechanism)
        strange = set(values) - {each.name for each in bench.inputs}
        if strange:
            names = ", ".join(each.name for each in bench.inputs)
            raise TypeError(f"{mechanism} has no input {min(strange)!r}: it has {names}.")
        super().__init__("steps", "avalanche", "bytes", "ladder", "workbench")
        self.mechanism, self.bench = mechanism, bench
        self.sent: View | None = None
        values = {**given_by(lab, mechanism), **values}
        self.boxes = {
            each.name: _box(each, values.get(each.name, each.default), len(bench.inputs) < 4) for each in bench.inputs
        }
        for box in self.boxes.values():
            box.observe(self._typed, "value")
        self._perform = challenger(lab) if lab is not None and lab.network.serves else None
        self.trouble, self.picture, self.bits, self.result = part(), part(), part(), part()
        self.steps: list[Step] = []
        self.before: list[Step] | None = None
        self._lay_out(lab)
        self._typed()

    def _lay_out(self, lab: Lab | None) -> None:
        self.once = _button("Send", "paper-plane", self._clicked_once, "primary", "8rem")
        self.twice = _button("Send the same challenge twice", "clone", self._clicked_twice, "", "17rem")
        self.same = widgets.Checkbox(
            False, description="with the same cnonce, too", indent=False, layout=widgets.Layout(width="auto")
        )
        row = widgets.Layout(flex_flow="row wrap", align_items="center", margin="4px 0", width="100%")
        buttons = [self.once, self.twice, *([self.same] if self.bench.fresh else [])]
        controls: widgets.Widget = widgets.Box(buttons, layout=row)
        if self._perform is None:
            controls = part()
            why = RECORDING if lab is not None else f"To send it, give it a lab: Workbench({self.mechanism!r}, lab)."
            controls.value = aside(why).html
        inputs = widgets.Box(tuple(self.boxes.values()), layout=widgets.Layout(flex_flow="row wrap", width="100%"))
        inputs.add_class("ml-inputs")
        self.picture.layout.flex, self.picture.layout.width = "1 1 36rem", "auto"
        self.bits.layout.flex, self.bits.layout.width = "1 1 18rem", "auto"
        both = widgets.Box((self.picture, self.bits), layout=widgets.Layout(flex_flow="row wrap", grid_gap="0 12px"))
        self.show(inputs, self.trouble, both, controls, self.result)

    @property
    def values(self) -> dict[str, str]:
        """What the boxes hold, by the names that `derive` has for it."""
        return {name: box.value for name, box in self.boxes.items()}

    def _typed(self, _change: Any = None) -> None:
        try:
            steps = steps_of(self.mechanism, self.values)
        except ValueError as error:
            words = str(error)
            known = {each.label for each in self.bench.inputs}
            words = words if words.split()[0] in known else words[:1].upper() + words[1:]
            self.trouble.value = say(f"{words} The picture still shows what was there before.")
            self.once.disabled = self.twice.disabled = True  # the picture isn't what would be sent
            return
        self.before, self.steps = self.steps or None, steps
        self.trouble.value, self.once.disabled, self.twice.disabled = "", False, False
        self.picture.value = self._steps_view().html
        self.bits.value = self._bits_view().html

    def _steps_view(self) -> View:
        return steps_view(self.steps, self.before)

    def _bits_view(self) -> View:
        now = compared(self.mechanism, self.steps)
        return avalanche_view(compared(self.mechanism, self.before or self.steps), now, self.bench.digest)

    def _clicked_once(self, _button: Any = None) -> None:
        self._put_on_the_wire(1)

    def _clicked_twice(self, _button: Any = None) -> None:
        self._put_on_the_wire(2)

    def _put_on_the_wire(self, times: int) -> None:
        if self._perform is None or self.trouble.value:  # a click may cross a key stroke on its way
            return
        labels = self.once.description, self.twice.description
        self.once.disabled = self.twice.disabled = True
        (self.once if times == 1 else self.twice).description = "Sending …"
        try:
            sent = self._perform(self.mechanism, self.values, False)
            if times == 1:
                self.sent = sent_view(sent, proof_of(self.mechanism, self.steps))
            else:  # left to itself, a client makes up a new nonce each time
                again = self._perform(self.mechanism, self.values, bool(self.bench.fresh) and not self.same.value)
                self.sent = twice_view(sent, again)
            self.result.value = self.sent.html
        except Exception as error:  # one sentence, and no picture of an earlier try under it
            self.sent, self.result.value = None, say(f"That didn't go through. {sentence(error)}")
        finally:
            self.once.disabled = self.twice.disabled = False
            self.once.description, self.twice.description = labels

    def twin(self) -> View:
        views = [self._steps_view(), *([self._bits_view()] if self.before else []), *([self.sent] if self.sent else [])]
        return stacked(views, "steps", "avalanche", "bytes", "ladder", "workbench")


def given_by(lab: Lab | None, mechanism: str) -> dict[str, str]:
    """What is known where there is a lab: alice's password and, for SCRAM, the salt that the server keeps for her."""
    if lab is None:
        return {}
    known = {"secret": lab.student.accounts["alice"].password}
    if mechanism == "SCRAM-SHA-256":
        kept = next(value for name, _, value in lab.store("alice") if name == mechanism)
        rounds, _, salt = kept.split("$")[1].partition(":")  # RFC 5803: SCRAM-SHA-256$4096:salt$…
        known |= {"salt": salt, "iterations": rounds}
    return known


def _box(each: Input, value: str, short: bool) -> widgets.Text:
    basis = {"challenge": "2 1 27rem", "secret": "1 1 16rem", "user": "1 1 11rem"}[each.name] if short else "1 1 19rem"
    layout = widgets.Layout(width="auto", flex=basis, min_width="0", max_width="46rem")
    box = widgets.Text(
        value, description=each.label, placeholder=each.hint, continuous_update=True, style=_LABELS, layout=layout
    )
    box.add_class("ml-mono")
    box.add_class(f"ml-k-{KINDS[each.label]}")
    return box


def _button(label: str, icon: str, click: Any, style: str, width: str) -> widgets.Button:
    button = widgets.Button(
        description=label, icon=icon, button_style=style, layout=widgets.Layout(width=width, margin="4px 8px 4px 0")
    )
    button.on_click(click)
    return button
