"""The rules of a session, with a clock that is turned by hand."""

import logging

import pytest
from tests.wire.engine_io.home import INTERVAL, OLD_TIMEOUT, TIMEOUT, Ear, Get, Guest, Home, Wire, seconds

from hubbub.wire import frame
from hubbub.wire.engine_io.error import BAD_REQUEST, SESSION_UNKNOWN
from hubbub.wire.engine_io.handshake import Handshake
from hubbub.wire.engine_io.option import Options
from hubbub.wire.engine_io.session import Session
from hubbub.wire.outbox import Group

both = pytest.mark.parametrize("version", [3, 4])


def polling(version: int = 4, home: Home | None = None, query: dict[str, str] | None = None) -> Guest:
    guest = (home or Home()).session(version, query=query)
    guest.open()
    return guest


def online(version: int = 4, home: Home | None = None, query: dict[str, str] | None = None) -> tuple[Guest, Wire]:
    home = home or Home()
    wire = Wire(home.turn)
    guest = home.session(version, wire, query)
    home.loop.settle()
    wire.frames.clear()
    wire.writes.clear()
    return guest, wire


def noop(version: int) -> bytes:
    return b"1:6" if version == 3 else b"6"


def last(version: int) -> bytes:
    return b"1:1" if version == 3 else b"1"


class TestOpening:
    def test_version_3_has_the_words_of_its_time_and_the_sid_first(self) -> None:
        body = Home().session(3).get().body
        assert body == b'96:0{"sid":"%b","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":5000}' % (
            b"s" * 20
        )

    def test_version_4_says_how_much_it_takes(self) -> None:
        assert Home(Options(max_payload=5000)).session(4).open() == {
            "sid": "s" * 20,
            "upgrades": ["websocket"],
            "pingInterval": 25000,
            "pingTimeout": 20000,
            "maxPayload": 5000,
        }

    def test_a_websocket_cannot_be_upgraded(self) -> None:
        home = Home()
        wire = Wire(home.turn)
        home.session(4, wire)
        home.loop.settle()
        assert '"upgrades":[]' in wire.texts[0]

    @both
    def test_what_the_application_sends_at_once_is_in_the_first_body(self, version: int) -> None:
        guest = Home().session(version)
        guest.session.send("hello")
        guest.session.flush()
        body = guest.get().body
        assert body.endswith(b"6:4hello" if version == 3 else b"}\x1e4hello")

    def test_a_session_that_is_closed_while_it_opens_tells_its_listener(self) -> None:
        guest = Home().session()
        guest.session.close()
        late = Ear()
        guest.session.listen(late)
        guest.home.loop.settle()
        assert late.reasons == ["forced close"]


class TestMessages:
    @both
    def test_a_get_waits_until_there_is_something(self, version: int) -> None:
        guest = polling(version)
        get = guest.get()
        assert get.waits()
        guest.send("hello", "again")
        assert get.body == (b"6:4hello6:4again" if version == 3 else b"4hello\x1e4again")

    @both
    def test_what_waits_is_answered_at_once(self, version: int) -> None:
        guest = polling(version)
        guest.send("hello")
        assert guest.get().body == (b"6:4hello" if version == 3 else b"4hello")

    @both
    def test_posts_are_heard_in_order(self, version: int) -> None:
        guest = polling(version)
        assert guest.post("4one", "4", "b4AQI=" if version == 3 else "bAQI=", "4tw😀") is None
        assert guest.ear.messages == ["one", "", b"\1\2", "tw😀"]

    def test_binary_is_sent_as_the_client_can_take_it(self) -> None:
        binary, text, new = polling(3), polling(3, query={"b64": "1"}), polling(4)
        for guest in (binary, text, new):
            guest.send("t", b"\1\2")
        get = binary.get()
        assert (get.body, get.binary) == (b"\0\2\xff4t\1\3\xff\4\1\2", True)
        assert text.get().body == b"2:4t6:b4AQI="
        assert new.get().body == b"4t\x1ebAQI="

    def test_over_a_websocket_binary_has_a_type_in_version_3_alone(self) -> None:
        for version, query, expected in (
            (3, {}, frame.binary(b"\4\1\2")),
            (3, {"b64": "1"}, frame.text(b"b4AQI=")),
            (4, {}, frame.binary(b"\1\2")),
        ):
            guest, wire = online(version, query=query)
            guest.send(b"\1\2")
            assert wire.frames == [expected]
            guest.session.hear(wire, frame.payload(expected).decode() if query else frame.payload(expected))
            assert guest.ear.messages == [b"\1\2"]

    @both
    def test_a_shared_frame_goes_to_everybody_alike(self, version: int) -> None:
        home = Home()
        guest, (other, wire) = polling(version, home), online(version, home)
        group: Group[None] = Group(home.turn)
        group.add(guest.session, None)
        group.add(other.session, None)
        shared = frame.text(b'42["m",1]')
        group.broadcast(shared)
        home.loop.settle()
        assert guest.get().body.endswith(b'42["m",1]')
        assert wire.frames == [shared]
        assert wire.frames[0] is shared

    def test_a_script_is_answered_in_its_own_way(self) -> None:
        guest = polling(3, query={"j": "0"})
        guest.send(b"\1\2")
        get = guest.get("12")
        assert (get.body, get.binary) == (b'___eio[12]("6:b4AQI=");', False)

    def test_one_response_has_no_more_than_old_clients_take(self) -> None:
        guest = polling()
        guest.send(*(str(number) for number in range(40)))
        counts = [len(guest.get().body.split(b"\x1e")) for _ in range(3)]
        assert counts == [16, 16, 8]
        assert guest.session.statistics()[:2] == (0, 0)

    @both
    @pytest.mark.parametrize("body", [b"abc", b"", b"4\xff", b"2:4", b"9:9"])
    def test_a_malformed_payload_closes(self, version: int, body: bytes) -> None:
        guest = polling(version)
        get = guest.get()
        assert guest.post_raw(body) == BAD_REQUEST
        assert get.body == last(version)
        assert guest.ear.reasons == ["parse error"]
        assert guest.get().body == SESSION_UNKNOWN

    def test_nothing_of_a_malformed_payload_is_heard(self) -> None:
        guest = polling()
        guest.post_raw(b"4hello\x1e4\xff")
        assert guest.ear.messages == []

    def test_version_4_takes_no_binary_body(self) -> None:
        guest = polling(4)
        assert guest.post_raw(b"\1\2\xff\4x", binary=True) == BAD_REQUEST
        assert not guest.is_alive()

    def test_version_3_does(self) -> None:
        guest = polling(3)
        assert guest.post_raw(b"\1\2\xff\4x\0\3\xff4\xc3\xa9", binary=True) is None
        assert guest.ear.messages == [b"x", "é"]

    @both
    def test_packets_of_no_use_change_nothing(self, version: int) -> None:
        guest = polling(version)
        assert guest.post("6", "5", "0{}") is None
        assert guest.is_alive()

    def test_a_fault_of_the_listener_closes_this_session_alone(self, caplog: pytest.LogCaptureFixture) -> None:
        home = Home()
        guest, other = polling(4, home), polling(4, home)

        def fail(message: str | bytes) -> None:
            raise RuntimeError("no")

        guest.ear.hook = fail
        with caplog.at_level(logging.ERROR):
            guest.post("4secret", "4never heard")
        assert guest.ear.messages == ["secret"]
        assert guest.ear.reasons == ["server error"]
        assert "fault" in caplog.text
        assert "secret" not in caplog.messages[0]
        other.post("4hello")
        assert other.ear.messages == ["hello"]

    def test_a_frame_that_is_too_big_closes(self) -> None:
        guest, wire = online(4, Home(Options(max_payload=100)))
        guest.session.hear(wire, "4" + "é" * 49)
        guest.session.hear(wire, b"x" * 100)
        assert len(guest.ear.messages) == 2
        guest.session.hear(wire, "4" + "é" * 50)
        assert wire.closed == [(1009, "message too big")]
        assert len(guest.ear.messages) == 2

    @both
    def test_a_malformed_frame_closes(self, version: int) -> None:
        guest, wire = online(version)
        guest.session.hear(wire, "abc")
        assert wire.closed == [(1002, "parse error")]
        guest.home.loop.settle()
        assert guest.ear.reasons == ["parse error"]
        assert not guest.is_alive()


class TestHeartbeat:
    def test_version_4_is_pinged_and_answers(self) -> None:
        guest = polling()
        for _ in range(3):
            get = guest.get()
            guest.wait(INTERVAL - 1)
            assert get.waits()
            guest.wait(1)
            assert get.body == b"2"
            guest.wait(TIMEOUT - 1)
            assert guest.post("3") is None

    def test_a_pong_that_does_not_come_ends_version_4(self) -> None:
        guest = polling()
        guest.wait(INTERVAL)
        assert guest.get().body == b"2"
        waiting = guest.get()
        guest.wait(TIMEOUT - 0.1)
        assert guest.is_alive()
        guest.wait(0.1)
        assert waiting.body == b"1"
        assert guest.ear.reasons == ["ping timeout"]

    def test_a_client_that_never_polls_again_ends(self) -> None:
        for version, span in ((3, INTERVAL + OLD_TIMEOUT), (4, INTERVAL + TIMEOUT)):
            guest = polling(version)
            guest.wait(span - 0.1)
            assert guest.is_alive()
            guest.wait(0.2)
            assert not guest.is_alive()

    def test_deadlines_hold_for_a_request_when_nobody_looked(self) -> None:
        for version, span in ((3, INTERVAL + OLD_TIMEOUT), (4, INTERVAL + TIMEOUT)):
            guest = polling(version)
            guest.wait(span, looking=False)
            assert (guest.get().body if version == 4 else guest.post("2")) == SESSION_UNKNOWN
            guest.home.loop.settle()
            assert guest.ear.reasons == ["ping timeout"]

    def test_a_late_look_does_not_give_more_time(self) -> None:
        guest = polling()
        guest.wait(INTERVAL + 0.9, looking=False)
        guest.session.check()
        assert guest.session.due == pytest.approx(1000 + INTERVAL + TIMEOUT)

    @pytest.mark.parametrize("ping", ["2", "2probe", "2hé😀"])
    def test_version_3_is_answered_with_what_it_sent(self, ping: str) -> None:
        guest = polling(3)
        guest.post(ping)
        answer = "3" + ping[1:]
        assert guest.get().body.decode() == f"{len(answer.encode('utf-16-le')) // 2}:{answer}"
        other, wire = online(3)
        other.session.hear(wire, ping)
        other.home.loop.settle()
        assert wire.texts == [answer]

    @pytest.mark.parametrize("packet", ["2", "4hello", "6"])
    def test_any_packet_keeps_version_3_alive(self, packet: str) -> None:
        guest = polling(3)
        for _ in range(3):
            guest.wait(INTERVAL + OLD_TIMEOUT - 0.1)
            assert guest.post(packet) is None
        guest.wait(INTERVAL + OLD_TIMEOUT)
        assert guest.ear.reasons == ["ping timeout"]

    def test_version_3_is_never_pinged(self) -> None:
        guest = polling(3)
        get = guest.get()
        guest.wait(INTERVAL + OLD_TIMEOUT - 0.1)
        assert get.waits()

    def test_a_ping_of_the_wrong_side_closes_version_4(self) -> None:
        guest = polling(4)
        assert guest.post("2") == BAD_REQUEST
        assert not guest.is_alive()

    def test_a_pong_of_the_wrong_side_does_not_matter(self) -> None:
        guest = polling(3)
        assert guest.post("3") is None
        assert guest.is_alive()

    def test_messages_do_not_replace_a_pong(self) -> None:
        guest, wire = online(4)
        guest.wait(INTERVAL)
        assert wire.texts == ["2"]
        guest.session.hear(wire, "4hello")
        guest.wait(TIMEOUT)
        assert wire.closed == [(1011, "ping timeout")]

    def test_pongs_that_nobody_asked_for_buy_no_time(self) -> None:
        guest, wire = online(4)
        guest.wait(INTERVAL - 1)
        guest.session.hear(wire, "3")
        guest.wait(1)
        assert wire.texts == ["2"]


class TestOverlap:
    @both
    def test_a_second_get_ends_both_and_the_session(self, version: int) -> None:
        guest = polling(version)
        first, second = guest.get(), guest.get()
        assert first.body == last(version)
        assert second.body == BAD_REQUEST
        assert guest.get().body == SESSION_UNKNOWN
        assert guest.ear.reasons == ["transport error"]

    @both
    def test_a_second_post_ends_the_session(self, version: int) -> None:
        guest = polling(version)
        waiting = guest.get()
        assert guest.session.begin_post() is None
        assert guest.session.begin_post() == BAD_REQUEST
        assert waiting.body == last(version)
        assert guest.session.post(b"4late") == SESSION_UNKNOWN
        assert guest.ear.messages == []

    def test_an_aborted_get_ends_the_session(self) -> None:
        guest = polling()
        get = guest.get()
        guest.session.lose_get(get)
        assert guest.get().body == SESSION_UNKNOWN
        assert guest.ear.reasons == ["transport close"]
        assert get.waits()

    def test_an_answered_get_cannot_be_aborted(self) -> None:
        guest = polling()
        get = guest.get()
        guest.send("hello")
        guest.session.lose_get(get)
        assert guest.is_alive()

    def test_an_aborted_post_ends_the_session(self) -> None:
        guest = polling()
        guest.session.begin_post()
        guest.session.lose_post()
        assert not guest.is_alive()

    def test_a_post_that_is_too_big_does_not(self) -> None:
        guest = polling()
        guest.session.begin_post()
        guest.session.skip_post()
        assert guest.post("4hello") is None
        assert guest.ear.messages == ["hello"]


class TestUpgrade:
    @both
    def test_what_waited_goes_first(self, version: int) -> None:
        guest = polling(version)
        wire = guest.probing()
        assert wire.texts == ["3probe"]
        guest.send("one", "two")
        guest.session.send("three")  # not flushed yet
        guest.session.hear(wire, "5")
        guest.send("four")
        assert wire.texts == ["3probe", "4one", "4two", "4three", "4four"]
        guest.session.hear(wire, "4hello")
        assert guest.ear.messages == ["hello"]

    def test_probe_and_upgrade_in_one_breath_keep_the_order(self) -> None:
        guest = polling(3)
        guest.send("queued")
        wire = Wire(guest.home.turn)
        guest.session.probe(wire)
        guest.session.hear(wire, "2probe")
        guest.session.hear(wire, "5")
        guest.session.hear(wire, '42["room::join", {"room": "R"}]')
        guest.home.loop.settle()
        assert wire.texts == ["3probe", "4queued"]
        assert guest.ear.messages == ['2["room::join", {"room": "R"}]']

    def test_after_it_frames_go_to_the_connection_itself(self) -> None:
        guest = polling()
        wire = guest.upgraded()
        assert guest.session.transmit == wire.transmit

    @both
    def test_a_waiting_get_is_ended_by_the_probe(self, version: int) -> None:
        guest = polling(version)
        get = guest.get()
        guest.probing()
        assert get.body == noop(version)

    @both
    def test_a_get_during_the_probe_is_held_for_a_moment(self, version: int) -> None:
        guest = polling(version)
        guest.probing()
        get = guest.get()
        assert guest.home.hurried == [guest.session]
        guest.wait(0.09)
        assert get.waits()
        guest.wait(0.01)
        assert get.body == noop(version)
        assert not guest.session.holding

    def test_a_held_get_is_refused_by_the_upgrade(self) -> None:
        guest = polling()
        wire = guest.probing()
        get = guest.get()
        guest.session.hear(wire, "5")
        assert get.body == BAD_REQUEST
        assert guest.is_alive()
        assert not wire.closed

    def test_a_held_get_is_given_what_came_meanwhile_and_nothing_twice(self) -> None:
        guest = polling()
        wire = guest.probing()
        get = guest.get()
        guest.send("hello")
        assert get.waits()
        guest.wait(0.1)
        assert get.body == b"4hello"
        guest.session.hear(wire, "5")
        guest.home.loop.settle()
        assert wire.texts == ["3probe"]

    @both
    def test_http_is_refused_afterwards(self, version: int) -> None:
        guest = polling(version)
        wire = guest.upgraded()
        assert guest.get().body == BAD_REQUEST
        assert guest.post("4no") == BAD_REQUEST
        guest.session.hear(wire, "4hello")
        assert guest.ear.messages == ["hello"]

    def test_a_second_websocket_is_not_taken(self) -> None:
        guest = polling()
        wire = guest.probing()
        assert not guest.session.probe(Wire(guest.home.turn))
        guest.session.hear(wire, "5")
        assert not guest.session.probe(Wire(guest.home.turn))
        guest.session.hear(wire, "4hello")
        assert guest.ear.messages == ["hello"]

    @pytest.mark.parametrize("moves", [["5"], ["4hello"], ["2"], ["2probe", "2probe"], ["2probe", "4x"], [b"\x05"]])
    def test_anything_else_closes_that_websocket_and_polling_goes_on(self, moves: list[str | bytes]) -> None:
        guest = polling()
        wire = Wire(guest.home.turn)
        guest.session.probe(wire)
        for move in moves:
            guest.session.hear(wire, move)
        assert len(wire.closed) == 1
        assert guest.ear.messages == []
        get = guest.get()
        guest.send("still here")
        assert get.body == b"4still here"
        guest.upgraded()

    @pytest.mark.parametrize("probed", [False, True])
    def test_it_must_not_take_long(self, probed: bool) -> None:
        guest = polling(3)
        wire = Wire(guest.home.turn)
        guest.session.probe(wire)
        if probed:
            guest.session.hear(wire, "2probe")
        guest.wait(9.9)
        assert not wire.closed
        guest.wait(0.1)
        assert len(wire.closed) == 1
        guest.session.lose(wire)
        assert guest.is_alive()

    def test_a_websocket_that_goes_away_meanwhile_changes_nothing(self) -> None:
        guest = polling()
        wire = guest.probing()
        get = guest.get()
        guest.send("hello")
        guest.session.lose(wire)
        assert get.body == b"4hello"
        assert guest.is_alive()
        guest.upgraded()

    def test_when_the_session_ends_so_does_the_websocket_that_probes(self) -> None:
        guest = polling()
        wire = guest.probing()
        guest.post("1")
        assert len(wire.closed) == 1

    def test_a_heartbeat_begun_before_is_ended_after(self) -> None:
        guest = polling()
        guest.wait(INTERVAL)
        wire = guest.upgraded()
        assert wire.texts == ["3probe", "2"]
        guest.session.hear(wire, "3")
        guest.wait(TIMEOUT)
        assert guest.is_alive()


class TestClosing:
    @both
    def test_the_client_closes_and_its_get_ends(self, version: int) -> None:
        guest = polling(version)
        get = guest.get()
        assert guest.post("4before", "1", "4after") is None
        assert get.body == noop(version)
        assert guest.ear.messages == ["before"]
        assert guest.ear.reasons == ["transport close"]
        assert guest.get().body == SESSION_UNKNOWN

    def test_what_follows_a_close_is_not_looked_at(self) -> None:
        assert polling().post("1", "abc") is None

    def test_the_client_closes_its_websocket(self) -> None:
        guest, wire = online()
        guest.session.hear(wire, "1")
        assert len(wire.closed) == 1
        guest.session.lose(wire)
        guest.home.loop.settle()
        assert guest.ear.reasons == ["transport close"]

    @both
    def test_we_close_and_what_was_sent_goes_first(self, version: int) -> None:
        guest = polling(version)
        guest.session.send("bye")
        guest.session.close()
        guest.session.send("too late")
        assert guest.ear.reasons == []  # not from within
        assert guest.get().body == (b"4:4bye1:1" if version == 3 else b"4bye\x1e1")
        assert guest.ear.reasons == ["forced close"]
        assert guest.get().body == SESSION_UNKNOWN

    @both
    def test_a_get_that_waits_is_told_at_once(self, version: int) -> None:
        guest = polling(version)
        get = guest.get()
        guest.session.close()
        assert get.body == last(version)
        assert not guest.is_alive()

    def test_we_wait_for_a_get_but_not_for_ever(self) -> None:
        guest = polling()
        guest.session.close()
        assert guest.session.begin_post() == SESSION_UNKNOWN
        guest.wait(29.9)
        assert guest.is_alive()
        guest.wait(0.1)
        assert not guest.is_alive()
        assert guest.ear.reasons == ["forced close"]

    def test_a_long_rest_is_collected_in_parts(self) -> None:
        guest = polling()
        guest.send(*(str(number) for number in range(20)))
        guest.session.close()
        assert guest.get().body.count(b"\x1e") == 15
        assert guest.get().body.endswith(b"419\x1e1")
        assert not guest.is_alive()

    def test_we_close_a_websocket(self) -> None:
        guest, wire = online()
        guest.session.send("bye")
        guest.session.close(1012, "server shutting down")
        assert wire.texts == ["4bye"]
        assert wire.closed == [(1012, "server shutting down")]
        guest.session.lose(wire)
        guest.home.loop.settle()
        assert guest.ear.reasons == ["server shutting down"]
        assert guest.home.forgotten == [guest.session]

    def test_the_peer_vanishes(self) -> None:
        guest, wire = online()
        guest.session.lose(wire)
        guest.home.loop.settle()
        assert guest.ear.reasons == ["transport close"]
        assert guest.home.forgotten == [guest.session]

    def test_nobody_is_told_from_within_a_call(self) -> None:
        guest = polling()
        guest.session.close()
        guest.session.close()
        assert guest.ear.reasons == []
        guest.home.loop.settle()
        assert guest.ear.reasons == ["forced close"]

    def test_an_alarm_rings_once_and_not_after_the_end(self) -> None:
        rung: list[str] = []
        guest = polling()
        guest.session.alarm(5, lambda: rung.append("first"))
        guest.wait(4.9)
        assert rung == []
        guest.wait(5)
        assert rung == ["first"]
        guest.session.alarm(5, lambda: rung.append("disarmed"))
        guest.session.disarm()
        guest.wait(6)
        guest.session.alarm(5, lambda: rung.append("closed"))
        guest.session.close()
        guest.wait(40)
        assert rung == ["first"]
        assert not guest.is_alive()


class TestLimits:
    def test_bytes_that_wait_are_bounded(self) -> None:
        guest = polling(home=Home(Options(max_queue=1000)))
        guest.send("x" * 500)
        assert guest.is_slow()
        guest.send("x" * 480)
        assert guest.is_alive()
        guest.send("x" * 10)
        assert not guest.is_alive()
        assert guest.ear.reasons == ["transport error"]
        assert guest.home.turn.overflows == 1
        assert guest.session.statistics()[:2] == (0, 0)

    def test_packets_that_wait_are_bounded(self) -> None:
        guest = polling(home=Home(Options(max_queue_packets=20)))
        guest.send(*("x" for _ in range(20)))
        assert guest.is_alive()
        guest.send("x")
        assert not guest.is_alive()

    def test_what_a_waiting_get_takes_does_not_count(self) -> None:
        guest = polling(home=Home(Options(max_queue_packets=20)))
        get = guest.get()
        guest.send(*("x" for _ in range(36)))
        assert get.body is not None
        assert guest.is_alive()

    def test_slow_is_what_the_transport_says(self) -> None:
        home = Home(soft_limit=100)
        guest = polling(home=home)
        assert not guest.is_slow()
        guest.send("x" * 200)
        assert guest.is_slow()
        guest.get()
        assert not guest.is_slow()
        wire = guest.upgraded()
        wire.slow = True
        assert guest.is_slow()
        group: Group[None] = Group(home.turn)
        group.add(guest.session, None)
        group.broadcast(frame.text(b"4drop me"), droppable=True)
        home.loop.settle()
        assert wire.texts == ["3probe"]

    def test_packets_of_a_post_are_bounded(self) -> None:
        guest = polling(home=Home(Options(max_packets=3)))
        assert guest.post("4a", "4b", "4c") is None
        assert guest.post("4a", "4b", "4c", "4d") == BAD_REQUEST
        assert not guest.is_alive()

    def test_a_flood_of_pings_is_bounded(self) -> None:
        guest = polling(3, Home(Options(max_queue_packets=50)))
        for _ in range(6):
            guest.post(*["2"] * 10)
        assert not guest.is_alive()

    def test_a_session_that_has_ended_holds_nothing(self) -> None:
        home = Home()
        wire = Wire(home.turn)
        session = Session(home, "s", Handshake(4, {}, {}, ""), wire)
        ear = Ear()
        session.listen(ear)
        session.lose(wire)
        session.put(frame.text(b"4late"))
        home.loop.settle()
        assert session.due == float("inf")
        assert session.statistics() == (0, 0, False, False, False)
        assert not session.check()
        session.hear(wire, "4late")
        assert ear.messages == []
        refused = Get()
        session.get(refused)
        assert refused.body == SESSION_UNKNOWN


def test_intervals_are_told_in_milliseconds_to_the_version_that_they_are_for() -> None:
    options = Options(
        ping_interval=seconds(0.3),
        ping_timeout=seconds(0.2),
        old_ping_interval=seconds(1.5),
        old_ping_timeout=seconds(1),
    )
    for version, told in ((4, (300, 200)), (3, (1500, 1000))):
        opening = Home(options).session(version).open()
        assert (opening["pingInterval"], opening["pingTimeout"]) == told
