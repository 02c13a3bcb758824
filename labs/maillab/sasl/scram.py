"""SCRAM-SHA-256 (RFC 5802, with SHA-256 as in RFC 7677): what came of DIGEST-MD5's good ideas.

    client: n,,n=user,r=NONCE
    server: r=NONCEnonce,s=salt,i=4096
    client: c=biws,r=NONCEnonce,p=proof
    server: v=signature
    client: (nothing)

Both sides bring a nonce and both prove themselves, as before. New: the hash is slow on purpose, so a guess costs
thousands of times more; and the server keeps a salted verifier, with which its thief can't log in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets

from maillab.sasl.base64text import Base64Error, decode
from maillab.sasl.credentials import Credentials
from maillab.sasl.exchange import SOMEWHERE, Challenge, Failure, SaslError, Setting, Success
from maillab.sasl.saslprep import PrepError, saslprep
from maillab.sasl.scram_keys import keys, salted_password
from maillab.sasl.scram_text import CHALLENGE, FINAL, FIRST, NONCE, escaped, nonce_of, unescaped
from maillab.sasl.steps import Step, hashed, joined, octets, xored

__all__ = ["ScramClient", "ScramServer", "derive", "escaped", "header", "keys", "nonce_of", "salted_password"]

MIN_ITERATIONS, MAX_ITERATIONS = 4096, 1_000_000
"""What a client goes along with. Less (RFC 7677 section 4), and an impostor gets a hash that is quick to guess;
more, and he gets her processor."""

MAX_MESSAGE = 4096
"""Octets. RFC 5802 sets no limit; this is DIGEST-MD5's (RFC 2831 section 2.1.2)."""


def header(authzid: str = "") -> bytes:
    """What a client's first message begins with: no channel binding, and whom she wants to act as (section 7).

    >>> header(), header("ursel")
    (b'n,,', b'n,a=ursel,')
    """
    return f"n,{'a=' + escaped(saslprep(authzid)) if authzid else ''},".encode()


def derive(
    user: str, secret: str, salt: str, iterations: str | int, client_nonce: str, server_nonce: str, authzid: str = "",
    algorithm: str = "sha256",
) -> list[Step]:  # fmt: skip
    """All steps to the client's proof and to the server's signature.

    Args:
        salt: in base64, as the server sends it.
        server_nonce: the server's own part; in her messages it comes right behind the client's.
        algorithm: ``"sha1"`` makes it SCRAM-SHA-1.

    Raises:
        ValueError: an input that can't be sent.

    >>> from maillab.sasl.steps import value_of
    >>> steps = derive("user", "pencil", "W22ZaJ0SNY7soEsUEjb6gQ==", 4096, "rOprNGfwEbeRWgbNEkqO",
    ...     "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")  # RFC 7677 section 3
    >>> value_of(steps, "response")[-46:]
    b'p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ='
    """
    for what, nonce in (("client's nonce", client_nonce), ("server's nonce", server_nonce)):
        if not re.fullmatch(NONCE, octets(what, nonce)):
            raise ValueError(f"the {what} is one or more printable ASCII characters, and none of them a comma.")
    if not (str(iterations).isascii() and str(iterations).isdigit() and 0 < int(iterations) <= MAX_ITERATIONS):
        raise ValueError(f"iterations is a whole number from 1 to {MAX_ITERATIONS:,}.")
    try:
        raw_salt = decode(salt.encode(errors="replace"))
    except Base64Error:
        raise ValueError("the salt is written in base64.") from None

    salted = salted_password(secret, raw_salt, int(iterations), algorithm)
    client_key, stored_key, server_key = keys(salted, algorithm)
    # The three messages, signed as one text. RFC 5802 section 3.
    name = escaped(saslprep(user)).encode()
    nonces = (("cnonce", client_nonce.encode()), ("nonce", server_nonce.encode()))
    first = (("glue", b"n="), ("user", name), ("glue", b",r="), nonces[0])
    challenge = (
        ("glue", b"r="), *nonces, ("glue", b",s="), ("salt", salt.encode()), ("glue", b",i="),
        ("iterations", str(iterations).encode()),
    )  # fmt: skip
    final = (("glue", b"c=" + base64.b64encode(header(authzid)) + b",r="), *nonces)
    comma = ("glue", b",")
    signed = joined(
        "AuthMessage", "client's first message, server's challenge, client's last without proof", *first, comma,
        *challenge, comma, *final, source="RFC 5802 section 3",
    )  # fmt: skip
    signature = hmac.digest(stored_key, signed.value, algorithm)
    proof = xored(client_key, signature)
    return [
        hashed("SaltedPassword", f"PBKDF2(secret, salt, {iterations} times)", salted, "RFC 5802 section 2.2"),
        hashed("ClientKey", 'HMAC(SaltedPassword, "Client Key")', client_key),
        hashed("StoredKey", "H(ClientKey): the server keeps this", stored_key),
        signed,
        hashed("ClientSignature", "HMAC(StoredKey, AuthMessage)", signature),
        hashed("ClientProof", "ClientKey XOR ClientSignature", proof),
        hashed("ServerKey", 'HMAC(SaltedPassword, "Server Key"): the server keeps this', server_key),
        hashed("ServerSignature", "HMAC(ServerKey, AuthMessage)", hmac.digest(server_key, signed.value, algorithm)),
        joined(
            "response", "the client's last message", *final, ("glue", b",p="), ("ClientProof", base64.b64encode(proof)),
            source="RFC 5802 section 5",
        ),
    ]  # fmt: skip


class ScramServer:
    """The server's side. It computes with :meth:`Credentials.verifier`, never with the password.

    >>> server, client = ScramServer(Credentials({"alice": "sesame"})), ScramClient("alice", "sesame")
    >>> proof = server.step(client.step(server.step(client.initial()).data))
    >>> proof.data[:2], server.step(client.step(proof.data))
    (b'v=', Success(username='alice', authzid=''))
    """

    def __init__(self, credentials: Credentials, setting: Setting = SOMEWHERE) -> None:
        self._credentials, self._setting = credentials, setting
        self._turn = self._challenge  # what the next response is for

    def step(self, response: bytes | None) -> Challenge | Success | Failure:
        """Challenge, judge the proof and give one's own, then wait for an empty answer."""
        if response is None and self._turn == self._challenge:
            return Challenge(b"")  # RFC 4422 section 5.1: the client begins, and hasn't yet
        try:
            if response is None or len(response) > MAX_MESSAGE:
                raise SaslError(f"a message has at most {MAX_MESSAGE} octets.")
            return self._turn(response)
        except (SaslError, PrepError, Base64Error, UnicodeDecodeError) as error:
            self._turn = self._over
            return Failure(str(error))

    def _challenge(self, response: bytes) -> Challenge | Success | Failure:
        found = FIRST.fullmatch(response)
        if found is None:
            raise SaslError("that isn't a SCRAM client's first message.")
        self._header, binding, authzid, self._bare, extension, name, self._nonce = found.groups()
        if binding.startswith(b"p="):
            raise SaslError("without TLS there's no channel to bind to.")
        if extension:  # RFC 5802 section 5.1: m= means "you have to know this", and we don't
            raise SaslError("an extension that isn't known here.")
        self._username = saslprep(unescaped(name.decode()))
        self._authzid = saslprep(unescaped((authzid or b"").decode()))
        kept = self._credentials.verifier(self._username)
        self._known = kept is not None
        # Somebody unknown gets a salt too, the same each time, and fails at the end like a wrong password.
        self._kept = kept or self._credentials.made_up(self._username)
        self._nonce += self._setting.fresh("SCRAM-SHA-256", lambda: secrets.token_urlsafe(18).encode())
        salt = base64.b64encode(self._kept.salt)
        self._said = b"r=%s,s=%s,i=%d" % (self._nonce, salt, self._kept.iterations)
        self._turn = self._judge
        return Challenge(self._said)

    def _judge(self, response: bytes) -> Challenge | Success | Failure:
        self._turn = self._over
        found = FINAL.fullmatch(response)
        if found is None:
            raise SaslError("that isn't a SCRAM client's last message.")
        unproved, binding, nonce, proof = found.groups()
        given = decode(proof)
        # RFC 5802 section 5.1: c repeats the header, so that nobody can have changed it on the way
        if decode(binding) != self._header or len(given) != hashlib.sha256().digest_size:
            raise SaslError("channel binding or proof of another shape than this exchange has.")
        if nonce != self._nonce:
            raise SaslError("a replay: those aren't the nonces of this exchange.")
        signed = b",".join((self._bare, self._said, unproved))
        # Signature XOR proof gives the client's key, and its hash is what we have. RFC 5802 section 3.
        client_key = xored(given, hmac.digest(self._kept.stored_key, signed, "sha256"))
        right = self._credentials.matches(self._kept.stored_key, hashlib.sha256(client_key).digest())
        if not right or not self._known:
            raise SaslError("wrong name or password")
        if self._authzid not in ("", self._username):
            raise SaslError("may not act as somebody else")
        self._turn = self._believe
        return Challenge(b"v=" + base64.b64encode(hmac.digest(self._kept.server_key, signed, "sha256")))

    def _believe(self, response: bytes) -> Challenge | Success | Failure:
        self._turn = self._over
        return Failure("the answer to v= wasn't empty") if response else Success(self._username, self._authzid)

    def _over(self, response: bytes) -> Challenge | Success | Failure:
        return Failure("this exchange is over")


class ScramClient:
    """The client's side. ``nonce`` is for those who want to choose it, ``stored`` for a thief: a ClientKey takes the
    password's place (RFC 5802 section 9), but then the server's signature can't be checked.

    >>> ScramClient("user", "pencil", nonce="rOprNGfwEbeRWgbNEkqO").initial()
    b'n,,n=user,r=rOprNGfwEbeRWgbNEkqO'
    """

    def __init__(
        self,
        username: str,
        password: str,
        *,
        setting: Setting = SOMEWHERE,
        authzid: str = "",
        nonce: str = "",
        stored: bytes = b"",
    ) -> None:
        self._password, self._stored = password, stored
        self._nonce = nonce or secrets.token_urlsafe(18)
        try:
            self._header = header(authzid)
            self._first = self._header + f"n={escaped(saslprep(username))},r={self._nonce}".encode()
            saslprep(password)
        except ValueError as error:
            raise SaslError(str(error)) from None
        if not re.fullmatch(NONCE, self._nonce.encode(errors="replace")):
            raise SaslError("a nonce is printable ASCII without a comma.")
        self._turn = self._begin

    def initial(self) -> bytes:
        """Name and nonce: SCRAM's client speaks first."""
        self._turn = self._prove
        return self._first

    def step(self, challenge: bytes) -> bytes:
        """The proof in answer to the challenge, then nothing to the server's signature.

        Raises:
            SaslError: the server breaks a rule of RFC 5802, or its signature is wrong.
        """
        return self._turn(challenge)

    def _begin(self, challenge: bytes) -> bytes:
        if challenge:
            raise SaslError("a SCRAM server has nothing to say before the client, but this one did.")
        return self.initial()

    def _prove(self, challenge: bytes) -> bytes:
        found = CHALLENGE.fullmatch(challenge)
        if found is None:
            raise SaslError("that isn't a SCRAM server's challenge.")
        nonces, salt, iterations = (group.decode("ascii", "replace") for group in found.groups())
        # RFC 5802 section 5.1: her own nonce has to come back with something behind it
        if not nonces.startswith(self._nonce) or nonces == self._nonce:
            raise SaslError("the server didn't put a nonce of its own behind the client's.")
        if not MIN_ITERATIONS <= int(iterations) <= MAX_ITERATIONS:
            raise SaslError(
                f"the server wants {iterations} iterations; {MIN_ITERATIONS} to {MAX_ITERATIONS:,} are fine."
            )
        # What is signed is what was said, extensions that nobody here knows included. RFC 5802 section 3.
        bare = self._first.removeprefix(self._header)
        unproved = b"c=" + base64.b64encode(self._header) + b",r=" + nonces.encode()
        signed = b",".join((bare, challenge, unproved))
        try:
            salted = salted_password(self._password, decode(salt.encode(errors="replace")), int(iterations))
        except Base64Error as error:
            raise SaslError(str(error)) from None
        client_key, stored_key, server_key = keys(salted)
        if self._stored:
            client_key, stored_key, server_key = self._stored, hashlib.sha256(self._stored).digest(), b""
        self._expected = hmac.digest(server_key, signed, "sha256") if server_key else None
        self._turn = self._check
        return unproved + b",p=" + base64.b64encode(xored(client_key, hmac.digest(stored_key, signed, "sha256")))

    def _check(self, challenge: bytes) -> bytes:
        if challenge.startswith(b"e="):
            raise SaslError("the server refused the proof.")
        if self._expected and not hmac.compare_digest(challenge, b"v=" + base64.b64encode(self._expected)):
            raise SaslError("the server's signature is wrong: it doesn't know the password. An impostor?")
        self._turn = self._over
        return b""

    def _over(self, challenge: bytes) -> bytes:
        raise SaslError("the server has proved itself and has nothing more to ask.")

    def finish(self) -> None:
        """Whether the server has proved itself.

        Raises:
            SaslError: it said yes without.
        """
        if self._turn != self._over:
            raise SaslError("the server never proved that it knows the password: an impostor?")
