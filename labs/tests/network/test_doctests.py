"""The examples in docstrings of the network room are right."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", ["host", "nat", "segment"])
def test_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"maillab.network.{name}"))
    assert result.attempted and not result.failed
