"""What a workbench has to know of each mechanism: its inputs, its steps, its challenge as a text. No widget, no I/O."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from maillab.sasl import apop, cram_md5, digest_md5, scram
from maillab.sasl.steps import Step, value_of

#: More rounds than this take longer than a key stroke may.
MAX_ITERATIONS = 100_000


class Input(NamedTuple):
    """A text box: an argument of the mechanism's `derive`."""

    name: str
    label: str  #: as the steps call it, which gives it its colour
    default: str
    hint: str = ""


class Bench(NamedTuple):
    """A mechanism, for taking apart."""

    mechanism: str
    inputs: tuple[Input, ...]
    digest: str  #: the step whose bits are compared
    fresh: str = ""  #: the input that a client makes up anew each time


_USER, _SECRET = Input("user", "user", "alice"), Input("secret", "secret", "copper-otter-41")
_CHALLENGE = Input("challenge", "challenge", "<1896.697170952@mail.example.test>")

BENCHES: dict[str, Bench] = {
    bench.mechanism: bench
    for bench in (
        Bench("APOP", (_CHALLENGE, _SECRET, _USER), "digest"),
        Bench("CRAM-MD5", (_CHALLENGE, _SECRET, _USER), "digest"),
        Bench(
            "DIGEST-MD5",
            (
                _USER,
                Input("realm", "realm", "example.test"),
                _SECRET,
                Input("nonce", "nonce", "OA6MG9tEQGm2hh"),
                Input("cnonce", "cnonce", "OA6MHXh6VqTrRk"),
                Input("nc", "nc", "00000001"),
                Input("qop", "qop", "auth"),
                Input("digest_uri", "digest-uri", "pop/mail.example.test"),
                Input("authzid", "authzid", "", "act as (mostly left empty)"),
            ),
            "digest",
            "cnonce",
        ),
        Bench(
            "SCRAM-SHA-256",
            (
                _USER,
                _SECRET,
                Input("salt", "salt", "W22ZaJ0SNY7soEsUEjb6gQ==", "in base64"),
                Input("iterations", "iterations", "4096"),
                Input("client_nonce", "cnonce", "rOprNGfwEbeRWgbNEkqO"),
                Input("server_nonce", "nonce", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"),
            ),
            "ClientProof",
            "client_nonce",
        ),
    )
}


_DERIVE: dict[str, Callable[..., list[Step]]] = {
    "APOP": apop.derive,
    "CRAM-MD5": cram_md5.derive,
    "DIGEST-MD5": digest_md5.derive,
    "SCRAM-SHA-256": scram.derive,
}


def bench_for(mechanism: str) -> Bench:
    """The bench of a mechanism. Raises ValueError for one that has none."""
    if mechanism not in BENCHES:
        raise ValueError(f"There is a workbench for {', '.join(BENCHES)}, not for {mechanism!r}.")
    return BENCHES[mechanism]


def steps_of(mechanism: str, values: Mapping[str, str]) -> list[Step]:
    """The mechanism's steps for what was typed. ValueError says in one sentence what can't be used."""
    if {"\r", "\n"} & set(values.get("user", "")):
        raise ValueError("user has a line break: a server would take what comes after it for the next command.")
    rounds = values.get("iterations", "1")
    if rounds.isascii() and rounds.isdigit() and int(rounds.lstrip("0")[:9] or "0") > MAX_ITERATIONS:
        raise ValueError(f"more than {MAX_ITERATIONS:,} iterations take too long for a picture that follows the keys.")
    return _DERIVE[mechanism](**values)


def compared(mechanism: str, steps: Sequence[Step]) -> bytes:
    """The bytes whose bits are worth comparing: the digest, or SCRAM's proof."""
    return value_of(steps, BENCHES[mechanism].digest)


def proof_of(mechanism: str, steps: Sequence[Step]) -> str:
    """The same as it is written in the response: in hex, or in base64 for SCRAM."""
    proof = compared(mechanism, steps)
    return base64.b64encode(proof).decode() if mechanism == "SCRAM-SHA-256" else proof.hex()


def challenge_of(mechanism: str, values: Mapping[str, str]) -> str:
    """What the server has to send for the client to meet just these values.

    >>> challenge_of("DIGEST-MD5", {"realm": "example.test", "nonce": "1", "qop": "auth"})
    'realm="example.test",nonce="1",qop="auth",algorithm=md5-sess,charset=utf-8'
    """
    if mechanism == "DIGEST-MD5":
        return digest_md5.challenge_of(values["realm"], values["nonce"], values["qop"]).decode()
    return values["server_nonce" if mechanism == "SCRAM-SHA-256" else "challenge"]


def options_of(mechanism: str, values: Mapping[str, str], fresh: bool = False) -> dict[str, str]:
    """What the client is told to use, for `maillab.clients.auth`; with `fresh` it makes up its own nonce."""
    names = {"DIGEST-MD5": ("cnonce", "realm", "nc", "digest_uri", "authzid")}.get(mechanism, ())
    options = {name: values[name] for name in names if values[name]}
    if mechanism == "SCRAM-SHA-256":
        options["nonce"] = values["client_nonce"]
    if fresh:
        options.pop("cnonce", None)
        options.pop("nonce", None)
    return options
