"""Visits: what people are called, how they are shown, whether they broadcast (protocols/jumpin.md 1.2; section 5)."""

from typing import Any

import pytest
from tests.core.house import House

from hubbub.core.chat import LeaveChat, PostMessage
from hubbub.core.error import Code
from hubbub.core.event import (
    BroadcastClosed,
    FeedCleared,
    MemberJoined,
    OccupancyChanged,
    Subscribed,
    Topic,
    UserUpdated,
    VisitClosed,
    VisitOpened,
    VisitUpdated,
)
from hubbub.core.handle import COLORS, MAX_HANDLE
from hubbub.core.origin import Origin
from hubbub.core.room import EnterRoom, LeaveRoom
from hubbub.core.user import MAX_PROFILE, SilenceUser
from hubbub.core.visit import (
    ClearFeed,
    CloseBroadcast,
    JoinRoom,
    SetBroadcasting,
    SetColor,
    SetHandle,
)


@pytest.fixture
def ada(house: House) -> int:
    """A guest with a name, in the lounge."""
    made = house.person("Ada", client_id="ada's browser")
    house.arrive(made, house.lounge)
    return made


@pytest.fixture
def bob(house: House) -> int:
    """Somebody with an account, in the lounge."""
    made = house.person("Bob", login="bob")
    house.arrive(made, house.lounge)
    return made


def name(house: House, user: int, room: int = 0) -> str:
    return house.visit_of(user, room or house.lounge).handle


# Coming in


def test_who_comes_in_gets_a_visit(house: House, ada: int) -> None:
    mo, origin = house.person("Mo", "moderator"), Origin(address="192.0.2.7", client="c")
    tab = house.connect(mo, origin)
    outcome = house.do(EnterRoom(room=house.lounge), mo, session=tab)
    visit = outcome.result.visit
    assert (visit.room, visit.user, visit.entered) == (house.lounge, mo, house.now)
    assert (visit.handle, visit.broadcasting, visit.origins, visit.sessions) == ("Mo", False, (origin,), {tab})
    assert visit.color in COLORS
    assert house.state.presence.visit_by_id(visit.id) is visit
    opened = outcome.one(VisitOpened)
    assert (opened.visit, opened.user, opened.first) == (visit, mo, True)
    assert [user.id for user in outcome.result.viewers] == [ada, mo]


def test_each_connection_is_told_and_the_first_is_marked(house: House, ada: int) -> None:
    second = house.connect(ada)
    outcome = house.do(EnterRoom(room=house.lounge), ada, session=second)
    assert not outcome.one(VisitOpened).first
    assert outcome.result.visit is house.visit_of(ada, house.lounge)
    assert outcome.of(OccupancyChanged) == []


def test_another_connection_adds_where_it_comes_from(house: House, ada: int) -> None:
    """Once only the first connection's place was noted, and a ban did not hold for the others."""
    home, work = Origin(address="192.0.2.7"), Origin(address="192.0.2.8")
    bob = house.person("Bob")
    for origin in (home, work, home):
        house.arrive(bob, house.lounge, origin)
    assert house.visit_of(bob, house.lounge).origins == (home, work)
    assert house.visit_of(ada, house.lounge).origins == ()


def test_who_leaves_takes_the_visit_along(house: House, ada: int) -> None:
    visit = house.visit_of(ada, house.lounge)
    (tab,) = visit.sessions
    outcome = house.do(LeaveRoom(room=house.lounge), ada, session=tab)
    assert outcome.one(VisitClosed).visit == visit
    assert house.state.presence.visit_by_id(visit.id) is None
    again = house.do(EnterRoom(room=house.lounge), ada, session=tab).result.visit
    assert (again.id != visit.id, again.handle) == (True, "Ada")


def test_two_with_one_name_are_called_differently(house: House, ada: int) -> None:
    double = house.person("Ada")
    house.arrive(double, house.lounge)
    house.arrive(double, house.stage)
    assert name(house, double) != "Ada" == name(house, double, house.stage)
    assert house.user(double).display_name == "Ada"


# Coming in and joining at once


def test_joining_a_room_is_entering_listening_and_belonging(house: House, ada: int) -> None:
    bob = house.person("Bob")
    tab = house.connect(bob)
    outcome = house.do(JoinRoom(room=house.lounge), bob, session=tab)
    assert outcome.result.visit.handle == "Bob"
    assert [user.id for user in outcome.result.viewers] == [ada, bob]
    assert outcome.one(MemberJoined).member.user == bob
    followed = [Topic.VISITORS, Topic.POLLS, Topic.QUESTIONS, Topic.VIEWERS, Topic.CHAT]
    assert [event.topic for event in outcome.of(Subscribed)] == followed
    house.do(PostMessage(room=house.lounge, body="Hi"), bob, session=tab)
    again = house.do(JoinRoom(room=house.lounge), bob, session=tab)
    assert again.of(MemberJoined) == []
    assert not again.one(VisitOpened).first


def test_where_talk_ends_with_the_connection_so_does_belonging(house: House) -> None:
    ada = house.person("Ada")
    tab = house.connect(ada)
    assert house.do(JoinRoom(room=house.stage), ada, session=tab).of(MemberJoined) == []
    assert house.state.participates(ada, house.state.rooms[house.stage])
    house.log_out(ada, tab)
    assert not house.state.participates(ada, house.state.rooms[house.stage])
    assert set(house.state.presence.statistics().values()) == {0}


def test_who_may_only_read_listens_and_who_may_not_even_that_is_there(house: House) -> None:
    house.state.world.roles["looker"] = ["room:view"]
    chat = [{"type": "chat.native", "config": {}}]
    reading, looking = house.add_room("R", chat, {"viewer": []}), house.add_room("L", chat, {"looker": []})
    ada = house.person("Ada")
    tab = house.connect(ada)
    for room in (reading, looking, house.shed):
        assert house.do(JoinRoom(room=room), ada, session=tab).of(MemberJoined) == []
        assert house.hears(Topic.VISITORS, room) == {tab}
    assert house.hears(Topic.CHAT, reading) == {tab}
    assert house.hears(Topic.CHAT, looking) == house.hears(Topic.CHAT, house.shed) == set()
    assert house.refusal(JoinRoom(room=house.office), ada, session=tab) == Code.ROOM_DENIED


def test_who_has_no_name_is_from_now_on_called_as_in_the_room(house: House) -> None:
    guest = house.person(client_id="g")
    outcome = house.do(JoinRoom(room=house.lounge), guest, session=house.connect(guest))
    handle = outcome.result.visit.handle
    assert handle
    assert outcome.one(UserUpdated).user.display_name == handle
    assert house.user(guest).display_name == handle
    house.arrive(guest, house.stage)
    assert name(house, guest, house.stage) == handle


def test_who_has_a_name_keeps_it(house: House, ada: int) -> None:
    double = house.person("Ada")
    assert house.do(JoinRoom(room=house.lounge), double, session=house.connect(double)).of(UserUpdated) == []
    assert name(house, double) != house.user(double).display_name == "Ada"


def test_one_may_leave_the_talk_and_stay_in_the_room(house: House) -> None:
    ada = house.person("Ada")
    tab = house.connect(ada)
    house.do(JoinRoom(room=house.lounge), ada, session=tab)
    house.do(LeaveChat(room=house.lounge), ada, session=tab)
    house.visit_of(ada, house.lounge)


# Names


def test_a_guest_s_handle_is_their_name(house: House, ada: int) -> None:
    before = house.visit_of(ada, house.lounge)
    outcome = house.do(SetHandle(room=house.lounge, handle="  Ada_L "), ada)
    assert outcome.result.handle == name(house, ada) == "Ada_L"
    updated = outcome.one(VisitUpdated)
    assert (updated.before, updated.visit) == (before, outcome.result)
    assert outcome.result.id == before.id
    assert outcome.one(UserUpdated).user.display_name == "Ada_L"
    assert house.reloaded().users[ada].display_name == "Ada_L"


def test_the_handle_of_an_account_is_for_the_room(house: House, bob: int) -> None:
    outcome = house.do(SetHandle(room=house.lounge, handle="Bobby"), bob)
    assert outcome.of(UserUpdated) == []
    assert (name(house, bob), house.user(bob).display_name) == ("Bobby", "Bob")


@pytest.mark.parametrize(
    ("handle", "code"),
    [
        ("", Code.HANDLE_EMPTY),
        ("   ", Code.HANDLE_EMPTY),
        ("x" * (MAX_HANDLE + 1), Code.HANDLE_TOO_LONG),
        ("<b>", Code.HANDLE_CHARACTERS),
        ("Bob", Code.HANDLE_TAKEN),
        ("Ada", Code.HANDLE_TAKEN),
    ],
)
def test_what_one_cannot_be_called(house: House, ada: int, bob: int, handle: str, code: Code) -> None:
    assert house.refusal(SetHandle(room=house.lounge, handle=handle), ada) == code


def test_a_handle_is_free_again_when_its_bearer_has_gone(house: House, ada: int, bob: int) -> None:
    house.do(SetHandle(room=house.lounge, handle="bob"), ada)
    house.arrive(cy := house.person("Cy"), house.stage)
    house.do(SetHandle(room=house.stage, handle="Bob"), cy)
    house.log_out(bob, next(iter(house.visit_of(bob, house.lounge).sessions)))
    house.do(SetHandle(room=house.lounge, handle="Bob"), ada)


OWN: list[Any] = [
    lambda room: SetHandle(room=room, handle="X"),
    lambda room: SetColor(room=room),
    lambda room: SetBroadcasting(room=room, on=True),
    lambda room: SetBroadcasting(room=room, on=False),
]


@pytest.mark.parametrize("command", OWN)
def test_who_is_not_in_the_room_has_no_visit_there(house: House, ada: int, command: Any) -> None:
    assert house.refusal(command(house.stage), ada) == Code.VISIT_MISSING
    assert house.refusal(command(house.office), ada) == Code.ROOM_DENIED
    assert house.refusal(command(12345), ada) == Code.ROOM_UNKNOWN
    assert house.refusal(command(house.lounge)) == Code.UNAUTHENTICATED


def test_a_profile_without_room_for_a_name_changes_nothing(house: House) -> None:
    """Once the refusal came when the others had been told already."""
    guest = house.person(client_id="g", profile={"about": "x" * (MAX_PROFILE - 20)})
    assert house.refusal(JoinRoom(room=house.lounge), guest, session=house.connect(guest)) == Code.INVALID
    house.arrive(guest, house.lounge)
    assert house.refusal(SetHandle(room=house.lounge, handle="Somebody"), guest) == Code.INVALID


def test_nobody_is_told_what_changes_of_who_is_not_shown(house: House) -> None:
    hidden = house.person("Hidden", client_id="h", shown=False)
    house.arrive(hidden, house.lounge)
    for command in (SetColor(room=house.lounge, color="aqua"), SetHandle(room=house.lounge, handle="Unseen")):
        assert house.do(command, hidden).of(VisitUpdated) == []
    visit = house.visit_of(hidden, house.lounge)
    assert (visit.color, visit.handle) == ("aqua", "Unseen")


# Colours


def test_a_color_is_chosen_or_the_next_one(house: House, ada: int) -> None:
    outcome = house.do(SetColor(room=house.lounge, color="orangealt"), ada)
    assert outcome.one(VisitUpdated).visit.color == outcome.result.color == "orangealt"
    assert house.do(SetColor(room=house.lounge), ada).result.color == "red"
    assert house.do(SetColor(room=house.lounge), ada).result.color == "green"
    for color in ("pink", "", "RED"):
        assert house.refusal(SetColor(room=house.lounge, color=color), ada) == Code.COLOR_UNKNOWN
    assert house.visit_of(ada, house.lounge).color == "green"


# Broadcasts


def test_going_on_air_and_off_is_told_once(house: House, ada: int) -> None:
    on, off = SetBroadcasting(room=house.lounge, on=True), SetBroadcasting(room=house.lounge, on=False)
    assert house.do(off, ada).events == []
    assert house.do(on, ada).one(VisitUpdated).visit.broadcasting
    assert house.do(on, ada).events == []
    assert house.visit_of(ada, house.lounge).broadcasting
    assert not house.do(off, ada).one(VisitUpdated).visit.broadcasting


def test_who_may_not_go_on_air_may_go_off(house: House, ada: int) -> None:
    on, off = SetBroadcasting(room=house.lounge, on=True), SetBroadcasting(room=house.lounge, on=False)
    house.do(on, ada)
    house.do(SilenceUser(user=ada), house.owner())
    assert house.refusal(on, ada) == Code.ROOM_DENIED
    house.do(off, ada)
    assert not house.visit_of(ada, house.lounge).broadcasting
    room = house.add_room("Gallery", [], {"viewer": []})
    house.arrive(ada, room)
    assert house.refusal(SetBroadcasting(room=room, on=True), ada) == Code.ROOM_DENIED


def test_a_moderator_ends_a_broadcast(house: House, ada: int) -> None:
    mo = house.person("Mo", "moderator")
    command = CloseBroadcast(room=house.lounge, visit=house.visit_of(ada, house.lounge).id)
    assert house.refusal(command, mo) == Code.NOT_BROADCASTING
    house.do(SetBroadcasting(room=house.lounge, on=True), ada)
    outcome = house.do(command, mo)
    assert [type(event) for event in outcome.events] == [BroadcastClosed, VisitUpdated]
    assert outcome.one(BroadcastClosed).visit.broadcasting
    assert not outcome.result.broadcasting
    assert not house.visit_of(ada, house.lounge).broadcasting
    assert house.refusal(command, mo) == Code.NOT_BROADCASTING


def test_whose_broadcast_nobody_ends(house: House, ada: int, bob: int) -> None:
    mo, owner = house.person("Mo"), house.owner()
    house.grant(mo, "moderator", house.lounge)
    for user in (ada, mo, owner):
        if user != ada:
            house.arrive(user, house.lounge)
        house.do(SetBroadcasting(room=house.lounge, on=True), user)
    for user, actor, code in (
        (ada, bob, Code.ROOM_DENIED),
        (owner, mo, Code.RANK_DENIED),
        (owner, house.person("M", "moderator"), Code.RANK_DENIED),
    ):
        command = CloseBroadcast(room=house.lounge, visit=house.visit_of(user, house.lounge).id)
        assert house.refusal(command, actor) == code
    assert house.refusal(CloseBroadcast(room=house.lounge, visit=12345), mo) == Code.VISIT_UNKNOWN
    house.do(CloseBroadcast(room=house.lounge, visit=house.visit_of(mo, house.lounge).id), mo)


# Clearing


def test_a_moderator_clears_what_clients_show(house: House, ada: int) -> None:
    assert house.refusal(ClearFeed(room=house.lounge), ada) == Code.ROOM_DENIED
    outcome = house.do(ClearFeed(room=house.lounge), house.person("Mo", "moderator"))
    assert outcome.one(FeedCleared).room == house.lounge
    assert len(outcome.events) == 1
