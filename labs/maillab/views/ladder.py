"""The ladder diagram: who said what to whom, when, and in which frame."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from html import escape
from types import SimpleNamespace
from typing import Any

from maillab.views.frames import NAMES
from maillab.views.marks import CLEAR, Mark, credential_marks
from maillab.views.view import View, card, columns, mask, printable, size, stacked

#: How much of a folded mail can be unfolded in the figure, and of a line be seen.
FOLD_BYTES, LINE_BYTES = 6000, 600
#: How many conversations are drawn one under the other.
MAX_TALKS = 12


def ladder(
    conversation: Any,
    reveal: bool = True,
    max_rows: int = 60,
    highlight: int | str | Collection[int | str] = (),
    names: dict[str, str] | None = None,
) -> View:
    """A conversation as a ladder diagram, read from top to bottom; arrows go from who speaks to who listens.

    `conversation`: one Conversation of `maillab.conversations.follow`, or several.
    `reveal=False` masks the passwords. Beyond `max_rows` turns the rest is counted, not drawn.
    `highlight`: frame numbers, or words that the line must contain. `names`: address → host name.
    """
    if not hasattr(conversation, "turns"):
        talks = list(conversation)
        others = size(len(talks) - MAX_TALKS, "more conversation")
        drawn = [ladder(one, reveal, max_rows, highlight, names) for one in talks[:MAX_TALKS]]
        return _several(drawn, f"… {others} not drawn" if len(talks) > MAX_TALKS else "")
    names = NAMES if names is None else names
    wanted = {highlight} if isinstance(highlight, int | str) else set(highlight)
    turns = _join_tls(_opened(_ssh(conversation.turns)))
    marks = credential_marks(turns)
    ends = _ends(conversation, names)
    start = next((turn.time for turn in turns if turn.who != "gap"), 0.0)
    html, text = [], []
    for place, turn in enumerate(turns[:max_rows]):
        row = _Row(turn, marks.get(place, []), start, reveal, wanted)
        html.append(row.html())
        text.append(row.text(ends))
    hidden = len(turns) - max_rows
    more = f"… {size(hidden, 'more turn')} not drawn (max_rows={max_rows})" if hidden > 0 else ""
    if not turns:
        more = "Nobody said anything in this conversation."
    protocol = (conversation.protocol or ("SSH" if _is_ssh(conversation.turns) else "TCP")).upper()
    secrets = sum(1 for found in marks.values() for mark in found if mark.secret)
    whole = "" if getattr(conversation, "complete", True) else ", beginning or end not captured"
    who = f"{ends[0][0]} and {ends[1][0]}"
    alt = f"Ladder diagram, {protocol} between {who}, {size(len(turns), 'turn')}, "
    alt += f"{size(secrets, 'password')} readable{whole}."
    title = f"{protocol}: {ends[0][0]} ({ends[0][1]}) and {ends[1][0]} ({ends[1][1]}){whole}"
    boxes = "".join(
        f'<span class="host{css}">{escape(who)}<small>{escape(where)}</small></span>'
        for (who, where), css in zip(ends, ("", " srv"), strict=True)
    )
    body = (
        f'<p class="cap">{escape(protocol)}<small>{size(len(turns), "turn")}{escape(whole)}</small></p>'
        '<div class="lad"><div class="head"><span class="t">seconds</span><span class="n">frame</span>'
        f'<span class="ends">{boxes}</span></div>'
        f"<ol>{''.join(html)}</ol></div>" + (f'<p class="note">{escape(more)}</p>' if more else "")
    )
    twin = [title, columns([["seconds", "frame", "", "line"], *text], right=frozenset({0, 1})), more]
    return View(card(body, alt, "ladder"), "\n".join(filter(None, twin)), alt, "ladder")


class _Row:
    """One turn, as HTML and as text."""

    def __init__(self, turn: Any, marks: list[Mark], start: float, reveal: bool, wanted: set[int | str]) -> None:
        self.turn, self.marks, self.reveal = turn, marks, reveal
        self.time = f"{turn.time - start:.4f}" if turn.time else ""
        self.frame = str(turn.frame) if turn.frame else ""
        data = bytes(turn.data).removesuffix(b"\r\n")
        self.line, _, self.rest = data.partition(b"\r\n") if turn.kind != "tls" else (data, b"", b"")
        if turn.kind == "mail":
            self.line, self.rest = _subject(data) or self.line, bytes(turn.message)
        self.mail = turn.kind == "mail" or bool(_subject(self.rest))
        self.how = "decrypted with the key log" if getattr(turn, "decrypted", False) else CLEAR
        frames = {turn.frame, *getattr(turn, "frames", ())}
        self.lit = any(word in frames if isinstance(word, int) else word.encode() in turn.data for word in wanted)

    def html(self) -> str:
        css = "gap" if self.turn.who == "gap" or self.turn.kind == "gap" else self.turn.who
        lane = self._lane()
        lit = " lit" if self.lit else ""
        return (
            f'<li class="row {css}{lit}"><span class="t">{self.time}</span>'
            f'<span class="n">{self.frame}</span><div class="lane">{lane}</div></li>'
        )

    def _lane(self) -> str:
        block = self._block()
        if block:
            return f'<div class="block"><span>{escape(block)}</span></div>'
        shown, at, subs, badges = [f'<span class="dim">{self.turn.who}: </span>'], 0, [], []
        for mark in self.marks:
            shown.append(escape(_short(self.line[at : mark.start])))
            shown.append(f'<span class="hit k-{mark.kind}">{escape(self._piece(mark))}</span>')
            if mark.label != "user":  # after USER the word says it itself
                badges.append(f'<span class="badge{"" if mark.secret else " calm"}">{escape(self._label(mark))}</span>')
            if mark.decoded is not None:
                subs.append(f'<span class="sub">decodes to {self._decoded_html(mark)}</span>')
            at = mark.end
        shown.append(escape(_short(self.line[at:])))
        if self.mail:
            badges.append(f'<span class="badge">mail, {self.how}</span>')
        if getattr(self.turn, "partial", False):
            badges.append('<span class="badge calm">not whole</span>')
        text = f'<span class="txt">{"".join(shown)}{"".join(badges)}</span>'
        said = f'<div class="said">{text}{"".join(subs)}{self._fold()}</div>'
        return f'{said}<div class="arrow" aria-hidden="true"></div>'

    def _decoded_html(self, mark: Mark) -> str:
        """What base64 hid, in the colours of its parts where it is a PLAIN message (RFC 4616)."""
        parts = (mark.decoded or b"").split(b"\0")
        if not mark.secret or len(parts) != 3:
            css = f"mono hit k-{mark.kind}" if mark.kind != "glue" else "mono"
            return f'<span class="{css}">{escape(self._decoded(mark)).replace(",", ",<wbr>")}</span>'
        words = [_short(part) for part in parts]
        words[2] = words[2] if self.reveal else mask(words[2])
        kinds = ("authzid", "user", "password")
        spans = [f'<span class="hit k-{k}">{escape(w)}</span>' if w else "" for k, w in zip(kinds, words, strict=True)]
        return '<span class="mono">' + r"\0".join(spans) + "</span>"

    def _fold(self) -> str:
        if not self.rest:
            return ""
        body = self.rest[:FOLD_BYTES].decode("utf-8", "replace").replace("\r\n", "\n")
        cut = "\n…" if len(self.rest) > FOLD_BYTES else ""
        return f"<details><summary>… {escape(self._more())}</summary><pre>{escape(body)}{cut}</pre></details>"

    def _more(self) -> str:
        lines = size(len(self.rest.removesuffix(b"\r\n").split(b"\r\n")), "line")
        subject = _subject(self.rest) if self.turn.kind != "mail" else b""
        return f"{lines}, {size(len(self.rest))}" + (f" – {printable(subject)}" if subject else "")

    def _label(self, mark: Mark) -> str:
        return mark.label.replace(CLEAR, self.how)

    def _piece(self, mark: Mark) -> str:
        raw = _short(self.line[mark.start : mark.end])
        return mask(raw) if mark.secret and not self.reveal else raw

    def _decoded(self, mark: Mark) -> str:
        plain = _short(mark.decoded or b"")
        return mask(plain) if mark.secret and not self.reveal else plain

    def _block(self) -> str:
        """The words on a grey block: bytes that can't be read, or weren't captured."""
        what = getattr(self.turn, "text", "").strip("()")
        if self.turn.who == "gap" or self.turn.kind == "gap":
            return what or "bytes are missing from the capture"
        if self.turn.kind == "tls":
            sealed = (
                "" if "Hello" in what or "encrypted" in what else ", encrypted"
            )  # the two Hellos are in the clear, in all versions
            who = f"{self.turn.who}: " if self.turn.data else ""  # a block of both sides' has none of its own
            return f"{who}{what or f'TLS, {size(len(self.turn.data))}'}{sealed}"
        return ""

    def text(self, ends: list[tuple[str, str]]) -> list[str]:
        """The row's columns in the static twin."""
        arrows = {"C": f"{ends[0][0]} -> {ends[1][0]}", "S": f"{ends[0][0]} <- {ends[1][0]}"}
        row = [self.time, self.frame, arrows.get(self.turn.who, "")]
        block = self._block()
        if block:
            return [*row, f"[ {block} ]"]
        line, at = "", 0
        for mark in self.marks:
            line += _short(self.line[at : mark.start]) + self._piece(mark)
            at = mark.end
        line += _short(self.line[at:])
        for mark in self.marks:
            if mark.decoded is not None:
                line += f"   <== {self._label(mark)}: {self._decoded(mark)}"
            elif mark.secret:
                line += f"   <== {self._label(mark)}"
        line += f"  … {self._more()}" if self.rest else ""
        return [*row, line + (f"   <== mail, {self.how}" if self.mail else "") + ("  *" if self.lit else "")]


def _subject(mail: bytes) -> bytes:
    """The Subject line of a mail, b"" if it has none."""
    head = mail.partition(b"\r\n\r\n")[0]
    return next((line for line in head.split(b"\r\n") if line.lower().startswith(b"subject:")), b"")


def _short(data: bytes) -> str:
    """Printable, and cut where it would fill the page."""
    return printable(data[:LINE_BYTES]) + (f" … {size(len(data))}" if len(data) > LINE_BYTES else "")


def _is_ssh(turns: Sequence[Any]) -> bool:
    """Both sides begin with a line that says so (RFC 4253 section 4.2)."""
    return bool(turns) and turns[0].data.startswith(b"SSH-")


def _ssh(turns: Sequence[Any]) -> Sequence[Any]:
    """Of SSH the two greetings can be read; all that follows becomes one block."""
    if not _is_ssh(turns):
        return turns
    rows: list[Any] = []
    for who in ("C", "S"):
        mine = [turn for turn in turns if turn.who == who]
        if mine and mine[0].data.startswith(b"SSH-"):
            line = mine[0].data.partition(b"\n")[0] + b"\n"
            rows.append(
                SimpleNamespace(who=who, kind="data", time=mine[0].time, frame=mine[0].frame, data=line, text="")
            )
    rows.sort(key=lambda row: (row.frame, row.time))
    sealed = sum(len(turn.data) for turn in turns) - sum(len(row.data) for row in rows)
    if sealed:
        last = next((turn for turn in turns if turn.frame > rows[-1].frame), turns[-1])
        text = f"key exchange (readable), and then all encrypted: {size(sealed)} both ways"
        rows.append(
            SimpleNamespace(who="C", kind="tls", time=last.time, frame=last.frame, frames=[], data=b"", text=text)
        )
    return rows


def _opened(turns: Iterable[Any]) -> list[Any]:
    """Where a key log has opened the records, what was in them stands for them; the handshake before stays."""
    kept: list[Any] = []
    opened = False
    for turn in turns:
        opened = opened or getattr(turn, "decrypted", False)
        if turn.kind != "tls" or not opened:
            kept.append(turn)
    return kept


def _join_tls(turns: Iterable[Any]) -> list[Any]:
    """TLS records that one side sent in a row become one turn: nobody outside can tell them apart by meaning."""
    joined: list[Any] = []
    records = 1
    for turn in turns:
        before = joined[-1] if joined else None
        if before is None or turn.kind != "tls" or (before.kind, before.who) != ("tls", turn.who):
            joined.append(turn)
            records = 1
            continue
        records += 1
        data = before.data + turn.data
        first = before.text.strip("()").split(" …")[0]
        text = f"{first} … {size(records, 'record')}, {size(len(data))} in all"
        frames = [*before.frames, *turn.frames]
        joined[-1] = SimpleNamespace(
            who=turn.who, kind="tls", time=before.time, frame=before.frame, frames=frames, data=data, text=text
        )
    return joined


def _ends(conversation: Any, names: dict[str, str]) -> list[tuple[str, str]]:
    """[(name, address:port) of the client, of the server]."""
    ends = []
    for default, where in (("client", str(conversation.client)), ("server", str(conversation.server))):
        address = where.rpartition(":")[0].strip("[]")
        ends.append((names.get(address, default), where))
    return ends


def _several(several: list[View], more: str) -> View:
    if not several or more:
        alt = more or "No conversation in this capture."
        several = [*several, View(card(f'<p class="note">{alt}</p>', alt), alt, alt)]
    return stacked(several, "ladder")
