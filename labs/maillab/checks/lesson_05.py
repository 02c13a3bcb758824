"""What lesson 05 asks: Key the hash: CRAM-MD5."""

from __future__ import annotations

import base64
import hashlib
import random
from typing import Any

from ..sasl import apop, cram_md5
from ..sasl.md5 import hmac_md5, padded
from .exercises import Said, Wrong, call, exercise
from .predictions import prediction

prediction(
    "05.A",
    "CRAM-MD5 sends its challenge and its response in Base64. Mallory undoes that. What does she have?",
    {
        "The password, as in lesson 03": (
            "Base64 hides nothing, but this time there's no password under it: a name and 32 digits."
        ),
        "Nothing, both are encrypted": "Base64 is no encryption. She has both texts; the password isn't in either.",
        "The challenge, Alice's name and 32 digits": "Yes: what APOP shows, in another wrapping.",
    },
    "The challenge, Alice's name and 32 digits: what APOP shows, in another wrapping.",
)

prediction(
    "05.B",
    "You change the last character of the challenge. Which of HMAC's steps come out differently?",
    {
        "All of them": "The two keys are made of the password alone, so they stay. From the inner hash on all changes.",
        "The inner hash and the outer one": "Yes: the challenge comes in at the inner hash, the keys don't know it.",
        "Only the outer hash": "The challenge is hashed in the inner one, and the outer one is made from that.",
    },
    "The inner hash and the outer one: the challenge comes in at the inner hash. The two keys don't know it.",
)

prediction(
    "05.C",
    "Mallory steals those two half-done hashes. What can she do with them?",
    {
        "Nothing: the password can't be got out of them": (
            "It can't, but it needn't: both hashes can be finished with any challenge."
        ),
        "Guess the password, and then log in": "She could do that too, but there's a shorter way: finish the hashes.",
        "Log in as Alice at once": "Yes. They are all that the password is needed for.",
    },
    "Log in as Alice at once: the half-done hashes are all that the password is needed for.",
)

prediction(
    "05.D",
    "Alice's program logs in at Mallory's server with CRAM-MD5. What happens?",
    {
        "The program notices, because the server doesn't know the password": (
            "How would it? The server says '235 welcome'. It hasn't been asked to prove anything."
        ),
        "Mallory learns the password": "No, only one more challenge and its answer. But she gets the mail.",
        "Nobody notices, and Mallory gets the mail": "Yes. CRAM-MD5 proves the client and nobody else.",
    },
    "Nobody notices, and Mallory gets the mail: CRAM-MD5 proves the client and nobody else.",
)


@exercise(
    "05.1",
    "APOP's digits are the MD5 of the challenge with the password right behind it.",
    "hashlib.md5((challenge + …).encode()).hexdigest()",
    "apops_digits = hashlib.md5((challenge + alice.password).encode()).hexdigest()",
)
def not_apop(answer: Any, lab: Any) -> str:
    challenge, digits = answer
    expected = "32 hexadecimal digits: MD5 over this session's challenge and Alice's password"
    password = lab.student.accounts["alice"].password
    if not (isinstance(digits, str) and len(digits := digits.strip().lower()) == 32):
        raise Wrong(digits, expected)
    sent = cram_md5.digest(challenge.encode(), password.encode())
    if digits == sent:
        raise Wrong(digits, expected, "That is CRAM-MD5's digest, from the capture. What would APOP's be?")
    if digits != apop.digest(challenge.encode(), password.encode()):
        raise Wrong(digits, expected)
    return f"APOP would have sent these. CRAM-MD5 sent {sent}: another way to mix the same two texts."


@exercise(
    "05.2",
    "First the key: hashlib.md5(key).digest() if it is longer than 64 bytes, then key.ljust(64, b'\\0').",
    "inner = hashlib.md5(xor(key, 0x36) + text).digest()",
    "return hashlib.md5(xor(key, 0x5c) + inner).hexdigest()",
)
def by_hand(answer: Any, lab: Any) -> str:
    expected = "a function hmac_md5(key, text): bytes in, 32 hexadecimal digits out"
    if not callable(answer):
        raise Wrong(answer, expected)
    key, text = b"tanstaaftanstaaf", b"<1896.697170952@postoffice.reston.mci.net>"  # RFC 2195 section 2
    got = call(answer, key, text)
    if isinstance(got, bytes):
        raise Wrong(got, expected, "The outer hash ends in .hexdigest(), the inner one in .digest().")
    if got != "b913a602c7eda7a495b4e6e7334d3890":
        raise Wrong(got, "b913a602c7eda7a495b4e6e7334d3890, as in RFC 2195", slip(key, text, str(got)))
    if "hmac" in getattr(getattr(answer, "__code__", None), "co_names", ()):
        raise Wrong(Said("Python's own hmac"), expected, "That one is right, and not yours: build it from two MD5s.")
    generator = random.Random(5)
    for length in (0, 1, 63, 64, 65, 200):
        key, text = generator.randbytes(length), generator.randbytes(40)
        if call(answer, key, text) != hmac_md5(key, text).hex():
            hint = "A key longer than 64 bytes is hashed first." if length > 64 else "Short keys are filled with zeros."
            raise Wrong(Said(f"other digits for a key of {length} bytes"), "HMAC's", hint)
    return "RFC 2195's example, and keys from 0 to 200 bytes. That is all of HMAC."


def slip(key: bytes, text: bytes, got: str) -> str:
    """The mistake that leads to these digits, in one sentence; empty if it is none of the common ones."""

    def md5(data: bytes) -> Any:
        return hashlib.md5(data, usedforsecurity=False)

    def xor(block: bytes, byte: int) -> bytes:
        return bytes(each ^ byte for each in block)

    def hmac(block: bytes, inner_pad: int = 0x36, outer_pad: int = 0x5C) -> str:
        inner = md5(xor(block, inner_pad) + text).digest()
        return str(md5(xor(block, outer_pad) + inner).hexdigest())

    block = padded(key)
    inner = md5(xor(block, 0x36) + text).hexdigest()
    slips = {
        md5(key + text).hexdigest(): "That is one hash over both. HMAC takes two.",
        md5(xor(block, 0x5C) + inner.encode()).hexdigest(): "The inner hash goes in as 16 bytes: .digest().",
        hmac(block, 36, 52): "36 and 5c are hexadecimal: 0x36 and 0x5C.",
        hmac(key.ljust(64, b"0")): "The key is filled up with zero bytes, b'\\0', not with the character 0.",
        hmac(key): "The key isn't filled up to 64 bytes.",
    }
    return slips.get(got, "")


@exercise(
    "05.3",
    "Go on with the inner hash: first.update(challenge.encode()). Then give its digest to the outer one.",
    "second.update(first.digest()), and the digits are second.hexdigest()",
    "first.update(challenge.encode()); second.update(first.digest()); return second.hexdigest()",
)
def stolen(answer: Any, lab: Any) -> str:
    expected = "a function that gives the 32 digits for any challenge"
    if not callable(answer):
        raise Wrong(answer, expected)
    alice = lab.student.accounts["alice"]
    for turn, challenge in enumerate(("<1.2@mail.example.test>", "<3.4@mail.example.test>")):
        got = call(answer, challenge)
        right = cram_md5.digest(challenge.encode(), alice.password.encode())
        if got != right:
            hint = "Use the copies: whoever goes on with inner itself can do so only once." if turn else ""
            if isinstance(got, bytes):
                hint = "The digits are a text: second.hexdigest()."
            elif str(got).endswith(right):
                hint = "Only the digits, without the name."
            raise Wrong(
                got, f"the digits that answer {challenge}", hint or "second.update(first.digest()): the 16 bytes."
            )
    if "password" in getattr(getattr(answer, "__code__", None), "co_names", ()):
        raise Wrong(
            Said("a function that uses the password"), expected, "Mallory doesn't have it: use first and second."
        )
    if not lab.live:
        return "The right digits, and not a password in sight."
    server = lab.alice.smtp("submission")
    try:
        server.ehlo()
        _, coded = server.docmd("AUTH", "CRAM-MD5")
        digits = call(answer, base64.b64decode(coded).decode())
        code, reply = server.docmd(base64.b64encode(f"{alice.name} {digits}".encode()).decode())
    finally:
        server.close()
    if code != 235:
        raise Wrong(Said(f"the server's answer {code} {reply.decode()}"), "235 from your server, too")
    return f"Your server says {code}: logged in as Alice, and not a password in sight."
