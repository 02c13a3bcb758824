"""Lesson 04, solved. Each section is an exercise's cell as a learner would leave it."""

# %% 04.1
challenge = conversation.turns[0].text.split()[-1]
digest = conversation.turns[1].text.split()[2]
check("04.1", (challenge, digest))

# %% 04.2
def respond(challenge, password):
    return hashlib.md5((challenge + password).encode()).hexdigest()

check("04.2", respond)

# %% 04.3
def keep(password):
    return password

def verify(kept, challenge, digest):
    return hashlib.md5((challenge + kept).encode()).hexdigest() == digest

check("04.3", (keep, verify))
