"""The cache: who asks for the same gets the same, and the provider is asked once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from tests.media.stand_in import Clock

from hubbub.core.playlist import Media
from hubbub.media.cache import BRIEFLY, KEPT, MAX_UNDER_WAY, SEARCH_KEPT, Cache
from hubbub.media.contract import Provider, ProviderUnavailable, QuotaExceeded

pytestmark = pytest.mark.anyio

MOMENT = timedelta(seconds=1)


class Slow(Provider):
    """A provider that answers when it is told to, and writes down what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.may = asyncio.Event()
        self.may.set()
        self.known: dict[str, Media] = {}
        self.fault: Exception | None = None
        self.is_open = False

    async def open(self) -> None:
        self.is_open = True

    async def close(self) -> None:
        self.is_open = False

    async def details(self, media_id: str) -> Media | None:
        self.asked.append(media_id)
        await self.may.wait()
        if self.fault:
            raise self.fault
        return self.known.get(media_id)

    async def search(self, query: str, limit: int = 10) -> list[Media]:
        self.asked.append(f"{query} {limit}")
        await self.may.wait()
        return list(self.known.values())[:limit]


@asynccontextmanager
async def scene(most: int = 100) -> AsyncIterator[tuple[Slow, Cache, Clock]]:
    provider, clock = Slow(), Clock()
    provider.known = {name: Media(media_id=name, duration=60) for name in "abc"}
    async with Cache(provider, clock=clock, most=most) as cache:
        assert provider.is_open
        yield provider, cache, clock
    assert not provider.is_open


async def until(true: Callable[[], bool]) -> None:
    while not true():
        await asyncio.sleep(0)


async def test_an_answer_is_kept_for_its_time() -> None:
    async with scene() as (provider, cache, clock):
        first = await cache.details("a")
        clock.move(KEPT - MOMENT)
        assert await cache.details("a") == first == provider.known["a"]
        assert provider.asked == ["a"]
        clock.move(MOMENT)
        await cache.details("a")
        assert provider.asked == ["a", "a"]


@pytest.mark.parametrize("known", [None, Media(media_id="x", duration=None)])
async def test_what_may_soon_be_otherwise_is_kept_briefly(known: Media | None) -> None:
    async with scene() as (provider, cache, clock):
        if known:
            provider.known["x"] = known
        assert await cache.details("x") == known
        provider.known["x"] = Media(media_id="x", duration=5)
        clock.move(BRIEFLY - MOMENT)
        assert await cache.details("x") == known
        clock.move(MOMENT)
        assert await cache.details("x") == provider.known["x"]
        assert provider.asked == ["x", "x"]


async def test_who_asks_for_the_same_at_the_same_time_shares_one_call() -> None:
    async with scene() as (provider, cache, _):
        provider.may.clear()
        waiting = [asyncio.create_task(cache.details(name)) for name in "abaaab"]
        await until(lambda: len(provider.asked) == 2)
        provider.may.set()
        assert await asyncio.gather(*waiting) == [provider.known[name] for name in "abaaab"]
        assert provider.asked == ["a", "b"]


async def test_they_share_its_error_which_is_not_kept() -> None:
    async with scene() as (provider, cache, _):
        provider.may.clear()
        provider.fault = QuotaExceeded(retry_after=MOMENT)
        waiting = [asyncio.create_task(cache.details("a")) for _ in range(3)]
        await until(lambda: bool(provider.asked))
        provider.may.set()
        assert await asyncio.gather(*waiting, return_exceptions=True) == [provider.fault] * 3
        provider.fault = None
        assert await cache.details("a") == provider.known["a"]
        assert provider.asked == ["a", "a"]


async def test_who_gives_up_spoils_it_for_nobody() -> None:
    async with scene() as (provider, cache, _):
        provider.may.clear()
        first, second = (asyncio.create_task(cache.details("a")) for _ in range(2))
        await until(lambda: bool(provider.asked))
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        provider.may.set()
        assert await second == provider.known["a"]
        assert await cache.details("a") == provider.known["a"]
        assert provider.asked == ["a"]


async def test_an_error_that_nobody_waits_for_any_more_is_nobodys() -> None:
    async with scene() as (provider, cache, _):
        provider.may.clear()
        provider.fault = ProviderUnavailable()
        waiting = asyncio.create_task(cache.details("a"))
        await until(lambda: bool(provider.asked))
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        provider.may.set()
        provider.fault = None
        assert await cache.details("a") == provider.known["a"]


async def test_what_is_under_way_at_the_end_fails() -> None:
    async with scene() as (provider, cache, _):
        provider.may.clear()
        waiting = [asyncio.create_task(cache.details(name)) for name in "ab"]
        await until(lambda: len(provider.asked) == 2)
        await cache.close()
        for answer in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(answer, ProviderUnavailable)


async def test_the_one_that_nobody_wanted_for_longest_goes() -> None:
    async with scene(most=2) as (provider, cache, _):
        for name in "abacab":
            await cache.details(name)
        assert provider.asked == ["a", "b", "c", "b"]


async def test_there_are_not_more_questions_than_can_be_answered() -> None:
    async with scene() as (provider, cache, _):
        provider.may.clear()
        waiting = [asyncio.create_task(cache.details(str(number))) for number in range(MAX_UNDER_WAY)]
        await until(lambda: len(provider.asked) == MAX_UNDER_WAY)
        with pytest.raises(ProviderUnavailable):
            await cache.details("one more")
        same = asyncio.create_task(cache.details("0"))
        provider.may.set()
        assert await asyncio.gather(*waiting, same) == [None] * (MAX_UNDER_WAY + 1)
        assert await cache.details("a")


async def test_searches_are_kept_by_words_and_limit() -> None:
    async with scene() as (provider, cache, clock):
        found = await cache.search("cats", 2)
        found.clear()
        assert [one.media_id for one in await cache.search(" cats\0", 2)] == ["a", "b"]
        await cache.search("cats", 3)
        await cache.search("cats", 1000)
        await cache.search("cats", 50)
        assert provider.asked == ["cats 2", "cats 3", "cats 50"]
        clock.move(SEARCH_KEPT)
        await cache.search("cats", 2)
        assert len(provider.asked) == 4


async def test_a_search_that_finds_nothing_is_kept_briefly() -> None:
    async with scene() as (provider, cache, clock):
        provider.known = {}
        assert await cache.search("cats") == await cache.search("cats") == []
        clock.move(BRIEFLY)
        await cache.search("cats")
        assert provider.asked == ["cats 10", "cats 10"]


async def test_an_id_and_a_query_of_the_same_words_are_not_the_same() -> None:
    async with scene() as (provider, cache, _):
        assert await cache.details("a") == provider.known["a"]
        assert await cache.search("a") == list(provider.known.values())


async def test_what_is_too_long_for_an_id_is_not_kept() -> None:
    async with scene() as (provider, cache, _):
        assert await cache.details("a" * 10_000) is None
        assert await cache.search("") == await cache.search("cats", 0) == []
        assert provider.asked == []
