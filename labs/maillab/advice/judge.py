"""Does a proposal hold? Each row against the capture, and all rows against what the capture shows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .proposal import Row
from .reading import CHALLENGED, Reading
from .vocabulary import APPLIES, APPLIES_TO_MECHANISM, CURES, RISK_OF, STANDARD_HINT, WHY_NOT

ENOUGH = 20
"""Words that a summary has at least."""


class Fault(NamedTuple):
    """What was seen, what would have been right, and one hint."""

    seen: str
    expected: str
    hint: str


def fault_of(row: Row, number: int, reading: Reading) -> Fault | None:
    """The first thing that is wrong with a row; None if it holds."""
    place = f"row {number} ({row.finding})"
    frames = reading.evidence.get(row.finding, {})
    if row.frame not in frames:
        seen = f"{place}, frame {row.frame}: {reading.what(row.frame)}"
        return Fault(seen, "a frame that shows it", _almost(row, reading))
    if row.risk != RISK_OF[row.finding]:
        hint = "Who can do something with this finding, and what? One answer follows from it directly."
        return Fault(f"{place}, risk: {row.risk}", "the risk that follows from this finding", hint)
    if row.measure not in CURES[row.finding]:
        return Fault(f"{place}, measure: {row.measure}", "a measure that ends this finding", WHY_NOT[row.measure])
    if row.standard not in standards_for(row, reading):
        hint = STANDARD_HINT.get(row.standard, "Which standard says what should be done about this very finding?")
        if row.measure == "strong passwords":
            hint = "Your measure is a new password. Which of these is about passwords?"
        return Fault(f"{place}, standard: {row.standard}", "a standard that applies to it", hint)
    return None


def standards_for(row: Row, reading: Reading) -> tuple[str, ...]:
    """Those that apply to a row, also because of the mechanism in its frame, or of its measure."""
    if row.measure == "strong passwords":
        return ("NIST SP 800-63B",)
    used = [found.mechanism for found in reading.found if found.kind == "credential" and row.frame in found.frames]
    about_logins = row.finding in ("password readable", "login guessable")
    more = [rfc for name in used for rfc in APPLIES_TO_MECHANISM.get(name, ())] if about_logins else []
    return (*APPLIES[row.finding], *more)


def _almost(row: Row, reading: Reading) -> str:
    """A hint that fits the kind of mistake."""
    if row.finding == "password readable":
        for found in reading.found:
            if found.kind == "credential" and row.frame in found.frames:
                if found.password and found.accepted is False:
                    return "The server refused that one. Take a password that it took."
                if found.password is None:
                    return "The password isn't in it, only what was computed from it. That is another finding."
                return "That frame belongs to such a login, but the password stands in another one of its frames."
    if row.finding == "login guessable" and any(
        found.kind == "credential" and row.frame in found.frames and found.mechanism in CHALLENGED
        for found in reading.found
    ):
        return "That frame belongs to such a login; challenge and response stand in others of its .frames."
    if row.finding == "TLS stripped" and any("STLS" in text for _, _, text in reading.lines(row.frame)):
        return "Here STLS is in the list. Somewhere it isn't."
    shown = [kind for kind, frames in reading.evidence.items() if row.frame in frames]
    if shown:
        return f"That frame is evidence, but of something else: {shown[0]}."
    if any(talk.turns[place].kind == "tls" for talk, place in reading.said.get(row.frame, [])):
        return "What is inside TLS is evidence of nothing but TLS."
    return "ladder(follow(capture)) shows every frame's number; findings have .frame."


def missing(rows: Iterable[Row], reading: Reading, weak_user: str) -> list[str]:
    """Findings that the capture shows and these rows don't have.

    weak_user: whose password a word list finds; of all logins that can be guessed from, hers is the one that matters.
    """
    given_rows = list(rows)
    lacking = []
    for kind, frames in reading.evidence.items():
        given = [row.frame for row in given_rows if row.finding == kind]
        good = [frame for frame in given if kind != "login guessable" or frames.get(frame) == weak_user]
        if not good:
            lacking.append(kind)
    return lacking


QUESTIONS: dict[str, str] = {
    "password readable": "Could somebody log in tomorrow with what was heard today?",
    "login guessable": "Whose password did your word list find? That login belongs into the report.",
    "TLS stripped": "One mail program was talked out of encryption.",
    "mail readable": "Passwords aren't all that matters: what about the mails themselves?",
    "relayed for nobody": "Did the server pass on a mail for somebody who had proved nothing at all?",
    "relayed by address": "There is a mail for which somebody else's login opened the door.",
    "next hop in the clear": "Follow the mails beyond the firm's server.",
}
"""What to ask somebody who has overlooked a finding."""
