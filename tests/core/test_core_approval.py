"""Approval: groups that are asked before somebody joins, through whichever dialect (docs/groups.md)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.core.club import Club, said, told
from tests.core.house import House

from hubbub.core import joining as joining_module
from hubbub.core.approval import AnswerJoinRequest, ListJoinRequests, ListOwnRequests, WithdrawJoinRequest
from hubbub.core.chat import JoinChat, PostMessage, SubscribeChat
from hubbub.core.error import Code
from hubbub.core.event import (
    ChannelsChanged,
    GrantGiven,
    JoinRequestClosed,
    JoinRequested,
    MemberBarred,
    MemberJoined,
    MemberReturned,
    MessagePosted,
    RoomUpdated,
)
from hubbub.core.group import MAX_QUESTION, DescribeGroups, GroupSettings, UpdateGroup
from hubbub.core.joining import (
    MAX_ANSWER,
    BarMember,
    JoinGroup,
    LeaveGroup,
    ListFormer,
    ListFormerMembers,
    PreviewGroup,
    RejoinGroup,
    RemoveMember,
)
from hubbub.core.reading import FetchMessages
from hubbub.core.room import DeleteRoom, EnterRoom
from hubbub.core.user import BlockUser, DeleteUser, SilenceUser, UpdateProfile
from hubbub.core.visit import JoinRoom, LookAtRoom


@pytest.fixture
def club(house: House) -> Club:
    """A private group that takes approval."""
    return Club(house, share=True, approval=True)


@pytest.fixture
def lounge(house: House) -> int:
    """A room that everybody may see and join, if somebody lets them."""
    house.change_room(house.lounge, approval=True)
    return house.lounge


def ask(club: Club, user: int, answer: str = "") -> Any:
    return club.do(JoinGroup, user, token=club.room.share_token, answer=answer)


def waiting(club: Club, by: int = 0) -> list[int]:
    return [one.user.id for one in club.do(ListJoinRequests, by or club.ada).result]


def let_in(club: Club, user: int, by: int = 0) -> Any:
    return club.do(AnswerJoinRequest, by or club.ada, user=user, accept=True)


# What a group asks


def test_approval_is_turned_on_and_off_and_that_is_said(house: House) -> None:
    club = Club(house)
    on = club.set(club.ada, approval=True)
    assert (said(on), told(on)[0]["type"]) == (["Ada turned on approval of new members"], "group.approval_on")
    assert (club.room.approval, club.room.by_approval, club.room.gated) == (True, True, True)
    assert club.set(club.ada, approval=True).events == []
    off = club.set(club.ada, approval=False)
    assert (said(off), told(off)[0]["type"]) == (["Ada turned off approval of new members"], "group.approval_off")
    assert (club.room.by_approval, club.room.gated) == (False, False)


def test_a_question_changes_without_a_word(club: Club) -> None:
    outcome = club.set(club.ada, question="Beer?", show_question=True)
    assert (len(outcome.of(RoomUpdated)), said(outcome)) == (1, [])
    assert (club.room.question, club.room.show_question) == ("Beer?", True)


@pytest.mark.parametrize("question", ["x" * (MAX_QUESTION + 1), "a\nb", "\ud800"], ids=["long", "lines", "surrogate"])
def test_questions_that_are_none(club: Club, question: str) -> None:
    assert club.refusal(UpdateGroup, club.ada, settings=GroupSettings(question=question)) == Code.CONFIG_INVALID


@pytest.mark.parametrize("field", ["approval", "show_question", "question"])
def test_only_who_runs_a_group_says_what_it_asks(club: Club, field: str) -> None:
    value: Any = "Beer?" if field == "question" else False
    assert club.refusal(UpdateGroup, club.bob, settings=GroupSettings(**{field: value})) == Code.ROOM_DENIED


# Asking


def test_who_joins_by_the_link_asks(club: Club) -> None:
    outcome = ask(club, club.dan, "ignored, as nothing was asked")
    request = outcome.one(JoinRequested).request
    assert outcome.result == request
    assert (request.user, request.question, request.answer, request.at) == (club.dan, "", "", club.house.now)
    assert len(outcome.events) == 1
    assert club.dan not in club.people
    assert not any(name.startswith("room:") for name in club.house.permissions(club.dan, club.id))
    again = ask(club, club.dan)
    assert (again.result, again.events) == (request, [])
    assert waiting(club) == [club.dan]
    (own,) = club.house.do(ListOwnRequests(), club.dan).result
    assert (own.room, own.request) == (club.room, request)
    assert club.house.do(ListOwnRequests(), club.eve).result == []


@pytest.mark.parametrize("question", ["Beer?", ""], ids=["own", "the clients'"])
def test_a_question_wants_an_answer(club: Club, question: str) -> None:
    club.set(club.ada, question=question, show_question=True)
    token = club.room.share_token
    for answer in ("", " \n "):
        assert club.refusal(JoinGroup, club.dan, token=token, answer=answer) == Code.ANSWER_MISSING
    for answer in ("x" * (MAX_ANSWER + 1), "a\0", "\ud800"):
        assert club.refusal(JoinGroup, club.dan, token=token, answer=answer) == Code.INVALID
    request = ask(club, club.dan, " Yes,\nplease ").result
    assert (request.question, request.answer) == (question, "Yes,\nplease")
    assert ask(club, club.eve, "x" * MAX_ANSWER).result


def test_the_silenced_ask_without_a_word(club: Club) -> None:
    """What somebody answers is read by others."""
    token = club.room.share_token
    for who in (club.dan, club.eve):
        club.house.do(SilenceUser(user=who), club.house.owner())
    assert ask(club, club.dan).result.answer == ""
    club.set(club.ada, show_question=True)
    assert club.refusal(JoinGroup, club.eve, token=token, answer="Hear me") == Code.ROOM_DENIED


def test_asking_takes_what_joining_takes(club: Club) -> None:
    house, token = club.house, club.room.share_token
    assert club.refusal(JoinGroup, club.dan, token="wrong") == Code.ROOM_UNKNOWN
    house.ban(club.dan, club.id)
    assert club.refusal(JoinGroup, club.dan, token=token) == Code.BANNED
    assert club.refusal(JoinGroup, house.person(), token=token) == Code.PROFILE_MISSING
    club.do(RemoveMember, club.ada, user=club.bob)
    assert club.refusal(JoinGroup, club.bob, token=token) == Code.ROOM_DENIED
    house.change_room(club.id, accounts_only=True)
    assert club.refusal(JoinGroup, club.eve, token=token) == Code.ACCOUNT_REQUIRED
    assert waiting(club) == []


def test_so_many_wait_and_for_so_many(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining_module, "MAX_REQUESTS", 1)
    ask(club, club.dan)
    token = club.room.share_token
    assert club.refusal(JoinGroup, club.eve, token=token) == Code.TOO_MANY
    assert ask(club, club.dan).events == []
    other = Club(club.house, share=True, approval=True)
    monkeypatch.setattr(joining_module, "MAX_ASKED", 1)
    assert club.house.refusal(JoinGroup(room=other.id, token=other.room.share_token), club.dan) == Code.TOO_MANY
    assert other.do(JoinGroup, club.eve, token=other.room.share_token).of(JoinRequested)


def test_who_moderates_need_not_ask(club: Club) -> None:
    assert said(ask(club, club.mo)) == ["Mo has joined the group"]


# Answering


def test_being_let_in(club: Club) -> None:
    request = ask(club, club.dan).result
    outcome = let_in(club, club.dan)
    joined = outcome.one(MemberJoined)
    assert (joined.member.id, joined.member.let_in, joined.request) == (request.id, True, request)
    assert outcome.result == joined.member
    assert outcome.one(GrantGiven).grant.role == "participant"
    assert said(outcome) == ["Dan has joined the group"]
    assert outcome.one(MessagePosted).message.sender == club.dan
    assert outcome.one(ChannelsChanged).user == club.dan
    assert (waiting(club), club.people[-1]) == ([], club.dan)
    assert club.do(PostMessage, club.dan, body="Hi").result
    assert club.refusal(AnswerJoinRequest, club.ada, user=club.dan, accept=True) == Code.USER_UNKNOWN


def test_being_refused(club: Club) -> None:
    request = ask(club, club.dan).result
    outcome = club.do(AnswerJoinRequest, club.ada, user=club.dan, accept=False)
    assert (outcome.result, outcome.one(JoinRequestClosed).request, len(outcome.events)) == (None, request, 1)
    assert (waiting(club), club.house.do(ListOwnRequests(), club.dan).result) == ([], [])
    assert ask(club, club.dan).of(JoinRequested)


def test_taking_it_back(club: Club) -> None:
    request = ask(club, club.dan).result
    assert club.refusal(WithdrawJoinRequest, club.eve) == Code.USER_UNKNOWN
    assert club.do(WithdrawJoinRequest, club.dan).one(JoinRequestClosed).request == request
    assert waiting(club) == []
    assert club.refusal(WithdrawJoinRequest, club.dan) == Code.USER_UNKNOWN


def test_only_who_runs_a_group_answers_and_knows_who_waits(club: Club) -> None:
    ask(club, club.dan)
    for user in (club.bob, club.dan, club.eve):
        assert club.refusal(ListJoinRequests, user) == Code.ROOM_DENIED
        assert club.refusal(AnswerJoinRequest, user, user=club.dan, accept=True) == Code.ROOM_DENIED
    club.admin(club.bob)
    assert waiting(club, club.bob) == waiting(club, club.mo) == [club.dan]
    assert let_in(club, club.dan, by=club.bob).result


def test_who_could_not_join_any_more_is_not_let_in(club: Club) -> None:
    house = club.house
    others = (club.dan, club.eve, house.person("Fay"), house.person("Gil"))
    for user in others:
        ask(club, user)
    house.ban(others[0], club.id)
    house.do(BlockUser(user=club.ada), others[1])
    house.do(DeleteUser(user=others[2]), operator=True)
    assert waiting(club) == [others[0], others[1], others[3]]
    for user in others[:3]:
        assert club.refusal(AnswerJoinRequest, club.ada, user=user, accept=True) == Code.ROOM_DENIED
    house.change_room(club.id, verified_only=True)
    assert club.refusal(AnswerJoinRequest, club.ada, user=others[3], accept=True) == Code.ROOM_DENIED
    assert club.do(AnswerJoinRequest, club.ada, user=others[2], accept=False).of(JoinRequestClosed)


def test_a_full_group_lets_nobody_in(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(club, club.dan)
    monkeypatch.setattr(joining_module, "MAX_MEMBERS", len(club.people))
    assert club.refusal(AnswerJoinRequest, club.ada, user=club.dan, accept=True) == Code.TOO_MANY
    assert club.refusal(JoinGroup, club.eve, token=club.room.share_token) == Code.TOO_MANY


def test_being_added_needs_no_approval_and_ends_the_wait(club: Club) -> None:
    request = ask(club, club.dan).result
    outcome = club.add(club.dan, club.eve, by=club.bob)
    assert [event.request for event in outcome.of(MemberJoined)] == [request, None]
    assert (outcome.result[0].id, waiting(club)) == (request.id, [])


def test_who_joins_once_approval_is_off_waits_no_more(club: Club) -> None:
    ask(club, club.dan)
    club.set(club.ada, approval=False)
    assert waiting(club) == [club.dan]
    assert said(ask(club, club.dan)) == ["Dan has joined the group"]
    assert waiting(club) == []


def test_who_has_left_comes_back_without_and_who_was_removed_does_not(club: Club) -> None:
    """So it is at GroupMe's."""
    club.do(LeaveGroup, club.bob)
    assert said(club.do(RejoinGroup, club.bob)) == ["Bob has rejoined the group"]
    club.do(LeaveGroup, club.bob)
    assert said(ask(club, club.bob)) == ["Bob has rejoined the group"]
    club.do(RemoveMember, club.ada, user=club.bob)
    assert club.refusal(RejoinGroup, club.bob) == Code.ROOM_UNKNOWN


def test_a_group_that_is_gone_is_waited_for_by_nobody(club: Club) -> None:
    ask(club, club.dan)
    club.do(DeleteRoom, club.ada)
    assert club.house.do(ListOwnRequests(), club.dan).result == []
    assert club.refusal(WithdrawJoinRequest, club.dan) == Code.ROOM_UNKNOWN


def test_the_silenced_answer_nobody(club: Club) -> None:
    ask(club, club.dan)
    club.admin(club.bob)
    club.house.do(SilenceUser(user=club.bob), club.house.owner())
    assert club.refusal(AnswerJoinRequest, club.bob, user=club.dan, accept=True) == Code.ROOM_DENIED


# No other way in


@pytest.mark.parametrize(
    "command",
    [
        lambda room: JoinChat(room=room),
        lambda room: JoinChat(room=room, volatile=True),
        lambda room: SubscribeChat(room=room),
        lambda room: FetchMessages(room=room, before=100),
        lambda room: EnterRoom(room=room),
        lambda room: JoinRoom(room=room),
    ],
    ids=["join", "join while here", "listen", "read", "enter", "enter and join"],
)
def test_a_room_that_takes_approval_is_closed_to_who_has_not_got_it(
    house: House, lounge: int, command: Callable[[int], Any]
) -> None:
    bob, mo = house.person("Bob"), house.person("Mo", "moderator")
    assert house.refusal(command(lounge), bob, session=house.connect(bob)) == Code.ROOM_DENIED
    assert house.do(LookAtRoom(room=lounge), bob).result.visits is None
    assert house.state.members[lounge] == {}
    house.do(command(lounge), mo, session=house.connect(mo))
    request = house.do(JoinGroup(room=lounge), bob).one(JoinRequested).request
    house.do(AnswerJoinRequest(room=lounge, user=bob, accept=True), mo)
    house.do(command(lounge), bob, session=house.connect(bob))
    assert house.state.members[lounge][bob].id == request.id


def test_nobody_is_forced_to_belong(house: House, lounge: int) -> None:
    house.change_room(lounge, force_join=True)
    bob = house.person("Bob", client_id="bob")
    assert house.log_in(client_id="bob")[0].of(MemberJoined) == []
    assert house.do(UpdateProfile(profile={"display_name": "Bobby"}), bob).of(MemberJoined) == []


def test_who_is_inside_stays_but_does_not_belong(house: House) -> None:
    lounge, bob = house.lounge, house.person("Bob")
    tab = house.arrive(bob, lounge)
    house.change_room(lounge, approval=True)
    assert house.do(SubscribeChat(room=lounge), bob, session=tab).result
    assert house.refusal(JoinChat(room=lounge), bob, session=tab) == Code.CHAT_DENIED
    assert house.refusal(JoinRoom(room=lounge), bob, session=house.connect(bob)) == Code.ROOM_DENIED
    house.change_room(lounge, force_join=True)
    assert house.do(UpdateProfile(profile={"display_name": "Bobby"}), bob).of(MemberJoined) == []
    assert bob not in house.state.members[lounge]


def test_who_left_comes_back_through_any_door(house: House, lounge: int) -> None:
    bob = house.person("Bob")
    house.change_room(lounge, approval=False)
    house.do(JoinGroup(room=lounge), bob)
    house.do(LeaveGroup(room=lounge), bob)
    house.change_room(lounge, approval=True)
    assert house.do(JoinRoom(room=lounge), bob, session=house.connect(bob)).of(MemberReturned)


def test_who_was_removed_does_not_come_in_through_another(house: House, lounge: int) -> None:
    bob, mo = house.person("Bob"), house.person("Mo", "moderator")
    house.do(JoinGroup(room=lounge), bob)
    house.do(AnswerJoinRequest(room=lounge, user=bob, accept=True), mo)
    house.do(RemoveMember(room=lounge, user=bob), mo)
    assert house.refusal(EnterRoom(room=lounge), bob, session=house.connect(bob)) == Code.ROOM_DENIED


def test_where_talk_does_not_last_nobody_asks(house: House) -> None:
    house.change_room(house.stage, approval=True)
    bob = house.person("Bob")
    assert house.arrive(bob, house.stage)


# Looking, and keeping out


def test_a_group_is_described_to_who_could_join_it(club: Club) -> None:
    house, preview = club.house, PreviewGroup(room=club.id, token=club.room.share_token)
    assert house.do(preview).result == house.do(preview, club.dan).result == club.room
    for token in ("", "wrong"):
        assert house.refusal(PreviewGroup(room=club.id, token=token), club.dan) == Code.ROOM_UNKNOWN
        assert house.refusal(PreviewGroup(room=club.id, token=token)) == Code.ROOM_UNKNOWN
    assert club.do(PreviewGroup, club.bob).result == club.room
    assert house.do(PreviewGroup(room=house.lounge), club.dan).result.id == house.lounge
    assert house.refusal(PreviewGroup(room=house.lounge)) == Code.ROOM_UNKNOWN


def test_groups_are_described_with_what_was_said_last(club: Club) -> None:
    house = club.house
    house.advance(timedelta(minutes=1))
    second = Club(house)
    second.add(club.ada)
    for group in (second, club):
        house.advance(timedelta(minutes=1))
        last = group.do(PostMessage, club.ada, body=f"In {group.id}").result
    found = house.do(DescribeGroups(), club.ada).result
    assert [(one.room, one.last.body) for one in found] == [
        (club.room, f"In {club.id}"),
        (second.room, f"In {second.id}"),
    ]
    assert found[0].last == last
    (one,) = house.do(DescribeGroups(rooms=(club.id, house.lounge, 12345)), club.ada).result
    assert one.room == club.room
    assert house.do(DescribeGroups(rooms=(club.id,)), club.dan).result == []
    house.ban(club.ada, club.id)
    assert [one.room for one in house.do(DescribeGroups(), club.ada).result] == [second.room]


def test_who_loses_a_group_while_it_is_looked_at_learns_nothing(house: House) -> None:
    bob = house.person("Bob", "staff")
    house.do(JoinGroup(room=house.office), bob)
    assert len(house.do(DescribeGroups(), bob).result) == 1
    house.cabinet.meanwhile = lambda: house.change_user(bob, traits=())
    assert house.do(DescribeGroups(), bob).result == []


def test_who_has_left_can_be_kept_out(club: Club) -> None:
    house, token = club.house, club.room.share_token
    assert club.refusal(BarMember, club.ada, user=club.bob) == Code.USER_UNKNOWN
    club.do(LeaveGroup, club.bob)
    assert club.refusal(BarMember, club.cleo, user=club.bob) == Code.ROOM_DENIED
    outcome = club.do(BarMember, club.ada, user=club.bob)
    assert (outcome.one(MemberBarred).former.how, len(outcome.events)) == ("barred", 1)
    assert club.do(BarMember, club.ada, user=club.bob).events == []
    assert house.do(ListFormer(), club.bob).result == []
    assert club.refusal(RejoinGroup, club.bob) == Code.ROOM_UNKNOWN
    club.set(club.ada, approval=False)
    assert club.refusal(JoinGroup, club.bob, token=token) == Code.ROOM_DENIED
    assert club.add(club.bob).of(MemberReturned)


def test_who_ran_the_world_is_not_kept_out_by_who_runs_a_group(club: Club) -> None:
    ask(club, club.mo)
    club.do(LeaveGroup, club.mo)
    assert club.refusal(BarMember, club.ada, user=club.mo) == Code.RANK_DENIED


def test_who_runs_a_group_knows_who_belonged_to_it(club: Club) -> None:
    club.do(LeaveGroup, club.cleo)
    club.house.advance(timedelta(minutes=1))
    club.do(RemoveMember, club.ada, user=club.bob)
    found = club.do(ListFormerMembers, club.ada).result
    assert [(former.user, former.how) for former in found] == [(club.cleo, "left"), (club.bob, "removed")]
    assert club.refusal(ListFormerMembers, club.dan) == Code.ROOM_DENIED
