"""The codec of both protocols, and what it must not let through."""

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.wire import frame
from hubbub.wire.engine_io.packet import Malformed
from hubbub.wire.json import MOST_DEPTH, dump
from hubbub.wire.socket_io import packet
from hubbub.wire.socket_io.packet import Kind, Packet

words = st.text(st.characters(exclude_categories=["Cs"]))
numbers = st.one_of(st.integers(-(2**63), 2**63), st.floats(allow_nan=False, allow_infinity=False))
leaves = st.one_of(st.none(), st.booleans(), numbers, words)
plain = st.recursive(
    leaves,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(words, children, max_size=4),
    max_leaves=12,
)
mixed = st.recursive(
    leaves | st.binary(max_size=20),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(words, children, max_size=3),
    max_leaves=10,
)
names = words.filter(lambda name: name not in packet._RESERVED)
namespaces = st.sampled_from(["/", "/custom", "/é😀"])
ids = st.none() | st.integers(0, 2**53)
both = pytest.mark.parametrize("version", [3, 4])


def read(version: int, text: bytes, attachments: list[bytes]) -> tuple[Packet, Any]:
    received = packet.decode(version, text.decode())
    assert received.attachments == len(attachments)
    return received, packet.fill(received.data, attachments)


@given(st.sampled_from([3, 4]), namespaces, names, st.lists(plain, max_size=4), ids)
def test_what_is_encoded_is_decoded(
    version: int, namespace: str, name: str, data: list[Any], number: int | None
) -> None:
    text, attachments = packet.encode_all(Kind.EVENT, namespace, [name, *data], number)
    received, content = read(version, text, attachments)
    assert (received.kind, received.namespace, received.id) == (Kind.EVENT, namespace, number)
    assert content == [name, *data]


@given(st.sampled_from([3, 4]), namespaces, st.lists(mixed, max_size=3), ids)
def test_bytes_come_back_where_they_were(version: int, namespace: str, data: list[Any], number: int | None) -> None:
    text, attachments = packet.encode_all(Kind.ACK, namespace, data, number)
    if len(attachments) > packet.MOST_ATTACHMENTS:
        return
    received, content = read(version, text, attachments)
    assert received.kind is (Kind.BINARY_ACK if attachments else Kind.ACK)
    assert content == data


@given(st.sampled_from([3, 4]), st.one_of(st.text(), st.text(st.sampled_from('0123456/,-[]{}"a\\ud8'))))
def test_any_text_is_read_or_malformed(version: int, text: str) -> None:
    try:
        received = packet.decode(version, text)
        packet.fill(received.data, [b""])
    except Malformed:
        pass


@given(st.text(st.characters()), st.text(st.characters()))
def test_what_leaves_is_json_that_anybody_reads(text: str, key: str) -> None:
    sent = dump([text, {key: text}, float("nan"), float("inf")])
    content = json.loads(sent.decode(), parse_constant=pytest.fail)
    mended = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert content[0] == mended
    assert content[2:] == [None, None]


@given(st.lists(st.sampled_from(["\\", "\ud83d", "\ude00", "u", "d83d", '"', "x", "😀"])).map("".join))
def test_halves_of_pairs_become_replacement_characters(text: str) -> None:
    # As JavaScript writes it: halves as escapes.
    literal = json.dumps(text, ensure_ascii=True)
    received = packet.decode(4, f'2["m",{literal}]')
    assert received.data[1] == text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def test_the_words_on_the_wire() -> None:
    assert packet.encode(Kind.CONNECT, "/") == b"0"
    assert packet.encode(Kind.CONNECT, "/custom", {"sid": "x"}) == b'0/custom,{"sid":"x"}'
    assert packet.encode(Kind.DISCONNECT, "/custom") == b"1/custom,"
    assert packet.encode_all(Kind.EVENT, "/", ("m", {"a": 1}), 7) == (b'27["m",{"a":1}]', [])
    assert packet.encode_all(Kind.ACK, "/a", (b"x", [bytearray(b"y")]), 7) == (
        b'62-/a,7[{"_placeholder":true,"num":0},[{"_placeholder":true,"num":1}]]',
        [b"x", b"y"],
    )


def test_an_event_for_everybody_is_one_frame_of_text() -> None:
    prepared = packet.event_frame("room::message", {"a": "é"}, namespace="/x")
    assert frame.opcode(prepared) == frame.TEXT
    assert frame.payload(prepared).decode() == '42/x,["room::message",{"a":"é"}]'
    with pytest.raises(TypeError):
        packet.event_frame("m", {"a": [b"bytes"]})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", Packet(Kind.CONNECT, "/", None, msgspec.UNSET)),
        ('0{"token":"x"}', Packet(Kind.CONNECT, "/", None, {"token": "x"})),
        ("0/custom", Packet(Kind.CONNECT, "/custom", None, msgspec.UNSET)),
        ("0/custom,", Packet(Kind.CONNECT, "/custom", None, msgspec.UNSET)),
        ("1/custom,", Packet(Kind.DISCONNECT, "/custom", None, msgspec.UNSET)),
        ('2["room::join", {"room": "R"}]', Packet(Kind.EVENT, "/", None, ["room::join", {"room": "R"}])),
        ('2/a,12["m"]', Packet(Kind.EVENT, "/a", 12, ["m"])),
        ("2[5]", Packet(Kind.EVENT, "/", None, [5])),
        ("3007[]", Packet(Kind.ACK, "/", 7, [])),
        ('51-["m",null]', Packet(Kind.BINARY_EVENT, "/", None, ["m", None], 1)),
        ('610-/a,3[]', Packet(Kind.BINARY_ACK, "/a", 3, [], 10)),
        ('50-["m"]', Packet(Kind.BINARY_EVENT, "/", None, ["m"], 0)),
    ],
)  # fmt: skip
def test_what_protocol_5_says(text: str, expected: Packet) -> None:
    assert packet.decode(4, text) == expected


def test_what_protocol_4_alone_says() -> None:
    received = packet.decode(3, "0/custom?token=a%20b&x,")
    assert (received.namespace, received.query) == ("/custom", "token=a%20b&x")
    assert packet.decode(4, "0/custom?x,").namespace == "/custom?x"


@both
@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "7", "9[]", "2{}", '2"m"', "2[", "2[1,]", '2abc["m"]', '2["m"]x', "2 "),
        *('2["m",NaN]', '2["m",Infinity]', '2["m",-Infinity]', '2["m",1e400]', '2["m",-1e999]'),
        *('2["m",' + "9" * 5000 + "]", '2["m",' + "[" * 100 + "]" * 100 + "]", "2" + "[" * 100_000, '2{"a":' * 50_000),
        *("2" + "9" * 17 + '["m"]', "0/" + "x" * 300, "0/" + "x" * 300 + ",", '1{"a":1}'),
        *('5["m"]', '5-["m"]', '511-["m"]', '5x-["m"]', '5-1-["m"]', '5²-["m"]', '51["m"]', '599999-["m"]'),
        *("2\ufeff[]", '2["\\uD8"]', '2["\t"]', "2[01]", "2['m']"),
    ],
)
def test_what_closes_with_either(version: int, text: str) -> None:
    with pytest.raises(Malformed):
        packet.decode(version, text)


STRICT = [
    *("0[]", '0"x"', "0null", "1[]", "1null", "2", "2null", "2[]", "2[{}]", "2[null]", "2[true]", "3{}", "3", '3"x"'),
    *(f'2["{name}"]' for name in sorted(packet._RESERVED)),
    *('50-["connect"]', "50-[[]]", "60-{}"),
]


@pytest.mark.parametrize("text", STRICT)
def test_what_closes_with_protocol_5(text: str) -> None:
    with pytest.raises(Malformed):
        packet.decode(4, text)


@pytest.mark.parametrize("text", ["0[]", "2", "2[]", "2[{}]", "2[null]", '2["connect"]', '4"x"', "3[]"])
def test_what_protocol_4_lets_through(text: str) -> None:
    packet.decode(3, text)


def test_levels_are_counted_and_not_brackets() -> None:
    deep = "[" * MOST_DEPTH + "]" * MOST_DEPTH
    assert packet.decode(4, f'2["m",{deep[1:-1]},5]').data[0] == "m"
    with pytest.raises(Malformed):
        packet.decode(4, f'2["m",{deep}]')
    assert len(packet.decode(4, '2["m"' + ",[]" * 1000 + "]").data) == 1001
    assert packet.decode(4, '2["m","' + "[" * 1000 + '"]').data[1] == "[" * 1000


@pytest.mark.parametrize("number", ["1", "-1", "0.0", '"0"', "true", "null", "[0]", "1e9"])
def test_a_placeholder_for_what_there_is_not(number: str) -> None:
    received = packet.decode(4, f'51-["m",{{"a":[{{"_placeholder":true,"num":{number}}}]}}]')
    with pytest.raises(Malformed):
        packet.fill(received.data, [b"x"])


def test_what_only_looks_like_a_placeholder_is_left() -> None:
    data = ["m", {"_placeholder": False, "num": 0}, {"_placeholder": 1, "num": 0}]
    assert packet.fill(data, [b"x"]) == data


def test_errors_have_nothing_of_the_content() -> None:
    for text in ('2["secret"', '2["secret",NaN]', "asecret", "0/" + "secret" * 50):
        with pytest.raises(Malformed) as caught:
            packet.decode(4, text)
        assert not re.search("secret", str(caught.value))
