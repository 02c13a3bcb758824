"""How many bits of a digest change when the input changes: of two digests, and of one bit after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from statistics import mean

from maillab.views.changed import bits
from maillab.views.plot import Plot, new_figure
from maillab.views.view import View, card, size

WIDE, CELL = 16, 17


def avalanche_view(before: bytes, after: bytes, what: str = "") -> View:
    """A cell a bit, filled where the bit is another one than before. `what` names the bytes.

    Raises ValueError for unequal lengths.

    >>> avalanche_view(b"\\0\\0", b"\\0\\x0f")
    4 of 16 bits changed
    ········ ····####
    """
    flipped = bits(before, after)
    total, count = len(flipped), sum(flipped)
    title = f"{what + ': ' if what else ''}{count or 'none'} of {total} bits changed"
    # One path for all cells and one for the filled ones: a few hundred elements would take longer to draw.
    empty: list[str] = []
    full: list[str] = []
    for at, flip in enumerate(flipped):
        x, y = at % WIDE * CELL + (6 if at % WIDE >= 8 else 0) + 1, at // WIDE * CELL + 1
        (full if flip else empty).append(f"M{x} {y}h{CELL - 3}v{CELL - 3}h-{CELL - 3}z")
    wide, high = WIDE * CELL + 6, -(-total // WIDE) * CELL
    picture = f'<path class="e" d="{"".join(empty)}"/><path class="f" d="{"".join(full)}"/>'
    svg = f'<svg viewBox="0 0 {wide} {high}" style="max-width:{wide}px" aria-hidden="true">{picture}</svg>'
    key = "A cell is a bit, a row two bytes; filled: it changed." + (
        "" if count else " Change an input, and look again."
    )
    lines = ["".join("#" if flip else "·" for flip in flipped[at : at + WIDE]) for at in range(0, total, WIDE)]
    text = "\n".join([title, *(f"{line[:8]} {line[8:]}".rstrip() for line in lines)])
    return View(
        card(f'<p class="cap">{title}</p><div class="av">{svg}</div><p class="note">{key}</p>', f"{title}."),
        text,
        f"{title}.",
        "avalanche",
    )


def flips(
    digest: Callable[[bytes, bytes], str | bytes], challenge: bytes, secret: bytes, n: int | None = None
) -> list[int]:
    """For each of the challenge's first `n` bits (all of them without `n`): how many bits of the digest change
    when that one is turned over."""
    first, found = _raw(digest(challenge, secret)), []
    for place in range(min(8 * len(challenge), 8 * len(challenge) if n is None else n)):
        turned = bytearray(challenge)
        turned[place // 8] ^= 0x80 >> place % 8
        found.append(sum(bits(first, _raw(digest(bytes(turned), secret)))))
    return found


def _raw(digest: str | bytes) -> bytes:
    """A digest's bytes, whether they were given as such or in hex digits."""
    return bytes.fromhex(digest) if isinstance(digest, str) else digest


def avalanche_plot(
    digest: Callable[[bytes, bytes], str | bytes], challenge: str | bytes, secret: str | bytes, n: int | None = None
) -> Plot:
    """Turn over each bit of the challenge, one at a time, and count how many bits of the digest change.

    `digest(challenge, secret)` gives hex digits or bytes, like `maillab.sasl.apop.digest`.
    Only its first `n` bits, if given. Raises ValueError for an empty challenge, and for `n` below 1.
    """
    challenge, secret = (text.encode() if isinstance(text, str) else text for text in (challenge, secret))
    if not challenge:
        raise ValueError("There's no bit to turn over in an empty challenge: give it one.")
    if n is not None and n < 1:
        raise ValueError(f"n is how many bits to turn over: 1 or more, not {n}.")
    total = 8 * len(_raw(digest(challenge, secret)))
    found = flips(digest, challenge, secret, n)
    counts = Counter(found)
    figure = new_figure(7.2, 3.2)
    axes = figure.add_subplot()
    axes.bar(list(counts), list(counts.values()), width=0.85, color="#0072B2")
    axes.axvline(total / 2, color="#D55E00", linestyle="--", linewidth=1.5)
    axes.annotate("half", (total / 2, max(counts.values())), (4, 4), textcoords="offset points", color="#D55E00")
    axes.set_xlim(0, total)
    axes.set_xticks(range(0, total + 1, total // 8))
    axes.set_ylim(0, max(counts.values()) * 1.18)
    axes.set_xlabel(f"bits of the digest that changed, of {total}")
    axes.set_ylabel("bits of the challenge")
    alt = (
        f"Histogram: each of {size(len(found), 'bit')} of the challenge was turned over once. "
        f"Between {min(found)} and {max(found)} of the digest's {total} bits changed, {mean(found):.1f} on average."
    )
    return Plot(figure, "One bit of the challenge turned over", alt)
