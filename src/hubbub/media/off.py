"""No provider: for servers that are to ask nobody."""

from hubbub.core.playlist import Media
from hubbub.media.contract import Provider, ProviderUnavailable


class Off(Provider):
    """Say that videos cannot be looked up here."""

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def details(self, media_id: str) -> Media | None:
        raise _off()

    async def search(self, query: str, limit: int = 10) -> list[Media]:
        raise _off()


def _off() -> ProviderUnavailable:
    return ProviderUnavailable("This server does not look up videos.", advice="the setting videos is off")
