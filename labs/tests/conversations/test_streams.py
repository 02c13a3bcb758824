"""Reassembly: whatever the network did to the segments, the bytes are the same, and a hole is called a hole."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from support.wire import ACK, FIN, LINKTYPES, PSH, RST, SYN, Talk, interleave, renumber

from maillab.capture.frame import Frame
from maillab.conversations import follow, reassemble

GREETING, USER, OK, PASS, IN = (
    b"+OK ready\r\n", b"USER bob\r\n", b"+OK\r\n", b"PASS secret\r\n", b"+OK logged in\r\n",
)  # fmt: skip
DIALOGUE = [(1, GREETING), (0, USER), (1, OK), (0, PASS), (1, IN), (0, b"QUIT\r\n"), (1, b"+OK bye\r\n")]
TEXT = "\n".join(("C: ", "S: ")[side] + data.decode().strip() for side, data in DIALOGUE)


def texts(frames: list[Frame]) -> list[str]:
    return [conversation.transcript(times=False) for conversation in follow(renumber(frames))]


@settings(deadline=None, max_examples=200)
@given(
    cuts=st.lists(st.integers(1, 9), min_size=1, max_size=30),
    seed=st.integers(0, 2**32),
    link=st.sampled_from(LINKTYPES),
    isn=st.sampled_from([0, 1000, 2**32 - 20, 2**32 - 1]),
    v6=st.booleans(),
)
def test_chop_shuffle_duplicate(cuts: list[int], seed: int, link: int, isn: int, v6: bool) -> None:
    """Segments of any size, each frame maybe twice, all in any order: the dialogue is the same."""
    rnd = random.Random(seed)
    hosts = ("2001:db8::10", "2001:db8::25") if v6 else ("192.0.2.10", "192.0.2.25")
    talk = Talk((hosts[0], 40001), (hosts[1], 110), linktype=link, isn=(isn, (isn * 7) % 2**32))
    talk.open()
    for side, data in DIALOGUE:
        talk.say(side, data, [rnd.choice(cuts) for _ in data])
    talk.close()
    frames = talk.frames + rnd.sample(talk.frames, len(talk.frames) // 3)
    rnd.shuffle(frames)
    assert texts(frames) == [TEXT]


@settings(deadline=None, max_examples=100)
@given(st.binary(min_size=1, max_size=400), st.integers(0, 2**32 - 1), st.integers(0, 2**32))
def test_reassemble_any_bytes(data: bytes, start: int, seed: int) -> None:
    """Random overlapping pieces that cover the data, in any order, across the wrap of sequence numbers."""
    rnd = random.Random(seed)
    pieces, at = [], 0
    while at < len(data):
        size = rnd.randint(1, 40)
        back = rnd.randint(0, min(at, 20))
        pieces.append(((start + at - back) % 2**32, data[at - back : at + size]))
        at += size
    pieces += rnd.sample(pieces, len(pieces) // 2)
    rnd.shuffle(pieces)
    assert reassemble(pieces, start) == [data]


def test_reassemble_gap_is_a_number() -> None:
    assert reassemble([(0, b"PASS"), (10, b"t")], 0) == [b"PASS", 6, b"t"]
    assert reassemble([(4, b"x")], 0) == [4, b"x"]
    assert reassemble([]) == []


def test_split_at_each_byte() -> None:
    """Each line split in two at every place."""
    for at in range(1, 14):
        talk = Talk().open()
        for side, data in DIALOGUE:
            talk.say(side, data, [min(at, len(data))])
        assert texts(talk.close().frames) == [TEXT]


def test_first_copy_counts() -> None:
    """A retransmission with other bytes doesn't change what was said first, seen in order or not."""
    talk = Talk().open().server(GREETING).client(USER).server(OK)
    seq = talk.next[0]
    talk.client(PASS).packet(0, PSH | ACK, b"PASS forged\r\n", seq=seq).server(IN)
    assert "C: PASS secret" in texts(talk.frames)[0] and "forged" not in texts(talk.frames)[0]
    talk = Talk().open().server(GREETING)
    seq = talk.next[0]
    talk.packet(0, PSH | ACK, b"obert\r\n", seq=seq + 6).packet(0, PSH | ACK, b"!!!!!!!", seq=seq + 6)
    talk.client(b"USER r")
    assert "C: USER robert" in texts(talk.frames)[0]


def test_gap_is_marked_and_never_filled() -> None:
    talk = Talk().open().server(GREETING).client(USER).server(OK)
    talk.next[0] += 500
    talk.client(PASS).server(IN).close()
    (conversation,) = follow(talk.frames)
    assert [(gap.side, gap.missing) for gap in conversation.gaps] == [("C", 500)]
    assert b"\0" not in conversation.bytes_from("client")
    assert conversation.bytes_from("client") == USER + PASS
    assert not conversation.complete
    assert "500 bytes are missing" in str(conversation)


def test_acknowledged_but_never_seen() -> None:
    """The capture lost the reply, the client acknowledged it: a gap at the right place."""
    talk = Talk().open().server(GREETING).client(USER)
    talk.next[1] += len(OK)
    talk.client(PASS).server(IN).close()
    (conversation,) = follow(talk.frames)
    assert [turn.kind for turn in conversation.turns] == ["greeting", "command", "gap", "command", "reply"]
    assert conversation.gaps[0].missing == len(OK)


def test_one_direction_only() -> None:
    """Only the client's frames, or only the server's: shown as far as they go, the rest counted."""
    for side in (0, 1):
        talk = Talk().play(DIALOGUE)
        frames = renumber(f for f, s in zip(talk.frames, talk.sides, strict=True) if s == side)
        (conversation,) = follow(frames)
        said = "client" if side == 0 else "server"
        assert conversation.bytes_from(said) == b"".join(data for s, data in DIALOGUE if s == side)
        assert conversation.client == "192.0.2.10:40001" and conversation.protocol == "pop3"
        assert conversation.captured == said and "was captured" in repr(conversation)
        missing = sum(gap.missing for gap in conversation.gaps)
        assert abs(missing - sum(len(data) for s, data in DIALOGUE if s != side)) <= 1


def test_mid_stream_start() -> None:
    """No SYN: begins with what is there, and still knows who is the client."""
    talk = Talk(server=("192.0.2.25", 4711)).play(DIALOGUE)
    (conversation,) = follow(renumber(talk.frames[5:]))
    assert conversation.client == "192.0.2.10:40001"
    assert not conversation.complete
    assert conversation.transcript(times=False) == "\n".join(TEXT.split("\n")[1:])


def test_reused_ports_are_two_conversations() -> None:
    one = Talk().play(DIALOGUE)
    two = Talk(isn=(9_000_000, 8_000_000), start_ns=one.time_ns + 1).play(DIALOGUE)
    assert texts(one.frames + two.frames) == [TEXT, TEXT]
    # Also when the first one never ended.
    assert texts(one.frames[:-5] + two.frames)[1] == TEXT


def test_reset_ends_it_and_late_copies_are_ignored() -> None:
    talk = Talk().open().server(GREETING).client(USER).packet(0, RST)
    (conversation,) = follow(talk.frames)
    assert conversation.complete
    talk = Talk().play(DIALOGUE)
    assert texts(talk.frames + [f for f in talk.frames if len(f.data) > 60]) == [TEXT]


def test_interleaved_connections() -> None:
    talks = [Talk(("192.0.2.10", 40000 + i), start_ns=1000 * i).play(DIALOGUE) for i in range(20)]
    conversations = follow(interleave(*talks))
    assert [c.client for c in conversations] == [f"192.0.2.10:{40000 + i}" for i in range(20)]
    assert {c.transcript(times=False) for c in conversations} == {TEXT}


def test_frames_and_times_of_a_turn() -> None:
    """A turn knows each frame it came in, and the time of the first."""
    talk = Talk().open().server(GREETING).client(USER, [2, 3])
    (conversation,) = follow(talk.frames)
    user = conversation.turns[1]
    assert user.frames == [6, 7, 8] and user.frame == 6
    assert user.time == talk.frames[5].time


def test_scapy_packets() -> None:
    """A learner's list of sniffed packets: a turn's frame is the place in that list."""
    from scapy.layers.inet import IP
    from scapy.layers.l2 import Ether, Loopback

    for layer, link in ((Ether, 1), (Loopback, 0), (IP, 101)):
        talk = Talk(linktype=link).play(DIALOGUE)
        packets = []
        for frame in talk.frames:
            packet = layer(frame.data)
            packet.time = frame.time
            packets.append(packet)
        (conversation,) = follow(packets)
        assert conversation.transcript(times=False) == TEXT
        assert packets[conversation.turns[1].frame - 1].load == USER


def test_snapped_frames_are_gaps() -> None:
    """Frames that were cut when captured (tcpdump -s): the cut bytes are a gap, the rest is read."""
    talk = Talk().open().server(GREETING).client(USER).server(OK + b"x" * 300 + b"\r\n").client(PASS).close()
    frames = [f._replace(data=f.data[:100]) for f in talk.frames]
    (conversation,) = follow(frames)
    assert [gap.side for gap in conversation.gaps] == ["S"]
    assert conversation.bytes_from("client") == USER + PASS


def test_flags_of_a_lonely_connection() -> None:
    """No data at all: no conversation, no error."""
    for flags in (SYN, SYN | ACK, FIN | ACK, RST, ACK, 0, SYN | FIN | RST):
        assert follow(Talk().packet(0, flags).packet(1, flags).frames) == []


def test_memory_of_a_hole_is_bounded() -> None:
    """A segment is missing and never comes: only so much is held back."""
    from maillab.conversations import streams

    talk = Talk(acks=False).open().server(GREETING)
    talk.next[0] += 10
    for _ in range(5000):
        talk.client(b"x" * 1400)
    connection = streams.Connection(b"\0" * 12, 1)
    largest = 0
    from maillab.conversations.packets import dissect

    for frame, side in zip(talk.frames, talk.sides, strict=True):
        parts = dissect(frame.linktype, frame.data)
        assert parts
        _, seq, ack, flags, start, end = parts
        connection.segment(side, seq, ack, flags, frame.data[start:end], frame.number, frame.time_ns)
        largest = max(largest, connection.size)
    assert largest <= streams.MAX_PENDING + 1400
