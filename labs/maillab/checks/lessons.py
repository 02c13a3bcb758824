"""Where a lesson's exercises and predictions are declared: ``lesson_NN.py``, imported when first asked for."""

from __future__ import annotations

import importlib


def declare(number: str) -> None:
    """Import the file of the lesson that ``number``, like "01.2" or "01.A", belongs to, if there is one."""
    lesson = str(number).partition(".")[0]
    try:
        importlib.import_module(f"{__package__}.lesson_{lesson}")
    except ModuleNotFoundError as error:
        if error.name != f"{__package__}.lesson_{lesson}":
            raise  # the file is there, and misses something itself
