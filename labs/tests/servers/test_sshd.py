"""The SSH server: forwarding to the lab's mail servers, and nothing else; what strangers can't do to it."""

from __future__ import annotations

import asyncio
import random
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from support import aio

from maillab.servers.listen import MAX_CONNECTIONS
from maillab.servers.ssh_keys import fingerprint, new_key
from maillab.servers.ssh_rules import SSH_SWITCHES
from maillab.servers.sshd import MAX_TRIES


def logged_in(server, what: Callable[[asyncssh.SSHClientConnection], Awaitable[Any]], **options: Any) -> Any:
    """Run ``what`` with asyncssh's own client as alice."""

    async def run() -> Any:
        options.setdefault("password", "sesame")
        options.setdefault("client_keys", None)
        async with asyncssh.connect(
            "127.0.0.1", server.ports["ssh"], known_hosts=None, config=[], username="alice", agent_path=None, **options
        ) as connection:
            return await what(connection)

    return aio.run(asyncio.wait_for(run(), 20))


async def nothing(connection: asyncssh.SSHClientConnection) -> str:
    return "in"


class TestNothingElse:
    """Whoever has logged in gets no shell, no file, and nothing that comes back."""

    @pytest.mark.parametrize(
        ("what", "words"),
        [
            (lambda c: c.run("id"), "Session refused"),
            (lambda c: c.create_process(term_type="xterm"), "Session refused"),
            (lambda c: c.start_sftp_client(), "Session refused"),
            (lambda c: c.forward_remote_port("", 0, "127.0.0.1", 9), "Failed to create remote TCP listener"),
            (lambda c: c.open_unix_connection("/var/run/docker.sock"), "Connection refused"),
            (lambda c: c.create_tun(asyncssh.SSHTunTapSession), "refused"),
        ],
        ids=["command", "shell", "files", "remote forwarding", "Unix socket", "network device"],
    )
    def test_refused(self, ssh_process: Callable, what: Callable[..., Awaitable[Any]], words: str) -> None:
        server = ssh_process()
        with pytest.raises((asyncssh.Error, asyncssh.ChannelListenError), match=words):
            logged_in(server, what)
        assert logged_in(server, nothing) == "in"

    @pytest.mark.parametrize(
        ("host", "port"), [("169.254.169.254", 80), ("::1", 110), ("mail", 6379), ("127.0.0.2", 25), ("mail\n", 25)]
    )
    def test_foreign_targets(self, ssh_process: Callable, host: str, port: int) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            server = ssh_process(routes={"mail:110": listener.getsockname()})
            with pytest.raises(asyncssh.ChannelOpenError, match="this server forwards to") as error:
                logged_in(server, lambda c: c.open_connection(host, port))
            assert error.value.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED
            listener.settimeout(0.1)
            with pytest.raises(TimeoutError):
                listener.accept()


def test_a_target_that_refuses_or_is_absent(ssh_process: Callable) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = listener.getsockname()
    server = ssh_process(routes={"mail:110": free})
    for target, words in ((("mail", 110), "no connection from bastion to mail"), (("mail", 25), "nobody listens")):
        with pytest.raises(asyncssh.ChannelOpenError, match=words) as error:
            logged_in(server, lambda c, target=target: c.open_connection(*target))
        assert error.value.code == asyncssh.OPEN_CONNECT_FAILED


class TestLoggingIn:
    def test_weaknesses_are_off(self, ssh_process: Callable) -> None:
        server = ssh_process()
        assert set(SSH_SWITCHES) == {"accept_anyone", "keep_passwords"}
        with pytest.raises(asyncssh.PermissionDenied):
            logged_in(server, nothing, password="wrong")
        assert server.ask({"do": "passwords"}) == {"ok": True, "passwords": []}

    def test_with_weaknesses_on(self, ssh_process: Callable) -> None:
        server = ssh_process(allow=["accept_anyone", "keep_passwords"])
        assert logged_in(server, nothing, password="wrong") == "in"
        assert server.ask({"do": "passwords"})["passwords"] == [["alice", "wrong"]]

    def test_tries_are_limited(self, ssh_process: Callable) -> None:
        server = ssh_process()

        class Guesser(asyncssh.SSHClient):
            tried = 0

            def password_auth_requested(self) -> str:
                Guesser.tried += 1
                return f"guess {Guesser.tried}"

        with pytest.raises(asyncssh.Error, match="too many wrong passwords"):
            logged_in(server, nothing, client_factory=Guesser, password=None)
        assert Guesser.tried == MAX_TRIES and "guess" not in str(server.texts())

    def test_keys(self, ssh_process: Callable) -> None:
        mine, other = new_key(), new_key()
        server = ssh_process(keys={"alice": [mine.public]})

        def enter(pair):
            keys = [asyncssh.import_private_key(pair.private)]
            return logged_in(server, nothing, client_keys=keys, password=None)

        assert enter(mine) == "in"
        with pytest.raises(asyncssh.PermissionDenied):
            enter(other)
        assert server.ask({"do": "authorize", "user": "alice", "key": other.public}) == {"ok": True}
        assert enter(other) == "in"
        assert f"alice logged in with the key {fingerprint(other.public)}" in server.texts()

    def test_no_such_user(self, ssh_process: Callable) -> None:
        server = ssh_process(accounts={"bob": "sesame"})
        with pytest.raises(asyncssh.PermissionDenied):
            logged_in(server, nothing)
        assert "login refused: no such user" in server.texts()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"allow": ["everything"]}, "no switch is called 'everything': choose from accept_anyone, keep_passwords."),
        ({"ports": {}}, 'the configuration needs "host", "address", "ports", "accounts", "keys" and "routes"'),
        ({"routes": {"mail:110": 3}}, "the configuration needs"),
        ({"keys": {"alice": ["no key"]}}, "the configuration needs"),
        ({"address": "192.0.2.22"}, "port 0 on 192.0.2.22 (ssh) can't be opened, this machine has no such address"),
        ({"ports": {"ssh": 70_000}}, "port 70000 on 127.0.0.1 (ssh) can't be opened"),
    ],
)
def test_a_wrong_configuration_is_one_sentence(ssh_process: Callable, changes: dict, sentence: str) -> None:
    server = ssh_process(**changes)
    assert server.ready["error"].startswith(sentence)
    assert server.child.wait(5) == 1


def test_a_busy_port(ssh_process: Callable) -> None:
    port = ssh_process().ports["ssh"]
    assert ssh_process(ports={"ssh": port}).ready["error"].startswith(f"port {port} on 127.0.0.1 (ssh) is busy")


def test_a_new_host_key_each_time(ssh_process: Callable) -> None:
    keys = [ssh_process().ask({"do": "key"})["key"] for _ in range(2)]
    assert keys[0] != keys[1] and all(key.startswith("ssh-ed25519 ") for key in keys)
    # as asyncssh shows it, too
    assert [fingerprint(key) for key in keys] == [asyncssh.import_public_key(key).get_fingerprint() for key in keys]


def descriptors(server) -> int:
    return len(list(Path(f"/proc/{server.child.pid}/fd").iterdir()))


class TestStrangers:
    @pytest.mark.skipif(sys.platform != "linux", reason="not in CI: memory is read from /proc")
    def test_two_hundred_garbage_connections(self, ssh_process: Callable) -> None:
        server = ssh_process()
        chance = random.Random(1)
        alone = descriptors(server)
        logged_in(server, nothing)
        while descriptors(server) != alone:  # it is gone only after it was logged as closed
            time.sleep(0.05)
        before, opened = server.rss, alone
        junk = [
            b"", b"GET / HTTP/1.0\r\n\r\n", b"SSH-2.0-x\r\n", b"SSH-1.5-old\r\n", b"\0" * 5000, b"A" * 100_000,
            b"SSH-2.0-x\r\n" + bytes(5000), b"\x16\x03\x01\x02\x00", b"USER alice\r\nPASS sesame\r\n",
        ]  # fmt: skip

        def throw(data: bytes) -> None:
            try:
                with socket.create_connection(("127.0.0.1", server.ports["ssh"]), timeout=10) as sock:
                    sock.sendall(data)
                    sock.shutdown(socket.SHUT_WR)
                    while sock.recv(4096):
                        pass
            except OSError:
                pass  # the server broke off

        for _ in range(10):
            pieces = [chance.choice([*junk, chance.randbytes(3000)]) for _ in range(20)]
            threads = [threading.Thread(target=throw, args=(piece,)) for piece in pieces]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(20)
                assert not thread.is_alive()
        assert logged_in(server, nothing) == "in"
        deadline = time.monotonic() + 5
        while server.texts().count("closed") < 202 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert server.texts().count("closed") == server.texts().count("connected") == 202
        assert "sesame" not in str(server.texts())
        while descriptors(server) != opened and time.monotonic() < deadline:
            time.sleep(0.05)
        assert descriptors(server) == opened and server.rss - before < 20_000_000

    def test_too_many_connections(self, ssh_process: Callable) -> None:
        server = ssh_process()
        address = ("127.0.0.1", server.ports["ssh"])
        held = [socket.create_connection(address, timeout=10) for _ in range(MAX_CONNECTIONS)]
        assert all(sock.recv(4) == b"SSH-" for sock in held)
        with socket.create_connection(address, timeout=10) as sock:
            assert b"\0" not in b"".join(iter(lambda: sock.recv(4096), b""))  # not even a key exchange begins
        for sock in held:
            sock.close()
        deadline = time.monotonic() + 5
        while server.texts().count("closed") <= MAX_CONNECTIONS and time.monotonic() < deadline:
            time.sleep(0.05)
        assert logged_in(server, nothing) == "in"

    def test_vanishing_in_the_middle(self, ssh_process: Callable) -> None:
        """The target sees the end of the connection when the client is gone."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(10)
            server = ssh_process(routes={"mail:110": listener.getsockname()})

            async def open_and_go(connection: asyncssh.SSHClientConnection) -> None:
                await connection.open_connection("mail", 110)
                connection.abort()

            logged_in(server, open_and_go)
            sock, _ = listener.accept()
            with sock:
                sock.settimeout(10)
                assert sock.recv(10) == b""
