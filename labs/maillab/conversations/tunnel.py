"""What is said inside TLS: records go in, with a key log the turns inside come out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from ..tls.decrypt import Decrypter
from ..tls.keylog import KeyLog
from .turns import Side, Turn


class Inside(Protocol):
    """What takes the plaintext: a dialogue like any other."""

    def data(self, side: int, data: bytes, number: int, time_ns: int) -> None: ...

    def gap(self, side: int, missing: int, number: int, time_ns: int) -> None: ...

    def close(self, time_ns: int = 0) -> None: ...


class Tunnel:
    """Give it the turns of the outer dialogue from the first TLS record on; `emit` gets the turns inside.

    A record can only be read as a whole, so a turn inside was read from all frames of its records. For the dialogue
    inside, records are numbered in place of frames; they become frames again in its turns.
    """

    def __init__(
        self,
        keys: KeyLog,
        emit: Callable[[Turn], None],
        open_inside: Callable[[Callable[[Turn], None]], Inside],
        client_side: int,
    ) -> None:
        self._emit = emit
        self._tls = Decrypter(keys)
        self._numbers: dict[Side, int] = {"C": client_side, "S": 1 - client_side}
        self._inside = open_inside(self._turn)
        self._count = 0
        self._records: dict[Side, deque[tuple[int, list[int]]]] = {"C": deque(), "S": deque()}

    @property
    def problem(self) -> str:
        """Why (some of) it couldn't be read, in one sentence; empty: all could be."""
        return self._tls.problem

    def hear(self, turn: Turn) -> None:
        """Take a turn of the outer dialogue: a record, or a gap."""
        time_ns = round(turn.time * 1e9)
        if turn.kind == "gap":
            self._tls.lost(turn.side, turn.missing, turn.frame)
            self._inside.gap(self._numbers[turn.side], turn.missing, turn.frame, time_ns)
        elif turn.kind == "tls":
            said = self._tls.record(turn.side, turn.data, turn.frame)
            if said:
                self._count += 1
                self._records[turn.side].append((self._count, turn.frames))
                turn.opened = True
                self._inside.data(self._numbers[turn.side], said, self._count, time_ns)

    def close(self) -> None:
        """The connection is over."""
        self._tls.close()
        self._inside.close()

    def _turn(self, turn: Turn) -> None:
        if turn.kind == "gap":
            return  # the outer dialogue has told
        records = self._records[turn.side]
        while records and records[0][0] < turn.frames[0]:
            records.popleft()  # said and done
        wanted = set(turn.frames)
        turn.frames = sorted({frame for number, frames in records if number in wanted for frame in frames})
        turn.frame = turn.frames[0]
        turn.decrypted = True
        self._emit(turn)
