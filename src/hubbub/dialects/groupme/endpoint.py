"""Push: who comes over Bayeux."""

from weakref import WeakKeyDictionary

from hubbub.core.error import HubbubError
from hubbub.core.state import WorldState
from hubbub.dialects.groupme.encode import GroupmeEncoder
from hubbub.dialects.groupme.session import GroupmeSession, Roster
from hubbub.dialects.request import HOST, world_of
from hubbub.live.community import Community
from hubbub.wire.bayeux.message import error
from hubbub.wire.bayeux.session import BayeuxClient, BayeuxListener, Refused
from hubbub.wire.outbox import Turn

MAX_SITES = 16


def site_of(state: WorldState, url: str, prefix: str, host: str = "") -> str:
    """Say where a world's clients reach this dialect, where no request tells: at the world's domain when it has one,
    else at the settings' `url`, else at a host that they came to. Empty when nothing is known."""
    scheme, domain = url.partition("://")[0], state.world.domain
    site = f"{scheme or 'https'}://{domain}" if domain else url.rstrip("/") or (f"http://{host}" if host else "")
    return f"{site}{prefix}" if site else ""


class GroupmeEndpoint:
    """Opens a session for each client that shakes hands; whose it is, its first channel says."""

    def __init__(self, community: Community, turn: Turn, *, world: str, url: str, prefix: str = "") -> None:
        """Make the endpoint.

        Args:
            community: With a hub.
            turn: Of the event loop.
            world: The name of the one that is meant where the host says nothing.
            url: How the server is reached; empty when only its clients know.
            prefix: What the paths of this dialect begin with.
        """
        self._community = community
        self._turn = turn
        self._world = world
        self._url = url
        self._prefix = prefix
        self._roster = Roster(community.clock)
        self._encoders: WeakKeyDictionary[WorldState, dict[str, GroupmeEncoder]] = WeakKeyDictionary()
        """By where clients reach us."""

    def _encoder(self, state: WorldState, host: str) -> GroupmeEncoder:
        """Give the encoder of a world for clients who came to a host; of many hosts only some are told apart."""
        known = self._encoders.setdefault(state, {})
        site = site_of(state, self._url, self._prefix, host if HOST.fullmatch(host) else "")
        if site not in known and len(known) >= MAX_SITES:
            site = next(iter(known))
        if site not in known:
            known[site] = GroupmeEncoder(state, self._turn, self._community.clock, site)
        return known[site]

    def open(self, client: BayeuxClient) -> BayeuxListener:
        """Let anybody in; who has no token that is good gets onto no channel. Raises Refused."""
        host = client.handshake.headers.get("host", "").lower()
        try:
            state = world_of(self._community, host, self._world)
        except HubbubError:
            raise Refused(error(404, "There is nothing here"), reconnect="none") from None
        return GroupmeSession(state, client, self._encoder(state, host), self._community, self._roster)
