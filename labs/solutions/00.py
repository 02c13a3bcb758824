"""Lesson 00, solved. Each section is an exercise's cell as a learner would leave it."""

# %% 00.1
lines = [packet.load.decode() for packet in packets if Raw in packet]
password = next(line for line in lines if line.startswith("PASS")).removeprefix("PASS ").strip()
check("00.1", password)

# %% 00.2
packet = next(packet for packet in packets if Raw in packet and packet.load.startswith(b"PASS"))
check("00.2", packet)

# %% 00.3
host = lab.mail
check("00.3", host)
