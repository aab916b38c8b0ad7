from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.wire.fakes import FakeLoop, FakeTransport, Recorder, masked, text
from websockets.frames import Opcode

from hubbub.wire import frame
from hubbub.wire.outbox import Turn
from hubbub.wire.sweep import Limits, Sweep
from hubbub.wire.websocket import WebSocket

LIMITS = Limits(
    message=1000,
    ping_interval=timedelta(seconds=20),
    ping_timeout=timedelta(seconds=10),
    close_timeout=timedelta(seconds=5),
)


class Bench:
    """One connection on a fake loop and transport."""

    def __init__(self, *, listen: bool = True) -> None:
        self.loop = FakeLoop()
        self.connections: set[Any] = set()
        self.sweep = Sweep(self.loop.real, LIMITS, self.connections)
        self.turn = Turn(self.loop.real, soft_limit=100, hard_limit=1000)
        self.transport = FakeTransport()
        self.socket = WebSocket(self.transport, self.sweep, ("192.0.2.1", 5))
        self.transport.protocol = self.socket
        self.heard = Recorder()
        if listen:
            self.socket.attach(lambda _: self.heard, self.turn, ("192.0.2.1", 5))

    def lose(self) -> None:
        self.socket.connection_lost(None)
        self.loop.settle()


def test_messages_and_pings_are_answered_in_order() -> None:
    bench = Bench()
    bench.heard.hook = lambda message: bench.socket.put(frame.text(b"re:" + str(message).encode()))
    bench.socket.data_received(text("a") + masked(Opcode.PING, b"p") + text("b") + masked(Opcode.BINARY, b"\0"))
    assert bench.heard.messages == ["a", "b", b"\0"]
    assert bench.transport.writes == []
    bench.loop.turn()
    replies = [frame.text(b"re:a"), frame.pong(b"p"), frame.text(b"re:b"), frame.text(b"re:b'\\x00'")]
    assert bench.transport.writes == [b"".join(replies)]


def test_close_sends_what_is_pending_and_waits_for_the_peer() -> None:
    bench = Bench()
    bench.socket.put(frame.text(b"last"))
    bench.socket.close(4001, "why")
    bench.socket.close(4002)
    bench.socket.put(frame.text(b"too late"))
    assert bench.heard.codes == []  # never from within close
    bench.socket.data_received(text("ignored"))
    bench.loop.settle()
    assert bench.transport.writes == [frame.text(b"last") + frame.close(4001, "why")]
    assert (bench.heard.codes, bench.heard.messages, bench.transport.closing) == ([4001], [], False)
    bench.socket.data_received(masked(Opcode.CLOSE, b"\x0f\xa1"))
    assert bench.transport.closing
    bench.lose()
    assert bench.heard.codes == [4001]
    assert not bench.connections


def test_a_peer_that_does_not_answer_a_close_is_aborted() -> None:
    bench = Bench()
    bench.socket.close()
    bench.loop.advance(4)
    assert bench.transport.aborts == 0
    bench.loop.advance(2)
    assert bench.transport.aborts == 1


@pytest.mark.parametrize(
    ("payload", "code", "reply"), [(b"\x0f\xa0bye", 4000, frame.close(4000)), (b"", 1005, frame.close(1005))]
)
def test_a_close_of_the_peer_is_echoed(payload: bytes, code: int, reply: bytes) -> None:
    bench = Bench()
    bench.socket.put(frame.text(b"last"))
    bench.socket.data_received(masked(Opcode.CLOSE, payload) + text("ignored"))
    assert bench.transport.writes == [frame.text(b"last") + reply]
    assert bench.transport.closing
    bench.lose()
    assert (bench.heard.codes, bench.heard.messages) == ([code], [])


def test_a_breach_is_refused_and_the_rest_discarded_until_the_peer_closes() -> None:
    bench = Bench()
    bench.socket.data_received(text("fine") + masked(Opcode.TEXT, b"x" * 1001))
    bench.loop.settle()
    assert bench.transport.writes == [frame.close(1009, "message too big")]
    # Not closed: with unread input that would be a reset, which may overtake the close frame.
    assert (bench.transport.half_closed, bench.transport.closing) == (True, False)
    bench.socket.data_received(b"x" * 10_000)
    bench.socket.eof_received()
    bench.lose()
    assert (bench.heard.messages, bench.heard.codes) == (["fine"], [1009])


def test_a_breach_over_tls_closes_at_once() -> None:
    bench = Bench()
    bench.transport.tls = True
    bench.socket.data_received(b"\xff\xff")
    assert (bench.transport.half_closed, bench.transport.closing) == (False, True)


def test_a_half_closed_peer_is_let_go() -> None:
    bench = Bench()
    bench.socket.put(frame.text(b"pending"))
    bench.socket.eof_received()
    bench.loop.settle()
    assert bench.heard.codes == [1006]
    bench.lose()
    assert bench.heard.codes == [1006]


def test_a_lost_peer_is_told_once_and_frees_what_is_pending() -> None:
    bench = Bench()
    bench.socket.put(frame.text(b"pending"))
    bench.lose()
    assert bench.heard.codes == [1006]
    assert bench.socket.pending is None
    assert (bench.transport.writes, bench.connections) == ([], set())
    bench.socket.close()
    bench.loop.settle()
    assert (bench.transport.writes, bench.heard.codes) == ([], [1006])


def test_soft_then_hard_limit() -> None:
    bench = Bench()
    bench.transport.stuck = True
    put = frame.text(b"x" * 98)
    slow: list[bool] = []
    for _ in range(2):
        bench.socket.put(put)
        bench.loop.settle()
        slow.append(bench.socket.slow)
    bench.transport.unstick()
    slow.append(bench.socket.slow)
    assert slow == [False, True, False]
    bench.transport.stuck = True
    for _ in range(11):
        assert bench.heard.codes == []
        bench.socket.put(put)
        bench.loop.settle()
    assert bench.heard.codes == [1013]
    assert bench.transport.writes[-1] == frame.close(1013, "Try again later")
    assert bench.turn.statistics().overflows == 1
    bench.loop.advance(6)
    assert bench.transport.aborts == 1


def test_an_idle_peer_is_pinged_and_a_mute_one_closed() -> None:
    bench = Bench()
    bench.loop.advance(19)
    assert bench.transport.writes == []
    bench.loop.advance(2)
    assert bench.transport.writes == [frame.ping()]
    bench.socket.data_received(masked(Opcode.PONG, b""))
    bench.loop.advance(18)
    bench.socket.data_received(text("busy"))
    bench.loop.advance(18)
    assert bench.transport.writes == [frame.ping()]
    bench.loop.advance(4)
    assert bench.transport.writes == [frame.ping()] * 2
    bench.loop.advance(11)
    assert bench.transport.writes[2:] == [frame.close(1011, "keepalive ping timeout")]
    assert bench.heard.codes == [1011]
    bench.loop.advance(6)
    assert bench.transport.aborts == 1


def test_a_peer_that_nobody_reads_is_not_mute() -> None:
    bench = Bench()
    bench.socket.pause_reading()
    bench.loop.advance(100)
    assert bench.transport.writes == []
    bench.socket.resume_reading()
    bench.loop.advance(21)
    assert bench.transport.writes == [frame.ping()]


def test_paused_messages_are_held_and_then_delivered_in_order() -> None:
    bench = Bench()
    bench.heard.hook = lambda _: bench.socket.pause_reading()
    bench.socket.data_received(text("a") + text("b") + text("c") + masked(Opcode.CLOSE, b"\x03\xe8"))
    assert (bench.heard.messages, bench.transport.reading) == (["a"], False)
    bench.socket.data_received(text("discarded: after a close"))
    bench.socket.resume_reading()
    bench.socket.resume_reading()
    assert bench.heard.messages == ["a"]  # not from within the call
    bench.loop.settle()
    assert (bench.heard.messages, bench.transport.reading) == (["a", "b"], False)
    bench.socket.resume_reading()
    bench.loop.settle()
    assert (bench.heard.messages, bench.heard.codes) == (["a", "b", "c"], [1000])


def test_pausing_without_messages_only_stops_the_transport() -> None:
    bench = Bench()
    bench.socket.pause_reading()
    bench.socket.pause_reading()
    assert not bench.transport.reading
    bench.socket.resume_reading()
    assert bench.transport.reading


@pytest.mark.parametrize("held", [False, True])
def test_a_close_while_paused_still_hears_the_answer(held: bool) -> None:
    bench = Bench()
    if held:
        bench.heard.hook = lambda _: bench.socket.pause_reading()
        bench.socket.data_received(text("a") + text("b") + masked(Opcode.CLOSE, b"\x03\xe8"))
    bench.socket.pause_reading()
    bench.socket.close(4000)
    bench.loop.settle()
    assert bench.transport.reading or bench.transport.closing
    bench.socket.data_received(masked(Opcode.CLOSE, b"\x0f\xa0"))
    assert bench.transport.closing
    assert (bench.heard.codes, bench.heard.messages) == ([4000], ["a"] if held else [])


def test_nothing_is_lost_before_somebody_listens() -> None:
    bench = Bench(listen=False)
    bench.socket.data_received(text("a"))
    bench.socket.data_received(text("b"))
    assert not bench.transport.reading
    bench.socket.listen(bench.heard)
    bench.loop.settle()
    assert (bench.heard.messages, bench.transport.reading) == (["a", "b"], True)


def test_a_late_listener_is_told_of_the_end() -> None:
    bench = Bench(listen=False)
    bench.socket.connection_lost(None)
    bench.socket.listen(bench.heard)
    bench.loop.settle()
    assert bench.heard.codes == [1006]


def boom(*_: object) -> Any:
    raise RuntimeError("boom")


@pytest.mark.parametrize("place", ["on_message", "accept"])
def test_a_failing_listener_closes_its_connection_with_1011(place: str, caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(listen=place == "on_message")
    if place == "accept":
        bench.socket.attach(boom, bench.turn, None)
    bench.heard.hook = boom
    bench.socket.data_received(text("secret") + text("second"))
    bench.loop.settle()
    assert bench.transport.writes == [frame.close(1011)]
    assert bench.heard.messages == ["secret"][: place == "on_message"]
    assert "fault" in caplog.text
    assert "secret" not in caplog.text


def test_a_failing_on_close_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    setattr(bench.heard, "on_close", boom)  # noqa: B010
    bench.lose()
    assert "boom" in caplog.text


def test_shutdown_closes_in_batches() -> None:
    bench = Bench()
    others = [WebSocket(FakeTransport(), bench.sweep, None) for _ in range(450)]
    sockets = [bench.socket, *others]
    bench.socket.put(frame.text(b"last"))
    for socket in sockets:
        socket.shutdown()
    counts: list[int] = []
    while bench.loop.ready:
        bench.loop.turn()
        counts.append(sum(socket.ended_with == 1012 for socket in sockets))
    assert counts[:3] == [200, 400, 451]
    assert b"".join(bench.transport.writes) == frame.text(b"last") + frame.close(1012, "Service restart")
    assert bench.heard.codes == [1012]


def test_the_sweep_rests_when_there_is_nothing_to_watch() -> None:
    bench = Bench()
    bench.lose()
    bench.loop.advance(10)
    assert bench.loop.timers == []
    again = WebSocket(FakeTransport(), bench.sweep, None)
    assert bench.connections == {again}
    assert len(bench.loop.timers) == 1


@pytest.mark.parametrize(
    "end",
    [
        lambda bench: bench.socket.close(),
        lambda bench: bench.socket.data_received(masked(Opcode.CLOSE, b"")),
        lambda bench: bench.socket.data_received(b"\0\0"),
        lambda bench: bench.socket.eof_received(),
        lambda bench: bench.socket.connection_lost(OSError()),
    ],
)
def test_every_pair_of_endings_tells_once(end: Callable[[Bench], object]) -> None:
    for second in (WebSocket.eof_received, WebSocket.close, WebSocket.shutdown, WebSocket.expire):
        bench = Bench()
        end(bench)
        second(bench.socket)
        bench.lose()
        bench.lose()
        assert len(bench.heard.codes) == 1
        assert len(bench.transport.writes) <= 1
