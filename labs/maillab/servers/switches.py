"""The lab's weaknesses, by name. All are off until a lesson switches one on and says so."""

from __future__ import annotations

from collections.abc import Iterable

SWITCHES: dict[str, str] = {
    "plaintext_login": "takes passwords without TLS: POP3 USER/PASS, AUTH PLAIN and LOGIN in POP3 and SMTP",
}
"""What each switch makes the servers do."""


class Switches:
    """Which weaknesses are on. Servers ask at every command, so a switch works on connections that are open.

    >>> switches = Switches()
    >>> switches.allows("plaintext_login")
    False
    >>> switches.set(["plaintext_login"])
    >>> switches.allows("plaintext_login")
    True
    """

    def __init__(self, on: Iterable[str] = ()) -> None:
        self._on: frozenset[str] = frozenset()
        self.set(on)

    def __repr__(self) -> str:
        return f"Switches({', '.join(sorted(self._on)) or 'all off'})"

    def set(self, on: Iterable[str]) -> None:
        """Switch on exactly these, and all others off.

        Raises:
            ValueError: one of them doesn't exist; nothing is switched then.
        """
        names = frozenset([on] if isinstance(on, str) else on)
        unknown = sorted(str(name) for name in names if name not in SWITCHES)
        if unknown:
            raise ValueError(f"no switch is called {unknown[0]!r}: choose from {', '.join(SWITCHES)}.")
        self._on = names

    def allows(self, name: str) -> bool:
        """Whether the switch is on."""
        if name not in SWITCHES:
            raise ValueError(f"no switch is called {name!r}: choose from {', '.join(SWITCHES)}.")
        return name in self._on

    @property
    def on(self) -> list[str]:
        """The names of those that are on."""
        return sorted(self._on)
