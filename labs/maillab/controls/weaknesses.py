"""What the mail server may be made to do wrong, and its clock."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from ..servers.handle import ServerError
from ..servers.switches import POP_WINDOW
from .started import Started


class Weaknesses(Started):
    """Switches, fixed challenges, the window of POP before SMTP. On the replay rung nothing of this happens."""

    def allow(self, *switches: str) -> None:
        """Switch exactly these weaknesses of the mail server on, and all others off.

        Raises:
            ServerError: one of them doesn't exist.

        On the replay rung nothing can be switched: the recording was made in the order of the lesson. Example::

            lab.allow("apop", "cram_md5")
            lab.allow()                         # all off
        """
        if self._server is not None:
            self._server.ask("allow", switches=list(switches))

    @contextlib.contextmanager
    def put_back(self) -> Iterator[None]:
        """Whatever the block does to the mail server is undone at its end: weaknesses, challenges, window, TLS."""
        if self._server is None:
            yield
            return
        before = self._server.ask("weakness")
        try:
            yield
        except BaseException:
            with contextlib.suppress(ServerError):  # the learner's own error is the one to show
                self._go_back(before)
            raise
        self._go_back(before)

    def _go_back(self, before: dict[str, Any]) -> None:
        assert self._server is not None
        self._server.ask("allow", switches=before["on"])
        self._server.ask("fix", challenges=before["challenges"])
        self._server.ask("window", seconds=before["window"])
        if before["tls"]:
            self._server.ask("tls", **before["tls"])
        if before["next_hop"]:
            self._server.ask("next_hop", tls=before["next_hop"])

    @contextlib.contextmanager
    def fixed_challenge(self, mechanism: str, challenge: str | None = None) -> Iterator[None]:
        """For as long as the block lasts the mail server sends this mechanism's challenge over and over again.

        Args:
            mechanism: ``APOP``, ``CRAM-MD5``, ``DIGEST-MD5`` or ``SCRAM-SHA-256``.
            challenge: what to send; without it, the first one that comes up.

        Raises:
            ServerError: no such mechanism, or that text can't be its challenge.

        It is the weakness ``fixed_challenge``. (A recording was made with it, and repeats it by itself.) Example::

            with lab.fixed_challenge("APOP", "<1896.697170952@dbc.mtview.ca.us>"):
                print(lab.alice.pop3().getwelcome())
        """
        with self.put_back():
            if self._server is not None:
                now = self._server.ask("weakness")
                self._server.ask("allow", switches=[*now["on"], "fixed_challenge"])
                self._server.ask("fix", challenges={**now["challenges"], mechanism: challenge})
            yield

    @property
    def window(self) -> float:
        """For how many minutes a POP3 login opens SMTP to its address, with ``pop_before_smtp``; assign to change it.

        Raises:
            ServerError: less than 0, or more than a day.
        """
        return POP_WINDOW / 60 if self._server is None else float(self._server.ask("weakness")["window"]) / 60

    @window.setter
    def window(self, minutes: float) -> None:
        if self._server is not None:
            self._server.ask("window", seconds=minutes * 60)

    def forward(self, minutes: float) -> None:
        """Put the mail server's clock forward, so that nobody has to wait. Its log and its stamps follow.

        Raises:
            ServerError: back, or more than a year in all.
        """
        if self._server is not None:
            self._server.ask("forward", seconds=minutes * 60)
