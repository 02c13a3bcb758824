"""The key log, and keys out of secrets: the vectors of the standards."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import maillab.tls
from maillab.tls import KeyLog, KeyLogError
from maillab.tls.prf import hkdf_expand, hkdf_expand_label, next_secret, prf
from maillab.tls.suites import NAMES, suite

MODULES = [module.name for module in pkgutil.walk_packages(maillab.tls.__path__, "maillab.tls.")]
RANDOM, MASTER = b"\xab" * 32, b"\xcd" * 48
LINE = b"CLIENT_RANDOM " + RANDOM.hex().encode() + b" " + MASTER.hex().encode()


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_lines(end: bytes) -> None:
    log = KeyLog.of(b"# by hand" + end + end + LINE + end if end else LINE)
    assert log.secret(RANDOM, "CLIENT_RANDOM") == MASTER and len(log) == 1 and not log.bad_lines
    assert log.secret(RANDOM, "SERVER_TRAFFIC_SECRET_0") is None and log.secret(bytes(32), "CLIENT_RANDOM") is None
    assert KeyLog.of(bytes(log)).secret(RANDOM, "CLIENT_RANDOM") == MASTER


@pytest.mark.parametrize(
    "line,words",
    [
        (b"CLIENT_RANDOM", "no label and two"),
        (b"client_random " + LINE[14:], "no label and two"),
        (LINE + b" more", "no label and two"),
        (LINE.replace(b"ab", b"xy", 1), "no label and two"),
        (LINE[:-2], "94 hexadecimal digits, not 96"),
        (LINE.replace(b"abab", b"ab", 1), "62 hexadecimal digits, not 64"),
        (b"SERVER_TRAFFIC_SECRET_0 " + RANDOM.hex().encode() + b" 00", "2 hexadecimal digits, not 64 or 96"),
        (b"\xff\xfe\x00", "no label and two"),
    ],
)
def test_malformed_lines(line: bytes, words: str) -> None:
    """Named and counted; the good ones count all the same."""
    log = KeyLog.of(LINE + b"\n" + line + b"\n")
    assert len(log) == 1 and log.bad_lines == 1 and words in log.malformed[0] and log.malformed[0].startswith("line 2:")
    assert "1 malformed line" in repr(log)
    with pytest.raises(KeyLogError, match="is no key log") as caught:
        KeyLog.of(line)
    assert "\n" not in str(caught.value)


def test_labels_of_others_are_skipped() -> None:
    """RFC 9850: an unknown label is no error; the old label RSA is one."""
    log = KeyLog.of(b"RSA 0123456789abcdef 00\nECH_SECRET " + LINE[14:] + b"\n" + LINE)
    assert not log.bad_lines and len(log) == 1


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_bytes(LINE)
    assert len(KeyLog.of(path)) == len(KeyLog.of(str(path))) == 1
    for bad in (tmp_path, tmp_path / "none", "a\0b"):
        with pytest.raises(KeyLogError, match="can't be read") as caught:
            KeyLog.of(bad)
        assert "\n" not in str(caught.value)


def test_many_malformed_lines_are_only_counted() -> None:
    log = KeyLog.of(LINE + b"\n" + b"x\n" * 100_000)
    assert log.bad_lines == 100_000 and len(log.malformed) == 20


@given(st.binary(max_size=300))
def test_any_bytes(text: bytes) -> None:
    log = KeyLog()
    log.read(text)
    repr(log)


def test_prf() -> None:
    """The vectors for SHA-256 and SHA-384 that the TLS working group passed round in 2011."""
    secret, seed = bytes.fromhex("9bbe436ba940f017b17652849a71db35"), bytes.fromhex("a0ba9f936cda311827a6f796ffd5198c")
    assert prf("sha256", secret, b"test label", seed, 100).hex() == (
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa0"
        "22f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66"
    )
    secret, seed = bytes.fromhex("b80b733d6ceefcdc71566ea48e5567df"), bytes.fromhex("cd665cf6a8447dd6ff8b27555edb7465")
    assert prf("sha384", secret, b"test label", seed, 16).hex() == "7b0c18e9ced410ed1804f2cfa34a336a"


def test_hkdf() -> None:
    """RFC 5869 appendix A.1; key and IV of RFC 8448 section 3."""
    prk = bytes.fromhex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
    assert hkdf_expand("sha256", prk, bytes.fromhex("f0f1f2f3f4f5f6f7f8f9"), 42).hex() == (
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )
    secret = bytes.fromhex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38")
    assert hkdf_expand_label("sha256", secret, b"iv", 12).hex() == "5d313eb2671276ee13000b30"
    assert len(next_secret("sha384", bytes(48))) == 48


def test_suites() -> None:
    """What a name says: hash, key, and the bytes that encryption adds."""
    assert {suite(number).hash for number in NAMES if suite(number).aead} == {"sha256", "sha384"}
    assert suite(0xC030).overhead() == (24, True) and suite(0xCCA8).overhead() == (16, True)
    assert suite(0x1303).overhead() == (17, False) and suite(0xC014).overhead() == (16 + 20 + 1, False)
    assert not suite(0xC014).aead and not suite(0x1304).aead
