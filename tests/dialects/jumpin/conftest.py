from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.dialects.jumpin.browser import Browser
from tests.web.site import Site, open_site


class Plain:
    """Passwords that are not hashed, as hashing is slow on purpose."""

    async def hash(self, password: str) -> str:
        return f"hash of {password}"

    async def verify(self, hashed: str | None, password: str) -> bool:
        return hashed == f"hash of {password}"

    def close(self) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr("hubbub.app.Argon2", Plain)
    with open_site(tmp_path, videos="off") as site:
        yield site


@pytest.fixture
def browser(site: Site) -> Browser:
    """A client that has a session and no account."""
    return Browser(site).open_session()


@pytest.fixture
def ada(site: Site) -> Browser:
    """A client that has logged in."""
    return Browser(site).log_in("Ada")
