"""Ids as GroupMe's clients write and read them (protocols/groupme.md 2.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.core.id import MAX_ID
from hubbub.dialects.groupme.id import (
    parse,
    parse_event,
    parse_message,
    parse_pair,
    render,
    render_event,
    render_message,
    render_pair,
)

IDS = st.integers(1, MAX_ID)
ODD = st.none() | st.booleans() | st.floats() | st.text() | st.lists(st.integers()) | st.integers()


@given(IDS)
def test_an_id_goes_there_and_back(identity: int) -> None:
    assert parse(render(identity)) == parse(identity) == identity
    assert parse_event(render_event(identity)) == parse_event(render_event(identity).upper()) == identity
    assert len(render_event(identity)) == 32


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_ids_of_messages_sort_as_texts(one: int, other: int) -> None:
    assert (render_message(one) < render_message(other)) == (one < other)
    assert len(render_message(one)) == 18
    assert parse_message(render_message(one)) == one


@given(IDS, IDS)
def test_two_people_are_read_in_any_order_and_way(one: int, other: int) -> None:
    assert render_pair(one, other) == render_pair(other, one)
    for sign in "+_ ":
        assert set(parse_pair(f"{other}{sign}{one}")) == {one, other}


@given(ODD)
def test_whatever_comes_is_an_id_or_nothing(value: object) -> None:
    for read in (parse, parse_message, parse_event):
        assert read(value) >= 0
    assert parse_pair(value) == (0, 0) or all(isinstance(one, int) for one in parse_pair(value))


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "١", "0x1", str(MAX_ID + 1), "9" * 30, True, None])
def test_what_is_no_id(text: object) -> None:
    assert parse(text) == 0
    assert parse_message(text) == 0
    assert parse_event(text) == 0
