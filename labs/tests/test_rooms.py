"""One way through the code: a room imports only from rooms to its left, and protocol code does no I/O."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from maillab.places import PACKAGE

ROOMS = [
    "network", "sasl", "servers", "clients", "capture", "tls", "conversations", "findings", "attacks", "contrast",
    "views",
]  # fmt: skip
PURE = {
    "sasl": PACKAGE.joinpath("sasl").rglob("*.py"),
    "the POP3 engine": [PACKAGE / "servers" / name for name in ("pop3.py", "pop3_table.py", "pop3_text.py")],
    "who may relay, and the queue's rules": [PACKAGE / "servers" / name for name in ("policy.py", "queue.py")],
    "TLS": PACKAGE.joinpath("tls").rglob("*.py"),
    "conversations": PACKAGE.joinpath("conversations").rglob("*.py"),
    "what is computed for a guess": [
        PACKAGE / "attacks" / name for name in ("words.py", "rules.py", "candidates.py", "loops.py", "trial.py")
    ],
}
IO = {"socket", "threading", "asyncio", "scapy", "selectors", "subprocess", "time"}


def imported(path: Path) -> set[str]:
    """The modules that a file imports when it runs, by their full names (not those for type checkers only)."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    package = ["maillab", *path.relative_to(PACKAGE).parent.parts]
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            names.add(".".join([*base, *([node.module] if node.module else [])]))
    return names


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_its_left(room):
    right = {f"maillab.{name}" for name in ROOMS[ROOMS.index(room) + 1 :]}
    right |= {"maillab.firm", "maillab.advice"}
    if room != "views":
        right |= {"maillab.lab", "maillab.checks"}
    for path in PACKAGE.joinpath(room).rglob("*.py"):
        bad = {name for name in imported(path) if any(f"{name}.".startswith(f"{other}.") for other in right)}
        assert not bad, f"{path.relative_to(PACKAGE)} imports {bad}"


@pytest.mark.parametrize("what", PURE)
def test_protocol_code_does_no_io(what):
    for path in PURE[what]:
        bad = {name for name in imported(path) if name.partition(".")[0] in IO}
        assert not bad, f"{path.relative_to(PACKAGE)} imports {bad}"
