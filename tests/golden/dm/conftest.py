from collections.abc import Iterator

import pytest
from tests.golden.dm.phone import Exchange, Party
from tests.golden.jumpin.place import Place

from hubbub.live.rate import Rate

PLENTY = {"login": Rate(1000, 1_000_000)}
"""Everybody here has the same address, and the clock stands."""


@pytest.fixture(scope="session")
def exchange() -> Iterator[Exchange]:
    with Exchange() as running:
        yield running


@pytest.fixture(scope="session")
def dm_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Give the server that most tests share; each has people of its own, and time goes only on."""
    running = Place(tmp_path_factory.mktemp("dm"), rates=PLENTY)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def party(dm_place: Place, exchange: Exchange) -> Iterator[Party]:
    with Party(dm_place, exchange) as party:
        yield party
