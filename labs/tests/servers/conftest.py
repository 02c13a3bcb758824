"""Real server processes for the tests, and a store whose contents a transcript can quote."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from maillab.names import PORTS
from maillab.servers.certificates import issue
from maillab.servers.store import Store

FIRST = b"Subject: one\r\n\r\nHello\r\n.profile\r\n.\r\nBye\r\n"
SECOND = b"Subject: two\r\n\r\nSecond\r\n"


class ServerProcess:
    """``python -m maillab.servers`` as a child: ``.ports``, ``.ask({...})``, ``.rss`` in octets."""

    def __init__(self, config: dict[str, Any], *arguments: str) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-m", "maillab.servers", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.ready = self.ask(config)
        self.ports: dict[str, int] = self.ready.get("ports", {})

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send one line, read one line; a child that says nothing for 20 s is killed, and the test fails."""
        assert self.child.stdin and self.child.stdout
        watchdog = threading.Timer(20, self.child.kill)
        watchdog.start()
        try:
            self.child.stdin.write(json.dumps(request).encode() + b"\n")
            self.child.stdin.flush()
            return dict(json.loads(self.child.stdout.readline()))
        finally:
            watchdog.cancel()

    def mails(self, user: str) -> list[bytes]:
        """What lies in a maildrop."""
        return [base64.b64decode(row["mail"]) for row in self.ask({"do": "mails", "user": user})["mails"]]

    def texts(self) -> list[str]:
        """The log's texts."""
        return [event["text"] for event in self.ask({"do": "log"})["events"]]

    @property
    def rss(self) -> int:
        """Octets of memory the child has now (Linux)."""
        return int(Path(f"/proc/{self.child.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    @property
    def peak(self) -> int:
        """Octets of memory the child has had at most (Linux)."""
        (line,) = [
            line
            for line in Path(f"/proc/{self.child.pid}/status").read_text().splitlines()
            if line.startswith("VmHWM:")
        ]
        return int(line.split()[1]) * 1024

    def kill(self) -> None:
        """End it as a power cut would, in the middle of whatever it does."""
        self.child.kill()
        self.child.wait()

    def stop(self) -> int:
        """Close stdin, as somebody who died does, and wait."""
        assert self.child.stdin and self.child.stdout
        with contextlib.suppress(OSError):
            self.child.stdin.close()
        try:
            return self.child.wait(5)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise
        finally:
            self.child.stdout.close()


CONFIG = {
    "host": "mail",
    "address": "127.0.0.1",
    "ports": {"pop3": 0, "smtp": 0, "submission": 0},
    "student": "test",
    "allow": ["plaintext_login"],
}


@pytest.fixture
def server_process() -> Iterator[Callable[..., ServerProcess]]:
    """``server_process(allow=[], …)`` starts one; all are reaped when the test is over."""
    started: list[ServerProcess] = []

    def start(**changes: Any) -> ServerProcess:
        started.append(ServerProcess(CONFIG | changes))
        return started[-1]

    yield start
    for process in started:
        process.stop()


@pytest.fixture(scope="module")
def mail_host() -> Iterator[ServerProcess]:
    """One process for all tests of a module that don't mind each other; passwords are allowed in the clear."""
    process = ServerProcess(CONFIG)
    yield process
    process.stop()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a CA and the certificates of mail and mx."""
    folder = tmp_path_factory.mktemp("certificates")
    issue(folder, ["mail", "mx"])
    return folder


@pytest.fixture
def tls_process(server_process: Callable[..., ServerProcess], certificates: Path) -> Callable[..., ServerProcess]:
    """``tls_process(certificate="expired", …)`` starts one with TLS on all five ports, and no weakness on."""

    def start(allow: tuple[str, ...] = (), **chosen: Any) -> ServerProcess:
        tls = {"folder": str(certificates), **chosen}
        return server_process(ports=dict.fromkeys(PORTS, 0), allow=allow, tls=tls)

    return start


@pytest.fixture(scope="module")
def tls_host(certificates: Path) -> Iterator[ServerProcess]:
    """The same for all tests of a module that don't mind each other."""
    tls = {"folder": str(certificates)}
    process = ServerProcess(CONFIG | {"ports": dict.fromkeys(PORTS, 0), "allow": [], "tls": tls})
    yield process
    process.stop()


SSH = {
    "host": "bastion",
    "address": "127.0.0.1",
    "ports": {"ssh": 0},
    "accounts": {"alice": "sesame"},
    "keys": {},
    "routes": {},
}


@pytest.fixture
def ssh_process() -> Iterator[Callable[..., ServerProcess]]:
    """``ssh_process(routes={…}, …)`` starts an SSH server; all are reaped when the test is over."""
    started: list[ServerProcess] = []

    def start(**changes: Any) -> ServerProcess:
        started.append(ServerProcess(SSH | changes, "ssh"))
        return started[-1]

    yield start
    for process in started:
        process.stop()


MX = {
    "host": "mx",
    "address": "127.0.0.1",
    "ports": {"smtp": 0},
    "domain": "partner.example.test",
    "accounts": {"dave": "dave's", "erin": "erin's"},
}


@pytest.fixture(scope="module")
def forwarding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, ServerProcess]]:
    """A mail server and its next hop, for all tests of a module that don't mind each other."""
    mx = ServerProcess(MX)
    spool = str(tmp_path_factory.mktemp("spool"))
    mail = ServerProcess(CONFIG | {"next_hop": ["127.0.0.1", mx.ports["smtp"]], "spool": spool})
    yield mail, mx
    mail.stop()
    mx.stop()


@pytest.fixture
def next_hop(server_process: Callable[..., ServerProcess]) -> Callable[..., ServerProcess]:
    """``next_hop(port=0, …)`` starts one for partner.example.test."""

    def start(port: int = 0, **more: Any) -> ServerProcess:
        return server_process(**MX | {"ports": {"smtp": port}} | more)

    return start


@pytest.fixture
def store() -> Store:
    """Alice with two mails, bob with none."""
    return Store("example.test", {"alice": "sesame", "bob": "open wide"}, {"alice": [FIRST, SECOND]})
