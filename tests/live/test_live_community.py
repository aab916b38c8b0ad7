"""The community as it runs: results before events, in the order of the commits, whatever breaks."""

import asyncio
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.live.scene import Client, FaultyStore, HandClock, Scene, scene

from hubbub.bus.memory import MemoryBus
from hubbub.core import chat
from hubbub.core.chat import EditMessage, JoinChat, PostMessage, SubscribeChat
from hubbub.core.command import REGISTRY, Act, Command
from hubbub.core.error import Code, HubbubError, Limited, Unavailable
from hubbub.core.event import (
    Event,
    MessagePosted,
    OccupancyChanged,
    ReactionsCounted,
    ReadMarked,
    RoomCreated,
    SessionsRevoked,
    UserUnread,
    VisitOpened,
    WorldReplaced,
    WorldUpdated,
)
from hubbub.core.login import IssueLogin, LogIn, RedeemLogin
from hubbub.core.model import Message, ReadState
from hubbub.core.reaction import ALLOWED
from hubbub.core.reading import FetchMessages, MarkRead
from hubbub.core.room import AddRoom, Arrival, EnterRoom, ReactInRoom, RoomSettings, UpdateRoom
from hubbub.core.user import BanUser, GrantRole, UpdateProfile
from hubbub.core.world import ImportedRoom, ReplaceWorld, UpdateWorld
from hubbub.live.community import CARE, WATCH, Community
from hubbub.live.rate import Rate
from hubbub.live.world import OWNER_LOGIN, ensure_world
from hubbub.store.contract import StoreUnavailable
from hubbub.store.open import open_store

pytestmark = pytest.mark.anyio
SECOND = timedelta(seconds=1)
CLAP = ALLOWED[0]


def say(here: Scene, body: str = "Hi", **fields: Any) -> PostMessage:
    return PostMessage(room=here.lounge, body=body, **fields)


def bodies(client: Client) -> list[str]:
    return [event.message.body for event in client.heard(MessagePosted)]


async def code(work: Any) -> Code:
    with pytest.raises(HubbubError) as caught:
        await work
    return caught.value.code


# Order


async def test_the_requester_gets_the_result_before_the_events() -> None:
    async with scene() as here:
        ada, bob = await here.talker("Ada"), await here.talker("Bob")
        ada.log.clear()
        message = await ada.do(say(here))
        assert isinstance(message, Message)
        assert message.number > 0
        assert ada.log[0] is message
        assert ada.log[1].message is message
        assert [type(entry) for entry in bob.log] == [MessagePosted, UserUnread]


async def test_what_nothing_is_stored_of_is_told_at_once() -> None:
    async with scene() as here:
        ada = await here.client("Ada")
        entered = ada.execute(EnterRoom(room=here.lounge))
        assert entered.done()
        assert [type(entry) for entry in ada.log] == [Arrival, OccupancyChanged]


async def test_everybody_hears_in_the_order_of_the_commits() -> None:
    async with scene() as here:
        talkers = [await here.talker(f"P{count}") for count in range(4)]
        for client in talkers:
            client.log.clear()
        posted = [client.execute(say(here, f"{client.id}.{turn}")) for turn in range(10) for client in talkers]
        results = await asyncio.gather(*posted)
        numbers = [message.number for message in results]
        assert numbers == sorted(set(numbers))
        assert [message.seq for message in results] == list(range(results[0].seq, results[0].seq + 40))
        said = [message.body for message in results]
        assert all(bodies(client) == said for client in talkers)


async def test_who_joins_while_others_speak_misses_nothing() -> None:
    """Once the reply named a number that was given to a message which the newcomer was never told of."""
    async with scene() as here:
        ada, bob = await here.talker("Ada"), await here.client("Bob")
        before, joining, after = (
            ada.execute(say(here, "before")),
            bob.execute(JoinChat(room=here.lounge)),
            ada.execute(say(here, "after")),
        )
        await asyncio.gather(before, joining, after)
        told = [event.message.number for event in bob.heard(MessagePosted)]
        history = await bob.do(FetchMessages(room=here.lounge, before=joining.result().next_number))
        assert {message.number for message in history} | set(told) == set(range(1, after.result().number + 1))
        assert {message.number for message in history} & set(told) == set()
        assert "before" in [message.body for message in history]
        assert joining.result().last_said == before.result().number


async def test_a_reader_of_the_archive_waits_and_others_do_not() -> None:
    async with scene() as here:
        ada, bob = await here.talker("Ada"), await here.talker("Bob")
        number = (await ada.do(say(here, "Old"))).number
        edit = ada.execute(EditMessage(room=here.lounge, number=number, body="New"))
        assert not edit.done()
        assert bob.execute(SubscribeChat(room=here.lounge)).done()
        assert (await edit).body == "New"


async def test_two_at_once_with_one_nonce_are_one_message() -> None:
    async with scene() as here:
        ada = await here.talker("Ada")
        tab = await here.client("Ada")
        posted = [client.execute(say(here, nonce="n")) for client in (ada, tab, ada)]
        first, second, third = await asyncio.gather(*posted)
        assert isinstance(first, Message)
        assert first == second == third
        assert bodies(ada) == ["Hi"]


# What goes wrong


async def test_a_commit_that_fails_is_an_error_and_nothing_has_happened() -> None:
    async with scene() as here:
        admin, ada, bob = await here.admin(), await here.talker("Ada"), await here.talker("Bob")
        ada.log.clear()
        before = dict(here.state.rooms)
        here.faulty.full = True
        command = AddRoom(settings=RoomSettings(name="New"))
        assert await code(here.community.call(here.state, command, user=admin)) == Code.UNAVAILABLE
        assert isinstance(await ada.execute(say(here)), Unavailable)
        here.faulty.full = False
        await here.settle()
        assert here.state.rooms == before
        assert bob.heard(RoomCreated) + bob.heard(MessagePosted) == []
        assert (await ada.do(say(here, "Again"))).number > 0
        assert bodies(bob) == ["Again"]


async def test_what_comes_after_a_failed_commit_sees_what_is_stored() -> None:
    """Once it was done on what memory had, and then forgotten by memory while the store kept it."""
    async with scene() as here:
        admin = await here.admin()
        call, state = here.community.call, here.state
        here.faulty.full = True
        failing = asyncio.ensure_future(call(state, AddRoom(settings=RoomSettings(name="Lost")), user=admin))
        await asyncio.sleep(0)
        here.faulty.full = False
        assert await code(failing) == Code.UNAVAILABLE
        made = [
            await call(state, AddRoom(settings=RoomSettings(name=f"Kept {count}")), user=admin) for count in range(3)
        ]
        await here.settle()
        assert [room.name for room in here.state.ordered_rooms()] == ["Lounge", "Kept 0", "Kept 1", "Kept 2"]
        assert [room.sorting_priority for room in made] == [2, 3, 4]


async def test_what_is_done_while_the_world_is_read_again_is_not_lost() -> None:
    async with scene() as here:
        ada = await here.talker("Ada")
        number = (await ada.do(say(here, "Old"))).number
        entered: list[str] = []

        def meanwhile() -> None:  # a command that had waited for the archive goes on
            act = Act(
                here.state,
                now=here.clock(),
                new_id=here.new_id,
                secret=lambda length, alphabet: "",
                archive=here.store,
                operator=True,
            )
            result = REGISTRY[UpdateWorld].handler(act, UpdateWorld(title="Kept"))
            here.community._finish(act, result, lambda value: entered.append(value.title))

        here.faulty.meanwhile = meanwhile
        here.faulty.full = True
        assert isinstance(await ada.execute(say(here)), Unavailable)
        here.faulty.full = False
        await here.settle()
        assert entered == ["Kept"]
        assert here.state.world.title == "Kept"
        assert (await ada.do(EditMessage(room=here.lounge, number=number, body="New"))).replaces == number


async def test_a_login_that_is_not_stored_leaves_nobody_behind() -> None:
    """Once the user stayed online for ever."""
    async with scene() as here:
        here.faulty.full = True
        client = Client(99, here, here.encoder)
        assert isinstance(await client.execute(LogIn(client_id="new")), Unavailable)
        here.faulty.full = False
        await here.settle()
        assert set(here.state.presence.statistics().values()) == {0}
        assert here.state.users == {}


async def test_a_world_that_cannot_be_read_again_is_tried_until_it_can() -> None:
    async with scene() as here:
        admin = await here.admin()
        here.faulty.full = here.faulty.unreadable = True
        command = AddRoom(settings=RoomSettings(name="New"))
        assert await code(here.community.call(here.state, command, user=admin)) == Code.UNAVAILABLE
        await here.settle_tasks()
        assert "New" in [room.name for room in here.state.ordered_rooms()]
        here.faulty.full = here.faulty.unreadable = False
        here.clock.advance(WATCH)
        await here.settle()
        assert [room.name for room in here.state.ordered_rooms()] == ["Lounge"]


async def test_an_archive_that_cannot_be_read_is_an_error() -> None:
    async with scene() as here:
        ada = await here.talker("Ada")
        here.faulty.unreadable = True
        assert await code(ada.do(EditMessage(room=here.lounge, number=1, body="x"))) == Code.UNAVAILABLE
        here.faulty.unreadable = False


async def test_our_own_mistakes_stay_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with scene() as here:
        ada = await here.client("Ada")
        profile = (await ada.do(UpdateProfile(client_state={"a": 1}))).profile

        def broken(act: Act, command: UpdateProfile) -> None:
            before.handler(act, command)
            raise ZeroDivisionError("the password is hush")

        before = REGISTRY[UpdateProfile]
        registry: dict[Any, Any] = REGISTRY
        monkeypatch.setitem(registry, UpdateProfile, msgspec.structs.replace(before, handler=broken))
        with caplog.at_level(logging.ERROR):
            error = await ada.execute(UpdateProfile(profile={"display_name": "Half done"}))
        assert isinstance(error, Unavailable)
        assert "hush" not in error.message
        fault = error.message.removeprefix("Internal error ")
        assert len(fault) == 8
        assert f"fault {fault}" in caplog.text
        assert "hush" in caplog.text
        await here.settle()
        assert here.state.users[ada.user].profile == profile, "what was half done is undone"


async def test_a_mistake_after_waiting_is_no_different(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with scene() as here:
        ada = await here.talker("Ada")
        number = (await ada.do(say(here))).number

        def broken(*_: Any, **__: Any) -> None:
            raise ZeroDivisionError("hush")

        monkeypatch.setattr(chat, "_replace", broken)
        with caplog.at_level(logging.ERROR):
            error = await ada.execute(EditMessage(room=here.lounge, number=number, body="x"))
        assert error.message.startswith("Internal error ")
        assert "hush" not in error.message


async def test_a_duplicate_that_only_the_store_knows_gives_the_first_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scene() as here:
        ada = await here.talker("Ada")
        first = await ada.do(say(here, "One", nonce="n"))
        here.state.nonces.clear()

        async def unknown(*_: Any) -> None:
            return None

        with monkeypatch.context() as patched:
            patched.setattr(here.store, "message_by_nonce", unknown)
            assert await ada.do(say(here, "Two", nonce="n")) == first
        await here.settle()
        assert await ada.do(say(here, "Three", nonce="n")) == first, "once refused until the next restart"
        assert bodies(ada) == ["One"]


async def test_too_many_commands_are_refused_until_a_moment_has_passed() -> None:
    async with scene(rates={"message": Rate(1, 2)}) as here:
        ada = await here.talker("Ada")
        for _ in range(2):
            await ada.do(say(here))
        error = await ada.execute(say(here))
        assert isinstance(error, Limited)
        assert error.retry_after == SECOND
        assert (await ada.do(SubscribeChat(room=here.lounge))).last_said
        here.clock.advance(SECOND)
        assert (await ada.do(say(here))).number


# Other processes


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'here.db'}"


async def elsewhere(tool: Scene, command: Command) -> None:
    """Do a command as another process does: turns of our loop lie before it and after it."""
    await asyncio.sleep(0)
    await tool.community.call(tool.state, command, operator=True)
    await asyncio.sleep(0)


async def test_the_next_command_knows_what_another_process_did(url: str) -> None:
    clock = HandClock()
    async with scene(url, clock=clock) as here, scene(url, clock=clock, node=16) as tool:
        ada = await here.talker("Ada")
        command: Any = UpdateRoom(room=here.lounge, settings=RoomSettings(description="Mine"))
        assert await code(ada.do(command)) == Code.ROOM_DENIED
        grant = GrantRole(user=ada.user, role="room_owner", room_id=here.lounge)
        await elsewhere(tool, grant)
        assert (await ada.do(command)).description == "Mine"
        await elsewhere(tool, BanUser(user=ada.user))
        assert await code(ada.do(command)) == Code.ROOM_DENIED
        assert ada.heard(SessionsRevoked)
        assert here.state.presence.statistics()["listening"] == 0


async def test_clients_hear_of_other_processes_though_nobody_does_anything(url: str) -> None:
    clock = HandClock()
    async with scene(url, clock=clock) as here, scene(url, clock=clock, node=16) as tool:
        ada = await here.client("Ada")
        await tool.community.call(tool.state, UpdateWorld(title="New"), operator=True)
        assert ada.heard(WorldUpdated) == []
        clock.advance(WATCH)
        await here.settle()
        assert [event.config.title for event in ada.heard(WorldUpdated)] == ["New"]
        clock.advance(10 * WATCH)
        await here.settle()
        assert len(ada.heard(WorldUpdated)) == 1


async def test_commands_that_come_while_we_catch_up_wait_in_order(url: str) -> None:
    clock = HandClock()
    async with scene(url, clock=clock) as here, scene(url, clock=clock, node=16) as tool:
        ada = await here.talker("Ada")
        ada.log.clear()
        for count in range(5):
            await elsewhere(tool, UpdateWorld(title=f"T{count}"))
        posted = [ada.execute(say(here, f"{count}")) for count in range(5)]
        assert not posted[0].done()
        await asyncio.gather(*posted)
        assert [event.config.title for event in ada.heard(WorldUpdated)] == [f"T{count}" for count in range(5)]
        assert bodies(ada) == [f"{count}" for count in range(5)]
        assert ada.log.index(ada.heard(WorldUpdated)[-1]) < ada.log.index(posted[0].result())


async def test_a_world_that_another_process_made(url: str) -> None:
    clock = HandClock()
    async with scene(url, clock=clock) as here, scene(url, clock=clock, node=16) as tool:
        here.community.state("here")
        with pytest.raises(HubbubError):
            here.community.state("there")
        await tool.add_world("there")
        clock.advance(WATCH)
        await here.settle()
        assert here.community.state("there").world.title == "there"


async def test_whoever_is_here_while_the_world_is_replaced_goes_on(url: str) -> None:
    clock = HandClock()
    async with scene(url, clock=clock) as here, scene(url, clock=clock, node=16) as tool:
        ada = await here.client("Ada")
        await ada.do(UpdateProfile(profile={"display_name": "Ada L."}))
        await ada.do(EnterRoom(room=here.lounge))
        world = tool.state.world
        replacement = ReplaceWorld(
            title="Anew",
            roles=world.roles,
            trait_grants={"attendee": [], "viewer": []},
            config={},
            rooms=(ImportedRoom(import_id="hall", settings=RoomSettings(name="Hall")),),
        )
        await tool.settle()
        await tool.community.call(tool.state, replacement, operator=True)
        clock.advance(WATCH)
        await here.settle()
        assert ada.heard(WorldReplaced)
        assert here.state.world.epoch == 2
        assert here.state.users[ada.user].display_name == "Ada L."
        assert here.state.presence.statistics()["visits"] == 0
        (hall,) = here.state.ordered_rooms()
        assert (await ada.do(EnterRoom(room=hall.id))).viewers is None
        await ada.leave()
        assert set(here.state.presence.statistics().values()) == {0}


async def test_looking_for_other_processes_goes_on_after_a_fault(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the first time that the database could not be asked was the last."""
    clock = HandClock()
    async with scene(url, clock=clock) as here, scene(url, clock=clock, node=16) as tool:
        ada = await here.client("Ada")
        await tool.community.call(tool.state, UpdateWorld(title="New"), operator=True)
        with monkeypatch.context() as patched:
            patched.setattr(here.store, "changed", broken)
            patched.setattr(here.store, "follow", broken)
            clock.advance(WATCH)
            await here.settle_tasks()
            assert (await ada.do(SubscribeChat(room=here.lounge))).next_number
        clock.advance(WATCH)
        await here.settle()
        assert [event.config.title for event in ada.heard(WorldUpdated)] == ["New"]


def broken(*_: Any) -> Any:
    raise StoreUnavailable("disk gone")


# Reactions


async def test_reactions_are_told_once_a_second_and_each_once() -> None:
    async with scene() as here:
        people = [await here.client(f"P{count}") for count in range(3)]
        for client in people[:2]:
            await client.do(EnterRoom(room=here.lounge))
        for client in people:
            client.log.clear()
            await client.do(ReactInRoom(room=here.lounge, reaction=CLAP))
            await client.do(ReactInRoom(room=here.lounge, reaction=CLAP))
        here.clock.advance(0.9 * SECOND)
        await people[0].do(ReactInRoom(room=here.lounge, reaction=ALLOWED[1]))
        assert people[0].heard(ReactionsCounted) == []
        here.clock.advance(0.1 * SECOND)
        for client, count in zip(people, (1, 1, 0), strict=True):
            assert [event.reactions for event in client.heard(ReactionsCounted)] == [{CLAP: 3, ALLOWED[1]: 1}] * count
        here.clock.advance(0.01 * SECOND)
        await people[0].do(ReactInRoom(room=here.lounge, reaction=ALLOWED[2]))
        here.clock.advance(SECOND)
        assert people[0].heard(ReactionsCounted)[-1].reactions == {ALLOWED[2]: 1}
        here.clock.advance(10 * SECOND)
        assert len(people[0].heard(ReactionsCounted)) == 2
        assert set(here.state.reactions.statistics().values()) == {0}, "once the debounced were remembered"


async def test_the_sums_of_different_rooms_come_at_their_own_times() -> None:
    async with scene() as here:
        second = await here.add_room("Second")
        ada = await here.client("Ada")
        for room in (here.lounge, second):
            await ada.do(EnterRoom(room=room))
        await ada.do(ReactInRoom(room=here.lounge, reaction=CLAP))
        here.clock.advance(0.5 * SECOND)
        await ada.do(ReactInRoom(room=second, reaction=CLAP))
        here.clock.advance(0.5 * SECOND)
        assert [event.room for event in ada.heard(ReactionsCounted)] == [here.lounge]
        here.clock.advance(0.5 * SECOND)
        assert [event.room for event in ada.heard(ReactionsCounted)] == [here.lounge, second]


# The rest


async def test_whoever_may_no_longer_read_hears_no_more() -> None:
    async with scene() as here:
        admin, ada, bob = await here.admin(), await here.talker("Ada"), await here.talker("Bob")
        await here.community.call(here.state, GrantRole(user=ada.user, role="participant"), operator=True)
        closed = RoomSettings(trait_grants={})
        await here.community.call(here.state, UpdateRoom(room=here.lounge, settings=closed), user=admin)
        ada.log.clear()
        bob.log.clear()
        await ada.do(say(here))
        assert bob.log == []
        assert bodies(ada) == ["Hi"]


async def test_read_pointers_do_not_wait_for_the_disk(url: str) -> None:
    async with scene(url) as here:
        ada, tab = await here.talker("Ada"), await here.client("Ada")
        number = (await ada.do(say(here))).number
        assert tab.execute(MarkRead(room=here.lounge, number=number)).done()
        assert ada.heard(ReadMarked)[0].state.read == number
        user = ada.user
    async with FaultyStore(url, node="later", clock=here.clock) as store:
        snapshot = await store.load("here")
    assert snapshot
    assert [(state.user, state.read) for state in snapshot.of(ReadState)] == [(user, number)]


async def test_a_restart_gives_the_same_world(url: str) -> None:
    clock = HandClock()
    async with scene(url, clock=clock) as here:
        ada = await here.talker("Ada")
        await ada.do(say(here))
        before = here.state
    async with scene(url, clock=clock, node=1) as again:
        for name in ("world", "users", "rooms", "members", "last_number", "last_said", "by_client_id"):
            assert getattr(again.state, name) == getattr(before, name)


async def test_old_entries_are_forgotten_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene() as here:
        pruned: list[Any] = []

        async def prune(before: Any) -> int:
            pruned.append(before)
            return 0

        monkeypatch.setattr(here.store, "prune", prune)
        here.clock.advance(CARE)
        await here.settle()
        assert pruned == [here.clock() - timedelta(days=7)]


async def test_a_community_without_a_hub_works_in_silence() -> None:
    async with scene() as here:
        tool = Community(here.store, MemoryBus(), None, clock=here.clock, new_id=here.new_id)
        await tool.open()
        made = await tool.call(tool.state("here"), AddRoom(settings=RoomSettings(name="New")), operator=True)
        assert made.name == "New"
        await tool.close()


async def test_the_first_world_has_a_lobby_and_an_owner_with_a_link() -> None:
    clock = HandClock()
    async with FaultyStore("sqlite://", node="first", clock=clock) as store:
        here = Scene(store, clock)
        await here.community.open()
        first = await ensure_world(here.community, "main")
        assert await ensure_world(here.community, "main") == ""
        assert await ensure_world(here.community, "other") == ""
        state = here.community.state("main")
        assert [room.name for room in state.ordered_rooms()] == ["Lobby"]
        token = await here.community.call(state, RedeemLogin(code=first))
        user = await here.community.call(state, LogIn(token=token))
        assert user.login == OWNER_LOGIN
        assert state.rank(user, clock()) == 4
        guest = await here.community.call(state, LogIn(client_id="guest"))
        assert "room:chat.send" in state.permissions(guest, clock(), state.ordered_rooms()[0])
        _, second = await here.community.call(state, IssueLogin(user=user.id), user=user.id)
        assert second != first
        await here.community.close()


async def test_events_reach_whoever_else_is_on_the_bus() -> None:
    async with scene() as here:
        heard: list[Event] = []
        here.community.bus.subscribe(heard.extend)
        ada = await here.client("Ada")
        await ada.do(EnterRoom(room=here.lounge))
        assert VisitOpened in [type(event) for event in heard]


def test_no_store_for_what_there_is_no_driver() -> None:
    for url in ("mysql://x", "postgresql://x", "", "here.db"):
        with pytest.raises(ValueError, match="sqlite"):
            open_store(url, node="n", clock=HandClock())
