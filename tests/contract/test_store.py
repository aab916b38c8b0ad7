"""What every store promises, held against every driver."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from hubbub.core.event import (
    Audited,
    ConversationOpened,
    Event,
    FeedCleared,
    GrantGiven,
    GrantTaken,
    IgnoreBegun,
    IgnoreEnded,
    InviteCreated,
    LoginIssued,
    MemberJoined,
    MemberLeft,
    MessagePinned,
    MessagePosted,
    MessageReacted,
    MessageUnpinned,
    PasswordSet,
    PushSubscribed,
    PushUnsubscribed,
    ReadMarked,
    RoomCreated,
    RoomPasswordSet,
    RoomUpdated,
    TokenIssued,
    TokensRevoked,
    UserBanned,
    UserBlocked,
    UserCreated,
    UserDeleted,
    UserReactivated,
    UserUnblocked,
    UserUpdated,
    VideoAdded,
    VideoEnded,
    VideoPaused,
    VideoRemoved,
    VideoStarted,
    WorldCreated,
    WorldReplaced,
    WorldUpdated,
)
from hubbub.core.model import (
    AccessToken,
    AuditEntry,
    Ban,
    Block,
    Credential,
    Grant,
    Ignore,
    Invite,
    LoginCode,
    Member,
    Message,
    PlaylistItem,
    PushSubscription,
    ReadState,
    Record,
    Room,
    RoomPassword,
    User,
    World,
)
from hubbub.store.contract import (
    Conflict,
    Duplicate,
    Snapshot,
    Store,
    StoreError,
    StoreUnavailable,
    Unstorable,
)
from hubbub.store.open import open_store
from hubbub.store.sqlite import SqliteStore

R = TypeVar("R", bound=Record)

NOW = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)
WORLD, ROOM, OTHER_ROOM, ANN, BOB = 1, 10, 11, 100, 101


class Clock:
    """The time that a test says it is."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class Site:
    """A database, and stores that use it as nodes of their own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.clock = Clock()

    def store(self, node: str = "one") -> Store:
        return open_store(self.url, node=node, clock=self.clock)

    @asynccontextmanager
    async def opened(self, node: str = "one") -> AsyncIterator[Store]:
        """A store of a world with two rooms and two people."""
        async with self.store(node) as store:
            await store.commit([WorldCreated(world=WORLD, config=world())])
            await store.commit(
                [RoomCreated(world=WORLD, room=room.id, config=room) for room in (room_of(), room_of(OTHER_ROOM))]
            )
            await store.commit([UserCreated(world=WORLD, user=user) for user in (user_of(ANN), user_of(BOB))])
            yield store


@pytest.fixture(params=["sqlite-file", "sqlite-file-by-thread", "sqlite-memory"])
def site(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return _site(request.param, tmp_path, monkeypatch)


@pytest.fixture(params=["sqlite-file", "sqlite-file-by-thread"])
def shared(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A database that several stores can open."""
    return _site(request.param, tmp_path, monkeypatch)


def _site(driver: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    if driver == "sqlite-file-by-thread":  # as on a slow disk
        monkeypatch.setattr(SqliteStore, "_may_write_at_once", lambda _store: False)
    return Site("sqlite://" if driver == "sqlite-memory" else f"sqlite:///{directory}/hubbub.db")


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


def made(kind: type[R], fields: dict[str, Any], changes: dict[str, Any]) -> R:
    return kind(**(fields | changes))


def world(**changes: Any) -> World:
    return made(World, {"id": WORLD, "name": "main", "title": "Main", "created": NOW}, changes)


def room_of(identity: int = ROOM, **changes: Any) -> Room:
    return made(Room, {"id": identity, "world": WORLD, "name": f"room {identity}", "created": NOW}, changes)


def user_of(identity: int, **changes: Any) -> User:
    profile = {"display_name": "é\U0001f600"}
    return made(User, {"id": identity, "world": WORLD, "profile": profile, "created": NOW}, changes)


_ids = iter(range(10_000, 10**9))


def message_of(body: str = "hello", **changes: Any) -> Message:
    fields = {"id": next(_ids), "world": WORLD, "room": ROOM, "sender": ANN, "at": NOW, "body": body}
    return made(Message, fields, changes)


def posted(body: str = "hello", **changes: Any) -> MessagePosted:
    message = message_of(body, **changes)
    return MessagePosted(world=WORLD, room=message.room, by=message.sender or 0, message=message)


async def follow_all(store: Store, after: int = 0) -> list[Event]:
    entries, _ = await store.follow(after)
    return [entry.event for entry in entries]


# Streams and numbers


def test_a_commit_numbers_events_in_their_stream_and_messages_in_the_world(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            events = [posted("a"), posted("b", room=OTHER_ROOM), posted("c", kind="system", sender=None)]
            await store.commit(events)
            assert [event.message.number for event in events] == [1, 2, 3]
            assert [event.seq for event in events] == [2, 2, 3]  # both rooms began with their creation
            assert [event.message.seq for event in events] == [2, 2, 3]
            assert {event.epoch for event in events} == {1}
            for event in events:
                assert await store.message(WORLD, event.message.number) == event.message

    run(test)


def test_an_edit_numbers_the_new_message_and_not_the_old(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            first = posted("helo")
            await store.commit([first])
            original = msgspec.structs.replace(first.message, body="hello", edited=NOW)
            edit = MessagePosted(
                world=WORLD, room=ROOM, message=message_of("hello", replaces=first.message.number), original=original
            )
            await store.commit([edit])
            assert (edit.message.number, edit.message.seq, edit.seq) == (2, 3, 3)
            assert await store.message(WORLD, 1) == original
            reaction = MessageReacted(
                world=WORLD, room=ROOM, message=msgspec.structs.replace(original, reactions={"+1": (ANN, BOB)})
            )
            await store.commit([reaction])
            assert reaction.seq == 4
            found = await store.message(WORLD, 1)
            assert found == reaction.message
            assert await store.messages(ROOM, before=100, limit=10) == [reaction.message, edit.message]

    run(test)


def test_what_nobody_replays_is_stored_without_a_seq(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            before = await store.position()
            event = PasswordSet(world=WORLD, credential=Credential(user=ANN, world=WORLD, password="$argon2id$x"))
            await store.commit([event])
            assert (event.epoch, event.seq) == (0, 0)
            assert await store.position() == before
            assert await store.credential(ANN) == event.credential
            assert await store.credential(BOB) is None

    run(test)


def test_five_hundred_callers_at_once_each_get_a_number_in_the_order_of_their_calls(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            events = [posted(str(i), nonce=str(i)) for i in range(500)]
            done: list[int] = []

            async def say(i: int) -> None:
                await store.commit([events[i]])
                done.append(i)

            await asyncio.gather(*(say(i) for i in range(500)))
            assert [event.message.number for event in events] == list(range(1, 501))
            assert [event.seq for event in events] == list(range(2, 502))
            assert done == list(range(500))
            assert await store.check() == []

    run(test)


def test_futures_are_done_in_the_order_of_the_calls(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            told: list[int] = []
            bad = 7

            def tell(i: int) -> Callable[[asyncio.Future[None]], None]:
                return lambda future: told.append(-i if future.exception() else i)

            futures = []
            for i in range(1, 20):
                event = posted(str(i)) if i != bad else posted("\0")
                futures.append(store.submit([event]))
                futures[-1].add_done_callback(tell(i))
            await asyncio.wait(futures)
            assert told == [-i if i == bad else i for i in range(1, 20)]

    run(test)


def test_who_comes_while_a_group_is_on_its_way_goes_with_the_next(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            futures = []
            for i in range(30):
                futures.append(store.submit([posted(str(i))]))
                if i % 3 == 0:
                    await asyncio.sleep(0)
            await asyncio.gather(*futures)
            assert [m.body for m in await store.messages(ROOM, before=99, limit=99)] == [str(i) for i in range(30)]

    run(test)


def test_more_callers_than_one_group_takes(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            events = [posted(str(i)) for i in range(2100)]
            await asyncio.gather(*(store.submit([event]) for event in events))
            assert [event.message.number for event in events] == list(range(1, 2101))

    run(test)


def test_no_event_is_no_trouble(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            await store.commit([])

    run(test)


# All or none, and only who is at fault


@pytest.mark.parametrize(
    "bad",
    [
        lambda: posted("a NUL \0 in it"),
        lambda: posted("a lone \ud800 surrogate"),
        lambda: posted("x", id=2**70),
        lambda: posted("x", at=datetime(2026, 1, 1)),
        lambda: UserCreated(world=WORLD, user=user_of(777, login="ann")),
        lambda: FeedCleared(world=WORLD, room=ROOM),
    ],
)
def test_a_caller_at_fault_is_refused_alone_and_whole(site: Site, bad: Callable[[], Event]) -> None:
    async def test() -> None:
        async with site.opened() as store:
            await store.commit([UserUpdated(world=WORLD, user=user_of(BOB, login="ann"))])
            wrong, companion = bad(), posted("goes down with it")
            good = [posted("one"), posted("two"), posted("three")]
            results = await asyncio.gather(
                store.commit([good[0]]),
                store.commit([companion, wrong]),
                store.commit([good[1]]),
                store.commit([good[2]]),
                return_exceptions=True,
            )
            assert [results[0], results[2], results[3]] == [None, None, None]
            assert isinstance(results[1], StoreError | ValueError)
            assert not isinstance(results[1], StoreUnavailable)
            assert [event.message.number for event in good] == [1, 2, 3]
            assert [event.seq for event in good] == [2, 3, 4]
            assert (companion.seq, companion.epoch, companion.message.number, companion.message.seq) == (0, 0, 0, 0)
            assert (wrong.seq, wrong.epoch) == (0, 0)
            assert [m.body for m in await store.messages(ROOM, before=99, limit=99)] == ["one", "two", "three"]
            # and once more alone, which is another path
            with pytest.raises((StoreError, ValueError)):
                await store.commit([companion, wrong])
            await store.commit([four := posted("four")])
            assert (four.message.number, four.seq) == (4, 5)
            assert await store.check() == []

    run(test)


def test_a_nonce_is_used_once_by_each_sender(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            first = posted("first", nonce="n")
            await store.commit([first])
            again, others, after = posted("again", nonce="n"), posted("others", nonce="n", sender=BOB), posted("after")
            results = await asyncio.gather(
                store.commit([again]), store.commit([others]), store.commit([after]), return_exceptions=True
            )
            error, *rest = results
            assert isinstance(error, Duplicate)
            assert error.message == first.message
            assert rest == [None, None]
            assert again.message.number == again.seq == 0
            assert [others.message.number, after.message.number] == [2, 3]
            assert await store.message_by_nonce(WORLD, ANN, "n") == first.message
            assert await store.message_by_nonce(WORLD, BOB, "n") == others.message
            assert await store.message_by_nonce(WORLD, BOB, "m") is None

    run(test)


def test_of_two_with_one_nonce_in_one_group_the_first_is_told(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            first, second = posted("first", nonce="n"), posted("second", nonce="n")
            results = await asyncio.gather(store.commit([first]), store.commit([second]), return_exceptions=True)
            assert results[0] is None
            assert isinstance(results[1], Duplicate)
            assert results[1].message == first.message
            assert first.message.number == 1

    run(test)


def test_a_login_belongs_to_one_user(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            await store.commit([UserUpdated(world=WORLD, user=user_of(ANN, login="ann"))])
            with pytest.raises(Conflict):
                await store.commit([UserUpdated(world=WORLD, user=user_of(BOB, login="ann"))])
            # who gives it up and who takes it may do so at once
            await store.commit(
                [
                    UserUpdated(world=WORLD, user=user_of(ANN)),
                    UserUpdated(world=WORLD, user=user_of(BOB, login="ann")),
                ]
            )

    run(test)


def test_a_closed_store_refuses(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            pass
        with pytest.raises(StoreUnavailable):
            await store.commit([posted()])
        with pytest.raises(StoreUnavailable):
            store.enqueue([posted()])
        with pytest.raises(StoreUnavailable):
            await store.position()
        await store.close()

    run(test)


def test_a_caller_who_is_cancelled_does_not_harm_the_others(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            first = asyncio.ensure_future(store.commit([posted("first")]))
            second = asyncio.ensure_future(store.commit([posted("second")]))
            await asyncio.sleep(0)
            first.cancel()
            await second
            assert "second" in [message.body for message in await store.messages(ROOM, before=9, limit=9)]

    run(test)


# What is written


def test_what_is_loaded_is_what_the_events_leave(site: Site) -> None:
    async def test() -> None:
        member, other = (Member(room=ROOM, user=user, world=WORLD, joined=NOW) for user in (ANN, BOB))
        gated = room_of(
            OTHER_ROOM,
            topic="Tea",
            topic_by=ANN,
            topic_at=NOW,
            listed=False,
            closed="",
            accounts_only=True,
            verified_only=True,
            min_account_age=3600,
            locked=True,
            age_restricted=True,
            moderated_playlist=True,
            push_to_talk=True,
        )
        ban = Ban(
            id=7,
            world=WORLD,
            user=BOB,
            handle="Bob",
            addresses=("192.0.2.7", "2001:db8::/64"),
            clients=("c",),
            at=NOW,
            until=NOW + HOUR,
        )
        ignores = [ignore_of(one) for one in (30, 31)]
        tokens = [token_of(one) for one in ("kept", "one", "two")]
        items = [item_of(one) for one in (40, 41, 42, 43)]
        playing = item_of(41, started=NOW, paused=NOW + HOUR, duration=None)
        lifted = Ban(id=8, world=WORLD, user=BOB, at=NOW)
        grant = Grant(world=WORLD, user=ANN, role="admin")
        taken = Grant(world=WORLD, user=ANN, role="speaker", room=ROOM)
        block = Block(world=WORLD, user=ANN, target=BOB)
        direct = room_of(20, kind="direct", modules=({"type": "chat.native", "config": {"volatile": False}},))
        events: list[Event] = [
            WorldUpdated(
                world=WORLD, config=world(title="New", roles={"admin": ["world:update"]}, config={"a": [1.5, None]})
            ),
            RoomUpdated(world=WORLD, room=ROOM, config=room_of(picture="/x.png", schedule_data={"session": "s"})),
            RoomUpdated(world=WORLD, room=OTHER_ROOM, config=gated),
            UserUpdated(world=WORLD, user=user_of(ANN, traits=("a", "b"), client_id="browser", last_login=NOW + HOUR)),
            UserUpdated(world=WORLD, user=user_of(BOB, preferences={"a": [None]}, verified=True, adult=True)),
            MemberJoined(world=WORLD, room=ROOM, member=member),
            MemberJoined(world=WORLD, room=ROOM, member=other),
            MemberLeft(world=WORLD, room=ROOM, member=other),
            GrantGiven(world=WORLD, grant=grant),
            GrantGiven(world=WORLD, room=ROOM, grant=taken),
            GrantTaken(world=WORLD, room=ROOM, grant=taken),
            UserBanned(world=WORLD, ban=ban),
            UserBanned(world=WORLD, ban=lifted),
            UserReactivated(world=WORLD, user=BOB, bans=(lifted,)),
            *(IgnoreBegun(world=WORLD, ignore=ignore) for ignore in ignores),
            IgnoreEnded(world=WORLD, ignore=ignores[0]),
            *(TokenIssued(world=WORLD, token=token) for token in tokens),
            TokensRevoked(world=WORLD, tokens=tuple(tokens[1:])),
            *(VideoAdded(world=WORLD, room=ROOM, item=item) for item in items),
            VideoEnded(world=WORLD, room=ROOM, item=items[0]),
            VideoStarted(world=WORLD, room=ROOM, item=item_of(41, started=NOW)),
            VideoPaused(world=WORLD, room=ROOM, item=playing),
            VideoRemoved(world=WORLD, room=ROOM, item=items[2]),
            UserBlocked(world=WORLD, block=block),
            UserUnblocked(world=WORLD, block=block),
            UserBlocked(world=WORLD, block=block),
            InviteCreated(
                world=WORLD, invite=Invite(code="c", world=WORLD, room=ROOM, by=ANN, created=NOW, expires=NOW + HOUR)
            ),
            ConversationOpened(
                world=WORLD, room=20, config=direct, members=(Member(room=20, user=ANN, world=WORLD, joined=NOW),)
            ),
            ReadMarked(world=WORLD, room=ROOM, state=ReadState(room=ROOM, user=ANN, world=WORLD, read=3)),
            posted("1"),
            posted("2", room=OTHER_ROOM),
            posted("3"),
            posted("4", kind="system", sender=None, event={"type": "join"}),
        ]
        async with site.opened() as store:
            start = [room_of(), room_of(OTHER_ROOM), world(), user_of(ANN), user_of(BOB)]
            expected: dict[tuple[str, Any], Record] = {key(record): record for record in start}
            for event in events:
                expected.update((key(record), record) for record in event.written())
                for record in event.erased():
                    del expected[key(record)]
            for event in events[:9]:
                await store.commit([event])
            await store.commit(events[9:])
            snapshot = await store.load("main")
            assert snapshot is not None
            assert snapshot == await store.load_world(WORLD)
            loaded: list[Record] = [snapshot.world, *users_and_more(snapshot)]
            kept = {key(record): record for record in loaded}
            assert kept == {key: record for key, record in expected.items() if key[0] != "Message"}
            assert len(kept) == len(loaded)
            assert snapshot.last_number == 4
            assert snapshot.last_said == {ROOM: 3, OTHER_ROOM: 2}
            assert snapshot.position == await store.position()
            assert await store.load("other") is None
            assert await store.load_world(99) is None
            assert await store.worlds() == [snapshot.world]

    run(test)


def key(record: Record) -> tuple[str, Any]:
    return type(record).__name__, tuple(getattr(record, name) for name in record.KEY)


def users_and_more(snapshot: Snapshot) -> list[Record]:
    return snapshot.records


def test_worlds_are_listed_oldest_first(site: Site) -> None:
    async def test() -> None:
        async with site.store() as store:
            for i, name in ((5, "b"), (2, "c"), (9, "a")):
                await store.commit(
                    [WorldCreated(world=i, config=world(id=i, name=name, created=NOW - i * HOUR))],
                )
            assert [found.name for found in await store.worlds()] == ["a", "b", "c"]
            with pytest.raises(Conflict):
                await store.commit([WorldCreated(world=6, config=world(id=6, name="a"))])

    run(test)


def test_history_is_read_backwards(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            events = [posted(str(i), kind="system" if i % 2 else "text") for i in range(10)]
            await store.commit([*events, posted("elsewhere", room=OTHER_ROOM)])
            messages = [event.message for event in events]
            assert await store.messages(ROOM, before=8, limit=3) == messages[4:7]
            assert await store.messages(ROOM, before=8, limit=3, system=False) == [messages[i] for i in (2, 4, 6)]
            assert await store.messages(ROOM, before=1, limit=3) == []
            assert await store.messages(99, before=99, limit=3) == []
            assert await store.message(WORLD, 99) is None
            assert await store.message(2, 1) is None

    run(test)


def test_history_is_read_forwards_too(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            events = [posted(str(i), kind="system" if i % 2 else "text") for i in range(10)]
            await store.commit([*events, posted("elsewhere", room=OTHER_ROOM)])
            messages = [event.message for event in events]
            assert await store.messages(ROOM, before=99, after=3, limit=3, oldest=True) == messages[3:6]
            assert await store.messages(ROOM, before=99, after=3, limit=3) == messages[7:]
            assert await store.messages(ROOM, before=6, after=3, limit=9) == messages[3:5]
            said = await store.messages(ROOM, before=99, after=3, limit=2, oldest=True, system=False)
            assert said == [messages[4], messages[6]]
            assert await store.messages(ROOM, before=99, after=10, limit=3) == []

    run(test)


def test_the_newest_of_rooms_is_read_and_how_many_there_are(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            events = [posted("a"), posted("b", kind="system"), posted("c", room=OTHER_ROOM)]
            await store.commit(events)
            newest = {ROOM: events[1].message, OTHER_ROOM: events[2].message}
            assert await store.newest([ROOM, OTHER_ROOM, 99]) == newest
            assert await store.newest([]) == {}
            snapshot = await store.load("main")
            assert snapshot
            assert snapshot.counts == {ROOM: 2, OTHER_ROOM: 1}

    run(test)


def test_what_has_reactions_or_attachments_is_found_by_when_it_was_said(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            more: list[dict[str, Any]] = [
                {},
                {"reactions": {"+": (ANN,)}},
                {"attachments": ({"type": "image"},)},
                {"reactions": {"+": (ANN, BOB)}, "attachments": ({"url": "x"},)},
                {"reactions": {"+": (ANN,)}, "room": OTHER_ROOM},
            ]
            messages = [message_of(str(i), at=NOW + i * HOUR, **fields) for i, fields in enumerate(more)]
            await store.commit([MessagePosted(world=WORLD, room=one.room, message=one) for one in messages])
            assert await store.liked(ROOM, since=NOW, limit=9) == [messages[3], messages[1]]
            assert await store.liked(ROOM, since=NOW + HOUR, limit=9) == [messages[3]]
            assert await store.liked(ROOM, since=NOW, limit=1) == [messages[3]]
            end = NOW + 9 * HOUR
            assert await store.gallery(ROOM, after=NOW, before=end, limit=9) == [messages[3], messages[2]]
            assert await store.gallery(ROOM, after=NOW, before=NOW + 3 * HOUR, limit=9) == [messages[2]]
            assert await store.gallery(ROOM, after=NOW + 2 * HOUR, before=end, limit=9) == [messages[3]]
            assert await store.gallery(ROOM, after=NOW, before=end, limit=1) == [messages[3]]

    run(test)


def test_what_happens_by_itself_is_said_once_under_its_key(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            first, second = (posted(body, kind="system", sender=None, nonce="end of 7") for body in "ab")
            await store.commit([first])
            with pytest.raises(Conflict):
                await store.commit([second])
            await store.commit([posted("c", sender=ANN, nonce="end of 7")])  # somebody's keys are their own
            assert [message.body for message in await store.messages(ROOM, before=99, limit=9)] == ["a", "c"]

    run(test)


def test_audit_is_read_newest_first(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            entries = [
                AuditEntry(id=i, world=WORLD, user=ANN, type="ab"[i % 2], data={"i": i}, at=NOW + i * HOUR)
                for i in range(6)
            ]
            await store.commit([Audited(world=WORLD, entry=entry) for entry in entries])
            assert await store.audit(WORLD, limit=4) == entries[:1:-1]
            assert await store.audit(WORLD, types=["a"]) == entries[4::-2]
            assert await store.audit(WORLD, types=["a", "b"]) == entries[::-1]
            assert await store.audit(WORLD, types=[]) == []
            assert await store.audit(2) == []

    run(test)


def test_a_login_code_is_good_until_it_expires(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            code = LoginCode(digest="d", world=WORLD, claims={"uid": "x"}, expires=NOW + HOUR)
            await store.commit([LoginIssued(world=WORLD, codes=(code,))])
            assert await store.login_code("d", NOW) == code
            assert await store.login_code("d", NOW + HOUR) is None
            assert await store.login_code("e", NOW) is None

    run(test)


def ignore_of(identity: int, **changes: Any) -> Ignore:
    fields = {"id": identity, "world": WORLD, "user": ANN, "target": BOB, "handle": "B", "at": NOW, "until": NOW + HOUR}
    return made(Ignore, fields, changes)


def token_of(name: str, **changes: Any) -> AccessToken:
    fields = {"digest": name, "world": WORLD, "user": ANN, "label": "é", "created": NOW, "expires": NOW + HOUR}
    return made(AccessToken, fields, changes)


def item_of(identity: int, **changes: Any) -> PlaylistItem:
    fields = {"id": identity, "world": WORLD, "room": ROOM, "by": ANN, "media_id": "v", "title": "é", "at": NOW}
    return made(PlaylistItem, {**fields, "duration": 60, "description": "long " * 1000}, changes)


def password_of(room: int, password: str) -> RoomPasswordSet:
    return RoomPasswordSet(world=WORLD, room=room, password=RoomPassword(room=room, world=WORLD, password=password))


def test_a_room_has_one_password_which_no_journal_and_no_memory_has(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            assert await store.room_password(ROOM) is None
            before = await store.position()
            await store.commit([password_of(ROOM, "old"), password_of(OTHER_ROOM, "another")])
            await store.commit([password_of(ROOM, "new")])
            found = await store.room_password(ROOM)
            assert found == RoomPassword(room=ROOM, world=WORLD, password="new")
            assert await follow_all(store, before) == []
            snapshot = await store.load("main")
            assert snapshot is not None
            assert snapshot.of(RoomPassword) == []
            await replace(store)
            assert await store.room_password(ROOM) is None
            assert await store.room_password(OTHER_ROOM) is None

    run(test)


def test_what_live_rooms_leave_is_followed_by_others(shared: Site) -> None:
    async def test() -> None:
        async with shared.opened("one") as one, shared.store("two") as two:
            position = await one.position()
            events: list[Event] = [
                VideoAdded(world=WORLD, room=ROOM, item=item_of(40)),
                VideoEnded(world=WORLD, room=ROOM, item=item_of(40, started=NOW)),
                IgnoreBegun(world=WORLD, ignore=ignore_of(30)),
                TokenIssued(world=WORLD, token=token_of("t")),
                TokensRevoked(world=WORLD, tokens=(token_of("t"),)),
                UserBanned(
                    world=WORLD,
                    room=ROOM,
                    ban=Ban(id=7, world=WORLD, user=BOB, room=ROOM, at=NOW, addresses=("a",), clients=("c", "d")),
                ),
            ]
            await two.commit(events)
            assert await follow_all(one, position) == events

    run(test)


def test_a_playlist_is_loaded_in_the_order_of_its_ids(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            for identity in (42, 40, 41):
                await store.commit([VideoAdded(world=WORLD, room=ROOM, item=item_of(identity))])
            await store.commit([VideoStarted(world=WORLD, room=ROOM, item=item_of(40, started=NOW))])
            snapshot = await store.load("main")
            assert snapshot is not None
            assert [item.id for item in snapshot.of(PlaylistItem)] == [40, 41, 42]

    run(test)


def test_what_ends_by_itself_is_forgotten_and_nothing_else(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            await store.commit(
                [
                    IgnoreBegun(world=WORLD, ignore=ignore_of(30, until=NOW)),
                    IgnoreBegun(world=WORLD, ignore=ignore_of(31, until=NOW + HOUR)),
                    TokenIssued(world=WORLD, token=token_of("over", expires=NOW)),
                    TokenIssued(world=WORLD, token=token_of("good", expires=NOW + HOUR)),
                    UserBanned(world=WORLD, ban=Ban(id=7, world=WORLD, user=BOB, kind="silence", at=NOW, until=NOW)),
                    VideoAdded(world=WORLD, room=ROOM, item=item_of(40, started=NOW - 10 * HOUR)),
                    password_of(ROOM, "x"),
                ]
            )
            assert await store.prune(NOW - HOUR) == 3
            snapshot = await store.load("main")
            assert snapshot is not None
            assert [ignore.id for ignore in snapshot.of(Ignore)] == [31]
            assert [token.digest for token in snapshot.of(AccessToken)] == ["good"]
            assert [item.id for item in snapshot.of(PlaylistItem)] == [40]
            assert snapshot.of(Ban) == []
            assert await store.room_password(ROOM)
            assert await store.check() == []

    run(test)


def test_a_message_is_found_by_its_id(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            first, second = posted("first"), posted("second")
            await store.commit([first, second])
            assert await store.message_by_id(second.message.id) == second.message
            assert await store.message_by_id(1) is None

    run(test)


def test_pinned_messages_come_the_last_pinned_first(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            said = [posted(name) for name in ("a", "b", "c")]
            await store.commit([*said, posted("elsewhere", room=OTHER_ROOM)])
            for delay, event in ((1, said[1]), (0, said[2])):
                pinned = msgspec.structs.replace(event.message, pinned=NOW + delay * HOUR, pinned_by=ANN)
                await store.commit([MessagePinned(world=WORLD, room=ROOM, message=pinned)])
            found = await store.pinned(ROOM)
            assert [(one.body, one.pinned, one.pinned_by) for one in found] == [("b", NOW + HOUR, ANN), ("c", NOW, ANN)]
            assert await store.pinned(OTHER_ROOM) == []
            gone = msgspec.structs.replace(found[0], pinned=None, pinned_by=0)
            await store.commit([MessageUnpinned(world=WORLD, room=ROOM, message=gone)])
            assert [one.body for one in await store.pinned(ROOM)] == ["c"]

    run(test)


def push_of(user: int, name: str, created: datetime = NOW, expires: datetime | None = None) -> PushSubscription:
    return PushSubscription(
        world=WORLD, digest=name, user=user, endpoint=name, p256dh="p", auth="a", created=created, expires=expires
    )


def test_push_subscriptions_come_oldest_first(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            new, old, bobs = push_of(ANN, "a", NOW), push_of(ANN, "b", NOW - HOUR), push_of(BOB, "c")
            await store.commit([PushSubscribed(world=WORLD, subscription=one) for one in (new, old, bobs)])
            assert await store.push_subscriptions(ANN) == [old, new]
            await store.commit([PushSubscribed(world=WORLD, subscription=push_of(BOB, "a"))])
            assert await store.push_subscriptions(ANN) == [old]
            await store.commit([PushUnsubscribed(world=WORLD, subscriptions=(old,))])
            assert await store.push_subscriptions(ANN) == []
            assert len(await store.push_subscriptions(BOB)) == 2

    run(test)


def test_push_subscriptions_that_are_over_are_forgotten(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            over, good, bobs = push_of(ANN, "a", expires=NOW), push_of(ANN, "b", expires=NOW + HOUR), push_of(BOB, "c")
            await store.commit([PushSubscribed(world=WORLD, subscription=one) for one in (over, good, bobs)])
            gone = msgspec.structs.replace(user_of(BOB), deleted=True)
            await store.commit([UserDeleted(world=WORLD, user=gone)])
            assert await store.prune(NOW - HOUR) == 2
            assert await store.push_subscriptions(ANN) == [good]
            assert await store.push_subscriptions(BOB) == []

    run(test)


def test_text_comes_back_as_it_was(site: Site) -> None:
    text = "'\"\\ \x01\x1f\x7f é\u2028\U0001f600 $[0] null \\u0000 {}\n"
    nested = {"nul": "a\0b", "deep": [{"x": [1, 2.5, 1e300, True, None, -(2**62)]}], text: text}

    async def test() -> None:
        async with site.opened() as store:
            event = posted(text, extra=nested, attachments=(nested,), nonce=text)
            await store.commit([event])
            assert await store.message(WORLD, 1) == event.message
            assert event.message.extra == nested
            replayed = await store.replay(ROOM, 1, 1)
            assert replayed == [event]

    run(test)


# Not waited for


def test_what_is_enqueued_goes_with_the_next_commit(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            for read in range(5):
                store.enqueue([ReadMarked(world=WORLD, state=ReadState(room=ROOM, user=ANN, world=WORLD, read=read))])
            store.enqueue([posted("journalled, so not to be left out"), posted("nor this")])
            await store.commit([posted()])
            snapshot = await store.load("main")
            assert snapshot is not None
            assert [state.read for state in snapshot.of(ReadState)] == [4]
            assert snapshot.last_number == 3

    run(test)


def test_what_is_enqueued_is_stored_on_closing(shared: Site) -> None:
    async def test() -> None:
        async with shared.opened() as store:
            store.enqueue([ReadMarked(world=WORLD, state=ReadState(room=ROOM, user=ANN, world=WORLD, read=7))])
        async with shared.store() as store:
            snapshot = await store.load("main")
            assert snapshot is not None
            assert [state.read for state in snapshot.of(ReadState)] == [7]

    run(test)


def test_what_is_enqueued_wrongly_harms_nobody(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with site.opened() as store:
            store.enqueue([posted("\0"), posted("good")])
            await store.commit([posted("other")])
            assert [m.body for m in await store.messages(ROOM, before=9, limit=9)] == ["good", "other"]

    run(test)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "MessagePosted" in caplog.text


# Followers and those who come back


def test_a_follower_sees_what_others_wrote_in_order(shared: Site) -> None:
    async def test() -> None:
        async with shared.opened("one") as one, shared.store("two") as two:
            assert not two.changed()
            start = await two.position()
            events: list[Event] = [
                posted("a"),
                posted("b", room=OTHER_ROOM),
                MemberJoined(world=WORLD, room=ROOM, member=Member(room=ROOM, user=ANN, world=WORLD, joined=NOW)),
            ]
            for event in events:
                await one.commit([event])
                assert two.changed()
                assert not two.changed()
            await two.commit([posted("my own")])
            entries, position = await two.follow(start)
            assert [entry.event for entry in entries] == events
            assert {entry.node for entry in entries} == {"one"}
            assert sorted({entry.position for entry in entries}) == [entry.position for entry in entries]
            assert position == await two.position() > entries[-1].position
            assert await two.follow(position) == ([], position)

    run(test)


def test_ones_own_commits_are_no_news(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            store.changed()
            for _ in range(3):
                await store.commit([posted()])
                assert not store.changed()

    run(test)


def test_many_entries_are_followed_in_parts(shared: Site) -> None:
    async def test() -> None:
        async with shared.opened("one") as one, shared.store("two") as two:
            start = await two.position()
            events: list[Event] = [posted(str(i)) for i in range(2500)]
            await one.commit(events)
            seen: list[Event] = []
            parts = 0
            assert two.changed()
            while True:
                entries, start = await two.follow(start)
                seen += [entry.event for entry in entries]
                parts += 1
                await two.commit([posted("my own")])
                if not two.changed():
                    break
                assert two.changed()
            assert (seen == events, parts) == (True, 3)

    run(test)


def test_two_writers_at_once_leave_no_gap(shared: Site) -> None:
    async def test() -> None:
        async with shared.opened("one") as one, shared.store("two") as two:

            async def say(store: Store, name: str) -> list[MessagePosted]:
                events = [posted(f"{name} {i}", room=(ROOM, OTHER_ROOM)[i % 2]) for i in range(60)]
                for i in range(0, 60, 6):
                    await asyncio.gather(*(store.commit([event]) for event in events[i : i + 6]))
                return events

            said = [event for events in await asyncio.gather(say(one, "one"), say(two, "two")) for event in events]
            assert sorted(event.message.number for event in said) == list(range(1, 121))
            for room in (ROOM, OTHER_ROOM):
                here = [event for event in said if event.room == room]
                assert sorted(event.seq for event in here) == list(range(2, 62))
                assert await one.replay(room, 1, 1) == sorted(here, key=lambda event: event.seq)
            assert await one.check() == await two.check() == []

    run(test)


def test_who_comes_back_gets_what_was_missed(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            events = [posted(str(i)) for i in range(5)]
            await store.commit(events)
            assert await store.replay(ROOM, 1, 1) == events
            assert await store.replay(ROOM, 1, 3) == events[2:]
            assert await store.replay(ROOM, 1, 2, limit=2) == events[1:3]
            assert await store.replay(ROOM, 1, 6) == []
            assert await store.replay(ROOM, 1, 7) is None  # that is a seq nobody was given
            assert await store.replay(ROOM, 2, 0) is None
            assert await store.replay(999, 1, 0) is None
            await store.commit([WorldUpdated(world=WORLD, config=world(), by=ANN)])
            await store.commit(
                [UserUpdated(world=WORLD, user=user_of(ANN)), RoomUpdated(world=WORLD, config=room_of(30))]
            )
            assert await store.replay(30, 1, 0) == []  # the room exists, but nothing has happened in it

    run(test)


def test_what_was_pruned_is_not_replayed(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            await store.commit([posted("old")])
            site.clock.now += HOUR
            new = posted("new")
            await store.commit([new])
            await store.commit(
                [
                    LoginIssued(world=WORLD, codes=(LoginCode(digest="d", world=WORLD, claims={}, expires=NOW),)),
                    UserBanned(world=WORLD, ban=Ban(id=1, world=WORLD, user=BOB, at=NOW, until=NOW)),
                    UserBanned(world=WORLD, ban=Ban(id=2, world=WORLD, user=BOB, at=NOW)),
                ]
            )
            assert await store.prune(NOW + HOUR) == 6 + 2  # five of the opening, one message; a code, a ban
            assert await store.replay(ROOM, 1, 1) is None
            assert await store.replay(ROOM, 1, 2) == [new]
            assert await store.replay(ROOM, 1, 3) == []
            assert [m.body for m in await store.messages(ROOM, before=9, limit=9)] == ["old", "new"]
            snapshot = await store.load("main")
            assert snapshot is not None
            assert [ban.id for ban in snapshot.of(Ban)] == [2]
            assert await store.check() == []
            position = await store.position()
            await store.prune(NOW + 2 * HOUR)
            assert await store.replay(ROOM, 1, 3) == []
            assert await store.replay(ROOM, 1, 2) is None
            after = posted("after")
            await store.commit([after])
            assert (after.seq, after.message.number) == (4, 3)
            assert await store.position() > position
            assert await store.check() == []

    run(test)


# Beginning anew


async def replace(store: Store, *before: Event, epoch: int = 2) -> WorldReplaced:
    event = WorldReplaced(world=WORLD, config=world(epoch=epoch), rooms=(room_of(50),))
    await store.commit([*before, event])
    return event


def test_a_replaced_world_is_empty_and_counts_from_one(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            await store.commit([WorldCreated(world=2, config=world(id=2, name="second"))])
            elsewhere = MessagePosted(world=2, room=60, message=message_of(world=2, room=60))
            await store.commit([elsewhere])
            await store.commit(
                [
                    PasswordSet(world=WORLD, credential=Credential(user=ANN, world=WORLD, password="x")),
                    LoginIssued(
                        world=WORLD, codes=(LoginCode(digest="d", world=WORLD, claims={}, expires=NOW + HOUR),)
                    ),
                    Audited(world=WORLD, entry=AuditEntry(id=1, world=WORLD, user=ANN, type="x", data={}, at=NOW)),
                    posted("gone"),
                ]
            )
            replaced = await replace(store, posted("gone too"))
            assert (replaced.epoch, replaced.seq) == (2, 1)
            snapshot = await store.load("main")
            assert snapshot is not None
            assert snapshot.world.epoch == 2
            assert snapshot.of(Room) == [room_of(50)]
            assert users_and_more(snapshot) == [room_of(50)]
            assert (snapshot.last_number, snapshot.last_said) == (0, {})
            assert await store.credential(ANN) is None
            assert await store.login_code("d", NOW) is None
            assert await store.audit(WORLD) == []
            assert await store.message(WORLD, 1) is None
            assert await store.replay(ROOM, 1, 1) is None
            assert await store.replay(WORLD, 1, 1) is None
            assert await store.replay(WORLD, 2, 0) == [replaced]
            assert await store.replay(50, 2, 0) == []
            first = posted("first", room=50)
            await store.commit([first])
            assert (first.message.number, first.message.seq, first.epoch) == (1, 1, 2)
            assert await store.message(2, 1) == elsewhere.message
            assert await store.replay(60, 1, 0) == [elsewhere]
            assert await store.check() == []

    run(test)


def test_replacing_shares_a_group_with_those_before_and_after(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            before, after = posted("before"), posted("after", room=50)
            replaced = WorldReplaced(world=WORLD, config=world(epoch=2), rooms=(room_of(50),))
            await asyncio.gather(store.commit([before]), store.commit([replaced]), store.commit([after]))
            assert before.epoch == 1
            assert (after.epoch, after.seq, after.message.number) == (2, 1, 1)
            assert await store.messages(ROOM, before=9, limit=9) == []
            assert await store.messages(50, before=9, limit=9) == [after.message]
            assert await store.check() == []

    run(test)


def test_a_world_replaced_by_another_process_begins_anew_here_too(shared: Site) -> None:
    async def test() -> None:
        async with shared.opened("one") as one, shared.store("two") as two:
            await one.commit([posted("old")])
            await two.commit([posted("old")])
            position = await one.position()
            replaced = await replace(two)
            assert one.changed()
            assert await follow_all(one, position) == [replaced]
            first = posted("first", room=50)
            await one.commit([first])
            assert (first.message.number, first.seq, first.epoch) == (1, 1, 2)
            assert await one.check() == []

    run(test)


def test_a_replacement_that_fails_leaves_all_as_it_was(site: Site) -> None:
    async def test() -> None:
        async with site.opened() as store:
            await store.commit([posted("kept")])
            before = await store.load("main")
            bad = WorldReplaced(world=WORLD, config=world(epoch=2), rooms=(room_of(50, name="\0"),))
            with pytest.raises(Unstorable):
                await store.commit([bad])
            assert bad.seq == 0
            assert await store.load("main") == before
            second = posted("second")
            await store.commit([second])
            assert (second.message.number, second.epoch) == (2, 1)

    run(test)


def test_when_it_was_written_last_is_known(site: Site) -> None:
    async def test() -> None:
        async with site.store() as store:
            assert await store.last_commit() is None
            await store.commit([WorldCreated(world=WORLD, config=world())])
            assert await store.last_commit() is not None

    run(test)
