"""What happens in groups, as clients of this dialect are told: who joins and leaves, and the rest as text."""

from collections.abc import Callable
from typing import Any, cast

import msgspec
import pytest
from tests.core.house import House, Outcome

from hubbub.core.chat import DeleteMessage, JoinChat, LeaveChat, PostMessage
from hubbub.core.event import MessagePosted
from hubbub.core.group import GroupSettings, UpdateGroup, UpdateMembership
from hubbub.core.joining import AddMembers, DropMember, JoinGroup, LeaveGroup, NewMember, RemoveMember
from hubbub.core.pin import PinMessage
from hubbub.dialects.venueless.encode import VenuelessEncoder, tells
from hubbub.dialects.venueless.id import Kind, render


class Lounge:
    """The lounge, with Ada, who owns it, and Bob, and what clients are told of it."""

    def __init__(self) -> None:
        self.house = House()
        self.ada, self.bob, self.cleo = (self.house.person(name) for name in ("Ada", "Bob", "Cleo"))
        self.house.grant(self.ada, "room_owner", self.house.lounge)
        for user in (self.ada, self.bob):
            self.do(JoinChat, user)
        self.encoder = VenuelessEncoder(self.house.state, cast(Any, None), cast(Any, lambda: self.house.now))

    def do(self, kind: Callable[..., Any], by: int, /, **fields: Any) -> Outcome:
        return self.house.do(kind(room=self.house.lounge, **fields), by, operator=not by)

    def told(self, outcome: Outcome) -> list[Any]:
        """Give type, content and sender of the chat events that clients are told."""
        messages = [event.message for event in outcome.of(MessagePosted) if tells(event.message)]
        events = [msgspec.json.decode(self.encoder.message(message)) for message in messages]
        return [(event["event_type"], event["content"], event["sender"]) for event in events]

    def member(self, user: int, membership: str, by: int = 0) -> Any:
        profile = msgspec.to_builtins(self.encoder.user(self.house.user(user)))
        return "channel.member", {"membership": membership, "user": profile}, render(by or user, Kind.USER)


@pytest.fixture
def lounge() -> Lounge:
    return Lounge()


def test_joining_and_leaving_is_the_same_by_whichever_dialect(lounge: Lounge) -> None:
    cleo = lounge.cleo
    for join, leave in ((JoinChat, LeaveChat), (JoinGroup, LeaveGroup), (JoinGroup, LeaveChat)):
        assert lounge.told(lounge.do(join, cleo)) == [lounge.member(cleo, "join")]
        assert lounge.told(lounge.do(leave, cleo)) == [lounge.member(cleo, "leave")]


def test_who_is_added_joins_and_who_is_removed_leaves(lounge: Lounge) -> None:
    ada, cleo, new = lounge.ada, lounge.cleo, (NewMember(user=lounge.cleo),)
    assert lounge.told(lounge.do(AddMembers, ada, members=new)) == [lounge.member(cleo, "join", ada)]
    assert lounge.told(lounge.do(RemoveMember, ada, user=cleo)) == [lounge.member(cleo, "leave", ada)]
    assert lounge.told(lounge.do(DropMember, 0, user=lounge.bob)) == [lounge.member(lounge.bob, "leave")]


def test_what_this_dialect_has_no_word_for_is_text(lounge: Lounge) -> None:
    ada = render(lounge.ada, Kind.USER)
    number = lounge.do(PostMessage, lounge.bob, body="Hi").result.number
    new = (NewMember(user=lounge.cleo), NewMember(user=lounge.house.person("Dan")))
    for outcome, text in (
        (lounge.do(AddMembers, lounge.ada, members=new), "Ada added Cleo, Dan to the group"),
        (lounge.do(UpdateGroup, lounge.ada, settings=GroupSettings(theme="x")), "Ada changed the theme to x"),
        (lounge.do(UpdateMembership, lounge.ada, nickname="Countess"), "Ada changed name to Countess"),
        (lounge.do(PinMessage, lounge.ada, number=number), "Countess pinned a message."),
    ):
        assert lounge.told(outcome) == [("channel.message", {"type": "text", "body": text}, ada)]


def test_what_nobody_did_is_not_told(lounge: Lounge) -> None:
    assert lounge.told(lounge.do(UpdateGroup, 0, settings=GroupSettings(theme="x"))) == []


def test_a_deletion_is_told_once_and_as_ever(lounge: Lounge) -> None:
    number = lounge.do(PostMessage, lounge.bob, body="Hi").result.number
    told = lounge.told(lounge.do(DeleteMessage, lounge.bob, number=number))
    assert told == [("channel.message", {"type": "deleted"}, render(lounge.bob, Kind.USER))]
