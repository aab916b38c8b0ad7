"""The contract of a store: where a community is kept.

Drivers implement `Store`; everything above knows only this. `tests/contract/` runs one suite over every driver.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from hubbub.core.archive import Found, Query
from hubbub.core.event import Event
from hubbub.core.model import (
    AuditEntry,
    Credential,
    ImportedKind,
    LoginCode,
    Message,
    PushSubscription,
    Record,
    RoomPassword,
    World,
)

R = TypeVar("R", bound=Record)


class StoreError(Exception):
    """The base of what a store raises."""


class StoreUnavailable(StoreError):
    """The store could not be reached or written (disk full, locked, gone). Nothing was committed; try again."""


class SchemaMismatch(StoreError):
    """The database was made by another version and must be migrated, or is newer than this program."""


class Conflict(StoreError):
    """What was to be written contradicts what is there: somebody else took the login, client id or name."""


class Duplicate(Conflict):
    """The sender has posted a message with this nonce before: `message` is that one."""

    def __init__(self, message: Message) -> None:
        super().__init__("a message with this nonce has been posted before")
        self.message = message


class Unstorable(StoreError):
    """No database keeps that: a NUL or a lone surrogate in a text, an integer beyond 64 bits, bottomless nesting."""


class Snapshot(msgspec.Struct, kw_only=True):
    """All of a world that is kept in memory (`model.IN_MEMORY`), as of journal position `position`.

    `last_number` is the highest message number in the world; `last_said` maps rooms to the number of their newest
    message that is not a system message, `counts` to how many messages they have.
    """

    world: World
    records: list[Record]
    last_number: int
    last_said: dict[int, int]
    counts: dict[int, int]
    position: int

    def of(self, kind: type[R]) -> list[R]:
        """Give the records of one type."""
        return [record for record in self.records if isinstance(record, kind)]


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One journalled event. `position` rises over the whole store; `node` names the writer."""

    position: int
    node: str
    event: Event


class Moment(ABC):
    """A database as it was at one moment. Its readers raise StoreUnavailable when it can no longer be read."""

    @abstractmethod
    async def count(self, world: int, kind: type[Record]) -> int:
        """Count the records of one type in a world."""

    @abstractmethod
    def records(self, world: int, kind: type[R]) -> AsyncIterator[list[R]]:
        """Read the records of one type in a world, some hundred at a time.

        They are in the order of their keys, messages in that of their numbers.
        """


class Intake(ABC):
    """A world that comes in whole: nothing of it is in the database before `commit`, and then all of it."""

    @abstractmethod
    async def add(self, kind: type[R], records: Sequence[R]) -> None:
        """Put records of one type aside; their world is the one that is committed. Messages keep number and `seq`.

        Raises Unstorable and StoreUnavailable.
        """

    @abstractmethod
    async def commit(self, world: World) -> None:
        """Store the world with everything that was put aside.

        Its streams begin in its epoch, with no past: a room's after the highest `seq` of its messages, the world's
        numbers after the highest number. Other processes hear of it as of a world that was created.

        Raises Conflict when two records, or one and what is there, have the same key or something else that is unique,
        Unstorable, and StoreUnavailable. Nothing was stored then.
        """


class Store(ABC):
    """Keep communities durably.

    Ordering: commits become visible in the order in which `commit` was called on one store. An event stream (a room or
    a world) has a gap-free `seq` from 1 within an epoch, assigned in the transaction, whoever else writes to the same
    database at the same time.
    """

    node: str
    """Name of this writer in the journal: unique among the processes that use the database."""

    @abstractmethod
    async def open(self, *, migrate: bool = True) -> None:
        """Connect, and bring the schema up to date when `migrate`.

        Raises SchemaMismatch when the database is newer than the program (or older and `migrate` is False), and
        StoreUnavailable when it cannot be opened.
        """

    @abstractmethod
    async def close(self) -> None:
        """Commit what is waiting and let go of the database."""

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # Write

    @abstractmethod
    def submit(self, events: Sequence[Event]) -> "asyncio.Future[None]":
        """Store durable events, all or none; the future is done when they are on disk.

        No events at all are stored when all before them are.

        Futures are resolved in the order of the calls, so that their callbacks run in the order of the commits. This is
        the hot path: no task and no coroutine for each caller.

        Whoever waits at the same moment shares one transaction; if it fails for all, each group is tried alone, so that
        one caller's fault is not another's. Assigns `epoch` and `seq` of journalled events, and `number` and `seq` of
        messages that have none, in place, also inside `MessagePosted.message`. Raises StoreUnavailable; the events then
        keep what they had.
        """

    async def commit(self, events: Sequence[Event]) -> None:
        """Store durable events and wait for it; see `submit`."""
        await self.submit(events)

    async def settle(self) -> None:
        """Wait until everything that was submitted before this call is on disk, or has failed."""
        await self.submit(())

    @abstractmethod
    def enqueue(self, events: Sequence[Event]) -> None:
        """Store durable events with the next commit (at the latest within a second), without waiting for it.

        For state that may lose its last second in a crash, such as read pointers. Of several writes of one record only
        the last need be stored.
        """

    # What memory holds

    @abstractmethod
    async def worlds(self) -> list[World]:
        """List all worlds, oldest first."""

    @abstractmethod
    async def load(self, name: str) -> Snapshot | None:
        """Read the world of this name, or None when there is none."""

    @abstractmethod
    async def load_world(self, identity: int) -> Snapshot | None:
        """Read the world of this id, or None when there is none."""

    @abstractmethod
    def changed(self) -> bool:
        """Tell, in a few microseconds and without I/O waits, whether somebody else may have committed since last asked.

        May say True when nothing relevant changed; never says False when something did.
        """

    @abstractmethod
    async def follow(self, after: int) -> tuple[list[JournalEntry], int]:
        """Read what other nodes journalled after a position, in order, and the newest position of all.

        Own entries are left out, as there may be very many. At most 1000 entries come at once; the position is then the
        last one's, and the caller asks again (`changed` says True until there is nothing more).
        """

    @abstractmethod
    async def last_commit(self) -> datetime | None:
        """Tell when something was journalled last, by the clock of whoever did it; None when the journal is empty."""

    @abstractmethod
    async def position(self) -> int:
        """Give the newest position of the journal, 0 when it is empty."""

    @abstractmethod
    async def replay(self, stream: int, epoch: int, after: int, limit: int = 1000) -> list[Event] | None:
        """Read the events of a stream after a `seq`; None when the epoch is over or they are no longer kept."""

    # What memory does not hold

    @abstractmethod
    async def messages(
        self, room: int, *, before: int, limit: int, system: bool = True, after: int = 0, oldest: bool = False
    ) -> list[Message]:
        """Read the newest `limit` messages of a room with a number above `after` and below `before`, or the `oldest`
        of these; oldest first."""

    @abstractmethod
    async def newest(self, rooms: Sequence[int]) -> dict[int, Message]:
        """Read the newest message of each of these rooms; those where nothing was said are left out."""

    @abstractmethod
    async def liked(self, room: int, *, since: datetime, limit: int) -> list[Message]:
        """Read the newest `limit` messages of a room that have reactions and were said since an instant, newest
        first."""

    @abstractmethod
    async def gallery(self, room: int, *, after: datetime, before: datetime, limit: int) -> list[Message]:
        """Read the newest `limit` messages of a room with attachments that were said between two instants (both
        excluded), newest first."""

    @abstractmethod
    async def message(self, world: int, number: int) -> Message | None:
        """Read one message by its number."""

    @abstractmethod
    async def message_by_id(self, identity: int) -> Message | None:
        """Read one message by its id."""

    @abstractmethod
    async def pinned(self, room: int) -> list[Message]:
        """Read the messages that are pinned in a room, the last pinned first."""

    @abstractmethod
    async def imported(self, world: int, source: str, kind: ImportedKind, foreign: Sequence[str]) -> dict[str, int]:
        """Give what things from elsewhere have become here, by their ids there; those not taken over are left out."""

    @abstractmethod
    async def imported_messages(self, world: int, source: str, foreign: Sequence[str]) -> dict[str, Message]:
        """Read the messages that were taken over from elsewhere, by their ids there; others are left out."""

    @abstractmethod
    async def message_by_nonce(self, world: int, sender: int, nonce: str) -> Message | None:
        """Read the message that this sender posted with this idempotency key."""

    @abstractmethod
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
        """Find the newest `limit` messages of a world that say what a query asks, newest first.

        Newest by `at`, to the millisecond, then by number. Texts and polls are found, by their body and the names of
        their attachments as they read now; system messages, edits (only what they replace) and deleted messages are
        not. All that was committed before the call is looked through.

        Args:
            rooms: Only messages of these rooms.
            sender: Only messages of this user; 0 for anybody's.
            since: Only messages said at this instant or later.
            until: Only messages said before this instant.
            before: Go on from there: what `Found.next` said of the same search.

        Raises core.error.Limited when there is more to look through than a search may take, and core.error.Unavailable
        while messages are still being made ready for searching, or too many search at once. Other reads and writes do
        not wait for a search.
        """

    @abstractmethod
    async def audit(self, world: int, *, limit: int = 1000, types: Sequence[str] | None = None) -> list[AuditEntry]:
        """Read the newest audit entries, newest first."""

    @abstractmethod
    async def credential(self, user: int) -> Credential | None:
        """Read the password hash of a user."""

    @abstractmethod
    async def room_password(self, room: int) -> RoomPassword | None:
        """Read the password hash of a room."""

    @abstractmethod
    async def login_code(self, digest: str, now: datetime) -> LoginCode | None:
        """Read a short login token that has not expired."""

    @abstractmethod
    async def push_subscriptions(self, user: int) -> list[PushSubscription]:
        """Read where a user's browsers are told of what happens, oldest first."""

    # Whole worlds

    @abstractmethod
    def moment(self) -> AbstractAsyncContextManager["Moment"]:
        """Read everything as it is now, however long that takes, while others write. For tools, not for servers.

        What was submitted before and is not on disk yet may be missing: `settle` first.
        """

    @abstractmethod
    def intake(self) -> AbstractAsyncContextManager["Intake"]:
        """Take in a world that was made elsewhere; one at a time on one store. For tools, not for servers."""

    # Care

    @abstractmethod
    async def prune(self, before: datetime) -> int:
        """Forget journal entries older than an instant and what has expired; give how many rows went.

        Also makes messages ready for searching, for half a minute at most.
        """

    @abstractmethod
    async def check(self) -> list[str]:
        """Look for damage and return what is wrong, in sentences; empty when all is well."""
