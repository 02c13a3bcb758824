"""A lab with TLS, as a lesson uses it, on each rung."""

from __future__ import annotations

import poplib
import smtplib
import ssl
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.rungs import RUNGS, lab_on

from maillab import Lab, follow
from maillab.capture import read_frames
from maillab.clients import auth
from maillab.findings import findings
from maillab.servers.handle import ServerError

pytestmark = pytest.mark.network


@pytest.fixture(params=RUNGS)
def lab(request):
    with lab_on(request.param, tls=True) as lab:
        yield lab


def alice(lab: Lab) -> tuple[str, str]:
    return "alice", lab.student.password("alice")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_nothing_to_read(lab, tmp_path, version):
    """POP3S, STLS, submissions, STARTTLS: not the password, and not a word of a mail."""
    trust, mail = lab.context(version=version), b"Subject: rendezvous\r\n\r\nThe marmalade is in the bassoon.\r\n"
    with lab.capture() as heard:
        box = lab.alice.pop3s(trust)
        box.user("alice")
        box.pass_(alice(lab)[1])
        first = box.retr(1)[1]
        box.quit()
        box = lab.alice.pop3()
        box.stls(trust)
        assert auth(box, "PLAIN", *alice(lab)).startswith("+OK alice has")
        box.retr(1)
        box.quit()
        with lab.alice.smtps(trust) as smtp:
            smtp.login(*alice(lab))
            smtp.sendmail("alice@example.test", ["bob@example.test"], mail)
        with lab.alice.smtp() as smtp:
            smtp.starttls(context=trust)
            auth(smtp, "PLAIN", *alice(lab))
            smtp.sendmail("alice@example.test", ["bob@example.test"], mail)
    assert [got.endswith(mail) for got in lab.mails("bob")[-2:]] == [True, True]
    heard.save(tmp_path / "heard.pcapng")
    octets = b"".join(frame.data for frame in read_frames(tmp_path / "heard.pcapng"))
    assert lab.mail.info.fqdn.encode() in octets  # the name of the server, in the ClientHello (SNI)
    words = {*mail.split(), *b" ".join(first).split(), alice(lab)[1].encode()} - {lab.mail.info.fqdn.encode()}
    assert len(octets) > 10_000 and not [
        word for word in words if len(word) > 5 and word in octets and b":" not in word
    ]
    assert {found.kind for found in findings(tmp_path / "heard.pcapng")} == {"tls"}
    assert len(follow(heard)) == 4 and heard.dropped == 0


def test_in_the_clear_no_password_is_taken(lab):
    with pytest.raises(poplib.error_proto, match="no passwords without TLS here"):
        lab.alice.pop3().user("alice")
    with pytest.raises(smtplib.SMTPException):
        lab.alice.smtp().login(*alice(lab))


def test_who_is_that(lab):
    for kind, reason in (("expired", "has expired"), ("wrong-name", "mismatch"), ("self-signed", "self-signed")):
        lab.certificate(kind)
        for connect in (lab.alice.pop3s, lab.alice.smtps, lambda trust: lab.alice.pop3().stls(trust)):
            with pytest.raises(ssl.SSLCertVerificationError, match=reason):
                connect(lab.context())
        lab.alice.pop3s(lab.context(verify=False)).quit()
    with lab.put_back():
        lab.certificate("right")
        lab.tls_versions("1.2", cipher="ECDHE-ECDSA-CHACHA20-POLY1305")
        box = lab.alice.pop3s(lab.context())
        assert box.sock.cipher()[:2] == ("ECDHE-ECDSA-CHACHA20-POLY1305", "TLSv1.2")
        box.quit()
    lab.restart()  # what was chosen stays
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
        lab.alice.pop3s(lab.context())
    lab.certificate("right")
    assert lab.alice.pop3s(lab.context()).sock.version() == "TLSv1.3"


def test_the_card_names_the_ports(lab):
    mail = lab.mail
    assert f"pop3s {mail.port('pop3s')}, submissions {mail.port('submissions')})" in repr(lab)
    assert lab.rung == "loopback" or (mail.port("pop3s"), mail.port("submissions")) == (995, 465)


def test_a_key_log_is_the_learners_own(lab, tmp_path):
    lab.alice.pop3s(lab.context(version="1.3", keylog=tmp_path / "keys.log")).quit()
    lab.alice.pop3s(lab.context(version="1.2", keylog=tmp_path / "keys.log")).quit()
    labels = {line.split()[0] for line in (tmp_path / "keys.log").read_text().splitlines() if line[0] != "#"}
    assert {"CLIENT_RANDOM", "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"} <= labels


class TestOneRung:
    @pytest.fixture
    def lab(self):
        with Lab(rung="tap", mx=True, tls=True) as lab:
            yield lab

    def send(self, lab: Lab) -> None:
        with lab.alice.smtps(lab.context()) as smtp:
            smtp.login(*alice(lab))
            smtp.sendmail("alice@example.test", ["dave@partner.example.test"], b"Subject: s\r\n\r\nbye\r\n")

    def arrives(self, lab: Lab) -> bytes:
        deadline = time.monotonic() + 10
        while not (mails := lab.mails("dave")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        lab.reset()
        return mails[0]

    def test_every_hop_leaves_its_evidence(self, lab):
        self.send(lab)  # opportunistic is the default
        got = self.arrives(lab)
        assert b"by mx.partner.example.test with ESMTPS for" in got and b"by mail.example.test with ESMTPSA for" in got
        with lab.put_back():
            lab.next_hop("clear")
            self.send(lab)
            assert b"by mx.partner.example.test with ESMTP for" in self.arrives(lab)
        with lab.put_back():
            lab.next_hop("verified")
            lab.certificate("expired", "mx")
            self.send(lab)
            deadline = time.monotonic() + 10
            while not (lab.queue() and lab.queue()[0]["attempts"]):
                assert time.monotonic() < deadline
                time.sleep(0.02)
            assert lab.queue()[0]["reply"].endswith("showed a wrong certificate: certificate has expired")
            lab.certificate("right", "mx")
            assert b"by mx.partner.example.test with ESMTPS for" in self.arrives(lab)
        assert lab.server.ask("weakness")["next_hop"] == "opportunistic"

    def test_what_there_isnt(self, lab):
        with pytest.raises(ServerError, match="no certificate is called 'golden'"):
            lab.certificate("golden")
        with pytest.raises(ServerError, match=r"versions of TLS here are 1\.2 and 1\.3, not '1\.0'"):
            lab.tls_versions("1.0")
        with pytest.raises(ValueError, match=r"1\.2 and 1\.3, not '1\.0'"):
            lab.context(version="1.0")
        with pytest.raises(ServerError, match="no policy is called"):
            lab.next_hop("hopeful")
        with pytest.raises(ValueError, match="No server with TLS is called 'mallory'"):
            lab.certificate("right", "mallory")

    def test_the_keys_are_nobody_elses(self, lab):
        folder = Path(lab.server._config["tls"]["folder"])
        if sys.platform != "win32":
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {path.name for path in folder.glob("m*-right.pem")} == {"mail-right.pem", "mx-right.pem"}


def test_the_keys_go_with_the_lab():
    code = "from maillab import Lab; lab = Lab(rung='tap', tls=True); print(lab.server._config['tls']['folder'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert not Path(done.stdout.strip()).exists()


def test_without_tls():
    with Lab(rung="tap") as lab:
        assert "pop3s" not in repr(lab) and "STLS" not in lab.alice.pop3().capa()
        for ask in (lab.context, lambda: lab.certificate("right"), lambda: lab.tls_versions("1.2")):
            with pytest.raises(RuntimeError, match=r"This lab has no TLS: start it with Lab\(…, tls=True\)"):
                ask()
        with pytest.raises(ConnectionRefusedError):
            lab.alice.connect("mail", "pop3s")
        with pytest.raises(ServerError, match="no next hop"):
            lab.next_hop("clear")


def test_on_replay_there_is_no_handshake():
    with Lab("01", allow="plaintext_login", rung="replay") as lab, pytest.raises(RuntimeError, match="replay rung"):
        lab.context()


def test_a_recording_with_tls_has_a_name_of_its_own():
    with Lab("10", rung="tap", tls=True) as lab:
        assert lab.name == "10-tls"
