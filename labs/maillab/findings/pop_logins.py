"""Who logged in over POP3 from which address: all that "POP before SMTP" servers go by."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import NamedTuple

MAX_KEPT = 10_000  # pairs of client and server; the one that was silent for longest is forgotten


class Login(NamedTuple):
    """An accepted login: who, how, the frame it is found under (Finding.frame), when the server said yes."""

    username: str | None
    mechanism: str
    frame: int
    time: float

    def as_of(self, time: float) -> dict[str, str | int | float | None]:
        """What a mail sent at that time tells of it (Finding.popped)."""
        seconds = round(time - self.time, 3)
        return {"username": self.username, "mechanism": self.mechanism, "frame": self.frame, "seconds": seconds}


Answer = Callable[[Login | None], None]


class PopLogins:
    """The latest accepted POP3 login of each client address at each server address, of a whole capture.

    Connections are read one after the other, not packet by packet, so what was said in them is noted first and
    settled later, in the order of the frames.

    >>> logins = PopLogins()
    >>> logins.ask(20, "192.0.2.1:50000", "192.0.2.25:25", lambda login: print(login.username))
    >>> logins.note(15, "192.0.2.1:40001", "192.0.2.25:110", Login("alice", "APOP", 12, 100.0))
    >>> logins.settle()
    alice
    """

    def __init__(self) -> None:
        self._latest: dict[tuple[str, str], Login] = {}
        self._said: list[tuple[int, tuple[str, str], Login | Answer]] = []

    def note(self, frame: int, client: str, server: str, login: Login) -> None:
        """The server said yes in this frame. client, server: "ip:port"; the ports don't count."""
        self._said.append((frame, (_host(client), _host(server)), login))

    def ask(self, frame: int, client: str, server: str, answer: Answer) -> None:
        """`answer` gets the latest login before this frame from the client's address at the server's, or None."""
        self._said.append((frame, (_host(client), _host(server)), answer))

    def settle(self) -> None:
        """Everything up to now was noted: answer the questions."""
        if not self._said:
            return
        self._said.sort(key=itemgetter(0))
        for frame, key, said in self._said:
            if not isinstance(said, Login):
                login = self._latest.get(key)
                said(login if login and login.frame < frame else None)  # later: the question had to wait for a segment
                continue
            self._latest.pop(key, None)  # a dict keeps the order of insertion: oldest first
            self._latest[key] = said
            if len(self._latest) > MAX_KEPT:
                del self._latest[next(iter(self._latest))]
        self._said.clear()


def _host(end: str) -> str:
    return end.rpartition(":")[0]
