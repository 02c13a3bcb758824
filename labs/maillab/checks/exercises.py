"""Exercises: a function for each, which recomputes the answer from the student's own lab and compares.

No answer is written down in this package: the functions in ``lesson_NN.py`` ask the lab what was on the wire, or
derive from the student's id what the server was given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..lab import newest
from ..places import SOLUTIONS
from .lessons import declare
from .verdict import Code, Note, Verdict

FORGOTTEN = "It returns nothing in at least one case. Is there a `return` on every way through?"


class Said(str):
    """A description of what was seen, as against a text that the learner typed, which is shown in quotes."""


class Wrong(Exception):
    """Raised by an exercise's function: what was seen, what was expected, one hint."""

    def __init__(self, seen: Any, expected: str, hint: str = "") -> None:
        super().__init__(seen, expected, hint)
        self.seen, self.expected, self.hint = seen, expected, hint


class Todo(Exception):
    """Raised by an exercise's function when the answer is a function that hasn't been written yet."""


def call(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the learner's function returns.

    Raises:
        Todo: it is still the student's edition's ``return ...``.
        Wrong: it returns nothing, or stops with an error; the error is told in the learner's words.
    """
    try:
        got = function(*arguments)
    except Exception as error:
        seen = Said(f"a function that stopped with {type(error).__name__}: {error}")
        raise Wrong(seen, "one that comes to its end") from None
    if got is ...:
        raise Todo
    if got is None:
        raise Wrong(Said("a function that returns nothing"), "one that returns its result", FORGOTTEN)
    return got


@dataclass
class Exercise:
    id: str
    judge: Callable[[Any, Any], str]
    """Takes (answer, lab); returns the sentence for a PASS or raises :class:`Wrong`."""
    hints: tuple[str, ...]
    given: int = field(default=0)


_exercises: dict[str, Exercise] = {}


def exercise(number: str, *hints: str) -> Callable[[Callable[[Any, Any], str]], Callable[[Any, Any], str]]:
    """Declare the function that judges exercise ``number``, with its hints from vague to plain."""

    def register(judge: Callable[[Any, Any], str]) -> Callable[[Any, Any], str]:
        _exercises[number] = Exercise(number, judge, hints)
        return judge

    return register


def find(number: str) -> Exercise | None:
    """The exercise called ``number``; its lesson's file is imported when first asked for."""
    declare(number)
    return _exercises.get(number)


def check(number: str, answer: Any = ...) -> Verdict:
    """Check an answer. Never raises: says TODO, FAIL (seen, expected, a hint) or PASS.

    Example::

        check("01.1", password)
    """
    found = find(number)
    if found is None:
        return Verdict(str(number), "FAIL", seen=repr(number), expected="the number of an exercise, like '01.1'")
    if untouched(answer):
        return Verdict(number, "TODO")
    lab = newest(found.id.partition(".")[0])
    if lab is None:
        return Verdict(number, "FAIL", seen="no running lab", expected="one: run this notebook's first code cell again")
    try:
        return Verdict(number, "PASS", note=found.judge(answer, lab))
    except Todo:
        return Verdict(number, "TODO")
    except Wrong as wrong:
        return Verdict(number, "FAIL", short(wrong.seen), wrong.expected, wrong.hint or found.hints[0])
    except Exception as error:  # an answer of a kind nobody thought of is wrong, not a crash
        seen = f"{short(answer)} ({type(error).__name__}: {error})"
        return Verdict(number, "FAIL", seen, "an answer of the kind the exercise asks for", found.hints[0])


def untouched(answer: Any) -> bool:
    """Is this still the ``...`` of the student's edition, alone or inside a tuple, a list or a dictionary of tuples?"""
    if answer is ...:
        return True
    if isinstance(answer, dict):
        return any(part is ... for row in answer.values() if isinstance(row, tuple | list) for part in row)
    return isinstance(answer, tuple | list) and any(part is ... for part in answer)


def hint(number: str) -> Note:
    """The next hint; each call says a little more."""
    found = find(number)
    if found is None:
        return Note(f"There is no exercise {number!r}.")
    text = found.hints[min(found.given, len(found.hints) - 1)]
    found.given += 1
    more = len(found.hints) - found.given
    after = (
        f"There {'is one' if more == 1 else f'are {more}'} more: hint({number!r})."
        if more > 0
        else f"That was the last one. Then: solution({number!r})."
    )
    return Note(f"Hint {min(found.given, len(found.hints))} of {len(found.hints)}: {text}\n{after}")


def solution(number: str) -> Note:
    """The code that solves an exercise. Looking is allowed; typing it in yourself is how it sticks."""
    from ..editions import parse_solutions  # here, because nothing else in a notebook needs the course's files

    path = SOLUTIONS / f"{number.partition('.')[0]}.py"
    solutions = parse_solutions(path.read_text("utf-8")) if path.exists() else {}
    if number not in solutions:
        return Note(f"There is no solution of {number!r} here.")
    return Code(solutions[number])


def short(value: Any, most: int = 120) -> str:
    """What was seen, in one readable line."""
    text = str(value) if isinstance(value, Said) else repr(value)
    return text if len(text) <= most else text[: most - 1] + "…"
