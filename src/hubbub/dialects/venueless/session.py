"""One client of this dialect: from its first frame to its last.

Commands of a connection are done one after another, and answered in the order in which they came. Only messages that
are posted in one go do not wait for one another's commit: they share it. A frame that makes no sense is answered with
an error and costs nobody their connection (the original closes; see docs/dialects/venueless.md).
"""

import logging
import secrets
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from hubbub.core import login
from hubbub.core.announcement import visible
from hubbub.core.error import HubbubError
from hubbub.core.model import User
from hubbub.core.origin import Origin, client_of, network_of
from hubbub.core.state import WorldState
from hubbub.dialects.venueless.call import Call, Context, RefusedError
from hubbub.dialects.venueless.decision import write_shown_announcement
from hubbub.dialects.venueless.decode import find, refusal
from hubbub.dialects.venueless.encode import VenuelessEncoder
from hubbub.live.community import Community
from hubbub.live.session import Session
from hubbub.wire import array_rpc
from hubbub.wire.array_rpc import Fault, Ping, Request
from hubbub.wire.connection import Connection

logger = logging.getLogger(__name__)

MAX_WAITING = 200
"""Frames of one client that wait for its earlier ones; a client that sends more is read no further until then."""


class VenuelessSession(Session):
    """A connection that speaks array RPC. It is the listener of its WebSocket."""

    __slots__ = ("_base_url", "_busy", "_closed", "_community", "_connection", "_gone", "_paused", "_posts", "_waiting")

    def __init__(
        self,
        identity: int,
        state: WorldState,
        connection: Connection,
        encoder: VenuelessEncoder,
        community: Community,
        base_url: str,
        gone: Callable[[], None],
    ) -> None:
        super().__init__(identity, state, connection, encoder)
        self._connection = connection
        self._community = community
        self._base_url = base_url
        self._gone = gone
        self._busy = False
        self._closed = False
        self._paused = False
        self._posts: list[list[bytes]] = []
        """The answers to the posts that are being done, in order: each a list that is empty until there is one."""
        self._waiting: deque[Request | Ping | Fault] | None = None

    # What comes in

    def on_message(self, message: str | bytes) -> None:
        """Hear a frame; do what it asks, or let it wait for what is being done."""
        request = array_rpc.decode(message)
        if not self._waiting and self._may_begin(request):
            self._handle(request)
            return
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(request)
        if len(self._waiting) >= MAX_WAITING and not self._paused:
            self._paused = True
            self._connection.pause_reading()

    def _may_begin(self, request: Request | Ping | Fault) -> bool:
        """Tell whether a request need not wait: nothing is being done, or only posts are and it is one more."""
        if self._busy:
            return False
        return not self._posts or (_is_post(request) and len(self._posts) < MAX_WAITING)

    def on_close(self, code: int) -> None:
        """Leave everything."""
        self._closed = True
        self._waiting = None
        self._gone()
        self._log_out()

    def _handle(self, request: Request | Ping | Fault) -> None:
        if isinstance(request, Ping):
            self._community.when_current(partial(self.outbox.put, array_rpc.pong(request)))
        elif isinstance(request, Fault):
            self.outbox.put(array_rpc.error(None, 2, "server.fatal", "Fatal Server Error"))
        elif not self.user:
            self._handle_stranger(request)
        else:
            self._handle_command(request)

    def _handle_command(self, request: Request) -> None:
        if _is_post(request):
            answer: list[bytes] = []
            self._posts.append(answer)
            self._begin(request, partial(self._posted, answer))
        else:
            self._busy = True
            self._begin(request, self._done)

    def _begin(self, request: Request, done: Callable[[bytes], None]) -> None:
        """Have a command done, and hand over the frame that answers it."""
        call = None
        try:
            call = find(request.name)
            if request.body is None or request.body is msgspec.UNSET or request.arity == 2:
                raise RefusedError("protocol.invalid_body", "A command is [name, id, body].")
            command = call.read(request.body)
        except RefusedError as error:
            done(_refuse(request, error))
        else:
            self._community.execute(
                self.state, command, lambda result: done(self._answer(request, call, result)), session=self
            )

    def _answer(self, request: Request, call: Call, result: Any) -> bytes:
        """Write what came of a command."""
        try:
            if isinstance(result, HubbubError):
                raise refusal(call, result)
            if not self.user:
                raise RefusedError("protocol.unauthenticated")  # sent away while the command was being done
            assert self._community.hub
            context = Context(self, self._community.hub, self._encoder, request.body, self._base_url)
            return array_rpc.success(request.id, call.write(result, context))
        except RefusedError as error:
            return _refuse(request, error)
        except Exception:
            fault = secrets.token_hex(4)
            logger.exception("fault %s", fault)
            return _refuse(request, RefusedError("server.unavailable", f"Internal error {fault}"))

    def _done(self, answer: bytes) -> None:
        self.outbox.put(answer)
        self._busy = False
        self._go_on()

    def _posted(self, place: list[bytes], answer: bytes) -> None:
        place.append(answer)
        while self._posts and self._posts[0]:
            self.outbox.put(self._posts.pop(0)[0])
        self._go_on()

    def _go_on(self) -> None:
        """Do what waited, as far as it may begin now; after what is being done, not on top of it."""
        if self._waiting:
            self._community.soon(self._drain)

    def _drain(self) -> None:
        while self._waiting and not self._closed and self._may_begin(self._waiting[0]):
            self._handle(self._waiting.popleft())
        if self._paused and not self._closed and len(self._waiting or ()) < MAX_WAITING // 2:
            self._paused = False
            self._connection.resume_reading()

    @property
    def _encoder(self) -> VenuelessEncoder:
        assert isinstance(self.encoder, VenuelessEncoder)
        return self.encoder

    # Coming and going

    def _handle_stranger(self, request: Request) -> None:
        if request.name != "authenticate":
            self.outbox.put(_refuse(request, RefusedError("protocol.unauthenticated")))
            return
        body = request.body
        if not isinstance(body, dict):
            self.outbox.put(_refuse(request, RefusedError("server.fatal", "Fatal Server Error")))
            return
        command = login.LogIn(
            client_id=_text(body.get("client_id")),
            token=_text(body.get("token")),
            invite=_text(body.get("invite_token")),
        )
        address = self._connection.client[0] if self._connection.client else ""
        self.origin = Origin(network_of(address), client_of(command.client_id or ""))
        self._busy = True
        self._community.execute(self.state, command, lambda result: self._logged_in(request, result), session=self)

    def _logged_in(self, request: Request, result: Any) -> None:
        if isinstance(result, User):
            self.user = result.id
            if self._closed:
                self._log_out()
                return
            self.outbox.put(array_rpc.push("authenticated", self._welcome(result)))
            assert self._community.hub
            self._community.hub.add(self)
        else:
            self.outbox.put(_refuse(request, refusal(None, result)))
        self._busy = False
        self._go_on()

    def _welcome(self, user: User) -> dict[str, Any]:
        """Tell a client all that it begins with: exactly these seven keys (protocols/venueless.md 1.3)."""
        encoder, now = self._encoder, self._community.clock()
        return {
            "user.config": encoder.user(user, private=True),
            "world.config": encoder.world_config(user),
            "chat.channels": encoder.channels(user.id),
            "chat.read_pointers": encoder.read_pointers(user.id),
            "chat.notification_counts": encoder.notification_counts(user.id),
            "exhibition": {"exhibitors": [], "contact_requests": []},
            "announcements": [write_shown_announcement(one, now) for one in visible(self.state, now)],
        }

    def _log_out(self) -> None:
        if self.user:
            self._community.execute(self.state, login.LogOut(user=self.user), _ignore, session=self)
            assert self._community.hub
            self._community.hub.remove(self)
            self.user = 0

    def retire(self) -> None:
        """Belong to nobody any more: somebody newer took the place."""
        super().retire()
        assert self._community.hub
        self._community.hub.remove(self)


def _is_post(request: Request | Ping | Fault) -> bool:
    """Tell whether a request only adds a message: such ones need not wait for one another."""
    if not isinstance(request, Request) or request.name != "chat.send" or not isinstance(request.body, dict):
        return False
    return "nonce" not in request.body and not request.body.get("replaces")


def _refuse(request: Request, error: RefusedError) -> bytes:
    return array_rpc.error(request.id, request.arity, error.code, error.message, error.details)


def _text(value: object) -> str | None:
    """Read an id as text: clients send numbers too. Nothing, zero and what is no id are None."""
    if isinstance(value, bool) or not value:
        return None
    if isinstance(value, int) and value < 2**63:
        return str(value)
    return value if isinstance(value, str) else None


def _ignore(_result: Any) -> None:
    """Nobody waits."""
