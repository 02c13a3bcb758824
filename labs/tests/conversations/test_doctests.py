"""The examples in docstrings of the capture, conversations and findings rooms are right."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import maillab.capture
import maillab.conversations
import maillab.findings

MODULES = [
    module.name
    for room in (maillab.capture, maillab.conversations, maillab.findings)
    for module in pkgutil.walk_packages(room.__path__, room.__name__ + ".")
    if not module.name.endswith(".recorder")  # live capture has tests of its own
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
