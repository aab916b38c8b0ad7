"""Polls: made, changed, voted on, seen and ended in time. The clock moves by hand."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.house import OPEN, START, House, Outcome

from hubbub.core import poll as poll_module
from hubbub.core.ballot import REMINDER, as_of, next_due, remind_at
from hubbub.core.direct import OpenDirect
from hubbub.core.error import Code
from hubbub.core.event import (
    DirectPosted,
    Event,
    MessagePosted,
    PollDeleted,
    PollPinned,
    PollReminded,
    PollsUnpinned,
    PollUpdated,
    PollVoted,
    UserUnread,
)
from hubbub.core.model import Message, Poll, PollOption
from hubbub.core.moderation import SilenceVisitor
from hubbub.core.poll import (
    APPOINTMENT,
    MAX_CONTENT,
    MAX_LASTING,
    MAX_OPTION,
    MAX_OPTIONS,
    MAX_OWN_POLLS,
    Choice,
    CreatePoll,
    DeletePoll,
    GetPoll,
    ListPolls,
    PinPoll,
    PollSight,
    SettlePolls,
    UnpinPolls,
    UpdatePoll,
    VotePoll,
)
from hubbub.core.room import DeleteRoom
from hubbub.core.user import BlockUser

HOUR = timedelta(hours=1)
CHAT = {"type": "chat.native", "config": {"volatile": False}}
POLLS = {"type": "poll", "config": {"active": True}}
TEA, MATE, NONE = "Tea", "Mate", 999


class Hall:
    """A room with talk and polls, and people: Ada and Bob take part, Mo manages polls, Vera only watches."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.room = house.add_room("Hall", [CHAT, POLLS], OPEN)
        self.ada, self.bob = house.person("Ada"), house.person("Bob")
        self.mo, self.vera = house.person("Mo", "moderator"), house.person("Vera", kind="bot")

    def make(self, user: int = 0, options: tuple[str, ...] = (TEA, MATE), **fields: Any) -> Poll:
        return self.made(user, options, **fields).poll

    def made(self, user: int = 0, options: tuple[str, ...] = (TEA, MATE), **fields: Any) -> PollSight:
        choices = tuple(Choice(content=content) for content in options)
        command = CreatePoll(**{"room": self.room, "content": "Tea?", "options": choices, **fields})
        return self.house.do(command, user or self.ada).result  # type: ignore[no-any-return]

    def update(self, poll: Poll, user: int = 0, **fields: Any) -> Outcome:
        return self.house.do(UpdatePoll(room=self.room, poll=poll.id, **fields), user or self.ada)

    def vote(self, poll: Poll, user: int, *places: int) -> Outcome:
        options = tuple(poll.options[place].id for place in places)
        return self.house.do(VotePoll(room=self.room, poll=poll.id, options=options), user)

    def no_vote(self, poll: Poll, user: int, *options: int) -> Code:
        return self.house.refusal(VotePoll(room=self.room, poll=poll.id, options=options), user)

    def see(self, poll: Poll, user: int = 0) -> PollSight:
        return self.house.do(GetPoll(room=self.room, poll=poll.id), user or self.ada).result  # type: ignore[no-any-return]

    def results(self, poll: Poll, user: int) -> list[int] | None:
        found = self.see(poll, user).results
        return None if found is None else list(found.values())

    def seen(self, user: int) -> list[int]:
        return [sight.poll.id for sight in self.house.do(ListPolls(room=self.room), user).result]

    def settle(self) -> Outcome:
        return self.house.do(SettlePolls(room=self.room), operator=True)

    def said(self) -> list[Message]:
        """Give what was said of polls in the hall."""
        return [message for message in self.house.cabinet.said() if message.room == self.room]

    def wait(self, delay: timedelta) -> None:
        self.house.advance(delay)

    def stored(self, poll: Poll) -> Poll:
        """Give what a restart would find."""
        return self.house.reloaded().polls[self.room][poll.id]


@pytest.fixture
def hall(house: House) -> Hall:
    return Hall(house)


def kinds(outcome: Outcome) -> list[type[Event]]:
    return [type(event) for event in outcome.events]


# Making


def test_a_poll_is_open_at_once_and_said_in_the_talk(hall: Hall) -> None:
    sight = hall.made(content="  Tea?\n")
    poll = sight.poll
    assert poll == Poll(
        id=poll.id,
        world=1,
        room=hall.room,
        by=hall.ada,
        content="Tea?",
        options=(PollOption(poll.options[0].id, TEA, 1), PollOption(poll.options[1].id, MATE, 2)),
        state="open",
        created=START,
        modified=START,
    )
    assert hall.stored(poll) == poll
    (message,) = hall.said()
    assert sight.message == message
    assert (message.kind, message.sender, message.body) == ("poll", hall.ada, "Created new poll 'Tea?'")
    event = {"type": "poll.created", "poll": poll.id, "subject": "Tea?", "state": "open", "user": hall.ada}
    assert message.event == event
    assert sight.results == {option.id: 0 for option in poll.options}


def test_a_draft_is_not_talked_of_until_it_opens(hall: Hall) -> None:
    sight = hall.made(hall.mo, state="draft")
    assert sight.message is None
    assert hall.said() == []
    outcome = hall.update(sight.poll, hall.mo, state="open")
    assert kinds(outcome) == [PollUpdated, MessagePosted]
    assert outcome.one(PollUpdated).before == "draft"
    (message,) = hall.said()
    assert outcome.result.message == message
    assert (message.kind, message.sender, message.event and message.event["type"]) == ("poll", hall.mo, "poll.created")


def test_nothing_is_said_where_nobody_can_talk(hall: Hall) -> None:
    hall.room = hall.house.add_room("Screen", [POLLS], OPEN)
    poll = hall.make(expires=START + HOUR)
    hall.wait(HOUR)
    assert kinds(hall.settle()) == [PollUpdated]
    assert hall.said() == []
    assert hall.stored(poll).state == "closed"


def test_nobody_has_something_unread_because_of_a_poll(hall: Hall) -> None:
    command = CreatePoll(room=hall.room, content="Tea?", options=(Choice(content=TEA),))
    assert hall.house.do(command, hall.ada).of(UserUnread) == []


def test_options_are_shown_in_their_order(hall: Hall) -> None:
    choices = (Choice(content="b", order=7), Choice(content="a", order=-7), Choice(content="c"))
    made = hall.house.do(CreatePoll(room=hall.room, content="?", options=choices), hall.ada).result
    assert [option.content for option in made.poll.ordered] == ["a", "c", "b"]
    assert list(made.results) == [option.id for option in made.poll.ordered]


@pytest.mark.parametrize(
    "fields",
    [
        {"content": ""},
        {"content": " \n"},
        {"content": "x" * (MAX_CONTENT + 1)},
        {"content": "a\0b"},
        {"content": "\ud800"},
        {"options": ()},
        {"options": tuple(Choice(content=str(number)) for number in range(MAX_OPTIONS + 1))},
        {"options": (Choice(content=" "),)},
        {"options": (Choice(),)},
        {"options": (Choice(content="x" * (MAX_OPTION + 1)),)},
        {"options": (Choice(content="x", order=2**31),)},
        {"options": (Choice(content="x", order=-(2**31)),)},
        {"expires": START},
        {"expires": START - HOUR},
        {"expires": START + MAX_LASTING + HOUR},
    ],
)
def test_what_makes_no_poll(hall: Hall, fields: dict[str, Any]) -> None:
    whole = {"room": hall.room, "content": "?", "options": (Choice(content=TEA),), **fields}
    assert hall.house.refusal(CreatePoll(**whole), hall.ada) is Code.INVALID


def test_options_of_a_new_poll_have_no_ids(hall: Hall) -> None:
    known = hall.make().options[0].id
    command = CreatePoll(room=hall.room, content="?", options=(Choice(content="x", id=known),))
    assert hall.house.refusal(command, hall.ada) is Code.OPTION_UNKNOWN


def test_the_largest_poll_there_can_be(hall: Hall) -> None:
    options = tuple(f"{number:0{MAX_OPTION}}" for number in range(MAX_OPTIONS))
    poll = hall.make(options=options, content="x" * MAX_CONTENT, expires=START + MAX_LASTING)
    assert hall.stored(poll) == poll


def test_a_room_has_only_so_many_polls(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poll_module, "MAX_POLLS", 2)
    first = hall.make(hall.mo)
    hall.make(hall.ada)
    full = CreatePoll(room=hall.room, content="?", options=(Choice(content=TEA),))
    for user in (hall.ada, hall.mo):
        assert hall.house.refusal(full, user) is Code.TOO_MANY
    hall.house.do(DeletePoll(room=hall.room, poll=first.id), hall.mo)
    hall.house.do(full, hall.ada)


def test_somebody_has_only_so_many_polls_at_once_unless_they_manage_them(hall: Hall) -> None:
    first = hall.make(expires=START + HOUR)
    for number in range(MAX_OWN_POLLS - 1):
        hall.make(state="draft" if number % 2 else "open")
    full = CreatePoll(room=hall.room, content="?", options=(Choice(content=TEA),))
    assert hall.house.refusal(full, hall.ada) is Code.TOO_MANY
    hall.house.do(full, hall.bob)
    for _ in range(MAX_OWN_POLLS + 1):
        hall.make(hall.mo)
    hall.wait(HOUR)  # what has ended counts no longer, whether or not anybody looked
    hall.house.do(full, hall.ada)
    assert hall.house.state.polls[hall.room][first.id].state == "open"


# Who may


def test_who_may_make_and_read_and_vote(hall: Hall) -> None:
    """Somebody without permissions in the room may nothing at all, a silenced one only look."""
    poll, choice = hall.make(), (Choice(content=TEA),)
    create = CreatePoll(room=hall.room, content="?", options=choice)
    look = ListPolls(room=hall.room)
    vote = VotePoll(room=hall.room, poll=poll.id, options=(poll.options[0].id,))
    for command in (create, look, GetPoll(room=hall.room, poll=poll.id), vote):
        assert hall.house.refusal(command, hall.vera) is Code.ROOM_DENIED
        assert hall.house.refusal(command) is Code.UNAUTHENTICATED
    hall.house.arrive(hall.bob, hall.room)
    hall.house.do(SilenceVisitor(room=hall.room, visit=hall.house.visit_of(hall.bob, hall.room).id), hall.mo)
    for command in (create, vote):
        assert hall.house.refusal(command, hall.bob) is Code.ROOM_DENIED
    assert hall.seen(hall.bob) == [poll.id]


def test_one_changes_ones_own_polls_and_managers_all(hall: Hall) -> None:
    own, other = hall.make(hall.ada), hall.make(hall.mo)
    hall.update(own, hall.ada, content="Mate?")
    hall.update(own, hall.mo, content="Coffee?")
    assert hall.stored(own).content == "Coffee?"
    for command in (
        UpdatePoll(room=hall.room, poll=other.id, state="closed"),
        DeletePoll(room=hall.room, poll=other.id),
    ):
        assert hall.house.refusal(command, hall.ada) is Code.ROOM_DENIED
        assert hall.house.refusal(command, hall.vera) is Code.ROOM_DENIED
    hall.house.do(DeletePoll(room=hall.room, poll=own.id), hall.ada)


def test_who_may_only_vote_makes_none(hall: Hall) -> None:
    hall.house.state.world.roles["participant"].remove("room:poll.create")
    command = CreatePoll(room=hall.room, content="?", options=(Choice(content=TEA),))
    assert hall.house.refusal(command, hall.house.person("Cy", "new")) is Code.ROOM_DENIED


def test_pinning_is_for_managers(hall: Hall) -> None:
    poll = hall.make(hall.ada)
    pin, unpin = PinPoll(room=hall.room, poll=poll.id), UnpinPolls(room=hall.room)
    for command in (pin, unpin, UpdatePoll(room=hall.room, poll=poll.id, pinned=True)):
        assert hall.house.refusal(command, hall.ada) is Code.ROOM_DENIED


@pytest.mark.parametrize("state", ["draft", "archived"])
def test_what_is_hidden_is_seen_by_its_maker_and_by_managers(hall: Hall, state: Any) -> None:
    poll = hall.make(hall.ada, state=state)
    assert [hall.seen(user) for user in (hall.ada, hall.mo, hall.bob)] == [[poll.id], [poll.id], []]
    for command in (
        GetPoll(room=hall.room, poll=poll.id),
        UpdatePoll(room=hall.room, poll=poll.id),
        VotePoll(room=hall.room, poll=poll.id, options=()),
    ):
        assert hall.house.refusal(command, hall.bob) is Code.POLL_UNKNOWN


@pytest.mark.parametrize("command", [GetPoll, UpdatePoll, DeletePoll, PinPoll])
def test_a_poll_of_another_room_or_of_none(hall: Hall, command: Any) -> None:
    elsewhere = Hall(hall.house).make()
    for poll in (NONE, elsewhere.id):
        assert hall.house.refusal(command(room=hall.room, poll=poll), hall.mo) is Code.POLL_UNKNOWN


def test_a_room_without_polls(hall: Hall) -> None:
    create = CreatePoll(room=hall.house.lounge, content="?", options=(Choice(content=TEA),))
    assert hall.house.refusal(create, hall.ada) is Code.MODULE_MISSING
    assert hall.house.refusal(ListPolls(room=hall.house.lounge), hall.ada) is Code.MODULE_MISSING
    assert hall.house.refusal(ListPolls(room=NONE), hall.ada) is Code.ROOM_UNKNOWN


def test_polls_that_are_switched_off(hall: Hall) -> None:
    poll = hall.make(expires=START + HOUR)
    hall.house.change_room(hall.room, modules=(CHAT, {"type": "poll", "config": {"active": False}}))
    for command in (
        CreatePoll(room=hall.room, content="?", options=(Choice(content=TEA),)),
        ListPolls(room=hall.room),
        GetPoll(room=hall.room, poll=poll.id),
        UpdatePoll(room=hall.room, poll=poll.id, content="!"),
        VotePoll(room=hall.room, poll=poll.id, options=()),
        DeletePoll(room=hall.room, poll=poll.id),
    ):
        assert hall.house.refusal(command, hall.mo) is Code.MODULE_INACTIVE
        assert hall.house.refusal(command, hall.vera) is Code.ROOM_DENIED
    hall.house.do(PinPoll(room=hall.room, poll=poll.id), hall.mo)
    hall.wait(HOUR)
    hall.settle()
    assert hall.stored(poll).state == "closed", "time passes whether or not it is switched on"


def test_a_module_without_a_configuration_is_switched_off(hall: Hall) -> None:
    hall.house.change_room(hall.room, modules=({"type": "poll"},))
    assert hall.house.refusal(ListPolls(room=hall.room), hall.mo) is Code.MODULE_INACTIVE


# Voting


def test_a_vote_replaces_the_one_before_and_none_takes_it_back(hall: Hall) -> None:
    poll = hall.make()
    assert hall.vote(poll, hall.bob, 0).one(PollVoted).vote.options == (poll.options[0].id,)
    hall.vote(poll, hall.mo, 0)
    assert hall.results(poll, hall.bob) == [2, 0]
    outcome = hall.vote(poll, hall.bob, 1)
    assert (outcome.result.answers, list(outcome.result.results.values())) == ((poll.options[1].id,), [1, 1])
    assert hall.vote(poll, hall.bob, 1).events == []
    gone = hall.vote(poll, hall.bob).one(PollVoted)
    assert (gone.vote, gone.void.user, gone.poll) == (None, hall.bob, poll.id)
    assert hall.results(poll, hall.mo) == [1, 0]
    assert hall.vote(poll, hall.bob).events == []


def test_a_single_poll_has_one_answer_and_a_multi_poll_any_number(hall: Hall) -> None:
    single, multi = hall.make(), hall.make(kind="multi")
    both = tuple(option.id for option in single.options)
    assert hall.no_vote(single, hall.bob, *both) is Code.INVALID
    assert hall.vote(multi, hall.bob, 1, 0, 1).result.answers == tuple(option.id for option in multi.options)
    assert hall.results(multi, hall.bob) == [1, 1]


@pytest.mark.parametrize("state", ["draft", "closed", "archived"])
def test_only_what_is_open_is_voted_on(hall: Hall, state: Any) -> None:
    poll = hall.make(hall.mo, state=state)
    assert hall.no_vote(poll, hall.mo, poll.options[0].id) is Code.POLL_CLOSED


def test_options_are_those_of_the_poll(hall: Hall) -> None:
    poll, other = hall.make(), hall.make()
    for option in (NONE, other.options[0].id):
        assert hall.no_vote(poll, hall.bob, option) is Code.OPTION_UNKNOWN
        assert hall.no_vote(poll, hall.bob, poll.options[0].id, option) is Code.OPTION_UNKNOWN


def test_a_vote_comes_too_late_at_the_instant_of_the_end(hall: Hall) -> None:
    poll = hall.make(expires=START + HOUR)
    hall.wait(HOUR - timedelta(microseconds=1))
    hall.vote(poll, hall.bob, 0)
    hall.wait(timedelta(microseconds=1))
    assert hall.no_vote(poll, hall.bob, poll.options[1].id) is Code.POLL_CLOSED


# Who sees what


def test_results_are_seen_by_voters_the_maker_and_managers_while_it_is_open(hall: Hall) -> None:
    poll = hall.make(hall.ada)
    host = hall.house.person("Host", kind="kiosk")
    hall.house.grant(host, "__kiosk", hall.room)
    assert [hall.results(poll, user) for user in (hall.ada, hall.mo, host, hall.bob)] == [[0, 0]] * 3 + [None]
    hall.vote(poll, hall.mo, 0)
    assert hall.see(poll, hall.bob).voters == {}
    assert hall.results(poll, hall.bob) is None
    assert list(hall.vote(poll, hall.bob, 1).result.results.values()) == [1, 1]
    assert hall.results(poll, hall.bob) == [1, 1]
    hall.vote(poll, hall.bob)
    assert hall.results(poll, hall.bob) is None, "who took the vote back waits like the others"
    hall.update(poll, state="closed")
    assert hall.results(poll, hall.bob) == [1, 0]


def test_early_results_are_seen_by_all(hall: Hall) -> None:
    poll = hall.make(early_results=True)
    assert hall.results(poll, hall.bob) == [0, 0]
    hall.update(poll, early_results=False)
    assert hall.results(poll, hall.bob) is None


def test_who_voted_for_what_is_seen_of_a_public_poll_alone(hall: Hall) -> None:
    public, secret = hall.make(early_results=True), hall.make(early_results=True, visibility="anonymous")
    for poll in (public, secret):
        for user in (hall.mo, hall.bob):
            hall.vote(poll, user, 0)
            hall.wait(timedelta(seconds=1))
    assert hall.see(public).voters == {public.options[0].id: (hall.mo, hall.bob), public.options[1].id: ()}
    assert hall.see(secret, hall.mo).voters == {}
    assert hall.results(secret, hall.bob) == [2, 0]


def test_a_poll_is_listed_as_it_is_seen(hall: Hall) -> None:
    first, second = hall.make(), hall.make(state="closed")
    hall.vote(first, hall.bob, 1)
    listed = hall.house.do(ListPolls(room=hall.room), hall.bob).result
    assert [(seen.poll.id, seen.answers) for seen in listed] == [(first.id, (first.options[1].id,)), (second.id, ())]
    assert listed == [hall.see(first, hall.bob), hall.see(second, hall.bob)]


# Changing


def test_what_is_left_out_stays(hall: Hall) -> None:
    poll = hall.make()
    hall.wait(HOUR)
    assert hall.update(poll).events == []
    assert hall.update(poll, content=" Tea? ").events == []
    changed = hall.update(poll, content="Mate?", kind="multi", visibility="anonymous").one(PollUpdated)
    assert changed.before == "open"
    assert (changed.poll.content, changed.poll.kind, changed.poll.visibility) == ("Mate?", "multi", "anonymous")
    assert (changed.poll.created, changed.poll.modified) == (START, START + HOUR)
    assert changed.poll.options == poll.options


def test_options_are_added_renamed_and_removed_with_their_votes(hall: Hall) -> None:
    poll = hall.make(options=(TEA, MATE, "Milk"), kind="multi")
    tea, mate, milk = poll.options
    hall.vote(poll, hall.ada, 0)
    hall.vote(poll, hall.bob, 0, 1)
    hall.vote(poll, hall.mo, 2)
    outcome = hall.update(
        poll, options=(Choice(content="Water"), Choice(id=milk.id, order=9), Choice(content="Yerba", id=mate.id))
    )
    water, *_ = outcome.result.poll.options
    assert outcome.result.poll.options == (
        PollOption(water.id, "Water", 1),
        PollOption(milk.id, "Milk", 9),
        PollOption(mate.id, "Yerba", 3),
    )
    changed = outcome.one(PollUpdated)
    assert [(vote.user, vote.options) for vote in changed.votes] == [(hall.bob, (mate.id,))]
    assert [vote.user for vote in changed.void] == [hall.ada]
    assert outcome.result.results == {water.id: 0, mate.id: 1, milk.id: 1}
    assert outcome.result.answers == ()
    assert tea.id not in hall.house.reloaded().tallies[poll.id]


@pytest.mark.parametrize("place", [0, 1])
def test_an_option_is_named_once_and_is_one_of_the_poll(hall: Hall, place: int) -> None:
    poll, other = hall.make(), hall.make()
    ids = (poll.options[0].id, poll.options[0].id) if place else (poll.options[0].id, other.options[0].id)
    command = UpdatePoll(room=hall.room, poll=poll.id, options=tuple(Choice(id=option) for option in ids))
    assert hall.house.refusal(command, hall.ada) is Code.OPTION_UNKNOWN


@pytest.mark.parametrize(
    "fields",
    [
        {"content": " "},
        {"options": ()},
        {"options": (Choice(),)},
        {"expires": START},
        {"options": (Choice(content=""),)},
    ],
)
def test_what_makes_no_change(hall: Hall, fields: dict[str, Any]) -> None:
    poll = hall.make()
    assert hall.house.refusal(UpdatePoll(room=hall.room, poll=poll.id, **fields), hall.ada) is Code.INVALID


def test_a_poll_is_gone_with_its_votes_but_what_was_said_stays(hall: Hall) -> None:
    poll = hall.make()
    for user in (hall.ada, hall.bob):
        hall.vote(poll, user, 0)
    outcome = hall.house.do(DeletePoll(room=hall.room, poll=poll.id), hall.mo)
    assert [vote.user for vote in outcome.one(PollDeleted).votes] == [hall.ada, hall.bob]
    state = hall.house.reloaded()
    assert (dict(state.poll_votes), dict(state.tallies), state.polls.get(hall.room)) == ({}, {}, None)
    assert len(hall.said()) == 1


def test_one_poll_of_a_room_is_pinned(hall: Hall) -> None:
    first, second = hall.make(), hall.make()
    assert hall.house.do(PinPoll(room=hall.room, poll=first.id), hall.mo).result.pinned
    outcome = hall.house.do(PinPoll(room=hall.room, poll=second.id), hall.mo).one(PollPinned)
    assert [poll.id for poll in outcome.unpinned] == [first.id]
    assert [hall.stored(poll).pinned for poll in (first, second)] == [False, True]
    hall.house.do(UnpinPolls(room=hall.room), hall.mo).one(PollsUnpinned)
    assert not hall.stored(second).pinned
    assert hall.house.do(UnpinPolls(room=hall.room), hall.mo).one(PollsUnpinned).polls == ()


def test_a_change_may_pin_and_unpin(hall: Hall) -> None:
    first, second = hall.make(), hall.make()
    assert kinds(hall.update(first, hall.mo, pinned=True)) == [PollPinned]
    assert kinds(hall.update(second, hall.mo, pinned=True, content="!")) == [PollUpdated, PollPinned]
    assert [hall.stored(poll).pinned for poll in (first, second)] == [False, True]
    assert hall.update(second, hall.mo, pinned=True).events == []
    archived = hall.update(second, hall.mo, pinned=False, state="archived")
    assert (archived.result.poll.pinned, archived.one(PollUpdated).poll.pinned) == (False, False)
    assert hall.update(first, hall.ada, pinned=False, content="?").result.poll.content == "?"


# The end


def test_ending_a_poll_is_said_once_with_its_results(hall: Hall) -> None:
    poll = hall.make(options=(TEA, MATE, "Milk"), kind="multi")
    hall.vote(poll, hall.bob, 0, 1)
    hall.vote(poll, hall.mo, 1)
    outcome = hall.update(poll, state="closed")
    assert kinds(outcome) == [PollUpdated, MessagePosted]
    message = hall.said()[-1]
    assert outcome.result.message == message
    assert (message.kind, message.sender, message.body) == ("system", None, "Poll 'Tea?' has expired")
    tea, mate, milk = (option.id for option in poll.options)
    assert message.event == {
        "type": "poll.finished",
        "poll": poll.id,
        "subject": "Tea?",
        "options": [
            {"id": tea, "content": TEA, "votes": 1, "voters": [hall.bob]},
            {"id": mate, "content": MATE, "votes": 2, "voters": [hall.bob, hall.mo]},
            {"id": milk, "content": "Milk"},
        ],
    }
    assert hall.update(poll, state="closed").events == []
    assert kinds(hall.update(poll, state="archived")) == [PollUpdated]
    assert len(hall.said()) == 2


def test_the_end_of_an_anonymous_poll_names_nobody(hall: Hall) -> None:
    poll = hall.make(visibility="anonymous")
    hall.vote(poll, hall.bob, 0)
    hall.update(poll, state="archived")
    event = hall.said()[-1].event
    assert event
    assert event["options"][0] == {"id": poll.options[0].id, "content": TEA, "votes": 1}


def test_a_poll_that_is_opened_again_ends_again_but_is_no_new_one(hall: Hall) -> None:
    poll = hall.make()
    for state in ("closed", "open", "closed"):
        hall.update(poll, state=state)
    assert [message.event and message.event["type"] for message in hall.said()] == [
        "poll.created",
        "poll.finished",
        "poll.finished",
    ]
    assert kinds(hall.update(poll, state="draft")) == [PollUpdated]
    assert hall.update(poll, state="open").result.message.event["type"] == "poll.created"


# In time


def test_a_poll_ends_at_its_instant(hall: Hall) -> None:
    hall.make(expires=START + HOUR)
    assert hall.settle().events == []
    hall.wait(HOUR)
    outcome = hall.settle()
    assert kinds(outcome) == [PollUpdated, MessagePosted]
    closed = outcome.one(PollUpdated)
    assert (closed.before, closed.poll.state, closed.poll.modified) == ("open", "closed", START + HOUR)
    assert (closed.session, hall.said()[-1].sender) == (0, None)
    assert hall.settle().events == []


@pytest.mark.parametrize("command", [ListPolls, GetPoll])
def test_who_looks_sees_it_as_of_now(hall: Hall, command: Any) -> None:
    poll = hall.make(expires=START + HOUR)
    hall.wait(9 * HOUR)
    fields = {"poll": poll.id} if command is GetPoll else {}
    outcome = hall.house.do(command(room=hall.room, **fields), hall.bob)
    assert kinds(outcome) == [PollUpdated, MessagePosted]
    found = outcome.result if command is GetPoll else outcome.result[0]
    assert (found.poll.state, list(found.results.values())) == ("closed", [0, 0])
    assert found.poll.modified == START + HOUR


def test_who_changes_it_after_its_end_changes_what_has_ended(hall: Hall) -> None:
    poll = hall.make(expires=START + HOUR)
    hall.wait(2 * HOUR)
    outcome = hall.update(poll, content="Tea!")
    assert [event.poll.state for event in outcome.of(PollUpdated)] == ["closed", "closed"]
    assert [event.before for event in outcome.of(PollUpdated)] == ["open", "closed"]
    assert len(hall.said()) == 2
    again = hall.update(poll, state="open")
    assert again.result.poll.expires is None, "it is open until somebody ends it"
    assert hall.settle().events == []
    later = hall.house.now + HOUR
    assert hall.update(poll, expires=later).result.poll.expires == later


def test_a_room_is_reminded_once_an_hour_before(hall: Hall) -> None:
    poll = hall.make(expires=START + 10 * HOUR)
    hall.wait(9 * HOUR - timedelta(seconds=1))
    assert hall.settle().events == []
    hall.wait(timedelta(seconds=1))
    outcome = hall.settle()
    assert kinds(outcome) == [PollReminded, MessagePosted]
    message = hall.said()[-1]
    assert (message.kind, message.sender, message.body) == ("system", None, "Poll 'Tea?' is about to expire")
    expires = int((START + 10 * HOUR).timestamp())
    assert message.event == {"type": "poll.reminder", "poll": poll.id, "subject": "Tea?", "expires": expires}
    assert hall.stored(poll).reminded
    assert hall.settle().events == []


def test_of_a_short_poll_when_three_quarters_are_over(hall: Hall) -> None:
    hall.make(expires=START + HOUR)
    hall.wait(timedelta(minutes=44))
    assert hall.settle().events == []
    hall.wait(timedelta(minutes=1))
    assert kinds(hall.settle()) == [PollReminded, MessagePosted]


def test_nobody_is_reminded_of_what_has_ended(hall: Hall) -> None:
    hall.make(expires=START + 10 * HOUR)
    hall.wait(10 * HOUR)
    assert kinds(hall.settle()) == [PollUpdated, MessagePosted]


def test_opening_a_poll_shortly_before_its_end_is_reminder_enough(hall: Hall) -> None:
    poll = hall.make(state="draft", expires=START + 10 * HOUR)
    hall.wait(9 * HOUR)
    assert hall.settle().events == [], "a draft waits"
    assert hall.update(poll, state="open").result.poll.reminded
    assert hall.settle().events == []
    assert not hall.update(poll, expires=START + 100 * HOUR).result.poll.reminded
    hall.wait(90 * HOUR)
    assert kinds(hall.settle()) == [PollReminded, MessagePosted]


@pytest.mark.parametrize("state", ["draft", "closed", "archived"])
def test_only_what_is_open_ends_by_itself(hall: Hall, state: Any) -> None:
    hall.make(state=state, expires=START + HOUR)
    hall.wait(2 * HOUR)
    assert hall.settle().events == []


def test_a_deleted_room_is_left_alone(hall: Hall) -> None:
    hall.make(expires=START + HOUR)
    hall.house.do(DeleteRoom(room=hall.room), hall.house.owner())
    assert next_due(hall.house.state, hall.room) is None
    hall.wait(HOUR)
    assert hall.settle().events == []
    assert hall.house.do(SettlePolls(room=NONE), operator=True).events == []


def test_what_is_due_next(hall: Hall) -> None:
    def due() -> datetime | None:
        return APPOINTMENT.next_due(hall.house.state, hall.room)

    assert due() is None
    hall.make()
    assert due() is None
    later, sooner = hall.make(expires=START + 40 * HOUR), hall.make(expires=START + 20 * HOUR)
    assert list(APPOINTMENT.places(hall.house.state)) == [hall.room]
    assert due() == START + 20 * HOUR - REMINDER
    hall.house.now = START + 19 * HOUR
    hall.house.do(APPOINTMENT.settle(hall.room), operator=True)
    assert due() == START + 20 * HOUR
    hall.update(sooner, state="closed")
    assert due() == START + 40 * HOUR - REMINDER
    hall.house.do(DeletePoll(room=hall.room, poll=later.id), hall.ada)
    assert due() is None


@given(
    lasting=st.timedeltas(timedelta(microseconds=1), MAX_LASTING), passed=st.timedeltas(timedelta(), MAX_LASTING * 2)
)
def test_a_poll_is_reminded_of_between_its_beginning_and_its_end(lasting: timedelta, passed: timedelta) -> None:
    poll = Poll(
        id=1, world=1, room=1, by=1, content="?", state="open", created=START, modified=START, expires=START + lasting
    )
    reminder = remind_at(poll)
    assert reminder
    assert START <= reminder <= START + lasting
    assert (as_of(poll, START + passed).state == "closed") == (passed >= lasting)


# Between two people


def test_two_people_vote_in_their_conversation(hall: Hall) -> None:
    hall.room = hall.house.do(OpenDirect(users=(hall.bob,)), hall.ada).result.room.id
    command = CreatePoll(room=hall.room, content="Tea?", options=(Choice(content=TEA), Choice(content=MATE)))
    outcome = hall.house.do(command, hall.ada)
    told = outcome.one(DirectPosted)
    assert set(told.users) == {hall.ada, hall.bob}
    assert told.message == outcome.result.message
    poll = outcome.result.poll
    hall.vote(poll, hall.bob, 0)
    assert hall.no_vote(poll, hall.mo, poll.options[0].id) is Code.CHAT_DENIED
    assert hall.house.refusal(DeletePoll(room=hall.room, poll=poll.id), hall.bob) is Code.ROOM_DENIED
    assert hall.update(poll, hall.ada, state="closed").one(DirectPosted).message.sender is None


def test_between_who_is_blocked_and_who_blocked_polls_rest(hall: Hall) -> None:
    """Once the end of a poll was said all the same."""
    place = hall.house.do(OpenDirect(users=(hall.bob,)), hall.ada).result.room.id
    command = CreatePoll(room=place, content="?", options=(Choice(content=TEA),))
    poll = hall.house.do(command, hall.ada).result.poll
    hall.house.do(BlockUser(user=hall.ada), hall.bob)
    end = UpdatePoll(room=place, poll=poll.id, state="closed")
    vote = VotePoll(room=place, poll=poll.id, options=(poll.options[0].id,))
    for one in (command, end, vote):
        assert hall.house.refusal(one, hall.ada) is Code.CHAT_DENIED
    assert hall.house.refusal(vote, hall.bob) is Code.CHAT_DENIED
    assert hall.house.do(GetPoll(room=place, poll=poll.id), hall.ada).result.poll == poll
