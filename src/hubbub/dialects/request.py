"""What an HTTP request says of itself: whom it is for, who asks and how often, how we are reached. For all dialects."""

import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.exceptions import ClientException

from hubbub.core.error import Code, Unknown
from hubbub.core.origin import network_of
from hubbub.core.state import WorldState
from hubbub.live.community import Community
from hubbub.live.rate import Buckets, Rate

Connection = ASGIConnection[Any, Any, Any, Any]

HTTP_RATES: Mapping[str, Rate] = {
    "upload": Rate(0.5, 40),
    "feedback": Rate(0.5, 20),
    "account": Rate(1 / 3, 10),
    "password": Rate(1 / 10, 10),
    "guest": Rate(1, 60),
    "room": Rate(1 / 60, 10),
    "media": Rate(0.5, 20),
}
"""Classes that only HTTP has, of one user or address; live/rate.py has the others, and settings go over both."""

PREFIX_KEY = "hubbub.prefix"
"""Key in an ASGI scope of what the paths of the dialect begin with, where it is not at the root."""
CALLERS_KEPT = 10_000
MAX_DEPTH = 50
"""Arrays and objects inside each other in a body: far below what the encoders manage."""

HOST = re.compile(r"[A-Za-z0-9._-]{1,250}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
_decode = msgspec.json.Decoder().decode


class HubbubRequest(Request[Any, Any, State]):
    """A request whose JSON is read with our own limits."""

    async def json(self) -> Any:
        """Read the body as JSON. Raises ClientException when it is none or too deep."""
        try:
            value = _decode(await self.body())
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            raise ClientException("The body is not JSON that we can read.") from None
        if depth_over(value, MAX_DEPTH):
            raise ClientException(f"The body has more than {MAX_DEPTH} levels.")
        return value


def depth_over(value: Any, most: int) -> bool:
    """Tell whether arrays and objects are inside each other more than so many times."""
    level = [value]
    for _ in range(most + 1):
        children = (
            part.values() if isinstance(part, dict) else part for part in level if isinstance(part, dict | list)
        )
        level = [part for inner in children for part in inner if isinstance(part, dict | list)]
        if not level:
            return False
    return True


class Throttle:
    """The limits of one class, kept for each caller; the callers who were seen last."""

    def __init__(self, community: Community, name: str) -> None:
        self._rates = {**HTTP_RATES, **community.rates}
        self._clock = community.clock
        self._name = name
        self._callers: OrderedDict[object, Buckets] = OrderedDict()

    def take(self, caller: object, name: str = "") -> None:
        """Count one for a caller; of addresses, all of a network are one. Raises Limited."""
        if isinstance(caller, str):
            caller = network_of(caller) or caller
        buckets = self._callers.pop(caller, None) or Buckets()
        self._callers[caller] = buckets
        if len(self._callers) > CALLERS_KEPT:
            self._callers.popitem(last=False)
        buckets.take(name or self._name, self._rates, self._clock())


def address_of(connection: Connection) -> str:
    """Give the address that the request came from."""
    return connection.client.host if connection.client else ""


def host_of(connection: Connection) -> str:
    """Give the Host header with its port, folded to lower case; empty when it is no host."""
    host = connection.headers.get("host", "")
    return host.lower() if HOST.fullmatch(host) else ""


def world_of(community: Community, host: str, fallback: str) -> WorldState:
    """Find the world that is at this host, with or without the port, else the fallback. Raises Unknown."""
    bare = _without_port(host)
    found = None
    for state in community.worlds.values() if bare else ():
        domain = state.world.domain.lower()
        if domain == host:
            return state
        if domain and domain == bare:
            found = state
    found = found or community.worlds.get(fallback)
    if found is None:
        raise Unknown(Code.WORLD_UNKNOWN, "There is no such world.")
    return found


def _without_port(host: str) -> str:
    return re.sub(r":[0-9]+$", "", host)


def base_url(connection: Connection, url: str, domain: str = "") -> str:
    """Say how we are reached: at a world's domain when it has one, else at the settings' `url`, else as we were now.

    Without a slash at the end; empty when nothing is known.
    """
    own, prefix = url.rstrip("/"), connection.scope.get(PREFIX_KEY, "")
    scheme = own.partition("://")[0] if own else "https" if connection.scope["scheme"] in ("https", "wss") else "http"
    if domain and HOST.fullmatch(domain):
        return f"{scheme}://{domain}{prefix}"
    host = host_of(connection)
    return f"{own}{prefix}" if own else f"{scheme}://{host}{prefix}" if host else ""


def credentials_of(connection: Connection) -> tuple[str, str]:
    """Read the Authorization header: its scheme in lower case, and what follows; both empty when it is missing."""
    scheme, _, value = connection.headers.get("authorization", "").strip().partition(" ")
    return (scheme.lower(), value.strip()) if value else ("", "")
