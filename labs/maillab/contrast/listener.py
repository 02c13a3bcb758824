"""What a listener gets: the captured bytes are searched, and where there is something to guess with, it is guessed."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..attacks import crack, rates
from ..attacks.candidates import Candidates
from ..conversations import Conversation, follow
from ..findings import Finding, findings
from ..student import ANIMALS, MATERIALS
from .answer import Answer
from .ways import CHANNELS, WAYS, fetch

if TYPE_CHECKING:
    from ..lab import Lab

TRIED = 200
"""Passwords among which the right one is looked for: enough to show that it is found, few enough for SCRAM."""


class Session(NamedTuple):
    """What was heard of one session: its conversations, and the logins in it that a listener can read."""

    talks: list[Conversation]
    logins: list[Finding]


class Listener:
    """Hears one session for each way and channel. ``heard``: (way, channel) → what there was to hear."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._password = lab.student.password("alice")
        self._rates: dict[str, float] = {}
        self.heard: dict[tuple[str, str], Session] = {}

    def listen(self, way: str, channel: str) -> list[Answer]:
        """One session, and the three answers that are in its capture."""
        with self._lab.capture() as heard:
            fetch(self._lab, way, channel)
        talks = talks_of(follow(heard), self._lab)
        logins = [found for found in findings(heard) if found.kind == "credential"]
        self.heard[way, channel] = Session(talks, logins)
        return [
            self._search(way, channel, talks, "password on the wire", "password", self._password),
            self._search(way, channel, talks, "mail on the wire", "mail", self._lab.student.door_code),
            self._guess(way, channel, talks, logins),
        ]

    def _search(self, way: str, channel: str, talks: list[Conversation], question: str, what: str, text: str) -> Answer:
        frame = frame_with(talks, text)
        looked = f"{sum(len(turn.data) for talk in talks for turn in talk.turns):,} bytes were searched"
        named = f"Alice's {'password' if what == 'password' else 'door code, which is in the mail,'}"
        if frame is None:
            because = f"{named} isn't among them, neither as it is nor in base64: {looked}."
            return Answer(way, channel, question, "shut", "no", (), because, talks)
        return Answer(way, channel, question, "open", "yes", (what,), f"{named} stands in frame {frame}.", talks, frame)

    def _guess(self, way: str, channel: str, talks: list[Conversation], logins: list[Finding]) -> Answer:
        question = "offline guessing"
        if not logins:
            because = "No response can be read, so there is nothing to compare a guess with."
            return Answer(way, channel, question, "shut", "nothing to guess with", (), because, talks)
        login = logins[0]
        if login.password is not None:
            because = f"There is nothing to guess: frame {login.frame} has the password."
            return Answer(way, channel, question, "open", "needn't", ("password",), because, talks, login.frame)
        if not self._rates:
            self._rates = rates()
        rate = self._rates[login.mechanism]
        result = crack(login, some_candidates(self._password), progress=False, processes=1)
        if result.password != self._password:
            raise RuntimeError(f"{way} in {channel}: the password was among the guesses, and wasn't recognised.")
        because = (
            f"With frame {login.frame} and what follows, {TRIED} guesses were tried, the right one among them: it was "
            f"recognised. One core of this computer makes {rate:,.0f} guesses a second."
        )
        says = f"{short_number(rate)}/s"
        return Answer(way, channel, question, "depends", says, ("guesses",), because, talks, login.frame)


def talks_of(conversations: Iterable[Conversation], lab: Lab) -> list[Conversation]:
    """Those that alice began: what her server does with the mail afterwards is another matter (lesson 13)."""
    onward = f"{lab.mx.ip}:{lab.mx.port('smtp')}"
    return [talk for talk in conversations if talk.server != onward]


def frame_with(talks: Sequence[Conversation], text: str) -> int | None:
    """The frame in which a text crosses the wire, as it is or in base64; None: in none."""
    wanted = text.encode()
    for talk in talks:
        for turn in talk.turns:
            if wanted in turn.data or any(wanted in word for word in decoded(turn.data)):
                return turn.frame
    return None


def decoded(data: bytes) -> list[bytes]:
    """Every word of it that is base64, undone.

    >>> decoded(b"AUTH PLAIN AGFsaWNlAHNlY3JldA==")[-1]
    b'\\x00alice\\x00secret'
    """
    found = []
    for word in re.findall(rb"[A-Za-z0-9+/]{4,}={0,2}", data):
        try:
            found.append(base64.b64decode(word, validate=True))
        except binascii.Error:
            continue
    return found


def some_candidates(password: str) -> Candidates:
    """Two hundred passwords as the lab makes them, with this one in their middle."""
    others = [f"{material}-{animal}-{number}" for number in (27, 63) for material in MATERIALS for animal in ANIMALS]
    half = TRIED // 2
    words = [word for word in others if word != password][: TRIED - 1]
    return Candidates([*words[:half], password, *words[half:]])


def short_number(number: float) -> str:
    """A rate in few characters.

    >>> short_number(3_412_000), short_number(1370), short_number(97_000)
    ('3.4 M', '1,370', '97,000')
    """
    return f"{number / 1e6:.1f} M" if number >= 1e6 else f"{float(f'{number:.3g}'):,.0f}"


ALL = [(way, channel) for channel in CHANNELS for way in WAYS]
"""The matrix's rows and columns, in the order in which they are gone through."""
