"""``python -m maillab.servers``: the servers of one host; see :mod:`maillab.servers.process`."""

import signal

# Jupyter's "interrupt" reaches the whole process group, and it's meant for a cell, not for the servers. Before the
# imports, so that there's no moment in which it works.
signal.signal(signal.SIGINT, signal.SIG_IGN)

if __name__ == "__main__":
    from maillab.servers.process import main

    main()
