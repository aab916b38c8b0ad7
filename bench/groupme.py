"""What clients of GroupMe's push do step by step, as scripts: Bayeux over a WebSocket (protocols/groupme.md 3)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

from bench import people, wire, world
from bench.load import Client, Load, LoadError, Script
from bench.server import Server
from hubbub.cli.community import access_room, access_world, opened
from hubbub.core.account import IssueToken
from hubbub.core.chat import JoinChat
from hubbub.core.user import CreateUser
from hubbub.settings import Settings

PATH: Final = "/faye"
# Our own messages have no id, so that what the server replies begins so, and what it pushes does not.
REPLIES: Final = (b'[{"channel":"/meta/',)
# What is said to everybody has its text twice, once to be shown on a locked screen, so that it cannot be counted.
MARKER: Final = b'"type":"line.create"'


class Member(NamedTuple):
    """Somebody who belongs to the room: their id, and the token by which their client acts as them."""

    id: int
    token: str


def enroll(server: Server, count: int, room: str) -> list[Member]:
    """Let people with accounts belong to a room, by core commands beside the server; it has heard of them then."""

    async def work() -> list[Member]:
        async with opened(Settings(database=f"sqlite:///{server.database}")) as community:
            state = access_world(community, world.WORLD)
            number = access_room(state, room).id

            async def come(name: str) -> Member:
                user = await community.call(state, CreateUser(login=name), operator=True)
                await community.call(state, JoinChat(room=number), user=user.id)
                token = await community.call(state, IssueToken(label="bench", life=timedelta(days=1)), user=user.id)
                return Member(user.id, token)

            return await asyncio.gather(*(come(f"member-{index:05}") for index in range(count)))

    members = asyncio.run(work())
    time.sleep(1)  # four times as long as the server takes to look
    server.settle()
    return members


def call(client: Client, channel: str, **words: Any) -> Script[dict[str, Any]]:
    """Send a message and give the reply; raise `LoadError` for a refusal."""
    client.send(wire.frame(wire.encode([{"channel": channel, **words}])))
    (reply,) = wire.decode((yield from client.reply(b'[{"channel":"%b"' % channel.encode())))
    if not reply["successful"]:
        raise LoadError(f"{client.name}: refused: {reply}")
    found: dict[str, Any] = reply
    return found


def listen(client: Client, member: Member) -> Script[None]:
    """Shake hands, connect, and hear what is told to a member. A connect is held, so none waits for its reply."""
    yield from client.open()
    shaken = yield from call(client, "/meta/handshake", version="1.0", supportedConnectionTypes=["websocket"])
    own = {"clientId": shaken["clientId"]}
    client.heartbeat = wire.frame(wire.encode([{"channel": "/meta/connect", **own, "connectionType": "websocket"}]))
    client.send(client.heartbeat)
    ext = {"access_token": member.token}
    yield from call(client, "/meta/subscribe", **own, subscription=f"/user/{member.id}", ext=ext)


def crowd(load: Load, server: Server, members: Sequence[Member], in_flight: int = 64) -> list[Client]:
    """Connect everybody and let each listen; give the clients when all do."""
    clients: list[Client] = []

    def begin(member: Member) -> Callable[[], None]:
        def start() -> None:
            client = Client(load, server.port, PATH, str(member.id), host=world.DOMAIN, replies=REPLIES)
            clients.append(client)
            client.run(listen(client, member))

        return start

    load.gather(map(begin, members), people.JOIN_LIMIT, f"{len(members)} clients to come in", in_flight)
    return clients
