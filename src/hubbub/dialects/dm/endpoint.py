"""The Socket.IO endpoint of this dialect: who comes, and what they want to hear of."""

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from hubbub.core.error import HubbubError
from hubbub.core.login import digest
from hubbub.core.state import WorldState
from hubbub.dialects.dm.body import MAX_LIST
from hubbub.dialects.dm.encode import DmEncoder, user_of
from hubbub.dialects.dm.id import parse
from hubbub.dialects.dm.session import DmSession, SilentListener
from hubbub.dialects.request import world_of
from hubbub.live.community import Community
from hubbub.wire.outbox import Turn
from hubbub.wire.socket_io.socket import Refused, Socket, SocketListener

TOKEN, CHANNELS = "authorisation", "channels"
MAX_CHANNELS = 10_000
"""Ids in the list of channels that are looked at."""


class DmEndpoint:
    """Opens a session for each socket that has a token."""

    def __init__(self, community: Community, turn: Turn, world: str) -> None:
        """Make the endpoint; `world` is the name of the one that is meant where the host says nothing."""
        self._community = community
        self._turn = turn
        self._world = world
        self._encoders: WeakKeyDictionary[WorldState, DmEncoder] = WeakKeyDictionary()

    def encoder(self, state: WorldState) -> DmEncoder:
        """Give the encoder of a world."""
        found = self._encoders.get(state)
        if found is None:
            found = self._encoders[state] = DmEncoder(state, self._turn, self._community.clock)
        return found

    def connect(self, socket: Socket) -> SocketListener:
        """Let anybody in; who has no token that is good hears nothing."""
        try:
            state = world_of(self._community, socket.handshake.headers.get("host", "").lower(), self._world)
        except HubbubError:
            raise Refused("There is nothing here.") from None
        token, channels = credentials_of(socket)
        access = digest(token)
        if user_of(state, access, self._community.clock()) is None:
            return SilentListener()
        return DmSession(state, socket, self.encoder(state), self._community, access, channels)


def credentials_of(socket: Socket) -> tuple[str, set[int]]:
    """Give the token and the channels: from headers, else from the connect payload or the query, for browsers."""
    headers, auth, query = _carried(socket)
    token = headers.get(TOKEN) or auth.get(TOKEN) or auth.get("token") or query.get(TOKEN) or ""
    channels = headers.get(CHANNELS) or auth.get(CHANNELS) or query.get(CHANNELS) or ""
    if isinstance(channels, str):
        channels = channels[:MAX_LIST].split(",")
    if not isinstance(channels, list):
        channels = []
    wanted = {parse(one.strip() if isinstance(one, str) else one) for one in channels[:MAX_CHANNELS]}
    return token if isinstance(token, str) else "", wanted - {0}


def claims(socket: Socket) -> bool:
    """Tell whether what a handshake carries is this dialect's: its token or its list of channels, anywhere.

    A `token` alone in the connect payload is not: other dialects have one, too.
    """
    headers, auth, query = _carried(socket)
    return TOKEN in headers or TOKEN in query or TOKEN in auth or CHANNELS in auth


def _carried(socket: Socket) -> tuple[Mapping[str, str], Mapping[str, Any], Mapping[str, str]]:
    """Give the headers, the connect payload and the query, whose names are headers' to clients, in any case."""
    handshake = socket.handshake
    auth = socket.auth if isinstance(socket.auth, dict) else {}
    return handshake.headers, _lower(auth), _lower(handshake.query)


def _lower(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name.lower(): value for name, value in fields.items() if isinstance(name, str)}
