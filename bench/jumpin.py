"""What clients of Socket.IO do step by step, those of jumpin among them, as scripts.

Of both generations: Engine.IO 3, where the client pings and is in the default namespace unasked, and 4, where the
server pings and the client asks to be let in.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, Final

from bench import people, wire, world
from bench.load import Client, Load, Script
from bench.server import Server
from hubbub.core.model import World
from hubbub.core.state import WorldState
from hubbub.dialects.jumpin.identity import Visitor, write_session

OLD: Final = 3
NEW: Final = 4
GENERATIONS: Final = (OLD, NEW)
PATH: Final = "/socket.io/"
REPLIES: Final = (b'0{"', b"40", b"44", b'42["self::join"', b'42["client::error"')
# What a client sends so that the server knows it to be there: a ping, or a pong, which may be sent unasked.
HEARTBEATS: Final = {OLD: b"2", NEW: b"3"}
ROOM: Final = world.STAGE


def generation(version: int) -> str:
    """Name a generation."""
    return f"EIO={version}"


class Tickets:
    """Writes session tokens, as the server itself would."""

    def __init__(self, server: Server) -> None:
        """Read of the server's database which world it is."""
        with closing(sqlite3.connect(f"file:{server.database}?mode=ro", uri=True)) as database:
            ((number,),) = database.execute("SELECT id FROM world WHERE name = ?", (world.WORLD,))
        config: dict[str, Any] = world.configuration()["world"]
        self._now = datetime.now(UTC)
        self._state = WorldState(
            World(id=number, name=world.WORLD, title=config["title"], config=config, created=self._now)
        )

    def write(self, name: str) -> str:
        """Give the session token of a guest."""
        return write_session(self._state, Visitor(session=name), self._now)


def query(version: int, transport: str, token: str = "") -> str:
    """Give the address of a handshake."""
    return f"{PATH}?EIO={version}&transport={transport}" + (f"&token={token}" if token else "")


def connect(load: Load, server: Server, version: int, who: str, token: str = "") -> Client:
    """Begin to connect a WebSocket."""
    path = query(version, "websocket", token)
    client = Client(load, server.port, path, who, host=world.DOMAIN, replies=REPLIES)
    client.heartbeat = wire.frame(HEARTBEATS[version])
    return client


def enter(client: Client, version: int) -> Script[None]:
    """Open a session and come into the default namespace."""
    yield from client.open()
    yield from client.reply(b'0{"')
    if version == NEW:
        client.send(wire.frame(b"40"))
    yield from client.reply(b"40")


def join_packet(room: str) -> bytes:
    """Give the packet by which a client joins a room."""
    return b'42["room::join",' + wire.encode({"room": room}) + b"]"


def join(client: Client, room: str) -> Script[None]:
    """Join a room."""
    client.send(wire.frame(join_packet(room)))
    yield from client.reply(b'42["self::join"')


def crowd(
    load: Load,
    server: Server,
    version: int,
    names: list[str],
    script: Callable[[Client], Script[None]],
    tickets: Tickets | None = None,
    in_flight: int = 64,
) -> list[Client]:
    """Connect everybody and let each follow the script; give the clients when all are done."""
    clients: list[Client] = []

    def begin(who: str) -> Callable[[], None]:
        def start() -> None:
            client = connect(load, server, version, who, tickets.write(who) if tickets else "")
            clients.append(client)
            client.run(script(client))

        return start

    load.gather((begin(who) for who in names), people.JOIN_LIMIT, f"{len(names)} clients to come in", in_flight)
    return clients


def visitor(version: int, room: str) -> Callable[[Client], Script[None]]:
    """Give the script of somebody who opens a session and joins a room."""

    def script(client: Client) -> Script[None]:
        yield from enter(client, version)
        yield from join(client, room)

    return script
