import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from tests.wire.fakes import Recorder, masked
from tests.wire.serving import UPGRADE, App, Room, bare, port_of, serving, until, url
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Opcode
from websockets.typing import Subprotocol

from hubbub.wire import frame
from hubbub.wire.connection import Message, Receive, Scope, Send, serve
from hubbub.wire.sweep import Limits
from hubbub.wire.uvicorn_protocol import WebSocketProtocol

pytestmark = pytest.mark.anyio

SHORT = timedelta(milliseconds=100)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """A plain ASGI application, that knows nothing of the extension."""
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({**event, "type": "websocket.send"})


@pytest.mark.parametrize("http", ["httptools", "h11"])
async def test_a_room_with_real_clients(http: str) -> None:
    room = Room()
    async with serving(room, http=http) as server:
        async with connect(url(server)) as one, connect(url(server)) as two:
            assert one.protocol.extensions == []  # the client has offered permessage-deflate
            await one.send("hello")
            assert (await one.recv(), await two.recv()) == ("hello", "hello")
            await two.send([b"frag", b"", b"ments"])
            assert await one.recv() == b"fragments"
            await (await one.ping(b"there?"))
            # Nothing runs for an idle connection.
            assert room.served == 2
            assert not server.server_state.tasks
        await until(lambda: [listener.codes for listener in room.listeners] == [[1000], [1000]])
        await until(lambda: not server.server_state.connections)


async def test_frames_of_one_turn_keep_their_order() -> None:
    room = Room()
    async with serving(room) as server, connect(url(server)) as client:
        await until(lambda: room.connections)
        assert room.turn is not None
        for number in range(0, 300, 3):
            room.connections[0].put(frame.text(b"%d" % number))
            room.turn.broadcast(room.connections, frame.text(b"%d" % (number + 1)))
            room.connections[0].put(frame.text(b"%d" % (number + 2)))
        room.connections[0].close(4000, "enough")
        received = [message async for message in messages(client)]
        assert received == [str(number) for number in range(300)]
        assert (client.close_code, client.close_reason) == (4000, "enough")


async def messages(client: ClientConnection) -> AsyncIterator[str | bytes]:
    with suppress(ConnectionClosed):
        while True:
            yield await client.recv()


@pytest.mark.parametrize("make", [lambda: echo, Room], ids=["plain", "extension"])
async def test_a_message_of_a_megabyte_is_refused_cleanly(make: Callable[[], App]) -> None:
    async with serving(make()) as server, connect(url(server)) as client:
        await client.send(b"x" * (256 * 1024))
        assert len(await client.recv()) == 256 * 1024
        with pytest.raises(ConnectionClosed):
            await client.send(b"x" * 1_000_000)
            await client.recv()
        assert client.close_code == 1009


async def test_plain_asgi() -> None:
    ended: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert await receive() == {"type": "websocket.connect"}
        await send({"type": "websocket.accept", "subprotocol": "b", "headers": [(b"x-more", b"1")]})
        await send({"type": "websocket.send", "text": "first"})
        while True:
            event = await receive()
            if event["type"] == "websocket.disconnect":
                ended.append(event["code"])
                with pytest.raises(OSError):
                    await send({"type": "websocket.send", "text": "too late"})
                return
            await send({**event, "type": "websocket.send"})

    async with serving(app) as server:
        async with connect(url(server), subprotocols=[Subprotocol("a"), Subprotocol("b")]) as client:
            assert client.subprotocol == "b"
            assert client.response is not None
            assert client.response.headers["x-more"] == "1"
            assert await client.recv() == "first"
            for number in range(20):
                await client.send(str(number))
            await client.send(b"\0")
            assert [await client.recv() for _ in range(21)] == [*map(str, range(20)), b"\0"]
            await client.close(4321)
        await until(lambda: ended)
        assert ended == [4321]


async def test_plain_asgi_waits_for_a_slow_reader() -> None:
    sent = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        await receive()
        await send({"type": "websocket.accept"})
        for _ in range(400):
            await send({"type": "websocket.send", "bytes": b"x" * 100_000})
            sent += 1

    async with serving(app) as server, bare(server) as client:
        await client.upgrade()
        async with asyncio.timeout(20):
            for _ in range(400):
                assert len(await client.frame()) == 100_010
        # The hard limit was not passed though ten times as much was sent.
        assert await client.frame() == frame.close(1000)


async def first(receive: Receive) -> Message:
    return await receive()


async def test_plain_asgi_may_receive_and_accept_in_different_tasks() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        async with asyncio.TaskGroup() as tasks:
            reader = tasks.create_task(first(receive))
            await asyncio.sleep(0)
            await send({"type": "websocket.accept"})
        await send({**reader.result(), "type": "websocket.send"})

    async with serving(app) as server, connect(url(server)) as client:
        await client.send("hi")
        assert await client.recv() == "hi"


@pytest.mark.parametrize("root_path", ["", "/root"])
async def test_scope(root_path: str) -> None:
    scopes: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        await echo(scope, receive, send)

    async with serving(app, root_path=root_path) as server, bare(server) as client:
        more = "X-Mixed-CASE: V\u00e4lue\r\nsEC-websocket-PROTOCOL: a, b\r\nx-forwarded-for: 192.0.2.7\r\n"
        client.writer.write(UPGRADE.format(path="/a%20b/%C3%BC?q=%20", more=more).encode("latin-1"))
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"server: uvicorn" in head
        scope = scopes[0]
        assert scope["path"] == root_path + "/a b/ü"
        assert scope["raw_path"] == root_path.encode() + b"/a%20b/%C3%BC"
        assert (scope["root_path"], scope["query_string"]) == (root_path, b"q=%20")
        assert (b"x-mixed-case", b"V\xe4lue") in scope["headers"]
        assert scope["subprotocols"] == ["a", "b"]
        assert scope["client"][0] == "192.0.2.7"  # uvicorn's proxy headers
        assert scope["server"] == ("127.0.0.1", port_of(server))
        assert (scope["type"], scope["scheme"], scope["http_version"]) == ("websocket", "ws", "1.1")


async def test_the_client_is_the_one_that_proxies_tell() -> None:
    room = Room()
    async with serving(room) as server, bare(server) as client:
        await client.upgrade(more="x-forwarded-for: 192.0.2.7\r\n")
        await until(lambda: room.connections)
        address = room.connections[0].client
        assert address is not None
        assert address[0] == "192.0.2.7"


async def reject(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    if scope["path"] == "/403":
        await send({"type": "websocket.close"})
    elif scope["path"] == "/404":
        await send({"type": "websocket.http.response.start", "status": 404, "headers": [(b"x-why", b"gone")]})
        await send({"type": "websocket.http.response.body", "body": b"no ", "more_body": True})
        await send({"type": "websocket.http.response.body", "body": b"room"})
    elif scope["path"] == "/smuggle":
        await send({"type": "websocket.accept", "headers": [(b"x", b"y\r\nz: 1")]})
    elif scope["path"] == "/raise":
        raise RuntimeError("boom")
    elif scope["path"] == "/confused":
        await send({"type": "websocket.send", "text": "x"})
    else:
        return
    assert (await receive())["type"] == "websocket.disconnect"


@pytest.mark.parametrize(
    ("path", "status"),
    [("/403", 403), ("/404", 404), ("/smuggle", 500), ("/raise", 500), ("/confused", 500), ("/return", 500)],
)
async def test_rejections(path: str, status: int) -> None:
    async with serving(reject) as server:
        with pytest.raises(InvalidStatus) as caught:
            await connect(url(server, path)).__aenter__()
        response = caught.value.response
        assert response.status_code == status
        if status == 404:
            assert (response.body, response.headers["x-why"]) == (b"no room", "gone")
        await until(lambda: not server.server_state.connections and not server.server_state.tasks)


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [("Version: 13", "Version: 8", b"426"), ("dGhl", "", b"400"), ("Host: localhost\r\n", "", b"400")],
)
async def test_malformed_handshakes(old: str, new: str, status: bytes) -> None:
    async with serving(echo, http="httptools") as server, bare(server) as client:
        client.writer.write(UPGRADE.format(path="/", more="").replace(old, new).encode())
        answer = await client.reader.read()
        assert answer.startswith(b"HTTP/1.1 " + status)
        assert (b"sec-websocket-version: 13\r\n" in answer) == (status == b"426")


async def test_an_application_that_does_not_answer() -> None:
    stuck = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await stuck.wait()
        with pytest.raises(OSError):
            await send({"type": "websocket.accept"})

    protocol = WebSocketProtocol.configured(Limits(accept_timeout=SHORT))
    async with serving(app, ws=protocol) as server, bare(server) as client:
        assert (await client.upgrade()).startswith(b"HTTP/1.1 503 ")
        stuck.set()


async def test_a_client_that_leaves_during_the_handshake() -> None:
    called: list[object] = []
    stuck = asyncio.Event()

    def accept(connection: object) -> Recorder:
        called.append(connection)
        return Recorder()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await stuck.wait()
        await serve(scope, receive, send, accept, turn=None)  # type: ignore[arg-type]

    async with serving(app) as server:
        async with bare(server) as client:
            client.writer.write(UPGRADE.format(path="/", more="").encode())
            await until(lambda: server.server_state.tasks)
        await until(lambda: not server.server_state.connections)
        stuck.set()
        await until(lambda: not server.server_state.tasks)
    assert called == []


async def test_a_half_closed_client_is_let_go() -> None:
    room = Room()
    async with serving(room) as server, bare(server) as client:
        await client.upgrade()
        client.writer.write_eof()
        assert await client.reader.read() == b""
        await until(lambda: room.listeners[0].codes == [1006])


async def test_keep_alive_against_a_mute_client() -> None:
    room = Room()
    protocol = WebSocketProtocol.configured(Limits(ping_interval=SHORT, ping_timeout=SHORT, close_timeout=SHORT))
    async with serving(room, ws=protocol) as server, bare(server) as client, connect(url(server)) as other:
        await client.upgrade()
        assert await client.frame() == frame.ping()
        assert await client.frame() == frame.close(1011, "keepalive ping timeout")
        assert await client.reader.read() == b""
        await until(lambda: [1011] in [listener.codes for listener in room.listeners])
        await other.send("still here")
        assert await other.recv() == "still here"


async def test_a_stuck_reader_is_closed_and_others_go_on() -> None:
    room = Room(soft_limit=50_000, hard_limit=500_000)
    protocol = WebSocketProtocol.configured(Limits(close_timeout=SHORT))
    async with serving(room, ws=protocol) as server, bare(server) as stuck, connect(url(server)) as fast:
        raw: socket.socket = stuck.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await stuck.upgrade()
        stuck.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await until(lambda: len(room.connections) == 2)
        assert room.turn is not None
        reader = next(c for c in room.connections if c.client == stuck.writer.get_extra_info("sockname"))
        dropped = frame.text(b"droppable")
        rounds = 0
        while room.turn.statistics().overflows == 0:
            rounds += 1
            assert rounds < 1000
            room.turn.broadcast(room.connections, frame.text(b"x" * 20_000))
            room.turn.broadcast(room.connections, dropped, droppable=True)
            assert len(await fast.recv()) == 20_000
            assert await fast.recv() == "droppable"
        statistics = room.turn.statistics()
        assert 0 < statistics.dropped < rounds
        assert statistics.overflows == 1
        await until(lambda: [1013] in [listener.codes for listener in room.listeners])
        # It never reads the close frame, so that it is cut off.
        await until(lambda: len(server.server_state.connections) == 1)
        assert reader.pending is None
        await fast.send("fine")
        assert await fast.recv() == "fine"


async def test_shutdown_tells_everybody_to_come_back() -> None:
    room = Room()
    async with serving(room) as server:
        clients = [await connect(url(server)).__aenter__() for _ in range(20)]
        room.say("bye")
        server.should_exit = True
        for client in clients:
            assert await client.recv() == "bye"
            with pytest.raises(ConnectionClosed):
                await client.recv()
            assert client.close_code == 1012
    assert [listener.codes for listener in room.listeners] == [[1012]] * 20


async def test_a_failing_listener_harms_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    room = Room()
    async with serving(room) as server, connect(url(server)) as one, connect(url(server)) as two:

        def answer(message: str | bytes) -> None:
            if str(message).startswith("s"):
                raise RuntimeError("boom")
            room.say(message)

        await until(lambda: len(room.listeners) == 2)
        for listener in room.listeners:
            listener.hook = answer
        with caplog.at_level(logging.DEBUG, "hubbub"):
            await one.send("secret")
            with pytest.raises(ConnectionClosed):
                await one.recv()
        assert one.close_code == 1011
        await two.send("fine")
        assert await two.recv() == "fine"
        assert "fault" in caplog.text
        assert "secret" not in caplog.text


async def test_a_peer_that_resets_is_noticed() -> None:
    room = Room()
    async with serving(room) as server:
        async with bare(server) as client:
            await client.upgrade()
            client.writer.write(masked(Opcode.TEXT, b"hi"))
            assert await client.frame() == frame.text(b"hi")
            client.writer.transport.abort()
        await until(lambda: room.listeners[0].codes == [1006])
