"""CRAM-MD5 (RFC 2195): APOP's idea inside SASL, with HMAC (RFC 2104) in place of the bare hash.

    server: <1896.697170952@postoffice.reston.mci.net>
    client: tim b913a602c7eda7a495b4e6e7334d3890                 = HMAC-MD5(secret, challenge)

As in APOP, only the server brings something new into the hash, and only the client proves anything.
"""

from __future__ import annotations

from maillab.sasl import apop
from maillab.sasl.credentials import Credentials
from maillab.sasl.exchange import Challenge, Failure, SaslError, Setting, Success
from maillab.sasl.md5 import BLOCK, INNER, OUTER, hmac_md5, md5, padded
from maillab.sasl.steps import Part, Step, hashed, octets, xored


def digest(challenge: bytes, secret: bytes) -> str:
    """The 32 digits that answer a challenge.

    >>> digest(b"<1896.697170952@postoffice.reston.mci.net>", b"tanstaaftanstaaf")    # RFC 2195 section 2
    'b913a602c7eda7a495b4e6e7334d3890'
    """
    return hmac_md5(secret, challenge).hex()


def derive(challenge: str, secret: str, user: str = "alice") -> list[Step]:
    """All steps from the secret to the client's message.

    Raises:
        ValueError: an input that can't be sent.

    >>> [step.name for step in derive("<1@mail>", "sesame")]
    ['key', 'inner key', 'inner', 'outer key', 'digest', 'response']
    """
    raw, text, name = octets("secret", secret), octets("challenge", challenge), octets("user", user)
    if len(raw) > BLOCK:
        first = (Part("secret", md5(raw)), Part("glue", bytes(BLOCK - 16)))
        key = Step("key", "MD5(secret), filled up to 64 bytes", first, True, "RFC 2104 section 2")
    else:
        first = (Part("secret", raw), Part("glue", bytes(BLOCK - len(raw))))
        key = Step("key", "secret, filled up to 64 bytes", first, True, "RFC 2104 section 2")
    block = padded(raw)
    inner_key, outer_key = xored(block, INNER), xored(block, OUTER)
    inner = md5(inner_key + text)
    outer = md5(outer_key + inner)
    return [
        key,
        hashed("inner key", "key XOR 36 36 36 …", inner_key),
        hashed("inner", "MD5(inner key + challenge)", inner),
        hashed("outer key", "key XOR 5c 5c 5c …", outer_key),
        hashed("digest", "MD5(outer key + inner)", outer, "RFC 2195 section 2"),
        Step(
            "response",
            "user + blank + digest in hex",
            (Part("user", name), Part("glue", b" "), Part("digest", outer.hex().encode())),
        ),
    ]


class CramMd5Server:
    """The server's side.

    >>> server = CramMd5Server(Credentials({"tim": "tanstaaf"}), Setting(fresh=lambda mechanism, make: b"<1@mail>"))
    >>> server.step(None)
    Challenge(data=b'<1@mail>')
    >>> server.step(f"tim {digest(b'<1@mail>', b'tanstaaf')}".encode())
    Success(username='tim', authzid='')
    """

    def __init__(self, credentials: Credentials, setting: Setting | None = None) -> None:
        self._credentials, self._setting = credentials, setting or Setting()
        self._challenge: bytes | None = None
        self._over = False

    def step(self, response: bytes | None) -> Challenge | Success | Failure:
        """Send the challenge, then judge the answer."""
        if self._challenge is None:
            if response is not None:
                return Failure("the server begins")
            self._challenge = self._setting.fresh("CRAM-MD5", lambda: apop.new_challenge(self._setting.host))
            return Challenge(self._challenge)
        if self._over:
            return Failure("one challenge, one answer")
        self._over = True
        # RFC 2195 section 2: the name may hold blanks, so it ends at the last one.
        name, _, said = (response or b"").rpartition(b" ")
        try:
            username = name.decode()
        except UnicodeDecodeError:
            return Failure("the name isn't UTF-8")
        secret = self._credentials.secret(username)
        expected = digest(self._challenge, (secret or "").encode())
        same = self._credentials.matches(expected.encode(), said)
        return Success(username) if same and secret is not None else Failure("wrong name or password")


class CramMd5Client:
    """The client's side.

    >>> CramMd5Client("tim", "tanstaaftanstaaf").step(b"<1896.697170952@postoffice.reston.mci.net>")
    b'tim b913a602c7eda7a495b4e6e7334d3890'
    """

    def __init__(self, username: str, password: str, setting: Setting | None = None) -> None:
        self._username, self._password = username, password
        self._answered = False

    def initial(self) -> None:
        """Nothing: the server begins."""
        return None

    def step(self, challenge: bytes) -> bytes:
        """The name and the digits.

        Raises:
            SaslError: a second challenge, or an empty one.
        """
        if self._answered or not challenge:
            raise SaslError("a CRAM-MD5 server sends one challenge, and this one sent something else.")
        self._answered = True
        return f"{self._username} {digest(challenge, self._password.encode())}".encode()

    def finish(self) -> None:
        """Nothing was proved to the client, so there is nothing to miss."""
