"""Words, rules, candidates: how many, in which order, and that the lab's passwords are among them."""

from __future__ import annotations

import pickle
import subprocess
import sys
from itertools import islice
from typing import Any

import pytest

from maillab.attacks import RULES, Candidates, guesses, scheme, word_list
from maillab.attacks.rules import ENDINGS, how_many, variants
from maillab.student import ANIMALS, FAVOURITES, MATERIALS, Student

ALL = list(RULES)


def test_the_word_list() -> None:
    words = word_list()
    assert len(words) == len(set(words)) == 60_000
    assert words[:2] == ["123456", "password"] and "veronica" in words[30_000:]
    assert word_list(10) == words[:10] and len(word_list(10**6)) > 90_000
    word_list().clear()
    assert len(word_list()) == 60_000, "everybody gets a list of their own"


def test_the_word_list_is_loaded_only_when_asked_for() -> None:
    code = "import sys, maillab.attacks as a; before = 'zxcvbn' in sys.modules; a.word_list(1);"
    code += "print(before, 'zxcvbn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


@pytest.mark.parametrize("rules", [[], ["case"], ["l33t"], ["digits"], ["case", "digits"], ["digits", "case"], ALL])
def test_the_count_is_the_count(rules: list[str]) -> None:
    words = ["dragon", "123456", "Paris", "x", "ébène", "a"]
    candidates = Candidates(words, rules)
    made = list(candidates)
    assert len(candidates) == len(made) == sum(how_many(word, rules) for word in words)
    assert made == list(guesses(words, rules))
    assert candidates.portion(0, 2) + candidates.portion(2, 6) == [guess.encode() for guess in made]
    assert set(words) <= set(made)


def test_no_guess_twice_from_one_word() -> None:
    for word in ("dragon", "123456", "Paris", "x", "ébène"):
        made = variants(word, ALL)
        assert len(made) == len(set(made))


def test_guesses_are_made_when_asked_for() -> None:
    def endless():
        number = 0
        while True:
            yield f"word{number}"
            number += 1

    assert list(islice(guesses(endless(), ["case"]), 3)) == ["word0", "Word0", "word1"]


def test_a_rule_by_a_wrong_name() -> None:
    with pytest.raises(ValueError, match=r"No rule is called 'leet': choose from 'as it is', 'case', 'l33t', 'digits'"):
        Candidates(["x"], ["leet"])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("tanstaaf", "a list of texts, .* not one str"),
        (b"tanstaaf", "not one bytes"),
        (None, "not one NoneType"),
        ([1, 2], "of type int"),
        ([b"tanstaaf"], "of type bytes"),
        (["x\ud800"], "UTF-8 can't write"),
    ],
)
def test_what_is_no_list_of_words(words: Any, sentence: str) -> None:
    for make in (Candidates, lambda it: Candidates(["x"], endings=it)):
        with pytest.raises(ValueError, match=sentence):
            make(words)


@pytest.mark.parametrize("rules", [[], ["case"], ["case", "digits"]])
def test_many_endings_in_rows(rules: list[str]) -> None:
    """A portion has few guesses, however many endings there are."""
    candidates = Candidates(["dragon", "Paris"], rules, endings=map(str, range(1001)))
    portions = [candidates.portion(row, row + 1) for row in range(candidates.rows)]
    made = [guess.decode() for portion in portions for guess in portion]
    assert max(map(len, portions)) <= 400 and len(candidates) == len(made) == len(list(candidates))
    endings = [digits + str(number) for digits in (ENDINGS if "digits" in rules else [""]) for number in range(1001)]
    assert sorted(made) == sorted(front + end for front in guesses(["dragon", "Paris"], rules[:1]) for end in endings)
    assert candidates.portion(3, 10**9) == [guess for portion in portions[3:] for guess in portion]


@pytest.mark.parametrize("id", ["guest", "1234567", "somebody else"])
def test_handed_out_passwords_follow_the_scheme(id: str) -> None:
    student, candidates = Student(id), scheme(MATERIALS, ANIMALS, range(10, 100))
    assert len(candidates) == len(MATERIALS) * len(ANIMALS) * 90
    assert {student.password("alice"), student.password("bob")} <= set(candidates)
    assert student.password("carol") not in set(candidates)


def test_chosen_passwords_are_in_the_word_list_with_rules() -> None:
    assert set(FAVOURITES) <= set(word_list())
    made = set(guesses(FAVOURITES))
    assert {Student(f"{number}").password("carol") for number in range(500)} <= made


def test_scheme_of_anything() -> None:
    assert list(scheme(["a", "b"])) == ["a", "b"]
    assert list(scheme("ab", (1, 2), ["x"])) == ["a-1-x", "a-2-x", "b-1-x", "b-2-x"]


def test_candidates_go_to_other_processes() -> None:
    candidates = scheme(["a", "b"], [1, 2])
    again = pickle.loads(pickle.dumps(candidates))
    assert list(again) == list(candidates) and repr(again) == "<4 candidates from 2 words>"
    assert len(pickle.dumps(Candidates(word_list(), ALL))) < 10**6
