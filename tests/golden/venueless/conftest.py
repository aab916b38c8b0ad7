from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.golden.server import Server
from tests.golden.venueless.world import World, configuration, import_worlds


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
    """Import the worlds of all collected tests with one command: one process instead of hundreds."""
    here = Path(__file__).parent
    planned: dict[str, Any] = {}
    for item in request.session.items:
        if isinstance(item, pytest.Function) and item.path.is_relative_to(here) and "world" in item.fixturenames:
            key, parts = _plan(item)
            planned.setdefault(key, configuration(f"golden{len(planned)}", **parts))
    import_worlds(server, *planned.values())
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
