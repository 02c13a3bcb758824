"""What Python's ssl can't do and `openssl s_client` can: KeyUpdate, padding, small fragments, renegotiation."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support.tls import SNI, Said
from support.wiretap import Wiretap

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
    program = shutil.which("openssl")
    if not program:
        where = "" if sys.platform == "linux" else "not in CI: "
        pytest.skip(f"{where}openssl isn't installed")
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
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
        assert client.stdin and client.stdout
        for side, data in said:
            text = data.replace(b"\r\n", b"\n")
            if side == 1:
                while client.stdout.readline().rstrip(b"\r\n") != text.rstrip():
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
