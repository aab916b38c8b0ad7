"""oEmbed and the watch page: what is read out of them, and out of what they may be instead."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from tests.media.stand_in import IMPATIENT, Clock, Reply, Youtube, embed, json, page, youtube

from hubbub.core.playlist import Media
from hubbub.media.contract import QuotaExceeded
from hubbub.media.http import PATIENCE
from hubbub.media.oembed import MAX_PAGE, RATE_REST, OEmbed

pytestmark = pytest.mark.anyio

ID = "aqz-KE-bpKQ"
LENGTH = '"videoDetails":{"videoId":"aqz-KE-bpKQ","title":"%s","lengthSeconds":"212","isLive":false}'


@asynccontextmanager
async def scene(patience: timedelta = PATIENCE) -> AsyncIterator[tuple[Youtube, OEmbed, Clock]]:
    clock = Clock()
    async with youtube() as service, OEmbed(clock=clock, base=service.base, patience=patience) as provider:
        service.embeds[ID] = json(embed(ID))
        service.pages[ID] = Reply(200, page())
        yield service, provider, clock


async def duration_of(answer: Reply, patience: timedelta = PATIENCE) -> int | None:
    async with scene(patience) as (service, provider, _):
        service.pages[ID] = answer
        media = await provider.details(ID)
        assert media
        assert media.title == "Songs & Videos"
        return media.duration


async def test_all_that_is_known_of_a_video() -> None:
    async with scene() as (service, provider, _):
        assert await provider.details(ID) == Media(
            media_id=ID,
            title="Songs & Videos",
            link=f"https://youtu.be/{ID}",
            thumbnail=f"https://i.ytimg.com/vi/{ID}/hqdefault.jpg",
            channel="@achannel",
            duration=213,
        )
        asked = [question.parameters for question in service.questions]
        assert asked == [{"url": f"https://www.youtube.com/watch?v={ID}", "format": "json"}, {"v": ID}]


@pytest.mark.parametrize(
    "answer",
    [
        *(Reply(400, b"Bad Request"), Reply(401, b"Unauthorized"), Reply(403, b"Forbidden"), Reply(404, b"Not Found")),
        *(Reply(200, b"Forbidden"), Reply(200, b"Unauthorized\n")),
    ],
)
async def test_what_cannot_be_shown_is_not_there(answer: Reply) -> None:
    async with scene() as (service, provider, _):
        service.embeds[ID] = answer
        assert await provider.details(ID) is None
        assert service.paths == ["/oembed"]


@pytest.mark.parametrize(
    ("address", "channel"),
    [
        ("https://www.youtube.com/channel/UCuAXFkgsw1L7xaCfnd5JJOw", "UCuAXFkgsw1L7xaCfnd5JJOw"),
        ("https://www.youtube.com/@achannel", "@achannel"),
        ("https://www.youtube.com/user/achannel", "A Channel"),
        ("", "A Channel"),
        ("https://[", "A Channel"),
    ],
)
async def test_the_channel(address: str, channel: str) -> None:
    async with scene() as (service, provider, _):
        service.embeds[ID] = json(embed(ID, author_url=address))
        media = await provider.details(ID)
        assert media
        assert media.channel == channel


@pytest.mark.parametrize(
    ("head", "script", "duration"),
    [
        ('<meta itemprop="duration" content="PT3M33S">', "", 213),
        ('<meta itemprop="duration" content="PT3M33S">', LENGTH % "x", 213),
        ("", LENGTH % "x", 212),
        ("", '"lengthSeconds": "212"', 212),
        ("", '"lengthSeconds":"0"', None),
        ("", '"lengthSeconds":"x"', None),
        ('<meta itemprop="duration" content="PT0M0S">', "", None),
        ('<meta itemprop="duration" content="PT99M0S">', '"lengthSeconds":"1","isLive":true', None),
        ("", '"lengthSeconds":"1","liveBroadcastDetails":{"isLiveNow":true}', None),
        ("<form>Before you continue to YouTube</form>", "", None),
        ("", LENGTH % r"\"lengthSeconds\":\"7\" itemprop=\"duration\" content=\"PT7S\"", 212),
        ("<title>itemprop=&quot;duration&quot; content=&quot;PT7S&quot;</title>", LENGTH % "x", 212),
    ],
)
async def test_how_long_it_is(head: str, script: str, duration: int | None) -> None:
    assert await duration_of(Reply(200, page(head, script))) == duration


@pytest.mark.parametrize(
    "answer",
    [
        Reply(404, page()),
        Reply(429, page()),
        Reply(302, page(), ("Location: https://consent.youtube.com/m",)),
        Reply(200, b""),
        Reply(200, b"\xff\0" * 1000),
    ],
)
async def test_a_page_of_no_use_leaves_the_rest(answer: Reply) -> None:
    assert await duration_of(answer) is None


async def test_a_page_that_does_not_come_leaves_the_rest() -> None:
    assert await duration_of(Reply(silent=True), IMPATIENT) is None


async def test_only_the_beginning_of_a_page_is_read() -> None:
    filling = b"x" * (MAX_PAGE - len(page()))
    assert await duration_of(Reply(200, filling + page())) == 213
    assert await duration_of(Reply(200, filling + b"x" * 100 + page("", LENGTH % "x"))) is None
    assert await duration_of(Reply(200, page() + b"x" * 65_536, endless=True)) == 213


async def test_words_find_nothing_and_ask_nobody() -> None:
    async with scene() as (service, provider, _):
        assert await provider.search("cats and dogs") == []
        assert service.questions == []


async def test_who_is_asked_to_wait_does() -> None:
    async with scene() as (service, provider, clock):
        service.replies = [Reply(429)]
        for _ in range(2):
            with pytest.raises(QuotaExceeded) as told:
                await provider.details(ID)
            assert told.value.retry_after == RATE_REST
        clock.move(RATE_REST)
        assert await provider.details(ID)
        assert service.paths == ["/oembed", "/oembed", "/watch"]
