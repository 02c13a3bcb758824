"""``python -m maillab.servers``: the mail servers of one host; with ``ssh``, its SSH server instead.

See :mod:`maillab.servers.process`.
"""

import signal
import sys

# Jupyter's "interrupt" reaches the whole process group, and it's meant for a cell, not for the servers. Before the
# imports, so that there's no moment in which it works.
signal.signal(signal.SIGINT, signal.SIG_IGN)

if __name__ == "__main__":
    from maillab.servers.process import main

    if sys.argv[1:] == ["ssh"]:
        from maillab.servers.sshd import SshHost

        main(SshHost)
    from maillab.servers.mailhost import MailHost

    main(MailHost)
