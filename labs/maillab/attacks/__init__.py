"""Attacks: what an eavesdropper does with a login whose password wasn't in it, and what an impostor does.

finding -> trial (loops: what is computed for each guess)
words -> rules -> candidates -> crack (on every core) -> Result
conversation -> replay
Spoof: on the way to whoever sits on the same cable; on_path: between two hosts
Middle (Strip): in the middle, with or without TLS; leaks: who lets mallory read the password there
"""

from .arp import Spoof
from .candidates import Candidates, scheme
from .crack import Result, crack
from .leaks import Leak, leaks
from .middle import Middle, Overheard
from .path import on_path
from .replay import Replayed, replay, resend
from .rules import RULES, guesses
from .speed import rates
from .strip import Strip
from .trial import trial
from .words import word_list

__all__ = [
    "RULES", "Candidates", "Leak", "Middle", "Overheard", "Replayed", "Result", "Spoof", "Strip",
    "crack", "guesses", "leaks", "on_path", "rates", "replay", "resend", "scheme", "trial", "word_list",
]  # fmt: skip
