"""How a response comes about, step by step, as data: figures and widgets draw it without knowing any mechanism.

Each mechanism has a function ``derive(...)`` that returns its steps.

>>> from maillab.sasl import apop
>>> steps = apop.derive(challenge="<1896.697170952@dbc.mtview.ca.us>", secret="tanstaaf", user="mrose")
>>> [step.name for step in steps]
['input', 'digest', 'response']
>>> value_of(steps, "response")
b'mrose c4c9334bac560ecc979e58001b3e22fb'
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Part(NamedTuple):
    """A run of octets, and where they come from.

    ``kind`` is an input (``challenge``, ``secret``, ``user``, …), the name of an earlier step, or ``glue`` for what is
    always there (``:``, a blank, padding). What a hash has just made has the name of its own step.
    """

    kind: str
    data: bytes


class Step(NamedTuple):
    """One value on the way to the response.

    ``formula`` says in words how it is made, ``hex`` that it isn't text, ``source`` where the standard has the rule.
    """

    name: str
    formula: str
    parts: tuple[Part, ...]
    hex: bool = False
    source: str = ""

    @property
    def value(self) -> bytes:
        """All parts, joined."""
        return b"".join(part.data for part in self.parts)


def value_of(steps: Iterable[Step], name: str) -> bytes:
    """The value of the step called ``name``.

    Raises:
        KeyError: no step has that name.
    """
    for step in steps:
        if step.name == name:
            return step.value
    raise KeyError(name)


def hashed(name: str, formula: str, value: bytes, source: str = "", hex: bool = True) -> Step:
    """A step whose octets have just been computed, by a hash most of the time."""
    return Step(name, formula, (Part(name, value),), hex, source)


def joined(name: str, formula: str, *parts: tuple[str, bytes], source: str = "") -> Step:
    """A step that puts octets together: pairs of kind and octets. Empty ones are left out."""
    return Step(name, formula, tuple(Part(kind, data) for kind, data in parts if data), False, source)


def octets(what: str, text: str, encoding: str = "utf-8") -> bytes:
    """An input as octets.

    Raises:
        ValueError: it can't be written in that encoding. The message names the input and doesn't repeat it.

    >>> octets("realm", "東京", "iso-8859-1")
    Traceback (most recent call last):
    ValueError: the realm has a character that can't be written in iso-8859-1.
    """
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        raise ValueError(f"the {what} has a character that can't be written in {encoding}.") from None


def xored(one: bytes, other: bytes) -> bytes:
    """Two strings of the same length, XORed."""
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
