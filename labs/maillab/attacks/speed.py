"""How many guesses a second this computer makes, measured now, on one core."""

from __future__ import annotations

import time
from dataclasses import replace

from ..findings import Finding
from .trial import trial

_EXAMPLES = {
    # The exchanges that the RFCs print. None of the guesses below is the password.
    "APOP": ("<1896.697170952@dbc.mtview.ca.us>", "mrose c4c9334bac560ecc979e58001b3e22fb"),
    "CRAM-MD5": ("<1896.697170952@postoffice.reston.mci.net>", "tim b913a602c7eda7a495b4e6e7334d3890"),
    "DIGEST-MD5": (
        'realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",algorithm=md5-sess,charset=utf-8',
        'charset=utf-8,username="chris",realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",nc=00000001,'
        'cnonce="OA6MHXh6VqTrRk",digest-uri="imap/elwood.innosoft.com",'
        "response=d388dad90d4bbd760a152321f2143af7,qop=auth",
    ),
    "SCRAM-SHA-256": (
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        [
            "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        ],
    ),
}
"""Mechanism -> challenge and response (RFC 1939 section 7, 2195 section 2, 2831 section 4, 7677 section 3)."""

EXAMPLES = {
    name: Finding("credential", 1, "", name, "", "", challenge=challenge, response=response)  # type: ignore[arg-type]
    for name, (challenge, response) in _EXAMPLES.items()
}


def rates(*mechanisms: str, seconds: float = 0.3, iterations: int = 4096) -> dict[str, float]:
    """Mechanism -> guesses a second, each measured for about ``seconds``; without names, all four.

    Args:
        iterations: of SCRAM's: how often its server had the password hashed (4096 is the least, RFC 7677).

    Raises:
        ValueError: there's no such mechanism.
    """
    for name in mechanisms:
        if name not in EXAMPLES:
            raise ValueError(f"{name!r} can't be measured: choose from {', '.join(EXAMPLES)}.")
    return {name: _rate(EXAMPLES[name], seconds, iterations) for name in mechanisms or EXAMPLES}


def _rate(finding: Finding, seconds: float, iterations: int) -> float:
    if isinstance(finding.response, list):
        finding = replace(finding, challenge=str(finding.challenge).replace("i=4096", f"i={iterations}"))
    search = trial(finding).search
    words = [f"guess-{number}".encode() for number in range(20_000)]
    guesses, size = 0, 1
    began = time.perf_counter()
    while (took := time.perf_counter() - began) < seconds:
        search(words[:size])
        guesses += size
        size = min(2 * size, len(words))  # few at first: one guess at SCRAM may take a second
    return guesses / took
