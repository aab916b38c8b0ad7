"""The WebSocket endpoint of this dialect: /ws/world/<world>/."""

from collections.abc import Callable
from functools import partial
from weakref import WeakKeyDictionary

from hubbub.core.state import WorldState
from hubbub.dialects.venueless.encode import VenuelessEncoder
from hubbub.dialects.venueless.session import VenuelessSession
from hubbub.live.admission import Admission
from hubbub.live.community import Community
from hubbub.wire import array_rpc
from hubbub.wire.connection import Connection, Listener, Receive, Scope, Send, refuse, serve
from hubbub.wire.outbox import Turn

PREFIX = "/ws/world/"


class Stranger:
    """The listener of a connection to a world that is not there: it was told so, and is closed."""

    def __init__(self, gone: Callable[[], None]) -> None:
        self._gone = gone

    def on_message(self, message: str | bytes) -> None:
        """Hear nothing."""

    def on_close(self, code: int) -> None:
        """Count the connection no longer."""
        self._gone()


class VenuelessEndpoint:
    """Opens a session for each connection."""

    def __init__(self, community: Community, turn: Turn, admission: Admission, url: str = "") -> None:
        """Make the endpoint; `url` is how the server is reached from outside, from the request when empty."""
        self._community = community
        self._admission = admission
        self._turn = turn
        self._url = url.rstrip("/")
        self._encoders: WeakKeyDictionary[WorldState, VenuelessEncoder] = WeakKeyDictionary()

    def serves(self, path: str) -> bool:
        """Tell whether a path is this endpoint's, whether or not there is such a world."""
        name = path.removeprefix(PREFIX)
        return path.startswith(PREFIX) and name.rstrip("/") != "" and "/" not in name.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        name = scope["path"].removeprefix(PREFIX).rstrip("/")
        address = (scope.get("client") or ("", 0))[0]
        if not self._admission.admits(address):
            await refuse(scope, receive, send, 503, "There are too many connections. Try again later.")
            return
        await self._community.refresh()  # the world may have been made just now
        accept = partial(self._accept, name, self._url or _origin(scope), address)
        await serve(scope, receive, send, accept, turn=self._turn)

    def _accept(self, name: str, url: str, address: str, connection: Connection) -> Listener:
        self._admission.enter(address)
        gone = partial(self._admission.leave, address)
        state = self._community.worlds.get(name)
        if state is None:
            connection.put(array_rpc.error(None, 2, "world.unknown_world"))
            connection.close()
            return Stranger(gone)
        encoder = self._encoders.get(state)
        if encoder is None:
            encoder = self._encoders[state] = VenuelessEncoder(state, self._turn, self._community.clock)
        return VenuelessSession(self._community.new_id(), state, connection, encoder, self._community, url, gone)


def _origin(scope: Scope) -> str:
    """Say how the client reached us."""
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    secure = scope.get("scheme") in ("wss", "https")
    return f"{'https' if secure else 'http'}://{host}" if host else ""
