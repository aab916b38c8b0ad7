"""Who is writing, who has read, and listening wherever one belongs."""

from datetime import timedelta

import pytest
from tests.core.house import House

from hubbub.core.chat import MAX_MENTIONS, ListenEverywhere, PostMessage, ReactToMessage
from hubbub.core.composing import SignalTyping
from hubbub.core.direct import SendDirect
from hubbub.core.error import Code
from hubbub.core.event import DirectRead, Subscribed, Typing, UserNotified
from hubbub.core.group import CreateGroup, GroupSettings
from hubbub.core.joining import AddMembers, NewMember, RemoveMember
from hubbub.core.model import Message
from hubbub.core.reading import FetchMessages, GetMessage, ListFiles, ListLiked, MarkRead
from hubbub.core.user import BlockUser


class Pub:
    """A group of Ada and Bob; Cleo is outside."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.ada, self.bob, self.cleo = (house.person(name) for name in ("Ada", "Bob", "Cleo"))
        for user in (self.ada, self.bob, self.cleo):
            house.grant(user, "member")
        self.room: int = house.do(CreateGroup(settings=GroupSettings(name="Pub")), self.ada).result.id
        house.do(AddMembers(room=self.room, members=(NewMember(user=self.bob),)), self.ada)

    def say(self, body: str = "Hi", user: int = 0, **more: object) -> Message:
        command = PostMessage(room=self.room, body=body, **more)  # type: ignore[arg-type]
        found: Message = self.house.do(command, user or self.ada).result
        return found

    def like(self, message: Message, user: int, sign: str = "👍") -> None:
        self.house.do(ReactToMessage(room=self.room, number=message.number, reaction=sign, single=True), user)


@pytest.fixture
def pub(house: House) -> Pub:
    return Pub(house)


def test_writing_is_told_to_who_listens_and_only_by_who_belongs(pub: Pub) -> None:
    told = pub.house.do(SignalTyping(room=pub.room), pub.bob).one(Typing)
    assert (told.room, told.user, told.users, told.at) == (pub.room, pub.bob, (), pub.house.now)
    assert pub.house.refusal(SignalTyping(room=pub.room), pub.cleo) is Code.ROOM_DENIED


def test_between_two_writing_and_reading_are_told_to_both(pub: Pub) -> None:
    message = pub.house.do(SendDirect(user=pub.bob, body="Psst"), pub.ada).result
    told = pub.house.do(SignalTyping(room=message.room), pub.bob).one(Typing)
    assert set(told.users) == {pub.ada, pub.bob}
    mark = MarkRead(room=message.room, number=message.number)
    read = pub.house.do(mark, pub.bob).one(DirectRead)
    assert (set(read.users), read.user, read.number) == ({pub.ada, pub.bob}, pub.bob, message.number)
    assert not [event for event in pub.house.do(mark, pub.bob).events if isinstance(event, DirectRead)]
    more = pub.house.do(SendDirect(user=pub.bob, body="Psst"), pub.ada).result
    pub.house.do(BlockUser(user=pub.ada), pub.bob)
    mark = MarkRead(room=more.room, number=more.number)
    assert not [event for event in pub.house.do(mark, pub.bob).events if isinstance(event, DirectRead)]
    assert pub.house.refusal(SignalTyping(room=message.room), pub.cleo) is Code.CHAT_DENIED


def test_one_listens_wherever_one_belongs_and_may_read(pub: Pub) -> None:
    direct = pub.house.do(SendDirect(user=pub.cleo, body="Psst"), pub.bob).result.room
    gone = pub.house.do(CreateGroup(settings=GroupSettings(name="Gone")), pub.ada).result.id
    pub.house.do(AddMembers(room=gone, members=(NewMember(user=pub.bob),)), pub.ada)
    pub.house.do(RemoveMember(room=gone, user=pub.bob), pub.ada)
    events = pub.house.do(ListenEverywhere(), pub.bob, session=7).events
    assert {event.room for event in events if isinstance(event, Subscribed)} == {pub.room, direct}


def test_messages_are_read_in_either_direction(pub: Pub) -> None:
    numbers = [pub.say(str(number)).number for number in range(6)]

    def read(**more: int | bool) -> list[int]:
        given = {"before": 10**6, "count": 2} | more
        return [one.number for one in pub.house.do(FetchMessages(room=pub.room, **given), pub.bob).result]  # type: ignore[arg-type]

    assert read() == numbers[-2:]
    assert read(before=numbers[3]) == numbers[1:3]
    assert read(after=numbers[1]) == numbers[-2:]
    assert read(after=numbers[1], oldest=True) == numbers[2:4]
    assert read(after=10**9) == []
    assert read(after=-5, before=-5) == []
    assert pub.house.do(GetMessage(room=pub.room, number=numbers[0]), pub.bob).result.body == "0"
    assert pub.house.refusal(GetMessage(room=pub.room, number=numbers[0]), pub.cleo) is Code.ROOM_DENIED
    assert pub.house.refusal(GetMessage(room=pub.room, number=10**6), pub.bob) is Code.MESSAGE_UNKNOWN


def test_what_is_liked_most_comes_first(pub: Pub) -> None:
    one, two, three = pub.say("one"), pub.say("two"), pub.say("three")
    pub.like(two, pub.ada)
    pub.like(two, pub.bob)
    pub.like(one, pub.ada)
    pub.like(three, pub.ada, "pack:1:63")
    since = pub.house.now - timedelta(days=1)
    found = pub.house.do(ListLiked(room=pub.room, since=since), pub.bob).result
    assert [message.number for message in found] == [two.number, three.number, one.number]
    assert pub.house.do(ListLiked(room=pub.room, since=since, count=1), pub.bob).result == found[:1]
    assert pub.house.do(ListLiked(room=pub.room, since=pub.house.now), pub.bob).result == []
    assert pub.house.refusal(ListLiked(room=pub.room, since=since), pub.cleo) is Code.ROOM_DENIED


@pytest.mark.parametrize("sign", ["pack:", "pack:1", "pack:1:x", "pack:01:1", "pack:1:2:3", "pack:1234567:1", "x"])
def test_a_reaction_is_an_emoji_or_of_a_pack(pub: Pub, sign: str) -> None:
    command = ReactToMessage(room=pub.room, number=pub.say().number, reaction=sign)
    assert pub.house.refusal(command, pub.bob) is Code.REACTION_UNKNOWN


def test_files_are_found(pub: Pub) -> None:
    pub.say("none")
    shown = pub.say("", attachments=({"type": "image", "url": "https://example.org/a.png"},))
    assert pub.house.do(ListFiles(room=pub.room), pub.bob).result == [shown]
    assert pub.house.do(ListFiles(room=pub.room, after=pub.house.now), pub.bob).result == []
    assert pub.house.refusal(ListFiles(room=pub.room), pub.cleo) is Code.ROOM_DENIED


def test_a_key_that_was_used_is_refused_to_who_insists(pub: Pub) -> None:
    first = pub.say("one", nonce="a")
    assert pub.say("two", nonce="a") == first
    strict = PostMessage(room=pub.room, body="two", nonce="a", strict=True)
    assert pub.house.refusal(strict, pub.ada) is Code.NONCE_USED
    assert pub.house.do(strict, pub.bob).result.body == "two"  # a key is its sender's
    pub.house.do(SendDirect(user=pub.bob, body="Psst", nonce="b"), pub.ada)
    assert pub.house.refusal(SendDirect(user=pub.bob, body="Psst", nonce="b"), pub.ada) is Code.NONCE_USED
    assert pub.house.refusal(SendDirect(user=pub.bob, body="Psst", nonce=""), pub.ada) is Code.INVALID


def test_everyone_is_mentioned_by_anybody_among_few_and_by_who_runs_it_among_many(pub: Pub) -> None:
    def notified(user: int) -> set[int]:
        command = PostMessage(room=pub.room, body="All!", everyone=True)
        return {event.user for event in pub.house.do(command, user).events if isinstance(event, UserNotified)}

    assert notified(pub.bob) == {pub.ada}
    for number in range(MAX_MENTIONS):
        other = pub.house.person(f"Other {number}")
        pub.house.do(AddMembers(room=pub.room, members=(NewMember(user=other),)), pub.ada)
    assert notified(pub.bob) == set()
    assert len(notified(pub.ada)) == MAX_MENTIONS + 1
