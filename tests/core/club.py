"""A group for tests, and what was said in one."""

from collections.abc import Callable
from typing import Any

from tests.core.house import House, Outcome

from hubbub.core.error import Code
from hubbub.core.event import MessagePosted
from hubbub.core.group import CreateGroup, GroupSettings, SetAdmin, UpdateGroup
from hubbub.core.joining import AddMembers, NewMember
from hubbub.core.model import Room


class Club:
    """A private group that Ada owns, with Bob and Cleo; Dan and Eve are outside, and Mo moderates the world."""

    def __init__(self, house: House, **settings: Any) -> None:
        self.house = house
        names = ("Ada", "Bob", "Cleo", "Dan", "Eve")
        self.ada, self.bob, self.cleo, self.dan, self.eve = (house.person(name) for name in names)
        self.mo = house.person("Mo", "moderator")
        for user in (self.ada, self.bob):
            house.grant(user, "member")
        made = house.do(CreateGroup(settings=GroupSettings(name="Club", **settings)), self.ada)
        self.id: int = made.result.id
        self.add(self.bob, self.cleo)

    @property
    def room(self) -> Room:
        return self.house.state.rooms[self.id]

    @property
    def people(self) -> list[int]:
        return list(self.house.state.members[self.id])

    def do(self, kind: Callable[..., Any], by: int, /, **fields: Any) -> Outcome:
        """Do a command of the group; without an actor it is the operator's."""
        return self.house.do(kind(room=self.id, **fields), by, operator=not by)

    def refusal(self, kind: Callable[..., Any], by: int, /, **fields: Any) -> Code:
        return self.house.refusal(kind(room=self.id, **fields), by)

    def add(self, *users: int, by: int = 0) -> Outcome:
        return self.do(AddMembers, by or self.ada, members=tuple(NewMember(user=user) for user in users))

    def set(self, user: int, **settings: Any) -> Outcome:
        return self.do(UpdateGroup, user, settings=GroupSettings(**settings))

    def admin(self, user: int) -> None:
        self.do(SetAdmin, self.ada, user=user, admin=True)

    def share(self) -> str:
        self.set(self.ada, share=True)
        return self.room.share_token


def said(outcome: Outcome) -> list[str]:
    return [event.message.body for event in outcome.of(MessagePosted)]


def told(outcome: Outcome) -> list[dict[str, Any]]:
    return [event.message.event for event in outcome.of(MessagePosted)]
