"""Steps, bits and plots: what is marked, what the twin says."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillab.sasl import apop
from maillab.sasl.steps import Part, Step
from maillab.views import avalanche_plot, avalanche_view, rate_plot, steps_view
from maillab.views.avalanche import flips
from maillab.views.benches import BENCHES, challenge_of, compared, options_of, proof_of, steps_of
from maillab.views.changed import bits, changed
from maillab.views.pieces import KINDS, pieces
from maillab.views.theme import PALETTE, style

SHEETS = ("steps", "avalanche", "plot", "cost", "workbench")


def values(mechanism: str, **typed: str) -> dict[str, str]:
    return {each.name: each.default for each in BENCHES[mechanism].inputs} | typed


def words(html: str) -> str:
    return re.sub(r"<[^>]+>", "", html)


class TestChanged:
    @given(st.binary(max_size=40), st.binary(max_size=40))
    def test_outside_the_marks_nothing_differs(self, now: bytes, before: bytes) -> None:
        spans = changed(now, before)
        assert all(0 <= start < end <= len(now) for start, end in spans)
        marked = {at for start, end in spans for at in range(start, end)}
        if len(now) == len(before):
            assert marked == {at for at in range(len(now)) if now[at] != before[at]}
        else:
            kept = bytes(byte for at, byte in enumerate(now) if at not in marked)
            assert len(kept) <= len(before) and before.startswith(kept[: spans[0][0] if spans else None])

    @given(st.binary(min_size=16, max_size=16), st.integers(0, 127))
    def test_a_bit_is_a_bit(self, data: bytes, place: int) -> None:
        turned = (int.from_bytes(data) ^ 1 << (127 - place)).to_bytes(16)
        assert [at for at, flip in enumerate(bits(data, turned)) if flip] == [place]

    def test_unequal_lengths(self) -> None:
        with pytest.raises(ValueError, match="equally long"):
            bits(b"1", b"12")


class TestSteps:
    @pytest.mark.parametrize("mechanism", BENCHES)
    def test_all_of_it_is_in_both_twins(self, mechanism: str) -> None:
        steps = steps_of(mechanism, values(mechanism))
        view = steps_view(steps)
        for step in steps:
            assert step.name in view.text and step.name in words(view.html)
        assert "<mark>" not in view.html and "^" not in view.text and "changed" not in view.text
        assert f"{len(steps)} steps" in view.alt
        proof = proof_of(mechanism, steps)
        assert proof.replace("+", "+") in words(view.html)

    def test_only_what_changed_is_marked(self) -> None:
        before = steps_of("DIGEST-MD5", values("DIGEST-MD5"))
        view = steps_view(steps_of("DIGEST-MD5", values("DIGEST-MD5", cnonce="OA6MHXh6VqTrRl")), before)
        assert view.alt.endswith("changed: A1, HA1, KD, digest, response, KD of server, rspauth.")
        assert view.html.count("<mark>l</mark>") == 4  # in A1, the two KD, and the response
        rows = re.findall(r'<div class="s[^"]*">.*?</div></div>', view.html)
        assert len(rows) == 13
        assert all("<mark>" not in row for row in rows if " chg" not in row.partition(">")[0])
        assert re.search(r"^ 6  HA2 = MD5\(A2\) in hex$", view.text, re.M)
        assert re.search(r"^ 8  digest = MD5\(KD\)   <== changed$", view.text, re.M)

    def test_each_input_has_a_label_and_a_colour_of_its_own(self) -> None:
        html = steps_view(steps_of("DIGEST-MD5", values("DIGEST-MD5", authzid="root"))).html
        for label in ("user", "realm", "secret", "nonce", "cnonce", "nc", "qop", "digest-uri", "authzid"):
            assert f'k-{KINDS[label]}"><i>{label}</i>' in html
        assert set(KINDS.values()) <= set(PALETTE)
        assert (
            len({PALETTE[kind].line + PALETTE[kind].hue for kind in ("user", "password", "realm", "nonce", "cnonce")})
            == 5
        )

    def test_a_key_is_no_wall_of_zeros(self) -> None:
        (key, *_) = steps_of("CRAM-MD5", values("CRAM-MD5"))
        assert [piece.text.replace("\xa0", " ") for piece in pieces(key)] == ["copper-otter-41", "00 × 49"]

    def test_text_is_text_never_markup(self) -> None:
        view = steps_view(steps_of("APOP", values("APOP", secret="<b>&", challenge="<1@x>")))
        assert "<b>&" not in view.html and "&lt;b&gt;&amp;" in view.html

    def test_a_deleted_character_changes_the_row(self) -> None:
        step, before = (Step("x", "y", (Part("secret", text),)) for text in (b"monke", b"monkey"))
        view = steps_view([step], [before])
        assert "<== changed" in view.text and "^" not in view.text

    @given(
        st.lists(st.tuples(st.sampled_from(["secret", "glue", "x"]), st.binary(max_size=80)), max_size=4), st.booleans()
    )
    def test_no_bytes_break_it(self, parts: list[tuple[str, bytes]], raw: bool) -> None:
        step = Step("x", "f(secret)", tuple(Part(*part) for part in parts), raw)
        view = steps_view([step], [step])
        assert "<mark>" not in view.html and "\0" not in view.html + view.text
        steps_view([step], [])

    def test_huge_input_is_cut(self) -> None:
        assert len(steps_view(steps_of("APOP", values("APOP", challenge="x" * 100_000))).html) < 6_000


class TestBenches:
    @pytest.mark.parametrize(
        "mechanism, typed, proof",
        [
            (
                "APOP",
                {"challenge": "<1896.697170952@dbc.mtview.ca.us>", "secret": "tanstaaf"},
                "c4c9334bac560ecc979e58001b3e22fb",
            ),
            (
                "CRAM-MD5",
                {"challenge": "<1896.697170952@postoffice.reston.mci.net>", "secret": "tanstaaftanstaaf"},
                "b913a602c7eda7a495b4e6e7334d3890",
            ),
            (
                "DIGEST-MD5",
                {
                    "user": "chris",
                    "realm": "elwood.innosoft.com",
                    "secret": "secret",
                    "digest_uri": "imap/elwood.innosoft.com",
                },
                "d388dad90d4bbd760a152321f2143af7",
            ),
            ("SCRAM-SHA-256", {"user": "user", "secret": "pencil"}, "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
        ],
    )
    def test_the_standards_examples(self, mechanism: str, typed: Mapping[str, str], proof: str) -> None:
        assert proof_of(mechanism, steps_of(mechanism, values(mechanism, **typed))) == proof

    @pytest.mark.parametrize(
        "typed", ["0", "-1", "x", "", "100001", "9" * 40, "٣", "000000000500000", "0" * 4000 + "100001"]
    )
    def test_iterations_that_cannot_be(self, typed: str) -> None:
        with pytest.raises(ValueError, match="iterations"):
            steps_of("SCRAM-SHA-256", values("SCRAM-SHA-256", iterations=typed))

    def test_the_challenge_can_be_parsed_back(self) -> None:
        from maillab.sasl import digest_md5

        text = challenge_of("DIGEST-MD5", values("DIGEST-MD5", realm='a "b\\', nonce="x,y"))
        assert digest_md5.parse(text.encode())["realm"] == ['a "b\\']
        assert digest_md5.parse(text.encode())["nonce"] == ["x,y"]

    def test_what_the_client_is_told(self) -> None:
        options = options_of("DIGEST-MD5", values("DIGEST-MD5"))
        assert options["cnonce"] == "OA6MHXh6VqTrRk" and "authzid" not in options
        assert "cnonce" not in options_of("DIGEST-MD5", values("DIGEST-MD5"), fresh=True)
        assert options_of("APOP", values("APOP")) == {}


class TestAvalanche:
    def test_cells(self) -> None:
        view = avalanche_view(bytes(16), b"\xff" + bytes(15), "digest")
        assert "digest: 8 of 128 bits changed" in view.text and "########" in view.text
        assert view.html.count("M") == 128
        with pytest.raises(ValueError, match="equally long"):
            avalanche_view(b"1", b"12")

    def test_every_bit_is_turned_over(self) -> None:
        asked = []

        def digest(challenge: bytes, secret: bytes) -> str:
            asked.append(challenge)
            return hashlib.md5(challenge + secret, usedforsecurity=False).hexdigest()

        found = flips(digest, b"abc", b"x")
        assert len(found) == 24 and len(set(asked)) == 25 and 40 < sum(found) / 24 < 88

    def test_plot(self) -> None:
        plot = avalanche_plot(apop.digest, "<1@mail>", "secret")
        assert "each of 64 bits of the challenge" in plot.text and 'role="img"' in plot.html
        assert plot.figure.axes and "<svg" in plot.html and "#010203" not in plot.html and "<?xml" not in plot.html
        with pytest.raises(ValueError, match="empty challenge"):
            avalanche_plot(apop.digest, "", "secret")

    def test_a_short_stretch(self) -> None:
        assert "each of 5 bits" in avalanche_plot(apop.digest, "<1@mail>", "secret", n=5).text
        for n in (0, -1):
            with pytest.raises(ValueError, match=f"1 or more, not {n}"):
                avalanche_plot(apop.digest, "<1@mail>", "secret", n=n)


class TestRates:
    def test_plot(self) -> None:
        plot = rate_plot({"SCRAM-SHA-256": 1000, "APOP": 4_000_000})
        assert plot.alt == "APOP 4,000,000; SCRAM-SHA-256 1,000: 4,000 times apart."
        with pytest.raises(ValueError, match="above 0"):
            rate_plot({})


def test_nothing_is_loaded_from_outside() -> None:
    assert "url(" not in style(*SHEETS) and "@import" not in style(*SHEETS)


@pytest.mark.parametrize("mechanism", BENCHES)
def test_what_is_compared_changes_by_half(mechanism: str) -> None:
    one, other = (
        compared(mechanism, steps_of(mechanism, values(mechanism, secret=word))) for word in ("monkey", "monkez")
    )
    assert 0.3 < sum(bits(one, other)) / (8 * len(one)) < 0.7
