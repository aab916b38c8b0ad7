"""Tables: one for each type of record, the journal, and the counters.

A table has the record's name in the singular and a column for each of its fields; types and keys are derived from the
struct, so a new field needs a migration and nothing else. Instants are integer microseconds since 1970, which sort and
compare alike in SQLite and PostgreSQL; what has structure is JSON text.
"""

import re
import types
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    text,
)
from sqlalchemy.types import TypeEngine

from hubbub.core.model import RECORDS, Record

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

T = TypeVar("T")

# SQLite gives a row its number as key only to a column of type INTEGER; that holds 64 bits.
INTEGER = BigInteger().with_variant(Integer, "sqlite")


def to_microseconds(instant: datetime) -> int:
    """Give an aware instant as microseconds since 1970; naive ones are refused."""
    return (instant - EPOCH) // MICROSECOND


class Instant(TypeDecorator[datetime]):
    """An aware instant, in microseconds since 1970, read back in UTC."""

    impl = INTEGER
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Turn an instant into an integer."""
        return None if value is None else to_microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Turn an integer into an instant."""
        return None if value is None else EPOCH + timedelta(microseconds=value)


class Flag(TypeDecorator[bool]):
    """A boolean; 0 or 1 where a database has none, as SQLite's strict tables."""

    impl = Boolean().with_variant(Integer, "sqlite")
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> bool | None:
        """Turn 0 or 1 into a boolean."""
        return None if value is None else bool(value)


class Json(TypeDecorator[Any]):
    """A value of a Python type, as JSON text, validated when it is read."""

    impl = Text
    cache_ok = False

    def __init__(self, kind: Any = Any) -> None:
        super().__init__()
        self._decode = msgspec.json.Decoder(kind).decode

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Turn a value into JSON."""
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Turn JSON into a value of the type."""
        return None if value is None else self._decode(value)


def column_type(kind: Any) -> tuple[TypeEngine[Any], bool]:
    """Give the column type for a field's annotation, and whether it may be NULL."""
    if get_origin(kind) in (Union, types.UnionType):
        inner = [part for part in get_args(kind) if part is not type(None)]
        if len(inner) == 1 and len(get_args(kind)) == 2:
            return column_type(inner[0])[0], True
    if kind is bool:
        return Flag(), False
    if kind is int:
        return INTEGER, False
    if kind is str or get_origin(kind) is Literal:
        return Text(), False
    if kind is datetime:
        return Instant(), False
    return Json(kind), False


def table_name(record: type[Record]) -> str:
    """Give the name of a record type's table: `LoginCode` is kept in `login_code`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", record.__name__).lower()


metadata = MetaData()


def _record_table(record: type[Record]) -> Table:
    columns: list[Column[Any]] = []
    for field in msgspec.structs.fields(record):
        kind, nullable = column_type(field.type)
        key = field.name in record.KEY
        columns.append(Column(field.name, kind, primary_key=key, nullable=nullable and not key, autoincrement=False))
    return Table(
        table_name(record),
        metadata,
        *columns,
        sqlite_strict=True,
        # A row that is found by a composite or textual key lies in the key's own tree, not in a second one.
        sqlite_with_rowid=record.KEY in (("id",), ("user",), ("room",)),
    )


TABLES: dict[type[Record], Table] = {record: _record_table(record) for record in RECORDS}

journal = Table(
    "journal",
    metadata,
    Column("position", INTEGER, primary_key=True, autoincrement=True),
    Column("at", Instant(), nullable=False),
    Column("node", Text, nullable=False),
    Column("world", INTEGER, nullable=False),
    Column("stream", INTEGER, nullable=False),
    Column("epoch", INTEGER, nullable=False),
    Column("seq", INTEGER, nullable=False),
    Column("type", Text, nullable=False),
    Column("payload", Text, nullable=False),
    sqlite_strict=True,
    # A position is never given twice, even when the newest entries are erased.
    sqlite_autoincrement=True,
)
Index("journal_stream", journal.c.stream, journal.c.epoch, journal.c.seq, unique=True)
# A follower skips its own entries, of which there may be millions. A position comes with every index entry in SQLite.
Index("journal_node", journal.c.node, journal.c.position)

stream = Table(
    "stream",
    metadata,
    Column("id", INTEGER, primary_key=True, autoincrement=False, comment="a room or a world"),
    Column("world", INTEGER, nullable=False),
    Column("epoch", INTEGER, nullable=False),
    Column("seq", INTEGER, nullable=False, comment="of its newest event"),
    Column("number", INTEGER, nullable=False, comment="of the world's newest message; 0 in a room's row"),
    sqlite_strict=True,
)
Index("stream_world", stream.c.world)

writer = Table(
    "writer",
    metadata,
    Column("node", Text, primary_key=True),
    Column("commits", INTEGER, nullable=False, comment="rises with each; tells others that there is something new"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

search_entry = Table(
    "search_entry",
    metadata,
    Column("slot", INTEGER, primary_key=True, autoincrement=False, comment="rises with the time of the message"),
    Column("world", INTEGER, nullable=False),
    Column("message", INTEGER, nullable=False),
    Column("said", Text, nullable=False, comment="what it is found by"),
    Column("tags", Text, nullable=False, comment="its room and sender, as words"),
    sqlite_strict=True,
)
Index("search_entry_message", search_entry.c.world, search_entry.c.message, unique=True)

search_progress = Table(
    "search_progress",
    metadata,
    Column("world", INTEGER, primary_key=True, autoincrement=False),
    Column("number", INTEGER, nullable=False, comment="of the last message that is in search_entry, or need not be"),
    sqlite_strict=True,
)


def _index(table: str, *columns: str, unique: bool = False, where: str | None = None, name: str = "") -> None:
    target = metadata.tables[table]
    condition = None if where is None else text(where)
    Index(
        f"{table}_{name or columns[-1]}",
        *(target.c[column] for column in columns),
        unique=unique,
        sqlite_where=condition,
        postgresql_where=condition,
    )


# The core checks names of worlds, rooms and so on in memory; what is unique here holds across processes too.
_index("world", "name", unique=True)
for _field in ("client_id", "token_id", "login"):
    _index("user", "world", _field, unique=True, where=f"{_field} IS NOT NULL")
_index("user", "world")
_index("room", "world")
_index("member", "world")
_index("ban", "world")
for _table in ("ignore", "playlist_item", "access_token", "room_password", "former_member", "join_request"):
    _index(_table, "world")
for _table in ("gathering", "gathering_answer", "bot"):
    _index(_table, "world")
for _table in ("poll", "poll_vote", "question", "question_vote", "announcement"):
    _index(_table, "world")
_index("invite", "world")
_index("login_code", "world")
_index("credential", "world")
_index("push_subscription", "user", "created")
_index("read_state", "world")
_index("upload", "world")
_index("audit_entry", "world", "at")
_index("message", "world", "number", unique=True)
# `kind` lets a reader skip system messages without touching the rows.
_index("message", "room", "number", "kind")
_index("message", "world", "sender", "nonce", unique=True, where="nonce IS NOT NULL")
_index("message", "room", "pinned", where="pinned IS NOT NULL")
LIKED, WITH_FILES = "reactions <> '{}'", "attachments <> '[]'"
_index("message", "room", "at", where=LIKED, name="liked")
# What several servers would say at the same moment, one does: a key of the kind above is for messages of somebody.
_index("message", "world", "nonce", unique=True, where="sender IS NULL AND nonce IS NOT NULL", name="once")
_index("message", "room", "at", where=WITH_FILES, name="files")
