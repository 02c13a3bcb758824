"""The model under the hub ⇄ switch toggle: who gets a frame, and what each try brought the eavesdropper."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from typing import Any, NamedTuple

HOSTS = ("alice", "mail", "mallory", "mx")
MODES = ("hub", "switch")


class Try(NamedTuple):
    """One login that was sent while the eavesdropper listened."""

    mode: str
    frames: int
    password: str | None


def receivers(mode: str, sender: str = "alice", target: str = "mail") -> tuple[str, ...]:
    """The hosts whose network card gets a copy of a frame. A hub repeats it on every other port; a switch has
    learned behind which port each address is, and uses only that one (IEEE 802.1D section 7.7).

    >>> receivers("hub"), receivers("switch")
    (('mail', 'mallory', 'mx'), ('mail',))
    """
    if mode not in MODES:
        raise ValueError(f"A network here is a hub or a switch, not {mode!r}.")
    return tuple(host for host in HOSTS if host != sender) if mode == "hub" else (target,)


def as_try(mode: str, answer: Any) -> Try:
    """What a probe returned, in any of its forms, as a Try.

    Accepts (frames, password), a mapping or an object with `frames` and `password`; `frames` is a number or a
    list of frames. Raises TypeError that says what was expected.
    """
    if isinstance(answer, Mapping):
        frames, password = answer.get("frames"), answer.get("password")
    elif isinstance(answer, tuple) and len(answer) == 2 and not hasattr(answer, "frames"):
        frames, password = answer
    else:
        frames, password = getattr(answer, "frames", None), getattr(answer, "password", None)
    if isinstance(frames, Sized):
        frames = len(frames)
    if not isinstance(frames, int):
        raise TypeError(f"The probe must return (number of frames, password or None), not {answer!r}.")
    return Try(mode, frames, None if password is None else str(password))
