"""A conversation for tests."""

from typing import Any

from tests.core.house import House

from hubbub.core.chat import JoinChat, PostMessage
from hubbub.core.direct import OpenDirect
from hubbub.core.error import Code
from hubbub.core.event import UserUnread
from hubbub.core.model import Message
from hubbub.core.reading import FetchMessages


class Talk:
    """Some people in the lounge, each with a connection."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.ada, self.bob = house.person("Ada"), house.person("Bob")
        self.mo = house.person("Mo", "moderator")
        self.tabs = {user: house.connect(user) for user in (self.ada, self.bob, self.mo)}

    def do(self, command: Any, user: int) -> Any:
        return self.house.do(command, user, session=self.tabs.get(user, 0))

    def refusal(self, command: Any, user: int) -> Code:
        return self.house.refusal(command, user, session=self.tabs.get(user, 0))

    def join(self, *users: int, room: int = 0) -> None:
        for user in users:
            self.do(JoinChat(room=room or self.house.lounge), user)

    def say(self, user: int, body: str = "Hi", *, room: int = 0, **fields: Any) -> Any:
        return self.do(PostMessage(room=room or self.house.lounge, body=body, **fields), user)

    def fetch(self, user: int, *, room: int = 0, **fields: Any) -> list[Message]:
        command = FetchMessages(room=room or self.house.lounge, **{"before": 10_000, **fields})
        return list(self.do(command, user).result)

    def direct(self, user: int, *others: int, hide: bool = True) -> int:
        return int(self.do(OpenDirect(users=others, hide=hide), user).result.room.id)

    def conversations(self, user: int) -> list[int]:
        return [room.id for room in self.house.state.conversations(user)]

    def told_unread(self, outcome: Any) -> set[int]:
        return {user for event in outcome.of(UserUnread) for user in event.users}
