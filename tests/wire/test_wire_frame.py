import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.fakes import masked, text
from websockets.client import ClientProtocol
from websockets.exceptions import ProtocolError
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.uri import parse_uri
from websockets.utils import apply_mask

from hubbub.wire import frame
from hubbub.wire.frame import Close, Event, Fault, Parser, Ping, Pong

LARGE = 1 << 20


def raw(first: int, payload: bytes, *, mask: bytes | None = b"mask") -> bytes:
    """Make a client's frame of any first byte, the length in its least form."""
    flag = 0x80 if mask is not None else 0
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first, flag | size)
    elif size < 0x10000:
        head = struct.pack("!BBH", first, flag | 126, size)
    else:
        head = struct.pack("!BBQ", first, flag | 127, size)
    return head + payload if mask is None else head + mask + apply_mask(payload, mask)


def feed(chunks: list[bytes], limit: int) -> list[Event]:
    parser = Parser(limit)
    return [event for chunk in chunks for event in parser.feed(chunk)]


def cut(data: bytes, points: list[int]) -> list[bytes]:
    places = [0, *sorted(point % (len(data) + 1) for point in points), len(data)]
    return [data[a:b] for a, b in pairwise(places)]


def strip(events: list[Event]) -> list[Event]:
    """Leave out the words of faults: only their codes are held against the other library."""
    return [Fault(event.code, "") if isinstance(event, Fault) else event for event in events]


def oracle(data: bytes, limit: int) -> list[Event]:
    """Tell what the `websockets` library makes of the same bytes."""
    protocol = ServerProtocol(state=State.OPEN, max_size=limit)
    protocol.receive_data(data)
    events: list[Event] = []
    parts: list[bytes] = []
    is_text = False
    for event in protocol.events_received():
        assert isinstance(event, Frame)
        content = bytes(event.data)
        if event.opcode is Opcode.PING:
            events.append(Ping(content))
        elif event.opcode is Opcode.PONG:
            events.append(Pong(content))
        elif event.opcode is Opcode.CLOSE:
            assert protocol.close_rcvd is not None
            events.append(Close(int(protocol.close_rcvd.code), protocol.close_rcvd.reason))
        else:
            if event.opcode is not Opcode.CONT:
                is_text = event.opcode is Opcode.TEXT
            parts.append(content)
            if event.fin:
                # That library leaves the decoding to its callers.
                try:
                    events.append(b"".join(parts).decode() if is_text else b"".join(parts))
                except UnicodeDecodeError:
                    return [*events, Fault(1007, "")]
                parts = []
    fault = protocol.parser_exc
    if isinstance(fault, ProtocolError) and str(fault) == "incomplete fragmented message":
        # It refuses a close amid fragments, which RFC 6455 5.4 allows.
        assert protocol.close_rcvd is not None
        events.append(Close(int(protocol.close_rcvd.code), protocol.close_rcvd.reason))
    elif fault is not None:
        assert protocol.close_sent is not None
        events.append(Fault(int(protocol.close_sent.code), ""))
    return events


payloads = st.one_of(
    st.binary(max_size=130),
    st.text(max_size=60).map(str.encode),
    st.sampled_from([b"x" * 125, b"x" * 126, b"x" * 65535, b"x" * 65536, "ü".encode()[:1], "ü".encode()[1:]]),
)
closes = st.builds(
    lambda code, reason: struct.pack("!H", code) + reason,
    st.one_of(
        st.integers(0, 65535), st.sampled_from([999, 1000, 1004, 1005, 1006, 1014, 1015, 2999, 3000, 4999, 5000])
    ),
    st.one_of(st.text(max_size=30).map(str.encode), st.binary(max_size=5)),
)
# Mostly what a sound client sends, so that streams get far; then anything.
frames = st.one_of(
    st.builds(raw, st.sampled_from([0x81, 0x82, 0x89, 0x8A]), payloads.filter(lambda p: len(p) < 126)),
    st.builds(raw, st.sampled_from([0x81, 0x82, 0x01, 0x02, 0x00, 0x80]), payloads),
    st.builds(raw, st.just(0x88), st.one_of(closes, st.binary(max_size=3))),
    st.builds(raw, st.integers(0, 255), payloads, mask=st.sampled_from([None, b"\0\0\0\0", b"\xff\x01\x80z"])),
)
points = st.lists(st.integers(0, 1 << 20), max_size=8)


@given(stream=st.lists(frames, max_size=12).map(b"".join), points=points)
def test_same_events_and_codes_as_websockets(stream: bytes, points: list[int]) -> None:
    assert strip(feed(cut(stream, points), LARGE)) == oracle(stream, LARGE)


@given(
    sizes=st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=8),
    limit=st.integers(125, 400),
    points=points,
)
def test_same_size_limit_as_websockets(sizes: list[tuple[int, bool]], limit: int, points: list[int]) -> None:
    stream, open_message = b"", False
    for size, fin in sizes:
        stream += raw((0x80 if fin else 0) | (0 if open_message else 1), b"x" * size)
        open_message = not fin
    # Under websockets' limits a fragment that comes when the limit is just reached is told apart only by its own size.
    assert strip(feed(cut(stream, points), limit)) == oracle(stream, limit)


@given(stream=st.one_of(st.binary(max_size=300), st.lists(frames, max_size=6).map(b"".join)), points=points)
def test_any_bytes_in_any_chunks_give_the_same_events(stream: bytes, points: list[int]) -> None:
    whole = feed([stream], 200)
    assert feed(cut(stream, points), 200) == whole
    assert feed([stream[i : i + 1] for i in range(len(stream))], 200) == whole


@given(payload=payloads)
def test_server_frames_are_read_by_websockets(payload: bytes) -> None:
    client = ClientProtocol(parse_uri("ws://localhost/"), state=State.OPEN, max_size=None)
    made = {Opcode.TEXT: frame.text(payload), Opcode.BINARY: frame.binary(payload)}
    if len(payload) < 126:
        made |= {Opcode.PING: frame.ping(payload), Opcode.PONG: frame.pong(payload)}
    for opcode, data in made.items():
        assert frame.payload(data) == payload
        assert frame.opcode(data) == opcode
        client.receive_data(data)
        (event,) = client.events_received()
        assert event == Frame(opcode, payload)


@pytest.mark.parametrize(
    ("code", "reason", "payload"),
    [
        (1000, "", b"\x03\xe8"),
        (4001, "grün", b"\x0f\xa1" + "grün".encode()),
        (1005, "not sent", b""),
        (1000, "x" * 200, b"\x03\xe8" + b"x" * 123),
        (1000, "x" + "ü" * 100, b"\x03\xe8" + b"x" + "ü".encode() * 61),
        (1000, "\ud800", b"\x03\xe8?"),
    ],
)
def test_close_frames(code: int, reason: str, payload: bytes) -> None:
    assert frame.payload(frame.close(code, reason)) == payload


@pytest.mark.parametrize("code", [0, 999, 1004, 1006, 1015, 1016, 2999, 5000])
def test_codes_that_must_not_be_sent(code: int) -> None:
    with pytest.raises(ValueError, match="close code"):
        frame.close(code)


def test_control_payloads_are_limited() -> None:
    with pytest.raises(ValueError, match="125"):
        frame.ping(b"x" * 126)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (raw(0x81, b"hi", mask=None), 1002),
        (raw(0xC1, b"hi"), 1002),
        (raw(0xA1, b"hi"), 1002),
        (raw(0x91, b"hi"), 1002),
        (raw(0x83, b"hi"), 1002),
        (raw(0x8B, b"hi"), 1002),
        (raw(0x80, b"hi"), 1002),
        (raw(0x01, b"hi") + raw(0x81, b"hi"), 1002),
        (raw(0x09, b"hi"), 1002),
        (raw(0x89, b"x" * 126), 1002),
        (struct.pack("!BBH", 0x81, 0xFE, 125), 1002),
        (struct.pack("!BBQ", 0x81, 0xFF, 65535), 1002),
        (struct.pack("!BBQ", 0x81, 0xFF, 1 << 63), 1002),
        (struct.pack("!BBQ", 0x81, 0xFF, (1 << 63) - 1), 1009),
        (struct.pack("!BBH", 0x82, 0xFE, 1001), 1009),
        (raw(0x02, b"x" * 600) + struct.pack("!BBH", 0x80, 0xFE, 401), 1009),
        (raw(0x81, b"\xff"), 1007),
        (raw(0x81, b"\xed\xa0\x80"), 1007),
        (raw(0x01, b"\xc3") + raw(0x80, b"("), 1007),
        (raw(0x88, b"\x03"), 1002),
        (raw(0x88, b"\x03\xed"), 1002),
        (raw(0x88, b"\x03\xe8\xff"), 1007),
    ],
)
def test_breaches(data: bytes, code: int) -> None:
    parser = Parser(1000)
    # Each is told from its header alone where that is enough: nothing more has come.
    (fault,) = parser.feed(data)
    assert isinstance(fault, Fault)
    assert fault.code == code
    assert parser.done
    assert parser.feed(text("more")) == []


def test_fragments_may_be_cut_within_a_character_and_interleaved() -> None:
    parser = Parser(1000)
    word = "grün".encode()
    assert parser.feed(masked(Opcode.TEXT, word[:3], fin=False)) == []
    assert parser.feed(masked(Opcode.PING, b"p")) == [Ping(b"p")]
    assert parser.feed(masked(Opcode.CONT, b"", fin=False)) == []
    assert parser.feed(masked(Opcode.PONG, b"q")) == [Pong(b"q")]
    assert parser.feed(masked(Opcode.CONT, word[3:]) + text("next")) == ["grün", "next"]


def test_close_ends_the_stream() -> None:
    parser = Parser(1000)
    close = masked(Opcode.CLOSE, b"\x03\xe8bye")
    assert parser.feed(text("a") + close + text("b")) == ["a", Close(1000, "bye")]
    assert parser.feed(text("c")) == []


def test_empty_fragments_take_no_memory() -> None:
    parser = Parser(1000)
    parser.feed(masked(Opcode.TEXT, b"", fin=False))
    assert parser.feed(masked(Opcode.CONT, b"", fin=False) * 1000) == []
    assert parser.feed(masked(Opcode.CONT, b"end")) == ["end"]


def test_an_idle_parser_holds_no_buffer() -> None:
    parser = Parser(1000)
    data = text("hello")
    assert parser.feed(data[:4]) == []
    assert parser.feed(data[4:]) == ["hello"]
    assert (parser._buffer, parser._message) == (None, None)


def test_the_limit_has_room_for_control_frames() -> None:
    with pytest.raises(ValueError, match="125"):
        Parser(124)


def test_a_message_that_comes_byte_by_byte_is_not_copied_for_each() -> None:
    parser = Parser(1000)
    data = text("x" * 500)
    parser.feed(data[:20])
    buffer = parser._buffer
    for position in range(20, len(data) - 1):
        assert parser.feed(data[position : position + 1]) == []
        assert parser._buffer is buffer
    assert parser.feed(data[-1:]) == ["x" * 500]
