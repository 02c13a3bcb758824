"""The examples in the docstrings of the student, the mechanisms and the servers."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import maillab.sasl
import maillab.servers

MODULES = ["maillab.student"] + [
    module.name
    for package in (maillab.sasl, maillab.servers)
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + ".")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", [*MODULES, "maillab.sasl", "maillab.servers"])
def test_examples(name: str) -> None:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.testmod(importlib.import_module(name), optionflags=flags).failed == 0
