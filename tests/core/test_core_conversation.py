"""Direct conversations as lists show them, and what people like (protocols/groupme.md 2.4, 2.5)."""

from datetime import timedelta

import pytest
from tests.core.house import House

from hubbub.core.chat import HEART, LeaveChat, PostMessage, ReactToMessage
from hubbub.core.direct import DirectSight, GetDirect, ListDirects, OpenDirect, SendDirect
from hubbub.core.error import Code
from hubbub.core.group import CreateGroup, GroupSettings
from hubbub.core.joining import AddMembers, NewMember
from hubbub.core.model import Message
from hubbub.core.pin import PinMessage
from hubbub.core.reading import LONG_AGO, ListLiked
from hubbub.core.takeover import TakeOverDirect
from hubbub.core.user import SilenceUser


class Post:
    """Ada, Bob and Cleo, who may write to each other."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.ada, self.bob, self.cleo = house.person("Ada"), house.person("Bob"), house.person("Cleo")
        for user in (self.ada, self.bob, self.cleo):
            house.grant(user, "member")

    def send(self, user: int, other: int, body: str = "Hi") -> Message:
        found: Message = self.house.do(SendDirect(user=other, body=body), user).result
        return found

    def listed(self, user: int, **more: int) -> list[DirectSight]:
        return list(self.house.do(ListDirects(**more), user).result)

    def look(self, user: int, room: int) -> DirectSight:
        found: DirectSight = self.house.do(GetDirect(room=room), user).result
        return found


@pytest.fixture
def post(house: House) -> Post:
    return Post(house)


def test_the_last_spoken_in_comes_first(post: Post) -> None:
    bob, cleo = post.send(post.ada, post.bob), post.send(post.cleo, post.ada)
    assert [sight.last for sight in post.listed(post.ada)] == [cleo, bob]
    again = post.send(post.bob, post.ada, "Hello")
    assert [(sight.last, sight.count) for sight in post.listed(post.ada)] == [(again, 2), (cleo, 1)]
    assert [sight.last for sight in post.listed(post.ada, skip=1)] == [cleo]
    assert [sight.last for sight in post.listed(post.ada, count=1)] == [again]
    assert post.listed(post.ada, skip=-1, count=-1) == []


def test_what_only_says_whom_it_is_between_does_not_count(post: Post) -> None:
    said = post.send(post.ada, post.bob)
    sight = post.look(post.bob, said.room)
    assert (sight.last, sight.count, sight.opening) == (said, 1, said.number - 1)
    post.house.do(PinMessage(room=said.room, number=said.number), post.ada)
    assert post.look(post.bob, said.room).count == 2  # a notice does


def test_one_that_came_from_elsewhere_has_no_opening(post: Post) -> None:
    users = (post.ada, post.bob)
    command = TakeOverDirect(source="groupme", foreign="1+2", users=users, created=post.house.now)
    post.house.do(command, operator=True)
    said = post.send(post.ada, post.bob)
    assert (post.look(post.ada, said.room).count, post.look(post.ada, said.room).opening) == (1, 0)


def test_some_are_not_listed(post: Post) -> None:
    silent = post.house.do(OpenDirect(users=(post.bob,)), post.ada).result.room
    crowd = post.house.do(OpenDirect(users=(post.bob, post.cleo)), post.ada).result.room
    post.house.do(PostMessage(room=crowd.id, body="you two"), post.ada)
    hidden = post.send(post.ada, post.cleo)
    post.house.do(LeaveChat(room=hidden.room), post.ada)
    assert post.listed(post.ada) == []
    assert (post.look(post.ada, silent.id).last, post.look(post.ada, silent.id).count) == (None, 0)


def test_only_those_whom_it_is_between_look(post: Post) -> None:
    said = post.send(post.ada, post.bob)
    assert post.house.refusal(GetDirect(room=said.room), post.cleo) is Code.CHAT_DENIED
    assert post.house.refusal(GetDirect(room=post.house.lounge), post.ada) is Code.ROOM_UNKNOWN
    post.house.do(SilenceUser(user=post.ada), operator=True)
    assert post.look(post.ada, said.room).count == 1


def test_what_somebody_likes_and_what_others_like_of_theirs(post: Post) -> None:
    room = post.house.do(CreateGroup(settings=GroupSettings(name="Pub")), post.ada).result.id
    post.house.do(AddMembers(room=room, members=(NewMember(user=post.bob),)), post.ada)
    hers, own = (post.house.do(PostMessage(room=room, body=body), post.ada).result for body in ("hers", "own"))
    for user, message in ((post.bob, hers), (post.ada, own)):
        post.house.do(ReactToMessage(room=room, number=message.number, reaction=HEART), user)

    def liked(**more: int) -> list[str]:
        found = post.house.do(ListLiked(room=room, since=LONG_AGO, **more), post.ada).result
        return [message.body for message in found]

    assert liked() == ["own", "hers"]
    assert (liked(by=post.bob), liked(by=post.ada), liked(by=post.cleo)) == (["hers"], ["own"], [])
    assert (liked(sender=post.ada), liked(sender=post.bob)) == (["hers"], [])
    post.house.do(ReactToMessage(room=room, number=own.number, reaction=HEART), post.bob)
    assert liked(sender=post.ada) == ["own", "hers"]
    later = post.house.now + timedelta(days=1)
    assert post.house.do(ListLiked(room=room, since=later), post.ada).result == []
