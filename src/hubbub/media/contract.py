"""The contract of a media provider: what there is to know of a video, by its id or by words.

Drivers implement `Provider`; everything above knows only this. `tests/media/test_media_contract.py` runs one suite over
every driver.
"""

from abc import ABC, abstractmethod
from datetime import timedelta
from types import TracebackType
from typing import Self

from hubbub.core.error import Code, Unavailable
from hubbub.core.playlist import Media

MAX_QUERY = 200
"""Characters of a query; what is beyond is cut."""
MAX_RESULTS = 50
"""Of one search, as the Data API has it."""


class ProviderUnavailable(Unavailable):
    """The provider could not be asked, or gave no sense. Nothing is known of the video; try again.

    `message` is for whoever asked. `advice` says what is wrong and what to do to whoever runs the server, and is for
    logs: neither names a key, nor what was asked for.
    """

    def __init__(self, message: str = "", *, advice: str = "", retry_after: timedelta | None = None) -> None:
        super().__init__(
            Code.UNAVAILABLE,
            message or "Videos cannot be looked up at the moment. Try again in a minute.",
            retry_after=retry_after,
        )
        self.advice = advice


class QuotaExceeded(ProviderUnavailable):
    """The provider has answered as often as it is willing to for now; `retry_after` is a guess."""


class Provider(ABC):
    """Know videos. Use it from between `open` and `close`, which belong to one event loop.

    Guaranteed: nothing blocks the loop; every call ends within a few tens of seconds, whatever the other side does;
    what is given can be stored (no NUL, no lone surrogates, bounded lengths). Not guaranteed: that a video which is
    given can be played everywhere, as some are not shown in some countries or to the young.
    """

    @abstractmethod
    async def open(self) -> None:
        """Get ready. Nothing is asked yet, so this does not fail when the provider is out of reach."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of connections; what is under way fails."""

    @abstractmethod
    async def details(self, media_id: str) -> Media | None:
        """Give what is known of a video; None when there is none that everybody may see and embed.

        `duration` is None when it is not known, as of a live broadcast. `channel` is the id of the channel ("UC...")
        where the driver learns it, else its handle ("@name"), else its name. Anything that is not an id of this
        provider is None too, and costs no request. Raises ProviderUnavailable, QuotaExceeded.
        """

    @abstractmethod
    async def search(self, query: str, limit: int = 10) -> list[Media]:
        """Find videos, best first, at most `limit` and MAX_RESULTS.

        An address or an id finds that one video or nothing. Durations may be missing: `details` has them. Titles are as
        the provider writes them: the Data API's search escapes them for HTML (`&amp;`), and clients that were made for
        it count on that; nothing here or above undoes it. Raises ProviderUnavailable, QuotaExceeded.
        """

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def clean(text: str, most: int) -> str:
    """Drop what no database keeps and nobody can see, and what is too much."""
    kept = (sign for sign in text if (sign >= " " or sign in "\n\t") and not "\ud800" <= sign <= "\udfff")
    return "".join(kept)[:most].strip()
