"""The words of Bayeux: what is read, what is refused, what is written."""

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.wire import frame
from hubbub.wire.bayeux import message
from hubbub.wire.bayeux.message import Malformed
from hubbub.wire.json import MOST_DEPTH

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)
ids = st.none() | st.text(max_size=20) | st.integers(-(2**53), 2**53)
fields = st.dictionaries(st.text(min_size=1, max_size=10), values, max_size=4)


def decode(text: str, most: int = 100) -> list[message.Message]:
    return message.decode(text, most)


class TestReading:
    @given(st.lists(st.tuples(st.text(max_size=10), st.text(max_size=10), ids, fields), max_size=4))
    def test_what_was_written_is_read(self, wanted: list[tuple[str, str, Any, dict[str, Any]]]) -> None:
        objects = [{**more, "channel": channel, "clientId": client, "id": id_} for channel, client, id_, more in wanted]
        read = decode(json.dumps(objects))
        assert [(one.channel, one.client, one.id) for one in read] == [one[:3] for one in wanted]
        assert [one.fields for one in read] == objects

    def test_single_message(self) -> None:
        [one] = decode('{"channel": "/foo", "clientId": "x", "id": 7, "ext": {"a": 1}}')
        assert (one.channel, one.client, one.id, one.ext) == ("/foo", "x", 7, {"a": 1})

    def test_nothing(self) -> None:
        assert decode("[]") == []

    @pytest.mark.parametrize("field", ["channel", "clientId"])
    @pytest.mark.parametrize("value", [None, 1, True, [], {}])
    def test_what_is_no_text_is_not_there(self, field: str, value: Any) -> None:
        [one] = decode(json.dumps([{"channel": "/a", "clientId": "b", field: value}]))
        assert (one.channel if field == "channel" else one.client) == ""

    @pytest.mark.parametrize(
        "text",
        [
            *("", " ", "x", "1", "null", '"/meta/handshake"', "[1]", "[[]]", "[null]", '["a"]', "{", "[{}", "[{}]]"),
            *('[{"data": NaN}]', '[{"data": Infinity}]', '[{"data": 1e400}]', '[{"data": "\x01"}]', "[{'a': 1}]"),
            *('[{"id": true}]', '[{"id": []}]', '[{"id": {}}]', '[{"id": "' + "x" * 129 + '"}]'),
            '[{"id": 1' + "0" * 200 + "}]",
            '[{"data": 1' + "0" * 5000 + "}]",
            "[" * 100_000,
            '[{"data": ' + "[" * 100_000 + "]" * 100_000 + "}]",
        ],
    )
    def test_refuses(self, text: str) -> None:
        with pytest.raises(Malformed):
            decode(text)

    def test_what_it_says_has_nothing_of_the_content(self) -> None:
        with pytest.raises(Malformed) as caught:
            decode('[{"token": "secret", x}]')
        assert "secret" not in str(caught.value)

    def test_depth(self) -> None:
        def nested(levels: int) -> str:  # the list and the message are two
            return '[{"data": ' + "[" * (levels - 2) + "]" * (levels - 2) + "}]"

        assert decode(nested(MOST_DEPTH))
        with pytest.raises(Malformed):
            decode(nested(MOST_DEPTH + 1))

    def test_many_brackets_side_by_side_are_not_deep(self) -> None:
        assert decode(json.dumps([{"data": [[]] * 1000}]))

    def test_count(self) -> None:
        assert len(decode(json.dumps([{}] * 5), 5)) == 5
        with pytest.raises(Malformed):
            decode(json.dumps([{}] * 6), 5)

    @given(st.text(alphabet=st.sampled_from(["\ud83d", "\ude00", "\\", "u", '"', "a", "😀"]), max_size=12))
    def test_halves_of_pairs_are_mended(self, text: str) -> None:
        [one] = decode(json.dumps([{"data": text, "id": text}]))
        mended = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        assert one.fields["data"] == mended
        assert one.id == mended
        assert json.loads(message.bare(message.data_frame("/a", one.fields["data"])).decode())["data"] == mended

    @given(st.text(max_size=60))
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        with contextlib.suppress(Malformed):
            decode(text)


class TestWriting:
    @given(st.text(max_size=10), values, ids)
    def test_data_frame(self, channel: str, data: Any, id_: Any) -> None:
        prepared = message.data_frame(channel, data, id_)
        assert frame.opcode(prepared) == frame.TEXT
        wanted = {"channel": channel, "data": data} | ({} if id_ is None else {"id": id_})
        assert json.loads(frame.payload(prepared)) == [wanted]
        assert json.loads(message.bare(prepared)) == wanted

    @given(st.lists(values, max_size=5))
    def test_frames_become_one_body(self, data: list[Any]) -> None:
        body = message.join([message.bare(message.data_frame("/a", one)) for one in data])
        assert [one["data"] for one in json.loads(body)] == data

    def test_what_nobody_could_read(self) -> None:
        prepared = message.data_frame("/a\ud800", {"\udc00": ["\ud83d", float("nan")]})
        assert json.loads(frame.payload(prepared)) == [{"channel": "/a\ufffd", "data": {"\ufffd": ["\ufffd", None]}}]

    def test_what_is_no_json(self) -> None:
        with pytest.raises(TypeError):
            message.data_frame("/a", object())

    @pytest.mark.parametrize("raw", ["1", "-7", "1.5", '"1"', '"a b"', '""', "9007199254740993"])
    def test_ids_go_back_as_they_came(self, raw: str) -> None:
        [one] = decode(f'[{{"channel": "/a", "id": {raw}}}]')
        assert f'"id":{raw},'.encode() in message.reply(one)

    def test_no_id(self) -> None:
        [one] = decode('[{"channel": "/a"}]')
        assert msgspec.json.decode(message.reply(one)) == {"channel": "/a", "successful": True}

    def test_refusal(self) -> None:
        [one] = decode('[{"channel": "/a", "id": 1}]')
        assert msgspec.json.decode(message.reply(one, "403:/a:No", advice={})) == {
            "channel": "/a",
            "id": 1,
            "successful": False,
            "error": "403:/a:No",
            "advice": {},
        }

    def test_errors(self) -> None:
        assert message.error(401, "Unknown client", "abc") == "401:abc:Unknown client"
        assert message.error(500, "Internal") == "500::Internal"
        assert message.error(403, "No", "a", "b") == "403:a,b:No"
        assert len(message.error(403, "No", "x" * 1000)) < 100


class TestChannels:
    @pytest.mark.parametrize("name", ["/a", "/user/1", "/group/123", "/a/b/c", "/direct_message/1_2", "/A-_!~()$@9/z"])
    def test_channels(self, name: str) -> None:
        assert message.is_channel(name)
        assert not message.is_pattern(name)

    @pytest.mark.parametrize("name", ["/*", "/**", "/a/*", "/a/b/**"])
    def test_patterns(self, name: str) -> None:
        assert message.is_pattern(name)
        assert not message.is_channel(name)

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "/",
            "a",
            "a/b",
            "/a/",
            "//a",
            "/a//b",
            "/a b",
            "/a\n",
            "/ä",
            "/a.b",
            "/a/***",
            "/*/a",
            "/**/a",
            "/a*",
            "*",
        ],
    )
    def test_neither(self, name: str) -> None:
        assert not message.is_channel(name)
        assert not message.is_pattern(name)
