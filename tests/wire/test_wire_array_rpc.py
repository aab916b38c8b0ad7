import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.wire import array_rpc, frame
from hubbub.wire.array_rpc import Fault, Ping, Request

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def sent(prepared: bytes) -> Any:
    assert frame.opcode(prepared) == frame.TEXT
    return json.loads(frame.payload(prepared).decode())


@pytest.mark.parametrize(
    "message",
    [
        "",
        " ",
        "hello",
        "{}",
        '{"0": "user.fetch"}',
        "null",
        '"ping"',
        "12",
        "[]",
        '["ping"]',
        "[1, 2, {}]",
        "[null, 2, {}]",
        '[["ping"], 1]',
        '["a", 1, {}',
        '["a", 1, {}]]',
        '["a", 1, {},]',
        '["a", 1, {}] x',
        '["a", NaN, {}]',
        '["a", 1, NaN]',
        '["a", 1, Infinity]',
        '["a", 1, -Infinity]',
        '["a", 1, {"x": 01}]',
        '["a", 1, 1e999]',
        r'["a", 1, "\ud800"]',
        r'["a", 1, "\udc00"]',
        r'["a", 1, "\ud800\u0041"]',
        r'["a", "\ud800", 1]',
        r'["a", "\udc00", 1]',
        r'["a", "\ud800\u0041", 1]',
        r'["a", "\ud800A", 1]',
        r'["\ud800", 1, 1]',
        r'["ping", "\udc00"]',
        '["a", 1, "\x00"]',
        '["a", 1, ' + "9" * 5000 + "]",
        '["a", 1, ' + "[" * 10_000 + "]" * 10_000 + "]",
        '["a", ' + "[" * 10_000 + "]" * 10_000 + ", 1]",
        "[" * 10_000,
        '["a", 1, ' + '{"a":' * 10_000 + "1" + "}" * 10_000 + "]",
        b'["ping", 1]',
        b"\xff",
    ],
)
def test_bad_messages_are_faults(message: str | bytes) -> None:
    assert isinstance(array_rpc.decode(message), Fault)


@given(message=st.one_of(st.text(), st.binary(), st.text(alphabet='[]{}",:\\ud8019eE+-.tfn ')))
def test_nothing_raises(message: str | bytes) -> None:
    assert isinstance(array_rpc.decode(message), Request | Ping | Fault)


@pytest.mark.parametrize(
    ("message", "body", "arity"),
    [
        ('["room.enter", 7, {"room": "x"}]', {"room": "x"}, 3),
        ('["room.enter", 7, null]', None, 3),
        ('["authenticate", {"token": "t"}]', {"token": "t"}, 2),
        ('["room.enter", 7, {"a": 1}, "more"]', {"a": 1}, 4),
        ('["room.enter"]', msgspec.UNSET, 1),
    ],
)
def test_requests(message: str, body: Any, arity: int) -> None:
    request = array_rpc.decode(message)
    assert isinstance(request, Request)
    assert (request.body, request.arity) == (body, arity)


@pytest.mark.parametrize(
    "id_", ["7", '"x"', "9" * 5000, "1.50", "-0", "1e400", '{ "b": [null], "b": 2 }', r'"\ud83d\ude00/"', '"ü"']
)
def test_ids_are_echoed_as_they_were_sent(id_: str) -> None:
    request = array_rpc.decode(f'["a.b", {id_} , {{}}]')
    assert isinstance(request, Request)
    assert frame.payload(array_rpc.success(request.id, {})) == f'["success",{id_},{{}}]'.encode()
    assert frame.payload(array_rpc.error(request.id, 3, "x")) == f'["error",{id_},{{"code":"x"}}]'.encode()
    ping = array_rpc.decode(f'["ping", {id_}]')
    assert isinstance(ping, Ping)
    assert frame.payload(array_rpc.pong(ping)) == f'["pong",{id_}]'.encode()


@given(id_=anything, body=anything)
def test_round_trip_of_any_json(id_: Any, body: Any) -> None:
    request = array_rpc.decode(json.dumps(["a.b", id_, body], ensure_ascii=False))
    assert isinstance(request, Request)
    assert request.name == "a.b"
    assert request.body == body
    assert sent(array_rpc.success(request.id, body)) == ["success", id_, body]


@pytest.mark.parametrize("arity", [2, 4])
def test_an_error_has_the_id_only_for_three_elements(arity: int) -> None:
    assert sent(array_rpc.error(7, arity, "x", "Words", {"a": 1})) == [
        "error",
        {"code": "x", "message": "Words", "details": {"a": 1}},
    ]
    assert sent(array_rpc.error(7, 3, "x", "", {})) == ["error", 7, {"code": "x"}]


def test_push() -> None:
    assert sent(array_rpc.push("room.reaction", {"r": "👏"})) == ["room.reaction", {"r": "👏"}]
    assert "👏".encode() in array_rpc.push("room.reaction", {"r": "👏"})
