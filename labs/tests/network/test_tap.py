"""The frames that the tap writes down are ones that a protocol analyser believes."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import threading
import time

import pytest
from scapy.all import IP, Raw, sniff, wrpcap
from scapy.layers.inet import TCP
from support.waiting import wait_for

from maillab.network.tap import SETTLE

pytestmark = pytest.mark.network


def session(tap, lines: list[bytes], seconds: float = 0.5):
    with tap.mallory.card() as card:
        with tap.alice.connect("mail", "pop3") as sock, sock.makefile("rb") as answers:
            answers.readline()
            for line in lines:
                sock.sendall(line)
                if line.startswith(b"BIG"):
                    answers.read(int(line.split()[1]))
                answers.readline()
        return sniff(opened_socket=card, timeout=seconds)


def test_tshark_finds_nothing_to_complain_about(tap, tmp_path):
    if not shutil.which("tshark"):
        assert not os.environ.get("CI"), "CI installs tshark"
        pytest.skip("tshark is not installed")
    packets = session(tap, [b"USER alice\r\n", b"BIG 3000000\r\n", b"QUIT\r\n"], seconds=10)
    wrpcap(str(tmp_path / "tap.pcap"), packets)
    flags = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
    command = ["tshark", "-r", str(tmp_path / "tap.pcap"), *flags, "-q", "-z", "expert,warn"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Errors" not in said and "Warn" not in said, said
    assert sum(len(p[Raw].load) for p in packets if Raw in p and p[TCP].sport == 110) > 3_000_000


def test_times_never_go_back(tap):
    times = [p.time for p in session(tap, [b"USER alice\r\n", b"QUIT\r\n"])]
    assert times == sorted(times) and len(set(times)) == len(times)


def test_a_reset_is_written_down(tap):
    with tap.mallory.card() as card:
        sock = tap.alice.connect("mail", "pop3")
        sock.recv(100)
        sock.sendall(b"BYE\r\n")
        with pytest.raises(ConnectionError):
            while sock.recv(100):
                pass
            raise ConnectionResetError  # an orderly end is what the client sees of a relay's reset on some systems
        packets = sniff(opened_socket=card, timeout=0.5)
        sock.close()
    assert any("R" in str(p[TCP].flags) and p[TCP].sport == 110 for p in packets)


def test_a_refused_connection_is_written_down(tap):
    with tap.mallory.card() as card:
        with pytest.raises(ConnectionRefusedError):
            tap.alice.connect("mail", 25)
        syn, reset = sniff(opened_socket=card, timeout=0.2)
    assert (str(syn[TCP].flags), str(reset[TCP].flags)) == ("S", "RA")
    assert reset[TCP].ack == syn[TCP].seq + 1


def test_every_frame_carries_the_names_addresses(tap):
    packets = session(tap, [b"QUIT\r\n"])
    assert {p[IP].src for p in packets} == {"192.0.2.10", "192.0.2.25"}


def test_a_new_card_hears_nothing_of_a_connection_that_has_ended(tap):
    def slow(listener: socket.socket) -> None:
        served, _ = listener.accept()
        with served:
            served.recv(100)  # the client's end
            time.sleep(0.2)
            served.sendall(b"a last word, as TLS has one\r\n")

    with tap.mallory.listen(2525) as listener:
        thread = threading.Thread(target=slow, args=(listener,))
        thread.start()
        with tap.mallory.card() as whole:
            tap.alice.connect("mallory", 2525).close()
            with tap.mallory.card() as later:
                thread.join()
                assert not sniff(opened_socket=later, timeout=0.2)
            assert sum(Raw in packet for packet in sniff(opened_socket=whole, timeout=0.2)) == 1


def test_a_connection_that_one_side_never_ends_delays_a_card_for_a_moment_only(tap):
    with tap.mallory.listen(2525) as listener, tap.alice.connect("mallory", 2525) as client:
        served, _ = listener.accept()
        client.shutdown(socket.SHUT_WR)
        before = time.monotonic()
        with served, tap.mallory.card():
            assert SETTLE < time.monotonic() - before < 10 * SETTLE
    wait_for(lambda: not tap.network._under_way())


@pytest.mark.parametrize("who", ["client", "server"])
def test_a_connection_that_was_broken_off_is_not_waited_for(tap, who):
    with tap.mallory.listen(2525) as listener:
        client = tap.alice.connect("mallory", 2525)
        served, _ = listener.accept()
    broken, left = (client, served) if who == "client" else (served, client)
    broken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    broken.close()
    left.close()
    wait_for(lambda: not tap.network._under_way())
