"""The one writer of a SQLite store: groups of callers in, one transaction out.

**One group, one statement.** Python's sqlite3 gives up the interpreter around every step of a statement and then waits
to get it back, which beside a busy event loop takes up to 5 ms: for each row with `executemany`, for each statement
otherwise. So a group is one INSERT into a temporary view; its columns are JSON arrays, and triggers on the view unpack
them into the tables. Outside a transaction a statement is one: it also takes the lock, checks the counters and commits,
all without the interpreter. Measured with 256 messages a group, events a second alone / beside a thread that spins:

    executemany, BEGIN and COMMIT                120,000 /  2,000 to 5,000
    INSERT ... VALUES of 256 rows                135,000 /  7,000 to 10,000
    INSERT ... SELECT FROM json_each, a table     65,000 /  9,000
    one INSERT into the view                      70,000 / 25,000

Through the whole store, with 256 callers waiting: 45,000 to 60,000 alone, 24,000 to 40,000 beside a loop that never
rests (see `worker`, which is what makes that possible).

**Counters** are cached. They are valid as long as `PRAGMA data_version` is what it was before they were read: on one
connection it changes only by the commits of others. The statement checks that itself; when it fails, the group is
written the long way, in a transaction that reads the counters anew.
"""

# ruff: noqa: S608 - the names in statements come from the schema

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from hubbub.core.event import Event
from hubbub.core.id import Clock
from hubbub.core.model import RECORDS, Message
from hubbub.store.batch import Batch, batches
from hubbub.store.contract import Conflict, Duplicate, StoreError, StoreUnavailable, Unstorable
from hubbub.store.ledger import Counter, Ledger, Stamps, revert
from hubbub.store.row import RowMapper, to_json
from hubbub.store.schema import TABLES, to_microseconds
from hubbub.store.sqlite_connection import BUSY_TIMEOUT, is_unavailable
from hubbub.store.sqlite_reader import MAPPERS, MESSAGE_BY_NONCE

JOURNAL_COLUMNS = ("world", "stream", "epoch", "seq", "type", "payload")
COUNTER_COLUMNS = ("id", "world", "epoch", "seq", "number")


def _upsert(table: str, columns: Sequence[str], key: Sequence[str], source: str) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(f"json_extract(value, '$[{i}]')" for i in range(len(columns)))
    conflict = ", ".join(f'"{name}"' for name in key)
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name not in key)
    action = f"UPDATE SET {changes}" if changes else "NOTHING"
    # Without WHERE the parser takes ON for the condition of a join.
    return (
        f'INSERT INTO "{table}" ({names}) SELECT {values} FROM json_each(NEW.{source}) WHERE true'
        f" ON CONFLICT ({conflict}) DO {action};"
    )


def _script() -> tuple[list[str], str]:
    """Give the statements that set up the view and its triggers, and the one that inserts into it."""
    columns = ["version", "at", "node", "journal", "counters"]
    triggers = [
        (
            "version",
            "NEW.version IS NOT NULL",
            "SELECT RAISE(ABORT, 'the counters are stale') FROM pragma_data_version WHERE data_version <> NEW.version;",
        ),
        (
            "writer",
            "true",
            "INSERT INTO writer (node, commits) SELECT NEW.node, 1 WHERE true"
            " ON CONFLICT (node) DO UPDATE SET commits = commits + 1;",
        ),
        (
            "journal",
            "NEW.journal IS NOT NULL",
            f"INSERT INTO journal (at, node, {', '.join(JOURNAL_COLUMNS)}) SELECT NEW.at, NEW.node, "
            + ", ".join(f"json_extract(value, '$[{i}]')" for i in range(len(JOURNAL_COLUMNS)))
            + " FROM json_each(NEW.journal);",
        ),
        ("counters", "NEW.counters IS NOT NULL", _upsert("stream", COUNTER_COLUMNS, ["id"], "counters")),
    ]
    for record in RECORDS:
        table = TABLES[record].name
        written, erased = f"{table}_written", f"{table}_erased"
        columns += [written, erased]
        key = ", ".join(f'"{name}"' for name in record.KEY)
        values = ", ".join(f"json_extract(value, '$[{i}]')" for i in range(len(record.KEY)))
        triggers.append(
            (
                table,
                f"NEW.{written} IS NOT NULL OR NEW.{erased} IS NOT NULL",
                f'DELETE FROM "{table}" WHERE ({key}) IN (SELECT {values} FROM json_each(NEW.{erased}));'
                + _upsert(table, MAPPERS[record].columns, record.KEY, written),
            )
        )
    setup = ["CREATE TEMP VIEW batch AS SELECT " + ", ".join(f"NULL AS {name}" for name in columns)]
    setup += [
        f"CREATE TEMP TRIGGER batch_{name} INSTEAD OF INSERT ON batch WHEN {when} BEGIN {body} END"
        for name, when, body in triggers
    ]
    return setup, f"INSERT INTO batch VALUES ({', '.join('?' * len(columns))})"


SETUP, INSERT = _script()

# The journal first: its rows are found by the streams, which go next.
WIPE = [
    "DELETE FROM journal WHERE stream IN (SELECT id FROM stream WHERE world = ?)",
    "DELETE FROM stream WHERE world = ?",
    # What is indexed of its messages goes with the next search; until then nothing is found by it.
    "DELETE FROM search_progress WHERE world = ?",
    *(f'DELETE FROM "{table.name}" WHERE world = ?' for table in TABLES.values() if "world" in table.columns),
]


class Prepared(NamedTuple):
    """A group that is encoded and stamped; the stamps hold only if it is written."""

    values: list[Any]
    stamps: Stamps


class GroupWriter:
    """Write groups of events. Not safe for threads: its user sees that one at a time is in it.

    `connection` must have the current schema.
    """

    def __init__(self, connection: sqlite3.Connection, node: str, clock: Clock) -> None:
        self._connection = connection
        self._node = node
        self._clock = clock
        self._ledger = Ledger()
        self._version = -1
        for statement in SETUP:
            connection.execute(statement)

    def prepare(self, units: Sequence[Sequence[Event]], *, learned: bool = False) -> Prepared | None:
        """Do all that needs no database, so that `write` is one statement; None when that cannot be.

        For the event loop's thread: there the interpreter need not change hands. Stamps the events already. `learned`
        says that counters which are not known have been looked for.
        """
        events = [event for unit in units for event in unit]
        if not learned and any(self._ledger.unknown(events)):
            return None
        stamps: Stamps = []
        try:
            first, *rest = batches(events, self._ledger, stamps)
            if not rest:
                return Prepared(self._values(first, self._version), stamps)
        except Exception:  # noqa: S110 - whose fault it is, `write` finds out
            pass
        revert(stamps)
        self._ledger.forget()
        return None

    def write_at_once(self, prepared: Prepared) -> bool:
        """Write a prepared group, if that needs no waiting for another process; else False, and nothing has happened.

        For the event loop's thread, on a disk that is fast enough.
        """
        self._connection.execute("PRAGMA busy_timeout = 0")
        try:
            self._connection.execute(INSERT, prepared.values)
        except sqlite3.Error:
            revert(prepared.stamps)
            self._ledger.forget()
            return False
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")
        return True

    def write(self, units: Sequence[Sequence[Event]], prepared: Prepared | None = None) -> list[Exception | None]:
        """Write what several callers want, in order, each all or none; give each one's error, or None.

        The callers share one transaction. If it fails, each is tried alone, and only those at fault get an error.
        When the database itself fails, nothing is written and all get StoreUnavailable. `prepared` is what `prepare`
        gave for the same units, if nothing was written in between.
        """
        try:
            if prepared is None:
                self._learn_anew(units)
                prepared = self.prepare(units, learned=True)
            if prepared is not None:
                try:
                    self._connection.execute(INSERT, prepared.values)
                except sqlite3.Error as error:
                    self._give_up(prepared.stamps, error)
                else:
                    return [None] * len(units)
            return self._write_in_turn(units)
        except StoreUnavailable as error:
            return [StoreUnavailable(*error.args) for _ in units]

    def _learn_anew(self, units: Sequence[Sequence[Event]]) -> None:
        try:
            if not self._ledger.counters:
                self._version = self._data_version()
            self._learn([event for unit in units for event in unit])
        except Exception as error:
            self._give_up([], error)

    def _write_in_turn(self, units: Sequence[Sequence[Event]]) -> list[Exception | None]:
        stamps: Stamps = []
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._ledger.forget()
            self._version = self._data_version()
            errors: list[Exception | None] = [None] * len(units)
            if len(units) == 1 or self._write_unit([event for unit in units for event in unit], stamps) is not None:
                errors = [self._write_unit(unit, stamps) for unit in units]
            self._connection.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._give_up(stamps, error)
            raise
        return errors

    def _write_unit(self, events: Sequence[Event], stamps: Stamps) -> Exception | None:
        """Write events within the transaction, all or none; give the error that is theirs alone."""
        own: Stamps = []
        self._connection.execute("SAVEPOINT unit")
        try:
            self._learn(events)
            for batch in batches(events, self._ledger, own):
                if batch.wiped is not None:
                    for statement in WIPE:
                        self._connection.execute(statement, (batch.wiped,))
                self._connection.execute(INSERT, self._values(batch, None))
        except Exception as error:
            self._give_up(own, error)
            self._connection.execute("ROLLBACK TO unit")
            self._connection.execute("RELEASE unit")
            return self._fault(events, error)
        self._connection.execute("RELEASE unit")
        stamps += own
        return None

    def _give_up(self, stamps: Stamps, error: BaseException | None = None) -> None:
        revert(stamps)
        self._ledger.forget()
        if error is not None and is_unavailable(error):
            raise StoreUnavailable(f"the database cannot be written: {error}") from error

    def _fault(self, events: Sequence[Event], error: Exception) -> Exception:
        """Say what is wrong with a caller's events."""
        if isinstance(error, sqlite3.IntegrityError):
            for event in events:
                for record in event.written():
                    if isinstance(record, Message) and record.nonce is not None and not record.number:
                        found = MESSAGE_BY_NONCE(
                            self._connection, world=record.world, sender=record.sender, nonce=record.nonce
                        )
                        if found and found[0].id != record.id:
                            return Duplicate(found[0])
            return Conflict(f"what was to be written contradicts what is there: {error}")
        if isinstance(error, StoreError | ValueError) and not isinstance(error, UnicodeError):
            return error
        return Unstorable(f"what was to be written cannot be kept: {error}")

    def _data_version(self) -> int:
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    def _learn(self, events: Sequence[Event]) -> None:
        worlds, streams = self._ledger.unknown(events)
        if worlds:
            rows = self._connection.execute(
                "SELECT id, epoch FROM world WHERE id IN (SELECT value FROM json_each(?))", (to_json(worlds),)
            )
            self._ledger.learn(rows, ())
        if streams:
            rows = self._connection.execute(
                f"SELECT {', '.join(COUNTER_COLUMNS)} FROM stream WHERE id IN (SELECT value FROM json_each(?))",
                (to_json(streams),),
            )
            self._ledger.learn((), (Counter(*row) for row in rows))

    def _values(self, batch: Batch, version: int | None) -> list[Any]:
        journal = counters = None
        if batch.journal:
            journal = to_json([(e.world, e.stream, e.epoch, e.seq, type(e).__name__, e) for e in batch.journal])
        if batch.counters:
            counters = to_json([(c.id, c.world, c.epoch, c.seq, c.number) for c in batch.counters.values()])
        values: list[Any] = [version, to_microseconds(self._clock()), self._node, journal, counters]
        for record in RECORDS:
            values.append(rows_of(MAPPERS[record], list(batch.written.get(record, {}).values())))
            erased = batch.erased.get(record)
            values.append(to_json(list(erased)) if erased else None)
        return values


def rows_of(mapper: RowMapper[Any], records: Sequence[Any]) -> str | None:
    """Give records as a JSON array of rows; None when there are none. Raises Unstorable."""
    if not records:
        return None
    text = to_json([mapper.values(record) for record in records])
    # SQLite's JSON cuts a string at a NUL; deeper down, JSON stays as it is.
    if "\\u0000" in text and any(mapper.has_nul(record) for record in records):
        raise Unstorable("a text with a NUL cannot be kept")
    return text
