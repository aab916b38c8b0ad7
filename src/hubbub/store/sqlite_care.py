"""Care of a SQLite database: forgetting what is old, and looking for damage."""

import sqlite3
from datetime import datetime

from hubbub.core.model import AccessToken, Ban, Ignore, Invite, LoginCode, PushSubscription, User
from hubbub.store.schema import TABLES, to_microseconds

CHUNK = 2000
"""Journal entries forgotten in one transaction: a few milliseconds, for which writers wait."""
EXPIRING = (
    (LoginCode, "expires"),
    (Invite, "expires"),
    (Ban, "until"),
    (Ignore, "until"),
    (AccessToken, "expires"),
    (PushSubscription, "expires"),
)
"""Records that end by themselves, and the column that says when."""


def prune_journal(connection: sqlite3.Connection, before: datetime) -> int:
    """Forget up to `CHUNK` entries at the journal's beginning that are older than an instant; give how many.

    Only the beginning goes, so that no stream ever has a gap, even where a clock once stepped back.
    """
    return connection.execute(
        "DELETE FROM journal WHERE position IN (SELECT position FROM journal ORDER BY position LIMIT :chunk)"
        " AND position < coalesce((SELECT min(position) FROM (SELECT position, at FROM journal ORDER BY position"
        " LIMIT :chunk) WHERE at >= :before), 9223372036854775807)",
        {"chunk": CHUNK, "before": to_microseconds(before)},
    ).rowcount


def prune_expired(connection: sqlite3.Connection, now: datetime) -> int:
    """Forget what is over by itself (see EXPIRING); give how many."""
    # A browser may have subscribed in the moment in which its user was deleted.
    rows = connection.execute(
        f"DELETE FROM {TABLES[PushSubscription].name} WHERE user IN"  # noqa: S608
        f' (SELECT id FROM "{TABLES[User].name}" WHERE deleted)'
    ).rowcount
    for record, column in EXPIRING:
        rows += connection.execute(
            f'DELETE FROM "{TABLES[record].name}" WHERE "{column}" <= ?',  # noqa: S608
            (to_microseconds(now),),
        ).rowcount
    return rows


def check(connection: sqlite3.Connection) -> list[str]:
    """Say in sentences what is wrong with the database; nothing when all is well."""
    found = [f"SQLite says: {line}." for (line,) in connection.execute("PRAGMA integrity_check") if line != "ok"]
    if found:
        return found  # what the tables say means nothing then
    found += [
        f"The journal of stream {identity}, epoch {epoch}, has {count} entries between {first} and {last}."
        for identity, epoch, count, first, last in connection.execute(
            "SELECT stream, epoch, count(*), min(seq), max(seq) FROM journal GROUP BY stream, epoch"
            " HAVING count(*) <> max(seq) - min(seq) + 1"
        )
    ]
    found += [
        f"Stream {identity} counts {seq} events in epoch {epoch}, but its journal has {last}."
        for identity, epoch, seq, last in connection.execute(
            "SELECT journal.stream, journal.epoch, coalesce(stream.seq, 0), max(journal.seq) FROM journal"
            " LEFT JOIN stream ON stream.id = journal.stream AND stream.epoch = journal.epoch"
            " LEFT JOIN world ON world.id = journal.world"
            " WHERE stream.id IS NOT NULL OR world.epoch = journal.epoch"
            " GROUP BY journal.stream, journal.epoch HAVING coalesce(stream.seq, 0) <> max(journal.seq)"
        )
    ]
    found += [
        f"World {world} counts {number} messages, but has one with number {last}."
        for world, number, last in connection.execute(
            "SELECT message.world, coalesce(stream.number, 0), max(message.number) FROM message"
            " LEFT JOIN stream ON stream.id = message.world"
            " GROUP BY message.world HAVING coalesce(stream.number, 0) < max(message.number)"
        )
    ]
    found += [
        f"World {world} has {last} messages, but is ready for searching up to message {number}."
        for world, number, last in connection.execute(
            "SELECT search_progress.world, search_progress.number, coalesce(stream.number, 0) FROM search_progress"
            " LEFT JOIN stream ON stream.id = search_progress.world"
            " WHERE search_progress.number > coalesce(stream.number, 0)"
        )
    ]
    found += [
        f"Message {number} of world {world} was never numbered in its room."
        for world, number in connection.execute("SELECT world, number FROM message WHERE number < 1 OR seq < 1")
    ]
    return found
