"""`maillab doctor`: is this computer ready for the course? One line a check, OK, or FIX with the cure."""

import argparse
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

from maillab.places import DATA, NOTEBOOKS

PACKAGES = ("jupyterlab", "ipywidgets", "matplotlib", "scapy", "aiosmtpd")


class Check(NamedTuple):
    """One line of the report. `state`: OK, FIX (the course can't run like this) or NOTE (it can, with less)."""

    name: str
    state: str
    text: str

    def __str__(self) -> str:
        return f"{self.state:4}  {self.name}: {self.text}"


def python() -> Iterator[Check]:
    """The interpreter."""
    good = sys.version_info >= (3, 11)
    text = f"{platform.python_version()} on {platform.system()}"
    yield Check("Python", "OK" if good else "FIX", text if good else f"{text} is too old: install Python 3.11 or later")


def packages() -> Iterator[Check]:
    """What the lessons import."""
    for name in PACKAGES:
        try:
            yield Check(name, "OK", version(name))
        except PackageNotFoundError:
            yield Check(name, "FIX", "is missing: run `python3 labs/start.py` again")


def course() -> Iterator[Check]:
    """The lessons and recordings."""
    count = len(list(NOTEBOOKS.glob("[0-9][0-9]-*.ipynb")))
    text = f"{count} in {NOTEBOOKS}" if count else f"none in {NOTEBOOKS}: take a whole copy of the course"
    yield Check("lessons", "OK" if count else "FIX", text)
    recordings = len(list((DATA / "captures").glob("*.pcapng")))
    yield Check("recordings", "OK" if recordings else "NOTE", f"{recordings} for the replay rung")


def rungs() -> Iterator[Check]:
    """Which kinds of network this computer can carry, and the one a lesson would get."""
    from maillab.network.host import RungUnavailable
    from maillab.network.rungs import open_network

    forced = os.environ.get("MAILLAB_RUNG") or None
    if forced:
        yield Check("rung", "NOTE", f"MAILLAB_RUNG={forced} forces this one")
    network, passed_over = open_network(forced)
    network.close()
    for reason in passed_over:
        yield Check("rung", "NOTE", reason)
    yield Check("rung", "OK", f"{network.rung}. {network.real}")
    for rung in ("sandbox", "loopback", "tap"):
        if rung != network.rung:
            try:
                other, _ = open_network(rung)
                other.close()
            except RungUnavailable:
                continue
            yield Check("rung", "OK", f"{rung} would work, too")


def lab() -> Iterator[Check]:
    """The whole way once: start the lab, log in, capture it, read it."""
    from maillab.checks.wire import one_login
    from maillab.conversations import follow
    from maillab.lab import Lab

    began = time.perf_counter()
    with Lab(allow="plaintext_login") as running:
        heard = one_login(running)
    said = [turn.data for conversation in follow(heard) for turn in conversation.turns]
    took = f"{time.perf_counter() - began:.1f} s"
    if heard.dropped or not any(line.startswith(b"PASS") for line in said):
        yield Check("lab", "FIX", f"a login was not captured whole ({heard}): please report this")
    else:
        yield Check("lab", "OK", f"started, logged in, captured and read in {took}: {len(heard)} frames, 0 dropped")


def programs() -> Iterator[Check]:
    """What some lessons use where it is there, and do without where it isn't."""
    for name, use in (("tshark", "a second opinion on captures"), ("hashcat", "a faster guess in lesson 07")):
        found = shutil.which(name)
        yield Check(name, "OK" if found else "NOTE", use if found else f"not installed, not needed ({use})")


def checks() -> Iterator[Check]:
    """All of them; one that fails in a way nobody thought of is a line of its own, not the end."""
    parts: tuple[Callable[[], Iterator[Check]], ...] = (python, packages, course, rungs, lab, programs)
    for part in parts:
        try:
            yield from part()
        except Exception as error:
            yield Check(part.__name__, "FIX", f"{type(error).__name__}: {error}")


def main(argv: Sequence[str] | None = None) -> int:
    """`maillab doctor`; exit code 1 if something has to be fixed."""
    options = argparse.ArgumentParser(prog="maillab doctor", description=__doc__)
    options.add_argument("--json", action="store_true", help="one JSON object a line")
    as_json = options.parse_args(argv).json
    bad = 0
    for check in checks():
        bad += check.state == "FIX"
        print(json.dumps(check._asdict()) if as_json else check, flush=True)
    return 1 if bad else 0
