"""Too many recipients and too much mail: a refusal each time, and no memory for it."""

from __future__ import annotations

import socket
import sys

import pytest


def test_a_thousand_recipients(server_process, tmp_path) -> None:
    """RFC 5321 section 4.5.3.1.10: those beyond the limit get 452, and may have it in another mail."""
    mail = server_process(next_hop=["127.0.0.1", 1], spool=str(tmp_path), allow=["open_relay"])
    lines = [
        "EHLO x",
        "MAIL FROM:<eve@elsewhere.test>",
        *(f"RCPT TO:<u{n}@partner.example.test>" for n in range(1000)),
    ]
    with socket.create_connection(("127.0.0.1", mail.ports["smtp"]), timeout=30) as sock:
        sock.sendall("".join(f"{line}\r\n" for line in [*lines, "RSET", "QUIT"]).encode())
        with sock.makefile("rb") as file:
            replies = [line.rstrip() for line in file if line[3:4] == b" "]
    assert replies[3:103] == [b"250 2.1.5 OK, will be passed on"] * 100
    assert replies[103:-2] == [b"452 4.5.3 too many recipients"] * 900


@pytest.mark.skipif(sys.platform != "linux", reason="not in CI: memory is read from /proc")
@pytest.mark.parametrize("kind", ["lines", "short lines", "one endless line"])
def test_fifty_megabytes(server_process, kind: str) -> None:
    """Refused by what SIZE says, and without SIZE by what comes; either way they are nowhere in memory."""
    server = server_process(ports={"smtp": 0})
    chunk = {"lines": b"x" * 78 + b"\r\n", "short lines": b"\r\n", "one endless line": b"x"}[kind]
    chunk = chunk * (500_000 // len(chunk))
    times = 100 if kind != "short lines" else 10  # aiosmtpd needs its time for each line
    before = server.peak
    with socket.create_connection(("127.0.0.1", server.ports["smtp"]), timeout=60) as sock:
        sock.sendall(b"EHLO x\r\nMAIL FROM:<eve@elsewhere.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n")
        with sock.makefile("rb") as file:
            while not file.readline().startswith(b"354 "):
                pass
            for _ in range(times):
                sock.sendall(chunk)
            sock.sendall(b"\r\n.\r\nMAIL FROM:<eve@elsewhere.test> SIZE=50000000\r\nQUIT\r\n")
            reply, to_mail, bye = file.readline(), file.readline(), file.readline()
    assert reply.startswith(b"500 " if kind == "one endless line" else b"552 "), reply
    assert to_mail.startswith(b"552 ") and bye.startswith(b"221 ")
    # aiosmtpd keeps a mail line by line until it's whole: up to 60 octets more for each, within the SIZE.
    assert server.peak - before < (60_000_000 if kind == "short lines" else 10_000_000)
