"""Searching messages in a SQLite database, with FTS5.

What messages say is copied to `search_entry`, which triggers keep in `search_index`, an FTS5 table. Nothing of that
happens when somebody posts: `catch_up` goes through the messages in the order of their numbers, in steps, just before
a search and now and then. As an edit or a deletion is a message of its own, it meets these too, and then takes over
what the first one says now. `search_progress` holds how far it has come in each world.

The `slot` of an entry is the millisecond in which the message was said, and the place among those of this millisecond.
So the index gives the newest first without sorting, and a span of time is a span of slots.
"""

# ruff: noqa: S608 - the names in statements come from the schema

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from hubbub.core.archive import Found, Query, Term
from hubbub.core.error import Code, Limited
from hubbub.core.model import Message
from hubbub.store.row import to_json
from hubbub.store.schema import to_microseconds
from hubbub.store.sqlite_reader import MAPPERS

STEP = 500
"""Messages that are indexed in one transaction, in some 15 ms, for which writers wait."""

PLACES = 1 << 16
"""Places in a millisecond. Of more messages than that, as only a forged import has, the rest is not found."""

LAST = 1 << 46
"""Milliseconds before and after 1970 that slots tell apart: until the year 4199."""

TIME_LIMIT = 0.5
"""Seconds that a search may take: a hundred times what one takes among a million messages."""

TICK = 2000
"""Steps of SQLite's machine, some 0.2 ms, between two looks at the clock."""

TAGGED_ROOMS = 100
"""Rooms that the index itself picks; among more, each message that has the words is looked at."""

# What each message from :after to :last, and each that one of them replaces, is to be found by: '' for nothing.
_SPOKEN = """
WITH touched (id) AS (
    SELECT id FROM message WHERE world = :world AND number > :after AND number <= :last AND replaces IS NULL
    UNION
    SELECT first.id FROM message AS later
    CROSS JOIN message AS first ON first.world = later.world AND first.number = later.replaces
    WHERE later.world = :world AND later.number > :after AND later.number <= :last
), spoken AS (
    SELECT id, number, room, sender, min(max(at / 1000, -:edge), :edge) * :places AS base,
        CASE
            WHEN deleted OR kind NOT IN ('text', 'poll') OR replaces IS NOT NULL THEN ''
            WHEN attachments = '[]' THEN body
            ELSE trim(body || char(10) || coalesce((
                SELECT group_concat(json_extract(attachments, fullkey || '.name'), char(10)) FROM json_each(attachments)
                WHERE json_type(attachments, fullkey || '.name') = 'text'
            ), ''), char(10))
        END AS said
    FROM touched CROSS JOIN message USING (id)
)
"""

_FORGET = (
    f"{_SPOKEN} DELETE FROM search_entry WHERE world = :world AND message IN (SELECT id FROM spoken WHERE said = '')"
)

_TAKE_IN = f"""{_SPOKEN}
INSERT INTO search_entry (slot, world, message, said, tags)
SELECT base + row_number() OVER (PARTITION BY base ORDER BY number) - 1 + coalesce((
        SELECT max(slot) + 1 - base FROM search_entry WHERE slot >= base AND slot < base + :places
    ), 0), :world, id, said, 'r' || room || coalesce(' s' || sender, '')
FROM spoken WHERE said <> '' ORDER BY number
ON CONFLICT (world, message) DO UPDATE SET said = excluded.said WHERE said <> excluded.said
ON CONFLICT DO NOTHING
"""

_COLUMNS = ", ".join(f'message."{name}"' for name in MAPPERS[Message].columns)

# In this order: only so the index can give the newest first.
_FIND = f"""
SELECT search_index.rowid, {_COLUMNS} FROM search_index
CROSS JOIN search_entry ON search_entry.slot = search_index.rowid
CROSS JOIN message ON message.id = search_entry.message
WHERE search_index MATCH :match AND search_index.rowid >= :low AND search_index.rowid < :high
    AND message.world = :world AND NOT message.deleted
    AND message.room IN (SELECT value FROM json_each(:rooms)) AND (:sender = 0 OR message.sender = :sender)
    AND message.at >= :since AND message.at < :until
ORDER BY search_index.rowid DESC LIMIT :count
"""


def is_behind(connection: sqlite3.Connection, world: int) -> bool:
    """Tell whether there may be messages of a world that are not indexed."""
    ((behind,),) = connection.execute(
        "SELECT coalesce((SELECT number FROM search_progress WHERE world = :world), -1)"
        " < coalesce((SELECT max(number) FROM message WHERE world = :world), 0)",
        {"world": world},
    )
    return bool(behind)


def catch_up(connection: sqlite3.Connection, world: int) -> bool:
    """Index the next STEP messages of a world in a transaction; tell whether there may be more.

    Several processes may do this at once.
    """
    with _writing(connection):
        found = connection.execute("SELECT number FROM search_progress WHERE world = ?", (world,)).fetchone()
        if found is None:
            return _begin(connection, world)
        ((last, count),) = connection.execute(
            "SELECT max(number), count(*) FROM"
            " (SELECT number FROM message WHERE world = ? AND number > ? ORDER BY number LIMIT ?)",
            (world, found[0], STEP),
        )
        if not count:
            return False
        values = {"world": world, "after": found[0], "last": last, "places": PLACES, "edge": LAST}
        connection.execute(_FORGET, values)
        connection.execute(_TAKE_IN, values)
        connection.execute("UPDATE search_progress SET number = ? WHERE world = ?", (last, world))
    return bool(count == STEP)


def _begin(connection: sqlite3.Connection, world: int) -> bool:
    """Forget STEP entries of a world that was replaced, or begin to index when there are none left."""
    gone = connection.execute(
        "DELETE FROM search_entry WHERE slot IN (SELECT slot FROM search_entry WHERE world = ? LIMIT ?)", (world, STEP)
    )
    if not gone.rowcount:
        connection.execute("INSERT INTO search_progress (world, number) VALUES (?, 0)", (world,))
    return True


@contextmanager
def _writing(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has ended it already
            connection.execute("ROLLBACK")
        raise


def find(
    connection: sqlite3.Connection,
    world: int,
    query: Query,
    *,
    rooms: Sequence[int],
    sender: int,
    since: datetime | None,
    until: datetime | None,
    before: int | None,
    limit: int,
) -> Found:
    """Give the newest messages that say what a query asks. Raises Limited when that takes longer than TIME_LIMIT."""
    if not rooms:
        return Found(messages=[])
    begin, end = to_microseconds(since or _EVER[0]), to_microseconds(until or _EVER[1])
    high = _slot(end // 1000) + 2 * PLACES  # what was said before 1970 is rounded up
    values = {
        "match": _match(query, rooms, sender),
        "low": _slot(begin // 1000),
        "high": high if before is None else min(high, before),
        "world": world,
        "rooms": to_json(rooms),
        "sender": sender,
        "since": begin,
        "until": end,
        "count": limit + 1,
    }
    with _time_limit(connection):
        rows = connection.execute(_FIND, values).fetchall()
    messages = [MAPPERS[Message].record(row[1:]) for row in rows[:limit]]
    return Found(messages=messages, next=rows[limit - 1][0] if len(rows) > limit else None)


_EVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def _slot(millisecond: int) -> int:
    """Give the first slot of a millisecond, or of the last that slots tell apart."""
    return min(max(millisecond, -LAST), LAST) * PLACES


def _match(query: Query, rooms: Sequence[int], sender: int) -> str:
    """Write a query for FTS5. Words are quoted, and have no quotes in them (see Term)."""
    said = " AND ".join(map(_phrase, query.terms))
    if query.without:
        said = f"({said}) NOT ({' OR '.join(map(_phrase, query.without))})"
    parts = [f"said : ({said})"]
    if len(rooms) <= TAGGED_ROOMS:
        parts.append("tags : ({})".format(" OR ".join(f'"r{room}"' for room in rooms)))
    if sender:
        parts.append(f'tags : "s{sender}"')
    return " AND ".join(f"({part})" for part in parts)


def _phrase(term: Term) -> str:
    return f'"{" ".join(term.words)}"' + "*" * term.prefix


@contextmanager
def _time_limit(connection: sqlite3.Connection) -> Iterator[None]:
    until = time.monotonic() + TIME_LIMIT
    connection.set_progress_handler(lambda: time.monotonic() > until, TICK)
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_INTERRUPT:
            raise
        message = "There is too much to look through. Name a room, a span of time or a rarer word."
        raise Limited(Code.TOO_LARGE, message) from error
    finally:
        connection.set_progress_handler(None, 0)
