"""Where the course lies on this disk. Everything else asks here, so that no path depends on where you are."""

import hashlib
import os
import re
from pathlib import Path

#: the package, for files that come with it
PACKAGE = Path(__file__).resolve().parent
#: labs/ and the course's top folder (the package is used in place, never copied away from its notebooks)
LABS = PACKAGE.parent
COURSE = LABS.parent
NOTEBOOKS = COURSE / "notebooks"
SOLUTIONS = LABS / "solutions"
DATA = COURSE / "data"


def work(student: str) -> Path:
    """This student's own folder, which is made if it isn't there: for captures and reports that are to be kept.

    It lies in ``maillab`` in your home, or in what ``MAILLAB_WORK`` names; never among the course's files.

    Raises:
        OSError: it can't be made; the sentence says what helps.
    """
    top = Path(os.environ.get("MAILLAB_WORK") or Path.home() / "maillab")
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", student).strip("-")[:40]
    if name != student:  # two ids must not share a folder
        name = f"{name}-{hashlib.sha256(student.encode()).hexdigest()[:8]}".strip("-")
    try:
        (top / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"{top / name} can't be made ({error.strerror}): set MAILLAB_WORK to a folder that is yours."
        ) from None
    return top / name
