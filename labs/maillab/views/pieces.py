"""A step's value cut into pieces: what each says, where it comes from, what changed in it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from maillab.views.changed import Span, changed
from maillab.views.view import printable

#: Where bytes come from → their colour. What isn't here was computed by an earlier step.
KINDS = {
    "user": "user",
    "authzid": "authzid",
    "secret": "password",
    "challenge": "challenge",
    "realm": "realm",
    "nonce": "nonce",
    "cnonce": "cnonce",
    "salt": "salt",
    "nc": "option",
    "qop": "option",
    "digest-uri": "option",
    "iterations": "option",
    "glue": "glue",
}
#: Raw bytes beyond this many are written with spaces, and equal neighbours counted.
PLAIN_HEX, RUN = 32, 6
MAX_TEXT = 700


class PartLike(Protocol):
    """What a view needs of a `maillab.sasl.steps.Part`."""

    @property
    def kind(self) -> str: ...
    @property
    def data(self) -> bytes: ...


class StepLike(Protocol):
    """What a view needs of a `maillab.sasl.steps.Step`."""

    @property
    def name(self) -> str: ...
    @property
    def formula(self) -> str: ...
    @property
    def parts(self) -> tuple[PartLike, ...]: ...
    @property
    def hex(self) -> bool: ...


class Piece(NamedTuple):
    """A part of a value as it is shown."""

    kind: str  #: where it comes from; "" for what this very step computed
    text: str
    raw: bool  #: hex of the bytes, not the bytes as text
    marks: list[Span]  #: where `text` changed


def colour(kind: str) -> str:
    """The palette's name for where bytes come from."""
    return KINDS.get(kind, "digest")


def pieces(step: StepLike, before: StepLike | None = None) -> list[Piece]:
    """A step's value as it is shown; compared with `before`, or all new where there was no such step."""
    seen: dict[str, list[bytes]] = {}
    for part in before.parts if before else ():
        seen.setdefault(part.kind, []).append(part.data)
    found = []
    for part in step.parts:
        old = seen[part.kind].pop(0) if seen.get(part.kind) else b""
        if not part.data:
            continue
        raw = _raw(step, part)
        text, marks = _hex(part.data, old) if raw else _as_text(part.data, old)
        kind = "" if part.kind == step.name else part.kind
        found.append(Piece(kind, text, raw, marks if part.kind != "glue" or raw else []))
    return found


def _raw(step: StepLike, part: PartLike) -> bool:
    """Whether these bytes are to be shown as hex: those that were computed, and those that aren't text."""
    try:
        readable = part.data.decode().isprintable()
    except UnicodeDecodeError:
        readable = False
    return not readable or (step.hex and part.kind not in KINDS)


def _as_text(data: bytes, old: bytes) -> tuple[str, list[Span]]:
    text = printable(data[:MAX_TEXT]) + (" …" if len(data) > MAX_TEXT else "")
    return text, changed(text, printable(old[:MAX_TEXT]))


def _hex(data: bytes, old: bytes) -> tuple[str, list[Span]]:
    """`c4c9334b…` where it is short; else `63 6f 70 … 00 (49 times)`."""
    runs = _runs(data) if len(data) > PLAIN_HEX or len(set(data)) == 1 < len(data) else []
    if not runs:
        return data.hex(), changed(data.hex(), old.hex())
    text, spans = "", []
    for start, byte, times in runs:
        text += " " if text else ""
        begin = len(text)
        text += f"{byte:02x}" if times == 1 else f"{byte:02x}\u00a0×\u00a0{times}"
        if data[start : start + times] != old[start : start + times]:
            spans.append((begin, len(text)))
    return text, spans


def _runs(data: bytes) -> list[tuple[int, int, int]]:
    """[(start, byte, how often)]; only what is there RUN times or more in a row is taken together."""
    found: list[tuple[int, int, int]] = []
    for match in re.finditer(rb"(.)\1*", data, re.DOTALL):
        times, byte, start = len(match[0]), match[0][0], match.start()
        found += [(start, byte, times)] if times >= RUN else [(start + i, byte, 1) for i in range(times)]
    return found


def value_bytes(step: StepLike) -> bytes:
    return b"".join(part.data for part in step.parts)


def underlined(value: str, spans: Iterable[Span], width: int = 88) -> list[str]:
    """A value for the text twin, in lines of `width`, with a ^ under all that changed.

    >>> underlined("abcdef", [(2, 5)], 4)
    ['    abcd', '      ^^', '    ef', '    ^']
    """
    marks, lines = [" "] * len(value), []
    for start, end in spans:
        marks[start:end] = "^" * (end - start)
    for at in range(0, len(value), width):
        under = "".join(marks[at : at + width]).rstrip()
        lines += ["    " + value[at : at + width], *(["    " + under] if under else [])]
    return lines
