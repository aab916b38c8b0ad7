"""The communities of a database, opened beside the server that may be running on it; and who and what is in them."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from hubbub.cli.error import WRONG_SETTING, Failure
from hubbub.cli.output import waiting
from hubbub.settings import Settings

if TYPE_CHECKING:
    from hubbub.core.model import Room, User
    from hubbub.core.state import WorldState
    from hubbub.live.community import Community
    from hubbub.store.contract import Store

T = TypeVar("T")


def database_file(settings: Settings) -> Path | None:
    """Give the file of the database; None when it is in memory. Raises Failure when no driver serves the URL."""
    from hubbub.store.sqlite_connection import database_path

    try:
        open_store(settings)
        return database_path(settings.database)
    except ValueError as error:
        raise Failure(f"The database setting is wrong: {error}.", WRONG_SETTING) from error


def open_store(settings: Settings) -> "Store":
    """Give the store, not open yet, as a writer of its own beside the server. Raises ValueError."""
    from hubbub.live.clock import SystemClock
    from hubbub.store import open as driver

    name = f"{os.uname().nodename}:{os.getpid()}:{secrets.token_hex(4)}"
    return driver.open_store(settings.database, node=name, clock=SystemClock())


@asynccontextmanager
async def opened_store(settings: Settings, *, create: bool = False) -> "AsyncIterator[Store]":
    """Open a database, which is made when it is not there and `create`.

    One of an older version is not migrated: a server of that version may be running on it.
    """
    file = database_file(settings)
    fresh = file is None or not file.exists() or file.stat().st_size == 0
    if fresh and not create:
        raise Failure(
            f"There is no database {file or 'on disk'}. Start the server once with `hubbub serve`, or name another"
            " database with --database, HUBBUB_DATABASE or hubbub.toml."
        )
    store = open_store(settings)
    await store.open(migrate=fresh)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def opened(settings: Settings, *, create: bool = False) -> "AsyncIterator[Community]":
    """Open the communities of a database; see `opened_store`."""
    from hubbub.bus.memory import MemoryBus
    from hubbub.core.id import TOOL_NODES, IdGenerator
    from hubbub.live.clock import SystemClock
    from hubbub.live.community import Community

    clock = SystemClock()
    async with opened_store(settings, create=create) as store:
        community = Community(
            store, MemoryBus(), None, clock=clock, new_id=IdGenerator(clock, secrets.choice(TOOL_NODES))
        )
        await community.open()
        try:
            yield community
        finally:
            await community.close()


def beside(settings: Settings, work: "Callable[[Community], Awaitable[T]]", doing: str, *, create: bool = False) -> T:
    """Do something with the communities of the database while a server may be running on it."""

    async def run() -> T:
        async with opened(settings, create=create) as community:
            return await work(community)

    with waiting(doing):
        return asyncio.run(run())


# Who and what somebody means


def access_world(community: "Community", name: str) -> "WorldState":
    """Give the world of this name. Raises Failure."""
    found = community.worlds.get(name)
    if found is None:
        there = ", ".join(sorted(community.worlds)) or "none yet; `hubbub world create` makes one"
        raise Failure(f"There is no world {name!r}. There are: {there}. Name one with --world.")
    return found


def access_room(state: "WorldState", text: str) -> "Room":
    """Give the room that somebody means by an id, an import id or a name, in this order. Raises Failure."""
    from hubbub.dialects.venueless.id import Kind, parse

    rooms = state.ordered_rooms()
    identity = _integer(text) or parse(text, Kind.ROOM) or parse(text, Kind.CHANNEL)
    for found in (
        [room for room in rooms if room.id == identity],
        [room for room in rooms if room.import_id == text],
        [room for room in rooms if room.name.casefold() == text.casefold()],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(str(room.id) for room in found)
            raise Failure(f"Several rooms of {state.world.name} are called {text!r}. Name one by its id: {ids}.")
    raise Failure(
        f"There is no room {text!r} in {state.world.name}. `hubbub room list --world {state.world.name}` lists them."
    )


def access_user(state: "WorldState", text: str) -> "User":
    """Give the user whom somebody means by an id, a login, a token's uid or a client id, in this order.

    A client id is what a guest's browser chose: it comes last, so that no guest is taken for somebody with an account.
    Raises Failure.
    """
    from hubbub.dialects.venueless.id import Kind, parse

    for identity in (
        _integer(text) or parse(text, Kind.USER),
        state.by_login.get(text.casefold()),
        state.by_token_id.get(text),
        state.by_client_id.get(text),
    ):
        found = state.users.get(identity or 0)
        if found and found.deleted:
            raise Failure(f"The user {text!r} was deleted. Make a new one with `hubbub user create`.")
        if found:
            return found
    raise Failure(
        f"There is no user {text!r} in {state.world.name}. `hubbub user list --world {state.world.name}` lists them;"
        " name one by login or id."
    )


def describe(user: "User") -> str:
    """Say in a few words who a user is, so that a mistaken one is noticed."""
    from hubbub.cli.output import clean

    if user.login:
        return user.login
    kind = "guest" if user.client_id else user.kind
    name = f" {clean(user.display_name)!r}" if user.display_name else ""
    return f"the {kind}{name} with the id {user.id}"


def _integer(text: str) -> int:
    """Read a decimal id, or one of 24 hexadecimal digits; 0 when it is neither."""
    from hubbub.core.id import MAX_ID

    if not text.isascii():
        return 0
    if text.isdigit() and len(text) < 17:
        return int(text)
    try:
        number = int(text, 16) if len(text) == 24 else 0
    except ValueError:
        return 0
    return number if 0 < number <= MAX_ID else 0
