"""What lesson 07 asks: Guess offline."""

from __future__ import annotations

from typing import Any

from ..student import ANIMALS, MATERIALS
from .exercises import Said, Wrong, call, exercise
from .predictions import prediction

PATTERN = len(MATERIALS) * len(ANIMALS) * 90

prediction(
    "07.A",
    "None of the four exchanges contains the password. What does Mallory need to find it out?",
    {
        "More captures of the same login": "More of the same tells nothing new. One exchange is enough for guessing.",
        "The server, to try passwords on": "The server would notice, and slow her down. The capture does neither.",
        "Only the capture, and guesses": "Yes: a guess that gives the same digest is the password.",
    },
    "Only the capture, and guesses: a guess that gives the same digest is the password.",
)

prediction(
    "07.B",
    "60,000 common words. Whose password will be found with them and a few rules?",
    {
        "Alice's and Carol's": "Alice's is no word with an ending, but three parts: no rule of this list makes it.",
        "Carol's, who chose hers": "Yes: people choose words, and change them in the same few ways.",
        "Nobody's: they aren't plain words": "Rules change each word a little, as people do.",
    },
    "Carol's, who chose hers: people choose words, and change them in the same few ways.",
)

prediction(
    "07.C",
    "Alice's password is long, and on no word list. How long will the pattern take, at millions of guesses a second?",
    {
        "Less than a second": "Yes: there are only a few hundred thousand that follow the pattern.",
        "Some minutes": "At millions a second, minutes are a thousand million guesses. The pattern has far fewer.",
        "Years, it is long": "If each character were free to choose. But the pattern leaves three choices.",
    },
    "Less than a second: only a few hundred thousand passwords follow the pattern.",
)

prediction(
    "07.D",
    "One guess at APOP is one MD5. SCRAM-SHA-256 hashes 4,096 times per guess. How much slower are guesses?",
    {
        "About twice": "Each guess is made to cost thousands of hashes, on purpose.",
        "About a hundred times": "More: each of the 4,096 rounds is an HMAC, two hashes of a slower kind.",
        "More than a thousand times": "Yes: each of the 4,096 rounds is an HMAC over SHA-256, slower than one MD5.",
    },
    "More than a thousand times: each of the 4,096 rounds is an HMAC over SHA-256, slower than one MD5.",
)


@exercise(
    "07.1",
    "As in lesson 04: MD5 over the challenge with the word right behind it.",
    "Compare the hexdigest with the last word of alices['APOP'].response.",
    "return md5((alices['APOP'].challenge + word).encode()).hexdigest() == alices['APOP'].response.split()[1]",
)
def fits(answer: Any, lab: Any) -> str:
    expected = "a function that says True for Alice's password, and False for any other word"
    if not callable(answer):
        raise Wrong(answer, expected)
    alice = lab.student.accounts["alice"]
    for word in ("", "password", alice.name, alice.password[:-1], alice.password.upper(), lab.student.password("bob")):
        if call(answer, word):
            raise Wrong(Said(f"True for {word!r}"), expected)
    if not call(answer, alice.password):
        raise Wrong(Said("False for her password, too"), expected, "Challenge first, then the word; then compare.")
    if "password" in getattr(getattr(answer, "__code__", None), "co_names", ()):
        raise Wrong(Said("a function that knows the password"), expected, "Mallory has the challenge and the digits.")
    return "That is all of it. From here on it's only a question of which words, and how many a second."


@exercise(
    "07.2",
    "crack(carols, Candidates(words, RULES)) takes all rules. The result has a .password.",
    "A result that says 'not found' means that no rule you chose makes it.",
    "carols_password = crack(carols, Candidates(words, RULES)).password",
)
def carols(answer: Any, lab: Any) -> str:
    expected = "Carol's password, as a text"
    answer = getattr(answer, "password", answer)
    if answer is None:
        raise Wrong(Said("nothing found"), expected, "Take more rules: RULES has them all.")
    if answer != lab.student.password("carol"):
        raise Wrong(answer, expected)
    return "A word, and one of the few things that people do to words."


@exercise(
    "07.3",
    "crack(alices['APOP'], pattern) is the first.",
    "The other two are called 'CRAM-MD5' and 'DIGEST-MD5'; each result has a .password.",
    "from_apop, from_cram_md5, from_digest_md5 = (crack(alices[name], pattern).password for name in "
    "('APOP', 'CRAM-MD5', 'DIGEST-MD5'))",
)
def alices(answer: Any, lab: Any) -> str:
    expected = "Alice's password, three times"
    found = [getattr(one, "password", one) for one in answer]
    if len(found) != 3:
        raise Wrong(answer, expected)
    for name, one in zip(("APOP", "CRAM-MD5", "DIGEST-MD5"), found, strict=True):
        if one != lab.student.password("alice"):
            raise Wrong(Said(f"{one!r} from {name}"), expected)
    return f"Three mechanisms, {PATTERN:,} candidates, one password. None of them was any protection."


@exercise(
    "07.4",
    "Guesses divided by guesses per second are seconds. How many guesses are there? len(pattern).",
    "scram_seconds = len(pattern) / measured['SCRAM-SHA-256']",
    "apop_seconds = len(pattern) / measured['APOP']",
)
def seconds(answer: Any, lab: Any) -> str:
    *said, measured = answer
    for name, one in zip(("SCRAM-SHA-256", "APOP"), said, strict=True):
        expected = f"the seconds that all of the pattern takes against {name}"
        if not isinstance(one, int | float) or one <= 0:
            raise Wrong(one, expected)
        right = PATTERN / measured[name]
        if not 0.94 < one / right < 1.06:  # rounded is right
            hint = "That is upside down." if 0.94 < one * right < 1.06 else ""
            raise Wrong(Said(f"{one:.4g}"), expected, hint)
    return f"{said[0]:,.0f} seconds instead of {said[1]:.2g}. For so small a pattern even the high price is payable."
