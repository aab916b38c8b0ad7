import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.wire.fakes import Recorder
from tests.wire.serving import Room, serving, until, url
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from hubbub.wire import frame
from hubbub.wire.connection import Connection, Message, serve
from hubbub.wire.outbox import Turn

pytestmark = pytest.mark.anyio


class FakeServer:
    """Any ASGI server: events in, events out; `stuck` stands for a client that does not read."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[Message] = asyncio.Queue()
        self.events.put_nowait({"type": "websocket.connect"})
        self.sent: list[Message] = []
        self.free = asyncio.Event()
        self.free.set()
        self.connection: Connection | None = None
        self.listener = Recorder()
        self.turn = Turn(soft_limit=100, hard_limit=1000)

    async def send(self, message: Message) -> None:
        await self.free.wait()
        self.sent.append(message)

    def enter(self, connection: Connection) -> Recorder:
        self.connection = connection
        return self.listener

    def say(self, **event: Any) -> None:
        self.events.put_nowait({"type": "websocket.receive", **event})

    async def run(self, enter: Callable[[Connection], Recorder] | None = None) -> None:
        scope = {"type": "websocket", "client": ["192.0.2.1", 5]}
        await serve(scope, self.events.get, self.send, enter or self.enter, turn=self.turn, subprotocol="s")


async def running(server: FakeServer) -> tuple[asyncio.Task[None], Connection]:
    task = asyncio.create_task(server.run())
    await until(lambda: server.connection)
    assert server.connection is not None
    return task, server.connection


async def test_frames_become_messages_and_messages_events() -> None:
    server = FakeServer()
    task, connection = await running(server)
    assert connection.client == ("192.0.2.1", 5)
    connection.put(frame.text("grün".encode()))
    server.turn.broadcast([connection], frame.binary(b"\xff"))
    connection.put(frame.ping())
    server.say(text="a", bytes=None)
    server.say(bytes=b"b")
    server.events.put_nowait({"type": "websocket.disconnect", "code": 1001})
    await until(lambda: len(server.sent) == 3)
    await task
    assert server.sent == [
        {"type": "websocket.accept", "subprotocol": "s"},
        {"type": "websocket.send", "text": "grün"},
        {"type": "websocket.send", "bytes": b"\xff"},
    ]
    assert (server.listener.messages, server.listener.codes) == (["a", b"b"], [1001])


async def test_close_flushes_first() -> None:
    server = FakeServer()
    task, connection = await running(server)
    connection.put(frame.text(b"last"))
    connection.close(4000, "why")
    connection.close(4001)
    connection.put(frame.text(b"too late"))
    await task
    assert server.sent[1:] == [
        {"type": "websocket.send", "text": "last"},
        {"type": "websocket.close", "code": 4000, "reason": "why"},
    ]
    assert server.listener.codes == [4000]


async def test_soft_then_hard_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubbub.wire.connection._CLOSE_TIMEOUT", 0.05)
    server = FakeServer()
    task, connection = await running(server)
    server.free.clear()
    slow = [connection.slow]
    for _ in range(3):
        connection.put(frame.text(b"x" * 98))
        await asyncio.sleep(0.01)
        slow.append(connection.slow)
    assert slow == [False, False, False, True]  # the first of them is with the server already
    for _ in range(12):
        server.turn.broadcast([connection], frame.text(b"x" * 98))
    await task  # in spite of the stuck server
    assert server.listener.codes == [1013]
    assert server.turn.statistics().overflows == 1


async def test_a_client_that_catches_up_is_not_slow() -> None:
    server = FakeServer()
    task, connection = await running(server)
    connection.put(frame.text(b"x" * 500))
    await until(lambda: len(server.sent) == 2)
    slow = connection.slow
    connection.close()
    await task
    assert not slow


async def test_paused_messages_wait() -> None:
    server = FakeServer()
    task, connection = await running(server)
    server.listener.hook = lambda _: connection.pause_reading()
    for words in ("a", "b", "c"):
        server.say(text=words)
    await until(lambda: server.listener.messages)
    await asyncio.sleep(0.02)
    assert server.listener.messages == ["a"]
    connection.resume_reading()
    await until(lambda: len(server.listener.messages) == 2)
    connection.close(4000)
    await task
    assert (server.listener.messages, server.listener.codes) == (["a", "b"], [4000])


def boom(*_: object) -> Any:
    raise RuntimeError("boom")


async def test_a_failing_accept_closes_with_1011() -> None:
    server = FakeServer()
    await server.run(boom)
    assert server.sent[1:] == [{"type": "websocket.close", "code": 1011, "reason": ""}]


async def test_a_failing_listener_closes_with_1011(caplog: pytest.LogCaptureFixture) -> None:
    server = FakeServer()
    task, _ = await running(server)
    server.listener.hook = boom
    setattr(server.listener, "on_close", boom)  # noqa: B010
    server.say(text="secret")
    await task
    assert server.sent[1:] == [{"type": "websocket.close", "code": 1011, "reason": ""}]
    assert caplog.text.count("fault") == 2
    assert "secret" not in caplog.text


async def test_a_server_that_has_lost_the_client() -> None:
    server = FakeServer()
    task, connection = await running(server)

    async def fail(message: Message) -> None:
        raise OSError

    setattr(server, "send", fail)  # noqa: B010
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert server.listener.codes == [1006]
    connection.put(frame.text(b"nobody"))
    connection.close()
    lost = FakeServer()
    setattr(lost, "send", fail)  # noqa: B010
    await lost.run()
    assert lost.connection is None  # never accepted


async def test_on_another_protocol_class() -> None:
    room = Room()
    async with serving(room, ws="websockets-sansio") as server:
        async with connect(url(server)) as one, connect(url(server)) as two:
            await one.send("hello")
            assert (await one.recv(), await two.recv()) == ("hello", "hello")
            await two.send(b"bytes")
            assert (await one.recv(), await two.recv()) == (b"bytes", b"bytes")
            room.connections[0].close(4000, "enough")
            with pytest.raises(ConnectionClosed):
                await one.recv()
            assert one.close_code == 4000
        await until(lambda: room.served == 2)
    assert [listener.codes for listener in room.listeners] == [[4000], [1000]]
