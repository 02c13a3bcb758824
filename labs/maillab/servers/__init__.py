"""The mail servers of the lab: POP3 (an engine of our own) and SMTP (on aiosmtpd), in a process of their own.

``python -m maillab.servers`` starts them; :mod:`maillab.servers.process` says how to talk to that process.
The parts, from the inside out: maildrops and users (:mod:`~maillab.servers.store`), the rules of POP3 without a
socket (:mod:`~maillab.servers.pop3_table`, :mod:`~maillab.servers.pop3`), who may send what to whom
(:mod:`~maillab.servers.policy`), SMTP (:mod:`~maillab.servers.smtp`), the queue for other servers' mail
(:mod:`~maillab.servers.queue`, :mod:`~maillab.servers.relay`), and the sockets around them.
"""

from __future__ import annotations

from maillab.servers.switches import SWITCHES, Switches

# aiosmtpd and asyncio stay out of here: a notebook that reads the table of POP3 needs neither.
__all__ = ["SWITCHES", "Switches"]
