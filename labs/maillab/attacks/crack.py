"""Guess a password offline: try candidates on a captured login until one fits, on all cores if it takes long.

Nobody notices: the server is never asked, so it can't count, slow down or lock out.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
import warnings
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

from ..findings import Finding
from .candidates import Candidates
from .loops import Trial
from .trial import trial

PORTION_SECONDS = 0.15
"""How long one portion should take: short enough that the bar moves and a cancel is quick."""
MAX_PORTION = 200_000
"""Guesses; more would only take memory."""
WORTH_IT = 1.0
"""Seconds that must be left for other processes to be started: that alone takes about half a second."""

Tried = tuple[bytes | None, int]
Portion = tuple[int, int]


@dataclass(frozen=True)
class Result:
    """What came out. ``password``: None if no candidate was it. ``finished``: False if it was stopped before that.

    ``seconds``: of guessing; ``starting``: seconds that went by, about, until other processes had begun to help.
    """

    password: str | None
    guesses: int
    seconds: float
    processes: int
    finished: bool = True
    starting: float = 0.0

    @property
    def rate(self) -> float:
        """Guesses a second."""
        return self.guesses / self.seconds if self.seconds else 0.0

    def __repr__(self) -> str:
        if self.password is not None:
            start = f"The password is {self.password!r}: found after"
        else:
            start = "Not found: it is none of" if self.finished else "Stopped after"
        cores = "one core" if self.processes == 1 else f"{self.processes} cores"
        also = f" (and {self.starting:.1f} s to start)" if self.starting else ""
        took = f"{self.seconds:.1f} s{also}, {self.rate:,.0f} guesses a second on {cores}"
        return f"<{start} {self.guesses:,} guesses, {took}>"


def crack(
    finding: Finding,
    candidates: Candidates | Iterable[str],
    processes: int | None = None,
    progress: bool = True,
    seconds: float | None = None,
) -> Result:
    """Try ``candidates`` on ``finding`` until one is the password.

    Args:
        candidates: a :class:`Candidates`, or any passwords.
        processes: how many at once; by default as many as this computer has cores, if that pays.
        progress: show a bar with the rate and an estimate of the time that is left.
        seconds: give up after so many.

    Interrupt it (Ctrl-C, or the notebook's stop button) to cancel: the result then says ``finished=False``.
    Other processes start by importing the program that started them; in a script, call this under
    ``if __name__ == "__main__":``.

    Raises:
        ValueError: nothing can be guessed from this finding, or with these candidates; the sentence says why.
    """
    from tqdm.auto import tqdm  # a bar in a notebook, text elsewhere

    target = trial(finding)
    if processes is not None and (not isinstance(processes, int) or processes < 1):
        raise ValueError(f"processes is a whole number from 1 up, not {processes!r}.")
    if not isinstance(candidates, Candidates):
        candidates = Candidates(candidates)
    password, guesses, finished = None, 0, True
    search = _Search(target, candidates, processes or cores(), forced=processes is not None)
    began = time.perf_counter()
    with tqdm(total=len(candidates), unit=" guesses", unit_scale=True, disable=not progress, desc="guessing") as bar:
        try:
            with contextlib.closing(search.run()) as portions:
                for found, tried in portions:
                    guesses += tried
                    bar.update(tried)
                    if found is not None:
                        password = found.decode()
                        bar.total = bar.n  # done, not broken off: tqdm would paint the bar red
                        bar.refresh()
                        break
                    if seconds is not None and time.perf_counter() - began > seconds:
                        finished = False
                        break
        except KeyboardInterrupt:
            finished = False
    took = time.perf_counter() - began - search.starting
    return Result(password, guesses, took, search.used, finished, search.starting)


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def attempt(target: Trial, portion: list[bytes]) -> Tried:
    """Try one portion: what was found, and how many were tried."""
    found = target.search(portion)
    return found, len(portion) if found is None else portion.index(found) + 1


class _Search:
    """One search. It begins in this process, which shows how fast it goes; others join in if much is left."""

    def __init__(self, target: Trial, candidates: Candidates, processes: int, forced: bool) -> None:
        self.target, self.candidates, self.processes, self.forced = target, candidates, processes, forced
        self.used, self.starting = 1, 0.0
        self._at, self._step = 0, 1  # in rows of the candidates
        self._per_row = len(candidates) / max(candidates.rows, 1)
        self._handed_out: list[Portion] = []  # to other processes, and not come back

    def run(self) -> Generator[Tried, None, None]:
        """Portion after portion."""
        yield from self._alone()
        if self._at < self.candidates.rows:
            try:
                yield from self._together()
            except BrokenProcessPool:
                warnings.warn(
                    "One of the other processes died, so this one goes on alone. Others can start from a notebook, or "
                    'from a script that is in a file, under if __name__ == "__main__":',
                    stacklevel=2,
                )
                self.used = self.processes = 1
                for portion in self._handed_out:
                    yield attempt(self.target, self.candidates.portion(*portion))
                yield from self._alone()

    def _next(self) -> Portion:
        start = self._at
        self._at = min(start + self._step, self.candidates.rows)
        return start, self._at

    def _alone(self) -> Generator[Tried, None, None]:
        guesses, seconds = 0, 0.0
        while self._at < self.candidates.rows:
            before = time.perf_counter()
            tried = attempt(self.target, self.candidates.portion(*self._next()))
            took = time.perf_counter() - before
            yield tried
            guesses, seconds = guesses + tried[1], seconds + took
            # Portions of the right size: grow slowly, so that one quick start doesn't make a giant
            step = self._step * min(PORTION_SECONDS / max(took, 1e-9), 4)
            self._step = max(1, int(min(step, MAX_PORTION / max(self._per_row, 1))))
            if self.processes > 1 and seconds > PORTION_SECONDS:
                left = (len(self.candidates) - guesses) * seconds / max(guesses, 1)
                if self.forced or left > WORTH_IT:
                    return

    def _together(self) -> Generator[Tried, None, None]:
        self.used = self.processes
        pool = ProcessPoolExecutor(
            self.processes,
            # "spawn" starts new Pythons. A fork would copy this one with its threads, and a notebook's kernel has many.
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(self.target, self.candidates),
        )
        waiting: dict[Future[Tried], Portion] = {}
        began = time.perf_counter()
        try:
            with _deaf():  # each of the first portions starts a process
                self._submit(pool, waiting, self.processes)
            while waiting:
                done = [(future, waiting.pop(future)) for future in wait(waiting, return_when=FIRST_COMPLETED).done]
                self._submit(pool, waiting, 2 * self.processes)  # one being tried, one ready, for each
                # What the first answer took longer than a portion does went into starting.
                self.starting = self.starting or max(time.perf_counter() - began - PORTION_SECONDS, 0.001)
                for future, portion in done:
                    tried = future.result()
                    self._handed_out.remove(portion)
                    yield tried
        finally:
            pool.shutdown(cancel_futures=True)

    def _submit(self, pool: ProcessPoolExecutor, waiting: dict[Future[Tried], Portion], many: int) -> None:
        while self._at < self.candidates.rows and len(waiting) < many:
            portion = self._next()
            self._handed_out.append(portion)
            waiting[pool.submit(_portion, *portion)] = portion


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Start processes that don't hear Ctrl-C: it reaches all of them, and only the first should deal with it.

    Whoever starts inherits that a signal is held back. This process notes it, and hears it when they have started:
    one that is interrupted while it starts another would wait for that for ever.
    """
    noted: list[Any] = []
    try:
        before = signal.signal(signal.SIGINT, lambda *_: noted.append(True))
    except ValueError:  # only the main thread can say so, and only it is interrupted
        yield
        return
    try:
        with contextlib.ExitStack() as after:
            if hasattr(signal, "pthread_sigmask"):  # not on Windows, where nothing is inherited
                mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
                after.callback(signal.pthread_sigmask, signal.SIG_SETMASK, mask)
            yield
    finally:
        signal.signal(signal.SIGINT, before)
        if noted:
            signal.raise_signal(signal.SIGINT)


# -- in the other processes --

_work: list[Any] = []  # the trial and the candidates, sent once


def _begin(target: Trial, candidates: Candidates) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # for Windows, where that isn't inherited
    _work[:] = [target, candidates]


def _portion(start: int, stop: int) -> Tried:
    target, candidates = _work
    return attempt(target, candidates.portion(start, stop))
