"""Lesson 09, solved. Each section is an exercise's cell as a learner would leave it."""

# %% 09.1
frame = next(turn.frame for turn in talks[0].turns if turn.kind == "reply" and turn.command.verb == "APOP")
check("09.1", (heard, frame))

# %% 09.2
def may_relay(logins, address, now, window):
    return any(where == address and 0 <= now - when <= window for where, user, when in logins)

check("09.2", may_relay)

# %% 09.3
clue = "port"
check("09.3", clue)
