"""The transcripts in golden/ against the engine: whole, octet by octet, and with junk behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from maillab.servers.pop3 import Pop3Server
from maillab.servers.store import Store
from maillab.servers.switches import Switches

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.txt"))


def read(path: Path) -> tuple[Switches, list[tuple[bytes, bytes]]]:
    """The switches of a transcript, and its rounds: what the client says, and all that the server answers.

    ``C:`` and ``S:`` lines end in CRLF; behind ``C!`` and ``S!`` stand octets with Python's escapes.
    """
    switches = Switches()
    rounds: list[tuple[bytes, bytes]] = [(b"", b"")]
    for line in path.read_text("utf-8").splitlines():
        kind, text = line[:2], line[2:].removeprefix(" ")
        octets = text.encode() + b"\r\n"
        if kind in ("C!", "S!"):
            octets = text.encode().decode("unicode_escape").encode("latin-1") + (b"\r\n" if kind == "S!" else b"")
        said, answered = rounds[-1]
        if line.startswith("allow:"):
            switches.set(line.removeprefix("allow:").split())
        elif line.startswith("challenge:"):
            switches.fix(dict([line.removeprefix("challenge:").split()]))
        elif kind in ("C:", "C!"):
            rounds.append((octets, b""))
        elif kind in ("S:", "S!"):
            rounds[-1] = (said, answered + octets)
    return switches, rounds


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
class TestGolden:
    def test_round_by_round(self, path: Path, store: Store) -> None:
        switches, rounds = read(path)
        engine = Pop3Server(store, switches)
        assert engine.greeting() == rounds[0][1]
        for said, answered in rounds[1:]:
            assert engine.receive(said) == answered
        assert engine.closed

    def test_whole(self, path: Path, store: Store) -> None:
        switches, rounds = read(path)
        engine = Pop3Server(store, switches)
        engine.greeting()
        assert engine.receive(b"".join(said for said, _ in rounds)) == b"".join(answer for _, answer in rounds[1:])

    def test_octet_by_octet_with_junk_behind(self, path: Path, store: Store) -> None:
        switches, rounds = read(path)
        engine = Pop3Server(store, switches)
        engine.greeting()
        octets = b"".join(said for said, _ in rounds) + b"\0junk\r\nSTAT\r\n"
        answers = b"".join(engine.receive(octets[i : i + 1]) for i in range(len(octets)))
        assert answers == b"".join(answer for _, answer in rounds[1:])


def test_there_are_transcripts() -> None:
    assert len(GOLDEN) >= 14
