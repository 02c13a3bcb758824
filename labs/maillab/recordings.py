"""The recordings in ``data/captures``: what they are called, how one is kept, and what can be read from one.

``maillab record`` (:mod:`maillab.record`) makes them, the replay rung (:mod:`maillab.network.replay`) plays them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from .capture.recorder import Capture
from .places import DATA


def recording(name: str) -> Path:
    """Where the recording of this name lies."""
    return DATA / "captures" / f"{name}.pcapng"


def recording_of(lesson: str | None, allow: Iterable[str]) -> str | None:
    """What a lesson's recording for a server with these weaknesses is called, without its ending.

    >>> recording_of("01", ["plaintext_login"])
    '01-plaintext_login'
    """
    if lesson is None:
        return None
    if not (isinstance(lesson, str) and len(lesson) == 2 and lesson.isdigit()):
        raise ValueError(f"A lesson is named by its two digits, like Lab('01'), not {lesson!r}.")
    return "-".join([lesson, *sorted(allow)])


def arrived(path: Path, server: str, user: str) -> list[bytes]:
    """The mails for a user that a recording shows on their way to a server."""
    from .findings import findings

    return [
        found.message
        for found in findings(path)
        if found.kind == "mail" and found.server == f"{server}:25" and f"{user}@" in "".join(found.recipients)
    ]


def save(heard: Capture, path: Path) -> None:
    """Keep everything that the mail server's card heard as a recording for the replay rung."""
    heard.stop()
    heard.save(path)
