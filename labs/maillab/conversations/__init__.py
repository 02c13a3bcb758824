"""Conversations: what was said, read out of packets.

    frame -> segment (packets, fragments) -> bytes in order (half, streams, table) -> turns (dialogue, pop3, smtp)

Frames come in batches (capture.batch). The table reads their headers where they stand and queues segments; a
connection reads its queue in one go. One way through the code, whether a capture is a file of 10 GB or three packets.

Where a dialogue turns to TLS its records are turns of their own; with a key log, what was said inside follows each
record as turns that are .decrypted (tunnel, and the room tls).

What one connection may hold in memory: 4 MiB or 4096 pieces that wait for a missing segment (streams), lines
of 64 KiB, lists of 1 MiB, mails of 8 MiB (then cut into several turns) and 10,000 commands without a reply
(cutting, grammar); 1 MiB of a protocol that isn't known (dialogue). At most 20,000 connections are open; then
the ones silent for longest are closed (table); 256 packets wait for their fragments (fragments). follow() itself keeps
every turn, so it is for captures that fit in memory; conversations() and findings.search() are for larger ones.
"""

from .conversation import Conversation, conversations, follow
from .half import reassemble
from .packets import Segment, segment_of
from .turns import Turn

__all__ = ["Conversation", "Segment", "Turn", "conversations", "follow", "reassemble", "segment_of"]
