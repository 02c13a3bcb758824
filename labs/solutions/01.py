"""Lesson 01, solved. Each section is an exercise's cell as a learner would leave it."""

# %% 01.1
lines = said["client"].decode().splitlines()
login = (lines[0].removeprefix("USER "), lines[1].removeprefix("PASS "))
check("01.1", login)

# %% 01.2
door_code = next(line.strip() for line in mail.message.decode().splitlines() if line.strip().isdigit())
check("01.2", door_code)

# %% 01.3
def unstuff(reply):
    lines = []
    for line in reply.split(b"\r\n"):
        if line == b".":
            break
        lines.append(line[1:] if line.startswith(b".") else line)
    return lines

check("01.3", unstuff)

# %% 01.4
headers = len(password_packet) - len(password_packet.load)
check("01.4", headers)
