"""Open the media provider that the settings name."""

from collections.abc import Sequence
from datetime import timedelta

from hubbub.core.id import Clock
from hubbub.media.cache import Cache
from hubbub.media.contract import Provider
from hubbub.media.http import PATIENCE

PROVIDERS = ("auto", "youtube", "oembed", "off")


def open_provider(
    name: str = "auto", *, keys: Sequence[str] = (), clock: Clock, base: str = "", patience: timedelta = PATIENCE
) -> Provider:
    """Give the provider of a name; it is not open yet: `async with` or `await provider.open()` does that.

    `youtube` is the Data API, which needs keys; `oembed` needs none, and knows no search by words; `auto` is the former
    when there are keys, else the latter; `off` asks nobody. Empty keys are as good as none. `base` is where the other
    side is, when it is not the usual one. Raises ValueError, which names no key.
    """
    given = [key.strip() for key in keys if key.strip()]
    if name == "auto":
        name = "youtube" if given else "oembed"
    if name == "off":
        from hubbub.media.off import Off

        return Off()
    if name == "youtube":
        from hubbub.media import youtube_api

        return Cache(
            youtube_api.YoutubeApi(given, clock=clock, base=base or youtube_api.BASE, patience=patience), clock=clock
        )
    if name == "oembed":
        from hubbub.media import oembed

        return Cache(oembed.OEmbed(clock=clock, base=base or oembed.BASE, patience=patience), clock=clock)
    raise ValueError(f"there is no provider {name!r} of videos, but {', '.join(PROVIDERS)}")
