"""From a finding to what has to be computed: which parts of the exchange stand where in the hash."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable

from ..findings import Finding
from ..sasl import SaslError
from ..sasl.credentials import latin
from ..sasl.directives import parse
from ..sasl.scram import MAX_ITERATIONS
from ..sasl.steps import octets
from .loops import Apop, CramMd5, DigestMd5, Scram, Trial, md5


class Unusable(ValueError):
    """A finding that nothing can be guessed from."""


def trial(finding: Finding) -> Trial:
    """What is needed to guess the password of this finding.

    Raises:
        ValueError: nothing can be guessed from it; the sentence says why.
    """
    if finding.kind != "credential":
        raise Unusable(f"A finding of kind {finding.kind!r} has no password in it.")
    if finding.password is not None:
        raise Unusable("There's nothing to guess: this login sent its password in the clear. Ask .reveal().")
    make = MAKERS.get(finding.mechanism)
    if make is None:
        raise Unusable(f"Nobody wrote a loop for {finding.mechanism}: this can guess for {', '.join(MAKERS)}.")
    if not _texts(finding.response):
        raise Unusable("The client broke this login off before it answered: there's nothing to compare a guess with.")
    try:
        return make(finding)
    except Unusable:
        raise
    except (KeyError, IndexError, ValueError, SaslError):
        raise Unusable(f"This {finding.mechanism} exchange isn't whole: {finding.response!r} can't be read.") from None


def _texts(said: str | list[str] | None) -> list[str]:
    return [] if said is None else [said] if isinstance(said, str) else said


def _challenges(finding: Finding) -> list[str]:
    challenges = _texts(finding.challenge)
    if not challenges:
        raise Unusable("The challenge isn't in this capture, and without it a guess has nothing to be hashed with.")
    return challenges


def _simple(kind: type[Apop] | type[CramMd5]) -> Callable[[Finding], Trial]:
    def make(finding: Finding) -> Trial:
        responses = _texts(finding.response)
        response = responses[-1]
        if not re.search(r" [0-9a-fA-F]{32}\Z", response):
            raise Unusable(f"{response!r} doesn't end in the 32 digits of a digest.")
        asked = _challenges(finding)[: len(responses)][-1]  # what this response answers, as in the line for hashcat
        return kind(asked.encode(), bytes.fromhex(response[-32:]))

    return make


def _of_length(length: int, proof: bytes) -> bytes:
    """A proof that is whole; no guess would ever fit another one."""
    if len(proof) != length:
        raise ValueError
    return proof


def _digest_md5(finding: Finding) -> Trial:
    # Everything that goes into the hash is in the client's message, the server's nonce too.
    message = _texts(finding.response)[-1]
    encoding = "utf-8" if re.search('charset="?utf-8', message, re.IGNORECASE) else "latin-1"
    said = {name: values[0] for name, values in parse(message.encode(encoding)).items()}
    a1_end = ["", said["nonce"], said["cnonce"]] + ([said["authzid"]] if said.get("authzid") else [])
    qop = said.get("qop", "auth")
    a2 = f"AUTHENTICATE:{said['digest-uri']}" + ("" if qop == "auth" else f":{'0' * 32}")
    ha2 = md5(a2.encode(encoding)).hexdigest()
    # As in credentials.digest_key, the realm stays in UTF-8.
    return DigestMd5(
        latin(said["username"]) + b":" + octets("realm", said.get("realm", "")) + b":",
        ":".join(a1_end).encode(encoding),
        ":".join(["", said["nonce"], said["nc"], said["cnonce"], qop, ha2]).encode(encoding),
        _of_length(16, bytes.fromhex(said["response"])),
    )


def _scram(hash: str) -> Callable[[Finding], Trial]:
    def make(finding: Finding) -> Trial:
        server_first = _challenges(finding)[0]
        client_first, client_final = _texts(finding.response)[:2]
        bare = client_first.split(",", 2)[2]  # without the header about channel binding
        without_proof, _, proof = client_final.rpartition(",p=")
        server = dict(part.split("=", 1) for part in server_first.split(","))
        iterations = int(server["i"])
        if iterations < 1:
            raise ValueError
        if iterations > MAX_ITERATIONS:  # and nothing interrupts one guess
            raise Unusable(
                f"The server wants {iterations:,} iterations a guess; more than {MAX_ITERATIONS:,} aren't tried here."
            )
        return Scram(
            hash,
            base64.b64decode(server["s"], validate=True),
            iterations,
            ",".join([bare, server_first, without_proof]).encode(),
            _of_length(hashlib.new(hash).digest_size, base64.b64decode(proof, validate=True)),
        )

    return make


MAKERS: dict[str, Callable[[Finding], Trial]] = {
    "APOP": _simple(Apop),
    "CRAM-MD5": _simple(CramMd5),
    "DIGEST-MD5": _digest_md5,
    "SCRAM-SHA-256": _scram("sha256"),
    "SCRAM-SHA-1": _scram("sha1"),
}
"""What can be guessed, and how its trial is made."""
