"""The capture of the morning: a file that is made once and kept, so that its frames keep their numbers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..places import work
from ..recordings import recording
from .people import people
from .plan import plan
from .play import Play

if TYPE_CHECKING:
    from .lab import Firm

FILE = "firm.pcapng"


def watch(lab: Firm, anew: bool = False, progress: bool = True) -> Path:
    """A morning at the firm's mail server, as a capture file (pcapng).

    Args:
        lab: a running :class:`maillab.firm.Firm`.
        anew: make another one, although there is one. It has other frame numbers.
        progress: show a bar.

    The file is kept in the student's folder: next time you get the same one, so that what you noted of it stays true.
    On the replay rung it's guest's, out of data/captures.

    Raises:
        OSError: the folder can't be written to.

    Example::

        capture = watch(lab)
        findings(capture)
    """
    if not lab.network.serves:
        lab.capture_file = recording(str(lab.name))
        return lab.capture_file
    path = work(lab.student.id) / FILE
    if anew or not path.exists() or os.environ.get("MAILLAB_RECORD"):
        _play(lab, path, progress)
    lab.capture_file = path
    return path


def _play(lab: Firm, path: Path, progress: bool) -> None:
    from tqdm.auto import tqdm  # a bar in a notebook, text elsewhere

    lab.reset()
    play, steps = Play(lab), plan(lab.student)
    with lab.capture(lab.mail) as heard, tqdm(total=len(steps) + 1, desc="the morning", disable=not progress) as bar:
        for step in steps:
            play.do(step)
            bar.update()
        play.finish()
        bar.update()
    unfinished = path.with_suffix(".part")
    heard.save(unfinished)
    unfinished.replace(path)


def stranger_to(lab: Firm, names: set[str]) -> set[str]:
    """Those of these users who don't work at this student's firm."""
    return names - {person.name for person in people(lab.student).values()}
