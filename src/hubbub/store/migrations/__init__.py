"""Migrations: how a database of an older version becomes one of this version.

They run in the process that opens the store; no configuration file is needed. Each revision is a file under `versions`
and says what it does in Alembic's operations, never by way of `schema`, which moves on.
"""

import sqlite3
import threading
from pathlib import Path

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, StaticPool, create_engine

from hubbub.store.contract import SchemaMismatch

_alone = threading.Lock()
"""Alembic's operations are a global of the process."""


def scripts() -> ScriptDirectory:
    """Give the revisions that this program knows."""
    return ScriptDirectory(str(Path(__file__).parent))


def engine_over(connection: sqlite3.Connection) -> Engine:
    """Give an engine whose only connection is this one, which stays open and begins transactions by hand."""
    return create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)


def revision(connection: Connection) -> str | None:
    """Give the revision of a database, or None when it is empty. Raises SchemaMismatch when it is not ours."""
    found = MigrationContext.configure(connection).get_current_revision()
    if found is None and connection.exec_driver_sql("SELECT 1 FROM sqlite_schema LIMIT 1").first() is not None:
        raise SchemaMismatch("the database has tables of another program")
    if found is not None:
        try:
            scripts().get_revision(found)
        except CommandError as error:
            raise SchemaMismatch(f"the database is newer than this program: revision {found}") from error
    return found


def is_current(connection: sqlite3.Connection) -> bool:
    """Tell whether a database has the schema of this program. Raises SchemaMismatch when it is newer or not ours."""
    with engine_over(connection).connect() as bound:
        return revision(bound) == scripts().get_current_head()


def upgrade(connection: sqlite3.Connection) -> None:
    """Bring a database up to date, all or none; of several processes at once, one does it."""
    directory = scripts()
    with _alone, engine_over(connection).connect() as bound:
        # The driver begins nothing by itself before CREATE TABLE; so the whole migration is one transaction.
        bound.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            revision(bound)
            with EnvironmentContext(
                Config(),
                directory,
                fn=lambda current, _: directory._upgrade_revs("head", current),  # as alembic.command does
                destination_rev="head",
            ) as environment:
                environment.configure(connection=bound, transactional_ddl=False)
                environment.run_migrations()
            bound.exec_driver_sql("COMMIT")
        except BaseException:
            bound.exec_driver_sql("ROLLBACK")
            raise
