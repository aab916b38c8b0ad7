"""A thread that waits for a database, beside an event loop that may never rest.

CPython lets go of the interpreter for a moment whenever a loop polls its sockets, but a thread that is waiting needs
longer to wake than that moment lasts, and each such moment starts its patience of 5 ms anew: beside a loop that always
has something to do, it starves. Measured: 200 to 400 commits a second, or 3, whatever `sys.setswitchinterval` says;
50,000 when the loop rests. So a loop whose worker takes longer than a millisecond lends it the interpreter: it sleeps
until the worker has done something, half a millisecond at most, and each time waits twice as long before the next.
"""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

T = TypeVar("T")

LEND = 0.0005
"""Seconds for which the interpreter is lent: several times what a thread needs to wake."""

FIRST, LAST = 0.001, 0.016
"""Seconds from one lending to the next: a loop in a hurry loses at most a thirtieth of its time to a slow disk."""


class Outcome(Generic[T]):
    """What a job gave: `result()` gives or raises it."""

    def __init__(self, job: Callable[[], T]) -> None:
        self.error: BaseException | None = None
        try:
            self._value = job()
        except BaseException as error:  # it is the caller's, not the thread's
            self.error = error

    def result(self) -> T:
        """Give what the job gave, or raise what it raised."""
        if self.error is not None:
            raise self.error
        return self._value


class Worker:
    """Do jobs one after another in a thread, and tell the event loop how each went.

    All methods are called on the loop's thread.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, name: str) -> None:
        self.pending = 0
        self._loop = loop
        self._jobs: SimpleQueue[tuple[Callable[[], Any], Callable[[Outcome[Any]], None]] | None] = SimpleQueue()
        self._progress = threading.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._thread = threading.Thread(target=self._work, name=name)
        self._thread.start()

    def submit(self, job: Callable[[], T], done: Callable[[Outcome[T]], None]) -> None:
        """Do a job after those before it, then call `done` on the loop's thread."""
        self.pending += 1
        self._jobs.put((job, done))
        if self._timer is None:
            self._timer = self._loop.call_later(FIRST, self._lend, FIRST)

    def run(self, job: Callable[[], T]) -> "asyncio.Future[T]":
        """Do a job after those before it; the future has what it gave."""
        future: asyncio.Future[T] = self._loop.create_future()

        def done(outcome: Outcome[T]) -> None:
            if future.done():
                return
            if outcome.error is not None:
                future.set_exception(outcome.error)
            else:
                future.set_result(outcome.result())

        self.submit(job, done)
        return future

    def stop(self) -> None:
        """End the thread after the jobs it has; wait for that."""
        if self._timer is not None:
            self._timer.cancel()
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            job, done = item
            outcome = Outcome(job)
            self._loop.call_soon_threadsafe(self._finish, outcome, done)
            if self._progress.locked():
                self._progress.release()
            # Nothing may keep what the job held alive while the thread waits.
            del item, job, done, outcome

    def _finish(self, outcome: Outcome[Any], done: Callable[[Outcome[Any]], None]) -> None:
        self.pending -= 1
        if not self.pending and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        done(outcome)

    def _lend(self, waited: float) -> None:
        self._progress.acquire(blocking=False)  # what was done before does not count
        self._progress.acquire(timeout=LEND)
        later = min(waited * 2, LAST)
        self._timer = self._loop.call_later(later, self._lend, later)
