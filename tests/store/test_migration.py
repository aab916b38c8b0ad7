"""A database of any age becomes one of this version, or is left alone."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import alembic.op
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from hubbub.store import migrations
from hubbub.store.contract import SchemaMismatch, StoreError
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
        context = MigrationContext.configure(bound, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    assert migrations.is_current(database)


def test_migrated_tables_are_strict_and_laid_out_as_in_the_schema(database: sqlite3.Connection) -> None:
    migrations.upgrade(database)
    with closing(sqlite3.connect(":memory:")) as fresh:
        with migrations.engine_over(fresh).begin() as bound:
            metadata.create_all(bound)
        query = "SELECT name, wr, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%'"
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
