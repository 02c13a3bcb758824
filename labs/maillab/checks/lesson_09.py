"""What lesson 09 asks: Borrow a neighbour's login."""

from __future__ import annotations

import random
import re
from typing import Any

from ..conversations import Conversation, Turn, follow
from .exercises import Said, Wrong, call, exercise
from .kinds import frame_in
from .predictions import prediction

prediction(
    "09.A",
    "Alice has just fetched her mail. Mallory has no account, but is behind the same router. Who may send now?",
    {
        "Alice only: she is the one who logged in": (
            "Her POP3 connection is over. SMTP is another connection, and nothing in it says that it is hers."
        ),
        "Everybody who has the address that Alice's login came from": (
            "Yes. An address is all that links the two connections, and both have the router's."
        ),
        "Anybody at all": "No: from another address the server still refuses. It is not an open relay.",
    },
    "Everybody who has the address that Alice's login came from: it is all that links the two connections.",
)

prediction(
    "09.B",
    "The window is ten minutes. Alice fetches at 12:00, and not again. Mallory sends at 12:09. Can she at 12:18, too?",
    {
        "Yes: her mail at 12:09 kept the window open": "Sending proves nothing, so it must not.",
        "No: only a login over POP3 opens it": (
            "Yes. But Alice's program will log in again within minutes, as most do, so that it hardly ever closes."
        ),
        "No: a login is good for one mail": "12:00 and 12:09 were both taken.",
    },
    "No: only a login over POP3 opens it. But most programs log in every few minutes, so that it hardly ever closes.",
)

prediction(
    "09.C",
    "Mallory is elsewhere. She writes Alice's address into a packet as its source: a forged SYN. What comes of it?",
    {
        "She is in: the server sees Alice's address": "It does, and answers to that address. Mallory hears nothing.",
        "The answer goes to Alice, and there is no conversation": (
            "Yes. Without the server's number, which went to Alice, Mallory can't say the next word."
        ),
        "The server notices the forgery": "How? Nothing in IP proves where a packet comes from.",
    },
    "The answer goes to Alice, and there is no conversation: the server's number went to her, not to Mallory.",
)


@exercise(
    "09.1",
    "It was a login, so look at the POP3 conversation. What did the server say when it had checked the digest?",
    "ladder(talks) shows frame numbers. The line is the server's +OK after APOP.",
    "frame = next(t.frame for t in talks[0].turns if t.kind == 'reply' and t.command.verb == 'APOP')",
)
def opened(answer: Any, lab: Any) -> str:
    expected = "a pair: your capture, and the number of a frame in it"
    frames, frame = frame_in(answer, expected)
    told: dict[int, tuple[Conversation, Turn]] = {}
    for talk in follow(frames.values()):
        for turn in talk.turns:
            for number in turn.frames:
                told.setdefault(number, (talk, turn))
    if frame not in told:
        raise Wrong(Said(f"frame {frame}"), "a frame of the login", "In that frame nobody says anything.")
    talk, turn = told[frame]
    if talk.protocol != "pop3":
        raise Wrong(frame, "a frame of the login", "That is in an SMTP conversation: there nobody proves anything.")
    asked = turn.command.verb if turn.kind == "reply" and turn.command else ""
    if asked not in ("APOP", "PASS", "AUTH") or not turn.data.startswith(b"+OK"):
        raise Wrong(Said(f"frame {frame}: {turn.data.decode('utf-8', 'replace').strip()}"), "the server's yes")
    return f"With frame {frame} the server believes Alice, and with her whoever has her address."


@exercise(
    "09.2",
    "Go through the logins. Which have the right address? Of those: was one at most `window` seconds before `now`?",
    "any(… for where, who, when in logins)",
    "return any(where == address and 0 <= now - when <= window for where, who, when in logins)",
)
def rule(answer: Any, lab: Any) -> str:
    expected = "a function may_relay(logins, address, now, window) that says True or False"
    if not callable(answer):
        raise Wrong(answer, expected)
    for logins, address, now, window, right, about in cases(lab.student.id):
        said = call(answer, list(logins), address, now, window)
        if said not in (True, False):
            raise Wrong(said, expected)
        if bool(said) is not right:
            seen = f"{bool(said)} for may_relay({logins}, {address!r}, {now}, {window})"
            raise Wrong(Said(seen), f"{right}: {about}")
    return "That is the whole of POP before SMTP. Look at what it doesn't ask: who."


def cases(seed: str) -> list[tuple[list[tuple[str, str, int]], str, int, int, bool, str]]:
    """(logins, address, now, window, right answer, why): the telling ones first, then some at random."""
    here, there = "192.0.2.1", "192.0.2.66"
    alice, bob = (here, "alice", 1000), (here, "bob", 4000)
    found = [
        ([], here, 1000, 600, False, "nobody has logged in"),
        ([alice], here, 1060, 600, True, "a login from there, a minute ago"),
        ([alice], there, 1060, 600, False, "that login came from another address"),
        ([alice], here, 1601, 600, False, "it was longer ago than the window"),
        ([alice], here, 1600, 600, True, "it was exactly as long ago as the window is"),
        ([alice, bob], here, 4100, 600, True, "the first is too old, the second isn't"),
        ([bob, alice], here, 4100, 600, True, "the order in the list doesn't matter"),
        ([alice], here, 900, 600, False, "that login is yet to come"),
    ]
    rng = random.Random(f"09.2 {seed}")
    for _ in range(40):
        logins = [(rng.choice((here, there)), rng.choice(("alice", "bob")), rng.randrange(3000)) for _ in range(3)]
        address, now, window = rng.choice((here, there)), rng.randrange(4000), rng.randrange(60, 1800)
        right = any(where == address and 0 <= now - when <= window for where, _, when in logins)
        found.append((logins, address, now, window, right, "compare each login's address and time"))
    return found


@exercise(
    "09.3",
    "Put the two lines that say 'lets mail … pass' under each other. What is the same, what isn't?",
    "Sender, recipient, user and address are the same. What stands behind the colon of the address?",
)
def clue(answer: Any, lab: Any) -> str:
    expected = "one word: what differs"
    if not isinstance(answer, str):
        raise Wrong(answer, expected)
    word = answer.strip().lower()
    if "time" in word or "second" in word:
        raise Wrong(answer, expected, "The time differs between any two lines. What else?")
    if not re.search(r"\bports?\b", word):
        raise Wrong(answer, expected)
    note = "The port. It is the router's, and only the router's table, if the hotel kept it, says whose it was."
    return note + (" (Here, without a router, it is each program's own.)" if lab.rung in ("tap", "loopback") else "")
