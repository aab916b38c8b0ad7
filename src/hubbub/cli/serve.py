"""`hubbub serve`: run the server until it is told to stop."""

import contextlib
import gc
import importlib.util
import logging
import os
import resource
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hubbub.cli.error import WRONG_SETTING, Failure, explain
from hubbub.cli.option import ConfigOption, DatabaseOption, HostOption, PortOption, read_settings

if TYPE_CHECKING:
    import socket

    from uvicorn import Server

    from hubbub.app import Application
    from hubbub.dialects.place import Place
    from hubbub.settings import Settings

logger = logging.getLogger(__name__)

BACKLOG = 4096
"""Connections that wait to be accepted: a whole community that comes back at once (the kernel may allow fewer)."""

GRACE = timedelta(seconds=3)
"""How long clients may take to leave when the server stops."""

LAST_RESORT = timedelta(seconds=10)
"""After so long, a server that was told to stop is gone, whatever it waits for."""


def serve(
    host: HostOption = None,
    port: PortOption = None,
    database: DatabaseOption = None,
    world: Annotated[str | None, typer.Option("--world", help="The world that is made at the first start.")] = None,
    config: ConfigOption = None,
) -> None:
    """Run the server."""
    settings = read_settings(config, host=host, port=port, database=database, world=world)
    with stopping_well():
        _start(settings)


@contextlib.contextmanager
def stopping_well() -> Iterator[None]:
    """Let a signal end this process with exit code 0 even before the server handles signals itself."""
    signs = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(sign, lambda *_: sys.exit(0)) for sign in signs]
    try:
        yield  # and stay so afterwards: a second signal may come late
    except Failure:
        for sign, handler in zip(signs, before, strict=True):
            signal.signal(sign, handler)
        raise


def _start(settings: "Settings") -> None:
    from hubbub.cli.community import database_file
    from hubbub.cli.listener import bind
    from hubbub.cli.log import configure_logging
    from hubbub.core.error import HubbubError
    from hubbub.core.world import check_name

    try:
        check_name(settings.world)
    except HubbubError as error:
        raise Failure(f"The world setting is wrong: {error.message.removeprefix('name: ')}.", WRONG_SETTING) from error
    database_file(settings)
    sockets = bind(settings.host, settings.port)
    configure_logging()
    raise_file_limit()
    run(settings, sockets)


def raise_file_limit() -> None:
    """Let this process have as many connections as the system allows it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def run(settings: "Settings", sockets: "list[socket.socket]") -> None:
    """Serve on sockets that are bound until a signal comes. Raises Failure when it could not start."""
    from hubbub.app import Application

    application = Application(settings)
    served = Served(application)
    server = make_server(settings, served, lambda: _announce(settings, application, sockets), application.stop)
    try:
        server.run(sockets)
    except SystemExit:  # uvicorn's way to say that the start failed
        if served.fault is None:
            raise
    except OSError as error:
        raise Failure(f"The server could not listen: {error.strerror}. Try another --port.") from error
    if served.fault is not None:
        failure = explain(served.fault)
        if failure is None:
            raise served.fault
        raise failure
    logger.info("stopped")


class Served:
    """The application, and the fault for which it did not start."""

    def __init__(self, application: "Application") -> None:
        self._application = application
        self.fault: Exception | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass on what uvicorn wants."""
        if scope["type"] != "lifespan":
            await self._application(scope, receive, send)
            return
        phase = "startup"

        async def told(message: Any) -> None:
            nonlocal phase
            phase = "shutdown"
            await send(message)

        try:
            await self._application(scope, receive, told)
        except Exception as error:
            self.fault = error
            await send({"type": f"lifespan.{phase}.failed", "message": ""})


def make_server(
    settings: "Settings", app: Any, announce: Callable[[], None], stop: Callable[[], Awaitable[None]]
) -> "Server":
    """Give a server, which calls `announce` as soon as it listens, and waits for `stop` before it lets clients go."""
    import uvicorn

    from hubbub.wire.sweep import Limits
    from hubbub.wire.uvicorn_protocol import WebSocketProtocol

    class HubbubServer(uvicorn.Server):
        async def startup(self, sockets: "list[socket.socket] | None" = None) -> None:
            await super().startup(sockets)
            if self.started and not self.should_exit:
                settle_memory()
                announce()

        async def shutdown(self, sockets: "list[socket.socket] | None" = None) -> None:
            await stop()
            await super().shutdown(sockets)

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Stop at a signal, and end well: uvicorn's own way raises the signal again afterwards."""
            for sign in (signal.SIGINT, signal.SIGTERM):
                signal.signal(sign, self.handle_exit)
            yield

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            if not self.should_exit:
                _end_after(LAST_RESORT)
            super().handle_exit(sig, frame)

    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http="httptools",
        ws=WebSocketProtocol.configured(Limits(message=settings.max_message)),
        loop="uvloop" if importlib.util.find_spec("uvloop") else "asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=int(GRACE.total_seconds()),
    )
    return HubbubServer(config)


def settle_memory() -> None:
    """Spare what is there for good (modules, worlds) from garbage collection, and collect the rest less often.

    A full collection stops everybody: 52 ms right after the start, when there are 109,000 objects, and less than 0.1 ms
    once these are frozen (Python 3.11).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _end_after(span: timedelta) -> None:
    """End the process after a while if it has not ended by itself. What was acknowledged is on disk by then."""

    def end() -> None:
        logger.error("not stopped in time, ended")
        os._exit(1)

    timer = threading.Timer(span.total_seconds(), end)
    timer.daemon = True
    timer.start()


def _announce(settings: "Settings", application: "Application", sockets: "list[socket.socket]") -> None:
    from hubbub.cli.listener import url_of

    url = settings.url.rstrip("/") or url_of(settings.host, sockets[0].getsockname()[1])
    typer.echo("\n".join(greeting(settings, url, sorted(application.community.worlds), application.admin_link)))
    logger.info("listening on %s", url)


def greeting(settings: "Settings", url: str, worlds: list[str], admin_code: str) -> Iterator[str]:
    """Say where the server is, for each dialect, and how to become its admin."""
    from hubbub.cli.doctor import LEGACY_LOGIN
    from hubbub.dialects.place import EVERYWHERE

    socket_url = url.replace("http", "ws", 1)
    yield f"Hubbub is at {url}/"
    yield f"The database is {Path.cwd() / _path(settings.database)}" if _path(settings.database) else "In memory only"
    for world in worlds[:SHOWN]:
        yield f"  venueless   {socket_url}/ws/world/{world}/   REST {url}/api/v1/worlds/{world}/"
    places = {name: settings.dialects.get(name, EVERYWHERE) for name in ("jumpin", "dm", "groupme")}
    roots = {name: _root(url, place) for name, place in places.items()}
    yield f"  jumpin      {roots['jumpin']}/socket.io/   REST {roots['jumpin']}/api/"
    yield f"  dm          {roots['dm']}/socket.io/   REST {roots['dm']}/new and others"
    yield f"  groupme     {roots['groupme']}/faye   REST {roots['groupme']}/v3/"
    if settings.dm.legacy_login:
        yield f"Beware: {LEGACY_LOGIN}"
    if len(worlds) > SHOWN:
        yield f"  and {len(worlds) - SHOWN} more worlds: hubbub world list"
    if admin_code:
        yield ""
        yield f"Be the admin: {url}/login/{admin_code}"
        yield "This link works for 7 days; who has it owns the world. `hubbub user token admin` prints a new token."
        yield ""
    yield "Ctrl+C stops the server."


def _root(url: str, place: "Place") -> str:
    """Say where the paths of a dialect begin."""
    scheme, _, host = url.partition("://")
    _, colon, port = host.rpartition(":")
    own = f"{place.host}{colon}{port}" if port.isdecimal() else place.host
    return f"{scheme}://{own if place.host else host}{place.prefix}"


SHOWN = 10


def _path(database: str) -> str:
    return database.partition(":///")[2]
