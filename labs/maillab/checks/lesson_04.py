"""What lesson 04 asks: Log in without sending the password: APOP."""

from __future__ import annotations

from typing import Any

from ..sasl import apop
from .exercises import Said, Wrong, call, exercise
from .predictions import prediction
from .wire import apop_login

RFC_1939 = ("<1896.697170952@dbc.mtview.ca.us>", "tanstaaf")  # the example of section 7

prediction(
    "04.A",
    "Alice logs in with APOP and fetches a mail. What does Mallory get from the whole session?",
    {
        "Nothing: the login is protected": (
            "Only the password is. The name crosses in the clear, and the mail as if nothing had happened."
        ),
        "The password, once she has turned the digits back": (
            "They can't be turned back: MD5 makes 128 bits of a text of any length, and what is gone is gone."
        ),
        "Alice's name and the mail, but not the password": "Yes. APOP hides the password, and nothing else.",
    },
    "Alice's name and the mail, but not the password. APOP hides that, and nothing else.",
)

prediction(
    "04.B",
    "You change a single bit of the challenge. How many of the digest's 128 bits change?",
    {
        "One or two": "That was Base64, in lesson 03. A hash mixes every bit of the text into every bit of the digest.",
        "About half": "Yes: 64, give or take a dozen. Each bit changes as if a coin had been tossed for it.",
        "All of them": "Then one digest would tell you the other one: all bits turned over. Half is what hides most.",
    },
    "About half, 64 give or take a dozen: each bit changes as if a coin had been tossed for it.",
)

prediction(
    "04.C",
    "What would happen if the server greeted with the same challenge each time?",
    {
        "Nothing: without the password the digits can't be computed": (
            "They needn't be computed. Mallory has heard them, and can say them again."
        ),
        "Alice would send the same digits each time": (
            "Yes, and Mallory, who has heard them once, could send them as well, without knowing the password."
        ),
        "Mallory could compute the password": (
            "Not compute: the digits can't be turned back. But a list made for that one challenge would do (lesson 08)."
        ),
    },
    "Alice would send the same digits each time, and Mallory, who has heard them once, could send them too.",
)

prediction(
    "04.D",
    "What does the server have to keep about Alice to be able to check her digits?",
    {
        "A hash of her password, as every good server does": (
            "From a hash of the password nobody can compute MD5(challenge + password): the password itself goes in."
        ),
        "All challenges and their digests": "There's a new challenge each time, made when she comes. It can't be kept.",
        "Her password, readable": "Yes: it goes into the hash as it is, so the server needs it as it is.",
    },
    "Her password, readable: it goes into the hash as it is, so the server needs it as it is.",
)


@exercise(
    "04.1",
    "The challenge ends the greeting: everything from '<' to '>'. The digits are the last word of the APOP command.",
    "conversation.turns[0].text is the greeting, conversation.turns[1].text the command.",
    "challenge = conversation.turns[0].text.split()[-1]; digest = conversation.turns[1].text.split()[-1]",
)
def parts(answer: Any, lab: Any) -> str:
    expected = "the challenge and the digits of one APOP login, as two texts"
    challenge, digest = answer
    for part in (challenge, digest):
        if isinstance(part, bytes):
            raise Wrong(part, expected, "Use .text of a turn, or .decode().")
        if not isinstance(part, str):
            raise Wrong(part, expected)
    challenge, digest = challenge.strip(), digest.strip().lower()
    if not (challenge.startswith("<") and challenge.endswith(">")):
        raise Wrong(challenge, expected, "The challenge is '<…>', with the angle brackets: they are hashed, too.")
    if digest.startswith("apop "):
        raise Wrong(digest, expected, "Only the last word of the line: the 32 digits.")
    alice = lab.student.accounts["alice"]
    if digest != apop.digest(challenge.encode(), alice.password.encode()):
        raise Wrong(digest, "the 32 digits that answer this challenge", "Take both from the same session.")
    return "Two texts, both in the clear. The third one, which joins them, was never said."


@exercise(
    "04.2",
    "hashlib.md5(…) wants bytes: (challenge + password).encode(). Its .hexdigest() are the digits.",
    "The challenge comes first, with its angle brackets, then the password, nothing between them.",
    "return hashlib.md5((challenge + password).encode()).hexdigest()",
)
def respond(answer: Any, lab: Any) -> str:
    expected = "a function that gives APOP's 32 digits"
    if not callable(answer):
        raise Wrong(answer, expected)
    got = call(answer, *RFC_1939)
    right = "c4c9334bac560ecc979e58001b3e22fb"
    if isinstance(got, bytes):
        raise Wrong(got, expected, "Digits are a text: .hexdigest() instead of .digest().")
    if isinstance(got, str) and got.strip().lower() == right != got:
        raise Wrong(got, expected, "The right digits, but the server wants just them: small letters, no blanks.")
    if got != right:
        hint = ""
        if got == apop.digest(*(text.encode() for text in reversed(RFC_1939))):
            hint = "That is the password first. The challenge comes first."
        raise Wrong(got, f"{right}, as in RFC 1939 (challenge {RFC_1939[0]}, password {RFC_1939[1]})", hint)
    bob = lab.student.accounts["bob"]
    for challenge in ("<1@mail.example.test>", "<2@mail.example.test>"):
        right = apop.digest(challenge.encode(), bob.password.encode())
        if (got := call(answer, challenge, bob.password)) != right:
            raise Wrong(got, f"{right} for the challenge {challenge} and Bob's password")
    if not lab.live:
        return "The digits of RFC 1939, and Bob's. (On a recording nobody can be logged in with them.)"
    reply = apop_login(lab, bob.name, lambda challenge: call(answer, challenge, bob.password))
    if not reply.startswith("+OK"):
        raise Wrong(Said(f"the server's answer {reply!r}"), "+OK from your server, too")
    return f"The digits of RFC 1939, and your server believes them: {reply}"


@exercise(
    "04.3",
    "verify has to compute the digits itself and compare them. What does it need for that?",
    "MD5 runs over the challenge and the password. Nothing that was made from the password will do instead.",
    "keep returns the password itself; verify returns hashlib.md5((challenge + kept).encode()).hexdigest() == digest",
)
def server_side(answer: Any, lab: Any) -> str:
    keep, verify = answer
    expected = "two functions: keep(password), and verify(kept, challenge, digest) that says True or False"
    if not (callable(keep) and callable(verify)):
        raise Wrong(answer, expected)
    for user, account in lab.student.accounts.items():
        kept = call(keep, account.password)
        challenge = f"<{lab.student.number(user, 1, 10**6)}.1@mail.example.test>"
        right = apop.digest(challenge.encode(), account.password.encode())
        wrong = apop.digest(challenge.encode(), b"guess")
        if not call(verify, kept, challenge, right):
            hint = "The digits can only be computed from the password itself: a hash of it won't do."
            raise Wrong(Said(f"{user} turned away, with the right digits"), "True for the right digits", hint)
        if call(verify, kept, challenge, wrong):
            raise Wrong(Said(f"{user} let in with wrong digits"), "False for wrong digits")
    return "It works, and the password lies on the server's disk. With APOP there is no other way."
