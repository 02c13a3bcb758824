"""`maillab open`: what it starts, and JupyterLab really answering, on this computer alone and without news."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from maillab import launch
from maillab.launch import lab_command, lab_environment, lesson_file
from maillab.places import NOTEBOOKS, PACKAGE


@pytest.fixture
def folder(tmp_path):
    for name in ("00-take-a-seat.ipynb", "03-decode-auth.ipynb", "notes.ipynb"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("word", "name"),
    [
        (None, "00-take-a-seat.ipynb"),
        ("3", "03-decode-auth.ipynb"),
        ("03", "03-decode-auth.ipynb"),
        ("decode", "03-decode-auth.ipynb"),
        ("03-decode-auth.ipynb", "03-decode-auth.ipynb"),
    ],
)
def test_a_lesson_is_named_by_number_or_by_name(folder, word, name):
    assert lesson_file(word, folder) == folder / name


def test_an_unknown_lesson_names_the_known_ones(folder, monkeypatch, capsys):
    with pytest.raises(LookupError, match="no lesson '7': the lessons are 00, 03"):
        lesson_file("7", folder)
    assert launch.main(["no-such-lesson"]) == 2
    assert capsys.readouterr().err.startswith("There is no lesson 'no-such-lesson'")


def test_without_lessons_it_opens_on_the_start_page(tmp_path):
    assert lesson_file(None, tmp_path) is None
    assert "--LabApp.default_url=/lab" in lab_command(None)


def test_the_server_is_for_this_computer_only_and_for_root_only_when_root():
    command = lab_command(Path("00-a.ipynb"), port=8899)
    assert {"--ServerApp.ip=127.0.0.1", "--ServerApp.port=8899", f"--ServerApp.root_dir={NOTEBOOKS}"} <= {*command}
    assert not {"--allow-root", "--no-browser"} & {*command}
    assert {"--allow-root", "--no-browser"} <= {*lab_command(None, browser=False, root=True)}


def test_our_settings_come_before_the_users_and_our_python_first():
    out = lab_environment({"JUPYTER_CONFIG_PATH": "mine", "PATH": "bin", "HOME": "home"})
    assert out["JUPYTER_CONFIG_PATH"] == os.pathsep.join([str(PACKAGE / "jupyter"), "mine"])
    assert out["PATH"] == os.pathsep.join([str(Path(sys.executable).parent), "bin"])
    assert out["HOME"] == "home"
    assert lab_environment({})["JUPYTER_CONFIG_PATH"] == str(PACKAGE / "jupyter")


def test_our_settings_files_are_json():
    for path in (PACKAGE / "jupyter" / "labconfig").glob("*"):
        assert json.loads(path.read_text(encoding="utf-8"))


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def test_jupyterlab_answers_without_news_and_only_here(tmp_path):
    home = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path), "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")}
    command = [sys.executable, "-m", "maillab", "open", "--no-browser", "--port", "18910"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **home})
    try:
        address, text, deadline = None, "", time.monotonic() + 60
        while not address and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.2)
            text = (tmp_path / "log").read_text(errors="replace")
            address = re.search(r"(http://127\.0\.0\.1:(\d+))/lab\S*\?token=(\w+)", text)
        assert address, text
        base, port, token = address.groups()
        page = fetch(f"{base}/lab?token={token}")
        assert "@jupyterlab/apputils-extension:announcements" in page.split("disabledExtensions")[1][:400]
        settings = json.loads(
            fetch(f"{base}/lab/api/settings/@jupyterlab/apputils-extension:notification?token={token}")
        )
        assert settings["schema"]["properties"]["fetchNews"]["default"] == "false"
        assert settings["schema"]["properties"]["checkForUpdates"]["default"] is False
        if sys.platform == "linux":
            with pytest.raises(OSError):
                socket.create_connection(("127.0.0.2", int(port)), 2)
    finally:
        process.terminate()
        process.wait(20)
