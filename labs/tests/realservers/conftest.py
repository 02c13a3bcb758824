"""Dovecot and Postfix, as a provider runs them, in a folder of their own on loopback; one pair for all tests here."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme

from maillab.student import Student

TEMPLATES = Path(__file__).parents[2] / "realservers"
DOMAIN = "example.test"
PATIENCE = 20.0


@dataclass
class RealServers:
    """Their ports by service, and the accounts they know."""

    folder: Path
    ports: dict[str, int]
    authority: trustme.CA
    passwords: dict[str, str] = field(default_factory=dict)

    def fill(self, template: str) -> str:
        """A template with everything between two @ filled in."""
        text = (TEMPLATES / template).read_text()
        names = {"FOLDER": str(self.folder), "DOMAIN": DOMAIN, "MYNETWORKS": "127.0.0.2/32"}
        for name, value in {**names, **{name.upper(): str(port) for name, port in self.ports.items()}}.items():
            text = text.replace(f"@{name}@", value)
        return text


def missing() -> str:
    """Why they can't run here; empty if they can."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "Dovecot and Postfix change users, so they need root"
    return "".join(f"{program} isn't installed; " for program in ("dovecot", "postfix") if not shutil.which(program))


@pytest.fixture(scope="session")
def real() -> Iterator[RealServers]:
    """Both, running. In CI their absence is a failure."""
    if reason := missing():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    folder = Path(tempfile.mkdtemp(prefix="maillab-real-"))
    folder.chmod(0o755)  # pytest's own folders are closed to the users these change to
    servers = RealServers(folder, free_ports("pop3", "pop3s", "imap", "smtp", "submission"), trustme.CA())
    servers.passwords = {user: account.password for user, account in Student("real").accounts.items()}
    configure(servers)
    dovecot = ["dovecot", "-F", "-c", str(folder / "dovecot.conf")]
    postfix = ["postfix", "-c", str(folder / "postfix"), "start-fg"]
    running = [
        subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) for argv in (dovecot, postfix)
    ]
    try:
        for service, port in servers.ports.items():
            wait_for(service, port, servers)
        yield servers
    finally:
        # Its master is a child of start-fg's, and outlives it: it has to be told.
        subprocess.run(["postfix", "-c", str(folder / "postfix"), "stop"], capture_output=True, timeout=PATIENCE)
        for process in running:
            process.terminate()
        for process in running:
            process.wait(PATIENCE)
        shutil.rmtree(folder, ignore_errors=True)


def configure(servers: RealServers) -> None:
    """Write everything that they read."""
    folder = servers.folder
    for name in ("run", "state", "mail", "postfix", "spool", "data"):
        (folder / name).mkdir()
    shutil.chown(folder / "mail", "nobody", "nogroup")
    shutil.chown(folder / "data", "postfix")
    (folder / "dovecot.conf").write_text(servers.fill("dovecot.conf.in"))
    (folder / "postfix" / "main.cf").write_text(servers.fill("main.cf.in"))
    (folder / "postfix" / "master.cf").write_text(servers.fill("master.cf.in"))
    users = servers.passwords
    (folder / "users").write_text("".join(f"{user}:{{PLAIN}}{password}\n" for user, password in users.items()))
    shutil.chown(folder / "users", group="dovecot")
    (folder / "users").chmod(0o640)
    (folder / "mailboxes").write_text("".join(f"{user}@{DOMAIN} {user}/\n" for user in users))
    # DIGEST-MD5 logs in as user@realm.
    (folder / "senders").write_text("".join(f"{user}@{DOMAIN} {user} {user}@{DOMAIN}\n" for user in users))
    certificate = servers.authority.issue_cert(f"mail.{DOMAIN}", "127.0.0.1")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    (folder / "certificate.pem").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))


def free_ports(*services: str) -> dict[str, int]:
    """A port for each that nobody has now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in services]
    ports = {service: sock.getsockname()[1] for service, sock in zip(services, sockets, strict=True)}
    for sock in sockets:
        sock.close()
    return ports


def wait_for(service: str, port: int, servers: RealServers) -> None:
    """Until somebody listens there and says something (or, with TLS, waits for us to)."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as sock:
                if service == "pop3s" or sock.recv(512):
                    return
        except OSError:
            pass
        if time.monotonic() > deadline:
            logs = [path.read_text(errors="replace")[-2000:] for path in servers.folder.glob("*.log")]
            pytest.fail(f"{service} on port {port} doesn't answer\n" + "\n".join(logs))
        time.sleep(0.05)
