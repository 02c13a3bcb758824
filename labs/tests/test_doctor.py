"""`maillab doctor`: one line a check, and the cure where one is needed."""

from __future__ import annotations

import json

import pytest

from maillab import doctor
from maillab.network.host import RungUnavailable

pytestmark = pytest.mark.network


def test_on_this_machine_nothing_needs_mending(capsys):
    assert doctor.main([]) == 0
    said = capsys.readouterr().out
    assert "OK    lab: started, logged in, captured and read" in said and "FIX" not in said


def test_as_json(capsys):
    assert doctor.main(["--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"name", "state", "text"} == set(lines[0]) and {line["name"] for line in lines} >= {"Python", "rung", "lab"}


def test_it_names_the_rung_it_chose_and_why_no_better_one(monkeypatch, capsys):
    from maillab.network import rungs

    def forbidden(*_: object) -> None:
        raise RungUnavailable("this system forbids networks of one's own")

    monkeypatch.setattr(rungs, "Sandbox", forbidden)
    monkeypatch.delenv("MAILLAB_RUNG", raising=False)
    assert doctor.main([]) == 0
    assert "NOTE  rung: no sandbox: this system forbids" in capsys.readouterr().out


def test_what_is_forced_is_said(monkeypatch, capsys):
    monkeypatch.setenv("MAILLAB_RUNG", "tap")
    assert doctor.main([]) == 0
    said = capsys.readouterr().out
    assert "MAILLAB_RUNG=tap forces" in said and "OK    rung: tap" in said


def test_a_missing_package_and_an_old_python_are_fixes(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "PACKAGES", ("jupyterlab", "no-such-package"))
    monkeypatch.setattr(doctor.sys, "version_info", (3, 9, 0))
    assert doctor.main([]) == 1
    said = capsys.readouterr().out
    assert "FIX   no-such-package: is missing" in said and "too old: install Python 3.11" in said


def test_a_check_that_fails_unforeseen_is_a_line_and_not_the_end(monkeypatch, capsys):
    def broken():
        raise OSError("no idea")
        yield

    monkeypatch.setattr(doctor, "rungs", broken)
    assert doctor.main([]) == 1
    said = capsys.readouterr().out
    assert "FIX   broken: OSError: no idea" in said and "lab: started" in said
