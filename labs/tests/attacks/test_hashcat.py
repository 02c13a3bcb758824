"""The lines that findings give to hashcat: hashcat itself cracks them."""

from __future__ import annotations

import pytest
from support.wire import Talk

from maillab.attacks import hashcat
from maillab.attacks.speed import EXAMPLES
from maillab.findings import Finding, findings
from maillab.sasl import apop, cram_md5, encode


def found_with(mechanism: str, password: str) -> Finding:
    """The finding of a login that bob made with this password."""
    challenge = b"<1896.697170952@mail.example.test>"
    if mechanism == "APOP":
        said = f"APOP bob {apop.digest(challenge, password.encode())}\r\n".encode()
        lines = [(1, b"+OK ready " + challenge + b"\r\n"), (0, said)]
    else:
        answer = encode(f"bob {cram_md5.digest(challenge, password.encode())}".encode())
        lines = [(1, b"+OK ready\r\n"), (0, b"AUTH CRAM-MD5\r\n"), (1, b"+ " + encode(challenge) + b"\r\n")]
        lines += [(0, answer + b"\r\n")]
    (finding,) = findings(Talk().play([*lines, (1, b"+OK in\r\n")]).frames)
    return finding


@pytest.fixture(scope="module")
def installed() -> None:
    if hashcat.available() is None:
        pytest.skip("hashcat with an OpenCL driver is not installed")


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_hashcat_cracks_our_lines(installed: None) -> None:
    """10 to 25 s each, nearly all of it to get ready: a mask for one, words for the other."""
    apop_line = found_with("APOP", "copper-otter-41")
    assert hashcat.run(apop_line, "copper-otter-?d?d").password == "copper-otter-41"
    odd = "$HEX[61] pässwörd: \nx"
    result = hashcat.run(found_with("CRAM-MD5", odd), ["sesame", odd])
    assert result.password == odd
    assert repr(result).startswith(f"<hashcat says that the password is {odd!r}: ")
    assert hashcat.rate(apop_line) > 1e6


def test_what_hashcat_cannot_do() -> None:
    with pytest.raises(ValueError, match="hashcat has no mode for SCRAM-SHA-256"):
        hashcat.run(EXAMPLES["SCRAM-SHA-256"], ["pencil"])


def test_words_that_hashcat_cannot_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: "hashcat")
    with pytest.raises(ValueError, match="UTF-8 can't write"):
        hashcat.run(found_with("APOP", "x"), ["x\ud800"])


def test_without_hashcat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert hashcat.available() is None
    with pytest.raises(RuntimeError, match="isn't installed"):
        hashcat.run(found_with("APOP", "x"), ["x"])
