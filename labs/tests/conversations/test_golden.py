"""Golden transcripts: what goes into the frames comes out of them again, however it was cut up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.wire import LINKTYPES, Talk, read_transcript

from maillab.conversations import follow
from maillab.findings import findings

FILES = sorted((Path(__file__).parent / "golden").glob("*.txt"))
PORTS = {"pop3": 110, "smtp": 587, "imap": 143}


def talk_of(path: Path, **kwargs: object) -> tuple[str, Talk, list[tuple[int, bytes]], dict[str, list[str]]]:
    text, said, sections = read_transcript(path)
    port = kwargs.pop("port", PORTS[path.name[:4]])
    return text, Talk(server=("192.0.2.25", port), **kwargs), said, sections  # type: ignore[arg-type]


def check_findings(found: list[dict[str, object]], wanted: list[str]) -> None:
    expected = [json.loads(line) for line in wanted]
    assert [{key: f[key] for key in e} for f, e in zip(found, expected, strict=True)] == expected


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
@pytest.mark.parametrize("size", [1400, 7, 1])
def test_transcript_comes_back(path: Path, size: int) -> None:
    """The transcript of the frames is the file, with whole lines and with one byte a segment."""
    text, talk, said, sections = talk_of(path)
    (conversation,) = follow(talk.play(said, size).frames)
    assert conversation.transcript(times=False) == text.rstrip()
    assert conversation.protocol == path.name[:4]
    assert conversation.complete and not conversation.gaps
    for side, who in enumerate(("client", "server")):
        assert conversation.bytes_from(who) == b"".join(data for s, data in said if s == side)  # type: ignore[arg-type]
    check_findings([f.to_json() for f in findings(talk.frames)], sections["findings"])


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
@pytest.mark.parametrize("linktype", LINKTYPES)
@pytest.mark.parametrize("ends", [("192.0.2.10", "192.0.2.25"), ("2001:db8::10", "2001:db8::25")])
def test_any_link_any_port(path: Path, linktype: int, ends: tuple[str, str]) -> None:
    """Recognised on a port nobody knows, over every link type, IPv4 and IPv6."""
    text, said, sections = read_transcript(path)
    talk = Talk((ends[0], 40001), (ends[1], 4711), linktype=linktype)
    (conversation,) = follow(talk.play(said).frames)
    assert conversation.transcript(times=False) == text.rstrip()
    assert conversation.server.endswith(":4711")
    check_findings([f.to_json() for f in findings(talk.frames)], sections["findings"])
