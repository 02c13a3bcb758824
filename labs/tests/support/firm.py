"""Guest's firm as it was recorded: a lab without servers, quick to have, with a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from maillab.firm import Firm, watch

IDS = [*(f"student-{number}" for number in range(9)), "学生 Ω/7"]
"""Ten students; among them there is everything that can differ."""


@contextmanager
def recorded(work: Path) -> Iterator[Firm]:
    """The lab, watched; whatever is kept is kept in ``work``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAILLAB_WORK", str(work))
        with Firm("15", rung="replay") as lab:
            watch(lab)
            yield lab
