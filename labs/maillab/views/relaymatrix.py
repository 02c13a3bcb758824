"""Who may send to whom, as the server answered: a rule, who asks, and for whom; one SMTP session for each cell."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import ipywidgets as widgets

from maillab.clients import auth
from maillab.views.answers import aside
from maillab.views.twin import LABELS, ROW, TwinBox, at_work, part
from maillab.views.view import View, card, stacked

if TYPE_CHECKING:
    from maillab.lab import Lab

#: A rule, as the toggle calls it → the switches that make the server follow it.
RULES: dict[str, tuple[str, ...]] = {
    "own recipients only": (),
    "sender_check": ("sender_check",),
    "open_relay": ("open_relay",),
}
RECIPIENTS = ("bob@example.test", "dave@partner.example.test")
RECORDED = "This is a recording: it can't be asked anything new. measure(lab) shows what was answered then."


class Asker(NamedTuple):
    """Somebody who wants to send, and what she says about herself."""

    name: str
    host: str
    sender: str  #: what she writes after MAIL FROM
    service: str = "smtp"
    user: str = ""  #: who she logs in as, if she does


ASKERS = (
    Asker("mallory, as eve@elsewhere.example.test", "mallory", "eve@elsewhere.example.test"),
    Asker("mallory, claiming alice@example.test", "mallory", "alice@example.test"),
    Asker("mallory, with the null sender <>", "mallory", ""),
    Asker("alice, logged in, as alice@example.test", "alice", "alice@example.test", "submission", "alice"),
    Asker("alice, logged in, claiming bob@example.test", "alice", "bob@example.test", "submission", "alice"),
)


class Cell(NamedTuple):
    """What the server said to one question."""

    rule: str
    who: str
    recipient: str
    command: str  #: what decided: "MAIL" if that was refused, else "RCPT"
    code: int
    text: str

    @property
    def taken(self) -> bool:
        return 200 <= self.code < 300

    @property
    def verdict(self) -> str:
        return "taken" if self.taken else "refused"

    @property
    def reply(self) -> str:
        return f"{self.code} {self.text}" + (" (to MAIL FROM)" if self.command == "MAIL" else "")


class RelayMatrix(TwinBox):
    """`RelayMatrix(lab)`: choose a rule; the button sets it, asks the lab's mail server, and shows what it answered.

    The lab needs somebody to pass mail on to: `Lab(…, mx=True)`. `.cells` are the answers so far, and `cells` those
    that are there already: `RelayMatrix(lab, measure(lab))` begins with all three rules.
    """

    def __init__(self, lab: Lab, cells: Iterable[Cell] = ()) -> None:
        super().__init__("relaymatrix")
        self.lab, self.cells = lab, list(cells)
        self.rule = widgets.ToggleButtons(
            options=list(RULES), description="rule", style={**LABELS, "button_width": "11rem"}, layout=ROW
        )
        self.rule.add_class("ml-wrap")
        self.rule.observe(self._draw, "value")
        self.button = widgets.Button(
            description="Ask the server",
            button_style="primary",
            icon="question",
            layout=widgets.Layout(width="12rem", margin="6px 0 6px 9.3rem"),
        )
        self.button.on_click(self._clicked)
        self.trouble, self.picture = part(), part()
        if not lab.network.serves:  # a recording answers in the order in which it was asked then
            self.button.disabled = True
            self.trouble.value = aside(RECORDED).html
        self.show(self.rule, self.button, self.trouble, self.picture)
        self._draw()

    def _clicked(self, _button: Any = None) -> None:
        rule = self.rule.value
        with at_work(self.button, "Asking …", self.trouble, "The server couldn't be asked."):
            found = measure(self.lab, [rule])
            self.cells = [cell for cell in self.cells if cell.rule != rule] + found
        self._draw()

    def _draw(self, _change: Any = None) -> None:
        self.picture.value = matrix(cell for cell in self.cells if cell.rule == self.rule.value).html

    def twin(self) -> View:
        return matrix(self.cells)


def measure(lab: Lab, rules: Iterable[str] = RULES) -> list[Cell]:
    """Ask the mail server for every asker and recipient, under each of these rules; nothing is sent.

    Afterwards the weaknesses are on that were on before. Raises ServerError or OSError if the server can't be asked,
    SaslError if it doesn't let alice in.
    """
    cells = []
    with lab.put_back():
        for rule in rules:
            lab.allow(*RULES[rule])
            cells += [Cell(rule, who.name, to, *ask(lab, who, to)) for who in ASKERS for to in RECIPIENTS]
    return cells


def ask(lab: Lab, who: Asker, recipient: str) -> tuple[str, int, str]:
    """One session, up to RCPT: the command that decided, and the code and text of its reply."""
    host = lab.alice if who.host == "alice" else lab.mallory
    with host.smtp(who.service) as connection:
        if who.user:
            auth(connection, "SCRAM-SHA-256", who.user, lab.student.accounts[who.user].password)
        connection.ehlo_or_helo_if_needed()
        command, (code, text) = "MAIL", connection.mail(who.sender)
        if code == 250:
            command, (code, text) = "RCPT", connection.rcpt(recipient)
    return command, code, text.decode("utf-8", "replace")


def matrix(cells: Iterable[Cell]) -> View:
    """For each rule among the answers a matrix: who asks down, for whom across, and in each cell the reply."""
    by_rule: dict[str, dict[tuple[str, str], Cell]] = {}
    for cell in cells:
        by_rule.setdefault(cell.rule, {})[cell.who, cell.recipient] = cell
    if not by_rule:
        return aside("Nothing asked yet.")
    return stacked([_one(rule, by_rule[rule]) for rule in RULES if rule in by_rule], "relaymatrix")


def _one(rule: str, found: dict[tuple[str, str], Cell]) -> View:
    whos, recipients = (list(dict.fromkeys(key[place] for key in found)) for place in (0, 1))
    caption = f"Who may send to whom: {rule}"
    wide = max(map(len, recipients))
    rows, text = [], [caption]
    for who in whos:
        answers = {to: found.get((who, to)) for to in recipients}
        rows.append(f'<tr><th scope="row">{escape(who)}</th>{"".join(map(_cell, answers.values()))}</tr>')
        text.append(who)
        text += [f"  to {to:{wide}}  {cell.verdict:7}  {cell.reply}" for to, cell in answers.items() if cell]
    broken = [escape(to).replace("@", "@<wbr>").replace(".", "<wbr>.") for to in recipients]  # where it may break
    head = "".join(f'<th scope="col">to {to}</th>' for to in broken)
    html = (
        f'<table class="rm"><caption>{escape(caption)}</caption>'
        f'<thead><tr><th scope="col">who asks</th>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    )
    taken = sum(cell.taken for cell in found.values())
    alt = f"{caption}: {taken} taken, {len(found) - taken} refused."
    return View(card(html, alt), "\n".join(text), alt, "relaymatrix")


def _cell(answer: Cell | None) -> str:
    if answer is None:
        return "<td>–</td>"
    kind = "user" if answer.taken else "password"  # the palette's blue and vermillion, with their underlines
    reply = escape(answer.reply)
    return f'<td><span class="v k-{kind}">{answer.verdict}</span><span class="re mono">{reply}</span></td>'
