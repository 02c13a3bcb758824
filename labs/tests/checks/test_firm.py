"""The checks of lesson 15, on guest's recorded firm: right, wrong, nonsense, empty."""

from __future__ import annotations

import pytest
from support.firm import recorded
from support.verdicts import failed, passed

from maillab import check, follow
from maillab.advice import CURES, MEASURES, RISK_OF, STANDARDS, Proposal, Reading
from maillab.advice.judge import QUESTIONS
from maillab.advice.vocabulary import APPLIES, FINDINGS, STANDARD_HINT, WHY_NOT
from maillab.findings import findings
from maillab.firm import people

NONSENSE = [None, 5, "x", [], {}, (), b"\0", 3.5, object(), {"a": 1}, (1, 2), [None, None, None], lambda: 1]
SUMMARY = "Have every mail program use TLS from its first byte, and let nobody send mail who has not logged in before."


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with recorded(tmp_path_factory.mktemp("work")) as running:
        yield running


@pytest.fixture(scope="module")
def reading(lab):
    return Reading(lab.capture_file)


@pytest.fixture
def proposal(lab):
    made = Proposal(lab)
    made.rows.clear()
    made.summary = SUMMARY
    return made


def right_rows(lab, reading):
    """One for each kind; of logins that can be guessed from, the weak one's."""
    weak = people(lab.student)["guessed"].name
    rows = []
    for kind, frames in reading.evidence.items():
        frame = next(frame for frame, who in frames.items() if kind != "login guessable" or who == weak)
        rows.append((kind, frame, RISK_OF[kind], CURES[kind][0], APPLIES[kind][0]))
    return rows


@pytest.mark.parametrize("number", ["15.1", "15.2", "15.3", "15.4", "15.5"])
def test_nonsense_is_answered_and_nothing_is_todo(lab, number):
    assert check(number).verdict == check(number, ...).verdict == "TODO"
    for answer in NONSENSE:
        assert failed(number, answer)


def test_15_1(lab):
    firm = people(lab.student)
    right = {firm[part].name: firm[part].password for part in ("reader", "sender", "stripped")}
    assert passed("15.1", right)
    refused = next(f.password for f in findings(lab.capture_file) if f.accepted is False and f.password)
    assert failed("15.1", right | {firm["sender"].name: refused}, "refused")
    readable = [f for f in findings(lab.capture_file) if f.kind == "credential" and f.password]
    assert failed("15.1", {f.username: f.password for f in readable}, "refused")  # the slip comes last
    assert failed("15.1", right | {firm["digest"].name: "x"}, "only what was computed from it")
    assert failed("15.1", {firm["reader"].name: firm["reader"].password}, "1 of 3")
    assert failed("15.1", right | {firm["private"].name: firm["private"].password})
    assert firm["sender"].password not in str(check("15.1", {firm["sender"].name: "x"}))


def test_15_2(lab):
    firm = people(lab.student)
    assert passed("15.2", (firm["guessed"].name, firm["guessed"].password))
    assert failed("15.2", (firm["guessed"].name, "Dragon77"), "doesn't give")
    assert failed("15.2", (firm["reader"].name, firm["reader"].password), "can be read")
    assert failed("15.2", (firm["private"].name, firm["private"].password), "Nobody of that name")
    assert check("15.2", (..., ...)).verdict == "TODO"


def test_15_3(lab, reading):
    (proof,) = reading.evidence["TLS stripped"]
    assert passed("15.3", proof)
    password = max(reading.evidence["password readable"])
    assert failed("15.3", password, "what came of it")
    offered = next(
        turn.frame for talk in follow(lab.capture_file) for turn in talk.turns
        if turn.command and turn.command.verb == "CAPA" and b"STLS" in turn.data
    )  # fmt: skip
    assert failed("15.3", offered, "STLS is in the list")
    assert failed("15.3", 10**6, "frames 1 to") and failed("15.3", True)


def test_15_4(lab, reading):
    found = [each for each in findings(lab.capture_file) if each.relayed]
    nobody, address = sorted(found, key=lambda each: each.authorised == "address")[:1], found[-1]
    by_nobody = next(each for each in found if each.authorised == "nobody").frame
    by_address = next(each for each in found if each.authorised == "address")
    opened = by_address.popped["username"]
    assert nobody and address and passed("15.4", (by_nobody, by_address.frame, opened))
    assert failed("15.4", (by_address.frame, by_nobody, opened), "wrong way round")
    assert failed("15.4", (by_nobody, by_address.frame, "alice"), "Whose login")
    assert failed("15.4", (1, by_address.frame, opened)) and failed("15.4", (by_nobody, "x", opened))
    assert check("15.4", (by_nobody, ..., opened)).verdict == "TODO"


def test_15_5_empty_is_todo_and_whole_is_right(lab, reading, proposal):
    assert check("15.5", proposal).verdict == "TODO"
    for row in right_rows(lab, reading):
        proposal.add(*row)
    assert passed("15.5", proposal)
    proposal.summary = "Too short."
    assert failed("15.5", proposal, "2 words")


def test_15_5_each_lacking_finding_is_asked_for(lab, reading, proposal):
    rows = right_rows(lab, reading)
    for lacking in rows:
        proposal.rows.clear()
        for row in rows:
            if row is not lacking:
                proposal.add(*row)
        assert failed("15.5", proposal, QUESTIONS[lacking[0]])


def test_15_5_a_log_in_that_nobody_can_guess_is_not_enough(lab, reading, proposal):
    strong = people(lab.student)["digest"].name
    other = next(frame for frame, who in reading.evidence["login guessable"].items() if who == strong)
    for row in right_rows(lab, reading):
        proposal.add(*((row[0], other, *row[2:]) if row[0] == "login guessable" else row))
    assert failed("15.5", proposal, QUESTIONS["login guessable"])


@pytest.mark.parametrize("kind", FINDINGS)
def test_15_5_a_frame_that_does_not_show_it_fails_with_what_it_holds(lab, reading, proposal, kind):
    frames = reading.evidence[kind]
    for wrong in sorted(set(reading.frames) - set(frames))[:: max(len(reading.frames) // 40, 1)]:
        proposal.rows.clear()
        proposal.add(kind, wrong, RISK_OF[kind], CURES[kind][0], APPLIES[kind][0])
        assert failed("15.5", proposal, f"frame {wrong}:")
    proposal.rows.clear()
    proposal.add(kind, 10**6, RISK_OF[kind], CURES[kind][0], APPLIES[kind][0])
    assert failed("15.5", proposal, "there is no frame")


@pytest.mark.parametrize("kind", FINDINGS)
def test_15_5_what_does_not_fit_fails_with_a_reason(lab, reading, proposal, kind):
    _, frame, risk, measure, standard = next(row for row in right_rows(lab, reading) if row[0] == kind)
    for other in set(RISK_OF.values()) - {risk}:
        proposal.rows.clear()
        proposal.add(kind, frame, other, measure, standard)
        assert failed("15.5", proposal, "risk")
    for other in set(MEASURES) - set(CURES[kind]):
        proposal.rows.clear()
        proposal.add(kind, frame, risk, other, standard)
        assert failed("15.5", proposal, WHY_NOT[other])
    for other in ("RFC 2195", "RFC 3207"):  # fit nothing, or not enough
        proposal.rows.clear()
        proposal.add(kind, frame, risk, measure, other)
        assert failed("15.5", proposal, STANDARD_HINT[other])


def test_15_5_the_refused_password_and_the_wrong_kind_have_hints_of_their_own(lab, reading, proposal):
    fitting = ("listener logs in", "implicit TLS", "RFC 8314")
    refused = next(f.frame for f in reading.found if f.accepted is False and f.password)
    proposal.add("password readable", refused, *fitting)
    assert failed("15.5", proposal, "Take a password that it took")
    proposal.rows.clear()
    proposal.add("password readable", next(iter(reading.evidence["login guessable"])), *fitting)
    assert failed("15.5", proposal, "another finding")
    proposal.rows.clear()
    proposal.add("password readable", next(f.frame for f in reading.found if f.kind == "tls"), *fitting)
    assert failed("15.5", proposal, "inside TLS")


def test_no_answer_of_a_check_tells_a_password(lab, reading, proposal):
    secrets = {person.password for person in people(lab.student).values()} | reading.passwords
    for frame in reading.frames:
        assert not any(secret in reading.what(frame) for secret in secrets)


def test_every_choice_fits_somewhere_or_says_why_not():
    assert set(RISK_OF) == set(CURES) == set(APPLIES) == set(QUESTIONS) == set(FINDINGS)
    assert set(MEASURES) == set(WHY_NOT)
    named = {name for names in APPLIES.values() for name in names}
    assert named <= set(STANDARDS) and set(STANDARD_HINT) <= set(STANDARDS)
