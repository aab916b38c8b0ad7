"""Reading: history page by page, and how far one has read (protocols/venueless.md 1.9)."""

import pytest
from tests.core.house import House
from tests.core.talk import Talk

from hubbub.core import permission
from hubbub.core.chat import DeleteMessage, JoinChat, LeaveChat
from hubbub.core.error import Code
from hubbub.core.event import ReadMarked, UserUnread
from hubbub.core.reading import FetchMessages, MarkRead
from hubbub.core.room import RoomSettings, UpdateRoom


@pytest.fixture
def talk(house: House) -> Talk:
    return Talk(house)


def test_history_is_read_backwards_in_pages(talk: Talk) -> None:
    talk.join(talk.ada)
    numbers = [talk.say(talk.ada, f"{count}").result.number for count in range(5)]
    assert [message.number for message in talk.fetch(talk.bob, count=2)] == numbers[-2:]
    assert [message.number for message in talk.fetch(talk.bob, count=2, before=numbers[3])] == numbers[1:3]
    assert talk.fetch(talk.bob, count=0) == talk.fetch(talk.bob, count=-1) == talk.fetch(talk.bob, before=-1) == []


def test_comings_and_goings_are_history_only_where_people_stay(talk: Talk) -> None:
    talk.join(talk.ada, talk.bob)
    assert [message.kind for message in talk.fetch(talk.ada)] == ["system", "system"]
    talk.house.do(UpdateRoom(room=talk.house.lounge, settings=RoomSettings(force_join=True)), operator=True)
    assert talk.fetch(talk.ada) == []


def test_reading_needs_the_right_to(talk: Talk) -> None:
    assert talk.refusal(FetchMessages(room=talk.house.office, before=9), talk.ada) == Code.ROOM_DENIED
    direct = talk.direct(talk.ada, talk.bob)
    assert talk.refusal(FetchMessages(room=direct, before=9), talk.mo) == Code.CHAT_DENIED


def test_unread_is_told_once_until_one_has_read(talk: Talk) -> None:
    talk.join(talk.ada, talk.bob, talk.mo)
    lounge = talk.house.lounge
    assert talk.told_unread(talk.say(talk.ada)) == {talk.bob, talk.mo}
    assert talk.told_unread(talk.say(talk.ada)) == set()
    number = talk.say(talk.bob).result.number  # not told before: the sender
    talk.do(MarkRead(room=lounge, number=number), talk.bob)
    last = talk.say(talk.ada)
    assert talk.told_unread(last) == {talk.bob}
    assert talk.told_unread(talk.do(DeleteMessage(room=lounge, number=last.result.number), talk.ada)) == set()


def test_joining_and_leaving_is_nothing_to_read(talk: Talk) -> None:
    talk.join(talk.ada)
    outcome = talk.do(JoinChat(room=talk.house.lounge), talk.bob)
    assert outcome.of(UserUnread) == []
    assert outcome.result.last_said == 0
    assert talk.do(LeaveChat(room=talk.house.lounge), talk.bob).of(UserUnread) == []


def test_who_left_is_told_of_nothing(talk: Talk) -> None:
    for room in (talk.house.lounge, talk.house.stage):
        talk.join(talk.ada, talk.bob, room=room)
        talk.do(LeaveChat(room=room), talk.bob)
        talk.do(MarkRead(room=room, number=1), talk.bob)
        outcome = talk.say(talk.ada, room=room)
        assert talk.told_unread(outcome) == set()


def test_the_read_pointer_never_goes_back_and_never_past_the_last_word(talk: Talk) -> None:
    talk.join(talk.ada)
    numbers = [talk.say(talk.ada).result.number for _ in range(3)]

    def mark(number: int) -> int:
        outcome = talk.do(MarkRead(room=talk.house.lounge, number=number), talk.bob)
        return int(outcome.one(ReadMarked).state.read)

    assert mark(numbers[1]) == numbers[1]
    assert mark(numbers[0]) == numbers[1]
    assert mark(-5) == numbers[1]
    assert mark(2**53) == numbers[2]


def test_reading_on_is_seeing_the_notifications_up_to_there(talk: Talk) -> None:
    talk.join(talk.ada, talk.bob)
    first, second, third = (talk.say(talk.ada, mentions=(talk.bob,)).result for _ in range(3))

    def mark(number: int) -> tuple[int, tuple[int, ...]]:
        state = talk.do(MarkRead(room=talk.house.lounge, number=number), talk.bob).one(ReadMarked).state
        return state.read, state.notifications

    assert mark(second.number) == (second.number, (third.id,))
    assert mark(first.number) == (second.number, (third.id,))
    assert mark(third.number + 100) == (third.number, ())
    assert mark(first.number) == (third.number, ())


def test_what_a_silenced_user_may_covers_reading() -> None:
    assert "room:chat.read" in permission.SILENCED
    assert "room:chat.send" not in permission.SILENCED
