"""Groups: making, finding, joining, changing and muting them (protocols/groupme.md 2.2)."""

from datetime import timedelta
from typing import Any, Literal

import msgspec

from hubbub.core.approval import ListOwnRequests, Waiting
from hubbub.core.group import (
    ChangeOwner,
    CreateGroup,
    Described,
    DescribeGroups,
    GroupSettings,
    ListGroups,
    MuteGroup,
    UpdateGroup,
)
from hubbub.core.joining import JoinGroup, ListFormer, PreviewGroup, RejoinGroup
from hubbub.core.membership import is_member
from hubbub.core.model import GroupKind, JoinRequest, Member, Room
from hubbub.core.room import DeleteRoom
from hubbub.dialects.groupme.answer import Reply, Route, get, post
from hubbub.dialects.groupme.attachment import checked_picture
from hubbub.dialects.groupme.caller import Caller, number, take
from hubbub.dialects.groupme.error import RefusedError
from hubbub.dialects.groupme.id import parse, render
from hubbub.dialects.groupme.view import QUESTION, STATES, seconds

Json = dict[str, Any]

PAGE, MAX_PAGE = 10, 500
MAX_PAGES = 100_000
MAX_TOLD = 10_000
"""Members told in one list of groups; those of the groups after that are left out as if that had been asked for."""
MAX_REQUESTS = 100
"""Groups handed over by one request."""
MAX_MINUTES = 10**9
JOINED, GRANTED, FILED = 20000, 20100, 20101
"""Codes of the envelope: belonged already, belongs now, waits for approval."""

Visibility = Literal["hidden", "searchable", "community"]


class LikeIcon(msgspec.Struct, frozen=True, kw_only=True):
    """A picture out of a numbered pack."""

    pack_id: int
    pack_index: int
    type: str = "emoji"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What who wants to join is asked."""

    text: str


class GroupBody(msgspec.Struct, frozen=True, kw_only=True):
    """What clients send of a group. None is left out, but for what can be taken away by it."""

    name: str | None = None
    description: str | None = None
    image_url: str | None = None
    share: bool | None = None
    type: GroupKind | None = None
    group_type: GroupKind | None = None
    office_mode: bool | None = None
    requires_approval: bool | None = None
    show_join_question: bool | None = None
    visibility: Visibility | None = None
    directory: str | None = None
    theme_name: str | msgspec.UnsetType | None = msgspec.UNSET
    like_icon: LikeIcon | msgspec.UnsetType | None = msgspec.UNSET
    join_question: Question | msgspec.UnsetType | None = msgspec.UNSET


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody says to a group's question."""

    response: str | None = None


class JoinBody(msgspec.Struct, frozen=True, kw_only=True):
    """What clients send to join."""

    share_token: str | None = None
    answer: Answer | None = None


PLAIN = {
    "name": "name",
    "description": "description",
    "share": "share",
    "office_mode": "office_mode",
    "requires_approval": "approval",
    "show_join_question": "show_question",
    "directory": "directory",
}
"""Fields, and what the core calls them."""


# Looking


async def index(caller: Caller) -> Reply:
    """List a page of the user's groups."""
    page, size = number(caller.query.get("page"), 1, MAX_PAGES), number(caller.query.get("per_page"), PAGE, MAX_PAGE)
    brief = "memberships" in caller.query.get("omit", "").split(",")
    found: list[Described] = await caller.do(DescribeGroups())
    groups: list[Json] = []
    told = 0
    for one in found[(page - 1) * size : page * size]:
        told += len(caller.state.members[one.room.id])
        groups.append(_write(caller, one, brief=brief or (told > MAX_TOLD and bool(groups))))
    return Reply(response=groups)


async def show(caller: Caller) -> Reply:
    """Give one."""
    return Reply(response=await described(caller, caller.group(caller.path["group"])))


async def former(caller: Caller) -> Reply:
    """List those that the user has left and may come back to."""
    return Reply(response=[caller.view.outline(room) for room in await caller.do(ListFormer())])


async def states(caller: Caller) -> Reply:
    """List what the user is or was to each group, or wants to be."""
    user, state = caller.user.id, caller.state
    found = {room.id: "active" for room in await caller.do(ListGroups())}
    waiting: list[Waiting] = await caller.do(ListOwnRequests())
    found.update((one.room.id, "pending") for one in waiting)
    for identity, gone in state.former.items():
        room = state.rooms.get(identity)
        if user in gone and room and room.lasting and not room.deleted:
            found.setdefault(identity, STATES[gone[user].how])
    return Reply(response=[{"group_id": render(room), "state": word} for room, word in found.items()])


async def requests(caller: Caller) -> Reply:
    """List the groups whose approval the user waits for."""
    waiting: list[Waiting] = await caller.do(ListOwnRequests())
    return Reply(response={"requests_sent": [caller.view.sent_request(one.request, one.room) for one in waiting]})


async def preview(caller: Caller) -> Reply:
    """Say what a group is, and what it asks of who joins, to who could."""
    command = PreviewGroup(room=parse(caller.path["group"]), token=caller.path.get("token", ""))
    found = caller.view.outline(await caller.do(command))
    return Reply(response={name: value for name, value in found.items() if name != "members"})


async def described(caller: Caller, room: Room) -> Json:
    """Write a group that the user belongs to, with what was said last. Raises RefusedError if they may not read it."""
    found: list[Described] = await caller.do(DescribeGroups(rooms=(room.id,)))
    if not found:
        raise RefusedError(404, "Group not found")
    return _write(caller, found[0])


def _write(caller: Caller, one: Described, *, brief: bool = False) -> Json:
    return caller.view.group(one.room, caller.user, caller.now, one.last, brief=brief)


# Making and changing


async def create(caller: Caller) -> Reply:
    """Make a group."""
    room = await caller.do(CreateGroup(settings=await _settings(caller)))
    return Reply(response=await described(caller, room), status=201)


async def update(caller: Caller) -> Reply:
    """Change a group; what is left out stays."""
    room = caller.group(caller.path["group"])
    changed = await caller.do(UpdateGroup(room=room.id, settings=await _settings(caller, room.directory)))
    return Reply(response=await described(caller, changed))


async def _settings(caller: Caller, directory: str = "") -> GroupSettings:
    """Read what is to be set of a group, which may be in a directory already. Raises RefusedError."""
    body = take(await caller.body(), GroupBody)
    sent = ((name, getattr(body, field)) for field, name in PLAIN.items())
    given = {name: value for name, value in sent if value is not None}
    kind = body.group_type or body.type
    if kind is not None:
        given["group"] = kind
    if body.image_url is not None:
        given["picture"] = checked_picture(body.image_url, "image_url") or None
    if body.visibility is not None:  # the directory itself, where it is named, says more
        given.setdefault("directory", "" if body.visibility == "hidden" else directory or body.visibility)
    if body.theme_name is not msgspec.UNSET:
        given["theme"] = body.theme_name or ""
    if body.like_icon is not msgspec.UNSET:
        given["like_icon"] = msgspec.to_builtins(body.like_icon)
    if body.join_question is not msgspec.UNSET:
        text = body.join_question.text if body.join_question else ""
        given["question"] = "" if text == QUESTION else text
    return GroupSettings(**given)


async def destroy(caller: Caller) -> Reply:
    """Close a group for good."""
    await caller.do(DeleteRoom(room=caller.group(caller.path["group"]).id))
    return Reply()


async def change_owners(caller: Caller) -> Reply:
    """Hand groups over, each by itself, and say what came of each."""
    given = (await caller.body()).get("requests")
    if not isinstance(given, list) or not 0 < len(given) <= MAX_REQUESTS:
        raise RefusedError(400, f"requests: a list of 1 to {MAX_REQUESTS} is expected")
    return Reply(response={"results": [await _hand_over(caller, one) for one in given]})


async def _hand_over(caller: Caller, given: object) -> Json:
    asked = given if isinstance(given, dict) else {}
    room, owner = parse(asked.get("group_id")), parse(asked.get("owner_id"))
    status = "200"
    if not room or not owner:
        status = "405"
    else:
        try:
            await caller.do(ChangeOwner(room=caller.group(room).id, user=owner))
        except RefusedError as error:
            if error.status == 401:
                raise
            status = str(error.status)
    return {"group_id": render(room), "owner_id": render(owner), "status": status}


# Joining


async def join_by_link(caller: Caller) -> Reply:
    """Join a group by the token in the path."""
    return await _join(caller, granted=Reply(), known=Reply())


async def join(caller: Caller) -> Reply:
    """Join a group by the token in the body, or as somebody who needs none."""
    return await _join(caller, granted=Reply(status=201, code=GRANTED), known=Reply(code=JOINED))


async def _join(caller: Caller, *, granted: Reply, known: Reply) -> Reply:
    body, identity = take(await caller.body(), JoinBody), parse(caller.path["group"])
    belonged = is_member(caller.state, identity, caller.user.id)
    token = caller.path.get("token") or body.share_token or ""
    answer = (body.answer.response if body.answer else None) or ""
    found: Room | JoinRequest = await caller.do(JoinGroup(room=identity, token=token, answer=answer))
    if isinstance(found, JoinRequest):
        group = caller.view.outline(caller.state.rooms[found.room])
        return Reply(response={"group": group}, status=201, code=FILED)
    reply = known if belonged else granted
    return msgspec.structs.replace(reply, response={"group": await described(caller, found)})


async def rejoin(caller: Caller) -> Reply:
    """Come back to a group that one has left."""
    identity = parse((await caller.body()).get("group_id"))
    return Reply(response=await described(caller, await caller.do(RejoinGroup(room=identity))))


# Being told


async def mute(caller: Caller) -> Reply:
    """Want no notifications for so many minutes; for ever without a number."""
    room, minutes = caller.group(caller.path["group"]), (await caller.body()).get("duration")
    if isinstance(minutes, str) and minutes.isascii() and minutes.isdecimal() and len(minutes) < 12:
        minutes = int(minutes)
    whole = isinstance(minutes, int) and not isinstance(minutes, bool) and 0 < minutes <= MAX_MINUTES
    if minutes is not None and not whole:
        raise RefusedError(400, "duration: a number of minutes is expected, or null")
    span = None if minutes is None else timedelta(minutes=minutes)
    return _muted(caller, await caller.do(MuteGroup(room=room.id, span=span)))


async def unmute(caller: Caller) -> Reply:
    """Want notifications again."""
    room = caller.group(caller.path["group"])
    return _muted(caller, await caller.do(MuteGroup(room=room.id, off=True)))


def _muted(caller: Caller, member: Member) -> Reply:
    found = caller.view.member(member, caller.now)
    until = member.muted_until
    more = {
        "avatar_url": found["image_url"],
        "state": "muted" if found["muted"] else "active",
        "muted_until": seconds(until) if until and found["muted"] else None,
        "muted_children": {},
        "has_sound_enabled": True,
        "created_at": seconds(member.joined),
    }
    return Reply(response={"membership": {**found, **more}})


ROUTES: tuple[Route, ...] = (
    get("/v3/groups", index),
    post("/v3/groups", create),
    get("/v3/groups/former", former),
    post("/v3/groups/join", rejoin),
    post("/v3/groups/change_owners", change_owners),
    get("/v3/groups/pending_memberships", requests),
    get("/v3/groups/{group:str}", show),
    post("/v3/groups/{group:str}/update", update),
    post("/v3/groups/{group:str}/destroy", destroy),
    post("/v3/groups/{group:str}/join", join),
    post("/v3/groups/{group:str}/join/{token:str}", join_by_link),
    get("/v3/groups/{group:str}/preview", preview),
    get("/v3/groups/{group:str}/preview/{token:str}", preview),
    post("/v2/groups/{group:str}/memberships/mute", mute),
    post("/v2/groups/{group:str}/memberships/unmute", unmute),
    post("/v3/groups/{group:str}/memberships/mute_all", mute),
    post("/v3/groups/{group:str}/memberships/unmute_all", unmute),
    get("/v3/memberships/states", states),
)
