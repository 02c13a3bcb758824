"""Capture files: round trips, what others make of ours, and what we say about broken ones."""

from __future__ import annotations

import gzip
import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.wire import LINKTYPES, Talk

from maillab.capture import CaptureError, Frame, frames_of, read_frames, write_pcap, write_pcapng
from maillab.capture.pcapng import PcapngReader

FRAMES = st.lists(
    st.builds(
        lambda time_ns, linktype, data, more: (time_ns, linktype, data, len(data) + more),
        st.integers(0, 2**62),
        st.sampled_from([1, 0, 101, 113, 276]),
        st.binary(max_size=80),
        st.integers(0, 10),
    ),
    max_size=8,
)


def talk() -> list[Frame]:
    dialogue = [(1, b"+OK ready\r\n"), (0, b"USER bob\r\n"), (1, b"+OK\r\n"), (0, b"PASS x\r\n"), (1, b"+OK\r\n")]
    return Talk().play(dialogue).frames


@given(FRAMES)
@settings(deadline=None)
def test_pcapng_round_trip(made: list[tuple[int, int, bytes, int]]) -> None:
    """Any frames of any link types: they come back to the nanosecond."""
    frames = [Frame(number, *parts) for number, parts in enumerate(made, 1)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.pcapng"
        assert write_pcapng(path, frames, comment="héllo", hardware="none", os_name="any") == len(frames)
        assert list(read_frames(path)) == frames


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nanoseconds", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_pcap_round_trip(tmp_path: Path, order: str, nanoseconds: bool, packed: bool) -> None:
    path = tmp_path / "x.pcap"
    write_pcap(path, talk(), order=order, nanoseconds=nanoseconds)
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    unit = 1 if nanoseconds else 1000
    assert list(read_frames(path)) == [f._replace(time_ns=f.time_ns // unit * unit) for f in talk()]


def test_pcap_holds_one_link_type(tmp_path: Path) -> None:
    frames = talk()
    with pytest.raises(ValueError, match="write_pcapng"):
        write_pcap(tmp_path / "x", [frames[0], frames[1]._replace(linktype=0)])


def test_pcapng_of_others(tmp_path: Path) -> None:
    """Big-endian, two sections, two interfaces with their own time units, a simple packet, unknown blocks."""

    def block(kind: int, body: bytes, order: str) -> bytes:
        body += bytes(-len(body) % 4)
        size = struct.pack(order + "I", 12 + len(body))
        return struct.pack(order + "I", kind) + size + body + size

    parts = []
    for order in (">", "<"):
        parts.append(block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order))
        parts.append(block(1, struct.pack(order + "HHI", 1, 0, 0), order))
        option = struct.pack(order + "HHB3xHHqHH", 9, 1, 0x80 | 10, 14, 8, 5, 0, 0)
        parts.append(block(1, struct.pack(order + "HHI", 101, 0, 0) + option, order))
        parts.append(block(0xBAD, b"whatever", order))
        parts.append(block(6, struct.pack(order + "IIIII", 0, 0, 1_500_000, 3, 9) + b"abc", order))
        parts.append(block(6, struct.pack(order + "IIIII", 1, 0, 1024 + 512, 3, 3) + b"xyz", order))
        parts.append(block(3, struct.pack(order + "I", 2) + b"hi", order))
    path = tmp_path / "x.pcapng"
    path.write_bytes(b"".join(parts))
    once = [(1_500_000_000, 1, b"abc", 9), (6_500_000_000, 101, b"xyz", 3), (0, 1, b"hi", 2)]
    assert [tuple(f)[1:] for f in read_frames(path)] == once * 2
    assert [f.number for f in read_frames(path)] == [1, 2, 3, 4, 5, 6]


def test_secrets_and_comments_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    write_pcapng(path, talk(), comment="what is measured", secrets=b"CLIENT_RANDOM 00 11\n")
    with path.open("rb") as stream:
        found: list[tuple[int, bytes]] = []
        reader = PcapngReader(stream, str(path), lambda kind, data: found.append((kind, data)))
        assert sum(len(batch.marks) for batch in reader) == len(talk())
    assert reader.comments == ["what is measured"]
    assert found == [(0x544C534B, b"CLIENT_RANDOM 00 11\n")]


BROKEN = [
    (b"", "empty"),
    (b"\x89PNG\r\n\x1a\n" + bytes(40), "PNG"),
    (b"hello, world", "neither pcap nor pcapng"),
    (b"\xd4\xc3\xb2\xa1\x02\x00", "byte 6"),
    (b"\x0a\x0d\x0d\x0a\x1c\x00\x00\x00" + bytes(20), "byte 0"),
    (b"\x1f\x8b\x08\x00broken gzip data that ends", "unpacked"),
]


@pytest.mark.parametrize("data,word", BROKEN)
def test_no_capture(tmp_path: Path, data: bytes, word: str) -> None:
    """One sentence that names the file and the place."""
    path = tmp_path / "holiday.pcap"
    path.write_bytes(data)
    with pytest.raises(CaptureError, match=word) as caught:
        list(read_frames(path))
    assert "holiday.pcap" in str(caught.value) and "\n" not in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="no such file"):
        list(read_frames(tmp_path / "none.pcap"))
    with pytest.raises(CaptureError, match="directory"):
        list(read_frames(tmp_path))
    with pytest.raises(CaptureError):
        list(read_frames("nul\0byte"))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="not in CI: root (and Windows) may read every file")
def test_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    write_pcap(path, talk())
    path.chmod(0)
    with pytest.raises(CaptureError, match="permissions"):
        list(read_frames(path))


@pytest.mark.parametrize("write", [write_pcap, write_pcapng])
def test_cut_at_every_byte(tmp_path: Path, write) -> None:  # type: ignore[no-untyped-def]
    """A prefix of a capture gives the frames that are whole, then says where it ends (or just ends)."""
    whole = tmp_path / "whole"
    write(whole, talk())
    data = whole.read_bytes()
    frames = list(read_frames(whole))
    path = tmp_path / "cut"
    clean = 0
    for size in range(len(data)):
        path.write_bytes(data[:size])
        got: list[Frame] = []
        try:
            got.extend(read_frames(path))
            clean += 1
        except CaptureError as error:
            assert error.frames == len(got)
            assert size < 8 or f"byte {size}" in str(error) or "byte 0" in str(error)
        assert got == frames[: len(got)]
    assert clean >= len(frames)


@settings(deadline=None, max_examples=150)
@given(
    changes=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=12),
    ng=st.booleans(),
    packed=st.booleans(),
)
def test_changed_bytes(changes: list[tuple[int, int]], ng: bool, packed: bool) -> None:
    """Damaged anywhere: frames, then at most a CaptureError."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        (write_pcapng if ng else write_pcap)(path, talk())
        data = bytearray(path.read_bytes())
        if packed:
            data = bytearray(gzip.compress(bytes(data)))
        for place, value in changes:
            data[place % len(data)] = value
        path.write_bytes(data)
        try:
            for frame in read_frames(path):
                assert len(frame.data) <= 1 << 24
        except CaptureError as error:
            assert str(error).count("\n") == 0


def test_frames_of_anything() -> None:
    frames = talk()
    assert list(frames_of(frames)) == frames
    with pytest.raises(TypeError, match="holds no packets"):
        list(frames_of(7))
    with pytest.raises(TypeError, match="item 1 is int"):
        list(frames_of([7]))


def test_scapy_reads_ours(tmp_path: Path) -> None:
    """Scapy's reader agrees on bytes, times and link types."""
    import scapy.layers.inet  # without a layer Scapy reads Raw
    from scapy.utils import RawPcapNgReader, rdpcap

    assert scapy.layers.inet.IP
    path = tmp_path / "x.pcapng"
    write_pcapng(path, talk(), comment="c")
    assert [bytes(p) for p in rdpcap(str(path))] == [f.data for f in talk()]
    assert [round(p.time * 10**9) for p in rdpcap(str(path))] == [f.time_ns for f in talk()]
    with RawPcapNgReader(str(path)) as reader:
        assert len(list(reader)) == len(talk())
    path = tmp_path / "x.pcap"
    write_pcap(path, talk(), nanoseconds=True)
    assert list(frames_of(rdpcap(str(path)))) == talk()


@pytest.mark.parametrize("linktype", LINKTYPES)
def test_tshark_reads_ours(tmp_path: Path, linktype: int) -> None:
    """tshark opens it, finds every checksum right and nothing wrong with TCP."""
    tshark = shutil.which("tshark")
    if not tshark:
        pytest.skip("tshark isn't installed here (apt install tshark)")
    path = tmp_path / "x.pcapng"
    frames = Talk(linktype=linktype).play([(1, b"+OK ready\r\n"), (0, b"USER bob\r\n"), (1, b"+OK\r\n")]).frames
    write_pcapng(path, frames, comment="measured: bytes", hardware="h", os_name="o", comments={2: "the SYN's answer"})
    checks = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
    fields = ["-T", "fields", "-e", "frame.number", "-e", "_ws.expert.message", "-e", "_ws.malformed"]
    run = subprocess.run(
        [tshark, "-r", str(path), *checks, *fields, "-Y", "_ws.expert.severity >= 0x600000 || _ws.malformed"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == ""
    run = subprocess.run(
        [tshark, "-r", str(path), "-T", "fields", "-e", "frame.number"], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == [str(f.number) for f in frames]
