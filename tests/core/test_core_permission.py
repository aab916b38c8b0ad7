"""Permissions: 46 of Venueless, trait grants, silence, ranks (protocols/venueless.md 1.14)."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.house import WORLD, House

from hubbub.core import permission
from hubbub.core.event import RoomUpdated, UserBanned
from hubbub.core.model import Ban
from hubbub.core.permission import applies

TRAITS = ("red", "green", "blue")
traits = st.sampled_from(TRAITS)
needs = traits | st.lists(traits, max_size=3) | st.none() | st.integers()
requirements = st.lists(needs, max_size=3) | st.none() | st.text() | st.booleans() | st.dictionaries(traits, traits)


def oracle(grant: Any, held: frozenset[str], person: bool) -> bool:
    """Section 1.14, put the other way round: look for what is missing."""
    if type(grant) is not list:
        return False
    if len(grant) == 0:
        return person
    missing = 0
    for need in grant:
        alternatives = need if type(need) is list else [need]
        if not held.intersection(one for one in alternatives if type(one) is str):
            missing += 1
    return missing == 0


@given(requirements, st.frozensets(traits), st.booleans())
def test_a_trait_grant_gives_its_role_when_all_holds(grant: Any, held: frozenset[str], person: bool) -> None:
    assert applies(grant, held, person=person) is oracle(grant, held, person)


@given(st.lists(traits | st.lists(traits, max_size=3), min_size=1, max_size=3), st.frozensets(traits))
def test_who_has_more_traits_has_no_less(grant: Any, held: frozenset[str]) -> None:
    assert applies(grant, held, person=True) <= applies(grant, frozenset(TRAITS), person=True) or [] in grant


@pytest.mark.parametrize(
    ("grant", "held", "gives"),
    [
        ([], "", True),
        (["red"], "red", True),
        (["red", "blue"], "red", False),
        (["red", "blue"], "red blue", True),
        ([["red", "blue"]], "blue", True),
        ([["red", "blue"], "green"], "blue", False),
        ([["red", "blue"], "green"], "blue green", True),
        ([[]], "red", False),
        ("red", "red", False),
        (None, "red", False),
        ({"red": True}, "red", False),
    ],
)
def test_examples_of_trait_grants(grant: Any, held: str, gives: bool) -> None:
    assert applies(grant, frozenset(held.split()), person=True) is gives


def test_an_empty_requirement_is_for_persons_only() -> None:
    assert not applies([], frozenset({"red"}), person=False)
    assert applies(["red"], frozenset({"red"}), person=False)


def test_the_strings_of_venueless() -> None:
    assert len(permission.VENUELESS) == 46 == len(set(permission.VENUELESS))
    assert all(name.startswith(("world:", "room:")) for name in permission.ALL)
    assert not set(permission.VENUELESS) & set(permission.OURS)


def test_every_role_that_is_built_in_names_permissions_that_there_are() -> None:
    for roles in (permission.SYSTEM_ROLES, permission.DEFAULT_ROLES):
        for names in roles.values():
            assert set(names) <= permission.ALL
    assert set(permission.DEFAULT_TRAIT_GRANTS) <= set(permission.DEFAULT_ROLES)


def test_a_built_in_role_stands_until_the_world_defines_it() -> None:
    assert "world:view" in permission.permissions_of("__anonymous_world", {})
    assert list(permission.permissions_of("__anonymous_world", {"__anonymous_world": ["room:view"]})) == ["room:view"]
    assert list(permission.permissions_of("no such role", {})) == []


# In a world


def test_roles_of_the_world_and_of_the_room_add_up(house: House) -> None:
    ada = house.person("Ada")
    assert house.permissions(ada) == {"world:view", "world:chat.direct"}
    assert house.permissions(ada, house.lounge) >= {"world:view", "room:view", "room:chat.send"}
    assert "room:view" not in house.permissions(ada, house.office)
    assert "room:view" in house.permissions(house.person("Eve", "staff"), house.office)
    assert "room:chat.moderate" in house.permissions(house.person("Mo", "moderator"), house.office)


@pytest.mark.parametrize("kind", ["anon", "kiosk", "bot", "system"])
def test_only_persons_get_what_everybody_gets(house: House, kind: str) -> None:
    assert house.permissions(house.person("It", kind=kind)) == frozenset()


def test_a_grant_by_name_needs_no_traits(house: House) -> None:
    ada = house.person("Ada")
    house.grant(ada, "moderator", house.lounge)
    assert "room:chat.moderate" in house.permissions(ada, house.lounge)
    assert "room:chat.moderate" not in house.permissions(ada, house.stage)
    assert "room:chat.moderate" not in house.permissions(ada)


def test_a_kiosk_and_a_guest_have_the_built_in_roles(house: House) -> None:
    guest = house.person(kind="anon")
    house.grant(guest, "__anonymous_world")
    house.grant(guest, "__anonymous_room", house.lounge)
    assert house.permissions(guest) == {"world:view"}
    assert house.permissions(guest, house.lounge) == {
        "world:view",
        "room:view",
        "room:question.read",
        "room:question.ask",
        "room:question.vote",
        "room:poll.read",
        "room:poll.vote",
    }
    assert "room:view" not in house.permissions(guest, house.stage)


@pytest.mark.parametrize("held", [("admin",), ("moderator",), ()])
def test_a_silenced_user_looks_and_reads_and_nothing_else(house: House, held: tuple[str, ...]) -> None:
    loud = house.person("Loud", *held)
    before = house.permissions(loud, house.lounge)
    ban(house, loud, kind="silence")
    assert house.permissions(loud, house.lounge) == before & {
        "world:view",
        "room:view",
        "room:chat.read",
        "room:chat.join",
    }


def test_the_banned_and_the_deleted_may_nothing(house: House) -> None:
    admin = house.person("Admin", "admin")
    ban(house, admin)
    assert house.permissions(admin, house.lounge) == frozenset()
    assert house.permissions(house.person("Gone", "admin", deleted=True)) == frozenset()


def test_a_ban_ends_when_its_time_is_over(house: House) -> None:
    ada = house.person("Ada")
    ban(house, ada, until=house.now + timedelta(hours=1))
    ban(house, ada, kind="silence", until=house.now + timedelta(hours=2))
    assert house.state.moderation(ada, house.now) == "banned"
    house.advance(timedelta(hours=1))
    assert house.state.moderation(ada, house.now) == "silenced"
    house.advance(timedelta(hours=1))
    assert house.state.moderation(ada, house.now) == ""
    assert "room:chat.send" in house.permissions(ada, house.lounge)


def test_a_ban_from_one_room_is_of_that_room(house: House) -> None:
    ada = house.person("Ada")
    ban(house, ada, room=house.lounge)
    assert house.permissions(ada, house.lounge) == frozenset()
    assert "room:view" in house.permissions(ada, house.stage)


def test_what_a_room_grants_now_counts_at_once(house: House) -> None:
    ada = house.person("Ada")
    assert "room:view" in house.permissions(ada, house.lounge)
    closed = msgspec.structs.replace(house.state.rooms[house.lounge], trait_grants={"viewer": ["staff"]})
    house.happen(RoomUpdated(world=WORLD, room=house.lounge, config=closed))
    assert "room:view" not in house.permissions(ada, house.lounge)


# Ranks


def test_ranks(house: House) -> None:
    people = [
        house.person("Ada"),
        house.person("Mo", "moderator"),
        house.person("Wanda", "warden"),
        house.person("Admin", "admin"),
        house.owner(),
    ]
    assert [house.state.rank(house.user(one), house.now) for one in people] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("kind", ["silence", "ban"])
def test_being_silenced_or_banned_is_no_demotion(house: House, kind: Any) -> None:
    """Else whoever stands lower could act on an admin whom an owner has silenced."""
    admin = house.person("Admin", "admin")
    ban(house, admin, kind=kind)
    assert house.state.rank(house.user(admin), house.now) == 3


def test_the_owner_of_a_room_is_no_owner_of_the_world(house: House) -> None:
    ada = house.person("Ada")
    house.grant(ada, "owner", house.lounge)
    assert house.state.rank(house.user(ada), house.now) == 0


def ban(house: House, user: int, **fields: Any) -> None:
    made = Ban(id=house.new_id(), world=WORLD, user=user, at=house.now, **fields)
    house.happen(UserBanned(world=WORLD, ban=made))
