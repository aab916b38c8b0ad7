"""Connections to a SQLite database: how they are opened, and what their errors mean."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from hubbub.store.contract import StoreError, StoreUnavailable

DIALECT = sqlite_dialect(paramstyle="named")

MINIMUM = (3, 38, 0)
"""The first SQLite that has JSON in every build; strict tables came with 3.37."""

BUSY_TIMEOUT = 5000
"""Milliseconds to wait for another process that writes: a migration or an import takes that long, a commit does not."""

CACHE = -32 * 1024
"""Page cache of a connection, as SQLite counts it: negative for KiB. Holds the hot ends of the message indexes."""

CHECKPOINT = 4000
"""Pages of the write-ahead log, 16 MB, after which it is checked in: the more, the fewer pages are written twice."""

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
        # Only where there is no file yet: to close one, however it was opened, drops the locks that other connections
        # of this process hold on it (sqlite.org/howtocorrupt.html 2.2). Another process then takes itself for the last
        # one, and removes the write-ahead log from under us.
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(
        path or ":memory:",
        timeout=BUSY_TIMEOUT / 1000,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    try:
        _switch_to_wal(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA cache_size = {CACHE}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT}").fetchone()
        connection.execute(f"PRAGMA journal_size_limit = {JOURNAL_SIZE}").fetchone()
        if read_only:
            connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Let readers read while somebody writes. SQLite itself does not wait for another who does this too."""
    attempts = BUSY_TIMEOUT // 10
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            attempts -= 1
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or not attempts:
                raise
            time.sleep(0.01)
        else:
            return


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
    except (sqlite3.Error, OSError, DBAPIError) as error:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
        kind = StoreUnavailable if is_unavailable(cause) else StoreError
        raise kind(f"the database cannot be used: {cause}") from error
