"""Joining: who comes into a group and how, who goes, and who comes back (protocols/groupme.md 2.2, 2.3)."""

from typing import Any

import pytest
from tests.core.club import Club, said, told
from tests.core.house import House

from hubbub.core import joining as joining_module
from hubbub.core.chat import JoinChat, LeaveChat, PostMessage, SubscribeChat
from hubbub.core.error import Code
from hubbub.core.event import (
    ChannelsChanged,
    GrantGiven,
    GrantTaken,
    MemberJoined,
    MemberLeft,
    MemberReturned,
    MessagePosted,
    Subscribed,
    Topic,
    Unsubscribed,
    UserUnread,
)
from hubbub.core.group import MAX_NICKNAME, GroupSettings, ListGroups, UpdateGroup, UpdateMembership
from hubbub.core.joining import (
    MAX_ADDED,
    AddMembers,
    DropMember,
    JoinGroup,
    LeaveGroup,
    ListFormer,
    NewMember,
    RejoinGroup,
    RemoveMember,
)
from hubbub.core.origin import Origin
from hubbub.core.room import DeleteRoom, EnterRoom
from hubbub.core.user import BlockUser, UpdateProfile
from hubbub.core.visit import JoinRoom


@pytest.fixture
def club(house: House) -> Club:
    return Club(house)


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
    monkeypatch.setattr(joining_module, "MAX_MEMBERS", 4)
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


# Who goes hears no more


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
