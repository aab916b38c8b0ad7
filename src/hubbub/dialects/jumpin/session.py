"""One client of this dialect: from its first event to its last.

Events of a client are done one after another, in the order in which they came. Who somebody is was decided by the first
request of the connection; they are logged in when they join a room, so that connections that never do cost nothing.
"""

import logging
import secrets
from collections import deque
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from hubbub.core.chat import UnsubscribeChat
from hubbub.core.command import Command
from hubbub.core.error import HubbubError
from hubbub.core.login import LogIn, LogOut
from hubbub.core.model import User
from hubbub.core.moderation import bans_of
from hubbub.core.playlist import AddVideo
from hubbub.core.room import Arrival, LeaveRoom
from hubbub.core.state import WorldState
from hubbub.core.visit import JoinRoom
from hubbub.dialects.jumpin.body import Json, as_object, text
from hubbub.dialects.jumpin.command import run_command
from hubbub.dialects.jumpin.decode import ADD_VIDEO, CALLS, Call
from hubbub.dialects.jumpin.encode import JumpinEncoder, stamped, username_of
from hubbub.dialects.jumpin.error import ALERT, CHAT, NO_SESSION, RefusedError, humanised, join_refusal
from hubbub.dialects.jumpin.flood import FloodGuard
from hubbub.dialects.jumpin.identity import Visitor
from hubbub.dialects.jumpin.room import find_room, name_of
from hubbub.live.community import Community
from hubbub.live.session import Session
from hubbub.media.contract import Provider, ProviderUnavailable
from hubbub.media.youtube import find_id, make_media
from hubbub.wire.socket_io.socket import Reply, Socket

logger = logging.getLogger(__name__)

MAX_WAITING = 200
"""Events of one client that wait for its earlier ones; a client that sends more is sent away."""


class JumpinSession(Session):
    """A connection that speaks this dialect. It is the listener of its socket."""

    __slots__ = (*("_busy", "_community", "_flood", "_media", "_socket", "_waiting", "room", "visitor"),)

    def __init__(
        self,
        state: WorldState,
        socket: Socket,
        encoder: JumpinEncoder,
        community: Community,
        visitor: Visitor,
        media: Provider,
    ) -> None:
        super().__init__(community.new_id(), state, socket.outbox, encoder)
        self.visitor = visitor
        self.origin = visitor.origin(socket.handshake.address)
        self.room: int = 0
        """The room that the client has joined; 0 before."""
        self._socket = socket
        self._community = community
        self._media = media
        self._flood = FloodGuard()
        self._busy = False
        self._waiting: deque[tuple[str, Json]] = deque()

    # What comes in

    def on_event(self, name: str | int, arguments: list[Any], reply: Reply | None) -> None:
        """Hear an event; do it, or let it wait for what is being done."""
        if not isinstance(name, str):
            return
        body = as_object(arguments[0] if arguments else None)
        if reply:
            reply()  # nobody waits for more: the original acknowledges nothing
        if len(self._waiting) >= MAX_WAITING:
            logger.info("a client sends events faster than they can be done")
            self.retire()
            return
        self._waiting.append((name, body))
        if not self._busy:
            self._go_on()

    def on_disconnect(self, reason: str) -> None:
        """Leave everything."""
        self._waiting.clear()
        self._log_out()

    def retire(self) -> None:
        """Belong to nobody any more, and be gone."""
        self._socket.disconnect()

    def _go_on(self) -> None:
        while self._waiting and not self._busy and self._socket.connected:
            self._handle(*self._waiting.popleft())

    def _handle(self, name: str, body: Json) -> None:
        try:
            if name in LOCAL:
                LOCAL[name](self, body)
                return
            if name not in CALLS and name not in {"room::command", "youtube::play"}:
                return  # the original ignores them, too
            self._check_joined()
            if name == "room::command":
                asked = run_command(self, body)
                if asked:
                    self._begin(*asked)
            elif name == "youtube::play":
                self._play(body)
            else:
                call = CALLS[name]
                if call.guarded and not self._flood.admits(self.now()):
                    raise RefusedError("Flood limit reached. Please enhance your calm.", "FloodError", context=CHAT)
                self._begin(call, body)
        except RefusedError as error:
            self.emit_error(error)
        except Exception:
            fault = secrets.token_hex(4)
            logger.exception("fault %s", fault)
            self.emit_error(RefusedError(f"Internal error {fault}", "ERR_SRV", context=CHAT))

    def _check_joined(self) -> None:
        if not self.room or not self.user:
            raise RefusedError(NO_SESSION[1], NO_SESSION[0], context=CHAT)

    def _begin(self, call: Call, body: Json) -> None:
        """Have a command done, and tell the asker what nobody else is told."""
        self._execute(call.read(self, body), partial(self._done, call, body))

    def _execute(self, command: Command, then: Callable[[Any], None]) -> None:
        self._busy = True

        def done(result: Any) -> None:
            self._busy = False
            try:
                then(result)  # which may begin something else
            except Exception:
                fault = secrets.token_hex(4)
                logger.exception("fault %s", fault)
                self.emit_error(RefusedError(f"Internal error {fault}", "ERR_SRV", context=CHAT))
            if self._waiting and not self._busy:
                self._community.soon(self._go_on)

        self._community.execute(self.state, command, done, session=self)

    def _resume(self) -> None:
        self._busy = False
        self._go_on()

    def _done(self, call: Call, body: Json, result: Any) -> None:
        if isinstance(result, HubbubError):
            error = call.refusal(self, result)
            if error:
                self.emit_error(error)
        elif call.write:
            call.write(self, body, result)

    # Coming and going

    def _join(self, body: Json) -> None:
        room = find_room(self.state, body.get("room"))
        if room is None:
            raise RefusedError("Error joining room", "ERR_NO_ROOM", context=ALERT)
        if room.id == self.room and self.in_room():
            error = "You have already joined this room"
            raise RefusedError(error, error, context=CHAT)
        if self.room:
            self._execute(LeaveRoom(room=self.room), lambda result: self._left(body))
        elif not self.user:
            access = self.visitor.access or None
            command = LogIn(access=access) if access else LogIn(client_id=self.visitor.client_id)
            self._execute(command, lambda result: self._logged_in(body, result))
        else:
            key = self.visitor.keys.get(name_of(room), "")
            self._execute(JoinRoom(room=room.id, key=key), lambda result: self._joined(room.id, result))

    def _left(self, body: Json) -> None:
        room, self.room = self.room, 0
        self._execute(UnsubscribeChat(room=room), lambda result: self._again(body))

    def _logged_in(self, body: Json, result: Any) -> None:
        if isinstance(result, User):
            self.user = result.id
            if not self._socket.connected:
                self._log_out()
                return
            assert self._community.hub
            self._community.hub.add(self)
            self._again(body)
        else:
            self._refuse_join(result)

    def _again(self, body: Json) -> None:
        try:
            self._join(body)
        except RefusedError as error:
            self.emit_error(error)

    def _joined(self, room: int, result: Any) -> None:
        if isinstance(result, HubbubError):
            self._refuse_join(result)
            return
        assert isinstance(result, Arrival)
        self.room = room
        visit = result.visit
        self.emit("room::updateUserList", {"user": self.jumpin.person(visit)})
        self.emit("room::updateIgnore", {"ignoreList": self.jumpin.ignored(self.user)})
        self.emit("self::join", {"user": self.jumpin.oneself(visit)})
        for line in self._welcome():
            self.emit_status(line)
        self.outbox.put(self.jumpin.joined(visit))

    def _refuse_join(self, error: HubbubError) -> None:
        body = join_refusal(error)
        if body is None:
            said = error.message if error.temporary else ""
            self.emit_error(RefusedError(said or "Error joining room", "ERR_SRV", context=ALERT))
            return
        self.emit("client::error", {**body, **stamped(error.message or "You may not join this room.", self.now())})
        self._socket.disconnect()

    def _welcome(self) -> list[str]:
        """Say what newcomers are told."""
        room = self.state.rooms[self.room]
        lines = [f"Welcome to {name_of(room)}"]
        if room.description:
            lines += [f"Room description: {room.description}", " "]
        topic = self.topic_lines("Room topic", "Set by: {by} {on}")
        lines += [*topic, " "] if topic else []
        lines.append('You can find help for available chat commands by typing "/help"')
        if self.may("room:chat.moderate"):
            lines.append('You can also list moderator commands by typing "/modhelp"')
        if self.state.presence.occupants(room.id) < 2:
            alone = "There's nobody here right now, you can invite people by sharing the link above"
            lines += [" ", alone, " "]
        return lines

    def topic_lines(self, what: str, by: str) -> list[str]:
        """Say what the room is about, and who said so; nothing when nobody has."""
        room = self.state.rooms[self.room]
        if not room.topic:
            return []
        user = self.state.users.get(room.topic_by)
        name = (username_of(user) or user.display_name) if user else "somebody"
        on = room.topic_at.strftime("%d/%m/%Y") if room.topic_at else ""
        return [f"{what}: {room.topic}", by.format(by=name, on=on)]

    def _still_joined(self, body: Json) -> None:
        if find_room(self.state, body.get("room")) is None:
            raise RefusedError("Room no longer exists, please refresh.", "ERR_NO_ROOM", context=CHAT)
        self.emit("client::stillConnected" if self.in_room() else "client::forceDisconnect")

    def _users(self, body: Json) -> None:
        if not self.in_room():
            raise RefusedError("no user session", "ERR_NO_USER_SESSION", context=CHAT)
        visit = self.state.presence.visit(self.room, self.user)
        assert visit
        everybody = self.may("room:viewers")
        self.emit(
            "room::updateUsers",
            {"users": self.jumpin.people(self.room) if everybody else [self.jumpin.person(visit)]},
        )

    def _ignored(self, body: Json) -> None:
        self._check_joined()
        self.emit("room::updateIgnore", {"ignoreList": self.jumpin.ignored(self.user)})

    def _log_out(self) -> None:
        if self.user:
            self._community.execute(self.state, LogOut(user=self.user), _ignore, session=self)
            assert self._community.hub
            self._community.hub.remove(self)
            self.user = self.room = 0

    # Videos

    def _play(self, body: Json) -> None:
        media_id = find_id(text(body, "videoId"))
        if not self.may("room:playlist.add"):
            raise RefusedError("You don't have permission to play videos", "PermissionError", context=CHAT)
        if not media_id:
            raise RefusedError("Error starting Youtube video", "ERR_INVALID_PARAMS", context=CHAT)
        self._busy = True
        self._community.spawn(self._look_up(media_id, text(body, "title")[:200]))

    async def _look_up(self, media_id: str, title: str) -> None:
        try:
            media = await self._media.details(media_id)
        except ProviderUnavailable:
            # What the client says of it is better than nothing; how long it is stays open.
            media = make_media(media_id, title=title or media_id)
        except Exception:
            logger.exception("a video could not be looked up")
            media = None
        if media is None or not self.user:
            self.emit_error(RefusedError("Error starting Youtube video", "ERR_NOT_FOUND", context=CHAT))
            self._resume()
            return
        self._execute(AddVideo(room=self.room, media=media), partial(self._done, ADD_VIDEO, {}))

    # For the other modules of this dialect

    @property
    def jumpin(self) -> JumpinEncoder:
        """The encoder, by its own type."""
        assert isinstance(self.encoder, JumpinEncoder)
        return self.encoder

    def now(self) -> datetime:
        """Give the present instant."""
        return self._community.clock()

    def in_room(self) -> bool:
        """Tell whether this very connection is in the room that it joined."""
        visit = self.state.presence.visit(self.room, self.user) if self.room else None
        return visit is not None and self.id in visit.sessions

    def may(self, permission: str) -> bool:
        """Tell whether the client's user has a permission in the room; for what to show, never for what to do."""
        user, room = self.state.users.get(self.user), self.state.rooms.get(self.room)
        return user is not None and room is not None and permission in self.state.permissions(user, self.now(), room)

    def silenced_for(self) -> str | None:
        """Say how long the client's user is still silent in the room; None when they are not."""
        bans = self.state.bans.get(self.user, {}).values()
        held = [ban for ban in bans if ban.kind == "silence" and ban.room in (0, self.room) and ban.holds(self.now())]
        if not held:
            return None
        ends = [ban.until for ban in held if ban.until]
        if len(ends) < len(held):
            return "until a moderator lets you speak"
        return humanised(max(ends) - self.now())

    def emit(self, name: str, *arguments: object) -> None:
        """Tell this client something."""
        self._socket.emit(name, *arguments)

    def emit_status(self, message: str, **more: Any) -> None:
        """Show this client a line of the room."""
        self.outbox.put(self.jumpin.status(message, **more))

    def emit_error(self, error: RefusedError) -> None:
        """Tell this client why something was not done."""
        self.emit("client::error", {**error.body(), **stamped(error.message, self.now())})

    def emit_banlist(self) -> None:
        """Tell this client who is banned."""
        bans = bans_of(self.state, self.now(), self.state.rooms[self.room])
        self.emit("client::banlist", {"list": [self.jumpin.ban(ban) for ban in bans]})


LOCAL: dict[str, Callable[[JumpinSession, Json], None]] = {
    "room::join": JumpinSession._join,
    "room::isStillJoined": JumpinSession._still_joined,
    "room::users": JumpinSession._users,
    "room::getIgnoreList": JumpinSession._ignored,
}
"""Events that are more, or less, than one command."""


def _ignore(_result: Any) -> None:
    """Nobody waits."""
