"""No bytes whatever make it raise or grow: 2,000 changed TLS sessions, read with and without the right key log."""

from __future__ import annotations

import random
import tracemalloc
import warnings

import pytest
from support.tls_sessions import Said, Session

from maillab.capture import Frame
from maillab.conversations import follow
from maillab.findings import findings
from maillab.tls import KeyLog, visible
from maillab.tls.decrypt import Decrypter

from .dialogues import WAYS, talk_of
from .test_outside import look_at

ROUNDS = 84  # times 2 versions, 6 ways and 2 kinds of damage: 2,000
SHORT = b"From: a@example.test\r\nSubject: x\r\n\r\nhello\r\n.\r\n"


def short(said: Said) -> Said:
    return [(side, data if len(data) < 1000 else b"+OK\r\n" * (side == 1) + SHORT) for side, data in said]


def changed(data: bytes, rnd: random.Random) -> bytes:
    """Bits flipped, bytes cut out, doubled or set to extremes."""
    out = bytearray(data)
    for _ in range(rnd.choice([1, 1, 2, 8])):
        if not out:
            break
        at, kind = rnd.randrange(len(out)), rnd.randrange(4)
        if kind == 0:
            out[at] ^= 1 << rnd.randrange(8)
        elif kind == 1:
            del out[at : at + rnd.randrange(40)]
        elif kind == 2:
            out[at:at] = out[at : at + rnd.randrange(200)]
        else:
            out[at : at + 3] = rnd.choice([b"\xff\xff\xff", b"\0\0\0", b"\x7f\xff\xff"])
    return bytes(out)


def read(frames: list[Frame], keys: KeyLog | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for conversation in follow(frames, keylog=keys):
            str(conversation), repr(conversation)
            assert "\n" not in conversation.sealed
            look_at(visible(conversation))
        for finding in findings(frames, keylog=keys):
            repr(finding), finding.to_json()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_changed_sessions(pems: dict[str, str], version: str, way: str) -> None:
    before, said, port = WAYS[way]
    session = Session(pems, short(said), version=version)
    keys = KeyLog.of(session.keylog)
    rnd = random.Random(version + way)
    for round_ in range(ROUNDS):
        # on the way: what the endpoints would have noticed
        flights = list(session.flights[0])
        place = rnd.randrange(len(flights))
        flights[place] = (flights[place][0], changed(flights[place][1], rnd))
        read(talk_of(flights, before, port).frames, keys if round_ % 5 else None)
        # in the capture: frames lost, doubled, out of order
        frames = talk_of(session.flights[0], before, port, rnd.choice([40, 300, 1400])).frames
        for _ in range(rnd.randint(1, 4)):
            at = rnd.randrange(len(frames))
            frames[at : at + 1] = rnd.choice([[], [frames[at]] * 2, [frames[rnd.randrange(len(frames))]]])
        read(frames, keys)


@pytest.mark.parametrize("seed", range(3))
def test_memory_is_bounded(pems: dict[str, str], seed: int) -> None:
    """Handshake records without end, of messages that never end: nothing is kept but a buffer."""
    session = Session(pems, short(WAYS["POP3S"][1]))
    tls = Decrypter(KeyLog.of(session.keylog))
    head = [
        b"\x16\x03\x03\x40\x00\x0b\x03\xff\xff",
        b"\x16\x03\x03\x40\x00\x0b\xff\xff\xff",
        b"\x17\x03\x03\x40\x00\0\0\0\0",
    ]
    record = head[seed] + bytes((1 << 14) - 4)
    tracemalloc.start()
    try:
        for _ in range(1000):
            tls.record("S", record)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
