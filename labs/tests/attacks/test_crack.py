"""The search: found, not found, cancelled; alone and with other processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from maillab.attacks import Candidates, Result, crack, scheme
from maillab.attacks.speed import EXAMPLES

CRAM, SCRAM = EXAMPLES["CRAM-MD5"], EXAMPLES["SCRAM-SHA-256"]


def test_found() -> None:
    result = crack(CRAM, ["sesame", "tanstaaftanstaaf", "swordfish"], progress=False)
    assert (result.password, result.guesses, result.processes, result.finished) == ("tanstaaftanstaaf", 2, 1, True)
    assert repr(result).startswith("<The password is 'tanstaaftanstaaf': found after 2 guesses, 0.0 s, ")
    assert result.rate == pytest.approx(2 / result.seconds)


def test_found_by_a_generator_and_by_rules() -> None:
    assert crack(EXAMPLES["DIGEST-MD5"], (word for word in ("a", "secret")), progress=False).password == "secret"
    assert crack(SCRAM, Candidates(["Pencil", "pencil"], ["as it is"]), progress=False).password == "pencil"


def test_not_found() -> None:
    candidates = scheme(range(10), range(10), range(100))
    result = crack(CRAM, candidates, progress=False)
    assert (result.password, result.guesses, result.finished) == (None, len(candidates), True)
    assert repr(result).startswith("<Not found: it is none of 10,000 guesses, ")
    assert crack(CRAM, [], progress=False) == Result(None, 0, pytest.approx(0, abs=5), 1)  # type: ignore[arg-type]


def test_other_processes_find_it_too() -> None:
    words = [f"word{number}" for number in range(3000)]
    words[2900] = "pencil"
    result = crack(SCRAM, words[2600:], processes=2, progress=False)
    assert (result.password, result.processes) == ("pencil", 2)
    none = crack(CRAM, Candidates(words, ["digits"]), processes=2, progress=False)
    assert (none.password, none.guesses, none.processes, none.finished) == (None, 3000 * 182, 2, True)


def test_given_up() -> None:
    result = crack(SCRAM, scheme(range(100), range(100)), processes=1, progress=False, seconds=0.3)
    assert not result.finished and 0 < result.guesses < 10_000 and result.password is None
    assert repr(result).startswith("<Stopped after ")


def test_short_work_is_done_alone() -> None:
    assert crack(CRAM, Candidates(["tanstaaf"] * 500, ["digits"]), progress=False).processes == 1


def test_progress_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    crack(CRAM, scheme(range(10), range(1000)))
    err = capsys.readouterr().err
    assert "CRAM-MD5" in err and "guesses/s" in err and "100%" in err


@pytest.mark.skipif(sys.platform == "win32", reason="not in CI: signals are sent otherwise there")
@pytest.mark.parametrize(("processes", "after"), [(1, 0.5), (2, 0.5), (2, 3.0)])
def test_cancelled(processes: int, after: float) -> None:
    """An interrupt ends it within a moment, with a result; no process stays behind."""
    code = textwrap.dedent(f"""
        import sys, signal
        from maillab.attacks import crack, scheme
        from maillab.attacks.speed import EXAMPLES

        if __name__ == "__main__":
            signal.signal(signal.SIGINT, signal.default_int_handler)
            many = scheme(range(100), range(100))
            crack(EXAMPLES["APOP"], ["x"], progress=False)  # what has to be loaded is loaded now
            print("begins", flush=True)
            result = crack(EXAMPLES["SCRAM-SHA-256"], many, processes={processes}, progress=False)
            print(result.finished, result.password, repr(result), flush=True)
    """)
    # A group of its own, which is interrupted as a whole, as Jupyter does it
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout and process.stderr
    assert process.stdout.readline() == "begins\n"
    time.sleep(after)  # also while the other processes start
    began = time.perf_counter()
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert time.perf_counter() - began < 10
    assert out.startswith("False None <Stopped after ") and not err
    with pytest.raises(ProcessLookupError):
        for _ in range(100):  # multiprocessing's helper sees a moment later that all is over
            os.killpg(process.pid, 0)
            time.sleep(0.1)


def test_cancelled_from_within() -> None:
    """What was tried until then is told."""
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("not in CI: only the main thread can be interrupted")
    crack(SCRAM, ["x"], progress=False)  # what has to be loaded is loaded now
    timer = threading.Timer(1.0, signal.raise_signal, [signal.SIGINT])
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer.start()
    try:
        result = crack(SCRAM, scheme(range(100), range(100)), processes=1, progress=False)
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)
    assert not result.finished and 0 < result.guesses < 10_000 and result.seconds < 10, result
