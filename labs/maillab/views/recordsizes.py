"""What an eavesdropper sees of an encrypted conversation: who sent how much, record after record."""

from __future__ import annotations

from typing import Any

from maillab.tls import Visible, visible
from maillab.views.plot import DIM, Plot, new_figure
from maillab.views.table import table
from maillab.views.view import View


def visible_table(conversation: Any) -> View:
    """What TLS leaves open: names, versions, certificate, records. Of a conversation, or of a `tls.Visible`."""
    seen = conversation if isinstance(conversation, Visible) else visible(conversation)
    to = f"{seen.version or 'TLS'} to {seen.sni or 'a server'}"
    return table(seen.describe(), ["visible from outside", ""], f"{to}, without any key")


def sizes_plot(conversation: Any) -> Plot:
    """Bytes in each encrypted record, in order: what the server sent above the line, what the client sent below.

    Raises ValueError where there is no encrypted record.
    """
    seen = conversation if isinstance(conversation, Visible) else visible(conversation)
    sizes = seen.sizes
    if not sizes:
        raise ValueError("Nothing in this conversation is encrypted: is it one with TLS?")
    figure = new_figure(7.2, 3.2)
    axes = figure.add_subplot()
    places = range(1, len(sizes) + 1)
    heights = [size.length if size.side == "S" else -size.length for size in sizes]
    axes.bar(places, heights, width=0.8, color=["#E69F00" if size.side == "S" else "#0072B2" for size in sizes])
    axes.axhline(0, color=DIM, linewidth=1)
    low, high = min(0, *heights), max(0, *heights)
    room = (high - low) * 0.16
    axes.set_ylim(low - room, high + room)
    for place, height in zip(places, heights, strict=True):
        if abs(height) > (high - low) * 0.2:  # of the small ones there are too many to be labelled
            where = (0, 3 if height > 0 else -3)
            level = "bottom" if height > 0 else "top"
            axes.annotate(f"{abs(height):,}", (place, height), where, textcoords="offset points", ha="center", va=level)
    axes.set_xlabel("encrypted records, in the order in which they were sent")
    axes.set_ylabel("bytes\n↓ client   server ↑")
    axes.set_xlim(0.3, len(sizes) + 0.7)
    largest = sorted((size.length for size in sizes if size.side == "S"), reverse=True)[:3]
    about = "" if all(size.exact for size in sizes) else "at most "
    alt = (
        f"Bar chart of {len(sizes)} encrypted records: {sum(s.side == 'C' for s in sizes)} from the client, "
        f"{sum(s.side == 'S' for s in sizes)} from the server, whose largest hold {about}"
        f"{', '.join(f'{size:,}' for size in largest)} bytes."
    )
    return Plot(figure, "How much was said, record by record", alt)
