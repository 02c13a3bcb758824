"""The relay: takes mail for other servers, keeps it on disk and brings it to the next one. The rules are in queue.py.

What it took is lost by no crash. It may arrive twice, though: if we're stopped in the moment between the next
server's 250 and the end of our own file. SMTP can't do better (RFC 1047), only make that moment short.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from maillab.servers.log import EventLog
from maillab.servers.next_hop import NextHop, hand_over, how, quit_politely
from maillab.servers.queue import RETRY, Entry, pack, settle, unpack
from maillab.servers.spool import Spool

MAX_WAITING = 500
"""Mails in the queue."""

GiveBack = Callable[[str, Mapping[str, str], bytes], None]


class QueueFull(Exception):
    """There's no room left for another mail."""


class Relay:
    """The queue of one host, and the task that empties it.

    Args:
        next_hop: the server that gets everything; may be replaced at any time.
        give_back: called with the sender, what failed (recipient → reply) and the mail, when we give up.
    """

    def __init__(
        self,
        spool: Spool,
        next_hop: NextHop,
        host: str,
        log: EventLog,
        give_back: GiveBack,
        schedule: Sequence[float] = RETRY,
    ) -> None:
        self._spool, self.next_hop, self._host, self._log = spool, next_hop, host, log
        self._give_back, self._schedule = give_back, schedule
        self._wake = asyncio.Event()
        self._last_id = 0
        self.held = self.busy = False
        self.entries: dict[str, Entry] = {}
        for name in spool.names():
            try:
                self.entries[name] = unpack(spool.read(name))[0]
            except ValueError as error:
                EventLog.trouble(f"{spool.folder / name} is {error}")

    @property
    def full(self) -> bool:
        return len(self.entries) >= MAX_WAITING

    def accept(self, sender: str, recipients: Sequence[str], content: bytes) -> None:
        """Take a mail; when this returns, it is on disk.

        Raises:
            QueueFull: not now.
            OSError: the disk doesn't take it.
        """
        if self.full:
            raise QueueFull
        self._last_id = max(self._last_id + 1, time.time_ns())
        entry = Entry(f"{self._last_id:016x}", sender, tuple(recipients), len(content), due=time.time())
        self._spool.keep(entry.id, pack(entry, content))
        self.entries[entry.id] = entry
        self._wake.set()

    def hold(self, held: bool) -> None:
        """Start no attempt from now on, or do so again. ``busy`` says whether one is still under way."""
        self.held = held
        self._wake.set()

    def clear(self) -> None:
        """Throw away all that waits."""
        for name in list(self.entries):
            self._forget(name)

    async def run(self) -> None:
        """Bring each mail on when it's due, one after the other, for ever."""
        while True:
            self._wake.clear()
            try:
                for entry in [entry for entry in self.entries.values() if entry.due <= time.time()]:
                    if not self.held and entry.id in self.entries:
                        await self._attempt(entry)
            except Exception as error:  # our own disk, say; the next server's troubles are replies
                EventLog.trouble(f"the queue: {error}")
                await asyncio.sleep(1)
            due = [] if self.held else [entry.due for entry in self.entries.values()]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, min(due) - time.time()) if due else None):
                    await self._wake.wait()

    async def _attempt(self, entry: Entry) -> None:
        try:
            content = unpack(self._spool.read(entry.id))[1]
        except (FileNotFoundError, ValueError) as error:  # somebody else was at our folder
            EventLog.trouble(f"the queue lost {entry.id}: {error}")
            self._forget(entry.id)
            return
        self.busy = True
        smtp = None
        try:
            # smtplib waits, and a thread is there to wait.
            smtp, replies = await asyncio.to_thread(hand_over, self.next_hop, self._host, entry, content)
            self._settle(entry, replies, content, how(smtp))
        finally:
            self.busy = False
            if smtp is not None:  # only now: it may take its time, and the mail has gone already
                await asyncio.to_thread(quit_politely, smtp)

    def _settle(self, entry: Entry, replies: Mapping[str, str], content: bytes, way: str) -> None:
        for to, reply in replies.items():
            self._note(f"mail from <{entry.sender}> to <{to}>{way}: {reply}")
        if entry.id not in self.entries:  # thrown away meanwhile
            return
        now = time.time()
        left, failed = settle(entry, replies, now, self._schedule)
        # In memory before the disk, which may be full: who has the mail must not get it again in a second.
        again = left or replace(entry, recipients=tuple(failed), due=now + self._schedule[-1])
        self.entries[entry.id] = again
        if failed:  # first, so that nothing is lost if we're stopped here
            self._give_back(entry.sender, failed, content)
        if left is None:
            self._forget(entry.id)
            return
        self._spool.keep(left.id, pack(left, content))
        self._note(f"mail from <{left.sender}> waits for {left.due - time.time():.1f} s")

    def _forget(self, name: str) -> None:
        self._spool.drop(name)
        self.entries.pop(name, None)

    def _note(self, text: str) -> None:
        self._log.add("relay", "{}:{}".format(*self.next_hop.address), text)
