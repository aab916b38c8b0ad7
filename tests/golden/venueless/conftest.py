import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.golden.server import Server
from tests.golden.venueless.world import World, configuration, import_worlds, is_open

IMPORT_LIMIT = 10.0  # seconds; how late a running server may notice the worlds of the whole suite


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "world(shared=None, **parts): the world that a test gets, as arguments of `configuration`; tests of one module "
        "that name the same `shared` get the same world, every other test gets a world of its own",
    )


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("hubbub"))
    running.start()
    yield running
    code = running.stop()
    assert code == 0, f"hubbub serve answered SIGTERM with exit code {code}:\n{running.log()}"


@pytest.fixture(scope="session")
def configurations(server: Server, request: pytest.FixtureRequest) -> dict[str, Any]:
    """Import the worlds of all collected tests with one command: one process instead of hundreds.

    Returns when the server lets clients into all of them. That it does so as soon as the command has ended is shown by
    a test of its own; the fixture waits, so that a server that is late does not fail whichever test comes first.
    """
    here = Path(__file__).parent
    planned: dict[str, Any] = {}
    for item in request.session.items:
        if isinstance(item, pytest.Function) and item.path.is_relative_to(here) and "world" in item.fixturenames:
            key, parts = _plan(item)
            planned.setdefault(key, configuration(f"golden{len(planned)}", **parts))
    import_worlds(server, *planned.values())
    deadline = time.monotonic() + IMPORT_LIMIT
    for planned_world in planned.values():
        while not is_open(server, planned_world["world"]["id"]):
            assert time.monotonic() < deadline, (
                f"an imported world is not there after {IMPORT_LIMIT} s:\n{server.log()}"
            )
    return planned


@pytest.fixture
def world(server: Server, configurations: dict[str, Any], request: pytest.FixtureRequest) -> Iterator[World]:
    """Give the test its world; whoever the test connected is disconnected after it."""
    assert isinstance(request.node, pytest.Function)
    key, _ = _plan(request.node)
    opened = World(server, configurations[key])
    yield opened
    opened.close()


@pytest.fixture
def browser(server: Server) -> Iterator[httpx.Client]:
    with server.browser() as client:
        yield client


def _plan(item: pytest.Function) -> tuple[str, dict[str, Any]]:
    marker = item.get_closest_marker("world")
    parts = dict(marker.kwargs) if marker else {}
    shared = parts.pop("shared", None)
    return (f"{item.path}::{shared}" if shared else item.nodeid), parts
