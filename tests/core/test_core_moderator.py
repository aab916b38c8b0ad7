"""Who says who moderates a room."""

import pytest
from tests.core.house import House

from hubbub.core import moderator as module
from hubbub.core.error import Code
from hubbub.core.event import GrantGiven, GrantTaken
from hubbub.core.moderator import ROLE, AppointModerator, DismissModerator, ListModerators


@pytest.fixture
def olga(house: House) -> int:
    """Who owns the lounge."""
    one = house.person("Olga")
    house.grant(one, "room_owner", house.lounge)
    return one


@pytest.fixture
def ada(house: House) -> int:
    return house.person("Ada")


def moderators(house: House, user: int) -> list[int]:
    return [one.id for one in house.do(ListModerators(room=house.lounge), user).result]


def test_an_owner_appoints_and_dismisses(house: House, olga: int, ada: int) -> None:
    outcome = house.do(AppointModerator(room=house.lounge, user=ada), olga)
    assert (outcome.one(GrantGiven).grant.user, outcome.one(GrantGiven).room) == (ada, house.lounge)
    assert "room:kick" in house.permissions(ada, house.lounge)
    assert "room:kick" not in house.permissions(ada, house.stage) | house.permissions(ada)
    assert moderators(house, olga) == moderators(house, ada) == [ada]
    assert house.do(AppointModerator(room=house.lounge, user=ada), olga).events == []
    outcome = house.do(DismissModerator(room=house.lounge, user=ada), olga)
    assert outcome.one(GrantTaken).grant.role == ROLE
    assert house.do(DismissModerator(room=house.lounge, user=ada), olga).events == []
    assert moderators(house, olga) == []


def test_only_who_runs_the_room(house: House, olga: int, ada: int) -> None:
    house.grant(ada, ROLE, house.lounge)
    bob = house.person("Bob")
    for who in (ada, bob):
        assert house.refusal(AppointModerator(room=house.lounge, user=bob), who) == Code.ROOM_DENIED
        assert house.refusal(DismissModerator(room=house.lounge, user=ada), who) == Code.ROOM_DENIED
    assert house.refusal(AppointModerator(room=house.stage, user=bob), olga) == Code.ROOM_DENIED
    assert house.refusal(ListModerators(room=house.lounge), bob) == Code.ROOM_DENIED
    house.do(AppointModerator(room=house.lounge, user=bob), house.person("Root", "admin"))
    house.do(AppointModerator(room=house.stage, user=bob), operator=True)


def test_nobody_makes_an_equal(house: House, olga: int, ada: int) -> None:
    house.state.world.roles[ROLE] = ["room:chat.moderate", "room:delete"]
    assert house.refusal(AppointModerator(room=house.lounge, user=ada), olga) == Code.ROOM_DENIED
    house.do(AppointModerator(room=house.lounge, user=ada), house.person("Root", "admin"))
    assert house.refusal(DismissModerator(room=house.lounge, user=ada), olga) == Code.RANK_DENIED


def test_who_can_be_one(house: House, olga: int, ada: int, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = house.person("Screen", kind="kiosk")
    assert house.refusal(AppointModerator(room=house.lounge, user=screen), olga) == Code.INVALID
    assert house.refusal(AppointModerator(room=house.lounge, user=123), olga) == Code.USER_UNKNOWN
    assert house.refusal(AppointModerator(room=123, user=ada), olga) == Code.ROOM_UNKNOWN
    monkeypatch.setattr(module, "MAX_MODERATORS", 1)
    house.do(AppointModerator(room=house.lounge, user=ada), olga)
    assert house.refusal(AppointModerator(room=house.lounge, user=house.person("Bob")), olga) == Code.TOO_MANY
    assert house.do(AppointModerator(room=house.lounge, user=ada), olga).events == []


def test_a_world_without_the_role(house: House, olga: int, ada: int) -> None:
    del house.state.world.roles[ROLE]
    assert house.refusal(AppointModerator(room=house.lounge, user=ada), olga) == Code.CONFIG_INVALID


def test_who_is_deleted_is_not_listed(house: House, olga: int, ada: int) -> None:
    house.do(AppointModerator(room=house.lounge, user=ada), olga)
    house.change_user(ada, deleted=True)
    assert moderators(house, olga) == []
