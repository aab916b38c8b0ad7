"""Feeds: what a token shows, to whom it is given, and when it ends."""

from datetime import timedelta

import pytest
from msgspec.structs import replace
from tests.core.house import SECRET, WORLD, House

from hubbub.core.error import Code
from hubbub.core.event import MemberUpdated, WorldUpdated
from hubbub.core.feed import PAST, Feed, GetFeed, ReadFeed
from hubbub.core.gathering import CreateGathering, When
from hubbub.core.group import CreateGroup, GroupSettings
from hubbub.core.joining import AddMembers, LeaveGroup, NewMember, RejoinGroup
from hubbub.core.room import DeleteRoom
from hubbub.core.user import BanUser, DeleteUser, SilenceUser

HOUR = timedelta(hours=1)


class Club:
    """A group of Ada, who owns it, and Bob; Dan is outside."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.ada, self.bob, self.dan = (house.person(name) for name in ("Ada", "Bob", "Dan"))
        house.grant(self.ada, "member")
        self.room = self.group("Club")

    def group(self, name: str) -> int:
        room: int = self.house.do(CreateGroup(settings=GroupSettings(name=name)), self.ada).result.id
        self.house.do(AddMembers(room=room, members=(NewMember(user=self.bob),)), self.ada)
        return room

    def make(self, delay: timedelta) -> int:
        when = When(start=self.house.now + delay - HOUR, end=self.house.now + delay)
        found: int = self.house.do(
            CreateGathering(room=self.room, name="Picnic", when=when), self.ada
        ).result.gathering.id
        return found

    def token(self, user: int, room: int = 0) -> str:
        found: str = self.house.do(GetFeed(room=room or self.room), user).result
        return found

    def read(self, token: str, room: int = 0) -> Feed:
        found: Feed = self.house.do(ReadFeed(room=room or self.room, token=token)).result
        return found

    def refuses(self, token: str, room: int = 0) -> bool:
        return self.house.refusal(ReadFeed(room=room or self.room, token=token)) == Code.ROOM_UNKNOWN


@pytest.fixture
def club(house: House) -> Club:
    return Club(house)


def test_a_token_shows_what_is_not_long_over(club: Club) -> None:
    club.make(-PAST - HOUR)
    expected = [club.make(-PAST), club.make(HOUR)]
    feed = club.read(club.token(club.bob))
    assert (feed.room.id, [one.id for one in feed.gatherings]) == (club.room, expected)


def test_a_token_stays_the_same_and_each_has_their_own(club: Club) -> None:
    other = club.group("Other")
    tokens = [club.token(club.ada), club.token(club.bob), club.token(club.bob, other)]
    assert len(set(tokens)) == 3
    assert [club.token(club.ada), club.token(club.bob), club.token(club.bob, other)] == tokens
    assert club.refuses(tokens[1], other)
    assert club.refuses(tokens[2])


def test_others_have_none(club: Club) -> None:
    assert club.house.refusal(GetFeed(room=club.room), club.dan) == Code.ROOM_DENIED
    assert club.house.refusal(GetFeed(room=club.house.lounge), club.dan) == Code.USER_UNKNOWN
    assert club.house.refusal(GetFeed(room=club.room)) == Code.UNAUTHENTICATED


def test_what_is_no_token_shows_nothing(club: Club) -> None:
    token = club.token(club.bob)
    forged = [
        "",
        token[:-1],
        f"{token}0",
        token[:-1] + ("1" if token[-1] == "0" else "0"),
        f"{club.ada:014x}{token[14:]}",
    ]
    forged += [
        f"{club.dan:014x}{token[14:]}",
        "0" * len(token),
        "f" * len(token),
        "\u0661" * len(token),
        "\ud800",
        "\0",
    ]
    for one in forged:
        assert club.refuses(one), one
    for room in (1, 2**60):
        assert club.refuses(token, room)
    assert club.read(token)


def test_it_ends_with_the_membership(club: Club) -> None:
    token = club.token(club.bob)
    club.house.do(LeaveGroup(room=club.room), club.bob)
    assert club.refuses(token)
    club.house.do(RejoinGroup(room=club.room), club.bob)
    assert club.refuses(token)
    assert club.read(club.token(club.bob))


@pytest.mark.parametrize("command", [BanUser, DeleteUser])
def test_it_ends_for_who_is_sent_away(club: Club, command: type[BanUser]) -> None:
    token = club.token(club.bob)
    club.house.do(command(user=club.bob), operator=True)
    assert club.refuses(token)


def test_who_is_silenced_may_read_on(club: Club) -> None:
    token = club.token(club.bob)
    club.house.do(SilenceUser(user=club.bob), operator=True)
    assert club.read(token)


@pytest.mark.parametrize("permission", ["world:view", "room:chat.read"])
def test_it_ends_for_who_may_not_see_it_any_more(club: Club, permission: str) -> None:
    house, token = club.house, club.token(club.bob)
    before = house.state.world.roles
    roles = {role: [name for name in names if name != permission] for role, names in before.items()}
    house.happen(WorldUpdated(world=WORLD, config=replace(house.state.world, roles=roles)))
    assert club.refuses(token)


def test_it_is_good_for_one_group_also_of_who_belongs_without_a_number(club: Club) -> None:
    """As did those who belonged before memberships had ids."""
    other = club.group("Other")
    for room in (club.room, other):
        member = replace(club.house.state.members[room][club.bob], id=0)
        club.house.happen(MemberUpdated(world=WORLD, room=room, member=member))
    token = club.token(club.bob)
    assert club.read(token)
    assert club.refuses(token, other)


def test_it_ends_with_the_group(club: Club) -> None:
    token = club.token(club.bob)
    club.house.do(DeleteRoom(room=club.room), operator=True)
    assert club.refuses(token)


def test_it_is_good_as_long_as_the_secret_is_one_of_the_world(club: Club) -> None:
    house, token = club.house, club.token(club.bob)

    def use(*secrets: dict[str, str]) -> None:
        config = {**house.state.world.config, "JWT_secrets": list(secrets)}
        house.happen(WorldUpdated(world=WORLD, config=replace(house.state.world, config=config)))

    other = {**SECRET, "secret": "another"}
    use(other, SECRET)
    assert club.read(token)
    new = club.token(club.bob)
    assert new != token
    use(other)
    assert club.refuses(token)
    assert club.read(new)
    use()
    assert club.refuses(new)
    assert house.refusal(GetFeed(room=club.room), club.bob) == Code.CONFIG_INVALID
