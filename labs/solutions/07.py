"""Lesson 07, solved. Each section is an exercise's cell as a learner would leave it."""

# %% 07.1
from hashlib import md5

def fits(word):
    return md5((alices["APOP"].challenge + word).encode()).hexdigest() == alices["APOP"].response.split()[1]

check("07.1", fits)

# %% 07.2
carols_password = crack(carols, Candidates(words, RULES)).password
check("07.2", carols_password)

# %% 07.3
from_apop = crack(alices["APOP"], pattern).password
from_cram_md5 = crack(alices["CRAM-MD5"], pattern).password
from_digest_md5 = crack(alices["DIGEST-MD5"], pattern).password
check("07.3", (from_apop, from_cram_md5, from_digest_md5))

# %% 07.4
scram_seconds = len(pattern) / measured["SCRAM-SHA-256"]
apop_seconds = len(pattern) / measured["APOP"]
check("07.4", (scram_seconds, apop_seconds, measured))
