"""The byte view: hex and text side by side, each field coloured, numbered and explained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from maillab.views.view import View, card, columns, printable, size


class Field(NamedTuple):
    """A named stretch of bytes: data[start:end].

    `value` is what the bytes say ("192.0.2.10"), `note` what that is for, `kind` a colour of the palette.
    """

    name: str
    start: int
    end: int
    value: str = ""
    note: str = ""
    kind: str = "plain"


def byte_view(
    data: bytes,
    fields: Iterable[Field] = (),
    caption: str = "",
    *,
    width: int = 16,
    max_bytes: int = 512,
    legend: bool = True,
    highlight: Sequence[str] = (),
) -> View:
    """`data` as a hex dump in which every field can be seen, with a legend that says what it means.

    `width` bytes a row; beyond `max_bytes` the rest is counted, not drawn. Fields may leave bytes out but
    must not overlap; names in `highlight` are set bold. Raises ValueError for a field outside the data.

    >>> byte_view(b"PASS x\\r\\n", [Field("command", 0, 4), Field("password", 5, 6, "x")])
    0000  50 41 53 53 20 78 0d 0a                          PASS x..
    <BLANKLINE>
       bytes  field     value  meaning
    1  0–3    command   PASS
    2  5      password  x
    """
    marked = _in_order(fields, len(data))
    shown = min(len(data), max_bytes)
    owner: list[int] = [0] * shown
    for number, field in enumerate(marked, 1):
        owner[field.start : min(field.end, shown)] = [number] * (min(field.end, shown) - min(field.start, shown))
    rows = [_row(data, owner, at, min(at + width, shown), marked, highlight) for at in range(0, shown, width)]
    rest = f"… {size(len(data) - shown, 'more byte')}, not drawn" if len(data) > shown else ""
    empty = "" if data else "no bytes"
    html = [
        f'<p class="cap">{escape(caption)}</p>' if caption else "",
        f'<div class="bv">{"".join(rows)}</div>',
    ]
    html.append(f'<p class="note">{rest or empty}</p>' if rest or empty else "")
    names = ", ".join(field.name for field in marked)
    alt = f"Byte view{': ' + caption if caption else ''}, {size(len(data))}" + (f"; fields: {names}." if names else ".")
    text = [caption, dump(data[:shown], width), rest or empty]
    if legend and marked:
        html.append(_legend_html(marked, data))
        text += ["", _legend_text(marked, data)]
    return View(card("".join(html), alt), "\n".join(t for i, t in enumerate(text) if t or i > 2), alt, "bytes")


def dump(data: bytes, width: int = 16) -> str:
    """A plain hex dump: offset, hex, printable ASCII."""
    lines = []
    for at in range(0, len(data), width):
        row = data[at : at + width]
        lines.append(f"{at:04x}  {row.hex(' '):{3 * width - 1}}  {''.join(map(_ascii, row))}")
    return "\n".join(lines)


def plain_fields(message: bytes, start: int = 0) -> list[Field]:
    """The fields of a SASL PLAIN message, `[authzid] NUL authcid NUL passwd` (RFC 4616 section 2).

    Raises ValueError where there are not exactly two NULs.
    """
    parts = message.split(b"\0")
    if len(parts) != 3:
        raise ValueError(f"A PLAIN message has two NUL bytes, this one has {len(parts) - 1}.")
    a, b, end = start + len(parts[0]), start + len(parts[0]) + len(parts[1]) + 1, start + len(message)
    found = [
        Field("authzid", start, a, printable(parts[0]), "who to act as; left empty nearly always", "authzid"),
        Field("NUL", a, a + 1, r"\0", "a byte of value 0 separates", "glue"),
        Field("authcid", a + 1, b, printable(parts[1]), "the user name", "user"),
        Field("NUL", b, b + 1, r"\0", "separates", "glue"),
        Field("passwd", b + 1, end, printable(parts[2]), "the password, as typed", "password"),
    ]
    return [field for field in found if field.end > field.start]


def _in_order(fields: Iterable[Field], length: int) -> list[Field]:
    ordered, last = sorted(fields, key=lambda field: (field.start, field.end)), 0
    for field in ordered:
        if not last <= field.start < field.end <= length:
            raise ValueError(
                f"Field {field.name!r} is bytes {field.start} to {field.end}: fields must not overlap, "
                f"be empty or leave the {length} bytes there are."
            )
        last = field.end
    return ordered


def _row(data: bytes, owner: list[int], at: int, end: int, fields: list[Field], bold: Sequence[str]) -> str:
    """One row of the dump, cut where a field begins or ends: a run of equal bytes' owner is one element."""
    hexes, chars, start = [], [], at
    while start < end:
        stop = start
        while stop < end and owner[stop] == owner[start]:
            stop += 1
        number, run = owner[start], data[start:stop]
        css, key, title = "", "", ""
        if number:
            field = fields[number - 1]
            first = start == field.start
            css = f' class="k-{field.kind}{" first" if first else ""}{" strong" if field.name in bold else ""}"'
            title = f' title="{escape(f"{number} {field.name}: {field.value}" if field.value else field.name)}"'
            key = f"<i>{number}</i>" if first else ""
        hexes.append(f'<b{css}{title} style="width:{3 * len(run)}ch">{key}{run.hex(" ")}</b>')
        chars.append(f'<b{css}{title} style="width:{len(run)}ch">{escape("".join(map(_ascii, run)))}</b>')
        start = stop
    cells = (("o", f"{at:04x}"), ("h", "".join(hexes)), ("a", "".join(chars)))
    spans = "".join(f'<span class="{css}">{inside}</span>' for css, inside in cells)
    return f'<div class="r">{spans}</div>'


def _ascii(byte: int) -> str:
    return chr(byte) if 32 <= byte < 127 else "."


def _place(field: Field) -> str:
    return f"{field.start}" if field.end == field.start + 1 else f"{field.start}–{field.end - 1}"


def _legend_html(fields: list[Field], data: bytes) -> str:
    rows = "".join(
        f'<tr><td><span class="key k-{f.kind}">{n}</span></td><td class="num">{_place(f)}</td>'
        f'<td class="tight">{escape(f.name)}</td>'
        f'<td class="mono">{escape(_value(f, data))}</td><td>{escape(f.note)}</td></tr>'
        for n, f in enumerate(fields, 1)
    )
    head = '<th></th><th scope="col" class="num">bytes</th>'
    head += "".join(f'<th scope="col">{name}</th>' for name in ("field", "value", "meaning"))
    return f'<table class="keys"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def _legend_text(fields: list[Field], data: bytes) -> str:
    rows = [[str(n), _place(f), f.name, _value(f, data), f.note] for n, f in enumerate(fields, 1)]
    return columns([["", "bytes", "field", "value", "meaning"], *rows])


def _value(field: Field, data: bytes) -> str:
    value = field.value or printable(data[field.start : field.end])
    return value if len(value) <= 64 else value[:63] + "…"
