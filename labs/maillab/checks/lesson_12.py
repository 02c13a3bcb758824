"""What lesson 12 asks: Tunnel POP3 through SSH."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

from ..conversations import segment_of
from .exercises import Said, Wrong, exercise
from .kinds import frame_in
from .predictions import prediction

prediction(
    "12.A",
    "Alice's program speaks POP3, without TLS, into a tunnel to the mail host. What does Mallory hear?",
    {
        "The POP3 conversation: it isn't encrypted": "Inside her computer it isn't. On the wire it is in SSH.",
        "One TCP connection, to port 22, and nothing to read": "Yes. POP3 comes out of SSH inside the mail host.",
        "Two: one to port 22, and one to port 110": "The second never leaves the mail host. No cable, no eavesdropper.",
    },
    "One TCP connection, to port 22, and nothing to read: POP3 comes out of SSH inside the mail host.",
)

prediction(
    "12.B",
    "Now sshd runs on a gateway beside the mail server. Mallory sits in that same network. What does she hear?",
    {
        "Still nothing to read": "SSH ends at the gateway. From there to the mail server it's plain POP3.",
        "The password, on its way from the gateway to the mail server": (
            "Yes: the tunnel ends where sshd is, and what comes out is what was put in."
        ),
        "The password, on its way from Alice to the gateway": "That part is inside SSH.",
    },
    "The password, on its way from the gateway to the mail server: the tunnel ends where sshd is.",
)

prediction(
    "12.C",
    "Mallory answers in mail's place, with a host key of her own. Alice's program takes any key. What happens?",
    {
        "The login fails: Mallory doesn't know the password": "She says yes to any; Alice's program brings it.",
        "The mail arrives as usual, and Mallory has the password": "Yes. She lets Alice in, and connects on.",
        "Nothing: a wrong key can't decrypt anything": "It isn't wrong, only hers. The tunnel works, and ends there.",
    },
    "The mail arrives as usual, and Mallory has the password: her sshd lets Alice in, and connects on to mail.",
)


@exercise(
    "12.1",
    "Search the bytes of each frame for the password. Then: whose address is the sender's?",
    "for frame in heard: print(frame.number, alice.password.encode() in frame.data)",
    "frame = next(f.number for f in heard if alice.password.encode() in f.data)",
)
def leaked(answer: Any, lab: Any) -> str:
    expected = "a pair: your capture, and the number of the frame with Alice's password"
    frames, number = frame_in(answer, expected)
    secret = lab.student.password("alice").encode()
    if not any(secret in frame.data for frame in frames.values()):
        raise Wrong(Said("a capture without the password"), expected, "Take the one with the gateway, from part 2.")
    if secret not in frames[number].data:
        raise Wrong(number, expected)
    segment = segment_of(frames[number])
    source = segment.source if segment else "somewhere"
    return f"It came from {source}: from the gateway, on behalf of Alice. Up to there it was well protected."


@exercise(
    "12.2",
    "Each TCP connection begins with one SYN that has no ACK with it.",
    "[p for p in twice.packets if TCP in p and p[TCP].flags == 'S']",
    "connections = sum(p[TCP].flags == 'S' for p in twice.packets if TCP in p)",
)
def connections(answer: Any, lab: Any) -> str:
    expected = "how many TCP connections Mallory's card heard"
    if isinstance(answer, bool) or not isinstance(answer, int):
        raise Wrong(answer, expected)
    if answer == 2:
        raise Wrong(answer, expected, "Two visits came out of the tunnel. And the tunnel itself?")
    if answer == 6:
        raise Wrong(answer, expected, "SYN ACK is the answer to a SYN, not a connection more.")
    if answer != 3:
        raise Wrong(answer, expected)
    return "One for the tunnel, and one for each visit that comes out of it. The first carries both."


@exercise(
    "12.3",
    "key.split()[1] is the key, in Base64. Take SHA-256 of its bytes, and write that in Base64, too.",
    "hashlib.sha256(base64.b64decode(key.split()[1])).digest(), then base64.b64encode(…).decode()",
    "fingerprint = 'SHA256:' + base64.b64encode(digest).decode().rstrip('=')",
)
def fingerprint(answer: Any, lab: Any) -> str:
    expected = "SHA256: and 43 characters, the fingerprint of mail's host key"
    if not isinstance(answer, str):
        raise Wrong(answer, expected)
    server = lab.ssh_servers.get("mail")
    if server is None:
        raise Wrong(Said("no SSH server on mail"), "one: run part 4 first")
    key = base64.b64decode(server.key.split()[1])
    right = base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")
    said = answer.strip().removeprefix("SHA256:").rstrip("=")
    if said != right:
        raise Wrong(answer, expected, _how(said, key))
    return "43 characters that fit into a telephone call. OpenSSH prints the same."


def _how(said: str, key: bytes) -> str:
    """What was probably hashed instead."""
    with_text = hashlib.sha256(base64.b64encode(key)).digest()
    try:
        if base64.b64decode(said + "=" * (-len(said) % 4)) == with_text:
            return "That is the hash of the Base64 text. First undo it: base64.b64decode(key.split()[1])."
    except (binascii.Error, ValueError):
        pass
    if said == hashlib.sha256(key).hexdigest():
        return "The right hash, in hexadecimal. OpenSSH writes it in Base64."
    if said == base64.b64encode(hashlib.sha256(b"ssh-ed25519 " + base64.b64encode(key)).digest()).decode().rstrip("="):
        return "That is the hash of the whole line, its type included."
    return ""
