"""A database of any age becomes one of this version, or is left alone."""

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import alembic.op
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from hubbub.core.event import (
    Audited,
    Event,
    FileUploaded,
    GrantGiven,
    InviteCreated,
    LoginIssued,
    MemberJoined,
    MessagePosted,
    PasswordSet,
    PushSubscribed,
    ReadMarked,
    RoomCreated,
    RoomUpdated,
    UserBanned,
    UserBlocked,
    UserCreated,
    WorldCreated,
)
from hubbub.core.model import (
    AuditEntry,
    Ban,
    Block,
    Credential,
    Grant,
    Invite,
    LoginCode,
    Member,
    Message,
    PushSubscription,
    ReadState,
    Room,
    Upload,
    User,
    World,
)
from hubbub.store import migrations
from hubbub.store.contract import SchemaMismatch, Snapshot, Store, StoreError
from hubbub.store.open import open_store
from hubbub.store.schema import metadata
from hubbub.store.sqlite_connection import connect


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hubbub.db"


@pytest.fixture
def database(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(path)) as connection:
        yield connection


def open_and_close(path: Path, **options: bool) -> None:
    async def test() -> None:
        store = open_store(f"sqlite:///{path}", node="one", clock=lambda: datetime.now(UTC))
        await store.open(**options)
        await store.close()

    asyncio.run(test())


def tables(database: sqlite3.Connection) -> list[str]:
    return [name for (name,) in database.execute("SELECT name FROM sqlite_schema")]


def test_migrations_lead_to_the_schema(database: sqlite3.Connection) -> None:
    migrations.upgrade(database)
    with migrations.engine_over(database).connect() as bound:
        # The tables behind the index of messages are FTS5's own.
        opts = {"compare_type": True, "include_name": lambda name, *_: not str(name).startswith("search_index")}
        context = MigrationContext.configure(bound, opts=opts)
        assert compare_metadata(context, metadata) == []
    assert migrations.is_current(database)


def test_migrated_tables_are_strict_and_laid_out_as_in_the_schema(database: sqlite3.Connection) -> None:
    migrations.upgrade(database)
    with closing(sqlite3.connect(":memory:")) as fresh:
        with migrations.engine_over(fresh).begin() as bound:
            metadata.create_all(bound)
        query = (
            "SELECT name, wr, strict FROM pragma_table_list"
            " WHERE schema = 'main' AND name NOT LIKE 'sqlite_%' AND type = 'table'"
        )
        expected = set(fresh.execute(query))
        assert set(database.execute(query)) - {("alembic_version", 0, 0)} == expected
        assert all(strict for *_, strict in expected)


def test_an_upgrade_of_what_is_current_changes_nothing(database: sqlite3.Connection) -> None:
    migrations.upgrade(database)
    before = list(database.iterdump())
    migrations.upgrade(database)
    assert list(database.iterdump()) == before


def test_a_migration_that_fails_leaves_nothing(database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []

    def fail(*args: Any, **_: Any) -> None:
        made.append(args)
        if len(made) == 5:
            raise OSError("the disk is gone")

    monkeypatch.setattr(alembic.op, "create_index", fail)
    with pytest.raises(OSError, match="gone"):
        migrations.upgrade(database)
    assert tables(database) == []


def test_an_empty_database_is_not_opened_without_migrating(path: Path) -> None:
    with pytest.raises(SchemaMismatch):
        open_and_close(path, migrate=False)
    open_and_close(path)
    open_and_close(path, migrate=False)


def test_a_newer_database_is_left_alone(path: Path) -> None:
    open_and_close(path)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaMismatch, match="newer"):
        open_and_close(path)


def test_a_database_of_another_program_is_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE theirs (x)")
    with pytest.raises(SchemaMismatch, match="another program"):
        open_and_close(path)
    with closing(sqlite3.connect(path)) as database:
        assert tables(database) == ["theirs"]


def test_what_is_no_database_is_left_alone(path: Path) -> None:
    path.write_text("dear diary" * 100)
    with pytest.raises(StoreError):
        open_and_close(path)
    assert path.read_text() == "dear diary" * 100


def test_two_who_open_a_new_database_at_once_both_find_it_ready(path: Path) -> None:
    async def test() -> None:
        stores = [open_store(f"sqlite:///{path}", node=str(i), clock=lambda: datetime.now(UTC)) for i in range(3)]
        await asyncio.gather(*(store.open() for store in stores))
        for store in stores:
            assert await store.check() == []
            await store.close()

    asyncio.run(test())


# From a version to the next


NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


def store_of(path: Path) -> Store:
    return open_store(f"sqlite:///{path}", node="one", clock=lambda: NOW)


def events_of_old() -> list[Event]:
    """List something of everything that the first version could keep."""
    room = Room(id=10, world=1, name="Lounge", created=NOW, modules=({"type": "chat.native", "config": {}},))
    user = User(id=100, world=1, client_id="c", profile={"display_name": "Ada"}, traits=("a",), created=NOW)
    message = Message(id=1000, world=1, room=10, sender=100, at=NOW, body="Hi", nonce="n", reactions={"x": (100,)})
    return [
        WorldCreated(world=1, config=World(id=1, name="main", title="Main", config={"a": 1}, created=NOW)),
        RoomCreated(world=1, room=10, config=room),
        UserCreated(world=1, user=user),
        UserCreated(world=1, user=User(id=101, world=1, login="bob", created=NOW, deleted=True)),
        MemberJoined(world=1, room=10, member=Member(room=10, user=100, world=1, joined=NOW)),
        GrantGiven(world=1, grant=Grant(world=1, user=100, role="admin")),
        UserBanned(world=1, ban=Ban(id=7, world=1, user=101, by=100, reason="why", at=NOW)),
        UserBanned(world=1, room=10, ban=Ban(id=8, world=1, user=101, kind="silence", room=10, until=LATER, at=NOW)),
        UserBlocked(world=1, block=Block(world=1, user=100, target=101)),
        InviteCreated(world=1, invite=Invite(code="i", world=1, room=10, by=100, created=NOW, expires=LATER)),
        MessagePosted(world=1, room=10, message=message),
        ReadMarked(world=1, room=10, state=ReadState(room=10, user=100, world=1, read=1, notifications=(1000,))),
        PasswordSet(world=1, credential=Credential(user=101, world=1, password="hash")),
        LoginIssued(world=1, codes=(LoginCode(digest="d", world=1, claims={"uid": "x"}, expires=LATER),)),
        Audited(world=1, entry=AuditEntry(id=9, world=1, user=100, type="t", data={"k": [1]}, at=NOW)),
        FileUploaded(world=1, upload=Upload(id=5, world=1, user=100, path="p", type="image/png", size=9, at=NOW)),
        PushSubscribed(
            world=1,
            subscription=PushSubscription(
                world=1, digest="d", user=100, endpoint="https://e", p256dh="p", auth="a", created=NOW
            ),
        ),
    ]


def rows_of(database: sqlite3.Connection, columns: dict[str, list[str]]) -> dict[str, list[Any]]:
    """Give the rows of tables, as far as these columns go."""
    found = {
        table: database.execute(f"SELECT {listed(names)} FROM {quoted(table)}") for table, names in columns.items()
    }
    return {table: sorted(rows, key=repr) for table, rows in found.items()}


def quoted(name: str) -> str:
    return f'"{name}"'


def listed(names: list[str]) -> str:
    return ", ".join(map(quoted, names))


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, dict[str, list[str]], Snapshot]:
    """A database as the first version left it: the file, the columns of its tables, and what it had in memory."""
    path, newest = tmp_path / "old.db", tmp_path / "newest.db"

    async def fill() -> Snapshot:
        async with store_of(newest) as store:
            await store.commit(events_of_old())
            snapshot = await store.load("main")
            assert snapshot is not None
            return snapshot

    snapshot = asyncio.run(fill())
    first = tmp_path / "migrations"
    shutil.copytree(Path(migrations.__file__).parent, first, ignore=shutil.ignore_patterns("000[2-9]*", "__pycache__"))
    with monkeypatch.context() as patch, closing(connect(path)) as database:
        patch.setattr(migrations, "scripts", lambda: ScriptDirectory(str(first)))
        migrations.upgrade(database)
        assert migrations.is_current(database)
        columns = {
            table: [row[1] for row in database.execute(f"PRAGMA table_info({quoted(table)})")]
            for (table,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
            if not table.startswith(("sqlite_", "alembic_"))
        }
        database.execute("ATTACH ? AS newest", (str(newest),))
        with database:
            for table, names in columns.items():
                database.execute(
                    f"INSERT INTO main.{quoted(table)} ({listed(names)})"
                    f" SELECT {listed(names)} FROM newest.{quoted(table)}"
                )
        database.commit()
        database.execute("DETACH newest")
    return path, columns, snapshot


def test_a_database_of_the_first_version_keeps_all_its_rows(old: Any) -> None:
    path, columns, snapshot = old
    with closing(connect(path)) as database:
        assert "preferences" not in columns["user"]
        before = rows_of(database, columns)
        assert [table for table, rows in before.items() if not rows] == [], "a table that the test leaves out"
        assert not migrations.is_current(database)
        migrations.upgrade(database)
        assert migrations.is_current(database)
        assert rows_of(database, columns) == before

    async def test() -> None:
        async with store_of(path) as store:
            loaded = await store.load("main")
            assert loaded is not None
            assert loaded == snapshot
            (room,), user = loaded.of(Room), loaded.of(User)[0]
            assert (room.listed, room.gated, room.topic, room.topic_at) == (True, False, "", None)
            assert (user.preferences, user.verified, user.adult) == ({}, False, False)
            assert {(ban.handle, ban.addresses, ban.clients) for ban in loaded.of(Ban)} == {("", (), ())}
            (message,) = await store.messages(10, before=9, limit=9)
            assert message.body == "Hi"
            assert len(await store.replay(10, 1, 1) or []) == 3
            changed = Room(id=10, world=1, name="Lounge", topic="Tea", locked=True, created=NOW)
            await store.commit([RoomUpdated(world=1, room=10, config=changed)])
            again = await store.load("main")
            assert again is not None
            assert again.of(Room) == [changed]
            assert await store.check() == []

    asyncio.run(test())


def test_a_database_of_the_first_version_is_not_opened_without_migrating(old: Any) -> None:
    path, columns, _ = old
    with pytest.raises(SchemaMismatch):
        open_and_close(path, migrate=False)
    with closing(connect(path)) as database:
        assert [row[1] for row in database.execute("PRAGMA table_info(user)")] == columns["user"]
    open_and_close(path)
    open_and_close(path, migrate=False)


def test_a_migration_to_the_next_version_that_fails_changes_nothing(old: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path, *_ = old
    with closing(connect(path)) as database:
        before = list(database.iterdump())

        def fail(*_: Any, **__: Any) -> None:
            raise OSError("the disk is gone")

        monkeypatch.setattr(alembic.op, "create_index", fail)
        with pytest.raises(OSError, match="gone"):
            migrations.upgrade(database)
        assert list(database.iterdump()) == before


def test_who_deleted_a_message_is_found_in_what_took_its_place(
    database: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once only the second of the two told."""
    third = tmp_path / "migrations"
    shutil.copytree(Path(migrations.__file__).parent, third, ignore=shutil.ignore_patterns("000[4-9]*", "__pycache__"))
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "scripts", lambda: ScriptDirectory(str(third)))
        migrations.upgrade(database)
    insert = (
        "INSERT INTO message (id, world, room, sender, at, kind, body, attachments, number, seq, replaces, deleted,"
        " reactions) VALUES (?, 1, 2, ?, 0, 'text', '', '[]', ?, ?, ?, ?, '{}')"
    )
    rows = [
        (11, 7, 1, None, True),  # deleted by a moderator
        (12, 7, 2, None, True),  # deleted by its sender
        (13, 7, 3, None, False),  # edited
        (14, 9, 4, 1, True),
        (15, 7, 5, 2, True),
        (16, 7, 6, 3, False),
        (17, 8, 7, None, False),
    ]
    for identity, sender, number, replaces, deleted in rows:
        database.execute(insert, (identity, sender, number, number, replaces, deleted))
    migrations.upgrade(database)
    found = dict(database.execute("SELECT id, deleted_by FROM message"))
    assert found == {11: 9, 12: 7, 13: 0, 14: 0, 15: 0, 16: 0, 17: 0}
    assert set(database.execute("SELECT pinned, pinned_by FROM message")) == {(None, 0)}
