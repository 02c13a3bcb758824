"""The bulk path (batches, headers read in the buffer, dialogues in one go) finds what is found packet by packet."""

from __future__ import annotations

import gc
import random
import re
import struct
import sys
import warnings
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.wire import FIN, LINKTYPES, PSH, RST, SYN, Talk, interleave, link, read_transcript, renumber, tcp_packet

from maillab.capture import CaptureError, read_frames, write_pcap, write_pcapng
from maillab.capture import batch as batch_module
from maillab.capture import pcap as pcap_module
from maillab.capture.frame import ETHERNET, Frame
from maillab.conversations import conversation, follow, table
from maillab.conversations.dialogue import Dialogue
from maillab.findings import findings, search
from maillab.findings.mail import header_fields

from .test_shared_captures import SHARED

HERE = Path(__file__)
GOLDEN = sorted((HERE.parents[1] / "conversations" / "golden").glob("*.txt"))
OURS = sorted((HERE.parents[3] / "data" / "captures").glob("*.pcap*"))
OTHERS = sorted(p for p in SHARED.glob("*/*.pcap*") if p.stat().st_size < 3_000_000) if SHARED.exists() else []


def read(source: Any) -> list[Any]:
    """All that is found, and all that was said."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = findings(source)
            said = follow(source)
        except CaptureError as error:
            return [error.frames]
    for finding in found:
        finding.capture = None
    return [*found, *said]


def packet_by_packet(source: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The same, with each packet in a batch of its own and every header taken apart by dissect()."""
    with monkeypatch.context() as patch:
        patch.setattr(batch_module, "FRAMES", 1)
        patch.setattr(table, "ETHERNET", -1)
        return read(list(read_frames(source)) if isinstance(source, Path) else source)


def test_ours_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each recording of the course."""
    assert OURS
    for path in OURS:
        assert read(list(read_frames(path))) == packet_by_packet(path, monkeypatch), path.name


@pytest.mark.skipif(not OTHERS, reason="not in CI: these captures belong to others")
@pytest.mark.parametrize("path", OTHERS, ids=lambda p: p.name)
def test_others_agree(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real servers and clients, and captures of other projects."""
    try:
        frames = list(read_frames(path))
    except CaptureError as error:
        assert error.frames == 0  # whoever made it broke it at once
        return
    whole = read(path)
    if not any(finding.decrypted for finding in whole if hasattr(finding, "decrypted")):  # frames bring no key log
        assert whole == read(frames) == packet_by_packet(frames, monkeypatch)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
@pytest.mark.parametrize("linktype", LINKTYPES)
def test_golden_agree(path: Path, linktype: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The golden dialogues on each link, in pcap and in pcapng."""
    _, said, _ = read_transcript(path)
    frames = Talk(linktype=linktype).play(said).frames
    wanted = packet_by_packet(frames, monkeypatch)
    assert wanted
    for write in (write_pcap, write_pcapng):
        file = tmp_path / write.__name__
        write(file, frames)
        assert [str(x) for x in read(file)] == [str(x) for x in wanted]


def sessions(rnd: random.Random) -> list[Frame]:
    """Some golden dialogues at once, out of order, twice, with holes, cut, tagged, ports used again."""
    talks = []
    for number in range(rnd.randint(2, 6)):
        _, said, _ = read_transcript(rnd.choice(GOLDEN))
        client = (f"192.0.2.{rnd.randrange(10, 13)}", rnd.randrange(40_000, 40_003))
        start = rnd.randrange(1 << 40)
        server = ("192.0.2.25", rnd.choice((110, 25, 143, 4711)))
        isn = (rnd.choice((1000, 0xFFFFFFF0, rnd.getrandbits(32))), rnd.getrandbits(32))
        talk = Talk(client, server, isn=isn, acks=rnd.random() < 0.7, start_ns=start)
        talk.open()
        for side, data in said:
            talk.say(side, data, [rnd.choice((1, 3, 20, 500))] * 30 if rnd.random() < 0.3 else [])
            if rnd.random() < 0.05:
                talk.packet(rnd.randrange(2), rnd.choice((RST, SYN, FIN | PSH, 0)), b"x" * rnd.randrange(3))
        if rnd.random() < 0.8:
            talk.close()
        talks.append(talk)
        if number % 2:
            talk.time_ns = 0
    frames = interleave(*talks)
    out: list[Frame] = []
    for frame in frames:
        data = frame.data
        chance = rnd.random()
        if chance < 0.03:
            continue  # lost
        if chance < 0.06:
            data = data[: rnd.randrange(len(data))]
        if chance > 0.9:
            data = data[:12] + b"\x81\0\0\5" + data[12:]
        out.append(frame._replace(data=data))
        if 0.06 < chance < 0.1:
            out.append(out[-1])  # twice
        if 0.1 < chance < 0.2 and len(out) > 3:
            at = rnd.randrange(len(out) - 3, len(out))
            out.insert(at, out.pop())
    return renumber(out[rnd.randrange(4) :])


@pytest.mark.parametrize("seed", range(60))
def test_generated_agree(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happened to the packets: from a file in blocks of any size, and one by one, the same."""
    rnd = random.Random(seed)
    frames = sessions(rnd)
    wanted = packet_by_packet(frames, monkeypatch)
    assert wanted and read(frames) == wanted
    file = tmp_path / "a.pcap"
    write_pcap(file, frames, nanoseconds=True)
    for size in (1 << 20, rnd.randrange(20, 3000)):
        monkeypatch.setattr(pcap_module, "BLOCK", size)
        assert read(file) == wanted


def test_many_connections_after_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ports used again, late copies of what is over, connections forgotten: also where batches end elsewhere."""
    monkeypatch.setattr(table, "LINGER", 20)
    rnd = random.Random(7)
    out: list[Frame] = []
    for number in range(60):
        talk = Talk(("192.0.2.10", 40_000 + number % 3), isn=(rnd.getrandbits(32), rnd.getrandbits(32)))
        talk.play(
            [(1, b"+OK ready\r\n"), (0, b"USER u%d\r\n" % number), (1, b"+OK\r\n"), (0, b"PASS p\r\n"), (1, b"+OK\r\n")]
        )
        out += talk.frames
        out += rnd.sample(talk.frames, 3)
        if number > 30:
            out += rnd.sample(out[:-50], 2)
    frames = renumber(out)
    whole = read(frames)
    # A stray copy of a PASS whose connection is forgotten is a login without a name.
    assert {f.username for f in whole if hasattr(f, "username")} - {None} == {f"u{number}" for number in range(60)}
    assert whole == packet_by_packet(frames, monkeypatch)


def test_memory_is_that_of_open_connections(tmp_path: Path) -> None:
    """A connection that ended leaves nothing behind, and doesn't wait for Python's search for garbage."""
    alive: list[weakref.ref[Dialogue]] = []
    most = 0

    def frames() -> Iterator[Frame]:
        nonlocal most
        for number in range(400):
            talk = Talk((f"10.0.{number >> 8}.{number & 255}", 40_000))
            talk.play([(1, b"+OK ready\r\n"), (0, b"USER u\r\n"), (1, b"+OK\r\n"), (0, b"PASS p\r\n"), (1, b"+OK\r\n")])
            yield from talk.frames
            most = max(most, sum(ref() is not None for ref in alive))

    class Watched(Dialogue):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            alive.append(weakref.ref(self))

    gc.collect()
    gc.disable()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys.modules["maillab.findings.search"], "Dialogue", Watched)
            patch.setattr(batch_module, "FRAMES", 100)
            patch.setattr(table, "LINGER", 100)
            assert sum(1 for _ in search(frames())) == 400
        assert len(alive) == 400 and most < 60
        assert sum(ref() is not None for ref in alive) == 0
    finally:
        gc.enable()


def test_where_a_header_ends() -> None:
    """Any mixture of line ends: the first empty line, as a regular expression finds it (several times slower)."""
    rnd = random.Random(5)
    for _ in range(3000):
        message = b"".join(rnd.choices((b"a: b", b"\r", b"\n", b"\r\n"), k=rnd.randrange(9)))
        blank = re.search(rb"(?:\A|\r?\n)\r?\n", message)
        head = message[: blank.start()] if blank else message
        assert header_fields(message) == header_fields(head), message
    assert header_fields(b"a: b\n\nc: d\r\n\r\n") == {"a": ["b"]}


def test_garbage_search_is_left_as_it_was() -> None:
    for on in (True, False):
        (gc.enable if on else gc.disable)()
        with conversation.uninterrupted():
            assert not gc.isenabled()
        assert gc.isenabled() is on
    gc.enable()


def test_from_itself_to_itself() -> None:
    """A forged packet whose sender is its receiver, port and all ("LAND"): no conversation of two, no error."""
    end = ("192.0.2.25", 110)
    talk = Talk(end, end).play([(1, b"+OK ready\r\n"), (0, b"USER a\r\n"), (1, b"+OK\r\n")])
    assert findings(talk.frames) == [] and len(follow(talk.frames)) == 1


def test_no_header_fits() -> None:
    """Ethernet frames whose TCP or IP header claims too much or too little: skipped on both ways."""
    packet = link(ETHERNET, tcp_packet(("192.0.2.10", 40001), ("192.0.2.25", 110), 1, 2, 16, b"USER a\r\n"))
    for at, value in ((46, b"\x10"), (46, b"\xf0"), (16, b"\0\x14"), (16, b"\0\x29"), (16, b"\xff\xff"), (16, b"\0\0")):
        data = packet[:at] + value + packet[at + len(value) :]
        assert follow([Frame(1, 0, ETHERNET, data, len(data))]) == follow([Frame(1, 0, 101, data[14:], len(data))]), at
    assert struct.calcsize(">12xHBxH2xHxB2x12sIIBB") == 48
