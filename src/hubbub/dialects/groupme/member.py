"""Members of groups: who comes, who goes, who is what (protocols/groupme.md 2.3)."""

import secrets

import msgspec

from hubbub.core.approval import AnswerJoinRequest, ListJoinRequests, Waiting, WithdrawJoinRequest
from hubbub.core.group import SetAdmin, UpdateMembership
from hubbub.core.joining import AddMembers, BarMember, LeaveGroup, ListFormerMembers, NewMember, RemoveMember
from hubbub.core.membership import member_by_id
from hubbub.core.model import FormerMember, Member, Room
from hubbub.dialects.groupme.answer import Reply, Route, get, post
from hubbub.dialects.groupme.attachment import checked_picture
from hubbub.dialects.groupme.caller import Caller, take
from hubbub.dialects.groupme.error import RefusedError
from hubbub.dialects.groupme.id import parse
from hubbub.dialects.groupme.result import Result

MAX_GUID = 128
ROLES = {"admin": True, "user": False}
UNKNOWN = "Membership not found"


class Newcomer(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is to be added. Only who has a user's id is: neither numbers nor mail addresses are kept here."""

    nickname: str | None = None
    user_id: str | int | None = None
    guid: str | None = None


class AddBody(msgspec.Struct, frozen=True, kw_only=True):
    """What clients send to add people."""

    members: list[Newcomer]


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """What may be changed of one's own membership; None stays."""

    nickname: str | None = None
    avatar_url: str | None = None


class MembershipBody(msgspec.Struct, frozen=True, kw_only=True):
    """What clients send to change it."""

    membership: Membership


class ApprovalBody(msgspec.Struct, frozen=True, kw_only=True):
    """What clients send to let somebody in who has asked, or not."""

    approval: bool


# Coming and going


async def add(caller: Caller) -> Reply:
    """Add people; what came of it is to be asked for by the id that is answered."""
    room, body = caller.group(caller.path["group"]), take(await caller.body(), AddBody)
    if any(len(one.guid or "") > MAX_GUID for one in body.members):
        raise RefusedError(400, f"guid: at most {MAX_GUID} characters")
    known = {parse(one.user_id): one for one in body.members if parse(one.user_id)}
    added: tuple[Member, ...] = ()
    if known or not body.members:
        wanted = tuple(NewMember(user=user, nickname=one.nickname or "") for user, one in known.items())
        added = await caller.do(AddMembers(room=room.id, members=wanted))
    named = tuple((member.user, known[member.user].guid or secrets.token_hex(16)) for member in added)
    identity = secrets.token_hex(16)
    caller.desk.results.keep(identity, Result(by=caller.user.id, room=room.id, added=named, at=caller.now))
    return Reply(response={"results_id": identity}, status=202)


async def results(caller: Caller) -> Reply:
    """Give who was added, and is still there."""
    room = caller.group(caller.path["group"])
    found = caller.desk.results.find(caller.path["results"], caller.user.id, room.id, caller.now)
    if found is None:
        raise RefusedError(404, "There are no such results, or no longer.")
    members = caller.state.members[room.id]
    told = [
        {**caller.view.member(members[user], caller.now), "guid": guid} for user, guid in found.added if user in members
    ]
    return Reply(response={"members": told})


async def remove(caller: Caller) -> Reply:
    """Take somebody out of a group, or go oneself, also who is banned; who waits for its approval does no longer."""
    user, group, identity = caller.user.id, parse(caller.path["group"]), parse(caller.path["member"])
    waiting = caller.state.requests.get(group, {}).get(user)
    own = member_by_id(caller.state, group, identity)
    if waiting and waiting.id == identity:
        await caller.do(WithdrawJoinRequest(room=group))
    elif own and own.user == user:
        await caller.do(LeaveGroup(room=group))
    else:
        room, member = _member(caller)
        await caller.do(RemoveMember(room=room.id, user=member.user))
    return Reply()


async def bar(caller: Caller) -> Reply:
    """Let somebody who has left a group not come back by themselves."""
    room, identity = caller.group(caller.path["group"]), parse(caller.path["member"])
    gone = caller.state.former.get(room.id, {}).values()
    found = next((former for former in gone if identity and identity == (former.id or former.user)), None)
    if found is None:
        raise RefusedError(404, UNKNOWN)
    await caller.do(BarMember(room=room.id, user=found.user))
    return Reply()


def _member(caller: Caller) -> tuple[Room, Member]:
    """Give the group and the membership that a path names. Raises RefusedError."""
    room = caller.group(caller.path["group"])
    member = member_by_id(caller.state, room.id, parse(caller.path["member"]))
    if member is None:
        raise RefusedError(404, UNKNOWN)
    return room, member


# Asking and answering


async def pending(caller: Caller) -> Reply:
    """List who waits for a group's approval, to those who run it."""
    waiting: list[Waiting] = await caller.do(ListJoinRequests(room=caller.group(caller.path["group"]).id))
    return Reply(response=[caller.view.pending(one.request, one.user) for one in waiting])


async def approve(caller: Caller) -> Reply:
    """Let somebody in who has asked, or not."""
    room, body = caller.group(caller.path["group"]), take(await caller.body(), ApprovalBody)
    identity = parse(caller.path["member"])
    asked = caller.state.requests.get(room.id, {}).values()
    found = next((request for request in asked if identity and request.id == identity), None)
    if found is None:
        raise RefusedError(404, UNKNOWN)
    await caller.do(AnswerJoinRequest(room=room.id, user=found.user, accept=body.approval))
    return Reply(response={"membership_id": found.id, "state": "active" if body.approval else "denied"})


# Being somebody


async def index(caller: Caller) -> Reply:
    """List who belongs to a group, or (to those who run it) who did once."""
    room, which = caller.group(caller.path["group"]), caller.query.get("filter") or "active"
    if which not in ("active", "inactive"):
        raise RefusedError(400, "filter: active or inactive is expected")
    if which == "active":
        members = caller.view.members(room, caller.now)
        return Reply(response={"memberships": [{**member, "state": "active"} for member in members]})
    gone: list[FormerMember] = await caller.do(ListFormerMembers(room=room.id))
    return Reply(response={"memberships": [caller.view.former_member(one) for one in gone]})


async def change_role(caller: Caller) -> Reply:
    """Let a member help to run a group, or no longer."""
    (room, member), role = _member(caller), (await caller.body()).get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise RefusedError(400, "role: admin or user is expected")
    changed = await caller.do(SetAdmin(room=room.id, user=member.user, admin=ROLES[role]))
    return Reply(response={"member": caller.view.member(changed, caller.now)})


async def update(caller: Caller) -> Reply:
    """Be called, and look, different in one group."""
    room, given = caller.group(caller.path["group"]), take(await caller.body(), MembershipBody).membership
    avatar = None if given.avatar_url is None else checked_picture(given.avatar_url, "avatar_url")
    member = await caller.do(UpdateMembership(room=room.id, nickname=given.nickname, avatar=avatar))
    return Reply(response=caller.view.member(member, caller.now))


ROUTES: tuple[Route, ...] = (
    get("/v3/groups/{group:str}/members", index),
    post("/v3/groups/{group:str}/members/add", add),
    get("/v3/groups/{group:str}/members/results/{results:str}", results),
    post("/v3/groups/{group:str}/members/{member:str}/remove", remove),
    post("/v3/groups/{group:str}/members/{member:str}/update", change_role),
    post("/v3/groups/{group:str}/members/{member:str}/approval", approve),
    get("/v3/groups/{group:str}/pending_memberships", pending),
    post("/v3/groups/{group:str}/memberships/update", update),
    post("/v2/groups/{group:str}/memberships/{member:str}/destroy", bar),
)
