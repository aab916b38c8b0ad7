"""A whole server within the test's process: its clock is the test's, its sockets are real."""

import asyncio
import itertools
import secrets
import socket
import threading
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import msgspec
import uvicorn
import uvloop

from hubbub.app import Application
from hubbub.core.account import IssueToken, Register
from hubbub.core.command import Command
from hubbub.core.login import LogIn, digest
from hubbub.core.model import Room
from hubbub.core.playlist import Media
from hubbub.core.room import AddRoom, RoomSettings
from hubbub.core.state import WorldState
from hubbub.core.user import GrantRole, UpdateProfile
from hubbub.dialects.jumpin.identity import IDENT_LIFE, SESSION_LENGTH, Visitor, write_session
from hubbub.live.clock import Clock, Timer
from hubbub.live.password import Argon2
from hubbub.media.contract import Provider
from hubbub.settings import Settings
from hubbub.wire.socket_io.option import Options
from hubbub.wire.sweep import Limits
from hubbub.wire.uvicorn_protocol import WebSocketProtocol

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
PATIENCE = 10.0  # seconds; how long what must come may take
PASSWORD = "correct horse"

Result = TypeVar("Result")


class Appointment:
    """Something that is done when the clock is moved past it."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class MovedClock:
    """A clock that stands still until the test moves it, which it does within the loop of the server."""

    def __init__(self) -> None:
        self.now = START
        self._number = itertools.count()
        self._appointments: list[tuple[datetime, int, Appointment]] = []

    def __call__(self) -> datetime:
        return self.now

    def call_later(self, delay: timedelta, callback: Callable[[], None]) -> Timer:
        appointment = Appointment(callback)
        heappush(self._appointments, (self.now + delay, next(self._number), appointment))
        return appointment

    def move(self, by: timedelta) -> None:
        """Jump, and then do what was due on the way, each once."""
        self.now += by
        while self._appointments and self._appointments[0][0] <= self.now:
            _, _, appointment = heappop(self._appointments)
            if appointment.callback:
                appointment.callback()


class Videos(Provider):
    """Knows the videos that a test names."""

    def __init__(self) -> None:
        self.known: dict[str, Media] = {}

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def details(self, media_id: str) -> Media | None:
        return self.known.get(media_id)

    async def search(self, query: str, limit: int = 10) -> list[Media]:
        return list(self.known.values())[:limit]


class Plain:
    """Keeps passwords as they are: hashing them well takes a twentieth of a second each."""

    async def hash(self, password: str) -> str:
        return f"plain:{password}"

    async def verify(self, hashed: str | None, password: str) -> bool:
        return hashed == f"plain:{password}"


class Somebody(msgspec.Struct, frozen=True, kw_only=True):
    """A person as the server knows them, and what their client shows to be them.

    `secret` is the access token of an account, as the cookie jic.ident has it.
    """

    id: int
    name: str
    token: str
    session: str
    secret: str = ""


class Place:
    """One server on a loopback port, and short words for what tests ask of it."""

    def __init__(
        self, directory: Path, *, clock: Clock | None = None, options: Options | None = None, **settings: Any
    ) -> None:
        self.directory = directory
        self.clock = clock or MovedClock()
        self.options = options or Options(stop_timeout=timedelta(milliseconds=100))
        self.settings = Settings(
            database=f"sqlite:///{directory}/hubbub.db", media=str(directory / "media"), push=False, **settings
        )
        self.videos = Videos()
        self.application: Application
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._loop: asyncio.AbstractEventLoop
        self._server: uvicorn.Server
        self._thread: threading.Thread
        self._names = itertools.count(1)

    # Life

    def start(self) -> None:
        """Start, also once more after a stop: on the same port and database."""
        ready, faults = threading.Event(), []

        def run() -> None:
            try:
                with ExitStack() as scope:
                    runner = scope.enter_context(asyncio.Runner(loop_factory=uvloop.new_event_loop))
                    runner.run(self._serve(ready))
            except BaseException as fault:
                self._socket.close()
                faults.append(fault)
            finally:
                ready.set()

        self._thread = threading.Thread(target=run, name="hubbub", daemon=True)
        self._thread.start()
        ready.wait(PATIENCE)
        assert not faults, faults
        self._faults = faults

    def stop(self) -> None:
        """Stop as a signal does, and wait for the end."""
        self._server.should_exit = True
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the server did not stop"
        assert not self._faults, self._faults

    def restart(self) -> None:
        """Be another process on the same database."""
        self.stop()
        again = socket.socket()
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", self.port))
        self._socket = again
        self.start()

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self.application = Application(self.settings, clock=self.clock)
        with (
            mock.patch("hubbub.app.open_provider", lambda *_args, **_keys: self.videos),
            mock.patch("hubbub.app.Options", lambda **given: msgspec.structs.replace(self.options, **given)),
        ):
            await self.application.open()
        try:
            hasher = self.application.community.passwords
            assert isinstance(hasher, Argon2)
            hasher.close()
            self.application.community.passwords = Plain()
            config = uvicorn.Config(
                self.application,
                http="httptools",
                ws=WebSocketProtocol.configured(Limits(message=self.settings.max_message)),
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=3,
            )
            self._server = Server(config, ready.set, self.application.stop)
            await self._server.serve([self._socket])
        finally:
            await self.application.close()

    # Asking

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def state(self) -> WorldState:
        return self.application.community.worlds["main"]

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Do something in the loop of the server, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def ask(self, look: Callable[[], Result]) -> Result:
        """Look at something in the loop of the server, where nothing changes meanwhile."""

        async def work() -> Result:
            return look()

        return self.run(work())

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for what another part of the server brings about."""

        async def wait() -> None:
            async with asyncio.timeout(PATIENCE):
                while not condition():
                    await asyncio.sleep(0.002)

        self.run(wait())

    def do(self, command: Command, *, user: int = 0) -> Any:
        """Do a command as a user, or as the operator."""
        return self.run(self.application.community.call(self.state, command, user=user, operator=not user))

    def move(self, by: timedelta) -> None:
        """Let time pass, and what is due be done and told."""
        clock = self.clock
        assert isinstance(clock, MovedClock)
        self.ask(lambda: clock.move(by))
        self.run(self.settle())

    async def settle(self) -> None:
        """Wait until nothing is being done any more."""
        await self.application.store.settle()
        for _ in range(5):
            await asyncio.sleep(0)

    # People and rooms

    def room(self, name: str = "", *, volatile: bool = True, **settings: Any) -> Room:
        """Make a room with a chat in which everybody may take part."""
        given = RoomSettings(
            name=name or f"room{next(self._names)}x{secrets.token_hex(3)}",
            modules=({"type": "chat.native", "config": {"volatile": volatile}},),
            trait_grants={"viewer": [], "participant": []},
            **settings,
        )
        room = self.do(AddRoom(settings=given))
        assert isinstance(room, Room)
        return room

    def guest(self, name: str = "", session: str = "") -> Somebody:
        """Make a guest who is called so, with the token that a client gets for its browser's session."""
        visitor = Visitor(session=session or secrets.token_hex(SESSION_LENGTH // 2))
        found = self.run(self.application.community.call(self.state, LogIn(client_id=visitor.client_id)))
        if name:
            self.do(UpdateProfile(profile={"display_name": name}), user=found.id)
        return Somebody(id=found.id, name=name, token=self.token(visitor), session=visitor.session)

    def account(self, name: str = "") -> Somebody:
        """Make an account, and log a client in to it."""
        name = name or f"member{next(self._names)}"
        community = self.application.community
        found = self.run(community.call(self.state, Register(username=name, password=PASSWORD)))
        secret = self.do(IssueToken(label="test", life=IDENT_LIFE), user=found.id)
        visitor = Visitor(session=secrets.token_hex(SESSION_LENGTH // 2), access=digest(secret), user=found.id)
        return Somebody(id=found.id, name=name, token=self.token(visitor), session=visitor.session, secret=secret)

    def token(self, visitor: Visitor) -> str:
        """Sign the token of a browser's session."""
        return self.ask(lambda: write_session(self.state, visitor, self.clock()))

    def refreshed(self, somebody: Somebody) -> Somebody:
        """Sign somebody's token anew: they end after a day."""
        access = digest(somebody.secret) if somebody.secret else ""
        visitor = Visitor(session=somebody.session, access=access, user=somebody.id if access else 0)
        return msgspec.structs.replace(somebody, token=self.token(visitor))

    def grant(self, somebody: Somebody, role: str, room: Room | None = None) -> None:
        """Give a role on the world or a room."""
        self.do(GrantRole(user=somebody.id, role=role, room_id=room.id if room else 0))

    def statistics(self) -> dict[str, int]:
        """Count all that is held for clients; all zero when nobody is here."""
        return self.ask(
            lambda: {
                f"{part} {name}": count
                for part, counts in (
                    *((type(server).__name__, server.statistics()) for server in self.application.entrance.servers),
                    ("hub", self.application.hub.statistics()),
                    ("presence", self.state.presence.statistics()),
                )
                for name, count in counts.items()
            }
        )


class Server(uvicorn.Server):
    """uvicorn that tells when it listens, and lets the application end first, as `hubbub serve` does."""

    def __init__(
        self, config: uvicorn.Config, ready: Callable[[], None], stop: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._stop = stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._stop()
        await super().shutdown(sockets)
