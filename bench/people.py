"""What a client of Venueless does step by step, as scripts (protocols/venueless.md sections 1.3 to 1.9)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from bench import wire
from bench.load import Client, Load, LoadError, Script
from bench.server import Server

JOIN_LIMIT = 60.0


def name(index: int) -> str:
    """Give the client id of the n-th person; the same person comes back under it."""
    return f"bench-{index:05}"


def connect(load: Load, server: Server, who: str) -> Client:
    """Begin to connect."""
    return Client(load, server.port, server.path, who)


def log_in(client: Client) -> Script[bytes]:
    """Authenticate by the client id; give the raw answer."""
    yield from client.open()
    client.send(wire.frame(wire.encode(["authenticate", {"client_id": client.name}])))
    return (yield from client.reply(b'["authenticated"'))


def name_self(client: Client) -> Script[None]:
    """Set the display name, without which nobody may join a chat."""
    yield from client.call("user.update", {"profile": {"display_name": client.name}})


def rooms(authenticated: bytes) -> dict[str, tuple[str, str]]:
    """Give {room name: (room id, channel id)} of the answer to a login."""
    found: dict[str, tuple[str, str]] = {}
    for room in wire.decode(authenticated)[1]["world.config"]["rooms"]:
        for module in room["modules"]:
            if module["type"] == "chat.native":
                found[room["name"]] = (room["id"], module.get("channel_id") or module["config"]["channel_id"])
    return found


def look_around(load: Load, server: Server) -> dict[str, tuple[str, str]]:
    """Log in once, learn the rooms and leave."""
    found: dict[str, tuple[str, str]] = {}

    def visit(client: Client) -> Script[None]:
        found.update(rooms((yield from log_in(client))))

    crowd(load, server, ["bench-scout"], visit)
    load.leave()
    if not found:
        raise LoadError("the world has no room with a chat")
    return found


def crowd(
    load: Load, server: Server, names: list[str], script: Callable[[Client], Script[None]], in_flight: int = 1024
) -> list[Client]:
    """Connect everybody and let each follow the script; give the clients when all are done."""
    clients: list[Client] = []

    def begin(who: str) -> Callable[[], None]:
        def start() -> None:
            client = connect(load, server, who)
            clients.append(client)
            client.run(script(client))

        return start

    starts: Iterator[Callable[[], None]] = (begin(who) for who in names)
    load.gather(starts, JOIN_LIMIT, f"{len(names)} clients to come in", in_flight)
    return clients


def chatter(channel: str) -> Callable[[Client], Script[None]]:
    """Give the script of somebody who logs in and joins a chat."""

    def script(client: Client) -> Script[None]:
        yield from log_in(client)
        yield from name_self(client)
        yield from client.call("chat.join", {"channel": channel})

    return script


def only_open(client: Client) -> Script[None]:
    """Connect and nothing more: all that the bare server knows."""
    yield from client.open()


def text(channel: str, body: str) -> dict[str, Any]:
    """Give the body of a `chat.send`."""
    return {"channel": channel, "event_type": "channel.message", "content": {"type": "text", "body": body}}
