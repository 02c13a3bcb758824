"""What an analyst looks at first: which connections there are, between whom, when, and where TLS is."""

from __future__ import annotations

from html import escape
from typing import Any

from ..conversations import Conversation, follow
from ..names import WELL_KNOWN
from ..views.view import View, card, columns, size

SERVICE = {port: name for name, port in WELL_KNOWN.items()}
WIDTH = 260
"""Of the timeline, in its own units."""
HEADERS = ["frame", "client", "server", "service", "encrypted", "bytes"]


def overview(capture: Any) -> View:
    """One row a connection, in the order in which they began, with a timeline.

    Args:
        capture: a path or anything else that holds packets.
    """
    talks = [talk for talk in follow(capture) if talk.turns]
    times = [turn.time for talk in talks for turn in talk.turns if turn.time]
    start, end = (min(times), max(times)) if times else (0.0, 0.0)
    rows, html = [], []
    for talk in talks:
        row = [str(talk.frame), talk.client, talk.server, service(talk), encrypted(talk), f"{_bytes(talk):,}"]
        rows.append(row)
        cells = "".join(f'<td class="{css}">{escape(word)}</td>' for word, css in zip(row, CSS, strict=True))
        html.append(f"<tr>{cells}<td>{bar(talk, start, max(end - start, 1e-6))}</td></tr>")
    caption = f"{size(len(talks), 'connection')} in {end - start:.1f} seconds"
    head = "".join(f'<th scope="col">{name}</th>' for name in [*HEADERS, "timeline"])
    table = f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(html)}</tbody></table>"
    alt = f"Overview: {caption}; {sum(row[4] != 'no' for row in rows)} of them go over to TLS."
    text = "\n".join([caption, columns([HEADERS, *rows], right=frozenset({0, 5}))])
    return View(card(f'{table}<p class="note key">{KEY}</p>', alt, "overview"), text, alt, "overview")


SWATCH = '<svg viewBox="0 0 32 16" aria-hidden="true"><rect class="{}" x="1" y="3" width="30" height="10"/></svg>'
KEY = f"Timeline: {SWATCH.format('clear')} in the clear, {SWATCH.format('tls')} in TLS."
CSS = ["num", "tight", "tight", "tight", "tight", "num"]


def service(talk: Conversation) -> str:
    """By its port; by what is said where the port says nothing."""
    port = int(talk.server.rpartition(":")[2])
    return SERVICE.get(port) or (talk.protocol or "not recognised")


def encrypted(talk: Conversation) -> str:
    """``no``, ``from the start`` or ``from frame 47``."""
    first = next((turn for turn in talk.turns if turn.kind == "tls"), None)
    if first is None:
        return "no"
    return "from the start" if first is talk.turns[0] else f"from frame {first.frame}"


def _bytes(talk: Conversation) -> int:
    return sum(len(turn.data) for turn in talk.turns)


def bar(talk: Conversation, start: float, whole: float) -> str:
    """When it was, as a piece of SVG: hatched in the clear, solid in TLS."""
    times = [turn.time for turn in talk.turns if turn.time]
    tls = next((turn.time for turn in talk.turns if turn.kind == "tls"), None)
    ends = [min(times), tls if tls is not None else max(times), max(times)]
    x = [round((time - start) / whole * (WIDTH - 6), 1) for time in ends]
    parts = []
    if tls is None or x[1] > x[0]:
        parts.append(f'<rect class="clear" x="{x[0]}" y="3" width="{max(x[1] - x[0], 5):.1f}" height="10"/>')
    if tls is not None:
        parts.append(f'<rect class="tls" x="{x[1]}" y="3" width="{max(x[2] - x[1], 5):.1f}" height="10"/>')
    line = f'<path class="axis" d="M0 8H{WIDTH}"/>'
    return f'<svg viewBox="0 0 {WIDTH} 16" aria-hidden="true">{line}{"".join(parts)}</svg>'
