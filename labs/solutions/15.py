"""Lesson 15, solved. Each section is an exercise's cell as a learner would leave it."""

# %% 15.1
logins = [each for each in found if each.kind == "credential" and each.accepted]
passwords = {each.username: each.password for each in logins if each.password}
check("15.1", passwords)

# %% 15.2
from maillab.attacks import Candidates, crack, word_list

candidates = Candidates(word_list(2_000), ["case", "digits"])
name = password = ""
for each in found:
    if each.mechanism in ("APOP", "CRAM-MD5", "DIGEST-MD5") and each.username:
        result = crack(each, candidates, progress=False)
        if result.password:
            name, password = each.username, result.password
check("15.2", (name, password))

# %% 15.3
lists = [turn for talk in talks for turn in talk.turns if turn.command and turn.command.verb == "CAPA"]
proof = next(turn.frame for turn in lists if b"STLS" not in turn.data)
check("15.3", proof)

# %% 15.4
by_nobody = next(each.frame for each in found if each.relayed and each.authorised == "nobody")
by_address = next(each for each in found if each.relayed and each.authorised == "address")
whose_login = by_address.popped["username"]
by_address = by_address.frame
check("15.4", (by_nobody, by_address, whose_login))

# %% 15.5
from maillab.advice import Reading

advice = {
    "password readable": ("listener logs in", "implicit TLS", "RFC 8314", "No skill is needed: a listener just reads."),
    "login guessable": ("listener guesses", "strong passwords", "NIST SP 800-63B", "No server notices the guesses."),
    "TLS stripped": ("stripper logs in", "TLS or nothing", "RFC 8314", "Its user believes that she is protected."),
    "mail readable": ("listener reads mail", "implicit TLS", "RFC 8314", "Prices and salaries stand in them."),
    "relayed for nobody": ("anybody sends", "relay after login", "RFC 5321", "The false invoice came this way."),
    "relayed by address": ("neighbour sends", "SMTP AUTH", "RFC 6409", "The wrong one would be blamed for it."),
    "next hop in the clear": ("listener reads mail", "TLS to the next hop", "RFC 8461", "Also mail that came in TLS."),
}
rows = {}  # one of each kind; of logins that can be guessed from, one of each user
for kind, frames in Reading(capture).evidence.items():
    for number, who in frames.items():
        rows[kind, who if kind == "login guessable" else ""] = number
for (kind, _), number in rows.items():
    risk, measure, standard, why = advice[kind]
    proposal.add(finding=kind, frame=number, risk=risk, measure=measure, standard=standard, argument=why)
proposal.summary = (
    "Whoever listens on your network reads passwords and mail, and strangers can send through your server. Have all "
    "mail programs use TLS from the first byte, let nobody send who hasn't logged in, and give out new passwords."
)
check("15.5", proposal)
