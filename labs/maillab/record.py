"""`maillab record`: make the recordings in data/captures anew, for the replay rung and for lessons without a lab.

A recording is what the mail server's card hears while a lesson's solved edition runs in the sandbox: real
servers, clients and packets, nothing edited. There is one file for each kind of lab that the lesson starts.
"""

import argparse
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from maillab.capture import read_frames
from maillab.conversations import follow
from maillab.places import DATA
from maillab.runner import lessons, run_lesson

CAPTURES = DATA / "captures"
INDEX = CAPTURES / "README.md"

HEAD = """\
# Recordings

Made by `maillab record` from the course's own lab: the solved edition of each lesson ran in the sandbox, and the mail
server's network card was recorded. Names, addresses, passwords and mails are those of the student "guest"; none of
them belongs to anybody. Licence: MIT, like the rest of the course.

| file | frames | connections | sha256 |
|---|---|---|---|
"""


def record(path: Path, folder: Path) -> list[Path]:
    """Run one lesson, solved, in the sandbox, and put its recordings into `folder`.

    Raises:
        RuntimeError: the lesson didn't come out as it should; nothing was written then.
    """
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["MAILLAB_RECORD"] = scratch
        try:
            run = run_lesson(path, "solved", rung="sandbox", student="guest")
        finally:
            del os.environ["MAILLAB_RECORD"]
        if not run.ok:
            raise RuntimeError(f"{path.name} wasn't recorded: {run.problems[0]}")
        made = sorted(Path(scratch).glob("*.pcapng"))
        folder.mkdir(parents=True, exist_ok=True)
        return [Path(shutil.copyfile(capture, folder / capture.name)) for capture in made]


def index(folder: Path) -> str:
    """The table of what lies in `folder`, with a checksum for each file."""
    rows = []
    for path in sorted(folder.glob("*.pcapng")):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        rows.append(f"| {path.name} | {sum(1 for _ in read_frames(path))} | {len(follow(path))} | `{digest}` |")
    return HEAD + "\n".join(rows) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """`maillab record`; returns the exit code."""
    options = argparse.ArgumentParser(prog="maillab record", description=__doc__.partition("\n\n")[0])
    options.add_argument("lessons", nargs="*", metavar="NN", help="lessons by number (default: all)")
    wanted = options.parse_args(argv).lessons
    try:
        for path in lessons(wanted):
            made = record(path, CAPTURES)
            for capture in made:
                print(f"{capture.name}  {capture.stat().st_size:,} bytes")
            if not made:
                print(f"{path.name}: nothing in it could be replayed")
        INDEX.write_text(index(CAPTURES), "utf-8")
    except (LookupError, RuntimeError, OSError) as error:
        print(f"maillab record: {error}", file=sys.stderr)
        return 1
    return 0
