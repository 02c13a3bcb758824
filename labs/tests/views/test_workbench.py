"""The workbench, the price of a guess and the replay desk without a browser; and what they really put on the wire."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from maillab import Lab, follow
from maillab.views import GuessCost, ReplayDesk, Workbench
from maillab.views.answers import sent_view, twice_view
from maillab.views.benches import BENCHES
from maillab.views.challenge import challenger, log_in, responses
from maillab.views.cost import KINDS, big, span
from maillab.views.replaydesk import MECHANISMS, challenges, tries_table, try_all, try_one

WIDGET = "application/vnd.jupyter.widget-view+json"


class TestWorkbench:
    def test_it_follows(self) -> None:
        bench = Workbench("APOP", challenge="<1@mail>", secret="monkey")
        bench.boxes["secret"].value = "monkez"
        digest = hashlib.md5(b"<1@mail>monkez", usedforsecurity=False).hexdigest()
        assert digest in bench.twin().text and "of 128 bits changed" in bench.bits.value

    def test_what_cannot_be_used_leaves_the_picture(self) -> None:
        bench = Workbench("DIGEST-MD5")
        picture = bench.picture.value
        bench.boxes["nc"].value = "x"
        assert "nc counts" in bench.trouble.value and bench.picture.value == picture
        bench.boxes["nc"].value = "00000001"
        assert bench.trouble.value == ""

    @pytest.mark.parametrize("mechanism", BENCHES)
    def test_what_cannot_be_used_is_not_sent(self, mechanism: str) -> None:
        bench, asked = Workbench(mechanism), list[object]()
        bench._perform = lambda *typed: asked.append(typed)  # type: ignore[assignment,func-returns-value]
        bench.boxes["user"].value = "a\r\nQUIT"
        assert "user has a line break" in bench.trouble.value and bench.once.disabled and bench.twice.disabled
        bench.once.click()
        bench.twice.click()
        assert asked == [] and not bench.result.value
        bench.boxes["user"].value = "alice"
        assert not bench.trouble.value and not bench.once.disabled and not bench.twice.disabled

    def test_what_is_not_an_input(self) -> None:
        with pytest.raises(TypeError, match="no input 'nonce': it has challenge, secret, user"):
            Workbench("APOP", nonce="x")
        with pytest.raises(ValueError, match="not for 'PLAIN'"):
            Workbench("PLAIN")

    @pytest.mark.parametrize("mechanism", BENCHES)
    def test_twin(self, mechanism: str) -> None:
        bundle = Workbench(mechanism)._repr_mimebundle_()
        assert WIDGET in bundle and "aria-label" in bundle["text/html"]
        assert "response" in bundle["text/plain"] and "<" not in bundle["text/plain"].replace("<1896", "").replace(
            "<==", ""
        )

    def test_no_buttons_without_a_lab_and_on_a_recording(self) -> None:
        account = SimpleNamespace(password="x")
        recording: Any = SimpleNamespace(
            network=SimpleNamespace(serves=False), student=SimpleNamespace(accounts={"alice": account})
        )
        for bench, why in ((Workbench("APOP"), "give it a lab"), (Workbench("APOP", recording), "This is a recording")):
            assert bench.once not in [child for box in bench.children for child in getattr(box, "children", ())]
            assert any(why in getattr(child, "value", "") for child in bench.children)

    def test_an_error_is_one_sentence(self) -> None:
        bench = Workbench("APOP")

        def refuse(*_: object) -> None:
            raise OSError("the lab has\nended")

        bench._perform = refuse  # type: ignore[assignment]
        bench.once.click()
        assert "OSError: the lab has ended" in bench.result.value and not bench.once.disabled
        assert bench.once.description == "Send" and bench.sent is None


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(allow=["apop", "cram_md5", "digest_md5"], rung="tap", student="guest") as running:
        yield running


def values(lab: Lab, mechanism: str, **typed: str) -> dict[str, str]:
    return Workbench(mechanism, lab).values | typed


@pytest.mark.network
class TestOnTheWire:
    @pytest.mark.parametrize("mechanism", BENCHES)
    def test_the_very_challenge_and_the_pictures_response(self, lab: Lab, mechanism: str) -> None:
        bench = Workbench(mechanism, lab)
        fresh = (
            "challenge" if "challenge" in bench.boxes else "server_nonce" if "server_nonce" in bench.boxes else "nonce"
        )
        bench.boxes[fresh].value = typed = "<my.own@mail.example.test>"
        bench.once.click()
        assert bench.sent is not None, bench.result.value
        assert typed in bench.sent.text and "The response on the wire is the picture's." in bench.sent.text
        assert "Frame" in bench.sent.text and "The server let her in." in bench.sent.text

    @pytest.mark.parametrize("mechanism", BENCHES)
    def test_twice(self, lab: Lab, mechanism: str) -> None:
        bench = Workbench(mechanism, lab)
        bench.twice.click()
        assert bench.sent is not None, bench.result.value
        assert ("Different" if bench.bench.fresh else "Equal") in bench.sent.text
        bench.same.value = True
        bench.twice.click()
        assert "Equal" in bench.sent.text

    @pytest.mark.parametrize("mechanism", BENCHES)
    @pytest.mark.parametrize("secret", ["wrong", "ünsafe", ""])
    def test_a_refused_log_in_is_a_result(self, lab: Lab, mechanism: str, secret: str) -> None:
        sent = challenger(lab)(mechanism, values(lab, mechanism, secret=secret), False)
        assert not sent.accepted and sent.answer and "\n" not in sent.answer
        assert "She wasn't let in" in sent_view(sent, "?").text

    def test_everything_is_put_back(self, lab: Lab) -> None:
        lab.mode = "switch"
        challenger(lab)("APOP", values(lab, "APOP"), False)
        assert lab.mode == "switch"
        lab.mode = "hub"
        greetings = {lab.alice.pop3().getwelcome() for _ in range(2)}
        assert len(greetings) == 2

    def test_a_challenge_that_cannot_cross(self, lab: Lab) -> None:
        bench = Workbench("CRAM-MD5", lab, challenge="ä")
        bench.once.click()
        assert "printable ASCII" in bench.result.value and bench.sent is None

    def test_auth_int_is_refused_by_the_client(self, lab: Lab) -> None:
        sent = challenger(lab)("DIGEST-MD5", values(lab, "DIGEST-MD5", qop="auth-int"), False)
        assert not sent.accepted and responses(sent.heard) == []
        with pytest.raises(ValueError, match="no two responses"):
            twice_view(sent, sent)

    def test_another_salt_than_the_servers(self, lab: Lab) -> None:
        bench = Workbench("SCRAM-SHA-256", lab, iterations="5000")
        bench.once.click()
        assert bench.sent is not None and "isn't the picture's" in bench.sent.text

    @pytest.mark.parametrize("name", ["cnonce", "digest_uri"])
    def test_what_the_client_made_up_itself_is_not_blamed_on_the_server(self, lab: Lab, name: str) -> None:
        bench = Workbench("DIGEST-MD5", lab, **{name: ""})
        bench.once.click()
        assert bench.sent is not None and "isn't the picture's: something else went into it" in bench.sent.text
        assert "server knows" not in bench.sent.text

    def test_a_mechanism_that_is_not_offered(self) -> None:
        with Lab(rung="tap", student="guest") as strict:
            sent = challenger(strict)("APOP", values(strict, "APOP"), False)
            assert not sent.accepted and "APOP" in sent.answer

    def test_replays(self, lab: Lab) -> None:
        tries = try_all(lab)
        assert [(each.mechanism, each.server) for each in tries] == [
            (m, s) for m in MECHANISMS for s in ("fresh", "repeats")
        ]
        assert all(each.same == each.accepted == (each.server == "repeats") for each in tries)
        assert tries_table(tries).text.count("logged in") == 4

    def test_the_desk(self, lab: Lab) -> None:
        desk = ReplayDesk(lab)
        assert "Nothing tried yet." in desk.twin().text
        desk.server.value = "repeats"
        desk.button.click()
        assert desk.tries == [("APOP", "repeats", True, True)] and not desk.button.disabled

    def test_on_a_switch_nothing_is_heard(self, lab: Lab) -> None:
        lab.mode = "switch"
        with pytest.raises(RuntimeError, match="into a hub"):
            try_one(lab, "APOP", "fresh")
        desk = ReplayDesk(lab)
        desk.button.click()
        assert "Nothing was replayed" in desk.trouble.value
        lab.mode = "hub"

    def test_what_alice_hears(self, lab: Lab) -> None:
        alice = lab.student.accounts["alice"]
        with lab.capture() as heard:
            assert log_in(lab, "APOP", alice.name, alice.password) == ""
        (talk,) = follow(heard)
        (asked,) = challenges((turn.who, turn.data) for turn in talk.turns)
        assert asked.startswith(b"<") and asked in talk.turns[0].data


RATES = {"APOP": 4_000_000.0, "SCRAM-SHA-256": 1000.0}


class TestGuessCost:
    def test_it_follows(self) -> None:
        cost = GuessCost(RATES)
        cost.kind.value, cost.length.value = "digits", 6
        assert "1,000,000 passwords: digits, 6 characters" in cost.twin().text
        assert "125 milliseconds" in cost.twin().text and "17 minutes" in cost.twin().text
        cost.iterations.value = 1_000_000
        assert "SCRAM-SHA-256, 1,000,000 times" in cost.picture.value
        cost.kind.value = "word + 2 digits"
        assert cost.length.disabled and "6 million" in cost.picture.value

    @pytest.mark.parametrize("rates", [{}, {"APOP": 0}])
    def test_rates_that_cannot_be(self, rates: dict[str, float]) -> None:
        with pytest.raises(ValueError, match="above 0"):
            GuessCost(rates)

    def test_twin(self) -> None:
        bundle = GuessCost(RATES)._repr_mimebundle_()
        assert WIDGET in bundle and "aria-label" in bundle["text/html"] and "half of them" in bundle["text/plain"]

    @pytest.mark.parametrize("kind", KINDS.values())
    def test_counts_and_examples(self, kind: Any) -> None:
        assert kind.count(16) >= kind.count(4) > 0
        assert len(kind.example) == 16 or not kind.has_length

    def test_numbers_as_people_say_them(self) -> None:
        assert [span(s) for s in (1, 59.99, 3600, 86400, 3.2e7)] == [
            "1 second",
            "60 seconds",
            "1 hour",
            "1 day",
            "1 year",
        ]
        assert [big(n) for n in (36 * 10**10, 10**12)] == ["360 thousand million", "1.0 × 10^12"]
