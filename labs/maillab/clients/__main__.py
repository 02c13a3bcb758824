"""``python -m maillab.clients``: the SSH client behind a tunnel, see :mod:`maillab.clients.ssh_client`."""

import signal

# As for the servers: Jupyter's "interrupt" is meant for a cell.
signal.signal(signal.SIGINT, signal.SIG_IGN)

if __name__ == "__main__":
    from maillab.clients.ssh_client import SshClient
    from maillab.servers.process import main

    main(SshClient)
