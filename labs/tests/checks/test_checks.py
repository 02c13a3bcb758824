"""Every check, untouched, right and plausibly wrong; and whatever is thrown at it, it never raises."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from scapy.all import IP, TCP, Ether, Raw, sniff
from support.verdicts import failed, passed

from maillab import Lab, check, compare, hint, predict, solution
from maillab.checks import exercises
from maillab.checks.lesson_01 import stuffed
from maillab.checks.verdict import MIMETYPE
from maillab.editions import solutions_for
from maillab.places import NOTEBOOKS

NUMBERS = sorted(number for path in NOTEBOOKS.glob("[0-9]*.ipynb") for number in solutions_for(path))


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(allow="plaintext_login", rung="tap", student="checks") as running:
        yield running


@pytest.mark.parametrize("number", NUMBERS)
def test_untouched_is_todo(lab, number):
    assert check(number, ...).verdict == "TODO"
    assert check(number).verdict == "TODO"
    assert check(number, (..., ...)).verdict == "TODO"


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(
    "answer", [None, 0, -1, 10**9, "", "x", b"\xff", [], {}, object(), float("nan"), lambda x: 1 / 0]
)
def test_nonsense_fails_with_a_hint_and_never_raises(lab, number, answer):
    assert failed(number, answer)


def test_00_1(lab):
    password = lab.student.accounts["alice"].password
    assert passed("00.1", password) and passed("00.1", password + "\n")
    assert failed("00.1", password.encode(), "without the b")
    assert failed("00.1", "alice", "user name")
    assert failed("00.1", f"PASS {password}", "after the space")
    assert failed("00.1", lab.student.accounts["bob"].password)


def test_00_2(lab):
    def packet(data: bytes):
        return Ether() / IP() / TCP() / Raw(data) if data else Ether() / IP() / TCP()

    assert passed("00.2", packet(b"PASS secret\r\n"))
    assert failed("00.2", packet(b"USER alice\r\n"), "USER alice")
    assert failed("00.2", packet(b""), "carries no text")
    assert failed("00.2", 11, "packets[11]")


def test_00_3(lab):
    assert passed("00.3", lab.mail) and passed("00.3", "mail")
    assert failed("00.3", lab.alice, "Who else")
    assert failed("00.3", lab.mallory, "sends mallory nothing")
    assert failed("00.3", lab.mx, "sends mx nothing")


def test_01_1(lab):
    alice = lab.student.accounts["alice"]
    assert passed("01.1", (alice.name, alice.password))
    assert failed("01.1", (alice.password, alice.name), "other way round")
    assert failed("01.1", (alice.name.encode(), alice.password.encode()), "Without the b")
    assert failed("01.1", (alice.name, "PASS " + alice.password))
    assert failed("01.1", alice.password)


def test_01_2(lab):
    assert passed("01.2", lab.student.door_code) and passed("01.2", int(lab.student.door_code))
    assert failed("01.2", lab.student.room, "number of the room")


def test_01_3(lab):
    def right(reply: bytes):
        lines = []
        for line in reply.split(b"\r\n"):
            if line == b".":
                return lines
            lines.append(line[1:] if line.startswith(b".") else line)

    def all_dots(reply: bytes):
        return [line.lstrip(b".") for line in reply.removesuffix(b".\r\n").split(b"\r\n")[:-1]]

    assert passed("01.3", right)
    assert check("01.3", lambda reply: ...).verdict == "TODO"
    assert failed("01.3", lambda reply: None, "return")
    assert failed("01.3", lambda reply: reply.split(b"\r\n"), "behind the last line", "single dot")
    assert failed("01.3", lambda reply: reply.split(b"\r\n")[:-2], "b'..budget", "expected b'.budget")
    assert failed("01.3", lambda reply: [*right(reply), b""], "behind the last line", "single dot")
    assert failed("01.3", lambda reply: reply, "don't decode")
    assert failed("01.3", lambda reply: reply.decode().split("\r\n"), "don't decode")
    assert failed("01.3", lambda reply: [line[0] for line in reply.split(b"\r\n")], "stopped with IndexError")
    assert failed("01.3", all_dots, "first dot")


def test_01_4(lab):
    with lab.mallory.card() as card:
        box = lab.alice.pop3()
        box.user("alice")
        box.quit()
        packet = next(p for p in sniff(opened_socket=card, timeout=0.3) if Raw in p)
    assert passed("01.4", len(packet) - len(packet[Raw].load))
    assert failed("01.4", len(packet) - len(packet[Raw].load) + 1)


def test_03_1(lab):
    alice = lab.student.accounts["alice"]
    assert passed("03.1", ("", alice.name, alice.password))
    assert failed("03.1", (b"", alice.name.encode(), alice.password.encode()), "decode")
    assert failed("03.1", (alice.name, alice.password), "two NULs")
    assert failed("03.1", ("", alice.name, alice.password[:-1]), "after the second NUL")
    assert failed("03.1", (alice.name, alice.name, alice.password), "before the first NUL")


def test_03_2(lab):
    assert passed("03.2", lambda n: -(-n // 3) * 4)
    assert check("03.2", lambda n: ...).verdict == "TODO"
    assert failed("03.2", lambda n: None, "return")
    assert failed("03.2", lambda n: n * 4 // 3, "filled up")
    assert failed("03.2", lambda n: 4 * (n // 3 + 1), "No bytes need no group")
    assert failed("03.2", lambda n: math.ceil(n / 3) * 4, "stopped with NameError")  # noqa: F821


def test_03_3(lab):
    assert passed("03.3", "Username:") and passed("03.3", b"Username:")
    assert failed("03.3", "Password:", "second question")


def test_03_4(lab):
    bob = lab.student.accounts["bob"]

    def plain(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    assert passed("03.4", plain(f"\0{bob.name}\0{bob.password}"))
    assert failed("03.4", plain(f"\0{bob.name}\0wrong"), "535")
    assert failed("03.4", plain(f"{bob.name}\0{bob.password}"), "two NULs")
    assert failed("03.4", "AUTH PLAIN " + plain(f"\0{bob.name}\0{bob.password}"), "Only what comes after")
    assert failed("03.4", f"\0{bob.name}\0{bob.password}", "isn't Base64")
    alice = lab.student.accounts["alice"]
    assert failed("03.4", plain(f"\0{alice.name}\0{alice.password}"), "logs Alice in")


def test_without_a_lab_the_cure_is_named(monkeypatch):
    monkeypatch.setattr(exercises, "newest", lambda lesson: None)
    assert "run this notebook's first code cell" in str(check("00.1", "x"))


def test_unknown_exercise(lab):
    assert check("99.9", 1).verdict == "FAIL" and check("nonsense", 1).verdict == "FAIL"
    assert check(None, 1).verdict == "FAIL" and "There is no prediction" in str(predict("nope"))


def test_verdict_carries_json(lab):
    bundle = check("00.1", "x")._repr_mimebundle_()
    assert bundle[MIMETYPE]["verdict"] == "FAIL" and "00.1" in bundle["text/plain"] and "<b>" in bundle["text/html"]


def test_hints_come_one_by_one_and_end_at_the_solution():
    said = [str(hint("01.1")) for _ in range(3)]
    assert said[0] != said[1] == said[2]
    assert "one more" in said[0] and 'solution("01.1")'.replace('"', "'") in said[1]
    assert "login" in str(solution("01.1"))
    assert "no exercise" in str(hint("77.7"))


@pytest.mark.parametrize("number", ["00.A", "00.B", "00.C", "01.A", "01.B", "01.C", "03.A", "03.B", "03.C", "03.D"])
def test_each_prediction_answers_each_option(number):
    question = predict(number)
    neutral = str(compare(number))
    answers = set()
    for option in question.buttons.options:
        question.buttons.value = option
        said = str(compare(number))
        assert option in said
        answers.add(said)
        assert len(str(compare(number)).splitlines()[1]) > 30
    assert len(answers) == len(question.buttons.options) and neutral not in answers
    bundle = question._repr_mimebundle_()
    assert all(option in bundle["text/plain"] for option in question.buttons.options)
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_stuffing_is_the_rfcs():
    assert stuffed([b"a", b".b", b"."]) == b"a\r\n..b\r\n..\r\n.\r\n"
