"""What lesson 10 asks: Look at POP3S from outside."""

from __future__ import annotations

from typing import Any

from ..findings.mail import header_fields, unencoded
from .exercises import Said, Wrong, exercise
from .kinds import frame_in
from .predictions import prediction

prediction(
    "10.A",
    "Alice fetches three mails over POP3S, and Mallory hears every byte. What does she learn?",
    {
        "Nothing: everything is encrypted": "Not everything: Alice's program first says whom it wants to talk to.",
        "Alice's name, but not her password": "Both cross inside TLS, in records that look alike.",
        "Which server, how many mails, and about how large": (
            "Yes. Names and passwords are hidden; that there is a conversation, with whom, and how much is said, isn't."
        ),
    },
    "Which server, how many mails, and about how large: TLS hides what is said, not that it is, nor how much.",
)

prediction(
    "10.B",
    "The server's certificate says who it is. Can Mallory read it?",
    {
        "Yes, in every version": "In TLS 1.2 she can. TLS 1.3 sends it when there are keys already.",
        "No, in none": "In TLS 1.2 the certificate crosses before there are any keys.",
        "In TLS 1.2 yes, in TLS 1.3 no": "Yes. (The name in the ClientHello she can read in both.)",
    },
    "In TLS 1.2 yes, in TLS 1.3 no. The name in the ClientHello she can read in both.",
)

prediction(
    "10.C",
    "A program encrypts, but doesn't check the certificate. Somebody else's certificate is shown. What happens?",
    {
        "The encryption fails: wrong key": "Encryption works with any key. It is only a question of whose.",
        "It logs in, well encrypted, at whoever that is": (
            "Yes. That protects from those who only listen, not from whoever answers."
        ),
        "The server refuses": "The server only shows it. It doesn't know what the client checks.",
    },
    "It logs in, well encrypted, at whoever that is: protected from those who only listen, not from whoever answers.",
)

NAME = b"mail.example.test"


@exercise(
    "10.1",
    "It is the first thing that the client says, and a frame like any other: search the bytes of each for the name.",
    "for frame in heard: print(frame.number, b'mail.example.test' in frame.data)",
    "frame = next(f.number for f in heard if b'mail.example.test' in f.data)",
)
def named(answer: Any, lab: Any) -> str:
    expected = "a pair: your capture, and the number of the frame with the server's name"
    frames, number = frame_in(answer, expected)
    if NAME not in frames[number].data:
        raise Wrong(Said(f"frame {number}, without the name"), expected)
    return "There it is, in the ClientHello: Server Name Indication (RFC 6066, section 3)."


@exercise(
    "10.2",
    "In the plot three records stand out, after the client's short commands. What else is in each besides the mail?",
    "[size.length for size in seen.sizes if size.side == 'S']: take the last three that are large.",
    "sizes = [size.length for size in seen.sizes if size.side == 'S' and size.length > 700]",
)
def mail_sizes(answer: Any, lab: Any) -> str:
    mails = lab.mails("alice")
    expected = f"the sizes of the {len(mails)} mails, in their order, each within 60 bytes"
    if not isinstance(answer, tuple | list) or not all(isinstance(size, int) for size in answer):
        raise Wrong(answer, expected)
    if len(answer) != len(mails):
        hint = "TLS 1.3 sends the server's certificate encrypted, and early: that large record is no mail."
        raise Wrong(Said(f"{len(answer)} sizes"), expected, hint if len(answer) > len(mails) else "")
    for size, mail in zip(answer, mails, strict=True):
        if abs(size - len(mail)) > 60:
            raise Wrong(answer, expected)
    return f"They have {', '.join(f'{len(mail):,}' for mail in mails)} bytes. Who knows a mail's size can recognise it."


@exercise(
    "10.3",
    "findings(mine, keylog=keys) reads what was said inside. Mails are findings of kind 'mail'.",
    "mails = [found for found in findings(mine, keylog=keys) if found.kind == 'mail']",
    "subject = mails[1].subject",
)
def decrypted(answer: Any, lab: Any) -> str:
    expected = "the subject of Alice's second mail"
    subjects = [unencoded(header_fields(mail)["subject"][0]) for mail in lab.mails("alice")]
    if not isinstance(answer, str):
        raise Wrong(answer, expected)
    answer = answer.strip().removeprefix("Subject:").strip()
    if answer not in subjects:
        raise Wrong(answer, expected)
    if answer != subjects[1]:
        raise Wrong(answer, expected, f"That is mail number {subjects.index(answer) + 1}.")
    return "Read from the very bytes that told Mallory nothing. The difference is a file on Alice's disk."
