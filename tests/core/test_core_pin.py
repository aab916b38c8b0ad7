"""Pins: what a conversation keeps at hand (protocols/groupme.md 1.5, 2.4)."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from tests.core.house import House, Outcome

from hubbub.core import pin as pin_module
from hubbub.core.chat import DeleteMessage, EditMessage, JoinChat, PostMessage, ReactToMessage
from hubbub.core.direct import OpenDirect
from hubbub.core.error import Code
from hubbub.core.event import DirectPosted, MessagePinned, MessagePosted, MessageUnpinned
from hubbub.core.group import CreateGroup, GroupSettings, UpdateGroup
from hubbub.core.joining import AddMembers, NewMember, RemoveMember
from hubbub.core.model import Message
from hubbub.core.pin import ListPinned, PinMessage, UnpinMessage


class Board:
    """A private group of Ada, who owns it, and Bob; Cleo is outside."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.ada, self.bob, self.cleo = house.person("Ada"), house.person("Bob"), house.person("Cleo")
        house.grant(self.ada, "member")
        self.room: int = house.do(CreateGroup(settings=GroupSettings(name="Board")), self.ada).result.id
        house.do(AddMembers(room=self.room, members=(NewMember(user=self.bob, nickname="Bobby"),)), self.ada)

    def say(self, user: int, body: str = "Hi", room: int = 0) -> Message:
        found: Message = self.house.do(PostMessage(room=room or self.room, body=body), user).result
        return found

    def pin(self, user: int, number: int, room: int = 0) -> Outcome:
        return self.house.do(PinMessage(room=room or self.room, number=number), user)

    def pinned_once(self, message: Message) -> Message:
        """Give a message as it was when it was pinned."""
        return replace(message, pinned=self.house.now, pinned_by=self.ada)

    def unpin(self, user: int, number: int) -> Outcome:
        return self.house.do(UnpinMessage(room=self.room, number=number), user)

    def refusal(self, kind: type[Any], user: int, number: int, room: int = 0) -> Code:
        return self.house.refusal(kind(room=room or self.room, number=number), user)

    def pinned(self, user: int) -> list[Message]:
        return list(self.house.do(ListPinned(room=self.room), user).result)


@pytest.fixture
def board(house: House) -> Board:
    return Board(house)


def test_pinning_is_said_and_unpinning_is_not(board: Board) -> None:
    message = board.say(board.ada)
    outcome = board.pin(board.bob, message.number)
    pinned = outcome.one(MessagePinned).message
    assert (pinned.pinned, pinned.pinned_by, pinned.body) == (board.house.now, board.bob, "Hi")
    said = outcome.one(MessagePosted).message
    assert (said.body, said.kind, said.sender) == ("Bobby pinned a message.", "system", board.bob)
    about = {"type": "message.pinned", "message": message.id, "number": message.number}
    assert said.event == {**about, "user": board.bob, "nickname": "Bobby"}
    assert outcome.of(DirectPosted) == []
    assert board.pinned(board.bob) == [pinned] == [outcome.result]
    gone = board.unpin(board.ada, message.number)
    assert (gone.result.pinned, gone.result.pinned_by) == (None, 0)
    assert [type(event) for event in gone.events] == [MessageUnpinned]
    assert board.pinned(board.bob) == []


def test_what_is_so_already_is_refused(board: Board) -> None:
    number = board.say(board.ada).number
    assert board.refusal(UnpinMessage, board.bob, number) == Code.STATE_INVALID
    board.pin(board.ada, number)
    assert board.refusal(PinMessage, board.bob, number) == Code.STATE_INVALID


def test_the_last_pinned_comes_first(board: Board) -> None:
    first, second, third = (board.say(board.ada, body) for body in "abc")
    for message in (second, first, third):
        board.house.advance(timedelta(seconds=1))
        board.pin(board.ada, message.number)
    assert [message.body for message in board.pinned(board.ada)] == ["c", "a", "b"]


def test_pins_read_as_their_messages_do(board: Board) -> None:
    number = board.say(board.ada, "Old").number
    board.pin(board.ada, number)
    board.house.do(EditMessage(room=board.room, number=number, body="New"), board.ada)
    board.house.do(ReactToMessage(room=board.room, number=number, reaction="👍"), board.bob)
    (pinned,) = board.pinned(board.bob)
    assert (pinned.body, pinned.reactions, pinned.pinned_by) == ("New", {"👍": (board.bob,)}, board.ada)
    board.house.do(DeleteMessage(room=board.room, number=number), board.ada)
    assert board.pinned(board.bob) == []


def test_a_pin_that_is_not_on_disk_yet(board: Board) -> None:
    """The archive still has the message as it was: nothing is pinned twice, and nothing gets lost."""
    message = board.say(board.ada)
    board.pin(board.ada, message.number)
    board.house.cabinet.records[Message, (message.id,)] = message
    assert board.refusal(PinMessage, board.bob, message.number) == Code.STATE_INVALID
    board.house.cabinet.records[Message, (message.id,)] = pinned = board.pinned_once(message)
    assert board.unpin(board.bob, message.number).result.pinned is None
    board.house.cabinet.records[Message, (message.id,)] = pinned
    assert board.pinned(board.ada) == []


def test_what_cannot_be_pinned(board: Board) -> None:
    system = next(one.number for one in board.house.cabinet.said() if one.kind == "system")
    deleted = board.say(board.ada).number
    gone = board.house.do(DeleteMessage(room=board.room, number=deleted), board.ada).result
    edited = board.say(board.ada).number
    edit = board.house.do(EditMessage(room=board.room, number=edited, body="New"), board.ada).result
    for number in (system, deleted, gone.number, edit.number):
        assert board.refusal(PinMessage, board.ada, number) == Code.CHAT_DENIED
    for number in (0, -1, 2**53):
        assert board.refusal(PinMessage, board.ada, number) == Code.MESSAGE_UNKNOWN
        assert board.refusal(UnpinMessage, board.ada, number) == Code.MESSAGE_UNKNOWN


def test_messages_of_elsewhere_are_not_pinned_here(board: Board) -> None:
    house = board.house
    house.do(JoinChat(room=house.lounge), board.ada)
    number = board.say(board.ada, room=house.lounge).number
    assert board.refusal(PinMessage, board.ada, number) == Code.MESSAGE_UNKNOWN


def test_who_may_pin(board: Board) -> None:
    number = board.say(board.ada).number
    assert board.refusal(PinMessage, board.cleo, number) == Code.ROOM_DENIED
    for kind in ("closed", "announcement"):
        board.house.do(UpdateGroup(room=board.room, settings=GroupSettings(group=kind)), board.ada)
        assert board.refusal(PinMessage, board.bob, number) == Code.ROOM_DENIED
    board.pin(board.ada, number)
    assert board.refusal(UnpinMessage, board.bob, number) == Code.ROOM_DENIED
    assert [one.number for one in board.pinned(board.bob)] == [number]
    assert board.house.refusal(ListPinned(room=board.room), board.cleo) == Code.ROOM_DENIED


def test_a_room_keeps_so_many_at_hand(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pin_module, "MAX_PINS", 2)
    numbers = [board.say(board.ada).number for _ in range(3)]
    for number in numbers[:2]:
        board.pin(board.ada, number)
    assert board.refusal(PinMessage, board.ada, numbers[2]) == Code.TOO_MANY
    board.unpin(board.ada, numbers[0])
    assert board.pin(board.ada, numbers[2]).result


def test_who_is_removed_while_we_look_pins_nothing(board: Board) -> None:
    number, house = board.say(board.ada).number, board.house
    house.cabinet.meanwhile = lambda: house.do(RemoveMember(room=board.room, user=board.bob), board.ada) and None
    assert board.refusal(PinMessage, board.bob, number) == Code.ROOM_DENIED


def test_pins_of_a_direct_conversation(board: Board) -> None:
    house = board.house
    direct = house.do(OpenDirect(users=(board.bob,)), board.ada).result.room.id
    number = board.say(board.ada, room=direct).number
    outcome = board.pin(board.bob, number, room=direct)
    assert outcome.one(MessagePosted).message.body == "Bob pinned a message."
    assert outcome.one(DirectPosted).users == (board.ada, board.bob)
    assert board.refusal(PinMessage, board.cleo, number, room=direct) == Code.CHAT_DENIED
