"""Groups: who belongs to them, who runs them, and what is said of it (protocols/groupme.md 1.2, 2.2, 2.3)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from tests.core.club import Club, said, told
from tests.core.house import START, WORLD, House, Outcome, drive

from hubbub.core import group as group_module
from hubbub.core.chat import DeleteMessage, EditMessage, JoinChat, LeaveChat, PostMessage, ReactToMessage, SubscribeChat
from hubbub.core.direct import OpenDirect
from hubbub.core.error import Code
from hubbub.core.event import (
    ChannelsChanged,
    GrantGiven,
    MemberJoined,
    MemberLeft,
    MemberUpdated,
    MessagePosted,
    NotificationsCounted,
    RoomUpdated,
    UserNotified,
    WorldUpdated,
)
from hubbub.core.group import (
    MAX_DESCRIPTION,
    MAX_NAME,
    MODULES,
    ChangeOwner,
    CreateGroup,
    GroupSettings,
    ListGroups,
    MuteGroup,
    SetAdmin,
    UpdateGroup,
    UpdateMembership,
)
from hubbub.core.joining import AddMembers, DropMember, JoinGroup, LeaveGroup, NewMember, RejoinGroup, RemoveMember
from hubbub.core.membership import member_by_id
from hubbub.core.model import GroupKind, Member
from hubbub.core.room import DeleteRoom
from hubbub.core.user import SilenceUser


@pytest.fixture
def club(house: House) -> Club:
    return Club(house)


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
