"""Mail that leaves the house: from alice through her provider to the next hop, as a lesson sees it."""

from __future__ import annotations

import re
import smtplib
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from support import waiting
from support.rungs import RUNGS, lab_on

from maillab import Lab, follow
from maillab.capture.recorder import Capture
from maillab.names import HOSTS
from maillab.network import Host, RungUnavailable
from maillab.network.replay import Replay
from maillab.servers.handle import ServerError

wait_for = partial(waiting.wait_for, seconds=15)
pytestmark = pytest.mark.network

MAIL = b"Subject: to the partner\r\n\r\n.a dot\r\nbye\r\n"
DAVE = "dave@partner.example.test"


@pytest.fixture(params=RUNGS)
def lab(request):
    with lab_on(request.param, allow="plaintext_login", mx=True) as lab:
        yield lab


def send(lab: Lab, *to: str, mail: bytes = MAIL) -> None:
    with lab.alice.smtp() as smtp:
        smtp.login("alice", lab.student.password("alice"))
        assert smtp.sendmail("alice@example.test", to, mail) == {}


def test_both_legs_are_on_mallorys_card(lab):
    with lab.capture() as heard:
        send(lab, DAVE, "bob@example.test")
        wait_for(lambda: lab.mails("dave") and not lab.queue())
        time.sleep(0.3)  # QUIT
    (got,) = lab.mails("dave")
    assert got.endswith(MAIL) and lab.mails("bob")[-1].endswith(MAIL)
    assert [len(re.findall(rb"(?m)^Received: ", mail)) for mail in (got, lab.mails("bob")[-1])] == [2, 1]
    submitted, relayed = follow(heard)
    assert submitted.complete and relayed.complete and not relayed.gaps
    assert [turn.message for turn in submitted.turns if turn.kind == "mail"] == [MAIL]
    (on_the_way,) = [turn.message for turn in relayed.turns if turn.kind == "mail"]
    assert got.endswith(on_the_way) and on_the_way.endswith(MAIL)
    assert str(lab.mx.port("smtp")) in repr(relayed).split(" -> ")[1].split(":")[1]
    if lab.rung != "loopback":
        assert f"{lab.mail.ip}:" in repr(relayed) and f" -> {lab.mx.ip}:25" in repr(relayed)
    assert heard.dropped == 0


def test_a_switch_hides_both(lab):
    lab.mode = "switch"
    with lab.capture() as heard:
        send(lab, DAVE)
        wait_for(lambda: lab.mails("dave") and not lab.queue())
    assert follow(heard) == []


def test_a_restart_in_the_middle_loses_and_doubles_nothing(lab):
    before, ports = lab.mails("alice"), dict(lab.server.ports)
    for n in range(8):
        send(lab, DAVE, "bob@example.test", mail=b"Subject: %d\r\n\r\nhi\r\n" % n)
        if n % 3 == 1:
            lab.restart()
    lab.restart()
    wait_for(lambda: not lab.queue() and len(lab.mails("dave")) >= 8)
    for mails in (lab.mails("dave"), lab.mails("bob")[3:]):
        assert sorted(re.findall(rb"Subject: (\d)", mail)[0] for mail in mails) == [b"%d" % n for n in range(8)]
    assert lab.server.ports == ports and lab.mails("alice") == before
    lab.reset()
    assert lab.mails("dave") == [] and len(lab.mails("bob")) == 3


def test_a_crash_too(lab):
    send(lab, DAVE, "bob@example.test")
    lab.server._process.kill()
    lab.restart()
    wait_for(lambda: lab.mails("dave") and not lab.queue())
    assert lab.mails("bob")[-1].endswith(MAIL)


def test_a_next_hop_that_is_down_for_a_while(lab):
    """As a lesson would do it; the capture shows the attempts that nobody answered."""
    with lab.capture() as heard:
        lab._others["mx"].close()
        send(lab, DAVE)
        wait_for(lambda: lab.queue() and lab.queue()[0]["attempts"])
        assert lab.queue()[0]["reply"].startswith("451 4.4.1 no answer")
        lab._others["mx"].restart()
        wait_for(lambda: lab.mails("dave") and not lab.queue())
    tried = [c for c in follow(heard) if str(lab.mx.port("smtp")) in repr(c).split(" -> ")[1]]
    assert len(lab.mails("dave")) == 1 and tried


def test_mx_takes_no_mail_for_others(lab):
    with lab.mallory.smtp("smtp", "mx") as smtp, pytest.raises(smtplib.SMTPRecipientsRefused) as error:
        smtp.sendmail("eve@elsewhere.test", ["alice@example.test"], MAIL)
    assert error.value.recipients["alice@example.test"] == (550, b"5.7.1 relaying denied")


def test_switches_survive_a_restart(lab):
    lab.server.ask("allow", switches=["plaintext_login", "open_relay"])
    lab.restart()
    with lab.mallory.smtp("smtp") as smtp:
        assert smtp.sendmail("eve@elsewhere.test", [DAVE], MAIL) == {}
    wait_for(lambda: lab.mails("dave"))
    assert b"with ESMTP for <dave" in lab.mails("dave")[0]


def test_nothing_stays_behind(lab):
    folder = Path(lab.server._config["spool"])
    send(lab, DAVE)
    assert folder.is_dir()
    lab.close()
    assert not folder.exists()


def test_no_door_stays_open():
    with Lab(rung="tap", mx=True) as lab:
        door = tuple(lab.server._config["next_hop"])
        with socket.create_connection(door, 5) as sock:
            assert sock.recv(100).startswith(b"220 mx.partner.example.test ")

    def closed() -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(door) != 0

    wait_for(closed, seconds=5)


def test_a_recording_plays_both_legs(tmp_path, lab):
    """On the replay rung nobody passes anything on: what the server did then is heard when the client has gone."""
    if lab.rung == "loopback":
        pytest.skip("not in CI: recordings are made in the sandbox")
    with lab.capture(lab.mail) as heard:
        send(lab, DAVE)
        wait_for(lambda: lab.mails("dave") and not lab.queue())
        time.sleep(0.3)
    heard.save(tmp_path / "r.pcapng")
    network = Replay(tmp_path / "r.pcapng")
    again = Capture(network.card(HOSTS["mallory"]), "again", "").start()
    with Host(HOSTS["alice"], network).smtp() as smtp:
        smtp.login("alice", lab.student.password("alice"))
        smtp.sendmail("alice@example.test", DAVE, MAIL)
    again.stop()
    assert [repr(c) for c in follow(again)] == [repr(c) for c in follow(heard)] and len(follow(again)) == 2
    network.close()


def test_the_card_says_what_mx_offers(lab):
    assert f"mx              {lab.mx.ip}  the next hop's mail server (smtp {lab.mx.port('smtp')})" in repr(lab)


class TestWithout:
    def test_mx_doesnt_run_by_default(self):
        with Lab(rung="tap", allow="plaintext_login") as lab:
            with pytest.raises(ServerError, match="'dave': choose from alice, bob, carol"):
                lab.mails("dave")
            assert lab.queue() == [] and len(lab.mails("alice")) == 3
            with pytest.raises(ConnectionRefusedError):
                lab.alice.smtp("smtp", "mx")
            with lab.alice.smtp() as smtp:
                smtp.login("alice", lab.student.password("alice"))
                smtp.mail("alice@example.test")
                assert smtp.rcpt(DAVE) == (550, b"5.4.4 no way from here to other servers")
            lab.restart()  # and its mail is as at the start
            assert len(lab.mails("alice")) == 3

    def test_on_replay_the_partners_mail_is_read_from_the_recording(self):
        with Lab("02", mx=True, rung="replay") as lab:
            first = lab.mails("dave")[0]
            assert first.startswith(b"Received: from mallory.example.test ([192.0.2.66])") and lab.mails("erin") == []

    def test_on_replay_there_is_nobody_to_ask(self):
        with Lab("01", allow="plaintext_login", rung="replay") as lab:
            for ask in (lambda: lab.mails("alice"), lab.queue):
                with pytest.raises(RuntimeError, match="no server on the replay rung"):
                    ask()
            lab.restart()
            with pytest.raises(RungUnavailable, match="no server can run on the replay rung"):
                assert isinstance(lab.network, Replay)
                lab.network.route(lab.mail.info, lab.mx.info, 25)

    def test_a_recording_with_mx_has_a_name_of_its_own(self):
        with Lab("02", rung="tap", mx=True, allow="open_relay") as lab:
            assert lab.name == "02-mx-open_relay"


def test_it_ends_with_its_owner(tmp_path):
    """Also the folder, when the Python process ends without a close."""
    code = "from maillab import Lab; lab = Lab(rung='tap', mx=True); print(lab.server._config['spool'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert not Path(done.stdout.strip()).exists()
