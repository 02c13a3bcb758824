"""Lesson 08, solved. Each section is an exercise's cell as a learner would leave it."""

# %% 08.1
mallory_reads = again.exchange[-2][1]
check("08.1", mallory_reads)

# %% 08.2
from maillab.sasl import apop

table = {apop.digest(chosen.encode(), word.encode()): word for word in pattern}
check("08.2", table or ...)

# %% 08.3
summary = {
    "APOP": (True, True, False),
    "CRAM-MD5": (True, True, False),
    "DIGEST-MD5": (True, False, True),
    "SCRAM-SHA-256": (True, False, True),
}
check("08.3", summary)
