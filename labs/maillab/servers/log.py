"""What the servers remember of what happened: one line an event, never a password."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

MAX_EVENTS = 10_000
"""The oldest are forgotten beyond this."""


class Event(NamedTuple):
    """When by the host's clock (seconds since 1970), which service, which client (``address:port``), what happened."""

    time: float
    service: str
    client: str
    text: str


class EventLog:
    """The events of one host, oldest first.

    >>> log = EventLog()
    >>> log.add("pop3", "192.0.2.10:40312", "alice logged in with USER/PASS")
    >>> log.events[0].text
    'alice logged in with USER/PASS'
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.events: deque[Event] = deque(maxlen=MAX_EVENTS)
        self._now = now

    def add(self, service: str, client: str, text: str) -> None:
        """Remember an event. ``text`` must not hold what a client sent where a password may be."""
        self.events.append(Event(self._now(), service, client, text))

    @staticmethod
    def trouble(text: str) -> None:
        """A line on stderr, for what shouldn't happen."""
        print(f"maillab.servers: {text}", file=sys.stderr, flush=True)
