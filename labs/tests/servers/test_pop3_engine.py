"""The engine's rules that a transcript shows badly: chunks, floods, locks, deletions."""

from __future__ import annotations

import itertools
import poplib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maillab.sasl.base64text import MAX_LINE
from maillab.servers.maildrop import MAX_MESSAGES, Maildrop, MaildropFull
from maillab.servers.pop3 import MAX_COMMAND, Pop3Server
from maillab.servers.pop3_table import COMMANDS, TABLE, State, transitions
from maillab.servers.pop3_text import stuffed
from maillab.servers.store import Store
from maillab.servers.switches import SWITCHES, Switches

ALL = Switches(SWITCHES)
MAILS = [b"Subject: one\r\n\r\n.\r\n..\r\nend\r\n", b"no body\r\n", b"\r\n\r\n"]


def fresh() -> Pop3Server:
    return Pop3Server(Store("example.test", {"alice": "sesame"}, {"alice": MAILS}), ALL)


def logged_in(store: Store) -> Pop3Server:
    engine = Pop3Server(store, ALL)
    assert engine.receive(b"USER alice\r\nPASS sesame\r\n").count(b"+OK") == 2
    return engine


PIECES = st.sampled_from(
    [word.encode() for word in COMMANDS]
    + b"alice|sesame|1|2|9| |  |PLAIN|LOGIN|AGFsaWNlAHNlc2FtZQ==|YWxpY2U=|c2VzYW1l|=|*|\n|\r|\0|\xff".split(b"|")
    + [b"\r\n"] * 12
    + [b"USER alice\r\nPASS sesame\r\n"] * 3
)
TALK = st.lists(PIECES, max_size=60).map(b"".join) | st.binary(max_size=400)


@given(data=TALK, cuts=st.lists(st.integers(0, 600), max_size=30))
def test_chunks_make_no_difference(data: bytes, cuts: list[int]) -> None:
    engine = fresh()
    whole = engine.receive(data)
    other = fresh()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in itertools.pairwise(edges)]
    assert b"".join(other.receive(piece) for piece in pieces) == whole
    assert (other.state, other.username) == (engine.state, engine.username)
    assert all(line.startswith((b"+OK", b"-ERR", b"+ ")) for line in whole.split(b"\r\n")[:1] if line)


@given(data=st.binary(max_size=60_000))
@settings(suppress_health_check=[HealthCheck.large_base_example, HealthCheck.data_too_large], max_examples=50)
def test_random_octets_get_at_most_one_error_a_line_and_never_a_login(data: bytes) -> None:
    engine = fresh()
    answer = engine.receive(data)
    assert engine.username is None
    assert answer.count(b"\r\n") == answer.count(b"-ERR ") <= 10


def test_an_unfinished_line_is_not_kept_for_ever() -> None:
    engine = fresh()
    assert engine.receive(b"A" * (MAX_COMMAND - 1)) == b""
    assert engine.receive(b"A").endswith(b"; closing\r\n")
    for _ in range(100):
        assert engine.receive(b"A" * 100_000) == b""
    assert len(engine._lines._data) == 0


def test_a_long_response_in_an_exchange() -> None:
    engine = fresh()
    engine.receive(b"AUTH PLAIN\r\n")
    assert engine.receive(b"QUFB" * ((MAX_LINE - 2) // 4) + b"\r\n") == b"-ERR [AUTH] wrong name or password\r\n"
    engine.receive(b"AUTH PLAIN\r\n")
    assert engine.receive(b"A" * MAX_LINE) == b"-ERR a line here has at most 12288 octets; closing\r\n"


def test_replies_come_one_by_one() -> None:
    """A pipeline of a thousand RETR isn't a thousand mails in memory."""
    engine = logged_in(Store("example.test", {"alice": "sesame"}, {"alice": MAILS}))
    engine.feed(b"RETR 1\r\n" * 1000 + b"DELE 1\r\n")
    replies = engine.replies()
    next(replies)
    assert engine._message(1) is not None
    assert sum(1 for _ in replies) == 1000
    assert engine._message(1) is None


class TestMaildrop:
    def test_one_session_at_a_time(self, store: Store) -> None:
        first, second = logged_in(store), Pop3Server(store, ALL)
        refused = b"-ERR [IN-USE] another session has this maildrop\r\n"
        assert second.receive(b"USER alice\r\nPASS sesame\r\n").endswith(refused)
        assert second.receive(b"AUTH PLAIN AGFsaWNlAHNlc2FtZQ==\r\n") == refused
        assert second.state is State.AUTHORIZATION
        first.receive(b"QUIT\r\n")
        assert second.receive(b"AUTH PLAIN AGFsaWNlAHNlc2FtZQ==\r\n").startswith(b"+OK")

    def test_deleted_only_on_quit(self, store: Store) -> None:
        engine = logged_in(store)
        engine.receive(b"DELE 1\r\n")
        engine.lost()
        assert len(store.maildrops["alice"].messages) == 2
        engine = logged_in(store)  # the lock is free again
        engine.receive(b"DELE 1\r\nQUIT\r\n")
        assert [len(message) for message in store.maildrops["alice"].messages] == [24]

    def test_numbers_stay_while_mail_comes_in(self, store: Store) -> None:
        engine = logged_in(store)
        store.maildrops["alice"].deliver(b"Subject: new\r\n\r\nx\r\n")
        assert engine.receive(b"STAT\r\nDELE 2\r\nQUIT\r\n").startswith(b"+OK 2 65\r\n")
        assert [message.content[9:12] for message in store.maildrops["alice"].messages] == [b"one", b"new"]

    def test_reset_during_a_session(self, store: Store) -> None:
        engine = logged_in(store)
        engine.receive(b"DELE 1\r\n")
        store.reset()
        engine.receive(b"QUIT\r\n")
        assert len(store.maildrops["alice"].messages) == 2

    def test_uids_are_unique_and_last(self, store: Store) -> None:
        before = logged_in(store).receive(b"UIDL\r\n")
        store.maildrops["alice"].unlock()
        maildrop = store.maildrops["alice"]
        for _ in range(3):
            maildrop.deliver(b"the same\r\n")
        uids = [message.uid for message in maildrop.messages]
        assert len(set(uids)) == 5
        assert all(uid.encode() in before for uid in uids[:2])
        assert all(0 < len(uid) <= 70 and uid.isascii() and uid.isprintable() for uid in uids)

    def test_bounded(self) -> None:
        maildrop = Maildrop([b"x\r\n"] * MAX_MESSAGES)
        with pytest.raises(MaildropFull):
            maildrop.deliver(b"one more")
        maildrop = Maildrop()
        with pytest.raises(MaildropFull):
            for _ in range(40):
                maildrop.deliver(b"x" * 1_000_000)

    def test_a_smuggled_end_is_mended(self) -> None:
        """LF . CRLF inside a mail would end it early for poplib, which takes LF for a line end."""
        maildrop = Maildrop([b"Subject: x\r\n\r\nbefore\n.\r\n+OK after\r\n"])
        assert b"\r\n.\r\n" in maildrop.messages[0].content
        assert b"\n.\r\n" not in stuffed(maildrop.messages[0].content.split(b"\r\n"))[:-3]


class TestTable:
    def test_every_row_is_reachable_and_named(self) -> None:
        reached = {State.AUTHORIZATION} | {row.then for row in TABLE}
        assert reached == set(State)
        assert transitions() is TABLE
        assert all(row.rfc.startswith("RFC ") for row in TABLE)
        assert all(not row.when or row.when in SWITCHES for row in TABLE)
        assert len({(row.state, row.command, row.reply) for row in TABLE}) == len(TABLE)

    def test_every_command_word_has_its_code_and_no_other_can_be_called(self) -> None:
        code = {name.removeprefix("_do_") for name in dir(Pop3Server) if name.startswith("_do_")}
        assert code == {word.lower() for word in COMMANDS} | {"response", "cancel"}

    @pytest.mark.parametrize("state", [State.AUTHORIZATION, State.NAMED, State.TRANSACTION])
    @pytest.mark.parametrize("command", COMMANDS)
    def test_what_has_no_row_is_an_error_and_changes_nothing(self, state: State, command: str) -> None:
        engine = fresh()
        if state is not State.AUTHORIZATION:
            engine.receive(b"USER alice\r\n" + (b"PASS sesame\r\n" if state is State.TRANSACTION else b""))
        assert engine.state is state
        possible = any(row.state is state and row.command == command for row in TABLE)
        answer = engine.receive(command.encode() + b"\r\n")
        if not possible:
            assert answer == f"-ERR {command} isn't possible now\r\n".encode()
            assert engine.state is state
        else:
            assert b"possible" not in answer


def test_a_timestamp_in_the_greeting_says_that_apop_is_there() -> None:
    """RFC 1939 section 7; the digest is that of its example."""
    store = Store("example.test", {"mrose": "tanstaaf"})
    assert b"<" not in Pop3Server(store, Switches()).greeting()
    assert len({Pop3Server(store, Switches(["apop"])).greeting() for _ in range(50)}) == 50
    assert poplib.POP3.timestamp.search(Pop3Server(store, Switches(["apop"])).greeting())
    switches = Switches(["apop", "fixed_challenge"])
    switches.fix({"APOP": "<1896.697170952@dbc.mtview.ca.us>"})
    session = Pop3Server(store, switches)
    assert session.greeting() == b"+OK mail.example.test POP3 ready <1896.697170952@dbc.mtview.ca.us>\r\n"
    for wrong in ("mrose", "mrose " + 32 * "0", "eve c4c9334bac560ecc979e58001b3e22fb", "mrose é"):
        assert session.receive(f"APOP {wrong}\r\n".encode()).startswith(b"-ERR")
    assert session.receive(b"APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n").startswith(b"+OK mrose has 0 messages")


def test_apop_that_is_off_or_came_too_late() -> None:
    switches = Switches()
    session = Pop3Server(Store("example.test", {"mrose": "tanstaaf"}), switches)
    session.greeting()
    assert session.receive(b"APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n") == b"-ERR APOP isn't offered here\r\n"
    switches.set(["apop"])
    assert b"no timestamp" in session.receive(b"APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n")


def test_the_log_has_no_password() -> None:
    lines: list[str] = []
    engine = Pop3Server(Store("example.test", {"alice": "sesame"}), ALL, log=lines.append)
    engine.receive(b"USER sesame\r\nPASS alice\r\nUSER alice\r\nPASS wrong\r\nsesame\r\n")
    engine.receive(b"AUTH PLAIN AGFsaWNlAHNlc2FtZQ==\r\nQUIT\r\n")
    assert lines == [
        "login refused, USER/PASS",
        "login refused, USER/PASS, as alice",
        "alice logged in with AUTH PLAIN",
        "alice is done, 0 deleted",
    ]


@pytest.mark.parametrize("line", ["uſer alice", "paſs sesame", "AUTH plaın", "lıst"])
def test_only_ascii_letters_are_the_same_in_both_cases(line: str) -> None:
    store = Store("example.test", {"alice": "sesame"})
    session = Pop3Server(store, Switches(["plaintext_login"]))
    assert session.receive(f"{line}\r\n".encode()).startswith(b"-ERR")
    assert session.state is State.AUTHORIZATION
