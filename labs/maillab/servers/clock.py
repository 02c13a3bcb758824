"""The clock of a host. Learners can put it forward, so that an hour needn't take one."""

from __future__ import annotations

import time


class Clock:
    """Seconds since 1970, and whatever the clock was put forward.

    >>> clock = Clock()
    >>> before = clock.now()
    >>> clock.forward(600)
    >>> 600 <= clock.now() - before < 601
    True
    """

    LIMIT = 366 * 86_400
    """Seconds it can be put forward in all: dates stay dates."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        """What the clock shows."""
        return time.time() + self._ahead

    def forward(self, seconds: float) -> None:
        """Put the clock forward.

        Raises:
            ValueError: back, or more than a year in all.
        """
        if not 0 <= seconds <= self.LIMIT - self._ahead:  # also NaN
            raise ValueError(f"a clock goes forward, by at most a year in all, not by {seconds} seconds.")
        self._ahead += seconds
