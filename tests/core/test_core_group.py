"""Groups: who belongs to them, who runs them, and what is said of it (protocols/groupme.md 1.2, 2.2, 2.3)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from tests.core.house import START, WORLD, House, Outcome, drive

from hubbub.core import group as group_module
from hubbub.core.chat import DeleteMessage, EditMessage, JoinChat, LeaveChat, PostMessage, ReactToMessage, SubscribeChat
from hubbub.core.direct import OpenDirect
from hubbub.core.error import Code
from hubbub.core.event import (
    ChannelsChanged,
    GrantGiven,
    GrantTaken,
    MemberJoined,
    MemberLeft,
    MemberReturned,
    MemberUpdated,
    MessagePosted,
    NotificationsCounted,
    RoomUpdated,
    Subscribed,
    Topic,
    Unsubscribed,
    UserNotified,
    UserUnread,
    WorldUpdated,
)
from hubbub.core.group import (
    MAX_ADDED,
    MAX_DESCRIPTION,
    MAX_NAME,
    MAX_NICKNAME,
    MODULES,
    AddMembers,
    ChangeOwner,
    CreateGroup,
    DropMember,
    GroupSettings,
    JoinGroup,
    LeaveGroup,
    ListFormer,
    ListGroups,
    MuteGroup,
    NewMember,
    RejoinGroup,
    RemoveMember,
    SetAdmin,
    UpdateGroup,
    UpdateMembership,
)
from hubbub.core.membership import member_by_id
from hubbub.core.model import GroupKind, Member, Room
from hubbub.core.origin import Origin
from hubbub.core.room import DeleteRoom, EnterRoom
from hubbub.core.user import BlockUser, SilenceUser, UpdateProfile
from hubbub.core.visit import JoinRoom


class Club:
    """A private group that Ada owns, with Bob and Cleo; Dan and Eve are outside, and Mo moderates the world."""

    def __init__(self, house: House, **settings: Any) -> None:
        self.house = house
        names = ("Ada", "Bob", "Cleo", "Dan", "Eve")
        self.ada, self.bob, self.cleo, self.dan, self.eve = (house.person(name) for name in names)
        self.mo = house.person("Mo", "moderator")
        for user in (self.ada, self.bob):
            house.grant(user, "member")
        made = house.do(CreateGroup(settings=GroupSettings(name="Club", **settings)), self.ada)
        self.id: int = made.result.id
        self.add(self.bob, self.cleo)

    @property
    def room(self) -> Room:
        return self.house.state.rooms[self.id]

    @property
    def people(self) -> list[int]:
        return list(self.house.state.members[self.id])

    def do(self, kind: Callable[..., Any], by: int, /, **fields: Any) -> Outcome:
        """Do a command of the group; without an actor it is the operator's."""
        return self.house.do(kind(room=self.id, **fields), by, operator=not by)

    def refusal(self, kind: Callable[..., Any], by: int, /, **fields: Any) -> Code:
        return self.house.refusal(kind(room=self.id, **fields), by)

    def add(self, *users: int, by: int = 0) -> Outcome:
        return self.do(AddMembers, by or self.ada, members=tuple(NewMember(user=user) for user in users))

    def set(self, user: int, **settings: Any) -> Outcome:
        return self.do(UpdateGroup, user, settings=GroupSettings(**settings))

    def admin(self, user: int) -> None:
        self.do(SetAdmin, self.ada, user=user, admin=True)

    def share(self) -> str:
        self.set(self.ada, share=True)
        return self.room.share_token


@pytest.fixture
def club(house: House) -> Club:
    return Club(house)


def said(outcome: Outcome) -> list[str]:
    return [event.message.body for event in outcome.of(MessagePosted)]


def told(outcome: Outcome) -> list[dict[str, Any]]:
    return [event.message.event for event in outcome.of(MessagePosted)]


# Making


def test_a_new_group_is_its_maker_s(house: House) -> None:
    ada = house.person("Ada")
    house.grant(ada, "member")
    tab = house.connect(ada)
    settings = GroupSettings(name="  Book club ", description="We read", picture="https://a/b", share=True)
    outcome = house.do(CreateGroup(settings=settings), ada, session=tab)
    room = outcome.result
    assert (room.name, room.description, room.picture, room.group) == ("Book club", "We read", "https://a/b", "private")
    assert (room.modules, room.listed, len(room.share_token), room.modified) == (MODULES, False, 8, START)
    assert (room.lasting, room.trait_grants) == (True, {})
    member = outcome.one(MemberJoined).member
    assert (member.user, member.let_in, member.id > 0) == (ada, True, True)
    assert house.state.granted_roles(ada, room.id) == ("room_owner", "participant")
    assert outcome.one(ChannelsChanged).user == ada
    assert told(outcome) == []
    assert house.do(ListGroups(), ada).result == [room]


def test_only_who_belongs_sees_a_group(club: Club) -> None:
    assert "room:chat.read" in club.house.permissions(club.bob, club.id)
    assert not any(name.startswith("room:") for name in club.house.permissions(club.dan, club.id))
    assert club.house.refusal(SubscribeChat(room=club.id), club.dan) == Code.ROOM_DENIED
    assert club.house.refusal(JoinChat(room=club.id), club.dan) == Code.ROOM_DENIED


def test_making_a_group_takes_a_permission(house: House) -> None:
    ada = house.person("Ada")
    command = CreateGroup(settings=GroupSettings(name="Club"))
    assert house.refusal(command, ada) == Code.WORLD_DENIED
    assert house.refusal(command, operator=True) == Code.UNAUTHENTICATED


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"name": ""},
        {"name": "  "},
        {"name": "x" * (MAX_NAME + 1)},
        {"name": "a\nb"},
        {"name": "a\0"},
        {"name": "\ud800"},
        {"name": "a", "description": "x" * (MAX_DESCRIPTION + 1)},
        {"name": "a", "description": "\0"},
        {"name": "a", "picture": "x" * 2001},
        {"name": "a", "theme": "x" * 2001},
        {"name": "a", "directory": "\x1b"},
        {"name": "a", "like_icon": {"a": "x" * 500}},
        {"name": "a", "like_icon": {"a": "\ud800"}},
    ],
)
def test_settings_that_make_no_sense(club: Club, settings: dict[str, Any]) -> None:
    assert club.house.refusal(CreateGroup(settings=GroupSettings(**settings)), club.ada) == Code.CONFIG_INVALID
    if settings:
        assert club.refusal(UpdateGroup, club.ada, settings=GroupSettings(**settings)) == Code.CONFIG_INVALID


def test_the_longest_settings(club: Club) -> None:
    room = club.set(club.ada, name="x" * MAX_NAME, description="a\n\t" + "x" * (MAX_DESCRIPTION - 3)).result
    assert (len(room.name), len(room.description)) == (MAX_NAME, MAX_DESCRIPTION)


def test_a_world_without_the_roles_has_no_groups(house: House) -> None:
    ada = house.person("Ada")
    house.grant(ada, "member")
    roles = {name: held for name, held in house.state.world.roles.items() if name != "participant"}
    house.happen(WorldUpdated(world=WORLD, config=replace(house.state.world, roles=roles)))
    assert house.refusal(CreateGroup(settings=GroupSettings(name="Club")), ada) == Code.CONFIG_INVALID


def test_nobody_belongs_to_more_groups_than_anybody_reads(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    house = club.house
    house.do(OpenDirect(users=(club.ada,)), club.bob)  # is no group, and does not count
    monkeypatch.setattr(group_module, "MAX_GROUPS", 2)
    second = house.do(CreateGroup(settings=GroupSettings(name="Second", share=True)), club.ada).result
    assert house.refusal(CreateGroup(settings=GroupSettings(name="Third")), club.ada) == Code.TOO_MANY
    third = house.do(CreateGroup(settings=GroupSettings(name="Third", share=True)), club.bob).result
    join = JoinGroup(room=second.id, token=second.share_token)
    assert house.refusal(join, club.bob) == Code.TOO_MANY
    add = AddMembers(room=third.id, members=(NewMember(user=club.ada), NewMember(user=club.cleo)))
    assert [member.user for member in house.do(add, club.bob).result] == [club.cleo]
    house.do(DeleteRoom(room=club.id), club.ada)
    assert house.do(join, club.bob).result == second, "what is deleted does not count"


def test_a_world_has_so_many_rooms(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_module, "MAX_ALL_GROUPS", 5)  # four of the house, and the club
    command = CreateGroup(settings=GroupSettings(name="One more"))
    assert club.house.refusal(command, club.ada) == Code.TOO_MANY
    club.house.do(DeleteRoom(room=club.id), club.ada)
    assert club.house.do(command, club.ada).result


# Changing

CHANGED: list[tuple[str, Any, str, str]] = [
    ("name", "Pub", "group.name_change", "Ada changed the group's name to Pub"),
    ("description", "Beer {by}", "group.topic_change", "Ada changed the topic to: Beer {by}"),
    ("picture", "https://a/b", "group.avatar_change", "Ada changed the group's avatar"),
    ("group", "closed", "group.type_change", "Ada changed the group to closed"),
    ("theme", "dark", "group.theme_change", "Ada changed the theme to dark"),
    ("like_icon", {"pack_id": 1, "pack_index": 2}, "group.like_icon_set", "Ada changed the like icon"),
    ("office_mode", True, "group.office_mode", "Ada turned office mode on"),
    ("directory", "MIT", "group.added_to_directory", "Ada added the group to the directory MIT"),
]


@pytest.mark.parametrize(("field", "value", "what", "text"), CHANGED)
def test_a_change_is_said_once(club: Club, field: str, value: Any, what: str, text: str) -> None:
    club.house.advance(timedelta(minutes=1))
    outcome = club.set(club.ada, **{field: value})
    assert getattr(outcome.result, field) == getattr(club.room, field) == value
    assert (said(outcome), club.room.modified) == ([text], club.house.now)
    message = outcome.one(MessagePosted).message
    assert (message.kind, message.sender) == ("system", club.ada)
    assert message.event == {"type": what, "user": club.ada, "nickname": "Ada", "value": value}
    assert outcome.one(RoomUpdated).config == club.room
    assert club.set(club.ada, **{field: value}).events == []


@pytest.mark.parametrize(
    ("field", "value", "nothing", "what", "text"),
    [
        ("like_icon", {"a": 1}, None, "group.like_icon_removed", "Ada removed the like icon"),
        ("directory", "MIT", "", "group.removed_from_directory", "Ada removed the group from the directory"),
        ("office_mode", True, False, "group.office_mode", "Ada turned office mode off"),
        ("picture", "https://a/b", None, "group.avatar_change", "Ada changed the group's avatar"),
    ],
)
def test_what_is_taken_away_again(club: Club, field: str, value: Any, nothing: Any, what: str, text: str) -> None:
    club.set(club.ada, **{field: value})
    outcome = club.set(club.ada, **{field: nothing})
    assert (told(outcome)[0]["type"], said(outcome), getattr(club.room, field)) == (what, [text], nothing)


def test_a_message_for_each_changed_field_and_none_for_what_did_not_change(club: Club) -> None:
    outcome = club.set(club.ada, name="Pub", description="", group="private", theme="dark", office_mode=False)
    assert [event["type"] for event in told(outcome)] == ["group.name_change", "group.theme_change"]
    assert len(outcome.of(RoomUpdated)) == 1


def test_being_listed_follows_the_directory(club: Club) -> None:
    assert club.set(club.ada, directory="MIT").result.listed
    assert club.set(club.ada, name="Pub").result.listed
    assert not club.set(club.ada, directory="").result.listed


def test_a_link_is_made_and_taken_back_and_never_told_in_the_group(club: Club) -> None:
    shared = club.set(club.ada, share=True)
    token = club.room.share_token
    assert (told(shared)[0], said(shared)) == (
        {"type": "group.shared", "user": club.ada, "nickname": "Ada"},
        ["Ada shared the group"],
    )
    assert club.set(club.ada, share=True).events == []
    assert token not in repr([entry.data for entry in drive(club.house.cabinet.audit(1))])
    taken = club.set(club.ada, share=False)
    assert (club.room.share_token, said(taken)) == ("", ["Ada unshared the group"])
    assert club.refusal(JoinGroup, club.dan, token=token) == Code.ROOM_UNKNOWN
    assert club.share() != token


PRIVATE = {"name": "Pub", "description": "Beer", "picture": "https://a/b", "theme": "dark", "like_icon": {"a": 1}}
RUN = {"group": "closed", "office_mode": True, "directory": "MIT", "share": True}


@pytest.mark.parametrize("kind", ["private", "closed", "announcement"])
@pytest.mark.parametrize(("field", "value"), [*PRIVATE.items(), *RUN.items()])
def test_who_may_change_what(club: Club, kind: GroupKind, field: str, value: Any) -> None:
    """Of a private group all its members, but for who runs it; of others, who runs it."""
    if field == "group" and kind == value:
        value = "private"
    club.house.change_room(club.id, group=kind)
    command = UpdateGroup(room=club.id, settings=GroupSettings(**{field: value}))
    before = club.room
    if kind != "private" or field in RUN:
        assert club.house.refusal(command, club.bob) == Code.ROOM_DENIED
    else:
        assert said(club.house.do(command, club.bob))
        club.house.change_room(club.id, **{field: getattr(before, field)})
    assert club.house.refusal(command, club.dan) == Code.ROOM_DENIED
    club.admin(club.cleo)
    assert said(club.house.do(command, club.cleo))


def test_somebody_of_the_house_changes_a_group(club: Club) -> None:
    """Once the operator was refused after the change had happened."""
    assert said(club.set(0, name="Pub")) == ["Somebody changed the group's name to Pub"]
    assert told(club.set(club.mo, name="Bar")) == [
        {"type": "group.name_change", "user": club.mo, "nickname": "Mo", "value": "Bar"}
    ]


def test_the_rooms_of_the_organisers_are_not_everybody_s_to_change(house: House) -> None:
    """A lasting room of any dialect is a group, but nobody but who runs it may change it: once all who joined could."""
    bob, boss = house.person("Bob"), house.person("Boss", "admin")
    house.do(JoinChat(room=house.lounge), bob)
    command = UpdateGroup(room=house.lounge, settings=GroupSettings(name="Mine"))
    assert house.refusal(command, bob) == Code.ROOM_DENIED
    add = AddMembers(room=house.lounge, members=(NewMember(user=boss),))
    assert house.refusal(add, bob) == Code.ROOM_DENIED
    assert said(house.do(command, boss)) == ["Boss changed the group's name to Mine"]


# What is no group

COMMANDS: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (UpdateGroup, {"settings": GroupSettings(name="x")}),
    (JoinGroup, {}),
    (RejoinGroup, {}),
    (AddMembers, {"members": (NewMember(user=1),)}),
    (RemoveMember, {"user": 1}),
    (LeaveGroup, {}),
    (DropMember, {"user": 1}),
    (ChangeOwner, {"user": 1}),
    (SetAdmin, {"user": 1, "admin": True}),
    (UpdateMembership, {"nickname": "x"}),
    (MuteGroup, {}),
]


@pytest.mark.parametrize(("kind", "fields"), COMMANDS, ids=lambda value: getattr(value, "__name__", ""))
def test_rooms_that_are_no_groups(club: Club, kind: Callable[..., Any], fields: dict[str, Any]) -> None:
    house, boss = club.house, club.house.owner()
    direct = house.do(OpenDirect(users=(club.ada,)), boss).result.room.id
    house.do(DeleteRoom(room=house.office), boss)
    for room in (direct, house.stage, house.shed, house.office, 12345):
        assert house.refusal(kind(room=room, **fields), boss) == Code.ROOM_UNKNOWN


# Coming


def test_joining_by_a_link(club: Club) -> None:
    tab = club.house.connect(club.dan)
    token = club.share()
    outcome = club.house.do(JoinGroup(room=club.id, token=token), club.dan, session=tab)
    assert outcome.result == club.room
    assert said(outcome) == ["Dan has joined the group"]
    assert told(outcome) == [{"type": "member.joined", "user": club.dan, "nickname": "Dan"}]
    assert outcome.one(MemberJoined).member.let_in
    assert outcome.one(GrantGiven).grant.role == "participant"
    assert outcome.one(ChannelsChanged).session == tab
    assert "room:chat.send" in club.house.permissions(club.dan, club.id)
    assert club.house.do(JoinGroup(room=club.id, token=token), club.dan).events == []


@pytest.mark.parametrize("token", ["", "wrong", "wröng", "\ud800", "x" * 10_000])
def test_joining_by_no_link(club: Club, token: str) -> None:
    assert club.refusal(JoinGroup, club.dan, token=token) == Code.ROOM_UNKNOWN
    club.share()
    assert club.refusal(JoinGroup, club.dan, token=token) == Code.ROOM_UNKNOWN


def test_joining_what_anybody_may_join_gives_no_role(house: House) -> None:
    """Who needs a permission to belong keeps to it: once joining gave more than the organisers did."""
    bob = house.person("Bob")
    outcome = house.do(JoinGroup(room=house.lounge), bob)
    assert outcome.of(GrantGiven) == []
    assert not outcome.one(MemberJoined).member.let_in
    assert house.refusal(JoinGroup(room=house.office), bob) == Code.ROOM_UNKNOWN


def test_joining_is_the_same_through_every_dialect(house: House) -> None:
    ada, bob, cleo = (house.person(name) for name in ("Ada", "Bob", "Cleo"))
    outcomes = [
        house.do(JoinGroup(room=house.lounge), ada),
        house.do(JoinChat(room=house.lounge), bob, session=house.connect(bob)),
        house.do(JoinRoom(room=house.lounge), cleo, session=house.connect(cleo)),
    ]
    assert [said(outcome) for outcome in outcomes] == [
        [f"{name} has joined the group"] for name in ("Ada", "Bob", "Cleo")
    ]
    kinds = [event["type"] for outcome in outcomes for event in told(outcome)]
    assert kinds == ["member.joined"] * 3
    assert all(member.id for member in house.state.members[house.lounge].values())
    house.do(LeaveChat(room=house.lounge), ada)
    assert said(house.do(LeaveGroup(room=house.lounge), bob)) == ["Bob has left the group."]
    assert said(house.do(JoinChat(room=house.lounge), ada)) == ["Ada has rejoined the group"]
    assert said(house.do(JoinGroup(room=house.lounge), bob)) == ["Bob has rejoined the group"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"closed": "Fire"}, Code.ROOM_CLOSED),
        ({"accounts_only": True}, Code.ACCOUNT_REQUIRED),
        ({"verified_only": True}, Code.VERIFICATION_REQUIRED),
        ({"min_account_age": 60}, Code.ACCOUNT_TOO_YOUNG),
        ({"age_restricted": True}, Code.AGE_UNCONFIRMED),
    ],
)
def test_the_gates_of_a_room_hold_for_groups(club: Club, changes: dict[str, Any], code: Code) -> None:
    """Once a link, and any member, let people past them."""
    token = club.share()
    club.house.change_room(club.id, **changes)
    assert club.refusal(JoinGroup, club.dan, token=token) == code
    assert club.add(club.dan).result == ()
    chief = club.house.person("Chief", "moderator")
    assert [member.user for member in club.add(chief, by=club.mo).result] == [chief]


def test_a_link_stands_for_the_password(club: Club, house: House) -> None:
    token = club.share()
    house.change_room(club.id, locked=True)
    assert club.do(JoinGroup, club.dan, token=token).result
    house.change_room(house.lounge, locked=True)
    assert house.refusal(JoinGroup(room=house.lounge), club.dan) == Code.ROOM_LOCKED


@pytest.mark.parametrize("kind", ["anon", "kiosk", "system"])
def test_who_is_nobody_in_particular_belongs_to_no_group(club: Club, kind: str) -> None:
    user = club.house.person("Guest", kind=kind)
    assert club.refusal(JoinGroup, user, token=club.share()) in (Code.ROOM_DENIED, Code.WORLD_DENIED)
    assert club.add(user).result == ()


def test_who_joins_a_group_has_a_name(club: Club) -> None:
    nameless = club.house.person()
    assert club.refusal(JoinGroup, nameless, token=club.share()) == Code.PROFILE_MISSING
    assert said(club.add(nameless)) == ["Ada added Somebody to the group"]


def test_adding_several_is_said_once(club: Club) -> None:
    members = (NewMember(user=club.dan, nickname=" Danny "), NewMember(user=club.eve))
    outcome = club.do(AddMembers, club.bob, members=members)
    assert [member.nickname for member in outcome.result] == ["Danny", ""]
    assert said(outcome) == ["Bob added Danny, Eve to the group"]
    people = [{"user": club.dan, "nickname": "Danny"}, {"user": club.eve, "nickname": "Eve"}]
    assert told(outcome) == [{"type": "member.added", "user": club.bob, "nickname": "Bob", "members": people}]
    assert [event.user for event in outcome.of(ChannelsChanged)] == [club.dan, club.eve]
    assert {event.session for event in outcome.of(ChannelsChanged)} == {0}
    assert club.people == [club.ada, club.bob, club.cleo, club.dan, club.eve]


def test_who_cannot_be_added_is_left_out(club: Club) -> None:
    house = club.house
    house.ban(club.dan)
    gone, blocking, blocked = house.person("Gone", deleted=True), house.person("Blocking"), house.person("Blocked")
    house.do(BlockUser(user=club.ada), blocking)
    house.do(BlockUser(user=blocked), club.ada)
    silent_bot = house.person("Bot", kind="bot")
    outcome = club.add(club.dan, gone, blocking, blocked, silent_bot, club.bob, 12345)
    assert (outcome.result, outcome.events) == ((), [])
    account = house.person("Robot", kind="bot", login="robot")
    assert [member.user for member in club.add(account, club.dan, club.eve, club.eve).result] == [account, club.eve]


def test_who_is_banned_from_a_group_does_not_come_in(club: Club) -> None:
    house, token = club.house, club.share()
    house.ban(club.dan, club.id)
    assert club.refusal(JoinGroup, club.dan, token=token) == Code.BANNED
    assert club.add(club.dan).result == ()
    house.ban(club.bob, club.id, addresses=("192.0.2.1",))
    origin = Origin(address="192.0.2.1")
    join = JoinGroup(room=club.id, token=token)
    assert house.refusal(join, club.eve, origin=origin) == Code.BANNED
    assert house.do(join, club.eve).result


def test_who_may_add(club: Club) -> None:
    member = (NewMember(user=club.eve),)
    assert club.refusal(AddMembers, club.dan, members=member) == Code.ROOM_DENIED
    club.set(club.ada, group="closed")
    assert club.refusal(AddMembers, club.bob, members=member) == Code.ROOM_DENIED
    club.admin(club.bob)
    assert club.do(AddMembers, club.bob, members=member).result
    assert club.do(AddMembers, 0, members=(NewMember(user=club.dan),)).result


def test_who_may_speak_but_does_not_belong_changes_nothing(club: Club) -> None:
    club.house.grant(club.dan, "participant", club.id)
    assert club.refusal(UpdateGroup, club.dan, settings=GroupSettings(name="Mine")) == Code.ROOM_DENIED
    assert club.refusal(AddMembers, club.dan, members=(NewMember(user=club.eve),)) == Code.ROOM_DENIED


def test_a_role_that_was_there_before_stays(club: Club) -> None:
    club.house.grant(club.dan, "participant", club.id)
    added = club.add(club.dan)
    assert (added.of(GrantGiven), added.one(MemberJoined).member.let_in) == ([], False)
    assert club.do(LeaveGroup, club.dan).of(GrantTaken) == []
    assert club.do(RejoinGroup, club.dan).result == club.room


def test_so_many_at_once_and_so_many_in_all(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    many = tuple(NewMember(user=user) for user in range(1, MAX_ADDED + 2))
    assert club.refusal(AddMembers, club.ada, members=many) == Code.TOO_MANY
    assert club.refusal(AddMembers, club.ada, members=()) == Code.TOO_MANY
    token = club.share()
    monkeypatch.setattr(group_module, "MAX_MEMBERS", 4)
    two = (NewMember(user=club.dan), NewMember(user=club.eve))
    assert club.refusal(AddMembers, club.ada, members=two) == Code.TOO_MANY
    club.add(club.dan)
    assert club.refusal(JoinGroup, club.eve, token=token) == Code.TOO_MANY


@pytest.mark.parametrize("nickname", ["x" * (MAX_NICKNAME + 1), "a\nb", "\ud800"])
def test_nicknames_that_are_none(club: Club, nickname: str) -> None:
    members = (NewMember(user=club.dan, nickname=nickname),)
    assert club.refusal(AddMembers, club.ada, members=members) == Code.INVALID
    assert club.refusal(UpdateMembership, club.ada, nickname=nickname) == Code.INVALID


# Going and coming back


def test_leaving_and_coming_back(club: Club) -> None:
    house, tab = club.house, club.house.connect(club.bob)
    club.do(UpdateMembership, club.bob, nickname="Bobby")
    house.do(SubscribeChat(room=club.id), club.bob, session=tab)
    outcome = club.do(LeaveGroup, club.bob)
    assert said(outcome) == ["Bobby has left the group."]
    assert told(outcome) == [{"type": "member.left", "user": club.bob, "nickname": "Bobby"}]
    assert outcome.one(MessagePosted).message.sender == club.bob
    left = outcome.one(MemberLeft)
    assert (left.former.how, left.former.nickname, left.former.id) == ("left", "Bobby", left.member.id)
    assert outcome.one(GrantTaken).grant.role == "participant"
    assert outcome.one(Unsubscribed, topic=Topic.CHAT).session == tab
    assert outcome.one(ChannelsChanged).session == 0
    assert (tab in house.hears(Topic.CHAT, club.id), club.bob in club.people) == (False, False)
    assert "room:view" not in house.permissions(club.bob, club.id)
    assert [room.id for room in house.do(ListFormer(), club.bob).result] == [club.id]

    back = club.do(RejoinGroup, club.bob)
    assert said(back) == ["Bobby has rejoined the group"]
    returned = back.one(MemberReturned)
    assert (returned.member.nickname, returned.former) == ("Bobby", left.former)
    assert returned.member.id not in (0, left.member.id)
    assert "room:chat.send" in house.permissions(club.bob, club.id)
    assert house.do(ListFormer(), club.bob).result == []
    assert club.refusal(RejoinGroup, club.bob) == Code.ROOM_UNKNOWN


def test_who_came_back_is_told_of_what_is_unread(club: Club) -> None:
    """Once other processes did not know it: it was not part of the event."""
    club.do(LeaveGroup, club.bob)
    club.do(RejoinGroup, club.bob)
    assert club.bob in club.do(PostMessage, club.ada, body="Hi").one(UserUnread).users


def test_removed_is_removed_until_somebody_adds(club: Club) -> None:
    token = club.share()
    outcome = club.do(RemoveMember, club.ada, user=club.bob)
    assert said(outcome) == ["Ada removed Bob from the group."]
    bob = {"user": club.bob, "nickname": "Bob"}
    assert told(outcome) == [{"type": "member.removed", "user": club.ada, "nickname": "Ada", "member": bob}]
    assert outcome.one(MemberLeft).former.how == "removed"
    assert club.house.do(ListFormer(), club.bob).result == []
    assert club.refusal(RejoinGroup, club.bob) == Code.ROOM_UNKNOWN
    assert club.refusal(JoinGroup, club.bob, token=token) == Code.ROOM_DENIED
    back = club.add(club.bob, by=club.cleo)
    assert said(back) == ["Cleo added Bob to the group"]
    assert back.one(MemberReturned).former.how == "removed"
    assert "room:chat.send" in club.house.permissions(club.bob, club.id)


def test_removed_from_a_room_that_anybody_may_join(house: House) -> None:
    """Not by another dialect either, nor by being forced to belong."""
    bob, mo = house.person("Bob", client_id="bob"), house.person("Mo", "moderator")
    lounge = house.lounge
    house.do(JoinChat(room=lounge), bob)
    house.do(RemoveMember(room=lounge, user=bob), mo)
    for volatile in (None, True, False):
        assert (
            house.refusal(JoinChat(room=lounge, volatile=volatile), bob, session=house.connect(bob)) == Code.CHAT_DENIED
        )
    assert house.refusal(JoinGroup(room=lounge), bob) == Code.ROOM_DENIED
    heard = house.do(JoinRoom(room=lounge), bob, session=house.connect(bob))
    assert heard.of(MemberReturned) == heard.of(MessagePosted) == []
    house.change_room(lounge, force_join=True)
    assert house.log_in(client_id="bob")[0].of(MemberReturned) == []
    assert house.do(UpdateProfile(profile={"display_name": "Bobby"}), bob).of(MemberReturned) == []
    assert bob not in house.state.members[lounge]


def test_where_belonging_does_not_last_any_more_nobody_is_kept_out(house: House) -> None:
    bob, mo = house.person("Bob"), house.person("Mo", "moderator")
    for user in (bob, mo):
        house.do(JoinChat(room=house.lounge), user)
    house.do(RemoveMember(room=house.lounge, user=bob), mo)
    house.do(LeaveGroup(room=house.lounge), mo)
    assert [room.id for room in house.do(ListFormer(), mo).result] == [house.lounge]
    house.change_room(house.lounge, modules=house.state.rooms[house.stage].modules)
    assert house.do(ListFormer(), mo).result == []
    assert house.do(JoinChat(room=house.lounge), bob, session=house.connect(bob)).of(ChannelsChanged)


def test_who_left_a_room_that_all_belong_to_is_back_with_the_next_log_in(house: House) -> None:
    bob = house.person("Bob", client_id="bob")
    house.change_room(house.lounge, force_join=True)
    assert said(house.log_in(client_id="bob")[0]) == ["Bob has joined the group"]
    house.do(LeaveGroup(room=house.lounge), bob)
    assert said(house.log_in(client_id="bob")[0]) == ["Bob has rejoined the group"]


def test_coming_back_takes_the_permission_that_it_took(house: House) -> None:
    """Once who had lost a trait came back as a participant."""
    bob = house.person("Bob", "staff")
    house.do(JoinChat(room=house.office), bob)
    house.do(LeaveChat(room=house.office), bob)
    assert [room.id for room in house.do(ListFormer(), bob).result] == [house.office]
    house.change_user(bob, traits=())
    assert house.refusal(RejoinGroup(room=house.office), bob) == Code.ROOM_UNKNOWN
    assert house.do(ListFormer(), bob).result == []
    house.change_user(bob, traits=("staff",))
    assert house.do(RejoinGroup(room=house.office), bob).of(GrantGiven) == []


def test_leaving_the_talk_takes_the_role_that_belonging_gave_and_no_other(club: Club) -> None:
    club.admin(club.bob)
    outcome = club.do(LeaveChat, club.bob)
    assert [event.grant.role for event in outcome.of(GrantTaken)] == ["participant"]
    house = club.house
    house.grant(club.dan, "participant", house.lounge)
    house.do(JoinGroup(room=house.lounge), club.dan)
    assert house.do(LeaveGroup(room=house.lounge), club.dan).of(GrantTaken) == []


def test_leaving_and_removal_take_the_admin_s_role(club: Club) -> None:
    for user in (club.bob, club.cleo):
        club.admin(user)
    left = club.do(LeaveGroup, club.bob)
    assert {event.grant.role for event in left.of(GrantTaken)} == {"participant", "moderator"}
    club.house.grant(club.cleo, "maker", club.id)
    removed = club.do(RemoveMember, club.ada, user=club.cleo)
    assert {event.grant.role for event in removed.of(GrantTaken)} == {"participant", "moderator", "maker"}
    club.do(RejoinGroup, club.bob)
    assert club.house.state.granted_roles(club.bob, club.id) == ("participant",)


def test_the_banned_do_not_come_back(club: Club) -> None:
    club.do(LeaveGroup, club.bob)
    club.house.ban(club.bob, club.id)
    assert club.house.do(ListFormer(), club.bob).result == []
    assert club.refusal(RejoinGroup, club.bob) == Code.BANNED


def test_a_group_that_is_gone_is_nobody_s(club: Club) -> None:
    club.do(LeaveGroup, club.bob)
    club.do(DeleteRoom, club.ada)
    assert club.house.do(ListFormer(), club.bob).result == []
    assert club.house.do(ListGroups(), club.cleo).result == []


def test_the_banned_read_no_group(club: Club) -> None:
    club.house.ban(club.cleo, club.id)
    assert club.house.do(ListGroups(), club.cleo).result == []
    club.do(DeleteRoom, club.ada)
    assert club.refusal(RejoinGroup, club.bob) == Code.ROOM_UNKNOWN


def test_who_may_remove_whom(club: Club) -> None:
    """Those who run the group, and nobody an equal or somebody higher; the owner nobody in the group."""
    for user in (club.bob, club.cleo):
        assert club.refusal(RemoveMember, club.cleo, user=user) == Code.ROOM_DENIED
    club.admin(club.bob)
    assert club.refusal(RemoveMember, club.bob, user=club.ada) == Code.RANK_DENIED
    assert club.refusal(RemoveMember, club.bob, user=club.bob) == Code.SELF_ACTION
    assert club.refusal(RemoveMember, club.bob, user=club.dan) == Code.USER_UNKNOWN
    club.admin(club.cleo)
    assert club.refusal(RemoveMember, club.bob, user=club.cleo) == Code.RANK_DENIED
    assert said(club.do(RemoveMember, club.ada, user=club.bob)) == ["Ada removed Bob from the group."]
    assert said(club.do(RemoveMember, 0, user=club.ada)) == ["Somebody removed Ada from the group."]
    assert said(club.do(RemoveMember, club.mo, user=club.cleo)) == ["Mo removed Cleo from the group."]


def test_who_deleted_their_account_can_be_removed(club: Club) -> None:
    club.house.change_user(club.bob, deleted=True, profile={})
    assert said(club.do(RemoveMember, club.ada, user=club.bob)) == ["Ada removed Somebody from the group."]
    assert club.add(club.bob).result == ()


def test_nobody_drops_who_stands_as_high(club: Club) -> None:
    boss = club.house.person("Boss", "admin")
    club.add(boss)
    assert club.refusal(DropMember, club.ada, user=boss) == Code.RANK_DENIED


def test_dropping_who_cannot_be_reached(club: Club) -> None:
    club.admin(club.cleo)
    assert club.refusal(DropMember, club.cleo, user=club.bob) == Code.ROOM_DENIED
    outcome = club.do(DropMember, 0, user=club.bob)
    assert said(outcome) == ["Bob was removed as they could not be reached."]
    assert told(outcome) == [{"type": "member.dropped", "user": club.bob, "nickname": "Bob"}]
    assert said(club.do(RejoinGroup, club.bob)) == ["Bob has rejoined the group"]


# Roles


def test_the_owner_hands_over_before_leaving(club: Club) -> None:
    assert club.refusal(LeaveGroup, club.ada) == Code.ROOM_DENIED
    outcome = club.do(ChangeOwner, club.ada, user=club.bob)
    assert said(outcome) == ["Ada made Bob the owner of the group"]
    ada, bob = ({"user": user, "nickname": name} for user, name in ((club.ada, "Ada"), (club.bob, "Bob")))
    assert told(outcome) == [{"type": "group.owner_changed", **ada, "old": ada, "new": bob}]
    roles = club.house.state.granted_roles
    assert set(roles(club.ada, club.id)) == {"participant", "moderator"}
    assert set(roles(club.bob, club.id)) == {"participant", "room_owner"}
    assert club.refusal(ChangeOwner, club.ada, user=club.ada) == Code.ROOM_DENIED
    assert said(club.do(LeaveGroup, club.ada)) == ["Ada has left the group."]
    for user in (club.ada, club.cleo):
        club.add(user, by=club.bob) if user == club.ada else club.do(LeaveGroup, user)
    club.do(RemoveMember, club.bob, user=club.ada)
    assert club.people == [club.bob]
    assert club.refusal(LeaveGroup, club.bob) == Code.ROOM_DENIED, "to delete it is all that is left"


def test_who_can_be_made_the_owner(club: Club) -> None:
    house = club.house
    assert club.refusal(ChangeOwner, club.ada, user=club.ada) == Code.INVALID
    assert club.refusal(ChangeOwner, club.ada, user=club.dan) == Code.USER_UNKNOWN
    assert club.refusal(ChangeOwner, club.bob, user=club.bob) == Code.ROOM_DENIED
    robot = house.person("Robot", kind="bot", login="robot")
    club.add(robot, club.eve)
    house.ban(club.eve, club.id)
    for user in (robot, club.eve):
        assert club.refusal(ChangeOwner, club.ada, user=user) == Code.ROOM_DENIED
    house.change_user(club.cleo, deleted=True)
    assert club.refusal(ChangeOwner, club.ada, user=club.cleo) == Code.USER_UNKNOWN


def test_the_house_finds_an_owner_for_a_group_that_lost_its_own(club: Club) -> None:
    club.admin(club.bob)
    club.do(RemoveMember, 0, user=club.ada)
    outcome = club.do(ChangeOwner, 0, user=club.bob)
    assert said(outcome) == ["Somebody made Bob the owner of the group"]
    assert told(outcome)[0]["old"] is None
    assert set(club.house.state.granted_roles(club.bob, club.id)) == {"participant", "moderator", "room_owner"}


def test_an_owner_who_is_an_admin_too_stays_one(club: Club) -> None:
    club.admin(club.ada)
    outcome = club.do(ChangeOwner, club.ada, user=club.bob)
    assert [event.grant.role for event in outcome.of(GrantGiven)] == ["room_owner"]
    assert set(club.house.state.granted_roles(club.ada, club.id)) == {"participant", "moderator"}


def test_an_owner_who_left_the_talk_still_hands_over(club: Club) -> None:
    """Once there were two owners then: the old one was looked for among the members."""
    club.do(LeaveChat, club.ada)
    outcome = club.do(ChangeOwner, club.ada, user=club.bob)
    assert said(outcome) == ["Ada made Bob the owner of the group"]
    assert club.house.state.granted_roles(club.ada, club.id) == ()


def test_admins(club: Club) -> None:
    outcome = club.do(SetAdmin, club.ada, user=club.bob, admin=True)
    assert said(outcome) == ["Ada made Bob an admin"]
    bob = {"user": club.bob, "nickname": "Bob"}
    event = {"type": "group.role_change", "user": club.ada, "nickname": "Ada", "role": "admin", "member": bob}
    assert told(outcome) == [event]
    assert outcome.result.user == club.bob
    assert club.do(SetAdmin, club.ada, user=club.bob, admin=True).events == []
    assert club.refusal(SetAdmin, club.bob, user=club.cleo, admin=True) == Code.ROOM_DENIED
    back = club.do(SetAdmin, club.ada, user=club.bob, admin=False)
    assert (said(back), told(back)) == (["Ada made Bob a member again"], [{**event, "role": "user"}])
    assert club.do(SetAdmin, club.ada, user=club.bob, admin=False).events == []
    assert club.refusal(SetAdmin, club.ada, user=club.dan, admin=True) == Code.USER_UNKNOWN


# One's own membership


def test_nicknames_are_of_one_group(club: Club) -> None:
    outcome = club.do(UpdateMembership, club.bob, nickname=" Bobby ")
    assert said(outcome) == ["Bob changed name to Bobby"]
    assert told(outcome) == [{"type": "member.renamed", "user": club.bob, "nickname": "Bob", "name": "Bobby"}]
    assert (outcome.result.nickname, club.house.user(club.bob).display_name) == ("Bobby", "Bob")
    assert club.do(UpdateMembership, club.bob, nickname="Bobby").events == []
    assert club.refusal(UpdateMembership, club.bob, nickname=" ") == Code.INVALID
    assert said(club.set(club.bob, name="Pub")) == ["Bobby changed the group's name to Pub"]
    assert said(club.do(UpdateMembership, club.bob, nickname="Bob")) == ["Bobby changed name to Bob"]


def test_a_nickname_that_is_the_name_changes_nothing_that_is_seen(club: Club) -> None:
    outcome = club.do(UpdateMembership, club.bob, nickname="Bob")
    assert (said(outcome), outcome.one(MemberUpdated).member.nickname) == ([], "Bob")


def test_avatars_are_of_one_group(club: Club) -> None:
    outcome = club.do(UpdateMembership, club.bob, avatar="https://a/b")
    assert said(outcome) == ["Bob changed their avatar"]
    event = {"type": "member.avatar_changed", "user": club.bob, "nickname": "Bob", "value": "https://a/b"}
    assert told(outcome) == [event]
    both = club.do(UpdateMembership, club.bob, nickname="Bobby", avatar="")
    assert said(both) == ["Bob changed name to Bobby", "Bobby changed their avatar"]
    assert club.do(UpdateMembership, club.bob).events == []
    assert club.refusal(UpdateMembership, club.bob, avatar="x" * 2001) == Code.INVALID
    assert club.refusal(UpdateMembership, club.dan, nickname="x") == Code.ROOM_DENIED
    assert club.refusal(UpdateMembership, club.mo, nickname="x") == Code.USER_UNKNOWN


def test_memberships_have_ids(club: Club) -> None:
    house = club.house
    member = house.state.members[club.id][club.bob]
    assert member_by_id(house.state, club.id, member.id) == member
    assert member_by_id(house.state, club.id, club.bob) is None
    old = Member(room=house.lounge, user=club.bob, world=WORLD, joined=START)
    house.happen(MemberJoined(world=WORLD, room=house.lounge, member=old))
    assert member_by_id(house.state, house.lounge, club.bob) == old
    assert member_by_id(house.state, house.lounge, 0) is None


def test_the_silenced_say_nothing_by_way_of_the_group(club: Club) -> None:
    """Once a name, of the group or of oneself, was a way to go on talking."""
    club.house.do(SilenceUser(user=club.bob), club.house.owner())
    assert club.refusal(UpdateGroup, club.bob, settings=GroupSettings(name="Ha!")) == Code.ROOM_DENIED
    assert club.refusal(UpdateMembership, club.bob, nickname="Ha!") == Code.ROOM_DENIED
    members = (NewMember(user=club.dan, nickname="Ha!"),)
    assert club.refusal(AddMembers, club.bob, members=members) == Code.ROOM_DENIED
    assert club.do(MuteGroup, club.bob).events
    assert said(club.do(LeaveGroup, club.bob)) == ["Bob has left the group."]


# Wanting no notifications


def mention(club: Club, user: int) -> Outcome:
    return club.do(PostMessage, club.ada, body="@", mentions=(user,))


def test_who_muted_a_group_is_not_notified(club: Club) -> None:
    assert mention(club, club.bob).of(UserNotified)
    member = club.do(MuteGroup, club.bob, span=timedelta(hours=1)).result
    assert member.muted_until == club.house.now + timedelta(hours=1)
    outcome = mention(club, club.bob)
    assert outcome.of(UserNotified) == outcome.of(NotificationsCounted) == []
    assert mention(club, club.cleo).one(UserNotified).user == club.cleo
    club.house.advance(timedelta(hours=1))
    assert mention(club, club.bob).of(UserNotified)


def test_muting_for_ever_and_no_more(club: Club) -> None:
    club.do(MuteGroup, club.bob)
    club.house.advance(timedelta(days=3650))
    assert mention(club, club.bob).of(UserNotified) == []
    assert club.do(MuteGroup, club.bob, off=True).one(MemberUpdated).member.muted_until is None
    assert club.do(MuteGroup, club.bob, off=True).events == []
    assert mention(club, club.bob).of(UserNotified)


@pytest.mark.parametrize("span", [timedelta(), timedelta(seconds=-1), timedelta.max])
def test_spans_that_are_none(club: Club, span: timedelta) -> None:
    """Once nought was for ever."""
    assert club.refusal(MuteGroup, club.bob, span=span) == Code.DURATION_INVALID


def test_who_does_not_belong_mutes_nothing(club: Club) -> None:
    assert club.refusal(MuteGroup, club.dan) == Code.USER_UNKNOWN


# Announcement groups


def test_in_an_announcement_group_only_moderators_speak(club: Club) -> None:
    house = club.house
    old = club.do(PostMessage, club.bob, body="Hi").result
    club.set(club.ada, group="announcement")
    club.admin(club.cleo)
    assert club.refusal(PostMessage, club.bob, body="Hi") == Code.CHAT_DENIED
    assert club.refusal(PostMessage, club.bob, body="Hi", nonce="n") == Code.CHAT_DENIED
    assert club.refusal(EditMessage, club.bob, number=old.number, body="Ho") == Code.CHAT_DENIED
    for user in (club.ada, club.cleo):
        assert club.do(PostMessage, user, body="Hear!").result.body == "Hear!"
    assert club.do(ReactToMessage, club.bob, number=old.number, reaction="👍").events
    assert club.do(DeleteMessage, club.bob, number=old.number).events
    club.set(club.ada, group="closed")
    house.cabinet.meanwhile = lambda: house.change_room(club.id, group="announcement")
    assert club.refusal(PostMessage, club.bob, body="Hi", nonce="m") == Code.CHAT_DENIED


def test_where_talk_does_not_last_nothing_is_announced(house: House) -> None:
    bob = house.person("Bob")
    house.change_room(house.stage, group="announcement")
    house.do(JoinChat(room=house.stage), bob, session=house.connect(bob))
    assert house.do(PostMessage(room=house.stage, body="Hi"), bob).result


# What remains of a volatile room


def test_a_volatile_room_remembers_nobody(house: House) -> None:
    mo = house.person("Mo", "moderator")
    house.do(JoinChat(room=house.stage, volatile=False), mo, session=house.connect(mo))
    left = house.do(LeaveChat(room=house.stage), mo)
    assert (left.one(MemberLeft).former, left.of(MessagePosted)) == (None, [])


@pytest.mark.parametrize("how", ["left", "removed"])
def test_who_goes_listens_no_longer_where_they_still_might(house: House, how: str) -> None:
    bob, mo = house.person("Bob"), house.person("Mo", "moderator")
    tabs = {house.connect(bob), house.connect(bob)}
    for tab in tabs:
        house.do(JoinChat(room=house.lounge), bob, session=tab)
    command = LeaveGroup(room=house.lounge) if how == "left" else RemoveMember(room=house.lounge, user=bob)
    outcome = house.do(command, bob if how == "left" else mo)
    assert {event.session for event in outcome.of(Unsubscribed, topic=Topic.CHAT)} == tabs
    assert house.hears(Topic.CHAT, house.lounge) == set()


def test_a_removed_member_s_connections_are_sent_out(club: Club) -> None:
    house, tab = club.house, club.house.connect(club.bob)
    house.do(EnterRoom(room=club.id), club.bob, session=tab)
    house.do(SubscribeChat(room=club.id), club.bob, session=tab)
    outcome = club.do(RemoveMember, club.ada, user=club.bob)
    assert house.state.presence.visit(club.id, club.bob) is None
    assert tab not in house.hears_all() | {event.session for event in outcome.of(Subscribed)}
