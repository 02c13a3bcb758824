"""What can be done with a lab once it runs, sorted by what it is about; :class:`maillab.lab.Lab` has all of it."""

from .mailboxes import Mailboxes
from .ssh import SshServers
from .tls import Tls
from .weaknesses import Weaknesses

__all__ = ["Mailboxes", "SshServers", "Tls", "Weaknesses"]
