"""POP before SMTP: a window that Alice's login opens, and who comes through it; tried on the lab's server."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import ipywidgets as widgets

from maillab.names import DOMAIN
from maillab.servers.policy import Envelope, judge
from maillab.servers.store import Store
from maillab.servers.switches import Switches
from maillab.views.answers import aside
from maillab.views.table import table
from maillab.views.twin import LABELS, ROW, WIDE, TwinBox, at_work, part
from maillab.views.view import View, card, stacked

if TYPE_CHECKING:
    from maillab.lab import Lab

#: What the server asks of those who want to send: the toggle's label → the port where, and the weakness it takes.
RULES = {"an address": ("smtp", "pop_before_smtp"), "a login": ("submission", "")}
#: Whence Mallory sends: the toggle's label → the host that she does it from.
PLACES = {"Alice's address": "mallory", "another address": "mx"}
LONGEST = 40
"""Minutes on the time line."""
SENDER, RECIPIENT = "alice@example.test", "dave@partner.example.test"
RECORDED = "This is a recording: move the sliders to see what the rule says. The table was measured when it was made."
ONE_ADDRESS = "On this rung all hosts have the same address, as far as the server sees: only a sandbox can try this."


class Case(NamedTuple):
    """One question: a rule, the window's length and Mallory's moment in minutes, and whence she sends."""

    rule: str = "an address"
    window: int = 10
    after: int = 4
    place: str = "Alice's address"


class Try(NamedTuple):
    """A case, and what the server said."""

    case: Case
    reply: str


def expected(case: Case) -> str:
    """What the policy's table says, a moment after those minutes.

    >>> expected(Case(window=10, after=9)), expected(Case(window=10, after=10))
    ('250 2.1.5 OK, will be passed on', '550 5.7.1 relaying denied, fetch your mail first')
    """
    service, weakness = RULES[case.rule]
    popped = case.after * 60 + 1 if case.place == "Alice's address" else None
    envelope = Envelope("192.0.2.1", None, SENDER, RECIPIENT, service, popped, case.window * 60)
    return judge(envelope, Store(DOMAIN, {"alice": ""}), Switches([weakness] if weakness else [])).reply


def try_window(lab: Lab, case: Case) -> Try:
    """Alice fetches her mail, the minutes pass on the server's clock, Mallory asks whether she may send.

    Nothing is sent. Weaknesses and window are afterwards what they were before. Example::

        try_window(lab, Case(window=10, after=4)).reply     # '250 2.1.5 OK, will be passed on'

    Raises:
        ServerError, OSError: the server can't be asked. RuntimeError: it doesn't let Alice in.
    """
    service, weakness = RULES[case.rule]
    alice = lab.student.accounts["alice"]
    with lab.put_back():
        lab.allow("apop", *([weakness] if weakness else []))
        lab.window = case.window
        mailbox = lab.alice.pop3()
        mailbox.apop(alice.name, alice.password)
        mailbox.quit()
        lab.forward(minutes=case.after)
        host = lab.mx if PLACES[case.place] == "mx" else lab.mallory
        with host.smtp(service) as connection:
            connection.ehlo()
            code, text = connection.mail(SENDER)
            if code == 250:
                code, text = connection.rcpt(RECIPIENT)
    return Try(case, f"{code} {text.decode('utf-8', 'replace')}")


class PopWindow(TwinBox):
    """`PopWindow(lab)`: how long is the window, when does Mallory come, and whence? The button tries it for real.

    Every try adds a row to the table. `.tries` is the list of them.
    """

    def __init__(self, lab: Lab, tries: Iterable[Try] = ()) -> None:
        super().__init__("popwindow")
        self.lab, self.tries = lab, list(tries)
        start = Case()
        sliders = {"style": LABELS, "layout": WIDE, "continuous_update": True}
        buttons = {"style": {**LABELS, "button_width": "10rem"}, "layout": ROW}
        self.rule = widgets.ToggleButtons(options=list(RULES), description="server asks for", **buttons)
        self.window = widgets.IntSlider(start.window, 0, 30, description="window, minutes", **sliders)
        self.after = widgets.IntSlider(start.after, 0, LONGEST, description="Mallory after, minutes", **sliders)
        self.place = widgets.ToggleButtons(options=list(PLACES), description="Mallory sends from", **buttons)
        controls = (self.rule, self.window, self.after, self.place)
        for control in controls:
            control.observe(self._draw, "value")
        for toggle in (self.rule, self.place):
            toggle.add_class("ml-wrap")
        self.button = widgets.Button(
            description="Try it on the server",
            button_style="primary",
            icon="play",
            layout=widgets.Layout(width="15rem", margin="6px 0 6px 9.3rem"),
        )
        self.button.on_click(self._clicked)
        self.picture, self.why, self.trouble, self.results = part(), part(), part(), part()
        self.show(*controls, self.picture, self.button, self.why, self.trouble, self.results)
        self._draw()

    @property
    def case(self) -> Case:
        """What the controls say."""
        return Case(self.rule.value, self.window.value, self.after.value, self.place.value)

    def _clicked(self, _button: Any = None) -> None:
        with at_work(self.button, "Trying …", self.trouble, "The server couldn't be asked."):
            self.tries.append(try_window(self.lab, self.case))
        self._draw()

    def _draw(self, _change: Any = None) -> None:
        why = RECORDED if not self.lab.network.serves else ""
        if not why and self.case.place == "another address" and not self.lab.network.apart:
            why = ONE_ADDRESS
        self.button.disabled = bool(why)
        self.why.value = aside(why).html if why else ""
        self.picture.value = window_picture(self.case).html
        self.results.value = tries_table(self.tries).html

    def twin(self) -> View:
        return stacked([window_picture(self.case), tries_table(self.tries)], "popwindow")


def tries_table(tries: Iterable[Try]) -> View:
    """One row a try: the case, and the server's reply."""
    rows = [[*each.case, each.reply] for each in tries]
    headers = ["server asks for", "window, min", "Mallory after, min", "from", "the server's reply"]
    return table(rows, headers, "What the server said to Mallory", "" if rows else "Nothing tried yet.")


def window_picture(case: Case) -> View:
    """A time line: Alice's login at 0, how long it counts, and Mallory's try with what the rule says to it."""
    reply = expected(case)
    verdict = "taken" if reply.startswith("250") else "refused"
    x = [20 + 600 * minute / LONGEST for minute in range(LONGEST + 1)]
    ticks = "".join(
        f'<path class="axis" d="M{x[m]:.0f} 96v6"/><text class="s m" x="{x[m]:.0f}" y="116">{m or "0 min"}</text>'
        for m in range(0, LONGEST + 1, 5)
    )
    by_address = case.rule == "an address"
    width = x[case.window] - x[0]
    bar = f'<rect class="open" x="20" y="58" width="{width:.0f}" height="38"/>' if by_address and width else ""
    says = f"open to her address for {case.window} min" if by_address else "opens nothing: each asks for herself"
    at = x[case.after]
    side = "" if case.after < 8 else "e" if case.after > LONGEST - 8 else "m"
    fall = {"": at - 10, "e": at + 10, "m": at}[side]
    svg = (
        '<path class="axis" d="M20 96H620"/>'
        f'{ticks}{bar}<path class="pin" d="M20 38V96"/>'
        f'<text x="20" y="16">Alice fetches her mail (APOP)</text><text class="s" x="20" y="33">{escape(says)}</text>'
        f'<path class="{verdict}" d="M{at:.0f} 46V96"/><circle class="{verdict}" cx="{at:.0f}" cy="77" r="8"/>'
        f'<text class="{side}" x="{fall:.0f}" y="140">Mallory sends from {escape(case.place)}: {verdict}</text>'
        f'<text class="s {side}" x="{fall:.0f}" y="157">{escape(reply)}</text>'
    )
    alt = (
        f"The server asks for {case.rule}. Alice logs in over POP3 at 0 minutes"
        + (f", which counts for {case.window}" if by_address else "")
        + f"; Mallory sends from {case.place} at {case.after}: {verdict}, {reply}."
    )
    head = f'viewBox="0 0 640 166" role="img" aria-label="{escape(alt)}"'
    inside = f'<div class="pw"><svg {head}><title>{escape(alt)}</title>{svg}</svg></div>'
    return View(card(inside, alt), alt, alt, "popwindow")
