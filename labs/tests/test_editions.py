"""Editions: solutions parsed, applied, and refused where they don't fit the notebook."""

from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from maillab.editions import EditionError, edition_of, exercises, parse_solutions, solutions_for, solved


def exercise(name, source="answer = None", cell="exercise"):
    return new_code_cell(source, id=f"{cell}-{name.replace('.', '-')}", metadata={"maillab": {"exercise": name}})


def notebook(*names):
    out = new_notebook(cells=[new_markdown_cell("# A title", id="title")])
    out.cells += [exercise(name, cell=f"cell-{number}") for number, name in enumerate(names)]
    return out


def test_sections_keep_blank_lines_inside_and_drop_those_around():
    text = '"""A preamble."""\n\n# %% 01.1\n\na = 1\n\nb = 2\n\n\n# %% 01.2\nc = 3'
    assert parse_solutions(text) == {"01.1": "a = 1\n\nb = 2", "01.2": "c = 3"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("# %% 01.1\na\n# %% 01.1\nb\n", "NN.py, line 3: a second section 01.1"),
        ("# %% 01.1\n# %% 01.2\nb\n", "NN.py: section 01.1 is empty"),
        ("# %%\na\n", "NN.py, line 1: a section's head is '# %% 01.1'"),
        ("# %% 01.1 what it is\na\n", "NN.py, line 1: a section's head is '# %% 01.1'"),
    ],
)
def test_malformed_sections_are_refused_with_their_line(text, complaint):
    with pytest.raises(EditionError) as caught:
        parse_solutions(text, "NN.py")
    assert complaint in str(caught.value)


def test_solved_replaces_exactly_the_exercises_and_leaves_the_given_notebook_alone():
    given = notebook("01.1", "01.2")
    out = solved(given, {"01.1": "answer = 1", "01.2": "answer = 2"})
    assert [cell.source for cell in out.cells] == ["# A title", "answer = 1", "answer = 2"]
    assert [cell.source for cell in given.cells[1:]] == ["answer = None"] * 2
    assert [cell.id for cell in out.cells] == [cell.id for cell in given.cells]


@pytest.mark.parametrize(
    ("names", "solutions", "complaint"),
    [
        (["01.1", "01.2"], ["01.1"], "no solution for exercise 01.2"),
        (["01.1"], ["01.1", "01.9"], "no exercise for solution 01.9"),
        (["01.1", "01.1"], ["01.1"], "more than one cell is exercise 01.1"),
    ],
)
def test_a_notebook_and_solutions_that_do_not_fit_are_refused(names, solutions, complaint):
    with pytest.raises(EditionError, match=complaint):
        solved(notebook(*names), dict.fromkeys(solutions, "answer = 1"))


def test_the_student_edition_is_the_notebook_as_it_is():
    given = notebook("01.1")
    out = edition_of(given, "student", {})
    assert out == given and out is not given
    assert exercises(out) == ["01.1"]


def test_a_lesson_without_exercises_needs_no_solutions_file(tmp_path):
    assert solutions_for(Path("07-nothing.ipynb"), tmp_path) == {}
    (tmp_path / "07.py").write_text("# %% 07.1\nx = 'ü'\n", encoding="utf-8")
    assert solutions_for(Path("07-nothing.ipynb"), tmp_path) == {"07.1": "x = 'ü'"}
