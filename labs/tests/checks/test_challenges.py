"""The checks of lessons 04 to 08: right answers, other right answers, and what people get wrong."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator

import pytest
from support.verdicts import failed, passed

from maillab import Lab, check, solution
from maillab.attacks import scheme
from maillab.sasl import apop, cram_md5, digest_md5
from maillab.student import ANIMALS, MATERIALS

CHALLENGE = "<1@mail.example.test>"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(allow=["apop", "cram_md5", "digest_md5"], rung="tap", student="checks") as running:
        yield running


@pytest.fixture
def password(lab) -> str:
    return lab.student.password("alice")


def md5(text: str | bytes) -> str:
    return hashlib.md5(text.encode() if isinstance(text, str) else text, usedforsecurity=False).hexdigest()


def test_04_1(lab, password):
    digits = md5(CHALLENGE + password)
    assert passed("04.1", (CHALLENGE, digits)) and passed("04.1", (f"{CHALLENGE}\n", digits.upper()))
    assert failed("04.1", (CHALLENGE[1:-1], digits), "angle brackets")
    assert failed("04.1", (CHALLENGE.encode(), digits), ".text")
    assert failed("04.1", ("<2@mail.example.test>", digits), "same session")
    assert failed("04.1", (CHALLENGE, f"APOP alice {digits}"), "last word")


def test_04_2(lab):
    assert passed("04.2", lambda challenge, password: md5(challenge + password))
    assert failed("04.2", lambda challenge, password: md5(password + challenge), "challenge comes first")
    assert failed("04.2", lambda challenge, password: md5(challenge + password).upper(), "small letters")
    assert failed("04.2", lambda challenge, password: bytes.fromhex(md5(challenge + password)), ".hexdigest()")
    assert failed("04.2", lambda challenge, password: "c4c9334bac560ecc979e58001b3e22fb", "Bob's password")


def test_04_3(lab):
    def verify(kept, challenge, digest):
        return md5(challenge + kept) == digest

    assert passed("04.3", (lambda password: password, verify))
    assert passed("04.3", (lambda password: [password], lambda kept, *said: verify(kept[0], *said)))
    assert failed("04.3", (md5, verify), "a hash of it won't do")
    assert failed("04.3", (lambda password: password, lambda *said: True), "let in with wrong digits")


def test_05_1(lab, password):
    assert passed("05.1", (CHALLENGE, md5(CHALLENGE + password)))
    digits = cram_md5.digest(CHALLENGE.encode(), password.encode())
    assert failed("05.1", (CHALLENGE, digits), "from the capture")
    assert failed("05.1", (CHALLENGE, "0" * 32))


def by_hand(key, text, zero=b"\0", inner_pad=0x36, outer_pad=0x5C, raw=True, long=True):
    if long and len(key) > 64:
        key = hashlib.md5(key).digest()
    key = key.ljust(64, zero)
    inner = hashlib.md5(bytes(b ^ inner_pad for b in key) + text)
    middle = inner.digest() if raw else inner.hexdigest().encode()
    return hashlib.md5(bytes(b ^ outer_pad for b in key) + middle).hexdigest()


def test_05_2(lab):
    assert passed("05.2", by_hand)
    assert failed("05.2", lambda key, text: md5(key + text), "takes two")
    assert failed("05.2", lambda key, text: by_hand(key, text, raw=False), "16 bytes")
    assert failed("05.2", lambda key, text: by_hand(key, text, zero=b"0"), "character 0")
    assert failed("05.2", lambda key, text: by_hand(key, text, inner_pad=36, outer_pad=52), "hexadecimal")
    assert failed("05.2", lambda key, text: by_hand(key, text, long=False), "hashed first")
    assert failed("05.2", lambda key, text: hmac.new(key, text, "md5").hexdigest(), "build it")


def test_05_3(lab, password):
    block = password.encode().ljust(64, b"\0")
    inner = hashlib.md5(bytes(b ^ 0x36 for b in block))
    outer = hashlib.md5(bytes(b ^ 0x5C for b in block))

    def answer(challenge, hex=False):
        first, second = inner.copy(), outer.copy()
        first.update(challenge.encode())
        second.update(first.hexdigest().encode() if hex else first.digest())
        return second

    assert passed("05.3", lambda challenge: answer(challenge).hexdigest())
    assert failed("05.3", lambda challenge: answer(challenge).digest(), "hexdigest")
    assert failed("05.3", lambda challenge: answer(challenge, hex=True).hexdigest(), "the 16 bytes")
    assert failed("05.3", lambda challenge: f"alice {answer(challenge).hexdigest()}", "without the name")

    def cheat(challenge):
        return cram_md5.digest(challenge.encode(), lab.student.accounts["alice"].password.encode())

    assert failed("05.3", cheat, "uses the password")
    used = inner.copy()

    def without_a_copy(challenge):
        second = outer.copy()
        used.update(challenge.encode())
        second.update(used.digest())
        return second.hexdigest()

    assert failed("05.3", without_a_copy, "Use the copies")


def said(password: str) -> dict[str, str]:
    steps = digest_md5.derive("alice", "example.test", password, "n", "c", "00000001", "auth", "pop/mail.example.test")
    response = next(step.value for step in steps if step.name == "response")
    return {name: values[0] for name, values in digest_md5.parse(response).items()}


def test_06_1(lab, password):
    fields = said(password)
    assert passed("06.1", fields)
    assert failed("06.1", {name: f'"{value}"' for name, value in fields.items()}, "strip")
    assert failed("06.1", {"username": "alice"}, "no 'realm'")
    assert failed("06.1", fields | {"nonce": "another"}, "don't belong together")
    assert failed("06.1", fields | {"nc": "x"}, "don't belong together")


def respond(stored, nonce, cnonce, nc, qop, uri, order="{ha1}:{nonce}:{nc}:{cnonce}:{qop}:{ha2}"):
    ha1, ha2 = md5(stored + f":{nonce}:{cnonce}".encode()), md5(f"AUTHENTICATE:{uri}")
    return md5(order.format(ha1=ha1, nonce=nonce, nc=nc, cnonce=cnonce, qop=qop, ha2=ha2))


def test_06_2(lab):
    assert passed("06.2", respond)
    assert failed("06.2", lambda *given: respond(*given, order="{ha1}:{nonce}:{ha2}"), "KD")
    assert failed("06.2", lambda *given: bytes.fromhex(respond(*given)), ".hexdigest()")


def test_06_3(lab):
    def genuine(fields, password, rspauth):
        names = ("nonce", "cnonce", "nc", "qop", "digest-uri")
        steps = digest_md5.derive(fields["username"], fields["realm"], password, *(fields[name] for name in names))
        return steps[-1].value.hex() == rspauth

    assert passed("06.3", genuine)
    assert failed("06.3", lambda fields, password, rspauth: rspauth == fields["response"], "False for the real server")
    assert failed("06.3", lambda fields, password, rspauth: len(rspauth) == 32, "True for a proof that isn't one")


def test_07_1(lab, password):
    digits = md5(CHALLENGE + password)
    assert passed("07.1", lambda word: md5(CHALLENGE + word) == digits)
    assert failed("07.1", lambda word: md5(word + CHALLENGE) == digits, "False for her password")
    assert failed("07.1", lambda word: True, "True for")
    assert failed("07.1", lambda word: word == lab.student.accounts["alice"].password, "knows the password")


def test_07_2_and_3(lab, password):
    assert passed("07.2", lab.student.password("carol"))
    assert failed("07.2", password) and failed("07.2", "")
    assert passed("07.3", (password, password, password))
    assert failed("07.3", (password, password, "x"), "from DIGEST-MD5")
    assert failed("07.3", (password, None, password), "from CRAM-MD5")


def test_07_4(lab):
    measured = {"APOP": 3_000_000.0, "SCRAM-SHA-256": 1000.0}
    count = len(MATERIALS) * len(ANIMALS) * 90
    assert passed("07.4", (count / 1000, count / 3_000_000, measured)) and passed("07.4", (390, 0.13, measured))
    assert failed("07.4", (1000 / count, count / 3_000_000, measured), "upside down")
    assert failed("07.4", (count / 1000, count / 1000, measured), "against APOP")


def test_08_1(lab):
    mail = b"+OK 947 octets\r\n" + lab.student.mails("alice")[0] + b".\r\n"
    assert passed("08.1", mail) and passed("08.1", mail.decode())
    assert failed("08.1", (b"RETR 1\r\n", mail), "second part")
    assert failed("08.1", b"-ERR [AUTH] wrong name or password\r\n", "inside the with")


def test_08_2(lab):
    pattern = scheme(MATERIALS, ANIMALS, range(10, 100))
    table = {apop.digest(b"<1.1@mail.example.test>", word.encode()): word for word in pattern}
    assert passed("08.2", table)
    assert failed("08.2", {word: digest for digest, word in table.items()}, "other way round")
    few = {digest: word for digest, word in table.items() if word in map(lab.student.password, ("alice", "bob"))}
    assert failed("08.2", few, "one for each candidate")
    other = {apop.digest(b"<2@m>", word.encode()): word for word in pattern}
    assert failed("08.2", other, "not alice's")


def test_08_3(lab):
    right = {
        "APOP": (True, True, False), "CRAM-MD5": (True, True, False),
        "DIGEST-MD5": (True, False, True), "SCRAM-SHA-256": (True, False, True),
    }  # fmt: skip
    assert passed("08.3", right) and passed("08.3", {name: [*map(int, row)] for name, row in right.items()})
    assert failed("08.3", right | {"DIGEST-MD5": (False, False, True)}, "DIGEST-MD5, does a replay work")
    assert failed("08.3", right | {"APOP": ("yes", "yes", "no")}, "quotation marks")
    assert failed("08.3", right | {"APOP": True})
    assert check("08.3", right | {"APOP": [..., True, False]}).verdict == "TODO"


def test_a_solution_can_be_copied_with_its_indentation():
    html = solution("05.3")._repr_html_()
    assert "<pre" in html and "\n    first.update(" in html
