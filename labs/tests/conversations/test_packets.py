"""Headers of all kinds, and of no kind."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.wire import ACK, LINKTYPES, PSH, Talk, link, tcp_packet

from maillab.capture.frame import ETHERNET, LINUX_SLL, LINUX_SLL2, NULL, PPP, PPP_HDLC, Frame
from maillab.conversations import follow, segment_of
from maillab.conversations.packets import dissect

A, B = ("192.0.2.10", 40001), ("192.0.2.25", 110)
A6, B6 = ("2001:db8::10", 40001), ("2001:db8::25", 110)


def segment(data: bytes, linktype: int = ETHERNET):  # type: ignore[no-untyped-def]
    return segment_of(Frame(1, 0, linktype, data, len(data)))


def test_segment() -> None:
    found = segment(link(ETHERNET, tcp_packet(A, B, 1, 2, PSH | ACK, b"USER")))
    assert found == ("192.0.2.10:40001", "192.0.2.25:110", 1, 2, 24, b"USER")
    found = segment(link(ETHERNET, tcp_packet(A6, B6, 1, 2, PSH | ACK, b"USER")))
    assert found[:2] == ("[2001:db8::10]:40001", "[2001:db8::25]:110")


def test_vlan_pppoe_padding_options() -> None:
    packet = tcp_packet(A, B, 1, 2, ACK, b"hi")
    ether = link(ETHERNET, packet)
    tagged = ether[:12] + b"\x81\x00\x00\x05\x88\xa8\x00\x06" + ether[12:]
    assert segment(tagged).data == b"hi"
    pppoe = ether[:12] + b"\x88\x64\x11\x00\x00\x01" + struct.pack(">HH", len(packet) + 2, 0x21) + packet
    assert segment(pppoe).data == b"hi"
    assert segment(ether + bytes(10)).data == b"hi"  # Ethernet fills short frames up
    ihl6 = (
        packet[:0]
        + bytes([0x46])
        + packet[1:2]
        + struct.pack(">H", len(packet) + 4)
        + packet[4:20]
        + b"\1\1\1\1"
        + packet[20:]
    )
    assert segment(link(ETHERNET, ihl6)).data == b"hi"
    unsized = packet[:2] + b"\0\0" + packet[4:]  # offloaded to the card: no length
    assert segment(link(ETHERNET, unsized)).data == b"hi"


@pytest.mark.parametrize("ends", [(A, B), (A6, B6)])
def test_what_may_stand_before_ip(ends) -> None:  # type: ignore[no-untyped-def]
    """VLAN tags one or stacked, PPPoE within a VLAN, MPLS labels, a PPP link: the same segment behind each."""
    packet = tcp_packet(*ends, 1, 2, ACK, b"hi")
    kind, ppp = (b"\x86\xdd", b"\0\x57") if ends[0] is A6 else (b"\x08\0", b"\0\x21")
    macs = bytes(12)
    label, bottom = b"\0\0\x10\x40", b"\0\0\x21\x40"
    for linktype, before in (
        (ETHERNET, macs + b"\x81\0\0\5" + kind),
        (ETHERNET, macs + b"\x88\xa8\0\6\x81\0\0\5" + kind),
        (ETHERNET, macs + b"\x91\0\0\6\x91\0\0\7\x81\0\0\5" + kind),
        (ETHERNET, macs + b"\x81\0\0\5\x88\x64\x11\0\0\1\0\0" + ppp),
        (ETHERNET, macs + b"\x88\x47" + bottom),
        (ETHERNET, macs + b"\x88\x48" + label + label + bottom),
        (ETHERNET, macs + b"\x81\0\0\5\x88\x47" + label + bottom),
        (ETHERNET, macs + b"\x88\x64\x11\0\0\1\0\0\x02\x81" + bottom),
        (LINUX_SLL, bytes(14) + b"\x81\0\0\5" + kind),
        (LINUX_SLL2, b"\x81\0" + bytes(18) + b"\0\5" + kind),
        (PPP, ppp),
        (PPP, b"\xff\3" + ppp),
        (PPP_HDLC, b"\xff\3" + ppp),
        (NULL, bytes(4)),
        (NULL, b"\0\0\0\2"),
    ):
        assert segment(before + packet, linktype).data == b"hi", before
        for size in range(len(before) + len(packet)):
            dissect(linktype, (before + packet)[:size])


def test_labels_before_something_else() -> None:
    """What is behind MPLS labels nobody says: a pseudowire's Ethernet frame isn't taken for IP."""
    before = bytes(12) + b"\x88\x47" + b"\0\0\x21\x40"
    assert segment(before + bytes(60)) is None
    assert segment(before[:-2]) is None


def test_ipv6_extension_headers() -> None:
    packet = tcp_packet(A6, B6, 1, 2, ACK, b"hi", extensions=bytes([6, 0, 1, 4, 0, 0, 0, 0]))
    assert segment(link(ETHERNET, packet)).data == b"hi"


def test_not_tcp() -> None:
    packet = tcp_packet(A, B, 1, 2, ACK, b"hi")
    udp = packet[:9] + b"\x11" + packet[10:]
    fragment = packet[:6] + b"\x20\x00" + packet[8:]
    arp = link(ETHERNET, packet)[:12] + b"\x08\x06" + bytes(40)
    for data in (link(ETHERNET, udp), link(ETHERNET, fragment), arp, b"", b"x" * 13):
        assert segment(data) is None
    assert segment(packet, linktype=147) is None


@pytest.mark.parametrize("linktype", LINKTYPES)
@pytest.mark.parametrize("ends", [(A, B), (A6, B6)])
def test_any_cut(linktype: int, ends) -> None:  # type: ignore[no-untyped-def]
    """A frame cut at each byte: a segment or none, never an exception."""
    data = link(linktype, tcp_packet(*ends, 1, 2, ACK, b"some data"))
    for size in range(len(data) + 1):
        dissect(linktype, data[:size])
    assert segment(data, linktype).data == b"some data"


@given(st.sampled_from([*LINKTYPES, 12, 228, 147, 9999]), st.binary(max_size=200))
def test_any_bytes(linktype: int, data: bytes) -> None:
    dissect(linktype, data)


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=20), st.sampled_from(LINKTYPES))
def test_changed_bytes(changes: list[tuple[int, int]], linktype: int) -> None:
    """Bytes of real frames replaced: no exception, whatever becomes of the dialogue."""
    talk = Talk(linktype=linktype).open().server(b"+OK\r\n").client(b"USER bob\r\n").server(b"+OK\r\n").close()
    frames = [bytearray(f.data) for f in talk.frames]
    for place, value in changes:
        frame = frames[place % len(frames)]
        frame[place % len(frame)] = value
    for conversation in follow([f._replace(data=bytes(d)) for f, d in zip(talk.frames, frames, strict=True)]):
        str(conversation)
