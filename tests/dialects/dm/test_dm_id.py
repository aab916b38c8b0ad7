"""Ids as clients of this dialect know them: times, in decimal."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.house import House

from hubbub.core.id import EPOCH, MAX_ID, IdGenerator
from hubbub.core.model import Message
from hubbub.core.welcome import WELCOME, Welcome, host_of
from hubbub.dialects.dm.id import is_greeting, parse, parse_user, render, render_message, render_user

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MILLISECONDS = str(int(NOON.timestamp() * 1000))


@given(st.integers(1, MAX_ID))
def test_every_id_comes_back(identity: int) -> None:
    text = render(identity)
    assert text.isascii() and text.isdecimal() and len(text) in (13, 17)
    assert parse(text) == parse(int(text)) == identity


@given(st.lists(st.integers(1, MAX_ID), min_size=2, unique=True))
def test_ids_are_told_apart_and_sort_as_they_were_made(ids: list[int]) -> None:
    assert len({render(one) for one in ids}) == len(ids)
    assert sorted(ids, key=render) == sorted(ids)


@given(st.text() | st.integers() | st.none() | st.floats() | st.lists(st.integers()))
def test_what_is_no_id_is_nobodys(value: Any) -> None:
    found = parse(value)
    assert found == 0 or render(found) == str(value)


@given(st.from_regex(r"[0-9]{13}([0-9]{4})?", fullmatch=True))
def test_an_id_is_written_in_one_way(text: str) -> None:
    found = parse(text)
    assert found == 0 or render(found) == text


def test_an_id_is_the_time_at_which_it_was_made() -> None:
    make = IdGenerator(lambda: NOON)
    assert render(make()) == MILLISECONDS
    assert [render(make()) for _ in range(2)] == [f"{MILLISECONDS}0001", f"{MILLISECONDS}0002"]


def test_servers_on_one_database_make_different_ids() -> None:
    assert len({render(IdGenerator(lambda: NOON, node)()) for node in range(16)}) == 16


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "0",
            "1",
            "1596546252413",
            "-1",
            " 1772366400000",
            "1772366400000 ",
            "17723664000000000",
            "1772366400000.0",
        ),
        *(
            "17723664000004096",
            "１７７２３６６４００００００",
            "9" * 13,
            "9" * 17,
            "9" * 18,
            True,
            1.5,
            None,
            [],
            10**17,
            -5,
        ),
    ],
)
def test_ids_that_nobody_has(text: Any) -> None:
    assert parse(text) == 0


def test_the_first_millisecond() -> None:
    first = int((EPOCH - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))
    assert parse(f"{first}") == 0, "no id is zero"
    assert parse(f"{first}0001") == 1
    assert parse(f"{first + 1}") == 4096


def test_the_one_who_welcomes_is_1_and_the_greeting_0(house: House) -> None:
    ada = house.person("Ada")
    assert parse_user(house.state, "1") == 0
    room = house.do(Welcome(name="House", greeting="Hi"), ada).result.room
    host = host_of_house(house)
    assert render_user(house.state, host) == "1"
    assert parse_user(house.state, "1") == parse_user(house.state, 1) == host
    assert parse_user(house.state, render(ada)) == ada
    (greeting,) = (message for message in house.cabinet.said() if message.kind == "text")
    assert render_message(house.state, greeting) == "0"
    other = Message(id=house.new_id(), world=1, room=room.id, sender=ada, at=house.now, extra=WELCOME)
    assert not is_greeting(house.state, other)
    assert render_message(house.state, other) == render(other.id)


def host_of_house(house: House) -> int:
    found = host_of(house)  # type: ignore[arg-type]  # all that it looks at is the state
    assert found
    return found.id
