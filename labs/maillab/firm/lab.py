"""The lab in which the unknown firm's morning takes place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from ..lab import Lab
from ..names import Name
from ..network.host import Host
from ..student import Student
from .people import DESKS, people, trade
from .plan import WEAKNESSES, next_hop


class Firm(Lab):
    """Start the lab of an unknown firm: other users, more computers, and weaknesses that its card doesn't name.

    Args:
        lesson, student, rung: as for :class:`maillab.Lab`.

    Example::

        lab = Firm("15")
        capture = watch(lab)
    """

    _beside: ClassVar[Mapping[str, Name]] = DESKS

    def __init__(self, lesson: str = "15", *, student: str | None = None, rung: str | None = None) -> None:
        self.capture_file: Path | None = None
        """What :func:`maillab.firm.watch` recorded."""
        super().__init__(lesson, allow=WEAKNESSES, student=student, rung=rung, mx=True, nat=True, tls=True)
        if self.network.serves:
            self.next_hop(next_hop(self.student))

    def _recording(self, settings: list[str]) -> str | None:
        return f"{self.lesson}-firm"

    def _replayable(self, keys: bool) -> bool:
        return True  # it is only looked at: nobody has to say anything anew

    def _accounts(self) -> dict[str, str] | None:
        return {person.name: person.password for person in people(self.student).values()}

    def host(self, name: str) -> Host:
        """One of its hosts, by name."""
        return self._hosts[name]

    def describe(self) -> list[tuple[str, str]]:
        """What the owner tells you; not more, for the rest is to be found."""
        lines = [("network", self.network.real)]
        if self.passed_over:
            lines.append(("why not better", "; ".join(self.passed_over) + "."))
        lines += [
            ("whose", f"{trade(self.student)} with seven people, and a café on the ground floor"),
            ("mail server", f"mail.example.test, {self.mail.ip}: POP3, SMTP and submission, with and without TLS"),
            ("passes on to", f"mx.partner.example.test, {self.mx.ip}, a customer's server"),
            ("weaknesses", "that's what the owner would like to know"),
        ]
        wanted = Student(os.environ.get("MAILLAB_STUDENT") or "guest").id
        whose = self.student.id if self.network.serves or wanted == "guest" else f"guest, not {wanted}: a recording"
        return [*lines, ("student", whose)]
