"""What every store promises of what was taken over from elsewhere."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hubbub.core.event import HistoryExtended, RoomCreated, TakenOver, WorldCreated, WorldReplaced
from hubbub.core.model import Imported, ImportedKind, Message, Room, World
from hubbub.store.contract import Store
from hubbub.store.open import open_store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
THEN = datetime(2019, 3, 1, 12, tzinfo=UTC)
WORLD, OTHER, ROOM = 1, 2, 10


@pytest.fixture(params=["file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path / 'hubbub.db'}"


def world(identity: int = WORLD, **fields: Any) -> World:
    return World(id=identity, name=f"w{identity}", title="", created=NOW, **fields)


def noted(foreign: str, local: int, kind: ImportedKind = "message", **fields: Any) -> Imported:
    given: dict[str, Any] = {"source": "groupme", "kind": kind, "foreign": foreign, "local": local}
    return Imported(world=WORLD, **{**given, **fields})


def message(identity: int) -> Message:
    return Message(id=identity, world=WORLD, room=ROOM, sender=None, at=THEN, body=f"number {identity}")


async def begin(store: Store) -> None:
    room = Room(id=ROOM, world=WORLD, created=NOW)
    await store.commit([WorldCreated(world=WORLD, config=world()), RoomCreated(world=WORLD, room=ROOM, config=room)])


def test_what_came_from_where_is_found_again(url: str) -> None:
    async def test() -> None:
        async with open_store(url, node="one", clock=lambda: NOW) as store:
            await begin(store)
            several = (noted("a", 1), noted("b", 2), noted("a", 3, "user"), noted("a", 4, source="other"))
            await store.commit([TakenOver(world=WORLD, imported=several)])
            assert await store.imported(WORLD, "groupme", "message", ["a", "b", "c"]) == {"a": 1, "b": 2}
            assert await store.imported(WORLD, "groupme", "user", ["a", "b"]) == {"a": 3}
            assert await store.imported(OTHER, "groupme", "message", ["a"]) == {}
            assert await store.imported(WORLD, "groupme", "message", []) == {}
            assert await store.imported(WORLD, "groupme", "message", ["'; --", "ü", "a" * 5000]) == {}
            many = [str(number) for number in range(40_000)]
            assert await store.imported(WORLD, "groupme", "message", many) == {}

    asyncio.run(test())


def test_old_messages_are_numbered_in_order_and_read_by_their_old_ids(url: str) -> None:
    async def test() -> None:
        async with open_store(url, node="one", clock=lambda: NOW) as store:
            await begin(store)
            new = tuple(message(identity) for identity in (103, 101, 102))
            imported = (noted("x", 103), noted("y", 101))
            last = HistoryExtended(world=WORLD, room=ROOM, last=new[-1], said=new[-1], count=3)
            await store.commit([TakenOver(world=WORLD, room=ROOM, messages=new, imported=imported), last])
            assert [(one.number, one.seq) for one in new] == [(1, 2), (2, 2), (3, 2)]
            assert last.seq == 2, "the messages have the place of what tells of them"
            assert await store.messages(ROOM, before=9, limit=9) == list(new)
            assert await store.imported_messages(WORLD, "groupme", ["x", "z"]) == {"x": new[0]}
            assert await store.check() == []
            told = await store.replay(ROOM, 1, 1)
            assert told == [last], "only what is small is journalled"

    asyncio.run(test())


def test_what_was_changed_is_kept_with_its_number(url: str) -> None:
    async def test() -> None:
        async with open_store(url, node="one", clock=lambda: NOW) as store:
            await begin(store)
            old = message(101)
            await store.commit(
                [
                    TakenOver(world=WORLD, room=ROOM, messages=(old,), imported=(noted("x", 101),)),
                    HistoryExtended(world=WORLD, room=ROOM, last=old, count=1),
                ]
            )
            changed = Message(**{name: getattr(old, name) for name in old.__struct_fields__} | {"body": "otherwise"})
            await store.commit([HistoryExtended(world=WORLD, room=ROOM, changed=(changed,))])
            assert await store.imported_messages(WORLD, "groupme", ["x"]) == {"x": changed}
            assert (changed.number, changed.seq) == (1, 2)

    asyncio.run(test())


def test_a_world_that_begins_anew_knows_nothing_of_it(url: str) -> None:
    async def test() -> None:
        async with open_store(url, node="one", clock=lambda: NOW) as store:
            await begin(store)
            await store.commit([TakenOver(world=WORLD, imported=(noted("a", 1),))])
            await store.commit([WorldReplaced(world=WORLD, config=world(epoch=2), rooms=())])
            assert await store.imported(WORLD, "groupme", "message", ["a"]) == {}
            room = Room(id=ROOM, world=WORLD, created=NOW)
            await store.commit([RoomCreated(world=WORLD, room=ROOM, config=room)])
            new = message(7)
            last = HistoryExtended(world=WORLD, room=ROOM, last=new, count=1)
            await store.commit([TakenOver(world=WORLD, room=ROOM, messages=(new,)), last])
            assert (new.number, new.seq, last.epoch, last.seq) == (1, 2, 2, 2)

    asyncio.run(test())
