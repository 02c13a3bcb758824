"""Lesson 10, solved. Each section is an exercise's cell as a learner would leave it."""

# %% 10.1
frame = next(frame.number for frame in heard if b"mail.example.test" in frame.data)
check("10.1", (heard, frame))

# %% 10.2
sizes = [size.length for size in seen.sizes if size.side == "S"]
large = [size for size in sizes[4:] if size > 300]
check("10.2", large)

# %% 10.3
from maillab.findings import findings

mails = [found for found in findings(mine, keylog=keys) if found.kind == "mail"]
subject = mails[1].subject
check("10.3", subject)
