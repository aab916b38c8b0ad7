"""Rooms: who comes and goes, what they applaud, and how organisers run the place."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import msgspec

from hubbub.core.command import Act, Command, handles
from hubbub.core.error import Code, Denied, Invalid, Limited
from hubbub.core.event import (
    InviteCreated,
    MessagePosted,
    OccupancyChanged,
    RoomCreated,
    RoomDeleted,
    RoomScheduled,
    RoomsReordered,
    RoomUpdated,
    Subscribed,
    Topic,
    TopicSet,
    Unsubscribed,
    VisitClosed,
    VisitOpened,
)
from hubbub.core.gate import check_may_enter
from hubbub.core.handle import new_color, new_handle
from hubbub.core.model import Grant, Invite, Room, User
from hubbub.core.origin import NOWHERE, Origin
from hubbub.core.presence import Visit
from hubbub.core.reaction import ALLOWED
from hubbub.core.state import occupancy
from hubbub.core.telling import say_changes

MAX_ROOMS = 1000
MAX_NAME = 300
MAX_DESCRIPTION = 10_000
MAX_TOPIC = 140
"""Source: protocols/jumpin.md 1.2."""
MAX_LISTED = 100
MAX_MODULES = 50
MAX_CONFIG = 100_000
"""Bytes of JSON in one room's modules or trait grants."""
SCHEDULE_KEYS = frozenset({"session", "title", "computeSession"})
INVITE_LENGTH = 6
INVITE_LIFE = timedelta(days=90)
INVITE_REUSE = timedelta(days=10)
"""A link that lives at least this long is given again instead of a new one."""
INVITE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz123456789"
"""No o, O, 0, I and l: codes are read from screens and typed (protocols/venueless.md 1.16)."""
OWNER = "room_owner"
FOLLOWED: Mapping[Topic, tuple[str, ...]] = {
    Topic.POLLS: ("room:poll.read", "room:poll.manage", "room:poll.early_results"),
    Topic.QUESTIONS: ("room:question.read", "room:question.moderate"),
}
"""What who is in a room is told of besides, with any one of these permissions."""


class EnterRoom(Command, frozen=True, kw_only=True):
    """Be in a room. `key` is what UnlockRoom gave, where the room has a password."""

    room: int
    key: str = ""


class LeaveRoom(Command, frozen=True, kw_only=True):
    """Be in a room no longer; who was not is not told so."""

    room: int


class ReactInRoom(Command, frozen=True, kw_only=True):
    """Applaud."""

    room: int
    reaction: str


class CreateRoom(Command, frozen=True, kw_only=True):
    """Make a room. What it is for, its modules, decides what its maker must be allowed."""

    name: str
    description: str = ""
    modules: tuple[dict[str, Any], ...] = ()
    public: bool = True


class Settings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The base of what may be set of something; what is left out stays."""

    def given(self) -> dict[str, Any]:
        """Give what is set."""
        pairs = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return {name: value for name, value in pairs if value is not msgspec.UNSET}


class RoomSettings(Settings, frozen=True, kw_only=True):
    """What organisers may set of a room; what is left out stays."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    description: str | msgspec.UnsetType = msgspec.UNSET
    picture: str | msgspec.UnsetType | None = msgspec.UNSET
    trait_grants: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    modules: tuple[dict[str, Any], ...] | msgspec.UnsetType = msgspec.UNSET
    sorting_priority: int | msgspec.UnsetType = msgspec.UNSET
    pretalx_id: int | msgspec.UnsetType | None = msgspec.UNSET
    force_join: bool | msgspec.UnsetType = msgspec.UNSET
    schedule_data: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET
    listed: bool | msgspec.UnsetType = msgspec.UNSET
    closed: str | msgspec.UnsetType | None = msgspec.UNSET
    accounts_only: bool | msgspec.UnsetType = msgspec.UNSET
    verified_only: bool | msgspec.UnsetType = msgspec.UNSET
    min_account_age: int | msgspec.UnsetType = msgspec.UNSET
    age_restricted: bool | msgspec.UnsetType = msgspec.UNSET
    moderated_playlist: bool | msgspec.UnsetType = msgspec.UNSET
    push_to_talk: bool | msgspec.UnsetType = msgspec.UNSET


class AddRoom(Command, frozen=True, kw_only=True):
    """Make a room with any settings, as a program of the organisers does."""

    settings: RoomSettings


class UpdateRoom(Command, frozen=True, kw_only=True):
    """Change a room's settings."""

    room: int
    settings: RoomSettings


class SetTopic(Command, frozen=True, kw_only=True):
    """Say what a room is about now; nothing when it is empty."""

    room: int
    topic: str


class ListPublicRooms(Command, frozen=True, kw_only=True):
    """List the rooms that are in the public directory, the busiest first."""

    start: int = 0
    count: int = 50


class Directory(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the public directory, and how many rooms it has in all."""

    rooms: tuple[Room, ...]
    total: int


class DeleteRoom(Command, frozen=True, kw_only=True):
    """Close a room for good."""

    room: int


class GetRoomConfig(Command, frozen=True, kw_only=True):
    """Read a room's settings as organisers see them."""

    room: int


class ListRoomConfigs(Command, frozen=True, kw_only=True):
    """Read the settings of all rooms."""


class ReorderRooms(Command, frozen=True, kw_only=True):
    """Put these rooms first, in this order, and leave the others behind them as they are."""

    rooms: tuple[int, ...]


class ScheduleRoom(Command, frozen=True, kw_only=True):
    """Say what is on in a room; None when nothing is."""

    room: int
    schedule_data: dict[str, Any] | None = None


class InviteAnonymous(Command, frozen=True, kw_only=True):
    """Get a link with which people on site take part in a room without an account."""

    room: int


# Coming and going


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody learns who enters: their own visit, and who is there, where they may see that."""

    visit: Visit
    viewers: tuple[User, ...] | None


@handles(
    EnterRoom,
    rate="presence",
    outside=True,
    events=(VisitOpened, Subscribed, Unsubscribed, VisitClosed, OccupancyChanged),
)
def do_enter(act: Act, command: EnterRoom) -> Arrival:
    """Come in, through the gates and with `room:view`; who may see the others gets them, shown and not banned."""
    check_may_enter(act, act.state.rooms[command.room], command.key)
    return enter(act, act.state.rooms[command.room])


def enter(act: Act, room: Room) -> Arrival:
    """Let the actor's connection, which may, be in a room."""
    state, user = act.state, act.actor
    before = occupancy(state.presence.occupants(room.id))
    known = state.presence.visit(room.id, user.id)
    arriving = msgspec.structs.replace(known, origins=_origins(act)) if known else _new_visit(act, room, user)
    visit = state.presence.enter(arriving, act.session)
    if user.shown:
        act.emit(VisitOpened, room.id, user=user.id, visit=visit, first=known is None)
    act.emit(Subscribed, room.id, topic=Topic.VISITORS)
    for topic in FOLLOWED:
        if may_follow(act, room, topic):
            act.emit(Subscribed, room.id, topic=topic)
    _tell_occupancy(act, room.id, before)
    if not act.may("room:viewers", room):
        return Arrival(visit=visit, viewers=None)
    act.emit(Subscribed, room.id, topic=Topic.VIEWERS)
    here = (state.users[identity] for identity in state.presence.visits[room.id])
    viewers = (one for one in here if one.shown and not one.deleted)
    return Arrival(visit=visit, viewers=tuple(one for one in viewers if state.moderation(one.id, act.now) != "banned"))


def may_follow(act: Act, room: Room, topic: Topic) -> bool:
    """Tell whether the actor, who is in a room, is told of a topic there."""
    return any(act.may(name, room) for name in FOLLOWED[topic])


def _new_visit(act: Act, room: Room, user: User) -> Visit:
    taken = {visit.handle for visit in act.state.presence.visits.get(room.id, {}).values()}
    return Visit(
        id=act.new_id(),
        room=room.id,
        user=user.id,
        entered=act.now,
        handle=new_handle(act, user, taken),
        color=new_color(act),
        origins=_origins(act),
        sessions=set(),
    )


def _origins(act: Act) -> tuple[Origin, ...]:
    return (act.origin,) if act.origin != NOWHERE else ()


@handles(LeaveRoom, rate="presence", outside=True, events=(Unsubscribed, VisitClosed, OccupancyChanged))
def do_leave_room(act: Act, command: LeaveRoom) -> None:
    """Go. Others are told when the user's last connection has gone."""
    if act.state.rooms[command.room].kind == "room":
        leave_room(act, act.by, act.session, command.room)


def leave_room(act: Act, user: int, session: int, room: int) -> None:
    """Take one connection of a user out of a room."""
    before = occupancy(act.state.presence.occupants(room))
    for topic in (Topic.VISITORS, Topic.VIEWERS, *FOLLOWED):
        act.emit(Unsubscribed, room, topic=topic, session=session)
    record = act.state.users.get(user)
    visit = act.state.presence.leave(room, user, session, act.now)
    if visit and record and record.shown:
        act.emit(VisitClosed, room, user=user, visit=visit)
    _tell_occupancy(act, room, before)


def stop_listening(act: Act, user: int, session: int, room: int) -> None:
    """Take one connection of a user out of a conversation; volatile belonging ends with the last."""
    act.state.presence.ignore(room, user, session)
    if user not in act.state.members.get(room, ()) and user not in act.state.presence.volatile.get(room, ()):
        act.state.unread[room].pop(user, None)
    act.emit(Unsubscribed, room, topic=Topic.CHAT, session=session)


def leave_all(act: Act, user: int, session: int) -> None:
    """Take one connection of a user out of every room and conversation, and forget it."""
    visited, heard = act.state.presence.places(session)
    for room in visited:
        leave_room(act, user, session, room)
    for room in heard:
        stop_listening(act, user, session, room)
    act.state.presence.disconnect(user, session)


def _tell_occupancy(act: Act, room: int, before: str) -> None:
    now = occupancy(act.state.presence.occupants(room))
    if now != before and room in act.state.rooms:
        act.state.version += 1
        act.emit(OccupancyChanged, room, users=now)


@handles(ReactInRoom, "room:view", rate="react")
def do_react_in_room(act: Act, command: ReactInRoom) -> None:
    """Count a reaction. One too many is not refused, it only does not count."""
    if command.reaction not in ALLOWED:
        raise Invalid(Code.REACTION_UNKNOWN, "Unknown reaction")
    act.state.reactions.add(command.room, act.actor.id, command.reaction, act.now)


# Running the place


@handles(
    CreateRoom,
    "world:rooms.create.stage",
    "world:rooms.create.bbb",
    "world:rooms.create.chat",
    "world:rooms.create.exhibition",
    "room:update",
    rate="create",
    events=(RoomCreated,),
)
def do_create(act: Act, command: CreateRoom) -> Room:
    """Make a room and let its maker own it (protocols/venueless.md 1.6)."""
    modules = _checked_modules(act, command.modules)
    name = command.name.strip()
    if any(room.name.lower() == name.lower() for room in act.state.ordered_rooms()):
        raise Invalid(Code.ROOM_NAME_TAKEN, "This room name is already taken.")
    grants: dict[str, Any] = {"viewer": [], "participant": []} if command.public else {}
    settings = RoomSettings(name=name, description=command.description, modules=modules, trait_grants=grants)
    return add_room(act, settings)


def _checked_modules(act: Act, modules: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    """Check that the actor may make a room with these modules, and reduce their settings to what makers may choose."""
    if not all(isinstance(module.get("type"), str) for module in modules):
        raise Invalid(Code.ROOM_MODULES_INVALID, "Every module needs a type.")
    kinds = {module["type"] for module in modules}
    if "chat.native" in kinds:
        needed = "world:rooms.create.chat"
    elif kinds == {"call.bigbluebutton"}:
        needed = "world:rooms.create.bbb"
    elif "livestream.native" in kinds:
        needed = "world:rooms.create.stage"
    elif not kinds:
        needed = "room:update"
    else:
        raise Invalid(Code.ROOM_MODULES_INVALID, "A room cannot be made with these modules.")
    if not act.may(needed):
        raise Denied(Code.ROOM_CREATE_DENIED, "You are not allowed to make such a room.")
    return tuple({"type": module["type"], "config": _chosen(act, module)} for module in modules)


def _chosen(act: Act, module: dict[str, Any]) -> dict[str, Any]:
    config = module.get("config")
    config = config if isinstance(config, dict) else {}
    match module["type"]:
        case "chat.native":
            return {"volatile": bool(config.get("volatile", False))}
        case "livestream.native":
            return {"hls_url": config["hls_url"]} if isinstance(config.get("hls_url"), str) else {}
        case "call.bigbluebutton":
            defaults = act.state.world.config.get("bbb_defaults")
            return dict(defaults) if isinstance(defaults, dict) else {}
        case _:
            return {}


@handles(
    AddRoom,
    "world:rooms.create.stage",
    "world:rooms.create.bbb",
    "world:rooms.create.chat",
    "world:rooms.create.exhibition",
    "room:update",
    rate="create",
    events=(RoomCreated,),
)
def do_add(act: Act, command: AddRoom) -> Room:
    """Make a room as given."""
    return add_room(act, command.settings)


def add_room(act: Act, settings: RoomSettings) -> Room:
    """Make a room behind all others, owned by whoever makes it."""
    state, given = act.state, settings.given()
    if len(state.ordered_rooms()) >= MAX_ROOMS:
        raise Limited(Code.TOO_MANY, f"A world has at most {MAX_ROOMS} rooms.")
    last = max((room.sorting_priority for room in state.rooms.values()), default=0)
    given = {"sorting_priority": last + 1, **given}
    check_settings(given)
    room = Room(id=act.new_id(), world=state.world.id, created=act.now, **given)
    grants = (Grant(world=room.world, user=act.by, role=OWNER, room=room.id),) if act.by else ()
    act.emit(RoomCreated, room.id, config=room, grants=grants)
    act.audit("world.room.added", {"object": room.id, "new": given})
    return room


@handles(UpdateRoom, "room:update", rate="configure", events=(RoomUpdated, MessagePosted))
def do_update(act: Act, command: UpdateRoom) -> Room:
    """Change what is given. In a group it is said what it is called and what it is about now, if that changed."""
    before, given = act.access_room(command.room), command.settings.given()
    check_settings(given)
    old = {name: getattr(before, name) for name in given}
    room = msgspec.structs.replace(before, **given)
    act.emit(RoomUpdated, room.id, config=room)
    act.audit("world.room.updated", {"object": room.id, "old": old, "new": given})
    if before.lasting and room.lasting:
        say_changes(act, room, {name: value for name, value in given.items() if value != old[name]})
    return room


@handles(SetTopic, "room:chat.moderate", "room:update", rate="configure", events=(TopicSet,))
def do_set_topic(act: Act, command: SetTopic) -> Room:
    """Set it, and who did."""
    topic = command.topic.strip()
    if len(topic) > MAX_TOPIC:
        raise Invalid(Code.TOPIC_TOO_LONG, f"Topic is invalid, max {MAX_TOPIC} characters")
    room = msgspec.structs.replace(
        act.access_room(command.room), topic=topic, topic_by=act.by, topic_at=act.now if topic else None
    )
    act.emit(TopicSet, room.id, config=room)
    return room


@handles(ListPublicRooms, rate="login", before_login=True)
def do_list_public(act: Act, command: ListPublicRooms) -> Directory:
    """Give those that are listed, not closed, and that anybody may see who comes without an invitation."""
    state = act.state
    stranger = User(id=0, world=state.world.id, created=act.now)
    found = [
        room
        for room in state.ordered_rooms()
        if room.listed and room.closed is None and "room:view" in state.permissions(stranger, act.now, room)
    ]
    found.sort(key=lambda room: -state.presence.occupants(room.id))
    start, count = max(0, command.start), max(0, min(command.count, MAX_LISTED))
    return Directory(rooms=tuple(found[start : start + count]), total=len(found))


def check_settings(given: dict[str, Any]) -> None:
    """Raise Invalid, with what is wrong by field, unless a room can be set so."""
    wrong: dict[str, list[str]] = {}
    if "name" in given and not 0 < len(given["name"].strip()) <= MAX_NAME:
        wrong["name"] = [f"1 to {MAX_NAME} characters"]
    if len(given.get("description") or "") > MAX_DESCRIPTION:
        wrong["description"] = [f"at most {MAX_DESCRIPTION} characters"]
    if len(given.get("closed") or "") > MAX_NAME:
        wrong["closed"] = [f"at most {MAX_NAME} characters"]
    if not 0 <= given.get("min_account_age", 0) < 2**31:
        wrong["min_account_age"] = ["out of range"]
    if not -(2**31) < given.get("sorting_priority", 0) < 2**31:
        wrong["sorting_priority"] = ["out of range"]
    if not -(2**31) < (given.get("pretalx_id") or 0) < 2**31:
        wrong["pretalx_id"] = ["out of range"]
    modules = given.get("modules", ())
    if len(modules) > MAX_MODULES or not all(isinstance(module.get("type"), str) for module in modules):
        wrong["module_config"] = [f"at most {MAX_MODULES} modules, each with a type"]
    for field in ("modules", "trait_grants", "schedule_data", "picture"):
        if len(msgspec.json.encode(given.get(field))) > MAX_CONFIG:
            wrong[field] = [f"at most {MAX_CONFIG} bytes"]
    if wrong:
        raise Invalid(Code.CONFIG_INVALID, details=wrong)


@handles(DeleteRoom, "room:delete", rate="configure", events=(RoomDeleted, Unsubscribed))
def do_delete_room(act: Act, command: DeleteRoom) -> None:
    """Close the room, and send out whoever is in it."""
    room = act.access_room(command.room)
    act.emit(RoomDeleted, room.id, config=msgspec.structs.replace(room, deleted=True))
    act.audit("world.room.deleted", {"object": room.id, "old": {"name": room.name}})
    empty_room(act, room.id)


def empty_room(act: Act, room: int) -> None:
    """Take every connection out of a room and its conversation."""
    presence = act.state.presence
    for visit in list(presence.visits.get(room, {}).values()):
        for session in list(visit.sessions):
            presence.leave(room, visit.user, session, act.now)
            for topic in (Topic.VIEWERS, Topic.VISITORS, *FOLLOWED):
                act.emit(Unsubscribed, room, topic=topic, session=session)
    for user, sessions in list(presence.listening.get(room, {}).items()):
        for session in list(sessions):
            presence.ignore(room, user, session)
            act.emit(Unsubscribed, room, topic=Topic.CHAT, session=session)
    act.state.reactions.forget(room)


@handles(GetRoomConfig, "room:update", rate="read")
def do_get_config(act: Act, command: GetRoomConfig) -> Room:
    """Give a room as it is."""
    return act.access_room(command.room)


@handles(ListRoomConfigs, "room:update", rate="read")
def do_list_configs(act: Act, command: ListRoomConfigs) -> list[Room]:
    """Give all rooms, in order."""
    return act.state.ordered_rooms()


@handles(ReorderRooms, "room:update", rate="configure", events=(RoomsReordered,))
def do_reorder(act: Act, command: ReorderRooms) -> list[Room]:
    """Number the rooms anew from 1."""
    rooms = {room.id: room for room in act.state.ordered_rooms()}
    named = dict.fromkeys(identity for identity in command.rooms if identity in rooms)
    order: Iterable[int] = (*named, *(identity for identity in rooms if identity not in named))
    moved = tuple(
        msgspec.structs.replace(rooms[identity], sorting_priority=place) for place, identity in enumerate(order, 1)
    )
    act.emit(RoomsReordered, rooms=moved)
    act.audit("world.room.reorder", {"old": list(rooms), "new": [room.id for room in moved]})
    return list(moved)


@handles(ScheduleRoom, "room:announce", rate="configure", events=(RoomScheduled,))
def do_schedule(act: Act, command: ScheduleRoom) -> None:
    """Tell everybody in the room what is on."""
    room, data = act.access_room(command.room), command.schedule_data or None
    if data and (unknown := data.keys() - SCHEDULE_KEYS):
        details = {key: ["not one of " + ", ".join(sorted(SCHEDULE_KEYS))] for key in unknown}
        raise Invalid(Code.SCHEDULE_INVALID, "Unknown schedule data", details=details)
    check_settings({"schedule_data": data})
    act.emit(RoomScheduled, room.id, config=msgspec.structs.replace(room, schedule_data=data))


@handles(InviteAnonymous, "room:update", "room:invite.anonymous", rate="create", events=(InviteCreated,))
def do_invite_anonymous(act: Act, command: InviteAnonymous) -> Invite:
    """Give the room's link while it lives long enough, else a new one."""
    for invite in act.state.invites.values():
        if invite.room == command.room and invite.kind == "anonymous" and invite.expires - act.now >= INVITE_REUSE:
            return invite
    code = act.secret(INVITE_LENGTH, INVITE_ALPHABET)
    while code in act.state.invites:
        code = act.secret(INVITE_LENGTH, INVITE_ALPHABET)
    invite = Invite(
        code=code,
        world=act.state.world.id,
        room=command.room,
        by=act.by,
        created=act.now,
        expires=act.now + INVITE_LIFE,
    )
    act.emit(InviteCreated, command.room, invite=invite)
    return invite
