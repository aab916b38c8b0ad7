"""Namespaces, acks and refusals of one client, with a clock that is turned by hand."""

import logging
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.wire.engine_io.home import Home, Wire

from hubbub.wire import frame
from hubbub.wire.engine_io.handshake import Handshake
from hubbub.wire.engine_io.session import Session
from hubbub.wire.outbox import Group
from hubbub.wire.socket_io.client import Client
from hubbub.wire.socket_io.option import Options
from hubbub.wire.socket_io.packet import event_frame
from hubbub.wire.socket_io.socket import Refused, Reply, Socket

both = pytest.mark.parametrize("version", [3, 4])
SID = "s" * 20


class Ear:
    """A listener that remembers; what it is told to do, it does."""

    def __init__(self, socket: Socket) -> None:
        self.socket = socket
        self.events: list[tuple[str | int, list[Any]]] = []
        self.replies: list[Reply] = []
        self.reasons: list[str] = []

    def on_event(self, name: str | int, arguments: list[Any], reply: Reply | None) -> None:
        self.events.append((name, arguments))
        if reply is not None:
            self.replies.append(reply)
        if name == "fail":
            raise RuntimeError("as told")

    def on_disconnect(self, reason: str) -> None:
        self.reasons.append(reason)


class Visitor:
    """A client over a WebSocket."""

    def __init__(self, version: int = 4, options: Options | None = None, **answers: Any) -> None:
        self.home = Home(options or Options())
        self.answers = answers
        self.ears: list[Ear] = []
        self.clients: set[Client] = set()
        self.wire = Wire(self.home.turn)
        handshake = Handshake(version, {"EIO": str(version)}, {}, "192.0.2.1")
        self.session = Session(self.home, SID, handshake, self.wire)
        namespaces = {"/", "/a", "/b", "/refused", *(f"/{number}" for number in range(20))}
        self.client = Client(self.session, self.connect, namespaces.__contains__, options or Options(), self.clients)
        self.session.listen(self.client)
        self.home.loop.settle()
        self.wire.frames = self.wire.frames[1:]  # without the open packet

    def connect(self, socket: Socket) -> Ear:
        if "hook" in self.answers:
            self.answers["hook"](socket)
        if socket.namespace == "/refused":
            raise Refused("go away", self.answers.get("data"))
        self.ears.append(Ear(socket))
        return self.ears[-1]

    def say(self, *messages: str | bytes) -> list[str | bytes]:
        """Send messages, and return what came back."""
        self.wire.frames.clear()
        prefix = b"\4" if self.session.version == 3 else b""
        for message in messages:
            self.session.hear(self.wire, prefix + message if isinstance(message, bytes) else "4" + message)
        return self.heard()

    def heard(self) -> list[str | bytes]:
        self.home.loop.settle()
        heard: list[str | bytes] = []
        for one in self.wire.frames:
            content = frame.payload(one)
            heard.append(content.decode() if frame.opcode(one) == frame.TEXT else content)
        self.wire.frames.clear()
        return heard

    def is_closed(self) -> bool:
        return bool(self.wire.closed)


def joined(version: int, *namespaces: str) -> Visitor:
    visitor = Visitor(version)
    for namespace in namespaces:
        if namespace != "/" or version == 4:
            visitor.say("0" if namespace == "/" else f"0{namespace},")
    visitor.heard()
    return visitor


class TestConnect:
    def test_version_3_is_in_at_once(self) -> None:
        visitor = Visitor(3)
        assert visitor.heard() == ["40"]
        assert visitor.ears[0].socket.id == SID
        assert visitor.ears[0].socket.auth == {}
        visitor.say('2["room::join", {"room": "R"}]')
        assert visitor.ears[0].events == [("room::join", [{"room": "R"}])]

    def test_version_4_is_not(self) -> None:
        visitor = Visitor(4)
        assert visitor.heard() == []
        assert visitor.ears == []
        (answer,) = visitor.say('0{"token":"x"}')
        assert isinstance(answer, str)
        socket = visitor.ears[0].socket
        assert msgspec.json.decode(answer[2:]) == {"sid": socket.id}
        assert socket.id != SID
        assert socket.auth == {"token": "x"}

    def test_a_namespace_of_version_3_has_a_query(self) -> None:
        visitor = Visitor(3)
        assert visitor.say("0/a?token=a%20b&x=%C3%A9") == ["40/a,"]
        socket = visitor.ears[1].socket
        assert (socket.namespace, socket.id, socket.auth) == ("/a", f"/a#{SID}", {"token": "a b", "x": "é"})

    def test_namespaces_of_version_4_have_ids_of_their_own(self) -> None:
        visitor = joined(4, "/a", "/b")
        assert visitor.say('2["m"]') == []
        assert visitor.is_closed()  # "/" is not implied
        assert len({ear.socket.id for ear in visitor.ears} | {SID}) == 3

    @both
    def test_what_connect_emits_follows_the_answer(self, version: int) -> None:
        shared = event_frame("everybody", namespace="/a")

        def hook(socket: Socket) -> None:
            socket.emit("hello", 1)
            group: Group[None] = Group(visitor_home.turn)
            group.add(socket.outbox, None)
            group.broadcast(shared)

        visitor = joined(version, "/")
        visitor_home = visitor.home
        visitor.answers["hook"] = hook
        visitor.session.send('2["before"]')
        heard = visitor.say("0/a,")
        assert isinstance(heard[1], str)
        assert heard[1].startswith("40/a,")
        assert [heard[0], *heard[2:]] == ['42["before"]', '42/a,["hello",1]', '42/a,["everybody"]']

    def test_refusals(self) -> None:
        for data, old, new in (
            (None, '44/refused,"go away"', '44/refused,{"message":"go away"}'),
            ({"why": 1}, '44/refused,{"why":1}', '44/refused,{"message":"go away","data":{"why":1}}'),
        ):
            for version, expected in ((3, old), (4, new)):
                visitor = Visitor(version, data=data)
                visitor.heard()
                assert visitor.say("0/refused,") == [expected]
                assert not visitor.is_closed()
                assert "/refused" not in visitor.client.sockets
                assert visitor.session.due < float("inf")

    def test_a_refused_client_is_told_before_what_was_emitted(self) -> None:
        def hook(socket: Socket) -> None:
            socket.emit("hello")
            sockets.append(socket)

        sockets: list[Socket] = []
        visitor = Visitor(4, hook=hook)
        visitor.session.send('2["before"]')
        heard = visitor.say("0/refused,")
        assert heard.pop(0) == '42["before"]'
        assert heard[0] == '44/refused,{"message":"go away"}'
        sockets[0].emit("more")
        assert visitor.heard() == []
        assert not sockets[0].connected

    def test_unknown_namespaces(self) -> None:
        for version, expected in (
            (3, '44/random,"Invalid namespace"'),
            (4, '44/random,{"message":"Invalid namespace"}'),
        ):
            visitor = Visitor(version)
            visitor.heard()
            assert visitor.say("0/random") == [expected]
            assert not visitor.is_closed()

    @both
    def test_there_is_a_most_of_namespaces(self, version: int) -> None:
        visitor = Visitor(version, Options(max_namespaces=3))
        visitor.say(*(f"0/{number}" for number in range(3 - (version == 3))))
        assert len(visitor.client.sockets) == 3
        (answer,) = visitor.say("0/a")
        assert isinstance(answer, str)
        assert answer.startswith("44/a,")
        assert len(visitor.client.sockets) == 3

    def test_once_more_is_ignored_or_closes(self) -> None:
        old, new = joined(3, "/a"), joined(4, "/a")
        assert old.say("0/a", "0") == []
        assert not old.is_closed()
        assert len(old.ears) == 2
        new.say("0/a")
        assert new.wire.closed == [(1002, "parse error")]
        assert new.ears[0].reasons == ["parse error"]

    @both
    def test_whoever_joins_nothing_is_closed(self, version: int) -> None:
        def hook(socket: Socket) -> None:
            raise Refused("no")

        visitor = Visitor(version, Options(connect_timeout=timedelta(seconds=5)), hook=hook)
        visitor.say("0", "0/a")
        visitor.home.loop.now += 4.9
        visitor.session.check()
        assert not visitor.is_closed()
        visitor.home.loop.now += 0.1
        visitor.session.check()
        assert visitor.wire.closed == [(1000, "connect timeout")]
        visitor.home.loop.settle()
        assert visitor.clients == set()

    def test_whoever_has_joined_is_not(self) -> None:
        visitor = joined(4, "/")
        visitor.say("1")
        for _ in range(3):
            visitor.home.loop.now += 25
            visitor.session.check()
            assert visitor.heard() == ["2"]
            visitor.session.hear(visitor.wire, "3")
        assert not visitor.is_closed()

    def test_a_fault_in_connect_closes_this_client(self, caplog: pytest.LogCaptureFixture) -> None:
        def hook(socket: Socket) -> None:
            raise RuntimeError("as told")

        with caplog.at_level(logging.ERROR):
            visitor = Visitor(4, hook=hook)
            visitor.say('0{"token":"secret"}')
        assert visitor.wire.closed == [(1011, "server error")]
        assert "connect failed, fault" in caplog.text
        assert "secret" not in caplog.text
        assert visitor.clients == set()

    @both
    def test_a_client_that_is_sent_away_while_it_connects(self, version: int) -> None:
        visitor = Visitor(version, hook=lambda socket: socket.disconnect())
        if version == 4:
            visitor.say("0")
        visitor.home.loop.settle()
        assert visitor.ears[0].reasons == ["server namespace disconnect"]
        assert visitor.is_closed()
        assert visitor.clients == set()


class TestEvents:
    @both
    def test_there_and_back(self, version: int) -> None:
        visitor = joined(version, "/", "/a")
        visitor.say('2["m",1,"2",{"3":[true]}]', '2/a,["n"]', "2[5,6]")
        assert visitor.ears[0].events == [("m", [1, "2", {"3": [True]}]), (5, [6])]
        assert visitor.ears[1].events == [("n", [])]
        visitor.ears[0].socket.emit("back", 1, {"é": "😀"})
        visitor.ears[1].socket.emit("back")
        assert visitor.heard() == ['42["back",1,{"é":"😀"}]', '42/a,["back"]']

    @both
    def test_binary(self, version: int) -> None:
        visitor = joined(version, "/")
        visitor.say('52-["m",{"_placeholder":true,"num":1},{"a":{"_placeholder":true,"num":0}}]', b"\1\2", b"")
        assert visitor.ears[0].events == [("m", [b"", {"a": b"\1\2"}])]
        visitor.ears[0].socket.emit("back", {"b": b"\3"}, b"\4")
        expected = '452-["back",{"b":{"_placeholder":true,"num":0}},{"_placeholder":true,"num":1}]'
        prefix = b"\4" if version == 3 else b""
        assert visitor.heard() == [expected, prefix + b"\3", prefix + b"\4"]

    @both
    def test_acks_of_ours(self, version: int) -> None:
        visitor = joined(version, "/")
        visitor.say('2456["m",1]', '50-7["m"]', '2["m"]')
        first, second = visitor.ears[0].replies
        second(b"\1")
        second("again")
        first(1, {"a": None})
        assert visitor.heard() == [
            '461-7[{"_placeholder":true,"num":0}]',
            b"\4\1" if version == 3 else b"\1",
            '43456[1,{"a":null}]',
        ]

    @both
    def test_a_reply_that_is_late_does_nothing(self, version: int) -> None:
        visitor = joined(version, "/")
        visitor.say('21["m"]', "1")
        visitor.ears[0].replies[0]("late")
        assert visitor.heard() == []

    @both
    def test_acks_of_theirs(self, version: int) -> None:
        visitor = joined(version, "/")
        acks: list[Any] = []
        socket = visitor.ears[0].socket
        socket.emit("one", acknowledge=acks.append)
        socket.emit("two", b"x", acknowledge=acks.append)
        assert visitor.heard()[:2] == ['420["one"]', '451-1["two",{"_placeholder":true,"num":0}]']
        visitor.say("31[5]", '61-0[{"_placeholder":true,"num":0}]', b"y", "30[6]", "399[7]", "3[8]")
        assert acks == [[5], [b"y"]]
        assert socket.owed == 0
        assert not visitor.is_closed()

    def test_acks_that_never_come_are_forgotten(self) -> None:
        visitor = Visitor(4, Options(max_acknowledgements=3))
        visitor.say("0")
        socket = visitor.ears[0].socket
        acks: list[Any] = []
        for _ in range(5):
            socket.emit("m", acknowledge=acks.append)
        assert socket.owed == 3
        visitor.say("31[1]", "32[2]")
        assert acks == [[2]]

    def test_what_version_3_lets_through_is_not_heard(self) -> None:
        visitor = joined(3, "/")
        visitor.say("2", "2[]", "2[{}]", "2[null]", '2/a,["not there"]', "3[]", '4"x"', '2/a,["m",{}]', "1/a", "31[1]")
        assert visitor.ears[0].events == []
        assert not visitor.is_closed()

    @pytest.mark.parametrize("packet", ["abc", "2{}", '2abc["m"]', '2["m",NaN]', "2[", '5-["m"]', "9"])
    @both
    def test_what_is_malformed_closes_the_session(self, version: int, packet: str) -> None:
        visitor = joined(version, "/", "/a")
        visitor.say(packet, '2["m"]')
        assert visitor.wire.closed == [(1002, "parse error")]
        assert [ear.reasons for ear in visitor.ears] == [["parse error"]] * 2
        assert visitor.ears[0].events == []
        assert visitor.clients == set()

    @pytest.mark.parametrize(
        "messages",
        [
            [b"x"],
            ['51-["m",{"_placeholder":true,"num":0}]', '2["m"]'],
            ['51-["m",{"_placeholder":true,"num":0}]', b"x", b"y"],
            ['51-["m",{"_placeholder":true,"num":1}]', b"x"],
            ['50-["m",{"_placeholder":true,"num":0}]', b"x"],
            ['511-["m"]'],
        ],
    )
    @both
    def test_wrong_counts_of_attachments_close(self, version: int, messages: list[str | bytes]) -> None:
        visitor = joined(version, "/")
        visitor.say(*messages)
        assert visitor.wire.closed == [(1002, "parse error")]

    def test_bytes_of_attachments_are_bounded(self) -> None:
        visitor = Visitor(4, Options(max_attachments=10))
        visitor.say("0", '52-["m"]', b"x" * 5, b"x" * 5)
        assert len(visitor.ears[0].events) == 1
        visitor.say('52-["m"]', b"x" * 5, b"x" * 6)
        assert visitor.is_closed()

    def test_an_event_for_a_namespace_that_was_not_joined_closes_version_4(self) -> None:
        for packet in ('2/a,["m"]', "1/a", "3/a,1[]", '4/a,"x"'):
            visitor = joined(4, "/")
            visitor.say(packet)
            assert visitor.is_closed()

    def test_a_fault_of_a_listener_closes_this_client(self, caplog: pytest.LogCaptureFixture) -> None:
        visitor, other = joined(4, "/"), joined(4, "/")
        with caplog.at_level(logging.ERROR):
            visitor.say('2["fail","secret"]')
        assert visitor.wire.closed == [(1011, "server error")]
        assert visitor.ears[0].reasons == ["server error"]
        assert "secret" not in caplog.messages[0]
        other.say('2["m"]')
        assert len(other.ears[0].events) == 1

    def test_half_a_pair_hurts_nobody(self) -> None:
        visitor = joined(4, "/")
        visitor.say('2["m","\\ud83d","\\ud83d\\ude00"]')
        assert visitor.ears[0].events == [("m", ["\ufffd", "😀"])]
        visitor.ears[0].socket.emit("m", "\ud83d")
        assert visitor.heard() == ['42["m","\ufffd"]']


class TestDisconnect:
    @both
    def test_the_client_leaves_a_namespace(self, version: int) -> None:
        visitor = joined(version, "/", "/a")
        visitor.say("1/a,", '2["m"]')
        assert visitor.ears[1].reasons == ["client namespace disconnect"]
        assert not visitor.ears[1].socket.connected
        assert len(visitor.ears[0].events) == 1
        assert not visitor.is_closed()
        visitor.ears[1].socket.emit("m")
        assert visitor.heard() == []
        visitor.say("0/a")
        assert len(visitor.ears) == 3

    @both
    def test_we_send_it_away(self, version: int) -> None:
        visitor = joined(version, "/", "/a")
        visitor.ears[1].socket.emit("bye")
        visitor.ears[1].socket.disconnect()
        visitor.ears[1].socket.emit("too late")
        assert visitor.ears[1].reasons == []  # not from within
        assert visitor.heard() == ['42/a,["bye"]', "41/a,", "41"]
        assert visitor.wire.closed == [(1000, "")]
        assert [ear.reasons for ear in visitor.ears] == [["server namespace disconnect"]] * 2
        assert visitor.clients == set()

    @both
    def test_we_send_it_out_of_one_namespace(self, version: int) -> None:
        visitor = joined(version, "/", "/a")
        visitor.ears[1].socket.disconnect(close=False)
        visitor.ears[1].socket.disconnect(close=False)
        assert visitor.heard() == ["41/a,"]
        assert not visitor.is_closed()
        assert [ear.reasons for ear in visitor.ears] == [[], ["server namespace disconnect"]]

    @both
    def test_the_connection_goes(self, version: int) -> None:
        visitor = joined(version, "/", "/a")
        visitor.session.lose(visitor.wire)
        visitor.home.loop.settle()
        assert [ear.reasons for ear in visitor.ears] == [["transport close"]] * 2
        assert visitor.clients == set()

    def test_a_socket_knows_where_it_came_from(self) -> None:
        visitor = joined(4, "/")
        socket = visitor.ears[0].socket
        assert socket.handshake is visitor.session.handshake
        assert socket.outbox is visitor.session
