"""Reactions: debounced by user, summed by room (protocols/venueless.md 1.6)."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.core.house import House

from hubbub.core.error import Code
from hubbub.core.reaction import ALLOWED, Reactions
from hubbub.core.room import DeleteRoom, EnterRoom, ReactInRoom

NOW = datetime(2024, 6, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
CLAP, HEART, UP, LAUGH, OH = ALLOWED


def test_the_five_of_the_document() -> None:
    assert [[f"{ord(sign):X}" for sign in one] for one in ALLOWED] == [
        ["1F44F"],
        ["2764", "FE0F"],
        ["1F44D"],
        ["1F923"],
        ["1F62E"],
    ]


def test_one_of_each_in_two_seconds() -> None:
    reactions = Reactions()
    assert reactions.add(1, 7, CLAP, NOW)
    assert not reactions.add(1, 7, CLAP, NOW + 2 * SECOND - timedelta(microseconds=1))
    assert reactions.add(1, 7, OH, NOW)
    assert reactions.add(1, 8, CLAP, NOW)
    assert reactions.add(2, 7, CLAP, NOW)
    assert reactions.add(1, 7, CLAP, NOW + 2 * SECOND)


def test_what_is_not_counted_does_not_begin_the_wait_anew() -> None:
    reactions = Reactions()
    reactions.add(1, 7, CLAP, NOW)
    reactions.add(1, 7, CLAP, NOW + 1.5 * SECOND)
    assert reactions.add(1, 7, CLAP, NOW + 2 * SECOND)


def test_the_first_reaction_begins_a_second_and_all_in_it_are_one_sum() -> None:
    reactions = Reactions()
    assert reactions.next_due() is None
    reactions.add(1, 7, CLAP, NOW)
    reactions.add(1, 8, CLAP, NOW + 0.9 * SECOND)
    reactions.add(1, 8, OH, NOW + 0.9 * SECOND)
    reactions.add(2, 8, OH, NOW + 0.5 * SECOND)
    assert reactions.next_due() == NOW + SECOND
    assert reactions.take_due(NOW + 0.99 * SECOND) == []
    assert reactions.take_due(NOW + SECOND) == [(1, {CLAP: 2, OH: 1})]
    assert reactions.next_due() == NOW + 1.5 * SECOND
    assert reactions.take_due(NOW + 9 * SECOND) == [(2, {OH: 1})]
    assert reactions.take_due(NOW + 9 * SECOND) == []
    assert set(reactions.statistics().values()) == {0}


def test_who_is_debounced_stays_so_over_the_end_of_a_sum() -> None:
    reactions = Reactions()
    reactions.add(1, 7, CLAP, NOW)
    reactions.take_due(NOW + SECOND)
    assert not reactions.add(1, 7, CLAP, NOW + 1.9 * SECOND)
    assert reactions.next_due() is None


def test_a_room_that_is_gone_is_told_nothing() -> None:
    reactions = Reactions()
    reactions.add(1, 7, CLAP, NOW)
    reactions.forget(1)
    assert reactions.take_due(NOW + SECOND) == []


# As a command


def test_reacting_needs_no_visit_and_shows_no_event(house: House) -> None:
    ada = house.person("Ada")
    for _ in range(2):  # the second is accepted and dropped
        outcome = house.do(ReactInRoom(room=house.stage, reaction=CLAP), ada)
        assert (outcome.result, outcome.events) == (None, [])
    assert house.state.reactions.take_due(house.now + SECOND) == [(house.stage, {CLAP: 1})]


def test_the_tabs_of_a_user_share_the_wait(house: House) -> None:
    ada = house.person("Ada")
    tabs = [house.connect(ada), house.connect(ada)]
    for tab in tabs:
        house.do(EnterRoom(room=house.stage), ada, session=tab)
        house.do(ReactInRoom(room=house.stage, reaction=HEART), ada, session=tab)
    assert house.state.reactions.take_due(house.now + SECOND) == [(house.stage, {HEART: 1})]


@pytest.mark.parametrize("reaction", ["", "\N{HEAVY BLACK HEART}", "\N{GRINNING FACE}", CLAP * 2, CLAP + " ", "clap"])
def test_any_other_is_unknown(house: House, reaction: str) -> None:
    ada = house.person("Ada")
    assert house.refusal(ReactInRoom(room=house.stage, reaction=reaction), ada) == Code.REACTION_UNKNOWN


def test_who_may_not_see_the_room_may_not_applaud_in_it(house: House) -> None:
    ada = house.person("Ada")
    assert house.refusal(ReactInRoom(room=house.office, reaction=CLAP), ada) == Code.ROOM_DENIED
    assert house.state.reactions.next_due() is None


def test_a_deleted_room_s_reactions_are_dropped(house: House) -> None:
    house.do(ReactInRoom(room=house.stage, reaction=CLAP), house.person("Ada"))
    house.do(DeleteRoom(room=house.stage), house.person("Admin", "admin"))
    assert house.state.reactions.take_due(house.now + SECOND) == []
