"""Lab(nat=True): alice and mallory behind one address, as the mail server, the cards and the lab's card show it."""

from __future__ import annotations

import gc
import socket
import time
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import ARP, Ether
from support.rungs import RUNGS, lab_on

from maillab import Lab, follow
from maillab.attacks import Spoof
from maillab.capture.recorder import Capture
from maillab.names import AS_GATE, GATE, GATE_INSIDE
from maillab.network import Host, RungUnavailable
from maillab.network.replay import Replay

pytestmark = pytest.mark.network


@pytest.fixture
def lab():
    with lab_on("sandbox", allow="plaintext_login", nat=True) as lab:
        yield lab


def log_in(lab: Lab, host: Host) -> None:
    box = host.pop3()
    box.user("alice")
    box.pass_(lab.student.password("alice"))
    assert len(box.retr(1)[1]) > 10
    box.quit()


def name(sock: socket.socket) -> str:
    return ":".join(map(str, sock.getsockname()))


def ends(heard: Capture) -> set[tuple[str, str]]:
    return {(p[IP].src, p[IP].dst) for p in heard.packets if TCP in p}


def test_the_server_sees_one_address_for_both(lab):
    assert (lab.alice.ip, lab.mallory.ip, lab.mail.ip) == ("10.0.2.10", "10.0.2.66", "192.0.2.25")
    with lab.alice.connect("mail", "pop3") as one:
        one.recv(100)
        with lab.mallory.connect("mail", "pop3") as two:
            two.recv(100)
            rows = lab.nat_table()[-2:]
            assert [row["inside"] for row in rows] == [name(one), name(two)]
            assert {row["target"] for row in rows} == {"192.0.2.25:110"}
            seen = [row["client"] for row in lab.log() if row["text"] == "connected"][-2:]
            assert [row["outside"] for row in rows] == seen and seen[0] != seen[1]
            assert all(client.startswith("192.0.2.1:5") for client in seen)


def test_entries_end_with_their_connections(lab):
    log_in(lab, lab.alice)
    deadline = time.monotonic() + 10
    while lab.nat_table():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_mallorys_card_hears_the_inside_and_mails_the_outside(lab):
    with lab.capture() as inside, lab.capture(lab.mail) as outside:
        log_in(lab, lab.alice)
    assert ends(inside) == {("10.0.2.10", "192.0.2.25"), ("192.0.2.25", "10.0.2.10")}
    assert ends(outside) == {("192.0.2.1", "192.0.2.25"), ("192.0.2.25", "192.0.2.1")}
    assert {p.src for p in outside.packets} == {GATE.mac, lab.mail.mac}
    assert {p.src for p in inside.packets} == {GATE_INSIDE.mac, lab.alice.mac}
    assert {p[IP].ttl for p in outside.packets if IP in p and p[IP].src == GATE.ip} == {63}
    for packet in outside.packets + inside.packets:
        if TCP in packet:
            fresh = packet.copy()
            del fresh[IP].chksum, fresh[TCP].chksum
            assert bytes(Ether(bytes(fresh))) == bytes(packet)
    (one,), (other,) = follow(inside), follow(outside)
    assert one.complete and [t.data for t in one.turns] == [t.data for t in other.turns]


def test_a_switch_hides_alice_inside_and_a_hub_shows_her_again(lab):
    for mode, heard in (("switch", False), ("hub", True), ("switch", False)):
        lab.mode = mode
        with lab.capture() as inside:
            log_in(lab, lab.alice)
        assert bool(ends(inside)) is heard


def test_a_big_transfer_and_many_connections_get_through(lab):
    body = b"Subject: big\r\n\r\n" + (b"z" * 76 + b"\r\n") * 1200
    with lab.alice.smtp() as smtp:
        smtp.login("alice", lab.student.password("alice"))
        smtp.sendmail("alice@example.test", "bob@example.test", body)
    assert lab.mails("bob")[-1].endswith(body)
    boxes = [host.pop3() for _ in range(10) for host in (lab.alice, lab.mallory)]
    for box in boxes:
        box.quit()


def test_refused_and_unreachable_are_what_they_are_elsewhere(lab):
    with pytest.raises(ConnectionRefusedError, match="Nobody listens on mail, port 99"):
        lab.alice.connect("mail", 99)
    with pytest.raises(ConnectionRefusedError, match="not in this lab"):
        lab.alice.connect("203.0.113.1", 25)
    with pytest.raises(OSError, match="unreachable"):  # as a sender of mail would find it: no way in
        lab.mail.connect("alice", 25)
    with pytest.raises(OSError, match="unreachable"):
        lab.network.connect(lab.alice.info, type(GATE)("x", "203.0.113.1", "", ""), 25, 1)


def test_gate_lets_nothing_in_and_answers_nothing_by_itself(lab):
    with lab.capture(lab.mail) as heard, lab.mail.card() as card:
        card.send(Ether(dst=GATE.mac) / IP(src=lab.mail.ip, dst=GATE.ip) / TCP(dport=50001, flags="S"))
        card.send(Ether() / ARP(op="who-has", pdst=GATE.ip))
        card.send(Ether() / ARP(op="who-has", pdst="192.0.2.2"))
        time.sleep(0.2)
    assert [(p[ARP].psrc, p[ARP].hwsrc) for p in heard.packets if ARP in p and p[ARP].op == 2] == [(GATE.ip, GATE.mac)]
    assert not [p for p in heard.packets if TCP in p and p[IP].src == GATE.ip]


def test_mallory_inside_gets_between_alice_and_gate(lab):
    lab.mode = "switch"
    log_in(lab, lab.alice)
    with (
        lab.mallory.intercept(lab.mail),
        lab.mallory.listen("pop3") as listener,
        Spoof(lab.mallory.card(), lab.alice, GATE_INSIDE),
    ):
        listener.settimeout(5)
        with lab.alice.connect("mail", "pop3") as alice:
            sock, peer = listener.accept()
            with sock:
                assert peer == alice.getsockname() and sock.getsockname() == (lab.mail.ip, 110)
                assert lab.mallory.pop3().getwelcome().startswith(b"+OK mail.example.test")
    log_in(lab, lab.alice)


def test_twenty_in_a_row_leave_nothing_behind():
    lab_on("sandbox", nat=True).close()
    gc.collect()
    before = open_files()
    for _ in range(20):
        with Lab(allow="plaintext_login", rung="sandbox", nat=True) as lab:
            helper = lab.network._helper.pid
            log_in(lab, lab.mallory)
            with lab.mallory.borrow(lab.alice.ip), lab.alice.unplugged(), lab.mallory.intercept(lab.mail):
                log_in(lab, lab.mallory)
        assert not Path(f"/proc/{helper}").exists()
    gc.collect()
    deadline = time.monotonic() + 3
    while open_files() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert open_files() <= before


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_a_lab_that_has_ended_or_whose_router_has(lab):
    lab.network._router.kill()
    deadline = time.monotonic() + 5
    with pytest.raises(ConnectionError, match="router has ended: start the lab anew"):
        while time.monotonic() < deadline:
            lab.nat_table()
    lab.close()
    with pytest.raises(ConnectionError, match="network has ended"):
        lab.nat_table()


@pytest.mark.parametrize("rung", RUNGS)
def test_the_labs_card_and_the_server_agree_on_every_rung(rung):
    with lab_on(rung, allow="plaintext_login", nat=True) as lab:
        assert "\n  gate  " in repr(lab) and "gate" in lab._repr_mimebundle_()["text/html"]
        with lab.capture(lab.mail) as heard:
            log_in(lab, lab.alice)
            log_in(lab, lab.mallory)
        (client,) = {row["client"].rpartition(":")[0] for row in lab.log()}
        assert client == ("192.0.2.1" if rung == "sandbox" else "127.0.0.1")
        sources = {source for source, target in ends(heard) if target == lab.mail.ip}
        assert sources == {"127.0.0.1" if rung == "loopback" else "192.0.2.1"}
        if rung == "tap":
            assert {p.src for p in heard.packets} == {GATE.mac, lab.mail.mac} and lab.alice.ip == GATE.ip
        if rung != "sandbox":
            with pytest.raises(RungUnavailable, match="Only the sandbox has a router"):
                lab.nat_table()
    with lab_on(rung) as plain:
        assert "\n  gate  " not in repr(plain)
        with pytest.raises((RuntimeError, RungUnavailable)):
            plain.nat_table()


def test_on_the_tap_a_switch_still_tells_alice_from_mallory():
    with Lab(allow="plaintext_login", rung="tap", nat=True) as lab:
        lab.mode = "switch"
        with lab.capture() as heard:
            log_in(lab, lab.alice)
        assert len(heard) == 0


def test_a_recording_plays_for_both(tmp_path, lab):
    with lab.capture(lab.mail) as heard:
        log_in(lab, lab.alice)
        with lab.mallory.smtp("smtp") as smtp:
            smtp.noop()
    heard.save(tmp_path / "r.pcapng")
    network = Replay(tmp_path / "r.pcapng", nat=True)
    again = Capture(network.card(AS_GATE["mail"]), "again", "").start()
    alice, mallory = (Host(network.names[name], network) for name in ("alice", "mallory"))
    log_in(lab, alice)
    with mallory.smtp("smtp") as smtp:
        assert smtp.noop()[0] == 250
    again.stop()
    assert [repr(c) for c in follow(again)] == [repr(c) for c in follow(heard)] and len(follow(again)) == 2
    network.close()


def test_a_recording_with_nat_has_a_name_of_its_own():
    with Lab("09", rung="tap", nat=True) as lab:
        assert lab.name == "09-nat"
