"""One client of this dialect on a socket. Refusals are silent, as clients expect; who wants an ack is told."""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from hubbub.core.chat import DeleteMessageById, PostMessage
from hubbub.core.command import Command
from hubbub.core.error import HubbubError
from hubbub.core.login import LogIn, LogOut
from hubbub.core.model import User
from hubbub.core.state import WorldState
from hubbub.dialects.dm.encode import DmEncoder, alive, is_channel
from hubbub.dialects.dm.id import parse
from hubbub.live.clock import Timer
from hubbub.live.community import Community
from hubbub.live.session import Session
from hubbub.wire.socket_io.socket import Reply, Socket

MAX_WAITING = 200
"""Events of one client that wait for its earlier ones; those beyond are lost."""
MAX_CONTENT = 4000
"""Characters of a message (protocols/socketio.md 5.3)."""


class SilentListener:
    """Hears a client without a token that is good: it stays connected, and nothing happens."""

    def on_event(self, name: str | int, arguments: list[Any], reply: Reply | None) -> None:
        """Hear nothing."""
        if reply:
            reply({"ok": False})

    def on_disconnect(self, reason: str) -> None:
        """Forget nothing."""


class DmSession(Session):
    """A connection with a token. It is the listener of its socket."""

    __slots__ = ("_busy", "_community", "_end", "_socket", "_waiting", "access", "channels")

    def __init__(
        self,
        state: WorldState,
        socket: Socket,
        encoder: DmEncoder,
        community: Community,
        access: str,
        channels: set[int],
    ) -> None:
        """Begin; `access` is the digest of the token, `channels` what the client wants to hear of."""
        super().__init__(community.new_id(), state, socket.outbox, encoder)
        self.access = access
        self.channels = channels
        self._socket = socket
        self._community = community
        self._end: Timer | None = None
        self._busy = True
        self._waiting: deque[tuple[Command, Reply | None]] = deque()
        community.execute(state, LogIn(access=access), self._logged_in, session=self)

    def _logged_in(self, result: Any) -> None:
        if isinstance(result, User):
            self.user = result.id
            token = self.state.tokens.get(self.access)
            if not self._socket.connected or token is None:  # it left, or its token was revoked, meanwhile
                self._log_out()
                self._resume()
                return
            own = self.state.belongs.get(self.user, ())
            self.channels = {room for room in self.channels if room in own and is_channel(self.state, room)}
            assert self._community.hub
            self._community.hub.add(self)
            clock = self._community.clock
            self._end = clock.call_later(token.expires - clock(), self.retire)
        self._resume()

    # What comes in

    def on_event(self, name: str | int, arguments: list[Any], reply: Reply | None) -> None:
        """Hear an event; do it, or let it wait for what is being done."""
        body = arguments[0] if arguments and isinstance(arguments[0], dict) else {}
        command = EVENTS[name](body) if name in EVENTS else None
        if command is None or len(self._waiting) >= MAX_WAITING:
            _answer(reply, ok=False)
            return
        self._waiting.append((command, reply))
        if not self._busy:
            self._go_on()

    def _go_on(self) -> None:
        while self._waiting and not self._busy:
            command, reply = self._waiting.popleft()
            if not self.user or not alive(self, self._community.clock()):
                _answer(reply, ok=False)
                continue
            self._busy = True
            self._community.execute(self.state, command, partial(self._done, reply), session=self)

    def _done(self, reply: Reply | None, result: Any) -> None:
        _answer(reply, ok=not isinstance(result, HubbubError))
        if self._waiting:
            self._community.soon(self._resume)
        else:
            self._busy = False

    def _resume(self) -> None:
        self._busy = False
        self._go_on()

    # Going

    def on_disconnect(self, reason: str) -> None:
        """Leave everything."""
        self._waiting.clear()
        self._log_out()

    def retire(self) -> None:
        """Hear and say nothing any more: the token is over. The connection stays, as clients expect."""
        self._log_out()

    def _log_out(self) -> None:
        if self.user:
            self._community.execute(self.state, LogOut(user=self.user), _ignore, session=self)
            assert self._community.hub
            self._community.hub.remove(self)
            self.user = 0
        if self._end:
            self._end.cancel()
            self._end = None


def _message(body: dict[str, Any]) -> Command | None:
    content, room = body.get("content"), parse(body.get("channel"))
    if not isinstance(content, str) or not content.strip() or len(content) > MAX_CONTENT or not room:
        return None
    return PostMessage(room=room, body=content)


def _deleted(body: dict[str, Any]) -> Command | None:
    room, message = parse(body.get("channel")), parse(body.get("id"))
    return DeleteMessageById(room=room, message=message) if room and message else None


EVENTS: dict[object, Callable[[dict[str, Any]], Command | None]] = {"message": _message, "messageDeleted": _deleted}
"""What clients send, read into commands; None for what makes no sense."""


def _answer(reply: Reply | None, *, ok: bool) -> None:
    if reply:
        reply({"ok": ok})


def _ignore(_result: Any) -> None:
    """Nobody waits."""
