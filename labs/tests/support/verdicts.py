"""What tests of checks have in common: an answer passes, or fails with a sentence that has these words in it."""

from __future__ import annotations

from maillab import check


def passed(number: str, answer: object) -> bool:
    """Assert that the check passes."""
    verdict = check(number, answer)
    assert verdict.verdict == "PASS", verdict
    return True


def failed(number: str, answer: object, *words: str) -> bool:
    """Assert that the check fails, says what was seen and expected, and has a hint."""
    verdict = check(number, answer)
    assert verdict.verdict == "FAIL", verdict
    assert verdict.seen and verdict.expected and verdict.hint
    assert all(word in str(verdict) for word in words), verdict
    return True
