"""What this dialect tells its clients: users, messages and channels, and the three events of its socket."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from hubbub.core.attachment import plain
from hubbub.core.event import (
    ConversationOpened,
    DirectChanged,
    DirectPosted,
    Event,
    SessionReplaced,
    SessionsRevoked,
    TokensRevoked,
)
from hubbub.core.model import Message, Room, User
from hubbub.core.state import WorldState
from hubbub.dialects.dm.id import is_greeting, render, render_message, render_user
from hubbub.live.clock import Clock
from hubbub.live.session import Audience, Encoder, Session
from hubbub.wire.outbox import Turn
from hubbub.wire.socket_io.packet import event_frame

Json = dict[str, Any]

BLANK_AVATAR = ""
"""What a user without a picture has: clients show their own."""
MAX_URL = 2000
FORBIDDEN = frozenset(" \"'<>\\`")
"""No address has these, but for the apostrophe, and that can be written %27 (RFC 3986 2)."""


class DmEncoder(Encoder):
    """Everything that clients of one world are told."""

    def __init__(self, state: WorldState, turn: Turn, clock: Clock) -> None:
        self.state = state
        self.turn = turn
        self.clock = clock
        self._tellers: dict[type[Event], Callable[[Any, Audience], None]] = {
            DirectPosted: self._posted,
            DirectChanged: self._changed,
            ConversationOpened: self._opened,
            TokensRevoked: self._tokens_revoked,
            SessionsRevoked: self._sessions_revoked,
            SessionReplaced: self._session_replaced,
        }

    def tell(self, event: Event, audience: Audience) -> None:
        teller = self._tellers.get(type(event))
        if teller:
            teller(event, audience)

    # Objects

    def user(self, user: User) -> Json:
        """Write a user: exactly these three fields."""
        return {
            "avatarURL": avatar_of(user),
            "id": render_user(self.state, user.id),
            "username": user.display_name,
        }

    def message(self, message: Message) -> Json:
        """Write a message with its author."""
        author = self.state.users.get(message.sender or 0)
        return {
            "content": content_of(message),
            "author": self.user(author) if author else {"avatarURL": BLANK_AVATAR, "username": "", "id": "0"},
            "id": render_message(self.state, message),
            "channel_id": render(message.room),
        }

    def channel(self, room: Room, user: int) -> Json:
        """Write a channel as one of its two members sees it."""
        return {"channel_id": render(room.id), "user": self.user(self.other(room.id, user))}

    def channels(self, user: int) -> list[Room]:
        """Give the channels of a user, oldest first."""
        rooms = (self.state.rooms[room] for room in self.state.belongs.get(user, ()) if is_channel(self.state, room))
        return sorted(rooms, key=lambda room: room.id)

    def other(self, room: int, user: int) -> User:
        """Give the other user of a channel."""
        (other,) = (member for member in self.state.members[room] if member != user)
        return self.state.users[other]

    # Events

    def _posted(self, event: DirectPosted, audience: Audience) -> None:
        # The greeting is in the answer to whoever asked for the welcome channel: told as well, it would be there twice.
        if is_said(event.message) and not is_greeting(self.state, event.message) and is_channel(self.state, event.room):
            self._put(event, audience, event_frame("message", self.message(event.message)))

    def _changed(self, event: DirectChanged, audience: Audience) -> None:
        if event.message.deleted and event.message.kind == "text" and is_channel(self.state, event.room):
            gone = {"channel": render(event.room), "id": render_message(self.state, event.message)}
            self._put(event, audience, event_frame("messageDeleted", gone))

    def _put(self, event: Event, audience: Audience, frame: bytes) -> None:
        """Tell those who listen to the channel, and whoever did it."""
        for outbox, session in audience.members.items():
            if listens(session, event.room, self.clock()) or session.id == event.session:
                outbox.put(frame)

    def _opened(self, event: ConversationOpened, audience: Audience) -> None:
        if not is_channel(self.state, event.room):
            return
        frame = event_frame("channelCreate", {"channel_id": render(event.room)})
        for outbox, session in audience.members.items():
            channels: set[int] | None = getattr(session, "channels", None)
            if channels is None:
                continue
            channels.add(event.room)
            if session.user != event.by and alive(session, self.clock()):
                outbox.put(frame)

    def _tokens_revoked(self, event: TokensRevoked, audience: Audience) -> None:
        digests = {token.digest for token in event.tokens}
        for session in list(audience.members.values()):
            if getattr(session, "access", "") in digests:
                session.retire()

    def _sessions_revoked(self, event: SessionsRevoked, audience: Audience) -> None:
        """Who was silenced goes on listening; who was banned does not."""
        for session in list(audience.members.values()):
            if not alive(session, self.clock()):
                session.retire()

    def _session_replaced(self, event: SessionReplaced, audience: Audience) -> None:
        for session in list(audience.members.values()):
            if session.id == event.session:
                session.retire()


def is_channel(state: WorldState, room: int) -> bool:
    """Tell whether a room is what this dialect calls a channel: a direct conversation of two."""
    found = state.rooms.get(room)
    return found is not None and found.kind == "direct" and not found.deleted and len(state.members[room]) == 2


def listens(session: Session, room: int, now: datetime) -> bool:
    """Tell whether a connection of this dialect is to hear of a channel."""
    return room in getattr(session, "channels", ()) and alive(session, now)


def alive(session: Session, now: datetime) -> bool:
    """Tell whether the token of a connection of this dialect is still good, and its user may be here."""
    return user_of(session.state, getattr(session, "access", ""), now) is not None


def user_of(state: WorldState, access: str, now: datetime) -> User | None:
    """Give who has a token, by its digest, that is good, and may be here."""
    user = state.user_by_token(access, now)
    return user if user and "world:view" in state.permissions(user, now) else None


def is_said(message: Message) -> bool:
    """Tell whether a message is what this dialect calls one: said, and not taken back."""
    return message.kind == "text" and message.replaces is None and not message.deleted


def avatar_of(user: User) -> str:
    """Give the address of a user's picture. Other dialects keep what their clients send, so it is looked at here."""
    avatar = user.profile.get("avatar")
    url = avatar.get("url") if isinstance(avatar, dict) else None
    return url if isinstance(url, str) and is_address(url) else BLANK_AVATAR


def is_address(url: str) -> bool:
    """Tell whether a picture may be at an address: one of the web, without anything that breaks out of an attribute."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    web = parts.scheme in ("http", "https") and bool(parts.netloc)
    return web and len(url) <= MAX_URL and url.isprintable() and not FORBIDDEN.intersection(url)


def content_of(message: Message) -> str:
    """Give what a message says; links for its files."""
    return plain(message)
