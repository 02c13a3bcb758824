"""The replay desk: capture a login, say it again, at a server that asks anew or one that repeats its question."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import ipywidgets as widgets

from maillab.attacks import replay
from maillab.conversations import follow
from maillab.views.answers import aside
from maillab.views.challenge import log_in
from maillab.views.marks import credential_marks
from maillab.views.table import table
from maillab.views.twin import LABELS, ROW, TwinBox, at_work, part
from maillab.views.view import View

if TYPE_CHECKING:
    from maillab.lab import Lab

MECHANISMS = ("APOP", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-256")
#: What the toggle says → whether the server's challenge is the same in every connection.
SERVERS = {"fresh": False, "repeats": True}
RECORDED = "This is a recording: it can't be asked anything new. try_all(lab) shows what was tried then."


class Try(NamedTuple):
    """A login that was captured and then said again."""

    mechanism: str
    server: str  #: "fresh" or "repeats"
    same: bool  #: whether mallory was asked what alice had been asked
    accepted: bool


class ReplayDesk(TwinBox):
    """`ReplayDesk(lab)`: choose a mechanism and a kind of server; the button captures alice's login and replays it.

    Every try adds a row to the table. `.tries` is the list of them.
    """

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self.lab, self.tries = lab, list[Try]()
        buttons = {"style": {**LABELS, "button_width": "9rem"}, "layout": ROW}
        self.mechanism = widgets.ToggleButtons(options=MECHANISMS, description="mechanism", **buttons)
        self.server = widgets.ToggleButtons(options=list(SERVERS), description="server's challenge", **buttons)
        for toggle in (self.mechanism, self.server):
            toggle.add_class("ml-wrap")
        self.button = widgets.Button(
            description="Capture a login and replay it",
            button_style="primary",
            icon="repeat",
            layout=widgets.Layout(width="18rem", margin="6px 0 6px 9.3rem"),
        )
        self.button.on_click(self._clicked)
        self.trouble, self.results = part(), part()
        if not lab.network.serves:  # a recording answers in the order in which it was asked then
            self.button.disabled = True
            self.trouble.value = aside(RECORDED).html
        self.show(self.mechanism, self.server, self.button, self.trouble, self.results)
        self.results.value = self.twin().html

    def _clicked(self, _button: Any = None) -> None:
        with at_work(self.button, "Capturing …", self.trouble, "Nothing was replayed."):
            self.tries.append(try_one(self.lab, self.mechanism.value, self.server.value))
        self.results.value = self.twin().html

    def twin(self) -> View:
        return tries_table(self.tries)


def try_one(lab: Lab, mechanism: str, server: str) -> Try:
    """Alice logs in, mallory hears it and says the same again in a connection of her own.

    `server`: "fresh" asks something new in each connection, "repeats" doesn't.
    Raises RuntimeError if alice's login wasn't heard.
    """
    account = lab.student.accounts["alice"]
    with lab.fixed_challenge(mechanism) if SERVERS[server] else contextlib.nullcontext():
        with lab.capture() as heard:
            refused = log_in(lab, mechanism, account.name, account.password)
        talks = follow(heard)
        if not talks or refused:
            raise RuntimeError(refused or "Mallory's card heard no login: turn the network into a hub.")
        again = replay(lab.mallory, talks[0])
    asked = challenges([(turn.who, bytes(turn.data)) for turn in talks[0].turns])
    anew = challenges([pair for sent, answer in again.exchange for pair in (("C", sent), ("S", answer))])
    # The last is the mechanism's: before it stands APOP's, in POP3's greeting.
    return Try(mechanism, server, bool(asked) and asked[-1:] == anew[-1:], again.accepted)


def challenges(said: Iterable[tuple[str, bytes]]) -> list[bytes]:
    """What the server asked in a dialogue, given as (who, bytes): its challenges, base64 undone."""
    turns: list[Any] = [SimpleNamespace(who=who, data=data, kind="") for who, data in said if data]
    found = []
    for place, marks in credential_marks(turns).items():
        for mark in marks if turns[place].who == "S" else ():
            if mark.kind == "challenge":
                found.append(turns[place].data[mark.start : mark.end] if mark.decoded is None else mark.decoded)
    return found


def try_all(lab: Lab) -> list[Try]:
    """Each mechanism at each kind of server, once."""
    return [try_one(lab, mechanism, server) for mechanism in MECHANISMS for server in SERVERS]


def tries_table(tries: Iterable[Try]) -> View:
    """One row a try."""
    rows = [
        [each.mechanism, each.server, "yes" if each.same else "no", "logged in" if each.accepted else "refused"]
        for each in tries
    ]
    headers = ["mechanism", "server's challenge", "same challenge seen?", "the replay"]
    return table(rows, headers, "Captured, and said again", "" if rows else "Nothing tried yet.")
