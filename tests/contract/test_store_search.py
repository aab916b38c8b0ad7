"""Messages are found by what they say now, whatever became of them since they were posted."""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubbub.core.archive import Found
from hubbub.core.error import HubbubError, Invalid, Limited, Unavailable
from hubbub.core.event import MessagePinned, MessagePosted, RoomCreated, WorldCreated, WorldReplaced
from hubbub.core.model import Message, Room, World
from hubbub.core.search import parse
from hubbub.store import sqlite, sqlite_search
from hubbub.store.contract import Store, StoreError
from hubbub.store.open import open_store
from hubbub.store.sqlite import SqliteStore

NOW = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
SECOND = timedelta(seconds=1)
WORLD, OTHER_WORLD, ROOM, OTHER_ROOM, ANN, BOB = 1, 2, 10, 11, 100, 101


class Shelf:
    """A store with two rooms, and hands to write in them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._id = 1000

    async def set_up(self) -> "Shelf":
        for world in (WORLD, OTHER_WORLD):
            config = World(id=world, name=f"w{world}", title="", created=NOW)
            await self.store.commit([WorldCreated(world=world, config=config)])
        for room in (ROOM, OTHER_ROOM):
            config_of = Room(id=room, world=WORLD, name=str(room), created=NOW)
            await self.store.commit([RoomCreated(world=WORLD, room=room, config=config_of)])
        return self

    def message(self, body: str, **fields: Any) -> Message:
        self._id += 1
        given: dict[str, Any] = {"id": self._id, "world": WORLD, "room": ROOM, "sender": ANN, "at": NOW, **fields}
        return Message(body=body, **given)

    async def say(self, *bodies: str, **fields: Any) -> list[Message]:
        messages = [self.message(body, **fields) for body in bodies]
        await self.store.commit([MessagePosted(world=one.world, room=one.room, message=one) for one in messages])
        return messages

    async def edit(self, first: Message, body: str, **fields: Any) -> Message:
        changed = msgspec.structs.replace(first, body=body, edited=NOW, **fields)
        edit = self.message(body, at=NOW, replaces=first.number, room=first.room)
        await self.store.commit([MessagePosted(world=WORLD, room=first.room, message=edit, original=changed)])
        return changed

    async def delete(self, first: Message) -> None:
        await self.edit(first, "", attachments=(), deleted=True)

    async def search(self, text: str, **how: Any) -> Found:
        how = {"rooms": [ROOM, OTHER_ROOM], "limit": 100, **how}
        return await self.store.search(how.pop("world", WORLD), parse(text), **how)

    async def found(self, text: str, **how: Any) -> list[str]:
        return [message.body for message in (await self.search(text, **how)).messages]

    def entries(self) -> int:
        """Count what is indexed."""
        assert isinstance(self.store, SqliteStore)
        ((count,),) = self.store._connection.execute("SELECT count(*) FROM search_entry")
        return int(count)

    async def pages(self, text: str, limit: int) -> list[Message]:
        page = await self.search(text, limit=limit)
        messages = page.messages
        while page.next is not None:
            assert len(page.messages) == limit
            page = await self.search(text, limit=limit, before=page.next)
            messages = messages + page.messages
        return messages


Test = Callable[[Shelf], Coroutine[Any, Any, None]]
Run = Callable[[Test], None]


def run_on(url: str, test: Test) -> None:
    async def main() -> None:
        async with open_store(url, node="one", clock=lambda: NOW) as store:
            await test(await Shelf(store).set_up())

    asyncio.run(main())


@pytest.fixture(params=["sqlite-file", "sqlite-memory"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    url = "sqlite://" if request.param == "sqlite-memory" else f"sqlite:///{tmp_path}/hubbub.db"
    return lambda test: run_on(url, test)


# What is found


@pytest.mark.parametrize(
    ("text", "finds"),
    [
        ("tea", ["Tea for two", "no coffee, only tea"]),
        ("TEA two", ["Tea for two"]),
        ("two tea", ["Tea for two"]),
        ('"for two"', ["Tea for two"]),
        ('"two for"', []),
        ("for-two", ["Tea for two"]),
        ("tea -coffee", ["Tea for two"]),
        ('only -"for two"', ["no coffee, only tea"]),
        ("te", []),
        ("te*", ["Tea for two", "no coffee, only tea"]),
        ("cafe", ["Café Zoë"]),
        ("CAFÉ zoe", ["Café Zoë"]),
        ("नमस्ते", ["नमस्ते दुनिया"]),
        ("नम", []),
        ("plan", ["see there"]),
        ("r10", []),
        ("s100", []),
        ("said", []),
        ("tea OR café", []),
    ],
)
def test_words(run: Run, text: str, finds: list[str]) -> None:
    async def test(shelf: Shelf) -> None:
        await shelf.say("Tea for two", "no coffee, only tea", "Café Zoë", "नमस्ते दुनिया")
        files = ({"type": "file", "name": "Plan B.pdf"}, {"name": 7}, {"name": {"name": "tea"}}, {"url": "tea"})
        await shelf.say("see there", attachments=files)
        assert sorted(await shelf.found(text)) == sorted(finds)

    run(test)


def test_what_people_and_bots_said_and_polls_are_found_and_nothing_else(run: Run) -> None:
    async def test(shelf: Shelf) -> None:
        for kind in ("text", "system", "poll", "call"):
            await shelf.say(f"tea {kind}", kind=kind)
        await shelf.say("tea nobody", sender=None)
        assert await shelf.found("tea") == ["tea nobody", "tea poll", "tea text"]

    run(test)


def test_filters(run: Run) -> None:
    async def test(shelf: Shelf) -> None:
        await shelf.say("tea a", at=NOW)
        await shelf.say("tea b", at=NOW + SECOND, sender=BOB)
        await shelf.say("tea c", at=NOW + 2 * SECOND, room=OTHER_ROOM)
        await shelf.say("tea d", world=OTHER_WORLD, room=20)
        assert await shelf.found("tea") == ["tea c", "tea b", "tea a"]
        assert await shelf.found("tea", rooms=[20], world=OTHER_WORLD) == ["tea d"]
        assert shelf.entries() == 4
        assert await shelf.found("tea", rooms=[ROOM]) == ["tea b", "tea a"]
        assert await shelf.found("tea", rooms=[OTHER_ROOM, 12]) == ["tea c"]
        assert await shelf.found("tea", rooms=[12]) == []
        assert await shelf.found("tea", rooms=[20]) == []
        assert await shelf.found("tea", rooms=[]) == []
        assert await shelf.found("tea", rooms=[ROOM, OTHER_ROOM, *range(30, 200)]) == ["tea c", "tea b", "tea a"]
        assert await shelf.found("tea", rooms=[OTHER_ROOM, *range(30, 200)], sender=BOB) == []
        assert await shelf.found("tea", sender=BOB) == ["tea b"]
        assert await shelf.found("tea", sender=BOB, rooms=[OTHER_ROOM]) == []
        assert await shelf.found("tea", sender=102) == []
        assert await shelf.found("tea", since=NOW + SECOND) == ["tea c", "tea b"]
        assert await shelf.found("tea", until=NOW + SECOND) == ["tea a"]
        assert await shelf.found("tea", since=NOW, until=NOW) == []
        microsecond = timedelta(microseconds=1)
        assert await shelf.found("tea", since=NOW + microsecond, until=NOW + SECOND + microsecond) == ["tea b"]

    run(test)


def test_the_newest_come_first_though_they_were_stored_before(run: Run) -> None:
    async def test(shelf: Shelf) -> None:
        days = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5]
        for i, day in enumerate(days):
            await shelf.say(f"tea {i}", at=NOW - timedelta(days=day))
            if i % 3 == 0:
                await shelf.found("tea")
        expected = [f"tea {i}" for _, i in sorted(((-day, i) for i, day in enumerate(days)), reverse=True)]
        assert await shelf.found("tea") == expected
        for limit in (1, 2, 5, 11):
            assert [message.body for message in await shelf.pages("tea", limit)] == expected

    run(test)


def test_a_page_begins_where_the_last_ended_whatever_came_in_between(run: Run) -> None:
    async def test(shelf: Shelf) -> None:
        messages = await shelf.say(*(f"tea {i}" for i in range(6)))
        first = await shelf.search("tea", limit=2)
        assert [message.body for message in first.messages] == ["tea 5", "tea 4"]
        await shelf.say("tea new", at=NOW + SECOND)
        await shelf.say("tea old", at=NOW - SECOND)
        await shelf.delete(messages[4])
        await shelf.edit(messages[2], "tea 2b")
        second = await shelf.search("tea", limit=3, before=first.next)
        assert [message.body for message in second.messages] == ["tea 3", "tea 2b", "tea 1"]
        assert await shelf.found("tea", before=second.next) == ["tea 0", "tea old"]

    run(test)


def test_messages_of_any_time_are_found(run: Run) -> None:
    async def test(shelf: Shelf) -> None:
        times = [
            datetime.min.replace(tzinfo=UTC),
            datetime(1969, 12, 31, 23, 59, 59, 999_400, tzinfo=UTC),
            datetime(1970, 1, 1, tzinfo=UTC),
            datetime(2200, 1, 1, tzinfo=UTC),
            datetime.max.replace(tzinfo=UTC) - SECOND,
        ]
        for i, at in enumerate(times):
            await shelf.say(f"tea {i}", at=at)
        assert await shelf.found("tea") == ["tea 4", "tea 3", "tea 2", "tea 1", "tea 0"]
        for i, at in enumerate(times):
            assert await shelf.found("tea", since=at, until=at + timedelta(microseconds=1)) == [f"tea {i}"]
        last = datetime.max.replace(tzinfo=UTC)
        assert await shelf.found("tea", since=datetime.min.replace(tzinfo=UTC), until=last) != []

    run(test)


# What became of it


def test_an_edited_message_is_found_by_what_it_says_now_and_once(run: Run) -> None:
    async def test(shelf: Shelf) -> None:
        (first,) = await shelf.say("tea")
        assert await shelf.found("tea") == ["tea"]
        changed = await shelf.edit(first, "coffee cup")
        assert await shelf.found("tea") == []
        assert (await shelf.search("coffee")).messages == [changed]
        await shelf.edit(await shelf.edit(changed, "milk"), "milk cup")
        assert await shelf.found("cup") == ["milk cup"]
        assert await shelf.found("coffee") == []

    run(test)


def test_a_message_that_says_something_only_since_it_was_edited(run: Run) -> None:
    async def test(shelf: Shelf) -> None:
        (first,) = await shelf.say("", attachments=({"url": "x"},))
        assert await shelf.found("tea") == []
        changed = await shelf.edit(first, "tea")
        assert await shelf.found("tea") == ["tea"]
        await shelf.edit(changed, "")
        assert await shelf.found("tea") == []

    run(test)


def test_a_deleted_message_is_not_found(run: Run) -> None:
    async def test(shelf: Shelf) -> None:
        first, second = await shelf.say("tea a", "tea b")
        await shelf.delete(first)
        assert await shelf.found("tea") == ["tea b"]
        await shelf.delete(second)
        assert await shelf.found("tea") == []
        assert await shelf.found("deleted") == []
        await shelf.say("tea gone", deleted=True)  # as an import may have it
        assert await shelf.found("tea") == []
        assert shelf.entries() == 0

    run(test)


def test_an_edit_that_is_edited_itself_is_still_no_message_of_its_own(run: Run) -> None:
    async def test(shelf: Shelf) -> None:
        (first,) = await shelf.say("tea")
        await shelf.edit(first, "milk")
        edit = await shelf.store.message(WORLD, 2)
        assert edit is not None
        await shelf.edit(edit, "tea")
        assert await shelf.found("tea") == []
        assert await shelf.found("milk") == ["milk"]

    run(test)


def test_what_was_deleted_is_not_found_by_an_index_that_lags(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(shelf: Shelf) -> None:
        (first,) = await shelf.say("tea")
        assert await shelf.found("tea") == ["tea"]
        monkeypatch.setattr(sqlite_search, "is_behind", lambda *_: False)
        await shelf.delete(first)
        assert await shelf.found("tea") == []

    run(test)


def test_a_message_comes_as_it_is_now(run: Run) -> None:
    async def test(shelf: Shelf) -> None:
        (first,) = await shelf.say("tea")
        await shelf.found("tea")
        pinned = msgspec.structs.replace(first, pinned=NOW, pinned_by=BOB)
        await shelf.store.commit([MessagePinned(world=WORLD, room=ROOM, message=pinned)])
        assert (await shelf.search("tea")).messages == [pinned]

    run(test)


@pytest.mark.parametrize("step", [1, 2, 500])
def test_nothing_is_found_of_a_world_that_was_replaced(run: Run, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    async def test(shelf: Shelf) -> None:
        monkeypatch.setattr(sqlite_search, "STEP", step)
        before = await shelf.say("tea a", "tea b", "tea c")
        await shelf.say("tea other", world=OTHER_WORLD, room=20)
        assert len(await shelf.found("tea")) == 3
        new = World(id=WORLD, name="w1", title="", epoch=2, created=NOW)
        await shelf.store.commit([WorldReplaced(world=WORLD, config=new, rooms=())])
        with monkeypatch.context() as patch:
            patch.setattr(sqlite_search, "is_behind", lambda *_: False)
            assert await shelf.found("tea") == []
        assert await shelf.found("tea") == []
        await shelf.say("coffee", id=before[1].id)
        assert await shelf.found("tea") == []
        assert await shelf.found("coffee") == ["coffee"]
        assert await shelf.found("tea", rooms=[20], world=OTHER_WORLD) == ["tea other"]
        assert shelf.entries() == 2
        assert await shelf.store.check() == []

    run(test)


STEPS = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(("say", "edit", "delete", "look")), st.sampled_from(("tea", "milk"))),
    max_size=30,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, size=st.integers(1, 4))
def test_whatever_happens_all_is_found_that_is_there(
    monkeypatch: pytest.MonkeyPatch, steps: list[tuple[int, str, str]], size: int
) -> None:
    async def test(shelf: Shelf) -> None:
        there: dict[int, Message] = {}
        for place, what, word in steps:
            ids = sorted(there)
            target = there[ids[place % len(ids)]] if ids else None
            if what == "say":
                (message,) = await shelf.say(word, at=NOW - place * SECOND)
                there[message.id] = message
            elif what == "look":
                await shelf.found("tea")
            elif target and what == "edit":
                there[target.id] = await shelf.edit(target, word)
            elif target:
                await shelf.delete(target)
                del there[target.id]
        for word in ("tea", "milk"):
            wanted = [message for message in there.values() if message.body == word]
            assert await shelf.pages(word, 3) == sorted(wanted, key=lambda one: (one.at, one.number), reverse=True)
        assert isinstance(shelf.store, SqliteStore)
        # Raises when the index does not have what the entries say.
        sound = "INSERT INTO search_index (search_index, rank) VALUES ('integrity-check', 1)"
        shelf.store._connection.execute(sound)

    monkeypatch.setattr(sqlite_search, "STEP", size)
    run_on("sqlite://", test)


# Whatever strangers type


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.text(max_size=60) | st.text(alphabet="ab*\"- ():^+{}'", max_size=40), max_size=100))
def test_no_text_upsets_a_search(texts: list[str]) -> None:
    async def test(shelf: Shelf) -> None:
        await shelf.say("a b", *(text for text in texts if text.isprintable()))
        for text in texts:
            try:
                query = parse(text)
            except Invalid:
                continue
            await shelf.store.search(WORLD, query, rooms=[ROOM], limit=10)

    run_on("sqlite://", test)


@pytest.mark.parametrize("before", [0, -(10**18), 10**18, 1])
def test_any_number_may_stand_for_a_page(run: Run, before: int) -> None:
    async def test(shelf: Shelf) -> None:
        await shelf.say("tea")
        assert len(await shelf.found("tea", before=before)) == (before == 10**18)

    run(test)


def test_more_messages_of_one_millisecond_than_there_is_place_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(shelf: Shelf) -> None:
        monkeypatch.setattr(sqlite_search, "PLACES", 2)
        await shelf.say(*(f"tea {i}" for i in range(9)))
        await shelf.say("tea later", at=NOW + SECOND)
        await shelf.found("tea")
        await shelf.say(*(f"tea {i}" for i in range(9)))
        found = await shelf.found("tea")
        assert found[0] == "tea later"
        assert {"tea 0", "tea 1"} < set(found)

    run(test)


# Work


@pytest.mark.parametrize("step", [1, 3, 500])
def test_the_index_is_made_in_steps(run: Run, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    async def test(shelf: Shelf) -> None:
        monkeypatch.setattr(sqlite_search, "STEP", step)
        messages = await shelf.say(*(f"tea {i}" for i in range(10)))
        await shelf.edit(messages[0], "milk")
        await shelf.delete(messages[9])
        await shelf.say("tea sys", kind="system")
        assert await shelf.found("tea") == [f"tea {i}" for i in range(8, 0, -1)]

    run(test)


def test_the_care_makes_messages_ready(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(shelf: Shelf) -> None:
        monkeypatch.setattr(sqlite_search, "STEP", 2)
        monkeypatch.setattr(sqlite, "INDEXING", 0.0)
        monkeypatch.setattr(sqlite, "REST", 0.0)
        await shelf.say("tea a", "tea b", "tea c")
        await shelf.say("tea d", world=OTHER_WORLD, room=20)
        with pytest.raises(Unavailable) as told:
            await shelf.found("tea")
        assert told.value.retry_after
        assert await shelf.store.prune(NOW - timedelta(days=1)) == 0
        assert await shelf.found("tea") == ["tea c", "tea b", "tea a"]
        assert await shelf.found("tea", rooms=[20], world=OTHER_WORLD) == ["tea d"]

    run(test)


def test_a_search_that_takes_too_long_is_given_up_and_costs_nobody_else(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(shelf: Shelf) -> None:
        await shelf.say(*["tea"] * 200)
        await shelf.found("tea")
        with monkeypatch.context() as patch:
            patch.setattr(sqlite_search, "TIME_LIMIT", -1.0)
            patch.setattr(sqlite_search, "TICK", 10)
            with pytest.raises(Limited):
                await shelf.found("tea")
            assert len(await shelf.store.messages(ROOM, before=1000, limit=300)) == 200
        assert len(await shelf.found("tea")) == 100

    run(test)


def test_a_search_does_not_wait_for_others_without_end(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(shelf: Shelf) -> None:
        monkeypatch.setattr(sqlite, "SEARCH_PATIENCE", 0.0)
        assert isinstance(shelf.store, SqliteStore)
        async with shelf.store._searching:
            with pytest.raises(HubbubError) as told:
                await shelf.found("tea")
        assert told.value.temporary
        monkeypatch.undo()
        assert await shelf.found("tea") == []

    run(test)


def test_a_commit_that_fails_leaves_the_writer_usable(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing:
        """A connection whose disk is full when a transaction ends."""

        def __init__(self, connection: sqlite3.Connection) -> None:
            self.connection = connection
            self.in_transaction = True

        def execute(self, sql: str, *values: Any) -> Any:
            if sql == "COMMIT":
                raise sqlite3.OperationalError("database or disk is full")
            return self.connection.execute(sql, *values)

    step = sqlite_search.catch_up

    async def test(shelf: Shelf) -> None:
        await shelf.say("tea")
        with monkeypatch.context() as patch:
            patch.setattr(sqlite_search, "catch_up", lambda connection, world: step(Failing(connection), world))  # type: ignore[arg-type]
            with pytest.raises(StoreError):
                await shelf.found("tea")
        await shelf.say("more tea")
        assert await shelf.found("tea") == ["more tea", "tea"]

    run(test)


def test_a_step_that_fails_changes_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(shelf: Shelf) -> None:
        await shelf.say("tea")
        with monkeypatch.context() as patch:
            patch.setattr(sqlite_search, "_TAKE_IN", "INSERT INTO nowhere VALUES (:after)")
            with pytest.raises(StoreError):
                await shelf.found("tea")
        await shelf.say("more tea")
        assert await shelf.found("tea") == ["more tea", "tea"]

    run(test)


def test_several_processes_index_one_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_search, "STEP", 3)
    url = f"sqlite:///{tmp_path}/hubbub.db"

    async def test(shelf: Shelf) -> None:
        async with open_store(url, node="two", clock=lambda: NOW) as second:
            other = Shelf(second)
            other._id = 5000
            seen = 0
            for i in range(12):
                await asyncio.gather(
                    shelf.say(f"tea a{i}", "tea"), other.say(f"tea b{i}", "tea"), shelf.found("tea"), other.found("tea")
                )
                seen += 4
                counts = await asyncio.gather(shelf.search("tea"), other.search("tea"))
                assert [len(found.messages) for found in counts] == [seen, seen]
            assert await second.check() == []

    run_on(url, test)
    with closing(sqlite3.connect(tmp_path / "hubbub.db")) as database:
        assert database.execute("SELECT count(*), count(DISTINCT message) FROM search_entry").fetchone() == (48, 48)
        database.execute("INSERT INTO search_index (search_index, rank) VALUES ('integrity-check', 1)")


def test_the_index_can_be_made_anew_as_the_page_says(run: Run) -> None:
    page = (Path(__file__).parents[2] / "docs" / "search.md").read_text("utf-8")
    script = page.partition("```sql\n")[2].partition("```")[0]

    async def test(shelf: Shelf) -> None:
        await shelf.say("tea a", "tea b")
        assert len(await shelf.found("tea")) == 2
        assert isinstance(shelf.store, SqliteStore)
        shelf.store._connection.execute("INSERT INTO search_index (search_index) VALUES ('delete-all')")
        assert await shelf.found("tea") == []
        assert script.count(";") == 2
        shelf.store._connection.executescript(script)
        assert shelf.entries() == 2
        assert await shelf.found("tea") == ["tea b", "tea a"]
        await shelf.say("tea c")
        assert len(await shelf.found("tea")) == 3

    run(test)


def test_an_index_of_more_than_there_is_is_damage(run: Run) -> None:
    async def test(shelf: Shelf) -> None:
        await shelf.say("tea")
        await shelf.found("tea")
        assert await shelf.store.check() == []
        assert isinstance(shelf.store, SqliteStore)
        shelf.store._connection.execute("UPDATE search_progress SET number = 9")
        (line,) = await shelf.store.check()
        assert "up to message 9" in line

    run(test)
