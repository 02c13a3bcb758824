"""The morning played for ten students: what the packets show is what was planned; the sample solution fits each."""

from __future__ import annotations

import os
from collections import Counter

import pytest
from support.firm import IDS
from support.rungs import RUNGS, lab_on

from maillab import check, follow, hint
from maillab.advice import Proposal
from maillab.editions import parse_solutions
from maillab.findings import findings
from maillab.firm import Firm, people, plan, watch
from maillab.firm.plan import next_hop, traveller
from maillab.places import SOLUTIONS, work

pytestmark = pytest.mark.network


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MAILLAB_WORK", str(tmp_path))


def watched(rung: str, name: str) -> Firm:
    lab = lab_on(rung, Firm, student=name)
    watch(lab, progress=False)
    return lab


def assert_as_planned(lab: Firm) -> None:
    """Findings against the plan; neither knows of the other."""
    firm, steps = people(lab.student), plan(lab.student)
    found = findings(lab.capture_file)
    logins = [each for each in found if each.kind == "credential"]
    read = {each.username: each.password for each in logins if each.password and each.accepted}
    assert read == {firm[part].name: firm[part].password for part in ("reader", "sender", "stripped")}
    assert [each.username for each in logins if each.accepted is False] == [firm["sender"].name]
    assert [each.mechanism for each in logins if each.aborted] == ["CRAM-MD5"]
    proved = {each.username: each.mechanism for each in logins if each.accepted and not each.password}
    how = {step.part: step.how for step in steps if step.kind in ("fetch", "send")}
    assert proved == {firm[part].name: how[part] for part in ("guessed", "digest", "scram")}
    assert firm["private"].name not in {each.username for each in logins}
    relayed = {each.authorised: each for each in found if each.relayed}
    assert set(relayed) == {"nobody", "address"}
    assert relayed["nobody"].sender == firm["private"].address
    assert relayed["address"].sender == "news@offers.test"
    assert relayed["address"].popped["username"] == firm[traveller(lab.student)].name
    onward = [talk for talk in follow(lab.capture_file) if b"ehlo mail.example.test" in talk.bytes_from("client")]
    assert len(onward) == 3  # the stranger's, the neighbour's, the contract
    assert {any(turn.kind == "tls" for turn in talk.turns) for talk in onward} == {
        next_hop(lab.student) == "opportunistic"
    }


@pytest.mark.parametrize("name", IDS)
def test_the_packets_show_what_was_planned_and_the_solution_fits(name):
    with watched("tap", name) as lab:
        assert_as_planned(lab)
        capture = lab.capture_file
        names = {"capture": capture, "found": findings(capture), "talks": follow(capture), "proposal": Proposal(lab)}
        said = []
        names |= {"check": lambda *answer: said.append(check(*answer))}
        for code in parse_solutions((SOLUTIONS / "15.py").read_text("utf-8")).values():
            exec(code, names)
        assert [(each.exercise, each.verdict) for each in said] == [(f"15.{n}", "PASS") for n in range(1, 6)], said
        assert "Your report is" in repr(names["proposal"].export())
        assert sorted(path.name for path in work(name).iterdir()) == [
            "firm.pcapng", "proposal.json", "report.html", "report.pdf",
        ]  # fmt: skip


@pytest.mark.parametrize("rung", RUNGS)
def test_each_rung_has_the_same_content(rung):
    with watched(rung, IDS[3]) as lab:
        assert_as_planned(lab)
        shown = Counter((each.kind, each.mechanism, each.username) for each in findings(lab.capture_file))
    with watched("tap", IDS[3]) as other:
        assert shown == Counter((each.kind, each.mechanism, each.username) for each in findings(other.capture_file))


def test_the_cafe_has_one_address_and_the_copier_stands_between(tmp_path):
    with watched("sandbox", "guest") as lab:
        talks = follow(lab.capture_file)
    clients = [talk.client.rpartition(":")[0] for talk in talks if not talk.server.endswith("192.0.2.53:25")]
    assert clients.count("192.0.2.1") == 3  # asks, fetches, sends
    assert clients.count("192.0.2.44") == 1
    between = next(talk for talk in talks if talk.client.startswith("192.0.2.44:"))
    assert b"STLS" in between.bytes_from("server")


def test_the_file_is_kept_until_another_is_asked_for():
    with watched("tap", "guest") as lab:
        before = lab.capture_file.read_bytes()
        assert watch(lab, progress=False) == lab.capture_file and lab.capture_file.read_bytes() == before
        watch(lab, anew=True, progress=False)
        assert lab.capture_file.read_bytes() != before
        assert_as_planned(lab)


def test_a_neighbours_capture_is_no_answer():
    with watched("tap", "one") as lab:
        theirs = lab.capture_file.read_bytes()
    with watched("tap", "another") as lab:
        lab.capture_file.write_bytes(theirs)
        verdict = check("15.3", 1)
        assert verdict.verdict == "FAIL" and "doesn't work at your firm" in verdict.seen


def test_before_the_capture_checks_say_what_is_missing():
    with lab_on("tap", Firm, student="guest"):
        assert "no capture" in check("15.1", {}).seen
        assert "Hint 1 of 3" in str(hint("15.1"))


def test_the_card_names_no_weakness():
    with lab_on("tap", Firm, student="guest") as lab:
        shown = repr(lab)
    assert not any(word in shown for word in ("pop_before_smtp", "sender_check", "cram", "plaintext"))
    assert not any(person.name in shown for person in people(lab.student).values())


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MAILLAB_WORK", str(tmp_path / "file"))
    with pytest.raises(OSError, match="set MAILLAB_WORK to a folder that is yours"):
        work("guest")
    assert os.environ["MAILLAB_WORK"]


def test_ids_that_look_alike_have_folders_of_their_own(tmp_path):
    folders = {work(name) for name in ("a b", "a-b", "a/b", "学生", "学者", "..", "x" * 200, "x" * 199)}
    assert len(folders) == 8 and all(folder.parent == tmp_path for folder in folders)
