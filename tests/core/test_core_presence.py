"""Presence: reference counts by user over all their connections."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from hubbub.core import presence as presence_module
from hubbub.core.origin import Origin
from hubbub.core.presence import MAX_REMEMBERED, REMEMBERED, Presence, Visit

NOW = datetime(2026, 3, 1, tzinfo=UTC)
IDS = count(1)


def enter(presence: Presence, room: int, user: int, session: int, **fields: Any) -> Visit:
    """Enter as somebody new; who is there already stays who they are."""
    return presence.enter(visit_of(room, user, **fields), session)


def visit_of(room: int, user: int, **fields: Any) -> Visit:
    made = {"id": next(IDS), "handle": f"user {user}", "color": "red", "sessions": set(), **fields}
    return Visit(room=room, user=user, entered=NOW, **made)


def test_a_user_is_in_a_room_as_long_as_one_connection_is() -> None:
    presence = Presence()
    visit = enter(presence, 1, 7, 70)
    assert (visit.room, visit.user, visit.entered, visit.sessions) == (1, 7, NOW, {70})
    assert enter(presence, 1, 7, 71) is visit
    assert enter(presence, 1, 7, 71) is visit
    assert visit.sessions == {70, 71}
    assert enter(presence, 1, 8, 80).id != visit.id
    other = presence.visit(1, 8)
    assert other
    assert presence.leave(1, 8, 80, NOW) is other
    assert presence.occupants(1) == 1
    assert not presence.leave(1, 7, 70, NOW)
    assert presence.leave(1, 7, 71, NOW)
    assert not presence.leave(1, 7, 71, NOW)
    assert presence.occupants(1) == 0
    assert enter(presence, 1, 7, 70) is not visit


def test_leaving_where_one_never_was() -> None:
    presence = Presence()
    enter(presence, 1, 7, 70)
    assert not presence.leave(2, 7, 70, NOW)
    assert not presence.leave(1, 8, 80, NOW)
    assert not presence.leave(1, 7, 71, NOW)
    assert not presence.ignore(1, 7, 70)
    assert not presence.part(1, 7)
    assert presence.occupants(1) == 1


def test_volatile_belonging_ends_with_the_last_connection_that_listens() -> None:
    presence = Presence()
    for session in (70, 71):
        presence.listen(1, 7, session)
    assert presence.join(1, 7)
    assert not presence.join(1, 7)
    assert not presence.ignore(1, 7, 70)
    assert 7 in presence.volatile[1]
    assert presence.ignore(1, 7, 71)
    assert presence.volatile == {}


def test_a_connection_knows_where_it_is() -> None:
    presence = Presence()
    presence.connect(7, 70)
    enter(presence, 1, 7, 70)
    enter(presence, 2, 7, 70)
    presence.listen(2, 7, 70)
    visited, heard = presence.places(70)
    assert (sorted(visited), heard) == ([1, 2], [2])
    assert presence.places(71) == ([], [])


def test_everything_settles_to_zero() -> None:
    presence = Presence()
    for user, session in ((7, 70), (7, 71), (8, 80)):
        presence.connect(user, session)
        enter(presence, 1, user, session)
        presence.listen(1, user, session)
        presence.join(1, user)
    assert presence.statistics() == {
        "sessions": 3,
        "visits": 3,
        "listening": 3,
        "volatile": 2,
        "rooms": 3,
        "places": 3,
    }
    assert presence.online(8)
    for user, session in ((7, 70), (8, 80), (7, 71)):
        presence.leave(1, user, session, NOW)
        presence.ignore(1, user, session)
        presence.disconnect(user, session)
        presence.disconnect(user, session)
    assert not presence.online(8)
    assert set(presence.statistics().values()) == {0}
    assert [visit.user for visit in presence.past_visits(NOW)] == [7, 8]


# Visits by their ids


def test_a_visit_is_found_by_its_id_until_it_ends() -> None:
    presence = Presence()
    visit = enter(presence, 1, 7, 70)
    assert presence.visit_by_id(visit.id) is presence.visit(1, 7) is visit
    assert presence.visit(2, 7) is presence.visit(1, 8) is presence.visit_by_id(0) is None
    changed = presence.update(visit, handle="Ada", broadcasting=True)
    assert (changed.id, changed.handle, changed.broadcasting) == (visit.id, "Ada", True)
    assert presence.visit_by_id(visit.id) is presence.visit(1, 7) is changed
    assert presence.leave(1, 7, 70, NOW) is changed
    assert presence.visit_by_id(visit.id) is presence.visit(1, 7) is None


def test_what_was_changed_stays_when_another_connection_enters_and_leaves() -> None:
    presence = Presence()
    changed = presence.update(enter(presence, 1, 7, 70), color="blue")
    assert enter(presence, 1, 7, 71) is changed
    assert changed.sessions == {70, 71}
    assert presence.leave(1, 7, 70, NOW) is None
    assert presence.visit(1, 7) is changed


def test_a_visit_knows_where_all_its_connections_came_from() -> None:
    here, there = Origin(address="192.0.2.1"), Origin(address="192.0.2.2", client="c")
    presence = Presence()
    visit = enter(presence, 1, 7, 70, origins=(here,))
    again = enter(presence, 1, 7, 71, origins=(there, here))
    assert (again.id, again.origins) == (visit.id, (here, there))
    assert presence.visit_by_id(visit.id) is presence.visit(1, 7) is again
    assert enter(presence, 1, 7, 72, origins=(there,)) is again
    assert enter(presence, 1, 7, 73) is again
    assert visit.sessions is again.sessions == {70, 71, 72, 73}


def test_who_left_is_remembered_for_a_day() -> None:
    presence = Presence()
    one, two = enter(presence, 1, 7, 70), enter(presence, 1, 8, 80)
    presence.leave(1, 7, 70, NOW)
    presence.leave(1, 8, 80, NOW + timedelta(hours=1))
    assert list(presence.past_visits(NOW + REMEMBERED)) == [two, one]
    assert list(presence.past_visits(NOW + REMEMBERED + timedelta(seconds=1))) == [two]
    assert list(presence.past_visits(NOW + timedelta(hours=26))) == []
    enter(presence, 1, 9, 90)
    presence.leave(1, 9, 90, NOW + timedelta(hours=26))
    assert len(presence._past) == 1, "what is forgotten is still there"


def test_only_so_many_who_left_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_REMEMBERED >= 1000
    monkeypatch.setattr(presence_module, "MAX_REMEMBERED", 2)
    presence = Presence()
    for user in (7, 8, 9):
        enter(presence, 1, user, user)
        presence.leave(1, user, user, NOW)
    assert [visit.user for visit in presence.past_visits(NOW)] == [9, 8]
