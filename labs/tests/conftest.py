"""For all tests: on CI nothing is skipped in silence.

A test that can't run on somebody's machine skips with its reason. On CI (the variable CI is set) a skip fails the whole
run, unless its reason starts with "not in CI:". The report is at the end, before pytest's last line.

With several workers, a file's tests stay with one of them: labs, browsers and lesson 14's matrix are made once for a
file, and to make them takes longer than to test them. Lessons take as long as files and share nothing.
"""

import os
from typing import Any

import pytest

LESSONS = ("tests/notebooks/test_lessons.py", "tests/browser/test_lessons.py")

_skipped: list[str] = []


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    found = report.longrepr
    text = found[2] if isinstance(found, tuple) else str(found)
    return text.removeprefix("Skipped: ")


def _note(report: pytest.TestReport | pytest.CollectReport) -> None:
    # an expected failure (xfail) is reported as skipped too, and says so
    if report.skipped and not hasattr(report, "wasxfail") and not _reason(report).startswith("not in CI:"):
        _skipped.append(f"{report.nodeid}: {_reason(report)}")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Each phase of each test; under xdist the controller sees those of all workers."""
    _note(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """A module that skips itself as a whole."""
    _note(report)


@pytest.hookimpl(optionalhook=True)  # without pytest-xdist there are no workers
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """What is handed to a worker in one piece (pytest-xdist's own --dist loadgroup knows no ids of pytest 9.2)."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::", 1)[0]
            return nodeid if file.endswith(LESSONS) else file

    return ByFile(config, log)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Turn a good end with skips into a bad one, on CI."""
    worker = hasattr(session.config, "workerinput")
    if os.environ.get("CI") and _skipped and not worker and exitstatus in (0, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which skips failed the run."""
    if os.environ.get("CI") and _skipped:
        terminalreporter.section("skipped on CI, where nothing may be", red=True, bold=True)
        for line in sorted(set(_skipped)):
            terminalreporter.write_line(line)
