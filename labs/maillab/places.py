"""Where the course lies on this disk. Everything else asks here, so that no path depends on where you are."""

from pathlib import Path

#: the package, for files that come with it
PACKAGE = Path(__file__).resolve().parent
#: labs/ and the course's top folder (the package is used in place, never copied away from its notebooks)
LABS = PACKAGE.parent
COURSE = LABS.parent
NOTEBOOKS = COURSE / "notebooks"
SOLUTIONS = LABS / "solutions"
DATA = COURSE / "data"
