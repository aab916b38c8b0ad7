"""Presence as a whole: whatever people do, reference counts tell who is where, and every clap is in one sum."""

from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.core.house import House, Outcome

from hubbub.core.chat import SubscribeChat
from hubbub.core.error import Code
from hubbub.core.event import OccupancyChanged, Topic, VisitClosed, VisitOpened
from hubbub.core.reaction import ALLOWED
from hubbub.core.room import EnterRoom, LeaveRoom, ReactInRoom
from hubbub.core.user import BanUser, ReactivateUser

PEOPLE = 14
MODERATORS = 2
SECOND = timedelta(seconds=1)

people = st.integers(0, PEOPLE - 1)
places = st.integers(0, 1)
picks = st.integers(0, 10)


def bucket(count: int) -> str:
    return "none" if not count else "few" if count < 11 else "many"


class Presence(RuleBasedStateMachine):
    """The model is a set of connections for each room; the rest follows from that."""

    @initialize()
    def build(self) -> None:
        self.house = House()
        self.rooms = [self.house.stage, self.house.lounge]
        self.users = [
            self.house.person(f"P{n}", *(["moderator"] if n < MODERATORS else []), shown=n != PEOPLE - 1)
            for n in range(PEOPLE)
        ]
        self.hidden = {self.users[-1]}
        self.owner = self.house.owner()
        self.tabs: dict[int, list[int]] = {user: [] for user in self.users}
        self.visits: dict[int, set[tuple[int, int]]] = {room: set() for room in self.rooms}
        self.banned: set[int] = set()
        self.shown: dict[int, set[int]] = {room: set() for room in self.rooms}
        """What a client that sees the viewers of a room makes of the events that it gets."""
        self.told: dict[int, str] = dict.fromkeys(self.rooms, "none")
        self.last: dict[tuple[int, int, str], Any] = {}
        self.accepted: Counter[tuple[int, str]] = Counter()
        self.summed: Counter[tuple[int, str]] = Counter()

    # What people do

    @rule(who=people)
    def connect(self, who: int) -> None:
        user = self.users[who]
        if len(self.tabs[user]) < 3:
            self.tabs[user].append(self.house.connect(user))

    @rule(who=people, pick=picks, place=places)
    def enter(self, who: int, pick: int, place: int) -> None:
        user, room = self.users[who], self.rooms[place]
        if not self.tabs[user]:
            self.connect(who)
        tab = self.tabs[user][pick % len(self.tabs[user])]
        command = EnterRoom(room=room)
        if user in self.banned:
            assert self.house.refusal(command, user, session=tab) == Code.ROOM_DENIED
            return
        outcome = self.house.do(command, user, session=tab)
        self.visits[room].add((user, tab))
        self.hear(outcome, opened=[(room, user)] if user not in self.hidden else [])
        if who < MODERATORS:
            assert [one.id for one in outcome.result] == list(dict.fromkeys(one.id for one in outcome.result))
            assert {one.id for one in outcome.result} == self.here(room)
        else:
            assert outcome.result is None

    @rule(place=places)
    def crowd(self, place: int) -> None:
        for who in range(PEOPLE):
            self.enter(who, 0, place)

    @rule(who=people, pick=picks, place=places)
    def leave(self, who: int, pick: int, place: int) -> None:
        user, room = self.users[who], self.rooms[place]
        if not self.tabs[user] or user in self.banned:
            return
        tab = self.tabs[user][pick % len(self.tabs[user])]
        before = self.present(room)
        outcome = self.house.do(LeaveRoom(room=room), user, session=tab)
        self.visits[room].discard((user, tab))
        self.hear(outcome, closed=[(room, gone) for gone in before - self.present(room)])

    @rule(who=people, pick=picks)
    def drop(self, who: int, pick: int) -> None:
        user = self.users[who]
        if not self.tabs[user]:
            return
        tab = self.tabs[user].pop(pick % len(self.tabs[user]))
        before = {room: self.present(room) for room in self.rooms}
        outcome = self.house.log_out(user, tab)
        for room in self.rooms:
            self.visits[room].discard((user, tab))
        self.hear(outcome, closed=[(room, one) for room in self.rooms for one in before[room] - self.present(room)])

    @rule(who=people)
    def listen(self, who: int) -> None:
        user = self.users[who]
        if self.tabs[user] and user not in self.banned:
            self.house.do(SubscribeChat(room=self.house.lounge), user, session=self.tabs[user][0])

    @rule(who=people)
    def ban(self, who: int) -> None:
        user = self.users[who]
        before = {room: self.present(room) for room in self.rooms}
        outcome = self.house.do(BanUser(user=user), self.owner)
        self.banned.add(user)
        for room in self.rooms:
            self.visits[room] = {(one, tab) for one, tab in self.visits[room] if one != user}
        self.hear(outcome, closed=[(room, one) for room in self.rooms for one in before[room] - self.present(room)])

    @precondition(lambda self: self.banned)
    @rule(pick=picks)
    def reactivate(self, pick: int) -> None:
        user = sorted(self.banned)[pick % len(self.banned)]
        self.hear(self.house.do(ReactivateUser(user=user), self.owner))
        self.banned.discard(user)

    @rule(who=people, place=places, sign=st.sampled_from(ALLOWED[:2]))
    def react(self, who: int, place: int, sign: str) -> None:
        user, room = self.users[who], self.rooms[place]
        command = ReactInRoom(room=room, reaction=sign)
        if user in self.banned:
            assert self.house.refusal(command, user) == Code.ROOM_DENIED
            return
        assert self.house.do(command, user).events == []
        last = self.last.get((room, user, sign))
        if last is None or self.house.now - last >= 2 * SECOND:
            self.last[room, user, sign] = self.house.now
            self.accepted[room, sign] += 1

    @rule(tenths=st.integers(1, 25))
    def wait(self, tenths: int) -> None:
        """Let time pass, and take sums when they are due, as the community's timer does."""
        end = self.house.now + tenths * SECOND / 10
        while (due := self.house.state.reactions.next_due()) is not None and due <= end:
            assert due > self.house.now - SECOND
            self.house.now = max(self.house.now, due)
            self.take()
        self.house.now = end

    def take(self) -> None:
        for room, counts in self.house.state.reactions.take_due(self.house.now):
            assert counts
            for sign, count in counts.items():
                assert count > 0
                self.summed[room, sign] += count

    # What must hold

    def present(self, room: int) -> set[int]:
        return {user for user, _ in self.visits[room]}

    def here(self, room: int) -> set[int]:
        return self.present(room) - self.hidden

    def hear(self, outcome: Outcome, *, opened: Any = (), closed: Any = ()) -> None:
        """Follow the events as a client would, and check that they are the ones to be expected."""
        assert [(event.room, event.user) for event in outcome.of(VisitOpened)] == list(opened)
        told = [(event.room, event.user) for event in outcome.of(VisitClosed)]
        assert sorted(told) == sorted((room, user) for room, user in closed if user not in self.hidden)
        for room, user in opened:
            self.shown[room].add(user)
        for room, user in told:
            self.shown[room].remove(user)
        for event in outcome.of(OccupancyChanged):
            assert self.told[event.room] != event.users, "told again what had been told"
            self.told[event.room] = event.users

    @invariant()
    def viewers_are_those_who_are_here(self) -> None:
        for room in getattr(self, "rooms", ()):
            assert self.shown[room] == self.here(room)
            assert self.house.state.presence.occupants(room) == len(self.present(room))

    @invariant()
    def occupancy_has_been_told(self) -> None:
        for room in getattr(self, "rooms", ()):
            assert self.told[room] == bucket(len(self.present(room)))

    @invariant()
    def only_visitors_hear_what_visitors_hear(self) -> None:
        for room in getattr(self, "rooms", ()):
            visitors = {tab for _, tab in self.visits[room]}
            moderators = {tab for user, tab in self.visits[room] if user in self.users[:MODERATORS]}
            assert self.house.hears(Topic.VISITORS, room) == visitors
            assert self.house.hears(Topic.VIEWERS, room) == moderators

    @invariant()
    def reactions_are_counted_once(self) -> None:
        if hasattr(self, "accepted"):
            assert all(self.summed[key] <= count for key, count in self.accepted.items())
            assert self.summed.keys() <= self.accepted.keys()

    def teardown(self) -> None:
        if not hasattr(self, "house"):
            return
        for user, tabs in self.tabs.items():
            for tab in tabs:
                self.house.log_out(user, tab)
        assert set(self.house.state.presence.statistics().values()) == {0}
        assert self.house.hears_all() == set()
        self.house.advance(5 * SECOND)
        self.take()
        assert self.summed == self.accepted
        assert set(self.house.state.reactions.statistics().values()) == {0}


TestPresence = Presence.TestCase
TestPresence.settings = settings(max_examples=60, stateful_step_count=60)
