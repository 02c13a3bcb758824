"""What a lesson relies on holds on every live rung."""

from __future__ import annotations

import threading
import time

import pytest
from scapy.all import AsyncSniffer, Raw, sniff
from scapy.layers.inet import IP, TCP

from maillab.network import PORTS
from maillab.network.rungs import open_network

pytestmark = pytest.mark.network


def payloads(packets):
    """What was said; on a busy machine TCP sometimes says a segment twice."""
    return b"".join({(p[TCP].sport, p[TCP].seq): p[Raw].load for p in packets if Raw in p}.values())


def test_card_hears_what_happened_before_anybody_read_it(place):
    with place.mallory.card() as card:
        place.login()
        packets = sniff(opened_socket=card, timeout=0.3)
        assert card.dropped() == 0
    assert b"PASS correct horse\r\n" in payloads(packets)
    assert [str(p[TCP].flags) for p in packets if TCP in p][:3] == ["S", "SA", "A"]
    assert len({p[TCP].sport for p in packets if TCP in p and "F" in str(p[TCP].flags)}) == 2


def test_no_packet_is_heard_twice(place):
    with place.mallory.card() as card:
        place.login()
        packets = [p for p in sniff(opened_socket=card, timeout=0.3) if Raw in p]
    # A segment that TCP sent again has a new identification; one that we heard twice, the same.
    assert len({(p[TCP].sport, p[TCP].seq, p[IP].id) for p in packets}) == len(packets)


def test_plain_scapy_sniffer_stopped_at_once_has_everything(place):
    for _ in range(20):
        ready: list[bool] = []
        sniffer = AsyncSniffer(opened_socket=place.mallory.card(), started_callback=lambda: ready.append(True))  # noqa: B023
        sniffer.start()
        while not ready:
            sniffer.thread.join(0.001)
        place.login()
        packets = sniffer.stop()
        assert len({p[TCP].sport for p in packets if TCP in p and "F" in str(p[TCP].flags)}) == 2
        assert payloads(packets).endswith(b"QUIT\r\n+OK\r\n")


def test_switch_keeps_mallory_out_and_hub_lets_her_in_again(place):
    for mode, heard in (("switch", False), ("hub", True), ("switch", False)):
        place.network.mode = mode
        with place.mallory.card() as card:
            place.login()
            assert (b"PASS" in payloads(sniff(opened_socket=card, timeout=0.3))) is heard
    assert place.network.mode == "switch"


def test_at_either_end_a_switch_hides_nothing(place):
    place.network.mode = "switch"
    for host in (place.alice, place.mail):
        with host.card() as card:
            place.login()
            assert b"PASS correct horse" in payloads(sniff(opened_socket=card, timeout=0.3))


def test_mode_is_hub_or_switch(place):
    with pytest.raises(ValueError, match="neither 'hub' nor 'switch'"):
        place.network.mode = "router"


def test_ports_seen_are_those_the_lab_names(place):
    with place.mallory.card() as card:
        place.login()
        packet = next(p for p in sniff(opened_socket=card, timeout=0.3) if TCP in p)
    assert packet[TCP].dport == place.mail.port("pop3")
    assert packet.payload.dst == place.mail.ip


def test_refused_where_nobody_listens(place):
    with pytest.raises(ConnectionRefusedError, match="Nobody listens on mail, port 25"):
        place.alice.connect("mail", "smtp")


@pytest.mark.parametrize("target", ["example.com", "8.8.8.8", "192.0.2.200", "127.0.0.1", ""])
def test_the_lab_talks_to_nobody_else(place, target):
    with pytest.raises(ConnectionRefusedError, match="not in this lab"):
        place.alice.connect(target, PORTS["pop3"])


def test_ten_connections_at_once(place):
    with place.mallory.card() as card:
        boxes = [place.alice.pop3() for _ in range(10)]
        for box in boxes:
            box.user("alice")
        for box in boxes:
            box.quit()
        packets = sniff(opened_socket=card, timeout=0.5)
    assert payloads(packets).count(b"USER alice\r\n") == 10


def test_100_kilobytes_arrive_whole_and_unlost(place):
    with place.mallory.card() as card:
        with place.alice.connect("mail", "pop3") as sock, sock.makefile("rb") as answers:
            answers.readline()
            sock.sendall(b"BIG 100000\r\n")
            assert answers.read(100_000) == b"x" * 100_000
        packets = sniff(opened_socket=card, timeout=0.5)
        assert card.dropped() == 0
    assert payloads(packets).count(b"x") == 100_000


def test_unknown_rung_is_named():
    with pytest.raises(ValueError, match="choose from sandbox, loopback, tap, replay"):
        open_network("moon")


def test_scapys_count_and_stop_filter_are_kept_to(place):
    with place.mallory.card() as card:
        place.login()
        assert len(sniff(opened_socket=card, count=3, timeout=2)) == 3
        rest = sniff(opened_socket=card, stop_filter=lambda p: b"PASS" in bytes(p), timeout=2)
        assert b"PASS" in bytes(rest[-1]) and b"QUIT" not in payloads(rest)


def test_endless_traffic_keeps_no_sniffer_from_stopping(place):
    done = threading.Event()

    def talk() -> None:
        box = place.alice.pop3()
        while not done.is_set():
            box.noop()
        box.quit()

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        began = time.monotonic()
        with place.mallory.card() as card:
            assert sniff(opened_socket=card, timeout=0.5)
        assert time.monotonic() - began < 2
        sniffer = AsyncSniffer(opened_socket=place.mallory.card())
        sniffer.start()
        time.sleep(0.3)
        assert sniffer.stop()
        assert time.monotonic() - began < 8
    finally:
        done.set()
        thread.join()


def test_both_directions_at_once_dont_wait_for_each_other(place):
    with place.alice.connect("mail", "pop3") as sock, sock.makefile("rb") as answers:
        answers.readline()
        got: list[bytes] = []
        reader = threading.Thread(target=lambda: got.append(answers.read(2_000_005)))
        reader.start()
        sock.sendall(b"BIG 2000000\r\n" + b"x" * 2_000_000 + b"\r\n")
        reader.join(10)
    assert got == [b"x" * 2_000_000 + b"+OK\r\n"]


def test_a_closed_card_says_so(place):
    card = place.mallory.card()
    card.close()
    with pytest.raises(ConnectionError, match="This card is closed"):
        sniff(opened_socket=card, timeout=0.1)
