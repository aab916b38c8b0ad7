"""What a client may do and is told, on a clock that is turned by hand."""

import re
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.wire.bayeux.booth import (
    ADVICE,
    AGAIN,
    HANDSHAKE,
    HOLD,
    LATER,
    LINGER,
    Body,
    Booth,
    Get,
    Guest,
    Line,
    seconds,
)

from hubbub.wire import frame
from hubbub.wire.bayeux import message
from hubbub.wire.bayeux.session import BayeuxClient, Refused
from hubbub.wire.outbox import Outbox

LONG = "/" + "a" * 256


def event(channel: str, data: Any) -> dict[str, Any]:
    return {"channel": channel, "data": data}


def is_unknown(reply: dict[str, Any], id_: str) -> bool:
    return (reply["successful"], reply["error"], reply["advice"]) == (False, f"401:{id_}:Unknown client", AGAIN)


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


class TestHandshake:
    def test_reply(self) -> None:
        booth = Booth()
        [reply] = booth.post(HANDSHAKE).body
        id_ = reply.pop("clientId")
        assert re.fullmatch(r"[a-z0-9]{31}", id_)
        assert reply == {
            "channel": "/meta/handshake",
            "id": "1",
            "successful": True,
            "version": "1.0",
            "supportedConnectionTypes": ["long-polling", "cross-origin-long-polling", "callback-polling", "websocket"],
            "advice": ADVICE,
        }

    def test_ids_differ(self) -> None:
        booth = Booth()
        assert len({booth.guest().id for _ in range(20)}) == 20

    def test_what_the_client_said_is_known(self) -> None:
        booth = Booth()
        booth.post({**HANDSHAKE, "ext": {"token": "t"}})
        handshake = booth.ears[0].client.handshake
        assert (handshake.headers, handshake.query) == ({"x": "post"}, {"q": "1"})
        assert (handshake.address, handshake.ext) == ("192.0.2.1", {"token": "t"})

    def test_over_a_websocket(self) -> None:
        booth = Booth()
        line = Line(booth)
        [[reply]] = line.send(HANDSHAKE)
        assert reply["successful"]
        assert booth.ears[0].client.handshake.address == "192.0.2.2"
        assert line.uses == 0  # it is not the client's way before it connects

    def test_advice_may_say_something_else(self) -> None:
        booth = Booth(advice_timeout=seconds(600), interval=seconds(1))
        assert booth.post(HANDSHAKE).body[0]["advice"] == {"reconnect": "retry", "interval": 1000, "timeout": 600000}

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"version": None}, "402:version:Missing required parameter"),
            ({"version": 1.0}, "402:version:Missing required parameter"),
            ({"version": "2.0"}, "300:2.0:Version mismatch"),
            ({"supportedConnectionTypes": None}, "402:supportedConnectionTypes:Missing required parameter"),
            ({"supportedConnectionTypes": []}, "402:supportedConnectionTypes:Missing required parameter"),
            ({"supportedConnectionTypes": "websocket"}, "402:supportedConnectionTypes:Missing required parameter"),
            ({"supportedConnectionTypes": ["flash", 1, {}]}, "301::Connection types not supported"),
            ({"supportedConnectionTypes": ["eventsource"]}, "301::Connection types not supported"),
        ],
    )
    def test_refused_by_us(self, change: dict[str, Any], error: str) -> None:
        booth = Booth()
        [reply] = booth.post(HANDSHAKE | change).body
        assert (reply["successful"], reply["error"]) == (False, error)
        assert "clientId" not in reply
        assert reply["advice"] == LATER  # or it would come back at once
        assert not booth.broker.clients

    @pytest.mark.parametrize(
        ("reconnect", "advice"),
        [(None, LATER), ("none", {"reconnect": "none"}), ("handshake", {**AGAIN, "interval": 5000})],
    )
    def test_refused_by_the_application(self, reconnect: str | None, advice: dict[str, Any]) -> None:
        gate = Gate(1)
        booth = Booth(gate)

        def opening(client: BayeuxClient) -> None:
            raise Refused("403::No", reconnect=reconnect)

        booth.opening = opening
        [reply] = booth.post(HANDSHAKE).body
        assert (reply["successful"], reply["error"], reply["advice"]) == (False, "403::No", advice)
        assert "clientId" not in reply
        assert not booth.broker.clients
        assert not gate.inside

    def test_application_that_fails(self, caplog: pytest.LogCaptureFixture) -> None:
        booth = Booth()

        def opening(client: BayeuxClient) -> None:
            raise RuntimeError("secret")

        booth.opening = opening
        [reply] = booth.post(HANDSHAKE).body
        assert (reply["successful"], reply["error"]) == (False, "500::Internal server error")
        assert not booth.broker.clients
        assert "open failed" in caplog.text

    def test_what_comes_with_it_is_ignored(self) -> None:
        booth = Booth()
        guest = booth.guest()
        replies = booth.post(guest.subscribing("/a"), HANDSHAKE, HANDSHAKE, guest.connecting()).body
        assert [one["channel"] for one in replies] == ["/meta/handshake"]
        assert len(booth.broker.clients) == 2
        assert not guest.client.channels

    def test_admission(self) -> None:
        gate = Gate(1)
        booth = Booth(gate)
        guest = booth.guest()
        [reply] = booth.post(HANDSHAKE).body
        assert (reply["error"], reply["advice"]) == ("403::Too many clients", LATER)
        guest.ask("/meta/disconnect")
        assert not gate.inside
        assert booth.post(HANDSHAKE).body[0]["successful"]

    def test_never_connected(self) -> None:
        gate = Gate(5)
        booth = Booth(gate)
        guests = [booth.guest() for _ in range(5)]
        booth.wait(LINGER - 1)
        guests[0].subscribe("/a")  # which is no connect
        booth.wait(1)
        assert not booth.broker.clients
        assert not gate.inside
        assert [one.ear.reasons for one in guests] == [["timeout"]] * 5

    def test_script_tags_are_not_offered_where_they_are_not_served(self) -> None:
        for options in ({"jsonp": False}, {"origins": frozenset({"https://example.org"})}):
            [reply] = Booth(**options).post(HANDSHAKE).body
            assert "callback-polling" not in reply["supportedConnectionTypes"]


class TestConnect:
    def test_held_until_there_is_something(self) -> None:
        booth = Booth()
        guest = booth.guest()
        guest.subscribe("/a")
        get = guest.connect()
        assert get.waits()
        booth.said("/a", {"x": 1})
        reply, *events = get.body
        assert reply == {
            "channel": "/meta/connect",
            "id": "3",
            "clientId": guest.id,
            "successful": True,
            "advice": ADVICE,
        }
        assert events == [event("/a", {"x": 1})]

    def test_held_for_so_long(self) -> None:
        booth = Booth()
        get = booth.guest().connect()
        booth.wait(HOLD - 0.1)
        assert get.waits()
        booth.wait(0.1)
        assert get.body[0]["successful"]
        assert len(get.body) == 1

    def test_client_wishes_for_less(self) -> None:
        booth = Booth()
        guest = booth.guest()
        get = guest.connect(advice={"timeout": 2000})
        booth.wait(1.9)
        assert get.waits()
        booth.wait(0.1)
        assert get.body
        assert guest.connect(advice={"timeout": 0}).body
        assert guest.connect(advice={"timeout": -5}).body

    @pytest.mark.parametrize("advice", [{"timeout": 1e9}, {"timeout": "0"}, {"timeout": None}, [], 0, "x"])
    def test_strange_wishes(self, advice: Any) -> None:
        booth = Booth()
        get = booth.guest().connect(advice=advice)
        booth.wait(HOLD - 1)
        assert get.waits()
        booth.wait(1)
        assert get.body

    def test_what_waited_goes_at_once_and_in_order(self) -> None:
        booth = Booth()
        guest = booth.guest()
        guest.subscribe("/a")
        for number in range(5):
            booth.said("/a", number)
        assert [one["data"] for one in guest.connect().body[1:]] == list(range(5))
        assert guest.connect().waits()  # nothing is told twice

    def test_what_is_put_in_the_same_turn(self) -> None:
        booth = Booth()
        guest = booth.guest()
        guest.client.deliver("/a", 1)  # still pending
        assert [one["data"] for one in guest.connect().body[1:]] == [1]

    def test_only_what_it_is_on(self) -> None:
        booth = Booth()
        guest = booth.guest()
        guest.subscribe("/a")
        get = guest.connect()
        booth.said("/b", 1)
        assert get.waits()
        guest.ask("/meta/unsubscribe", subscription="/a")
        booth.said("/a", 1)
        assert get.waits()

    def test_in_a_batch_it_is_not_held(self) -> None:
        booth = Booth()
        guest = booth.guest()
        guest.client.deliver("/x", 0)
        body = booth.post(guest.subscribing("/a"), guest.connecting(), guest.subscribing("/b")).body
        assert [one["channel"] for one in body] == ["/meta/subscribe", "/meta/connect", "/meta/subscribe", "/x"]
        assert all(one["successful"] for one in body[:3])
        assert body[1]["advice"] == ADVICE
        booth.wait(LINGER - 1)
        assert guest.is_alive()
        booth.wait(1)
        assert not guest.is_alive()

    def test_second_connect_lets_the_first_go_but_not_at_once_again(self) -> None:
        booth = Booth()
        guest = booth.guest()
        guest.subscribe("/a")
        first = guest.connect()
        second = guest.connect()
        assert first.body == [
            {"channel": "/meta/connect", "id": "3", "clientId": guest.id, "successful": True, "advice": LATER}
        ]
        assert second.waits()
        booth.said("/a", 1)
        assert len(second.body) == 2

    def test_aborted_connect(self) -> None:
        booth = Booth()
        guest = booth.guest()
        guest.subscribe("/a")
        get = guest.connect()
        guest.client.lose_poll(get)
        booth.said("/a", 1)
        assert get.waits()
        assert len(guest.connect().body) == 2

    def test_abortion_of_another_says_nothing(self) -> None:
        booth = Booth()
        guest = booth.guest()
        first, second = guest.connect(), guest.connect()
        guest.client.lose_poll(first)
        booth.wait(LINGER + 1)
        assert second.waits()
        assert guest.is_alive()

    def test_client_that_does_not_come_back(self) -> None:
        booth = Booth()
        guest = booth.guest()
        guest.connect()
        booth.wait(HOLD + LINGER - 0.1)
        assert guest.is_alive()
        booth.wait(0.1)
        assert not guest.is_alive()
        assert guest.ear.reasons == ["timeout"]
        assert is_unknown(guest.connect().body[0], guest.id)

    def test_deadlines_hold_though_nobody_looks(self) -> None:
        booth = Booth()
        guest = booth.guest()
        booth.wait(LINGER, looking=False)
        assert is_unknown(guest.connect().body[0], guest.id)
        assert guest.ear.reasons == ["timeout"]

    def test_client_that_comes_back_stays(self) -> None:
        booth = Booth()
        guest = booth.guest()
        for _ in range(10):
            booth.wait(LINGER - 1)
            assert guest.connect(advice={"timeout": 0}).body[0]["successful"]

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"connectionType": None}, "402:connectionType:Missing required parameter"),
            ({"connectionType": ["websocket"]}, "402:connectionType:Missing required parameter"),
            ({"connectionType": "flash"}, "301:flash:Connection types not supported"),
            ({"clientId": None}, "402:clientId:Missing required parameter"),
            ({"clientId": 5}, "402:clientId:Missing required parameter"),
            ({"clientId": "x"}, "401:x:Unknown client"),
            ({"clientId": "x" * 1000}, f"401:{'x' * 64}:Unknown client"),
        ],
    )
    def test_refused(self, change: dict[str, Any], error: str) -> None:
        booth = Booth()
        guest = booth.guest()
        [reply] = booth.post(guest.connecting() | change).body
        assert (reply["successful"], reply["error"]) == (False, error)
        assert "clientId" not in reply

    def test_ext_is_heard_and_may_refuse(self) -> None:
        booth = Booth()
        guest = booth.guest()
        assert guest.connect(ext={"token": 1}).waits()
        assert guest.ear.heard == [("connect", {"token": 1})]

        def hook(*_: Any) -> None:
            raise Refused("403::No", reconnect="none")

        booth.hook = hook
        [reply] = guest.connect(ext={"token": 2}).body
        assert (reply["error"], reply["advice"]) == ("403::No", {"reconnect": "none"})


class TestChannels:
    def test_reply(self) -> None:
        booth = Booth()
        guest = booth.guest()
        reply = guest.subscribe("/user/1", ext={"access_token": "t"})
        assert reply == {
            "channel": "/meta/subscribe",
            "id": "2",
            "clientId": guest.id,
            "successful": True,
            "subscription": "/user/1",
        }
        assert guest.ear.heard == [("subscribe", "/user/1", {"access_token": "t"})]

    def test_several(self) -> None:
        booth = Booth()
        guest = booth.guest()
        assert guest.subscribe(["/a", "/b", "/a"])["subscription"] == ["/a", "/b", "/a"]
        assert [one[1] for one in guest.ear.heard] == ["/a", "/b"]
        assert list(guest.client.channels) == ["/a", "/b"]

    def test_again_is_no_news(self) -> None:
        booth = Booth()
        guest = booth.guest()
        guest.subscribe("/a")
        assert guest.subscribe("/a")["successful"]
        assert len(guest.ear.heard) == 1
        get = guest.connect()
        booth.said("/a", 1)
        assert len(get.body) == 2

    def test_refused_by_the_application(self) -> None:
        booth = Booth()
        booth.hook = booth.echo
        guest = booth.guest()
        reply = guest.subscribe("/closed/1")
        assert (reply["successful"], reply["error"]) == (False, "403:/closed/1:Forbidden")
        assert reply["subscription"] == "/closed/1"
        assert "advice" not in reply
        assert not guest.client.channels

    def test_all_or_nothing(self) -> None:
        booth = Booth()
        booth.hook = booth.echo
        guest = booth.guest()
        guest.subscribe("/a")
        assert not guest.subscribe(["/a", "/b", "/closed/1", "/c"])["successful"]
        assert list(guest.client.channels) == ["/a"]
        assert guest.ear.heard[1:] == [
            ("subscribe", "/b", None),
            ("subscribe", "/closed/1", None),
            ("unsubscribe", "/b", None),
        ]

    @pytest.mark.parametrize(
        ("subscription", "error"),
        [
            (None, "402:subscription:Missing required parameter"),
            ("", "402:subscription:Missing required parameter"),
            ([], "402:subscription:Missing required parameter"),
            (5, "405::Invalid channel"),
            ({"a": 1}, "405::Invalid channel"),
            ([["/a"]], "405::Invalid channel"),
            (["/a", None], "405::Invalid channel"),
            ("a", "405:a:Invalid channel"),
            ("/a//b", "405:/a//b:Invalid channel"),
            (LONG, f"405:{LONG[:64]}:Invalid channel"),
            ("/a/*", "403:/a/*:Forbidden channel"),
            ("/**", "403:/**:Forbidden channel"),
            ("/meta/connect", "403:/meta/connect:Forbidden channel"),
            ("/service/x", "403:/service/x:Forbidden channel"),
            (["/ok", "/meta/x"], "403:/meta/x:Forbidden channel"),
        ],
    )
    def test_refused_by_us(self, subscription: Any, error: str) -> None:
        booth = Booth()
        guest = booth.guest()
        for channel in ("/meta/subscribe", "/meta/unsubscribe"):
            reply = guest.ask(channel, subscription=subscription)
            assert (reply["successful"], reply["error"]) == (False, error)
        assert not guest.ear.heard

    def test_patterns_where_they_are_wanted(self) -> None:
        booth = Booth(wildcards=True)
        guest = booth.guest()
        assert guest.subscribe(["/a/*", "/**"])["successful"]
        assert not guest.subscribe("/meta/*")["successful"]
        assert not guest.subscribe("/a/***")["successful"]

    def test_how_many(self) -> None:
        booth = Booth(max_channels=3)
        guest = booth.guest()
        assert guest.subscribe(["/a", "/b", "/a"])["successful"]
        assert guest.subscribe(["/c", "/d"])["error"] == "403:/d:Too many channels"
        assert guest.subscribe(["/c", "/b"])["successful"]
        assert not guest.subscribe("/d")["successful"]
        assert guest.subscribe("/a")["successful"]
        assert guest.ask("/meta/unsubscribe", subscription=["/a", "/x", "/y", "/z"])["successful"]
        assert guest.subscribe("/d")["successful"]

    def test_unsubscribe(self) -> None:
        booth = Booth()
        guest = booth.guest()
        guest.subscribe(["/a", "/b"])
        reply = guest.ask("/meta/unsubscribe", subscription="/a", ext=1)
        assert (reply["successful"], reply["subscription"]) == (True, "/a")
        assert guest.ask("/meta/unsubscribe", subscription="/a")["successful"]
        assert guest.ear.heard[2:] == [("unsubscribe", "/a", 1)]
        assert list(guest.client.channels) == ["/b"]

    def test_unknown_client(self) -> None:
        booth = Booth()
        for channel in ("/meta/subscribe", "/meta/unsubscribe", "/meta/disconnect", "/a"):
            [reply] = booth.post({"channel": channel, "clientId": "x", "subscription": "/a", "data": 1}).body
            assert is_unknown(reply, "x")

    def test_application_that_fails(self, caplog: pytest.LogCaptureFixture) -> None:
        booth = Booth()

        def hook(*_: Any) -> None:
            raise RuntimeError("secret")

        booth.hook = hook
        guest = booth.guest()
        assert guest.subscribe("/a")["error"] == "500::Internal server error"
        assert "listener failed" in caplog.text
        assert not guest.client.channels
        assert guest.is_alive()


class TestPublish:
    def test_reply(self) -> None:
        booth = Booth()
        guest = booth.guest()
        reply = guest.ask("/a", data={"x": [1]}, ext={"t": 1})
        assert reply == {"channel": "/a", "id": "2", "clientId": guest.id, "successful": True}
        assert guest.ear.heard == [("publish", "/a", {"x": [1]}, {"t": 1})]

    def test_others_do_not_see_who_it_was(self) -> None:
        booth = Booth()
        booth.hook = booth.echo
        writer, reader = booth.guest(), booth.guest()
        reader.subscribe("/a")
        get = reader.connect()
        writer.ask("/a", data=1)
        assert get.body[1] == event("/a", 1)

    @pytest.mark.parametrize(
        ("channel", "error"),
        [
            ("", "405::Invalid channel"),
            ("a", "405:a:Invalid channel"),
            ("/a/*", "405:/a/*:Invalid channel"),
            (LONG, f"405:{LONG[:64]}:Invalid channel"),
            ("/meta/foo", "403:/meta/foo:Forbidden channel"),
            ("/meta", None),
            ("/service/x", None),
        ],
    )
    def test_where(self, channel: str, error: str | None) -> None:
        booth = Booth()
        guest = booth.guest()
        reply = guest.ask(channel, data=1)
        assert reply.get("error") == error
        assert bool(guest.ear.heard) == (error is None)

    def test_refused_by_the_application(self) -> None:
        booth = Booth()
        booth.hook = booth.echo
        assert booth.guest().ask("/a", data="refuse")["error"] == "403:/a:Forbidden"
        assert booth.guest().ask("/a", data="fail")["error"] == "500::Internal server error"

    def test_nothing(self) -> None:
        booth = Booth()
        guest = booth.guest()
        assert guest.ask("/a")["error"] == "402:data:Missing required parameter"
        assert guest.ask("/a", data=None)["successful"]
        assert guest.ear.heard == [("publish", "/a", None, None)]

    def test_nothing_where_that_is_a_pong(self) -> None:
        booth = Booth(bare_publish=True)
        guest = booth.guest()
        assert guest.ask("/user/1", successful=True)["successful"]
        assert not guest.ask("/user 1", successful=True)["successful"]
        assert not guest.ear.heard

    def test_without_a_client(self) -> None:
        [reply] = Booth().post({"channel": "/a", "data": 1}).body
        assert reply["error"] == "402:clientId:Missing required parameter"

    def test_in_order(self) -> None:
        booth = Booth()
        guest = booth.guest()
        booth.post(*(guest.message("/a", data=number) for number in range(20)))
        assert [one[2] for one in guest.ear.heard] == list(range(20))

    @pytest.mark.parametrize("id_", [7, 7.5, "a", "", 0])
    def test_ids_come_back(self, id_: Any) -> None:
        booth = Booth()
        guest = booth.guest()
        [reply] = booth.post({**guest.message("/a", data=1), "id": id_}).body
        assert reply["id"] == id_
        assert type(reply["id"]) is type(id_)


class TestEnd:
    def test_goodbye(self) -> None:
        booth = Booth()
        guest = booth.guest()
        get = guest.connect()
        reply = guest.ask("/meta/disconnect")
        assert reply == {"channel": "/meta/disconnect", "id": "3", "clientId": guest.id, "successful": True}
        assert get.body[0]["advice"] == {"reconnect": "none"}
        assert guest.ear.reasons == ["client disconnect"]
        assert is_unknown(guest.ask("/meta/disconnect"), guest.id)

    def test_what_comes_after_goodbye(self) -> None:
        booth = Booth()
        guest = booth.guest()
        bodies = booth.post(guest.message("/meta/disconnect"), guest.subscribing("/a"), guest.connecting()).body
        assert [one["successful"] for one in bodies] == [True, False, False]
        assert not guest.ear.heard

    def test_sent_away_while_a_connect_is_held(self) -> None:
        booth = Booth()
        guest = booth.guest()
        get = guest.connect()
        guest.client.disconnect()
        booth.loop.settle()
        assert is_unknown(get.body[0], guest.id)
        assert guest.ear.reasons == ["server disconnect"]

    def test_sent_away_for_good_after_what_was_sent(self) -> None:
        booth = Booth(max_queue_messages=1)
        guest = booth.guest()
        get = guest.connect()
        for number in range(3):
            guest.client.deliver("/a", number)
        guest.client.disconnect("403::Banned", reconnect="none")
        reply, *events = get.body
        assert (reply["error"], reply["advice"]) == ("403::Banned", {"reconnect": "none"})
        assert events == [event("/a", number) for number in range(3)]
        booth.loop.settle()
        assert guest.ear.reasons == ["server disconnect"]

    def test_closed(self) -> None:
        booth = Booth()
        guest = booth.guest()
        get = guest.connect()
        guest.client.close()
        assert get.body[0]["advice"] == LATER
        assert get.body[0]["successful"]

    def test_told_once_and_later(self) -> None:
        booth = Booth()
        guest = booth.guest()
        guest.client.disconnect()
        assert not guest.ear.reasons
        guest.client.disconnect()
        guest.client.close()
        guest.client.say_goodbye()
        booth.loop.settle()
        booth.wait(1000)
        assert guest.ear.reasons == ["server disconnect"]

    def test_sent_away_by_what_it_did(self) -> None:
        booth = Booth()
        booth.hook = booth.echo
        guest = booth.guest()
        bodies = booth.post(guest.message("/a", data="leave"), guest.message("/a", data=1), guest.connecting()).body
        assert [one["successful"] for one in bodies] == [True, False, False]

    def test_sent_away_while_it_connects(self) -> None:
        booth = Booth()
        booth.hook = lambda ear, what, channel, data: ear.client.disconnect()
        guest = booth.guest()
        assert is_unknown(guest.connect(ext=1).body[0], guest.id)

    def test_sent_away_among_subscriptions(self) -> None:
        booth = Booth()
        booth.hook = lambda ear, what, channel, data: ear.client.disconnect()
        guest = booth.guest()
        guest.subscribe(["/a", "/b", "/c"])
        assert guest.ear.heard == [("subscribe", "/a", None)]
        assert not booth.group("/a").members

    def test_puts_are_lost_after_the_end(self) -> None:
        booth = Booth()
        guest = booth.guest()
        guest.client.deliver("/a", 1)
        booth.loop.settle()
        guest.client.disconnect()
        guest.client.deliver("/a", 1)
        booth.loop.settle()
        assert guest.client.statistics() == (0, 0, False, False, 0)

    def test_opened_and_sent_away(self) -> None:
        booth = Booth()
        booth.opening = lambda client: client.disconnect()
        [reply] = booth.post(HANDSHAKE).body
        assert booth.ears[0].reasons == ["closed"]
        assert is_unknown(booth.post({"channel": "/a", "clientId": reply["clientId"]}).body[0], reply["clientId"])

    def test_listener_that_fails_at_the_end(self, caplog: pytest.LogCaptureFixture) -> None:
        booth = Booth()
        guest, other = booth.guest(), booth.guest()
        guest.ear.on_disconnect = lambda reason: 1 / 0  # type: ignore[method-assign,assignment]
        booth.wait(LINGER)
        assert other.ear.reasons == ["timeout"]
        assert "listener failed" in caplog.text


class TestQueue:
    def test_bytes(self) -> None:
        booth = Booth(max_queue=1000)
        guest, other = booth.guest(), booth.guest()
        guest.subscribe("/a")
        other.subscribe("/a")
        held = other.connect()
        booth.said("/a", "x" * 600)
        assert guest.is_alive()
        booth.said("/a", "x" * 600)
        assert not guest.is_alive()
        assert guest.ear.reasons == ["overflow"]
        assert booth.turn.overflows == 1
        assert other.is_alive()
        assert held.body
        assert is_unknown(guest.connect().body[0], guest.id)

    def test_frames(self) -> None:
        booth = Booth(max_queue_messages=10)
        guest = booth.guest()
        guest.subscribe("/a")
        for number in range(10):
            booth.said("/a", number)
        assert guest.is_alive()
        booth.said("/a", 10)
        assert not guest.is_alive()

    def test_too_much_at_once_for_a_held_connect_is_none(self) -> None:
        booth = Booth(max_queue_messages=10)
        guest = booth.guest()
        guest.subscribe("/a")
        get = guest.connect()
        for number in range(50):
            booth.tell("/a", number)
        booth.loop.settle()
        assert len(get.body) == 51
        assert guest.is_alive()

    def test_too_much_with_the_connect(self) -> None:
        booth = Booth(max_queue_messages=10)
        guest = booth.guest()
        for number in range(11):
            guest.client.deliver("/a", number)  # still pending
        assert is_unknown(guest.connect().body[0], guest.id)
        guest = booth.guest()
        for number in range(11):
            guest.client.deliver("/a", number)
        line = Line(booth)
        [[reply]] = line.send(guest.connecting("websocket"))
        assert is_unknown(reply, guest.id)
        assert line.client is None

    def test_slow(self) -> None:
        booth = Booth(max_queue=4000)
        guest = booth.guest()
        assert not guest.is_slow()
        guest.client.deliver("/a", "x" * 1000)
        booth.loop.settle()
        assert guest.is_slow()
        booth.turn.broadcast([guest.client], message.data_frame("/a", 1), droppable=True)
        booth.loop.settle()
        assert guest.client.statistics()[0] == 1
        guest.connect()
        assert not guest.is_slow()


class TestWebSocket:
    def test_connect_is_held_and_events_come_beside_it(self) -> None:
        booth = Booth()
        guest = booth.guest()
        line = guest.line()
        assert line.uses == 1
        assert line.got() == []
        assert line.send(guest.subscribing("/a"))[0][0]["successful"]
        booth.said("/a", 1)
        booth.said("/a", 2)
        assert line.got() == [[event("/a", 1)], [event("/a", 2)]]
        booth.wait(HOLD)
        assert [one["channel"] for [one] in line.got()] == ["/meta/connect"]

    def test_events_come_between_two_connects(self) -> None:
        booth = Booth()
        guest = booth.guest()
        guest.subscribe("/a")
        line = guest.line()
        booth.wait(HOLD + 1)
        line.got()
        booth.said("/a", 1)
        assert line.got() == [[event("/a", 1)]]

    def test_frames_are_passed_on_as_they_are(self) -> None:
        booth = Booth()
        guest = booth.guest()
        guest.subscribe("/a")
        line = guest.line()
        prepared = message.data_frame("/a", 1)
        booth.group("/a").broadcast(prepared)
        booth.loop.settle()
        assert line.wire.frames[-1] is prepared

    def test_what_waited_goes_first(self) -> None:
        booth = Booth()
        guest = booth.guest()
        guest.subscribe("/a")
        booth.said("/a", 1)
        booth.tell("/a", 2)  # still pending
        line = guest.line()
        booth.said("/a", 3)
        assert [one["data"] for [one] in line.got()] == [1, 2, 3]

    def test_takes_over_from_polling(self) -> None:
        booth = Booth()
        guest = booth.guest()
        guest.subscribe("/a")
        get = guest.connect()
        line = guest.line()
        assert get.body == [
            {"channel": "/meta/connect", "id": "3", "clientId": guest.id, "successful": True, "advice": LATER}
        ]
        booth.said("/a", 1)
        assert line.got() == [[event("/a", 1)]]

    def test_polling_takes_over_from_it(self) -> None:
        booth = Booth()
        guest = booth.guest()
        guest.subscribe("/a")
        line = guest.line()
        get = guest.connect()
        assert line.wire.closed == [(1000, "connected elsewhere")]
        booth.said("/a", 1)
        assert len(get.body) == 2
        guest.client.lose_line(line.wire)  # is old news
        assert guest.connect().waits()

    def test_another_takes_over(self) -> None:
        booth = Booth()
        guest = booth.guest()
        guest.subscribe("/a")
        old, new = guest.line(), guest.line()
        assert old.wire.closed
        booth.said("/a", 1)
        assert old.got() == []
        assert new.got() == [[event("/a", 1)]]
        guest.client.lose_line(old.wire)
        booth.wait(LINGER + 1)
        assert guest.is_alive()

    def test_another_client_on_the_same_line(self) -> None:
        booth = Booth()
        first, second = booth.guest(), booth.guest()
        line = first.line()
        first.subscribe("/a")
        second.subscribe("/a")
        line.send(second.connecting("websocket"))
        assert not line.wire.closed
        booth.said("/a", 1)
        assert line.got() == [[event("/a", 1)]]
        booth.wait(LINGER)
        assert not first.is_alive()
        assert second.is_alive()
        assert not line.wire.closed

    def test_lost_and_found(self) -> None:
        booth = Booth()
        guest = booth.guest()
        guest.subscribe("/a")
        line = guest.line()
        guest.client.lose_line(line.wire, 1006)
        booth.said("/a", 1)
        booth.wait(LINGER - 1)
        assert guest.is_alive()
        assert guest.line().got() == [[event("/a", 1)]]

    def test_lost(self) -> None:
        booth = Booth()
        guest = booth.guest()
        line = guest.line()
        guest.client.lose_line(line.wire, 1006)
        booth.wait(LINGER)
        assert guest.ear.reasons == ["timeout"]

    def test_too_slow_a_reader_has_missed_something(self) -> None:
        booth = Booth()
        guest = booth.guest()
        line = guest.line()
        guest.client.lose_line(line.wire, 1013)
        booth.loop.settle()
        assert not guest.is_alive()
        assert guest.ear.reasons == ["overflow"]

    def test_no_second_connect(self) -> None:
        booth = Booth()
        guest = booth.guest()
        line = guest.line()
        booth.wait(HOLD + LINGER)
        assert not guest.is_alive()
        assert line.wire.closed == [(1000, "timeout")]

    def test_goodbye_is_answered_before_the_end(self) -> None:
        booth = Booth()
        guest = booth.guest()
        line = guest.line()
        replies = line.send(guest.message("/meta/disconnect"))
        assert [one["channel"] for [one] in replies] == ["/meta/connect", "/meta/disconnect"]
        assert line.wire.closed == [(1000, "client disconnect")]

    def test_sent_away(self) -> None:
        booth = Booth()
        guest = booth.guest()
        line = guest.line()
        guest.client.deliver("/a", 1)
        guest.client.disconnect("403::Banned", reconnect="none")
        booth.loop.settle()
        frames = line.got()
        assert frames[0] == [event("/a", 1)]
        assert frames[1:] == [
            [
                {
                    "channel": "/meta/connect",
                    "id": "2",
                    "successful": False,
                    "error": "403::Banned",
                    "advice": {"reconnect": "none"},
                }
            ]
        ]
        assert line.wire.closed

    def test_sent_away_by_what_it_did(self) -> None:
        booth = Booth()
        booth.hook = booth.echo
        guest = booth.guest()
        line = guest.line()
        replies = line.send(guest.message("/a", data="leave"))
        assert [one["channel"] for [one] in replies] == ["/meta/connect", "/a"]
        assert line.wire.closed

    def test_replies_come_in_one_frame_before_what_they_bring_about(self) -> None:
        booth = Booth()
        booth.hook = booth.echo
        guest = booth.guest()
        line = guest.line()
        frames = line.send(guest.subscribing("/a"), guest.message("/a", data=1), guest.message("/a", data=2))
        assert [one["channel"] for one in frames[0]] == ["/meta/subscribe", "/a", "/a"]
        assert all(one["successful"] for one in frames[0])
        assert frames[1:] == [[event("/a", 1)], [event("/a", 2)]]

    @pytest.mark.parametrize("crowd", [0, 30])
    def test_but_after_what_was_there(self, crowd: int) -> None:
        booth = Booth()
        booth.hook = booth.echo
        guest = booth.guest()
        line = guest.line()
        guest.subscribe("/a")
        for _ in range(crowd):  # enough for the turn to share their frames
            other = booth.guest()
            other.subscribe("/a")
            other.line()
        booth.tell("/a", 0)
        frames = line.send(guest.message("/a", data=1))
        assert frames[0] == [event("/a", 0)]
        assert frames[1][0]["successful"]
        assert frames[2:] == [[event("/a", 1)]]
        booth.said("/a", 2)
        assert line.got() == [[event("/a", 2)]]

    def test_all_in_the_first_frame(self) -> None:
        booth = Booth()
        booth.hook = booth.echo
        guest = booth.guest()
        booth.said("/a", "too early")
        line = Line(booth)
        frames = line.send(
            guest.subscribing("/a"), guest.connecting("websocket"), guest.message("/a", data=1), guest.subscribing("/b")
        )
        assert [one["channel"] for one in frames[0]] == ["/meta/subscribe", "/a", "/meta/subscribe"]
        assert frames[1:] == [[event("/a", 1)]]

    def test_all_in_the_first_turn(self) -> None:
        booth = Booth()
        guest = booth.guest()
        guest.client.deliver("/a", 1)
        line = Line(booth)
        for one in (guest.subscribing("/a"), guest.connecting("websocket"), guest.subscribing("/b")):
            booth.broker.frame(message.decode(msgspec.json.encode([one]).decode(), 1), line)
        booth.loop.settle()
        assert [one["channel"] for [one] in line.got()] == ["/meta/subscribe", "/a", "/meta/subscribe"]

    def test_impatient_connect(self) -> None:
        booth = Booth()
        guest = booth.guest()
        guest.subscribe("/a")
        booth.said("/a", 1)
        line = Line(booth)
        frames = line.send(guest.connecting("websocket", advice={"timeout": 0}))
        assert frames == [
            [{"channel": "/meta/connect", "id": "3", "clientId": guest.id, "successful": True, "advice": ADVICE}],
            [event("/a", 1)],
        ]

    def test_second_connect_on_the_same_line(self) -> None:
        booth = Booth()
        guest = booth.guest()
        line = guest.line()
        [[reply]] = line.send(guest.connecting("websocket"))
        assert (reply["id"], reply["advice"]) == ("2", LATER)
        booth.wait(HOLD)
        [[reply]] = line.got()
        assert (reply["id"], reply["advice"]) == ("3", ADVICE)

    def test_subscribing_before_connecting(self) -> None:
        booth = Booth()
        guest = booth.guest()
        line = Line(booth)
        assert line.send(guest.subscribing("/a"))[0][0]["successful"]
        assert line.uses == 0
        booth.said("/a", 1)
        assert line.got() == []
        line.send(guest.connecting("websocket"))
        assert line.read == len(line.wire.frames)
        assert frame.payload(line.wire.frames[-1]) == b'[{"channel":"/a","data":1}]'

    def test_ping_of_an_old_client(self) -> None:
        booth = Booth()
        assert Line(booth).send() == [[]]
        assert booth.guest().line().send() == [[]]

    def test_slow_is_the_connection(self) -> None:
        booth = Booth()
        guest = booth.guest()
        line = guest.line()
        line.wire.slow = True
        assert guest.client.slow

    def test_wrong_id(self) -> None:
        booth = Booth()
        guest = booth.guest()
        line = guest.line()
        [[reply]] = line.send({**guest.connecting("websocket"), "clientId": "x"})
        assert is_unknown(reply, "x")
        assert guest.is_alive()
        assert not line.wire.closed


class Life(RuleBasedStateMachine):
    """However a client comes, goes and changes its way, it gets everything once and in order, as long as it lives."""

    def __init__(self) -> None:
        super().__init__()
        self.booth = Booth()
        self.booth.hook = self.booth.echo
        self.guest: Guest = self.booth.guest()
        self.guest.subscribe("/a")
        self.gets: list[Get] = []
        self.lines: list[Line] = []
        self.sent = 0
        self.seen: list[int] = []

    def take(self, body: Body) -> None:
        self.seen += [one["data"] for one in body if "data" in one]

    def collect(self) -> None:
        for get in [get for get in self.gets if get.bodies]:
            self.take(get.body)
            self.gets.remove(get)
        for line in self.lines:
            for body in line.got():
                self.take(body)

    @rule(count=st.integers(1, 3), settle=st.booleans())
    def tell(self, count: int, settle: bool) -> None:
        for _ in range(count):
            self.booth.tell("/a", self.sent)
            self.sent += 1
        if settle:
            self.booth.loop.settle()

    @rule()
    def poll(self) -> None:
        self.gets.append(self.guest.connect())

    @rule(extra=st.booleans())
    def poll_in_a_batch(self, extra: bool) -> None:
        other = self.guest.subscribing("/b") if extra else self.guest.message("/b", data="x")
        self.gets.append(self.booth.post(other, self.guest.connecting()))

    @rule()
    def open_line(self) -> None:
        self.lines.append(self.guest.line())

    @rule(hurried=st.booleans())
    def connect_on_line(self, hurried: bool) -> None:
        if self.lines and not self.lines[-1].wire.closed:
            line = self.lines[-1]
            before = line.read
            line.send(self.guest.connecting("websocket", advice={"timeout": 0 if hurried else 1000}))
            line.read = before

    @rule()
    def publish_on_line(self) -> None:
        if self.lines and not self.lines[-1].wire.closed:
            line, before = self.lines[-1], self.lines[-1].read
            line.send(self.guest.message("/a", data=self.sent))
            self.sent += 1
            line.read = before

    @rule()
    def lose_line(self) -> None:
        self.booth.loop.settle()  # what is on its way when it breaks may be lost
        if self.lines:
            self.guest.client.lose_line(self.lines[-1].wire, 1006)
            self.lines[-1].wire.closed.append((1006, ""))

    @rule(span=st.floats(0, 20))
    def wait(self, span: float) -> None:
        self.booth.wait(span)
        if not self.guest.client.statistics()[2]:  # keep it alive
            self.gets.append(self.guest.connect())

    @invariant()
    def everything_once_and_in_order(self) -> None:
        self.collect()
        numbers = [one for one in self.seen if isinstance(one, int)]
        assert numbers == list(range(len(numbers)))

    def teardown(self) -> None:
        self.booth.loop.settle()
        self.gets.append(self.guest.connect(advice={"timeout": 0}))
        self.collect()
        assert self.guest.is_alive()
        assert [one for one in self.seen if isinstance(one, int)] == list(range(self.sent))


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def test_client_is_an_outbox() -> None:
    guest = Booth().guest()
    assert isinstance(guest.client.outbox, Outbox)
    assert guest.client.is_polling
    guest.client.slow = True
    assert not guest.client.slow
