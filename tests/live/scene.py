"""A community that runs, with a clock that is turned by hand and clients that remember what they were told."""

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from hubbub.bus.memory import MemoryBus
from hubbub.core.chat import JoinChat
from hubbub.core.command import Command
from hubbub.core.error import HubbubError
from hubbub.core.event import Event
from hubbub.core.id import IdGenerator
from hubbub.core.login import LogIn, LogOut
from hubbub.core.model import User, World
from hubbub.core.permission import DEFAULT_ROLES
from hubbub.core.room import AddRoom, RoomSettings
from hubbub.core.state import WorldState
from hubbub.core.user import CreateUser, GrantRole, UpdateUser
from hubbub.live.clock import Timer
from hubbub.live.community import Community
from hubbub.live.hub import Hub
from hubbub.live.rate import DEFAULT_RATES, Rate
from hubbub.live.session import Audience, Encoder, Session
from hubbub.store.contract import StoreUnavailable
from hubbub.store.sqlite import SqliteStore
from hubbub.wire.outbox import Outbox, Turn

START = datetime(2026, 6, 1, 12, tzinfo=UTC)
CHAT = {"type": "chat.native", "config": {"volatile": False}}
OPEN: dict[str, Any] = {"viewer": [], "participant": []}


class HandTimer:
    """An appointment with a clock that is turned by hand."""

    def __init__(self, at: datetime, callback: Callable[[], None]) -> None:
        self.at = at
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class HandClock:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = START
        self._timers: list[tuple[datetime, int, HandTimer]] = []
        self._made = 0

    def __call__(self) -> datetime:
        return self.now

    def call_later(self, delay: timedelta, callback: Callable[[], None]) -> Timer:
        timer = HandTimer(self.now + delay, callback)
        self._made += 1
        heapq.heappush(self._timers, (timer.at, self._made, timer))
        return timer

    def advance(self, delay: timedelta) -> None:
        """Let time pass, and keep the appointments in it."""
        end = self.now + delay
        while self._timers and self._timers[0][0] <= end:
            at, _, timer = heapq.heappop(self._timers)
            self.now = max(self.now, at)
            if timer.callback:
                timer.callback()
        self.now = end

    def appointments(self) -> int:
        return sum(timer.callback is not None for _, _, timer in self._timers)


class Nowhere(Outbox):
    """An outbox whose frames go nowhere."""

    def transmit(self, joined: bytes, frames: Iterable[bytes]) -> None:
        pass

    def close(self, code: int = 1000, reason: str = "") -> None:
        pass


class Recorder(Encoder):
    """A dialect whose clients remember the events that they were told of."""

    def __init__(self) -> None:
        self.encoded: list[Event] = []
        """Once for each time that something would have been encoded."""
        self.broken: type[Event] | None = None

    def tell(self, event: Event, audience: Audience) -> None:
        if self.broken and isinstance(event, self.broken):
            raise ValueError("cannot say that")
        self.encoded.append(event)
        for session in audience.members.values():
            assert isinstance(session, Client)
            session.log.append(event)


class Client(Session):
    """A connection, with a log of the results and events that it got."""

    def __init__(self, identity: int, scene: "Scene", encoder: Encoder) -> None:
        super().__init__(identity, scene.state, Nowhere(scene.turn), encoder)
        self.community = scene.community
        self.hub = scene.hub
        self.log: list[Any] = []

    def execute(self, command: Command) -> "asyncio.Future[Any]":
        """Do a command; its result goes to the log, and to the future."""
        result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def done(value: Any) -> None:
            self.log.append(value)
            result.set_result(value)

        self.community.execute(self.state, command, done, session=self)
        return result

    async def do(self, command: Command) -> Any:
        """Do a command and give its result. Raises HubbubError."""
        value = await self.execute(command)
        if isinstance(value, HubbubError):
            raise value
        return value

    async def log_in(self, **fields: Any) -> User:
        user = await self.do(LogIn(**fields))
        assert isinstance(user, User)
        self.user, self.known = user.id, user
        self.hub.add(self)
        return user

    async def leave(self) -> None:
        gone = self.execute(LogOut(user=self.user))
        self.hub.remove(self)
        await gone
        self.user = 0

    def heard(self, kind: type[Any]) -> list[Any]:
        return [entry for entry in self.log if isinstance(entry, kind)]


class FaultyStore(SqliteStore):
    """A store that can be broken."""

    full = False
    """No commit succeeds."""
    unreadable = False
    meanwhile: Callable[[], None] | None = None
    """Something that happens while the next world is read."""

    def submit(self, events: Sequence[Event]) -> "asyncio.Future[None]":
        if not self.full:
            return super().submit(events)
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        failed.set_exception(StoreUnavailable("disk full"))
        return failed

    async def load_world(self, identity: int) -> Any:
        if self.unreadable:
            raise StoreUnavailable("disk gone")
        snapshot = await super().load_world(identity)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            meanwhile()
        return snapshot

    async def message(self, world: int, number: int) -> Any:
        if self.unreadable:
            raise StoreUnavailable("disk gone")
        return await super().message(world, number)


class Scene:
    """One world with a lounge, where everybody may talk, in a community with a hub."""

    def __init__(self, store: SqliteStore, clock: HandClock, *, node: int = 0, rates: dict[str, Rate] | None = None):
        self.clock = clock
        self.store = store
        self.turn = Turn(asyncio.get_running_loop())
        self.hub = Hub(self.turn)
        self.encoder = Recorder()
        self.new_id = IdGenerator(clock, node)
        self.community = Community(
            store, MemoryBus(), self.hub, clock=clock, new_id=self.new_id, rates={**DEFAULT_RATES, **(rates or {})}
        )
        self._clients = 0

    @property
    def state(self) -> WorldState:
        return self.community.state("here")

    @property
    def faulty(self) -> FaultyStore:
        assert isinstance(self.store, FaultyStore)
        return self.store

    async def furnish(self) -> None:
        await self.add_world("here")
        self.lounge = await self.add_room("Lounge")

    async def add_world(self, name: str) -> None:
        world = World(
            id=self.new_id(),
            name=name,
            title=name,
            roles={role: list(names) for role, names in DEFAULT_ROLES.items()},
            trait_grants={"attendee": []},
            created=self.clock(),
        )
        await self.community.create_world(world)

    async def add_room(self, name: str) -> int:
        settings = RoomSettings(name=name, modules=(CHAT,), trait_grants=OPEN)
        made = await self.community.call(self.state, AddRoom(settings=settings), operator=True)
        return int(made.id)

    async def client(self, name: str, encoder: Encoder | None = None) -> Client:
        """Log somebody in, who gets this name at the first time."""
        self._clients += 1
        client = Client(self._clients, self, encoder or self.encoder)
        user = await client.log_in(client_id=name)
        if not user.display_name:
            command = UpdateUser(user=user.id, profile={"display_name": name})
            await self.community.call(self.state, command, operator=True)
        client.log.clear()
        return client

    async def talker(self, name: str) -> Client:
        """Log somebody in who has joined the lounge."""
        client = await self.client(name)
        await client.do(JoinChat(room=self.lounge))
        client.log.clear()
        return client

    async def admin(self) -> int:
        made = await self.community.call(self.state, CreateUser(login="admin"), operator=True)
        await self.community.call(self.state, GrantRole(user=made.id, role="admin"), operator=True)
        return int(made.id)

    async def settle(self) -> None:
        """Wait until what is being done is done."""
        await self.settle_tasks()
        await self.store.settle()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def settle_tasks(self) -> None:
        while self.community._tasks:
            await asyncio.wait(self.community._tasks)


@asynccontextmanager
async def scene(
    url: str = "sqlite://", *, clock: HandClock | None = None, node: int = 0, rates: dict[str, Rate] | None = None
) -> AsyncIterator[Scene]:
    """Open a community; the first node of a database furnishes it."""
    clock = clock or HandClock()
    async with FaultyStore(url, node=f"node {node}", clock=clock) as store:
        opened = Scene(store, clock, node=node, rates=rates)
        await opened.community.open()
        if not node:
            await opened.furnish()
        try:
            yield opened
        finally:
            await opened.community.close()
            assert clock.appointments() == 0 or node or url != "sqlite://"
