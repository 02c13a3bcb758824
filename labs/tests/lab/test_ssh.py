"""POP3 through SSH, as a lesson sees it: what mallory's card hears of a tunnel, and where it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support.proc import processes
from support.rungs import RUNGS, lab_on
from support.waiting import wait_for

from maillab import Lab, follow
from maillab.clients.tunnel import Tunnel, TunnelError
from maillab.findings import findings
from maillab.network import RungUnavailable
from maillab.servers.ssh_keys import fingerprint

pytestmark = pytest.mark.network


@pytest.fixture(params=RUNGS)
def lab(request):
    with lab_on(request.param, allow="plaintext_login", bastion=True) as lab:
        yield lab


def read(lab: Lab, tunnel: Tunnel) -> bytes:
    """Log in through the tunnel and read the first mail."""
    mailbox = tunnel.pop3()
    mailbox.user("alice")
    mailbox.pass_(lab.student.password("alice"))
    mail = b"\r\n".join(mailbox.retr(1)[1]) + b"\r\n"
    mailbox.quit()
    return mail


def heard_bytes(heard) -> bytes:
    """All that was captured, headers too."""
    return b"\n".join(bytes(packet) for packet in heard.packets)


def goes_to(conversation, host, service) -> bool:
    return conversation.server == f"{host.ip}:{host.port(service)}"


def test_a_tunnel_that_ends_on_mail_hides_all(lab):
    lab.start_ssh(lab.mail)
    with lab.capture() as heard, lab.alice.tunnel("mail", 110, through="mail") as tunnel:
        mail = read(lab, tunnel)
        read(lab, tunnel)
    assert mail == lab.student.mails("alice")[0]
    (ssh,) = follow(heard)
    assert goes_to(ssh, lab.mail, "ssh") and ssh.complete and heard.dropped == 0
    everything = heard_bytes(heard)
    assert b"SSH-2.0-" in everything  # so something was searched
    words = {word for line in mail.split(b"\r\n") for word in line.split() if len(word) > 5}
    secrets = [lab.student.password("alice").encode(), lab.student.door_code.encode(), b"PASS", b"RETR", *words]
    assert len(words) > 20 and [secret for secret in secrets if secret in everything] == []
    assert findings(heard) == []


def test_behind_a_bastion_the_rest_of_the_way_is_clear(lab):
    lab.start_ssh(lab.bastion)
    with lab.capture() as heard, lab.alice.tunnel("mail", 110, through="bastion") as tunnel:
        mail = read(lab, tunnel)
    ssh, pop3 = follow(heard)
    assert goes_to(ssh, lab.bastion, "ssh") and goes_to(pop3, lab.mail, "pop3")
    assert ssh.client.split(":")[0] == lab.alice.ip and pop3.client.split(":")[0] == lab.bastion.ip
    assert [turn.message for turn in pop3.turns if turn.kind == "mail"] == [mail]
    (login,) = [found for found in findings(heard) if found.kind == "credential"]
    assert (login.username, login.password, login.accepted) == ("alice", lab.student.password("alice"), True)
    assert heard.dropped == 0


def test_one_ssh_connection_carries_many(lab):
    lab.start_ssh(lab.bastion)
    with lab.capture() as heard, lab.alice.tunnel("mail", 110) as tunnel:
        boxes = [tunnel.pop3() for _ in range(5)]
        assert [box.quit()[:3] for box in boxes] == [b"+OK"] * 5
    said = follow(heard)
    assert len([c for c in said if goes_to(c, lab.bastion, "ssh")]) == 1
    assert len([c for c in said if goes_to(c, lab.mail, "pop3")]) == 5


def test_the_log_says_who_and_where_and_no_password(lab):
    server = lab.start_ssh(lab.bastion)
    with lab.alice.tunnel("mail", 110) as tunnel:
        tunnel.pop3().quit()
    with pytest.raises(TunnelError, match="bastion refused the login as 'alice': the password is wrong"):
        lab.alice.tunnel("mail", 110, password="not-this-one")
    wait_for(lambda: [row["text"] for row in server.log()].count("closed") == 2)
    texts = [row["text"] for row in server.log()]
    assert texts[:3] == ["connected", "alice logged in with a password", "alice: forwarded to mail, port 110"]
    assert texts[4:6] == ["connected", "login refused: wrong password for alice"]
    assert "not-this-one" not in str(server.log()) and lab.student.password("alice") not in str(server.log())
    assert server.passwords() == []  # off by default


def test_a_key_instead_of_the_password(lab):
    server = lab.start_ssh(lab.mail)
    key = lab.ssh_key("alice")
    with lab.alice.tunnel("mail", 110, through="mail", key=key) as tunnel:
        assert read(lab, tunnel)
    assert f"alice logged in with the key {fingerprint(key.public)}" in [row["text"] for row in server.log()]
    assert lab.ssh_key("alice") is key and "PRIVATE" not in repr(key)
    with pytest.raises(TunnelError, match="the key isn't one that it knows"):
        lab.alice.tunnel("mail", 110, through="mail", key=key, user="bob")
    later = lab.start_ssh(lab.bastion)  # knows keys that were made before it
    lab.alice.tunnel("mail", 110, key=key).close()
    assert later.log()[1]["text"].startswith("alice logged in with the key SHA256:")


def test_an_impostor_gets_the_password_of_the_careless(lab):
    lab.start_ssh(lab.bastion)
    impostor = lab.start_ssh(lab.mallory, allow=["accept_anyone", "keep_passwords"])
    with pytest.raises(TunnelError) as error:
        lab.alice.tunnel("mail", 110, through="bastion", at="mallory")
    known = fingerprint(lab.known_host("bastion").split(" ", 1)[1])
    assert str(error.value) == (
        f"bastion shows the host key {impostor.fingerprint}, but is known by {known}: this is somebody else, or its "
        "key was changed, so no password was sent."
    )
    assert impostor.passwords() == [] and not any("log" in row["text"] for row in impostor.log())
    with lab.alice.tunnel("mail", 110, through="bastion", at="mallory", check=False) as tunnel:
        assert tunnel.fingerprint == impostor.fingerprint
        assert read(lab, tunnel) == lab.student.mails("alice")[0]  # nobody notices
    assert impostor.passwords() == [("alice", lab.student.password("alice"))]


def test_a_key_log_in_gives_an_impostor_nothing(lab):
    lab.start_ssh(lab.bastion)
    impostor = lab.start_ssh(lab.mallory, allow="keep_passwords")
    with pytest.raises(TunnelError, match="the key isn't one that it knows"):
        lab.alice.tunnel("mail", 110, at="mallory", check=False, key=lab.ssh_key("alice"))
    assert impostor.passwords() == []


class TestOnTap:
    """What doesn't depend on the rung."""

    @pytest.fixture
    def lab(self):
        with Lab(rung="tap", allow="plaintext_login", bastion=True) as lab:
            yield lab

    def test_a_new_host_key_is_refused(self, lab):
        first = lab.start_ssh(lab.bastion).fingerprint
        assert lab.start_ssh(lab.bastion).fingerprint == first
        second = lab.start_ssh(lab.bastion, another_key=True).fingerprint
        with pytest.raises(TunnelError, match="key was changed, so no password was sent") as error:
            lab.alice.tunnel("mail", 110)
        assert first != second and first in str(error.value) and second in str(error.value)
        assert lab.known_host("bastion").startswith("bastion.example.test,192.0.2.22 ssh-ed25519 AAAA")

    def test_a_host_that_nobody_knows_is_refused(self, lab):
        lab.start_ssh(lab.bastion)
        with pytest.raises(TunnelError, match=r"mail shows the host key SHA256:.* and is not among the known hosts"):
            lab.alice.tunnel("mail", 110, through="mail", at="bastion")

    @pytest.mark.parametrize(
        ("host", "port", "sentence"),
        [
            ("www.example.org", 110, "forwards to the lab's own hosts only, not to 'www.example.org'"),
            ("127.0.0.53", 25, "forwards to the lab's own hosts only"),
            ("mail", 22, "forwards to mail ports only"),
            ("mx", 25, r"no connection from bastion to mx, port 25 \(nobody listens there\)"),
            ("localhost", 110, r"no connection from bastion to bastion, port 110 \(nobody listens there\)"),
        ],
    )
    def test_targets_that_are_refused(self, lab, host, port, sentence):
        server = lab.start_ssh(lab.bastion)
        with lab.alice.tunnel(host, port) as tunnel:
            with pytest.raises(TunnelError, match=f"doesn't reach {host}, port {port}: .*{sentence}"):
                tunnel.pop3()
            assert port == 110 or f":{port}" not in str(lab.network._servers)
        assert len([row for row in server.log() if sentence.split("(")[0].strip("\\ ") in row["text"]]) == 1

    def test_servers_that_start_later_can_be_reached(self, lab):
        lab.start_ssh(lab.bastion)
        lab.serve(lab.mallory)
        with lab.alice.tunnel("mallory", 110) as tunnel:
            assert tunnel.pop3().getwelcome() == b"+OK mallory.example.test POP3 ready"

    def test_localhost_is_the_servers_own_host(self, lab):
        lab.start_ssh(lab.mail)
        with lab.alice.tunnel("localhost", 110, through="mail") as tunnel:
            assert read(lab, tunnel)

    def test_a_busy_local_port(self, lab):
        lab.start_ssh(lab.bastion)
        with lab.alice.tunnel("mail", 110) as tunnel:
            with pytest.raises(TunnelError, match=rf"port {tunnel.port} on 127.0.0.1 \(tunnel\) is busy"):
                lab.alice.tunnel("mail", 110, local_port=tunnel.port)
            assert tunnel.pop3().quit()

    def test_a_server_that_ends_takes_the_tunnel_along(self, lab):
        server = lab.start_ssh(lab.bastion)
        tunnel = lab.alice.tunnel("mail", 110)
        server.close()
        wait_for(lambda: tunnel.client.ask("status")["ended"])
        with pytest.raises(TunnelError, match="The tunnel through bastion has ended: start it anew"):
            tunnel.pop3()
        with pytest.raises(TunnelError, match="The SSH server has ended: start it again"):
            lab.alice.tunnel("mail", 110)

    def test_a_client_that_vanishes(self, lab):
        server = lab.start_ssh(lab.bastion)
        tunnel = lab.alice.tunnel("mail", 110)
        box = tunnel.pop3()
        tunnel.client._process.kill()
        wait_for(lambda: server.log()[-1]["text"] == "closed")
        wait_for(lambda: lab.log()[-1]["text"] == "closed")  # the mail server knows it, too
        box.close()
        with lab.alice.tunnel("mail", 110) as tunnel:
            assert read(lab, tunnel)

    def test_what_makes_no_sense_is_one_sentence(self, lab):
        with pytest.raises(
            TunnelError, match=r"No SSH server runs on bastion: lab.start_ssh\(lab.bastion\) starts one"
        ):
            lab.alice.tunnel("mail", 110)
        with pytest.raises(ValueError, match="No SSH server was started on 'bastion'"):
            lab.known_host("bastion")
        with pytest.raises(ValueError, match="no user is called 'eve': choose from alice, bob, carol"):
            lab.ssh_key("eve")
        lab.start_ssh(lab.bastion)
        with pytest.raises(ValueError, match="Say who logs in"):
            lab.mallory.tunnel("mail", 110)
        with pytest.raises(ConnectionRefusedError, match="choose from alice, mail, mx, mallory, bastion"):
            lab.alice.tunnel("mail", 110, through="elsewhere")

    def test_the_card_says_where_ssh_is(self, lab):
        lab.start_ssh(lab.bastion)
        assert "bastion         192.0.2.22  a way in: SSH for those who may, and no mail (ssh 22)" in repr(lab)

    def test_a_tunnel_that_nobody_holds_ends(self, lab):
        lab.start_ssh(lab.bastion)
        tunnel = lab.alice.tunnel("mail", 110)
        process = tunnel.client._process
        del tunnel
        assert process.wait(5) == 0

    def test_its_name_for_recordings(self):
        with Lab("02", rung="tap", bastion=True) as lab:
            assert lab.name == "02-bastion"


def test_there_is_no_bastion_by_default():
    with Lab(rung="tap") as lab:
        assert "bastion" not in repr(lab)
        with pytest.raises(RuntimeError, match=r"start it with Lab\(…, bastion=True\)"):
            lab.bastion  # noqa: B018
        with pytest.raises(ConnectionRefusedError, match="not in this lab"):
            lab.alice.connect("bastion", "ssh")


def test_nothing_listens_on_22_by_default():
    with lab_on("sandbox", bastion=True) as lab:
        for host in (lab.mail, lab.bastion):
            with pytest.raises(ConnectionRefusedError):
                lab.alice.connect(host.name, "ssh")


def test_the_client_is_really_on_alice_in_the_sandbox():
    with lab_on("sandbox", bastion=True) as lab:
        lab.start_ssh(lab.bastion)
        with lab.alice.tunnel("mail", 110, local_port=1110) as tunnel:
            assert tunnel.port == 1110
            with lab.mallory.card() as card, tunnel.connect() as sock:
                assert sock.getpeername() == ("127.0.0.1", 1110) and sock.recv(3) == b"+OK"
                assert card.fileno() >= 0
            with pytest.raises(ConnectionRefusedError):  # only from her own loopback
                lab.mallory.connect("alice", 1110)


def test_a_switch_hides_the_second_leg_as_well():
    with lab_on("sandbox", bastion=True, allow="plaintext_login") as lab:
        lab.start_ssh(lab.bastion)
        lab.mode = "switch"
        with lab.capture() as heard, lab.alice.tunnel("mail", 110) as tunnel:
            read(lab, tunnel)
        assert follow(heard) == []


def test_replay_says_that_it_cannot():
    with Lab("01", allow="plaintext_login", rung="replay") as lab:
        with pytest.raises(RungUnavailable, match="SSH can't be replayed"):
            lab.start_ssh(lab.mail)
        with pytest.raises(RungUnavailable, match="SSH can't be replayed"):
            lab.alice.tunnel("mail", 110, through="mail")


@pytest.mark.skipif(sys.platform != "linux", reason="not in CI: looks at processes through /proc")
@pytest.mark.parametrize("rung", ["sandbox", "tap"])
def test_fifty_tunnels_leave_nothing(rung, monkeypatch):
    mark = f"MAILLAB_TEST={os.getpid()}-{rung}-tunnels"
    monkeypatch.setenv(*mark.split("="))
    with lab_on(rung, bastion=True) as lab:
        lab.start_ssh(lab.bastion)
        lab.alice.tunnel("mail", 110).close()  # the tap opens its doors
        wait_for(lambda: not any("tunnel" in thread.name for thread in threading.enumerate()))
        before, threads, fds = (
            len(processes(mark, "environ")),
            threading.active_count(),
            len(list(Path("/proc/self/fd").iterdir())),
        )
        for n in range(50):
            with lab.alice.tunnel("mail", 110) as tunnel:
                if n % 10 == 0:
                    tunnel.pop3().quit()
        wait_for(lambda: len(processes(mark, "environ")) == before)
        wait_for(lambda: threading.active_count() <= threads)
        assert len(list(Path("/proc/self/fd").iterdir())) <= fds + 2
        lab.alice.tunnel("mail", 110)  # which ends with the lab
    wait_for(lambda: processes(mark, "environ") == [])


@pytest.mark.skipif(sys.platform != "linux", reason="not in CI: looks at processes through /proc")
@pytest.mark.parametrize("rung", ["sandbox", "tap"])
def test_it_ends_with_its_owner(rung):
    """A kernel that is killed closes nothing."""
    lab_on(rung).close()
    mark = f"MAILLAB_TEST={os.getpid()}-{rung}-killed"
    code = (
        f"from maillab import Lab; lab = Lab(rung={rung!r}, bastion=True); lab.start_ssh(lab.bastion)\n"
        "tunnel = lab.alice.tunnel('mail', 110); print('up', flush=True); input()"
    )
    environment = dict([*os.environ.items(), tuple(mark.split("="))])
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, env=environment) as owner:
        assert owner.stdout and owner.stdout.readline() == b"up\n"
        assert len(processes(mark, "environ")) >= 4
        owner.kill()
    wait_for(lambda: processes(mark, "environ") == [])


def test_the_learners_process_needs_no_asyncssh():
    code = "import sys, maillab.lab; print({'asyncssh', 'cryptography'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "asyncssh" not in done.stdout and done.returncode == 0, done.stderr
