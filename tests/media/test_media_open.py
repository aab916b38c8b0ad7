"""Which provider the settings mean."""

from collections.abc import Sequence

import pytest
from tests.media.stand_in import Clock, Reply, embed, json, page, video, youtube

from hubbub.media.contract import ProviderUnavailable
from hubbub.media.open import PROVIDERS, open_provider

pytestmark = pytest.mark.anyio

ID = "aqz-KE-bpKQ"


@pytest.mark.parametrize(
    ("name", "keys", "paths"),
    [
        ("auto", (), ["/oembed", "/watch"]),
        ("auto", ("", "  "), ["/oembed", "/watch"]),
        ("auto", ("AIza",), ["/videos"]),
        ("youtube", (" AIza\n", ""), ["/videos"]),
        ("oembed", ("AIza",), ["/oembed", "/watch"]),
    ],
)
async def test_whom_it_asks_and_that_it_asks_once(name: str, keys: Sequence[str], paths: list[str]) -> None:
    async with youtube() as service, open_provider(name, keys=keys, clock=Clock(), base=service.base) as provider:
        service.videos[ID] = video(ID)
        service.embeds[ID] = json(embed(ID))
        service.pages[ID] = Reply(200, page())
        media = await provider.details(ID)
        assert media
        assert media.duration == 213
        assert await provider.details(ID) == media
        assert service.paths == paths


async def test_off_asks_nobody() -> None:
    async with open_provider("off", keys=("AIza",), clock=Clock()) as provider:
        for asked in (provider.details(ID), provider.search("cats")):
            with pytest.raises(ProviderUnavailable):
                await asked


async def test_nothing_is_asked_before_it_is_needed() -> None:
    """The usual addresses, which nobody here reaches."""
    for name in PROVIDERS:
        async with open_provider(name, keys=("AIza",), clock=Clock()) as provider:
            assert name == "off" or await provider.details("no id") is None


def test_youtube_without_keys() -> None:
    with pytest.raises(ValueError, match="set youtube_keys, or videos to oembed"):
        open_provider("youtube", keys=(" ",), clock=Clock())


def test_a_name_that_is_none() -> None:
    with pytest.raises(ValueError, match="no provider 'vimeo' of videos, but auto, youtube, oembed, off"):
        open_provider("vimeo", clock=Clock())


def test_an_address_that_is_none() -> None:
    with pytest.raises(ValueError, match="begins with http"):
        open_provider("oembed", clock=Clock(), base="youtube.com")
