"""What is particular to SQLite: its file, its troubles, and an end without warning."""

import asyncio
import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Coroutine
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from hubbub.core.event import MessagePosted, ReadMarked, RoomCreated, UserCreated, WorldCreated, WorldReplaced
from hubbub.core.model import Message, ReadState, Room, User, World
from hubbub.store.contract import StoreError, StoreUnavailable
from hubbub.store.open import open_store
from hubbub.store.schema import metadata
from hubbub.store.sqlite import PATIENCE, SqliteStore

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hubbub.db"


def store_at(path: Path, node: str = "one") -> SqliteStore:
    return SqliteStore(f"sqlite:///{path}", node=node, clock=lambda: NOW)


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


def posted(identity: int, body: str = "hello") -> MessagePosted:
    message = Message(id=identity, world=1, room=2, sender=3, at=NOW, body=body, nonce=str(identity))
    return MessagePosted(world=1, room=2, by=3, message=message)


def founding() -> list[WorldCreated | RoomCreated]:
    return [
        WorldCreated(world=1, config=World(id=1, name="main", title="Main", created=NOW)),
        RoomCreated(world=1, room=2, config=Room(id=2, world=1, created=NOW)),
    ]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://host/db", "PostgreSQL is not served yet"),
        ("mysql://host/db", "no store for 'mysql'"),
        ("hubbub.db", "use sqlite:///hubbub.db"),
        ("sqlite://host/hubbub.db", "sqlite:///relative.db"),
        ("sqlite:///hubbub.db?mode=ro", "sqlite:///relative.db"),
    ],
)
def test_a_url_that_is_not_served_is_refused_clearly(url: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        open_store(url, node="one", clock=lambda: NOW)


def test_only_the_owner_may_read_the_files(path: Path) -> None:
    async def test() -> None:
        async with store_at(path) as store:
            await store.commit(founding())
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
            assert modes == {"hubbub.db": 0o600, "hubbub.db-wal": 0o600, "hubbub.db-shm": 0o600}

    run(test)


def test_a_relative_url_is_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def test() -> None:
        async with SqliteStore("sqlite:///here.db", node="one", clock=lambda: NOW):
            assert (tmp_path / "here.db").exists()

    run(test)


def test_commits_are_on_disk(path: Path) -> None:
    async def test() -> None:
        async with store_at(path) as store:
            assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert store._connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL

    run(test)


def test_a_folder_that_does_not_exist_is_unavailable(tmp_path: Path) -> None:
    async def test() -> None:
        store = store_at(tmp_path / "no" / "hubbub.db")
        with pytest.raises(StoreUnavailable):
            await store.open()
        await store.close()
        with pytest.raises(StoreError):
            await store.worlds()

    run(test)


def fill(store: SqliteStore) -> Callable[[], None]:
    (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
    store._connection.execute(f"PRAGMA max_page_count = {pages}").fetchone()
    return lambda: store._connection.execute("PRAGMA max_page_count = 1000000").fetchone()


def make_read_only(store: SqliteStore) -> Callable[[], None]:
    store._connection.execute("PRAGMA query_only = ON")
    return lambda: store._connection.execute("PRAGMA query_only = OFF").close()


def lock(store: SqliteStore) -> Callable[[], None]:
    store._connection.execute("PRAGMA busy_timeout = 1").fetchone()
    other = sqlite3.connect(str(store._path), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other.close


@pytest.mark.parametrize("trouble", [fill, make_read_only, lock])
def test_trouble_with_the_database_changes_nothing_and_passes(
    path: Path, trouble: Callable[[SqliteStore], Callable[[], None]]
) -> None:
    async def test() -> None:
        async with store_at(path) as store:
            await store.commit(founding())
            await store.commit([posted(100)])
            end = trouble(store)
            store.enqueue([ReadMarked(world=1, state=ReadState(room=2, user=3, world=1, read=1))])
            events = [posted(101 + i, "x" * 50_000) for i in range(4)]
            results = await asyncio.gather(*(store.commit([event]) for event in events), return_exceptions=True)
            assert [type(result) for result in results] == [StoreUnavailable] * 4
            assert {(event.seq, event.epoch, event.message.number, event.message.seq) for event in events} == {
                (0, 0, 0, 0)
            }
            assert [message.id for message in await store.messages(2, before=99, limit=99)] == [100]
            end()
            await store.commit(events)
            assert [event.message.number for event in events] == [2, 3, 4, 5]
            snapshot = await store.load("main")
            assert snapshot is not None
            assert len(snapshot.of(ReadState)) == 1
            assert await store.check() == []

    run(test)


def test_what_is_enqueued_is_written_though_nobody_commits(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubbub.store.sqlite.ENQUEUED_DELAY", 0.001)

    async def test() -> None:
        async with store_at(path) as store, store_at(path, "two") as two:
            await store.commit(founding())
            store.enqueue([posted(100)])
            while await two.message(1, 1) is None:
                await asyncio.sleep(0.001)

    run(test)


def test_nothing_is_left_of_a_world_that_was_replaced(path: Path) -> None:
    async def test() -> None:
        async with store_at(path) as store:
            await store.commit(founding())
            await store.commit([posted(100), UserCreated(world=1, user=User(id=3, world=1, created=NOW))])
            new = World(id=1, name="main", title="Main", epoch=2, created=NOW)
            await store.commit([WorldReplaced(world=1, config=new, rooms=())])
            rows = {
                table.name: store._connection.execute(f'SELECT count(*) FROM "{table.name}"').fetchone()[0]
                for table in metadata.sorted_tables
            }
            # The world, its new beginning in the journal, that stream, and who wrote it.
            left = ("world", "journal", "stream", "writer")
            assert rows == {name: int(name in left) for name in rows}

    run(test)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("DELETE FROM journal WHERE seq = 3 AND stream = 2", "has 3 entries between 1 and 4"),
        ("UPDATE stream SET seq = 3 WHERE id = 2", "Stream 2 counts 3 events"),
        ("DELETE FROM stream WHERE id = 2", "Stream 2 counts 0 events"),
        ("UPDATE stream SET number = 1 WHERE id = 1", "World 1 counts 1 messages, but has one with number 3"),
        ("UPDATE message SET seq = 0 WHERE id = 100", "Message 1 of world 1 was never numbered"),
    ],
)
def test_damage_is_found(path: Path, damage: str, says: str) -> None:
    async def test() -> None:
        async with store_at(path) as store:
            await store.commit(founding())
            await store.commit([posted(100), posted(101), posted(102)])
            assert await store.check() == []
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute(damage)
            found = await store.check()
            assert len(found) == 1
            assert says in found[0]

    run(test)


def test_a_damaged_file_is_found(path: Path) -> None:
    async def build() -> None:
        async with store_at(path) as store:
            await store.commit(founding())
            await store.commit([posted(100 + i) for i in range(300)])

    async def test() -> None:
        async with store_at(path) as store:
            assert "SQLite says" in (await store.check())[0]

    run(build)
    swap = {"message_number": "message_kind", "message_kind": "message_number"}
    with closing(sqlite3.connect(path)) as database, database:
        pages = dict(database.execute("SELECT name, rootpage FROM sqlite_schema"))
        database.execute("PRAGMA writable_schema = ON")
        for name, other in swap.items():
            database.execute("UPDATE sqlite_schema SET rootpage = ? WHERE name = ?", (pages[other], name))
    run(test)


def test_a_world_of_history_is_found_through_its_indexes(path: Path) -> None:
    """What is read often must not read a whole table: it would be slow only once a community has grown."""
    from hubbub.store import sqlite_reader as reader

    async def test() -> None:
        async with store_at(path) as store:
            names = {
                name: query
                for name, query in vars(reader).items()
                if isinstance(query, reader.Query | reader.RecordQuery) and name not in ("WORLDS", "OTHERS", "POSITION")
            }
            names |= {f"HISTORY {key}": query for key, query in reader.HISTORY.items()}
            assert len(names) > 10
            for name, found in names.items():
                query = found if isinstance(found, reader.Query) else found._query
                sql = query._sql
                given = dict.fromkeys(re.findall(r":(\w+)", sql), 1) | query._defaults
                plan = [row[3] for row in store._connection.execute(f"EXPLAIN QUERY PLAN {sql}", given)]
                # What is asked for comes as a list, which is a virtual table.
                scans = [line for line in plan if line.startswith("SCAN") and "VIRTUAL TABLE" not in line]
                # The few worlds may be looked through.
                assert [line for line in scans if line != "SCAN world"] == [], (name, plan)
                assert not any("TEMP B-TREE" in line for line in plan), (name, plan)

    run(test)


# Without warning

VICTIM = """
import asyncio, os, sys
from hubbub.core.event import UserCreated
from hubbub.core.model import User
from tests.store.test_sqlite import NOW, founding, posted, store_at

async def main(path):
    async with store_at(path) as store:
        await store.commit(founding())
        async def say(caller):
            for i in range(10**6):
                identity = 1000 + 3 * (i * 16 + caller)
                user = User(id=identity + 2, world=1, created=NOW)
                events = [posted(identity), UserCreated(world=1, user=user), posted(identity + 1)]
                await store.commit(events)
                os.write(1, b"%d %d\\n" % (identity, events[2].message.number))
        await asyncio.gather(*(say(caller) for caller in range(16)))

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.parametrize("acknowledged", [1, 40, 700])
def test_an_acknowledged_message_survives_a_kill_and_nothing_is_half_there(path: Path, acknowledged: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(path)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as victim:
        assert victim.stdout is not None
        lines = [victim.stdout.readline() for _ in range(acknowledged)]
        victim.send_signal(signal.SIGKILL)
        lines += [line for line in victim.stdout.read().splitlines() if line]
    assert victim.returncode == -signal.SIGKILL
    known = {int(identity): int(number) for identity, number in (line.split() for line in lines if b" " in line)}
    assert len(known) >= acknowledged

    async def test() -> None:
        async with store_at(path) as store:
            assert await store.check() == []
            messages = await store.messages(2, before=10**9, limit=10**9)
            assert [message.number for message in messages] == list(range(1, len(messages) + 1))
            found = {message.id: message.number for message in messages}
            assert {identity: found.get(identity + 1) for identity in known} == known
            snapshot = await store.load("main")
            assert snapshot is not None
            users = {user.id for user in snapshot.of(User)}
            callers = {identity - (identity - 1000) % 3 for identity in found}
            assert users == {identity + 2 for identity in callers}
            assert set(found) == callers | {identity + 1 for identity in callers}
            events = await store.replay(2, 1, 0, limit=10**9)
            assert events is not None
            assert [event.seq for event in events] == list(range(1, len(messages) + 2))
            # and it goes on where it was
            event = posted(1)
            await store.commit([event])
            assert event.message.number == len(messages) + 1

    run(test)


def test_a_commit_that_another_process_holds_up_does_not_hold_up_the_loop(path: Path) -> None:
    async def test() -> None:
        async with store_at(path) as store:
            await store.commit(founding())
            await store.commit([posted(10)])
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                waiting = store.submit([posted(11)])
                for _ in range(100):
                    await asyncio.sleep(0)
                assert not waiting.done()
                other.execute("COMMIT")
            await waiting
            assert [message.number for message in await store.messages(2, before=9, limit=9)] == [1, 2]

    run(test)


def test_after_slow_commits_the_thread_writes_for_a_while(path: Path) -> None:
    async def test() -> None:
        async with store_at(path) as store:
            await store.commit(founding())
            with mock.patch.object(store._writer, "write_at_once", wraps=store._writer.write_at_once) as at_once:
                await store.commit([posted(10)])
                assert at_once.call_count == 1
                with mock.patch("hubbub.store.sqlite.AT_ONCE", -1.0):
                    await store.commit([posted(11)])
                for identity in range(12, 12 + PATIENCE):
                    await store.commit([posted(identity)])
                assert at_once.call_count == 2
                await store.commit([posted(1000)])
                assert at_once.call_count == 3
            assert await store.check() == []

    run(test)
