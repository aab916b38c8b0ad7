"""The entrance: which dialect a request is for, by its host and path.

Dialects are at the root of every host unless the settings place them elsewhere. All that are at one place share one
HTTP application, and their Socket.IO clients one endpoint; at a host that one of them has to itself, that is its own
(docs/decisions/0009-who-gets-a-socket.md).
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec
from litestar import Litestar
from litestar.exceptions import ImproperlyConfiguredException
from litestar.types import ControllerRouterHandler

from hubbub.dialects.place import EVERYWHERE, Place
from hubbub.dialects.request import PREFIX_KEY
from hubbub.dialects.venueless.endpoint import PREFIX, VenuelessEndpoint
from hubbub.settings import SettingsError
from hubbub.wire.bayeux.server import BayeuxServer
from hubbub.wire.connection import Receive, Scope, Send, refuse
from hubbub.wire.socket_io.server import SocketServer

_HOST = re.compile(r"[a-z0-9._-]{1,250}|\[[0-9a-f:.]{2,45}\]")


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """What a dialect has to offer at its place."""

    routes: Sequence[ControllerRouterHandler]
    """Of HTTP."""
    websocket: VenuelessEndpoint | None = None
    push: BayeuxServer | None = None


class Door(msgspec.Struct, frozen=True):
    """All that is at one place."""

    dialects: Sequence[str]
    http: Litestar
    websocket: VenuelessEndpoint | None
    sockets: SocketServer | None
    push: BayeuxServer | None

    def paths(self) -> Iterator[str]:
        """Give the paths that are served here; a part that is anything is written in braces."""
        for route in self.http.routes:
            yield route.path
        if self.websocket:
            yield f"{PREFIX}{{world}}"
        if self.sockets:
            yield self.sockets.options.path
        if self.push:
            yield self.push.options.path


class Entrance:
    """An ASGI application that lets requests in to the dialects of their place."""

    def __init__(
        self,
        dialects: Mapping[str, Dialect],
        places: Mapping[str, Place],
        *,
        sockets: Callable[[frozenset[str]], SocketServer | None],
        http: Callable[[Sequence[ControllerRouterHandler], bool], Litestar],
    ) -> None:
        """Make all doors. Raises SettingsError when a request could be meant for two.

        Args:
            dialects: By name.
            places: Of those that are not everywhere, by name.
            sockets: Gives the Socket.IO server of some dialects, None for those that have none.
            http: Makes an HTTP application of routes, with our own pages or without.
        """
        where = {name: places.get(name, EVERYWHERE) for name in dialects}
        for name, place in where.items():
            _check_host(name, place.host)
        self._hosts = frozenset(place.host.lower() for place in where.values())
        prefixes = {"", *(place.prefix for place in where.values())}
        self._doors: dict[tuple[str, str], Door] = {}
        for host in self._hosts | {""}:
            for prefix in prefixes:
                here = [name for name, at in where.items() if at.prefix == prefix and at.host.lower() in ("", host)]
                own = frozenset(name for name in here if host and where[name].host.lower() == host)
                if here or not prefix:
                    served = (sockets(own) if own else None) or sockets(frozenset(here))
                    self._doors[host, prefix] = _door(dialects, here, prefix, served, http)
        self._prefixes = sorted(prefixes - {""}, key=len, reverse=True)
        for (host, prefix), door in self._doors.items():
            for shorter in ("", *self._prefixes):
                hidden = self._doors.get((host, shorter))
                if hidden and shorter != prefix and prefix.startswith(f"{shorter}/"):
                    _check_hidden(door, prefix, hidden, shorter)

    @property
    def servers(self) -> set[SocketServer | BayeuxServer]:
        """The servers of Socket.IO and Bayeux behind the doors."""
        return {server for door in self._doors.values() for server in (door.sockets, door.push) if server}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request or WebSocket connection."""
        door = self._find(scope)
        if door.sockets and door.sockets.serves(scope["path"]):
            await door.sockets(scope, receive, send)
        elif door.push and door.push.serves(scope["path"]):
            await door.push(scope, receive, send)
        elif scope["type"] == "http":
            await door.http(scope, receive, send)  # type: ignore[arg-type]
        elif door.websocket and door.websocket.serves(scope["path"]):
            await door.websocket(scope, receive, send)
        else:
            await refuse(scope, receive, send, 404, "There is nothing here.")

    def _find(self, scope: Scope) -> Door:
        """Find the door, and leave its prefix out of the path."""
        host = _host(scope) if len(self._hosts) > 1 else ""
        host = host if host in self._hosts else ""
        for prefix in self._prefixes:
            door = self._doors.get((host, prefix))
            if door and scope["path"].startswith(f"{prefix}/"):
                scope["path"] = scope["path"].removeprefix(prefix)
                scope["raw_path"] = scope.get("raw_path", b"").removeprefix(prefix.encode())
                scope[PREFIX_KEY] = prefix
                return door
        return self._doors[host, ""]


def _door(
    dialects: Mapping[str, Dialect],
    here: Sequence[str],
    prefix: str,
    sockets: SocketServer | None,
    http: Callable[[Sequence[ControllerRouterHandler], bool], Litestar],
) -> Door:
    routes = [route for name in here for route in dialects[name].routes]
    try:
        application = http(routes, not prefix)
    except ImproperlyConfiguredException as error:
        if not error.detail.startswith("Handler already registered"):
            raise  # a fault of ours
        raise SettingsError(
            f"The dialects {', '.join(here)} want the same path: {error.detail}. Give one of them a prefix or a "
            "host of its own, in hubbub.toml as [dialects.<name>] with prefix or host. See docs/settings.md."
        ) from error
    websocket = next((one for name in here if (one := dialects[name].websocket)), None)
    push = next((server for name in here if (server := dialects[name].push)), None)
    return Door(here, application, websocket, sockets, push)


def _check_host(name: str, host: str) -> None:
    if host and not _HOST.fullmatch(host.lower()):
        raise SettingsError(
            f"The host of dialects.{name} is a name like chat.example.org, without a scheme or a port, not {host}. See "
            "docs/settings.md."
        )


def _check_hidden(door: Door, prefix: str, hidden: Door, shorter: str) -> None:
    """Raise SettingsError when paths of a door begin as a prefix does, and so would never be reached."""
    begin = _parts(prefix.removeprefix(shorter))
    for path in hidden.paths():
        if _parts(path)[: len(begin)] == begin:
            names = ", ".join(door.dialects)
            raise SettingsError(
                f"The prefix {prefix} of {names} would hide {shorter}{path}, which is needed for something else. "
                f"Give {names} another prefix, in hubbub.toml as [dialects.<name>]. See docs/settings.md."
            )


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _host(scope: Scope) -> str:
    """Give the host that was asked for, without its port."""
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    return host.lower().rsplit(":", 1)[0] if not host.endswith("]") else host.lower()
