"""What this dialect tells its clients: the core's records and events as jumpin's objects and Socket.IO events.

Every room event is encoded once and put as one prepared frame into all outboxes, whichever generation of Socket.IO
they speak. Bots build objects from what they get, so no key may be added to those here (protocols: hard rules).
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import uuid4

from hubbub.core.attachment import plain
from hubbub.core.event import (
    BroadcastClosed,
    DirectPosted,
    Event,
    FeedCleared,
    GrantGiven,
    GrantTaken,
    IgnoreBegun,
    IgnoreEnded,
    MessagePosted,
    RoomDeleted,
    SessionReplaced,
    SessionsRevoked,
    TopicSet,
    UserBanned,
    VideoAdded,
    VideoEnded,
    VideoPaused,
    VideoRemoved,
    VideoResumed,
    VideoSought,
    VideoStarted,
    VisitClosed,
    VisitOpened,
    VisitorKicked,
    VisitUpdated,
)
from hubbub.core.handle import COLORS
from hubbub.core.model import Ban, Ignore, Message, PlaylistItem, Room, User
from hubbub.core.playlist import Playing, end_of
from hubbub.core.presence import Visit
from hubbub.core.room import OWNER
from hubbub.core.state import WorldState
from hubbub.dialects.jumpin.body import Json, instant
from hubbub.dialects.jumpin.id import Kind, render
from hubbub.dialects.jumpin.room import name_of
from hubbub.live.clock import Clock
from hubbub.live.session import Audience, Encoder, Session
from hubbub.wire.outbox import Outbox, Turn
from hubbub.wire.socket_io.packet import event_frame

BLANK_PICTURE = "user-avatar/avatar-blank.png"
EVERYBODY, MODERATORS = "everybody", "mods"
"""Tags of the roles that every room has."""


class JumpinEncoder(Encoder):
    """Everything that clients of one world are told."""

    def __init__(self, state: WorldState, turn: Turn, clock: Clock) -> None:
        self.state = state
        self.turn = turn
        self.clock = clock
        self._tellers: dict[type[Event], Callable[[Any, Audience], None]] = {
            MessagePosted: self._message_posted,
            DirectPosted: self._direct_posted,
            VisitOpened: self._visit_opened,
            VisitClosed: self._visit_closed,
            VisitUpdated: self._visit_updated,
            VisitorKicked: self._visitor_kicked,
            UserBanned: self._user_banned,
            BroadcastClosed: self._broadcast_closed,
            FeedCleared: self._feed_cleared,
            TopicSet: self._topic_set,
            IgnoreBegun: self._ignore_changed,
            IgnoreEnded: self._ignore_changed,
            VideoAdded: self._video_added,
            VideoRemoved: self._video_removed,
            VideoStarted: self._playlist_passed,
            VideoEnded: self._playlist_passed,
            VideoPaused: self._video_paused,
            VideoResumed: self._video_resumed,
            VideoSought: self._video_sought,
            GrantGiven: self._grant_changed,
            GrantTaken: self._grant_changed,
            RoomDeleted: self._room_deleted,
            SessionReplaced: self._session_replaced,
            SessionsRevoked: self._sessions_revoked,
        }

    def tell(self, event: Event, audience: Audience) -> None:
        teller = self._tellers.get(type(event))
        if teller:
            teller(event, audience)

    # Objects

    def person(self, visit: Visit) -> Json:
        """Write somebody who is in a room: exactly the keys that bots know."""
        user, now = self.state.users[visit.user], self.clock()
        room = self.state.rooms[visit.room]
        rank = self.state.rank(user, now)
        moderates = self.state.standing(user, now, room) > 0
        return {
            "_id": render(visit.id, Kind.VISIT),
            "handle": visit.handle,
            "operator_id": render(user.id, Kind.OPERATOR) if moderates else None,
            "user_id": render(user.id, Kind.USER) if user.account else None,
            "username": username_of(user),
            "isBroadcasting": visit.broadcasting,
            "assignedBy": None,
            "isAdmin": rank > 1,
            "isSiteMod": rank == 1,
            "isSupporter": False,
            "userIcon": None,
            "color": visit.color,
            "roles": [EVERYBODY, MODERATORS] if moderates else [EVERYBODY],
        }

    def oneself(self, visit: Visit) -> Json:
        """Write somebody to themselves."""
        user, room = self.state.users[visit.user], self.state.rooms[visit.room]
        found = self.person(visit) | {"createdAt": instant(user.created), "joinTime": instant(visit.entered)}
        held = self.state.permissions(user, self.clock(), room)
        if found["operator_id"]:
            moderates = "room:chat.moderate" in held
            found["operatorPermissions"] = {
                "ban": moderates,
                "close_cam": "room:cam.close" in held,
                "mute_user_audio": "room:cam.close" in held,
                "mute_user_chat": moderates,
                "mute_room_chat": "room:update" in held,
                "mute_room_audio": "room:update" in held,
                "apply_password": "room:update" in held,
                "assign_operator": "room:update" in held,
                "play_youtube": "room:playlist.add" in held,
            }
        return found

    def people(self, room: int) -> list[Json]:
        """Write everybody who is in a room and shows it."""
        visits = self.state.presence.visits.get(room, {}).values()
        return [self.person(visit) for visit in visits if self.state.users[visit.user].shown]

    def ignored(self, user: int) -> list[Json]:
        """Write whom somebody ignores."""
        now = self.clock()
        return [self._ignore(one) for one in self.state.ignores.get(user, {}).values() if one.until > now]

    def _ignore(self, ignore: Ignore) -> Json:
        target = self.state.users.get(ignore.target)
        visits = (visits.get(ignore.target) for visits in self.state.presence.visits.values())
        visit = next((visit for visit in visits if visit), None)
        return {
            "id": render(ignore.id, Kind.IGNORE),
            "handle": ignore.handle,
            "userListId": render(visit.id, Kind.VISIT) if visit else None,
            "userId": render(ignore.target, Kind.USER) if target and target.account else None,
            "timestamp": instant(ignore.at),
            "expiresAt": instant(ignore.until),
        }

    def ban(self, ban: Ban) -> Json:
        """Write an entry of a ban list."""
        user = self.state.users.get(ban.user)
        handle = ban.handle or (user.display_name if user else "")
        found: Json = {"_id": render(ban.id, Kind.BAN), "handle": handle, "timestamp": instant(ban.at)}
        if user and user.account:
            found["username"] = username_of(user)
        return found

    def video(self, item: PlaylistItem) -> Json:
        """Write an item of a playlist, with the id of who put it there."""
        return {
            "startTime": instant(item.started),
            "endTime": instant(end_of(item)),
            "description": item.description or None,
            "channelId": item.channel,
            "pausedAt": instant(item.paused),
            "_id": render(item.id, Kind.VIDEO),
            "mediaId": item.media_id,
            "title": item.title,
            "link": item.link,
            "duration": item.duration or 0,
            "thumb": item.thumbnail,
            "mediaType": "TYPE_YOUTUBE",
            "startedBy": render(item.by, Kind.USER) if item.by else None,
            "createdAt": instant(item.at),
        }

    def playing(self, playing: Playing) -> Json:
        """Write what plays, with who put it there and the second at which it is."""
        user = self.state.users.get(playing.item.by)
        starter = {
            "_id": render(playing.item.by, Kind.USER),
            "username": (username_of(user) or user.display_name) if user else None,
            "profile": {"pic": picture_of(user)},
        }
        position = int(playing.position.total_seconds())
        return self.video(playing.item) | {"startedBy": starter, "startAt": position}

    def playlist(self, room: int) -> list[Json]:
        """Write what plays and what waits in a room."""
        return [self.video(item) for item in self.state.playlists.get(room, {}).values()]

    def topic(self, room: Room) -> Json:
        """Write what a room is about."""
        user = self.state.users.get(room.topic_by)
        by = {"_id": render(user.id, Kind.USER), "username": username_of(user) or user.display_name} if user else None
        return {"text": room.topic, "updatedAt": instant(room.topic_at), "updatedBy": by}

    def room(self, room: Room, *, users: bool = True) -> Json:
        """Write a room as clients fetch it before they join."""
        holders = self.state.holders.get(room.id, {})
        owner = next(
            (user for user, roles in holders.items() if OWNER in roles and self.state.users[user].account), None
        )
        return {
            "_id": render(room.id, Kind.ROOM),
            "name": name_of(room),
            "users": self.people(room.id) if users else [],
            "attrs": {
                "owner": render(owner, Kind.USER) if owner else None,
                "janus_id": render(room.id, Kind.ROOM),
                "fresh": False,
                "ageRestricted": room.age_restricted,
            },
            "settings": {
                "public": room.listed,
                "modOnlyPlayMedia": room.moderated_playlist,
                "forcePtt": room.push_to_talk,
                "forceUser": room.accounts_only,
                "description": room.description,
                "topic": self.topic(room),
                "display": room.picture or "room-display/room-blank.png",
                "requiresPassword": room.locked,
            },
        }

    def handle_of(self, user: int, room: int) -> str:
        """Say what somebody is called in a room, there or not."""
        visit = self.state.presence.visit(room, user)
        if visit:
            return visit.handle
        known = self.state.users.get(user)
        return (known.display_name if known else "") or "somebody"

    def _speaker(self, user: int, room: int) -> tuple[str, str, str]:
        """Give the id in the user list, the handle and the colour of who speaks, whether or not they are there."""
        visit = self.state.presence.visit(room, user)
        if visit:
            return render(visit.id, Kind.VISIT), visit.handle, visit.color
        return render(user, Kind.USER), self.handle_of(user, room), COLORS[user % len(COLORS)]

    def status(self, message: str, **more: Any) -> bytes:
        """Write a line of the room itself."""
        return event_frame("room::status", {**more, **stamped(message, self.clock())})

    # Events

    def _message_posted(self, event: MessagePosted, audience: Audience) -> None:
        message = event.message
        room = self.state.rooms.get(message.room)
        if room and room.kind == "room" and message.kind != "text" and self._is_news(message):
            audience.broadcast(self.status(message.body))
        if message.kind != "text" or message.replaces is not None or not message.sender:
            return
        if room is None or room.kind == "direct":
            return  # told as DirectPosted
        identity, handle, color = self._speaker(message.sender, message.room)
        said = {"handle": handle, "color": color, "userId": identity}
        if (message.extra or {}).get("action") == "me":
            audience.broadcast(self.status(f"* {handle} {message.body}", **said))
            return
        body = {**said, "message": content_of(message), "timestamp": instant(message.at), "id": message_id(message)}
        audience.broadcast(event_frame("room::message", body))

    def _is_news(self, message: Message) -> bool:
        """Tell whether a message says in words what happened; who comes and goes is told otherwise."""
        what = str((message.event or {}).get("type", ""))
        return bool(message.body) and not what.startswith("member.") and message.replaces is None

    def _direct_posted(self, event: DirectPosted, audience: Audience) -> None:
        message = event.message
        if message.kind != "text" or not message.sender or len(event.users) != 2 or message.replaces is not None:
            return
        (other,) = (user for user in event.users if user != message.sender)
        for outbox, session in audience.members.items():
            room = room_of(session)
            if not room:
                continue
            identity, handle, color = self._speaker(message.sender, room)
            own = session.user == message.sender
            body: Json = {
                "handle": handle,
                "color": color,
                "userListId": self._speaker(other, room)[0] if own else identity,
                "userId": render(message.sender, Kind.USER),
                "message": content_of(message),
                "timestamp": instant(message.at),
                "id": message_id(message),
            }
            if own:
                body["clientIsSender"] = True
            outbox.put(event_frame("room::privateMessage", body))

    def _visit_opened(self, event: VisitOpened, audience: Audience) -> None:
        if event.first:
            audience.broadcast(event_frame("room::updateUserList", {"user": self.person(event.visit)}))
            audience.broadcast(self.joined(event.visit))

    def joined(self, visit: Visit) -> bytes:
        """Write that somebody has come."""
        return self.status(f"guest {visit.handle} has joined the room", notification_type="room")

    def _visit_closed(self, event: VisitClosed, audience: Audience) -> None:
        audience.broadcast(self.status(f"{event.visit.handle} has left the room"))
        if event.user in self.state.users and event.room in self.state.rooms:
            audience.broadcast(event_frame("room::disconnect", {"user": self.person(event.visit)}))

    def _visit_updated(self, event: VisitUpdated, audience: Audience) -> None:
        visit, before = event.visit, event.before
        if visit.handle != before.handle:
            identity = render(visit.id, Kind.VISIT)
            audience.broadcast(event_frame("room::handleChange", {"userId": identity, "handle": visit.handle}))
            audience.broadcast(self.status(f"{before.handle} changed their name to {visit.handle}"))
        if visit.color != before.color:
            audience.broadcast(event_frame("room::updateUser", {"user": self.person(visit), "color": visit.color}))
        elif visit.broadcasting != before.broadcasting:
            audience.broadcast(event_frame("room::updateUser", {"user": self.person(visit)}))

    def _visitor_kicked(self, event: VisitorKicked, audience: Audience) -> None:
        here, target = self._split(audience, event.room, event.visit.user)
        by = self.handle_of(event.by, event.room)
        self._put(here, self.status(f"{event.visit.handle} was kicked by {by}"))
        self._send_away(target)

    def _user_banned(self, event: UserBanned, audience: Audience) -> None:
        ban = event.ban
        here, target = self._split(audience, ban.room, ban.user)
        by = self.handle_of(event.by, ban.room)
        visit = self.state.presence.visit(ban.room, ban.user)
        handle = visit.handle if visit else ban.handle
        if ban.kind == "silence":
            self._put((session.outbox for session in target), self.status(f"You have been silenced by {by}"))
            self._put(here, self.status(f"{handle} was silenced by {by}"))
            return
        if ban.room:
            self._put(here, self.status(f"{handle} was banned by {by}"))
            if visit:
                self._put(here, event_frame("room::userbanned", {"user": self.person(visit)}))
        self._send_away(target)

    def _broadcast_closed(self, event: BroadcastClosed, audience: Audience) -> None:
        here, target = self._split(audience, event.room, event.visit.user)
        by, outboxes = self.handle_of(event.by, event.room), [session.outbox for session in target]
        self._put(outboxes, event_frame("self::closeBroadcast"))
        self._put(outboxes, self.status(f"{by} has closed your broadcast"))
        self._put(here, self.status(f"{by} has closed {event.visit.handle}'s broadcast"))

    def _feed_cleared(self, event: FeedCleared, audience: Audience) -> None:
        audience.broadcast(event_frame("room::clearFeed"))
        audience.broadcast(self.status(f"{self.handle_of(event.by, event.room)} cleared the chat feed"))

    def _topic_set(self, event: TopicSet, audience: Audience) -> None:
        audience.broadcast(event_frame("room::settings", {"topic": self.topic(event.config)}))
        by = self.handle_of(event.by, event.room)
        audience.broadcast(self.status(f'{by} changed the room topic to "{event.config.topic}"'))

    def _ignore_changed(self, event: IgnoreBegun | IgnoreEnded, audience: Audience) -> None:
        audience.broadcast(event_frame("room::updateIgnore", {"ignoreList": self.ignored(event.ignore.user)}))

    def _video_added(self, event: VideoAdded, audience: Audience) -> None:
        item, by = event.item, self.handle_of(event.by, event.room)
        audience.broadcast(event_frame("youtube::playlistUpdate", self.playlist(event.room)))
        audience.broadcast(self.status(f"{by} added a video to the playlist: {item.title} ({item.link})"))

    def _video_removed(self, event: VideoRemoved, audience: Audience) -> None:
        by = self.handle_of(event.by, event.room)
        audience.broadcast(event_frame("youtube::playlistUpdate", self.playlist(event.room)))
        audience.broadcast(self.status(f"{by} removed a video from the playlist: {event.item.title}"))

    def _playlist_passed(self, event: VideoStarted | VideoEnded, audience: Audience) -> None:
        if not event.session:
            # Nobody asked: it was time. Clients then ask what plays; had one of them asked, it would know already.
            audience.broadcast(event_frame("youtube::playlistUpdate", self.playlist(event.room)))

    def _video_paused(self, event: VideoPaused, audience: Audience) -> None:
        self._video_moved("youtube::videoPaused", event, audience, "paused the video")

    def _video_resumed(self, event: VideoResumed, audience: Audience) -> None:
        self._video_moved("youtube::videoResume", event, audience, "resumed the video")

    def _video_sought(self, event: VideoSought, audience: Audience) -> None:
        self._video_moved("youtube::seek", event, audience, "changed the current video time")

    def _video_moved(self, name: str, event: Any, audience: Audience, what: str) -> None:
        audience.broadcast(event_frame(name, self.video(event.item)))
        audience.broadcast(self.status(f"{self.handle_of(event.by, event.room)} {what}"))

    def _grant_changed(self, event: GrantGiven | GrantTaken, audience: Audience) -> None:
        for session in list(audience.members.values()):
            visit = self.state.presence.visit(room_of(session), event.grant.user)
            if visit:
                session.outbox.put(event_frame("room::updateUser", {"user": self.person(visit)}))
                if session.user == visit.user:
                    session.outbox.put(event_frame("self::user", {"user": self.oneself(visit)}))

    def _room_deleted(self, event: RoomDeleted, audience: Audience) -> None:
        here, _ = self._split(audience, event.room, 0)
        gone = stamped("Room no longer exists, please refresh.", self.clock())
        self._put(here, event_frame("client::error", {"context": "chat", **gone}))

    def _session_replaced(self, event: SessionReplaced, audience: Audience) -> None:
        self._send_away([session for session in audience.members.values() if session.id == event.session], banned=False)

    def _sessions_revoked(self, event: SessionsRevoked, audience: Audience) -> None:
        self._send_away(list(audience.members.values()), banned=False)

    def _split(self, audience: Audience, room: int, user: int) -> tuple[list[Outbox], list[Session]]:
        """Sort an audience into the outboxes of all who are in a room, and the connections of one user there."""
        here = [outbox for outbox, session in audience.members.items() if room_of(session) == room and room]
        anywhere = [session for session in audience.members.values() if session.user == user]
        return here, [session for session in anywhere if not room or room_of(session) == room]

    def _put(self, outboxes: Iterable[Outbox], frame: bytes) -> None:
        self.turn.broadcast(outboxes, frame)

    def _send_away(self, sessions: list[Session], *, banned: bool = True) -> None:
        for session in sessions:
            if banned:
                session.outbox.put(event_frame("self::banned"))
            session.retire()


def stamped(message: str, now: datetime) -> Json:
    """Write a message with what every message has: an instant and an id."""
    return {"message": message, "timestamp": instant(now), "id": str(uuid4())}


def room_of(session: Session) -> int:
    """Give the room that a connection of this dialect has joined; 0 when it has not."""
    return getattr(session, "room", 0)


def username_of(user: User) -> str | None:
    """Give the account name that others see; None for a guest."""
    return (user.display_name or user.login) if user.account else None


def picture_of(user: User | None) -> str:
    """Give a user's picture."""
    avatar = user.profile.get("avatar") if user else None
    url = avatar.get("url") if isinstance(avatar, dict) else None
    return url if isinstance(url, str) else BLANK_PICTURE


def content_of(message: Message) -> str:
    """Give what a message says; links for its files."""
    return plain(message).strip()


def message_id(message: Message) -> str:
    """Write a message's id in the form of a UUID of version 4, as clients expect, the same for everybody."""
    number = f"{message.id:020x}"
    return f"{number[:8]}-{number[8:12]}-4{number[12:15]}-8{number[15:18]}-{number[18:]}{'0' * 10}"
