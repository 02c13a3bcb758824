"""Lesson 05, solved. Each section is an exercise's cell as a learner would leave it."""

# %% 05.1
apops_digits = hashlib.md5((challenge + alice.password).encode()).hexdigest()
check("05.1", (challenge, apops_digits))

# %% 05.2
def xor(block, byte):
    return bytes(b ^ byte for b in block)

def hmac_md5(key, text):
    key = (hashlib.md5(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    inner = hashlib.md5(xor(key, 0x36) + text).digest()
    return hashlib.md5(xor(key, 0x5C) + inner).hexdigest()

check("05.2", hmac_md5)

# %% 05.3
def answer(challenge):
    first, second = inner.copy(), outer.copy()
    first.update(challenge.encode())
    second.update(first.digest())
    return second.hexdigest()

check("05.3", answer)
