"""Each lesson executed, on every rung, in both editions, as root and as an ordinary user.

A rung that this machine can't carry is skipped with the lab's own reason; on CI that fails (see ../conftest.py).
Where an ordinary user may listen, root has them run as the one named by MAILLAB_TEST_USER ("learner"), since that is
what a learner is; that user has to be able to read the course and its Python.
"""

import sys
from pathlib import Path

import nbformat
import pytest
from support.users import OTHER, ROOT, missing_user, run_as

from maillab.editions import solutions_for
from maillab.runner import RUNGS, lessons, run_lesson

pytestmark = [pytest.mark.lesson, pytest.mark.network, pytest.mark.timeout(400)]

LESSONS = lessons()
#: The solved edition everywhere, as an ordinary user where one may. (The student's runs in the browser, in the
#: sandbox, and on the tap below, before its exercises are solved there.)
EDITION = "solved"
#: These take longest, and on the tap run only below.
LONG = ("07", "11", "13", "14")
#: TLS and SSH have new keys in each connection, so a recording of these can't be played again.
NO_REPLAY = ("10", "11", "12", "13", "14")
ANYBODY = OTHER if ROOT else "me"
CASES = [("root" if ROOT and rung == "loopback" else ANYBODY, rung) for rung in RUNGS]  # on Linux only root hears lo

PROBE = """
from maillab.network.host import RungUnavailable
from maillab.network.rungs import open_network
try:
    open_network({rung!r})[0].close()
except RungUnavailable as error:
    print(error)
"""


@pytest.fixture(scope="session")
def reasons() -> dict[tuple[str, str], str]:
    """Filled by `unavailable`: what was asked once isn't asked again."""
    return {}


@pytest.fixture(scope="module")
def homes():
    """A home for each user, empty at first, that another user can reach (pytest's own folders are closed to others).

    One for all lessons, as at home: hashcat takes half a minute the first time, and keeps what it made.
    """
    import shutil
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="maillab-home-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def home(homes, user):
    folder = homes / user
    folder.mkdir(exist_ok=True)
    return folder


def unavailable(user: str, rung: str, home: Path, reasons: dict[tuple[str, str], str]) -> str:
    """Why this rung can't be had by this user here; "" where it can."""
    if (user, rung) not in reasons:
        reasons[user, rung] = missing_user(user) or ""
        if not reasons[user, rung] and rung != "replay":  # replay needs a recording, which the lesson names
            out = run_as(user, [sys.executable, "-c", PROBE.format(rung=rung)], home)
            assert out.returncode == 0, out.stderr
            reasons[user, rung] = out.stdout.strip()
    return reasons[user, rung]


EACH = [
    pytest.param(path, *case, id="-".join([path.name[:2], *case]))
    for case in CASES
    for path in LESSONS
    if path.name[:2] not in {"replay": NO_REPLAY, "tap": LONG}.get(case[1], ())
]


@pytest.mark.parametrize(("path", "user", "rung"), EACH)
def test_lesson(path, user, rung, home, reasons):
    """No error, all checks say PASS, on the rung asked for."""
    reason = unavailable(user, rung, home, reasons)
    if reason:
        pytest.skip(f"no {rung} for {user}: {reason}")
    command = [sys.executable, "-m", "maillab", "run", path.name[:2], "--edition", EDITION, "--rung", rung]
    out = run_as(user, command, home)
    assert out.returncode == 0, out.stdout + out.stderr
    words = out.stdout.split()
    assert words[:4] == [path.name[:2], path.stem[3:], EDITION, rung] and words[-1] == "ok"


@pytest.mark.parametrize("number", NO_REPLAY)
def test_what_cannot_be_replayed_says_so(number):
    run = run_lesson(lessons([number])[0], "student", rung="replay")
    assert not run.ok and "each connection has keys of its own" in run.problems[0]


@pytest.mark.parametrize("student", ["Zoë 47/2", "学生-12"])
def test_the_unknown_capture_is_solved_for_other_students_too(student):
    """Lesson 15 has another firm for each; ten of them are solved, without a notebook, in tests/firm."""
    run = run_lesson(lessons(["15"])[0], "solved", rung="tap", student=student)
    assert run.ok, run.problems
    assert [verdict["verdict"] for verdict in run.verdicts] == ["PASS"] * 5


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.name[:2])
def test_after_run_all_each_exercise_can_still_be_solved(path, tmp_path):
    """What a learner does: Run All first, then go back to the exercises, in any order."""
    notebook = nbformat.read(path, as_version=4)
    solutions = solutions_for(path)
    for number in reversed(solutions):
        notebook.cells.append(nbformat.v4.new_code_cell(solutions[number]))
    copy = tmp_path / path.name
    nbformat.write(notebook, copy)
    run = run_lesson(copy, "student", rung="tap")
    assert run.cells == sum(cell.cell_type == "code" for cell in notebook.cells)
    assert {verdict["verdict"] for verdict in run.verdicts[: len(solutions)]} == {"TODO"}
    assert [(v["exercise"], v["verdict"]) for v in run.verdicts[len(solutions) :]] == [
        (number, "PASS") for number in reversed(solutions)
    ]
