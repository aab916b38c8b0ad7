"""Open the store that a URL names."""

from hubbub.core.id import Clock
from hubbub.store.contract import Store


def open_store(url: str, *, node: str, clock: Clock) -> Store:
    """Give the store for a database URL; it is not open yet: `async with` or `await store.open()` does that.

    Raises ValueError when no driver serves the URL.
    """
    scheme = url.partition(":")[0].partition("+")[0]
    if scheme == "sqlite":
        from hubbub.store.sqlite import SqliteStore

        return SqliteStore(url, node=node, clock=clock)
    if scheme in ("postgresql", "postgres"):
        raise ValueError("PostgreSQL is not served yet: use sqlite:///hubbub.db")
    raise ValueError(f"no store for {scheme!r} URLs: use sqlite:///hubbub.db")
