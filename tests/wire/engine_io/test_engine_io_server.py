"""What the official suites of both versions expect, and some more, through real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
from tests.wire.engine_io.client import QUICK, Site, closed, site
from tests.wire.serving import bare, until
from websockets.exceptions import ConnectionClosed, InvalidStatus

from hubbub.wire.connection import Receive, Scope, Send
from hubbub.wire.engine_io.option import Options
from hubbub.wire.engine_io.server import EngineServer
from hubbub.wire.engine_io.session import Session
from hubbub.wire.outbox import Turn

pytestmark = pytest.mark.anyio
both = pytest.mark.parametrize("version", [3, 4])

INTERVAL, TIMEOUT = 0.3, 0.2


class Echo:
    def __init__(self, session: Session) -> None:
        self.session = session
        self.reasons: list[str] = []

    def on_message(self, message: str | bytes) -> None:
        if message == "fail":
            raise RuntimeError("as told")
        self.session.send(message)

    def on_close(self, reason: str) -> None:
        self.reasons.append(reason)


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
    engine: EngineServer
    echoes: list[Echo]

    async def empty(self) -> None:
        """See that nothing is left."""
        await until(lambda: not any(self.engine.statistics().values()))


@asynccontextmanager
async def echoing(gate: Any = None, **options: Any) -> AsyncIterator[Place]:
    engine: EngineServer | None = None
    echoes: list[Echo] = []

    def open_echo(session: Session) -> Echo:
        if session.handshake.query.get("fail"):
            raise RuntimeError("as told")
        echoes.append(Echo(session))
        return echoes[-1]

    turn = Turn()
    options.setdefault("stop_timeout", timedelta(seconds=0.02))
    engine = EngineServer(open_echo, turn=turn, options=Options(**options), admission=gate)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert engine.serves(scope["path"])
        await engine(scope, receive, send)

    async with site(app, "/engine.io/") as here:
        place = Place(here.server, here.path)
        place.engine, place.echoes = engine, echoes
        try:
            yield place
        finally:
            await place.http.aclose()
            await engine.close()


def enc(version: int, *packets: str) -> str:
    if version == 4:
        return "\x1e".join(packets)
    return "".join(f"{len(one.encode('utf-16-le')) // 2}:{one}" for one in packets)


def error(response: httpx.Response) -> tuple[int, int]:
    return response.status_code, response.json()["code"]


REFUSALS: list[tuple[str, dict[str, str], tuple[int, int]]] = [
    ("GET", {}, (400, 0)),
    ("GET", {"EIO": "4"}, (400, 0)),
    ("GET", {"EIO": "3", "transport": "abc"}, (400, 0)),
    ("GET", {"EIO": "4", "transport": "polling", "sid": "x" * 20}, (400, 1)),
    ("POST", {"EIO": "4", "transport": "polling", "sid": "x" * 20}, (400, 1)),
    ("POST", {"EIO": "4", "transport": "polling"}, (400, 2)),
    ("POST", {"EIO": "3", "transport": "polling"}, (400, 2)),
    ("PUT", {"EIO": "4", "transport": "polling"}, (400, 2)),
    ("DELETE", {"EIO": "4", "transport": "polling"}, (400, 2)),
    ("GET", {"EIO": "4", "transport": "websocket"}, (400, 3)),
    ("GET", {"transport": "polling"}, (400, 5)),
    ("GET", {"EIO": "abc", "transport": "polling"}, (400, 5)),
    ("GET", {"EIO": "2", "transport": "polling"}, (400, 5)),
    ("GET", {"EIO": "", "transport": "polling"}, (400, 5)),
]
SPOKEN_REFUSALS: list[tuple[dict[str, str], str]] = [
    ({"transport": "abc", "EIO": "4"}, "Transport unknown"),
    ({"EIO": "4", "sid": "x" * 20}, "Session ID unknown"),
    ({"EIO": "abc"}, "Unsupported protocol version"),
    ({}, "Unsupported protocol version"),
    ({"EIO": "4", "transport": "polling"}, "Bad request"),
]


class TestHandshake:
    async def test_version_3_over_polling(self) -> None:
        async with echoing(**QUICK) as place:
            response = await place.request("GET", EIO="3", transport="polling")
            length, _, packet = response.text.partition(":")
            assert int(length) == len(packet)
            assert packet.startswith('0{"sid":"')
            opening = msgspec.json.decode(packet[1:])
            assert len(opening.pop("sid")) == 20
            assert opening == {"upgrades": ["websocket"], "pingInterval": 300, "pingTimeout": 200}
            assert response.headers["content-type"] == "text/plain; charset=UTF-8"
            assert response.headers["cache-control"] == "no-store"
            assert "set-cookie" not in response.headers

    async def test_version_4_over_polling(self) -> None:
        async with echoing(**QUICK) as place:
            guest = await place.polling(4)
            assert set(guest.opening) == {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"}
            assert guest.opening["maxPayload"] == 1_000_000

    @both
    async def test_over_a_websocket(self, version: int) -> None:
        async with echoing(**QUICK) as place, place.websocket(EIO=str(version)) as client:
            packet = await client.recv()
            assert isinstance(packet, str)
            opening = msgspec.json.decode(packet[1:])
            assert (packet[0], opening["upgrades"], opening["pingInterval"]) == ("0", [], 300)
            assert ("maxPayload" in opening) == (version == 4)

    async def test_refusals_have_numbers(self) -> None:
        async with echoing() as place:
            for method, query, expected in REFUSALS:
                response = await place.request(method, **query)
                assert (query, error(response)) == (query, expected)
                assert response.headers["content-type"] == "application/json"
            await place.empty()

    async def test_a_websocket_is_refused_in_words(self) -> None:
        async with echoing() as place:
            for query, words in SPOKEN_REFUSALS:
                with pytest.raises(InvalidStatus) as caught:
                    await place.websocket(**query).__aenter__()
                assert caught.value.response.status_code == 400
                assert caught.value.response.body == f"{words}\n".encode()

    async def test_a_missing_version_can_mean_3(self) -> None:
        async with echoing(default_version=3) as place:
            response = await place.request("GET", transport="polling")
            assert response.text[:4] == "96:0"
            assert error(await place.request("GET", transport="polling", EIO="abc")) == (400, 5)

    async def test_the_first_request_is_kept(self) -> None:
        async with echoing() as place:
            headers = [
                ("Authorisation", "é".encode("latin-1")),
                ("X-A", "1"),
                ("X-A", "2"),
                ("Cookie", "a=1"),
                ("Cookie", "b=2"),
            ]
            guest = await place.polling(3, headers, token="t é", t="abc")
            async with place.websocket(EIO="3", sid=guest.sid) as client:
                await client.send("2probe")
                await client.recv()
                await client.send("5")
                handshake = place.echoes[0].session.handshake
                assert handshake.version == 3
                assert handshake.query["token"] == "t é"
                assert handshake.address == "127.0.0.1"
                assert handshake.headers["authorisation"] == "é"
                assert handshake.headers["x-a"] == "1, 2"
                assert handshake.headers["cookie"] == "a=1; b=2"

    async def test_subprotocols_of_plain_requests_do_not_matter(self) -> None:
        async with echoing() as place:
            guest = await place.polling(3, {"Sec-WebSocket-Protocol": "janus-protocol"})
            response = await guest.post("2:4x", {"Sec-WebSocket-Protocol": "janus-protocol"})
            assert response.text == "ok"

    async def test_too_many_fields(self) -> None:
        async with echoing() as place:
            response = await place.http.get("/engine.io/?EIO=4&transport=polling" + "&a=1" * 100)
            assert error(response) == (400, 3)

    async def test_a_fault_while_it_opens_closes(self, caplog: pytest.LogCaptureFixture) -> None:
        async with echoing() as place:
            guest = await place.polling(4, fail="1")
            assert guest.first.text.endswith("\x1e1")
            assert error(await guest.get()) == (400, 1)
            assert "open failed, fault" in caplog.text
            await place.empty()


class TestMessages:
    @both
    async def test_text_over_polling(self, version: int) -> None:
        async with echoing() as place:
            guest = await place.polling(version)
            assert (await guest.post(enc(version, "4hello"))).text == "ok"
            assert (await guest.get()).text == enc(version, "4hello")
            packets = ["4test1", "4test2", "4hé 😀"]
            posted = await guest.post(enc(version, *packets))
            assert (posted.status_code, posted.text) == (200, "ok")
            assert posted.headers["content-type"] == "text/html"
            response = await guest.get()
            assert response.text == enc(version, *packets)
            assert response.headers["content-type"] == "text/plain; charset=UTF-8"

    async def test_binary_over_polling(self) -> None:
        async with echoing() as place:
            for version, query, packet in ((3, {"b64": "1"}, "b4AQIDBA=="), (4, {}, "bAQIDBA==")):
                guest = await place.polling(version, **query)
                assert (await guest.post(enc(version, "4hello", packet))).text == "ok"
                assert (await guest.get()).text == enc(version, "4hello", packet)

    async def test_the_binary_form_of_version_3(self) -> None:
        async with echoing() as place:
            guest = await place.polling(3)
            body = b"\0\6\xff4hello\1\5\xff\4\1\2\3\4"
            for content, headers in (
                (b"6:4hello10:b4AQIDBA==", None),
                (body, {"Content-Type": "application/octet-stream"}),
            ):
                assert (await guest.post(content, headers)).text == "ok"
                response = await guest.get()
                assert response.content == body
                assert response.headers["content-type"] == "application/octet-stream"

    async def test_version_4_has_none(self) -> None:
        async with echoing() as place:
            guest = await place.polling(4)
            response = await guest.post(b"4hello", {"Content-Type": "application/octet-stream"})
            assert error(response) == (400, 3)
            assert error(await guest.get()) == (400, 1)

    @both
    async def test_a_malformed_payload_closes(self, version: int) -> None:
        async with echoing() as place:
            guest = await place.polling(version)
            assert error(await guest.post("abc")) == (400, 3)
            assert error(await guest.get()) == (400, 1)
            await place.empty()

    @both
    async def test_a_second_get_closes(self, version: int) -> None:
        async with echoing() as place:
            guest = await place.polling(version)
            first = await guest.wait_for_get(place.engine.statistics)
            assert error(await guest.get(t="burst")) == (400, 3)
            response = await first
            assert (response.status_code, response.text) == (200, enc(version, "1"))
            assert error(await guest.get()) == (400, 1)
            await place.empty()

    async def test_an_aborted_get_closes(self) -> None:
        async with echoing() as place:
            guest = await place.polling()
            first = await guest.wait_for_get(place.engine.statistics)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            await until(lambda: place.echoes[0].reasons == ["transport close"])
            assert error(await guest.get()) == (400, 1)
            await place.empty()

    async def test_an_aborted_post_closes(self) -> None:
        async with echoing() as place:
            guest = await place.polling()
            async with bare(place.server) as client:
                target = f"/engine.io/?EIO=4&transport=polling&sid={guest.sid}"
                client.writer.write(f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n4he".encode())
                await asyncio.sleep(0.05)
                assert place.echoes[0].reasons == []
            await until(lambda: place.echoes[0].reasons == ["transport error"])
            await place.empty()

    async def test_a_post_that_never_ends(self) -> None:
        async with echoing(post_timeout=timedelta(seconds=0.2)) as place:
            guest = await place.polling()
            async with bare(place.server) as client:
                target = f"/engine.io/?EIO=4&transport=polling&sid={guest.sid}"
                client.writer.write(f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n4he".encode())
                assert b"400 Bad Request" in await client.reader.readuntil(b"\r\n\r\n")
            await place.empty()

    @pytest.mark.parametrize("chunked", [False, True])
    async def test_a_post_that_is_too_big_is_refused_and_no_more(self, chunked: bool) -> None:
        async with echoing(max_payload=1000) as place:
            guest = await place.polling()

            async def parts() -> AsyncIterator[bytes]:
                for _ in range(11):
                    yield b"4" * 100

            content: Any = parts() if chunked else b"4" * 1001
            query = {"EIO": "4", "transport": "polling", "sid": guest.sid}
            assert (await place.http.post("/engine.io/", content=content, params=query)).status_code == 413
            assert (await guest.post("4" + "x" * 999)).text == "ok"
            assert len((await guest.get()).content) == 1000

    @both
    async def test_over_a_websocket(self, version: int) -> None:
        async with echoing() as place, place.websocket(EIO=str(version)) as client:
            await client.recv()
            binary = b"\4\1\2\3\4" if version == 3 else b"\1\2\3\4"
            for message in ("4hello", "4hé 😀", binary):
                await client.send(message)
                assert await client.recv() == message
            await client.send("abc")
            assert await closed(client) == 1002

    async def test_a_frame_that_is_too_big_closes(self) -> None:
        async with echoing(max_payload=1000) as place, place.websocket(EIO="4") as client:
            await client.recv()
            await client.send("4" + "x" * 1000)
            assert await closed(client) == 1009

    async def test_a_fault_of_the_listener_closes_that_session_alone(self, caplog: pytest.LogCaptureFixture) -> None:
        async with echoing() as place, place.websocket(EIO="4") as other:
            await other.recv()
            guest = await place.polling()
            await guest.post("4fail")
            assert (await guest.get()).text == "1"
            await other.send("4hello")
            assert await other.recv() == "4hello"
            assert guest.sid not in caplog.text

    async def test_a_script_tag(self) -> None:
        async with echoing() as place:
            first = await place.request("GET", EIO="3", transport="polling", j="5;alert(1)")
            assert first.text.startswith('___eio[51]("96:0{\\"sid\\":\\"')
            assert first.headers["content-type"] == "text/javascript; charset=UTF-8"
            assert first.headers["x-content-type-options"] == "nosniff"
            sid = first.text.split('\\"')[3]
            query = {"EIO": "3", "transport": "polling", "sid": sid, "j": "1"}
            packets = "4a\nb\\n\u2028&=+é"
            escaped = enc(3, packets, "b4AQI=").replace("\\n", "\\\n").replace("\n", "\\n")
            posted = await place.http.post("/engine.io/", data={"d": escaped}, params=query)
            assert posted.text == "ok"
            answer = (await place.http.get("/engine.io/", params=query)).text
            assert answer.startswith("___eio[1](")
            assert "\u2028" not in answer
            assert msgspec.json.decode(answer[len("___eio[1](") : -2]) == enc(3, packets, "b4AQI=")

    async def test_script_tags_can_be_refused(self) -> None:
        for options in ({"jsonp": False}, {"origins": frozenset({"https://example.org"})}):
            async with echoing(**options) as place:
                assert error(await place.request("GET", EIO="3", transport="polling", j="1")) == (400, 3)


class TestHeartbeat:
    async def test_version_3_over_polling(self) -> None:
        async with echoing(**QUICK) as place:
            guest = await place.polling(3)
            for _ in range(3):
                assert (await guest.post("1:2")).text == "ok"
                assert (await guest.get()).text == "1:3"
            await guest.post("6:2probe")
            assert (await guest.get()).text == "6:3probe"

    async def test_version_4_over_polling(self) -> None:
        async with echoing(**QUICK) as place:
            guest = await place.polling(4)
            for _ in range(3):
                assert (await guest.get()).text == "2"
                assert (await guest.post("3")).text == "ok"

    @both
    async def test_the_deadline_holds_to_the_millisecond(self, version: int) -> None:
        async with echoing(**QUICK) as place:
            guest = await place.polling(version)
            await asyncio.sleep(INTERVAL + TIMEOUT)
            assert error(await guest.post(enc(version, "2")) if version == 3 else await guest.get()) == (400, 1)
            await place.empty()

    @both
    async def test_over_a_websocket(self, version: int) -> None:
        async with echoing(**QUICK) as place, place.websocket(EIO=str(version)) as client:
            await client.recv()
            for _ in range(3):
                if version == 3:
                    await client.send("2")
                    assert await client.recv() == "3"
                else:
                    assert await client.recv() == "2"
                    await client.send("3")
            assert await closed(client) is not None
            await until(lambda: place.echoes[0].reasons == ["ping timeout"])
            await place.empty()


class TestClose:
    @both
    async def test_by_the_client_over_polling(self, version: int) -> None:
        async with echoing() as place:
            guest = await place.polling(version)
            waiting = await guest.wait_for_get(place.engine.statistics)
            assert (await guest.post(enc(version, "1"))).text == "ok"
            response = await waiting
            assert (response.status_code, response.text) == (200, enc(version, "6"))
            assert error(await guest.get()) == (400, 1)
            await place.empty()

    @both
    async def test_by_the_client_over_a_websocket(self, version: int) -> None:
        async with echoing() as place, place.websocket(EIO=str(version)) as client:
            await client.recv()
            await client.send("1")
            assert await closed(client) == 1000
            await place.empty()

    async def test_by_the_server(self) -> None:
        async with echoing(stop_timeout=timedelta(seconds=20)) as place:
            guests = [await place.polling(version) for version in (3, 4)]
            waiting = guests[1].getting()
            await until(lambda: place.engine.statistics()["waiting_gets"] == 1)
            place.echoes[0].session.send("bye")
            async with place.websocket(EIO="4") as client:
                await client.recv()
                place.echoes[2].session.send("bye")
                closing = asyncio.create_task(place.engine.close())
                assert (await waiting).status_code == 400  # a close packet would be the last word for some clients
                assert await client.recv() == "4bye"
                with pytest.raises(ConnectionClosed):
                    await client.recv()
                assert client.close_code == 1012
                assert (await guests[0].get()).text == "4:4bye"
                await closing
                assert [echo.reasons for echo in place.echoes] == [["server shutting down"]] * 3
                await place.empty()
                refused = await place.request("GET", EIO="4", transport="polling")
                assert refused.status_code == 503
                with pytest.raises(InvalidStatus):
                    await place.websocket(EIO="4").__aenter__()

    async def test_the_server_does_not_wait_for_those_who_are_gone(self) -> None:
        async with echoing(stop_timeout=timedelta(seconds=0.1)) as place:
            for _ in range(450):
                await place.polling()
            async with asyncio.timeout(5):
                await place.engine.close()
            await place.empty()


class TestUpgrade:
    @both
    async def test_succeeds(self, version: int) -> None:
        async with echoing() as place:
            guest = await place.polling(version)
            async with guest.websocket() as client:
                await client.send("2probe")
                assert await client.recv() == "3probe"
                assert (await guest.get()).text == enc(version, "6")
                await guest.post(enc(version, "4queued"))
                await client.send("5")
                await client.send("4hello")
                assert [await client.recv(), await client.recv()] == ["4queued", "4hello"]
                assert place.engine.statistics()["websockets"] == 1

    @both
    async def test_http_is_refused_afterwards(self, version: int) -> None:
        async with echoing() as place:
            guest = await place.polling(version)
            async with guest.websocket() as client:
                await client.send("2probe")
                await client.recv()
                await client.send("5")
                assert error(await guest.get()) == (400, 3)
                assert error(await guest.post(enc(version, "4no"))) == (400, 3)
                await client.send("4hello")
                assert await client.recv() == "4hello"

    @both
    async def test_a_second_websocket_is_accepted_and_closed(self, version: int) -> None:
        async with echoing() as place:
            guest = await place.polling(version)
            async with guest.websocket() as client:
                await client.send("2probe")
                await client.recv()
                await client.send("5")
                async with guest.websocket() as second:
                    assert await closed(second) == 1000
                await client.send("4hello")
                assert await client.recv() == "4hello"

    async def test_a_waiting_get_is_ended(self) -> None:
        async with echoing() as place:
            guest = await place.polling(3)
            waiting = await guest.wait_for_get(place.engine.statistics)
            async with guest.websocket() as client:
                await client.send("2probe")
                assert await client.recv() == "3probe"
                assert (await waiting).text == "1:6"
                await client.send("5")
                await client.send("2")
                assert await client.recv() == "3"

    async def test_one_that_takes_too_long_is_given_up(self) -> None:
        async with echoing(upgrade_timeout=timedelta(seconds=0.2)) as place:
            guest = await place.polling()
            async with guest.websocket() as client:
                await client.send("2probe")
                assert await client.recv() == "3probe"
                assert await closed(client) == 1000
            await guest.post("4hello")
            assert (await guest.get()).text == "4hello"

    async def test_no_transport_but_the_sessions(self) -> None:
        async with echoing() as place, place.websocket(EIO="4") as client:
            opening = await client.recv()
            assert isinstance(opening, str)
            sid = msgspec.json.decode(opening[1:])["sid"]
            for transport in ("polling", "websocket"):
                response = await place.request("GET", EIO="4", transport=transport, sid=sid)
                assert error(response) == (400, 3)


class TestOrigins:
    async def test_any_is_answered_as_its_own(self) -> None:
        async with echoing() as place:
            for origin in ("https://jumpin.chat", "null"):
                response = await place.request("GET", headers={"Origin": origin}, EIO="3", transport="polling")
                assert response.headers["access-control-allow-origin"] == origin
                assert response.headers["access-control-allow-credentials"] == "true"
                assert response.headers["vary"] == "Origin"
            refused = await place.request("GET", headers={"Origin": "https://a.b"}, EIO="9", transport="polling")
            assert refused.headers["access-control-allow-origin"] == "https://a.b"
            plain = await place.request("GET", EIO="3", transport="polling")
            assert "access-control-allow-origin" not in plain.headers

    async def test_a_preflight_is_told_what_it_asks_for(self) -> None:
        async with echoing() as place:
            headers = {
                "Origin": "https://a.b",
                "Access-Control-Request-Method": "GET",
                "Access-Control-Request-Headers": "authorisation, channels, id",
            }
            response = await place.request("OPTIONS", headers=headers, EIO="4", transport="polling")
            assert (response.status_code, response.content) == (204, b"")
            assert response.headers["access-control-allow-headers"] == "authorisation, channels, id"
            assert "POST" in response.headers["access-control-allow-methods"]

    async def test_a_list_shuts_out_others(self) -> None:
        async with echoing(origins=frozenset({"https://a.b"})) as place:
            for headers, status in (({}, 200), ({"Origin": "https://a.b"}, 200), ({"Origin": "https://a.b.c"}, 403)):
                response = await place.request("GET", headers=headers, EIO="4", transport="polling")
                assert response.status_code == status
                if status == 403:
                    assert error(response) == (403, 4)
                    assert "access-control-allow-origin" not in response.headers
            preflight = await place.request("OPTIONS", headers={"Origin": "https://x.y"})
            assert (preflight.status_code, len(preflight.headers.get("access-control-allow-origin", ""))) == (204, 0)
            async with place.websocket({"Origin": "https://a.b"}, EIO="4") as client:
                assert await client.recv()
            with pytest.raises(InvalidStatus) as caught:
                await place.websocket({"Origin": "https://x.y"}, EIO="4").__aenter__()
            assert caught.value.response.status_code == 403


class TestCrowds:
    async def test_there_is_room_for_so_many(self) -> None:
        gate = Gate(2)
        async with echoing(gate, **QUICK) as place:
            async with place.websocket(EIO="4") as client:
                await client.recv()
                await place.polling(3)
                assert gate.inside == ["127.0.0.1"] * 2
                assert error(await place.request("GET", EIO="4", transport="polling")) == (403, 4)
                with pytest.raises(InvalidStatus) as caught:
                    await place.websocket(EIO="4").__aenter__()
                assert caught.value.response.status_code == 403
            await until(lambda: gate.inside == [])
            await place.polling(4)
            await place.empty()
            assert gate.inside == []

    async def test_sids_are_not_to_be_guessed(self) -> None:
        async with echoing() as place:
            sids = {(await place.polling()).sid for _ in range(50)}
            assert len(sids) == 50
            assert all(len(sid) == 20 and sid.replace("-", "").replace("_", "").isalnum() for sid in sids)

    async def test_half_open_handshakes_end_by_themselves(self) -> None:
        async with echoing(**QUICK) as place:
            for version in (3, 4) * 20:
                await place.polling(version)
            assert place.engine.statistics()["polling"] == 40
            assert place.engine.statistics()["timers"] == 1
            await place.empty()
            assert {tuple(echo.reasons) for echo in place.echoes} == {("ping timeout",)}

    async def test_a_websocket_that_leaves_during_the_handshake_is_not_counted(self) -> None:
        gate = Gate(5)
        async with echoing(gate) as place:
            for _ in range(10):
                async with bare(place.server) as client:
                    client.writer.write(b"GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\n")
            await asyncio.sleep(0.05)
            await until(lambda: gate.inside == [])
            await place.empty()

    async def test_churn_leaves_nothing(self) -> None:
        async with echoing(Gate(1000), **QUICK) as place:

            async def visit(number: int) -> None:
                version = 3 + number % 2
                if number % 4 < 2:
                    async with place.websocket(EIO=str(version)) as client:
                        await client.recv()
                        await client.send("4hello")
                        assert await client.recv() == "4hello"
                    return
                guest = await place.polling(version)
                await guest.post(enc(version, "4hello"))
                assert "4hello" in (await guest.get()).text
                if number % 3 == 0:
                    with contextlib.suppress(httpx.TimeoutException):
                        await place.http.get(
                            "/engine.io/", timeout=0.05, params={"EIO": "4", "transport": "polling", "sid": guest.sid}
                        )

            await asyncio.gather(*(visit(number) for number in range(60)))
            await place.empty()
            assert place.engine.turn.statistics().dirty == 0
