"""What the lab can do with challenges: fix one, set up an impostor, show the store."""

from __future__ import annotations

import hashlib
import poplib

import pytest

from maillab import Lab
from maillab.servers.handle import ServerError

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def lab():
    with Lab(allow=["apop", "cram_md5"], rung="tap") as lab:
        yield lab


def timestamp(lab: Lab, host: str = "mail") -> str:
    mailbox = lab.alice.pop3(host)
    greeting = mailbox.getwelcome().decode()
    mailbox.quit()
    return greeting[greeting.index("<") :]


def test_challenges_are_new_each_time(lab):
    assert len({timestamp(lab) for _ in range(20)}) == 20


def test_a_fixed_challenge_stays_for_the_block_and_no_longer(lab):
    with lab.fixed_challenge("APOP"):
        assert timestamp(lab) == timestamp(lab)
    with lab.fixed_challenge("APOP", "<1.2@mail.example.test>"):
        assert timestamp(lab) == timestamp(lab) == "<1.2@mail.example.test>"
    assert timestamp(lab) != timestamp(lab)
    assert lab.server.ask("allow", switches=["apop", "cram_md5"])["on"] == ["apop", "cram_md5"]


@pytest.mark.parametrize("text", ["", "two\r\nlines", "ä", "x" * 401])
def test_what_cannot_be_a_challenge_is_refused_and_nothing_changes(lab, text):
    with pytest.raises(ServerError, match="printable ASCII"), lab.fixed_challenge("APOP", text):
        pass
    assert timestamp(lab) != timestamp(lab)
    with pytest.raises(ServerError, match="only while the switch fixed_challenge is on"):
        lab.server.ask("challenge", mechanism="APOP", text="<1@mail>")
    with pytest.raises(ServerError, match="choose from APOP"), lab.fixed_challenge("USER", "x"):
        pass


def test_an_impostor_believes_names_it_knows_and_only_while_it_is_told_to(lab):
    lab.serve(lab.mallory, allow=["apop", "accept_anyone"], accounts={"alice": ""}, challenges={"APOP": "<1@m>"})
    assert timestamp(lab, "mallory") == "<1@m>"
    mailbox = lab.alice.pop3("mallory")
    mailbox.apop("alice", "anything")
    mailbox.quit()
    with pytest.raises(poplib.error_proto, match="wrong name"):
        lab.alice.pop3("mallory").apop("eve", "anything")
    lab.serve(lab.mallory, allow=["apop"], accounts={"alice": ""})  # the one before has ended
    for password in ("anything", ""):
        with pytest.raises(poplib.error_proto, match="wrong name"):
            lab.alice.pop3("mallory").apop("alice", password)
    with pytest.raises(poplib.error_proto, match="wrong name"):  # and the real server believes nobody
        lab.alice.pop3().apop("alice", "anything")


def test_the_store_is_what_each_mechanism_needs(lab):
    password = lab.student.password("alice")
    kept = {mechanism: value for mechanism, _, value in lab.store("alice")}
    assert kept["DIGEST-MD5"] == hashlib.md5(f"alice:example.test:{password}".encode()).hexdigest()
    assert kept["SCRAM-SHA-256"].startswith("SCRAM-SHA-256$4096:")
    assert [value for name, value in kept.items() if "APOP" in name] == [password]
    assert all(password not in value for name, value in kept.items() if "APOP" not in name)


def test_the_servers_on_mallory_end_with_the_lab():
    with Lab(rung="tap") as lab:
        lab.serve(lab.mallory, accounts={})
        handle = lab._others["mallory"]
    assert handle._process.poll() is not None
