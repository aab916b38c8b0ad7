"""A whole community goes through a file and is the same on the other side."""

import asyncio
import json
import sqlite3
import stat
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.live.scene import HandClock, scene
from tests.transfer.village import FILES, export, village

from hubbub.core.account import LogInByPassword
from hubbub.core.bot import ListBots, PostAsBot
from hubbub.core.chat import PostMessage
from hubbub.core.event import RoomCreated, WorldCreated
from hubbub.core.model import RECORDS, Message, Record, Room, Upload, World
from hubbub.live.password import Argon2
from hubbub.store.contract import Store, StoreUnavailable
from hubbub.store.sqlite import SqliteStore
from hubbub.store.sqlite_transfer import SqliteIntake
from hubbub.transfer.error import TransferError
from hubbub.transfer.export import export_world
from hubbub.transfer.intake import Imported, import_world

pytestmark = pytest.mark.anyio
Everything = dict[type[Record], list[Record]]


async def everything(store: Store, world: int) -> Everything:
    async with store.moment() as moment:
        return {record: [one async for page in moment.records(world, record) for one in page] for record in RECORDS}


@asynccontextmanager
async def database(folder: Path, node: str = "tool") -> AsyncIterator[SqliteStore]:
    folder.mkdir(exist_ok=True)
    async with SqliteStore(f"sqlite:///{folder / 'hubbub.db'}", node=node, clock=lambda: LATER) as store:
        yield store


async def bring(store: Store, file: Path, folder: Path, **options: Any) -> Imported:
    return await import_world(store, file, folder / "media", now=LATER, **options)


LATER = datetime.fromisoformat("2026-07-01T00:00:00Z")


def media_of(folder: Path) -> dict[str, bytes]:
    media = folder / "media"
    return {str(path.relative_to(media)): path.read_bytes() for path in media.rglob("*") if path.is_file()}


async def test_every_kind_of_record_comes_back_as_it_was(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    async with village(one) as place:
        world = place.here.state.world.id
        before, memory = await everything(place.here.store, world), await place.here.store.load("here")
        exported = await export(place, tmp_path / "a.zip")
    missing = [kind.__name__ for kind, records in before.items() if not records]
    assert not missing, "let tests/transfer/village.py make one of each"

    async with database(two) as store:
        imported = await bring(store, tmp_path / "a.zip", two)
        after, again = await everything(store, world), await store.load("here")
        await export_world(store, world, two / "media", tmp_path / "b.zip", now=LATER)
    assert exported.messages == imported.messages == len(before[Message]) > 10
    assert exported.records == imported.records == sum(len(records) for records in before.values())
    assert (exported.files, exported.missing, imported.files) == (2, 1, 2)

    (new,) = (record for record in after[World] if isinstance(record, World))
    assert new.epoch > 1
    after[World] = [replace(new, epoch=1)]
    for kind in RECORDS:
        assert after[kind] == before[kind], kind.__name__
    assert memory is not None
    assert again is not None
    assert again.records == memory.records
    assert (again.last_number, again.last_said, again.counts) == (memory.last_number, memory.last_said, memory.counts)
    assert media_of(two) == FILES

    with zipfile.ZipFile(tmp_path / "a.zip") as a, zipfile.ZipFile(tmp_path / "b.zip") as b:
        assert [entry.filename for entry in a.infolist()] == [entry.filename for entry in b.infolist()]
        parts = {name: (a.read(name), b.read(name)) for name in a.namelist()}
    first, second = (json.loads(text) for text in parts.pop("manifest.json"))
    assert [name for name, (left, right) in parts.items() if left != right] == []
    assert first.pop("made") != second.pop("made")
    assert first == second


async def test_an_imported_community_lives_on(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    async with village(one) as place:
        state = place.here.state
        world, last, ann, walkers = state.world.id, state.last_number, place.ann, place.walkers
        (bot,) = await place.do(ann, ListBots())
        said = await place.here.store.messages(walkers, before=2**53, limit=100)
        await export(place, tmp_path / "a.zip")
    async with database(two) as store:
        await bring(store, tmp_path / "a.zip", two)
        assert await store.check() == []
    passwords = Argon2()
    clock = HandClock()
    clock.now = LATER
    async with scene(f"sqlite:///{two / 'hubbub.db'}", clock=clock, node=1) as here:
        here.community.passwords = passwords
        state = here.state
        assert state.last_number == last
        eve = await here.community.call(state, LogInByPassword(login="eve", password="a pass phrase"))
        assert eve.login == "eve"
        beep = await here.community.call(state, PostAsBot(token=bot.token, body="Beep"), operator=True)
        assert beep.number == last + 1
        assert beep.seq == max(message.seq for message in said) + 1
        more = await here.community.call(state, PostMessage(room=walkers, body="More"), user=ann)
        assert (more.number, more.seq) == (last + 2, beep.seq + 1)
        epoch = state.world.epoch
        assert await here.store.replay(walkers, 1, beep.seq) is None, "what clients hold of the other copy is void"
        assert await here.store.replay(walkers, epoch, 1) is None
        assert [event.seq for event in await here.store.replay(walkers, epoch, beep.seq) or ()] == [more.seq]
        assert await here.store.replay(world, epoch, 0) is not None
        assert await here.store.check() == []
    passwords.close()


async def test_a_running_server_has_it_at_once(tmp_path: Path, tiny: Path) -> None:
    clock = HandClock()
    clock.now = LATER
    async with scene(f"sqlite:///{tmp_path / 'hubbub.db'}", clock=clock) as here:
        async with database(tmp_path) as store:
            await bring(store, tiny, tmp_path, name="tiny")
        assert "tiny" not in here.community.worlds
        await here.community.refresh()
        assert here.community.state("tiny").world.title.startswith("Tiny")
        assert "ann" in here.community.state("tiny").by_login


async def test_an_export_is_of_one_moment(tmp_path: Path) -> None:
    async with village(tmp_path) as place:
        here = place.here
        world = here.state.world.id
        async with here.store.moment() as moment:
            before = await moment.count(world, Message)
            await place.do(place.ann, PostMessage(room=place.walkers, body="Late"))
            said = [one async for page in moment.records(world, Message) for one in page]
            assert await moment.count(world, Message) == len(said) == before
            assert "Late" not in [message.body for message in said]
            async with here.store.moment() as later:
                assert await later.count(world, Message) == before + 1


async def test_an_export_is_for_its_owner_alone_and_replaces_nothing_unasked(tmp_path: Path) -> None:
    target = tmp_path / "a.zip"
    async with village(tmp_path) as place:
        await export(place, target)
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
        first = target.read_bytes()
        with pytest.raises(TransferError, match="there already"):
            await export(place, target)
        assert target.read_bytes() == first
        place.here.clock.now = LATER
        await export(place, target, overwrite=True)
        assert target.read_bytes() != first


async def test_an_export_that_fails_leaves_nothing(tmp_path: Path) -> None:
    async with village(tmp_path) as place:
        before = set(tmp_path.iterdir())

        def full(done: int, total: int) -> None:
            if done == total:
                raise OSError(28, "No space left on device")

        with pytest.raises(TransferError, match="No space left"):
            await export(place, tmp_path / "a.zip", advance=full)
        assert set(tmp_path.iterdir()) == before
        with pytest.raises(TransferError, match="No such file"):
            await export(place, tmp_path / "nowhere" / "a.zip")


async def test_progress_goes_up_to_all_there_is(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    async with village(tmp_path) as place:
        await export(place, tmp_path / "a.zip", advance=lambda *how_far: told.append(how_far))
    async with database(tmp_path / "two") as store:
        assert told[-1][0] == told[-1][1]
        assert told == sorted(told)
        told.clear()
        await bring(store, tmp_path / "a.zip", tmp_path / "two", advance=lambda *how_far: told.append(how_far))
        assert told[-1][0] == told[-1][1]
        assert told == sorted(told)


# What is there already


def dump(folder: Path) -> list[str]:
    with sqlite3.connect(folder / "hubbub.db") as connection:
        return list(connection.iterdump())


def other_world(**changes: Any) -> World:
    fields = {"id": 5, "name": "other", "title": "Other", "created": LATER, **changes}
    return World(**fields)


@pytest.mark.parametrize(
    ("there", "name", "told"),
    [
        (other_world(name="here"), "", "--as NAME"),
        (other_world(name="tiny"), "tiny", "--as NAME"),
        (other_world(domain="TINY.example"), "", "another domain"),
    ],
    ids=["name", "new name", "domain"],
)
async def test_a_name_or_domain_that_is_taken(tmp_path: Path, tiny: Path, there: World, name: str, told: str) -> None:
    two = tmp_path / "two"
    async with database(two) as store:
        await store.commit([WorldCreated(world=there.id, config=there)])
    before = dump(two)
    async with database(two) as store:
        with pytest.raises(TransferError, match=told):
            await bring(store, tiny, two, name=name)
    assert (dump(two), media_of(two)) == (before, {})


async def test_a_community_is_in_a_database_once(tmp_path: Path, tiny: Path) -> None:
    two = tmp_path / "two"
    async with database(two) as store:
        await bring(store, tiny, two)
        before = dump(two)
        for name in ("", "again"):
            with pytest.raises(TransferError, match="here already"):
                await bring(store, tiny, two, name=name)
    assert dump(two) == before


async def test_an_id_that_another_world_has(tmp_path: Path, tiny: Path) -> None:
    two = tmp_path / "two"
    with zipfile.ZipFile(tiny) as archive:
        room = json.loads(archive.read("room.jsonl").splitlines()[0])["id"]
    for kind in ("room", "stream"):
        async with database(two) as store:
            taken = other_world(id=room, name=f"taken by {kind}") if kind == "stream" else other_world()
            await store.commit([WorldCreated(world=taken.id, config=taken)])
            if kind == "room":
                made = Room(id=room, world=5, name="Theirs", created=LATER)
                await store.commit([RoomCreated(world=5, room=room, config=made)])
        before = dump(two)
        async with database(two) as store:
            with pytest.raises(TransferError, match="contradict"):
                await bring(store, tiny, two)
        assert (dump(two), media_of(two)) == (before, {})
        (two / "hubbub.db").unlink()


async def test_files_that_are_there_stay_as_they_are(tmp_path: Path, tiny: Path) -> None:
    two = tmp_path / "two"
    path, content = next(iter(FILES.items()))
    there = two / "media" / path
    there.parent.mkdir(parents=True)
    there.write_bytes(b"something else")
    async with database(two) as store:
        with pytest.raises(TransferError, match="another here/"):
            await bring(store, tiny, two)
        assert media_of(two) == {path: b"something else"}
        assert await store.worlds() == []
        there.write_bytes(content)
        with pytest.raises(TransferError, match="--as NAME"):
            await store.commit([WorldCreated(world=5, config=other_world(name="here"))])
            await bring(store, tiny, two)
        assert media_of(two) == {path: content}
        await bring(store, tiny, two, name="tiny")
        assert media_of(two) == FILES


@pytest.mark.parametrize("fault", [sqlite3.OperationalError("disk is full"), asyncio.CancelledError()], ids=repr)
async def test_a_failure_at_the_end_leaves_nothing(
    tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    two = tmp_path / "two"
    if isinstance(fault, sqlite3.Error):
        fault.sqlite_errorcode = sqlite3.SQLITE_FULL
    begin = SqliteIntake._begin_streams

    def fail(intake: SqliteIntake, world: World) -> None:
        begin(intake, world)
        raise fault

    async with database(two) as store:
        before = dump(two)
        with monkeypatch.context() as patch:
            patch.setattr(SqliteIntake, "_begin_streams", fail)
            with pytest.raises((StoreUnavailable, asyncio.CancelledError)):
                await bring(store, tiny, two)
        assert (dump(two), media_of(two)) == (before, {})
        assert not list((two / "media").glob("*"))
        await bring(store, tiny, two)


async def test_who_interrupts_the_commit_waits_for_it(
    tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = tmp_path / "two"
    commit = SqliteIntake.commit

    async def interrupted(intake: SqliteIntake, world: World) -> None:
        running.cancel()
        await asyncio.sleep(0)
        await commit(intake, world)

    monkeypatch.setattr(SqliteIntake, "commit", interrupted)
    async with database(two) as store:
        running = asyncio.create_task(bring(store, tiny, two))
        done = await running
        assert done.name == "here"
        assert [world.name for world in await store.worlds()] == ["here"]
        assert media_of(two) == FILES
        assert done.files == len(FILES)


async def test_uploads_of_a_renamed_world_keep_their_paths(tmp_path: Path, tiny: Path) -> None:
    two = tmp_path / "two"
    async with database(two) as store:
        await bring(store, tiny, two, name="tiny")
        (world,) = await store.worlds()
        uploads = (await everything(store, world.id))[Upload]
    assert {upload.path for upload in uploads if isinstance(upload, Upload)} == {*FILES, "here/lost.png"}
