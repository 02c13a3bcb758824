"""A lab on the rung asked for, or the reason why this machine can't carry it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from maillab import Lab
from maillab.network import RungUnavailable

RUNGS = ("sandbox", "loopback", "tap")


def lab_on(rung: str, kind: Callable[..., Lab] = Lab, **options: Any) -> Any:
    """Start it (or another kind of lab); where the rung can't be had the test is skipped, and in CI it fails."""
    try:
        return kind(rung=rung, **options)
    except RungUnavailable as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
