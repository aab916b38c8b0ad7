"""The Socket.IO endpoint of this dialect: who comes, and as whom."""

from weakref import WeakKeyDictionary

from hubbub.core.error import HubbubError
from hubbub.core.state import WorldState
from hubbub.dialects.jumpin.encode import JumpinEncoder
from hubbub.dialects.jumpin.identity import ACTIVITY, IDENT, Visitor, cookies_of, read_session, visitor_of
from hubbub.dialects.jumpin.session import JumpinSession
from hubbub.dialects.request import world_of
from hubbub.live.community import Community
from hubbub.media.contract import Provider
from hubbub.wire.outbox import Turn
from hubbub.wire.socket_io.socket import Refused, Socket


class JumpinEndpoint:
    """Opens a session for each socket."""

    def __init__(self, community: Community, turn: Turn, media: Provider, world: str) -> None:
        """Make the endpoint; `world` is the name of the one that is meant where the host says nothing."""
        self._community = community
        self._turn = turn
        self._media = media
        self._world = world
        self._encoders: WeakKeyDictionary[WorldState, JumpinEncoder] = WeakKeyDictionary()

    def connect(self, socket: Socket) -> JumpinSession:
        """Let a client in whose session token is ours. Raises Refused.

        Who it is follows from the first request alone: later ones may come without cookies.
        """
        try:
            state = world_of(self._community, socket.handshake.headers.get("host", "").lower(), self._world)
        except HubbubError:
            raise Refused("There is nothing here.") from None
        return JumpinSession(
            state, socket, self.encoder(state), self._community, self._visitor(state, socket), self._media
        )

    def encoder(self, state: WorldState) -> JumpinEncoder:
        """Give the encoder of a world."""
        found = self._encoders.get(state)
        if found is None:
            found = self._encoders[state] = JumpinEncoder(state, self._turn, self._community.clock)
        return found

    def _visitor(self, state: WorldState, socket: Socket) -> Visitor:
        auth = socket.auth.get("token") if isinstance(socket.auth, dict) else None
        token = socket.handshake.query.get("token") or (auth if isinstance(auth, str) else "")
        if not token:
            raise _unauthorized("no token provided", "credentials_required")
        now = self._community.clock()
        try:
            read_session(state, token, now)
        except HubbubError:
            raise _unauthorized("jwt malformed", "invalid_token") from None
        return visitor_of(state, socket.handshake.headers, now, token=token)


def claims(socket: Socket) -> bool:
    """Tell whether what a handshake carries is this dialect's: a token, or the cookies that it gives."""
    auth = socket.auth if isinstance(socket.auth, dict) else {}
    cookies = cookies_of(socket.handshake.headers.get("cookie", ""))
    return "token" in socket.handshake.query or "token" in auth or ACTIVITY in cookies or IDENT in cookies


def refuse_late(socket: Socket) -> None:
    """Send a client away that has been let in without a token, and tell it why in this dialect's words."""
    error = {"context": "alert", "error": "credentials_required", "message": "no token provided"}
    socket.emit("client::error", error)
    socket.disconnect()


def _unauthorized(message: str, code: str) -> Refused:
    return Refused(message, {"message": message, "code": code, "type": "UnauthorizedError"})
