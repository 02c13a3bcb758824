"""Lesson 09's and 11's experiments with ARP spoofing, on real servers and a switch; and as an ordinary user."""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from support.rungs import lab_on
from support.users import OTHER, ROOT, missing_user, run_as

from maillab import Lab
from maillab.attacks import Spoof
from maillab.capture.recorder import Capture
from maillab.network.segment import RST, ends_of

pytestmark = pytest.mark.network


@pytest.fixture
def lab():
    with lab_on("sandbox", allow="plaintext_login") as lab:
        lab.mode = "switch"
        yield lab


def heard_by_mallory(lab: Lab) -> bool:
    with lab.capture() as heard:
        lab.alice.pop3().quit()
    return any(TCP in packet for packet in heard.packets)


@pytest.mark.parametrize("known", [True, False], ids=["they know each other", "they have never met"])
def test_a_session_as_alice_while_alice_is_plugged_in(lab, known):
    for _ in range(20):
        if known:
            lab.alice.pop3().quit()
        with (
            lab.mallory.borrow(lab.alice.ip),
            Spoof(lab.mallory.card(), victim=lab.mail, instead_of=lab.alice),
            lab.mallory.smtp("smtp") as smtp,
        ):
            client = ":".join(map(str, smtp.sock.getsockname()))
            assert client.startswith(f"{lab.alice.ip}:")
            smtp.ehlo()
            assert smtp.mail("alice@example.test")[0] == 250
        assert client in {row["client"] for row in lab.log()}
    lab.alice.pop3().quit()


def test_it_holds_against_alices_own_claims(lab):
    """Alice's card says the truth again and again, as a host that notices a conflict would."""
    with lab.mallory.borrow(lab.alice.ip), Spoof(lab.mallory.card(), lab.mail, lab.alice, every=0.05):
        for _ in range(5):
            lab.network.announce(lab.alice.info, lab.alice.ip)
            time.sleep(0.3)
            with lab.mallory.smtp("smtp") as smtp:
                assert smtp.noop()[0] == 250


def test_a_blind_forged_syn_comes_to_nothing(lab):
    lab.alice.pop3().quit()
    for number in range(5):  # a second each: mallory's recording waits for the end of what the SYN began
        with lab.capture(lab.mail) as at_mail, lab.capture() as at_mallory, lab.mallory.card() as card:
            syn = TCP(sport=2000 + number, dport=25, flags="S", seq=1000)
            card.send(Ether() / IP(src=lab.alice.ip, dst=lab.mail.ip) / syn)
            wait_for_reset(at_mail)
        flags = [str(p[TCP].flags) for p in at_mail.packets if TCP in p]
        assert flags == ["S", "SA", "R"], "mail answers alice, who knows nothing of it"
        assert at_mail.packets[-1].src == lab.alice.mac
        assert [p for p in at_mallory.packets if TCP in p and p.src != lab.mallory.mac] == []
        assert [row for row in lab.log() if row["service"] == "smtp"] == []


def wait_for_reset(heard: Capture) -> None:
    deadline = time.monotonic() + 5
    while not any(ends and ends.flags & RST for ends in (ends_of(frame.data) for frame in heard.frames)):
        assert time.monotonic() < deadline, heard.packets
        time.sleep(0.01)


def test_on_the_path_mallory_answers_for_mail_and_passes_on(lab):
    for _ in range(20):
        with (
            lab.mallory.intercept(lab.mail),
            lab.mallory.listen("pop3") as listener,
            Spoof(lab.mallory.card(), victim=lab.alice, instead_of=lab.mail),
        ):
            listener.settimeout(5)
            with lab.alice.connect("mail", "pop3") as alice:
                sock, peer = listener.accept()
                with sock, lab.mallory.connect("mail", "pop3") as mail:
                    assert peer == alice.getsockname() == (lab.alice.ip, peer[1])
                    assert sock.getsockname() == (lab.mail.ip, 110)
                    greeting = mail.recv(512)
                    assert greeting.startswith(b"+OK mail.example.test") and mail.getsockname()[0] == lab.mallory.ip
                    sock.sendall(greeting.replace(b"ready", b"MALLORY"))
                    assert b"MALLORY" in alice.recv(512)
        assert lab.alice.pop3().getwelcome().endswith(b"ready")


def test_the_truth_is_put_back(lab):
    lab.alice.pop3().quit()
    assert not heard_by_mallory(lab)
    with pytest.raises(ZeroDivisionError), Spoof(lab.mallory.card(), lab.mail, lab.alice):
        with lab.capture() as heard, pytest.raises(TimeoutError):
            lab.alice.connect("mail", 110, timeout=0.3)
        assert any(TCP in p and p[TCP].flags == "SA" for p in heard.packets), "a switch is no protection"
        raise ZeroDivisionError
    assert not heard_by_mallory(lab)
    assert "spoof" not in {thread.name for thread in threading.enumerate()}


def test_the_stop_button_while_the_victim_is_being_fooled(lab, monkeypatch):
    """She believed it before anybody heard her answer: she has to hear the truth, too."""
    lab.alice.pop3().quit()
    card = lab.mallory.card()

    def stop(_: float) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(card, "wait", stop)
    with pytest.raises(KeyboardInterrupt):
        Spoof(card, lab.alice, lab.mail).__enter__()
    assert card.closed and not heard_by_mallory(lab)


def test_the_stop_button_at_the_end(lab, monkeypatch):
    lab.alice.pop3().quit()
    spoof = Spoof(lab.mallory.card(), lab.alice, lab.mail)

    def stop(*_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), spoof:
        monkeypatch.setattr(spoof._thread, "join", stop)
    assert spoof._card.closed and not heard_by_mallory(lab)


def test_who_is_away_cant_be_lied_to(lab):
    card = lab.mallory.card()
    with lab.alice.unplugged(), pytest.raises(TimeoutError, match="alice doesn't answer ARP"):
        Spoof(card, lab.alice, lab.mail).__enter__()
    assert card.closed


def test_the_lab_may_end_inside(lab):
    with Spoof(lab.mallory.card(), lab.alice, lab.mail, every=0.01):
        lab.close()
        time.sleep(0.1)
    assert "spoof" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.timeout(400)
@pytest.mark.skipif(not ROOT, reason="not in CI: these tests run as an ordinary user already")
def test_all_this_as_an_ordinary_user():
    if reason := missing_user(OTHER):
        pytest.skip(reason)
    tests = Path(__file__).parents[1]
    files = [tests / "network" / "test_takeover.py", tests / "lab" / "test_nat.py", Path(__file__)]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist"]
    # The loopback rung can't be had by an ordinary user, and takes a packet filter that isn't theirs to open.
    command += ["--rootdir", str(tests.parent), "-k", "not loopback", *map(str, files)]
    with tempfile.TemporaryDirectory() as home:  # not pytest's own: those are closed to others
        done = run_as(OTHER, command, Path(home))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
