"""Figures: what is drawn, what the twin says, and that nobody needs colour to read them."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillab.sasl.apop import challenge_in
from maillab.views import Field, byte_view, findings_table, frames_table, ladder, plain_fields, table
from maillab.views.frames import frame_fields, frame_summary
from maillab.views.marks import command_marks, credential_marks
from maillab.views.payload import payload_fields
from maillab.views.theme import ALARM, DARK, LIGHT, PALETTE, contrast, luminance, style, tint
from maillab.views.view import printable


def turn(who: str, data: bytes, kind: str = "command", frame: int = 1, **more: Any) -> SimpleNamespace:
    return SimpleNamespace(
        who=who, data=data, kind=kind, frame=frame, time=1e9 + frame, frames=[frame], text="", **more
    )


def talk(*turns: SimpleNamespace, protocol: str = "pop3") -> SimpleNamespace:
    for number, each in enumerate(turns, 1):
        each.frame, each.frames, each.time = number, [number], 1e9 + number / 1000
    return SimpleNamespace(
        client="192.0.2.10:4711", server="192.0.2.25:110", protocol=protocol, turns=list(turns), complete=True
    )


LOGIN = talk(
    turn("S", b"+OK ready\r\n", "greeting"),
    turn("C", b"USER alice\r\n"),
    turn("S", b"+OK\r\n", "reply"),
    turn("C", b"PASS tea & <b>scones</b>\r\n"),
    turn("S", b"+OK\r\n", "reply"),
    turn("C", b"RETR 1\r\n"),
    turn("S", b"+OK\r\nSubject: x\r\n\r\nhi\r\n.\r\n", "reply"),
)


class TestTheme:
    @pytest.mark.parametrize("kind", PALETTE)
    def test_text_can_be_read_on_every_tint(self, kind: str) -> None:
        assert contrast(LIGHT["fg"], tint(kind)) >= 4.5
        assert contrast(DARK["fg"], tint(kind, dark=True)) >= 4.5

    def test_quiet_text_and_labels_can_be_read(self) -> None:
        assert contrast(LIGHT["dim"], LIGHT["bg"]) >= 4.5
        assert contrast(DARK["dim"], DARK["bg"]) >= 4.5
        assert contrast("#ffffff", ALARM) >= 4.5

    def test_what_matters_most_differs_in_grey(self) -> None:
        greys = {kind: luminance(tint(kind)) for kind in ("user", "password", "plain")}
        assert greys["password"] < greys["user"] - 0.05 < greys["plain"] - 0.1

    def test_neighbours_differ_by_underline(self) -> None:
        assert len({PALETTE[kind].line for kind in ("user", "password", "authzid", "glue")}) == 4

    def test_nothing_is_loaded_from_outside(self) -> None:
        assert "url(" not in style("bytes", "ladder", "peeler", "toggle")
        assert "@import" not in style("bytes", "ladder", "peeler", "toggle")


class TestLadder:
    def test_both_twins(self) -> None:
        bundle = ladder(LOGIN)._repr_mimebundle_()
        assert "password, in the clear" in bundle["text/html"]
        assert "password, in the clear" in bundle["text/plain"]
        assert "alice -> mail" in bundle["text/plain"]
        assert "Ladder diagram, POP3 between alice and mail, 7 turns, 1 password readable" in bundle["text/html"]

    def test_what_was_said_is_text_never_markup(self) -> None:
        assert "<b>scones" not in ladder(LOGIN).html
        assert "tea &amp; &lt;b&gt;scones" in ladder(LOGIN).html

    def test_masked(self) -> None:
        view = ladder(LOGIN, reveal=False)
        assert "scones" not in view.html + view.text + view.alt
        assert "password, in the clear" in view.text

    def test_masked_base64_is_masked_in_both_forms(self) -> None:
        plain = talk(turn("C", b"AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n"), protocol="smtp")
        view = ladder(plain, reveal=False)
        assert "secret" not in view.html + view.text
        assert "AGFs" not in view.html + view.text
        assert r"\0alice\0secret" in ladder(plain).text

    def test_a_mail_is_folded(self) -> None:
        view = ladder(LOGIN)
        assert "… 4 lines, 19 bytes – Subject: x" in view.text
        assert "<details>" in view.html

    def test_rows_are_bounded_and_counted(self) -> None:
        many = talk(*(turn("C", b"NOOP\r\n") for _ in range(500)))
        view = ladder(many, max_rows=10)
        assert view.html.count("<li") == 10
        assert "490 more turns not drawn" in view.html and "490 more turns not drawn" in view.text

    def test_a_huge_line_is_cut(self) -> None:
        assert len(ladder(talk(turn("C", b"PASS " + b"x" * 200_000 + b"\r\n"))).html) < 10_000

    def test_gaps_and_tls_are_blocks(self) -> None:
        gap = turn("gap", b"", "gap")
        gap.text = "(12 bytes are missing from the capture)"
        text = ladder(talk(gap, turn("C", b"\x16\x03\x01" + bytes(10), "tls"))).text
        assert "[ 12 bytes are missing from the capture ]" in text
        assert "TLS, 13 bytes, encrypted" in text

    def test_highlight_by_frame_and_by_word(self) -> None:
        assert ladder(LOGIN, highlight=4).html.count(" lit") == 1
        assert ladder(LOGIN, highlight="RETR").html.count(" lit") == 1

    def test_nothing_said_and_nobody_there(self) -> None:
        assert "Nobody said anything" in ladder(talk()).text
        assert ladder([]).text == "No conversation in this capture."

    @given(st.lists(st.tuples(st.sampled_from("CS"), st.binary(max_size=60)), max_size=8))
    def test_no_bytes_break_it(self, lines: list[tuple[str, bytes]]) -> None:
        view = ladder(talk(*(turn(who, data) for who, data in lines)))
        assert "\x1b" not in view.text and "\x00" not in view.html


class TestMarks:
    def test_auth_login_over_several_turns(self) -> None:
        talked = talk(
            turn("C", b"AUTH LOGIN\r\n"),
            turn("S", b"334 VXNlcm5hbWU6\r\n", "challenge"),
            turn("C", b"YWxpY2U=\r\n", "response"),
            turn("S", b"334 UGFzc3dvcmQ6\r\n", "challenge"),
            turn("C", b"c2VjcmV0\r\n", "response"),
            turn("S", b"235 yes\r\n", "reply"),
            turn("C", b"MAIL FROM:<a@b>\r\n"),
        )
        marks = credential_marks(talked.turns)
        assert {place: mark[0].decoded for place, mark in marks.items()} == {
            1: b"Username:",
            2: b"alice",
            3: b"Password:",
            4: b"secret",
        }
        assert [place for place, mark in marks.items() if mark[0].secret] == [4]

    def test_apop_is_no_password(self) -> None:
        (marks,) = credential_marks([turn("C", b"APOP alice 0123abcd\r\n")]).values()
        assert [mark.secret for mark in marks] == [False, False]

    @pytest.mark.parametrize(
        "greeting",
        [
            b"+OK <1.2@mail> ready",
            b"+OK <no.at>",
            b"+OK <a><b@c>",
            b"+OK <1 2@mail>",
            b"+OK < <1@x>",
            b"+OK ready",
            b"x",
        ],
    )
    def test_the_challenge_in_a_greeting_is_what_a_client_takes(self, greeting: bytes) -> None:
        found = credential_marks([turn("S", greeting + b"\r\n", "greeting")]).get(0, [])
        assert [greeting[mark.start : mark.end] for mark in found] == list(filter(None, [challenge_in(greeting)]))

    @pytest.mark.parametrize(
        "line, marked",
        [
            (b"APOP x", [("user", b"x")]),
            (b"APOP x ", [("user", b"x")]),
            (b"APOP  x", [("digest", b"x")]),
            (b"APOP a b c4", [("user", b"a b"), ("digest", b"c4")]),
            (b"APOP  ", []),
        ],
    )
    def test_apop_as_it_should_not_be(self, line: bytes, marked: list[tuple[str, bytes]]) -> None:
        assert [(mark.kind, line[mark.start : mark.end]) for mark in command_marks(line)] == marked
        byte_view(line + b"\r\n", payload_fields(line + b"\r\n"))


class TestBytes:
    def test_every_field_is_numbered_and_explained(self) -> None:
        message = b"\0alice\0secret"
        view = byte_view(message, plain_fields(message))
        assert re.search(r"^4 +7–12 +passwd +secret", view.text, re.M)
        assert view.html.count("<i>") == 4

    @pytest.mark.parametrize("bad", [(0, 0), (3, 9), (-1, 2), (2, 1)])
    def test_a_field_outside_the_data(self, bad: tuple[int, int]) -> None:
        with pytest.raises(ValueError, match="must not overlap"):
            byte_view(b"12345", [Field("x", *bad)])

    def test_overlap(self) -> None:
        with pytest.raises(ValueError, match="overlap"):
            byte_view(b"12345", [Field("x", 0, 3), Field("y", 2, 4)])

    def test_long_data_is_cut_and_counted(self) -> None:
        view = byte_view(bytes(100_000))
        assert "99,488 more bytes, not drawn" in view.html
        assert len(view.html) < 20_000

    @given(st.binary(max_size=200))
    def test_the_dump_holds_the_bytes(self, data: bytes) -> None:
        rows = [line[6:54] for line in byte_view(data).text.splitlines() if re.match(r"[0-9a-f]{4}  ", line)]
        assert bytes.fromhex("".join(rows)) == data

    @given(st.lists(st.sampled_from([b"APOP", b"PASS", b"USER", b" ", b"x", b"\r\n"]), max_size=8).map(b"".join))
    def test_any_command_has_fields_that_fit(self, data: bytes) -> None:
        byte_view(data, payload_fields(data))

    @given(st.binary(max_size=120))
    def test_any_frame_has_fields_that_fit(self, data: bytes) -> None:
        byte_view(data, frame_fields(data))
        byte_view(data, frame_fields(data, detail=True))
        byte_view(data, payload_fields(data))

    def test_a_scapy_packet(self) -> None:
        from scapy.layers.inet import IP, TCP
        from scapy.layers.l2 import Ether

        packet = (
            Ether() / IP(src="192.0.2.10", dst="192.0.2.25") / TCP(sport=4711, dport=110, flags="PA") / b"PASS x y\r\n"
        )
        found = {field.name: field.value for field in frame_fields(packet)}
        assert found["password"] == "x y"
        assert found["IP source"] == "192.0.2.10 (alice)"
        line = frame_summary(packet, 7)
        assert (line.source, line.target, line.flags, line.payload) == (
            "alice:4711",
            "mail:110",
            "PSH ACK",
            b"PASS x y\r\n",
        )


class TestTable:
    def test_numbers_to_the_right(self) -> None:
        assert str(table([["a", 5], ["b", 1000]], ["x", "n"])).splitlines()[1:] == ["a      5", "b  1,000"]

    def test_markup_is_escaped(self) -> None:
        assert "<script" not in table([["<script>"]], ["<x>"], "<y>").html

    def test_no_rows(self) -> None:
        assert "nothing" in table([], ["x"]).html

    def test_findings_masked(self) -> None:
        found = {"frame": 3, "kind": "credential", "protocol": "pop3", "username": "alice", "password": "secret"}
        assert "secret" in findings_table([found | {"accepted": True}]).text
        assert "secret" not in findings_table([found | {"accepted": True}], reveal=False).html

    def test_frames_are_bounded(self) -> None:
        assert "40 more frames" in frames_table([bytes(60)] * 100).text


@given(st.binary())
def test_printable_is_printable(data: bytes) -> None:
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", printable(data))


def test_arp_is_told_in_words() -> None:
    from scapy.layers.l2 import ARP, Ether

    asked = Ether(src="02:00:00:00:00:10", dst="ff:ff:ff:ff:ff:ff") / ARP(
        op=1, psrc="192.0.2.10", pdst="192.0.2.25", hwsrc="02:00:00:00:00:10"
    )
    told = Ether(src="02:00:00:00:00:25", dst="02:00:00:00:00:10") / ARP(
        op=2, psrc="192.0.2.25", pdst="192.0.2.10", hwsrc="02:00:00:00:00:25"
    )
    text = frames_table([asked, told]).text
    assert text.splitlines()[2].split()[2:5] == ["alice", "everybody", "ARP"]
    assert "who has 192.0.2.25?" in text and "192.0.2.25 is at 02:00:00:00:00:25" in text
