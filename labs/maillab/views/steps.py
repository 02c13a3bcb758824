"""How a response comes about, step by step: each value in pieces, each piece labelled with where it comes from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from maillab.views.pieces import KINDS, Piece, StepLike, colour, pieces, underlined, value_bytes
from maillab.views.view import View, card, size

#: A step's name → what begins with it.
CHAPTERS = {
    "key": "The password becomes a key",
    "inner key": "The inner hash: the key and the challenge",
    "outer key": "The outer hash: the key and the inner hash",
    "user:realm:password": "Who logs in",
    "A2": "What for",
    "KD": "Both together, and the two nonces again",
    "A2 of server": "The server's proof: the same, but for one word",
    "SaltedPassword": "The password, salted and hashed many times",
    "AuthMessage": "All that was said, and the proof over it",
    "ServerKey": "The server's proof",
    "response": "What the client sends",
}
#: A step whose value crosses the network → what to say about that, where its chapter doesn't.
CROSSES = {"response": "", "rspauth": "sent by the server", "ServerSignature": "sent by the server"}


def steps_view(steps: Sequence[StepLike], before: Sequence[StepLike] | None = None, caption: str = "") -> View:
    """One row a step: its name, how it is computed, and its value in labelled pieces.

    `before`: the same steps for the input that was there a moment ago; what differs from it is marked.
    """
    old = {step.name: step for step in before or ()}
    names = {step.name for step in steps}
    rows, text, differ = [], [caption] if caption else [], []
    for number, step in enumerate(steps, 1):
        shown = pieces(step, old.get(step.name) if before is not None else step)
        was = old.get(step.name, step)
        differs = value_bytes(was) != value_bytes(step)
        differ += [step.name] if differs else []
        chapter = CHAPTERS.get(step.name)
        if chapter:
            rows.append(f'<h6 class="ch">{escape(chapter)}</h6>')
            text += [*([""] if text else []), f"{chapter}:"]
        rows.append(_row(step, shown, differs, names))
        text += _text(number, step, shown, differs)
    alt = f"How the response comes about, in {size(len(steps), 'step')}"
    if before is not None:
        alt += f"; changed: {', '.join(differ)}" if differ else "; nothing changed"
    head = f'<p class="cap">{escape(caption)}</p>' if caption else ""
    return View(
        card(f'{head}<div class="st">{"".join(rows)}</div>', alt + ".", "steps"), "\n".join(text), alt + ".", "steps"
    )


def _row(step: StepLike, shown: list[Piece], differs: bool, names: set[str]) -> str:
    tag = '<span class="new">changed</span>' if differs else ""
    sent = f'<span class="tag">{CROSSES[step.name]}</span>' if CROSSES.get(step.name) else ""
    length = len(value_bytes(step))
    note = f"{size(length)}, in hex" if shown and all(p.raw for p in shown) else ""
    formula = f'<span class="fm">{_formula(step, names)}</span>'
    left = f'<div class="nm"><b>{escape(step.name)}</b>{tag}{formula}{sent}</div>'
    right = _grouped(shown) or '<span class="dim">nothing</span>'
    foot = f'<span class="len">{note}</span>' if note else ""
    css = "s" + (" out" if step.name in CROSSES else "") + (" chg" if differs else "")
    return f'<div class="{css}">{left}<div class="vl">{right}{foot}</div></div>'


def _formula(step: StepLike, names: set[str]) -> str:
    """The formula with the names of inputs in their colours, and those of steps set apart."""
    known = sorted({*KINDS, *names} - {"glue", step.name}, key=len, reverse=True)
    out, at = [], 0
    # not in "the server's challenge", which is a message and not the input
    pattern = r"(?<![\w:-])(?<!'s )(?:" + "|".join(map(re.escape, known)) + r")(?![\w:-])"
    for match in re.finditer(pattern, step.formula):
        out.append(escape(step.formula[at : match.start()]))
        kind = KINDS.get(match[0])
        out.append(f'<span class="{f"k-{kind}" if kind else "ref"}">{escape(match[0])}</span>')
        at = match.end()
    return "".join(out) + escape(step.formula[at:])


def _grouped(shown: list[Piece]) -> str:
    """The pieces; a line may end behind a comma, colon or blank, not between a name and its value."""
    groups, group, before = [], "", ""
    for piece in shown:
        if piece.kind != "glue" or piece.raw:
            group += _piece(piece, named=piece.kind in before)
            before = ""
            continue
        for run in re.findall(r"[^,: ]*[,: ]|[^,: ]+", piece.text):
            group += f'<span class="gl">{escape(run)}</span>'
            before = run
            if run[-1] in ",: ":
                groups.append(group)
                group = ""
    return "".join(f'<span class="gr">{group}</span>' for group in filter(None, [*groups, group]))


def _piece(piece: Piece, named: bool) -> str:
    """A piece with its label, unless the text in front of it is its name already (`realm="…"`)."""
    text = _marked(piece)
    if piece.kind == "glue":
        return f'<span class="gl rw">{text}</span>'
    raw = " rw" if piece.raw and " " in piece.text else ""
    if not piece.kind:
        return f'<span class="pt own{raw} k-digest">{text}</span>'
    label = "" if named else f"<i>{escape(piece.kind)}</i>"
    return f'<span class="pt{raw} k-{colour(piece.kind)}">{label}{text}</span>'


def _marked(piece: Piece) -> str:
    out, at = [], 0
    for start, end in piece.marks:
        out.append(f"{escape(piece.text[at:start])}<mark>{escape(piece.text[start:end])}</mark>")
        at = end
    return "".join(out) + escape(piece.text[at:])


def _text(number: int, step: StepLike, shown: list[Piece], differs: bool) -> list[str]:
    """The twin of a row: the value, and a ^ under all that changed."""
    notes = [CROSSES.get(step.name, ""), "changed" if differs else ""]
    note = ", ".join(filter(None, notes))
    lines = [f"{number:2}  {step.name} = {step.formula}" + (f"   <== {note}" if note else "")]
    value, spans = "", []
    for piece in shown:
        value += " " if value and piece.raw else ""
        spans += [(len(value) + start, len(value) + end) for start, end in piece.marks]
        value += piece.text
    return lines + underlined(value, spans)
