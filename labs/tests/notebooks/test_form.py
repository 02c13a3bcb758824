"""The form of each lesson: short cells, no outputs, nothing that depends on a machine, a solution for each exercise."""

import ast
import json
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from maillab.editions import EditionError, exercises, parse_solutions, solutions_for, solved
from maillab.places import LABS, NOTEBOOKS, SOLUTIONS

LESSONS = sorted(NOTEBOOKS.glob("*.ipynb"))
each_lesson = pytest.mark.parametrize("path", LESSONS, ids=[path.stem for path in LESSONS])

FORBIDDEN = {
    r"^\s*from \S+ import \*": "import *: say what you take",
    r"^\s*[!%]+\s*(pip|conda|mamba|apt|uv|sudo)\b": "installs something in a lesson",
    r"\b(urlopen|urlretrieve|requests\.(get|post)|httpx\.|wget|curl)\b": "downloads something",
    r"""["'](/(home|Users|tmp|work|root|usr|var|opt|etc)/|[A-Za-z]:\\\\)""": "a path of one machine",
    r"\bos\.chdir\b|^\s*%cd\b": "depends on where the kernel started",
    r"\bsubprocess\b|\bos\.system\b": "starts programs itself: the lab's hosts do that",
}


@cache
def read(path: Path) -> NotebookNode:
    """The notebook as the file says, nothing converted or repaired."""
    return nbformat.from_dict(json.loads(path.read_text(encoding="utf-8")))


def code_cells(path: Path) -> list[NotebookNode]:
    """The code cells of a lesson."""
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def lines(cell: NotebookNode) -> int:
    """Lines with something on them."""
    return sum(bool(line.strip()) for line in source(cell).splitlines())


def source(cell: NotebookNode) -> str:
    """The cell's text, which a file may hold as a list of lines."""
    return cell.source if isinstance(cell.source, str) else "".join(cell.source)


def ruff(path: Path) -> str:
    """What ruff says about a notebook."""
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--quiet", "--config", str(LABS / "pyproject.toml")]
    return subprocess.run([*command, str(path)], capture_output=True, text=True).stdout


@each_lesson
def test_the_name_is_a_number_and_words(path):
    assert re.fullmatch(r"\d\d(-[a-z0-9]+)+\.ipynb", path.name)


@each_lesson
def test_the_file_is_valid_and_of_the_format_with_cell_ids(path):
    raw = json.loads(path.read_text(encoding="utf-8"))
    assert (raw["nbformat"], raw["nbformat_minor"]) == (4, 5)
    nbformat.validate(raw)
    assert raw["metadata"]["kernelspec"]["name"] == "python3"
    assert raw["metadata"]["language_info"]["name"] == "python"
    assert set(raw["metadata"]) <= {"kernelspec", "language_info", "maillab"}, "metadata that an editor left"
    assert raw["metadata"]["language_info"].keys() <= {"name"}, "a Python version would differ from machine to machine"


@each_lesson
def test_it_is_stored_as_jupyterlab_stores_it(path):
    """So that opening and saving changes nothing but what the learner changed."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    text = path.read_text(encoding="utf-8")
    assert text == json.dumps(raw, indent=1, ensure_ascii=False) + "\n"


@each_lesson
def test_no_outputs_and_no_counts(path):
    dirty = [cell.id for cell in code_cells(path) if cell.outputs or cell.execution_count is not None]
    assert dirty == []


@each_lesson
def test_cell_ids_are_unique_and_chosen_by_a_person(path):
    ids = [cell.id for cell in read(path).cells]
    assert len(ids) == len(set(ids))
    assert [name for name in ids if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name)] == []
    assert [
        name for name in ids if re.fullmatch(r"[0-9a-f]{6,}", name) or re.fullmatch(r"[0-9a-f]+(-[0-9a-f]+){4}", name)
    ] == []


@each_lesson
def test_code_cells_are_short(path):
    sizes = sorted(lines(cell) for cell in code_cells(path))
    long = {cell.id: lines(cell) for cell in code_cells(path) if lines(cell) >= 10}
    assert len(long) <= len(sizes) / 10, long
    assert statistics.median(sizes) <= 4, sizes


@each_lesson
def test_prose_is_short_too_and_about_as_many_cells_as_code(path):
    prose = [cell for cell in read(path).cells if cell.cell_type == "markdown"]
    words = {
        cell.id: len(re.findall(r"\w[\w'’.-]*", re.sub(r"```.*?```", "", source(cell), flags=re.DOTALL)))
        for cell in prose
    }
    assert {name: count for name, count in words.items() if count > 120} == {}
    assert not [cell.id for cell in read(path).cells if not source(cell).strip()], "an empty cell"
    assert 0.5 <= len(prose) / len(code_cells(path)) <= 2


@each_lesson
def test_it_opens_and_closes_as_every_lesson_does(path):
    text = "\n".join(source(cell) for cell in read(path).cells if cell.cell_type == "markdown")
    assert text.startswith("# ")
    headings = ("What you'll do", "What you'll learn", "What you'll need", "You can now", "In practice", "On your own")
    places = [text.replace("’", "'").find(heading) for heading in headings]
    assert -1 not in places, [heading for heading, place in zip(headings, places, strict=True) if place < 0]
    assert places == sorted(places)


@each_lesson
def test_nothing_is_installed_downloaded_or_bound_to_a_machine(path):
    for cell in code_cells(path):
        for pattern, what in FORBIDDEN.items():
            assert not re.search(pattern, source(cell), re.MULTILINE), f"{cell.id}: {what}"


@each_lesson
def test_pictures_have_alternative_texts(path):
    for cell in read(path).cells:
        if cell.cell_type == "markdown":
            assert "![](" not in source(cell), f"{cell.id}: an image without a text"
            assert all("alt=" in tag for tag in re.findall(r"<img[^>]*>", source(cell))), cell.id


@each_lesson
def test_exercises_and_solutions_belong_together(path):
    notebook = read(path)
    names = exercises(notebook)
    assert names and all(re.fullmatch(rf"{path.name[:2]}\.\d+", name) for name in names), names
    assert names == sorted(names, key=lambda name: int(name.partition(".")[2]))
    assert [cell.id for cell in notebook.cells if cell.cell_type != "code" and "maillab" in cell.metadata] == []
    solutions = solutions_for(path)
    assert list(solutions) == names, f"solutions/{path.name[:2]}.py: the sections in the notebook's order"
    for cell in code_cells(path):
        name = cell.metadata.get("maillab", {}).get("exercise")
        if name:
            assert f'check("{name}"' in source(cell) and f'check("{name}"' in solutions[name], name
            assert source(cell) != solutions[name], f"{name}: the notebook shows its solution"


@each_lesson
def test_what_a_check_is_given_is_not_bound_anew_below(path):
    """Or a right answer, read off above, is judged after Run All by something else of that name (as once in 10.1)."""
    cells = [(cell, set(bound(ast.parse(source(cell))))) for cell in code_cells(path)]
    for at, (cell, own) in enumerate(cells):
        if "maillab" in cell.metadata:
            (call,) = (node for node in ast.walk(ast.parse(source(cell))) if is_check(node))
            given = {node.id for node in ast.walk(call) if isinstance(node, ast.Name)} - own
            anew = {other.id: given & names for other, names in cells[at + 1 :] if given & names}
            assert not anew, f"{cell.id}: {anew}"


def is_check(node: ast.AST) -> bool:
    """Is this the call of check()?"""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "check"


def bound(tree: ast.Module) -> Iterator[str]:
    """What a cell gives a value to, functions' own names aside."""
    nodes: list[ast.AST] = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif not isinstance(node, ast.Lambda | ast.comprehension):
            nodes += ast.iter_child_nodes(node)


@each_lesson
def test_ruff_is_content_with_both_editions(path, tmp_path):
    assert ruff(path) == ""
    other = tmp_path / path.name
    nbformat.write(solved(read(path), solutions_for(path)), other)
    assert ruff(other) == ""


def test_each_file_of_solutions_has_its_lesson():
    numbers = {path.name[:2] for path in LESSONS}
    for path in SOLUTIONS.glob("*.py"):
        assert path.stem in numbers, path.name
        try:
            parse_solutions(path.read_text(encoding="utf-8"), path.name)
        except EditionError as error:
            pytest.fail(str(error))


def test_lesson_numbers_are_unique():
    numbers = [path.name[:2] for path in LESSONS]
    assert len(numbers) == len(set(numbers))
