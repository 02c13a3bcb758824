"""Lesson 11, solved. Each section is an exercise's cell as a learner would leave it."""

# %% 11.1
def log_in(mailbox, context, user, password):
    mailbox.stls(context)
    mailbox.user(user)
    mailbox.pass_(password)

check("11.1", log_in)

# %% 11.2
def strip(reply):
    lines = [line for line in reply.splitlines() if line[4:] != b"STARTTLS"]
    lines[-1] = b"250 " + lines[-1][4:]
    return b"".join(line + b"\r\n" for line in lines)

check("11.2", strip)

# %% 11.3
leaks_when = {  # (stripped, impostor)
    "TLS if offered, any certificate": (True, True),
    "TLS or nothing, any certificate": (False, True),
    "TLS or nothing, the right certificate": (False, False),
    "TLS from the first byte, the right certificate": (False, False),
}
check("11.3", leaks_when)
