"""Bayeux through real sockets: long-polling, script tags, WebSockets, and who should not be let in."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.wire.bayeux.booth import HANDSHAKE, House
from tests.wire.engine_io.client import Site, closed, site
from tests.wire.fakes import text
from tests.wire.serving import bare, until
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from hubbub.wire.bayeux.option import Options
from hubbub.wire.bayeux.server import BayeuxServer
from hubbub.wire.connection import Receive, Scope, Send
from hubbub.wire.outbox import Turn

pytestmark = pytest.mark.anyio

ORIGIN = "https://example.org"
BODIES: list[bytes] = [
    *(b"", b"x", b"{", b"[1]", b"null", b'"a"', b"[[]]", b"[" * 50_000, b'[{"data": NaN}]', b'[{"id": {}}]'),
    *(b'[{"channel": "\xff"}]', b"message=x", b"message=", b"other=[]", b"&" * 1000, b"\xff\xfe"),
    b"message=[{}]" + b"&message=[{}]" * 101,
    b"&".join([b"message=" + json.dumps([{}] * 60).encode()] * 2),
    json.dumps([{}] * 101).encode(),
]
QUERIES: list[str] = ["", "message=", "message=x", "message=1", "jsonp=a", "message=%ff", "&" * 200]
METHODS: list[str] = ["PUT", "DELETE", "PATCH"]
NAMES_OF_FUNCTIONS: list[str] = [
    "a b",
    "a(",
    "1a",
    "a..b",
    "a.",
    ".a",
    "alert(1)//",
    "a\n",
    "<a>",
    "ä",
    "a[0]",
    "x" * 129,
]


class Gate:
    def __init__(self, most: int) -> None:
        self.most = most
        self.inside: list[str] = []

    def admits(self, address: str) -> bool:
        return len(self.inside) < self.most

    def enter(self, address: str) -> None:
        self.inside.append(address)

    def leave(self, address: str) -> None:
        self.inside.remove(address)


class Place(Site):
    bayeux: BayeuxServer
    house: House

    async def post(self, *messages: Any, **headers: str) -> Any:
        response = await self.request("POST", json.dumps(messages), {"content-type": "application/json", **headers})
        assert response.status_code == 200
        return response.json()

    async def shake_hands(self) -> str:
        return str((await self.post(HANDSHAKE))[0]["clientId"])

    async def on(self, channel: str) -> str:
        """Shake hands and subscribe."""
        id_ = await self.shake_hands()
        assert (await self.post(subscribing(id_, channel)))[0]["successful"]
        return id_

    async def holding(self, id_: str) -> "asyncio.Task[Any]":
        """Begin a connect, and see that the server holds it."""
        before = self.count("held_connects")
        task = asyncio.create_task(self.post(connecting(id_)))
        await until(lambda: self.count("held_connects") > before)
        return task

    def count(self, what: str) -> int:
        return self.bayeux.statistics()[what]

    async def empty(self) -> None:
        """See that nothing is left."""
        await until(lambda: not any(self.bayeux.statistics().values()))


@asynccontextmanager
async def talking(gate: Any = None, **options: Any) -> AsyncIterator[Place]:
    house = House()
    house.turn = Turn()
    house.hook = house.echo
    bayeux = BayeuxServer(house.open, turn=house.turn, options=Options(**options), admission=gate)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert bayeux.serves(scope["path"])
        await bayeux(scope, receive, send)

    async with site(app, "/faye") as here:
        place = Place(here.server, here.path)
        place.bayeux, place.house = bayeux, house
        try:
            yield place
        finally:
            await place.http.aclose()
            await bayeux.close()


def connecting(id_: str, **more: Any) -> dict[str, Any]:
    return {"channel": "/meta/connect", "clientId": id_, "connectionType": "long-polling", "id": "c", **more}


def subscribing(id_: str, channel: str) -> dict[str, Any]:
    return {"channel": "/meta/subscribe", "clientId": id_, "subscription": channel, "id": "s"}


def leaving(id_: str) -> dict[str, Any]:
    return {"channel": "/meta/disconnect", "clientId": id_, "id": "d"}


async def say(line: ClientConnection, *messages: Any) -> None:
    await line.send(json.dumps(messages))


async def hear(line: ClientConnection) -> Any:
    async with asyncio.timeout(10):
        return json.loads(await line.recv())


async def arrive(line: ClientConnection, channel: str) -> str:
    """Shake hands, subscribe and connect over a WebSocket."""
    await say(line, HANDSHAKE)
    id_ = str((await hear(line))[0]["clientId"])
    await say(line, subscribing(id_, channel), connecting(id_, connectionType="websocket"))
    assert [one["channel"] for one in await hear(line)] == ["/meta/subscribe"]
    return id_


def short(**spans: float) -> dict[str, Any]:
    return {name: timedelta(seconds=span) for name, span in spans.items()}


class TestLongPolling:
    async def test_from_handshake_to_goodbye(self) -> None:
        async with talking() as place:
            response = await place.request("POST", json.dumps([HANDSHAKE]), {"content-type": "application/json"})
            assert response.headers["content-type"] == "application/json; charset=utf-8"
            assert response.headers["cache-control"] == "no-cache, no-store"
            assert response.headers["x-content-type-options"] == "nosniff"
            assert "access-control-allow-origin" not in response.headers
            assert "set-cookie" not in response.headers
            id_ = response.json()[0]["clientId"]
            assert (await place.post(subscribing(id_, "/a")))[0]["successful"]
            connect = await place.holding(id_)
            place.house.tell("/a", {"text": "ü😀"})
            reply, event = await connect
            assert (reply["successful"], reply["id"]) == (True, "c")
            assert event == {"channel": "/a", "data": {"text": "ü😀"}}
            assert (await place.post(leaving(id_)))[0]["successful"]
            assert place.house.ears[0].reasons == ["client disconnect"]
            await place.empty()

    async def test_handshake_is_known(self) -> None:
        async with talking() as place:
            await place.request("POST", json.dumps(HANDSHAKE), {"x-token": "t"}, q="1", jsonp="x")
            handshake = place.house.ears[0].client.handshake
            assert handshake.headers["x-token"] == "t"
            assert handshake.query == {"q": "1"}
            assert handshake.address == "127.0.0.1"

    async def test_hold(self) -> None:
        async with talking(**short(hold=0.2, linger=5)) as place:
            id_ = await place.shake_hands()
            assert len(await place.post(connecting(id_))) == 1
            assert len(await place.post(connecting(id_), connecting(id_))) == 2

    async def test_aborted_connect_loses_nothing(self) -> None:
        async with talking() as place:
            id_ = await place.on("/a")
            async with bare(place.server) as line:
                body = json.dumps([connecting(id_)])
                line.writer.write(
                    f"POST /faye HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
                )
                await until(lambda: place.count("held_connects"))
            await until(lambda: not place.count("held_connects"))
            place.house.tell("/a", 1)
            assert [one.get("data") for one in await place.post(connecting(id_))] == [None, 1]

    async def test_who_aborts_and_stays_away_is_gone(self) -> None:
        async with talking(**short(hold=5, linger=0.2)) as place:
            id_ = await place.on("/a")
            connect = await place.holding(id_)
            connect.cancel()
            await until(lambda: place.house.ears[0].reasons)
            assert place.house.ears[0].reasons == ["timeout"]
            [reply] = await place.post(connecting(id_))
            assert reply["error"] == f"401:{id_}:Unknown client"
            assert reply["advice"] == {"reconnect": "handshake", "interval": 0}
            await place.empty()

    async def test_two_connects(self) -> None:
        async with talking() as place:
            id_ = await place.on("/a")
            first = await place.holding(id_)
            second = asyncio.create_task(place.post(connecting(id_, id="2")))
            assert (await first)[0]["advice"]["interval"] == 5000
            place.house.tell("/a", 1)
            assert len(await second) == 2

    async def test_connection_is_kept(self) -> None:
        async with talking(**short(hold=0.05)) as place:
            id_ = await place.shake_hands()
            body = json.dumps([connecting(id_)])
            request = f"POST /faye HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
            async with bare(place.server) as line:
                for _ in range(3):
                    line.writer.write(request)
                    head = await line.reader.readuntil(b"\r\n\r\n")
                    assert head.startswith(b"HTTP/1.1 200")
                    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                    assert json.loads(await line.reader.readexactly(length))[0]["successful"]

    @pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", ""])
    async def test_forms(self, kind: str) -> None:
        async with talking() as place:
            id_ = await place.shake_hands()
            one, two = json.dumps(subscribing(id_, "/a")), json.dumps([subscribing(id_, "/ü"), subscribing(id_, "/c")])
            form = str(httpx.QueryParams([("message", one), ("message", two), ("other", "x")]))
            response = await place.request("POST", form, {"content-type": kind})
            assert [reply["subscription"] for reply in response.json()] == ["/a", "/ü", "/c"]
            assert response.headers["content-type"].startswith("application/json")

    async def test_nothing_to_say(self) -> None:
        async with talking() as place:
            assert await place.post() == []

    @pytest.mark.parametrize("slash", ["", "/"])
    async def test_path(self, slash: str) -> None:
        async with talking() as place:
            response = await place.http.post(f"/faye{slash}", json=[HANDSHAKE])
            assert response.json()[0]["successful"]

    def test_other_paths(self) -> None:
        async def run() -> bool:
            return BayeuxServer(House().open, turn=Turn()).serves("/fayed")

        assert not asyncio.run(run())


class TestScriptTags:
    async def ask(self, place: Place, *messages: Any, **query: str) -> httpx.Response:
        return await place.request("GET", message=json.dumps(messages), **query)

    def unwrap(self, response: httpx.Response, callback: str) -> Any:
        head, tail = f"/**/{callback}(", ");"
        assert response.status_code == 200
        assert response.text.startswith(head)
        assert response.text.endswith(tail)
        assert response.headers["content-type"] == "text/javascript; charset=utf-8"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["content-disposition"] == "attachment; filename=f.txt"
        return json.loads(response.text[len(head) : -len(tail)])

    async def test_all(self) -> None:
        async with talking() as place:
            [reply] = self.unwrap(await self.ask(place, HANDSHAKE, jsonp="__jsonp1__"), "__jsonp1__")
            id_ = reply["clientId"]
            self.unwrap(await self.ask(place, subscribing(id_, "/a"), jsonp="a.b.$c"), "a.b.$c")
            task = asyncio.create_task(self.ask(place, connecting(id_, connectionType="callback-polling")))
            await until(lambda: place.count("held_connects"))
            place.house.tell("/a", "</script>\u2028\u2029")
            response = await task
            assert "\u2028" not in response.text
            assert "\u2029" not in response.text
            assert self.unwrap(response, "jsonpcallback")[1]["data"] == "</script>\u2028\u2029"

    async def test_goes_on_over_a_websocket(self) -> None:
        async with talking() as place:
            [reply] = self.unwrap(await self.ask(place, HANDSHAKE, jsonp="callback"), "callback")
            id_ = reply["clientId"]
            async with place.websocket() as line:
                await say(line, subscribing(id_, "/a"))
                assert (await hear(line))[0]["successful"]
                await say(line, connecting(id_, connectionType="websocket"))
                await until(lambda: place.count("websockets"))
                place.house.tell("/a", 1)
                assert await hear(line) == [{"channel": "/a", "data": 1}]

    async def test_names_of_functions(self) -> None:
        async with talking() as place:
            for name in NAMES_OF_FUNCTIONS:
                response = await self.ask(place, HANDSHAKE, jsonp=name)
                assert response.status_code == 400
                assert name not in response.text
                assert response.headers["content-type"] == "text/plain; charset=utf-8"
                assert not place.house.ears

    async def test_where_they_are_not_served(self) -> None:
        for options in ({"jsonp": False}, {"origins": frozenset({ORIGIN})}):
            async with talking(**options) as place:
                assert (await self.ask(place, HANDSHAKE, jsonp="a")).status_code == 400
                assert not place.house.ears


class TestBadRequests:
    async def test_bodies(self) -> None:
        async with talking() as place:
            for body in BODIES:
                response = await place.request("POST", body)
                assert response.status_code == 400
                assert not any(place.bayeux.statistics().values())

    async def test_queries(self) -> None:
        async with talking() as place:
            for query in QUERIES:
                response = await place.http.get("/faye?" + query)
                assert response.status_code == 400

    async def test_methods(self) -> None:
        async with talking() as place:
            for method in METHODS:
                response = await place.request(method, json.dumps([HANDSHAKE]))
                assert response.status_code == 405
                assert response.headers["allow"] == "GET, POST, OPTIONS"

    async def test_size(self) -> None:
        async with talking(max_payload=1000) as place:
            exact = json.dumps([HANDSHAKE]).ljust(1000)
            assert (await place.request("POST", exact)).status_code == 200
            assert (await place.request("POST", exact + " ")).status_code == 413

            async def parts() -> AsyncIterator[bytes]:
                for _ in range(101):
                    yield b" " * 10

            assert (await place.http.post("/faye", content=parts())).status_code == 413

    async def test_size_is_not_read_to_the_end(self) -> None:
        async with talking(max_payload=1000) as place, bare(place.server) as line:
            line.writer.write(
                b"POST /faye HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + b" " * 1001
            )
            assert (await line.reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 413")

    async def test_slow_body(self) -> None:
        async with talking(**short(post_timeout=0.05)) as place, bare(place.server) as line:
            line.writer.write(b"POST /faye HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n[")
            assert (await line.reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 408")

    async def test_body_that_breaks_off(self) -> None:
        async with talking() as place:
            async with bare(place.server) as line:
                line.writer.write(b"POST /faye HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n[")
                await line.writer.drain()
            assert await place.shake_hands()


class TestOrigins:
    async def test_any(self) -> None:
        async with talking() as place:
            response = await place.request("POST", json.dumps([HANDSHAKE]), {"origin": ORIGIN})
            assert response.headers["access-control-allow-origin"] == ORIGIN
            assert response.headers["access-control-allow-credentials"] == "true"
            assert response.headers["vary"] == "Origin"
            refused = await place.request("POST", "x", {"origin": ORIGIN})
            assert refused.status_code == 400
            assert refused.headers["access-control-allow-origin"] == ORIGIN

    async def test_preflight(self) -> None:
        async with talking() as place:
            headers = {"origin": ORIGIN, "access-control-request-headers": "content-type, x-a"}
            response = await place.request("OPTIONS", headers=headers)
            assert response.status_code == 204
            assert response.headers["access-control-allow-headers"] == "content-type, x-a"
            assert response.headers["access-control-allow-methods"] == "GET, POST"

    async def test_list(self) -> None:
        async with talking(origins=frozenset({ORIGIN})) as place:
            for origin, status in ((ORIGIN, 200), ("https://evil.example", 403), ("null", 403)):
                response = await place.request("POST", json.dumps([HANDSHAKE]), {"origin": origin})
                assert response.status_code == status
                assert ("access-control-allow-origin" in response.headers) == (status == 200)
            assert (
                "access-control-allow-origin"
                not in (await place.request("OPTIONS", headers={"origin": "https://evil.example"})).headers
            )
            assert await place.shake_hands()  # no script's
            async with place.websocket({"origin": ORIGIN}) as line:
                await arrive(line, "/a")
            with pytest.raises(InvalidStatus) as caught:
                async with place.websocket({"origin": "https://evil.example"}):
                    pass
            assert caught.value.response.status_code == 403


class TestWebSocket:
    async def test_from_handshake_to_goodbye(self) -> None:
        async with talking() as place:
            async with place.websocket() as line:
                assert place.count("unused_websockets") == 1
                id_ = await arrive(line, "/a")
                assert place.count("unused_websockets") == 0
                await say(line, {"channel": "/a", "clientId": id_, "data": {"x": 1}, "id": 7, "ext": {"t": 1}})
                assert await hear(line) == [{"channel": "/a", "clientId": id_, "id": 7, "successful": True}]
                assert await hear(line) == [{"channel": "/a", "data": {"x": 1}}]
                assert place.house.ears[0].heard[-1] == ("publish", "/a", {"x": 1}, {"t": 1})
                await say(line, leaving(id_))
                assert [(await hear(line))[0]["channel"] for _ in range(2)] == ["/meta/connect", "/meta/disconnect"]
                assert await closed(line) == 1000
            await place.empty()

    async def test_hold(self) -> None:
        async with talking(**short(hold=0.1, linger=5)) as place, place.websocket() as line:
            id_ = await arrive(line, "/a")
            for _ in range(2):
                [reply] = await hear(line)
                assert (reply["channel"], reply["successful"]) == ("/meta/connect", True)
                await say(line, connecting(id_, connectionType="websocket"))

    async def test_who_connects_no_more_is_gone(self) -> None:
        async with talking(**short(hold=0.1, linger=0.1)) as place, place.websocket() as line:
            await arrive(line, "/a")
            assert await closed(line) == 1000
            assert place.house.ears[0].reasons == ["timeout"]
            await place.empty()

    async def test_comes_back_for_what_it_has_missed(self) -> None:
        async with talking() as place:
            async with place.websocket() as line:
                id_ = await arrive(line, "/a")
            await until(lambda: not place.count("websockets"))
            place.house.tell("/a", 1)
            async with place.websocket() as line:
                await say(line, connecting(id_, connectionType="websocket"))
                assert await hear(line) == [{"channel": "/a", "data": 1}]
            assert not place.house.ears[0].reasons

    async def test_takes_over_from_long_polling(self) -> None:
        async with talking() as place:
            id_ = await place.on("/a")
            connect = await place.holding(id_)
            async with place.websocket() as line:
                await say(line, connecting(id_, connectionType="websocket"))
                assert len(await connect) == 1
                place.house.tell("/a", 1)
                assert await hear(line) == [{"channel": "/a", "data": 1}]
                connect = asyncio.create_task(place.post(connecting(id_)))
                assert await closed(line) == 1000
                place.house.tell("/a", 2)
                assert (await connect)[1]["data"] == 2

    async def test_one_frame_for_all_transports(self) -> None:
        async with talking() as place, AsyncExitStack() as stack:
            lines = [await stack.enter_async_context(place.websocket()) for _ in range(20)]
            for line in lines:
                await arrive(line, "/a")
            connects = [await place.holding(await place.on("/a")) for _ in range(5)]
            for number in range(3):
                place.house.tell("/a", {"n": number})
            for line in lines:
                assert [(await hear(line))[0]["data"]["n"] for _ in range(3)] == [0, 1, 2]
            for connect in connects:
                assert [one["data"]["n"] for one in (await connect)[1:]] == [0, 1, 2]

    async def test_sent_away(self) -> None:
        async with talking() as place, place.websocket() as line:
            await arrive(line, "/a")
            place.house.ears[0].client.disconnect("403::Banned", reconnect="none")
            [reply] = await hear(line)
            assert (reply["error"], reply["advice"]) == ("403::Banned", {"reconnect": "none"})
            assert await closed(line) == 1000
            await place.empty()

    async def test_ping_of_an_old_client(self) -> None:
        async with talking() as place, place.websocket() as line:
            await line.send("[]")
            assert await hear(line) == []

    @pytest.mark.parametrize(
        ("message", "code"),
        [
            *(
                (text, 1008)
                for text in ("", "x", "[1]", "null", "[" * 50_000, '[{"a": NaN}]', "[" + "{}," * 100 + "{}]")
            ),
            (b"[]", 1003),
            ('["' + "ü" * 500 + '"]', 1009),
            ("[" + " " * 1000 + "]", 1009),
        ],
    )
    async def test_bad_frames(self, message: str | bytes, code: int) -> None:
        async with talking(max_payload=1000 if code == 1009 else 100_000) as place, place.websocket() as other:
            await arrive(other, "/a")
            async with place.websocket() as line:
                await line.send(message)
                assert await closed(line) == code
            place.house.tell("/a", 1)
            assert await hear(other) == [{"channel": "/a", "data": 1}]

    async def test_big_but_not_too_big(self) -> None:
        async with talking(max_payload=1000) as place, place.websocket() as line:
            await line.send("[" + " " * 998 + "]")
            assert await hear(line) == []

    async def test_nobody_connects(self) -> None:
        gate = Gate(10)
        async with talking(gate, **short(line_timeout=0.1)) as place, place.websocket() as line:
            await line.send("[]")
            assert gate.inside == ["127.0.0.1"]
            assert await closed(line) == 1008
            await until(lambda: not gate.inside)
            await place.empty()

    async def test_reader_that_is_too_slow_must_begin_anew(self) -> None:
        async with talking(max_queue=1_000_000_000) as place:
            place.house.turn.hard_limit = 100_000
            async with bare(place.server) as line, place.websocket() as other:
                id_ = await arrive(other, "/a")
                [reply] = await place.post(HANDSHAKE)
                slow = reply["clientId"]
                await place.post(subscribing(slow, "/a"))
                await line.upgrade("/faye")
                line.writer.write(text(json.dumps([connecting(slow, connectionType="websocket")])))
                await until(lambda: place.count("websockets") == 2)
                for _ in range(400):
                    place.house.tell("/a", "x" * 50_000)
                    await hear(other)
                    if len(place.house.ears[1].reasons):
                        break
                assert place.house.ears[1].reasons == ["overflow"]
                assert (await place.post(subscribing(slow, "/b")))[0]["error"] == f"401:{slow}:Unknown client"
                assert (await place.post(subscribing(id_, "/b")))[0]["successful"]


class TestCrowds:
    async def test_handshakes_that_lead_nowhere(self) -> None:
        gate = Gate(50)
        async with talking(gate, **short(hold=1, linger=0.2)) as place:
            replies = await asyncio.gather(*(place.post(HANDSHAKE) for _ in range(80)))
            assert sum(reply["successful"] for [reply] in replies) == 50
            assert {reply["error"] for [reply] in replies if not reply["successful"]} == {"403::Too many clients"}
            await place.empty()
            assert not gate.inside

    async def test_websockets_that_lead_nowhere(self) -> None:
        gate = Gate(10)
        async with talking(gate, **short(line_timeout=0.3)) as place, AsyncExitStack() as stack:
            for _ in range(10):
                await stack.enter_async_context(place.websocket())
            with pytest.raises(InvalidStatus) as caught:
                async with place.websocket():
                    pass
            assert caught.value.response.status_code == 403
            await place.empty()
            assert not gate.inside

    async def test_a_websocket_with_its_client_counts_once(self) -> None:
        gate = Gate(10)
        async with talking(gate) as place:
            async with place.websocket() as line:
                id_ = await arrive(line, "/a")
                assert len(gate.inside) == 1
            await place.post(leaving(id_))
            assert not gate.inside

    async def test_flood_costs_others_nothing(self) -> None:
        async with talking(**short(hold=10)) as place, place.websocket() as flood, place.websocket() as line:
            await arrive(line, "/a")
            id_ = await arrive(flood, "/b")
            for _ in range(20):
                await say(flood, *(connecting(id_, connectionType="websocket") for _ in range(100)))
            place.house.tell("/a", 1)
            assert await hear(line) == [{"channel": "/a", "data": 1}]
            for _ in range(20 * 100):
                assert (await hear(flood))[0]["advice"]["interval"] == 5000
            assert place.count("held_connects") == 2

    async def test_guessing(self) -> None:
        async with talking() as place:
            replies = await place.post(*(connecting(f"{number:031}") for number in range(100)))
            assert all(reply["error"].startswith("401:") for reply in replies)
            assert not any(place.bayeux.statistics().values())


class TestStop:
    async def test_everybody_is_told(self) -> None:
        async with talking() as place:
            id_ = await place.on("/a")
            connect = await place.holding(id_)
            async with place.websocket() as line, place.websocket() as idle:
                await arrive(line, "/a")
                place.house.tell("/a", 1)
                assert (await connect)[1]["data"] == 1
                connect = await place.holding(id_)
                await place.bayeux.close()
                [reply] = await connect
                assert (reply["successful"], reply["advice"]["interval"]) == (True, 5000)
                assert await hear(line) == [{"channel": "/a", "data": 1}]
                assert await closed(line) == 1012
                assert await closed(idle) == 1012
            await until(lambda: [ear.reasons for ear in place.house.ears] == [["server shutting down"]] * 2)
            await place.empty()

    async def test_nobody_new(self) -> None:
        async with talking() as place:
            await place.bayeux.close()
            response = await place.request("POST", json.dumps([HANDSHAKE]))
            assert response.status_code == 503
            with pytest.raises(InvalidStatus) as caught:
                async with place.websocket():
                    pass
            assert caught.value.response.status_code == 503
