"""What a SQLite store answers: each function reads on a connection, and all that it reads is of one moment.

Statements are built with SQLAlchemy Core and compiled once.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar, Union

import msgspec
from sqlalchemy import Select, bindparam, func, select, text

from hubbub.core.event import DURABLE, Event
from hubbub.core.model import (
    IN_MEMORY,
    AuditEntry,
    Credential,
    Imported,
    LoginCode,
    Message,
    PushSubscription,
    Record,
    Room,
    RoomPassword,
    World,
)
from hubbub.store import schema
from hubbub.store.contract import JournalEntry, Snapshot
from hubbub.store.row import RowMapper, to_json
from hubbub.store.schema import EPOCH, MICROSECOND, TABLES, journal, stream, to_microseconds, writer
from hubbub.store.sqlite_connection import DIALECT

R = TypeVar("R", bound=Record)

MAPPERS: dict[type[Any], RowMapper[Any]] = {record: RowMapper(record, DIALECT) for record in TABLES}
WORLD, ROOM, MESSAGE = TABLES[World], TABLES[Room], TABLES[Message]
AUDIT, CREDENTIAL, CODE = TABLES[AuditEntry], TABLES[Credential], TABLES[LoginCode]
PUSH = TABLES[PushSubscription]

decode_event = msgspec.json.Decoder(Union[DURABLE]).decode  # noqa: UP007 - a tuple
"""Read an event from the journal's payload."""


class Query:
    """A statement, compiled; `parameters` names what its user must give."""

    def __init__(self, statement: Select[Any]) -> None:
        compiled = statement.compile(dialect=DIALECT, compile_kwargs={"render_postcompile": True})
        self._sql = compiled.string
        self._defaults = {name: value for name, value in compiled.params.items() if value is not None}

    def __call__(self, connection: sqlite3.Connection, **parameters: Any) -> list[Any]:
        return connection.execute(self._sql, self._defaults | parameters).fetchall()


class RecordQuery:
    """A statement that gives records of one type."""

    def __init__(self, record: type[Any], statement: Select[Any]) -> None:
        self._record = MAPPERS[record].record
        self._query = Query(statement)

    def __call__(self, connection: sqlite3.Connection, **parameters: Any) -> list[Any]:
        return [self._record(row) for row in self._query(connection, **parameters)]


def _all(record: type[Record]) -> Select[Any]:
    return select(*TABLES[record].columns)


WORLDS = RecordQuery(World, _all(World).order_by(WORLD.c.created, WORLD.c.id))
WORLD_BY_NAME = RecordQuery(World, _all(World).where(WORLD.c.name == bindparam("name")))
WORLD_BY_ID = RecordQuery(World, _all(World).where(WORLD.c.id == bindparam("id")))
OF_WORLD = {
    record: RecordQuery(
        record,
        _all(record)
        .where(TABLES[record].c.world == bindparam("world"))
        .order_by(*(TABLES[record].c[name] for name in record.KEY)),
    )
    for record in IN_MEMORY
}
LAST_NUMBER = Query(select(func.max(MESSAGE.c.number)).where(MESSAGE.c.world == bindparam("world")))
LAST_SAID = Query(
    select(
        ROOM.c.id,
        select(MESSAGE.c.number)
        .where(MESSAGE.c.room == ROOM.c.id, MESSAGE.c.kind != "system")
        .order_by(MESSAGE.c.number.desc())
        .limit(1)
        .scalar_subquery(),
    ).where(ROOM.c.world == bindparam("world"))
)
LAST_COMMIT = Query(
    select(journal.c.at).where(journal.c.position == select(func.max(journal.c.position)).scalar_subquery())
)
POSITION = Query(select(func.max(journal.c.position)))
OTHERS = Query(select(writer.c.node).where(writer.c.node != bindparam("node")))
FOLLOW = Query(
    select(journal.c.position, journal.c.node, journal.c.payload)
    .where(journal.c.node == bindparam("node"), journal.c.position > bindparam("after"))
    .order_by(journal.c.position)
    .limit(bindparam("count"))
)
STREAM = Query(
    select(stream.c.epoch, stream.c.seq, WORLD.c.epoch)
    .join_from(stream, WORLD, WORLD.c.id == stream.c.world, isouter=True)
    .where(stream.c.id == bindparam("id"))
)
UNBEGUN = Query(
    select(WORLD.c.epoch)
    .join_from(WORLD, ROOM, ROOM.c.world == WORLD.c.id, isouter=True)
    .where((WORLD.c.id == bindparam("id")) | (ROOM.c.id == bindparam("id")))
    .limit(1)
)
REPLAY = Query(
    select(journal.c.seq, journal.c.payload)
    .where(
        journal.c.stream == bindparam("stream"),
        journal.c.epoch == bindparam("epoch"),
        journal.c.seq > bindparam("after"),
    )
    .order_by(journal.c.seq)
    .limit(bindparam("count"))
)
COUNTS = Query(
    select(
        ROOM.c.id, select(func.count()).select_from(MESSAGE).where(MESSAGE.c.room == ROOM.c.id).scalar_subquery()
    ).where(ROOM.c.world == bindparam("world"))
)
_HISTORY = (
    _all(Message)
    .where(
        MESSAGE.c.room == bindparam("room"),
        MESSAGE.c.number > bindparam("after"),
        MESSAGE.c.number < bindparam("before"),
    )
    .limit(bindparam("count"))
)
HISTORY = {
    (system, oldest): RecordQuery(
        Message,
        (_HISTORY if system else _HISTORY.where(MESSAGE.c.kind != "system")).order_by(
            MESSAGE.c.number if oldest else MESSAGE.c.number.desc()
        ),
    )
    for system in (True, False)
    for oldest in (True, False)
}
NEWEST = RecordQuery(
    Message,
    _all(Message).where(MESSAGE.c.room == bindparam("room")).order_by(MESSAGE.c.number.desc()).limit(1),
)
_RECENT = _all(Message).where(MESSAGE.c.room == bindparam("room"), MESSAGE.c.at > bindparam("after"))
_RECENT = _RECENT.order_by(MESSAGE.c.at.desc(), MESSAGE.c.id.desc()).limit(bindparam("count"))
# What makes them few is written as the partial indexes have it.
LIKED = RecordQuery(Message, _RECENT.where(text(schema.LIKED)))
GALLERY = RecordQuery(Message, _RECENT.where(text(schema.WITH_FILES), MESSAGE.c.at < bindparam("before")))
MESSAGE_BY_NUMBER = RecordQuery(
    Message, _all(Message).where(MESSAGE.c.world == bindparam("world"), MESSAGE.c.number == bindparam("number"))
)
MESSAGE_BY_ID = RecordQuery(Message, _all(Message).where(MESSAGE.c.id == bindparam("id")))
PINNED = RecordQuery(
    Message,
    _all(Message)
    .where(MESSAGE.c.room == bindparam("room"), MESSAGE.c.pinned.is_not(None))
    .order_by(MESSAGE.c.pinned.desc(), MESSAGE.c.id.desc()),
)
MESSAGE_BY_NONCE = RecordQuery(
    Message,
    _all(Message).where(
        MESSAGE.c.world == bindparam("world"),
        MESSAGE.c.sender == bindparam("sender"),
        MESSAGE.c.nonce == bindparam("nonce"),
    ),
)
TAKEN = TABLES[Imported]
_TAKEN = select(TAKEN.c.foreign).where(
    TAKEN.c.world == bindparam("world"),
    TAKEN.c.source == bindparam("source"),
    TAKEN.c.kind == bindparam("kind"),
    TAKEN.c.foreign.in_(select(func.json_each(bindparam("given")).table_valued("value").c.value)),
)
IMPORTED = Query(_TAKEN.add_columns(TAKEN.c.local))
IMPORTED_MESSAGES = Query(_TAKEN.add_columns(*MESSAGE.columns).join_from(TAKEN, MESSAGE, MESSAGE.c.id == TAKEN.c.local))
_AUDIT = (
    _all(AuditEntry)
    .where(AUDIT.c.world == bindparam("world", required=False))
    .order_by(AUDIT.c.at.desc(), AUDIT.c.id.desc())
    .limit(bindparam("count", required=False))
)
ENTRIES = RecordQuery(AuditEntry, _AUDIT)
ROOM_PASSWORD = RecordQuery(RoomPassword, _all(RoomPassword).where(TABLES[RoomPassword].c.room == bindparam("room")))
PASSWORD = RecordQuery(Credential, _all(Credential).where(CREDENTIAL.c.user == bindparam("user")))
LOGIN = RecordQuery(
    LoginCode, _all(LoginCode).where(CODE.c.digest == bindparam("digest"), CODE.c.expires > bindparam("now"))
)
PUSHES = RecordQuery(
    PushSubscription,
    _all(PushSubscription).where(PUSH.c.user == bindparam("user")).order_by(PUSH.c.created),
)


@contextmanager
def one_moment(connection: sqlite3.Connection) -> Iterator[None]:
    """Let several statements see the same state."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("COMMIT")


def _first(found: list[R]) -> R | None:
    return found[0] if found else None


def read_worlds(connection: sqlite3.Connection) -> list[World]:
    """Give all worlds, oldest first."""
    return WORLDS(connection)


def read_snapshot(connection: sqlite3.Connection, *, name: str = "", identity: int = 0) -> Snapshot | None:
    """Give what memory holds of the world of this name or id."""
    with one_moment(connection):
        found = WORLD_BY_NAME(connection, name=name) if name else WORLD_BY_ID(connection, id=identity)
        if not found:
            return None
        key = found[0].id
        return Snapshot(
            world=found[0],
            records=[record for query in OF_WORLD.values() for record in query(connection, world=key)],
            last_number=LAST_NUMBER(connection, world=key)[0][0] or 0,
            last_said={room: number for room, number in LAST_SAID(connection, world=key) if number is not None},
            counts={room: count for room, count in COUNTS(connection, world=key) if count},
            position=read_position(connection),
        )


def read_last_commit(connection: sqlite3.Connection) -> datetime | None:
    """Tell when something was journalled last."""
    found = LAST_COMMIT(connection)
    return EPOCH + found[0][0] * MICROSECOND if found else None


def read_position(connection: sqlite3.Connection) -> int:
    """Give the newest position of the journal, 0 when it is empty."""
    return int(POSITION(connection)[0][0] or 0)


def read_entries(
    connection: sqlite3.Connection, node: str, after: int, limit: int
) -> tuple[list[JournalEntry], int, bool]:
    """Give journal entries of other nodes after a position, the position they reach, and whether there are more."""
    with one_moment(connection):
        rows: list[tuple[int, str, str]] = []
        for (other,) in OTHERS(connection, node=node):
            rows += FOLLOW(connection, node=other, after=after, count=limit + 1)
        newest = read_position(connection)
    rows.sort()
    more = len(rows) > limit
    entries = [
        JournalEntry(position=position, node=other, event=decode_event(payload))
        for position, other, payload in rows[:limit]
    ]
    return entries, entries[-1].position if more else max(newest, after), more


def read_replay(
    connection: sqlite3.Connection, identity: int, epoch: int, after: int, limit: int
) -> list[Event] | None:
    """Give the events of a stream after a `seq`, or None when they cannot be told without a gap."""
    with one_moment(connection):
        begun = STREAM(connection, id=identity)
        if begun:
            last_epoch, last, world_epoch = begun[0]
            current = last_epoch if world_epoch is None else world_epoch
            if last_epoch != current:
                last = 0
        else:
            unbegun = UNBEGUN(connection, id=identity)
            current, last = (unbegun[0][0] if unbegun else None), 0
        if epoch != current or not 0 <= after <= last:
            return None
        rows = REPLAY(connection, stream=identity, epoch=epoch, after=after, count=limit)
    if after < last and (not rows or rows[0][0] != after + 1):
        return None
    return [decode_event(payload) for _, payload in rows]


def read_messages(
    connection: sqlite3.Connection, room: int, after: int, before: int, limit: int, system: bool, oldest: bool
) -> list[Message]:
    """Give the newest messages of a room between two numbers, or the oldest; oldest first."""
    found = HISTORY[system, oldest](connection, room=room, after=after, before=before, count=limit)
    return found if oldest else found[::-1]


def read_newest(connection: sqlite3.Connection, rooms: Sequence[int]) -> dict[int, Message]:
    """Give the newest message of each room that has one."""
    return {message.room: message for room in rooms for message in NEWEST(connection, room=room)}


def read_liked(connection: sqlite3.Connection, room: int, since: datetime, limit: int) -> list[Message]:
    """Give the newest messages of a room with reactions, newest first."""
    return LIKED(connection, room=room, after=to_microseconds(since), count=limit)


def read_gallery(
    connection: sqlite3.Connection, room: int, after: datetime, before: datetime, limit: int
) -> list[Message]:
    """Give the newest messages of a room with attachments, newest first."""
    span = {"after": to_microseconds(after), "before": to_microseconds(before)}
    return GALLERY(connection, room=room, count=limit, **span)


def read_message(connection: sqlite3.Connection, world: int, number: int) -> Message | None:
    """Give a message by its number."""
    return _first(MESSAGE_BY_NUMBER(connection, world=world, number=number))


def read_message_by_id(connection: sqlite3.Connection, identity: int) -> Message | None:
    """Give a message by its id."""
    return _first(MESSAGE_BY_ID(connection, id=identity))


def read_pinned(connection: sqlite3.Connection, room: int) -> list[Message]:
    """Give the messages that are pinned in a room, the last pinned first."""
    return PINNED(connection, room=room)


def read_imported(
    connection: sqlite3.Connection, world: int, source: str, kind: str, foreign: Sequence[str]
) -> dict[str, int]:
    """Give the ids of what was taken over, by those that it has elsewhere."""
    return dict(IMPORTED(connection, world=world, source=source, kind=kind, given=to_json(foreign)))


def read_imported_messages(
    connection: sqlite3.Connection, world: int, source: str, foreign: Sequence[str]
) -> dict[str, Message]:
    """Give messages that were taken over, by the ids that they have elsewhere."""
    rows = IMPORTED_MESSAGES(connection, world=world, source=source, kind="message", given=to_json(foreign))
    return {row[0]: MAPPERS[Message].record(row[1:]) for row in rows}


def read_message_by_nonce(connection: sqlite3.Connection, world: int, sender: int, nonce: str) -> Message | None:
    """Give the message that has this idempotency key."""
    return _first(MESSAGE_BY_NONCE(connection, world=world, sender=sender, nonce=nonce))


def read_audit(connection: sqlite3.Connection, world: int, limit: int, types: Sequence[str] | None) -> list[AuditEntry]:
    """Give the newest audit entries, of these types only when there are any."""
    query = ENTRIES if types is None else RecordQuery(AuditEntry, _AUDIT.where(AUDIT.c.type.in_(types)))
    return query(connection, world=world, count=limit)


def read_credential(connection: sqlite3.Connection, user: int) -> Credential | None:
    """Give a user's password hash."""
    return _first(PASSWORD(connection, user=user))


def read_room_password(connection: sqlite3.Connection, room: int) -> RoomPassword | None:
    """Give a room's password hash."""
    return _first(ROOM_PASSWORD(connection, room=room))


def read_login_code(connection: sqlite3.Connection, digest: str, now: datetime) -> LoginCode | None:
    """Give a login token that has not expired."""
    return _first(LOGIN(connection, digest=digest, now=to_microseconds(now)))


def read_push_subscriptions(connection: sqlite3.Connection, user: int) -> list[PushSubscription]:
    """Give where a user's browsers are told of what happens, oldest first."""
    return PUSHES(connection, user=user)
