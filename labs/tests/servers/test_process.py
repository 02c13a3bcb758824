"""The server process: start, commands, its end, and what strangers can't do to it."""

from __future__ import annotations

import base64
import json
import os
import poplib
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from maillab.servers.listen import MAX_CONNECTIONS
from maillab.student import Student

ALICE = Student("test").password("alice")


def pop3(server, user: str = "alice") -> poplib.POP3:
    return poplib.POP3("127.0.0.1", server.ports["pop3"], timeout=10)


def test_ready_and_only_what_was_asked_for(server_process: Callable) -> None:
    server = server_process(ports={"pop3": 0})
    assert server.ready == {"ready": True, "ports": {"pop3": server.ports["pop3"]}}
    assert server.ports["pop3"] > 0


def test_start_is_quick(server_process: Callable) -> None:
    """0.12 s on an idle machine; the best of three and a wide margin here, because test machines are busy."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        server_process()
        times.append(time.perf_counter() - start)
    assert min(times) < 1.5


def test_heavy_packages_stay_out() -> None:
    code = "import sys, maillab.servers.process; print({'scapy', 'matplotlib', 'ipywidgets'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"allow": ["everything"]}, "no switch is called 'everything': choose from plaintext_login, apop, cram_md5,"),
        (
            {"ports": {"imap": 0}},
            "no service is called 'imap': choose from smtp, pop3, submission, pop3s, submissions.",
        ),
        ({"ports": 3}, 'the configuration needs "host", "address" and "ports"'),
        ({"address": "192.0.2.25"}, "port 0 on 192.0.2.25 (pop3) can't be opened, this machine has no such address"),
        ({"ports": {"pop3": 70_000}}, "port 70000 on 127.0.0.1 (pop3) can't be opened"),
    ],
)
def test_a_wrong_configuration_is_one_sentence(server_process: Callable, changes: dict, sentence: str) -> None:
    server = server_process(**changes)
    assert server.ready["error"].startswith(sentence)
    assert server.child.wait(5) == 1


def test_not_json() -> None:
    done = subprocess.run([sys.executable, "-m", "maillab.servers"], input=b"hello\n", capture_output=True, timeout=20)
    assert json.loads(done.stdout) == {"error": "a line on stdin has to be one JSON object."}
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_busy_port_names_the_program(server_process: Callable) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = server_process(ports={"smtp": 0, "pop3": port})
        sentence = server.ready["error"]
        assert sentence.startswith(f"port {port} on 127.0.0.1 (pop3) is busy: close the program that uses it")
        if sys.platform == "linux":
            assert f", process {os.getpid()})" in sentence
        assert server.child.wait(5) == 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="not in CI: needs root, to become nobody")
def test_a_forbidden_port() -> None:
    limit = open("/proc/sys/net/ipv4/ip_unprivileged_port_start").read()  # noqa: PTH123, SIM115
    if int(limit) <= 110:
        pytest.skip("not in CI: this system lets everybody open port 110")
    config = json.dumps({"host": "mail", "address": "127.0.0.1", "ports": {"pop3": 110}}).encode() + b"\n"
    argv = [sys.executable, "-m", "maillab.servers"]
    try:
        done = subprocess.run(argv, input=config, capture_output=True, timeout=20, user="nobody", cwd="/")
    except PermissionError:
        pytest.skip("not in CI: this Python can't be run by an ordinary user")
    if not done.stdout:
        pytest.skip("not in CI: this Python can't be run by an ordinary user")
    sentence = json.loads(done.stdout)["error"]
    assert sentence.startswith("port 110 on 127.0.0.1 (pop3) may not be opened by this user: choose a port from 1024")
    assert done.returncode == 1


def test_end_of_stdin_ends_it_at_once(server_process: Callable) -> None:
    server = server_process()
    pop = pop3(server)  # a session that is open doesn't keep it
    start = time.perf_counter()
    assert server.stop() == 0
    assert time.perf_counter() - start < 1
    pop.close()


@pytest.mark.skipif(os.name != "posix", reason="not in CI: Windows has no SIGINT to send to a child")
def test_interrupt_does_nothing(server_process: Callable) -> None:
    server = server_process()
    server.child.send_signal(signal.SIGINT)
    assert server.ask({"do": "ping"}) == {"ok": True}


def test_commands(server_process: Callable) -> None:
    server = server_process()
    mail = base64.b64encode(b"Subject: by hand\r\n\r\nx\r\n").decode()
    assert server.ask({"do": "deliver", "user": "bob", "mail": mail}) == {"ok": True}
    rows = server.ask({"do": "mails", "user": "bob"})["mails"]
    assert len(rows) == 4 and rows[-1]["mail"] == mail and rows[-1]["size"] == 23 and rows[-1]["uid"]
    pop = pop3(server)
    pop.user("alice")
    pop.pass_(ALICE)
    pop.quit()
    events = server.ask({"do": "log"})["events"]
    assert set(events[0]) == {"time", "service", "client", "text"} and events[0]["service"] == "pop3"
    assert abs(events[0]["time"] - time.time()) < 60 and events[0]["client"].startswith("127.0.0.1:")
    assert ALICE not in str(events)
    assert server.ask({"do": "reset"}) == {"ok": True}
    assert len(server.mails("bob")) == 3 and server.texts() == []


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"do": "dance"}, "no command is called 'dance': choose from allow, deliver, fix,"),
        ({}, "no command is called None"),
        ({"do": ["ping"]}, "no command is called ['ping']"),
        ({"do": "mails"}, '"mails" needs "user" in the same line.'),
        ({"do": "mails", "user": "eve"}, "no user is called 'eve': choose from alice, bob, carol."),
        ({"do": "mails", "user": ["eve"]}, "no user is called ['eve']"),
        ({"do": "deliver", "user": "bob", "mail": "!"}, ""),
        ({"do": "allow", "switches": ["x"]}, "no switch is called 'x'"),
        ({"do": "allow", "switches": 3}, ""),
    ],
)
def test_wrong_commands_are_one_sentence(mail_host, request_: dict, sentence: str) -> None:
    answer = mail_host.ask(request_)
    assert list(answer) == ["error"] and answer["error"].startswith(sentence)
    assert mail_host.ask({"do": "ping"}) == {"ok": True}


def test_another_host_with_its_own_domain(server_process: Callable) -> None:
    """How mx will run: its own users, no mail to start with."""
    server = server_process(host="mx", domain="elsewhere.test", accounts={"dave": "pw"}, ports={"smtp": 0})
    with socket.create_connection(("127.0.0.1", server.ports["smtp"]), timeout=10) as sock:
        assert sock.recv(100) == b"220 mx.elsewhere.test ESMTP ready\r\n"
        sock.sendall(b"EHLO mail\r\nMAIL FROM:<a@example.test>\r\nRCPT TO:<dave@elsewhere.test>\r\n")
        sock.sendall(b"DATA\r\nhi\r\n.\r\nQUIT\r\n")
        while sock.recv(4096):
            pass
    assert len(server.mails("dave")) == 1


class TestStrangers:
    @pytest.mark.skipif(sys.platform != "linux", reason="not in CI: memory is read from /proc")
    @pytest.mark.parametrize("service", ["pop3", "smtp", "submission"])
    @pytest.mark.parametrize("kind", ["random", "one endless line", "lines"])
    def test_ten_megabytes_of_rubbish(self, server_process: Callable, service: str, kind: str) -> None:
        server = server_process()
        junk = {
            "random": random.Random(1).randbytes(10_000_000),
            "one endless line": b"A" * 10_000_000,
            "lines": b"NOOP\r\n" * 100_000,
        }[kind]
        before = server.rss
        with socket.create_connection(("127.0.0.1", server.ports[service]), timeout=30) as sock:
            sock.setblocking(False)
            received = _push(sock, junk)
        assert server.rss - before < 12_000_000
        if service == "pop3" and kind == "random":
            assert received.count(b"\r\n") == 2 and b"\r\n-ERR a line " in received
        if service == "pop3" and kind == "one endless line":
            assert received.endswith(b"\r\n-ERR a line here has at most 255 octets; closing\r\n")
        pop3(server).quit()
        assert server.ask({"do": "ping"}) == {"ok": True}

    def test_too_many_connections(self, server_process: Callable) -> None:
        server = server_process()
        for service, sentence in (("pop3", b"-ERR [SYS/TEMP] too many"), ("smtp", b"421 4.3.2 ")):
            held = [
                socket.create_connection(("127.0.0.1", server.ports[service]), timeout=10)
                for _ in range(MAX_CONNECTIONS)
            ]
            assert all(sock.recv(3) in (b"+OK", b"220") for sock in held)
            with socket.create_connection(("127.0.0.1", server.ports[service]), timeout=10) as sock:
                assert sock.recv(100).startswith(sentence)
            for sock in held:
                sock.close()
            deadline = time.monotonic() + 5
            while server.texts().count("closed") < MAX_CONNECTIONS and time.monotonic() < deadline:
                time.sleep(0.05)
            with socket.create_connection(("127.0.0.1", server.ports[service]), timeout=10) as sock:
                assert sock.recv(3) in (b"+OK", b"220")
            server.ask({"do": "reset"})

    @pytest.mark.skipif(sys.platform != "linux", reason="not in CI: memory is read from /proc")
    def test_a_client_that_asks_and_never_reads(self, server_process: Callable) -> None:
        server = server_process()
        mail = base64.b64encode(b"x" * 78 + (b"\r\n" + b"x" * 78) * 10_000).decode()
        server.ask({"do": "deliver", "user": "alice", "mail": mail})
        before = server.rss
        with socket.create_connection(("127.0.0.1", server.ports["pop3"]), timeout=10) as sock:
            sock.sendall(f"USER alice\r\nPASS {ALICE}\r\n".encode() + b"RETR 4\r\n" * 2000)
            time.sleep(0.5)
            assert server.rss - before < 20_000_000
        deadline = time.monotonic() + 10
        while True:  # the lock is free again, as soon as the server has noticed
            pop = pop3(server)
            pop.user("alice")
            try:
                pop.pass_(ALICE)
                break
            except poplib.error_proto as error:
                assert b"[IN-USE]" in error.args[0] and time.monotonic() < deadline
                pop.close()
                time.sleep(0.1)
        pop.quit()


def _push(sock: socket.socket, data: bytes) -> bytes:
    """Send all of it while reading what comes back, as far as the other side lets us."""
    import select

    received, view = b"", memoryview(data)
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        readable, writable, _ = select.select([sock], [sock] if view else [], [], 2)
        try:
            if readable:
                piece = sock.recv(65_536)
                if not piece:
                    break
                received = (received + piece)[-5000:] if len(received) < 5000 else received
            if writable:
                view = view[sock.send(view[:65_536]) :]
            if not readable and not writable:
                break
        except (ConnectionResetError, BrokenPipeError):
            break
    return received
