"""Who may send what to whom: the table, and the same answers from a real server, for every combination."""

from __future__ import annotations

import contextlib
import itertools
import poplib
import smtplib
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.programs import run

from maillab.servers import Switches
from maillab.servers.policy import RULES, Envelope, is_mailbox, judge
from maillab.servers.store import Store
from maillab.student import Student

ALICE = Student("test").password("alice")
STORE = Store("example.test", {user: "" for user in Student().accounts})
POLICIES = (
    (),
    ("open_relay",),
    ("sender_check",),
    ("open_relay", "sender_check"),
    ("pop_before_smtp",),
    ("pop_before_smtp", "sender_check"),
)
POPPED = {"never": None, "lately": 3.0, "long ago": 601.0}
SERVICES = ("smtp", "submission")
LOGINS = (None, "alice")
SENDERS = {"own": "alice@example.test", "forged": "bob@example.test", "foreign": "eve@elsewhere.test", "null": ""}
RECIPIENTS = {"known": "bob@example.test", "unknown": "nobody@example.test", "partner": "dave@partner.example.test"}


@contextlib.contextmanager
def session(server, service: str, username: str | None) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP("127.0.0.1", server.ports[service], "laptop", timeout=10) as smtp:
        smtp.ehlo()
        if username:
            smtp.login(username, ALICE)
        yield smtp


def fetch(server) -> None:
    """What opens the window."""
    pop3 = poplib.POP3("127.0.0.1", server.ports["pop3"], timeout=10)
    pop3.user("alice")
    pop3.pass_(ALICE)
    pop3.quit()


def reply_of(smtp: smtplib.SMTP, *command: str) -> str:
    code, text = smtp.docmd(*command)
    return f"{code} {text.decode()}"


def on_the_wire(server, case: Envelope) -> str:
    """The reply that decides: to MAIL if that refuses, to RCPT otherwise."""
    with session(server, case.service, case.username) as smtp:
        reply = reply_of(smtp, "MAIL", f"FROM:<{case.sender}>")
        return reply_of(smtp, "RCPT", f"TO:<{case.recipient}>") if reply.startswith("250") else reply


@pytest.fixture
def mail(forwarding):
    """A server that relays, strict again after each test."""
    server, _ = forwarding

    def allow(*switches: str):
        assert "error" not in server.ask({"do": "allow", "switches": ["plaintext_login", *switches]})
        return server

    yield allow
    allow()


@pytest.mark.parametrize("popped", POPPED)
@pytest.mark.parametrize("username", LOGINS)
@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: "+".join(policy) or "strict")
def test_every_combination_on_the_wire_is_what_the_table_says(mail, policy, service, username, popped) -> None:
    server, switches = mail(*policy), Switches(policy)
    server.ask({"do": "reset"})
    if POPPED[popped] is not None:
        fetch(server)
        server.ask({"do": "forward", "seconds": POPPED[popped]})
    for sender, recipient in itertools.product(SENDERS.values(), RECIPIENTS.values()):
        case = Envelope("127.0.0.1", username, sender, recipient, service, POPPED[popped])
        assert on_the_wire(server, case) == judge(case, STORE, switches).reply, case


def accepted(policy: tuple[str, ...], service: str, username: str | None) -> set[tuple[str, str]]:
    """What is taken, as (sender, recipient)."""
    return {
        (sender, recipient)
        for sender, recipient in itertools.product(SENDERS, RECIPIENTS)
        if judge(
            Envelope("192.0.2.66", username, SENDERS[sender], RECIPIENTS[recipient], service), STORE, Switches(policy)
        ).accepted
    }


def test_the_table_in_other_words() -> None:
    """What each policy comes to, written down once more, independently of the rules."""
    to_us = {(sender, "known") for sender in SENDERS}
    for policy in POLICIES:
        assert accepted(policy, "submission", None) == set()
        for service in SERVICES:
            hers = {(sender, to) for sender in ("own", "null") for to in ("known", "partner")}
            assert accepted(policy, service, "alice") == hers
    assert accepted((), "smtp", None) == to_us
    assert accepted(("open_relay",), "smtp", None) == to_us | {(sender, "partner") for sender in SENDERS}
    claimed = {("own", "partner"), ("forged", "partner")}
    assert accepted(("sender_check",), "smtp", None) == to_us | claimed


def test_a_verdict_names_its_rule_and_each_rule_can_decide() -> None:
    seen = set()
    odd = {"bad": "eve", "bad to": "eve"}
    for policy, service, username, popped in itertools.product(POLICIES, SERVICES, LOGINS, POPPED.values()):
        for sender, recipient in itertools.product({**SENDERS, **odd}.values(), {**RECIPIENTS, **odd}.values()):
            verdict = judge(Envelope("", username, sender, recipient, service, popped), STORE, Switches(policy))
            seen.add(verdict.rule)
            assert verdict.relay == (verdict.accepted and recipient == RECIPIENTS["partner"])
    assert seen == {rule.name for rule in RULES}
    assert all(rule.says and rule.reply[3] == " " and rule.reply[5] == "." for rule in RULES)


@given(
    st.text(alphabet='dave@%!:,"<>. \\()[]', max_size=30).map(lambda left: left + "@example.test")
    | st.text(max_size=40)
    | st.from_regex(r'[@a-z".%!,:<>]{0,30}partner\.example\.test[@a-z".%!,:<>]{0,20}', fullmatch=True)
)
def test_a_stranger_gets_nothing_past_a_strict_server(address: str) -> None:
    case = Envelope("192.0.2.66", None, "eve@elsewhere.test", address)
    verdict = judge(case, STORE, Switches())
    assert not verdict.relay
    assert not address or not verdict.accepted or STORE.local_user(address) is not None
    claim = Envelope("192.0.2.66", None, address, "dave@partner.example.test")
    if judge(claim, STORE, Switches(["sender_check"])).accepted:
        assert address.lower().endswith("@example.test") and is_mailbox(address)


def test_the_log_names_the_rule_that_let_it_pass(mail) -> None:
    server = mail("open_relay")
    server.ask({"do": "reset"})
    on_the_wire(server, Envelope("", None, "eve@elsewhere.test", "dave@partner.example.test"))
    assert "lets mail from <eve@elsewhere.test> to <dave@partner.example.test> pass: open relay" in server.texts()


def test_without_its_switch_a_pop3_log_in_opens_nothing() -> None:
    case = Envelope("192.0.2.10", None, "alice@example.test", "dave@partner.example.test", popped=3.0)
    assert judge(case, STORE, Switches()).reply == "550 5.7.1 relaying denied"


EXAMPLES = [
    (policy, Envelope("127.0.0.1", username, sender, recipient, service))
    for policy, username, sender, recipient, service in [
        ((), None, "eve@elsewhere.test", "bob@example.test", "smtp"),
        ((), None, "eve@elsewhere.test", "nobody@example.test", "smtp"),
        ((), None, "alice@example.test", "dave@partner.example.test", "smtp"),
        ((), None, "alice@example.test", "bob@example.test", "submission"),
        ((), "alice", "alice@example.test", "dave@partner.example.test", "submission"),
        ((), "alice", "bob@example.test", "dave@partner.example.test", "submission"),
        ((), "alice", "", "dave@partner.example.test", "submission"),
        (("open_relay",), None, "eve@elsewhere.test", "dave@partner.example.test", "smtp"),
        (("sender_check",), None, "bob@example.test", "dave@partner.example.test", "smtp"),
        (("sender_check",), None, "eve@elsewhere.test", "dave@partner.example.test", "smtp"),
    ]
]


@pytest.mark.parametrize(("policy", "case"), EXAMPLES)
class TestOtherClients:
    """swaks and curl get what smtplib gets."""

    def test_swaks(self, mail, policy, case: Envelope) -> None:
        server = mail(*policy)
        login = ["--auth", "PLAIN", "--auth-user", "alice", "--auth-password", ALICE] if case.username else []
        where = f"--server 127.0.0.1 --port {server.ports[case.service]} --helo laptop --timeout 10 --quit-after RCPT"
        got = run("swaks", *where.split(), *login, "--from", case.sender or "<>", "--to", case.recipient)
        replies = [line[4:] for line in got.stdout.decode().splitlines() if line.startswith(("<- ", "<**"))]
        assert on_the_wire(server, case) in replies, got.stdout

    def test_curl(self, mail, policy, case: Envelope) -> None:
        server = mail(*policy)
        login = ["-u", f"alice:{ALICE}", "--login-options", "AUTH=PLAIN"] if case.username else []
        envelope = ["--mail-from", case.sender, "--mail-rcpt", case.recipient]
        url = f"smtp://127.0.0.1:{server.ports[case.service]}/laptop"
        got = run("curl", "-q", "-sSv", *login, *envelope, "-T", "-", url, stdin=b"Subject: x\r\n\r\nhi\r\n")
        replies = [line[2:] for line in got.stderr.decode().splitlines() if line.startswith("< ")]
        reply = on_the_wire(server, case)
        assert reply in replies, got.stderr
        assert (got.returncode == 0) == reply.startswith("250")


def test_a_pipelining_client(mail) -> None:
    """RFC 2920: one segment, and a reply for each command, in order, refused recipients among them."""
    server = mail()
    recipients = ["bob@example.test", "dave@partner.example.test", "nobody@example.test", "carol@example.test"]
    lines = ["EHLO x", "MAIL FROM:<eve@elsewhere.test>", *(f"RCPT TO:<{to}>" for to in recipients)]
    lines += ["DATA", "Subject: x", "", "hi", ".", "RSET", "MAIL FROM:<>", f"RCPT TO:<{recipients[1]}>", "DATA", "QUIT"]
    with socket.create_connection(("127.0.0.1", server.ports["smtp"]), timeout=10) as sock:
        sock.sendall("".join(f"{line}\r\n" for line in lines).encode())
        with sock.makefile("rb") as file:
            replies = [line.decode().rstrip() for line in file if line[3:4] == b" "]
    assert replies[2:8] == [
        "250 2.1.0 OK",
        "250 2.1.5 OK",
        "550 5.7.1 relaying denied",
        "550 5.1.1 no such user here",
        "250 2.1.5 OK",
        "354 End data with <CR><LF>.<CR><LF>",
    ]
    assert [reply[:3] for reply in replies[8:]] == ["250", "250", "250", "550", "503", "221"]


TRICKS = {
    "@partner.example.test:dave@partner.example.test": "550 5.7.1 relaying denied",
    "@example.test:dave@partner.example.test": "550 5.7.1 relaying denied",
    "@example.test,@mail.example.test:dave@partner.example.test": "550 5.7.1 relaying denied",
    "dave%partner.example.test@example.test": "550 5.1.1 no such user here",
    '"dave@partner.example.test"@example.test': "550 5.1.1 no such user here",
    '"dave%partner.example.test"@example.test': "550 5.1.1 no such user here",
    "partner.example.test!dave@example.test": "550 5.1.1 no such user here",
    "partner.example.test!dave": "553 5.1.3 that is no address with a domain",
    "dave%partner.example.test": "553 5.1.3 that is no address with a domain",
    "dave@partner.example.test@example.test": "55",
    "@example.test:@partner.example.test:dave": "55",
    "dave@example.test.": "55",
    "dave@partner.example.test(@example.test)": "550 5.7.1 relaying denied",
    "dave@[192.0.2.53]": "550 5.7.1 relaying denied",
    "dave@postmaster": "550 5.7.1 relaying denied",
    "postmaster@partner.example.test": "550 5.7.1 relaying denied",
    '"postmaster@partner.example.test"': "55",
    "@": "55",
    "@example.test": "55",
    "x" * 300 + "@partner.example.test": "55",
}


class TestTricks:
    """RFC 5321 section 4.1.1.3, appendices C and F.2: old ways to write a route into an address lead nowhere."""

    @pytest.mark.parametrize("policy", [(), ("sender_check",)], ids=["strict", "sender_check"])
    @pytest.mark.parametrize("recipient", TRICKS)
    def test_none_of_them_gets_past_the_policy(self, mail, policy, recipient: str) -> None:
        server = mail(*policy)
        with session(server, "smtp", None) as smtp:
            smtp.mail("eve@elsewhere.test")
            assert reply_of(smtp, "RCPT", f"TO:<{recipient}>").startswith(TRICKS[recipient])
            assert smtp.docmd("DATA")[0] == 503

    @pytest.mark.parametrize(
        "sender",
        [
            "bob@postmaster", "postmaster", "@example.test:eve@elsewhere.test", '"@example.test"', "",
            "dave@partner.example.test", "eve@notexample.test", "eve@mail.example.test", '"bob@example.test"@a.test',
        ],
    )  # fmt: skip
    def test_nor_do_senders_that_only_look_like_ours(self, mail, sender: str) -> None:
        server = mail("sender_check")
        with session(server, "smtp", None) as smtp:
            smtp.docmd("MAIL", f"FROM:<{sender}>")
            assert smtp.docmd("RCPT", "TO:<dave@partner.example.test>")[0] in (503, 550)

    @pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: "+".join(policy) or "strict")
    @pytest.mark.parametrize("recipient", ["dave%partner.example.test", '"dave@partner.example.test"', "partner!dave"])
    def test_what_stands_left_of_the_at_is_never_a_route(self, mail, policy, recipient: str) -> None:
        """Not for those either who may send anywhere."""
        server = mail(*policy)
        with session(server, "submission", "alice") as smtp:
            smtp.mail("alice@example.test")
            assert reply_of(smtp, "RCPT", f"TO:<{recipient}@example.test>") == "550 5.1.1 no such user here"

    def test_a_source_route_is_ignored(self, mail) -> None:
        """RFC 5321 appendix C: servers should take the address behind it."""
        server = mail()
        before = len(server.mails("bob"))
        with session(server, "smtp", None) as smtp:
            smtp.mail("eve@elsewhere.test")
            assert reply_of(smtp, "RCPT", "TO:<@a.test,@b.test:bob@example.test>") == "250 2.1.5 OK"
            smtp.data(b"Subject: routed\r\n\r\nhi\r\n")
        assert len(server.mails("bob")) == before + 1
        assert b" for <bob@example.test>;" in server.mails("bob")[-1]


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("a.b+c@d-e.test", True), ('"a \\" b"@d.test', True), ("a@[192.0.2.1]", True), ("a@[IPv6:2001:db8::1]", True),
        ("a..b@d.test", False), (".a@d.test", False), ("a@-d.test", False), ("a@d..test", False), ("a b@d.test", False),
        ("a@d.test\r\nRCPT TO:<x@y.test>", False), ("ä@d.test", False), ("a@d.test.", False), ("a@", False),
        ("a" * 245 + "@d.test", True), ("a" * 250 + "@d.test", False), ("a@" + "d-" * 120 + "-", False),
    ],
)  # fmt: skip
def test_addresses(address: str, good: bool) -> None:
    assert is_mailbox(address) is good
