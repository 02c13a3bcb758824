"""The same guess with hashcat (https://hashcat.net), where it is installed: what guessers really use."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..findings import Finding
from .candidates import checked


@dataclass(frozen=True)
class HashcatResult:
    """What hashcat found, and how long it took with all its preparations. ``command``: what was run."""

    password: str | None
    seconds: float
    command: str = field(repr=False)
    output: str = field(repr=False)

    def __repr__(self) -> str:
        said = "didn't find it" if self.password is None else f"says that the password is {self.password!r}"
        return f"<hashcat {said}: {self.seconds:.1f} s>"


def available() -> str | None:
    """Where hashcat is, None if it isn't installed or finds nothing to compute with (it needs an OpenCL driver)."""
    path = shutil.which("hashcat")
    if path is None:
        return None
    try:
        asked = subprocess.run(
            [path, "-I"], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return path if "Backend Device ID" in asked.stdout else None


def run(finding: Finding, guesses: str | Iterable[str], timeout: float = 300.0) -> HashcatResult:
    """Let hashcat guess the password of ``finding``.

    Args:
        guesses: words, or a mask such as ``"copper-otter-?d?d"`` (``?d`` a digit, ``?l`` a small letter).

    Raises:
        ValueError: hashcat has no mode for this finding, or those aren't words.
        RuntimeError: hashcat isn't here, or it failed; the sentence repeats what it said.
        subprocess.TimeoutExpired: it took too long.
    """
    mode, path = _mode(finding), _path()
    assert finding.hashcat is not None
    with tempfile.TemporaryDirectory(prefix="maillab-") as name:
        folder = Path(name)
        target, words, out = folder / "hash", folder / "words", folder / "found"
        target.write_text(f"{finding.hashcat['line']}\n", "utf-8")
        if isinstance(guesses, str):
            attack = ["-a", "3", str(target), guesses]
        else:
            words.write_text("".join(f"{_written(word)}\n" for word in checked(guesses)), "utf-8", newline="\n")
            attack = ["-a", "0", str(target), str(words)]
        # Neither what it found before (the potfile) nor where it stopped may count here.
        command = [path, "-m", mode, "--quiet", "--potfile-disable", "--restore-disable", *_session()]
        command += ["--outfile-format", "2", "-o", str(out), *attack]
        began = time.perf_counter()
        done = subprocess.run(
            # hashcat reads keys while it runs, so it must not have the caller's standard input
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=timeout,
            cwd=Path(path).resolve().parent if Path(path).suffix.lower() == ".exe" else None,
        )  # fmt: skip
        took = time.perf_counter() - began
        said = done.stdout + done.stderr
        if done.returncode not in (0, 1):  # 0: cracked, 1: exhausted
            raise RuntimeError(f"hashcat failed: {' '.join(said.split()) or f'exit code {done.returncode}'}")
        found = out.read_text("utf-8").rstrip("\n") if out.exists() else ""
    return HashcatResult(_plain(found) if done.returncode == 0 else None, took, " ".join(command), said)


def rate(finding: Finding, timeout: float = 120.0) -> float:
    """Guesses a second that hashcat makes at this mechanism on this computer, by its own benchmark.

    Raises:
        ValueError: hashcat has no mode for this finding.
        RuntimeError: hashcat isn't here, or it failed; the sentence repeats what it said.
        subprocess.TimeoutExpired: it took too long.
    """
    mode = _mode(finding)
    command = [_path(), "-b", "-m", mode, "--quiet", "--machine-readable", *_session()]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=timeout
    )
    # A line for each device, "1:20:4294967295:4294967295:18.77:98476698"; the last field is its rate.
    rates = re.findall(rf"^\d+:{mode}:.*:(\d+)$", done.stdout, re.MULTILINE)
    if not rates:
        raise RuntimeError(f"hashcat failed: {' '.join((done.stdout + done.stderr).split())}")
    return float(sum(map(int, rates)))


def _mode(finding: Finding) -> str:
    if finding.hashcat is None:
        raise ValueError(f"hashcat has no mode for {finding.mechanism} as it crosses the wire, or a part is missing.")
    return str(finding.hashcat["mode"])


def _session() -> list[str]:
    """A name of its own: hashcat runs only once at a time under the same one."""
    return ["--session", f"maillab-{os.getpid()}-{time.monotonic_ns()}"]


def _path() -> str:
    path = shutil.which("hashcat")
    if path is None:
        raise RuntimeError("hashcat isn't installed on this computer.")
    return path


def _written(word: str) -> str:
    """A word as a line for hashcat: as octets where it would be read as something else.

    >>> _written("sesame"), _written("$HEX[61]"), _written("a\\nb")
    ('sesame', '$HEX[244845585b36315d]', '$HEX[610a62]')
    """
    if word.startswith("$HEX[") or "\n" in word or "\r" in word:
        return f"$HEX[{word.encode().hex()}]"
    return word


def _plain(found: str) -> str:
    """hashcat writes what isn't ASCII, or has a colon, as octets.

    >>> _plain("$HEX[70c3a47373]"), _plain("sesame")
    ('päss', 'sesame')
    """
    if found.startswith("$HEX[") and found.endswith("]"):
        return bytes.fromhex(found[5:-1]).decode("utf-8", "backslashreplace")
    return found
