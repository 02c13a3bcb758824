"""Tables: of anything, of the frames of a capture, of what an eavesdropper found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from maillab.views.frames import frame_summary
from maillab.views.view import View, card, columns, mask, printable


def table(
    rows: Iterable[Sequence[Any]], headers: Sequence[str], caption: str = "", note: str = "", css: str = ""
) -> View:
    """A table from rows of values; numbers are set flush right, None as a dash, bytes as printable text.

    >>> table([["alice", 3], ["bob", 12]], ["who", "mails"], "Mails waiting")
    Mails waiting
    who    mails
    alice      3
    bob       12
    """
    body = [list(row) for row in rows]
    right = frozenset(
        col
        for col in range(len(headers))
        if body
        and all(_is_number(row[col]) for row in body if row[col] is not None)
        and any(row[col] is not None for row in body)
    )
    words = [[_cell(value) for value in row] for row in body]
    parts = ["<table>", f"<caption>{escape(caption)}</caption>" if caption else "", "<thead><tr>"]
    parts += [f'<th scope="col"{_num(col, right)}>{escape(name)}</th>' for col, name in enumerate(headers)]
    parts.append("</tr></thead><tbody>")
    for row in words:
        parts.append(
            "<tr>"
            + "".join(f"<td{_num(col, right) or _tight(c)}>{escape(c)}</td>" for col, c in enumerate(row))
            + "</tr>"
        )
    if not words and not note:
        parts.append(f'<tr><td colspan="{len(headers)}">nothing</td></tr>')
    parts.append("</tbody></table>")
    if note:
        parts.append(f'<p class="note">{escape(note)}</p>')
    text = "\n".join(
        filter(None, [caption, columns([list(headers), *words], right), "" if words or note else "(nothing)", note])
    )
    alt = f"Table{': ' + caption if caption else ''}, {len(words)} rows, columns {', '.join(headers)}."
    return View(card("".join(parts), alt, css), text, alt)


def frames_table(packets: Iterable[Any], limit: int = 60, names: dict[str, str] | None = None) -> View:
    """One row a frame: number, time since the first, from, to, TCP flags, bytes, and what it carries.

    `packets` are Frames of a capture or Scapy packets (also a PacketList).
    """
    rows: list[list[Any]] = []
    first: float | None = None
    total = 0
    for total, packet in enumerate(packets, 1):
        if total > limit:
            continue
        row = frame_summary(packet, total, names)
        first = row.time if first is None else first
        carries = printable(row.payload[:70].removesuffix(b"\r\n")) + ("…" if len(row.payload) > 70 else "")
        since = f"{row.time - first:.4f}"
        size = None if row.flags == "ARP" else len(row.payload)
        rows.append([row.number, since, row.source, row.target, row.flags, size, carries])
    note = f"… {total - limit:,} more frames." if total > limit else ""
    return table(
        rows, ["frame", "s", "from", "to", "flags", "bytes", "carries"], f"{total:,} frames captured", note, "frames"
    )


def findings_table(findings: Iterable[Any], reveal: bool = True) -> View:
    """One row a finding: what an eavesdropper learned, from which frame, and whether the server said yes.

    With `reveal=False` passwords are masked, for a screen that others can see.
    """
    rows = []
    for found in findings:
        kind = str(_get(found, "kind"))
        what = _get(found, "mechanism") or kind
        rows.append([_get(found, "frame"), _get(found, "protocol"), what, *_learned(found, kind, reveal)])
    headers = ["frame", "protocol", "how", "user", "password", "more", "accepted"]
    return table(rows, headers, f"What the eavesdropper learned: {len(rows)} findings")


def _learned(found: Any, kind: str, reveal: bool) -> list[str | None]:
    accepted = {True: "yes", False: "no", None: None if kind != "credential" else "not seen"}[_get(found, "accepted")]
    if kind == "mail":
        to = _get(found, "recipients")
        people = f"{_get(found, 'sender') or '?'} → {', '.join(to) if isinstance(to, list | tuple) else to or '?'}"
        subject = _get(found, "subject") or "no subject"
        by_right = f"; {found.right}" if getattr(found, "right", "") else ""
        return [None, None, f"mail “{subject}”, {people}{by_right}", accepted]
    if kind == "tls":
        spoken = f"{_get(found, 'version') or 'TLS'}{' to ' + found.sni if getattr(found, 'sni', None) else ''}"
        return [None, None, f"{spoken}, encrypted from here on", None]
    password = _get(found, "password")
    more = None if password is not None or not _get(found, "challenge") else "challenge and response"
    if _get(found, "authzid"):
        more = f"to act as {_get(found, 'authzid')}"
    if password is not None and not reveal:
        password = mask(password)
    return [_get(found, "username"), password, more, accepted]


def _get(found: Any, name: str) -> Any:
    return found.get(name) if isinstance(found, dict) else getattr(found, name, None)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _num(col: int, right: frozenset[int]) -> str:
    return ' class="num"' if col in right else ""


def _tight(word: str) -> str:
    """A short word stays on one line: a password broken at its hyphen reads like two."""
    return ' class="tight"' if len(word) <= 24 and " " not in word else ""


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bytes):
        return printable(value)
    if isinstance(value, float):
        return f"{value:,.4g}"
    return f"{value:,}" if _is_number(value) else str(value)
