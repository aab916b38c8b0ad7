from collections.abc import Iterator

import pytest
from tests.golden.jumpin.place import Place
from tests.golden.jumpin.scene import Scene


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Give the server that all tests share; each has rooms and people of its own, and time goes only on."""
    running = Place(tmp_path_factory.mktemp("jumpin"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def scene(place: Place) -> Iterator[Scene]:
    with Scene(place) as scene:
        yield scene
