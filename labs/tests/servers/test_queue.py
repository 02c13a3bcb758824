"""The queue's rules, without disk or socket; then its disk; and what a bounce says."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillab.servers.delivery import Delivery
from maillab.servers.log import EventLog
from maillab.servers.maildrop import MAX_MESSAGE, Maildrop
from maillab.servers.next_hop import NextHop
from maillab.servers.queue import MAX_HOPS, Entry, bounce, hops, pack, settle, unpack
from maillab.servers.relay import MAX_WAITING, QueueFull, Relay
from maillab.servers.spool import Spool
from maillab.servers.store import Store

ENTRY = Entry("1", "alice@example.test", ("dave@partner.example.test", "erin@partner.example.test"), 24)
DAVE, ERIN = ENTRY.recipients
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class TestSettle:
    def test_done(self) -> None:
        assert settle(ENTRY, {DAVE: "250 2.0.0 OK", ERIN: "251 OK"}, 0, [1]) == (None, {})

    def test_each_recipient_for_herself(self) -> None:
        left, failed = settle(ENTRY, {DAVE: "451 4.3.0 later", ERIN: "550 5.1.1 no"}, 100, [7, 9])
        assert failed == {ERIN: "550 5.1.1 no"}
        assert left is not None and (left.recipients, left.attempts, left.due) == ((DAVE,), 1, 107)
        assert left.reply == "451 4.3.0 later" and left.id == ENTRY.id

    def test_gives_up_after_the_schedule(self) -> None:
        entry: Entry | None = ENTRY
        dues = []
        for _ in range(2):
            assert entry is not None
            entry, failed = settle(entry, dict.fromkeys(entry.recipients, "421 busy"), 0, [7, 9])
            assert entry is not None and not failed
            dues.append(entry.due)
        assert dues == [7, 9]
        assert settle(entry, {DAVE: "421 busy", ERIN: "250"}, 0, [7, 9]) == (None, {DAVE: "421 busy"})

    @pytest.mark.parametrize("reply", ["", "garbage", "354 go on", "1xx"])
    def test_what_makes_no_sense_is_tried_again(self, reply: str) -> None:
        left, failed = settle(ENTRY, {DAVE: reply, ERIN: "250"}, 0, [1])
        assert left is not None and left.recipients == (DAVE,) and not failed


@given(st.binary(max_size=200), st.text(max_size=20), st.lists(st.text(max_size=20), max_size=4))
def test_a_file_gives_back_what_was_put_into_it(content: bytes, sender: str, recipients: list[str]) -> None:
    entry = Entry("00af", sender, tuple(recipients), len(content), 2, 17.5, "451 4.4.1 x\ny")
    assert unpack(pack(entry, content)) == (entry, content)


@given(st.binary(max_size=100) | st.sampled_from([b"{}\n", b"[]\n", b'{"id": 1}\nx', b"null\n"]))
def test_a_broken_file_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError):
        unpack(data)


@pytest.mark.parametrize(
    ("content", "count"),
    [
        (b"", 0),
        (b"Received: from a\r\n\tby b\r\nRECEIVED : x\r\nX-Received: y\r\nReceived-SPF: z\r\n\r\nbody\r\n", 2),
        (b"Subject: Received: x\r\n\r\nReceived: x\r\n", 0),
        (b"Received: x\r\n" * 30, 30),
    ],
)
def test_hops(content: bytes, count: int) -> None:
    assert hops(content) == count


class TestBounce:
    CONTENT = b"Received: from x\r\nSubject: hello\r\nFrom: alice@example.test\r\n\r\nsecret body\r\n"

    def parsed(self, content: bytes = CONTENT) -> email.message.EmailMessage:
        failed = {DAVE: "550 5.1.1 no such user here", ERIN: "451 4.4.1 no answer from the next server: timed out"}
        data = bounce("mail.example.test", "alice@example.test", failed, content, NOW)
        assert b"\n" not in data.replace(b"\r\n", b"") and b"\r" not in data.replace(b"\r\n", b"")
        message = email.message_from_bytes(data, policy=email.policy.default)
        assert not message.defects
        assert isinstance(message, email.message.EmailMessage)
        return message

    def test_is_a_report_of_rfc_3464(self) -> None:
        message = self.parsed()
        assert message.get_content_type() == "multipart/report"
        assert message.get_param("report-type") == "delivery-status"
        assert message["To"] == "alice@example.test" and message["Auto-Submitted"] == "auto-replied"
        words, report, header = message.iter_parts()
        assert DAVE in words.get_content() and "no such user here" in words.get_content()
        whole, *each = report.get_payload()
        assert whole["Reporting-MTA"] == "dns; mail.example.test"
        assert [part["Status"] for part in each] == ["5.1.1", "5.4.7"]
        assert [part["Final-Recipient"] for part in each] == [f"rfc822; {DAVE}", f"rfc822; {ERIN}"]
        assert each[0]["Diagnostic-Code"] == "smtp; 550 5.1.1 no such user here"
        assert header.get_content_type() == "text/rfc822-headers"
        assert "Subject: hello" in header.get_payload() and "secret body" not in message.as_string()

    @pytest.mark.parametrize(
        "header", [b"Subject: \xff\xfe\r\n", b"--undelivered--\r\n--undelivered---\r\n", b"", b"x"]
    )
    def test_a_strange_mail_breaks_nothing(self, header: bytes) -> None:
        assert len(list(self.parsed(header + b"\r\n\r\nbody").iter_parts())) == 3


class TestSpool:
    def test_whole_or_not_at_all(self, tmp_path: Path) -> None:
        spool = Spool(tmp_path / "a" / "b")
        spool.keep("2", b"two")
        spool.keep("1", b"one")
        spool.keep("1", b"one, anew")
        (tmp_path / "a" / "b" / "3.tmp").write_bytes(b"half of thr")
        assert spool.names() == ["1", "2"]
        again = Spool(tmp_path / "a" / "b")
        assert again.names() == ["1", "2"] and again.read("1") == b"one, anew"
        assert not (tmp_path / "a" / "b" / "3.tmp").exists()
        again.drop("1")
        again.drop("1")
        assert again.names() == ["2"]

    def test_a_maildrop_is_the_same_after_a_restart(self, tmp_path: Path) -> None:
        start = [b"one\r\n", b"two\r\n"]
        drop = Maildrop(start, Spool(tmp_path))
        drop.deliver(b"three\r\n")
        drop.remove(drop.messages[:1])
        again = Maildrop(start, Spool(tmp_path))
        assert [(m.content, m.uid) for m in again.messages] == [(m.content, m.uid) for m in drop.messages]
        assert [m.content for m in again.messages] == [b"two\r\n", b"three\r\n"]
        again.deliver(b"four\r\n")
        assert again.messages[-1].uid.startswith("4.")
        again.reset()
        assert [m.content for m in Maildrop([b"never seen"], Spool(tmp_path)).messages] == start

    def test_an_emptied_maildrop_stays_empty(self, tmp_path: Path) -> None:
        drop = Maildrop([b"one\r\n"], Spool(tmp_path))
        drop.remove(drop.messages)
        again = Maildrop([b"one\r\n"], Spool(tmp_path))
        assert again.messages == []
        again.deliver(b"two\r\n")
        assert again.messages[0].uid.startswith("2.")


class Place:
    """A delivery with a relay that nobody empties."""

    def __init__(self, folder: Path) -> None:
        self.log = EventLog()
        self.store = Store("example.test", {"alice": "", "bob": ""})
        self.delivery = Delivery(self.store, self.log, "mail.example.test")
        self.relay = Relay(
            Spool(folder), NextHop(("192.0.2.53", 25)), "mail.example.test", self.log, self.delivery.give_back
        )
        self.delivery.relay = self.relay

    def take(self, sender: str, *recipients: str) -> tuple[str, str]:
        return self.delivery.take(sender, recipients, lambda to: f"Received: for {to}\r\n".encode(), b"\r\nhi\r\n")

    @property
    def texts(self) -> list[str]:
        return [event.text for event in self.log.events]


class TestDelivery:
    def test_one_copy_each(self, tmp_path: Path) -> None:
        place = Place(tmp_path)
        to = ("bob@example.test", DAVE, "BOB@example.test", "dave@PARTNER.example.test", "Dave@partner.example.test")
        reply, names = place.take("a@b.test", *to)
        assert reply == "250 2.0.0 taken, will be passed on" and names == f"bob, {DAVE}, Dave@partner.example.test"
        (entry,) = place.relay.entries.values()
        assert entry.recipients == (DAVE, "Dave@partner.example.test")  # a local part's case is the other's business
        assert unpack((tmp_path / entry.id).read_bytes())[1] == b"Received: for \r\n\r\nhi\r\n"
        assert len(place.store.maildrops["bob"].messages) == 1

    def test_a_full_queue_takes_nothing(self, tmp_path: Path) -> None:
        place = Place(tmp_path)
        place.relay.entries = {str(n): ENTRY for n in range(MAX_WAITING)}
        assert place.delivery.refusal(DAVE, relay=True).startswith("452 4.3.1")
        assert place.take("a@b.test", "bob@example.test", DAVE)[0].startswith("452 4.3.1")
        assert place.store.maildrops["bob"].messages == []  # she'll send it again, to both
        with pytest.raises(QueueFull):
            place.relay.accept("", [DAVE], b"")

    def test_a_full_maildrop_among_others_is_told(self, tmp_path: Path) -> None:
        place = Place(tmp_path)
        bob, alice = (place.store.maildrops[user] for user in ("bob", "alice"))
        for _ in range(32):
            bob.deliver(b"x" * (MAX_MESSAGE - 3) + b"\r\n")
        assert place.delivery.refusal("bob@example.test", relay=False).startswith("452 4.2.2")
        # Nobody asked at RCPT, or it was filled since:
        assert place.take("alice@example.test", "bob@example.test")[0].startswith("452 4.2.2")
        assert place.take("alice@example.test", "bob@example.test", DAVE)[0].startswith("250 ")
        assert len(bob.messages) == 32 and len(place.relay.entries) == 1
        assert b"Status: 5.2.2" in alice.messages[-1].content and DAVE.encode() not in alice.messages[-1].content

    def test_no_bounce_for_a_bounce_nor_for_nobody(self, tmp_path: Path) -> None:
        place = Place(tmp_path)
        place.delivery.give_back("", {DAVE: "550 no"}, b"")
        place.delivery.give_back("nobody@example.test", {DAVE: "550 no"}, b"")
        assert not place.relay.entries and all(not drop.messages for drop in place.store.maildrops.values())
        assert place.texts == [f"gave up a bounce to <{DAVE}>", f"gave up mail to <{DAVE}>; its sender "
                               "<nobody@example.test> doesn't exist"]  # fmt: skip

    def test_a_bounce_to_elsewhere_waits_in_the_queue(self, tmp_path: Path) -> None:
        place = Place(tmp_path)
        place.delivery.give_back("eve@elsewhere.test", {DAVE: "550 no"}, b"Subject: x\r\n\r\n")
        (entry,) = place.relay.entries.values()
        assert (entry.sender, entry.recipients) == ("", ("eve@elsewhere.test",))

    def test_a_file_that_is_none_is_passed_over(self, tmp_path: Path, capsys) -> None:
        (tmp_path / "0001").write_bytes(b"rubbish")
        place = Place(tmp_path)
        assert not place.relay.entries and "0001 is" in capsys.readouterr().err


def test_the_limit_of_hops_is_sendmails() -> None:
    assert MAX_HOPS == 25
