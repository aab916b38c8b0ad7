"""Rooms: who is in them, who is told, and who may run them (protocols/venueless.md 1.6, 1.16)."""

from datetime import timedelta
from typing import Any

import pytest
from tests.core.house import WORLD, House

from hubbub.core.chat import JoinChat, SubscribeChat
from hubbub.core.error import Code, HubbubError
from hubbub.core.event import (
    Audited,
    InviteCreated,
    OccupancyChanged,
    RoomCreated,
    RoomDeleted,
    RoomScheduled,
    RoomsReordered,
    RoomUpdated,
    Subscribed,
    Topic,
    TopicSet,
    VisitClosed,
    VisitOpened,
)
from hubbub.core.model import Room
from hubbub.core.room import (
    INVITE_ALPHABET,
    INVITE_LIFE,
    MAX_ROOMS,
    MAX_TOPIC,
    AddRoom,
    CreateRoom,
    DeleteRoom,
    EnterRoom,
    GetRoomConfig,
    InviteAnonymous,
    LeaveRoom,
    ListPublicRooms,
    ListRoomConfigs,
    ReorderRooms,
    RoomSettings,
    ScheduleRoom,
    SetTopic,
    UpdateRoom,
)
from hubbub.core.state import occupancy
from hubbub.core.user import BanUser

CHAT = {"type": "chat.native", "config": {}}
STAGE = {"type": "livestream.native", "config": {}}
CALL = {"type": "call.bigbluebutton", "config": {}}
DAY = timedelta(days=1)


def enter(house: House, user: int, session: int = 0, room: int = 0) -> Any:
    """Enter the stage, with a new connection unless one is given."""
    return house.do(EnterRoom(room=room or house.stage), user, session=session or house.connect(user))


def viewers(outcome: Any) -> list[int]:
    """Give the ids of those whom somebody sees who has entered."""
    return [user.id for user in outcome.result.viewers]


def leave(house: House, user: int, session: int) -> Any:
    return house.do(LeaveRoom(room=house.stage), user, session=session)


# Coming and going


def test_only_those_who_may_see_the_viewers_get_them(house: House) -> None:
    gallery = house.add_room("Gallery", [], {"viewer": []})
    ada, mo = house.person("Ada"), house.person("Mo", "moderator")
    assert enter(house, ada, room=gallery).result.viewers is None
    outcome = enter(house, mo, room=gallery)
    assert viewers(outcome) == [ada, mo]
    assert outcome.one(VisitOpened).user == mo
    assert len(house.hears(Topic.VISITORS, gallery)) == 2
    assert len(house.hears(Topic.VIEWERS, gallery)) == 1


def test_who_enters_is_told_of_it_only_when_they_were_in_already(house: House) -> None:
    mo = house.person("Mo", "moderator")
    tab = house.connect(mo)
    for _ in range(2):
        events = enter(house, mo, tab).events
        kinds = [(type(event), getattr(event, "topic", None)) for event in events]
        assert kinds.index((VisitOpened, None)) < kinds.index((Subscribed, Topic.VIEWERS))


def test_every_tab_is_told_and_only_the_last_one_leaves(house: House) -> None:
    ada, mo = house.person("Ada"), house.person("Mo", "moderator")
    one, two = house.connect(ada), house.connect(ada)
    for tab in (one, two):
        assert enter(house, ada, tab).one(VisitOpened).user == ada
    assert viewers(enter(house, mo)) == [ada, mo]
    assert leave(house, ada, two).of(VisitClosed) == []
    assert leave(house, ada, two).of(VisitClosed) == []
    assert leave(house, ada, one).one(VisitClosed).user == ada
    assert leave(house, ada, one).of(VisitClosed) == []


def test_closing_a_tab_is_leaving(house: House) -> None:
    ada = house.person("Ada")
    one, two = house.connect(ada), house.connect(ada)
    for tab in (one, two):
        enter(house, ada, tab)
        enter(house, ada, tab, house.lounge)
    assert house.log_out(ada, one).of(VisitClosed) == []
    assert {event.room for event in house.log_out(ada, two).of(VisitClosed)} == {house.stage, house.lounge}
    assert set(house.state.presence.statistics().values()) == {0}


def test_leaving_where_one_is_not_is_no_error(house: House) -> None:
    ada = house.person("Ada")
    outcome = leave(house, ada, house.connect(ada))
    assert outcome.result is None
    assert outcome.of(VisitClosed) + outcome.of(OccupancyChanged) == []


@pytest.mark.parametrize("kind", ["anon", "kiosk"])
def test_who_is_not_shown_is_counted_and_not_seen(house: House, kind: str) -> None:
    hidden, mo = house.person("Hidden", kind=kind, shown=False), house.person("Mo", "moderator")
    house.grant(hidden, "viewer")
    tab = house.connect(hidden)
    outcome = enter(house, hidden, tab)
    assert outcome.of(VisitOpened) == []
    assert outcome.one(OccupancyChanged).users == "few"
    assert viewers(enter(house, mo)) == [mo]
    assert leave(house, hidden, tab).of(VisitClosed) == []


def test_a_banned_user_is_no_viewer(house: House) -> None:
    ada, mo, admin = house.person("Ada"), house.person("Mo", "moderator"), house.person("Admin", "admin")
    enter(house, ada)
    assert house.do(BanUser(user=ada), admin).one(VisitClosed).user == ada
    assert viewers(enter(house, mo)) == [mo]


def test_the_buckets_of_occupancy() -> None:
    assert [occupancy(count) for count in (0, 1, 10, 11, 1000)] == ["none", "few", "few", "many", "many"]


def test_occupancy_is_told_when_its_bucket_changes(house: House) -> None:
    people = [house.person(f"P{count}") for count in range(12)]
    tabs = {user: house.connect(user) for user in people}
    told = []
    for count, user in enumerate(people, 1):
        told += [(count, event.users) for event in enter(house, user, tabs[user]).of(OccupancyChanged)]
        enter(house, user)  # a second tab is nobody new
    for count, user in reversed(list(enumerate(people))):
        for tab in list(house.state.presence.sessions[user]):
            told += [(count, event.users) for event in leave(house, user, tab).of(OccupancyChanged)]
    assert told == [(1, "few"), (11, "many"), (10, "few"), (0, "none")]


# Making rooms


def test_a_room_with_chat(house: House) -> None:
    maker = house.person("Maker", "maker")
    outcome = house.do(CreateRoom(name=" New ", description="Here", modules=(CHAT,)), maker)
    made = outcome.result
    assert (made.name, made.description, made.sorting_priority) == ("New", "Here", 5)
    assert made.modules == ({"type": "chat.native", "config": {"volatile": False}},)
    assert made.trait_grants == {"viewer": [], "participant": []}
    assert outcome.one(RoomCreated).config == made
    assert outcome.one(Audited).entry.type == "world.room.added"
    assert house.state.granted_roles(maker, made.id) == ("room_owner",)
    assert {"room:invite", "room:delete"} <= house.permissions(maker, made.id)


def test_a_private_room_grants_nothing(house: House) -> None:
    made = house.do(CreateRoom(name="Private", modules=(CHAT,), public=False), house.person("M", "maker")).result
    assert made.trait_grants == {}
    assert "room:view" not in house.permissions(house.person("Ada"), made.id)


RIGHTS = {
    "chat": "world:rooms.create.chat",
    "bbb": "world:rooms.create.bbb",
    "stage": "world:rooms.create.stage",
    "exhibition": "world:rooms.create.exhibition",
    "update": "room:update",
}


@pytest.mark.parametrize(
    ("modules", "needed"),
    [
        ((CHAT,), "chat"),
        ((CHAT, STAGE), "chat"),
        ((CHAT, CALL), "chat"),
        ((CALL,), "bbb"),
        ((CALL, CALL), "bbb"),
        ((STAGE,), "stage"),
        ((STAGE, CALL), "stage"),
        ((), "update"),
    ],
)
@pytest.mark.parametrize("held", RIGHTS)
def test_the_modules_decide_who_may_make_a_room(house: House, modules: Any, needed: str, held: str) -> None:
    house.state.world.roles["single"] = [RIGHTS[held]]
    maker = house.person("Maker")
    house.grant(maker, "single")
    command = CreateRoom(name="New", modules=modules)
    if held == needed:
        assert house.do(command, maker).result.name == "New"
    else:
        assert house.refusal(command, maker) == Code.ROOM_CREATE_DENIED


@pytest.mark.parametrize("modules", [({"type": "page.static"},), (CALL, {"type": "question"}), ({"type": "poll"},)])
def test_modules_that_no_room_can_be_made_with(house: House, modules: Any) -> None:
    assert house.refusal(CreateRoom(name="New", modules=modules), house.owner()) == Code.ROOM_MODULES_INVALID


@pytest.mark.parametrize("broken", [{}, {"config": {}}, {"type": None}, {"type": 5}, {"type": ["chat.native"]}])
@pytest.mark.parametrize("beside", [(), (CHAT,), (STAGE,)])
def test_modules_that_are_none(house: House, broken: dict[str, Any], beside: Any) -> None:
    """Once a fault of the server: a module without a type beside one with."""
    command = CreateRoom(name="New", modules=(*beside, broken))
    assert house.refusal(command, house.owner()) == Code.ROOM_MODULES_INVALID


def test_makers_choose_little(house: House) -> None:
    house.state.world.config["bbb_defaults"] = {"record": True}
    owner = house.owner()
    loud = {"type": "chat.native", "config": {"volatile": 1, "more": 2}}
    live = {"type": "livestream.native", "config": {"hls_url": "https://a", "more": 2}}
    modules = house.do(CreateRoom(name="A", modules=(loud, live)), owner).result.modules
    assert [module["config"] for module in modules] == [{"volatile": True}, {"hls_url": "https://a"}]
    call = {"type": "call.bigbluebutton", "config": {"record": False}}
    assert house.do(CreateRoom(name="B", modules=(call,)), owner).result.modules[0]["config"] == {"record": True}


def test_who_may_make_no_room_at_all(house: House) -> None:
    assert house.refusal(CreateRoom(name="New", modules=(CHAT,)), house.person("Ada")) == Code.WORLD_DENIED


def test_names_are_taken_whatever_their_case_until_the_room_is_gone(house: House) -> None:
    owner = house.owner()
    assert house.refusal(CreateRoom(name="lOUNGE", modules=(CHAT,)), owner) == Code.ROOM_NAME_TAKEN
    house.do(DeleteRoom(room=house.lounge), owner)
    assert house.do(CreateRoom(name="lOUNGE", modules=(CHAT,)), owner).result.name == "lOUNGE"


def test_a_world_has_a_limit_of_rooms(house: House) -> None:
    for count in range(MAX_ROOMS - 4):
        house.state.put(Room(id=house.new_id(), world=WORLD, name=f"Room {count}", created=house.now))
    with pytest.raises(HubbubError) as caught:
        house.do(AddRoom(settings=RoomSettings(name="Last")), operator=True)
    assert caught.value.code == Code.TOO_MANY


# Running them


def test_only_what_is_given_changes(house: House) -> None:
    owner = house.owner()
    before = house.state.rooms[house.lounge]
    outcome = house.do(UpdateRoom(room=house.lounge, settings=RoomSettings(description="Soft", force_join=True)), owner)
    after = outcome.one(RoomUpdated).config
    assert outcome.result == after == house.do(GetRoomConfig(room=house.lounge), owner).result
    assert (after.description, after.force_join) == ("Soft", True)
    assert (after.name, after.modules, after.trait_grants) == (before.name, before.modules, before.trait_grants)
    entry = outcome.one(Audited).entry
    assert (entry.type, entry.data["old"]) == ("world.room.updated", {"description": "", "force_join": False})


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 301}, "name"),
        ({"description": "x" * 10_001}, "description"),
        ({"sorting_priority": 2**31}, "sorting_priority"),
        ({"pretalx_id": -(2**31)}, "pretalx_id"),
        ({"modules": ({"config": {}},)}, "module_config"),
        ({"modules": (CHAT,) * 51}, "module_config"),
        ({"trait_grants": {"viewer": ["x" * 100_000]}}, "trait_grants"),
        ({"picture": "x" * 100_000}, "picture"),
    ],
)
def test_settings_that_make_no_sense(house: House, settings: Any, field: str) -> None:
    for command in (
        UpdateRoom(room=house.lounge, settings=RoomSettings(**settings)),
        AddRoom(settings=RoomSettings(**{"name": "New", **settings})),
    ):
        with pytest.raises(HubbubError) as caught:
            house.do(command, house.owner())
        assert caught.value.code == Code.CONFIG_INVALID
        assert list(caught.value.details or ()) == [field]


def test_a_deleted_room_is_empty_and_its_record_stays(house: House) -> None:
    ada, mo, admin = house.person("Ada"), house.person("Mo", "moderator"), house.person("Admin", "admin")
    for user in (ada, mo):
        tab = house.connect(user)
        enter(house, user, tab)
        house.do(SubscribeChat(room=house.stage), user, session=tab)
        house.do(JoinChat(room=house.stage), user, session=tab)
    outcome = house.do(DeleteRoom(room=house.stage), admin)
    assert outcome.one(RoomDeleted).config.deleted
    assert house.state.rooms[house.stage].name == "Stage"
    assert not any(house.hears(topic, house.stage) for topic in Topic)
    statistics = house.state.presence.statistics()
    assert (statistics["visits"], statistics["listening"], statistics["volatile"], statistics["rooms"]) == (0, 0, 0, 0)
    assert [room.id for room in house.do(ListRoomConfigs(), admin).result] == [house.lounge, house.office, house.shed]


@pytest.mark.parametrize("command", [GetRoomConfig, DeleteRoom])
def test_others_do_not_run_a_room(house: House, command: Any) -> None:
    assert house.refusal(command(room=house.lounge), house.person("Ada")) == Code.ROOM_DENIED


def test_rooms_come_in_the_organisers_order_then_by_name(house: House) -> None:
    owner = house.owner()
    for room, name, place in ((house.stage, "b", 2), (house.lounge, "a", 2), (house.office, "z", 1)):
        house.do(UpdateRoom(room=room, settings=RoomSettings(name=name, sorting_priority=place)), owner)
    listed = [room.id for room in house.do(ListRoomConfigs(), owner).result]
    assert listed == [house.office, house.lounge, house.stage, house.shed]


def test_those_who_are_named_go_first_and_the_rest_keeps_its_order(house: House) -> None:
    outcome = house.do(ReorderRooms(rooms=(house.shed, 123, house.lounge, house.shed)), house.owner())
    order = [house.shed, house.lounge, house.stage, house.office]
    assert [room.id for room in outcome.result] == order
    assert [room.sorting_priority for room in outcome.result] == [1, 2, 3, 4]
    assert [room.id for room in outcome.one(RoomsReordered).rooms] == order
    assert outcome.one(Audited).entry.type == "world.room.reorder"


# What is on


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"title": "Talk"}, {"title": "Talk"}),
        ({"session": 5, "computeSession": True, "title": "x"}, {"session": 5, "computeSession": True, "title": "x"}),
        ({}, None),
        (None, None),
    ],
)
def test_what_is_on_in_a_room(house: House, given: Any, kept: Any) -> None:
    mo = house.person("Mo", "moderator")
    assert house.do(ScheduleRoom(room=house.stage, schedule_data=given), mo).one(RoomScheduled).room == house.stage
    assert house.state.rooms[house.stage].schedule_data == kept


@pytest.mark.parametrize("key", ["Title", "", "session_id", "compute_session"])
def test_keys_that_a_schedule_does_not_have(house: House, key: str) -> None:
    command = ScheduleRoom(room=house.stage, schedule_data={"title": "Talk", key: 1})
    assert house.refusal(command, house.person("Mo", "moderator")) == Code.SCHEDULE_INVALID


def test_who_may_not_announce(house: House) -> None:
    assert house.refusal(ScheduleRoom(room=house.stage), house.person("Ada")) == Code.ROOM_DENIED


# Invites


def test_an_invite_is_short_and_readable_and_lives_90_days(house: House) -> None:
    outcome = house.do(InviteAnonymous(room=house.stage), house.owner())
    invite = outcome.one(InviteCreated).invite
    assert outcome.result == invite
    assert len(invite.code) == 6
    assert set(invite.code) <= set(INVITE_ALPHABET)
    assert not set(INVITE_ALPHABET) & set("oO0I")
    assert invite.expires - house.now == timedelta(days=90) == INVITE_LIFE


def test_an_invite_is_given_again_while_it_has_ten_days_left(house: House) -> None:
    owner = house.owner()
    first = house.do(InviteAnonymous(room=house.stage), owner).result
    assert house.do(InviteAnonymous(room=house.lounge), owner).result.code != first.code
    house.advance(80 * DAY)
    again = house.do(InviteAnonymous(room=house.stage), owner)
    assert (again.result, again.events) == (first, [])
    house.advance(timedelta(microseconds=1))
    second = house.do(InviteAnonymous(room=house.stage), owner).result
    assert second.code != first.code
    assert second.expires == house.now + 90 * DAY
    assert house.do(InviteAnonymous(room=house.stage), owner).result == second


def test_who_may_invite(house: House) -> None:
    kiosk = house.person(kind="kiosk")
    house.grant(kiosk, "__kiosk")
    assert house.do(InviteAnonymous(room=house.stage), kiosk).result
    assert house.do(InviteAnonymous(room=house.stage), house.person("Admin", "admin")).result
    assert house.refusal(InviteAnonymous(room=house.stage), house.person("Ada")) == Code.ROOM_DENIED
    assert house.refusal(InviteAnonymous(room=house.stage), house.person("Mo", "moderator")) == Code.ROOM_DENIED


# What it is about, and who finds it (protocols/jumpin.md 1.2, 2)


def test_a_moderator_says_what_a_room_is_about(house: House) -> None:
    ada, mo = house.person("Ada"), house.person("Mo", "moderator")
    assert house.refusal(SetTopic(room=house.lounge, topic="Tea"), ada) == Code.ROOM_DENIED
    outcome = house.do(SetTopic(room=house.lounge, topic="  Tea "), mo)
    room = outcome.one(TopicSet).config
    assert outcome.result == room == house.state.rooms[house.lounge]
    assert (room.topic, room.topic_by, room.topic_at) == ("Tea", mo, house.now)
    cleared = house.do(SetTopic(room=house.lounge, topic=" "), mo).result
    assert (cleared.topic, cleared.topic_by, cleared.topic_at) == ("", mo, None)
    house.grant(ada, "room_owner", house.lounge)
    house.do(SetTopic(room=house.lounge, topic="x" * MAX_TOPIC), ada)
    assert house.refusal(SetTopic(room=house.lounge, topic="x" * (MAX_TOPIC + 1)), ada) == Code.TOPIC_TOO_LONG
    assert house.refusal(SetTopic(room=12345, topic="Tea"), mo) == Code.ROOM_UNKNOWN


def test_the_public_rooms_are_those_that_anybody_sees_the_busiest_first(house: House) -> None:
    house.arrive(house.person("Ada"), house.lounge)
    house.change_room(house.shed, listed=False)
    found = house.do(ListPublicRooms()).result
    assert [room.id for room in found.rooms] == [house.lounge, house.stage], "the office is for the staff"
    assert found.total == 2
    house.change_room(house.stage, closed="for now")
    assert [room.id for room in house.do(ListPublicRooms()).result.rooms] == [house.lounge]
    house.change_room(house.lounge, accounts_only=True, locked=True, deleted=False)
    assert house.do(ListPublicRooms()).result.total == 1, "what one must pass a gate for is still to be found"


def test_public_rooms_come_in_pages(house: House) -> None:
    pages = [house.do(ListPublicRooms(start=start, count=2)).result for start in (0, 2, 4)]
    assert [len(page.rooms) for page in pages] == [2, 1, 0]
    assert {room.id for page in pages for room in page.rooms} == {house.stage, house.lounge, house.shed}
    assert {page.total for page in pages} == {3}
    assert house.do(ListPublicRooms(start=-5, count=-5)).result.rooms == ()
    assert len(house.do(ListPublicRooms(start=-5, count=10**9)).result.rooms) == 3


@pytest.mark.parametrize(
    "settings",
    [
        {"closed": "for repairs"},
        {"accounts_only": True},
        {"verified_only": True, "min_account_age": 3600},
        {"age_restricted": True},
        {"moderated_playlist": True, "push_to_talk": True, "listed": False},
    ],
)
def test_who_runs_a_room_sets_its_gates(house: House, settings: dict[str, Any]) -> None:
    ada = house.person("Ada")
    command = UpdateRoom(room=house.lounge, settings=RoomSettings(**settings))
    assert house.refusal(command, ada) == Code.ROOM_DENIED
    house.grant(ada, "room_owner", house.lounge)
    room = house.do(command, ada).result
    assert {name: getattr(room, name) for name in settings} == settings


@pytest.mark.parametrize("settings", [{"min_account_age": -1}, {"min_account_age": 2**31}, {"closed": "x" * 301}])
def test_gates_that_make_no_sense(house: House, settings: dict[str, Any]) -> None:
    command = UpdateRoom(room=house.lounge, settings=RoomSettings(**settings))
    assert house.refusal(command, house.owner()) == Code.CONFIG_INVALID
