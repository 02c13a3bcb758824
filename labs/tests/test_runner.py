"""The runner: both editions of a tiny lesson, and every way in which a lesson can come out wrong."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from maillab import runner
from maillab.runner import VERDICT, Run, lessons, run_lesson, unfit

CHECK = f"""
def check(name, answer):
    word = "TODO" if answer is None else "PASS" if answer == 42 else "FAIL"
    bundle = {{"exercise": name, "verdict": word, "seen": repr(answer), "expected": "42", "hint": "?"}}
    display({{"text/plain": word, "{VERDICT}": bundle}}, raw=True)
"""


def lesson(folder: Path, *sources: str, solution: str | None = 'check("90.1", 42)') -> Path:
    """A lesson of these cells in `folder`; the cell that starts with "check" is exercise 90.1."""
    cells = []
    for number, source in enumerate([CHECK, *sources]):
        metadata = {"maillab": {"exercise": "90.1"}} if source.startswith("check") else {}
        cells.append(new_code_cell(source, id=f"cell-{number}", metadata=metadata))
    path = folder / "90-tiny.ipynb"
    kernelspec = {"name": "a-kernel-that-nobody-has", "display_name": "?"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernelspec}), path)
    if solution:
        (folder / "90.py").write_text(f"# %% 90.1\n{solution}\n")
    return path


def go(path: Path, edition="student", **options) -> Run:
    return run_lesson(path, edition, solutions=path.parent, **options)


def test_each_edition_comes_to_its_verdict_in_this_very_python(tmp_path):
    path = lesson(
        tmp_path,
        "import sys, os\nprint(sys.executable, os.getcwd(), os.environ['MAILLAB_STUDENT'], os.environ['MAILLAB_RUNG'])",
        'check("90.1", None)',
        "class lab: rung = 'tap'",
    )
    before = path.read_bytes()
    student = go(path, student="s-17", rung="tap")
    assert student.ok, student.problems
    assert [verdict["verdict"] for verdict in student.verdicts] == ["TODO"]
    assert (
        student.line().split()
        == "90 tiny student tap 4 cells 1 TODO _ s ok".replace("_", f"{student.seconds:.1f}").split()
    )
    assert student.notebook is not None
    printed = student.notebook.cells[1].outputs[0].text.split()
    assert printed == [sys.executable, str(tmp_path.resolve()), "s-17", "tap"]

    solved = go(path, "solved", student="s-17", rung="tap")
    assert solved.ok, solved.problems
    assert [verdict["verdict"] for verdict in solved.verdicts] == ["PASS"]
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["90-tiny.ipynb", "90.py"]


def test_the_rung_on_the_line_is_the_one_that_the_lab_chose(tmp_path):
    assert go(lesson(tmp_path, 'check("90.1", None)', "class lab: rung = 'sandbox'")).rung == "sandbox"
    assert go(lesson(tmp_path, 'check("90.1", None)')).rung == "-"


def test_it_can_be_called_where_a_loop_runs_already(tmp_path):
    async def inside() -> Run:
        return go(lesson(tmp_path, 'check("90.1", None)'))

    with ThreadPoolExecutor(1) as pool:  # this thread may have a loop already, left by a browser test
        assert pool.submit(asyncio.run, inside()).result().ok


@pytest.mark.parametrize(
    ("sources", "solution", "edition", "complaint"),
    [
        (['check("90.1", 41)'], None, "student", "90.1 says FAIL where student has TODO (seen: 41)"),
        (['check("90.1", 42)'], None, "student", "90.1 says PASS where student has TODO"),
        (['check("90.1", None)'], 'check("90.1", None)', "solved", "90.1 says TODO where solved has PASS"),
        (["check"], None, "student", "90.1 came to no verdict"),
        (['if True: check("90.1", None)'], None, "student", "90.1 was checked but no cell is that exercise"),
        (['check("90.1", None)'], None, "solved", "no solution for exercise 90.1"),
        (["1 / 0"], None, "student", "ZeroDivisionError: division by zero"),
        (["import os; os._exit(3)"], None, "student", "the kernel died"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_raised(tmp_path, sources, solution, edition, complaint):
    run = go(lesson(tmp_path, *sources, solution=solution), edition)
    assert not run.ok and run.line().endswith("FAILED")
    assert complaint in "\n".join(run.problems)
    assert "\x1b" not in "\n".join(run.problems)


def test_a_cell_that_hangs_is_stopped_and_so_is_its_kernel(tmp_path):
    note = tmp_path / "pid"
    run = go(
        lesson(tmp_path, f"import os; open({str(note)!r}, 'w').write(str(os.getpid()))", "while True: pass"), timeout=2
    )
    assert run.problems == ["a cell took longer than 2 s"]
    assert gone(int(note.read_text()))


@pytest.mark.skipif(sys.platform == "win32", reason="not in CI: sends a POSIX signal")
def test_an_interrupted_run_leaves_no_kernel(tmp_path):
    note = tmp_path / "pid"
    path = lesson(
        tmp_path, f"import os; open({str(note)!r}, 'w').write(str(os.getpid()))", "import time; time.sleep(60)"
    )
    code = f"from pathlib import Path; from maillab.runner import run_lesson; run_lesson(Path({str(path)!r}))"
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not (note.exists() and note.read_text()) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    assert process.wait(20) == -signal.SIGINT and time.monotonic() - began < 5
    assert gone(int(note.read_text()))


def gone(pid: int) -> bool:
    """Is the process gone within five seconds?"""
    if sys.platform == "win32":
        return True
    for _ in range(50):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if (
            Path(f"/proc/{pid}/stat").exists()
            and Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
        ):
            return True
        time.sleep(0.1)
    return False


def test_lessons_are_found_by_number(tmp_path):
    for name in ("00-a.ipynb", "03-b.ipynb", "scratch.ipynb", "3-c.ipynb"):
        (tmp_path / name).touch()
    assert [path.name for path in lessons(folder=tmp_path)] == ["00-a.ipynb", "03-b.ipynb"]
    assert [path.name for path in lessons(["3"], tmp_path)] == ["03-b.ipynb"]
    with pytest.raises(LookupError, match="no lesson 09: there are 00, 03"):
        lessons(["09"], tmp_path)


def test_a_verdict_for_each_exercise_and_an_exercise_for_each_verdict():
    passed = {"exercise": "01.1", "verdict": "PASS", "seen": ""}
    assert unfit(["01.1"], [passed], "solved") == []
    assert unfit(["01.1", "01.2"], [passed], "solved") == ["01.2 came to no verdict"]
    assert unfit([], [passed], "solved") == ["01.1 was checked but no cell is that exercise"]


def test_the_command_prints_a_line_a_lesson_keeps_what_it_ran_and_fails_with_it(tmp_path, monkeypatch, capsys):
    path = lesson(tmp_path, 'check("90.1", None)')
    monkeypatch.setattr(runner, "lessons", lambda numbers: [path])
    out = tmp_path / "out"
    assert runner.main(["90", "--save", str(out)]) == 0
    assert capsys.readouterr().out.split()[:2] == ["90", "tiny"]
    kept = nbformat.read(out / "90-tiny.student.-.ipynb", as_version=4)
    assert kept.cells[-1].outputs
    assert runner.main(["90", "--edition", "solved"]) == 1  # its solutions aren't in labs/solutions
    assert "no solution for exercise 90.1" in capsys.readouterr().out


def test_an_unknown_lesson_is_one_sentence(capsys):
    assert runner.main(["77"]) == 2
    assert capsys.readouterr().err.startswith("There is no lesson 77")
