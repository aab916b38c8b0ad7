"""The gates of rooms: who is turned away, by what, in which order (protocols/jumpin.md 1.1; section 5, case 9)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.core.house import House

from hubbub.core.chat import JoinChat, LeaveChat, PostMessage, SubscribeChat, UnsubscribeChat
from hubbub.core.command import Command
from hubbub.core.direct import Whisper
from hubbub.core.error import Code
from hubbub.core.event import Audited, RoomPasswordSet, RoomUpdated, Topic, UserUpdated
from hubbub.core.gate import KEY_LIFE, MAX_PASSWORD, ConfirmAge, SetRoomPassword, UnlockRoom
from hubbub.core.ignore import IgnoreVisitor
from hubbub.core.model import RoomPassword
from hubbub.core.origin import Origin
from hubbub.core.playlist import AddVideo, AdvancePlaylist, GetPlaying, ListPlaylist, Media
from hubbub.core.reaction import ALLOWED
from hubbub.core.reading import FetchMessages, MarkRead
from hubbub.core.room import DeleteRoom, EnterRoom, LeaveRoom, ReactInRoom, RoomSettings, UpdateRoom
from hubbub.core.user import BanUser, SilenceUser, UpdateProfile
from hubbub.core.visit import JoinRoom, SetHandle
from hubbub.core.world import UpdateWorld

CHAT = [{"type": "chat.native", "config": {}}]
OPEN: dict[str, Any] = {"viewer": [], "participant": []}
DAY = timedelta(days=1)
NEIGHBOUR = Origin(address="192.0.2.7")

GATES: dict[str, tuple[Code, dict[str, Any], dict[str, Any]]] = {
    "closed": (Code.ROOM_CLOSED, {"closed": "for repairs"}, {}),
    "accounts_only": (Code.ACCOUNT_REQUIRED, {"accounts_only": True}, {"login": "ada"}),
    "verified_only": (Code.VERIFICATION_REQUIRED, {"verified_only": True}, {"verified": True}),
    "min_account_age": (Code.ACCOUNT_TOO_YOUNG, {"min_account_age": 3600}, {}),
    "locked": (Code.ROOM_LOCKED, {"locked": True}, {}),
    "age_restricted": (Code.AGE_UNCONFIRMED, {"age_restricted": True}, {"adult": True}),
}
"""By the field of a room: how it refuses, how it is set, and what somebody is who passes; {} when nothing helps."""


@pytest.fixture
def club(house: House) -> int:
    """A room without gates, yet."""
    return house.add_room("Club", CHAT, OPEN)


@pytest.fixture
def ada(house: House) -> int:
    return house.person("Ada", client_id="ada's browser")


def lock(house: House, room: int, password: str = "secret") -> None:
    house.do(SetRoomPassword(room=room, password=password), operator=True)


def key_for(house: House, room: int, user: int, password: str = "secret") -> str:
    return str(house.do(UnlockRoom(room=room, password=password), user).result)


# The order


@pytest.mark.parametrize("way_in", [EnterRoom, JoinRoom])
def test_whatever_stands_in_the_way_is_told_in_order(
    house: House, club: int, ada: int, way_in: Callable[..., Any]
) -> None:
    """Everything is wrong at first; then one thing after another is put right."""
    lock(house, club)
    house.change_room(
        club, trait_grants={"viewer": ["staff"]}, **{k: v for _, was, _ in GATES.values() for k, v in was.items()}
    )
    house.state.presence.kicked[club, ada] = None
    ban = house.ban(ada, club)
    tab, key = house.connect(ada), ""

    def refusal() -> Code:
        return house.refusal(way_in(room=club, key=key), ada, session=tab)

    assert refusal() == Code.ROOM_CLOSED
    house.change_room(club, closed=None)
    assert refusal() == Code.ACCOUNT_REQUIRED
    house.change_user(ada, login="ada")
    assert refusal() == Code.VERIFICATION_REQUIRED
    house.change_user(ada, verified=True)
    assert refusal() == Code.ACCOUNT_TOO_YOUNG
    house.advance(timedelta(hours=1))
    assert refusal() == Code.KICKED
    assert refusal() == Code.ROOM_LOCKED
    key = key_for(house, club, ada)
    assert refusal() == Code.AGE_UNCONFIRMED
    house.do(ConfirmAge(), ada)
    assert refusal() == Code.BANNED
    house.state.drop(ban)
    house.cabinet.records.pop((type(ban), (ban.id,)))
    assert refusal() == Code.ROOM_DENIED
    house.change_user(ada, traits=("staff",))
    assert house.do(way_in(room=club, key=key), ada, session=tab).result.visit.user == ada


@pytest.mark.parametrize("gate", GATES)
def test_each_gate_refuses_and_lets_pass(house: House, club: int, ada: int, gate: str) -> None:
    code, fields, passing = GATES[gate]
    house.change_room(club, **fields)
    tab = house.connect(ada)
    assert house.refusal(EnterRoom(room=club), ada, session=tab) == code
    assert house.refusal(JoinRoom(room=club), ada, session=tab) == code
    if passing:
        house.change_user(ada, **passing)
        house.arrive(ada, club)
    house.arrive(ada, house.lounge)


def test_an_account_is_a_login_or_a_token_and_not_a_browser(house: House, club: int) -> None:
    house.change_room(club, accounts_only=True)
    house.arrive(house.person("A", login="a"), club)
    house.arrive(house.person("B", token_id="b"), club)
    assert house.refusal(EnterRoom(room=club), house.person("C", client_id="c")) == Code.ACCOUNT_REQUIRED


def test_why_a_room_is_closed_and_how_long_one_is_too_young(house: House, club: int, ada: int) -> None:
    house.change_room(club, closed="for repairs")
    assert house.error(EnterRoom(room=club), ada).message == "for repairs"
    house.change_room(club, closed="", min_account_age=3600)
    assert house.refusal(EnterRoom(room=club), ada) == Code.ROOM_CLOSED, "closed without a reason"
    house.change_room(club, closed=None)
    house.advance(timedelta(minutes=59))
    error = house.error(EnterRoom(room=club), ada)
    assert (error.code, error.retry_after) == (Code.ACCOUNT_TOO_YOUNG, timedelta(minutes=1))
    house.advance(timedelta(minutes=1))
    house.arrive(ada, club)


# Who need not pass


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("role", ["moderator", "room_owner", "admin", "warden"])
def test_who_moderates_a_room_gets_in(house: House, club: int, gate: str, role: str) -> None:
    house.change_room(club, **GATES[gate][1])
    world_wide = role in ("admin", "warden")
    chief = house.person("Chief", *([role] if world_wide else []), client_id="c")
    if not world_wide:
        house.grant(chief, role, club)
    tab = house.arrive(chief, club)
    house.do(JoinChat(room=club), chief, session=tab)


def test_who_moderates_another_room_does_not(house: House, club: int, ada: int) -> None:
    house.grant(ada, "moderator", house.lounge)
    house.change_room(club, closed="")
    assert house.refusal(EnterRoom(room=club), ada) == Code.ROOM_CLOSED


def test_who_moderates_a_room_is_sent_out_and_banned_like_others(house: House, club: int, ada: int) -> None:
    house.grant(ada, "moderator", club)
    house.state.presence.kicked[club, ada] = None
    assert house.refusal(EnterRoom(room=club), ada) == Code.KICKED
    house.ban(ada, club)
    assert house.refusal(EnterRoom(room=club), ada) == Code.BANNED


def test_a_ban_by_origin_turns_away_strangers_and_no_moderators(house: House, club: int, ada: int) -> None:
    house.ban(house.person("Eve"), club, addresses=("192.0.2.7",))
    assert house.refusal(EnterRoom(room=club), ada, origin=NEIGHBOUR) == Code.BANNED
    house.arrive(ada, club, Origin(address="192.0.2.8"))
    mo = house.person("Mo")
    house.grant(mo, "moderator", club)
    tab = house.arrive(mo, club, NEIGHBOUR)
    house.do(JoinChat(room=club), mo, session=tab)


# The gates guard what is inside


def insiders(room: int, visit: int) -> list[Command]:
    """List commands that need no more than being there."""
    return [
        SubscribeChat(room=room),
        JoinChat(room=room),
        FetchMessages(room=room, before=99),
        PostMessage(room=room, body="Hi"),
        PostMessage(room=room, body="Hi", nonce="once"),
        MarkRead(room=room, number=1),
        Whisper(room=room, visit=visit, body="psst"),
        ReactInRoom(room=room, reaction=ALLOWED[0]),
        SetHandle(room=room, handle="Someone"),
        IgnoreVisitor(room=room, visit=visit),
        AddVideo(room=room, media=Media(media_id="v")),
        GetPlaying(room=room),
        ListPlaylist(room=room),
        AdvancePlaylist(room=room),
    ]


@pytest.mark.parametrize("gate", GATES)
def test_who_has_not_come_through_the_gates_does_nothing_inside(house: House, club: int, ada: int, gate: str) -> None:
    house.arrive(bob := house.person("Bob"), club)
    house.do(PostMessage(room=club, body="among us"), bob, session=talk(house, bob, club))
    house.change_room(club, **GATES[gate][1])
    tab = house.connect(ada)
    for command in insiders(club, house.visit_of(bob, club).id):
        assert house.refusal(command, ada, session=tab) == Code.ROOM_DENIED, type(command).__name__
    for command in (UnsubscribeChat(room=club), LeaveChat(room=club), LeaveRoom(room=club)):
        house.do(command, ada, session=tab)


def talk(house: House, user: int, room: int) -> int:
    tab = house.connect(user)
    house.do(JoinChat(room=room), user, session=tab)
    return tab


def test_who_has_come_through_the_gates_does(house: House, club: int, ada: int) -> None:
    bob = house.person("Bob")
    house.arrive(bob, club)
    lock(house, club)
    tab = house.arrive(ada, club, key=key_for(house, club, ada))
    for command in insiders(club, house.visit_of(bob, club).id):
        house.do(command, ada, session=tab)
    house.do(LeaveRoom(room=club), ada, session=tab)
    assert house.state.participates(ada, house.state.rooms[club])
    house.do(PostMessage(room=club, body="I belong here"), ada, session=tab)
    house.do(LeaveChat(room=club), ada, session=tab)
    assert house.refusal(SubscribeChat(room=club), ada, session=tab) == Code.ROOM_DENIED


def test_another_connection_of_who_is_inside_need_not_pass_again(house: House, club: int, ada: int) -> None:
    lock(house, club)
    first = house.arrive(ada, club, key=key_for(house, club, ada))
    second = house.arrive(ada, club)
    for tab in (first, second):
        house.do(LeaveRoom(room=club), ada, session=tab)
    assert house.refusal(EnterRoom(room=club), ada) == Code.ROOM_LOCKED


def test_who_comes_from_where_a_ban_holds_says_nothing_either(house: House, club: int, ada: int) -> None:
    """A ban that came after they did does not send them out, but what they ask for is refused."""
    tab = house.arrive(ada, club, NEIGHBOUR)
    house.do(JoinChat(room=club), ada, session=tab)
    house.ban(house.person("Eve"), club, addresses=("192.0.2.7",), until=house.now + DAY)
    for command in (PostMessage(room=club, body="Hi"), FetchMessages(room=club, before=9)):
        assert house.refusal(command, ada, session=tab) == Code.ROOM_DENIED
    house.do(PostMessage(room=club, body="Hi"), ada, origin=Origin(address="192.0.2.8"))
    house.do(LeaveRoom(room=club), ada, session=tab)
    house.advance(DAY)
    house.do(PostMessage(room=club, body="Hi"), ada, session=tab)


@pytest.mark.parametrize("gate", GATES)
def test_nobody_belongs_by_themselves_to_a_room_with_gates(house: House, gate: str) -> None:
    """Once a room that everybody belongs to let them read whatever its gates were."""
    room = house.add_room("Hall", CHAT, OPEN, force_join=True, **GATES[gate][1])
    ada, mo = house.person(client_id="a"), house.person("", "moderator")
    for user in (ada, mo):
        house.do(UpdateProfile(profile={"display_name": "Somebody"}), user, session=house.connect(user))
    assert list(house.state.members[room]) == [mo]
    assert house.refusal(FetchMessages(room=room, before=9), ada) == Code.ROOM_DENIED


def test_a_room_without_gates_asks_for_nothing(house: House, club: int, ada: int) -> None:
    house.do(JoinChat(room=club), ada, session=house.connect(ada))
    assert not house.state.rooms[club].gated
    for _, fields, _ in GATES.values():
        house.change_room(club, **fields)
        assert house.state.rooms[club].gated


# Passwords


def test_a_password_locks_a_room_and_its_key_opens_it(house: House, club: int, ada: int) -> None:
    house.arrive(bob := house.person("Bob"), club)
    outcome = house.do(SetRoomPassword(room=club, password="sesame"), house.owner())
    assert outcome.result.locked
    assert outcome.one(RoomUpdated).config.locked
    assert outcome.one(RoomPasswordSet).password.password == "hash of sesame"
    assert outcome.one(Audited).entry.data == {"object": club, "locked": True}
    house.visit_of(bob, club)
    assert house.refusal(UnlockRoom(room=club, password="Sesame"), ada) == Code.PASSWORD_WRONG
    assert house.refusal(UnlockRoom(room=club, password=""), ada) == Code.PASSWORD_WRONG
    house.arrive(ada, club, key=key_for(house, club, ada, "sesame"))


def test_the_hash_of_a_password_is_nowhere_but_in_the_store(house: House, club: int) -> None:
    assert not RoomPasswordSet.JOURNALLED
    lock(house, club)
    assert "hash of" not in repr(house.state.rooms[club])
    assert (RoomPassword, (club,)) in house.cabinet.records


def test_a_new_password_is_the_only_one_and_none_unlocks(house: House, club: int, ada: int) -> None:
    lock(house, club, "old")
    lock(house, club, "new")
    assert house.refusal(UnlockRoom(room=club, password="old"), ada) == Code.PASSWORD_WRONG
    key_for(house, club, ada, "new")
    outcome = house.do(SetRoomPassword(room=club, password=None), house.owner())
    assert not outcome.result.locked
    assert outcome.of(RoomPasswordSet) == []
    house.arrive(ada, club)
    key_for(house, club, ada, "whatever")


@pytest.mark.parametrize("password", ["", "x" * (MAX_PASSWORD + 1)])
def test_a_password_that_is_none(house: House, club: int, password: str) -> None:
    assert house.refusal(SetRoomPassword(room=club, password=password), operator=True) == Code.INVALID
    assert not house.state.rooms[club].locked
    lock(house, club, "x" * MAX_PASSWORD)


def test_who_may_set_a_password(house: House, club: int, ada: int) -> None:
    command = SetRoomPassword(room=club, password="mine")
    house.grant(ada, "moderator", club)
    assert house.refusal(command, ada) == Code.ROOM_DENIED
    house.grant(ada, "room_owner", club)
    house.do(command, ada)
    assert house.refusal(SetRoomPassword(room=house.lounge, password="mine"), ada) == Code.ROOM_DENIED
    assert house.refusal(SetRoomPassword(room=12345, password="mine"), house.owner()) == Code.ROOM_UNKNOWN


def test_a_key_is_good_for_its_room_for_five_minutes(house: House, club: int, ada: int) -> None:
    other = house.add_room("Other", CHAT, OPEN)
    lock(house, club)
    lock(house, other, "another")
    key, wrong = key_for(house, club, ada), key_for(house, other, ada, "another")
    for bad in ("", "rubbish", wrong, key[:-2], key + "x", "x" * 20_000):
        assert house.refusal(EnterRoom(room=club, key=bad), ada) == Code.ROOM_LOCKED, bad
    house.advance(KEY_LIFE - timedelta(seconds=1))
    tab = house.arrive(ada, club, key=key)
    house.do(LeaveRoom(room=club), ada, session=tab)
    house.advance(timedelta(seconds=1))
    assert house.refusal(EnterRoom(room=club, key=key), ada) == Code.ROOM_LOCKED


def test_a_key_of_another_world_s_secret_opens_nothing(house: House, club: int, ada: int) -> None:
    lock(house, club)
    key = key_for(house, club, ada)
    config = {"JWT_secrets": [{"issuer": "any", "audience": "demo", "secret": "quite another, of thirty-two or more"}]}
    house.do(UpdateWorld(config=config, secrets=True), operator=True)
    assert house.refusal(EnterRoom(room=club, key=key), ada) == Code.ROOM_LOCKED


def test_the_door_is_not_for_everybody_to_knock_at(house: House, club: int, ada: int) -> None:
    lock(house, club)
    assert house.refusal(UnlockRoom(room=club, password="secret")) == Code.UNAUTHENTICATED
    assert house.refusal(UnlockRoom(room=12345, password="secret"), ada) == Code.ROOM_UNKNOWN
    house.do(BanUser(user=ada), house.owner())
    assert house.refusal(UnlockRoom(room=club, password="secret"), ada) == Code.ROOM_DENIED


def test_what_happens_while_a_password_is_checked_counts(house: House, club: int, ada: int) -> None:
    owner = house.owner()
    lock(house, club)
    house.cabinet.meanwhile = lambda: void(house.ban(ada))
    assert house.refusal(UnlockRoom(room=club, password="secret"), ada) == Code.ROOM_DENIED
    house.cabinet.meanwhile = lambda: house.change_room(club, deleted=True)
    assert house.refusal(SetRoomPassword(room=club, password="new"), owner) == Code.ROOM_UNKNOWN
    assert house.cabinet.records[RoomPassword, (club,)].password == "hash of secret"  # type: ignore[attr-defined]


def test_without_a_hasher_no_password_is_set_or_checked(house: House, club: int, ada: int) -> None:
    lock(house, club)
    house.passwords = None
    assert house.refusal(UnlockRoom(room=club, password="secret"), ada) == Code.UNAVAILABLE
    assert house.refusal(SetRoomPassword(room=club, password="new"), operator=True) == Code.UNAVAILABLE
    house.do(SetRoomPassword(room=club, password=None), operator=True)


def void(_: object) -> None:
    pass


# One's age


def test_to_say_that_one_is_of_age_is_enough(house: House, ada: int) -> None:
    assert house.do(ConfirmAge(), ada).one(UserUpdated).user.adult
    assert house.user(ada).adult
    assert house.do(ConfirmAge(), ada).events == []
    assert house.refusal(ConfirmAge()) == Code.UNAUTHENTICATED
    house.do(SilenceUser(user=ada), house.owner())
    house.do(ConfirmAge(), ada)
    house.do(BanUser(user=ada), house.owner())
    assert house.refusal(ConfirmAge(), ada) == Code.WORLD_DENIED


# Who is inside when a gate is put up


@pytest.mark.parametrize("gate", [gate for gate in GATES if gate != "closed"])
def test_who_is_inside_stays_when_a_gate_is_put_up(house: House, club: int, ada: int, gate: str) -> None:
    tab = house.arrive(ada, club)
    house.do(JoinChat(room=club), ada, session=tab)
    if gate == "locked":
        lock(house, club)
    else:
        house.do(UpdateRoom(room=club, settings=RoomSettings(**GATES[gate][1])), house.owner())
    house.visit_of(ada, club)
    house.do(PostMessage(room=club, body="still here"), ada, session=tab)


def test_who_is_inside_when_a_room_is_closed_must_go_but_for_its_moderators(house: House, club: int, ada: int) -> None:
    tab, owner = house.arrive(ada, club), house.owner()
    house.do(JoinChat(room=club), ada, session=tab)
    desk = house.arrive(owner, club)
    house.do(UpdateRoom(room=club, settings=RoomSettings(closed="Cleaning")), owner)
    assert house.state.presence.visit(club, ada) is None
    assert tab not in house.hears_all()
    assert desk in house.hears(Topic.VISITORS, club)


def test_a_room_that_is_gone_has_no_gates(house: House, club: int, ada: int) -> None:
    lock(house, club)
    key = key_for(house, club, ada)
    house.do(DeleteRoom(room=club), house.owner())
    for way_in in (EnterRoom, JoinRoom):
        assert house.refusal(way_in(room=club, key=key), ada) == Code.ROOM_UNKNOWN
