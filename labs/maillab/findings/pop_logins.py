"""Who logged in over POP3 from which address: all that "POP before SMTP" servers go by."""

from __future__ import annotations

from typing import NamedTuple

MAX_KEPT = 10_000  # pairs of client and server; the one that was silent for longest is forgotten


class Login(NamedTuple):
    """An accepted log-in: who, how, the frame it is found under (Finding.frame), when the server said yes."""

    username: str | None
    mechanism: str
    frame: int
    time: float

    def as_of(self, time: float) -> dict[str, str | int | float | None]:
        """What a mail sent at that time tells of it (Finding.popped)."""
        seconds = round(time - self.time, 3)
        return {"username": self.username, "mechanism": self.mechanism, "frame": self.frame, "seconds": seconds}


class PopLogins:
    """The latest accepted POP3 log-in of each client address at each server address, of a whole capture.

    >>> logins = PopLogins()
    >>> logins.note("192.0.2.1:40001", "192.0.2.25:110", Login("alice", "APOP", 12, 100.0))
    >>> logins.last("192.0.2.1:50000", "192.0.2.25:25").username
    'alice'
    """

    def __init__(self) -> None:
        self._latest: dict[tuple[str, str], Login] = {}

    def note(self, client: str, server: str, login: Login) -> None:
        """client, server: "ip:port"; the ports don't count."""
        key = _host(client), _host(server)
        self._latest.pop(key, None)  # a dict keeps the order of insertion: oldest first
        self._latest[key] = login
        if len(self._latest) > MAX_KEPT:
            del self._latest[next(iter(self._latest))]

    def last(self, client: str, server: str) -> Login | None:
        """The latest log-in from the client's address at the server's, None when there was none."""
        return self._latest.get((_host(client), _host(server)))


def _host(end: str) -> str:
    return end.rpartition(":")[0]
