"""Attacks: what an eavesdropper does with a log-in whose password wasn't in it, and what an impostor does.

finding -> trial (loops: what is computed for each guess)
words -> rules -> candidates -> crack (on every core) -> Result
conversation -> replay
Spoof: on the way to whoever sits on the same cable
"""

from .arp import Spoof
from .candidates import Candidates, scheme
from .crack import Result, crack
from .replay import Replayed, replay
from .rules import RULES, guesses
from .speed import rates
from .trial import trial
from .words import word_list

__all__ = [
    "RULES", "Candidates", "Replayed", "Result", "Spoof",
    "crack", "guesses", "rates", "replay", "scheme", "trial", "word_list",
]  # fmt: skip
