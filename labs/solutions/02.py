"""Lesson 02, solved. Each section is an exercise's cell as a learner would leave it."""

# %% 02.1
def is_open_relay(lab):
    server = lab.mallory.smtp("smtp")
    server.ehlo()
    server.docmd("MAIL", "FROM:<tester@elsewhere.example.test>")
    code, _ = server.docmd("RCPT", "TO:<somebody@partner.example.test>")
    server.quit()
    return code == 250

check("02.1", is_open_relay)

# %% 02.2
lab.allow("sender_check")
forged = "From: alice@example.test\r\nTo: dave@partner.example.test\r\nSubject: Money\r\n\r\nPlease lend me some.\r\n"
server = lab.mallory.smtp("smtp")
server.sendmail("alice@example.test", "dave@partner.example.test", forged)
server.quit()
check("02.2", forged)

# %% 02.3
by_mail = next(line for line in arrived.get_all("Received") if "by mail.example.test" in line)
came_from = by_mail.split("([")[1].split("])")[0]
check("02.3", came_from)
