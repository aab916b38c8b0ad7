"""What the official suite of protocol 5 expects, and protocol 4 likewise, through real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.wire.engine_io.client import OURS, QUICK, Site, closed, site
from tests.wire.serving import until
from websockets.asyncio.client import ClientConnection

from hubbub.wire.outbox import Group, Turn
from hubbub.wire.socket_io.option import Options
from hubbub.wire.socket_io.packet import event_frame
from hubbub.wire.socket_io.server import SocketServer
from hubbub.wire.socket_io.socket import Reply, Socket

pytestmark = pytest.mark.anyio
both = pytest.mark.parametrize("version", [3, 4])


class Talker:
    def __init__(self, socket: Socket, room: Group[None]) -> None:
        self.socket = socket
        self.room = room
        self.reasons: list[str] = []
        socket.emit("auth", socket.auth)
        room.add(socket.outbox, None)

    def on_event(self, name: str | int, arguments: list[Any], reply: Reply | None) -> None:
        if name == "message":
            self.socket.emit("message-back", *arguments)
        elif name == "message-with-ack" and reply is not None:
            reply(*arguments)
        elif name == "say":
            self.room.broadcast(event_frame("said", *arguments))
        elif name == "leave":
            self.socket.disconnect()

    def on_disconnect(self, reason: str) -> None:
        self.reasons.append(reason)
        self.room.discard(self.socket.outbox)


class Place(Site):
    sockets: SocketServer
    talkers: list[Talker]
    room: Group[None]

    async def empty(self) -> None:
        await until(lambda: not any(self.sockets.statistics().values()))
        assert not self.room.members

    @asynccontextmanager
    async def joined(self, version: int = 4) -> AsyncIterator[ClientConnection]:
        async with self.websocket(EIO=str(version)) as client:
            await client.recv()
            if version == 4:
                await client.send("40")
            await client.recv()
            assert await client.recv() == '42["auth",{}]'
            yield client


@asynccontextmanager
async def talking(ws: Any = OURS, **options: Any) -> AsyncIterator[Place]:
    options.setdefault("stop_timeout", timedelta(seconds=0.02))
    turn = Turn()
    room: Group[None] = Group(turn)
    talkers: list[Talker] = []

    def connect(socket: Socket) -> Talker:
        talkers.append(Talker(socket, room))
        return talkers[-1]

    server = SocketServer(connect, turn=turn, options=Options(**options), namespaces={"/", "/custom"}.__contains__)
    assert server.serves("/socket.io")
    async with site(server, "/socket.io/", ws) as here:
        place = Place(here.server, here.path)
        place.sockets, place.talkers, place.room = server, talkers, room
        try:
            yield place
        finally:
            await place.http.aclose()
            await server.close()


async def words(client: ClientConnection, count: int) -> list[str | bytes]:
    """Receive so much, pings apart."""
    heard: list[str | bytes] = []
    while len(heard) < count:
        message = await client.recv()
        if message == "2":
            await client.send("3")
        else:
            heard.append(message)
    return heard


class TestConnect:
    @pytest.mark.parametrize("auth", ["", '{"token":"123"}'])
    async def test_to_a_namespace(self, auth: str) -> None:
        async with talking() as place:
            for namespace, prefix in (("", ""), ("/custom,", "/custom,")):
                async with place.websocket(EIO="4") as client:
                    opening = await client.recv()
                    await client.send(f"40{namespace}{auth}")
                    answer, event = await client.recv(), await client.recv()
                    assert isinstance(answer, str)
                    assert isinstance(opening, str)
                    assert answer.startswith(f"40{prefix}")
                    told = msgspec.json.decode(answer[2 + len(prefix) :])
                    assert set(told) == {"sid"}
                    assert told["sid"] not in opening
                    assert event == f'42{prefix}["auth",{auth or "{}"}]'

    async def test_to_none_that_there_is(self) -> None:
        async with talking() as place, place.websocket(EIO="4") as client:
            await client.recv()
            await client.send("40/random")
            assert await client.recv() == '44/random,{"message":"Invalid namespace"}'

    async def test_not_at_all(self) -> None:
        async with talking(connect_timeout=timedelta(seconds=0.2)) as place:
            async with place.websocket(EIO="4") as client:
                assert await closed(client) == 1000
            async with place.websocket(EIO="4") as client:
                await client.recv()
                await client.send("4abc")
                assert await closed(client) == 1002
            await place.empty()

    async def test_version_3_is_told_in_the_first_body(self) -> None:
        async with talking() as place:
            guest = await place.polling(3, token="t")
            assert guest.first.text == (
                f'96:0{{"sid":"{guest.sid}","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":5000}}'
                '2:4013:42["auth",{}]'
            )
            assert place.talkers[0].socket.id == guest.sid
            assert place.talkers[0].socket.handshake.query["token"] == "t"

    async def test_version_3_over_a_websocket(self) -> None:
        async with talking() as place, place.websocket(EIO="3") as client:
            opening = await client.recv()
            assert isinstance(opening, str)
            assert opening.startswith('0{"sid":"')
            assert await words(client, 2) == ["40", '42["auth",{}]']
            await client.send("40/custom?a=b,")
            assert await words(client, 2) == ["40/custom,", '42/custom,["auth",{"a":"b"}]']
            await client.send("40/random")
            assert await words(client, 1) == ['44/random,"Invalid namespace"']

    async def test_a_bot_of_that_time(self) -> None:
        """Upgrades with another site's origin and no cookies, and speaks at once."""
        async with talking() as place:
            headers = {"Sec-WebSocket-Protocol": "janus-protocol", "Cookie": "who=me"}
            guest = await place.polling(3, headers, token="t")
            upgrade = place.websocket({"Origin": "https://jumpin.chat"}, EIO="3", sid=guest.sid, token="t")
            async with upgrade as client:
                await client.send("2probe")
                assert await client.recv() == "3probe"
                await client.send("5")
                await client.send('42["message", {"room": "R"}]')
                assert await client.recv() == '42["message-back",{"room":"R"}]'
                await client.send("2")
                assert await client.recv() == "3"
                assert place.talkers[0].socket.handshake.headers["cookie"] == "who=me"


class TestEvents:
    @both
    async def test_text_binary_and_acks(self, version: int) -> None:
        prefix = b"\4" if version == 3 else b""
        first, second = prefix + b"\1\2\3", prefix + b"\4\5\6"
        attached = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'
        async with talking() as place, place.joined(version) as client:
            await client.send('42["message",1,"2",{"3":[true]}]')
            assert await words(client, 1) == ['42["message-back",1,"2",{"3":[true]}]']
            await client.send('42456["message-with-ack",1,"2",{"3":[false]}]')
            assert await words(client, 1) == ['43456[1,"2",{"3":[false]}]']
            for sent, expected in (
                ('452-["message",', '452-["message-back",'),
                ('452-789["message-with-ack",', "462-789["),
            ):
                for message in (sent + attached, first, second):
                    await client.send(message)
                assert await words(client, 3) == [expected + attached, first, second]

    @both
    async def test_over_polling(self, version: int) -> None:
        async with talking() as place:
            guest = await place.polling(version, b64="1")
            binary = "b4AQI=" if version == 3 else "bAQI="
            packets = ["40/custom", '451-/custom,5["message-with-ack",{"_placeholder":true,"num":0}]', binary]
            body = "".join(f"{len(one)}:{one}" for one in packets) if version == 3 else "\x1e".join(packets)
            assert (await guest.post(body)).text == "ok"
            answer = (await guest.get()).text
            assert "40/custom," in answer
            assert '42/custom,["auth",{}]' in answer
            assert '461-/custom,5[{"_placeholder":true,"num":0}]' in answer
            assert answer.endswith(binary)

    @both
    async def test_what_is_malformed_closes(self, version: int) -> None:
        async with talking() as place:
            for message in ("4abc", "42{}", '42abc["message-with-ack",1,"2",{"3":[false]}]', '42["m",NaN]'):
                async with place.joined(version) as client:
                    await client.send(message)
                    assert await closed(client) == 1002
            await place.empty()
            assert {tuple(talker.reasons) for talker in place.talkers} == {("parse error",)}

    async def test_one_frame_reaches_clients_of_all_kinds_in_order(self) -> None:
        async with talking() as place:
            polling = [await place.polling(3), await place.polling(4)]
            assert (await polling[1].post("40")).text == "ok"
            assert "auth" in (await polling[1].get()).text
            async with place.joined(3) as old, place.joined(4) as new:
                waiting = [guest.getting() for guest in polling]
                await until(lambda: place.sockets.statistics()["waiting_gets"] == 2)
                for number in range(3):
                    await new.send(f'42["say",{number},"é😀"]')
                expected = [f'42["said",{number},"é😀"]' for number in range(3)]
                assert await words(old, 3) == expected
                assert await words(new, 3) == expected
                for guest, get in zip(polling, waiting, strict=True):
                    text = (await get).text
                    while '"said",2' not in text:
                        text += (await guest.get()).text
                    positions = [text.index(one) for one in expected]
                    assert positions == sorted(positions)
            await place.sockets.close()
            await place.empty()


class TestOtherServers:
    async def test_a_plain_asgi_server_does_too(self) -> None:
        async with talking(ws="websockets-sansio") as place:
            guest = await place.polling(4)
            await guest.post("40")
            await guest.get()
            async with guest.websocket() as client:
                await client.send("2probe")
                assert await client.recv() == "3probe"
                await client.send("5")
                await client.send('42["say",1]')
                assert await client.recv() == '42["said",1]'
                await client.send('42["leave"]')
                assert await client.recv() == "41"
                assert await closed(client) == 1000
            await place.empty()


class TestDisconnect:
    async def test_from_a_namespace(self) -> None:
        async with talking(**QUICK) as place, place.joined() as client:
            await client.send("40/custom")
            heard = await words(client, 2)
            assert heard[1] == '42/custom,["auth",{}]'
            await client.send("41/custom")
            await client.send('42["message","message to main namespace"]')
            assert await words(client, 1) == ['42["message-back","message to main namespace"]']
            await client.send("41")
            await until(lambda: place.sockets.statistics()["sockets"] == 0)
            while await client.recv() != "2":
                pass

    @both
    async def test_by_the_server(self, version: int) -> None:
        async with talking() as place, place.joined(version) as client:
            await client.send('42["leave"]')
            assert await words(client, 1) == ["41"]
            assert await closed(client) == 1000
            await place.empty()
            assert place.talkers[0].reasons == ["server namespace disconnect"]

    async def test_everybody_when_the_server_stops(self) -> None:
        async with talking() as place, place.joined(3) as old, place.joined(4) as new:
            await place.polling(3)
            closing = asyncio.create_task(place.sockets.close())
            assert [await closed(old), await closed(new)] == [1012, 1012]
            await closing
            await place.empty()
            assert {tuple(talker.reasons) for talker in place.talkers} == {("server shutting down",)}

    async def test_floods_and_churn_leave_nothing(self) -> None:
        async with talking(max_queue_packets=100, **QUICK) as place:

            async def visit(number: int) -> None:
                version = 3 + number % 2
                if number % 3 == 0:
                    guest = await place.polling(version)
                    body = "40/nowhere" if version == 4 else "10:40/nowhere"
                    for _ in range(4):
                        await guest.post((body + ("\x1e" if version == 4 else "")) * 30 + body)
                    return
                async with place.joined(version) as client:
                    for _ in range(50):
                        await client.send('42["say","x"]')
                    client.transport.abort()

            async with asyncio.TaskGroup() as tasks:
                for number in range(30):
                    tasks.create_task(visit(number))
            await place.empty()
