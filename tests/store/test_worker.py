"""Jobs are done in turn, also beside an event loop that never rests."""

import asyncio
import threading

import pytest

from hubbub.store.worker import Outcome, Worker


def test_jobs_are_done_in_turn_in_another_thread_and_told_on_the_loops() -> None:
    async def test() -> None:
        worker = Worker(asyncio.get_running_loop(), "worker")
        told: list[int] = []
        here = threading.get_ident()
        threads: set[int] = set()

        def job(i: int) -> int:
            threads.add(threading.get_ident())
            return i

        def tell(outcome: Outcome[int]) -> None:
            assert threading.get_ident() == here
            told.append(outcome.result())

        for i in range(100):
            worker.submit(lambda i=i: job(i), tell)  # type: ignore[misc]
        assert worker.pending == 100
        assert await worker.run(lambda: job(100)) == 100
        assert told == list(range(100))
        assert worker.pending == 0
        assert len(threads) == 1
        assert here not in threads
        worker.stop()

    asyncio.run(test())


def test_what_a_job_raises_reaches_who_asked_and_not_the_next() -> None:
    async def test() -> None:
        worker = Worker(asyncio.get_running_loop(), "worker")
        with pytest.raises(ZeroDivisionError):
            await worker.run(lambda: 1 / 0)
        cancelled = worker.run(lambda: 1)
        cancelled.cancel()
        assert await worker.run(lambda: 2) == 2
        worker.stop()

    asyncio.run(test())


def test_a_loop_that_never_rests_lends_the_interpreter_until_the_job_is_done() -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        worker = Worker(loop, "worker")
        gate = threading.Event()
        future = worker.run(gate.wait)
        lent: list[float] = []
        lend = worker._lend

        def count(waited: float) -> None:
            lent.append(waited)
            lend(waited)

        worker._lend = count  # type: ignore[method-assign]
        while len(lent) < 3:
            await asyncio.sleep(0)
        gate.set()
        while not future.done():
            await asyncio.sleep(0)
        assert lent == sorted(set(lent))  # ever more seldom
        assert worker._timer is None
        worker.stop()

    asyncio.run(test())
