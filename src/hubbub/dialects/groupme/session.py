"""One client of this dialect's push: what it has subscribed to, with whose token, and what it publishes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hubbub.core.chat import ListenEverywhere, SubscribeChat
from hubbub.core.command import Command
from hubbub.core.composing import SignalTyping
from hubbub.core.login import LogIn, LogOut, digest
from hubbub.core.model import Room, User
from hubbub.core.state import WorldState
from hubbub.dialects.groupme.id import parse, parse_pair, render
from hubbub.live.clock import Clock, Timer
from hubbub.live.community import Community
from hubbub.live.session import Encoder, Session
from hubbub.wire.bayeux.message import error, own_frame, own_name
from hubbub.wire.bayeux.session import BayeuxClient, Refused

FORBIDDEN, UNAUTHORIZED = "Forbidden channel", "Unauthorized"
MAX_TOKEN = 200
PING_INTERVAL = timedelta(seconds=30)
"""Source: protocols/groupme.md 3."""
PING = {"type": "ping"}


class Roster:
    """The connections that hear pings on their user's channel; there is a timer while there are any."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: set[GroupmeSession] = set()
        self._timer: Timer | None = None

    def add(self, session: "GroupmeSession") -> None:
        """Let a connection hear pings."""
        self._sessions.add(session)
        if self._timer is None:
            self._timer = self._clock.call_later(PING_INTERVAL, self._ping)

    def discard(self, session: "GroupmeSession") -> None:
        """Let a connection hear no more pings."""
        self._sessions.discard(session)
        if not self._sessions and self._timer:
            self._timer.cancel()
            self._timer = None

    def _ping(self) -> None:
        self._timer = self._clock.call_later(PING_INTERVAL, self._ping)
        ping = own_frame(PING)
        for session in self._sessions:
            session.outbox.put(ping)


class GroupmeSession(Session):
    """A connection, which is somebody's from the first channel that it subscribes to. It is its client's listener."""

    __slots__ = ("_client", "_community", "_end", "_roster", "access", "channels")

    def __init__(
        self, state: WorldState, client: BayeuxClient, encoder: Encoder, community: Community, roster: Roster
    ) -> None:
        super().__init__(community.new_id(), state, client.outbox, encoder)
        self.access = ""
        """The digest of the token; empty before the first channel."""
        self.channels: set[str] = set()
        """What it is told of."""
        self._client = client
        self._community = community
        self._roster = roster
        self._end: Timer | None = None

    # What comes in

    def on_connect(self, ext: Any) -> None:
        """Hear a connect; whatever comes with it says nothing."""

    def on_subscribe(self, channel: str, ext: Any) -> None:
        """Let the client onto a channel of its user. Raises Refused."""
        user = self._user_of(channel, ext)
        kind, _, about = channel.removeprefix("/").partition("/")
        allowed = CHANNELS.get(kind)
        if allowed is None or not allowed(self, user, about):
            raise Refused(error(403, FORBIDDEN, channel))
        if not self.user:
            self._log_in()
        self.channels.add(channel)
        if kind == "user":
            self._client.own = own_name(channel)

    def on_unsubscribe(self, channel: str, ext: Any) -> None:
        """Leave a channel."""
        self.channels.discard(channel)
        if channel.startswith("/user/"):
            self._client.own = b""

    def on_publish(self, channel: str, data: Any, ext: Any) -> None:
        """Hear that the user is writing. Raises Refused for whatever else is published."""
        user = self._user_of(channel, ext if _token_of(ext) else None)
        room = self._room(user, channel)
        typing = isinstance(data, dict) and data.get("type") == "typing"
        if room is None or not self.user:
            raise Refused(error(403, FORBIDDEN, channel))
        if typing:
            self._do(SignalTyping(room=room.id))

    def on_disconnect(self, reason: str) -> None:
        """Leave everything."""
        self._log_out()

    # Who it is

    def _user_of(self, channel: str, ext: Any) -> User:
        """Give whose token came along; without one, whose the connection is already. Raises Refused."""
        access = digest(_token_of(ext)) if ext is not None else self.access
        user = self.state.user_by_token(access, self._community.clock()) if access else None
        if user is None or "world:view" not in self.state.permissions(user, self._community.clock()):
            raise Refused(error(401, UNAUTHORIZED, channel))
        if self.user and self.user != user.id:
            raise Refused(error(403, "This connection is somebody else's", channel))
        if not self.access:
            self.access = access
        return user

    def is_good(self) -> bool:
        """Tell whether the token is still good."""
        user = self.state.user_by_token(self.access, self._community.clock())
        return user is not None and "world:view" in self.state.permissions(user, self._community.clock())

    def _log_in(self) -> None:
        """Be somebody's from now on, and hear what is said wherever they belong."""
        self._community.execute(self.state, LogIn(access=self.access), self._logged_in, session=self)

    def _logged_in(self, result: Any) -> None:
        token = self.state.tokens.get(self.access)
        if not isinstance(result, User):
            self._client.disconnect(reconnect="none")
            return
        self.user = result.id
        if token is None or self._client.is_closed():
            self._log_out()
            return
        assert self._community.hub
        self._community.hub.add(self)
        clock = self._community.clock
        self._end = clock.call_later(token.expires - clock(), self.retire)
        self._roster.add(self)
        self._do(ListenEverywhere())

    # What it may hear

    def _own(self, user: User, about: str) -> bool:
        return about == render(user.id)

    def _grouped(self, user: User, about: str) -> bool:
        room = self.state.rooms.get(parse(about))
        return (
            room is not None
            and room.lasting
            and user.id in self.state.members[room.id]
            and self.state.reads(user, self._community.clock(), room)
        )

    def _paired(self, user: User, about: str) -> bool:
        pair = parse_pair(about)
        return user.id in pair and pair[0] < pair[1] and f"{pair[0]}_{pair[1]}" == about

    def _room(self, user: User, channel: str) -> Room | None:
        """Give the group or the conversation of a channel that the user may be on."""
        kind, _, about = channel.removeprefix("/").partition("/")
        if kind == "group" and self._grouped(user, about):
            return self.state.rooms[parse(about)]
        if kind == "direct_message" and self._paired(user, about):
            return self.state.direct_between(*parse_pair(about))
        return None

    @property
    def hears_own(self) -> bool:
        """Whether it is told of the user's own channel."""
        return bool(self._client.own)

    def listen(self, room: int) -> None:
        """Hear what is said in a room from now on."""
        self._do(SubscribeChat(room=room))

    def leave(self, channel: str) -> None:
        """Hear nothing more on a channel."""
        self.channels.discard(channel)
        self._client.expel(channel)

    def _do(self, command: Command) -> None:
        self._community.execute(self.state, command, _ignore, session=self)

    # Going

    def retire(self) -> None:
        """Hear and say nothing any more: the token is over, or the user may not be here."""
        self._log_out()
        self._client.disconnect(error(401, UNAUTHORIZED), reconnect="none")

    def _log_out(self) -> None:
        if self._end:
            self._end.cancel()
            self._end = None
        self.channels.clear()
        self._client.own = b""
        self._roster.discard(self)
        if self.user:
            self._community.execute(self.state, LogOut(user=self.user), _ignore, session=self)
            assert self._community.hub
            self._community.hub.remove(self)
            self.user = 0


CHANNELS: dict[str, Callable[[GroupmeSession, User, str], bool]] = {
    "user": GroupmeSession._own,
    "group": GroupmeSession._grouped,
    "direct_message": GroupmeSession._paired,
}


def _token_of(ext: Any) -> str:
    token = ext.get("access_token") if isinstance(ext, dict) else None
    return token if isinstance(token, str) and len(token) <= MAX_TOKEN else ""


def _ignore(_result: Any) -> None:
    """Nobody waits."""
