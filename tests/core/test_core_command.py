"""What is checked of every command, in which order (protocols/venueless.md 1.2)."""

from typing import Any

import pytest
from tests.core.house import START, WORLD, House

from hubbub.core.chat import (
    DeleteMessage,
    EditMessage,
    JoinChat,
    LeaveChat,
    PostMessage,
    ReactToMessage,
    SubscribeChat,
    UnsubscribeChat,
)
from hubbub.core.command import handles, invalid
from hubbub.core.direct import OpenDirect
from hubbub.core.error import Code, Denied, HubbubError, Invalid, Limited, Unavailable, Unknown
from hubbub.core.event import UserDeleted, VisitOpened
from hubbub.core.id import created_at
from hubbub.core.reading import FetchMessages
from hubbub.core.room import (
    DeleteRoom,
    EnterRoom,
    GetRoomConfig,
    InviteAnonymous,
    LeaveRoom,
    ListRoomConfigs,
    ReactInRoom,
    ReorderRooms,
    RoomSettings,
    ScheduleRoom,
    UpdateRoom,
)
from hubbub.core.user import BanUser, SearchUsers, SilenceUser
from hubbub.core.world import ListAudit

ROOM_COMMANDS: list[Any] = [
    lambda room: EnterRoom(room=room),
    lambda room: LeaveRoom(room=room),
    lambda room: ReactInRoom(room=room, reaction="👏"),
    lambda room: ScheduleRoom(room=room),
    lambda room: UpdateRoom(room=room, settings=RoomSettings(name="Mine")),
    lambda room: DeleteRoom(room=room),
    lambda room: GetRoomConfig(room=room),
    lambda room: InviteAnonymous(room=room),
]
CHAT_COMMANDS: list[Any] = [
    lambda room: SubscribeChat(room=room),
    lambda room: JoinChat(room=room),
    lambda room: LeaveChat(room=room),
    lambda room: UnsubscribeChat(room=room),
    lambda room: FetchMessages(room=room, before=9),
    lambda room: PostMessage(room=room, body="Hi"),
    lambda room: EditMessage(room=room, number=1, body="Hi"),
    lambda room: DeleteMessage(room=room, number=1),
    lambda room: ReactToMessage(room=room, number=1, reaction="👍"),
]


@pytest.mark.parametrize("make", ROOM_COMMANDS + CHAT_COMMANDS)
def test_a_room_that_is_not_there(house: House, make: Any) -> None:
    admin = house.person("Admin", "admin")
    house.do(DeleteRoom(room=house.lounge), admin)
    for identity in (house.lounge, 12345):
        assert house.refusal(make(identity), admin) == Code.ROOM_UNKNOWN


@pytest.mark.parametrize("make", CHAT_COMMANDS)
def test_a_room_without_chat(house: House, make: Any) -> None:
    assert house.refusal(make(house.shed), house.person("Ada")) == Code.MODULE_MISSING


@pytest.mark.parametrize("make", ROOM_COMMANDS)
def test_a_direct_conversation_is_no_room(house: House, make: Any) -> None:
    """Whoever belongs to one may talk in it; they may not configure, close or open it to guests."""
    ada, bob = house.person("Ada"), house.person("Bob")
    direct = house.do(OpenDirect(users=(bob,)), ada).result.room.id
    for user in (ada, bob, house.person("Admin", "admin")):
        assert house.refusal(make(direct), user, session=5) == Code.ROOM_UNKNOWN


@pytest.mark.parametrize("make", ROOM_COMMANDS + CHAT_COMMANDS)
def test_a_stranger_logs_in_first(house: House, make: Any) -> None:
    assert house.refusal(make(house.lounge)) == Code.UNAUTHENTICATED


def test_a_room_is_looked_for_before_the_permission(house: House) -> None:
    ada = house.person("Ada")
    assert house.refusal(UpdateRoom(room=5, settings=RoomSettings()), ada) == Code.ROOM_UNKNOWN
    assert house.refusal(SubscribeChat(room=house.shed), house.person(kind="anon")) == Code.MODULE_MISSING
    assert house.refusal(SubscribeChat(room=house.office), ada) == Code.ROOM_DENIED


def test_a_room_denies_for_the_room_and_the_world_for_the_world(house: House) -> None:
    ada = house.person("Ada")
    assert house.refusal(GetRoomConfig(room=house.lounge), ada) == Code.ROOM_DENIED
    assert house.refusal(ListRoomConfigs(), ada) == Code.WORLD_DENIED
    assert house.refusal(ReorderRooms(rooms=()), ada) == Code.WORLD_DENIED


def test_a_right_on_one_room_is_none_on_the_world(house: House) -> None:
    ada = house.person("Ada")
    house.grant(ada, "room_owner", house.lounge)
    assert house.do(GetRoomConfig(room=house.lounge), ada).result.name == "Lounge"
    assert house.refusal(GetRoomConfig(room=house.stage), ada) == Code.ROOM_DENIED
    assert house.refusal(ListRoomConfigs(), ada) == Code.WORLD_DENIED


def test_the_banned_may_not_even_what_needs_no_permission(house: House) -> None:
    admin, ada, bob = house.person("Admin", "admin"), house.person("Ada"), house.person("Bob")
    direct = house.do(OpenDirect(users=(bob,)), ada).result.room.id
    house.do(BanUser(user=ada), admin)
    assert house.refusal(SearchUsers(term=""), ada) == Code.WORLD_DENIED
    assert house.refusal(LeaveRoom(room=house.stage), ada) == Code.ROOM_DENIED
    assert house.refusal(PostMessage(room=direct, body="Hi"), ada) == Code.CHAT_DENIED


def test_the_silenced_may_leave_and_read_a_direct_conversation_and_not_speak(house: House) -> None:
    admin, ada, bob = house.person("Admin", "admin"), house.person("Ada"), house.person("Bob")
    direct = house.do(OpenDirect(users=(bob,)), ada).result.room.id
    house.do(SilenceUser(user=ada), admin)
    assert house.refusal(PostMessage(room=direct, body="Hi"), ada) == Code.CHAT_DENIED
    assert house.do(FetchMessages(room=direct, before=99), ada).result
    house.do(LeaveChat(room=direct), ada)


def test_a_deleted_user_s_open_connection_is_worth_nothing(house: House) -> None:
    ada, bob = house.person("Ada"), house.person("Bob")
    direct = house.do(OpenDirect(users=(bob,)), ada).result.room.id
    gone = house.user(ada)
    house.happen(UserDeleted(world=WORLD, user=type(gone)(id=ada, world=WORLD, deleted=True, created=house.now)))
    assert house.refusal(PostMessage(room=direct, body="Hi"), ada) == Code.CHAT_DENIED
    assert house.refusal(SearchUsers(term=""), ada) == Code.WORLD_DENIED


def test_the_operator_may_everything_and_is_nobody(house: House) -> None:
    outcome = house.do(UpdateRoom(room=house.office, settings=RoomSettings(name="Den")), operator=True)
    assert {event.by for event in outcome.events} == {0}
    entry = house.do(ListAudit(), operator=True).result[0]
    assert (entry.user, entry.type) == (None, "world.room.updated")


def test_events_say_who_did_it_and_through_which_connection(house: House) -> None:
    ada = house.person("Ada")
    session = house.connect(ada)
    opened = house.do(EnterRoom(room=house.stage), ada, session=session).one(VisitOpened)
    assert (opened.world, opened.room, opened.by, opened.session) == (WORLD, house.stage, ada, session)


# The registry


def test_a_command_has_one_handler() -> None:
    with pytest.raises(TypeError, match="SearchUsers has a handler"):
        handles(SearchUsers)(lambda act, command: None)


# Errors


@pytest.mark.parametrize(
    ("kind", "temporary"), [(Denied, False), (Unknown, False), (Invalid, False), (Limited, True), (Unavailable, True)]
)
def test_errors_say_whether_to_try_again(kind: type[HubbubError], temporary: bool) -> None:
    error = kind(Code.TOO_MANY)
    assert error.temporary is temporary
    assert str(error) == "too_many"
    assert error.message == ""


def test_what_is_wrong_with_a_field() -> None:
    error = invalid("days", "1 to 3650")
    assert (error.code, error.message, error.details) == (Code.INVALID, "days: 1 to 3650", {"days": ["1 to 3650"]})


def test_codes_are_their_own_names() -> None:
    assert all(code.value == code.name.lower() for code in Code)


def test_an_id_tells_when_it_was_made(house: House) -> None:
    assert created_at(house.person("Ada")) == START
