"""The proposal: rows go in and out, everything is kept, the form shows the same and loses nothing."""

from __future__ import annotations

import json

import pytest
from support.firm import recorded

from maillab import Lab
from maillab.advice import Proposal, ProposalForm, overview
from maillab.firm import Firm

ROW = {
    "finding": "mail readable", "frame": 20, "risk": "listener reads mail", "measure": "implicit TLS",
    "standard": "RFC 8314", "argument": "Salaries.",
}  # fmt: skip


@pytest.fixture
def lab(tmp_path):
    with recorded(tmp_path) as running:
        yield running


def test_rows_are_kept_at_once_and_are_there_again(lab):
    proposal = Proposal(lab)
    proposal.add(**ROW)
    proposal.summary, proposal.author = "Grüße, 你好 <b>", "Жанна"
    again = Proposal(lab)
    assert again.rows == proposal.rows and len(again.rows) == 1
    assert (again.summary, again.author) == ("Grüße, 你好 <b>", "Жанна")
    assert "mail readable" in repr(again) and "<b>" not in again._repr_mimebundle_()["text/html"].split("<table")[1]


def test_the_same_finding_and_frame_takes_the_others_place(lab):
    proposal = Proposal(lab)
    for change in ({}, {"standard": "RFC 2595"}, {"frame": 21}):
        proposal.add(**ROW | change)
    assert [(row.frame, row.standard) for row in proposal.rows] == [(20, "RFC 2595"), (21, "RFC 8314")]
    proposal.remove(1)
    assert [row.frame for row in Proposal(lab).rows] == [21]
    with pytest.raises(IndexError, match="There is no row 2: there are 1"):
        proposal.remove(2)


@pytest.mark.parametrize("name", ROW)
def test_with_something_to_fill_in_nothing_is_added(lab, name):
    proposal = Proposal(lab)
    proposal.add(**ROW | {name: ...})
    proposal.summary = ...
    assert proposal.rows == [] and proposal.summary == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"finding": "bad"}, "No finding is called 'bad': choose from 'password readable'"),
        ({"measure": None}, "No measure is called None"),
        ({"standard": "8314"}, "No standard is called '8314'"),
        ({"frame": "20"}, "number of a frame"), ({"frame": 0}, "from 1 up"), ({"frame": True}, "number of a frame"),
        ({"argument": 5}, "argument is a text"), ({"argument": "x" * 5000}, "at most 4,000 characters"),
    ],
)  # fmt: skip
def test_what_cannot_be_chosen_is_refused_in_a_sentence(lab, change, words):
    proposal = Proposal(lab)
    with pytest.raises(ValueError) as error:
        proposal.add(**ROW | change)
    assert words in str(error.value) and proposal.rows == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"rows": [{"no": 1}]}', b"\xff\xfe"])
def test_a_damaged_file_is_kept_and_said(lab, capsys, content):
    path = Proposal(lab).path
    path.write_bytes(content)
    assert Proposal(lab).rows == []
    assert "kept as" in capsys.readouterr().out
    assert path.with_suffix(".unreadable").read_bytes() == content


def test_without_a_capture_there_is_no_proposal(tmp_path):
    with pytest.raises(ValueError, match="run capture = watch"):
        Proposal(Firm.__new__(Lab))


def filled(form, row):
    for name, value in row.items():
        form.fields[name].value = value


def test_the_form_adds_the_same_row_and_empties_itself(lab):
    form = ProposalForm(Proposal(lab))
    filled(form, ROW)
    form.add.click()
    assert [row.frame for row in form.proposal.rows] == [20] and form.proposal.rows[0].argument == "Salaries."
    assert form.fields["finding"].value == "" and form.frame.value == 0
    assert "Added as row 1" in form.trouble.value and "mail readable" in form.rows.value
    form.which.value = 1
    form.out.click()
    assert form.proposal.rows == [] and form.out.disabled


def test_the_form_keeps_what_is_half_typed(lab):
    form = ProposalForm(Proposal(lab))
    filled(form, {"finding": "TLS stripped", "frame": 7, "argument": "half a sent"})
    form.summary.value, form.author.value = "Dear owner", "Zoë"
    again = ProposalForm(Proposal(lab))
    assert again.fields["finding"].value == "TLS stripped" and again.frame.value == 7
    assert again.argument.value == "half a sent"
    assert (again.summary.value, again.author.value) == ("Dear owner", "Zoë")
    assert json.loads(form.proposal.path.read_text("utf-8"))["started"]["frame"] == 7


def test_the_form_says_what_is_lacking_and_what_a_frame_holds(lab):
    form = ProposalForm(Proposal(lab))
    form.add.click()
    assert "finding, risk, measure, standard, frame" in form.trouble.value
    form.frame.value = 10**6
    assert "there is no frame 1000000" in form.holds.value
    talk = form.proposal.reading.talks[0]
    form.frame.value = talk.turns[0].frame
    assert "the server says: 220" in form.holds.value


def test_what_was_chosen_from_the_list_counts_as_its_short_name(lab):
    form = ProposalForm(Proposal(lab))
    chosen = {
        name: next(option for option in field.options if option.startswith(f"{ROW[name]}:"))
        for name, field in form.choices.items()
    }
    filled(form, ROW | chosen)
    form.add.click()
    assert [(row.finding, row.standard) for row in form.proposal.rows] == [("mail readable", "RFC 8314")]
    filled(form, ROW | {"measure": "prayer"})
    form.add.click()
    assert "Not added. No measure is called" in form.trouble.value and form.fields["measure"].value == "prayer"


def test_no_click_overtakes_what_was_typed(lab):
    """A page holds back a box's later letters while the kernel is busy, but not a click; all at once, it holds none."""
    form = ProposalForm(Proposal(lab))
    boxes = [*form.fields.values(), form.which, form.author, form.summary]
    assert not any(box.continuous_update for box in boxes)


def test_what_another_cell_adds_shows_up_in_the_form(lab):
    proposal = Proposal(lab)
    form, other = ProposalForm(proposal), ProposalForm(proposal)
    proposal.add(**ROW)
    proposal.summary = "From a cell."
    assert "mail readable" in other.rows.value and other.summary.value == "From a cell."
    assert len(proposal.listeners) == 1 and form is not other


def test_on_paper_the_form_is_its_rows_and_its_summary(lab):
    proposal = Proposal(lab)
    proposal.add(**ROW)
    proposal.summary = "<script>"
    shown = ProposalForm(proposal)._repr_mimebundle_()
    assert "mail readable" in shown["text/plain"] and "Summary: <script>" in shown["text/plain"]
    assert "&lt;script&gt;" in shown["text/html"] and "<script>" not in shown["text/html"]


def test_a_disk_that_is_full_is_said_in_the_form(lab, monkeypatch):
    form = ProposalForm(Proposal(lab))

    def full():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(form.proposal, "save", full)
    form.frame.value = 3
    assert "wasn" in form.trouble.value and "No space left" in form.trouble.value
    filled(form, ROW)
    form.add.click()
    assert "Not added" in form.trouble.value


def test_the_overview_has_a_row_for_each_connection(lab):
    view = overview(lab.capture_file)
    lines = view.text.splitlines()
    assert lines[0].startswith("18 connections in ") and len(lines) == 20
    assert sum("from the start" in line for line in lines) == 3 and view.html.count("<svg") == 20
    assert repr(overview([])).startswith("0 connections")
