"""What lesson 06 asks: Prove both ends: DIGEST-MD5."""

from __future__ import annotations

from typing import Any

from ..sasl import digest_md5
from ..sasl.steps import value_of
from .exercises import Said, Wrong, call, exercise
from .predictions import prediction

FIELDS = ("username", "realm", "nonce", "cnonce", "nc", "qop", "digest-uri", "response")
RFC_2831 = {
    "user": "chris", "realm": "elwood.innosoft.com", "secret": "secret", "nonce": "OA6MG9tEQGm2hh",
    "cnonce": "OA6MHXh6VqTrRk", "nc": "00000001", "qop": "auth", "digest_uri": "imap/elwood.innosoft.com",
}  # fmt: skip
"""The example of RFC 2831 section 4."""

prediction(
    "06.A",
    "Eight things go into DIGEST-MD5's hash, names and nonces and the password. How many does Mallory not hear?",
    {
        "None": "Then she could compute the response herself. The password is hashed in, and never said.",
        "One, the password": "Yes: all the others cross the network. More fields don't make more secrets.",
        "Two, the password and the client's nonce": "The client has to say its nonce: the server must hash it, too.",
    },
    "One, the password. All the others cross the network: more fields don't make more secrets.",
)

prediction(
    "06.B",
    "You change the digest-uri from pop/… to smtp/…. Which steps come out differently?",
    {
        "All of them": "A1 is about who, and knows nothing of the service: it stays as it was.",
        "A2, and what is made from it": "Yes: HA2, KD and the response. So an answer meant for POP3 is no use in SMTP.",
        "Only the response": "A2 is made of it, its hash goes into KD, and so into the response.",
    },
    "A2, and what is made from it: HA2, KD and the response. An answer meant for POP3 is no use in SMTP.",
)

prediction(
    "06.C",
    "Alice's program comes to Mallory's server, which believes everybody. It speaks DIGEST-MD5. What happens?",
    {
        "As with CRAM-MD5: welcome, and the mail is Mallory's": (
            "The welcome isn't enough here: the program waits for a proof that takes the password to make."
        ),
        "The program finds a wrong proof, and breaks off": "Yes: only who knows the password can compute rspauth.",
        "Mallory's server can't even send a challenge": "Anybody can: a challenge is only text. She lacks the proof.",
    },
    "The program finds a wrong proof, and breaks off: only who knows the password can compute rspauth.",
)

prediction(
    "06.D",
    "Mallory steals what the server keeps: MD5(user:realm:password). What is it worth to her here?",
    {
        "Nothing, it's a hash": "It is a hash, and it's all that your function in 06.2 needed.",
        "She has to guess the password first": "Not here: A1 begins with that hash, and nothing else needs a password.",
        "As much as the password": "Yes, in this realm: A1 begins with the hash, and nothing else needs the password.",
    },
    "In this realm as much as the password: A1 begins with that hash, and nothing else needs the password.",
)


@exercise(
    "06.1",
    "name, _, value = part.partition('='), then fields[name] = value.strip('\"')",
    "The names are " + ", ".join(FIELDS) + " and charset.",
    "for part in response.split(','): name, _, value = part.partition('='); fields[name] = value.strip('\"')",
)
def fields(answer: Any, lab: Any) -> str:
    expected = "a dictionary with " + ", ".join(FIELDS)
    if not isinstance(answer, dict):
        raise Wrong(answer, expected)
    missing = [name for name in FIELDS if name not in answer]
    if missing:
        raise Wrong(Said(f"no {missing[0]!r} among {', '.join(map(str, answer))}"), expected)
    quoted = [name for name in FIELDS if '"' in str(answer[name])]
    if quoted:
        raise Wrong(answer[quoted[0]], "a value without quotation marks", "value.strip('\"')")
    try:
        fits = answer["response"] == response_to(answer, lab.student.accounts["alice"].password)
    except (ValueError, TypeError, AttributeError):  # values that never stood in a response
        fits = False
    if not fits:
        raise Wrong(Said("fields that don't belong together"), "those of one response of Alice's")
    return (
        "Alice's program chose two of these: cnonce and digest-uri. (nc is 1: this nonce is used for the first time.)"
    )


def response_to(said: dict[str, str], password: str) -> str:
    """The digits that fit what the client said otherwise."""
    return value_of(steps_of(said, password), "digest").hex()


def steps_of(said: dict[str, str], password: str) -> Any:
    """All steps of the exchange in which the client said this."""
    names = ("nonce", "cnonce", "nc", "qop", "digest-uri")
    return digest_md5.derive(said["username"], said["realm"], password, *(said[name] for name in names))


@exercise(
    "06.2",
    "First the two halves: ha1 = md5(a1).hexdigest() and ha2 = md5(a2).hexdigest(), both as texts.",
    "KD is f'{ha1}:{nonce}:{nc}:{cnonce}:{qop}:{ha2}'.",
    "return md5(f'{ha1}:{nonce}:{nc}:{cnonce}:{qop}:{ha2}'.encode()).hexdigest()",
)
def respond(answer: Any, lab: Any) -> str:
    expected = "a function that gives the 32 digits of the response"
    if not callable(answer):
        raise Wrong(answer, expected)
    for values in (RFC_2831, {**RFC_2831, "user": "alice", "nonce": "1", "nc": "00000002", "digest_uri": "pop/mail"}):
        steps = digest_md5.derive(**values)
        said = [values[name] for name in ("nonce", "cnonce", "nc", "qop", "digest_uri")]
        got = call(answer, value_of(steps, "stored"), *said)
        if isinstance(got, bytes):
            raise Wrong(got, expected, "Digits are a text: .hexdigest().")
        right = value_of(steps, "digest").hex()
        if got != right:
            where = "as in RFC 2831" if values is RFC_2831 else f"for {values}"
            hint = "KD: HA1, nonce, nc, cnonce, qop, HA2, with colons between them; both hashes as text, .hexdigest()."
            raise Wrong(got, f"{right}, {where}", hint)
    return "RFC 2831's example and another. Your function has never seen a password: keep that in mind."


@exercise(
    "06.3",
    "steps = digest_md5.derive(said['username'], said['realm'], password, …) with the five other fields.",
    "steps[-1].value.hex() is the rspauth that it should be. Compare.",
    "return digest_md5.derive(said['username'], said['realm'], password, said['nonce'], said['cnonce'], said['nc'], "
    "said['qop'], said['digest-uri'])[-1].value.hex() == rspauth",
)
def genuine(answer: Any, lab: Any) -> str:
    expected = "a function genuine(said, password, rspauth) that says True or False"
    if not callable(answer):
        raise Wrong(answer, expected)
    password = lab.student.accounts["alice"].password
    said = {
        "username": "alice", "realm": "example.test", "nonce": "n1", "cnonce": "c1", "nc": "00000001", "qop": "auth",
        "digest-uri": "pop/mail.example.test",
    }  # fmt: skip
    steps = steps_of(said, password)
    right, response = value_of(steps, "rspauth").hex(), value_of(steps, "digest").hex()
    said |= {"charset": "utf-8", "response": response}
    impostors = value_of(steps_of(said, "a-wrong-guess"), "rspauth").hex()
    for rspauth, wanted in ((right, True), (impostors, False), (response, False), ("x" + right, False)):
        if bool(call(answer, said, password, rspauth)) is not wanted:
            seen = f"{not wanted} for " + ("the real server's proof" if wanted else "a proof that isn't one")
            hint = "Compare the whole rspauth with the last step."
            if {"five", "steps"} & {*getattr(getattr(answer, "__code__", None), "co_names", ())}:
                hint = "Your function uses five or steps of the cell above: take the fields from said."
            raise Wrong(Said(seen), str(wanted), hint)
    return "The real server's proof passes; the impostor's, and the client's own response sent back, don't."
