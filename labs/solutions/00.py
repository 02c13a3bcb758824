"""Lesson 00, solved. Each section is an exercise's cell as a learner would leave it."""

# %% 00.1
password = alice.password
check("00.1", password)

# %% 00.2
packet = next(packet for packet in packets if Raw in packet and packet.load.startswith(b"PASS"))
check("00.2", packet)

# %% 00.3
host = lab.mail
check("00.3", host)
