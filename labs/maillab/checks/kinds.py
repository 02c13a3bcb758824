"""Kinds of answers that several lessons ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..capture.frame import Frame, frames_of
from .exercises import Said, Wrong


def frame_in(answer: Any, expected: str) -> tuple[dict[int, Frame], int]:
    """A pair (capture, number of a frame): the capture's frames by number, and the number.

    Raises Wrong for anything else, and for a number that isn't in the capture.
    """
    if not isinstance(answer, tuple | list) or len(answer) != 2 or type(answer[1]) is not int:
        raise Wrong(answer, expected)
    frames = {frame.number: frame for frame in frames_of(answer[0])}
    if answer[1] not in frames:
        raise Wrong(answer[1], expected, f"This capture has the frames 1 to {max(frames, default=0)}.")
    return frames, answer[1]


def yes_or_no(answer: Any, right: Mapping[str, Sequence[bool]], questions: Sequence[str], expected: str) -> None:
    """A dictionary with the names of `right`, and for each as many times True or False as there are questions.

    Raises Wrong for anything else, and names the first one that isn't what happened.
    """
    if not isinstance(answer, dict) or set(answer) != set(right):
        raise Wrong(answer, expected)
    for name, truth in right.items():
        if not isinstance(answer[name], tuple | list) or len(answer[name]) != len(questions):
            raise Wrong(answer[name], expected)
        if any(said not in (True, False) for said in answer[name]):
            raise Wrong(answer[name], expected, "Write True or False, without quotation marks.")
        for question, said, true in zip(questions, answer[name], truth, strict=True):
            if bool(said) is not true:
                raise Wrong(Said(f"{name}, {question}: {bool(said)}"), "what happened in the lab")
