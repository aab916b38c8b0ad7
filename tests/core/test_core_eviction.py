"""Eviction: nobody stays where they may no longer be."""

from typing import Any

import msgspec
import pytest
from tests.core.house import OPEN, WORLD, House

from hubbub.core.chat import JoinChat, SubscribeChat
from hubbub.core.direct import OpenDirect
from hubbub.core.event import (
    OccupancyChanged,
    RoomDeleted,
    UserUpdated,
    VisitClosed,
)
from hubbub.core.eviction import evict
from hubbub.core.room import EnterRoom, RoomSettings, UpdateRoom
from hubbub.core.user import BanUser, DeleteUser, GrantRole, SilenceUser, TakeRole, UpdateProfile
from hubbub.core.world import UpdateWorld

CLOSED = RoomSettings(trait_grants={"viewer": ["staff"]})


def settle_in(house: House, user: int, room: int) -> int:
    """Be in a room and its conversation, with a new connection."""
    tab = house.connect(user)
    house.do(EnterRoom(room=room), user, session=tab)
    house.do(JoinChat(room=room), user, session=tab)
    return tab


def being_in(room: int) -> set[tuple[str, int]]:
    """Give what somebody hears who is in a room, sees the others and has joined the talk."""
    return {(topic, room) for topic in ("visitors", "viewers", "polls", "questions", "chat")}


def everywhere(house: House, tab: int) -> set[tuple[str, int]]:
    return {(topic.value, room) for (topic, room), tabs in house.heard.items() if tab in tabs}


@pytest.fixture
def admin(house: House) -> int:
    return house.owner("Admin")


def test_whoever_is_banned_is_nowhere(house: House, admin: int) -> None:
    ada, bob = house.person("Ada"), house.person("Bob")
    tabs = [settle_in(house, ada, house.stage), settle_in(house, ada, house.lounge)]
    direct = house.do(OpenDirect(users=(bob,)), ada, session=tabs[0]).result.room.id
    other = settle_in(house, bob, house.stage)
    outcome = house.do(BanUser(user=ada), admin)
    assert [everywhere(house, tab) for tab in tabs] == [set(), set()]
    assert everywhere(house, other) == being_in(house.stage)
    assert {event.room for event in outcome.of(VisitClosed, user=ada)} == {house.stage, house.lounge}
    assert outcome.one(OccupancyChanged).room == house.lounge
    assert ada not in house.state.presence.volatile[house.stage]
    assert ada in house.state.members[house.lounge]
    assert ada in house.state.members[direct]


def test_whoever_is_deleted_is_no_viewer_any_more(house: House, admin: int) -> None:
    """Once the viewers were not told, because a deleted user was no longer shown."""
    ada = house.person("Ada")
    tab = settle_in(house, ada, house.stage)
    assert house.do(DeleteUser(user=ada), admin).one(VisitClosed, user=ada).room == house.stage
    assert everywhere(house, tab) == set()


def test_the_silenced_stay(house: House, admin: int) -> None:
    ada = house.person("Ada")
    tab = settle_in(house, ada, house.stage)
    house.do(SilenceUser(user=ada), admin)
    assert everywhere(house, tab) == {("visitors", house.stage), ("chat", house.stage)}


def test_a_room_that_closes_sends_away_those_who_may_not_stay(house: House, admin: int) -> None:
    ada, eve = house.person("Ada"), house.person("Eve", "staff")
    outside, inside = settle_in(house, ada, house.stage), settle_in(house, eve, house.stage)
    elsewhere = settle_in(house, ada, house.lounge)
    outcome = house.do(UpdateRoom(room=house.stage, settings=CLOSED), admin)
    assert everywhere(house, outside) == set()
    assert everywhere(house, elsewhere) == being_in(house.lounge)
    assert everywhere(house, inside) == {("visitors", house.stage), ("chat", house.stage)}
    assert [event.user for event in outcome.of(VisitClosed)] == [ada]


def test_a_role_that_is_taken_away(house: House, admin: int) -> None:
    ada = house.person("Ada")
    house.do(GrantRole(user=ada, role="moderator", room_id=house.office), admin)
    tab = settle_in(house, ada, house.office)
    assert ("viewers", house.office) in everywhere(house, tab)
    house.do(GrantRole(user=ada, role="viewer", room_id=house.office), admin)
    house.do(TakeRole(user=ada, role="moderator", room_id=house.office), admin)
    assert everywhere(house, tab) == {("visitors", house.office), ("chat", house.office)}
    house.do(TakeRole(user=ada, role="viewer", room_id=house.office), admin)
    assert everywhere(house, tab) == set()


def test_roles_of_the_world_that_change(house: House, admin: int) -> None:
    eve = house.person("Eve", "staff")
    tab = settle_in(house, eve, house.office)
    roles = {**house.state.world.roles, "participant": [], "viewer": ["room:view"]}
    house.do(UpdateWorld(roles=roles), admin)
    assert everywhere(house, tab) == {("visitors", house.office)}


def test_traits_that_a_new_token_does_not_have(house: House) -> None:
    """Once only who was banned or lost a role by name was sent away."""
    eve = house.person("Eve", "staff")
    tab = settle_in(house, eve, house.office)
    events: list[Any] = [UserUpdated(world=WORLD, user=msgspec.structs.replace(house.user(eve), traits=()))]
    house.happen(events[0])
    told = evict(house.state, events, now=house.now, new_id=house.new_id, archive=house.cabinet)
    assert [event.room for event in told if isinstance(event, VisitClosed)] == [house.office]
    assert house.state.presence.places(tab) == ([], [])


def test_a_new_profile_moves_nobody(house: House) -> None:
    eve = house.person("Eve", "staff")
    tab = settle_in(house, eve, house.office)
    before = everywhere(house, tab)
    house.do(UpdateProfile(profile={"display_name": "Eva"}), eve)
    assert everywhere(house, tab) == before


def test_a_room_that_another_process_deleted(house: House) -> None:
    ada = house.person("Ada")
    tab = settle_in(house, ada, house.stage)
    gone = msgspec.structs.replace(house.state.rooms[house.stage], deleted=True)
    events: list[Any] = [RoomDeleted(world=WORLD, room=house.stage, config=gone)]
    house.happen(events[0])
    evict(house.state, events, now=house.now, new_id=house.new_id, archive=house.cabinet)
    assert house.state.presence.places(tab) == ([], [])


def test_whoever_may_only_listen_no_longer_does(house: House, admin: int) -> None:
    house.do(UpdateRoom(room=house.lounge, settings=RoomSettings(trait_grants=OPEN)), admin)
    ada = house.person("Ada")
    tab = house.connect(ada)
    house.do(SubscribeChat(room=house.lounge), ada, session=tab)
    house.do(UpdateRoom(room=house.lounge, settings=CLOSED), admin)
    assert everywhere(house, tab) == set()
    assert house.state.presence.statistics()["listening"] == 0
