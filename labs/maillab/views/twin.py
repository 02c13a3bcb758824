"""What every widget of the course shares: a static twin, parts that are redrawn only if they changed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from html import escape
from typing import Any

import ipywidgets as widgets

from maillab.views.theme import style
from maillab.views.view import View

WIDE = widgets.Layout(width="auto", max_width="44rem")
#: Labels are as long as they need to be, in every language and at every zoom.
LABELS = {"description_width": "9rem"}
#: Buttons side by side, beside their label.
ROW = widgets.Layout(width="auto", max_width="100%")


class TwinBox(widgets.VBox):  # type: ignore[misc]
    """A box of widgets which also offers text/html and text/plain.

    A notebook with a kernel shows the widget; paper, a headless run, a page without JavaScript the twin.
    """

    def __init__(self, *sheets: str) -> None:
        super().__init__()
        self.add_class("ml-widget")
        self._style = widgets.HTML(style(*sheets), layout=widgets.Layout(height="0", margin="0", overflow="hidden"))

    def twin(self) -> View:
        """The widget's present state as a figure."""
        raise NotImplementedError

    def show(self, *parts: widgets.Widget) -> None:
        """Lay out the parts, under the style sheet they share."""
        self.children = (self._style, *parts)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if isinstance(bundle, tuple):
            bundle = bundle[0]
        return {**(bundle or {}), **self.twin()._repr_mimebundle_()}

    def __repr__(self) -> str:
        return self.twin().text


@contextlib.contextmanager
def at_work(button: widgets.Button, doing: str, trouble: widgets.HTML, failed: str) -> Iterator[None]:
    """While the block does what a button asks for, the button rests and says so; an error becomes one sentence.

    The sentence goes into `trouble`, after `failed`; a block that comes to its end empties it.
    """
    label = button.description
    button.disabled, button.description = True, doing
    try:
        yield
        trouble.value = ""
    except Exception as error:
        trouble.value = say(f"{failed} {sentence(error)}")
    finally:
        button.disabled, button.description = False, label


def part() -> widgets.HTML:
    """A piece of a widget that shows a figure. Setting `.value` to what it was sends nothing to the page."""
    return widgets.HTML(layout=widgets.Layout(width="100%", margin="0", overflow="visible"))


def say(trouble: str) -> str:
    """A sentence about what went wrong, announced by screen readers; nothing when all is well."""
    if not trouble:
        return ""
    return f'<div class="mlv bare" role="alert"><p class="trouble">{escape(trouble)}</p></div>'


def sentence(error: BaseException) -> str:
    """An exception as one sentence, without a traceback."""
    words = " ".join(
        " ".join(
            str(part.decode("utf-8", "replace") if isinstance(part, bytes) else part) for part in error.args
        ).split()
    )
    if words.endswith((".", "!", "?")):  # a sentence already
        return words[:300]
    return f"{type(error).__name__}: {words[:300]}" if words else f"{type(error).__name__}."
