"""The router's table and what it does to a packet, against Scapy; the live router is in tests/lab/test_nat.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.packet import Raw

from maillab.network import nat
from maillab.network.nat import ACK, FIN, IDLE, OVER, RST, SETTLING, SYN, End, Table, segment_in

ALICE, MALLORY = End(bytes([10, 0, 2, 10]), 40312), End(bytes([10, 0, 2, 66]), 40312)
MAIL, MX = End(bytes([192, 0, 2, 25]), 110), End(bytes([192, 0, 2, 53]), 110)
GATE = bytes([192, 0, 2, 1])


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_each_connection_has_a_port_of_its_own_and_keeps_it():
    table = Table(GATE)
    entries = [table.outward(end, target, SYN) for end in (ALICE, MALLORY) for target in (MAIL, MX)]
    assert [entry.outside.port for entry in entries] == [50001, 50002, 50003, 50004]
    assert table.outward(ALICE, MAIL, ACK) is entries[0]
    assert table.outward(ALICE, MAIL, SYN) is entries[0], "the same SYN, sent again"
    assert [table.inward(MAIL, entry.outside.port, ACK) for entry in entries] == [entries[0], None, entries[2], None]


def test_what_nobody_inside_asked_for_is_dropped():
    table = Table(GATE)
    assert table.outward(ALICE, MAIL, ACK) is None and table.inward(MAIL, 50001, SYN) is None
    table.outward(ALICE, MAIL, SYN)
    assert table.inward(MAIL._replace(port=25), 50001, ACK) is None
    assert table.inward(MX, 50001, ACK) is None


def test_entries_go_after_the_end_and_after_a_long_silence():
    clock = Clock()
    table = Table(GATE, clock)

    def left() -> list[int]:
        return [entry.outside.port for entry in table.rows()]

    for inside, target, port in ((ALICE, MAIL, 50001), (ALICE, MX, 50002), (MALLORY, MAIL, 50003)):
        table.outward(inside, target, SYN)
        table.inward(target, port, SYN | ACK)
    table.outward(ALICE, MAIL, FIN | ACK)
    clock.now = OVER * 2
    assert left() == [50001, 50002, 50003], "half closed is not closed"
    table.inward(MAIL, 50001, FIN | ACK)
    table.inward(MX, 50002, RST)
    table.outward(ALICE, MAIL, ACK)
    assert left() == [50001, 50002, 50003], "the last ACK has to get through"
    clock.now += OVER + 0.1
    assert left() == [50002, 50003]
    clock.now += SETTLING
    assert left() == [50003]
    clock.now += IDLE
    assert left() == []


def test_what_nobody_answers_is_soon_forgotten():
    """RFC 5382 section 5: else a host that only asks would have all ports for two hours."""
    clock = Clock()
    table = Table(GATE, clock)
    for target in (MAIL, MX):
        table.outward(MALLORY, target, SYN)
    table.inward(MX, 50002, RST | ACK)
    clock.now = SETTLING
    assert len(table.rows()) == 2
    clock.now += 0.1
    assert table.rows() == []


@pytest.mark.parametrize("forged", [RST, RST | ACK])
def test_a_forged_rst_ends_nothing(forged):
    """Mallory can send one in alice's name, but doesn't know the sequence number; mail doesn't believe it."""
    clock = Clock()
    table = Table(GATE, clock)
    entry = table.outward(ALICE, MAIL, SYN)
    table.inward(MAIL, 50001, SYN | ACK)
    table.outward(ALICE, MAIL, forged)
    clock.now = SETTLING
    table.rows()
    assert table.outward(ALICE, MAIL, ACK) is entry and table.inward(MAIL, 50001, ACK) is entry
    clock.now += IDLE
    assert table.rows() == [entry]
    table.outward(ALICE, MAIL, forged)
    assert table.outward(ALICE, MAIL, SYN) is entry, "nor does a forged SYN after it"


def test_a_new_connection_over_the_same_ends_gets_a_new_port():
    table = Table(GATE)
    table.outward(ALICE, MAIL, SYN)
    table.outward(ALICE, MAIL, FIN | ACK)
    table.inward(MAIL, 50001, FIN | ACK)
    assert table.outward(ALICE, MAIL, SYN).outside.port == 50002
    assert table.inward(MAIL, 50001, ACK) is None and len(table.rows()) == 1


def test_all_ports_in_use_then_one_is_free_again():
    clock = Clock()
    table = Table(GATE, clock)
    ends = [ALICE._replace(port=port) for port in range(1, 65536 - nat.FIRST_PORT + 1)]
    for end in ends:
        table._by_inside[end, MAIL] = table._by_port[nat.FIRST_PORT + end.port - 1] = nat.Entry(
            end, End(GATE, nat.FIRST_PORT + end.port - 1), MAIL
        )
    assert table.outward(MALLORY, MAIL, SYN) is None
    table.inward(MAIL, 50010, FIN)
    table.outward(ends[9], MAIL, FIN)
    clock.now = OVER + 1
    assert table.outward(MALLORY, MAIL, SYN).outside.port == 50010


@given(
    st.binary(max_size=301), st.integers(0, 65535), st.integers(1, 65535), st.integers(2, 255), st.binary(max_size=8)
)
def test_scapy_agrees_on_every_octet(data, seq, port, ttl, padding):
    def packet(**changes: object) -> IP:
        ip = IP(src="10.0.2.10", dst="192.0.2.25", id=7, flags="DF", ttl=ttl)
        tcp = TCP(sport=40312, dport=110, seq=seq, flags="PA", options=[("MSS", 1460)])
        for name, value in changes.items():
            setattr(tcp if "port" in name else ip, name, value)
        return ip / tcp / data

    segment = segment_in(bytes(packet()) + padding)
    assert segment and (segment.source, segment.target, segment.flags) == (ALICE, MAIL, 0x18) and segment.age()
    segment.source = End(GATE, port)
    assert bytes(segment.packet) == bytes(packet(src="192.0.2.1", sport=port, ttl=ttl - 1))
    segment.source, segment.target = ALICE, MALLORY
    assert bytes(segment.packet) == bytes(packet(dst="10.0.2.66", dport=40312, ttl=ttl - 1))


def test_what_has_come_too_far_is_dropped():
    assert not segment_in(bytes(IP(ttl=1) / TCP())).age()


@given(st.binary(max_size=80))
def test_rubbish_is_no_segment(data):
    segment = segment_in(data)
    assert segment is None or (data[0] >> 4 == 4 and data[9] == 6)


def test_other_packets_are_no_segments():
    whole = bytes(IP() / TCP() / Raw(b"data"))
    assert segment_in(whole) and not segment_in(whole[:-1]) and not segment_in(bytes(IP() / UDP()))
    assert not segment_in(bytes(IP(flags="MF") / TCP())) and not segment_in(bytes(IP(frag=3) / TCP()))
    assert not segment_in(b"\x60" + whole[1:]) and not segment_in(b"\x41" + whole[1:])
