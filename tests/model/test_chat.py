"""Conversation as a whole: who belongs, who hears, what is unread, whatever people do in which order."""

from collections import defaultdict
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.core.house import OPEN, WORLD, House, Outcome

from hubbub.core.chat import (
    DeleteMessage,
    EditMessage,
    JoinChat,
    LeaveChat,
    PostMessage,
    ReactToMessage,
    SubscribeChat,
    UnsubscribeChat,
)
from hubbub.core.error import Code
from hubbub.core.event import (
    GrantGiven,
    GrantTaken,
    MemberJoined,
    MemberLeft,
    MemberReturned,
    MentionMissed,
    MessagePosted,
    MessageReacted,
    ReadMarked,
    RoomUpdated,
    Topic,
    UserNotified,
    UserUnread,
)
from hubbub.core.eviction import evict
from hubbub.core.model import Grant
from hubbub.core.reading import FetchMessages, MarkRead

PEOPLE = 4
SIGNS = ("👍", "🦄")

people = st.integers(0, PEOPLE - 1)
picks = st.integers(0, 20)
rooms = st.integers(0, 2)


class Chat(RuleBasedStateMachine):
    """Two lasting rooms, one of which is closed and opened, and a volatile one; P0 moderates.

    The model: lasting members and listening tabs by room, volatile members, who is to be told of unread, how far each
    has read, and every message as it reads now.
    """

    @initialize()
    def build(self) -> None:
        self.house = House()
        self.rooms = [self.house.lounge, self.house.stage, self.house.add_room("Third", CHAT, OPEN)]
        self.users = [self.house.person(f"P{n}", *(["moderator"] if not n else [])) for n in range(PEOPLE)]
        self.tabs = {user: [self.house.connect(user) for _ in range(2)] for user in self.users}
        self.open = True
        self.members: dict[int, set[int]] = {room: set() for room in self.rooms}
        self.volatile: dict[int, set[int]] = {room: set() for room in self.rooms}
        self.listening: dict[int, set[tuple[int, int]]] = {room: set() for room in self.rooms}
        self.unread: dict[int, set[int]] = {room: set() for room in self.rooms}
        self.read: dict[tuple[int, int], int] = defaultdict(int)
        self.notified: dict[tuple[int, int], list[int]] = defaultdict(list)
        self.messages: dict[int, dict[str, Any]] = {}
        self.last_number = 0

    # Who may what

    def may(self, user: int, room: int) -> bool:
        """Whether a user may read and write; in the third room, only moderators while it is closed."""
        return room != self.rooms[2] or self.open or user == self.users[0]

    def belongs(self, user: int, room: int) -> bool:
        return user in self.members[room] or user in self.volatile[room]

    def tab(self, who: int, pick: int) -> tuple[int, int]:
        user = self.users[who]
        return user, self.tabs[user][pick % len(self.tabs[user])]

    def attempt(self, command: Any, user: int, tab: int, *, belonging: bool = False) -> Outcome | None:
        """Do what is allowed, and see that the rest is refused."""
        room = command.room
        if not self.may(user, room):
            assert self.house.refusal(command, user, session=tab) == Code.ROOM_DENIED
            return None
        if belonging and not self.belongs(user, room):
            assert self.house.refusal(command, user, session=tab) == Code.CHAT_DENIED
            return None
        return self.house.do(command, user, session=tab)

    # Coming and going

    @rule(who=people, pick=picks, place=rooms, volatile=st.none() | st.booleans())
    def join(self, who: int, pick: int, place: int, volatile: bool | None) -> None:
        (user, tab), room = self.tab(who, pick), self.rooms[place]
        outcome = self.attempt(JoinChat(room=room, volatile=volatile), user, tab)
        if outcome is None:
            return
        is_volatile = room == self.house.stage
        brief = volatile if volatile is not None and not who else is_volatile
        if is_volatile:
            assert outcome.result.members == ()
        else:
            assert {one.id for one in outcome.result.members} == self.members[room], "as it was before"
        self.listening[room].add((user, tab))
        joined = user not in self.members[room] and not brief
        came = (*outcome.of(MemberJoined), *outcome.of(MemberReturned))
        assert [event.member.user for event in came] == [user] * joined
        if joined:
            self.members[room].add(user)
            self.volatile[room].discard(user)
            self.unread[room].add(user)
        elif user not in self.members[room] and user not in self.volatile[room]:
            self.volatile[room].add(user)
            self.unread[room].add(user)
        self.hear(outcome)

    @rule(who=people, pick=picks, place=rooms)
    def subscribe(self, who: int, pick: int, place: int) -> None:
        (user, tab), room = self.tab(who, pick), self.rooms[place]
        outcome = self.attempt(SubscribeChat(room=room), user, tab)
        if outcome:
            self.listening[room].add((user, tab))
            assert outcome.result.next_number == self.last_number + 1
            said = [n for n, one in self.messages.items() if one["room"] == room and one["kind"] == "text"]
            assert outcome.result.last_said == max(said, default=0)

    @rule(who=people, pick=picks, place=rooms)
    def unsubscribe(self, who: int, pick: int, place: int) -> None:
        (user, tab), room = self.tab(who, pick), self.rooms[place]
        self.house.do(UnsubscribeChat(room=room), user, session=tab)
        self.deafen(user, tab, room)

    @rule(who=people, pick=picks, place=rooms)
    def leave(self, who: int, pick: int, place: int) -> None:
        (user, tab), room = self.tab(who, pick), self.rooms[place]
        outcome = self.house.do(LeaveChat(room=room), user, session=tab)
        left = user in self.members[room]
        assert [event.member.user for event in outcome.of(MemberLeft)] == [user] * left
        self.deafen(user, tab, room)
        self.members[room].discard(user)
        self.volatile[room].discard(user)
        self.unread[room].discard(user)
        self.hear(outcome)

    @rule(who=people, pick=picks)
    def reconnect(self, who: int, pick: int) -> None:
        """Lose a connection, and come back with another."""
        user, tab = self.tab(who, pick)
        self.house.log_out(user, tab)
        self.tabs[user].remove(tab)
        self.tabs[user].append(self.house.connect(user))
        for room in self.rooms:
            self.deafen(user, tab, room)

    def deafen(self, user: int, tab: int, room: int) -> None:
        if (user, tab) not in self.listening[room]:
            return
        self.listening[room].discard((user, tab))
        if user not in {one for one, _ in self.listening[room]}:
            self.volatile[room].discard(user)
            if user not in self.members[room]:
                self.unread[room].discard(user)

    @rule()
    def close_or_open(self) -> None:
        """Let the third room be for moderators only, or for everybody again."""
        self.open = not self.open
        room = self.rooms[2]
        record = msgspec.structs.replace(self.house.state.rooms[room], trait_grants=OPEN if self.open else {})
        events: list[Any] = [RoomUpdated(world=WORLD, room=room, config=record)]
        self.house.happen(events[0])
        moved = evict(
            self.house.state, events, now=self.house.now, new_id=self.house.new_id, archive=self.house.cabinet
        )
        self.house._hear(moved)
        if not self.open:
            for user, tab in [one for one in self.listening[room] if one[0] != self.users[0]]:
                self.deafen(user, tab, room)

    # Talking

    @rule(who=people, pick=picks, place=rooms, mentions=st.lists(people, max_size=3))
    def post(self, who: int, pick: int, place: int, mentions: list[int]) -> None:
        (user, tab), room = self.tab(who, pick), self.rooms[place]
        mentioned = tuple(self.users[other] for other in mentions)
        command = PostMessage(room=room, body=f"{self.last_number}", mentions=mentioned)
        outcome = self.attempt(command, user, tab, belonging=True)
        if outcome is None:
            return
        others = set(mentioned) - {user}
        reached = {other for other in others if self.may(other, room) and (place == 1 or self.belongs(other, room))}
        assert {event.user for event in outcome.of(UserNotified)} == reached
        assert [set(event.missed) for event in outcome.of(MentionMissed)] == [others - reached] * bool(others - reached)
        for other in reached:
            self.notified[other, room].append(outcome.result.number)
        self.hear(outcome)

    @rule(who=people, pick=picks, which=picks, delete=st.booleans())
    def change(self, who: int, pick: int, which: int, delete: bool) -> None:
        said = [number for number, one in self.messages.items() if one["kind"] == "text"]
        if not said:
            return
        number = said[which % len(said)]
        message, (user, tab) = self.messages[number], self.tab(who, pick)
        room = message["room"]
        fields: dict[str, Any] = {"room": room, "number": number}
        command: Any = DeleteMessage(**fields) if delete else EditMessage(body="edited", **fields)
        own = message["sender"] == user
        allowed = own or not who if delete else own and not message["deleted"]
        if self.may(user, room) and self.belongs(user, room) and not allowed:
            assert self.house.refusal(command, user, session=tab) == Code.CHAT_DENIED
            return
        outcome = self.attempt(command, user, tab, belonging=True)
        if outcome:
            self.messages[number] |= {"body": "" if delete else "edited", "deleted": delete}
            assert outcome.one(MessagePosted).original.number == number
            self.hear(outcome)

    @rule(who=people, pick=picks, which=picks, sign=st.sampled_from(SIGNS), delete=st.booleans())
    def react(self, who: int, pick: int, which: int, sign: str, delete: bool) -> None:
        if not self.messages:
            return
        number = sorted(self.messages)[which % len(self.messages)]
        message, (user, tab) = self.messages[number], self.tab(who, pick)
        command = ReactToMessage(room=message["room"], number=number, reaction=sign, delete=delete)
        outcome = self.attempt(command, user, tab, belonging=True)
        if outcome is None:
            return
        given = message["reactions"].setdefault(sign, [])
        changes = (user in given) == delete
        assert len(outcome.of(MessageReacted)) == changes
        if changes:
            given.remove(user) if delete else given.append(user)
        expected = {sign: tuple(users) for sign, users in message["reactions"].items() if users}
        assert outcome.result.reactions == expected

    @rule(who=people, pick=picks, place=rooms, number=st.integers(-1, 60))
    def mark_read(self, who: int, pick: int, place: int, number: int) -> None:
        (user, tab), room = self.tab(who, pick), self.rooms[place]
        outcome = self.attempt(MarkRead(room=room, number=number), user, tab)
        if outcome is None:
            return
        self.read[user, room] = max(self.read[user, room], min(number, self.last_number))
        message = self.messages.get(number)
        if message and message["room"] == room:
            self.notified[user, room] = [one for one in self.notified[user, room] if one > number]
        elif number >= self.last_number:
            self.notified[user, room] = []
        state = outcome.one(ReadMarked).state
        assert (state.read, len(state.notifications)) == (self.read[user, room], len(self.notified[user, room]))
        if self.belongs(user, room):
            self.unread[room].add(user)

    @rule(who=people, pick=picks, place=rooms)
    def fetch(self, who: int, pick: int, place: int) -> None:
        (user, tab), room = self.tab(who, pick), self.rooms[place]
        outcome = self.attempt(FetchMessages(room=room, before=10_000), user, tab)
        if outcome:
            expected = [
                (number, one["body"], one["deleted"])
                for number, one in sorted(self.messages.items())
                if one["room"] == room and (place != 1 or one["kind"] != "system")
            ]
            assert [(one.number, one.body, one.deleted) for one in outcome.result] == expected[-50:]

    @rule(who=people, place=rooms, take=st.booleans())
    def moderate(self, who: int, place: int, take: bool) -> None:
        """Give or take a role that changes nothing here, so that permissions are worked out anew."""
        grant = Grant(world=WORLD, user=self.users[who], role="attendee", room=self.rooms[place])
        kind: Any = GrantTaken if take else GrantGiven
        self.house.happen(kind(world=WORLD, room=self.rooms[place], grant=grant))

    # What must hold

    def hear(self, outcome: Outcome) -> None:
        """Follow what is told, and check that it is told to those who may know it, once."""
        for event in outcome.of(MessagePosted):
            message = event.message
            assert message.number == self.last_number + 1, "numbers rise by one"
            self.last_number = message.number
            self.messages[message.number] = {
                "room": message.room,
                "kind": message.kind,
                "sender": message.sender,
                "body": message.body,
                "deleted": message.deleted,
                "reactions": {},
            }
            told = [user for unread in outcome.of(UserUnread) for user in unread.users]
            expected = {
                user for user in self.unread[message.room] if user != message.sender and self.may(user, message.room)
            }
            if message.kind == "system":
                assert told == []
            else:
                assert sorted(told) == sorted(expected)
                self.unread[message.room] -= expected

    @invariant()
    def membership_is_what_the_model_says(self) -> None:
        for room in getattr(self, "rooms", ()):
            assert self.house.state.members.get(room, {}).keys() == self.members[room]
            assert set(self.house.state.presence.volatile.get(room, ())) == self.volatile[room]
            assert self.house.state.unread.get(room, {}).keys() == self.unread[room]

    @invariant()
    def only_who_may_read_hears(self) -> None:
        for room in getattr(self, "rooms", ()):
            assert self.house.hears(Topic.CHAT, room) == {tab for _, tab in self.listening[room]}
            assert all(self.may(user, room) for user, _ in self.listening[room])

    @invariant()
    def notifications_are_counted(self) -> None:
        numbers = {one.id: one.number for one in self.house.cabinet.said()} if hasattr(self, "house") else {}
        for (user, room), notified in getattr(self, "notified", {}).items():
            state = self.house.state.read_states[user].get(room)
            assert [numbers[one] for one in (state.notifications if state else ())] == notified

    def teardown(self) -> None:
        if not hasattr(self, "house"):
            return
        for user, tabs in self.tabs.items():
            for tab in tabs:
                self.house.log_out(user, tab)
        assert set(self.house.state.presence.statistics().values()) == {0}
        assert self.house.hears_all() == set()


CHAT = [{"type": "chat.native", "config": {"volatile": False}}]

TestChat = Chat.TestCase
TestChat.settings = settings(max_examples=100, stateful_step_count=60)
