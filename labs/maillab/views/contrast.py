"""The matrix of everything: what an attacker gets, by way and channel; what proves it; and all of it on one page."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from maillab.contrast import CHANNELS, GAINS, QUESTIONS, WAYS, Answer
from maillab.views.ladder import ladder
from maillab.views.plot import DIM, INK, Plot, new_figure
from maillab.views.table import table
from maillab.views.view import View, card, columns, stacked

if TYPE_CHECKING:
    from maillab.contrast import Matrix

#: Verdict → the palette's kind, and its mark in print.
LOOK = {"open": ("password", "full"), "depends": ("tcp", "left"), "shut": ("user", "none")}
LEGEND = {
    "open": "the attacker gains",
    "depends": "it depends on Alice's program or password",
    "shut": "the attacker gains nothing",
}
#: Who "it" is, in a cell.
PROGRAM = "“It” is Alice's program: it insists on TLS, checks the certificate, compares the host key."
HEADING = {
    "listener": "What a listener gets",
    "on the path": "What somebody on the path gets",
    "thief": "What a thief of the server's store gets",
}
WORST = ("open", "depends", "shut")


def summary(answers: Iterable[Answer]) -> tuple[str, str]:
    """The worst verdict among an attacker's answers, and in few words what she has.

    >>> summary([Answer("APOP", "clear", "offline guessing", "depends", "3.1 M/s", ("guesses",), "")])
    ('depends', '3.1 M/s guesses')
    """
    answers = list(answers)
    if not answers:
        return "", "–"
    verdict = min((answer.verdict for answer in answers), key=WORST.index)
    if answers[0].attacker == "thief":
        return verdict, "; ".join([answers[0].says, *("logs in" for _ in answers if verdict == "open")])
    if verdict == "depends" and answers[0].attacker == "on the path":
        return verdict, f"nothing, {answers[-1].says}"
    gained = {what for answer in answers if answer.verdict == "open" for what in answer.gets}
    has = [what for what in GAINS if what in gained]
    has += [f"{answer.says} guesses" for answer in answers if answer.gets == ("guesses",)]
    return verdict, ", ".join(has) or "nothing"


def contrast_table(matrix: Matrix, attacker: str) -> View:
    """Ways down, channels across, and in each cell what this attacker gets.

    Raises ValueError for an attacker whom nobody knows.
    """
    if attacker not in QUESTIONS:
        raise ValueError(f"{attacker!r} is nobody here: choose from {', '.join(QUESTIONS)}.")
    cells = {(way, channel): summary(matrix.answers(attacker, way, channel)) for way in WAYS for channel in CHANNELS}
    head = "".join(f'<th scope="col">{escape(channel)}</th>' for channel in CHANNELS)
    rows = [
        f'<tr><th scope="row">{escape(way)}</th>{"".join(_cell(*cells[way, channel]) for channel in CHANNELS)}</tr>'
        for way in WAYS
    ]
    caption = HEADING[attacker]
    html = (
        f'<table class="cm"><caption>{caption}</caption><thead><tr><th scope="col">login</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>{note(attacker)}"
    )
    text = columns([["login", *CHANNELS], *([way, *(cells[way, channel][1] for channel in CHANNELS)] for way in WAYS)])
    counts = [sum(verdict == each for verdict, _ in cells.values()) for each in WORST]
    alt = (
        f"{caption}: something in {counts[0]} of {len(cells)} cells; in {counts[1]} it depends; in {counts[2]} nothing."
    )
    return View(card(html, alt), f"{caption}\n{text}", alt, "contrast")


def note(attacker: str) -> str:
    """What has to be said below an attacker's cells."""
    return f'<p class="note">{PROGRAM}</p>' if attacker == "on the path" else ""


def _cell(verdict: str, says: str) -> str:
    if not verdict:
        return "<td>–</td>"
    return f'<td><span class="v k-{LOOK[verdict][0]}">{escape(says)}</span></td>'


def evidence(matrix: Matrix, attacker: str, way: str, channel: str) -> View:
    """An attacker's questions about one way in one channel: the answers, what ran, and the frames that prove it."""
    answers = matrix.answers(attacker, way, channel)
    rows = [[answer.question, answer.says, answer.because] for answer in answers]
    caption = f"{HEADING[attacker]}: {way}, {channel}"
    shown = table(rows, ["question", "answer", "what ran"], caption, "" if rows else "Nothing was tried yet.")
    seen = [answer for answer in answers if answer.conversations]
    seen.sort(key=lambda answer: WORST.index(answer.verdict))
    if not seen:
        return stacked([shown], "contrast", "ladder")
    frames = {answer.frame for answer in answers if answer.conversations == seen[0].conversations and answer.frame}
    talks = seen[0].conversations
    proof = next((talk for talk in talks if frames & {frame for turn in talk.turns for frame in turn.frames}), talks[0])
    return stacked([shown, ladder(proof, max_rows=24, highlight=frames)], "contrast", "ladder")


def contrast_plot(matrix: Matrix) -> Plot:
    """The whole matrix on one page, to be printed: a mark for each question, way and channel.

    ``contrast_plot(matrix).figure.savefig("matrix.pdf")`` keeps it. Raises ValueError as long as answers are missing.
    """
    questions = [question for asked in QUESTIONS.values() for question in asked]
    if any((way, channel, each) not in matrix for way in WAYS for channel in CHANNELS for each in questions):
        raise ValueError("Not everything was tried yet: call listen(), attack() and steal().")
    step = len(questions) + 1  # a free column between two channels
    figure = new_figure(10.6, 4.9)
    axes = figure.add_subplot()
    colours = {"open": "#D55E00", "depends": "#E69F00", "shut": "#0072B2"}
    counts = dict.fromkeys(WORST, 0)
    for block, channel in enumerate(CHANNELS):
        for column, question in enumerate(questions):
            for row, way in enumerate(WAYS):
                verdict = matrix[way, channel, question].verdict
                counts[verdict] += 1
                colour = colours[verdict]
                axes.plot(
                    block * step + column, row, marker="o", markersize=12, color=colour, markerfacecoloralt="none",
                    fillstyle=LOOK[verdict][1], markeredgewidth=1.6,
                )  # fmt: skip
        middle = block * step + (len(questions) - 1) / 2
        axes.text(middle, -1.05, channel, ha="center", va="center", fontsize=13, fontweight="bold", color=INK)
    places = [block * step + column for block in range(len(CHANNELS)) for column in range(len(questions))]
    axes.set_xticks(places, questions * len(CHANNELS), rotation=90)
    axes.set_yticks(range(len(WAYS)), WAYS)
    axes.set_ylim(len(WAYS) - 0.5, -1.6)
    axes.set_xlim(-0.8, places[-1] + 0.8)
    axes.tick_params(length=0)
    for row in range(len(WAYS) - 1):
        axes.axhline(row + 0.5, color=DIM, linewidth=0.4)
    handles = [
        axes.plot([], [], marker="o", markersize=10, linestyle="none", color=colours[each], markerfacecoloralt="none",
                  fillstyle=LOOK[each][1], markeredgewidth=1.6, label=LEGEND[each])[0]
        for each in WORST
    ]  # fmt: skip
    legend = figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    for words in legend.get_texts():
        words.set_color(INK)
    sums = ", ".join(f"{LEGEND[each]}: {counts[each]}" for each in WORST)
    alt = (
        f"{sums}. {len(places) * len(WAYS)} answers in all. Each mark tells what the attacker has of it: "
        "a filled one under “server authenticated” says that the server isn't."
    )
    return Plot(figure, "Everything, contrasted: what attackers get, by login and channel", alt)
