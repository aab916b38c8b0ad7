"""Looking at a room from outside."""

from typing import Any

import pytest
from tests.core.house import House

from hubbub.core.error import Code
from hubbub.core.origin import Origin
from hubbub.core.visit import LookAtRoom, Sight

NEIGHBOUR = Origin(address="192.0.2.7")


@pytest.fixture
def ada(house: House) -> int:
    return house.person("Ada")


@pytest.fixture
def bob(house: House) -> int:
    """Who is in the lounge."""
    one = house.person("Bob")
    house.arrive(one, house.lounge)
    return one


def look(house: House, user: int, **how: Any) -> Sight:
    sight: Sight = house.do(LookAtRoom(room=house.lounge), user, **how).result
    assert sight.room == house.state.rooms[house.lounge]
    return sight


def test_who_is_there(house: House, ada: int, bob: int) -> None:
    house.arrive(house.person("Camera", shown=False), house.lounge)
    assert look(house, ada).visits == (house.visit_of(bob, house.lounge),)


def test_not_without_the_permission(house: House, ada: int, bob: int) -> None:
    house.change_room(house.lounge, trait_grants={"viewer": []})
    assert look(house, ada).visits is None
    house.change_room(house.lounge, trait_grants={})
    assert house.refusal(LookAtRoom(room=house.lounge), ada) == Code.ROOM_DENIED
    assert house.refusal(LookAtRoom(room=house.office), ada) == Code.ROOM_DENIED
    assert house.refusal(LookAtRoom(room=7), ada) == Code.ROOM_UNKNOWN


@pytest.mark.parametrize("gate", [{"locked": True}, {"closed": ""}, {"age_restricted": True}, {"accounts_only": True}])
def test_not_through_a_closed_gate(house: House, ada: int, bob: int, gate: dict[str, Any]) -> None:
    house.change_room(house.lounge, **gate)
    assert look(house, ada).visits is None
    assert look(house, bob).visits, "who is inside sees the others"
    assert look(house, house.owner()).visits


def test_not_past_a_ban(house: House, ada: int, bob: int) -> None:
    house.ban(house.person("Eve"), house.lounge, addresses=(NEIGHBOUR.address,))
    assert look(house, ada, origin=NEIGHBOUR).visits is None
    assert look(house, ada).visits
    assert look(house, house.owner(), origin=NEIGHBOUR).visits
    house.ban(ada, house.lounge)
    assert house.refusal(LookAtRoom(room=house.lounge), ada) == Code.ROOM_DENIED
