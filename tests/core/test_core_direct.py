"""Whispering in a room (protocols/jumpin.md 1.2; section 5, case 21). Direct conversations as such: test_core_chat."""

from typing import Any

import pytest
from tests.core.house import House

from hubbub.core.account import SetPreferences
from hubbub.core.chat import MAX_BODY, LeaveChat, PostMessage
from hubbub.core.direct import OpenDirect, Whisper
from hubbub.core.error import Code
from hubbub.core.event import ChannelsChanged, ConversationOpened, DirectPosted, MessagePosted, UserNotified, UserUnread
from hubbub.core.reading import FetchMessages
from hubbub.core.room import LeaveRoom
from hubbub.core.user import BlockUser, DeleteUser, SilenceUser


class Party:
    """Two guests and a bystander in the lounge, who may not open conversations."""

    def __init__(self, house: House) -> None:
        self.house = house
        house.state.world.trait_grants.pop("talker")
        roles = [name for name in house.state.world.roles["participant"] if name != "world:chat.direct"]
        house.state.world.roles["participant"] = roles
        house.state._permissions.clear()
        self.ada, self.bob, self.cy = (house.person(name, client_id=name) for name in ("Ada", "Bob", "Cy"))
        self.tabs = {user: house.arrive(user, house.lounge) for user in (self.ada, self.bob, self.cy)}

    def command(self, user: int, body: str = "psst") -> Whisper:
        lounge = self.house.lounge
        return Whisper(room=lounge, visit=self.house.visit_of(user, lounge).id, body=body)

    def whisper(self, user: int, other: int, body: str = "psst") -> Any:
        return self.house.do(self.command(other, body), user, session=self.tabs[user])

    def refusal(self, user: int, other: int, body: str = "psst") -> Code:
        return self.house.refusal(self.command(other, body), user, session=self.tabs[user])


@pytest.fixture
def party(house: House) -> Party:
    return Party(house)


def test_a_whisper_is_a_direct_message(party: Party) -> None:
    outcome = party.whisper(party.ada, party.bob)
    opened = outcome.one(ConversationOpened)
    assert {member.user: member.hidden for member in opened.members} == {party.ada: False, party.bob: False}
    message = outcome.result
    assert (message.room, message.sender, message.kind, message.body) == (opened.config.id, party.ada, "text", "psst")
    told = outcome.one(DirectPosted)
    assert (set(told.users), told.message, told.room) == ({party.ada, party.bob}, message, opened.config.id)
    assert [event.user for event in outcome.of(UserNotified)] == [party.bob]
    assert [event.users for event in outcome.of(UserUnread)] == [(party.bob,)]
    assert {event.user for event in outcome.of(ChannelsChanged)} == {party.ada, party.bob}
    assert all(event.room == opened.config.id for event in outcome.of(MessagePosted))


def test_the_room_hears_nothing_of_it(party: Party) -> None:
    outcome = party.whisper(party.ada, party.bob)
    assert [event for event in outcome.events if event.room == party.house.lounge] == []
    room = outcome.result.room
    assert party.house.refusal(FetchMessages(room=room, before=99), party.cy) == Code.CHAT_DENIED
    assert [one.body for one in party.house.do(FetchMessages(room=room, before=99), party.bob).result][-1] == "psst"


def test_the_next_whisper_is_in_the_same_conversation_in_both_directions(party: Party) -> None:
    first = party.whisper(party.ada, party.bob)
    back = party.whisper(party.bob, party.ada, "what?")
    assert back.result.room == first.result.room
    assert back.of(ConversationOpened) == []
    assert party.whisper(party.ada, party.cy).result.room != first.result.room


def test_a_conversation_that_was_opened_otherwise_is_the_same(party: Party) -> None:
    house = party.house
    house.grant(party.ada, "talker")
    opened = house.do(OpenDirect(users=(party.bob,)), party.ada).result.room
    house.do(OpenDirect(users=(party.bob, party.cy)), party.ada)
    assert party.whisper(party.bob, party.ada).result.room == opened.id


def test_a_whisper_brings_back_what_was_hidden(party: Party) -> None:
    room = party.whisper(party.ada, party.bob).result.room
    party.house.do(LeaveChat(room=room), party.bob)
    assert party.house.state.members[room][party.bob].hidden
    outcome = party.whisper(party.ada, party.bob)
    assert not party.house.state.members[room][party.bob].hidden
    assert party.bob in [event.user for event in outcome.of(ChannelsChanged)]


def test_who_does_not_want_private_messages_gets_none(party: Party) -> None:
    house = party.house
    house.do(SetPreferences(preferences={"private_messages": False}), party.bob)
    assert party.refusal(party.ada, party.bob) == Code.PRIVATE_DENIED
    party.whisper(party.bob, party.ada)
    house.do(SetPreferences(preferences={"private_messages": True}), party.bob)
    party.whisper(party.ada, party.bob)


@pytest.mark.parametrize("blocker", ["ada", "bob"])
def test_a_block_is_for_whispers_too(party: Party, blocker: str) -> None:
    other = party.bob if blocker == "ada" else party.ada
    party.house.do(BlockUser(user=other), getattr(party, blocker))
    assert party.refusal(party.ada, party.bob) == Code.PRIVATE_DENIED
    assert party.refusal(party.bob, party.ada) == Code.PRIVATE_DENIED


def test_to_whom_one_cannot_whisper(party: Party) -> None:
    house = party.house
    assert party.refusal(party.ada, party.ada) == Code.SELF_ACTION
    command = party.command(party.bob)
    elsewhere = Whisper(room=house.stage, visit=command.visit, body="psst")
    house.arrive(party.ada, house.stage)
    assert house.refusal(elsewhere, party.ada) == Code.VISIT_UNKNOWN
    kiosk = house.person("Screen", kind="kiosk")
    house.grant(kiosk, "viewer")
    house.arrive(kiosk, house.lounge)
    assert party.refusal(party.ada, kiosk) == Code.PRIVATE_DENIED
    house.do(LeaveRoom(room=house.lounge), party.bob, session=party.tabs[party.bob])
    assert house.refusal(command, party.ada) == Code.VISIT_UNKNOWN


def test_who_is_no_more_hears_nothing(party: Party) -> None:
    command = party.command(party.bob)
    party.house.do(DeleteUser(user=party.bob), party.house.owner())
    assert party.house.refusal(command, party.ada) in (Code.VISIT_UNKNOWN, Code.USER_UNKNOWN)


def test_who_is_not_in_the_room_does_not_whisper_there(party: Party) -> None:
    outsider = party.house.person("Out")
    assert party.house.refusal(party.command(party.bob), outsider) == Code.VISIT_MISSING


def test_who_may_not_speak_may_not_whisper(party: Party) -> None:
    house = party.house
    party.house.do(SilenceUser(user=party.ada), house.owner())
    assert party.refusal(party.ada, party.bob) == Code.ROOM_DENIED
    gallery = house.add_room("Gallery", [], {"viewer": []})
    for user in (party.bob, party.cy):
        house.arrive(user, gallery)
    command = Whisper(room=gallery, visit=house.visit_of(party.cy, gallery).id, body="psst")
    assert house.refusal(command, party.bob) == Code.ROOM_DENIED


@pytest.mark.parametrize(("body", "code"), [("", Code.MESSAGE_EMPTY), ("x" * (MAX_BODY + 1), Code.TOO_LARGE)])
def test_what_cannot_be_said_makes_no_conversation(party: Party, body: str, code: Code) -> None:
    assert party.refusal(party.ada, party.bob, body) == code
    assert not [room for room in party.house.state.rooms.values() if room.kind == "direct"]


def test_an_ordinary_direct_message_reaches_every_connection_of_both(party: Party) -> None:
    room = party.whisper(party.ada, party.bob).result.room
    outcome = party.house.do(PostMessage(room=room, body="Hi"), party.bob)
    assert set(outcome.one(DirectPosted).users) == {party.ada, party.bob}
