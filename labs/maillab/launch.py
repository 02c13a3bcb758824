"""`maillab open`: JupyterLab on the lessons, on this computer alone."""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from maillab.places import NOTEBOOKS, PACKAGE

HELP = """\
Opens the lessons in JupyterLab, in your browser. The server listens on 127.0.0.1 only and needs no network.
Stop it with Ctrl-C, or with File > Shut Down.

What you type is saved in notebooks/. For a fresh copy of a lesson, close it and run, in the course's folder,
  git restore notebooks/NN-name.ipynb      (or unpack the course once more)"""


def lesson_file(word: str | None, folder: Path = NOTEBOOKS) -> Path | None:
    """The notebook that `word` names: a number ("3", "03") or the start of a name; None for no word and no notebook.

    Without a word it is the first lesson. Raises LookupError, whose text is for the learner, where none fits.
    """
    lessons = sorted(folder.glob("[0-9][0-9]-*.ipynb"))
    if word is None:
        return lessons[0] if lessons else None
    wanted = word.zfill(2) + "-" if re.fullmatch(r"\d{1,2}", word) else word
    for path in lessons:
        if path.name.startswith(wanted) or path.stem[3:].startswith(wanted):
            return path
    known = ", ".join(path.stem[:2] for path in lessons) or "none here yet"
    raise LookupError(f"There is no lesson {word!r}: the lessons are {known}.")


def lab_command(lesson: Path | None, *, browser: bool = True, port: int | None = None, root: bool = False) -> list[str]:
    """The command line that starts JupyterLab with `lesson` open (or its own start page)."""
    out = [
        sys.executable, "-m", "jupyterlab",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.root_dir={NOTEBOOKS}",
        "--LabApp.extension_manager=readonly",  # the other one asks the package index
        "--LabApp.default_url=/lab" + (f"/tree/{lesson.name}" if lesson else ""),
    ]  # fmt: skip
    if sys.platform == "linux":
        # Ubuntu's browsers are snaps, which can't read the page in a hidden folder that Jupyter would open.
        out.append("--ServerApp.use_redirect_file=False")
    if port is not None:
        out.append(f"--ServerApp.port={port}")
    if not browser:
        out.append("--no-browser")
    if root:
        out.append("--allow-root")
    return out


def lab_environment(given: Mapping[str, str]) -> dict[str, str]:
    """`given` with our JupyterLab settings in front and our Python first.

    `!maillab doctor` in a cell or a terminal then finds the course's command, and the kernel is the course's own
    even where an older kernel called python3 is registered in the learner's home.
    """
    out = dict(given)
    config = [str(PACKAGE / "jupyter"), *filter(None, [given.get("JUPYTER_CONFIG_PATH")])]
    out["JUPYTER_CONFIG_PATH"] = os.pathsep.join(config)
    out["PATH"] = os.pathsep.join(filter(None, [str(Path(sys.executable).parent), given.get("PATH", os.defpath)]))
    out["JUPYTER_PREFER_ENV_PATH"] = "1"
    return out


def arguments() -> argparse.ArgumentParser:
    """The options of `maillab open`."""
    out = argparse.ArgumentParser(
        prog="maillab open", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    out.add_argument("lesson", nargs="?", metavar="LESSON", help="a lesson's number or name (default: the first)")
    out.add_argument("--no-browser", action="store_true", help="print the address instead of opening a browser")
    out.add_argument("--port", type=int, help="the port to listen on (default: 8888, or the next free one)")
    return out


def main(argv: Sequence[str] | None = None) -> int:
    """Start JupyterLab and wait for its end; returns its exit code."""
    options = arguments().parse_args(argv)
    try:
        lesson = lesson_file(options.lesson)
    except LookupError as error:
        print(error.args[0], file=sys.stderr)
        return 2
    if find_spec("jupyterlab") is None:
        print("JupyterLab isn't installed here: `python3 labs/start.py` sets it up.", file=sys.stderr)
        return 1
    root = sys.platform != "win32" and os.geteuid() == 0
    if root:
        print(
            "You are root, so every cell runs as root: an ordinary user is enough for all lessons.",
            file=sys.stderr,
        )
    command = lab_command(lesson, browser=not options.no_browser, port=options.port, root=root)
    environment = lab_environment(os.environ)
    if sys.platform != "win32":
        sys.stdout.flush()
        os.execve(command[0], command, environment)  # one process: Ctrl-C and kill reach JupyterLab itself
    process = subprocess.Popen(command, env=environment)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # JupyterLab got it too, asks its question and ends by itself
            continue
