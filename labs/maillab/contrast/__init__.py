"""Contrast: each way to log in, in each channel, against each attacker; every answer comes from something that ran.

ways -> sessions -> a listener, somebody on the path, a thief of the server's store -> answers -> the matrix
"""

from .answer import GAINS, QUESTIONS, Answer
from .matrix import Matrix
from .ways import CHANNELS, WAYS, fetch

__all__ = ["CHANNELS", "GAINS", "QUESTIONS", "WAYS", "Answer", "Matrix", "fetch"]
