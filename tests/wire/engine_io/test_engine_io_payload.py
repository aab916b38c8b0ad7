"""The codecs of both versions, held against each other and against what real clients send."""

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hubbub.wire import frame
from hubbub.wire.engine_io import packet, payload
from hubbub.wire.engine_io.packet import Kind, Malformed
from hubbub.wire.http import parse_query

texts = st.text(st.characters(exclude_categories=["Cs"]))
astral = st.text(st.sampled_from("a:0é€\u2028\uffff😀𝄞\x1f"))
messages = st.lists(st.one_of(texts, astral, st.binary(max_size=300)), min_size=1, max_size=8)


def read(version: int, raw: list[str | bytes]) -> list[str | bytes]:
    decoded = [packet.decode(version, one) for one in raw]
    assert all(kind is Kind.MESSAGE for kind, _ in decoded)
    return [content for _, content in decoded]


@given(messages, st.booleans())
def test_what_version_3_encodes_it_decodes(content: list[str | bytes], base64: bool) -> None:
    body, binary = payload.encode(3, [packet.message(3, one, base64=base64) for one in content], base64=base64)
    assert binary == (not base64 and any(isinstance(one, bytes) for one in content))
    raw = payload.decode_binary(body, 8) if binary else payload.decode(3, body, 8)
    assert read(3, raw) == content


@given(st.lists(st.one_of(texts.filter(lambda text: "\x1e" not in text), st.binary()), min_size=1, max_size=8))
def test_what_version_4_encodes_it_decodes(content: list[str | bytes]) -> None:
    body, binary = payload.encode(4, [packet.message(4, one) for one in content])
    assert not binary
    assert read(4, payload.decode(4, body, 8)) == content


@given(st.text(st.characters()))
def test_halves_of_pairs_never_leave(text: str) -> None:
    sent = frame.payload(packet.message(4, text)).decode()  # what is not UTF-8 would raise
    assert len(sent) <= len(text) + 1
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert sent == "4" + whole


@given(st.binary(), st.sampled_from([3, 4]))
def test_any_body_is_read_or_malformed(body: bytes, version: int) -> None:
    for decode in (payload.decode_binary, lambda body, most: payload.decode(version, body, most)):
        try:
            for raw in decode(body, 10):
                packet.decode(version, raw)
        except Malformed:
            pass


@given(st.text(st.sampled_from("0123456789:4é😀b")), st.sampled_from([3, 4]))
def test_any_text_is_read_or_malformed(text: str, version: int) -> None:
    try:
        raw = payload.decode(version, text.encode(), 10)
    except Malformed:
        return
    assert sum(len(one) for one in raw) <= len(text)


def test_lengths_of_version_3_count_utf_16_units() -> None:
    body, _ = payload.encode(3, [packet.message(3, "hé 😀"), packet.message(3, "x")])
    assert body == "6:4hé 😀2:4x".encode()
    assert read(3, payload.decode(3, body, 2)) == ["hé 😀", "x"]


def test_the_binary_form_counts_bytes() -> None:
    body, binary = payload.encode(3, [packet.message(3, "é"), packet.message(3, b"\1\2" * 5)])
    assert binary
    assert body == b"\0\3\xff4\xc3\xa9" + b"\1\1\1\xff\4" + b"\1\2" * 5


def test_base64_counts_all_of_its_text() -> None:
    body, binary = payload.encode(3, [packet.message(3, b"\1\2\3\4", base64=True)], base64=True)
    assert (body, binary) == (b"10:b4AQIDBA==", False)
    # A frame that was prepared for a client that takes binary, for a script tag.
    assert payload.encode(3, [packet.message(3, b"\1\2\3\4")], base64=True) == (body, False)


def test_version_4_has_base64_without_a_digit() -> None:
    body, _ = payload.encode(4, [packet.message(4, "hello"), packet.message(4, b"\1\2\3\4")])
    assert body == b"4hello\x1ebAQIDBA=="


@pytest.mark.parametrize(
    "body", [b"", b"abc", b"3:4h", b":4a", b"-1:4", b"1 :4", b"1:4x", b"99999999999:4", "²:4a".encode()]
)
def test_version_3_refuses_wrong_lengths(body: bytes) -> None:
    with pytest.raises(Malformed):
        payload.decode(3, body, 10)


def test_version_3_refuses_a_length_that_cuts_a_character() -> None:
    with pytest.raises(Malformed):
        payload.decode(3, "2:4😀".encode(), 10)


def test_version_3_skips_the_empty_payload() -> None:
    assert payload.decode(3, b"0:", 10) == []


def test_a_colon_between_two_units_is_none() -> None:
    # U+3A00 and U+0000 hold the bytes of a colon, out of step.
    body = "3:4㨀😀"
    with pytest.raises(Malformed):
        payload.decode(3, body.encode(), 10)
    assert payload.decode(3, "4:4㨀😀".encode(), 10) == ["4㨀😀"]


@pytest.mark.parametrize(
    "body", [b"", b"\2\1\xff4", b"\0\xff", b"\0\1\xff", b"\0\1", b"\0\12\xff4", b"\0" * 30, b"\0\1\xff\xff"]
)
def test_the_binary_form_refuses_wrong_lengths(body: bytes) -> None:
    with pytest.raises(Malformed):
        payload.decode_binary(body, 10)


@pytest.mark.parametrize(
    ("version", "body"), [(3, b"1:6" * 11), (3, b"1:6" * 10 + "3:4😀".encode()), (4, b"6" + b"\x1e6" * 10)]
)
def test_there_is_a_most_of_packets(version: int, body: bytes) -> None:
    with pytest.raises(Malformed):
        payload.decode(version, body, 10)
    with pytest.raises(Malformed):
        payload.decode_binary(b"\0\1\xff6" * 11, 10)
    assert len(payload.decode(version, body, 11)) == 11


NO_PACKETS: list[tuple[int, str | bytes]] = [
    *((4, raw) for raw in ("", "abc", "7", "b####", "bAQ", "é", "b😀")),
    *((3, raw) for raw in ("", "b5AQ==", "bAQ==", "b4AQ", b"", b"\2x")),
]


@pytest.mark.parametrize(("version", "raw"), NO_PACKETS)
def test_what_is_no_packet_is_malformed(version: int, raw: str | bytes) -> None:
    with pytest.raises(Malformed):
        packet.decode(version, raw)


@given(texts)
@example('\u2028 \u2029 \n \r \\ " </script>')
def test_a_script_reads_back_what_is_called(text: str) -> None:
    body = payload.jsonp("7", text.encode()).decode()
    assert body.startswith('___eio[7]("')
    assert body.endswith('");')
    assert not re.search("[\n\r\u2028\u2029]", body)
    assert _unquote(body[len("___eio[7](") : -2]) == text


def _unquote(literal: str) -> str:
    return str(json.loads(literal))


@given(texts)
def test_a_form_gives_back_newlines_and_what_looks_like_them(text: str) -> None:
    # As engine.io-client escapes them: backslash-n becomes backslash-newline, then newline becomes backslash-n.
    escaped = text.replace("\\n", "\\\n").replace("\n", "\\n")
    assert payload.from_form(escaped) == text


def test_queries_have_a_most_of_fields_and_the_first_of_each_counts() -> None:
    assert parse_query(b"a=1&a=2&b=%C3%A9+%26&c&&=x&d=%ff") == {"a": "1", "b": "é &", "c": "", "d": "\ufffd"}
    assert parse_query(b"&".join([b"a=1"] * 101)) is None
    assert parse_query(b"") == {}
