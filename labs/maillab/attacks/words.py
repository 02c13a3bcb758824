"""The words to begin with: passwords and words, the commonest first.

They come with zxcvbn, a meter of password strength (Wheeler, USENIX Security 2016), which knows a bad password by
finding it in these lists: 30,000 passwords out of leaks, the words of Wikipedia, of film and television, and the names
of people in the United States.
"""

from __future__ import annotations

from functools import cache
from itertools import zip_longest


@cache
def _all() -> tuple[str, ...]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # 94,000 words: loaded by those who guess

    others = dict(FREQUENCY_LISTS)
    passwords = others.pop("passwords")
    by_rank = (word for row in zip_longest(*others.values()) for word in row if word)
    return tuple(dict.fromkeys([*passwords, *by_rank]))  # a dict keeps the order and has no duplicates


def word_list(n: int = 60_000) -> list[str]:
    """The first ``n`` words: the passwords by rank, then all other words by rank. At most 93,855.

    >>> word_list(3), len(word_list())
    (['123456', 'password', '12345678'], 60000)
    """
    return list(_all()[:n])
