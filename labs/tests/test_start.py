"""start.py: each thing that goes wrong on a learner's computer is one sentence with the cure.

Most tests use a make-believe installer; the two marked slow set up the course from nothing.
"""

import ast
import doctest
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import namedtuple
from types import SimpleNamespace

import pytest

from maillab.places import COURSE, LABS

START = LABS / "start.py"
POSIX = sys.platform != "win32"


@pytest.fixture
def start(tmp_path, monkeypatch):
    """start.py as a module, working on an empty folder with lock files of its own."""
    spec = importlib.util.spec_from_file_location("start_under_test", START)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    labs = tmp_path / "course" / "labs"
    labs.mkdir(parents=True)
    for name in ("requirements.lock", "requirements-test.lock"):
        (labs / name).write_text(f"a==1 \\\n    --hash=sha256:{'0' * 64}\n# {name}\n")
    (labs / "maillab").mkdir()
    (labs / "maillab" / "__init__.py").touch()
    monkeypatch.setattr(module, "LABS", str(labs))
    monkeypatch.setattr(module, "VENV", str(labs / ".venv"))
    monkeypatch.setattr(module, "BIN", str(labs / ".venv" / os.path.basename(module.BIN)))
    monkeypatch.setattr(module, "PYTHON", os.path.join(module.BIN, os.path.basename(module.PYTHON)))
    monkeypatch.setattr(module, "STAMP", str(labs / ".venv" / "maillab-ready.json"))
    monkeypatch.setattr(module, "find_uv", lambda: None)
    monkeypatch.setattr(module, "check_imports", lambda: None)
    monkeypatch.setattr(module, "go", lambda words: SimpleNamespace(went=words))
    return module


@pytest.fixture
def quick(start, monkeypatch):
    """The same with a make-believe installer: `quick.installs` lists what it was asked for."""
    start.installs = []
    monkeypatch.setattr(start, "install", lambda kind, uv: start.installs.append(kind))
    real = start.make_venv
    monkeypatch.setattr(start, "make_venv", lambda with_pip: real(False))  # without pip: 0.1 s
    return start


def sentence(capsys) -> str:
    """The last line on stderr."""
    return capsys.readouterr().err.strip().splitlines()[-1]


# ---- the Python that runs it ---------------------------------------------------------------------------


def test_an_old_python_can_parse_it_and_is_told_what_to_do(start):
    ast.parse(START.read_text(encoding="utf-8"), feature_version=(3, 4))
    for version in ((3, 4, 0), (3, 10, 13)):
        assert re.match(
            r"This course needs Python 3\.11 or newer and this is Python 3\.\d+: install", start.too_old(version)
        )
    assert start.too_old((3, 11, 0)) is None and start.too_old((4, 0, 0)) is None


def test_only_the_standard_library_is_imported():
    names = {
        name.name.split(".")[0]
        for node in ast.walk(ast.parse(START.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (node.names if isinstance(node, ast.Import) else [ast.alias(node.module or "")])
    }
    assert names <= sys.stdlib_module_names


@pytest.mark.parametrize("module", ["ensurepip", "venv"])
def test_a_python_without_venv_names_the_package_that_brings_it(start, monkeypatch, capsys, module):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == module else real(name, *rest))
    assert start.main([]) == 1
    assert f"came without its {module} module" in (said := sentence(capsys)) and "apt install python3-venv" in said


def test_uv_needs_no_ensurepip(quick, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "ensurepip" else real(name, *rest)
    )
    monkeypatch.setattr(quick, "find_uv", lambda: "uv")
    assert quick.main([]).went == ["open"]


def test_a_uv_that_does_not_run_is_none(tmp_path, monkeypatch):
    if not POSIX:
        pytest.skip("not in CI: a shim as a shell script")
    spec = importlib.util.spec_from_file_location("start_for_uv", START)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "uv").write_text("#!/bin/sh\necho 'uv: command not found' >&2\nexit 127\n")
    (tmp_path / "uv").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert module.find_uv() is None
    (tmp_path / "uv").write_text("#!/bin/sh\nexit 0\n")
    assert module.find_uv() == str(tmp_path / "uv")


# ---- disk, folder, network -----------------------------------------------------------------------------


def test_a_full_disk_is_noticed_before_anything_is_made(start, monkeypatch, capsys):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 9 * 10**8, 10**8))
    assert start.main(["doctor"]) == 1
    assert "disk is too full: the set-up needs 600 MB" in (said := sentence(capsys)) and "100 MB are free" in said
    assert not os.path.exists(start.VENV)


def test_a_folder_that_can_not_be_written_says_where_to_go(start, monkeypatch, capsys):
    real = open

    def refuse(path, *rest, **options):
        if str(path).endswith(".setup-lock"):
            raise PermissionError(13, "Permission denied")
        return real(path, *rest, **options)

    monkeypatch.setattr(start, "open", refuse, raising=False)
    assert start.main([]) == 1
    assert "(Permission denied): copy the course to a folder of your own" in sentence(capsys)


@pytest.mark.parametrize(
    ("printed", "cure"),
    [
        ("WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)'", "No network"),
        (
            "  Caused by: dns error\n  Caused by: failed to lookup address: Temporary failure in name resolution",
            "No network",
        ),
        ("ERROR: Could not find a version that satisfies the requirement a==1\nConnection refused", "No network"),
        ("error: Request failed: operation timed out", "No network"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]'))", "SSL_CERT_FILE and PIP_CERT"),
        ("error: invalid peer certificate: UnknownIssuer", "SSL_CERT_FILE and PIP_CERT"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "The disk is full"),
        ("error: failed to write: There is not enough space on the disk. (os error 112)", "The disk is full"),
        (
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE",
            "isn't the one that the lock names",
        ),
        ("ERROR: No matching distribution found for a==1", "64-bit Python 3.11 to 3.14"),
        ("error: a==1 has no usable wheels", "64-bit Python 3.11 to 3.14"),
        ("The virtual environment was not created successfully because ensurepip is not\navailable.", "python3-venv"),
        (
            "error: failed to create directory: Permission denied (os error 13)",
            "copy the course to a folder of your own",
        ),
        (
            "something\nERROR: a thing that nobody foresaw\nmore",
            "installing the packages: ERROR: a thing that nobody foresaw",
        ),
    ],
)
def test_what_an_installer_prints_becomes_one_sentence(start, monkeypatch, capsys, printed, cure):
    monkeypatch.setattr(start, "watch", lambda command, total: (1, printed))
    monkeypatch.setattr(start, "make_venv", lambda with_pip, real=start.make_venv: real(False))
    assert start.main([]) == 1
    assert cure in sentence(capsys)
    assert not start.ready("course")


# ---- again, interrupted, twice at once -----------------------------------------------------------------


def test_once_set_up_it_is_instant_and_installs_nothing(quick):
    assert quick.main([]).went == ["open"]
    assert quick.main(["doctor", "--json"]).went == ["doctor", "--json"]
    began = time.monotonic()
    assert quick.main(["findings", "a.pcap"]).went == ["findings", "a.pcap"]
    assert time.monotonic() - began < 0.5
    assert quick.installs == ["course"]


def test_once_set_up_it_needs_neither_network_nor_installer_nor_a_folder_to_write_in(quick, monkeypatch):
    quick.set_up("course")
    for name in ("find_uv", "check_disk", "make_venv", "install", "alone"):
        monkeypatch.setattr(quick, name, None)  # calling it would raise
    assert quick.main([]).went == ["open"]


@pytest.mark.parametrize("stamp", [None, "", "{", "[]", '{"course": "0"}', '{"course": null, "python": [3, 11]}'])
def test_a_half_made_environment_is_made_anew(quick, stamp):
    os.makedirs(os.path.join(quick.VENV, "leftovers"))
    if stamp is not None:
        with open(quick.STAMP, "w") as file:
            file.write(stamp)
    quick.set_up("course")
    assert quick.ready("course") and not os.path.exists(os.path.join(quick.VENV, "leftovers"))


def test_an_interrupt_leaves_no_stamp_and_the_next_try_starts_afresh(quick, monkeypatch, capsys):
    def interrupted(kind, uv):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(quick, "install", interrupted)
        assert quick.main([]) == 130
    assert sentence(capsys) == "Interrupted. Run the same command again: what was downloaded is kept."
    assert not quick.ready("course")
    assert quick.main([]).went == ["open"]


def test_interrupted_while_adding_the_tests_packages_everything_is_made_anew(quick, monkeypatch):
    quick.set_up("course")
    with monkeypatch.context() as patch:
        patch.setattr(quick, "install", lambda kind, uv: (_ for _ in ()).throw(KeyboardInterrupt))
        assert quick.main(["test"]) == 130
    assert not quick.ready("course") and not quick.ready("test")


def test_the_tests_packages_come_on_top_of_the_course(quick):
    quick.set_up("course")
    marker = os.path.join(quick.VENV, "still-here")
    open(marker, "w").close()
    assert not quick.ready("test")
    quick.set_up("test")
    assert quick.ready("test") and quick.ready("course") and os.path.exists(marker)
    assert quick.installs == ["course", "test"]


def test_a_new_lock_makes_a_new_environment_and_line_ends_do_not(quick):
    quick.set_up("course")
    lock = os.path.join(quick.LABS, "requirements.lock")
    with open(lock, "rb") as file:
        text = file.read()
    with open(lock, "wb") as file:
        file.write(text.replace(b"\n", b"\r\n"))
    assert quick.ready("course")
    with open(lock, "ab") as file:
        file.write(b"# newer\n")
    assert not quick.ready("course")


def test_an_environment_whose_python_has_gone_is_made_anew(quick):
    quick.set_up("course")
    os.remove(quick.PYTHON)
    assert not quick.ready("course")
    quick.set_up("course")
    assert quick.ready("course")


def test_a_python_of_another_version_is_noticed(quick):
    quick.set_up("course")
    with open(quick.STAMP) as file:
        stamp = json.load(file)
    with open(quick.STAMP, "w") as file:
        json.dump({**stamp, "python": [3, 99]}, file)
    assert not quick.ready("course")


def test_of_two_at_once_one_works_and_the_other_waits(quick, monkeypatch, capsys):
    inside, most = [], []

    def slow(kind, uv):
        inside.append(kind)
        most.append(len(inside))
        time.sleep(0.8)
        quick.installs.append(kind)
        inside.pop()

    monkeypatch.setattr(quick, "install", slow)
    threads = [threading.Thread(target=quick.set_up, args=("course",)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert quick.installs == ["course"] and most == [1]
    assert "Another set-up is under way" in capsys.readouterr().err


def test_the_package_is_seen_and_the_course_can_be_moved(quick, tmp_path):
    quick.set_up("course")
    moved = tmp_path / "elsewhere"
    os.rename(os.path.dirname(quick.LABS), moved)
    python = str(moved / "labs" / os.path.relpath(quick.PYTHON, quick.LABS))
    where = subprocess.check_output([python, "-I", "-c", "import maillab; print(maillab.__file__)"], text=True).strip()
    assert os.path.realpath(where) == os.path.realpath(moved / "labs" / "maillab" / "__init__.py")


# ---- what it runs and shows ----------------------------------------------------------------------------


def test_nothing_leads_an_installer_out_of_the_environment(start, monkeypatch):
    for name in ("PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PYTHONPATH"):
        monkeypatch.setenv(name, "elsewhere")
    monkeypatch.setenv("PIP_INDEX_URL", "mirror")
    out = start.clean_environment()
    assert not {"PIP_TARGET", "PIP_PREFIX", "PYTHONPATH"} & out.keys() and out["PIP_USER"] == "0"
    assert out["PIP_INDEX_URL"] == "mirror" and out["UV_PYTHON_DOWNLOADS"] == "never"


@pytest.mark.parametrize("uv", [None, "/somewhere/uv"])
def test_the_installer_takes_locked_wheels_for_this_environment_alone(start, monkeypatch, uv):
    seen = []
    monkeypatch.setattr(start, "watch", lambda command, total: seen.append((command, total)) or (0, ""))
    monkeypatch.setattr(subprocess, "run", lambda *rest, **options: SimpleNamespace(returncode=0))
    start.install("course", uv)
    ((command, total),) = seen
    assert total == 1
    assert {"--require-hashes", "--no-deps", ":all:"} <= {*command}
    assert command[: 5 if uv else 4] == (
        [uv, "pip", "install", "--python", start.PYTHON] if uv else [start.PYTHON, "-m", "pip", "install"]
    )


def test_progress_says_what_is_downloaded_and_how_far_it_is(start, capsys):
    lines = "Collecting a==1\\n  Downloading a-1-py3-none-any.whl (3.2 MB)\\nInstalling collected packages: a\\n"
    assert start.watch([sys.executable, "-c", f"print('{lines}')"], 7)[0] == 0
    said = capsys.readouterr().err
    assert "1/7  downloading a 1 (3.2 MB)" in said and "unpacking" in said


def test_the_examples_in_start_are_right(start):
    assert doctest.testmod(start).failed == 0


def test_ruff_and_mypy_speak_before_pytest_and_their_word_counts(start, monkeypatch):
    calls = []

    def call(command, cwd):
        calls.append(command[2])
        return int(command[2] == "mypy")

    monkeypatch.setattr(subprocess, "call", call)
    assert start.run_tests(["-k", "x"]) == 1
    assert calls == ["ruff", "mypy", "pytest"]


@pytest.mark.parametrize("codes", [(0, 0), (1, 0), (0, 1)])
def test_what_measures_the_page_runs_last_and_alone(start, monkeypatch, codes):
    runs = []

    def call(command, cwd):
        if command[2] == "pytest":
            runs.append(command[3:])
            return codes[len(runs) - 1]
        return 0

    monkeypatch.setattr(subprocess, "call", call)
    assert start.run_tests([]) == max(codes)
    assert runs[0][-2:] == ["-m", "not latency"] and runs[1] == ["-m", "latency", "tests/browser"]


def test_help_needs_no_set_up(start, capsys):
    assert start.main(["--help"]) == 0
    assert "start.py test" in capsys.readouterr().out and not os.path.exists(start.VENV)


# ---- for real ------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_from_nothing_to_a_working_command(tmp_path, tool):
    """A copy of the course in an empty home: set up, run, and again without network."""
    if tool == "uv" and not shutil.which("uv"):
        pytest.skip("not in CI: there is no uv here")
    copy = tmp_path / "course"
    leave = shutil.ignore_patterns(".venv", ".git", "__pycache__", ".*_cache", ".hypothesis", "dist", ".state")
    shutil.copytree(COURSE, copy, ignore=leave)
    path = os.environ["PATH"]
    if tool == "pip":
        path = os.pathsep.join(folder for folder in path.split(os.pathsep) if not shutil.which("uv", path=folder))
    home = tmp_path / "home"
    home.mkdir()
    environment = {**os.environ, "HOME": str(home), "USERPROFILE": str(home), "PATH": path}
    command = [getattr(sys, "_base_executable", sys.executable), str(copy / "labs" / "start.py"), "run", "77"]
    first = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert first.returncode == 2 and "There is no lesson 77" in first.stderr, first.stderr
    assert f"with {tool} (once" in first.stderr and "Ready after" in first.stderr
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    again = subprocess.run(command, capture_output=True, text=True, env={**environment, **nowhere}, cwd=tmp_path)
    assert again.returncode == 2 and again.stderr.strip().count("\n") == 0 and "There is no lesson 77" in again.stderr
