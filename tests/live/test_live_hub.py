"""The hub: audiences by topic, each event encoded once for all who are told the same."""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.live.scene import Client, Recorder, Scene, scene

from hubbub.core.chat import JoinChat, SubscribeChat
from hubbub.core.event import (
    ChannelsChanged,
    Event,
    MessagePosted,
    Subscribed,
    Topic,
    Unsubscribed,
    UserUnread,
    VisitOpened,
    WorldUpdated,
)
from hubbub.core.model import Message
from hubbub.core.presence import Visit
from hubbub.core.room import AddRoom, EnterRoom, LeaveRoom, RoomSettings
from hubbub.live.hub import CONCERNS

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 6, 1, tzinfo=UTC)
GALLERY = RoomSettings(name="Gallery", trait_grants={"viewer": []})
"""A room whose visitors may not see each other."""


def message(here: Scene) -> Message:
    return Message(id=1, world=here.state.world.id, room=here.lounge, sender=1, at=NOW)


def told(here: Scene, event: Event) -> None:
    here.encoder.encoded.clear()
    here.hub.hear([event])


def visit_in(room: int) -> Visit:
    return Visit(id=1, room=room, user=1, entered=NOW, handle="Ada", color="red", sessions=set())


async def test_a_room_has_three_audiences() -> None:
    async with scene() as here:
        visitor, listener, both, nobody = [await here.client(name) for name in ("v", "l", "b", "n")]
        gallery = await here.community.call(here.state, AddRoom(settings=GALLERY), operator=True)
        for client in (visitor, both):
            await client.do(EnterRoom(room=gallery.id))
            await client.do(EnterRoom(room=here.lounge))
        for client in (listener, both):
            await client.do(SubscribeChat(room=here.lounge))
        clients = (visitor, listener, both, nobody)
        for client in clients:
            client.log.clear()
        world = here.state.world.id
        here.hub.hear([MessagePosted(world=world, room=here.lounge, message=message(here))])
        assert [len(client.log) for client in clients] == [0, 1, 1, 0]
        here.hub.hear([VisitOpened(world=world, room=gallery.id, user=1, visit=visit_in(gallery.id), first=True)])
        assert [len(client.log) for client in clients] == [0, 1, 1, 0], "nobody holds room:viewers there"
        here.hub.hear([VisitOpened(world=world, room=here.lounge, user=1, visit=visit_in(here.lounge), first=True)])
        assert [len(client.log) for client in clients] == [1, 1, 2, 0]
        here.hub.hear([WorldUpdated(world=world, config=here.state.world)])
        assert [len(client.log) for client in clients] == [2, 2, 3, 1]
        here.hub.hear([MessagePosted(world=world, room=12345, message=message(here))])
        assert [len(client.log) for client in clients] == [2, 2, 3, 1]


async def test_an_event_is_encoded_once_for_all_who_are_told() -> None:
    async with scene() as here:
        clients = [await here.client(name) for name in ("a", "a", "b", "c")]
        world = here.state.world.id
        users = tuple(dict.fromkeys(client.user for client in clients))
        told(here, UserUnread(world=world, room=here.lounge, users=users[:2], message=message(here)))
        assert len(here.encoder.encoded) == 1
        assert [len(client.heard(UserUnread)) for client in clients] == [1, 1, 1, 0]
        told(here, UserUnread(world=world, room=here.lounge, users=(), message=message(here)))
        told(here, UserUnread(world=world, room=here.lounge, users=(12345,), message=message(here)))
        assert here.encoder.encoded == []


async def test_dialects_encode_for_themselves() -> None:
    async with scene() as here:
        other = Recorder()
        one, two = await here.client("a"), await here.client("b", other)
        other.encoded.clear()
        told(here, WorldUpdated(world=here.state.world.id, config=here.state.world))
        assert len(here.encoder.encoded) == len(other.encoded) == 1
        assert len(one.heard(WorldUpdated)) == len(two.heard(WorldUpdated)) == 1


async def test_what_one_dialect_cannot_say_the_others_do(caplog: pytest.LogCaptureFixture) -> None:
    """Once such a mistake kept all that came after from everybody."""
    async with scene() as here:
        other = Recorder()
        one, two = await here.client("a"), await here.client("b", other)
        here.encoder.broken = WorldUpdated
        one.log.clear()
        two.log.clear()
        updated: Any = WorldUpdated(world=here.state.world.id, config=here.state.world)
        changed = ChannelsChanged(world=here.state.world.id, user=one.user)
        with caplog.at_level(logging.ERROR):
            here.hub.hear([updated, changed])
        assert (one.log, two.log) == ([changed], [updated])
        assert "WorldUpdated could not be told" in caplog.text


async def test_what_concerns_nobody_is_told_to_nobody() -> None:
    async with scene() as here:
        client = await here.client("a")
        here.hub.hear([Event(world=here.state.world.id)])
        assert client.log == []
        assert Event not in CONCERNS


async def test_a_connection_that_is_gone_is_not_subscribed_again() -> None:
    async with scene() as here:
        client = await here.client("a")
        await client.leave()
        world = here.state.world.id
        here.hub.hear([Subscribed(world=world, room=here.lounge, session=client.id, topic=Topic.CHAT)])
        here.hub.hear([Unsubscribed(world=world, room=here.lounge, session=client.id, topic=Topic.CHAT)])
        here.hub.remove(client)
        assert set(here.hub.statistics().values()) == {0}


async def test_who_subscribes_twice_is_told_once() -> None:
    async with scene() as here:
        client = await here.client("a")
        for _ in range(2):
            await client.do(SubscribeChat(room=here.lounge))
        client.log.clear()
        here.hub.hear([MessagePosted(world=here.state.world.id, room=here.lounge, message=message(here))])
        assert len(client.log) == 1


async def test_the_connections_of_a_user() -> None:
    async with scene() as here:
        one, two, other = await here.client("a"), await here.client("a"), await here.client("b")
        assert here.hub.of_user(one.user) == [one, two]
        assert here.hub.of_user(other.user) == [other]
        assert here.hub.of_user(12345) == []


async def test_statistics_settle_to_zero_after_churn() -> None:
    async with scene() as here:

        async def visit(name: str) -> None:
            client = await here.talker(name)
            for command in (EnterRoom(room=here.lounge), LeaveRoom(room=here.lounge), EnterRoom(room=here.lounge)):
                await client.do(command)
            await client.leave()

        await asyncio.gather(*(visit(f"P{count}") for count in range(20)))
        assert set(here.hub.statistics().values()) == {0}
        assert set(here.state.presence.statistics().values()) == {0}


async def test_a_newcomer_is_noticed_by_who_keeps_what_was_told() -> None:
    async with scene() as here:
        seen: list[int] = []

        class Watcher(Recorder):
            def tell(self, event: Event, audience: Any) -> None:
                if isinstance(event, MessagePosted):
                    seen.append(audience.joined)

        encoder = Watcher()
        for name in ("a", "b", "b"):
            client: Client = await here.client(name, encoder)
            await client.do(JoinChat(room=here.lounge))
            here.hub.hear([MessagePosted(world=here.state.world.id, room=here.lounge, message=message(here))])
        assert seen[-1] == 3
        assert seen == sorted(seen)
