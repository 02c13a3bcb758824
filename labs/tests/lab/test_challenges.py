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


@pytest.mark.parametrize(
    ("mechanism", "text"),
    [("APOP", text) for text in ("", "<1@m>\r\n", "<ä@m>", "<1@m> ", "<1 2@m>", "1@m", f"<{'x' * 400}@m>")]
    + [("CRAM-MD5", ""), ("CRAM-MD5", "x "), ("DIGEST-MD5", "hello"), ("DIGEST-MD5", 'realm="x"')]
    + [("SCRAM-SHA-256", "a,b"), ("SCRAM-SHA-256", "a b"), ("APOP", 5)],
)
def test_what_cannot_be_a_challenge_is_refused_and_nothing_changes(lab, mechanism, text):
    with pytest.raises(ServerError, match=f"a challenge of {mechanism} is"), lab.fixed_challenge(mechanism, text):
        pass
    assert timestamp(lab) != timestamp(lab)


def test_who_has_no_challenge_is_named(lab):
    for text in (None, "x"):
        with pytest.raises(ServerError, match="choose from APOP"), lab.fixed_challenge("USER", text):
            pass
    with pytest.raises(ServerError, match="only while the switch fixed_challenge is on"):
        lab.server.ask("fix", challenges={"APOP": "<1@mail>"})


def test_blocks_nest_and_each_is_about_one_mechanism(lab):
    with lab.fixed_challenge("CRAM-MD5"):
        assert timestamp(lab) != timestamp(lab)
        with lab.fixed_challenge("APOP"):
            outer = timestamp(lab)
            with lab.fixed_challenge("APOP", "<1@m>"):
                assert timestamp(lab) == "<1@m>"
            assert timestamp(lab) == outer
        assert timestamp(lab) != timestamp(lab)


def test_the_learners_own_error_is_shown_and_the_challenge_is_fresh_again(lab):
    with pytest.raises(ZeroDivisionError), lab.fixed_challenge("APOP"):
        _ = 1 / 0
    assert timestamp(lab) != timestamp(lab)


def test_weaknesses_are_switched_live(lab):
    lab.allow()
    with pytest.raises(ValueError):
        timestamp(lab)
    lab.allow("apop", "cram_md5")
    assert timestamp(lab)
    with pytest.raises(ServerError, match="no switch is called 'all'"):
        lab.allow("all")


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
        lab.serve(lab.mallory, allow="apop")  # with nobody's account
        handle = lab._others["mallory"]
        with pytest.raises(poplib.error_proto, match="wrong name"):
            lab.alice.pop3("mallory").apop("alice", lab.student.password("alice"))
        with pytest.raises(ValueError, match="has its servers already"):
            lab.serve(lab.mail)
        for accounts in (["alice"], {"alice": None}, {"alice": 5}):
            with pytest.raises(ServerError, match="user name → password"):
                lab.serve(lab.mx, accounts=accounts)
        with pytest.raises(ServerError, match="no user is called 'eve': choose from alice"):
            lab.store("eve")
    assert handle._process.poll() is not None
