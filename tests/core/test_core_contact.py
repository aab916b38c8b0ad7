"""Contacts: whom somebody knows (protocols/groupme.md 2.7)."""

from datetime import timedelta

import pytest
from tests.core.house import House

from hubbub.core import contact as contact_module
from hubbub.core.bot import AddBot
from hubbub.core.contact import Acquaintance, Contact, GetContact, ListContacts
from hubbub.core.direct import SendDirect
from hubbub.core.error import Code
from hubbub.core.group import CreateGroup, GroupSettings
from hubbub.core.joining import AddMembers, LeaveGroup, NewMember
from hubbub.core.user import BlockUser, DeleteUser


class Circle:
    """Ada and Bob share a group; Cleo is a stranger."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.ada, self.bob, self.cleo = house.person("Ada"), house.person("Bob"), house.person("Cleo")
        for user in (self.ada, self.cleo):
            house.grant(user, "member")
        self.room: int = house.do(CreateGroup(settings=GroupSettings(name="Circle")), self.ada).result.id
        house.now += timedelta(hours=1)
        self.add(self.bob)

    def add(self, *users: int) -> None:
        self.house.do(AddMembers(room=self.room, members=tuple(NewMember(user=user) for user in users)), self.ada)

    def contacts(self, user: int, **more: object) -> list[Contact]:
        return list(self.house.do(ListContacts(**more), user).result)  # type: ignore[arg-type]

    def known(self, user: int, **more: object) -> list[int]:
        return [contact.user.id for contact in self.contacts(user, **more)]

    def look(self, user: int, other: int) -> Acquaintance:
        found: Acquaintance = self.house.do(GetContact(user=other), user).result
        return found


@pytest.fixture
def circle(house: House) -> Circle:
    return Circle(house)


def test_those_of_a_group_know_one_another_since_both_belong(circle: Circle) -> None:
    (contact,) = circle.contacts(circle.ada)
    assert (contact.user.id, contact.since, contact.blocked) == (circle.bob, circle.house.now, False)
    assert (circle.known(circle.bob), circle.known(circle.cleo)) == ([circle.ada], [])


def test_those_who_talk_know_one_another(circle: Circle) -> None:
    circle.house.now += timedelta(hours=1)
    circle.house.do(SendDirect(user=circle.ada, body="Hi"), circle.cleo)
    assert circle.known(circle.ada) == [circle.bob, circle.cleo]
    circle.house.do(LeaveGroup(room=circle.room), circle.bob)
    assert circle.known(circle.ada) == [circle.cleo]


def test_programs_and_who_is_gone_are_none(circle: Circle) -> None:
    circle.house.do(AddBot(room=circle.room, name="Robo"), circle.ada)
    assert circle.known(circle.ada) == [circle.bob]
    circle.house.do(DeleteUser(user=circle.bob), operator=True)
    assert circle.known(circle.ada) == []
    assert circle.house.refusal(GetContact(user=circle.bob), circle.ada) is Code.USER_UNKNOWN


def test_the_blocked_are_given_when_asked_for(circle: Circle) -> None:
    circle.house.do(BlockUser(user=circle.bob), circle.ada)
    assert circle.known(circle.ada) == []
    assert [contact.blocked for contact in circle.contacts(circle.ada, blocked=True)] == [True]
    assert circle.known(circle.bob) == [circle.ada]  # whoever was blocked is not told so


def test_pages_leave_nobody_out(circle: Circle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact_module, "MAX_LISTED", 2)
    circle.house.now += timedelta(hours=1)
    dora, emil = circle.house.person("Dora"), circle.house.person("Emil")
    circle.add(circle.cleo, dora)
    circle.house.now += timedelta(hours=1)
    circle.add(emil)
    page = circle.contacts(circle.ada)
    assert [contact.user.id for contact in page] == [circle.bob, circle.cleo, dora]  # both came at once
    assert circle.known(circle.ada, after=page[-1].since) == [emil]
    assert circle.known(circle.ada, after=circle.house.now) == []


def test_a_profile(circle: Circle) -> None:
    found = circle.look(circle.ada, circle.bob)
    assert [room.id for room in found.groups] == [circle.room]
    assert (found.user.id, found.contact) == (circle.bob, circle.contacts(circle.ada)[0])
    assert circle.look(circle.ada, circle.ada).contact is None
    assert circle.look(circle.cleo, circle.cleo).groups == ()
    for other in (circle.ada, 0, 5):
        assert circle.house.refusal(GetContact(user=other), circle.cleo) is Code.USER_UNKNOWN


def test_a_conversation_is_no_group(circle: Circle) -> None:
    circle.house.do(SendDirect(user=circle.cleo, body="Hi"), circle.ada)
    found = circle.look(circle.cleo, circle.ada)
    assert (found.groups, found.contact is not None) == ((), True)


def test_of_very_many_memberships_those_of_small_groups_count(circle: Circle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once somebody in many large groups could keep everybody waiting."""
    circle.house.do(SendDirect(user=circle.ada, body="Hi"), circle.cleo)
    circle.add(circle.house.person("Dan"))
    monkeypatch.setattr(contact_module, "MAX_LOOKED", 4)
    assert circle.known(circle.ada) == [circle.cleo]
    monkeypatch.setattr(contact_module, "MAX_LOOKED", 5)
    assert len(circle.known(circle.ada)) == 3
