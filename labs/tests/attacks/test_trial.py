"""The fast loops agree with maillab.sasl's arithmetic, and refuse what can't be guessed with a sentence."""

from __future__ import annotations

import base64
import pickle
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maillab.attacks import rates, trial
from maillab.attacks.speed import EXAMPLES
from maillab.findings import Finding
from maillab.sasl import apop, cram_md5, digest_md5, scram
from maillab.sasl.steps import value_of

RFC = {"APOP": b"tanstaaf", "CRAM-MD5": b"tanstaaftanstaaf", "DIGEST-MD5": b"secret", "SCRAM-SHA-256": b"pencil"}
ASCII = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
# Passwords: longer than a block too, in Latin-1 or not, no control characters
SECRET = st.one_of(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=130),
    st.text(st.sampled_from("aüéßżół日本€"), min_size=1, max_size=40),
)


PROOF = base64.b64encode(bytes(32)).decode()
DIGEST = str(EXAMPLES["DIGEST-MD5"].response)


def credential(mechanism: str, challenge: str | list[str] | None, response: str | list[str] | None) -> Finding:
    return Finding("credential", 1, "pop3", mechanism, "a:1", "b:2", "alice", challenge=challenge, response=response)


@pytest.mark.parametrize("mechanism", RFC)
def test_the_exchanges_of_the_rfcs(mechanism: str) -> None:
    it = trial(EXAMPLES[mechanism])
    assert it.search([b"x", b"y" * 100, RFC[mechanism], b"z"]) == RFC[mechanism]
    assert it.search([b"x", b"y" * 100]) is None and it.search([]) is None
    assert pickle.loads(pickle.dumps(it)) == it
    assert it.search(iter([b"\xff\xfe", b"\x00", RFC[mechanism]])) == RFC[mechanism]


@settings(deadline=None, max_examples=200)
@given(challenge=ASCII, secret=SECRET)
def test_apop_and_cram_md5_agree_with_sasl(challenge: str, secret: str) -> None:
    for mechanism, room in (("APOP", apop), ("CRAM-MD5", cram_md5)):
        steps = room.derive(challenge=challenge, secret=secret, user="alice")
        it = trial(credential(mechanism, challenge, value_of(steps, "response").decode()))
        assert it.search([b"no", secret.encode()]) == secret.encode()
        assert it.search([b"no", secret.encode() + b"x"]) is None


@settings(deadline=None, max_examples=200)
@given(
    secret=SECRET,
    user=st.text(st.sampled_from("aliceü日 "), min_size=1),
    nonce=ASCII,
    cnonce=ASCII,
    authzid=st.sampled_from(["", "bob"]),
    realm=st.sampled_from(["example.test", "münchen.test", "東京.test", ""]),
    qop=st.sampled_from(["auth", "auth-int", "auth-conf"]),
    charset=st.sampled_from(["utf-8", ""]),
)
def test_digest_md5_agrees_with_sasl(
    secret: str, user: str, nonce: str, cnonce: str, authzid: str, realm: str, qop: str, charset: str
) -> None:
    try:
        steps = digest_md5.derive(
            user=user, realm=realm, secret=secret, nonce=nonce, cnonce=cnonce, nc="00000001", qop=qop,
            digest_uri="pop/mail.example.test", authzid=authzid, charset=charset,
        )  # fmt: skip
    except ValueError:
        return  # not to be sent without charset=utf-8
    said = value_of(steps, "response")
    text = said.decode("utf-8" if charset else "latin-1")
    it = trial(credential("DIGEST-MD5", ["realm=…", "rspauth=…"], text))
    assert it.search([b"no", secret.encode()]) == secret.encode()
    assert it.search([b"no"]) is None


@settings(deadline=None, max_examples=40)
@given(
    secret=SECRET,
    nonce=st.text(st.sampled_from("abc=xyz"), min_size=5, max_size=9),
    authzid=st.sampled_from(["", "bob"]),
)
def test_scram_agrees_with_sasl(secret: str, nonce: str, authzid: str) -> None:
    client = scram.ScramClient("al,i=ce", secret, nonce=nonce, authzid=authzid)
    first = client.initial().decode()
    server = f"r={nonce}XYZ,s={base64.b64encode(b'0123456789').decode()},i=4096"
    final = client.step(server.encode()).decode()
    it = trial(credential("SCRAM-SHA-256", [server, "v=…"], [first, final]))
    assert it.search([b"no", secret.encode()]) == secret.encode()


def test_the_challenge_that_was_answered() -> None:
    """Of several, which no honest server sends: the same one that is in the line for hashcat."""
    said = [f"alice {cram_md5.digest(challenge, b'sesame')}" for challenge in (b"<1@a>", b"<2@a>")]
    for challenges, responses in ((["<1@a>", "<2@a>"], said), (["<1@a>", "<2@a>"], said[0])):
        assert trial(credential("CRAM-MD5", challenges, responses)).search([b"sesame"]) == b"sesame"


def test_scram_sha_1() -> None:
    """The exchange of RFC 5802 section 5."""
    challenge = "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"
    final = "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
    it = trial(credential("SCRAM-SHA-1", [challenge], ["n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", final]))
    assert it.search([b"no", b"pencil"]) == b"pencil"


@pytest.mark.parametrize(
    ("finding", "sentence"),
    [
        (Finding("mail", 1, "pop3", "RETR", "", ""), "no password in it"),
        (replace(credential("PLAIN", None, "\0a\0b"), password="b"), r"nothing to guess.*\.reveal\(\)"),
        (credential("XOAUTH2", None, "x"), "Nobody wrote a loop for XOAUTH2: this can guess for APOP"),
        (credential("CRAM-MD5", "<1@a>", None), "broke this login off"),
        (credential("CRAM-MD5", None, "alice " + "0" * 32), "challenge isn't in this capture"),
        (credential("APOP", None, "alice " + "0" * 32), "challenge isn't in this capture"),
        (credential("APOP", "<1@a>", "alice 123"), "32 digits"),
        (credential("DIGEST-MD5", "nonce=a", "username=a"), "isn't whole"),
        (credential("DIGEST-MD5", "nonce=a", "rubbish\0"), "isn't whole"),
        (credential("SCRAM-SHA-256", "e=no", ["n,,n=a,r=b", "c=biws,r=b,p=x"]), "isn't whole"),
        (credential("SCRAM-SHA-256", "r=b,s=QQ==,i=1", ["n,,n=a,r=b"]), "isn't whole"),
        (credential("SCRAM-SHA-256", "r=b,s=QQ==,i=0", ["n,,n=a,r=b", f"c=biws,r=b,p={PROOF}"]), "isn't whole"),
        (credential("SCRAM-SHA-256", "r=b,s=QQ==,i=9", ["n,,n=a,r=b", "c=biws,r=b,p="]), "isn't whole"),
        (credential("SCRAM-SHA-1", "r=b,s=QQ==,i=9", ["n,,n=a,r=b", f"c=biws,r=b,p={PROOF}"]), "isn't whole"),
        (credential("SCRAM-SHA-256", "r=b,s=QQ==,i=1000001", ["n,,n=a,r=b", f"c=biws,r=b,p={PROOF}"]), "aren't tried"),
        (replace(EXAMPLES["DIGEST-MD5"], response=DIGEST.replace("d388", "d3")), "isn't whole"),
    ],
)
def test_what_cannot_be_guessed(finding: Finding, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as caught:
        trial(finding)
    assert "\n" not in str(caught.value)


@settings(deadline=None, max_examples=300)
@given(
    mechanism=st.sampled_from([*RFC, "SCRAM-SHA-1"]),
    said=st.lists(st.text(st.sampled_from('=,"\\nrsipc 09af<>é\0')), max_size=3),
    answered=st.lists(st.text(st.sampled_from('=,"\\nrsipc 09af<>é\0')), max_size=3),
)
def test_any_finding_gives_a_trial_or_a_sentence(mechanism: str, said: list[str], answered: list[str]) -> None:
    try:
        it = trial(credential(mechanism, said or None, answered or None))
    except ValueError:
        return
    assert it.search([b"x"]) in (b"x", None)


def test_rates() -> None:
    measured = rates(seconds=0.02)
    assert list(measured) == list(EXAMPLES) and all(rate > 0 for rate in measured.values())
    assert measured["SCRAM-SHA-256"] * 20 < measured["APOP"]
    assert list(rates("APOP", seconds=0.01)) == ["APOP"]
    with pytest.raises(ValueError, match="'PLAIN' can't be measured: choose from APOP"):
        rates("PLAIN")
