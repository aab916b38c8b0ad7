"""What a provider said is kept for a while, and never asked for twice at the same time."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from hubbub.core.id import Clock
from hubbub.core.playlist import Media
from hubbub.media.contract import MAX_QUERY, MAX_RESULTS, Provider, ProviderUnavailable, clean

MAX_KEPT = 5000
"""Answers that are kept, of which the one that nobody wanted for longest goes first. Some KiB each."""
MAX_UNDER_WAY = 100
"""Questions at once. More are refused: the provider would not answer them in time."""
MAX_ID = 100
KEPT = timedelta(days=1)
SEARCH_KEPT = timedelta(hours=1)
BRIEFLY = timedelta(minutes=2)
"""For what may soon be otherwise: no such video, nothing found, and a video whose duration is not known, as of a
broadcast that will end."""

T = TypeVar("T")


class Cache(Provider):
    """Ask another provider, which is opened and closed with this one, as seldom as possible.

    Who asks for what is already asked for waits for the same answer, or gets the same error. A question goes on when
    who asked has gone. Errors are not kept.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        clock: Clock,
        most: int = MAX_KEPT,
        kept: timedelta = KEPT,
        briefly: timedelta = BRIEFLY,
    ) -> None:
        self._provider = provider
        self._clock = clock
        self._most = most
        self._kept_for = kept
        self._briefly = briefly
        self._answers: dict[Hashable, tuple[Any, datetime]] = {}
        """By question: what was said, and until when it is good; the one that was used last is last."""
        self._under_way: dict[Hashable, asyncio.Task[Any]] = {}

    async def open(self) -> None:
        await self._provider.open()

    async def close(self) -> None:
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._answers.clear()
        await self._provider.close()

    async def details(self, media_id: str) -> Media | None:
        if len(media_id) > MAX_ID:
            return None
        return await self._ask(media_id, partial(self._provider.details, media_id), self._age_of_details)

    async def search(self, query: str, limit: int = 10) -> list[Media]:
        query, limit = clean(query, MAX_QUERY), min(limit, MAX_RESULTS)
        if not query or limit < 1:
            return []
        found = await self._ask((query, limit), partial(self._provider.search, query, limit), self._age_of_search)
        return list(found)

    def _age_of_details(self, media: Media | None) -> timedelta:
        return self._briefly if media is None or media.duration is None else self._kept_for

    def _age_of_search(self, found: list[Media]) -> timedelta:
        return min(SEARCH_KEPT, self._kept_for) if found else self._briefly

    async def _ask(
        self, question: Hashable, ask: Callable[[], Coroutine[Any, Any, T]], age: Callable[[T], timedelta]
    ) -> T:
        answer = self._answers.pop(question, None)
        if answer and answer[1] > self._clock():
            self._answers[question] = answer
            said: T = answer[0]
            return said
        task: asyncio.Task[T] | None = self._under_way.get(question)
        if task is None:
            if len(self._under_way) >= MAX_UNDER_WAY:
                raise ProviderUnavailable(advice=f"{MAX_UNDER_WAY} videos are being looked up already")
            # A task of its own, as it is for everybody who waits; kept until it is done, and ended by `close`.
            task = self._under_way[question] = asyncio.get_running_loop().create_task(ask())
            task.add_done_callback(partial(self._note, question, age))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            waiter = asyncio.current_task()
            if task.cancelled() and not (waiter and waiter.cancelling()):  # it is not we who are to stop
                raise ProviderUnavailable(advice="the server stops") from None
            raise

    def _note(self, question: Hashable, age: Callable[[T], timedelta], task: asyncio.Task[T]) -> None:
        del self._under_way[question]
        if task.cancelled() or task.exception():
            return
        said = task.result()
        self._answers.pop(question, None)
        while len(self._answers) >= self._most:
            del self._answers[next(iter(self._answers))]
        self._answers[question] = said, self._clock() + age(said)
