"""The filter alone: octets in, octets out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillab.attacks.strip import LONGEST, Strip
from maillab.servers.pop3 import Pop3Server
from maillab.servers.store import Store
from maillab.servers.switches import Switches

CAPA = b"+OK what I can do\r\nTOP\r\nUSER\r\nSTLS\r\nSASL PLAIN\r\n.\r\n"
CAPA_STRIPPED = CAPA.replace(b"STLS\r\n", b"")
TRAP = b"Subject: about TLS\r\n\r\nSTLS\r\nSTARTTLS\r\n250-STARTTLS\r\n"

MORE = b"+OK\r\n" + TRAP + b".\r\n+OK 1 90\r\n+OK\r\n1 STLS\r\n.\r\n"

POP3 = [
    ("S", b"+OK ready\r\n", None),
    ("C", b"CAPA\r\n", None),
    ("S", CAPA, CAPA_STRIPPED),
    ("C", b"stls\r\n", b"XXXX\r\n"),
    ("S", b"-ERR unknown command\r\n", None),
    ("C", b"AUTH PLAIN\r\n", None),
    ("S", b"+ \r\n", None),
    ("C", b"STLS\r\n", None),  # base64, as it happens
    ("S", b"-ERR no\r\n", None),
    ("C", b"USER alice\r\nPASS x\r\nCAPA\r\nRETR 1\r\nLIST 1\r\nUIDL\r\nCAPA\r\nQUIT\r\n", None),
    ("S", b"+OK\r\n+OK\r\n" + CAPA + MORE + CAPA + b"+OK bye\r\n",
     b"+OK\r\n+OK\r\n" + CAPA_STRIPPED + MORE + CAPA_STRIPPED + b"+OK bye\r\n"),
]  # fmt: skip

EHLO = b"250-mx\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n"
SMTP = [
    ("S", b"220-mx\r\n220 STARTTLS\r\n", None),
    ("C", b"EHLO laptop\r\n", None),
    ("S", EHLO, EHLO.replace(b"250-STARTTLS\r\n", b"")),
    ("C", b"ehlo laptop\r\n", None),
    ("S", b"250-mx\r\n250-SIZE 1000\r\n250 STARTTLS\r\n", b"250-mx\r\n250 SIZE 1000\r\n"),
    ("C", b"STARTTLS\r\n", b"XXXXXXXX\r\n"),
    ("S", b'500 Error: command "XXXXXXXX" not recognized\r\n', None),
    ("C", b"AUTH LOGIN\r\n", None),
    ("S", b"334 VXNlcm5hbWU6\r\n", None),
    ("C", b"STARTTLS\r\n", None),
    ("S", b"535 no\r\n", None),
    ("C", b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n", None),
    ("S", b"250 ok\r\n250 ok\r\n354 go on\r\n", None),
    ("C", TRAP + b"..\r\n.\r\nEHLO again\r\nNOOP\r\n", None),
    ("S", b"250 STARTTLS\r\n" + EHLO + b"250 STARTTLS\r\n",
     b"250 STARTTLS\r\n" + EHLO.replace(b"250-STARTTLS\r\n", b"") + b"250 STARTTLS\r\n"),
    ("C", b"QUIT\r\n", None),
    ("S", b"221 bye\r\n", None),
]  # fmt: skip


def through(strip: Strip, who: str, data: bytes) -> bytes:
    return strip.from_client(data) if who == "C" else strip.from_server(data)


@pytest.mark.parametrize(("protocol", "script"), [("pop3", POP3), ("smtp", SMTP)])
class TestScript:
    def test_turn_by_turn(self, protocol, script) -> None:
        strip = Strip(protocol)
        for who, data, then in script:
            assert through(strip, who, data) == (data if then is None else then)
        word = "STLS" if protocol == "pop3" else "STARTTLS"
        assert set(strip.removed) == {f"the offer of {word}", f"the command {word}"}

    @given(data=st.data())
    def test_cut_anywhere(self, protocol, script, data) -> None:
        strip = Strip(protocol)
        for who, octets, then in script:
            cuts = sorted(data.draw(st.lists(st.integers(0, len(octets)), max_size=6)))
            pieces = [octets[a:b] for a, b in zip([0, *cuts], [*cuts, len(octets)], strict=True)]
            assert b"".join(through(strip, who, piece) for piece in pieces) == (octets if then is None else then)


LINES = [b"DATA", b"354", b"+OK", b"EHLO x", b"250-x", b"250 x", b"CAPA", b".", b"334", b"+ "]


@given(
    st.sampled_from(["pop3", "smtp"]),
    st.lists(
        st.tuples(st.sampled_from("CS"), st.binary(max_size=60) | st.sampled_from([line + b"\r\n" for line in LINES]))
    ),
)
def test_whatever_comes(protocol, turns) -> None:
    """It never raises, invents nothing that long, and holds little back."""
    strip = Strip(protocol)
    for who, data in turns:
        assert len(through(strip, who, data)) <= sum(len(data) for _, data in turns) + 10


def test_the_rest_of_a_line_is_there_at_the_end() -> None:
    strip = Strip("pop3")
    assert strip.from_client(b"NOOP\r\nQU") == b"NOOP\r\n"
    assert [strip.rest("C"), strip.rest("C"), strip.rest("S")] == [b"QU", b"", b""]


def test_a_line_without_end_is_not_held_for_ever() -> None:
    strip = Strip("pop3")
    assert strip.from_client(b"x" * LONGEST) == b"" and strip.from_client(b"x") == b"x" * (LONGEST + 1)


def test_a_list_without_end_neither() -> None:
    strip = Strip("smtp")
    strip.from_server(b"220 hi\r\n")
    strip.from_client(b"EHLO x\r\n")
    assert len(strip.from_server(b"250-x\r\n" * 1000)) > 6000


def test_a_real_engine_with_tls_looks_as_one_without() -> None:
    """Reply for reply, as the client sees it."""
    store, switches = Store("example.test", {"alice": "sesame"}), Switches(["plaintext_login"])
    plain, offering, strip = Pop3Server(store, switches), Pop3Server(store, switches, stls=True), Strip("pop3")
    assert strip.from_server(offering.greeting()) == plain.greeting()
    for said in (b"CAPA\r\n", b"STLS\r\n", b"CAPA\r\nSTLS\r\nUSER alice\r\n", b"STLS\r\nCAPA\r\nQUIT\r\n"):
        assert strip.from_server(offering.receive(strip.from_client(said))) == plain.receive(said)
