"""What changed between two versions of a value: pure, for the views that mark it."""

from __future__ import annotations

from collections.abc import Sequence

Span = tuple[int, int]


def changed(now: Sequence[object], before: Sequence[object]) -> list[Span]:
    """Where `now` differs from `before`, as spans [start, end) of `now`.

    Two of the same length are compared place by place. Otherwise what they begin and end with is taken off:
    of a character that was typed in, that character is left.

    >>> changed("c4c9334b", "c4f9331b"), changed("monkeys", "monkey"), changed("monkey", "monkeys")
    ([(2, 3), (6, 7)], [(6, 7)], [])
    """
    if len(now) == len(before):
        return _runs([a != b for a, b in zip(now, before, strict=True)])
    shorter = min(len(now), len(before))
    start = next((at for at in range(shorter) if now[at] != before[at]), shorter)
    rest = shorter - start
    end = next((at for at in range(rest) if now[-1 - at] != before[-1 - at]), rest)
    return [(start, len(now) - end)] if start < len(now) - end else []


def _runs(differs: list[bool]) -> list[Span]:
    """Neighbours that differ become one span."""
    spans: list[Span] = []
    for at, differ in enumerate(differs):
        if differ and spans and spans[-1][1] == at:
            spans[-1] = (spans[-1][0], at + 1)
        elif differ:
            spans.append((at, at + 1))
    return spans


def bits(before: bytes, now: bytes) -> list[bool]:
    """For each bit of `now`, the highest of the first byte first: is it another one in `before`?

    Raises ValueError where the two aren't equally long.

    >>> bits(b"\\x00", b"\\x81").index(True), sum(bits(b"\\x00", b"\\x81"))
    (0, 2)
    """
    if len(before) != len(now):
        raise ValueError(
            f"Bits can be compared one by one only in equally long values, not {len(before)} and {len(now)}."
        )
    return [bool((a ^ b) >> place & 1) for a, b in zip(before, now, strict=True) for place in range(7, -1, -1)]
