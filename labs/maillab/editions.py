"""Two editions of a notebook: *student* is the notebook as it is, *solved* has the solutions typed in.

An exercise is a code cell whose metadata says so, `{"maillab": {"exercise": "01.1"}}`. Its solution is a section
of labs/solutions/01.py, the whole text of the cell as a learner would leave it:

    # %% 01.1
    password = "copper-otter-41"
    check("01.1", password)
"""

import re
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Literal, get_args

from nbformat import NotebookNode

from maillab.places import SOLUTIONS

Edition = Literal["student", "solved"]
EDITIONS: tuple[Edition, ...] = get_args(Edition)

_HEAD = re.compile(r"# %% +(\S+)[ \t]*$")


class EditionError(ValueError):
    """The notebook and its solutions don't fit together; the text says where."""


def parse_solutions(text: str, where: str = "solutions") -> dict[str, str]:
    """The sections of a solutions file: exercise id -> source of the cell.

    Text before the first section is a preamble for readers (a docstring) and is left out.

    >>> parse_solutions("# %% 01.1\\nx = 1\\n\\n# %% 01.2\\ny = 2\\n")
    {'01.1': 'x = 1', '01.2': 'y = 2'}
    """
    out: dict[str, list[str]] = {}
    section: list[str] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        head = _HEAD.match(line)
        if head:
            if head[1] in out:
                raise EditionError(f"{where}, line {number}: a second section {head[1]}")
            section = out[head[1]] = []
        elif line.startswith("# %%"):
            raise EditionError(f"{where}, line {number}: a section's head is '# %% 01.1', not {line!r}")
        elif section is not None:
            section.append(line)
    sources = {name: "\n".join(lines).strip("\n") for name, lines in out.items()}
    for name, source in sources.items():
        if not source.strip():
            raise EditionError(f"{where}: section {name} is empty")
    return sources


def solutions_for(notebook: Path, folder: Path = SOLUTIONS) -> dict[str, str]:
    """The solutions of the lesson `NN-name.ipynb`, from `folder`/NN.py; none where there is no such file."""
    path = folder / f"{notebook.name[:2]}.py"
    return parse_solutions(path.read_text(encoding="utf-8"), path.name) if path.exists() else {}


def exercise_of(cell: NotebookNode) -> str | None:
    """The id of the exercise that this cell is, else None."""
    found = cell.get("metadata", {}).get("maillab", {}).get("exercise")
    return str(found) if found is not None else None


def exercises(notebook: NotebookNode) -> list[str]:
    """The ids of the notebook's exercises in its order."""
    return [name for cell in notebook.cells if (name := exercise_of(cell)) is not None]


def solved(notebook: NotebookNode, solutions: Mapping[str, str]) -> NotebookNode:
    """A copy of `notebook` with each exercise's cell replaced by its solution.

    Raises EditionError where an exercise has no solution, or a solution no exercise.
    """
    asked = exercises(notebook)
    twice = sorted({name for name in asked if asked.count(name) > 1})
    lacking = [name for name in asked if name not in solutions]
    spare = [name for name in solutions if name not in asked]
    for names, complaint in (
        (twice, "more than one cell is exercise"),
        (lacking, "no solution for exercise"),
        (spare, "no exercise for solution"),
    ):
        if names:
            raise EditionError(f"{complaint} {', '.join(names)}")
    out = deepcopy(notebook)
    for cell in out.cells:
        name = exercise_of(cell)
        if name is not None:
            cell.source = solutions[name]
    return out


def edition_of(notebook: NotebookNode, edition: Edition, solutions: Mapping[str, str]) -> NotebookNode:
    """The notebook in this edition; the given one is left as it is."""
    return solved(notebook, solutions) if edition == "solved" else deepcopy(notebook)
