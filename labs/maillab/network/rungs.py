"""Which rung: try them from the most real down, and say why the better ones weren't to be had."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ..names import Name
from .host import Network, RungUnavailable
from .loopback import Loopback
from .replay import Replay
from .sandbox import Sandbox
from .tap import Tap

RUNGS = ("sandbox", "loopback", "tap", "replay")


def open_network(
    rung: str | None = None,
    recording: Path | None = None,
    nat: bool = False,
    more: Mapping[str, Name] | None = None,
) -> tuple[Network, list[str]]:
    """The best network this machine can carry, or the one asked for; and a reason for each that was passed over.

    ``nat``: alice and mallory are behind a router and share its address. ``more``: hosts beside the usual ones.

    Raises:
        RungUnavailable: the rung asked for can't be had here.
        ValueError: there is no such rung.
    """
    makers: dict[str, Callable[[], Network]] = {
        "sandbox": lambda: Sandbox(nat, more),
        "loopback": lambda: Loopback(nat),
        "tap": lambda: Tap(nat),
        "replay": lambda: Replay(recording, nat),
    }
    if rung is not None and rung not in makers:
        raise ValueError(f"{rung!r} is not a rung (MAILLAB_RUNG, or Lab(rung=…)): choose from {', '.join(RUNGS)}.")
    passed_over: list[str] = []
    for name in [rung] if rung else RUNGS:
        try:
            network = makers[name]()
            network.names = {**network.names, **(more or {})}
            return network, passed_over
        except RungUnavailable as error:
            passed_over.append(f"no {name}: {error}")
    raise RungUnavailable(". ".join(passed_over) + ".")
