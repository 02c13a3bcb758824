"""Who logged in over POP3 lately, by address: all that POP before SMTP knows (RFC 2476 and RFC 6409, section 3.3).

Nothing but the address links that login with a later SMTP connection. Whoever has the same address (a neighbour
behind the same router, the next user of a dial-up line, a forger who could hold a conversation) has the login too.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from maillab.servers.clock import Clock

MAX_ADDRESSES = 10_000
"""Beyond this the address that has been silent longest is forgotten."""


class PopLogin(NamedTuple):
    """The most recent login from an address: who, and how many seconds ago."""

    username: str
    seconds: float


class PopLogins:
    """The most recent login from each address.

    >>> logins = PopLogins(Clock())
    >>> logins.add("192.0.2.10", "alice")
    >>> logins.last("192.0.2.10").username, logins.last("192.0.2.66")
    ('alice', None)
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def add(self, address: str, username: str) -> None:
        """Somebody has just logged in from this address."""
        self._last[address] = username, self._clock.now()
        self._last.move_to_end(address)
        if len(self._last) > MAX_ADDRESSES:
            self._last.popitem(last=False)

    def last(self, address: str) -> PopLogin | None:
        """The most recent login from this address, if there was one."""
        if address not in self._last:
            return None
        username, when = self._last[address]
        return PopLogin(username, max(0.0, self._clock.now() - when))

    def clear(self) -> None:
        """Forget them all."""
        self._last.clear()
