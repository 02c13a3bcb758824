"""Packets that were cut up on their way: fragments of IPv4 and IPv6."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fragments import ENDS, MAIL, cut_up, dialogue, pieces
from support.wire import LINKTYPES, link, renumber

from maillab.capture.frame import ETHERNET
from maillab.conversations import follow, fragments
from maillab.conversations.fragments import Fragments, fragment_of
from maillab.conversations.packets import dissect


@pytest.mark.parametrize("linktype", LINKTYPES)
@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_a_mail_in_fragments(ends, linktype: int, seed: int | None) -> None:  # type: ignore[no-untyped-def]
    """In order or not: it reads as if nobody had cut it up."""
    talk = dialogue(ends, linktype)
    (whole,) = follow(talk.frames)
    (cut,) = follow(cut_up(talk, 256, random.Random(seed) if seed else None))
    assert (cut.transcript(times=False), cut.complete) == (whole.transcript(times=False), True)
    assert cut.bytes_from("server").endswith(MAIL + b"+OK\r\n")


@pytest.mark.parametrize("ends", ENDS)
def test_one_fragment_is_missing(ends) -> None:  # type: ignore[no-untyped-def]
    """The whole packet can't be read: a gap of its length, nothing invented."""
    frames = cut_up(dialogue(ends), 256)
    lost = next(i for i, frame in enumerate(frames) if b"line of a mail" in frame.data)
    (conversation,) = follow(frames[:lost] + frames[lost + 1 :])
    assert [gap.missing for gap in conversation.gaps] == [1400 if len(MAIL) > 1400 else len(MAIL)]


@pytest.mark.parametrize("ends", ENDS)
def test_overlapping_fragments(ends) -> None:  # type: ignore[no-untyped-def]
    """What came first stays, also against a fragment that would replace it (teardrop-style)."""
    out = []
    for frame in cut_up(dialogue(ends), 256):
        out.append(frame)
        if b"line of a mail" in frame.data:
            out.append(frame._replace(data=frame.data.replace(b"line of a mail", b"LINE OF A LIAR")))
    (conversation,) = follow(renumber(out))
    assert b"LIAR" not in conversation.bytes_from("server")
    assert conversation.bytes_from("server").endswith(MAIL + b"+OK\r\n")


@pytest.mark.parametrize("order", [1, -1])
def test_bytes_behind_the_end(order: int) -> None:
    """A fragment that claims a place behind the last one adds nothing, whichever came first."""
    packet = dialogue().frames[6].data[14:]
    parts = pieces(packet, 8)
    stray = parts[0][:6] + struct.pack(">H", 0x2000 | 500) + parts[0][8:]
    waiting = Fragments()
    sent = [*parts[1:], stray, parts[0]] if order == 1 else [stray, *parts[::-1]]
    found = [waiting.add(ETHERNET, link(ETHERNET, part), 0) for part in sent]
    assert found[:-1] == [None] * (len(sent) - 1)
    assert found[-1] and found[-1][1][20:] == packet[20:]


def test_same_number_again_much_later() -> None:
    """After a minute a fragment with the same number belongs to another packet."""
    packet = dialogue().frames[5].data[14:]
    first, *rest = pieces(packet + b"", 8)
    waiting = Fragments()
    assert waiting.add(ETHERNET, link(ETHERNET, first), 0) is None
    late = fragments.MAX_AGE + 1
    assert [waiting.add(ETHERNET, link(ETHERNET, part), late) for part in rest] == [None] * len(rest)
    assert waiting.add(ETHERNET, link(ETHERNET, first), late) is not None


def test_cut_by_the_snapshot_length() -> None:
    """A fragment of which the capture kept only a part completes nothing."""
    waiting = Fragments()
    for part in pieces(dialogue().frames[8].data[14:], 16):
        assert waiting.add(ETHERNET, link(ETHERNET, part)[:-3], 0) is None


def test_memory_is_bounded() -> None:
    """A flood of fragments, of different packets and of one."""
    packet = dialogue().frames[6].data[14:]
    waiting = Fragments()
    for number in range(2000):
        waiting.add(ETHERNET, link(ETHERNET, pieces(packet, 8, number)[1]), 0)
    assert len(waiting._waiting) == fragments.MAX_PACKETS
    for at in range(8, 65_000, 16):
        raw = packet[:4] + struct.pack(">HH", 9, 0x2000 | at >> 3) + packet[8:20] + bytes(8)
        waiting.add(ETHERNET, link(ETHERNET, raw[:2] + struct.pack(">H", 28) + raw[4:]), 0)
    assert len(waiting._waiting[packet[12:20] + b"\0\x09"]._half.pending) == fragments.MAX_PIECES


def test_not_everything_is_a_fragment() -> None:
    packet = dialogue().frames[0].data
    udp = packet[:20] + b"\x20\0" + packet[22:23] + b"\x11" + packet[24:]
    for data in (packet, udp, b"", packet[:30]):
        assert fragment_of(ETHERNET, data) is None


@given(st.sampled_from(LINKTYPES), st.lists(st.binary(min_size=20, max_size=80), max_size=5), st.sampled_from(ENDS))
def test_any_bytes(linktype, bodies, ends) -> None:  # type: ignore[no-untyped-def]
    """Whatever stands behind an IP header with the fragment bits set: no exception."""
    waiting = Fragments()
    packet = dialogue(ends).frames[0].data[14:]
    head = len(packet) - 20
    for body in bodies:
        raw = packet[:head] + body
        raw = raw[:6] + body[:2] + raw[8:] if packet[0] == 0x45 else raw[:6] + b"\x2c" + raw[7:]
        found = waiting.add(linktype, link(linktype, raw), 0)
        if found:
            key, _, _, _, start, end = found[0]
            assert dissect(101, found[1]) and len(key) in (12, 36) and start <= end <= len(found[1])
