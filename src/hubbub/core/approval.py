"""Approval: who wants to belong to a group that takes it waits until somebody who runs it answers.

They ask by JoinGroup; that belongs to core/joining.py, and what takes approval to docs/groups.md.
"""

import msgspec

from hubbub.core.command import Act, Command, handles
from hubbub.core.error import Code, Denied, Unknown
from hubbub.core.event import JoinRequestClosed
from hubbub.core.group import access_group
from hubbub.core.joining import CAME, check_place, may_be_added, welcome
from hubbub.core.membership import RUNNING
from hubbub.core.model import JoinRequest, Member, Room, User
from hubbub.core.telling import announce_joined


class ListJoinRequests(Command, frozen=True, kw_only=True):
    """List who waits for the approval of a group."""

    room: int


class ListOwnRequests(Command, frozen=True, kw_only=True):
    """List the groups for whose approval the actor waits."""


class AnswerJoinRequest(Command, frozen=True, kw_only=True):
    """Let somebody belong to a group who has asked, or not."""

    room: int
    user: int
    accept: bool


class WithdrawJoinRequest(Command, frozen=True, kw_only=True):
    """Wait for the approval of a group no longer."""

    room: int


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A request, with the group that it is for and who asks."""

    request: JoinRequest
    room: Room
    user: User


@handles(ListJoinRequests, *RUNNING, rate="read")
def do_list(act: Act, command: ListJoinRequests) -> list[Waiting]:
    """Give them, the first to ask first."""
    room, users = access_group(act, command.room), act.state.users
    found = (
        Waiting(request=request, room=room, user=users[request.user])
        for request in act.state.requests.get(room.id, {}).values()
    )
    return [waiting for waiting in found if not waiting.user.deleted]


@handles(ListOwnRequests, rate="read")
def do_list_own(act: Act, command: ListOwnRequests) -> list[Waiting]:
    """Give them, the first asked first."""
    found = []
    for identity, requests in act.state.requests.items():
        room, request = act.state.rooms.get(identity), requests.get(act.actor.id)
        if request and room and room.lasting and not room.deleted:
            found.append(Waiting(request=request, room=room, user=act.actor))
    return sorted(found, key=lambda waiting: (waiting.request.at, waiting.room.id))


@handles(AnswerJoinRequest, *RUNNING, rate="configure", events=(*CAME, JoinRequestClosed))
def do_answer(act: Act, command: AnswerJoinRequest) -> Member | None:
    """Let them belong, as with the group's link, and say so; or say nothing, after which they may ask again."""
    room = access_group(act, command.room)
    request = _access_request(act, room, command.user)
    if not command.accept:
        act.emit(JoinRequestClosed, room.id, request=request)
        return None
    if not may_be_added(act, room, request.user):
        raise Denied(Code.ROOM_DENIED, "They can no longer be let in.")
    user, again = act.state.users[request.user], request.user in act.state.former.get(room.id, ())
    check_place(act, room, (user,))
    member = welcome(act, room, user, let_in=True)
    announce_joined(act, room, user, again=again)
    return member


@handles(WithdrawJoinRequest, rate="configure", outside=True, events=(JoinRequestClosed,))
def do_withdraw(act: Act, command: WithdrawJoinRequest) -> None:
    """Take it back."""
    room = access_group(act, command.room)
    act.emit(JoinRequestClosed, room.id, request=_access_request(act, room, act.actor.id))


def _access_request(act: Act, room: Room, user: int) -> JoinRequest:
    request = act.state.requests.get(room.id, {}).get(user)
    if request is None:
        raise Unknown(Code.USER_UNKNOWN, "Nobody waits for that.")
    return request
