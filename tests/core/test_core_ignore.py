"""Ignoring somebody for a while (protocols/jumpin.md 1.2)."""

from datetime import timedelta

import pytest
from tests.core.house import House

from hubbub.core import ignore as ignore_module
from hubbub.core.error import Code
from hubbub.core.event import IgnoreBegun, IgnoreEnded
from hubbub.core.ignore import LIFE, MAX_IGNORED, IgnoreVisitor, ListIgnored, StopIgnoring
from hubbub.core.user import BanUser, SilenceUser


@pytest.fixture
def ada(house: House) -> int:
    made = house.person("Ada")
    house.arrive(made, house.lounge)
    return made


@pytest.fixture
def bob(house: House) -> int:
    made = house.person("Bob")
    house.arrive(made, house.lounge)
    return made


def ignoring(house: House, user: int) -> IgnoreVisitor:
    return IgnoreVisitor(room=house.lounge, visit=house.visit_of(user, house.lounge).id)


def test_somebody_is_ignored_for_a_day(house: House, ada: int, bob: int) -> None:
    outcome = house.do(ignoring(house, bob), ada)
    ignore = outcome.one(IgnoreBegun).ignore
    assert outcome.result == ignore
    assert (ignore.user, ignore.target, ignore.handle) == (ada, bob, "Bob")
    assert (ignore.at, ignore.until) == (house.now, house.now + LIFE)
    assert house.do(ListIgnored(), ada).result == [ignore]
    assert house.do(ListIgnored(), bob).result == []
    assert house.reloaded().ignores[ada] == {ignore.id: ignore}
    house.advance(LIFE - timedelta(seconds=1))
    assert house.do(ListIgnored(), ada).result == [ignore]
    house.advance(timedelta(seconds=1))
    assert house.do(ListIgnored(), ada).result == []


def test_ignoring_twice_is_ignoring_once(house: House, ada: int, bob: int) -> None:
    first = house.do(ignoring(house, bob), ada).result
    house.advance(timedelta(hours=1))
    again = house.do(ignoring(house, bob), ada)
    assert (again.result, again.events) == (first, [])
    house.advance(LIFE)
    fresh = house.do(ignoring(house, bob), ada).result
    assert fresh.id != first.id
    assert house.do(ListIgnored(), ada).result == [fresh]


def test_it_is_the_person_who_is_ignored_not_the_visit(house: House, ada: int, bob: int) -> None:
    first = house.do(ignoring(house, bob), ada).result
    house.log_out(bob, next(iter(house.visit_of(bob, house.lounge).sessions)))
    house.arrive(bob, house.lounge)
    assert house.do(ignoring(house, bob), ada).result == first


def test_they_are_read_again(house: House, ada: int, bob: int) -> None:
    ignore = house.do(ignoring(house, bob), ada).result
    outcome = house.do(StopIgnoring(ignore=ignore.id), ada)
    assert outcome.result == outcome.one(IgnoreEnded).ignore == ignore
    assert house.do(ListIgnored(), ada).result == []
    assert house.refusal(StopIgnoring(ignore=ignore.id), ada) == Code.IGNORE_UNKNOWN


def test_what_others_ignore_is_theirs(house: House, ada: int, bob: int) -> None:
    ignore = house.do(ignoring(house, bob), ada).result
    assert house.refusal(StopIgnoring(ignore=ignore.id), bob) == Code.IGNORE_UNKNOWN
    assert house.refusal(StopIgnoring(ignore=12345), ada) == Code.IGNORE_UNKNOWN


def test_whom_one_cannot_ignore(house: House, ada: int, bob: int) -> None:
    assert house.refusal(ignoring(house, ada), ada) == Code.SELF_ACTION
    assert house.refusal(IgnoreVisitor(room=house.lounge, visit=12345), ada) == Code.VISIT_UNKNOWN
    meant = house.visit_of(bob, house.lounge).id
    assert house.refusal(IgnoreVisitor(room=house.stage, visit=meant), ada) == Code.VISIT_UNKNOWN
    assert house.refusal(IgnoreVisitor(room=house.office, visit=meant), ada) == Code.ROOM_DENIED
    hidden = house.person("Hidden", shown=False)
    house.arrive(hidden, house.lounge)
    assert house.refusal(ignoring(house, hidden), ada) == Code.VISIT_UNKNOWN


def test_only_so_many(house: House, ada: int, bob: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_IGNORED >= 50
    monkeypatch.setattr(ignore_module, "MAX_IGNORED", 1)
    cy = house.person("Cy")
    house.arrive(cy, house.lounge)
    house.do(ignoring(house, bob), ada)
    assert house.refusal(ignoring(house, cy), ada) == Code.TOO_MANY
    house.do(ignoring(house, bob), ada)
    house.advance(LIFE)
    house.do(ignoring(house, cy), ada)


def test_the_silenced_ignore_and_the_banned_do_nothing(house: House, ada: int, bob: int) -> None:
    owner = house.owner()
    house.do(SilenceUser(user=ada), owner)
    ignore = house.do(ignoring(house, bob), ada).result
    house.do(BanUser(user=ada), owner)
    for command in (ListIgnored(), StopIgnoring(ignore=ignore.id)):
        assert house.refusal(command, ada) == Code.WORLD_DENIED
    assert house.refusal(ListIgnored()) == Code.UNAUTHENTICATED
