"""Lesson 06, solved. Each section is an exercise's cell as a learner would leave it."""

# %% 06.1
fields = {}
for part in response.split(","):
    name, _, value = part.partition("=")
    fields[name] = value.strip('"')
check("06.1", fields or ...)

# %% 06.2
from hashlib import md5

def respond(stored, nonce, cnonce, nc, qop, uri):
    a1 = stored + f":{nonce}:{cnonce}".encode()
    a2 = f"AUTHENTICATE:{uri}".encode()
    ha1, ha2 = md5(a1).hexdigest(), md5(a2).hexdigest()
    return md5(f"{ha1}:{nonce}:{nc}:{cnonce}:{qop}:{ha2}".encode()).hexdigest()

check("06.2", respond)

# %% 06.3
def genuine(said, password, rspauth):
    others = [said[name] for name in ("nonce", "cnonce", "nc", "qop", "digest-uri")]
    steps = digest_md5.derive(said["username"], said["realm"], password, *others)
    return steps[-1].value.hex() == rspauth

check("06.3", genuine)
