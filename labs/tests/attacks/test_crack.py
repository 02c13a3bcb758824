"""The search: found, not found, cancelled; alone and with other processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

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
    assert "guessing" in err and "guesses/s" in err and "100%" in err


@pytest.mark.parametrize("processes", [0, -1, "2", 1.5])
def test_how_many_processes(processes: Any) -> None:
    with pytest.raises(ValueError, match="whole number from 1 up"):
        crack(CRAM, ["x"], processes=processes, progress=False)


@pytest.mark.parametrize("words", ["tanstaaf", None, [b"tanstaaf"]])
def test_what_is_no_list_of_words(words: Any) -> None:
    with pytest.raises(ValueError, match="list of texts"):
        crack(CRAM, words, progress=False)


def test_many_endings_take_no_room() -> None:
    """A portion stays small, so giving up is quick too."""
    result = crack(SCRAM, scheme(["a", "b"], range(20_000)), processes=1, progress=False, seconds=0.1)
    assert not result.finished and 0 < result.guesses < 10_000


def test_other_processes_that_cannot_start() -> None:
    """A program from standard input can't be imported by them: this one goes on alone, and leaves nothing out."""
    code = textwrap.dedent("""
        from maillab.attacks import crack, scheme
        from maillab.attacks.speed import EXAMPLES

        print(crack(EXAMPLES["SCRAM-SHA-256"], scheme(range(5), range(160)), processes=2, progress=False))
    """)
    done = subprocess.run([sys.executable, "-"], input=code, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("<Not found: it is none of 800 guesses, ") and "on one core" in done.stdout
    assert "UserWarning: One of the other processes died" in done.stderr


class Fatal(Candidates):
    """Kills the process that comes to the word "fatal", unless it is this one."""

    here = os.getpid()

    def __reduce__(self) -> Any:
        return Fatal.again, (self.words, self.here)

    @staticmethod
    def again(words: list[str], here: int) -> Fatal:
        it = Fatal(words)
        it.here = here
        return it

    def portion(self, start: int, stop: int) -> list[bytes]:
        if "fatal" in self.words[start:stop] and os.getpid() != self.here:
            os._exit(1)
        return super().portion(start, stop)


def test_another_process_dies_in_the_middle() -> None:
    """What it had in hand is tried here: each guess once, the last word too."""
    words = [f"word{number}" for number in range(1500)]
    words[900] = "fatal"
    with pytest.warns(UserWarning, match="goes on alone"):
        none = crack(SCRAM, Fatal(words), processes=2, progress=False)
    assert (none.password, none.guesses, none.processes, none.finished) == (None, 1500, 1, True)


WATCHED = """
    import os, signal, sys
    from pathlib import Path
    from maillab.attacks import Candidates, crack
    from maillab.attacks.speed import EXAMPLES

    class Watched(Candidates):
        def portion(self, start, stop):
            Path(sys.argv[1], str(os.getpid())).touch()
            return super().portion(start, stop)

    if __name__ == "__main__":
        signal.signal(signal.SIGINT, signal.default_int_handler)
        many = Watched(map(str, range(10_000)))
        result = crack(EXAMPLES["SCRAM-SHA-256"], many, processes=int(sys.argv[2]), progress=False)
        print(result.finished, result.password, result.guesses, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="not in CI: signals are sent otherwise there")
@pytest.mark.parametrize(("processes", "at_work"), [(1, 1), (2, 1), (2, 3)])
def test_cancelled(processes: int, at_work: int, tmp_path: Path) -> None:
    """An interrupt ends it within a moment, with a result; no process stays behind.

    Alone, while the other processes start, and when they have begun.
    """
    script, seen = tmp_path / "search.py", tmp_path / "seen"
    script.write_text(textwrap.dedent(WATCHED), "utf-8")
    seen.mkdir()
    # A group of its own, which is interrupted as a whole, as Jupyter does it
    process = subprocess.Popen(
        [sys.executable, str(script), str(seen), str(processes)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    while len(list(seen.iterdir())) < at_work and process.poll() is None:
        time.sleep(0.02)
    time.sleep(0.4)
    began = time.perf_counter()
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert time.perf_counter() - began < 10
    finished, password, guesses = out.split()
    assert (finished, password, err) == ("False", "None", "") and 0 < int(guesses) < 10_000
    with pytest.raises(ProcessLookupError):
        for _ in range(100):  # multiprocessing's helper sees a moment later that all is over
            os.killpg(process.pid, 0)
            time.sleep(0.1)
