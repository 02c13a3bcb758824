"""What lesson 01 asks: Read a POP3 login and a mail."""

from __future__ import annotations

import random
from typing import Any

from .exercises import Said, Wrong, call, exercise
from .predictions import prediction
from .wire import one_login, said

prediction(
    "01.A",
    "How many TCP packets does it take before the first word of POP3?",
    {
        "None: the first one carries the first word": (
            "TCP first has to agree on sequence numbers, and no data travels before that."
        ),
        "Two: one each way": "It takes one more: Alice also has to confirm that she got the server's answer.",
        "Three: SYN, SYN and ACK, ACK": "Yes, the three-way handshake. The server's greeting comes after it.",
    },
    "Three: SYN from Alice, SYN and ACK from the server, ACK from Alice. Only then the server's greeting.",
)

prediction(
    "01.B",
    "The password was readable. What about the mail that Alice fetched?",
    {
        "It is compressed, so it can't be read directly": "POP3 has no compression: a mail travels as it is stored.",
        "Only its headers are readable": "The headers and the body are the same stream of text, and both were there.",
        "It is there word for word": "Yes, word for word, the door code included. Protecting the password alone "
        "would not have changed that.",
    },
    "It is there word for word. Protecting only the password would not have changed that.",
)

prediction(
    "01.C",
    "A POP3 mail ends with a line that holds a single dot. What if a line of the mail itself begins with a dot?",
    {
        "The server refuses to store it": "It has to take any mail: the transport adapts, not the mail.",
        "The mail is cut off there": "It would be, if nobody took care. RFC 1939 makes the server double the dot.",
        "The server sends a second dot in front": "Yes: '.budget' travels as '..budget', and the client takes "
        "the first dot away again.",
    },
    "The server doubles the dot: '.budget' travels as '..budget', and the client takes one away again.",
)


@exercise(
    "01.1",
    "Look at the two lines from the client that begin with USER and PASS.",
    "A tuple of two texts: login = ('…', '…').",
)
def login(answer: Any, lab: Any) -> str:
    alice = lab.student.accounts["alice"]
    expected = "(user name, password), as two texts"
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise Wrong(answer, expected)
    if any(isinstance(part, bytes) for part in answer):
        raise Wrong(answer, expected, "Without the b: text, not bytes.")
    if list(answer) == [alice.password, alice.name]:
        raise Wrong(answer, expected, "The other way round: first the user name, then the password.")
    if answer[0] != alice.name:
        raise Wrong(answer, expected, "The user name stands after USER.")
    if answer[1] != alice.password:
        raise Wrong(answer, expected, "The password stands after PASS, all of it, up to the end of the line.")
    return "Two lines of the conversation, and the account is yours. (It is the lab's, so no harm done.)"


@exercise(
    "01.2",
    "Read what print(mail.message.decode()) showed above, below 'Hi Alice'.",
    "Bob writes it in the middle of the mail, on a line of its own.",
    "Five digits: door_code = '…'.",
)
def door_code(answer: Any, lab: Any) -> str:
    expected = "the five digits from Bob's mail"
    text = str(answer).strip()
    if text == lab.student.room:
        raise Wrong(answer, expected, "That's the number of the room. The code comes a few lines later.")
    if text != lab.student.door_code:
        raise Wrong(answer, expected)
    return "A password guards a mailbox. What it guarded had already passed by in the clear."


def stuffed(lines: list[bytes]) -> bytes:
    """A multi-line reply's lines as they travel (RFC 1939 section 3)."""
    return b"".join((b"." + line if line.startswith(b".") else line) + b"\r\n" for line in lines) + b".\r\n"


def mails(lab: Any) -> list[list[bytes]]:
    """Lines to test with: Alice's mails, a few nasty ones, and some at random."""
    dice = random.Random(lab.student.id)
    nasty = [[b"."], [b".."], [b"...", b"", b"."], [b""], [b"a.", b" ."]]
    mixed = [[bytes(dice.choices(b".ab ", k=dice.randrange(5))) for _ in range(6)] for _ in range(50)]
    return [mail.removesuffix(b"\r\n").split(b"\r\n") for mail in lab.student.mails("alice")] + nasty + mixed


@exercise(
    "01.3",
    "Go through reply.split(b'\\r\\n') line by line.",
    "A line that is just b'.' ends the mail; of any other line that starts with b'.', the first byte goes.",
    "if line == b'.': break, then line = line[1:] if line.startswith(b'.') else line.",
)
def unstuff(answer: Any, lab: Any) -> str:
    expected = "a function that takes the bytes after the +OK line and returns the mail's lines"
    if not callable(answer):
        raise Wrong(answer, expected)
    for lines in mails(lab):
        got = call(answer, stuffed(lines))
        if not isinstance(got, list | tuple) or not all(isinstance(line, bytes) for line in got):
            raise Wrong(
                got, "a list of lines, as bytes", "The lines stay bytes, as they came: split, but don't decode."
            )
        where = next((n for n, (a, b) in enumerate(zip(got, lines, strict=False), 1) if a != b), None)
        if where is not None:
            hint = "Only the first dot goes, and only where a line starts with one."
            raise Wrong(Said(f"{got[where - 1]!r} in line {where}"), f"{lines[where - 1]!r}", hint)
        if len(got) > len(lines):
            raise Wrong(
                Said(f"{got[len(lines)]!r} behind the last line"), "the end", "Stop at the line that is a single dot."
            )
        if len(got) < len(lines):
            raise Wrong(
                Said(f"only {len(got)} lines of {stuffed(lines)[:80]!r}"), f"{len(lines)}", "A line may hold more dots."
            )
    return f"Right for {len(mails(lab))} mails, Alice's own among them. That is what poplib does for you."


@exercise(
    "01.4",
    "The frame is everything, the text is what stands in password_packet.load.",
    "Subtract: len(password_packet) - len(password_packet.load).",
)
def headers(answer: Any, lab: Any) -> str:
    expected = "the number of bytes in front of PASS in that frame"
    packet = next(p for p in one_login(lab).packets if said(p).startswith(b"PASS"))
    overhead = len(packet) - len(said(packet))
    if not isinstance(answer, int) or isinstance(answer, bool):
        raise Wrong(answer, expected + ", as a whole number")
    if answer == len(packet):
        raise Wrong(answer, expected, "That is the whole frame. Take away what POP3 said.")
    if answer == len(said(packet)):
        raise Wrong(answer, expected, "That is what POP3 said. How many bytes stand in front of it?")
    if answer != overhead:
        raise Wrong(answer, expected)
    link = overhead - 20 - packet.payload.payload.dataofs * 4
    return f"{link} of link, 20 of IP and {packet.payload.payload.dataofs * 4} of TCP: the envelope of a postcard."
