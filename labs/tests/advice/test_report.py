"""The report: nothing typed becomes markup, no password gets into it, a name that can't be written is said to be so."""

from __future__ import annotations

import base64
import html
import re
import sys

import pytest
from support.firm import recorded

from maillab.advice import CURES, RISK_OF, Proposal
from maillab.advice.html import page
from maillab.advice.pdf import document, known
from maillab.advice.report import report
from maillab.advice.vocabulary import APPLIES
from maillab.firm import people

BAD = "<script>alert('x')</script> & \"<img src=x onerror=alert(1)>\""


@pytest.fixture
def lab(tmp_path):
    with recorded(tmp_path) as running:
        yield running


@pytest.fixture
def proposal(lab):
    made = Proposal(lab)
    for kind, frames in made.reading.evidence.items():
        for frame in list(frames)[-2:]:
            made.add(kind, frame, RISK_OF[kind], CURES[kind][0], APPLIES[kind][0], "Because.")
    made.author, made.summary = "Zoë Żółć", "Two paragraphs.\n\nHere."
    return made


def test_it_is_written_beside_the_proposal_and_says_where(proposal):
    done = proposal.export()
    assert done.html.parent == proposal.path.parent == done.pdf.parent
    assert str(done.html) in repr(done) and str(done.pdf) in repr(done)
    assert done.pdf.read_bytes().startswith(b"%PDF-") and "Zoë Żółć" in done.html.read_text("utf-8")
    assert "srcdoc=" in done._repr_mimebundle_()["text/html"]
    assert not list(done.html.parent.glob("*.part"))


def test_an_empty_proposal_has_no_report(lab):
    done = Proposal(lab).export()
    assert "no rows" in repr(done) and not list(Proposal(lab).path.parent.glob("report.*"))


def test_what_is_typed_stays_text(proposal):
    proposal.author, proposal.summary = BAD, BAD
    proposal.add("mail readable", 1, "listener reads mail", "implicit TLS", "RFC 8314", BAD)
    text = page(report(proposal))
    assert text.count("&lt;script&gt;") == 3 and html.unescape(text).count(BAD) == 3
    assert not re.search(r"<(script|img)", text)
    shown = proposal.export()._repr_mimebundle_()["text/html"]
    assert not re.search(r"<(script|img)", shown) and 'sandbox=""' in shown


def test_no_password_is_in_it_wherever_it_stood(lab, proposal):
    secrets = {person.password for person in people(lab.student).values()} | proposal.reading.passwords
    proposal.author = f"me {next(iter(secrets))}"
    proposal.summary = " ".join(secrets)
    proposal.add("mail readable", 1, "listener reads mail", "implicit TLS", "RFC 8314", ", ".join(secrets))
    text = page(report(proposal))
    assert len(secrets) == 8 and "••••••••" in text
    assert not [secret for secret in secrets if secret in html.unescape(text)]
    for secret in secrets:
        for found in proposal.reading.found:
            plain = f"\0{found.username}\0{secret}".encode()
            assert base64.b64encode(plain).decode() not in text


def test_what_could_be_guessed_from_is_not_in_it_either(proposal):
    text = page(report(proposal))
    responses = [found.response for found in proposal.reading.found if found.response]
    assert responses
    for response in responses:
        for part in [response] if isinstance(response, str) else response:
            digest = re.findall(r"[0-9a-f]{32}", part)
            assert not [word for word in digest if word in text]


def test_the_text_of_mails_is_not_in_it(proposal):
    text = html.unescape(page(report(proposal)))
    mails = [found for found in proposal.reading.found if found.kind == "mail"]
    bodies = {found.message.partition(b"\r\n\r\n")[2].decode().split("\r\n")[0] for found in mails}
    assert len(bodies) >= 3 and not [body for body in bodies if body in text]
    assert sum(found.subject in text for found in mails) >= 2


def test_the_page_stands_alone_and_is_made_of_proper_parts(proposal):
    text = page(report(proposal))
    assert not re.search(r"(src|href)=|url\(|@import|https?:", text)
    assert text.startswith('<!doctype html>\n<html lang="en">') and "@media print" in text and "<title>" in text
    assert [int(level) for level in re.findall(r"<h(\d)", text)][:3] == [1, 2, 2]
    assert text.count("<article>") == len(proposal.rows) and text.count("<caption>") == len(proposal.rows)
    assert text.count('<th scope="col"') == 4 + 3 * len(proposal.rows)


def test_the_evidence_is_quoted_from_the_frame(proposal):
    made = report(proposal)
    for item in made.items:
        proofs = [line for line in item.lines if line[3]]
        assert 1 <= len(proofs) <= 2 and len(item.lines) <= len(proofs) + 2
        assert {line[0] for line in proofs} == {item.frame}
    stripped = next(item for item in made.items if item.finding.startswith("The offer of TLS"))
    assert "STLS" not in stripped.lines[1][2] and stripped.lines[0][2] == "CAPA"


@pytest.mark.parametrize(
    ("name", "lacking"),
    [
        ("Жанна Ødegård", ""), ("Ελένη", ""), ("Nguyễn Thị", ""), ("山田 太郎", "山田太郎"),
        ("a\u0007b\U0001fae0", "\U0001fae0"), ("", ""),
    ],
)  # fmt: skip
def test_any_name_can_be_written_or_is_said_to_lack_in_the_pdf(proposal, name, lacking):
    proposal.author = name
    data, missing = document(report(proposal))
    assert data.startswith(b"%PDF-") and missing == set(lacking)
    done = proposal.export()
    assert (name in done.html.read_text("utf-8")) and ("lacks" in repr(done)) is bool(lacking)


def test_a_long_text_goes_over_pages(proposal):
    proposal.summary = "word " * 790
    proposal.add("mail readable", 1, "listener reads mail", "implicit TLS", "RFC 8314", "x" * 3999)
    data, _ = document(report(proposal))
    assert len(re.findall(rb"/Type /Page\b", data)) >= len(proposal.rows) / 2 + 1


def test_the_fonts_have_what_the_report_itself_says(proposal):
    proposal.author = proposal.summary = ""
    assert document(report(proposal))[1] == set()
    assert ord("□") in known() and ord("•") in known() and sys.maxunicode not in known()
