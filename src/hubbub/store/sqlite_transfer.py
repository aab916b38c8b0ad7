"""A whole world out of a SQLite database, and into one.

Out: a connection of its own in one long read, which in WAL mode neither waits for writers nor keeps them waiting.

In: records are put aside in a nameless temporary database, which SQLite keeps on disk and forgets with the connection,
so that the real one is locked for no longer than it takes to copy them over: 0.4 s for 80,000 messages, 6 s for
800,000.
"""

# ruff: noqa: S608 - the names in statements come from the schema

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

from hubbub.core.event import WorldCreated
from hubbub.core.id import Clock
from hubbub.core.model import RECORDS, Message, Record, Room, World
from hubbub.store.contract import Conflict, Intake, Moment, R, StoreUnavailable, Unstorable
from hubbub.store.row import to_json
from hubbub.store.schema import TABLES, to_microseconds
from hubbub.store.sqlite_connection import is_unavailable, translated
from hubbub.store.sqlite_reader import MAPPERS
from hubbub.store.sqlite_writer import rows_of
from hubbub.store.worker import Worker

PAGE = 500
"""Records that are read at once: some milliseconds, and with long texts some megabytes."""

_TAKEN = (sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID, sqlite3.SQLITE_CONSTRAINT_UNIQUE)


def _list(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _names(record: type[Record]) -> str:
    return _list(MAPPERS[record].columns)


def _key(record: type[Record]) -> str:
    return _list(record.KEY)


def _of_world(record: type[Record]) -> str:
    return f'FROM "{TABLES[record].name}" WHERE {"id" if record is World else "world"} = ?'


SELECT = {
    record: f"SELECT {_names(record)} {_of_world(record)} ORDER BY {'number' if record is Message else _key(record)}"
    for record in RECORDS
}
COUNT = {record: f"SELECT count(*) {_of_world(record)}" for record in RECORDS}
SHELVE = {
    record: f'INSERT INTO intake."{TABLES[record].name}" SELECT '
    + ", ".join(f"json_extract(value, '$[{i}]')" for i in range(len(MAPPERS[record].columns)))
    + " FROM json_each(?)"
    for record in RECORDS
}
LAND = {
    record: f'INSERT INTO main."{TABLES[record].name}" ({_names(record)}) SELECT * FROM intake."{TABLES[record].name}"'
    for record in RECORDS
}
CLASH = {
    record: f'SELECT 1 FROM intake."{table}" JOIN main."{table}" USING ({_key(record)}) LIMIT 1'
    for record, table in ((record, TABLES[record].name) for record in RECORDS)
}
ROOM_STREAMS = (
    f"WITH last AS (SELECT room, max(seq) AS seq FROM intake.{TABLES[Message].name} GROUP BY room)"
    " INSERT INTO stream (id, world, epoch, seq, number) SELECT room.id, room.world, ?, coalesce(last.seq, 0), 0"
    f" FROM intake.{TABLES[Room].name} AS room LEFT JOIN last ON last.room = room.id"
)
WORLD_STREAM = (
    "INSERT INTO stream (id, world, epoch, seq, number)"
    f" SELECT ?1, ?1, ?2, 1, coalesce(max(number), 0) FROM intake.{TABLES[Message].name}"
)
JOURNAL = (
    "INSERT INTO journal (at, node, world, stream, epoch, seq, type, payload) VALUES (?1, ?2, ?3, ?3, ?4, 1, ?5, ?6)"
)
WRITER = "INSERT INTO writer (node, commits) VALUES (?, 1) ON CONFLICT (node) DO UPDATE SET commits = commits + 1"


class SqliteMoment(Moment):
    """A connection in a transaction that reads, and the thread that it belongs to."""

    def __init__(self, worker: Worker, connection: sqlite3.Connection) -> None:
        self._worker = worker
        self._connection = connection

    async def count(self, world: int, kind: type[Record]) -> int:
        with translated():
            ((count,),) = await self._worker.run(lambda: self._connection.execute(COUNT[kind], (world,)).fetchall())
        return int(count)

    async def records(self, world: int, kind: type[R]) -> AsyncIterator[list[R]]:
        read = MAPPERS[kind].record
        with translated():
            cursor = await self._worker.run(lambda: self._connection.execute(SELECT[kind], (world,)))
        while True:
            with translated():
                page = await self._worker.run(lambda: [read(row) for row in cursor.fetchmany(PAGE)])
            if not page:
                return
            yield page


def freeze(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Begin to read what is there now, however long that takes; give the connection."""
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM world").fetchall()  # only what reads has a moment
    return connection


def copy_of(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Give a copy of a database in memory, which has one connection only."""
    copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.backup(copy)
    return copy


class SqliteIntake(Intake):
    """Tables in the temporary database, without keys, and the writing connection that they are attached to."""

    def __init__(self, worker: Worker, connection: sqlite3.Connection, node: str, clock: Clock) -> None:
        self._worker = worker
        self._connection = connection
        self._node = node
        self._clock = clock

    async def open(self) -> None:
        """Attach the temporary database."""
        with translated():
            await self._worker.run(self._attach)

    async def close(self) -> None:
        """Forget what was put aside."""
        with translated():
            await self._worker.run(lambda: self._connection.execute("DETACH intake"))

    def _attach(self) -> None:
        self._connection.execute("ATTACH '' AS intake")
        self._connection.execute("PRAGMA intake.journal_mode = OFF").fetchall()
        self._connection.execute("PRAGMA intake.synchronous = OFF")
        for record in RECORDS:
            table = TABLES[record].name
            self._connection.execute(
                f'CREATE TABLE intake."{table}" AS SELECT {_names(record)} FROM main."{table}" WHERE false'
            )

    async def add(self, kind: type[R], records: Sequence[R]) -> None:
        await self._do(lambda: self._shelve(kind, records))

    async def commit(self, world: World) -> None:
        await self._do(lambda: self._land(world))

    async def _do(self, work: Callable[[], None]) -> None:
        try:
            await self._worker.run(work)
        except (sqlite3.Error, ValueError, OverflowError, RecursionError) as error:
            if is_unavailable(error):
                raise StoreUnavailable(f"the database cannot be written: {error}") from error
            raise Unstorable(f"what was to be written cannot be kept: {error}") from error

    def _shelve(self, kind: type[R], records: Sequence[R]) -> None:
        self._connection.execute(SHELVE[kind], (rows_of(MAPPERS[kind], records),))

    def _land(self, world: World) -> None:
        self._shelve(World, [world])
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for record in RECORDS:
                self._copy(record)
            self._begin_streams(world)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _copy(self, record: type[Record]) -> None:
        try:
            self._connection.execute(LAND[record])
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorcode not in _TAKEN:
                raise
            columns = str(error).rpartition(": ")[2]
            where = "there already" if self._connection.execute(CLASH[record]).fetchone() else "taken, or there twice"
            raise Conflict(f"{columns} of one {TABLES[record].name} is {where}") from error

    def _begin_streams(self, world: World) -> None:
        """Count on from the numbers that are there, and let the other processes know that there is a new world."""
        event = WorldCreated(world=world.id, config=world, epoch=world.epoch, seq=1)
        try:
            self._connection.execute(WORLD_STREAM, (world.id, world.epoch))
            self._connection.execute(ROOM_STREAMS, (world.epoch,))
        except sqlite3.IntegrityError as error:
            raise Conflict("the id of a room is taken by something else") from error
        at, name = to_microseconds(self._clock()), type(event).__name__
        self._connection.execute(JOURNAL, (at, self._node, world.id, world.epoch, name, to_json(event)))
        self._connection.execute(WRITER, (self._node,))
