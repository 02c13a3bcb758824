"""Lesson 14: contrast everything."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, combinations
from typing import Any

from scapy.layers.inet import TCP

from ..contrast import CHANNELS, QUESTIONS, WAYS, Matrix, fetch
from ..contrast.listener import decoded
from .exercises import Said, Todo, Wrong, call, exercise
from .predictions import prediction

prediction(
    "14.A",
    "Eight ways to log in, in four channels: thirty-two sessions. In how many can Mallory, who listens, read the mail?",
    {
        "Three: where the password is sent": "The mechanism protects the login. The mail comes after it.",
        "Eight: all that are in the clear": "Yes. As used here, none encrypts what follows it.",
        "All thirty-two": "TLS and SSH encrypt the mail, too.",
    },
    "Eight, all that are in the clear: a mechanism protects the login, the channel what follows.",
)

prediction(
    "14.B",
    "Alice logs in with SCRAM in the clear, so the server proves that it knows her password, too. Mallory stands "
    "between and passes everything on. What does she get?",
    {
        "Nothing: both sides have proved themselves": "To each other. That keeps nobody from reading along.",
        "The mail": "Yes. She changes nothing, so every proof is right.",
        "The password": "That isn't sent; she gets what she may guess with.",
    },
    "The mail: she changes nothing, so every proof is right, and what follows is in the clear.",
)

prediction(
    "14.C",
    "All logins go through TLS. The server's store is stolen. With which way does the thief still have to guess?",
    {
        "CRAM-MD5: it never sends the password": "The server keeps it, or what is as good, and so has the thief now.",
        "PLAIN: it sends the password": "Yes: a server that is told it needs only a slow, salted hash.",
        "APOP: it uses a fresh challenge": "The challenge is fresh. The password in the store is what it always was.",
    },
    "PLAIN: a server that is told the password needs only a slow, salted hash of it. So does SCRAM's.",
)


@exercise(
    "14.1",
    "A frame's octets are bytes(packet[TCP].payload). Not every packet has TCP in it, and secret is a text, not bytes.",
    "data.split() gives the words. A frame counts if secret.encode() is in data, or in undone(word) for one of them.",
    "Number the packets with enumerate(packets, 1), and collect the numbers in a list.",
)
def auditor(answer: Any, lab: Any) -> str:
    expected = "a function on_wire(packets, secret) that returns a list of frame numbers"
    if not callable(answer):
        raise Wrong(answer, expected)
    secret = lab.student.password("alice")
    for way in ("USER/PASS", "PLAIN", "LOGIN", "APOP"):
        with lab.capture() as heard:
            fetch(lab, way, "clear")
        right = {number for number, packet in enumerate(heard.packets, 1) if carries(packet, secret)}
        said = call(answer, heard.packets, secret)
        if not isinstance(said, list | tuple | set):
            raise Wrong(said, expected)
        if set(said) != right:
            raise Wrong(Said(f"{way}: frames {sorted(said)}"), f"frames {sorted(right)}")
        if nowhere := call(answer, heard.packets, "not-said-7351"):
            raise Wrong(Said(f"frames {nowhere} for a text that nobody said"), "an empty list")
    return "USER/PASS, PLAIN and LOGIN are found out; APOP has nothing to find. That's the table's first question."


def carries(packet: Any, secret: str) -> bool:
    """Is it in this packet, as it is or in base64?"""
    data = bytes(packet[TCP].payload) if TCP in packet else b""
    return any(secret.encode() in part for part in (data, *decoded(data)))


def filled(answer: Any, expected: str) -> tuple[Matrix, Any]:
    """The pair (matrix, what the learner says); Wrong for anything else, and for a matrix that isn't full."""
    if not isinstance(answer, tuple | list) or len(answer) != 2 or not isinstance(answer[0], Matrix):
        raise Wrong(answer, f"a pair: the matrix, and {expected}")
    if len(answer[0]) < len(WAYS) * len(CHANNELS) * sum(map(len, QUESTIONS.values())):
        raise Wrong(answer[0], "a full one", "Run the cells with listen(), attack() and steal() first.")
    return answer[0], answer[1]


def groups() -> Iterable[tuple[str, ...]]:
    """Every group of attackers."""
    return chain.from_iterable(combinations(QUESTIONS, size) for size in (1, 2, 3))


@exercise(
    "14.2",
    "For each way and each channel look at matrix.gets(attacker, way, channel) for each of the attackers: all empty?",
    "A set in one expression: {(way, channel) for way in WAYS for channel in CHANNELS if not any(…)}.",
)
def nobody_gets(answer: Any, lab: Any) -> str:
    expected = "a function safe(attackers) that returns a set of pairs (way, channel)"
    matrix, function = filled(answer, expected)
    if not callable(function):
        raise Wrong(function, expected)
    for attackers in groups():
        right = {
            (way, channel)
            for way in WAYS
            for channel in CHANNELS
            if not any(matrix.gets(attacker, way, channel) for attacker in attackers)
        }
        said = call(function, list(attackers))
        if not isinstance(said, set | list | tuple | frozenset):
            raise Wrong(said, expected)
        if set(said) != right:
            more, less = set(said) - right, right - set(said)
            odd = next(iter(more or less))
            seen = Said(f"for {list(attackers)} {'with' if more else 'without'} {odd}")
            raise Wrong(seen, f"{'without' if more else 'with'} {odd}")
    return f"Against all three {len(right)} of the 32 are left. Passwords sent inside TLS are among them."


@exercise(
    "14.3",
    "Collect for each question the set of answer.says where answer.channel is 'POP3S'. Different: more than one in it.",
    "In a loop, for the answers of that column: says.setdefault(answer.question, set()).add(answer.says).",
)
def apart_in_tls(answer: Any, lab: Any) -> str:
    expected = "a set of questions"
    matrix, said = filled(answer, expected)
    if said is ...:
        raise Todo
    if not isinstance(said, set | list | tuple | frozenset):
        raise Wrong(said, expected)
    says: dict[str, set[str]] = {}
    for each in matrix:
        if each.channel == "POP3S":
            says.setdefault(each.question, set()).add(each.says)
    right = {question for question, words in says.items() if len(words) > 1}
    if unknown := set(said) - set(says):
        raise Wrong(Said(f"{next(iter(unknown))!r}"), f"questions as they stand in the table: {', '.join(says)}")
    if set(said) != right:
        odd = next(iter(set(said) ^ right))
        raise Wrong(
            Said(f"{'with' if odd in said else 'without'} {odd!r}"),
            f"{'without' if odd in said else 'with'} {odd!r}",
            f"There it says {says[odd]}.",
        )
    return "In TLS what's left of a mechanism is what its server must store, and whether it's a login at all."
