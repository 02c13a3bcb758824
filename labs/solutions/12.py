"""Lesson 12, solved. Each section is an exercise's cell as a learner would leave it."""

# %% 12.1
frame = next(frame.number for frame in heard if alice.password.encode() in frame.data)
check("12.1", (heard, frame))

# %% 12.2
from scapy.all import TCP

connections = sum(packet[TCP].flags == "S" for packet in twice.packets if TCP in packet)
check("12.2", connections)

# %% 12.3
import base64
import hashlib

digest = hashlib.sha256(base64.b64decode(key.split()[1])).digest()
fingerprint = "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
check("12.3", fingerprint)
