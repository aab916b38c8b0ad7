"""The community as it runs: worlds in memory, commands done one after another, events told after their commit.

What comes in is a command; it is checked and done by the core without waiting for anything. What it changed is
committed together with whatever else waits at that moment. When that is on disk, the requester gets the result, and
then everybody whom the events concern is told, in the order of the commits.
"""

import asyncio
import inspect
import logging
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import msgspec

from hubbub.bus.contract import Bus
from hubbub.core.archive import Passwords
from hubbub.core.chat import Conversation
from hubbub.core.command import Act, Command, check
from hubbub.core.error import Code, HubbubError, Invalid, Unavailable, Unknown
from hubbub.core.event import (
    Event,
    NotificationsCounted,
    ReactionsCounted,
    ReadMarked,
    SessionsRevoked,
    UserBanned,
    UserCreated,
    UserDeleted,
    UserSeen,
    WorldCreated,
    WorldReplaced,
)
from hubbub.core.eviction import RIGHTS, evict
from hubbub.core.model import User, World
from hubbub.core.nouns import REGISTRY
from hubbub.core.origin import NOWHERE, Origin
from hubbub.core.reaction import DEBOUNCE
from hubbub.core.state import WorldState
from hubbub.live.clock import Clock, Timer
from hubbub.live.hub import Hub
from hubbub.live.rate import DEFAULT_RATES, Rate
from hubbub.live.session import Session
from hubbub.store.contract import Duplicate, Snapshot, Store, StoreError

logger = logging.getLogger(__name__)

_to_json = msgspec.json.Encoder().encode

Done = Callable[[Any], None]
"""Take the result of a command, or the HubbubError that refused it. Called once, before its events are told."""

LAZY = (ReadMarked, NotificationsCounted, UserSeen)
"""Durable events that nobody waits for: they are stored with the next commit."""

WATCH = timedelta(milliseconds=250)
"""How often to look for what other processes wrote, when no command makes us look anyway."""

CARE = timedelta(hours=1)
"""How often to forget what is too old."""

JOURNAL_KEPT = timedelta(days=7)


def random_text(length: int, alphabet: str) -> str:
    """Make a secret of so many letters that nobody guesses."""
    return "".join(secrets.choice(alphabet) for _ in range(length))


class Community:
    """All worlds of a server, and the only place where commands are run.

    Belongs to one event loop. `execute` never blocks; `call` waits for the result.
    """

    def __init__(
        self,
        store: Store,
        bus: Bus,
        hub: Hub | None,
        *,
        clock: Clock,
        new_id: Callable[[], int],
        rates: Mapping[str, Rate] = DEFAULT_RATES,
        passwords: Passwords | None = None,
    ) -> None:
        """Make a community; without a hub (a command line tool) nobody is told anything."""
        self.store = store
        self.bus = bus
        self.hub = hub
        self.clock = clock
        self.new_id = new_id
        self.rates = rates
        self.passwords = passwords
        self.worlds: dict[str, WorldState] = {}
        self._by_id: dict[int, WorldState] = {}
        self._position = 0
        self._behind: list[Callable[[], None]] | None = None
        """What waits until memory is what the store has; None when nothing does."""
        self._distrusted: set[int] = set()
        """Worlds to be read anew, as memory and store may have come to differ."""
        self._missed = False
        """Whether the last look at what other processes wrote failed."""
        self._submitted = 0
        """Rises with everything that is given to the store."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: dict[str, Timer] = {}
        self._closed = False
        self._looked = False
        """Whether we looked in this turn of the loop for what other processes did, and it was nothing."""
        if hub:
            bus.subscribe(hub.hear)

    # Life

    async def open(self) -> None:
        """Read every world."""
        await self.bus.open()
        self._position = await self.store.position()
        for found in await self.store.worlds():
            await self._load(found.id)
        self.store.changed()
        self._watch()
        self._care()

    async def close(self) -> None:
        """Finish what is being done and let go."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        while self._tasks:
            await asyncio.wait(self._tasks, timeout=5)
        await self.bus.close()

    async def _load(self, identity: int) -> None:
        """Read one world anew, with everything that memory has done to it; who is here now stays here."""
        submitted = -1
        while submitted != self._submitted:
            submitted = self._submitted
            with suppress(StoreError):  # what could not be stored is not waited for
                await self.store.settle()
            snapshot = await self.store.load_world(identity)
        known = self._by_id.get(identity)
        if snapshot is None:
            if known:
                del self._by_id[identity]
                self.worlds.pop(known.world.name, None)
            return
        state = known or WorldState(snapshot.world)
        load(state, snapshot)
        self._by_id[identity] = state
        self.worlds[state.world.name] = state

    async def create_world(self, new: World) -> WorldState:
        """Make a world. Raises Unavailable when it could not be stored."""
        event = WorldCreated(world=new.id, config=new)
        state = WorldState(new)
        try:
            await self.store.commit([event])
        except StoreError as error:
            raise Unavailable(Code.UNAVAILABLE, "The world could not be stored.") from error
        self._by_id[new.id] = self.worlds[new.name] = state
        return state

    def state(self, name: str) -> WorldState:
        """Give the world of this name. Raises Unknown."""
        found = self.worlds.get(name)
        if found is None:
            raise Unknown(Code.WORLD_UNKNOWN, "There is no such world.")
        return found

    def by_id(self, identity: int) -> WorldState | None:
        """Give the world of this id, or None when there is none."""
        return self._by_id.get(identity)

    # Commands

    def execute(
        self,
        state: WorldState,
        command: Command,
        done: Done,
        *,
        session: Session | None = None,
        user: int = 0,
        operator: bool = False,
        actor: User | None = None,
        origin: Origin = NOWHERE,
    ) -> None:
        """Do a command on behalf of a connection, a user without one, or the operator.

        `actor` is somebody whom the world does not know, with the id 0 and the traits of a token: they may what the
        traits allow, and it is nobody's doing in the records. Commands of one caller are done in the order of the calls
        when the caller waits for `done` in between. `origin` is a connection's own where there is one.
        """
        if session:
            user, origin = session.user, session.origin
        if not self._is_behind():
            self._run(state, command, done, session, user, operator, actor, origin)
        else:
            self._catch_up(partial(self._run, state, command, done, session, user, operator, actor, origin))

    def when_current(self, run: Callable[[], None]) -> None:
        """Do something once we know all that other processes had committed by now: at once, if they did nothing."""
        if not self._is_behind():
            run()
        else:
            self._catch_up(run)

    async def refresh(self) -> None:
        """Wait until we know all that other processes had committed by now."""
        current: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.when_current(lambda: None if current.done() else current.set_result(None))
        await current

    async def call(
        self,
        state: WorldState,
        command: Command,
        *,
        user: int = 0,
        operator: bool = False,
        actor: User | None = None,
        origin: Origin = NOWHERE,
    ) -> Any:
        """Do a command and wait for its result. Raises HubbubError."""
        result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.execute(state, command, result.set_result, user=user, operator=operator, actor=actor, origin=origin)
        value = await result
        if isinstance(value, HubbubError):
            raise value
        return value

    def _run(
        self,
        state: WorldState,
        command: Command,
        done: Done,
        session: Session | None,
        user: int,
        operator: bool,
        actor: User | None,
        origin: Origin,
    ) -> None:
        act = Act(
            state,
            now=self.clock(),
            new_id=self.new_id,
            secret=random_text,
            archive=self.store,
            passwords=self.passwords,
            user=actor or state.users.get(user),
            session=session.id if session else 0,
            origin=origin,
            operator=operator,
        )
        try:
            if session:
                session.buckets.take(REGISTRY[type(command)].rate, self.rates, act.now)
            if REGISTRY[type(command)].stores:
                check_storable(command)
            result = check(act, command).handler(act, command)
        except HubbubError as error:
            done(error)
        except Exception:
            done(self._fault(state, act))
        else:
            if inspect.iscoroutine(result):
                self.spawn(self._await(act, result, done))
            else:
                self._finish(act, result, done)

    async def _await(self, act: Act, result: Awaitable[Any], done: Done) -> None:
        try:
            value = await result
        except HubbubError as error:
            done(error)
        except StoreError:
            logger.exception("the store could not be read")
            done(Unavailable(Code.UNAVAILABLE, "The server could not read its database. Try again."))
        except Exception:
            done(self._fault(act.state, act))
        else:
            self._finish(act, value, done)

    def _fault(self, state: WorldState, act: Act) -> HubbubError:
        """Log our own mistake under an id, and let nothing of it out but the id."""
        fault = random_text(8, "0123456789abcdef")
        logger.exception("fault %s", fault)
        if act.events:
            self._distrust(state)
        return Unavailable(Code.UNAVAILABLE, f"Internal error {fault}")

    def _finish(self, act: Act, result: Any, done: Done) -> None:
        waited: list[Event] = []
        lazy: list[Event] = []
        for event in act.events:
            if event.durable():
                (lazy if isinstance(event, LAZY) else waited).append(event)
        if waited or lazy:
            self._submitted += 1
        if lazy:
            self.store.enqueue(lazy)
        if waited:
            self.store.submit(waited).add_done_callback(partial(self._committed, act, result, done))
        else:
            done(result)
            self._tell(act)

    def _committed(self, act: Act, result: Any, done: Done, commit: asyncio.Future[None]) -> None:
        error = commit.exception()
        if error:
            if self.hub and act.session not in self.hub.sessions:
                act.state.presence.disconnect(act.by, act.session)  # it was the login that failed
            self._distrust(act.state)
            if isinstance(error, Duplicate):
                done(error.message)
                return
            logger.error("commit failed: %r", error)
            done(Unavailable(Code.UNAVAILABLE, "The server could not store this. Try again."))
            return
        if isinstance(result, Conversation):
            result = result.as_of(act.state)
        for event in act.events:
            act.state.committed(event)
        done(result)
        self._tell(act)

    def _tell(self, act: Act) -> None:
        if act.events:
            self.bus.publish(act.events)
            self._after(act.state, act.events)
        self._schedule_reactions(act.state)

    def _after(self, state: WorldState, events: Sequence[Event]) -> None:
        """Send away from rooms whoever may no longer be there."""
        if self.hub and any(isinstance(event, RIGHTS) for event in events):
            moved = evict(state, events, now=self.clock(), new_id=self.new_id, archive=self.store)
            self.bus.publish(moved)

    def soon(self, work: Callable[[], None]) -> None:
        """Do something after what is being done now, so that long queues do not pile up on the stack."""
        asyncio.get_running_loop().call_soon(work)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that waits; the community waits for it when it closes."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Reactions

    def _schedule_reactions(self, state: WorldState) -> None:
        due = state.reactions.next_due()
        if due is None:
            return
        name = f"reactions {state.world.id}"
        if name not in self._timers and not self._closed:
            self._timers[name] = self.clock.call_later(due - self.clock(), partial(self._tell_reactions, state, name))

    def _tell_reactions(self, state: WorldState, name: str) -> None:
        self._timers.pop(name, None)
        due = state.reactions.take_due(self.clock())
        self.bus.publish(
            [ReactionsCounted(world=state.world.id, room=place, reactions=counts) for place, counts in due]
        )
        self._schedule_reactions(state)
        if state.reactions.next_due() is None and state.reactions.statistics()["debounced"]:
            # Once more when the last may react again, so that nothing is remembered of those who went.
            name = f"debounced {state.world.id}"
            if name not in self._timers and not self._closed:
                self._timers[name] = self.clock.call_later(DEBOUNCE, partial(self._tell_reactions, state, name))

    # Other processes

    def _watch(self) -> None:
        """Look regularly for what other processes wrote, so that clients are told even when nobody does anything."""
        if self._closed:
            return
        if self._is_behind():
            self._catch_up(None)
        self._timers["watch"] = self.clock.call_later(WATCH, self._watch)

    def _is_behind(self) -> bool:
        """Tell whether there is something to catch up with; if so, `_catch_up` must be called, as the store tells it
        only once. Looks once in a turn of the loop."""
        if self._behind is not None:
            return True
        if self._looked:
            return False
        try:
            behind = bool(self._distrusted) or self._missed or self.store.changed()
        except StoreError:
            logger.exception("could not look for what other processes wrote")
            behind = self._missed = True
        if not behind:
            self._looked = True
            self.soon(self._look_again)
        return behind

    def _look_again(self) -> None:
        self._looked = False

    def _distrust(self, state: WorldState) -> None:
        """Let no command be done before this world is read anew."""
        self._distrusted.add(state.world.id)
        self._looked = False
        self._catch_up(None)

    def _catch_up(self, then: Callable[[], None] | None) -> None:
        """Read what other processes wrote, unless we are at it already, and then do something."""
        if self._behind is None:
            self._behind = []
            self.spawn(self._follow())
        if then:
            self._behind.append(then)

    async def _follow(self) -> None:
        self._missed = False
        try:
            more = True
            while more or self._distrusted:
                for world in list(self._distrusted):
                    await self._load(world)
                    self._distrusted.discard(world)
                entries, position = await self.store.follow(self._position)
                for entry in entries:
                    await self._hear(entry.event)
                    self._position = entry.position
                self._position = position
                more = bool(entries)
        except StoreError:
            self._missed = True
            logger.exception("could not read what is stored")
        finally:
            waiting, self._behind = self._behind or [], None
            for run in waiting:
                run()

    async def _hear(self, event: Event) -> None:
        """Let an event of another process have happened here."""
        state = self._by_id.get(event.world)
        told: list[Event] = [event]
        if state is None:
            await self._load(event.world)
            return
        if isinstance(event, WorldReplaced):
            told += await self._replace(state)
        else:
            state.apply(event)
            state.committed(event)
        if isinstance(event, UserBanned):
            told.append(SessionsRevoked(world=event.world, user=event.ban.user))
        elif isinstance(event, UserDeleted):
            told.append(SessionsRevoked(world=event.world, user=event.user.id))
        if self.hub:
            self.bus.publish(told)
            self._after(state, told)

    async def _replace(self, state: WorldState) -> list[Event]:
        """Read a world that was replaced; who is connected and may still come in is a user of the new one, too."""
        here = [state.users[user] for user in state.presence.sessions if user in state.users]
        await self._load(state.world.id)
        told: list[Event] = []
        for someone in here:
            if "world:view" in state.permissions(someone, self.clock()):
                carried = UserCreated(world=state.world.id, user=someone)
                state.apply(carried)
                told.append(carried)
            else:
                told.append(SessionsRevoked(world=state.world.id, user=someone.id))
        if carried_over := [event for event in told if event.durable()]:
            self.spawn(self._store_carried(state, carried_over))
        return told

    async def _store_carried(self, state: WorldState, events: list[Event]) -> None:
        try:
            await self.store.commit(events)
        except StoreError:
            logger.exception("users could not be carried over")
            self._distrust(state)

    # Care

    def _care(self) -> None:
        if not self._closed:
            self.spawn(self._prune())
            self._timers["care"] = self.clock.call_later(CARE, self._care)

    async def _prune(self) -> None:
        for state in self.worlds.values():
            state.forget_expired(self.clock())
        try:
            await self.store.prune(self.clock() - JOURNAL_KEPT)
        except StoreError:
            logger.exception("old entries could not be forgotten")


def check_storable(command: Command) -> None:
    """Raise Invalid when a command has a text that no database keeps: with a NUL or half of a surrogate pair in it.

    Before anything is done: a commit that fails costs everybody in the world a moment.
    """
    try:
        if b"\\u0000" not in _to_json(command) or not _has_nul(msgspec.to_builtins(command)):
            return
    except UnicodeEncodeError:
        pass
    raise Invalid(Code.INVALID, "A text has a character that cannot be kept.")


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(one) for pair in value.items() for one in pair)
    return isinstance(value, list | tuple) and any(map(_has_nul, value))


def load(state: WorldState, snapshot: Snapshot) -> None:
    """Take a snapshot into memory."""
    state.world = snapshot.world
    state.load(snapshot.records, last_number=snapshot.last_number, last_said=snapshot.last_said, counts=snapshot.counts)
