"""The matrix of lesson 14: each of its answers, on a lab where everything really ran."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from html import unescape

import pytest
from support.rungs import lab_on
from support.verdicts import failed, passed

from maillab import Lab, check
from maillab.contrast import CHANNELS, QUESTIONS, WAYS, Answer, Matrix, fetch
from maillab.contrast.path import sentence
from maillab.contrast.ways import SWITCHES
from maillab.views import ContrastDesk, contrast_plot, contrast_table
from maillab.views.contrast import evidence, summary

pytestmark = [pytest.mark.network, pytest.mark.timeout(300)]

SENT = ("USER/PASS", "PLAIN", "LOGIN", "POP before SMTP")  # what sends the password itself
PROVES = ("DIGEST-MD5", "SCRAM-SHA-256")  # where the server has to prove itself
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with lab_on("sandbox", lesson="14", student="matrix", allow=SWITCHES, mx=True, tls=True) as running:
        yield running


@pytest.fixture(scope="module")
def matrix(lab: Lab) -> Matrix:
    return Matrix(lab).listen().attack().steal()


def every(matrix: Matrix, question: str, channel: str) -> dict[str, Answer]:
    return {way: matrix[way, channel, question] for way in WAYS}


def test_it_is_full(matrix: Matrix) -> None:
    assert len(matrix) == 224 == len(list(matrix))
    assert repr(matrix).startswith("<224 of 224 answers")


class TestListener:
    def test_the_password_is_read_where_it_is_sent_in_the_clear(self, matrix: Matrix) -> None:
        for (way, channel), answer in rows(matrix, "password on the wire"):
            assert (answer.verdict == "open") is (channel == "clear" and way in SENT), answer

    def test_the_frame_has_it(self, lab: Lab, matrix: Matrix) -> None:
        answer = matrix["USER/PASS", "clear", "password on the wire"]
        (turn,) = [turn for turn in answer.conversations[0].turns if turn.frame == answer.frame]
        assert turn.data == f"PASS {lab.student.password('alice')}\r\n".encode()

    def test_the_mail_is_read_in_the_clear_whatever_the_way(self, matrix: Matrix) -> None:
        for (_, channel), answer in rows(matrix, "mail on the wire"):
            assert (answer.verdict == "open") is (channel == "clear"), answer

    def test_guesses(self, matrix: Matrix) -> None:
        for (way, channel), answer in rows(matrix, "offline guessing"):
            verdict = "shut" if channel != "clear" else "open" if way in SENT else "depends"
            assert answer.verdict == verdict, answer
            assert (answer.gets == ("guesses",)) is (verdict == "depends") is answer.says.endswith("/s")


class TestOnThePath:
    def test_replay(self, matrix: Matrix) -> None:
        for (way, channel), answer in rows(matrix, "replay works"):
            assert (answer.verdict == "open") is (channel == "clear" and way in SENT), answer

    def test_who_notices_an_impostor(self, matrix: Matrix) -> None:
        for (way, channel), answer in rows(matrix, "server authenticated"):
            assert (answer.verdict == "open") is (channel == "clear" and way not in PROVES), answer
        assert matrix["SCRAM-SHA-256", "clear", "server authenticated"].says == "by its proof"
        assert {answer.says for answer in every(matrix, "server authenticated", "SSH").values()} == {"by host key"}

    @pytest.mark.parametrize(("channel", "says"), [("STLS", "insists"), ("POP3S", "checks"), ("SSH", "compares")])
    def test_between_depends_on_the_program(self, matrix: Matrix, channel: str, says: str) -> None:
        for way, answer in every(matrix, "survives an active attacker", channel).items():
            if way == "POP before SMTP":  # somebody else has the address, whatever the channel
                assert (answer.verdict, answer.gets) == ("open", ("sends as Alice",))
            else:
                assert (answer.verdict, answer.says) == ("depends", f"if it {says}")
                assert "mail" in answer.gets and ("password" in answer.gets) is (way in SENT or channel == "SSH")

    def test_between_in_the_clear(self, matrix: Matrix) -> None:
        for way, answer in every(matrix, "survives an active attacker", "clear").items():
            got = {"mail"} | ({"password"} if way in SENT else set())
            assert set(answer.gets) == got | ({"sends as Alice"} if way == "POP before SMTP" else set())


class TestThief:
    def test_what_is_kept_and_what_it_opens(self, matrix: Matrix) -> None:
        for (way, channel), answer in rows(matrix, "what the server must store"):
            # In the clear what was heard helps: the password itself, or one exchange of SCRAM's.
            opens = way in ("APOP", "CRAM-MD5", "DIGEST-MD5") or channel == "clear"
            assert answer.verdict == ("open" if opens else "depends"), answer
            assert ("login" in answer.gets) is opens

    def test_the_third_key_is_from_store_and_wire_together(self, matrix: Matrix) -> None:
        assert "third can be computed" in matrix["SCRAM-SHA-256", "clear", "what the server must store"].because


def rows(matrix: Matrix, question: str) -> list[tuple[tuple[str, str], Answer]]:
    return [((way, channel), matrix[way, channel, question]) for way in WAYS for channel in CHANNELS]


def test_the_lab_is_afterwards_as_it_was(lab: Lab, matrix: Matrix) -> None:
    with lab.mallory.listen("pop3"), lab.mallory.listen("smtp"):
        assert fetch(lab, "SCRAM-SHA-256", "POP3S")


def test_nothing_before_somebody_has_listened(lab: Lab) -> None:
    empty = Matrix(lab)
    for method in (empty.attack, empty.steal):
        with pytest.raises(RuntimeError, match=r"call listen\(\) first"):
            method()
    with pytest.raises(KeyError, match="Nothing was found out yet"):
        empty["APOP", "clear", "replay works"]
    assert summary(empty.answers("thief", "APOP", "clear")) == ("", "–")
    with pytest.raises(ValueError, match="Not everything was tried"):
        contrast_plot(empty)


def test_a_way_that_does_not_exist(lab: Lab) -> None:
    with pytest.raises(ValueError, match="choose from USER/PASS"):
        fetch(lab, "KERBEROS", "clear")


def test_complaints() -> None:
    assert sentence("line one\nline two") == "line one."


class TestViews:
    @pytest.mark.parametrize("attacker", QUESTIONS)
    def test_table(self, matrix: Matrix, attacker: str) -> None:
        lines = contrast_table(matrix, attacker).text.splitlines()
        assert lines[1].split() == ["login", *CHANNELS]
        assert [line.split("  ")[0] for line in lines[2:]] == list(WAYS)

    def test_cells(self, matrix: Matrix) -> None:
        assert summary(matrix.answers("listener", "PLAIN", "clear")) == ("open", "password, mail")
        assert summary(matrix.answers("listener", "PLAIN", "SSH")) == ("shut", "nothing")
        assert summary(matrix.answers("on the path", "APOP", "clear")) == ("open", "mail, Alice's trust")
        assert summary(matrix.answers("on the path", "APOP", "STLS")) == ("depends", "nothing, if it insists")
        assert summary(matrix.answers("thief", "APOP", "STLS")) == ("open", "the password; logs in")

    def test_nobody(self, matrix: Matrix) -> None:
        with pytest.raises(ValueError, match="choose from listener"):
            contrast_table(matrix, "mallory")

    def test_every_cell_has_its_evidence(self, lab: Lab, matrix: Matrix) -> None:
        for attacker, way, channel in itertools.product(QUESTIONS, WAYS, CHANNELS):
            html = unescape(evidence(matrix, attacker, way, channel).html)
            for answer in matrix.answers(attacker, way, channel):
                assert answer.question in html and answer.because in html

    def test_the_frame_is_lit(self, matrix: Matrix) -> None:
        lit = [
            line for line in evidence(matrix, "listener", "PLAIN", "clear").text.splitlines() if line.endswith("  *")
        ]
        assert "AUTH PLAIN" in lit[0] and "mail" in lit[-1]

    def test_plot(self, matrix: Matrix) -> None:
        plot = contrast_plot(matrix)
        assert "224 answers" in plot.alt and plot.html.count("survives an active attacker") == 4

    def test_desk(self, matrix: Matrix) -> None:
        desk = ContrastDesk(matrix)
        assert desk.cells["PLAIN", "clear"].description == "password, mail"
        desk.attackers.value = "thief"
        desk.cells["SCRAM-SHA-256", "clear"].click()
        assert (desk.way, desk.channel) == ("SCRAM-SHA-256", "clear")
        assert "third can be computed" in unescape(desk.proof.value)
        picked = [place for place, button in desk.cells.items() if "ml-picked" in button._dom_classes]
        assert picked == [("SCRAM-SHA-256", "clear")]
        bundle = desk._repr_mimebundle_()
        assert WIDGET in bundle and "third can be computed" in unescape(bundle["text/html"])


class TestChecks:
    def test_1(self, lab: Lab) -> None:
        def plain_only(packets, secret):
            return [n for n, packet in enumerate(packets, 1) if secret.encode() in bytes(packet)]

        failed("14.1", plain_only, "PLAIN: frames []")
        failed("14.1", lambda packets, secret: [1, 2, 3], "USER/PASS: frames [1, 2, 3]")
        failed("14.1", lambda packets, secret: "frame 9")
        failed("14.1", 9)
        assert check("14.1", lambda packets, secret: ...).verdict == "TODO"

    def test_2(self, matrix: Matrix) -> None:
        def right(attackers):
            return {
                (way, channel)
                for way in WAYS
                for channel in CHANNELS
                if not any(matrix.gets(attacker, way, channel) for attacker in attackers)
            }

        passed("14.2", (matrix, right))
        assert len(right(["listener", "on the path", "thief"])) == 12
        failed("14.2", (matrix, lambda attackers: right(attackers[:1])), "without (")
        failed("14.2", (matrix, lambda attackers: set()), "with (")
        failed("14.2", right)
        failed("14.2", (matrix, {("APOP", "clear")}))
        assert check("14.2", (matrix, lambda attackers: ...)).verdict == "TODO"

    def test_2_without_the_other_cells(self, lab: Lab) -> None:
        failed("14.2", (Matrix(lab), set), "listen")

    def test_3(self, matrix: Matrix) -> None:
        right = {"survives an active attacker", "what the server must store"}
        passed("14.3", (matrix, right))
        passed("14.3", (matrix, sorted(right)))
        failed("14.3", (matrix, {"what the server must store"}), "without")
        failed("14.3", (matrix, {*right, "replay works"}), "with 'replay works'")
        failed("14.3", (matrix, {"speed"}), "questions as they stand")
        failed("14.3", (matrix, "replay works"))
        assert check("14.3", (matrix, ...)).verdict == "TODO"
