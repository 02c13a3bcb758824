"""What lesson 15 asks: Advise a mail server's owner."""

from __future__ import annotations

import re
from typing import Any

from ..advice import Proposal, Reading
from ..advice.judge import ENOUGH, QUESTIONS, fault_of, missing
from ..attacks import trial
from ..firm import people
from ..firm.watch import stranger_to
from .exercises import Said, Todo, Wrong, exercise
from .predictions import prediction

prediction(
    "15.A",
    "One person here logs in with SCRAM and a long random password, without TLS, and sends a mail. What can a "
    "listener do?",
    {
        "Nothing: SCRAM is the best that there is": "The login is good. The mail after it isn't protected by it.",
        "Guess the password": "One may try: but nobody has the time to find sixteen random characters.",
        "Read the mail, and no more": "Yes. A mechanism protects a password. Only TLS protects what comes after it.",
    },
    "She reads the mail, and no more: a mechanism protects a password, and only TLS protects what comes after it.",
)

prediction(
    "15.B",
    "You are about to send your report. Should it contain the passwords that you found?",
    {
        "Yes, as proof": "The frame's number is the proof. Whoever gets the report would get the passwords, too.",
        "No": "Yes, no: reports are passed on, printed and left lying about. The export masks them.",
        "Only the guessed one": "It is as good as the others to whoever finds the report on the printer.",
    },
    "No: reports are passed on, printed and left lying about. The frame's number is proof enough.",
)


def reading_of(lab: Any) -> Reading:
    """The student's own capture, read anew: what the learner made of it counts for nothing."""
    if getattr(lab, "capture_file", None) is None:
        raise Wrong(Said("no capture"), "one: run the cell with watch(lab)", "It is in part 1.")
    reading = Reading(lab.capture_file)
    named = {found.username for found in reading.found if found.kind == "credential" and found.username}
    if others := stranger_to(lab, named):
        raise Wrong(
            Said(f"a capture with {sorted(others)[0]} in it, who doesn't work at your firm"),
            "your own capture",
            "watch(lab, anew=True) makes a new one.",
        )
    return reading


@exercise(
    "15.1",
    "findings(capture) has them: .kind is 'credential', .password isn't None. And did the server accept it?",
    "A dictionary: {found.username: found.password for found in … if …}",
    "{f.username: f.password for f in found if f.kind == 'credential' and f.password and f.accepted}",
)
def readable(answer: Any, lab: Any) -> str:
    expected = "a dictionary: name → password, for each password that can be read and that the server accepted"
    reading = reading_of(lab)
    if not isinstance(answer, dict):
        raise Wrong(answer, expected)
    logins = [found for found in reading.found if found.kind == "credential" and found.password]
    right = {found.username: found.password for found in logins if found.accepted}
    refused = {found.password for found in logins if not found.accepted}
    for name, password in answer.items():
        if name not in right:
            hint = (
                "That password isn't in the capture, only what was computed from it." if _logs_in(reading, name) else ""
            )
            raise Wrong(Said(f"{name!r} among them"), expected, hint)
        if password != right[name]:
            hint = "The server refused that one: look at .accepted." if password in refused else ""
            raise Wrong(Said(f"another password for {name}"), expected, hint)
    if len(answer) < len(right):
        raise Wrong(Said(f"{len(answer)} of {len(right)}"), expected, "They log in over POP3, and also to send.")
    return f"{len(right)} people. Whoever heard this can log in as each of them."


def _logs_in(reading: Reading, name: Any) -> bool:
    return any(found.username == name for found in reading.found)


@exercise(
    "15.2",
    "Not SCRAM: at its rate that list takes twenty minutes. For the others crack(found, Candidates(word_list(2_000), "
    "[…])).",
    "People take a word, a capital letter and two digits: the rules 'case' and 'digits' of lesson 07.",
    "crack(f, Candidates(word_list(2_000), ['case', 'digits'])) for f in found if f.username and "
    "f.mechanism in ('APOP', 'CRAM-MD5', 'DIGEST-MD5')",
)
def guessed(answer: Any, lab: Any) -> str:
    expected = "a pair: the user's name, and the password"
    reading = reading_of(lab)
    if not isinstance(answer, tuple | list) or len(answer) != 2 or not all(isinstance(part, str) for part in answer):
        raise Wrong(answer, expected)
    name, password = answer
    logins = [f for f in reading.found if f.kind == "credential" and f.username == name and f.accepted]
    if not logins:
        raise Wrong(name, expected, "Nobody of that name logs in here so that others can see it.")
    if all(found.password is not None for found in logins):
        raise Wrong(name, expected, "That password needn't be guessed: it can be read.")
    if not any(trial(found).search([password.encode()]) for found in logins if found.password is None):
        raise Wrong(Said(f"a password that doesn't give {name}'s response"), expected)
    return f"{name} kept the password to the rules, and a list of words has it. No server was asked."


@exercise(
    "15.3",
    "Compare what the server says that it can, in one POP3 conversation and the other: the replies to CAPA.",
    "In which reply to CAPA is there no STLS? The server has it, as other conversations show.",
    "next(t.frame for talk in talks for t in talk.turns if t.command and t.command.verb == 'CAPA' and "
    "b'STLS' not in t.data)",
)
def stripped(answer: Any, lab: Any) -> str:
    expected = "the number of the frame that proves it"
    reading = reading_of(lab)
    if type(answer) is not int:
        raise Wrong(answer, expected)
    if answer not in reading.frames:
        raise Wrong(answer, expected, f"This capture has the frames 1 to {len(reading.frames)}.")
    proof = reading.evidence["TLS stripped"]
    if answer in proof:
        return "The same server offers STLS elsewhere. Here somebody on the way has taken it out."
    seen = Said(f"frame {answer}: {reading.what(answer)}")
    if any("STLS" in text for _, _, text in reading.lines(answer)):
        raise Wrong(seen, expected, "Here STLS is in the list. Somewhere it isn't.")
    if answer in reading.evidence["password readable"]:
        raise Wrong(seen, expected, "That is what came of it. What made the mail program do that?")
    raise Wrong(seen, expected)


@exercise(
    "15.4",
    "Mails among the findings have .relayed and .authorised, and .popped if it was by address (lesson 09).",
    "One has .authorised == 'nobody', one 'address'. What is in .popped['username']?",
    "by_nobody = next(f.frame for f in found if f.relayed and f.authorised == 'nobody')",
)
def relayed(answer: Any, lab: Any) -> str:
    expected = (
        "three things: a frame of the mail let in by nobody's right, one of the mail let in by an address, a name"
    )
    reading = reading_of(lab)
    if not isinstance(answer, tuple | list) or len(answer) != 3:
        raise Wrong(answer, expected)
    nobody, address, opened = answer
    for number, kind in ((nobody, "relayed for nobody"), (address, "relayed by address")):
        if type(number) is not int or number not in reading.evidence[kind]:
            what = reading.what(number) if type(number) is int else "no number of a frame"
            other = any(number in reading.evidence[name] for name in ("relayed for nobody", "relayed by address"))
            hint = "The two are the wrong way round." if other else ""
            raise Wrong(Said(f"{number!r}: {what}"), f"a frame of the mail that was {kind}", hint)
    right = next(f.popped["username"] for f in reading.found if f.relayed and f.popped)
    if opened != right:
        raise Wrong(opened, "the name of who logged in from that address", "Whose login was it? See .popped.")
    return f"{opened} did nothing wrong, and will be asked about that mail all the same."


@exercise(
    "15.5",
    "Every finding of parts 2 to 4 is a row; each needs a frame in which one can see it.",
    "FINDINGS, RISKS, MEASURES and STANDARDS say what can be chosen. proposal shows what you have.",
    "Reading(capture).evidence has the frames for each finding.",
)
def proposed(answer: Any, lab: Any) -> str:
    expected = "your proposal: check('15.5', proposal)"
    if not isinstance(answer, Proposal):
        raise Wrong(answer, expected)
    if not answer.rows:
        raise Todo
    reading = reading_of(lab)
    for number, row in enumerate(answer.rows, 1):
        if fault := fault_of(row, number, reading):
            raise Wrong(Said(fault.seen), fault.expected, fault.hint)
    lacking = missing(answer.rows, reading, people(lab.student)["guessed"].name)
    if lacking:
        rows = len(answer.rows)
        seen = (
            f"{rows} row{'s' * (rows != 1)} that hold{'s' * (rows == 1)}; kinds of finding not in them: {len(lacking)}"
        )
        raise Wrong(Said(seen), "a row for each kind of weakness in this capture", QUESTIONS[lacking[0]])
    words = len(re.findall(r"\w+", answer.summary))
    if words < ENOUGH:
        hint = 'What would you say if the owner had half a minute? proposal.summary = "…"'
        raise Wrong(Said(f"a summary of {words} words"), f"one of {ENOUGH} words at least, in your own words", hint)
    return f"{len(answer.rows)} rows, each with its evidence. An owner can act on that. Now proposal.export()."
