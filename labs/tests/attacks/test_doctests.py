"""The examples in docstrings of the attacks room are right."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import maillab.attacks

MODULES = [module.name for module in pkgutil.walk_packages(maillab.attacks.__path__, "maillab.attacks.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
