"""The examples in docstrings of the contrast room, and of its views, are right."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", ["contrast.listener", "contrast.path", "views.contrast"])
def test_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"maillab.{name}"))
    assert result.attempted and not result.failed
