"""Who may send through a server, read from packets alone: by a login, by an address, by nobody."""

from __future__ import annotations

import json

import pytest
from support.wire import Talk, interleave, renumber

from maillab.capture import Frame, write_pcap
from maillab.findings import Finding, findings
from maillab.findings.command import main
from maillab.findings.pop_logins import MAX_KEPT, Login, PopLogins

GATE, MAIL, OTHER = "192.0.2.1", "192.0.2.25", "192.0.2.66"
ID = b"<1.2@mail.example.test>"
APOP = b"APOP alice c4c9334bac560ecc979e58001b3e22fb"
SECOND = 1_000_000_000


def pop3(client: str = GATE, reply: bytes = b"+OK in", login: bytes = APOP, server: str = MAIL) -> Talk:
    lines = [(1, b"+OK ready " + ID), (0, login), (1, reply), (0, b"QUIT"), (1, b"+OK bye")]
    return Talk((client, 40001), (server, 110)).play([(side, line + b"\r\n") for side, line in lines])


def smtp(
    *to: bytes, auth: bool = False, client: str = GATE, after: int = 31, name: bytes = b"mail.example.test"
) -> Talk:
    """A mail `after` seconds after the login. to: addresses; one with "!" in front is refused."""
    talk = Talk((client, 50002), (MAIL, 25), start_ns=pop3().time_ns + after * SECOND)
    lines = [(1, b"220 " + name + b" ESMTP"), (0, b"EHLO laptop"), (1, b"250-" + name + b"\r\n250 AUTH PLAIN")]
    if auth:
        lines += [(0, b"AUTH PLAIN AGFsaWNlAHg="), (1, b"235 2.7.0 in")]
    lines += [(0, b"MAIL FROM:<alice@example.test>"), (1, b"250 ok")]
    for address in to:
        refused = address.startswith(b"!")
        lines += [(0, b"RCPT TO:<" + address.lstrip(b"!") + b">"), (1, b"550 no" if refused else b"250 ok")]
    lines += [(0, b"DATA"), (1, b"354 go"), (0, b"Subject: Money\r\n\r\nPlease\r\n."), (1, b"250 ok")]
    return talk.play([(side, line + b"\r\n") for side, line in lines])


def mail(*talks: Talk) -> Finding:
    (found,) = (f for f in findings(interleave(*talks)) if f.kind == "mail" and f.protocol == "smtp")
    return found


DAVE = b"dave@partner.example.test"


def test_by_address_only() -> None:
    found = mail(pop3(), smtp(DAVE))
    assert (found.relayed, found.authorised) == (True, "address")
    popped = found.popped
    assert popped and list(popped) == ["username", "mechanism", "frame", "seconds"]
    assert (popped["username"], popped["mechanism"]) == ("alice", "APOP")
    assert popped["seconds"] == pytest.approx(31, abs=0.1)
    (login,) = (f for f in findings(pop3().frames) if f.kind == "credential")
    assert popped["frame"] == login.frame
    said = "relayed, authorised by address only: alice's APOP in frame 6, 31 s before"
    assert f", {said}>" in repr(found) and found.right == said
    assert json.loads(json.dumps(found.to_json()))["popped"] == popped


def test_by_a_login_by_nobody_by_somebody_elses_address() -> None:
    found = mail(pop3(), smtp(DAVE, auth=True))
    assert (found.relayed, found.authorised, found.popped) == (True, "login", None)
    assert found.right == "relayed, authorised by a login"
    assert mail(smtp(DAVE)).right == "relayed, authorised by nobody"
    for other in (pop3(OTHER), pop3(server=OTHER), pop3(reply=b"-ERR no")):
        assert mail(other, smtp(DAVE)).authorised == "nobody"


def test_the_log_in_has_to_come_first() -> None:
    assert mail(smtp(DAVE, after=-60), pop3()).authorised == "nobody"


def test_the_latest_log_in_counts_also_on_an_open_connection() -> None:
    """Nobody needs to say QUIT; and a later login takes the place of an earlier one."""
    late = Talk((GATE, 40009), (MAIL, 110), start_ns=pop3().time_ns + 20 * SECOND).open()
    late.server(b"+OK\r\n").client(b"USER bob\r\n").server(b"+OK\r\n").client(b"PASS x\r\n").server(b"+OK in\r\n")
    found = mail(pop3(), late, smtp(DAVE))
    assert found.popped and (found.popped["username"], found.popped["mechanism"]) == ("bob", "USER")
    assert found.popped["seconds"] == pytest.approx(11, abs=0.1)


@pytest.mark.parametrize(
    ("to", "relayed"),
    [
        ([b"bob@example.test"], False),
        ([b"bob@EXAMPLE.test", b"bob@mail.example.test", b"postmaster"], False),
        ([b"bob@example.test", DAVE], True),
        ([b"bob@example.test", b"!" + DAVE], False),
        ([b"bob@sub.example.test"], True),
        ([b"bob@badexample.test"], True),
    ],
)
def test_whose_recipients(to: list[bytes], relayed: bool) -> None:
    found = mail(smtp(*to))
    assert found.relayed is relayed
    assert found.recipients == [address.decode() for address in to if not address.startswith(b"!")]
    assert bool(found.right) is relayed


@pytest.mark.parametrize("name", [b"localhost", b"[192.0.2.25]", b"", b"*****"])
def test_a_server_that_does_not_name_itself(name: bytes) -> None:
    assert mail(smtp(DAVE, name=name)).relayed is None


def without_replies(talk: Talk) -> list[Frame]:
    return renumber(f for f, side in zip(talk.frames, talk.sides, strict=True) if side == 0)


def test_what_the_capture_lacks() -> None:
    """No beginning: somebody may have logged in. No replies: nothing is known to be accepted."""
    (found,) = findings(renumber(smtp(DAVE).frames[6:]))
    assert found.authorised is None and found.right in ("", "relayed, by what right is not in the capture")
    (_, found) = findings(without_replies(smtp(DAVE, auth=True)))
    assert (found.relayed, found.authorised) == (None, None)
    lost = smtp(DAVE, auth=True)
    answer = next(i for i, frame in enumerate(lost.frames) if b"235 2.7.0" in frame.data)
    found = findings(renumber(lost.frames[:answer] + lost.frames[answer + 1 :]))[-1]
    assert (found.relayed, found.authorised) == (True, None)


def test_mails_read_over_pop3_have_none() -> None:
    lines = [(1, b"+OK " + ID), (0, APOP), (1, b"+OK in"), (0, b"RETR 1"), (1, b"+OK\r\nSubject: a\r\n\r\nhi\r\n.")]
    (_, found) = findings(Talk().play([(side, line + b"\r\n") for side, line in lines]).frames)
    assert (found.kind, found.relayed, found.authorised, found.popped) == ("mail", None, None, None)


def test_pipelined_bdat() -> None:
    """The replies to RCPT come after the mail, and the next mail's envelope is under way."""
    talk = Talk((GATE, 50002), (MAIL, 25)).open().server(b"220 mail.example.test ESMTP\r\n")
    talk.client(b"EHLO a\r\n").server(b"250-mail.example.test\r\n250-PIPELINING\r\n250 CHUNKING\r\n")
    talk.client(
        b"MAIL FROM:<a@example.test>\r\nRCPT TO:<x@example.test>\r\nRCPT TO:<dave@partner.test>\r\n"
        b"BDAT 4 LAST\r\nhi\r\nMAIL FROM:<b@example.test>\r\nRCPT TO:<bob@example.test>\r\nBDAT 4 LAST\r\nho\r\n"
    )
    talk.server(b"250 ok\r\n550 no\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n").close()
    one, two = findings(talk.frames)
    assert (one.recipients, one.relayed) == (["dave@partner.test"], True)
    assert (two.recipients, two.relayed) == (["bob@example.test"], False)


def test_command_line(tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "a.pcap"
    write_pcap(path, interleave(pop3(), smtp(DAVE)))
    assert main([str(path)]) == 0
    assert "authorised by address only: alice's APOP in frame 6, 31 s before" in capsys.readouterr().out


def test_memory_is_bounded() -> None:
    logins = PopLogins()
    for number in range(MAX_KEPT + 10):
        logins.note(number, f"10.0.{number >> 8}.{number & 255}:1", "192.0.2.25:110", Login("a", "USER", number, 0.0))
    said: list[Login | None] = []
    for client in ("10.0.0.9:2", "10.0.0.10:2"):
        logins.ask(MAX_KEPT + 11, client, "192.0.2.25:25", said.append)
    logins.settle()
    assert said == [None, Login("a", "USER", 10, 0.0)]


def test_what_is_said_later_lets_nobody_in() -> None:
    """Connections are read one after the other; what counts is the order of the frames."""
    logins, said = PopLogins(), []
    logins.note(30, "192.0.2.1:1", "192.0.2.25:110", Login("alice", "APOP", 28, 0.0))
    logins.ask(20, "192.0.2.1:2", "192.0.2.25:25", said.append)
    logins.ask(40, "192.0.2.1:3", "192.0.2.25:25", said.append)
    logins.settle()
    assert said == [None, Login("alice", "APOP", 28, 0.0)]


def test_a_question_that_comes_too_late() -> None:
    """MAIL had to wait for a segment that came out of order: a login after it still doesn't count."""
    logins, said = PopLogins(), []
    logins.note(30, "192.0.2.1:1", "192.0.2.25:110", Login("alice", "APOP", 28, 0.0))
    logins.settle()
    logins.ask(20, "192.0.2.1:2", "192.0.2.25:25", said.append)
    logins.settle()
    assert said == [None]
