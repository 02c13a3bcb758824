"""Guesses a second: the loops of maillab.attacks beside plain hashlib and hmac, in the same run.

Run it as ``python tests/bench/guess.py``. It's no test: what it prints depends on the machine and on what else runs.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Sequence

from maillab.attacks import Candidates, trial, word_list
from maillab.attacks.loops import Apop, CramMd5, DigestMd5
from maillab.attacks.speed import EXAMPLES


def plain_apop(it: Apop) -> Callable[[Sequence[bytes]], object]:
    def search(words: Sequence[bytes]) -> object:
        for word in words:
            if hashlib.md5(it.challenge + word).digest() == it.digest:
                return word
        return None

    return search


def plain_cram(it: CramMd5) -> Callable[[Sequence[bytes]], object]:
    def search(words: Sequence[bytes]) -> object:
        for word in words:
            if hmac.new(word, it.challenge, "md5").digest() == it.digest:
                return word
        return None

    return search


def plain_digest(it: DigestMd5) -> Callable[[Sequence[bytes]], object]:
    def search(words: Sequence[bytes]) -> object:
        for word in words:
            stored = hashlib.md5(it.before + word).digest()
            ha1 = hashlib.md5(stored + it.middle).hexdigest()
            if hashlib.md5(ha1.encode() + it.after).digest() == it.digest:
                return word
        return None

    return search


def rate(search: Callable[[Sequence[bytes]], object], words: Sequence[bytes], rounds: int = 7) -> float:
    """The best of some rounds: the others were disturbed."""
    best = 0.0
    for _ in range(rounds):
        began = time.perf_counter()
        search(words)
        best = max(best, len(words) / (time.perf_counter() - began))
    return best


def main() -> None:
    words = [f"guess-{number}".encode() for number in range(60_000)]
    plain: dict[str, Callable[..., Callable[[Sequence[bytes]], object]]] = {
        "APOP": plain_apop,
        "CRAM-MD5": plain_cram,
        "DIGEST-MD5": plain_digest,
    }
    print(f"{'guesses a second, one core':28}{'maillab':>12}{'plain loop':>12}{'ratio':>8}")
    for name, finding in EXAMPLES.items():
        it = trial(finding)
        if name not in plain:
            print(f"{name + ' (4096 iterations)':28}{rate(it.search, words[:200], 2):12,.0f}{'':>12}")
            continue
        ours, theirs = rate(it.search, words), rate(plain[name](it), words)
        print(f"{name:28}{ours:12,.0f}{theirs:12,.0f}{ours / theirs:8.2f}")
    candidates = Candidates(word_list(), ["case", "l33t", "digits"])
    made = rate(lambda part: candidates.portion(0, len(part)), words[:300], 5) * len(candidates.portion(0, 300)) / 300
    print(f"{'candidates made':28}{made:12,.0f}")
    print(f"the whole word list with all rules: {len(candidates):,} candidates")


if __name__ == "__main__":
    main()
