"""Runs clients of python-socketio 4 and 5 for a test: the same as driver.js, for what PyPI has.

They are in a process of their own as they leave connections open when they are refused or fall off, which is a warning
and so an error where the tests run. Version 4 speaks as sio2 does, version 5 as sio4.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

import aiohttp
import socketio  # type: ignore[import-untyped]
import socketio_v4  # type: ignore[import-untyped]
from socketio.exceptions import BadNamespaceError, ConnectionError  # type: ignore[import-untyped]  # noqa: A004
from socketio_v4.exceptions import BadNamespaceError as OldBadNamespaceError  # type: ignore[import-untyped]
from socketio_v4.exceptions import ConnectionError as OldConnectionError

Json = Any

PATIENCE = 2.0  # seconds; a client that is just coming back may wait for itself
NOT_CONNECTED = (BadNamespaceError, OldBadNamespaceError, aiohttp.ClientError)
EVENTS = (
    *("client::banlist", "client::error", "client::forceDisconnect", "client::handleChange", "client::stillConnected"),
    *("room::clearFeed", "room::disconnect", "room::handleChange", "room::message", "room::privateMessage"),
    *("room::settings", "room::status", "room::updateIgnore", "room::updateUser", "room::updateUserList"),
    *("room::updateUsers", "room::userbanned", "self::banned", "self::closeBroadcast", "self::join", "self::user"),
    *("youtube::playlistUpdate", "youtube::playvideo", "youtube::seek", "youtube::videoPaused", "youtube::videoResume"),
)

clients: dict[int, Any] = {}
tasks: set[asyncio.Task[None]] = set()


def tell(client: int, on: str, **more: Json) -> None:
    sys.stdout.write(json.dumps({"client": client, "on": on, **more}) + "\n")
    sys.stdout.flush()


def listener(number: int, event: str) -> Callable[..., Any]:
    async def heard(*words: Json) -> None:
        tell(number, "event", event=event, arguments=list(words))

    return heard


async def connect(number: int, library: str, url: str, token: str | None, transports: list[str], auth: bool) -> None:
    module = socketio_v4 if library == "python4" else socketio
    client = clients[number] = module.AsyncClient(
        reconnection_delay=0.05, reconnection_delay_max=0.2, randomization_factor=0
    )

    async def connected() -> None:
        tell(number, "connect", transport=client.transport() if callable(client.transport) else client.transport)

    async def disconnected(*_reason: Json) -> None:
        tell(number, "disconnect", reason="")

    async def refused(data: Json = None) -> None:
        tell(number, "refusal", data=data)

    client.on("connect", connected)
    client.on("disconnect", disconnected)
    client.on("connect_error", refused)
    for event in EVENTS:
        client.on(event, listener(number, event))
    more: dict[str, Json] = {"auth": {"token": token}} if auth else {}
    query = f"?token={token}" if token is not None and not auth else ""
    try:
        await client.connect(url + query, transports=transports, **more)
    except (ConnectionError, OldConnectionError) as error:
        tell(number, "refusal", data=error.args[0] if error.args else None)


async def emit(number: int, event: str, words: list[Json], ack: bool) -> None:
    def answered(*answer: Json) -> None:
        tell(number, "ack", arguments=list(answer))

    await clients[number].emit(event, tuple(words), callback=answered if ack else None)


async def close(number: int) -> None:
    client = clients.pop(number, None)
    if client:
        client.reconnection = False
        if client._reconnect_task:
            client._reconnect_abort.set()
            await asyncio.wait([client._reconnect_task], timeout=PATIENCE)
        await asyncio.wait([asyncio.ensure_future(client.disconnect())], timeout=PATIENCE)
    tell(number, "closed")


async def drop(number: int) -> None:
    engine = clients[number].eio
    if engine.ws and engine.current_transport == "websocket":
        connection = engine.ws._response.connection
        if connection and connection.transport:
            connection.transport.abort()
    elif engine.http and engine.http.connector:
        for protocol in list(engine.http.connector._acquired):
            protocol.close()
    tell(number, "dropped")


COMMANDS: dict[str, Callable[..., Any]] = {"connect": connect, "emit": emit, "close": close, "drop": drop}


async def do(command: str, number: int, more: Json) -> None:
    try:
        await COMMANDS[command](number, **more)
    except NOT_CONNECTED as error:
        tell(number, "fault", reason=repr(error))


async def main() -> None:
    reader = asyncio.StreamReader(limit=2**20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        words = json.loads(line)
        task = loop.create_task(do(words.pop("do"), words.pop("client"), words))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


if __name__ == "__main__":
    asyncio.run(main())
