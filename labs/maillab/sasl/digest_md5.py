"""DIGEST-MD5 (RFC 2831): both sides bring a nonce, both sides prove that they know the password.

    server: realm="…",nonce="…",qop="auth",algorithm=md5-sess,charset=utf-8
    client: username="…",realm="…",nonce="…",nc=00000001,cnonce="…",digest-uri="smtp/…",response=32 digits,qop=auth
    server: rspauth=32 digits
    client: (nothing)

The client's nonce makes a table of answers, prepared for one challenge, useless; ``rspauth`` shows that the server is
no impostor. All but the password is in the capture all the same, so it can be guessed. RFC 6331 made it Historic.
"""

from __future__ import annotations

import re
import secrets
from hmac import compare_digest

from maillab.sasl.credentials import Credentials, digest_key, latin
from maillab.sasl.directives import escaped, parse, single
from maillab.sasl.exchange import SOMEWHERE, Challenge, Failure, SaslError, Setting, Success
from maillab.sasl.md5 import md5
from maillab.sasl.steps import Step, hashed, joined, octets, value_of

QOPS = {
    "auth": b"",
    # RFC 2831 section 2.1.2.1: with protection of what follows, A2 ends with as many zeros as a hash has digits
    "auth-int": b":" + b"0" * 32,
    "auth-conf": b":" + b"0" * 32,
}
"""The "qualities of protection", and what each adds to A2."""

MAX_CHALLENGE, MAX_RESPONSE = 2048, 4096
"""Octets; a message has to be shorter (RFC 2831 sections 2.1.1 and 2.1.2)."""

_NC = re.compile("[0-9a-f]{8}")

__all__ = ["QOPS", "DigestMd5Client", "DigestMd5Server", "challenge_of", "derive", "digest", "parse", "rspauth"]


def digest(
    stored: bytes, nonce: bytes, cnonce: bytes, nc: bytes, qop: bytes, digest_uri: bytes, authzid: bytes = b"",
    method: bytes = b"AUTHENTICATE",
) -> str:  # fmt: skip
    """The 32 digits of a response, from what the server has stored (:func:`maillab.sasl.credentials.digest_key`).

    >>> digest(digest_key("chris", "elwood.innosoft.com", "secret"), b"OA6MG9tEQGm2hh", b"OA6MHXh6VqTrRk", b"00000001",
    ...     b"auth", b"imap/elwood.innosoft.com")  # RFC 2831 section 4
    'd388dad90d4bbd760a152321f2143af7'
    """
    a1 = stored + b":" + nonce + b":" + cnonce + (b":" + authzid if authzid else b"")
    a2 = method + b":" + digest_uri + QOPS[qop.decode()]
    ha1, ha2 = md5(a1).hex().encode(), md5(a2).hex().encode()
    return md5(b":".join((ha1, nonce, nc, cnonce, qop, ha2))).hex()


def rspauth(
    stored: bytes, nonce: bytes, cnonce: bytes, nc: bytes, qop: bytes, digest_uri: bytes, authzid: bytes = b""
) -> str:
    """The server's proof: the same hash, with nothing where the client has AUTHENTICATE (RFC 2831 section 2.1.3)."""
    return digest(stored, nonce, cnonce, nc, qop, digest_uri, authzid, method=b"")


def derive(
    user: str, realm: str, secret: str, nonce: str, cnonce: str, nc: str, qop: str, digest_uri: str, authzid: str = "",
    charset: str = "utf-8",
) -> list[Step]:  # fmt: skip
    """All steps to the client's message, then those to the server's proof.

    ``charset=""`` is for a server that never offered UTF-8.

    Raises:
        ValueError: an input that can't be sent.

    >>> steps = derive("chris", "elwood.innosoft.com", "secret", "OA6MG9tEQGm2hh", "OA6MHXh6VqTrRk", "00000001", "auth",
    ...     "imap/elwood.innosoft.com")
    >>> value_of(steps, "A2"), value_of(steps, "rspauth").hex()
    (b'AUTHENTICATE:imap/elwood.innosoft.com', 'ea40f60335c427b5527b84dbabcdfffd')
    """
    sent = sent_as(
        charset, user=user, realm=realm, nonce=nonce, cnonce=cnonce, nc=nc, qop=qop, digest_uri=digest_uri,
        authzid=authzid,
    )  # fmt: skip
    colon = ("glue", b":")
    steps = [
        joined(
            "user:realm:password", "user : realm : secret", ("user", latin(user)), colon,
            ("realm", octets("realm", realm)), colon, ("secret", latin(secret)), source="RFC 2831 section 2.1.2.1",
        ),
        hashed("stored", "MD5(user:realm:password)", digest_key(user, realm, secret)),
    ]  # fmt: skip
    behind = (colon, ("authzid", sent["authzid"])) if authzid else ()
    a1 = joined(
        "A1", "stored : nonce : cnonce" + (" : authzid" if authzid else ""), ("stored", value_of(steps, "stored")),
        colon, ("nonce", sent["nonce"]), colon, ("cnonce", sent["cnonce"]), *behind,
    )  # fmt: skip
    steps += [a1, hashed("HA1", "MD5(A1) in hex", md5(a1.value).hex().encode(), hex=False)]

    def answer(method: bytes, of: str, result: str) -> list[Step]:
        """A2 and all that follows from it; the server's differs only in how A2 begins."""
        a2 = joined(
            f"A2{of}", f"{method.decode()} : digest-uri" + (" : zeros" if QOPS[qop] else ""), ("glue", method + b":"),
            ("digest-uri", sent["digest-uri"]), ("glue", QOPS[qop]),
        )  # fmt: skip
        ha2 = hashed(f"HA2{of}", f"MD5(A2{of}) in hex", md5(a2.value).hex().encode(), hex=False)
        middle = [item for kind in ("nonce", "nc", "cnonce", "qop") for item in ((kind, sent[kind]), colon)]
        formula = f"HA1 : nonce : nc : cnonce : qop : HA2{of}"
        kd = joined(f"KD{of}", formula, ("HA1", value_of(steps, "HA1")), colon, *middle, (ha2.name, ha2.value))
        return [a2, ha2, kd, hashed(result, f"MD5({kd.name})", md5(kd.value), "RFC 2831 section 2.1.2.1")]

    steps += answer(b"AUTHENTICATE", "", "digest")
    steps.append(_response(sent, value_of(steps, "digest").hex(), charset))
    return steps + answer(b"", " of server", "rspauth")


def sent_as(charset: str, **inputs: str) -> dict[str, bytes]:
    """What the client sends, by kind, as octets.

    Raises:
        ValueError: something can't be sent.
    """
    if not _NC.fullmatch(inputs["nc"]):
        raise ValueError("nc counts how often the nonce has been used: 8 digits from 0 to 9 and a to f.")
    if inputs["qop"] not in QOPS:
        raise ValueError(f"qop is one of {', '.join(QOPS)}.")
    kinds = {name.replace("_", "-"): text for name, text in inputs.items()}
    return {kind: octets(kind, text, "utf-8" if charset else "iso-8859-1") for kind, text in kinds.items()}


def _response(sent: dict[str, bytes], digest: str, charset: str) -> Step:
    """The client's message, in the order of RFC 2831's example."""
    parts = [("glue", b"charset=utf-8")] if charset else []
    for name, kind in (
        ("username", "user"), ("realm", "realm"), ("nonce", "nonce"), ("nc", "nc"), ("cnonce", "cnonce"),
        ("digest-uri", "digest-uri"), ("response", "digest"), ("qop", "qop"), ("authzid", "authzid"),
    ):  # fmt: skip
        comma = b"," if parts else b""
        if name in ("nc", "qop", "response"):  # these three stand without quotation marks
            parts += [
                ("glue", comma + name.encode() + b"="),
                (kind, digest.encode() if kind == "digest" else sent[kind]),
            ]
        elif sent[kind] or name not in ("realm", "authzid"):  # RFC 2831 section 2.1.2: left out when empty
            parts += [("glue", comma + name.encode() + b'="'), (kind, escaped(sent[kind])), ("glue", b'"')]
    return joined("response", "the client's message", *parts, source="RFC 2831 section 2.1.2")


def challenge_of(realm: str, nonce: str, qop: str = "auth") -> bytes:
    """A server's challenge (RFC 2831 section 2.1.1).

    >>> challenge_of("example.test", "OA6MG9tEQGm2hh")
    b'realm="example.test",nonce="OA6MG9tEQGm2hh",qop="auth",algorithm=md5-sess,charset=utf-8'
    """
    named = [b'%s="%s"' % (n, escaped(v.encode())) for n, v in ((b"realm", realm), (b"nonce", nonce), (b"qop", qop))]
    return b",".join([*named, b"algorithm=md5-sess", b"charset=utf-8"])  # some clients refuse these two in quotes


class DigestMd5Server:
    """The server's side. It computes with :meth:`Credentials.digest_key`, never with the password.

    >>> server = DigestMd5Server(Credentials({"alice": "sesame"}))
    >>> client = DigestMd5Client("alice", "sesame")
    >>> proof = server.step(client.step(server.step(None).data))
    >>> proof.data[:8], server.step(client.step(proof.data))
    (b'rspauth=', Success(username='alice', authzid=''))
    """

    def __init__(self, credentials: Credentials, setting: Setting = SOMEWHERE) -> None:
        self._credentials, self._setting = credentials, setting
        self._challenge: bytes | None = None
        self._outcome: Success | Failure | None = None  # what is said once the client has heard the proof

    def step(self, response: bytes | None) -> Challenge | Success | Failure:
        """Challenge, judge the response and prove oneself, then wait for an empty answer."""
        if self._outcome is not None:
            # RFC 2831 section 2.1.3: the client has nothing to say to rspauth
            outcome = self._outcome if response == b"" else Failure("the answer to rspauth wasn't empty")
            self._outcome = Failure("this exchange is over")
            return outcome
        if response is None:
            return self._ask() if self._challenge is None else self._end("no response")
        try:
            return self._judge(response)
        except SaslError as error:
            return self._end(str(error))

    def _ask(self, stale: bool = False) -> Challenge:
        setting = self._setting
        # The challenge may be somebody's choice, so what it says is read from it, not remembered.
        self._challenge = setting.fresh("DIGEST-MD5", lambda: challenge_of(setting.realm, secrets.token_urlsafe(15)))
        return Challenge(self._challenge + (b",stale=true" if stale else b""))

    def _end(self, reason: str) -> Failure:
        self._outcome = failure = Failure(reason)
        return failure

    def _judge(self, response: bytes) -> Challenge | Failure:
        if len(response) >= MAX_RESPONSE:
            raise SaslError(f"a response is shorter than {MAX_RESPONSE} octets.")
        fields = parse(response)
        names = ("username", "nonce", "cnonce", "nc", "digest-uri", "response")
        username, nonce, cnonce, nc, uri, proof = (single(fields, name) for name in names)
        realm, qop, authzid = single(fields, "realm", ""), single(fields, "qop", "auth"), single(fields, "authzid", "")
        charset = "utf-8" if "charset" in fields else "iso-8859-1"
        if qop != "auth":
            raise SaslError(f"{qop if qop in QOPS else 'that qop'} isn't offered here, only auth.")
        # RFC 2831 section 2.1.2: the service has to be this one. The host isn't compared: the lab's has several names.
        if uri.partition("/")[0].lower() != self._setting.service or not uri.partition("/")[2]:
            raise SaslError("the digest-uri is for another service.")
        stored = self._credentials.digest_key(username, realm)
        texts = [text.encode(charset) for text in (nonce, cnonce, nc, qop, uri, authzid)]
        expected = digest(stored or bytes(16), *texts)
        # The password first, so that a stranger learns nothing from the other rules.
        if not self._credentials.matches(expected.encode(), proof.encode()) or stored is None:
            return self._end("wrong name or password")
        if self._challenge is None:
            # RFC 2831 section 2.2: a client may begin with a nonce from last time. None is kept: she gets a new one.
            return self._ask(stale=True)
        asked = parse(self._challenge)
        if nonce != single(asked, "nonce") or nc != "00000001":
            raise SaslError("a replay: nonce and count aren't those of this challenge.")
        if realm not in asked.get("realm", [""]):
            raise SaslError("that realm isn't one of those offered.")
        if authzid not in ("", username):
            raise SaslError("may not act as somebody else.")
        self._outcome = Success(username, authzid)
        return Challenge(b"rspauth=" + rspauth(stored, *texts).encode())


class DigestMd5Client:
    """The client's side.

    Args:
        realm: the one to choose; the server's first, if none is given.
        cnonce, nc, digest_uri: what a client makes up or knows; for those who want to choose them.
        qop: only ``"auth"`` is possible.
        stored: MD5 of ``user:realm:password``, in place of the password: a thief of the server's store has enough.
    """

    def __init__(
        self, username: str, password: str, *, setting: Setting = SOMEWHERE, authzid: str = "", realm: str = "",
        cnonce: str = "", nc: str = "00000001", digest_uri: str = "", qop: str = "auth", stored: bytes = b"",
    ) -> None:  # fmt: skip
        if qop != "auth":
            raise SaslError(f"{qop} would protect all that follows too; no program in this lab can do that, only auth.")
        self._username, self._password, self._authzid, self._realm = username, password, authzid, realm
        self._stored = stored
        self._cnonce, self._nc, self._uri = cnonce, nc, digest_uri or f"{setting.service}/{setting.host}"
        self._expected: bytes | None = None  # the server's proof
        self._rounds = 0
        self._proved = False

    def initial(self) -> None:
        """Nothing: the server begins."""
        return None

    def step(self, challenge: bytes) -> bytes:
        """The response to the challenge, then nothing to the server's proof.

        Raises:
            SaslError: the challenge breaks a rule of RFC 2831, or the proof is wrong.
        """
        if len(challenge) >= MAX_CHALLENGE:
            raise SaslError(f"a challenge is shorter than {MAX_CHALLENGE} octets.")
        fields = parse(challenge)
        if self._expected is not None and "rspauth" in fields:
            if self._proved or not compare_digest(self._expected, single(fields, "rspauth").encode()):
                raise SaslError("the server's proof is wrong: it doesn't know the password. An impostor?")
            self._proved = True
            return b""
        # RFC 2831 section 2.1.1: stale says "right, but ask me with this nonce". Once is enough.
        if self._rounds and (self._rounds > 1 or single(fields, "stale", "false") != "true"):
            raise SaslError("a second challenge came where the server's proof should be.")
        self._rounds += 1
        return self._answer(fields)

    def _answer(self, fields: dict[str, list[str]]) -> bytes:
        nonce, algorithm, qop = single(fields, "nonce"), single(fields, "algorithm"), single(fields, "qop", "auth")
        if algorithm != "md5-sess":
            raise SaslError("the server wants another algorithm than md5-sess, and DIGEST-MD5 has no other.")
        if "auth" not in re.split(r"[\s,]+", qop):
            raise SaslError(f"the server wants {qop}, and here only auth is possible.")
        realm = self._realm or fields.get("realm", [""])[0]
        # Nothing of the client's own making would be left in the hash without it (RFC 2831 section 3.3).
        cnonce = self._cnonce or secrets.token_urlsafe(15)
        charset = "utf-8" if single(fields, "charset", "") else ""
        try:
            sent = sent_as(
                charset, user=self._username, realm=realm, nonce=nonce, cnonce=cnonce, nc=self._nc, qop="auth",
                digest_uri=self._uri, authzid=self._authzid,
            )  # fmt: skip
            stored = self._stored or digest_key(self._username, realm, self._password)
        except ValueError as error:
            raise SaslError(str(error)) from None
        hashed_with = [sent[name] for name in ("nonce", "cnonce", "nc", "qop", "digest-uri", "authzid")]
        self._expected = rspauth(stored, *hashed_with).encode()
        message = _response(sent, digest(stored, *hashed_with), charset).value
        if len(message) >= MAX_RESPONSE:
            raise SaslError("name, password and challenge together are too long for DIGEST-MD5.")
        return message

    def finish(self) -> None:
        """Whether the server has proved itself.

        Raises:
            SaslError: it said yes without.
        """
        if not self._proved:
            raise SaslError("the server never proved that it knows the password: an impostor?")
