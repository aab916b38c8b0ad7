"""Presence as a whole: whatever people do, reference counts tell who is where, no two in a room have one name, and
every clap is in one sum."""

from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.core.house import House, Outcome

from hubbub.core.chat import SubscribeChat
from hubbub.core.error import Code
from hubbub.core.event import OccupancyChanged, Topic, VisitClosed, VisitOpened, VisitUpdated
from hubbub.core.handle import COLORS
from hubbub.core.moderation import BanVisitor, KickVisitor, LiftBan
from hubbub.core.presence import Visit
from hubbub.core.reaction import ALLOWED
from hubbub.core.room import EnterRoom, LeaveRoom, ReactInRoom
from hubbub.core.user import BanUser, ReactivateUser, UpdateProfile
from hubbub.core.visit import JoinRoom, SetBroadcasting, SetColor, SetHandle

PEOPLE = 14
MODERATORS = 2
SECOND = timedelta(seconds=1)

people = st.integers(0, PEOPLE - 1)
places = st.integers(0, 1)
picks = st.integers(0, 10)
names = st.sampled_from(["P0", "P3", "P5", "someone", "else"])
CHAT = [{"type": "chat.native", "config": {"volatile": True}}]


def bucket(count: int) -> str:
    return "none" if not count else "few" if count < 11 else "many"


class Presence(RuleBasedStateMachine):
    """The model is a set of connections for each room; the rest follows from that."""

    @initialize()
    def build(self) -> None:
        self.house = House()
        gallery = self.house.add_room("Gallery", CHAT, {"viewer": []})  # only moderators see who is there
        self.rooms = [gallery, self.house.lounge]
        self.users = [
            self.house.person(
                f"P{n}", *(["moderator"] if n < MODERATORS else []), client_id=str(n), shown=n != PEOPLE - 1
            )
            for n in range(PEOPLE)
        ]
        self.hidden = {self.users[-1]}
        self.owner = self.house.owner()
        self.tabs: dict[int, list[int]] = {user: [] for user in self.users}
        self.visits: dict[int, set[tuple[int, int]]] = {room: set() for room in self.rooms}
        self.banned: set[int] = set()
        self.kicked: set[tuple[int, int]] = set()
        self.barred: dict[tuple[int, int], int] = {}
        """Rooms and users: the ban from the room."""
        self.shown: dict[int, dict[int, Visit]] = {room: {} for room in self.rooms}
        """What a client that sees the viewers of a room makes of the events that it gets."""
        self.ended: set[int] = set()
        """The visits that are over."""
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

    @rule(who=people, pick=picks, place=places, joining=st.booleans())
    def enter(self, who: int, pick: int, place: int, joining: bool = False) -> None:
        user, room = self.users[who], self.rooms[place]
        if not self.tabs[user]:
            self.connect(who)
        tab = self.tabs[user][pick % len(self.tabs[user])]
        command = JoinRoom(room=room) if joining else EnterRoom(room=room)
        if refused := self.refusal_of(room, user):
            assert self.house.refusal(command, user, session=tab) == refused
            self.kicked -= {(room, user)} if refused is Code.KICKED else set()
            return
        first = user not in self.present(room)
        outcome = self.house.do(command, user, session=tab)
        self.visits[room].add((user, tab))
        self.hear(outcome, opened=[(room, user)] if user not in self.hidden else [])
        assert outcome.result.visit is self.house.visit_of(user, room)
        assert all(event.first == first for event in outcome.of(VisitOpened))
        if self.sees(room, user):
            seen = [one.id for one in outcome.result.viewers]
            assert len(seen) == len(set(seen))
            assert set(seen) == self.here(room)
        else:
            assert outcome.result.viewers is None

    def refusal_of(self, room: int, user: int) -> Code | None:
        """Say how somebody is refused who wants to come in."""
        if user in self.banned:
            return Code.ROOM_DENIED
        if (room, user) in self.kicked:
            return Code.KICKED
        return Code.BANNED if (room, user) in self.barred else None

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
        if self.tabs[user] and user not in self.banned and (self.house.lounge, user) not in self.barred:
            self.house.do(SubscribeChat(room=self.house.lounge), user, session=self.tabs[user][0])

    @rule(who=people, place=places, name=names)
    def rename(self, who: int, place: int, name: str) -> None:
        user, room = self.users[who], self.rooms[place]
        command = SetHandle(room=room, handle=name)
        if user in self.hidden or user in self.banned or (room, user) in self.barred:
            return
        if user not in self.present(room):
            assert self.house.refusal(command, user) == Code.VISIT_MISSING
        elif name in {visit.handle for visit in self.house.state.presence.visits[room].values()}:
            assert self.house.refusal(command, user) == Code.HANDLE_TAKEN
        else:
            outcome = self.house.do(command, user)
            self.hear(outcome)
            assert outcome.result.handle == self.house.user(user).display_name == name

    @rule(who=people, name=names)
    def call_themselves(self, who: int, name: str) -> None:
        user = self.users[who]
        if user not in self.banned and user not in self.hidden:
            self.hear(self.house.do(UpdateProfile(profile={"display_name": name}), user))

    @rule(who=people, place=places, color=st.sampled_from([None, *COLORS]), on=st.booleans())
    def change(self, who: int, place: int, color: str | None, on: bool) -> None:
        user, room = self.users[who], self.rooms[place]
        if user in self.present(room) and user not in self.hidden:
            self.hear(self.house.do(SetColor(room=room, color=color), user))
            if room == self.house.lounge or who < MODERATORS:
                self.hear(self.house.do(SetBroadcasting(room=room, on=on), user))

    @rule(who=people, place=places)
    def kick(self, who: int, place: int) -> None:
        user, room = self.users[who], self.rooms[place]
        if user not in self.present(room):
            return
        command = KickVisitor(room=room, visit=self.house.visit_of(user, room).id)
        if user in self.hidden:
            assert self.house.refusal(command, self.owner) == Code.VISIT_UNKNOWN
            return
        outcome = self.house.do(command, self.owner)
        self.kicked.add((room, user))
        self.sent_out(outcome, room, user)

    @rule(who=people, place=places)
    def bar(self, who: int, place: int) -> None:
        user, room = self.users[who], self.rooms[place]
        if user not in self.present(room) or user in self.hidden:
            return
        outcome = self.house.do(BanVisitor(room=room, visit=self.house.visit_of(user, room).id), self.owner)
        self.barred[room, user] = outcome.result.id
        self.sent_out(outcome, room, user)

    @precondition(lambda self: self.barred)
    @rule(pick=picks)
    def lift(self, pick: int) -> None:
        room, user = sorted(self.barred)[pick % len(self.barred)]
        self.hear(self.house.do(LiftBan(room=room, ban=self.barred.pop((room, user))), self.owner))

    def sent_out(self, outcome: Outcome, room: int, user: int) -> None:
        self.visits[room] = {(one, tab) for one, tab in self.visits[room] if one != user}
        self.hear(outcome, closed=[(room, user)])

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
        if user in self.banned or (room, user) in self.barred:
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

    def sees(self, room: int, user: int) -> bool:
        """Tell whether somebody may see who else is in a room."""
        return room == self.house.lounge or user in self.users[:MODERATORS]

    def present(self, room: int) -> set[int]:
        return {user for user, _ in self.visits[room]}

    def here(self, room: int) -> set[int]:
        return self.present(room) - self.hidden

    def hear(self, outcome: Outcome, *, opened: Any = (), closed: Any = ()) -> None:
        """Follow the events as a client would, and check that they are the ones to be expected."""
        assert [(event.room, event.user) for event in outcome.of(VisitOpened)] == list(opened)
        told = [(event.room, event.user) for event in outcome.of(VisitClosed)]
        assert sorted(told) == sorted((room, user) for room, user in closed if user not in self.hidden)
        for event in outcome.of(VisitOpened):
            assert event.first == (event.user not in self.shown[event.room])
            self.shown[event.room][event.user] = event.visit
        for event in outcome.of(VisitUpdated):
            assert self.shown[event.room][event.visit.user] == event.before
            self.shown[event.room][event.visit.user] = event.visit
        for event in outcome.of(VisitClosed):
            assert self.shown[event.room].pop(event.user).id == event.visit.id
            self.ended.add(event.visit.id)
        for event in outcome.of(OccupancyChanged):
            assert self.told[event.room] != event.users, "told again what had been told"
            self.told[event.room] = event.users

    @invariant()
    def viewers_are_those_who_are_here(self) -> None:
        for room in getattr(self, "rooms", ()):
            assert self.shown[room].keys() == self.here(room)
            assert all(visit == self.house.visit_of(user, room) for user, visit in self.shown[room].items())
            assert self.house.state.presence.occupants(room) == len(self.present(room))

    @invariant()
    def no_two_in_a_room_have_one_name(self) -> None:
        for room in getattr(self, "rooms", ()):
            visits = self.house.state.presence.visits.get(room, {}).values()
            handles = [visit.handle for visit in visits]
            assert len(handles) == len(set(handles))
            assert all(handles)
            assert all(visit.color in COLORS for visit in visits)

    @invariant()
    def a_visit_is_found_by_its_id_while_it_lasts(self) -> None:
        if not hasattr(self, "rooms"):
            return
        presence = self.house.state.presence
        found = {visit.id: visit for visits in presence.visits.values() for visit in visits.values()}
        assert len(found) == sum(map(len, presence.visits.values()))
        assert presence._by_id == found
        assert all(presence.visit_by_id(identity) is visit for identity, visit in found.items())
        assert not self.ended & found.keys()
        assert self.ended <= {visit.id for visit in presence.past_visits(self.house.now)}
        for room in self.rooms:
            tabs = {(visit.user, tab) for visit in presence.visits.get(room, {}).values() for tab in visit.sessions}
            assert tabs == self.visits[room]

    @invariant()
    def occupancy_has_been_told(self) -> None:
        for room in getattr(self, "rooms", ()):
            assert self.told[room] == bucket(len(self.present(room)))

    @invariant()
    def only_visitors_hear_what_visitors_hear(self) -> None:
        for room in getattr(self, "rooms", ()):
            visitors = {tab for _, tab in self.visits[room]}
            viewers = {tab for user, tab in self.visits[room] if self.sees(room, user)}
            assert self.house.hears(Topic.VISITORS, room) == visitors
            assert self.house.hears(Topic.VIEWERS, room) == viewers

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
        assert not self.house.state.presence._by_id
        assert self.house.hears_all() == set()
        self.house.advance(5 * SECOND)
        self.take()
        assert self.summed == self.accepted
        assert set(self.house.state.reactions.statistics().values()) == {0}


TestPresence = Presence.TestCase
TestPresence.settings = settings(max_examples=60, stateful_step_count=60)
