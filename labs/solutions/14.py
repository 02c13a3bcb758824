"""Lesson 14, solved. Each section is an exercise's cell as a learner would leave it."""

# %% 14.1
from scapy.all import TCP


def on_wire(packets, secret):
    found = []
    for number, packet in enumerate(packets, 1):
        data = bytes(packet[TCP].payload) if TCP in packet else b""
        if any(secret.encode() in part for part in [data, *map(undone, data.split())]):
            found.append(number)
    return found


check("14.1", on_wire)


# %% 14.2
def safe(attackers):
    return {
        (way, channel)
        for way in WAYS
        for channel in CHANNELS
        if not any(matrix.gets(attacker, way, channel) for attacker in attackers)
    }


check("14.2", (matrix, safe))

# %% 14.3
says = {}
for answer in matrix:
    if answer.channel == "POP3S":
        says.setdefault(answer.question, set()).add(answer.says)
differ = {question for question, words in says.items() if len(words) > 1}

check("14.3", (matrix, differ))
