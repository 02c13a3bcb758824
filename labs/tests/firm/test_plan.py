"""The plan of the unknown firm's morning: the same for the same id, another for another, and always whole."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest
from support.firm import IDS

import maillab.advice
import maillab.firm
from maillab.attacks import Candidates, word_list
from maillab.firm import people, plan
from maillab.firm.plan import CHALLENGES, next_hop, traveller
from maillab.firm.texts import TEXTS, message
from maillab.names import BEHIND_GATE
from maillab.student import PARTNERS, USERS, Student

MODULES = [
    module.name
    for package in (maillab.firm, maillab.advice)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("name", IDS)
def test_the_same_id_has_the_same_firm_whose_people_nobody_has_met(name):
    student = Student(name)
    firm = people(student)
    assert firm == people(Student(name)) and plan(student) == plan(Student(name))
    assert len({person.name for person in firm.values()}) == len({p.password for p in firm.values()}) == 7
    assert not {person.name for person in firm.values()} & {*USERS, *PARTNERS, *BEHIND_GATE}
    assert all(person.password not in repr(person) for person in firm.values())


@pytest.mark.parametrize("name", IDS)
def test_the_morning_has_every_part_in_an_order_that_every_rung_can_show(name):
    student = Student(name)
    steps = plan(student)
    kinds = [step.kind for step in steps]
    assert sorted(kinds) == sorted(["stranger", "ask", "slip", *["send"] * 4, *["fetch"] * 5, "stranger", "abort"])
    assert {step.how for step in steps if step.kind == "fetch"} >= {"USER", "stripped"}
    challenged = [step.how for step in steps if step.how in CHALLENGES and step.kind == "fetch"]
    assert len(set(challenged)) == 2
    first_fetch = kinds.index("fetch")
    assert kinds.index("stranger") < first_fetch and kinds.index("ask") < first_fetch
    neighbour = max(at for at, kind in enumerate(kinds) if kind == "stranger")
    assert steps[neighbour].host == "mallory" and steps[neighbour - 1].host == "alice"
    assert steps[neighbour - 1].part == traveller(student) and steps[neighbour - 1].kind == "fetch"
    slip = kinds.index("slip")
    assert (steps[slip - 1].kind, steps[slip - 1].part) == ("send", steps[slip].part)


def test_firms_differ_in_all_that_matters():
    students = [Student(name) for name in IDS]
    assert len({people(student)["guessed"].password for student in students}) == len(IDS)
    assert len({tuple(person.name for person in people(student).values()) for student in students}) == len(IDS)
    assert len({tuple(plan(student)) for student in students}) == len(IDS)
    assert {next_hop(student) for student in students} == {"clear", "opportunistic"}
    assert {traveller(student) for student in students} == {"reader", "guessed", "digest"}
    weak = [next(step.how for step in plan(student) if step.part == "guessed") for student in students]
    assert set(weak) == set(CHALLENGES)


def test_one_password_is_on_the_lessons_list_and_no_other():
    candidates = set(Candidates(word_list(2_000), ["case", "digits"]))
    for name in IDS:
        firm = people(Student(name))
        assert [part for part, person in firm.items() if person.password in candidates] == ["guessed"]


@pytest.mark.parametrize("mail", TEXTS)
def test_mails_are_whole_and_end_their_lines_as_they_must(mail):
    text = message(Student("guest"), mail, "a@example.test", ("b@example.test", "c@example.test"))
    head, _, body = text.partition("\r\n\r\n")
    assert head.startswith("From: a@example.test\r\nTo: b@example.test, c@example.test\r\nSubject: ")
    assert body.endswith("\r\n") and "\n" not in text.replace("\r\n", "") and "{" not in text
