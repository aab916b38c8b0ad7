"""What this dialect tells its clients: the core's records and events as Venueless' objects and pushes.

Source: protocols/venueless.md 1.3 to 1.9. Whatever goes to many is encoded once for all who get the same.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from mimetypes import guess_type
from typing import Any

import msgspec

from hubbub.core.attachment import link_of, plain
from hubbub.core.chat import HEART, MENTION, PACKED
from hubbub.core.event import (
    ChannelsChanged,
    Event,
    MentionMissed,
    MessagePosted,
    MessageReacted,
    OccupancyChanged,
    ReactionsCounted,
    ReadMarked,
    RoomCreated,
    RoomDeleted,
    RoomScheduled,
    RoomsReordered,
    RoomUpdated,
    ScheduleUpdated,
    SessionReplaced,
    SessionsRevoked,
    Topic,
    UserNotified,
    UserUnread,
    UserUpdated,
    VisitClosed,
    VisitOpened,
    WorldReplaced,
    WorldUpdated,
)
from hubbub.core.model import AuditEntry, Message, Room, User, World
from hubbub.core.permission import OURS, VENUELESS
from hubbub.core.state import WorldState, occupancy
from hubbub.core.world import setting
from hubbub.dialects.venueless.decision import DecisionTeller
from hubbub.dialects.venueless.id import Kind, parse, render
from hubbub.live.clock import Clock
from hubbub.live.session import Audience, Encoder, Session
from hubbub.wire import array_rpc, web_push
from hubbub.wire.outbox import Outbox, Turn

INACTIVE_AFTER = timedelta(hours=36)
REPLACED_CLOSES_AFTER = timedelta(milliseconds=500)
REVOKED_CLOSES_AFTER = timedelta(seconds=2)
CONFIGS_KEPT = 256
TOLD_KEPT = 10_000
"""Profiles that one audience is known to have; when there are more, they are told again."""

WORLD_SETTINGS = ("pretalx", "profile_fields", "social_logins", "iframe_blockers", "onsite_traits")
CONFIG_SETTINGS = (
    "theme",
    "bbb_defaults",
    "pretalx",
    "locale",
    "dateLocale",
    "videoPlayer",
    "timezone",
    "connection_limit",
    "profile_fields",
    "social_logins",
    "iframe_blockers",
    "track_exhibitor_views",
    "track_room_views",
    "track_world_views",
    "onsite_traits",
    "conftool_url",
    "conftool_password",
)
OF_KIND = {"image": "image/jpeg", "linked_image": "image/jpeg", "video": "video/mp4"}
"""Media types of what clients of other dialects attach, where the address does not tell."""
KNOWN = frozenset(VENUELESS)
"""The permissions that clients are told they have: those that they have a word for."""
LEFT_OUT = frozenset({"poll.reminder", "poll.finished"})
"""What is said in a room that clients of this dialect are not told as chat: the poll itself tells them, or nothing."""
Json = dict[str, Any]


class VenuelessEncoder(Encoder):
    """Everything that clients of one world are told."""

    def __init__(self, state: WorldState, turn: Turn, clock: Clock) -> None:
        self.state = state
        self.turn = turn
        self.clock = clock
        self._configs: dict[object, msgspec.Raw] = {}
        self._written: tuple[Message | None, msgspec.Raw] = (None, msgspec.Raw(b"null"))
        self._tellers: dict[type[Event], Callable[[Any, Audience], None]] = {
            MessagePosted: self._message_posted,
            MessageReacted: self._message_reacted,
            VisitOpened: self._visit_opened,
            VisitClosed: self._visit_closed,
            ReactionsCounted: self._reactions_counted,
            RoomScheduled: self._room_scheduled,
            OccupancyChanged: self._occupancy_changed,
            WorldUpdated: self._world_updated,
            WorldReplaced: self._world_updated,
            RoomUpdated: self._world_updated,
            RoomsReordered: self._world_updated,
            ScheduleUpdated: self._schedule_updated,
            RoomCreated: self._room_created,
            RoomDeleted: self._room_deleted,
            UserUnread: self._user_unread,
            UserNotified: self._user_notified,
            MentionMissed: self._mention_missed,
            ChannelsChanged: self._channels_changed,
            SessionReplaced: self._session_replaced,
            SessionsRevoked: self._sessions_revoked,
            UserUpdated: self._user_updated,
            ReadMarked: self._read_marked,
            **DecisionTeller(state, turn, clock).tellers,
        }

    def tell(self, event: Event, audience: Audience) -> None:
        teller = self._tellers.get(type(event))
        if teller:
            teller(event, audience)

    def _push(self, outboxes: Iterable[Outbox], name: str, payload: Any, *, droppable: bool = False) -> None:
        self.turn.broadcast(outboxes, array_rpc.push(name, payload), droppable=droppable)

    # Objects

    def user(self, user: User, *, admin: bool = False, private: bool = False) -> Json:
        """Write a user; `admin` adds what managers of users see, `private` what the user's own clients keep."""
        badges = self.state.world.config.get("trait_badges_map")
        found: Json = {
            "id": render(user.id, Kind.USER),
            "profile": user.profile,
            "pretalx_id": user.pretalx_id,
            "deleted": user.deleted,
            "inactive": user.last_login is None or self.clock() - user.last_login > INACTIVE_AFTER,
            "badges": sorted({badges[trait] for trait in user.traits if trait in badges})
            if isinstance(badges, dict)
            else [],
        }
        if private:
            found["client_state"] = user.client_state
        if admin:
            found["moderation_state"] = self.state.moderation(user.id, self.clock())
            found["token_id"] = user.token_id
        return found

    def users(self, users: Iterable[int]) -> Json:
        """Write the users who are there, by id."""
        found = (self.state.users.get(user) for user in dict.fromkeys(users))
        return {render(user.id, Kind.USER): self.user(user) for user in found if user}

    def room(self, room: Room, viewer: User, *, counted: bool = True) -> Json:
        """Write a room as somebody sees it."""
        held = self.state.permissions(viewer, self.clock(), room)
        found: Json = {
            "id": render(room.id, Kind.ROOM),
            "name": room.name,
            "description": room.description,
            "picture": room.picture,
            "import_id": room.import_id,
            "pretalx_id": room.pretalx_id or 0,
            "permissions": sorted(name for name in held & KNOWN if name.startswith("room:")),
            "force_join": room.force_join,
            "modules": [self._module(room, module) for module in room.modules],
            "schedule_data": room.schedule_data,
        }
        if counted:
            found["users"] = occupancy(self.state.presence.occupants(room.id))
        return found

    def _module(self, room: Room, module: Json) -> Json:
        match module.get("type"):
            case "call.bigbluebutton":
                return {**module, "config": {}}
            case "chat.native":
                return {**module, "channel_id": render(room.id, Kind.CHANNEL)}
            case _:
                return module

    def room_config(self, room: Room) -> Json:
        """Write a room as organisers see it."""
        return {
            "id": render(room.id, Kind.ROOM),
            "trait_grants": room.trait_grants,
            "module_config": room.modules,
            "picture": room.picture,
            "name": room.name,
            "description": room.description,
            "sorting_priority": room.sorting_priority,
            "pretalx_id": room.pretalx_id or 0,
            "force_join": room.force_join,
            "schedule_data": room.schedule_data,
        }

    def world_config(self, viewer: User) -> msgspec.Raw:
        """Write the world as somebody sees it; written once for all who see the same."""
        key = (self.state.version, self.state.access_key(viewer, self.clock()))
        found = self._configs.get(key)
        if found is None:
            if len(self._configs) >= CONFIGS_KEPT:
                self._configs.clear()
            found = self._configs[key] = msgspec.Raw(msgspec.json.encode(self._world_config(viewer)))
        return found

    def _world_config(self, viewer: User) -> Json:
        world, now = self.state.world, self.clock()
        seen = (
            room for room in self.state.ordered_rooms() if "room:view" in self.state.permissions(viewer, now, room)
        )  # fmt: skip
        return {
            "world": {
                "id": world.name,
                "title": world.title,
                **{name: setting(world, name) for name in WORLD_SETTINGS},
                "vapid_public_key": vapid_public_key(world),
            },
            "permissions": sorted(self.state.permissions(viewer, now) & KNOWN),
            "rooms": [self.room(room, viewer) for room in seen],
        }

    def settings(self) -> Json:
        """Write the world's configuration as organisers see it."""
        world = self.state.world
        return {
            "roles": world.roles,
            "trait_grants": world.trait_grants,
            "title": world.title,
            "available_permissions": [*VENUELESS, *OURS],
            **{name: setting(world, name) for name in CONFIG_SETTINGS},
        }

    def channels(self, user: int) -> list[Json]:
        """Write the conversations that a user belongs to."""
        found = []
        for room in self.state.conversations(user):
            channel: Json = {
                "id": render(room.id, Kind.CHANNEL),
                "unread_pointer": self.state.last_said.get(room.id, 0),
            }
            if room.kind == "direct":
                channel["members"] = list(self.users(self.state.members[room.id]).values())
            found.append(channel)
        return found

    def read_pointers(self, user: int) -> dict[str, int]:
        """Write how far a user has read, by channel."""
        states = self.state.read_states.get(user, {})
        return {render(room, Kind.CHANNEL): state.read for room, state in states.items() if state.read}

    def notification_counts(self, user: int) -> dict[str, int]:
        """Write how many notifications a user has not seen, by channel."""
        states = self.state.read_states.get(user, {})
        return {
            render(room, Kind.CHANNEL): len(state.notifications)
            for room, state in states.items()
            if state.notifications
        }

    def message(self, message: Message) -> msgspec.Raw:
        """Write a message as a chat event; the newest one only once, for its sender and for all others."""
        if message is not self._written[0]:
            self._written = message, msgspec.Raw(msgspec.json.encode(self._message(message)))
        return self._written[1]

    def _message(self, message: Message) -> Json:
        kind, content = self._content(message)
        return {
            "event_id": message.number,
            "channel": render(message.room, Kind.CHANNEL),
            "sender": render(message.sender, Kind.USER) if message.sender else None,
            "timestamp": message.at.isoformat(),
            "event_type": kind,
            "content": content,
            "edited": message.edited.isoformat() if message.edited else None,
            "replaces": message.replaces,
            "reactions": _reactions(message),
        }

    def _content(self, message: Message) -> tuple[str, Json]:
        event = message.event or {}
        if message.kind == "poll":
            return "channel.poll", {"poll_id": render(event.get("poll", 0), Kind.POLL), "state": event.get("state")}
        if message.kind == "system":
            found = membership_of(event)
            if found is None:
                return "channel.message", {"type": "text", "body": message.body}
            user = self.state.users.get(found[1])
            return "channel.member", {"membership": found[0], "user": self.user(user) if user else None}
        if message.deleted:
            return "channel.message", {"type": "deleted"}
        content: Json = {"type": message.kind, "body": message.body}
        files = [file_of(attachment) for attachment in message.attachments if is_file(attachment)]
        if files:
            content = {"type": "files", "files": files, "body": message.body}
        elif message.attachments and not message.body:
            content["body"] = plain(message)
        return "channel.message", {**(message.extra or {}), **content}

    def audit(self, entry: AuditEntry) -> Json:
        """Write an audit entry."""
        user = self.state.users.get(entry.user or 0)
        return {
            "id": render(entry.id, Kind.OTHER),
            "timestamp": entry.at.isoformat(),
            "user": self.user(user) if user else None,
            "type": entry.type,
            "data": entry.data,
        }

    # Pushes

    def _message_posted(self, event: MessagePosted, audience: Audience) -> None:
        if tells(event.message):
            self._chat_event("chat.event", event.message, audience)

    def _message_reacted(self, event: MessageReacted, audience: Audience) -> None:
        self._chat_event("chat.event.reaction", event.message, audience)

    def _chat_event(self, name: str, message: Message, audience: Audience) -> None:
        """Tell of a message, with the profiles of its people for those who have not been told them here.

        Mostly that is nobody, and all get the same bytes.
        """
        event = self.message(message)
        lacking = self._lacking(self._people(message), audience)
        if not lacking:
            audience.broadcast(array_rpc.push(name, _with_users(event, {})))
            return
        frames: dict[tuple[int, ...], bytes] = {}
        for outbox, session in audience.members.items():
            place, fetched = session.topics[Topic.CHAT.value, message.room], session.fetched(message.room)
            people = tuple(user for user, told in lacking.items() if place > told and user not in fetched)
            if people not in frames:
                frames[people] = array_rpc.push(name, _with_users(event, self.users(people)))
            outbox.put(frames[people])

    def fetched(self, session: Session, audience: Audience | None, messages: list[Message]) -> Json:
        """Write the profiles of the people of old messages that a connection has not been told, and note that it has
        been now."""
        people = dict.fromkeys(user for message in messages for user in self._people(message))
        if audience is None or not messages:
            return self.users(people)
        room = messages[0].room
        place, fetched = session.topics[Topic.CHAT.value, room], session.fetched(room)
        new = [user for user in people if audience.told.get(user, (0, None))[0] < place and user not in fetched]
        session.note_fetched(room, new)
        return self.users(new)

    def _people(self, message: Message) -> list[int]:
        people = [message.sender] if message.sender else []
        for users in message.reactions.values():
            people += users
        if "@" in message.body:
            mentioned = (parse(text, Kind.USER) for text in MENTION.findall(message.body))
            people += [user for user in mentioned if user]
        return people

    def _lacking(self, people: list[int], audience: Audience) -> dict[int, int]:
        """Give those whose profile somebody in the audience may not have been told: only the first so many that ever
        joined it have. From now on all have been told."""
        told, found = audience.told, {}
        for user in people:
            record = self.state.users.get(user)
            if record is None:
                continue
            before, profile = told.get(user, (0, None))
            if before < audience.joined or profile is not record.profile:
                if len(told) >= TOLD_KEPT:
                    told.clear()
                told[user] = (audience.joined, record.profile)
                found[user] = before if profile is record.profile else 0
        return found

    def _visit_opened(self, event: VisitOpened, audience: Audience) -> None:
        audience.broadcast(array_rpc.push("room.viewer.added", {"user": self.user(self.state.users[event.user])}))

    def _visit_closed(self, event: VisitClosed, audience: Audience) -> None:
        audience.broadcast(array_rpc.push("room.viewer.removed", {"user_id": render(event.user, Kind.USER)}))

    def _reactions_counted(self, event: ReactionsCounted, audience: Audience) -> None:
        payload = {"reactions": event.reactions, "room": render(event.room, Kind.ROOM)}
        audience.broadcast(array_rpc.push("room.reaction", payload), droppable=True)

    def _room_scheduled(self, event: RoomScheduled, audience: Audience) -> None:
        payload = {"room": render(event.room, Kind.ROOM), "schedule_data": event.config.schedule_data}
        audience.broadcast(array_rpc.push("room.schedule", payload))

    def _occupancy_changed(self, event: OccupancyChanged, audience: Audience) -> None:
        room = self.state.rooms.get(event.room)
        payload = {"room": render(event.room, Kind.ROOM), "users": event.users}
        outboxes = [outbox for viewer, group in self._alike(audience) if self._sees(viewer, room) for outbox in group]
        self._push(outboxes, "world.user_count_change", payload, droppable=True)

    def _world_updated(self, event: Event, audience: Audience) -> None:
        for viewer, outboxes in self._alike(audience):
            self._push(outboxes, "world.updated", self.world_config(viewer))

    def _schedule_updated(self, event: ScheduleUpdated, audience: Audience) -> None:
        audience.broadcast(array_rpc.push("world.schedule.updated", setting(event.config, "pretalx")))

    def _room_created(self, event: RoomCreated, audience: Audience) -> None:
        if not event.session:
            self._world_updated(event, audience)  # by REST or the command line: as the original does
            return
        for viewer, outboxes in self._alike(audience):
            if self._sees(viewer, event.config):
                self._push(outboxes, "room.create", self.room(event.config, viewer, counted=False))

    def _room_deleted(self, event: RoomDeleted, audience: Audience) -> None:
        audience.broadcast(array_rpc.push("room.delete", {"id": render(event.room, Kind.ROOM)}))
        if not event.session:
            self._world_updated(event, audience)

    def _alike(self, audience: Audience) -> Iterator[tuple[User, list[Outbox]]]:
        """Sort an audience into groups who see the same of the world, each with one of them to stand for all."""
        groups: dict[object, tuple[User, list[Outbox]]] = {}
        now = self.clock()
        for outbox, session in audience.members.items():
            user = self.state.users.get(session.user)
            if user:
                groups.setdefault(self.state.access_key(user, now), (user, []))[1].append(outbox)
        yield from groups.values()

    def _sees(self, viewer: User, room: Room | None) -> bool:
        return room is not None and "room:view" in self.state.permissions(viewer, self.clock(), room)

    def _user_unread(self, event: UserUnread, audience: Audience) -> None:
        payload = {render(event.room, Kind.CHANNEL): event.message.number}
        audience.broadcast(array_rpc.push("chat.unread_pointers", payload))

    def _user_notified(self, event: UserNotified, audience: Audience) -> None:
        sender = self.state.users.get(event.message.sender or 0)
        payload = {"event": self.message(event.message), "sender": self.user(sender) if sender else None}
        audience.broadcast(array_rpc.push("chat.notification", payload))

    def _mention_missed(self, event: MentionMissed, audience: Audience) -> None:
        payload = {
            "channel": render(event.room, Kind.CHANNEL),
            "event_id": event.message.number,
            "missed_users": list(self.users(event.missed).values()),
        }
        audience.broadcast(array_rpc.push("chat.mention_warning", payload))

    def _channels_changed(self, event: ChannelsChanged, audience: Audience) -> None:
        self._push(_others(audience, event), "chat.channels", {"channels": self.channels(event.user)})

    def _user_updated(self, event: UserUpdated, audience: Audience) -> None:
        self._push(_others(audience, event), "user.updated", self.user(event.user, private=True))

    def _read_marked(self, event: ReadMarked, audience: Audience) -> None:
        user = event.state.user
        if len(audience.members) > 1:
            self._push(_others(audience, event), "chat.read_pointers", self.read_pointers(user))
        audience.broadcast(array_rpc.push("chat.notification_counts", self.notification_counts(user)))

    def _session_replaced(self, event: SessionReplaced, audience: Audience) -> None:
        for session in list(audience.members.values()):
            if session.id == event.session:
                session.outbox.put(array_rpc.error(None, 2, "connection.replaced", "Connection replaced"))
                session.retire()
                self._close_later(session, REPLACED_CLOSES_AFTER)

    def _sessions_revoked(self, event: SessionsRevoked, audience: Audience) -> None:
        audience.broadcast(array_rpc.push("connection.reload", {}))
        for session in list(audience.members.values()):
            self._close_later(session, REVOKED_CLOSES_AFTER)

    def _close_later(self, session: Session, delay: timedelta) -> None:
        self.clock.call_later(delay, session.outbox.close)


def is_file(attachment: Json) -> bool:
    """Tell whether something attached is a file to clients of this dialect: it is theirs, or has an address."""
    return "mimeType" in attachment or bool(link_of(attachment))


def file_of(attachment: Json) -> Json:
    """Write a file: as it came from clients of this dialect, or with what they need to show one of others."""
    if "mimeType" in attachment:
        return attachment
    url = link_of(attachment)
    path = url.partition("?")[0].partition("#")[0]
    media = guess_type(path)[0] or OF_KIND.get(str(attachment.get("type")), "application/octet-stream")
    name = attachment.get("name")
    return {"url": url, "name": name if isinstance(name, str) else path.rpartition("/")[2], "mimeType": media}


def _reactions(message: Message) -> dict[str, list[str]]:
    """Write who reacted how; a picture out of a pack is a heart, as clients of this dialect have none."""
    found: dict[str, dict[str, None]] = {}
    for sign, users in message.reactions.items():
        shown = HEART if PACKED.fullmatch(sign) else sign
        found.setdefault(shown, {}).update(dict.fromkeys(render(user, Kind.USER) for user in users))
    return {sign: list(users) for sign, users in found.items()}


def tells(message: Message) -> bool:
    """Tell whether clients of this dialect are told of what was said: they know no word of nobody's."""
    if message.kind == "system" and message.sender is None:
        return False
    return message.event is None or message.event.get("type") not in LEFT_OUT


def membership_of(event: Json) -> tuple[str, int] | None:
    """Say who joined or left by what happened; None when it was something else, or several at once."""
    match event.get("type"):
        case "member.joined" | "member.rejoined":
            return "join", event["user"]
        case "member.added" if len(event["members"]) == 1:
            return "join", event["members"][0]["user"]
        case "member.left" | "member.dropped":
            return "leave", event["user"]
        case "member.removed":
            return "leave", event["member"]["user"]
        case _:
            return None


def _with_users(event: msgspec.Raw, users: Json) -> msgspec.Raw:
    """Add the profiles of its people to a chat event that is written already."""
    return msgspec.Raw(b'%b,"users":%b}' % (bytes(event)[:-1], msgspec.json.encode(users)))


def vapid_public_key(world: World) -> str:
    """Give what browsers need to subscribe to pushes; nothing when the world has no key for them."""
    try:
        return web_push.public_key(world.config.get("vapid_private_key") or "")
    except (TypeError, ValueError):
        return ""


def _others(audience: Audience, event: Event) -> list[Outbox]:
    """List the connections but the one through which it was done."""
    return [outbox for outbox, session in audience.members.items() if session.id != event.session]
