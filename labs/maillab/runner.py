"""`maillab run`: execute lessons without a browser and say, one line each, whether they came out as they should."""

import argparse
import asyncio
import contextlib
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from maillab.editions import EDITIONS, Edition, EditionError, edition_of, exercises, solutions_for
from maillab.places import NOTEBOOKS, SOLUTIONS

VERDICT = "application/vnd.maillab.verdict+json"
RUNGS = ("sandbox", "loopback", "tap", "replay")
#: what every check of an edition has to say
EXPECTED = {"student": "TODO", "solved": "PASS"}
#: seconds that one cell may take
TIMEOUT = 120


@dataclass
class Run:
    """How one lesson went. `problems` is empty when it came out as its edition should."""

    lesson: str
    name: str
    edition: Edition
    rung: str
    cells: int = 0
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    notebook: NotebookNode | None = None

    @property
    def ok(self) -> bool:
        """Did it run to its end, with the verdicts of its edition?"""
        return not self.problems

    def line(self) -> str:
        """One line, as `maillab run` prints it."""
        said = [verdict.get("verdict", "?") for verdict in self.verdicts]
        counts = ", ".join(f"{said.count(word)} {word}" for word in dict.fromkeys(said)) or "no checks"
        columns = (
            f"{self.lesson} {self.name:28}", f"{self.edition:7}", f"{self.rung:8}", f"{self.cells:3} cells",
            f"{counts:8}", f"{self.seconds:5.1f} s", "ok" if self.ok else "FAILED",
        )  # fmt: skip
        return "  ".join(columns)


class OwnPython(KernelSpecManager):
    """Whatever kernel a notebook asks for, it gets the Python that runs this: the one with maillab in it."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The kernel of this very Python."""
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="maillab", language="python")


def lessons(numbers: Sequence[str] = (), folder: Path = NOTEBOOKS) -> list[Path]:
    """The notebooks NN-name.ipynb with these numbers, all for none; LookupError names the number without one."""
    found = sorted(folder.glob("[0-9][0-9]-*.ipynb"))
    by_number = {path.name[:2]: path for path in found}
    missing = [number for number in numbers if number.zfill(2) not in by_number]
    if missing:
        raise LookupError(f"There is no lesson {', '.join(missing)}: there are {', '.join(by_number) or 'none'}.")
    return [by_number[number.zfill(2)] for number in numbers] if numbers else found


def verdicts_of(notebook: NotebookNode) -> list[dict[str, Any]]:
    """The verdicts that checks left in an executed notebook's outputs, in order."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [dict(output["data"][VERDICT]) for output in outputs if VERDICT in output.get("data", {})]


def unfit(asked: Sequence[str], verdicts: Sequence[Mapping[str, Any]], edition: Edition) -> list[str]:
    """What doesn't fit between the exercises of a notebook, the verdicts it came to and its edition.

    >>> unfit(["01.1"], [{"exercise": "01.1", "verdict": "PASS", "seen": "x"}], "student")
    ['01.1 says PASS where student has TODO (seen: x)']
    """
    out = [
        f"{verdict.get('exercise')} says {verdict.get('verdict')} where {edition} has {EXPECTED[edition]}"
        f" (seen: {verdict.get('seen')})"
        for verdict in verdicts
        if verdict.get("verdict") != EXPECTED[edition]
    ]
    checked = {str(verdict.get("exercise")) for verdict in verdicts}
    out += [f"{name} came to no verdict" for name in asked if name not in checked]
    out += [f"{name} was checked but no cell is that exercise" for name in sorted(checked - set(asked))]
    return out


def run_lesson(
    path: Path,
    edition: Edition = "student",
    rung: str | None = None,
    *,
    student: str | None = None,
    timeout: float = TIMEOUT,
    solutions: Path = SOLUTIONS,
) -> Run:
    """Execute one notebook in a kernel of its own, in the notebook's folder; nothing is written there.

    Args:
        path: the notebook, NN-name.ipynb.
        edition: "student" as it is, "solved" with its solutions.
        rung: the lab's rung; None lets the lab choose. Likewise `student`.
        timeout: seconds that one cell may take.
        solutions: the folder of NN.py.

    Never raises for what the notebook does: see the Run's `problems`.
    """
    run = Run(path.name[:2], path.stem[3:], edition, rung or "-")
    started = time.monotonic()
    try:
        notebook = edition_of(nbformat.read(path, as_version=4), edition, solutions_for(path, solutions))
    except (EditionError, OSError, ValueError) as error:
        run.problems.append(str(error))
        return run
    run.notebook = notebook
    run.cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    with tempfile.TemporaryDirectory(prefix="maillab-run-", ignore_cleanup_errors=True) as scratch:
        environment = kernel_environment(scratch, rung, student)
        try:
            run.rung = _finish(_execute(notebook, path.parent, environment, timeout, scratch)) or run.rung
        except CellExecutionError as error:
            run.problems.append(_tidy(str(error)))
        except CellTimeoutError:
            run.problems.append(f"a cell took longer than {timeout:g} s")
        except DeadKernelError:
            run.problems.append("the kernel died")
        except RuntimeError as error:
            run.problems.append(f"the kernel didn't start: {error}")
    run.verdicts = verdicts_of(notebook)
    if not run.problems:
        run.problems += unfit(exercises(notebook), run.verdicts, edition)
    run.seconds = time.monotonic() - started
    return run


def kernel_environment(scratch: str, rung: str | None, student: str | None) -> dict[str, str]:
    """The kernel's environment: no start-up files, history or kept work of whoever runs this, no window for figures."""
    out = {**os.environ, "IPYTHONDIR": str(Path(scratch, "ipython")), "PYTHONDONTWRITEBYTECODE": "1"}
    out["MAILLAB_WORK"] = str(Path(scratch, "work"))
    out["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    for name, value in (("MAILLAB_RUNG", rung), ("MAILLAB_STUDENT", student)):
        if value is not None:
            out[name] = value
    return out


def _finish(work: Coroutine[Any, Any, str | None]) -> str | None:
    """asyncio.run, also from where a loop runs already: a notebook's cell, a browser test."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def _execute(
    notebook: NotebookNode, folder: Path, environment: dict[str, str], timeout: float, scratch: str
) -> str | None:
    """Run all cells in place; returns the rung that the notebook's `lab` was on, None without one.

    However it ends, Ctrl-C included, no kernel outlives it, and so no lab.
    """
    manager = AsyncKernelManager(
        kernel_spec_manager=OwnPython(), connection_file=str(Path(scratch, "kernel.json")), kernel_name="python3"
    )
    if sys.platform != "win32" and len(os.fsencode(scratch)) < 80:  # a Unix socket's path has at most 104 bytes
        manager.transport = "ipc"  # sockets in the scratch folder: no port that another program could take
    client = NotebookClient(notebook, km=manager, timeout=timeout, shutdown_kernel="immediate")
    client.reset_execution_trackers()
    interrupted = False
    running = asyncio.current_task()
    assert running is not None

    def stop() -> None:
        nonlocal interrupted
        interrupted = True
        running.cancel()

    async with client.async_setup_kernel(env=environment, cwd=str(folder), cleanup_kc=True):
        with contextlib.suppress(RuntimeError, ValueError):  # Windows, or not the main thread
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop)
        try:
            for index, cell in enumerate(notebook.cells):
                await client.async_execute_cell(cell, index, execution_count=client.code_cells_executed + 1)
        except DeadKernelError:  # which is also what nbclient makes of a cancelled task
            if interrupted:
                raise KeyboardInterrupt from None
            raise
        client.set_widgets_metadata()
        asker: Any = client.kc  # an AsyncKernelClient
        reply = await asker.execute("", silent=True, user_expressions={"rung": "lab.rung"}, reply=True, timeout=20)
        if "MAILLAB_RECORD" in environment:  # a recording is saved when its lab ends
            ending = "from maillab.lab import running\nfor lab in running(): lab.close()"
            await asker.execute(ending, silent=True, reply=True, timeout=20)
        answer = reply["content"].get("user_expressions", {}).get("rung", {})
        return answer.get("data", {}).get("text/plain", "").strip("'\"") or None


def _tidy(text: str) -> str:
    """A cell's error without terminal colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text).strip()


def arguments() -> argparse.ArgumentParser:
    """The options of `maillab run`."""
    out = argparse.ArgumentParser(
        prog="maillab run",
        description="Execute lessons without a browser, one line each. The student edition is the notebook as it is: "
        "every check has to say TODO. The solved edition has the solutions typed in: every check has to say PASS. "
        "The lesson's own mail server answers; it can't yet be changed for another.",
        epilog="Exit code: 0 all came out as they should, 1 not, 2 no such lesson.",
    )
    out.add_argument("numbers", nargs="*", metavar="NN", help="lessons by number (default: all)")
    out.add_argument("--edition", choices=EDITIONS, default="student")
    out.add_argument("--rung", choices=RUNGS, help="the lab's rung (default: the best there is)")
    out.add_argument("--student", metavar="ID", help="whose passwords and mails (default: guest)")
    out.add_argument("--timeout", type=float, default=TIMEOUT, metavar="S", help="seconds a cell may take")
    out.add_argument("--save", type=Path, metavar="DIR", help="keep the executed notebooks in DIR")
    return out


def main(argv: Sequence[str] | None = None) -> int:
    """`maillab run`; returns the exit code."""
    options = arguments().parse_args(argv)
    try:
        paths = lessons(options.numbers)
    except LookupError as error:
        print(error.args[0], file=sys.stderr)
        return 2
    if not paths:
        print(f"There is no notebook in {NOTEBOOKS}: is the course complete?", file=sys.stderr)
        return 2
    good = True
    for path in paths:
        run = run_lesson(
            path, options.edition, options.rung, student=options.student, timeout=options.timeout
        )  # fmt: skip
        print(run.line(), flush=True)
        for problem in run.problems:
            print("    " + problem.replace("\n", "\n    "), flush=True)
        good = good and run.ok
        if options.save and run.notebook is not None:
            try:
                options.save.mkdir(parents=True, exist_ok=True)
                nbformat.write(run.notebook, options.save / f"{path.stem}.{run.edition}.{run.rung}.ipynb")
            except OSError as error:
                print(f"Can't keep it in {options.save} ({error.strerror}): name another folder.", file=sys.stderr)
                return 1
    return 0 if good else 1
