"""`maillab findings --keylog FILE`, and recordings that carry their key log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.rungs import lab_on
from support.tls_sessions import Session

from maillab.capture import read_frames, write_pcapng
from maillab.findings.command import main
from maillab.tls import KeyLog

from .dialogues import WAYS, talk_of


@pytest.fixture(scope="module")
def session(pems: dict[str, str]) -> Session:
    return Session(pems, WAYS["STLS"][1])


@pytest.fixture
def capture(session: Session, tmp_path: Path) -> Path:
    before, _, port = WAYS["STLS"]
    write_pcapng(tmp_path / "a.pcapng", talk_of(session.flights[0], before, port).frames)
    (tmp_path / "keys").write_bytes(session.keylog)
    return tmp_path / "a.pcapng"


def test_json(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The promised keys, and three more where TLS began."""
    assert main([str(capture), "--json", "--keylog", str(capture.parent / "keys")]) == 0
    out, err = capsys.readouterr()
    upgrade, credential, mail = (json.loads(line) for line in out.splitlines())
    assert not err
    assert list(upgrade)[-4:] == ["hashcat", "sni", "version", "suite"]
    assert (upgrade["mechanism"], upgrade["sni"], upgrade["version"]) == ("STLS", "mail.example.test", "TLS 1.3")
    assert list(credential)[-1] == "hashcat" and credential["password"] == "w0nderland"
    assert mail["subject"] == "lunch"


def test_table(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(capture)]) == 0
    assert "the rest is encrypted (mail.example.test, TLS 1.3, TLS_AES_256_GCM_SHA384)" in capsys.readouterr().out
    assert main([str(capture), "--keylog", str(capture.parent / "keys")]) == 0
    assert "user alice, password w0nderland, read with the key log" in capsys.readouterr().out


def test_key_log_that_does_not_fit(capture: Path, pems: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence: which file, which connection, which secrets, which client random. It isn't an error."""
    keys = capture.parent / "keys"
    keys.write_bytes(Session(pems, []).keylog)
    assert main([str(capture), "--json", "--keylog", str(keys)]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 1 and err.count("\n") == 1
    assert str(capture) in err and "192.0.2.10:40001 -> 192.0.2.25:110" in err
    assert "no secret for client random" in err and "SERVER_TRAFFIC_SECRET_0" in err


def test_malformed_lines(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Counted and named; what is good of it is used."""
    keys = capture.parent / "keys"
    keys.write_bytes(b"nonsense\n" + keys.read_bytes())
    assert main([str(capture), "--json", "--keylog", str(keys)]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3 and "1 malformed line (line 1: " in err and err.count("\n") == 1


@pytest.mark.parametrize("text", [None, b"nonsense\n", b"\xff\xfe\0"])
def test_no_key_log(capture: Path, text: bytes | None, capsys: pytest.CaptureFixture[str]) -> None:
    keys = capture.parent / "none"
    if text is not None:
        keys.write_bytes(text)
    assert main([str(capture), "--keylog", str(keys)]) == 1
    out, err = capsys.readouterr()
    assert not out and err.count("\n") == 1 and str(keys) in err


@pytest.mark.network
def test_recording_with_a_key_log(session: Session, tmp_path: Path) -> None:
    """capture.save(path, keylog=…): from a path, or from bytes."""
    (tmp_path / "keys").write_bytes(session.keylog)
    with lab_on("tap") as lab:
        with lab.capture() as cap:
            lab.alice.pop3().quit()
        saved = [cap.save(tmp_path / "a.pcapng", tmp_path / "keys"), cap.save(tmp_path / "b.pcapng", session.keylog)]
        saved.append(cap.save(tmp_path / "c.pcapng", KeyLog.of(session.keylog)))
        bare = cap.save(tmp_path / "d.pcapng")
    for path in [*saved, bare]:
        keys = KeyLog()
        assert list(read_frames(path, keys.from_capture))
        assert len(keys) == (0 if path == bare else 1)
