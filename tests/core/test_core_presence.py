"""Presence: reference counts by user over all their connections."""

from datetime import UTC, datetime
from itertools import count

from hubbub.core.presence import Presence, Visit

NOW = datetime(2026, 3, 1, tzinfo=UTC)
IDS = count(1)


def enter(presence: Presence, room: int, user: int, session: int) -> Visit:
    return presence.enter(room, user, session, now=NOW, new_id=lambda: next(IDS))


def test_a_user_is_in_a_room_as_long_as_one_connection_is() -> None:
    presence = Presence()
    visit = enter(presence, 1, 7, 70)
    assert (visit.room, visit.user, visit.entered, visit.sessions) == (1, 7, NOW, {70})
    assert enter(presence, 1, 7, 71) is visit
    assert enter(presence, 1, 7, 71) is visit
    assert visit.sessions == {70, 71}
    assert enter(presence, 1, 8, 80).id != visit.id
    assert presence.leave(1, 8, 80)
    assert presence.occupants(1) == 1
    assert not presence.leave(1, 7, 70)
    assert presence.leave(1, 7, 71)
    assert not presence.leave(1, 7, 71)
    assert presence.occupants(1) == 0
    assert enter(presence, 1, 7, 70) is not visit


def test_leaving_where_one_never_was() -> None:
    presence = Presence()
    enter(presence, 1, 7, 70)
    assert not presence.leave(2, 7, 70)
    assert not presence.leave(1, 8, 80)
    assert not presence.leave(1, 7, 71)
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
        presence.leave(1, user, session)
        presence.ignore(1, user, session)
        presence.disconnect(user, session)
        presence.disconnect(user, session)
    assert not presence.online(8)
    assert set(presence.statistics().values()) == {0}
