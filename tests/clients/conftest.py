from collections.abc import Callable, Iterator

import pytest
from tests.clients.driver import NODE, Client, Driver, node, python
from tests.golden.jumpin.place import Place


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Give a server that all tests share."""
    running = Place(tmp_path_factory.mktemp("clients"))
    running.start()
    yield running
    running.stop()


Drivers = Callable[[str], Driver]


@pytest.fixture(scope="session")
def drivers() -> Iterator[Drivers]:
    """Give the driver of a library, made when it is needed first."""
    made: dict[str, Driver] = {}

    def driver(library: str) -> Driver:
        kind = "node" if library in NODE else "python"
        if kind not in made:
            made[kind] = node() if kind == "node" else python()
        return made[kind]

    yield driver
    for one in made.values():
        one.stop()


@pytest.fixture
def client(drivers: Drivers) -> Iterator[Callable[[str], Client]]:
    """Give a function that makes a client of a library; it is closed when the test is over."""
    made: list[Client] = []

    def make(library: str) -> Client:
        made.append(drivers(library).client(library))
        return made[-1]

    yield make
    for one in made:
        one.close()
        one.on("closed")
