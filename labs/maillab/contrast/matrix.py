"""The matrix: everything in it ran in this lab."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from .answer import QUESTIONS, Answer
from .listener import ALL, Listener
from .path import Between, again, impostor, meets, neighbour, survives
from .thief import steal
from .ways import CHANNELS, WAYS

if TYPE_CHECKING:
    from ..lab import Lab

Item = TypeVar("Item")


class Matrix:
    """``Matrix(lab)``: empty at first. ``listen()``, ``attack()`` and ``steal()`` fill it, an attacker each.

    ``matrix["CRAM-MD5", "STLS", "password on the wire"]`` is an :class:`Answer`. ``iter(matrix)`` gives them all, in
    the order in which they were found. The lab has to be ``Lab(…, allow=SWITCHES, mx=True, tls=True)``.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._answers: dict[tuple[str, str, str], Answer] = {}
        self._listener = Listener(lab)

    def listen(self) -> Matrix:
        """A session for each way and channel, captured; what a listener gets of each."""
        if "mail" not in self._lab.ssh_servers:
            self._lab.start_ssh(self._lab.mail)
        with progress("listening", len(ALL)) as bar:
            for way, channel in counted(ALL, bar):
                self._add(*self._listener.listen(way, channel))
        return self

    def attack(self) -> Matrix:
        """What somebody on the path gets: replay, impostor, and standing between.

        Raises:
            RuntimeError: nobody has listened yet.
        """
        self._heard()
        impostors = ("clear", "STLS")  # elsewhere standing between is the same
        with progress("attacking", 2 * len(ALL) + len(impostors) * len(WAYS) + len(CHANNELS)) as bar:
            for way, channel in counted(ALL, bar):
                self._add(again(self._lab, way, channel, self._listener.heard[way, channel].talks))
            for channel in impostors:
                with impostor(self._lab, channel) as at:
                    for way in counted(WAYS, bar):
                        self._add(meets(self._lab, way, channel, at))
            for channel in CHANNELS:
                with Between(self._lab, channel) as between:
                    for way in counted(WAYS, bar):
                        self._add(*survives(between, way, channel))
            for channel in counted(CHANNELS, bar):
                before = self["POP before SMTP", channel, "survives an active attacker"]
                self._add(neighbour(self._lab, channel, before))
        return self

    def steal(self) -> Matrix:
        """What a thief of the server's store gets, with what she has heard besides.

        Raises:
            RuntimeError: nobody has listened yet.
        """
        self._heard()
        for way, channel in ALL:
            self._add(steal(self._lab, way, channel, self._listener.heard[way, channel]))
        return self

    def __getitem__(self, place: tuple[str, str, str]) -> Answer:
        try:
            return self._answers[place]
        except KeyError:
            raise KeyError(f"Nothing was found out yet about {place}: call listen(), attack() or steal().") from None

    def __contains__(self, place: object) -> bool:
        return place in self._answers

    def __iter__(self) -> Iterator[Answer]:
        return iter(self._answers.values())

    def __len__(self) -> int:
        return len(self._answers)

    def answers(self, attacker: str, way: str, channel: str) -> list[Answer]:
        """What was found out about one attacker, in the order of QUESTIONS; empty before she was let loose."""
        return [self[way, channel, each] for each in QUESTIONS[attacker] if (way, channel, each) in self]

    def gets(self, attacker: str, way: str, channel: str) -> set[str]:
        """What an attacker has for certain, so also where Alice's program is careful: some of GAINS."""
        found = self.answers(attacker, way, channel)
        return {what for answer in found if answer.verdict == "open" for what in answer.gets}

    def __repr__(self) -> str:
        full = len(WAYS) * len(CHANNELS) * sum(map(len, QUESTIONS.values()))
        return f"<{len(self)} of {full} answers, each from something that ran in this lab>"

    def _add(self, *answers: Answer) -> None:
        self._answers |= {(answer.way, answer.channel, answer.question): answer for answer in answers}

    def _heard(self) -> None:
        if len(self._listener.heard) < len(ALL):
            raise RuntimeError("Not all sessions were captured yet: call listen() first.")


def progress(what: str, total: int) -> Any:
    """A bar with rate and estimate."""
    from tqdm.auto import tqdm  # a widget in a notebook, text elsewhere

    return tqdm(total=total, desc=what)


def counted(items: Iterable[Item], bar: Any) -> Iterator[Item]:
    """The items, and a step of the bar after each."""
    for item in items:
        yield item
        bar.update()
