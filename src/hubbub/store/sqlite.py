"""The store in one SQLite file, which is what a community needs until it needs several servers."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar

from hubbub.core.archive import Found, Query
from hubbub.core.error import Code, Unavailable
from hubbub.core.event import Event
from hubbub.core.id import Clock
from hubbub.core.model import (
    AuditEntry,
    Credential,
    ImportedKind,
    LoginCode,
    Message,
    PushSubscription,
    RoomPassword,
    World,
)
from hubbub.store import sqlite_care, sqlite_reader, sqlite_search
from hubbub.store.batch import record_keys
from hubbub.store.contract import (
    Intake,
    JournalEntry,
    Moment,
    SchemaMismatch,
    Snapshot,
    Store,
    StoreError,
    StoreUnavailable,
)
from hubbub.store.sqlite_connection import MINIMUM, connect, database_path, translated
from hubbub.store.sqlite_transfer import SqliteIntake, SqliteMoment, copy_of, freeze
from hubbub.store.sqlite_writer import GroupWriter, Prepared
from hubbub.store.worker import Outcome, Worker

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)

READERS = 2
"""Connections that read: one may be busy loading a world while another finds a message."""

GROUP = 1000
"""Callers that share a transaction at most, so that the first of them does not wait for all the world."""

GATHER = 0.002
"""Seconds for which a group waits at most for others who come turn by turn."""

AT_ONCE = 0.002
RECENT = 0.1
"""Seconds that the event loop may wait for the disk in a commit, over the last ten or so: one that has to check the log
in may take longer. A solid state disk takes a twentieth of that."""

PATIENCE = 100
"""Groups that go through the thread after a commit that took longer."""

ENQUEUED_DELAY = 0.5
"""Seconds until what is enqueued is written though nobody commits."""

FOLLOWED = 1000
"""Journal entries that a follower gets at once."""

SEARCH_PATIENCE = 5.0
"""Seconds that a search waits for those before it: one is done at a time, so that one reader is free for the others."""

INDEXING = 2.0
"""Seconds that a search may index messages for, before it asks to be tried again: some 60,000 messages."""

INDEXING_IN_CARE = 30.0
"""Seconds that the care may do it for, of which it rests a fifth. A server that stops may have to wait for that."""

REST = 0.25
"""For how much of the time that a step of the care took it rests after it."""


class SqliteStore(Store):
    """Keep communities in a SQLite file, or in memory for tests.

    `url` is `sqlite:///relative.db`, `sqlite:////absolute.db` or `sqlite://`. Several processes may use one file. All
    methods are called on the event loop's thread; one thread writes, others read. A commit whose caller is cancelled
    while it waits may still be written.
    """

    def __init__(self, url: str, *, node: str, clock: Clock) -> None:
        self.node = node
        self._path = database_path(url)
        self._clock = clock
        self._opened = False
        self._flying = False
        self._landed = asyncio.Event()
        self._waiting: list[tuple[Sequence[Event], asyncio.Future[None] | None]] = []
        self._enqueued: dict[Any, Event] = {}
        self._watch: sqlite3.Connection | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._version = 0
        self._commits = 0
        self._wait = 0.0
        """Seconds that recent commits waited for the disk."""
        self._patience = 0
        """Groups that the thread is to write before we try again to write one at once."""
        self._behind = False
        self._searching = asyncio.Lock()

    async def open(self, *, migrate: bool = True) -> None:
        if self._opened:
            raise StoreError("the store is open already")
        if sqlite3.sqlite_version_info < MINIMUM:
            raise StoreUnavailable(
                f"SQLite {sqlite3.sqlite_version} is too old: {'.'.join(map(str, MINIMUM))} at least"
            )
        self._loop = asyncio.get_running_loop()
        self._connections: list[sqlite3.Connection] = []
        self._writing = Worker(self._loop, "hubbub-store-writer")
        self._reading: list[tuple[Worker, sqlite3.Connection]] = []
        try:
            with translated():
                await self._writing.run(lambda: self._connect(migrate))
            if self._watch is not None:
                for connection in self._connections[2:]:
                    self._reading.append((Worker(self._loop, "hubbub-store-reader"), connection))
        except BaseException:
            self._let_go()
            raise
        self._opened = True

    def _connect(self, migrate: bool) -> None:
        from hubbub.store.migrations import is_current, upgrade  # Alembic is slow to import

        self._connection = connect(self._path)
        self._connections.append(self._connection)
        if not is_current(self._connection):
            if not migrate:
                raise SchemaMismatch("the database is of an older version and must be migrated")
            upgrade(self._connection)
        self._writer = GroupWriter(self._connection, self.node, self._clock)
        if self._path is not None:
            for _ in range(1 + READERS):
                self._connections.append(connect(self._path, read_only=True))
            self._watch = self._connections[1]
            self.changed()

    async def close(self) -> None:
        if not self._opened:
            return
        self._opened = False
        while self._flying or self._waiting or self._enqueued:
            self._landed.clear()
            self._start()
            await self._landed.wait()
        self._let_go()

    def _let_go(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for worker in [self._writing, *(worker for worker, _ in self._reading)]:
            worker.stop()
        for connection in self._connections:
            connection.close()

    # Write

    def submit(self, events: Sequence[Event]) -> asyncio.Future[None]:
        future: asyncio.Future[None] = self._loop.create_future()
        if not self._opened:
            future.set_exception(StoreUnavailable("the store is closed"))
            return future
        self._waiting.append((events, future))
        if not self._flying and len(self._waiting) == 1:
            # Whoever else commits in this turn of the loop comes along, and who does in the next ones, while there are.
            self._loop.call_soon(self._gather, 1, time.perf_counter() + GATHER)
        return future

    def _gather(self, before: int, until: float) -> None:
        """Start when nobody came in the last turn of the loop, or those who came first have waited long enough."""
        if before < len(self._waiting) < GROUP and time.perf_counter() < until:
            self._loop.call_soon(self._gather, len(self._waiting), until)
        else:
            self._start()

    def enqueue(self, events: Sequence[Event]) -> None:
        self._check_open()
        for event in events:
            # Nothing that is journalled may be left out.
            key = id(event) if event.JOURNALLED else record_keys(event)
            self._enqueued.pop(key, None)
            self._enqueued[key] = event
        self._arm()

    def _arm(self) -> None:
        if self._timer is None and self._enqueued and self._opened:
            self._timer = self._loop.call_later(ENQUEUED_DELAY, self._start)

    def _check_open(self) -> None:
        if not self._opened:
            raise StoreUnavailable("the store is closed")

    def _start(self) -> None:
        """Send off all who wait, unless a group is on its way: then they go with the next."""
        if self._flying or not (self._waiting or self._enqueued):
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        group = [((event,), None) for event in self._enqueued.values()] + self._waiting[:GROUP]
        enqueued = self._enqueued
        self._enqueued = {}
        del self._waiting[:GROUP]
        self._flying = True

        units = [events for events, _ in group]
        prepared = self._writer.prepare(units)
        if prepared is not None and self._may_write_at_once():
            if self._write_at_once(prepared):
                self._land(group, enqueued, Outcome(lambda: [None] * len(units)))
                return
            prepared = None  # its stamps are void
        self._writing.submit(
            lambda: self._writer.write(units, prepared), lambda outcome: self._land(group, enqueued, outcome)
        )

    def _may_write_at_once(self) -> bool:
        """Tell whether to write on this thread: to hand a commit to another costs more than it takes on a fast disk.

        After slow ones, or one that could not be, the next ones go the long way for a while.
        """
        if self._patience:
            self._patience -= 1
            return False
        return not self._writing.pending

    def _write_at_once(self, prepared: Prepared) -> bool:
        """Write on this thread, and note how long the disk took; False when that needs waiting for somebody else."""
        begun, worked = time.perf_counter(), time.thread_time()
        written = self._writer.write_at_once(prepared)
        waited = (time.perf_counter() - begun) - (time.thread_time() - worked)
        self._wait += (waited - self._wait) * RECENT
        if not written or self._wait > AT_ONCE:
            self._patience, self._wait = PATIENCE, 0.0
        return written

    def _land(
        self,
        group: Sequence[tuple[Sequence[Event], asyncio.Future[None] | None]],
        enqueued: dict[Any, Event],
        outcome: Outcome[list[Exception | None]],
    ) -> None:
        """Tell all of a group how it went, in order, and send off the next."""
        fault = outcome.error
        errors: Sequence[BaseException | None] = outcome.result() if fault is None else [fault] * len(group)
        again: dict[Any, Event] = {}
        for (key, event), error in zip(enqueued.items(), errors, strict=False):
            if isinstance(error, StoreUnavailable) and self._opened:
                again[key] = event
            elif error is not None:
                log.error("an enqueued %s was not stored: %s", type(event).__name__, error)
        if again:
            self._enqueued = again | self._enqueued
        for (_, future), error in zip(group, errors, strict=True):
            if future is None or future.done():
                continue
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)
        self._flying = False
        self._landed.set()
        self._arm()
        # After the callers just woken have run, so that what they commit next is in the next group.
        self._loop.call_soon(self._start_waiting)

    def _start_waiting(self) -> None:
        if self._waiting:
            self._gather(1, time.perf_counter() + GATHER)

    # Read

    async def _read(
        self, read: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        self._check_open()

        # A database in memory is its one connection; it cannot be read beside its writer.
        worker, connection = (
            min(self._reading, key=lambda reader: reader[0].pending)
            if self._reading
            else (self._writing, self._connection)
        )
        with translated():
            return await worker.run(lambda: read(connection, *args, **kwargs))

    async def worlds(self) -> list[World]:
        return await self._read(sqlite_reader.read_worlds)

    async def load(self, name: str) -> Snapshot | None:
        return await self._read(sqlite_reader.read_snapshot, name=name)

    async def load_world(self, identity: int) -> Snapshot | None:
        return await self._read(sqlite_reader.read_snapshot, identity=identity)

    def changed(self) -> bool:
        if self._watch is None:
            return False  # nobody else can reach this memory
        with translated():
            # This rises by our own commits too. What others did is then told by their counters, in one small page.
            ((version,),) = self._watch.execute("PRAGMA data_version")
            if version == self._version:
                return self._behind
            ((commits,),) = self._watch.execute(
                "SELECT coalesce(sum(commits), 0) FROM writer WHERE node <> ?", (self.node,)
            )
        self._version, before, self._commits = version, self._commits, commits
        return self._behind or bool(commits != before)

    async def follow(self, after: int) -> tuple[list[JournalEntry], int]:
        entries, position, self._behind = await self._read(sqlite_reader.read_entries, self.node, after, FOLLOWED)
        return entries, position

    async def last_commit(self) -> datetime | None:
        return await self._read(sqlite_reader.read_last_commit)

    async def position(self) -> int:
        return await self._read(sqlite_reader.read_position)

    async def replay(self, stream: int, epoch: int, after: int, limit: int = 1000) -> list[Event] | None:
        return await self._read(sqlite_reader.read_replay, stream, epoch, after, limit)

    async def messages(
        self, room: int, *, before: int, limit: int, system: bool = True, after: int = 0, oldest: bool = False
    ) -> list[Message]:
        return await self._read(sqlite_reader.read_messages, room, after, before, limit, system, oldest)

    async def newest(self, rooms: Sequence[int]) -> dict[int, Message]:
        return await self._read(sqlite_reader.read_newest, tuple(rooms))

    async def liked(self, room: int, *, since: datetime, limit: int) -> list[Message]:
        return await self._read(sqlite_reader.read_liked, room, since, limit)

    async def gallery(self, room: int, *, after: datetime, before: datetime, limit: int) -> list[Message]:
        return await self._read(sqlite_reader.read_gallery, room, after, before, limit)

    async def message(self, world: int, number: int) -> Message | None:
        return await self._read(sqlite_reader.read_message, world, number)

    async def message_by_id(self, identity: int) -> Message | None:
        return await self._read(sqlite_reader.read_message_by_id, identity)

    async def pinned(self, room: int) -> list[Message]:
        return await self._read(sqlite_reader.read_pinned, room)

    async def imported(self, world: int, source: str, kind: ImportedKind, foreign: Sequence[str]) -> dict[str, int]:
        return await self._read(sqlite_reader.read_imported, world, source, kind, tuple(foreign))

    async def imported_messages(self, world: int, source: str, foreign: Sequence[str]) -> dict[str, Message]:
        return await self._read(sqlite_reader.read_imported_messages, world, source, tuple(foreign))

    async def message_by_nonce(self, world: int, sender: int, nonce: str) -> Message | None:
        return await self._read(sqlite_reader.read_message_by_nonce, world, sender, nonce)

    async def search(
        self,
        world: int,
        query: Query,
        *,
        rooms: Sequence[int],
        sender: int = 0,
        since: datetime | None = None,
        until: datetime | None = None,
        before: int | None = None,
        limit: int,
    ) -> Found:
        busy = timedelta(seconds=SEARCH_PATIENCE)
        try:
            async with asyncio.timeout(SEARCH_PATIENCE):
                await self._searching.acquire()
        except TimeoutError:
            raise Unavailable(Code.UNAVAILABLE, "Too many search at once. Try again.", retry_after=busy) from None
        try:
            if not await self._index(world, time.monotonic() + INDEXING):
                told = "Messages are still being made ready for searching. Try again."
                raise Unavailable(Code.UNAVAILABLE, told, retry_after=busy)
            return await self._read(
                sqlite_search.find,
                world,
                query,
                rooms=rooms,
                sender=sender,
                since=since,
                until=until,
                before=before,
                limit=limit,
            )
        finally:
            self._searching.release()

    async def _index(self, world: int, until: float, rest: float = 0.0) -> bool:
        """Index messages of a world until an instant of the clock; tell whether that was enough."""
        if not await self._read(sqlite_search.is_behind, world):
            return True
        begun = time.monotonic()
        while begun < until:
            if not await self._care(sqlite_search.catch_up, world):
                return True
            if rest:
                await asyncio.sleep((time.monotonic() - begun) * rest)
            begun = time.monotonic()
        return False

    async def audit(self, world: int, *, limit: int = 1000, types: Sequence[str] | None = None) -> list[AuditEntry]:
        return await self._read(sqlite_reader.read_audit, world, limit, types)

    async def credential(self, user: int) -> Credential | None:
        return await self._read(sqlite_reader.read_credential, user)

    async def room_password(self, room: int) -> RoomPassword | None:
        return await self._read(sqlite_reader.read_room_password, room)

    async def login_code(self, digest: str, now: datetime) -> LoginCode | None:
        return await self._read(sqlite_reader.read_login_code, digest, now)

    async def push_subscriptions(self, user: int) -> list[PushSubscription]:
        return await self._read(sqlite_reader.read_push_subscriptions, user)

    # Whole worlds

    @asynccontextmanager
    async def moment(self) -> AsyncIterator[Moment]:
        self._check_open()
        worker = Worker(self._loop, "hubbub-store-moment")
        try:
            with translated():
                if self._path is None:
                    connection = await self._writing.run(lambda: copy_of(self._connection))
                else:
                    connection = await worker.run(lambda: freeze(connect(self._path, read_only=True)))
            try:
                yield SqliteMoment(worker, connection)
            finally:
                await worker.run(connection.close)
        finally:
            worker.stop()

    @asynccontextmanager
    async def intake(self) -> AsyncIterator[Intake]:
        self._check_open()
        opened = SqliteIntake(self._writing, self._connection, self.node, self._clock)
        await opened.open()
        try:
            yield opened
        finally:
            await opened.close()

    # Care

    async def prune(self, before: datetime) -> int:
        rows = await self._care(sqlite_care.prune_expired, self._clock())
        while pruned := await self._care(sqlite_care.prune_journal, before):
            rows += pruned
        until = time.monotonic() + INDEXING_IN_CARE
        for world in await self.worlds():
            await self._index(world.id, until, REST)
        return rows

    async def check(self) -> list[str]:
        return await self._read(sqlite_care.check)

    async def _care(
        self, work: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        self._check_open()
        with translated():
            return await self._writing.run(lambda: work(self._connection, *args, **kwargs))
