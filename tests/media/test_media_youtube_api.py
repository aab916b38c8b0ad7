"""The Data API: what becomes of its answers, and which key is used when."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from tests.media.stand_in import Clock, Reply, Youtube, found, json, refusal, video, youtube

from hubbub.core.playlist import Media
from hubbub.media.contract import ProviderUnavailable, QuotaExceeded
from hubbub.media.youtube_api import QUOTA_REST, RATE_REST, REFUSED_REST, YoutubeApi

pytestmark = pytest.mark.anyio

FIRST, SECOND, THIRD = KEYS = "AIza-first", "AIza-second", "AIza-third"
ID, OTHER = "aqz-KE-bpKQ", "_UR-l3QI2nE"
CHANNEL = "UCuAXFkgsw1L7xaCfnd5JJOw"
MOMENT = timedelta(seconds=1)


class Scene:
    def __init__(self, service: Youtube, provider: YoutubeApi, clock: Clock) -> None:
        self.service = service
        self.provider = provider
        self.clock = clock

    async def keys_of(self, *what: str) -> list[str]:
        """Ask, and tell which keys were tried."""
        before = len(self.service.questions)
        for method in what:
            await (self.provider.details(ID) if method == "videos" else self.provider.search("cats"))
        return self.service.keys[before:]


@asynccontextmanager
async def scene(*keys: str) -> AsyncIterator[Scene]:
    clock = Clock()
    async with youtube() as service, YoutubeApi(keys or KEYS, clock=clock, base=service.base) as provider:
        service.videos[ID] = video(ID)
        service.results = [found(ID), found(OTHER)]
        yield Scene(service, provider, clock)


# Details


async def test_all_that_is_known_of_a_video() -> None:
    async with scene() as now:
        assert await now.provider.details(ID) == Media(
            media_id=ID,
            title="Songs & Videos",
            link=f"https://youtu.be/{ID}",
            thumbnail=f"https://i.ytimg.com/vi/{ID}/mqdefault.jpg?v=5",
            channel=CHANNEL,
            description="One <line>\nand another",
            duration=213,
        )
        assert now.service.questions[0].parameters == {"part": "snippet,contentDetails,status", "id": ID}


@pytest.mark.parametrize(
    "changes",
    [{"embeddable": False}, {"privacyStatus": "private"}, *({"uploadStatus": was} for was in ("deleted", "rejected"))],
)
async def test_what_cannot_be_shown_is_not_there(changes: dict[str, Any]) -> None:
    async with scene() as now:
        now.service.videos[ID] = video(ID, **changes)
        assert await now.provider.details(ID) is None


async def test_what_is_unlisted_can_be_shown() -> None:
    async with scene() as now:
        now.service.videos[ID] = video(ID, privacyStatus="unlisted", uploadStatus="uploaded")
        assert await now.provider.details(ID)


@pytest.mark.parametrize(
    ("changes", "duration"),
    [
        ({"duration": "P0D", "liveBroadcastContent": "live"}, None),
        ({"duration": "P0D", "liveBroadcastContent": "upcoming"}, None),
        ({"duration": "PT5M", "liveBroadcastContent": "live"}, None),
        ({"duration": "P0D"}, None),
        ({"duration": "nonsense"}, None),
        ({"duration": "P1DT2H3M4S"}, 93_784),
    ],
)
async def test_how_long_it_is(changes: dict[str, str], duration: int | None) -> None:
    async with scene() as now:
        now.service.videos[ID] = video(ID, **changes)
        media = await now.provider.details(ID)
        assert media
        assert media.duration == duration


async def test_parts_that_are_missing_are_borne() -> None:
    async with scene() as now:
        now.service.videos[ID] = {"id": ID, "contentDetails": {}}
        media = await now.provider.details(ID)
        assert media == Media(
            media_id=ID, link=f"https://youtu.be/{ID}", thumbnail=f"https://i.ytimg.com/vi/{ID}/mqdefault.jpg"
        )


async def test_another_video_than_the_one_we_asked_for_is_not_it() -> None:
    async with scene() as now:
        now.service.videos[ID] = video(OTHER)
        assert await now.provider.details(ID) is None


async def test_not_found_in_words() -> None:
    async with scene() as now:
        now.service.replies = [refusal(404, "videoNotFound", "youtube.video")]
        assert await now.provider.details(ID) is None


async def test_not_found_of_a_page_is_a_wrong_address() -> None:
    async with scene() as now:
        now.service.replies = [Reply(404, b"<html>no such page</html>")]
        with pytest.raises(ProviderUnavailable):
            await now.provider.details(ID)


# Search


async def test_search_keeps_titles_as_they_come() -> None:
    async with scene() as now:
        media = await now.provider.search("songs & cats", 5)
        assert [one.media_id for one in media] == [ID, OTHER]
        assert media[0] == Media(
            media_id=ID,
            title="Songs &amp; Videos",
            link=f"https://youtu.be/{ID}",
            thumbnail=f"https://i.ytimg.com/vi/{ID}/mqdefault.jpg?v=5",
            channel=CHANNEL,
            description="One <line>\nand another",
        )
        asked = now.service.questions[0].parameters
        assert (asked["q"], asked["maxResults"], asked["type"]) == ("songs & cats", "5", "video")


@pytest.mark.parametrize(("limit", "asked"), [(1, "1"), (10, "10"), (50, "50"), (1000, "50")])
async def test_limits_are_those_of_the_api(limit: int, asked: str) -> None:
    async with scene() as now:
        now.service.results = [found(f"{number:011}") for number in range(60)]
        assert len(await now.provider.search("cats", limit)) == int(asked)
        assert now.service.questions[0].parameters["maxResults"] == asked


async def test_fewer_than_nothing_is_nothing() -> None:
    async with scene() as now:
        assert await now.provider.search("cats", 0) == await now.provider.search("cats", -5) == []
        assert now.service.questions == []


async def test_more_than_we_asked_for_is_cut_and_what_is_no_video_left_out() -> None:
    async with scene() as now:
        channel = {"id": {"kind": "youtube#channel", "channelId": CHANNEL}, "snippet": {"title": "A Channel"}}
        now.service.replies = [json({"items": [channel, found("too short"), found(ID), found(OTHER), found(ID)]})]
        assert [one.media_id for one in await now.provider.search("cats", 2)] == [ID, OTHER]


async def test_an_address_is_looked_up_and_not_searched_for() -> None:
    async with scene() as now:
        assert [one.duration for one in await now.provider.search(f"https://youtu.be/{ID}")] == [213]
        assert await now.provider.search(f"https://youtu.be/{OTHER}") == []
        assert set(now.service.paths) == {"/videos"}


async def test_a_word_that_might_be_an_id_is_searched_for_when_it_is_none() -> None:
    async with scene() as now:
        assert len(await now.provider.search("minecrafter")) == 2
        assert now.service.paths == ["/videos", "/search"]


async def test_a_query_is_bounded_and_can_be_written() -> None:
    async with scene() as now:
        await now.provider.search("\ud800cats\0 " + "x" * 100_000)
        assert now.service.questions[0].parameters["q"] == "cats " + "x" * 195


# Keys


async def test_a_key_goes_in_a_header_and_not_in_the_address() -> None:
    async with scene() as now:
        assert await now.keys_of("videos", "search") == [FIRST, FIRST]
        assert not any(FIRST in question.target for question in now.service.questions)


@pytest.mark.parametrize("reason", ["quotaExceeded", "dailyLimitExceeded"])
async def test_a_key_without_quota_rests_and_the_next_is_used(reason: str) -> None:
    async with scene() as now:
        now.service.refused[FIRST] = refusal(403, reason, "youtube.quota")
        assert await now.keys_of("videos", "videos") == [FIRST, SECOND, SECOND]
        now.service.refused[SECOND] = now.service.refused[FIRST]
        assert await now.keys_of("videos", "videos") == [SECOND, THIRD, THIRD]
        now.service.refused.clear()
        now.clock.move(QUOTA_REST - MOMENT)
        assert await now.keys_of("videos") == [THIRD]
        now.clock.move(MOMENT)
        assert await now.keys_of("videos") == [FIRST]


async def test_the_quota_of_searches_is_another() -> None:
    async with scene() as now:
        now.service.refused[f"search:{FIRST}"] = refusal(403, "quotaExceeded", "youtube.quota")
        assert await now.keys_of("search", "search", "videos") == [FIRST, SECOND, SECOND, FIRST]


REFUSALS = {
    "keyInvalid": refusal(400, "keyInvalid"),
    "a bad key, said anew": refusal(400, "badRequest", "global", detail="API_KEY_INVALID"),
    "keyExpired": refusal(400, "keyExpired"),
    "accessNotConfigured": refusal(403, "accessNotConfigured"),
    "ipRefererBlocked": refusal(403, "ipRefererBlocked"),
    "blocked": refusal(403, "forbidden", "global", detail="API_KEY_SERVICE_BLOCKED"),
    "unauthorised": Reply(401, b"who?"),
}


@pytest.mark.parametrize("answer", REFUSALS.values(), ids=REFUSALS)
async def test_a_key_that_is_refused_rests_for_everything(answer: Reply) -> None:
    async with scene() as now:
        now.service.refused[FIRST] = answer
        assert await now.keys_of("videos", "search", "videos") == [FIRST, SECOND, SECOND, SECOND]
        now.service.refused.clear()
        now.clock.move(REFUSED_REST)
        assert await now.keys_of("videos") == [FIRST]


@pytest.mark.parametrize(
    "answer", [refusal(403, "rateLimitExceeded"), refusal(403, "userRateLimitExceeded"), Reply(429)]
)
async def test_a_key_that_is_used_too_fast_rests_for_a_moment(answer: Reply) -> None:
    async with scene() as now:
        now.service.refused[FIRST] = answer
        assert await now.keys_of("videos") == [FIRST, SECOND]
        now.service.refused.clear()
        now.clock.move(RATE_REST)
        assert await now.keys_of("videos") == [FIRST]


async def test_no_quota_is_left() -> None:
    async with scene(FIRST, SECOND) as now:
        now.service.refused[FIRST] = refusal(403, "quotaExceeded", "youtube.quota")
        await now.keys_of("videos")
        now.clock.move(timedelta(minutes=10))
        now.service.refused[SECOND] = refusal(400, "keyInvalid")
        for _ in range(2):
            with pytest.raises(QuotaExceeded) as told:
                await now.provider.details(ID)
            assert told.value.retry_after == QUOTA_REST - timedelta(minutes=10)
        assert len(now.service.questions) == 3, "a key that rests is not tried"


async def test_the_wait_is_for_the_key_that_is_good_again_first() -> None:
    async with scene(FIRST, SECOND) as now:
        now.service.refused[FIRST] = refusal(403, "rateLimitExceeded")
        now.service.refused[SECOND] = refusal(403, "quotaExceeded", "youtube.quota")
        with pytest.raises(QuotaExceeded) as told:
            await now.provider.details(ID)
        assert told.value.retry_after == RATE_REST


async def test_no_key_is_good() -> None:
    async with scene(FIRST, SECOND) as now:
        now.service.refused = dict.fromkeys(KEYS, refusal(400, "keyInvalid"))
        for _ in range(2):
            with pytest.raises(ProviderUnavailable) as told:
                await now.provider.details(ID)
            assert not isinstance(told.value, QuotaExceeded)
            assert "youtube_keys" in told.value.advice
        assert now.service.keys == [FIRST, SECOND]


async def test_what_is_not_about_the_key_is_not_tried_with_another() -> None:
    async with scene() as now:
        now.service.replies = [refusal(400, "invalidParameter", "youtube.parameter")]
        with pytest.raises(ProviderUnavailable):
            await now.provider.details(ID)
        assert await now.keys_of("videos") == [FIRST]
        assert len(now.service.questions) == 2


async def test_keys_are_logged_by_number_and_once(caplog: pytest.LogCaptureFixture) -> None:
    async with scene() as now:
        now.service.refused[SECOND] = now.service.refused[FIRST] = refusal(403, "quotaExceeded", "youtube.quota")
        await now.keys_of("videos", "videos", "videos")
    said = [record.getMessage() for record in caplog.records]
    assert [one.partition(" has")[0] for one in said] == ["key 1 of youtube_keys", "key 2 of youtube_keys"]
    assert not any("AIza" in one for one in said)


async def test_keys_are_logged_once_for_questions_at_the_same_time(caplog: pytest.LogCaptureFixture) -> None:
    async with scene() as now:
        now.service.refused[FIRST] = refusal(403, "quotaExceeded", "youtube.quota")
        now.service.gate = asyncio.Event()
        waiting = [asyncio.create_task(now.provider.details(ID)) for _ in range(3)]
        while len(now.service.questions) < len(waiting):
            now.service.came.clear()
            await now.service.came.wait()
        now.service.gate.set()
        assert None not in await asyncio.gather(*waiting)
        assert sorted(now.service.keys) == [FIRST] * 3 + [SECOND] * 3
    assert len(caplog.records) == 1


async def test_a_key_that_is_given_twice_is_one() -> None:
    async with scene(FIRST, FIRST) as now:
        now.service.refused[FIRST] = refusal(403, "quotaExceeded", "youtube.quota")
        with pytest.raises(QuotaExceeded):
            await now.provider.details(ID)
        assert now.service.keys == [FIRST]


@pytest.mark.parametrize("key", ["", "AIza secret", "AIza-secret\n", "AIza-secrét", "AIza\x7fsecret"])
def test_what_cannot_be_a_key_is_refused_without_telling_it(key: str) -> None:
    with pytest.raises(ValueError, match="key 2 of youtube_keys") as told:
        YoutubeApi([FIRST, key], clock=Clock())
    assert "secr" not in str(told.value)
