"""What Python's ssl can't do and `openssl s_client` can: KeyUpdate, padding, small fragments, renegotiation."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.tls_sessions import SNI, Said
from support.wiretap import Wiretap

from maillab.conversations import follow
from maillab.findings import findings
from maillab.tls import visible

from .dialogues import said_by, talk_of
from .test_decrypt import inside, opened, tshark_says

SAID: Said = [
    (1, b"+OK ready\r\n"),
    (0, b"USER alice\r\n"),
    (1, b"+OK\r\n"),
    (0, b"PASS w0nderland\r\n"),
    (1, b"+OK in\r\n"),
    (0, b"STAT\r\n"),
    (1, b"+OK 0 0\r\n"),
]
RENEGOTIATION = 0x100  # SSL_OP_ALLOW_CLIENT_RENEGOTIATION


def openssl() -> str:
    """The program; macOS has another one under this name."""
    program = shutil.which("openssl")
    version = subprocess.run([program, "version"], capture_output=True).stdout if program else b""
    if not program or not version.startswith(b"OpenSSL 3"):
        where = "" if sys.platform == "linux" else "not in CI: "
        pytest.skip(f"{where}OpenSSL's program isn't installed")
    return program


@contextlib.contextmanager
def running(argv: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A program for as long as the block lasts, whatever happens in it."""
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def serve(listener: socket.socket, context: ssl.SSLContext, said: Said) -> None:
    with listener, listener.accept()[0] as raw:
        raw.settimeout(20)
        with context.wrap_socket(raw, server_side=True) as sock:
            for side, data in said:
                if side == 1:
                    sock.sendall(data)
                else:
                    got = b""
                    while len(got) < len(data):
                        more = sock.recv(1 << 16)
                        assert more
                        got += more


def s_client(
    pems: dict[str, str], folder: Path, *options: str, command: str = "", said: Said = SAID
) -> tuple[Said, bytes]:
    """(Flights, key log) of a dialogue with openssl's client. command: one of its letters, given before each line."""
    program = openssl()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pems["server_pem"])
    context.options |= RENEGOTIATION
    listener = socket.create_server(("127.0.0.1", 0))
    tap = Wiretap(listener.getsockname())
    server = threading.Thread(target=serve, args=(listener, context, said), daemon=True)
    server.start()
    keys = folder / "keys"
    argv = [program, "s_client", "-connect", f"127.0.0.1:{tap.port}", "-servername", SNI, "-crlf"]
    argv += ["-keylogfile", str(keys), *options]
    with running(argv) as client:
        assert client.stdin and client.stdout
        for side, data in said:
            text = data.replace(b"\r\n", b"\n")
            if side == 1:
                while not client.stdout.readline().rstrip(b"\r\n").endswith(text.rstrip()):
                    assert client.poll() is None
                continue
            for line in [f"{command}\n".encode()] * bool(command) + [text]:
                before = tap.count()
                client.stdin.write(line)
                client.stdin.flush()
                tap.wait_for_client(before)
        client.stdin.close()
        client.stdout.read()
    tap.join()
    server.join(20)
    return tap.flights, keys.read_bytes()


CASES = {
    "KeyUpdate of both sides": (["-tls1_3"], "K"),
    "KeyUpdate of one side": (["-tls1_3"], "k"),
    "padding": (["-tls1_3", "-record_padding", "512"], ""),
    "small fragments": (["-tls1_3", "-maxfraglen", "512"], ""),
    "small fragments, TLS 1.2": (["-tls1_2", "-maxfraglen", "512"], ""),
    "renegotiation": (["-tls1_2"], "R"),
}


@pytest.mark.parametrize("case", CASES)
def test_s_client(pems: dict[str, str], tmp_path: Path, case: str) -> None:
    options, command = CASES[case]
    flights, keylog = s_client(pems, tmp_path, *options, command=command)
    frames = talk_of(flights).frames
    conversation = opened(frames, keylog)
    assert inside(conversation) == (said_by(0, SAID), said_by(1, SAID)) == tshark_says(frames, keylog, tmp_path)
    upgrade, credential = findings(frames, keylog=keylog)
    assert (upgrade.kind, credential.username, credential.password) == ("tls", "alice", "w0nderland")
    sizes = {size.length for size in visible(conversation).sizes if size.side == "C"}
    if case == "padding":
        assert sizes == {511}  # all alike: nothing can be told from them
    if "fragments" in case:  # the server's certificate needs more than one
        assert max(record.length for record in visible(conversation).records) <= 512 + 24
    if case == "renegotiation":
        assert keylog.count(b"CLIENT_RANDOM") > 1


def test_early_data(pems: dict[str, str], tmp_path: Path) -> None:
    """0-RTT, accepted: what was said early isn't read, that is said, and the rest is read."""
    program = openssl()
    early, ticket, keys = tmp_path / "early", tmp_path / "ticket", tmp_path / "keys"
    early.write_bytes(b"USER early\r\n")
    argv = [program, "s_server", "-accept", "127.0.0.1:0", "-cert", pems["server_pem"], "-key", pems["server_pem"]]
    argv += ["-early_data", "-naccept", "2", "-tls1_3"]
    with running(argv) as server:
        assert server.stdin and server.stdout
        line = b""
        while not line.startswith(b"ACCEPT"):
            line = server.stdout.readline()
            assert line
        port = int(line.rpartition(b":")[2])
        taps = []
        for options in (["-sess_out", str(ticket)], ["-sess_in", str(ticket), "-early_data", str(early)]):
            tap = Wiretap(("127.0.0.1", port))
            taps.append(tap)
            argv = [program, "s_client", "-connect", f"127.0.0.1:{tap.port}", "-keylogfile", str(keys), *options]
            with running(argv) as client:
                assert client.stdin and client.stdout
                client.stdin.write(b"STAT\n")
                client.stdin.flush()
                line = b"x"
                while line and not line.endswith(b"STAT\n"):  # openssl writes it amid its own lines
                    line = server.stdout.readline()
                server.stdin.write(b"+OK\n")
                server.stdin.flush()
                # The ticket, which the next connection needs, was sent before this: now the client may leave.
                while line and not line.endswith(b"+OK\n"):
                    line = client.stdout.readline()
                client.stdin.close()
                client.stdout.read()
            tap.join()
    with pytest.warns(UserWarning, match="0-RTT"):
        (conversation,) = follow(talk_of(taps[1].flights).frames, keylog=keys)
    assert inside(conversation) == (b"STAT\n", b"+OK\n")
    assert visible(conversation).resumed
