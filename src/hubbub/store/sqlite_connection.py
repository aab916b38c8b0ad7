"""Connections to a SQLite database: how they are opened, and what their errors mean."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.engine import make_url

from hubbub.store.contract import StoreError, StoreUnavailable

DIALECT = sqlite_dialect(paramstyle="named")

MINIMUM = (3, 38, 0)
"""The first SQLite that has JSON in every build; strict tables came with 3.37."""

BUSY_TIMEOUT = 5000
"""Milliseconds to wait for another process that writes: a migration or an import takes that long, a commit does not."""

CACHE = -32 * 1024
"""Page cache of a connection, as SQLite counts it: negative for KiB. Holds the hot ends of the message indexes."""

JOURNAL_SIZE = 64 * 1024 * 1024
"""Bytes to which the write-ahead log is cut back after a burst."""

# Not the statement's fault: the same one may succeed later, or on another disk.
UNAVAILABLE = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOTADB,
}


def database_path(url: str) -> Path | None:
    """Give the file that a `sqlite:` URL names, or None for a database in memory.

    Raises ValueError on a URL that is not understood.
    """
    parsed = make_url(url)
    if parsed.host or parsed.query or parsed.username:
        raise ValueError("a SQLite URL is sqlite:///relative.db, sqlite:////absolute.db or sqlite:// (in memory)")
    if parsed.database in (None, "", ":memory:"):
        return None
    return Path(str(parsed.database))


def connect(path: Path | None, *, read_only: bool = False) -> sqlite3.Connection:
    """Open a connection that every thread may use, one at a time. Transactions are begun by hand.

    A new file can be read by its owner only; SQLite gives the files beside it the same mode.
    """
    if path is not None:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(
        path or ":memory:",
        timeout=BUSY_TIMEOUT / 1000,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA cache_size = {CACHE}")
        connection.execute(f"PRAGMA journal_size_limit = {JOURNAL_SIZE}").fetchone()
        if read_only:
            connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def is_unavailable(error: BaseException) -> bool:
    """Tell whether an error is the database's state rather than the fault of what was asked."""
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        # Errors of the module itself, such as the use of a closed connection, have no code.
        return code is None if isinstance(error, sqlite3.ProgrammingError) else (code or 0) & 0xFF in UNAVAILABLE
    return isinstance(error, OSError | StoreUnavailable)


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the driver raises into what the contract promises."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        kind = StoreUnavailable if is_unavailable(error) else StoreError
        raise kind(f"the database cannot be used: {error}") from error
