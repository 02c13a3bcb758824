"""What lesson 03 asks: Decode AUTH PLAIN and LOGIN."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from .exercises import Said, Wrong, call, exercise
from .predictions import prediction

prediction(
    "03.A",
    "Alice's program logs in with AUTH PLAIN on the submission port, 587. What will Mallory see of her password?",
    {
        "Nothing, port 587 is encrypted": (
            "A port number encrypts nothing. 587 starts in the clear, and stays so unless somebody says STARTTLS."
        ),
        "Random-looking characters, safe without the key": (
            "They look random, but there is no key: Base64 is an alphabet, and everybody has it."
        ),
        "Random-looking characters that anybody can turn back": "Yes. Base64 is an encoding, and it hides nothing.",
    },
    "Random-looking characters, which anybody can turn back: Base64 is an encoding, and it hides nothing.",
)

prediction(
    "03.B",
    "You change one letter in the middle of the password. How many characters of the Base64 text change?",
    {
        "All that come after it": "A good cipher may do that. Base64 knows no 'after': each group stands alone.",
        "All of them": "That is how a hash behaves. Base64 only rewrites the bits of that one letter.",
        "One or two": "Yes: eight bits lie in two groups of six. What changes so little can't be hiding much.",
    },
    "One or two: the eight bits of a letter lie in two groups of six. What changes so little can't be hiding much.",
)

prediction(
    "03.C",
    "LOGIN sends user name and password in two separate lines, each in Base64. Is that harder to read than PLAIN?",
    {
        "Yes, the parts are apart": "Mallory hears both lines, in order, with the server's questions in front of each.",
        "Yes, the server's questions act as a key": (
            "The questions are always the same two, and nothing is mixed into the answers."
        ),
        "No, it only takes more lines": "Yes: two questions, two answers, the same Base64.",
    },
    "No: two questions, two answers, the same Base64. It only takes more lines.",
)

prediction(
    "03.D",
    "Now the server refuses logins without TLS. Alice's program tries AUTH PLAIN all the same. What does Mallory get?",
    {
        "Nothing, the server refuses": (
            "The server can only refuse what it has read, and what it has read has crossed the network."
        ),
        "The user name, but not the password": "Both travel in the same line, so she gets both or nothing.",
        "The password, as before": "Yes: the refusal comes too late. Not sending is the client's job.",
    },
    "The password, as before: the refusal comes too late. It is the client that must not send it.",
)


@exercise(
    "03.1",
    "base64.b64decode(…) gives bytes; split them at the NUL: .split(b'\\0').",
    "The three parts are authzid, user name and password. The first is empty.",
    "login = tuple(part.decode() for part in base64.b64decode(response).split(b'\\0'))",
)
def plain(answer: Any, lab: Any) -> str:
    alice = lab.student.accounts["alice"]
    expected = "(authzid, user name, password), as three texts"
    if not isinstance(answer, tuple | list):
        raise Wrong(answer, expected)
    if any(isinstance(part, bytes) for part in answer):
        raise Wrong(answer, expected, "Turn each part into text with .decode().")
    if len(answer) == 2:
        raise Wrong(answer, expected, "There are two NULs, so three parts: the first one is there, and empty.")
    if len(answer) != 3:
        raise Wrong(answer, expected)
    for part, right, hint in (
        (answer[0], "", "The first part is what stands before the first NUL: nothing."),
        (answer[1], alice.name, "The second part stands between the two NULs."),
        (answer[2], alice.password, "The third part is everything after the second NUL."),
    ):
        if part != right:
            raise Wrong(part, "another text in that place", hint)
    return "No key, no guessing: three parts with two NULs between them (RFC 4616)."


@exercise(
    "03.3",
    "It is Base64 like the rest: base64.b64decode('VXNlcm5hbWU6').",
    "One word and a colon.",
)
def prompt(answer: Any, lab: Any) -> str:
    expected = "the decoded text of the server's first 334 line"
    text = answer.decode("latin-1") if isinstance(answer, bytes) else str(answer)
    if text.strip().lower().rstrip(":") == "password":
        raise Wrong(answer, expected, "That is the second question. What was the first?")
    if text.strip().lower().rstrip(":") != "username":
        raise Wrong(answer, expected)
    return "The server asks in Base64 for what it gets in Base64. LOGIN never became an RFC."


@exercise(
    "03.4",
    "PLAIN is: authzid, NUL, user name, NUL, password. Bob's authzid is empty.",
    "Build bytes first, b'\\0' + name + b'\\0' + password, then base64.b64encode(…).decode().",
    "base64.b64encode(f'\\0{bob.name}\\0{bob.password}'.encode()).decode()",
)
def response(answer: Any, lab: Any) -> str:
    bob = lab.student.accounts["bob"]
    expected = "the Base64 text that logs Bob in"
    text = answer.decode("latin-1") if isinstance(answer, bytes) else answer
    if not isinstance(text, str):
        raise Wrong(answer, expected)
    try:
        parts = base64.b64decode(text.strip(), validate=True).split(b"\0")
    except (binascii.Error, ValueError):
        if text.upper().startswith("AUTH"):
            raise Wrong(answer, expected, "Only what comes after 'AUTH PLAIN '.") from None
        raise Wrong(answer, expected, "That isn't Base64 yet: base64.b64encode(…) makes it.") from None
    if len(parts) != 3:
        raise Wrong(
            Said(f"a message with {len(parts) - 1} NULs"), expected, "There must be two NULs: \\0user\\0password."
        )
    if parts[1] == b"alice":
        raise Wrong(Said("a message that logs Alice in"), expected)
    if not lab.network.serves and parts != [b"", bob.name.encode(), bob.password.encode()]:
        hint = "This is a recording, so nothing was sent: it doesn't hold Bob's name and password."
        raise Wrong(Said("another message"), expected, hint)
    code, reply = log_in(lab, text.strip())
    if code != 235:
        raise Wrong(Said(f"the server's answer {code} {reply}"), expected + " (the server answers 235)")
    return f"The server took Mallory for Bob: {code} {reply}"


def log_in(lab: Any, text: str) -> tuple[int, str]:
    """Try an initial response on the student's own server."""
    server = lab.alice.smtp("submission")
    try:
        server.ehlo()
        code, reply = server.docmd("AUTH", f"PLAIN {text}")
        return code, reply.decode("ascii", "replace")
    finally:
        server.close()


@exercise(
    "03.2",
    "Three bytes become four characters. What becomes of one byte, or two?",
    "The last group is filled up with '=' to four characters.",
    "return 4 * ((n + 2) // 3)",
)
def length(answer: Any, lab: Any) -> str:
    expected = "a function: how many Base64 characters n bytes become"
    if not callable(answer):
        raise Wrong(answer, expected)
    for n in range(200):
        got, right = call(answer, n), len(base64.b64encode(bytes(n)))
        if got != right:
            hint = "Groups are never half full: they are filled up with '='." if n else "No bytes need no group."
            raise Wrong(Said(f"{got} for {n} {'byte' if n == 1 else 'bytes'}"), f"{right}", hint)
    return "Length and padding together give away the exact number of bytes."
