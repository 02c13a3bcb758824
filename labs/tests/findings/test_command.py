"""`maillab findings`: output, exit codes, and the one line about a broken file."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.wire import Talk

from maillab.capture import write_pcap, write_pcapng
from maillab.findings import command, findings
from maillab.findings.command import main

SESSION = [(1, b"+OK ready\r\n"), (0, b"USER bob\r\n"), (1, b"+OK\r\n"), (0, b"PASS sec ret\r\n"), (1, b"+OK in\r\n")]
KEYS = [
    "capture", "kind", "frame", "protocol", "mechanism", "client", "server", "username", "password", "challenge",
    "response", "accepted", "hashcat",
]  # fmt: skip


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "a.pcap"
    write_pcap(path, Talk(server=("192.0.2.25", 4711)).play(SESSION).frames)
    return path


def test_json(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One object a line, exactly the keys that are promised."""
    assert main([str(capture), "--json"]) == 0
    out, err = capsys.readouterr()
    (line,) = out.splitlines()
    found = json.loads(line)
    assert list(found) == KEYS and not err
    assert found["capture"] == str(capture) and found["kind"] == "credential" and found["frame"] == 6
    assert (found["username"], found["password"], found["accepted"]) == ("bob", "sec ret", True)
    assert (found["client"], found["server"]) == ("192.0.2.10:40001", "192.0.2.25:4711")


def test_json_of_a_mail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.pcapng"
    mail = b"From: a@example.test\r\nTo: b@example.test\r\nSubject: hi\r\n\r\nhello\r\n.\r\n"
    write_pcapng(path, Talk().play([(1, b"+OK\r\n"), (0, b"RETR 1\r\n"), (1, b"+OK\r\n" + mail)]).frames)
    assert main([str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == [*KEYS, "sender", "recipients", "subject", "size", "relayed", "authorised", "popped"]
    assert (found["sender"], found["recipients"], found["subject"]) == ("a@example.test", ["b@example.test"], "hi")
    assert found["kind"] == "mail" and found["username"] is None


def test_table(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(capture), str(capture)]) == 0
    out = capsys.readouterr().out
    assert out.count("user bob, password sec ret") == 2 and "accepted" in out and str(capture) in out


def test_clean_capture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing found is no error: exit 0, an empty list."""
    path = tmp_path / "a.pcap"
    write_pcap(path, Talk().open().close().frames)
    assert main([str(path), "--json"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main([str(path)]) == 0
    assert "nothing" in capsys.readouterr().out


def test_cut_capture(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was readable is shown, one line says where it broke off, exit 1."""
    data = capture.read_bytes()
    capture.write_bytes(data[:-30])
    assert main([str(capture), "--json"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["password"] == "sec ret"
    assert err.count("\n") == 1 and str(capture) in err and f"byte {len(data) - 30}" in err


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", os.urandom(5000), b"\xd4\xc3\xb2\xa1" + b"\xff" * 60])
def test_bad_files(tmp_path: Path, data: bytes, capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The bad file gets its line; the good one beside it is still read."""
    path = tmp_path / "bad.pcap"
    path.write_bytes(data)
    assert main([str(path), str(capture), "--json"]) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 1
    assert err.count("\n") == 1 and "bad.pcap" in err


def test_directory_and_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), str(tmp_path / "none")]) == 1
    err = capsys.readouterr().err
    assert "directory" in err and "no such file" in err and err.count("\n") == 2


def test_port(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.pcap"
    talk = Talk(server=("192.0.2.25", 4711)).open().client(b"USER bob\r\n").client(b"PASS x\r\n")
    write_pcap(path, talk.frames)
    assert main([str(path), "--json", "--port", "4711=pop3"]) == 0
    assert json.loads(capsys.readouterr().out)["password"] == "x"
    for wrong in ("4711", "x=pop3", "4711=http", "70000=smtp"):
        with pytest.raises(SystemExit) as caught:
            main([str(path), "--port", wrong])
        assert caught.value.code == 2


def test_one_direction_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is there is shown, and one sentence says what isn't: no error, for the file is whole."""
    talk = Talk().play(SESSION)
    path = tmp_path / "half.pcap"
    write_pcap(path, [f for f, side in zip(talk.frames, talk.sides, strict=True) if side == 0])
    assert main([str(path), "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (found["username"], found["password"], found["accepted"]) == ("bob", "sec ret", None)
    assert err.count("\n") == 1 and "half.pcap" in err and "only one direction" in err and "frame 1" in err


def test_lost_bytes_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    talk = Talk().open().server(b"+OK\r\n").client(b"USER bob\r\n")
    talk.next[1] += 5
    talk.client(b"PASS x\r\n").server(b"+OK\r\n").close()
    path = tmp_path / "holes.pcap"
    write_pcap(path, talk.frames)
    assert main([str(path), "--json"]) == 0
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "5 bytes are missing" in err and "frame 8" in err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("terminal", "long"), [(True, True), (False, True), (True, False)])
def test_progress(capture: Path, monkeypatch, terminal: bool, long: bool) -> None:  # type: ignore[no-untyped-def]
    """A bar with a rate on a terminal, for a long file; nothing else, and nothing of it in a pipe."""
    monkeypatch.setattr(command, "LONG", 0 if long else 1 << 30)
    monkeypatch.setattr(sys, "stderr", stderr := (Terminal if terminal else io.StringIO)())
    assert main([str(capture), "--json"]) == 0
    shown = stderr.getvalue()
    assert ("B/s" in shown and capture.name in shown) == (terminal and long)
    assert (terminal and long) or not shown


def test_closed_pipe(capture: Path) -> None:
    """`maillab findings … | head -0` ends without a traceback."""
    code = "import sys; from maillab.findings.command import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *[str(capture)] * 50], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout and process.stderr
    process.stdout.close()
    assert b"Traceback" not in process.stderr.read()
    process.wait()
    process.stderr.close()


def test_a_finding_masks_its_password(capture: Path) -> None:
    (found,) = findings(capture)
    assert "sec ret" not in repr(found) and "sec ret" not in str([found])
    assert found.reveal() == "sec ret"


def test_library_warns_about_a_cut_file(capture: Path) -> None:
    """In a notebook: what was readable, and a warning."""
    capture.write_bytes(capture.read_bytes()[:-30])
    with pytest.warns(UserWarning, match="cut off"):
        assert len(findings(capture)) == 1


def test_no_scapy_needed() -> None:
    """Reading a file doesn't load Scapy."""
    code = "import sys, maillab.findings.command, maillab.conversations; sys.exit('scapy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
