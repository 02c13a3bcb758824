"""What lesson 08 asks: Replay and choose the challenge."""

from __future__ import annotations

from typing import Any

from ..sasl import apop
from .exercises import Said, Wrong, exercise
from .kinds import yes_or_no
from .lesson_07 import PATTERN
from .predictions import prediction

CHOSEN = "<1.1@mail.example.test>"

prediction(
    "08.A",
    "Mallory connects and says, byte for byte, what Alice said a minute ago. What does the server answer?",
    {
        "+OK: the bytes are the same": "They are, but the question isn't. Another challenge wants other digits.",
        "-ERR: it's another computer": "The server doesn't ask which computer it is. It compares digits.",
        "-ERR: the challenge has changed": "Yes. The digits answer a question that nobody asked this time.",
    },
    "-ERR: the challenge has changed, and the digits answer a question that nobody asked this time.",
)

prediction(
    "08.B",
    "And if the server's challenge is the same as when Alice came?",
    {
        "Still -ERR": "What should it notice? The digits are right, and nothing else is looked at.",
        "+OK, and Mallory gets Alice's mail": "Yes: what Alice said answers the question again, RETR and all.",
        "+OK, but the mail stays closed": "After the login there's nothing more to prove. The mail is read out.",
    },
    "+OK, and Mallory gets Alice's mail: what Alice said answers the question again, RETR and all.",
)

prediction(
    "08.C",
    "Which mechanisms can be replayed at a server that repeats its challenge?",
    {
        "APOP and CRAM-MD5, the others have a client's nonce": (
            "That nonce is among the bytes that are replayed. To the server it's as good as any other."
        ),
        "All of them": "Yes. A client's nonce is replayed with the rest; only the server's could have told.",
        "None, as part 1 has shown": "There the challenge was new. Here it isn't.",
    },
    "All of them. A client's nonce is replayed with the rest; only the server's could have told.",
)

prediction(
    "08.D",
    "Alice and Bob come to a server whose owner has chosen the challenge beforehand. What does the table give?",
    {
        "Both passwords, each in an instant": "Yes. The work is in the table, and was done once for everybody.",
        "Alice's only, the table was made for her": "Names don't go into APOP's hash: one table does for all.",
        "Nothing, a digest can't be turned back": "Not computed back. But looked up, if somebody has made a list.",
    },
    "Both passwords, each in an instant: the work is in the table, and was done once for everybody.",
)

prediction(
    "08.E",
    "Alice comes twice, and gets the same DIGEST-MD5 challenge twice. Are her two responses the same?",
    {
        "Yes: same challenge, same password": "A third thing is in the hash, made up by Alice's program each time.",
        "No: her program adds a nonce of its own": "Yes, and so no table made beforehand can have the answer.",
        "She gives none: the program notices the repetition": "It keeps no list of challenges. It doesn't have to.",
    },
    "No: her program adds a nonce of its own, and so no table made beforehand can have the answer.",
)


@exercise(
    "08.1",
    "for sent, answer in again.exchange: print(sent) shows what was sent. Which line asks for a mail?",
    "The client's last line is QUIT, the one before it RETR 1: exchange[-2].",
    "mallory_reads = again.exchange[-2][1]",
)
def reads(answer: Any, lab: Any) -> str:
    expected = "Alice's first mail, as bytes that the server sent to Mallory"
    if isinstance(answer, str):
        answer = answer.encode()
    if not isinstance(answer, bytes):
        raise Wrong(answer, expected, "exchange[-2] is a pair (sent, answer): take its second part.")
    if answer.startswith(b"-ERR"):
        raise Wrong(answer, expected, "The server said no: is this the replay from inside the with?")
    if lab.student.door_code.encode() not in answer:
        raise Wrong(answer, expected)
    return f"Door code {lab.student.door_code} and all: Mallory has read it herself, and knows no password."


@exercise(
    "08.2",
    "For each word in pattern: apop.digest(chosen.encode(), word.encode()) is the key, the word the value.",
    "It is one line: {… : word for word in pattern}",
    "table = {apop.digest(chosen.encode(), word.encode()): word for word in pattern}",
)
def table(answer: Any, lab: Any) -> str:
    expected = "a dictionary: digest → password"
    if not isinstance(answer, dict):
        raise Wrong(answer, expected)
    for user in ("alice", "bob"):
        password = lab.student.password(user)
        if answer.get(password):
            raise Wrong(Said("passwords → digests"), expected, "The other way round: digests are what is looked up.")
        if answer.get(apop.digest(CHOSEN.encode(), password.encode())) != password:
            raise Wrong(Said(f"{len(answer):,} entries, and not {user}'s among them"), expected)
    if len(answer) != PATTERN:
        raise Wrong(Said(f"{len(answer):,} entries"), f"{PATTERN:,}: one for each candidate of the pattern")
    return f"{len(answer):,} lines, made once, for everybody who will ever come by."


RIGHT = {
    "APOP": (True, True, False),
    "CRAM-MD5": (True, True, False),
    "DIGEST-MD5": (True, False, True),
    "SCRAM-SHA-256": (True, False, True),
}
"""What the lesson's own runs show, and the tests of the lab verify on the wire: no secret."""


@exercise(
    "08.3",
    "The first column is in the table of part 2, the others in parts 3 and 4 (and CRAM-MD5's impostor in lesson 05).",
    "A table fails where the client puts in a nonce of its own; an impostor, where she has to prove something.",
)
def summary(answer: Any, lab: Any) -> str:
    expected = "four mechanisms with three times True or False"
    questions = ("does a replay work at a server that repeats itself", "does a table work", "is an impostor noticed")
    yes_or_no(answer, RIGHT, questions, expected)
    return "Both ends have to bring something new, and both have to prove something."
