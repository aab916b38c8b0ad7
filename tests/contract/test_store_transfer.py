"""Whole worlds out of a store and into one, held against every driver."""

from collections.abc import Sequence
from typing import Any

import pytest
from tests.contract.test_store import (
    ANN,
    BOB,
    NOW,
    OTHER_ROOM,
    ROOM,
    WORLD,
    R,
    Site,
    follow_all,
    message_of,
    posted,
    room_of,
    run,
    shared,
    site,
    user_of,
    world,
)

from hubbub.core.event import WorldCreated
from hubbub.core.model import Block, Member, Message, Record, Room, User, World
from hubbub.store.contract import Conflict, Moment, Store, Unstorable

__all__ = ["shared", "site"]  # fixtures

NEW, HALL, DEN = 2, 20, 21


def moved(record: R, **changes: Any) -> R:
    """Give a record as one of the new world."""
    fields = {name: getattr(record, name) for name in record.__struct_fields__}
    return type(record)(**fields | {"world": NEW} | changes)


def message(number: int, **changes: Any) -> Message:
    return moved(message_of(f"said {number}"), **{"room": HALL, "number": number, "seq": number * 2, **changes})


def new_world(**changes: Any) -> World:
    return world(**{"id": NEW, "name": "new", "epoch": 7, **changes})


async def read(moment: Moment, kind: type[R], identity: int = WORLD) -> list[R]:
    return [record async for page in moment.records(identity, kind) for record in page]


async def take_in(store: Store, place: World, *groups: Sequence[Record]) -> None:
    async with store.intake() as intake:
        for records in groups:
            await intake.add(type(records[0]), records)
        await intake.commit(place)


HALLS = (moved(room_of(), id=HALL), moved(room_of(), id=DEN))


def test_a_moment_has_everything_of_one_world_in_order(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            await take_in(store, new_world(), HALLS, [message(5)])
            await store.commit([posted(f"{n}", id=9999 - n) for n in range(1200)])
            async with store.moment() as moment:
                assert await read(moment, World) == [world()]
                assert [room.id for room in await read(moment, Room)] == [ROOM, OTHER_ROOM]
                assert [user.id for user in await read(moment, User)] == [ANN, BOB]
                assert [one.number for one in await read(moment, Message)] == list(range(1, 1201))
                assert await read(moment, Block) == []
                assert [one.number for one in await read(moment, Message, NEW)] == [5]
                assert [await moment.count(WORLD, kind) for kind in (World, Room, Message, Block)] == [1, 2, 1200, 0]

    run(test)


def test_a_moment_does_not_see_what_comes_later_nor_hold_it_up(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            await store.commit([posted("before")])
            async with store.moment() as moment:
                await store.commit([posted("after")])
                assert [one.body for one in await read(moment, Message)] == ["before"]
                async with store.moment() as later:
                    assert len(await read(later, Message)) == 2
            assert len(await store.messages(ROOM, before=2**53, limit=9)) == 2

    run(test)


def test_several_types_can_be_read_at_once(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store, store.moment() as moment:
            rooms, users = moment.records(WORLD, Room), moment.records(WORLD, User)
            assert len(await anext(rooms)) == 2
            assert len(await anext(users)) == 2
            assert [page async for page in rooms] == []

    run(test)


def test_a_world_comes_in_whole_and_counts_on(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            people = [moved(user_of(5001)), moved(user_of(5002), login="bob")]
            said = [message(3), message(4, room=DEN, seq=1), message(9)]
            await take_in(store, new_world(), HALLS, people, said)
            snapshot = await store.load("new")
            assert snapshot is not None
            assert snapshot.world == new_world()
            assert (snapshot.of(User), snapshot.of(Room)) == (people, list(HALLS))
            assert (snapshot.last_number, snapshot.last_said) == (9, {HALL: 9, DEN: 4})
            assert await store.messages(HALL, before=99, limit=9) == [said[0], said[2]]
            events = [moved_post(HALL), moved_post(DEN)]
            await store.commit(events)
            assert [(event.message.number, event.seq, event.epoch) for event in events] == [(10, 19, 7), (11, 2, 7)]
            assert await store.replay(HALL, 7, 17) is None
            assert [event.seq for event in await store.replay(HALL, 7, 18) or ()] == [19]
            assert await store.replay(HALL, 1, 0) is None
            assert await store.check() == []

    run(test)


def moved_post(room: int) -> Any:
    event = posted("more", world=NEW, room=room)
    event.world = NEW
    return event


def test_a_world_without_anything_in_it(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            await take_in(store, new_world())
            assert await store.worlds() == [world(), new_world()]
            assert await store.check() == []

    run(test)


def test_nothing_is_there_before_it_is_committed(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            async with store.intake() as intake:
                await intake.add(Room, HALLS)
                await intake.add(Message, [message(1)])
                await store.commit([posted("meanwhile")])
                assert await store.messages(HALL, before=99, limit=9) == []
                assert await store.worlds() == [world()]
            assert await store.load_world(NEW) is None
            await take_in(store, new_world(), HALLS)
            assert await store.messages(HALL, before=99, limit=9) == []

    run(test)


@pytest.mark.parametrize(
    ("place", "records"),
    [
        (new_world(name="main"), []),
        (new_world(id=WORLD), []),
        (new_world(), [moved(room_of(ROOM))]),
        (new_world(), [moved(room_of(WORLD))]),
        (new_world(), [moved(room_of(NEW))]),
        (new_world(), [HALLS[0], HALLS[0]]),
        (new_world(), [Member(world=NEW, room=HALL, user=1, joined=NOW)] * 2),
        (new_world(), [moved(user_of(5001), login="bob"), moved(user_of(5002), login="bob")]),
        (new_world(), [message(1), message(1)]),
    ],
    ids=["name", "world", "room", "room of a world", "room of itself", "room twice", "member", "login", "number"],
)
def test_what_contradicts_leaves_nothing(site: Site, place: World, records: list[Record]) -> None:
    async def test() -> None:
        async with site.opened() as store:
            with pytest.raises(Conflict):
                await take_in(store, place, HALLS[1:], *([records] if records else []))
            assert await store.worlds() == [world()]
            async with store.moment() as moment:
                assert await read(moment, Room, NEW) == []
            await store.commit([posted("still there")])
            assert await store.check() == []

    run(test)


@pytest.mark.parametrize(
    "record",
    [moved(room_of(), id=HALL, name="a\0b"), moved(room_of(), id=HALL, sorting_priority=2**70)],
    ids=["NUL", "65 bits"],
)
def test_what_cannot_be_kept_leaves_nothing(site: Site, record: Room) -> None:
    async def test() -> None:
        async with site.opened() as store:
            with pytest.raises(Unstorable):
                await take_in(store, new_world(), [record])
            assert await store.worlds() == [world()]

    run(test)


def test_other_processes_hear_of_it(shared: Site) -> None:
    async def test() -> None:
        async with shared.opened() as store, shared.store("two") as other:
            position = await other.position()
            other.changed()
            await take_in(store, new_world(), HALLS, [message(1)])
            assert other.changed()
            entries, _ = await other.follow(position)
            assert [entry.event for entry in entries] == [WorldCreated(world=NEW, config=new_world(), epoch=7, seq=1)]
            event = moved_post(HALL)
            await other.commit([event])
            assert (event.message.number, event.seq) == (2, 3)
            assert await follow_all(store, position) == [event]

    run(test)
