"""What every provider of YouTube promises, held against every driver, bare and behind the cache."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest
from tests.media.stand_in import IMPATIENT, Clock, Reply, Youtube, embed, json, page, refusal, video, youtube

from hubbub.core.error import Code
from hubbub.media.cache import Cache
from hubbub.media.contract import Provider, ProviderUnavailable, QuotaExceeded
from hubbub.media.http import PATIENCE
from hubbub.media.oembed import OEmbed
from hubbub.media.youtube_api import YoutubeApi

pytestmark = pytest.mark.anyio

Make = Callable[[str, Clock, timedelta], Provider]
KEY = "AIza-first"


def api(base: str, clock: Clock, patience: timedelta) -> Provider:
    return YoutubeApi([KEY], clock=clock, base=base, patience=patience)


def oembed(base: str, clock: Clock, patience: timedelta) -> Provider:
    return OEmbed(clock=clock, base=base, patience=patience)


def cached(base: str, clock: Clock, patience: timedelta) -> Provider:
    return Cache(api(base, clock, patience), clock=clock)


every_driver = pytest.mark.parametrize("make", [api, oembed, cached], ids=["api", "oembed", "cached"])
THERE = "aqz-KE-bpKQ"
ADDRESS = f"https://youtu.be/{THERE}?t=5"


@asynccontextmanager
async def scene(make: Make, patience: timedelta = PATIENCE) -> AsyncIterator[tuple[Youtube, Provider]]:
    async with youtube() as service, make(service.base, Clock(), patience) as provider:
        service.videos[THERE] = video(THERE)
        service.embeds[THERE] = json(embed(THERE))
        service.pages[THERE] = Reply(200, page())
        yield service, provider


@every_driver
async def test_a_video_that_is_there(make: Make) -> None:
    async with scene(make) as (_, provider):
        media = await provider.details(THERE)
        assert media
        assert (media.provider, media.media_id, media.title) == ("youtube", THERE, "Songs & Videos")
        assert (media.link, media.duration) == (f"https://youtu.be/{THERE}", 213)
        assert media.thumbnail.startswith(f"https://i.ytimg.com/vi/{THERE}/")
        assert media.channel


@every_driver
async def test_a_video_that_is_not(make: Make) -> None:
    async with scene(make) as (_, provider):
        assert await provider.details("AAAAAAAAAAA") is None


@every_driver
@pytest.mark.parametrize(
    "text", ["", "short", "x" * 12, "../../watch", ADDRESS, "aqz-KE-bpK\n", "\ud800" * 11, "x" * 9**6]
)
async def test_what_is_no_id_costs_no_request(make: Make, text: str) -> None:
    async with scene(make) as (service, provider):
        assert await provider.details(text) is None
        assert service.questions == []


@every_driver
async def test_an_address_finds_its_video(make: Make) -> None:
    async with scene(make) as (_, provider):
        assert await provider.search(ADDRESS) == await provider.search(THERE) == [await provider.details(THERE)]
        assert await provider.search("https://youtu.be/AAAAAAAAAAA") == []
        assert await provider.search(ADDRESS, 0) == []


@every_driver
async def test_a_query_of_nothing_finds_nothing(make: Make) -> None:
    async with scene(make) as (service, provider):
        for query in ("", "  ", "\0\ud800"):
            assert await provider.search(query) == []
        assert service.questions == []


FAULTS = {
    "silence": Reply(silent=True),
    "half an answer": Reply(200, b'{"items": [', stuck=True),
    "500": Reply(500, b"<html>oh</html>"),
    "503 in JSON": refusal(503, "backendError", "global"),
    "redirect": Reply(302, headers=("Location: /videos",)),
    "no JSON": Reply(200, b"<html>hello</html>"),
    "nothing": Reply(200),
    "another JSON": Reply(200, b'{"items": 3, "title": 3}'),
    "no object": Reply(200, b"[]"),
    "no UTF-8": Reply(200, b'{"items": [{"id": "\xff"}], "title": "\xff"}'),
    "a lone surrogate": Reply(200, rb'{"items": [{"id": "\ud800"}], "title": "\ud800"}'),
    "bottomless": Reply(200, b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b', "items": [], "title": ""}'),
    "huge": Reply(200, b" " * (1024 * 1024) + b"{}"),
    "endless": Reply(200, b" " * 65_536, endless=True),
}


@every_driver
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_what_goes_wrong_there_is_one_error_here(make: Make, fault: Reply) -> None:
    impatient = IMPATIENT if fault.silent or fault.stuck else PATIENCE
    async with scene(make, impatient) as (service, provider):
        service.replies = [fault]
        with pytest.raises(ProviderUnavailable) as told:
            await provider.details(THERE)
        assert not isinstance(told.value, QuotaExceeded)
        assert (told.value.code, told.value.temporary) == (Code.UNAVAILABLE, True)
        assert told.value.message
        assert service.base in told.value.advice
        assert service.base not in told.value.message
        assert KEY not in f"{told.value!r} {told.value.advice}"
        assert len(service.questions) == 1, "it is not asked again and again, nor elsewhere"


@every_driver
async def test_it_works_again_when_they_do(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    async with scene(make) as (service, provider):
        service.replies = [Reply(500), Reply(500), Reply(500)]
        for _ in range(3):
            with pytest.raises(ProviderUnavailable):
                await provider.details(THERE)
        assert await provider.details(THERE)
        assert len([record for record in caplog.records if record.name.startswith("hubbub")]) == 1
        service.replies = [Reply(500)]
        with pytest.raises(ProviderUnavailable):
            await provider.details("AAAAAAAAAAA")
        assert len([record for record in caplog.records if record.name.startswith("hubbub")]) == 2


@every_driver
async def test_nobody_is_there(make: Make) -> None:
    async with youtube() as service:
        base = service.base
    async with make(base, Clock(), PATIENCE) as provider:
        with pytest.raises(ProviderUnavailable):
            await provider.details(THERE)


@every_driver
async def test_too_often_is_an_error_of_its_own(make: Make) -> None:
    async with scene(make) as (service, provider):
        service.replies = [Reply(429, headers=("Retry-After: 90",))]
        with pytest.raises(QuotaExceeded) as told:
            await provider.details(THERE)
        assert told.value.retry_after == timedelta(seconds=90)
        with pytest.raises(QuotaExceeded):
            await provider.details(THERE)
        assert len(service.questions) == 1


@every_driver
async def test_what_is_asked_after_the_end_is_an_error(make: Make) -> None:
    async with scene(make) as (service, provider):
        await provider.close()
        with pytest.raises(ProviderUnavailable):
            await provider.details(THERE)
        assert service.questions == []


@every_driver
async def test_a_slow_answer_holds_nobody_else_back(make: Make) -> None:
    async with scene(make) as (service, provider):
        service.gate = asyncio.Event()
        waiting = asyncio.create_task(provider.details(THERE))
        await service.came.wait()
        assert not waiting.done()
        service.gate.set()
        assert await waiting


@every_driver
async def test_who_gives_up_leaves_the_connections_in_order(make: Make) -> None:
    async with scene(make) as (service, provider):
        for number in range(20):  # more than there are connections
            service.gate, service.came = asyncio.Event(), asyncio.Event()
            waiting = asyncio.create_task(provider.details(f"{number:011}"))
            await service.came.wait()
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            service.gate.set()
        service.gate = None
        assert await provider.details(THERE)


@every_driver
async def test_what_is_asked_and_answered_is_not_logged(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with scene(make) as (service, provider):
        await provider.search(ADDRESS)
        service.replies = [refusal(400, "keyInvalid"), Reply(500)]
        for media_id in ("BBBBBBBBBBB", "CCCCCCCCCCC"):
            with suppress(ProviderUnavailable):
                await provider.details(media_id)
    said = " ".join(f"{record.getMessage()} {record.exc_text}" for record in caplog.records)
    assert "AIza" not in said
    assert THERE not in said
    assert "BBBBBBBBBBB" not in said
