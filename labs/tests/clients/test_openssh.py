"""OpenSSH at our SSH server, and our client at OpenSSH's: they forward, and a changed host key is refused."""

from __future__ import annotations

import getpass
import json
import os
import poplib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.programs import run

from maillab import Lab
from maillab.servers.ssh_handle import SshServer
from maillab.servers.ssh_keys import new_key

if not shutil.which("ssh"):
    pytest.skip("not in CI: ssh isn't installed", allow_module_level=True)


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(rung="tap", allow="plaintext_login", bastion=True) as lab:
        yield lab


def secret_file(path: Path, text: str) -> Path:
    """A file as ssh wants its keys to be: nobody else's to read."""
    path.write_text(text)
    path.chmod(0o600)
    return path


def options(folder: Path, lab: Lab, server: SshServer, known: str) -> list[str]:
    """What ssh needs to know: where, who, with which key, and which host key is right."""
    port = server.ports["ssh"]
    identity = secret_file(folder / "id", lab.ssh_key("alice").private)
    hosts = folder / "known_hosts"
    hosts.write_text(f"[127.0.0.1]:{port} {known}\n")
    given = {"BatchMode": "yes", "StrictHostKeyChecking": "yes", "UserKnownHostsFile": hosts, "IdentitiesOnly": "yes"}
    given |= {"GlobalKnownHostsFile": "/dev/null", "ExitOnForwardFailure": "yes", "ConnectTimeout": 10}
    listed = [word for name, value in given.items() for word in ("-o", f"{name}={value}")]
    return ["-F", os.devnull, *listed, "-i", str(identity), "-p", str(port), "-l", "alice", "127.0.0.1"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def reach(port: int, ssh: subprocess.Popen[bytes]) -> poplib.POP3:
    """Connect as soon as ssh listens."""
    deadline = time.monotonic() + 15
    while True:
        try:
            return poplib.POP3("127.0.0.1", port, timeout=10)
        except ConnectionRefusedError:
            assert ssh.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)


def test_it_forwards(lab: Lab, tmp_path: Path) -> None:
    server = lab.start_ssh(lab.bastion)
    arguments = options(tmp_path, lab, server, server.key)
    port = free_port()
    with subprocess.Popen(["ssh", "-N", "-L", f"127.0.0.1:{port}:mail:110", *arguments]) as ssh:
        try:
            box = reach(port, ssh)
            box.user("alice")
            box.pass_(lab.student.password("alice"))
            assert b"\r\n".join(box.retr(1)[1]) + b"\r\n" == lab.student.mails("alice")[0]
            box.quit()
        finally:
            ssh.terminate()
    assert "alice: forwarded to mail, port 110" in [row["text"] for row in server.log()]


def test_it_says_why_a_target_is_refused(lab: Lab, tmp_path: Path) -> None:
    server = lab.start_ssh(lab.bastion)
    done = run("ssh", "-W", "www.example.org:110", *options(tmp_path, lab, server, server.key))
    assert b"administratively prohibited: this server forwards to the lab's own hosts only" in done.stderr


@pytest.mark.parametrize(
    ("what", "command"),
    [(["-N", "-R", "0:mail:110"], []), ([], ["id"]), (["-tt"], ["id"]), (["-s"], ["sftp"])],
    ids=["remote forwarding", "command", "terminal", "files"],
)
def test_it_gets_nothing_else(lab: Lab, tmp_path: Path, what: list[str], command: list[str]) -> None:
    server = lab.start_ssh(lab.bastion)
    done = run("ssh", *what, *options(tmp_path, lab, server, server.key), *command)
    assert done.returncode == 255 and done.stdout == b""
    assert "alice logged in" in str(server.log())


def test_it_refuses_a_changed_host_key_and_names_ours(lab: Lab, tmp_path: Path) -> None:
    server = lab.start_ssh(lab.bastion)
    done = run("ssh", "-N", *options(tmp_path, lab, server, new_key().public))
    assert done.returncode == 255 and b"REMOTE HOST IDENTIFICATION HAS CHANGED" in done.stderr
    assert server.fingerprint.encode() in done.stderr  # ours, as OpenSSH prints it
    assert "logged in" not in str(server.log())


def test_a_key_of_ours_is_one_of_theirs(tmp_path: Path) -> None:
    pair = new_key()
    path = secret_file(tmp_path / "id", pair.private)
    assert run("ssh-keygen", "-y", "-f", str(path)).stdout.split()[:2] == pair.public.encode().split()


def test_our_client_at_their_server(tmp_path: Path) -> None:
    sshd = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin")
    if not sshd or sys.platform == "win32":
        pytest.skip("not in CI: sshd isn't installed")
    host, user, port = new_key(), new_key(), free_port()
    keys = {name: secret_file(tmp_path / name, text) for name, text in (("host", host.private), ("user", user.public))}
    config = tmp_path / "config"
    config.write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {keys['host']}\nAuthorizedKeysFile {keys['user']}\n"
        "StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin prohibit-password\n"
    )
    pipe = subprocess.PIPE
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(15)
        request: dict[str, Any] = {"name": "theirs", "server": ["127.0.0.1", port], "known": host.public, "check": True}
        request |= {"user": getpass.getuser(), "key": user.private, "target": listener.getsockname()}
        with subprocess.Popen([sshd, "-D", "-e", "-f", str(config)], stderr=pipe) as server:
            try:
                assert server.stderr and b"listening" in server.stderr.readline()
                with subprocess.Popen([sys.executable, "-m", "maillab.clients"], stdin=pipe, stdout=pipe) as client:
                    assert client.stdin and client.stdout
                    client.stdin.write(json.dumps(request).encode() + b"\n")
                    client.stdin.flush()
                    ready = json.loads(client.stdout.readline())
                    with socket.create_connection(("127.0.0.1", ready["ports"]["tunnel"]), 10) as sock:
                        sock.sendall(b"hello")
                        far, _ = listener.accept()
                        with far:
                            far.settimeout(10)
                            assert far.recv(10) == b"hello"
                    client.stdin.close()
            finally:
                server.terminate()
