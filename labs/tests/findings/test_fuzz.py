"""No bytes whatever make it raise or grow: damaged captures, random dialogues."""

from __future__ import annotations

import random
import struct
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fragments import ENDS, cut_up, dialogue
from support.wire import LINKTYPES, Talk, read_transcript, renumber

from maillab.capture import CaptureError, Frame, write_pcap, write_pcapng
from maillab.conversations import follow
from maillab.findings import findings

from .test_shared_captures import SHARED

GOLDEN = sorted((Path(__file__).parents[1] / "conversations" / "golden").glob("*.txt"))
CAPTURES = sorted(p for p in SHARED.glob("*/*.pcap*") if p.stat().st_size < 20_000) if SHARED.exists() else []


def look_at(source: object) -> None:
    """Everything that is shown of a capture."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for conversation in follow(source):
                str(conversation)
                for who in ("client", "server"):
                    conversation.bytes_from(who)  # type: ignore[arg-type]
            for finding in findings(source):
                repr(finding)
                finding.to_json()
        except CaptureError as error:
            assert "\n" not in str(error)


LINES = st.sampled_from(
    b"""+OK|-ERR no|+ |+|.||220 ESMTP|250-a|250 b|334 |334 VXNlcm5hbWU6|354|235 ok|535 no|421|AUTH PLAIN|AUTH LOGIN YQ==
AUTH|AUTH  =|AGEAYg==|*|=|USER a|PASS b|PASS|USER|RETR 1|TOP 1 0|LIST|UIDL 1|CAPA|STLS|STARTTLS|EHLO x|MAIL FROM:<a>
RCPT TO:<b|DATA|BDAT 5|BDAT 5 LAST|BDAT 0|BDAT 99999999999999|QUIT|RSET|Subject: =?x?q?=ff?=|Subject: =?utf-8?b?!?=
\x16\x03\x01\x00\x02|\x16|\xff\xfe|APOP a b|AUTH CRAM-MD5|AUTH DIGEST-MD5|AUTH SCRAM-SHA-256 biws
AUTH XOAUTH2|AUTH OAUTHBEARER bixhPWEsAQE=
* OK|a OK|a NO|* 1 FETCH (BODY[] {9}|* X {5}|a LOGIN b c|a LOGIN {3}|a LOGIN "b|a LOGIN {2+}|x {1}
a AUTHENTICATE PLAIN|a APPEND x {7}
a STARTTLS|a FETCH 1 RFC822|a IDLE|DONE|a X {99999999999}|a X {4000000000}|* BODY[] {4000000000}""".replace(
        b"\n", b"|"
    ).split(b"|")
)


@settings(deadline=None, max_examples=400)
@given(
    said=st.lists(
        st.tuples(st.integers(0, 1), st.one_of(LINES, st.binary(max_size=30)), st.sampled_from([b"\r\n", b"\n", b""])),
        max_size=40,
    ),
    port=st.sampled_from([110, 25, 587, 995, 4711]),
    cuts=st.lists(st.integers(1, 20), max_size=5),
    lost=st.sets(st.integers(0, 60), max_size=6),
    seed=st.integers(0, 1000),
)
def test_any_dialogue(said, port: int, cuts: list[int], lost: set[int], seed: int) -> None:  # type: ignore[no-untyped-def]
    """Lines of both protocols in any order, cut anywhere, frames lost and shuffled."""
    talk = Talk(server=("192.0.2.25", port)).open()
    for side, line, end in said:
        talk.say(side, line + end, cuts)
    talk.close()
    frames = [f for i, f in enumerate(talk.frames) if i not in lost]
    if seed % 2:
        random.Random(seed).shuffle(frames)
    look_at(frames)


@settings(deadline=None, max_examples=150)
@given(
    path=st.sampled_from(GOLDEN),
    changes=st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 255)), max_size=20),
    cut=st.integers(0, 20_000),
)
def test_damaged_golden(path: Path, changes: list[tuple[int, int]], cut: int) -> None:
    _, said, _ = read_transcript(path)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "x.pcapng"
        write_pcapng(file, Talk().play(said).frames)
        data = bytearray(file.read_bytes())
        for place, value in changes:
            data[place % len(data)] = value
        file.write_bytes(data[: len(data) - cut % 400])
        look_at(file)


ABSURD = [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x01", b"\x0c\0\0\0"]
VARIANTS = 200


def damage(data: bytes, kind: int, rnd: random.Random) -> bytes:
    """A few bits flipped, bytes cut out, stretches doubled or swapped, absurd lengths, the end missing."""
    changed = bytearray(data)
    # Half of them in one place: the rest stays readable, so that damage gets past the file's own structure.
    for _ in range(1 if rnd.random() < 0.5 else rnd.randint(2, 60)):
        at, other = rnd.randrange(len(changed)), rnd.randrange(len(changed))
        if kind == 0:
            changed[at] ^= 1 << rnd.randrange(8)
        elif kind == 1:
            del changed[at : at + rnd.randrange(40)]
            changed += b"\0"
        elif kind == 2:
            changed[at:at] = changed[other : other + rnd.randrange(200)]
        elif kind == 3:
            changed[at : at + 4] = rnd.choice(ABSURD)
        else:
            size = rnd.randrange(64)
            changed[at : at + size], changed[other : other + size] = (
                changed[other : other + size],
                changed[at : at + size],
            )
    return bytes(changed[: rnd.randrange(len(changed))] if rnd.random() < 0.1 else changed)


def fragmented() -> bytes:
    """A pcap file of fragments, IPv4 and IPv6."""
    frames = []
    for ends in ENDS:
        frames += cut_up(dialogue(ends), 64)
    return written(write_pcap, renumber(frames))


def of_many_blocks() -> bytes:
    """A pcapng file of two sections, several link types, comments, secrets; behind it the same in big-endian."""
    frames = []
    for port, linktype in enumerate(LINKTYPES, 40_001):
        frames += dialogue((("192.0.2.10", port), ("192.0.2.25", 110)), linktype).frames
    frames = renumber(frames)
    little = written(
        write_pcapng, frames, comment="c", secrets=b"CLIENT_RANDOM 00 00\n", comments={3: "a comment", 9: "another"}
    )
    big = struct.pack(">IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    big += struct.pack(">IIHHII", 1, 20, 1, 0, 0, 20)
    for kind in (6, 2, 3):
        for frame in frames[:10]:
            body = frame.data + bytes(-len(frame.data) % 4)
            place = {6: struct.pack(">III", 0, 1, 2), 2: struct.pack(">HHII", 0, 0, 1, 2), 3: b""}[kind]
            sizes = struct.pack(">I", len(frame.data)) * (1 if kind == 3 else 2)
            size = 12 + len(place + sizes + body)
            big += struct.pack(">II", kind, size) + place + sizes + body + struct.pack(">I", size)
    return little + big


def written(write: Callable[..., int], frames: list[Frame], **more: object) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "x"
        write(file, frames, **more)
        return file.read_bytes()


@pytest.mark.parametrize("make", [fragmented, of_many_blocks])
def test_damaged_blocks_and_fragments(make: Callable[[], bytes], tmp_path: Path) -> None:
    """Undamaged they hold what was put in; damaged, nothing raises, nothing hangs."""
    data, file = make(), tmp_path / "x"
    file.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sum(conversation.protocol == "pop3" for conversation in follow(file)) >= 2
    rnd = random.Random(make.__name__)
    for round_ in range(VARIANTS):
        file.write_bytes(damage(data, round_ % 5, rnd))
        look_at(file)


@pytest.mark.skipif(not CAPTURES, reason="not in CI: these captures belong to others")
@pytest.mark.parametrize("path", CAPTURES, ids=lambda p: p.name)
def test_damaged_shared(path: Path, tmp_path: Path) -> None:
    """Damaged variants of each capture."""
    rnd = random.Random(path.name)
    data = path.read_bytes()
    file = tmp_path / "x"
    for round_ in range(VARIANTS):
        file.write_bytes(damage(data, round_ % 5, rnd))
        look_at(file)
