"""One cell of the matrix: an attacker's question, the answer, and what proves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..conversations import Conversation

QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "listener": ("password on the wire", "mail on the wire", "offline guessing"),
    "on the path": ("replay works", "server authenticated", "survives an active attacker"),
    "thief": ("what the server must store",),
}
"""Attacker → what is asked about her: she hears what crosses the network; she answers in the server's place, and says
again what she heard; she has what the server keeps about Alice."""

GAINS = ("password", "mail", "login", "Alice's trust", "sends as Alice", "guesses")
"""What an attacker can have in the end."""

Verdict = Literal["open", "depends", "shut"]
"""The attacker gets something; whether she does depends on Alice's program or on her password; she gets nothing."""


@dataclass(frozen=True)
class Answer:
    """What was found out about one way in one channel.

    verdict: ``open``, ``depends`` or ``shut``. says: the cell's few words. gets: what the attacker has then, of
    :data:`GAINS` (if it depends: what she has where it goes her way). because: what ran and what came of it, in one or
    two sentences. conversations: of the capture that proves it, and frame: where in it (None: nowhere).
    """

    way: str
    channel: str
    question: str
    verdict: Verdict
    says: str
    gets: tuple[str, ...]
    because: str
    conversations: list[Conversation] = field(default_factory=list, repr=False)
    frame: int | None = None

    @property
    def attacker(self) -> str:
        """Whose question it is."""
        return next(who for who, asked in QUESTIONS.items() if self.question in asked)
