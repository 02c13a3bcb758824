#!/usr/bin/env python3
"""Set up the course and open it: one command, the standard library only.

    python3 labs/start.py               set up labs/.venv, then open the lessons in JupyterLab
    python3 labs/start.py test          set up what the tests need as well, then run them all
    python3 labs/start.py doctor        any other words go to `maillab`; `--help` lists them

Packages come in the versions of requirements.lock, checked by their hashes, as ready-made wheels; `uv` is
used when it is there, else pip. Nothing is installed outside labs/.venv: delete that folder and all is gone.
Stop it whenever you like and run it again. Once set up, it needs no network.
"""

# This file is the one that an old Python has to parse, so that it can say that it is too old:
# no f-strings, no annotations that are evaluated.

import contextlib
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time


def too_old(version):
    """Say what to do about a Python that is too old; None for one that will do.

    >>> too_old((3, 12, 1)) is None
    True
    """
    if tuple(version[:2]) >= (3, 11):
        return None
    return (
        "This course needs Python 3.11 or newer and this is Python %d.%d: install a newer one "
        "(python.org, your package manager, or `uv python install 3.13`) and run this with it."
        % tuple(version[:2])
    )


if too_old(sys.version_info):
    sys.exit(too_old(sys.version_info))

LABS = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(LABS, ".venv")
BIN = os.path.join(VENV, "Scripts" if os.name == "nt" else "bin")
PYTHON = os.path.join(BIN, "python.exe" if os.name == "nt" else "python")
STAMP = os.path.join(VENV, "maillab-ready.json")
LOCKS = {"course": "requirements.lock", "test": "requirements-test.lock"}
NEEDED_MB = {"course": 600, "test": 900}


class Trouble(Exception):
    """What went wrong and what to do about it, in one sentence for the learner."""


def say(text):
    """One line of progress, on stderr: stdout belongs to the command that follows."""
    print(text, file=sys.stderr, flush=True)


# ---- is it set up? -------------------------------------------------------------------------------------


def digest(kind):
    """The hash of one lock file: what the venv has to contain."""
    with open(os.path.join(LABS, LOCKS[kind]), "rb") as file:
        return hashlib.sha256(file.read().replace(b"\r\n", b"\n")).hexdigest()


def ready(kind):
    """Is the venv whole, of this lock, and does its Python still run?

    The stamp is written last, so a set-up that was interrupted has none. The venv's own Python counts, not
    the one that runs this file: a learner with two Pythons doesn't set up anew with each.
    """
    try:
        with open(STAMP, encoding="utf-8") as file:
            stamp = json.load(file)
        if stamp[kind] != digest(kind):
            return False
        out = subprocess.run([PYTHON, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True)
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return out.stdout.decode().split() == [str(part) for part in stamp["python"]]


@contextlib.contextmanager
def alone():
    """Hold labs/.setup-lock: of two set-ups at once, one works and the other waits. Ends with the process."""
    try:
        file = open(os.path.join(LABS, ".setup-lock"), "a+b")
    except OSError as error:
        raise Trouble(
            "Can't write in %s (%s): copy the course to a folder of your own and run it there."
            % (LABS, error.strerror)
        ) from None
    with file:
        waiting = False
        while not _try_lock(file):
            if not waiting:
                say("Another set-up is under way in this folder: waiting for it.")
                waiting = True
            time.sleep(0.5)
        yield


def _try_lock(file):
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


# ---- set it up -----------------------------------------------------------------------------------------


def set_up(kind):
    """Make sure that labs/.venv holds what `kind` needs ("course" or "test": the course and the tests)."""
    if ready(kind):
        return
    with alone():
        if ready(kind):
            return
        check_disk(kind)
        uv = find_uv()
        say("Setting up %s with %s (once; about half a gigabyte)" % (VENV, "uv" if uv else "pip"))
        began = time.monotonic()
        if not ready("course"):
            make_venv(with_pip=not uv)
        python = venv_version()
        # From here until the stamp is back, the venv counts as unfinished.
        with contextlib.suppress(FileNotFoundError):
            os.remove(STAMP)
        install(kind, uv)
        connect_package()
        check_imports()
        write_stamp(kind, python)
        say("Ready after %.0f s." % (time.monotonic() - began))


def check_disk(kind):
    """Refuse before anything is downloaded, not when the disk is full."""
    free = shutil.disk_usage(LABS).free // 10**6
    if free < NEEDED_MB[kind]:
        raise Trouble(
            "The disk is too full: the set-up needs %d MB in %s and %d MB are free; make room."
            % (NEEDED_MB[kind], LABS, free)
        )


def find_uv():
    """The path of a uv that runs, else None (a version manager's shim may be on PATH without one)."""
    uv = shutil.which("uv")
    try:
        if uv and subprocess.run([uv, "--version"], capture_output=True, timeout=20).returncode == 0:
            return uv
    except (OSError, subprocess.TimeoutExpired):
        pass
    return None


def make_venv(with_pip):
    """A new, empty venv in place of what is there: an unfinished install can't be told from a whole one."""
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if "venv" in missing or (with_pip and missing):
        raise Trouble(
            "This Python (%s) came without its %s module: on Debian and Ubuntu `sudo apt install "
            "python3-venv` brings it, elsewhere use the Python from python.org; then run this again."
            % (sys.executable, missing[0])
        )
    if os.path.lexists(VENV):
        say("  removing what an earlier set-up left")
        with contextlib.suppress(FileNotFoundError):
            os.remove(STAMP)
        try:
            if os.path.islink(VENV) or not os.path.isdir(VENV):
                os.remove(VENV)
            else:
                shutil.rmtree(VENV)
        except OSError as error:
            raise Trouble(
                "Can't remove the unfinished %s (%s): close JupyterLab and every terminal that uses it, "
                "delete the folder, and run this again." % (VENV, error.strerror)
            ) from None
    say("  making an environment of its own for Python %d.%d" % sys.version_info[:2])
    command = [sys.executable, "-m", "venv", *([] if with_pip else ["--without-pip"]), VENV]
    out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=clean_environment())
    if out.returncode:
        raise Trouble(explain(out.stdout.decode(errors="replace"), "making the environment"))


def venv_version():
    """[major, minor] of the venv's Python."""
    out = subprocess.run([PYTHON, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True)
    if out.returncode:
        raise Trouble(
            "The new environment's Python doesn't start: %s" % last_line(out.stderr.decode(errors="replace"))
        )
    return [int(part) for part in out.stdout.split()]


def clean_environment():
    """For pip and uv: the user's mirrors and proxies stay, what leads out of the venv goes."""
    out = dict(os.environ)
    for name in ("PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON"):
        out.pop(name, None)
    out.update(PIP_USER="0", PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1", PYTHONUTF8="1")
    out.update(UV_PYTHON_DOWNLOADS="never", NO_COLOR="1")
    return out


def install(kind, uv):
    """Install the lock's packages. With uv in trouble of its own, pip gets a try where it is there."""
    lock = os.path.join(LABS, LOCKS[kind])
    with open(lock, encoding="utf-8") as file:
        total = len(set(re.findall(r"^([\w.-]+)==", file.read(), re.MULTILINE)))
    options = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", lock]
    if kind == "test":
        options += ["--no-binary", "pure-sasl"]  # pure Python, and nobody made a wheel of it
    if uv:
        command = [uv, "pip", "install", "--python", PYTHON, "--compile-bytecode", *options]
    else:
        if subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True).returncode:
            make_venv(with_pip=True)  # the venv was made by uv, which has gone since
        command = [PYTHON, "-m", "pip", "install", "--progress-bar", "off", "--retries", "3", *options]
    say("  installing about %d packages" % total)
    code, text = watch(command, total)
    if code:
        raise Trouble(explain(text, "installing the packages"))


def watch(command, total):
    """Run an installer and show where it is: at most one line a second, so that a log stays readable."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=clean_environment(), text=True,
        encoding="utf-8", errors="replace",
    )  # fmt: skip
    lines, seen, shown = [], 0, 0.0
    try:
        for line in process.stdout:
            lines.append(line)
            seen += line.startswith(("Collecting", "Requirement already"))
            note = progress(line)
            if note and (time.monotonic() - shown > 1 or not line.startswith(" ")):
                say("    %s%s" % ("%3d/%d  " % (seen, total) if seen else "", note))
                shown = time.monotonic()
        return process.wait(), "".join(lines)
    except BaseException:
        process.terminate()
        process.wait()
        raise


def progress(line):
    """What a line of pip's or uv's output says to a learner; None for one that says nothing.

    >>> progress("  Downloading numpy-2.4.6-cp311-cp311-manylinux_2_28_x86_64.whl (16.1 MB)")
    'downloading numpy 2.4.6 (16.1 MB)'
    >>> progress("Downloading numpy (16.1MiB)")
    'downloading numpy (16.1MiB)'
    """
    wheel = re.match(r"\s+(Downloading|Using cached) ([^-\s/]+)-([^-\s]+)-\S+\.whl( \(.*\))?", line)
    if wheel:
        what, name, version, size = wheel.groups()
        return "%s %s %s%s" % (what.lower(), name.replace("_", "-"), version, size or "")
    if re.match(r"\s*(Downloading|Prepared|Installed|Bytecode compiled) ", line):
        return line.strip()[0].lower() + line.strip()[1:]
    if line.startswith("Installing collected packages"):
        return "unpacking them (half a minute or so)"
    return None


SYMPTOMS = (
    (
        r"No space left on device|not enough space on the disk|os error 28\b|Disk quota exceeded",
        "The disk is full: make room (900 MB, in this folder and in your home folder) and run this again.",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|invalid peer certificate",
        "The package index's certificate isn't trusted here, as happens behind a network that opens TLS: set "
        "SSL_CERT_FILE and PIP_CERT to your network's certificate bundle and run this again.",
    ),
    (
        r"DO NOT MATCH THE HASHES|[Hh]ash mismatch",
        "A downloaded package isn't the one that the lock names: on a captive portal or an own mirror, "
        "switch networks and run this again; if it stays so, don't install it and report it.",
    ),
    (
        r"NewConnectionError|Failed to establish a new connection|NameResolutionError|dns error|getaddrinfo"
        r"|[Nn]ame resolution|Network is unreachable|Connection refused|ConnectTimeout|[Rr]ead timed out"
        r"|error sending request|operation timed out|ProxyError|tunnel error|Connection reset"
        r"|Could not connect",
        "No network, or none that reaches the package index: connect (or set HTTPS_PROXY) and run this "
        "again; what was downloaded is kept.",
    ),
    (
        r"No matching distribution|no usable wheels|has no wheels|not a supported wheel",
        "Some packages have no ready-made build for this computer's Python (%d.%d): use a 64-bit "
        "Python 3.11 to 3.14." % sys.version_info[:2],
    ),
    (
        r"ensurepip is not\s+available|No module named '?ensurepip",
        "This Python came without its ensurepip module: on Debian and Ubuntu `sudo apt install python3-venv` "
        "brings it; then run this again.",
    ),
    (
        r"Permission denied|Read-only file system|os error (13|30)\b",
        "This folder can't be written to: copy the course to a folder of your own and run it there.",
    ),
)


def explain(text, doing):
    """One sentence with the cure for what an installer printed; its own last line where it is unknown."""
    for pattern, sentence in SYMPTOMS:
        if re.search(pattern, text):
            return sentence
    return "Stopped while %s: %s" % (doing, last_line(text))


def last_line(text):
    """The last line of `text` that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    return (errors or lines or ["no reason given"])[-1]


def connect_package():
    """Let the venv see labs/maillab, and give it a `maillab` command.

    A .pth file does what an editable install does, without a build backend to download; the path in it is
    relative, so it holds when the course is moved.
    """
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    with open(os.path.join(site, "maillab.pth"), "w", encoding="utf-8") as file:
        file.write(os.path.relpath(LABS, os.path.realpath(site)) + "\n")
    if os.name == "nt":
        with open(os.path.join(BIN, "maillab.cmd"), "w", encoding="utf-8") as file:
            file.write('@"%~dp0python.exe" -m maillab %*\n')
        return
    script = os.path.join(BIN, "maillab")
    with open(script, "w", encoding="utf-8") as file:
        file.write('#!/bin/sh\nexec "$(dirname "$0")/python" -m maillab "$@"\n')
    os.chmod(script, 0o755)


def check_imports():
    """The four given packages and ours come in: the stamp is written for a venv that works."""
    code = "import jupyterlab, scapy, matplotlib, ipywidgets, maillab"
    out = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, env=clean_environment())
    if out.returncode:
        raise Trouble(
            "The environment is set up but doesn't work (%s): delete %s and run this again."
            % (last_line(out.stderr), VENV)
        )


def write_stamp(kind, python):
    """Say that the venv is whole, in one step (a half-written stamp would be none)."""
    stamp = {"python": python, "course": digest("course"), "test": digest("test") if kind == "test" else None}
    with open(STAMP + ".new", "w", encoding="utf-8") as file:
        json.dump(stamp, file)
    os.replace(STAMP + ".new", STAMP)


# ---- and go --------------------------------------------------------------------------------------------


def run_tests(words):
    """ruff, mypy, then pytest with `words`: all three run, pytest speaks last; 0 when all are content.

    Without words all tests run: those that measure how quick the page is come last and alone, since beside others they
    would measure the others.
    """
    checks = (
        ["ruff", "check", "--no-cache", "--config", "pyproject.toml", ".", "../notebooks"],
        ["mypy", *([] if os.access(LABS, os.W_OK) else ["--cache-dir", os.devnull]), "maillab"],
    )
    failed = [check[0] for check in checks if subprocess.call([PYTHON, "-m", *check], cwd=LABS)]
    workers = min((os.cpu_count() or 1) + 1, 4)  # one more than cores: half of the time a test waits
    many = ["pytest", "-n", str(workers)]
    runs = [many + words] if words else [many + ["-m", "not latency"], ["pytest", "-m", "latency", "tests/browser"]]
    if failed:
        say("Not content: %s (above); now the tests." % " and ".join(failed))
    codes = [subprocess.call([PYTHON, "-m", *run], cwd=LABS) for run in runs]
    return next(filter(None, codes), int(bool(failed)))


def go(words):
    """Become `maillab WORDS`: on POSIX this very process, so that Ctrl-C and kill reach it."""
    command = [PYTHON, "-m", "maillab", *words]
    if os.name != "nt":
        sys.stdout.flush()
        os.execv(PYTHON, command)
    process = subprocess.Popen(command)
    while True:
        with contextlib.suppress(KeyboardInterrupt):  # the child got it too, and ends when it is done
            return process.wait()


def main(words):
    """Set up what `words` need, then do them; returns the exit code."""
    if words[:1] in (["-h"], ["--help"]):
        print(__doc__.strip())
        if not ready("course"):
            return 0
        print()
        return go(["--help"])
    try:
        set_up("test" if words[:1] == ["test"] else "course")
    except Trouble as trouble:
        say(str(trouble))
        return 1
    except OSError as error:
        say(explain(str(error), "setting up"))
        return 1
    except KeyboardInterrupt:
        say("\nInterrupted. Run the same command again: what was downloaded is kept.")
        return 130
    if words[:1] == ["test"]:
        return run_tests(words[1:])
    return go(words or ["open"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
