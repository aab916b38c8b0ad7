"""Gatherings: when they are, who comes, and what is said of them (protocols/groupme.md 1.2, 2.7)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.house import House, Outcome

from hubbub.core import gathering as gathering_module
from hubbub.core.chat import JoinChat
from hubbub.core.error import Code, HubbubError
from hubbub.core.event import (
    GatheringAnswered,
    GatheringCancelled,
    GatheringCreated,
    GatheringReminded,
    GatheringStarted,
    GatheringUpdated,
    MessagePosted,
)
from hubbub.core.gathering import (
    APPOINTMENT,
    LATE,
    MAX_DESCRIPTION,
    MAX_NAME,
    MAX_SPAN,
    REMINDERS,
    AnswerGathering,
    CancelGathering,
    CreateGathering,
    GatheringSight,
    GetGathering,
    ListGatherings,
    Place,
    SettleGatherings,
    UpdateGathering,
    When,
    next_due,
    to_instant,
    zone_of,
)
from hubbub.core.group import CreateGroup, GroupSettings, SetAdmin
from hubbub.core.joining import AddMembers, LeaveGroup, NewMember, RejoinGroup
from hubbub.core.model import Gathering
from hubbub.core.room import DeleteRoom
from hubbub.core.user import SilenceUser

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
NEW_YORK = "America/New_York"


class Club:
    """A private group of Ada, who owns it, Bob and Cleo; Dan is outside."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.ada, self.bob, self.cleo, self.dan = (house.person(name) for name in ("Ada", "Bob", "Cleo", "Dan"))
        house.grant(self.ada, "member")
        self.room: int = house.do(CreateGroup(settings=GroupSettings(name="Club")), self.ada).result.id
        members = (NewMember(user=self.bob, nickname="Bobby"), NewMember(user=self.cleo))
        house.do(AddMembers(room=self.room, members=members), self.ada)

    def do(self, kind: Callable[..., Any], by: int, /, **fields: Any) -> Outcome:
        return self.house.do(kind(room=self.room, **fields), by, operator=not by)

    def refusal(self, kind: Callable[..., Any], by: int, /, **fields: Any) -> Code:
        return self.house.refusal(kind(room=self.room, **fields), by)

    def at(self, delay: timedelta, lasting: timedelta = HOUR) -> When:
        start = self.house.now + delay
        return When(start=start, end=start + lasting)

    def make(self, by: int = 0, delay: timedelta = 24 * HOUR, **fields: Any) -> Gathering:
        command = {"name": "Picnic", "when": self.at(delay), **fields}
        found: Gathering = self.do(CreateGathering, by or self.bob, **command).result.gathering
        return found

    def answer(self, by: int, gathering: Gathering, answer: str | None) -> Outcome:
        return self.do(AnswerGathering, by, gathering=gathering.id, answer=answer)

    def set(self, by: int, gathering: Gathering, **fields: Any) -> Outcome:
        return self.do(UpdateGathering, by, gathering=gathering.id, **fields)

    def sight(self, gathering: Gathering) -> GatheringSight:
        found: GatheringSight = self.do(GetGathering, self.bob, gathering=gathering.id).result
        return found

    def pass_time(self, delay: timedelta) -> list[str]:
        """Let time pass, keep the appointments as the server does, and give what is said."""
        end, found = self.house.now + delay, []
        while (due := next_due(self.house.state, self.room)) and due <= end:
            self.house.now = max(self.house.now, due)
            found += self.settle()
        self.house.now = end
        return found

    def settle(self) -> list[str]:
        return said(self.do(SettleGatherings, 0))


@pytest.fixture
def club(house: House) -> Club:
    return Club(house)


def said(outcome: Outcome) -> list[str]:
    return [event.message.body for event in outcome.of(MessagePosted)]


def told(outcome: Outcome) -> dict[str, Any]:
    event: dict[str, Any] = outcome.one(MessagePosted).message.event
    return event


# Making


def test_a_new_gathering(club: Club) -> None:
    place = Place(name="The park", address="Park Street 1", latitude=52.5, longitude=13.4)
    when = When(start=datetime(2024, 7, 1, 18), end=datetime(2024, 7, 1, 20), timezone=NEW_YORK)
    outcome = club.do(
        CreateGathering,
        club.bob,
        name=" Picnic ",
        when=when,
        description="Bring\nfood",
        place=place,
        picture="https://a/b",
        reminders=(3600, 0, 3600),
    )
    sight = outcome.result
    made = sight.gathering
    assert (made.name, made.description, made.picture, made.by) == ("Picnic", "Bring\nfood", "https://a/b", club.bob)
    assert made.place == {"name": "The park", "address": "Park Street 1", "latitude": 52.5, "longitude": 13.4}
    assert (made.start, made.end) == (datetime(2024, 7, 1, 22, tzinfo=UTC), datetime(2024, 7, 2, tzinfo=UTC))
    assert (made.timezone, made.all_day, made.reminders) == (NEW_YORK, False, (0, 3600))
    assert (made.created, made.modified) == (club.house.now, club.house.now)
    assert (sight.going, sight.not_going) == ((club.bob,), ()), "who makes it comes"
    assert said(outcome) == ["Bobby created event 'Picnic'"]
    message = outcome.one(MessagePosted).message
    assert (message.sender, message.kind, sight.message) == (club.bob, "system", message)
    who = {"user": club.bob, "nickname": "Bobby"}
    assert message.event == {"type": "calendar.created", **who, "gathering": made.id, "name": "Picnic"}
    assert outcome.one(GatheringCreated).answer.answer == "going"
    assert club.sight(made) == msgspec.structs.replace(sight, message=None)


def test_names_with_braces_are_only_names(club: Club) -> None:
    outcome = club.do(CreateGathering, club.bob, name="{by} {0}", when=club.at(HOUR))
    assert said(outcome) == ["Bobby created event '{by} {0}'"]
    assert said(club.set(club.bob, outcome.result.gathering, description="x")) == [
        "Bobby updated the description for the event '{by} {0}'"
    ]


def test_who_may_make_one(club: Club) -> None:
    house, fields = club.house, {"name": "Picnic", "when": club.at(HOUR)}
    assert club.refusal(CreateGathering, club.dan, **fields) == Code.ROOM_DENIED
    house.change_room(club.room, group="closed")
    assert club.make(club.cleo)
    house.change_room(club.room, group="announcement")
    assert club.refusal(CreateGathering, club.cleo, **fields) == Code.CHAT_DENIED
    assert club.make(club.ada)
    by_operator = club.do(CreateGathering, 0, **fields)
    assert (by_operator.result.going, said(by_operator)) == ((), ["Somebody created event 'Picnic'"])
    house.change_room(club.room, group="private")
    house.do(SilenceUser(user=club.bob), house.owner())
    assert club.refusal(CreateGathering, club.bob, **fields) == Code.ROOM_DENIED


def test_only_groups_have_gatherings(club: Club) -> None:
    house, boss = club.house, club.house.owner()
    for room in (house.stage, house.shed, 12345):
        for command in (
            CreateGathering(room=room, name="x", when=club.at(HOUR)),
            ListGatherings(room=room),
            GetGathering(room=room, gathering=1),
            AnswerGathering(room=room, gathering=1, answer="going"),
            CancelGathering(room=room, gathering=1),
        ):
            assert house.refusal(command, boss) == Code.ROOM_UNKNOWN
    house.do(JoinChat(room=house.lounge), club.bob)
    command = CreateGathering(room=house.lounge, name="x", when=club.at(HOUR))
    assert house.do(command, club.bob).result.going == (club.bob,)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": " "},
        {"name": "x" * (MAX_NAME + 1)},
        {"name": "a\0"},
        {"description": "x" * (MAX_DESCRIPTION + 1)},
        {"description": "\ud800"},
        {"picture": "x" * 2001},
        {"picture": "a\nb"},
        {"place": Place(name="x" * 301)},
        {"place": Place(address="a\0")},
        {"place": Place(latitude=91, longitude=0)},
        {"place": Place(latitude=0, longitude=-180.1)},
        {"place": Place(latitude=float("nan"), longitude=0)},
        {"place": Place(latitude=float("inf"), longitude=0)},
        {"place": Place(latitude=5)},
        {"place": Place(longitude=5)},
        {"reminders": (1,)},
        {"reminders": (-300,)},
        {"reminders": (0, 300, 900)},
        {"when": When(start=datetime(1969, 12, 31))},
        {"when": When(start=datetime(2200, 1, 1))},
        {"when": When(start=datetime.min)},
        {"when": When(start=datetime.max.replace(tzinfo=UTC))},
        {"when": When(start=datetime(2024, 7, 2), end=datetime(2024, 7, 1))},
        {"when": When(start=datetime(2024, 7, 1, 12), end=datetime(2024, 7, 1, 13, tzinfo=timezone(2 * HOUR)))},
        {"when": When(start=datetime(2024, 7, 2), end=datetime(2024, 7, 1), all_day=True)},
        {"when": When(start=datetime(2024, 7, 1), end=datetime(2024, 7, 1) + MAX_SPAN + SECOND)},
        {"when": When(start=datetime(2024, 7, 1), end=datetime(9999, 7, 1), all_day=True)},
        *({"when": When(start=datetime(2024, 7, 1), timezone=zone)} for zone in ("", "Mars", "../etc/passwd", "/etc")),
        *({"when": When(start=datetime(2024, 7, 1), timezone=zone)} for zone in ("America", "localtime", "x\0", "É")),
    ],
)
def test_what_makes_no_sense(club: Club, fields: dict[str, Any]) -> None:
    made = club.make()
    assert (
        club.refusal(CreateGathering, club.bob, **{"name": "Picnic", "when": club.at(HOUR), **fields}) == Code.INVALID
    )
    assert club.refusal(UpdateGathering, club.bob, gathering=made.id, **fields) == Code.INVALID


def test_nothing_is_no_place(club: Club) -> None:
    assert club.make(place=Place()).place is None
    assert club.make(place=Place(latitude=0, longitude=0)).place == {"latitude": 0, "longitude": 0}


def test_there_are_so_many(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering_module, "MAX_OWN", 2)
    fields = {"name": "Picnic", "when": club.at(HOUR)}
    for _ in range(2):
        club.make(club.bob, HOUR)
    assert club.refusal(CreateGathering, club.bob, **fields) == Code.TOO_MANY
    assert club.make(club.cleo) and club.make(club.ada) and club.make(club.ada) and club.make(club.ada)
    club.house.advance(3 * HOUR)
    assert club.make(club.bob), "what is over does not count"
    monkeypatch.setattr(gathering_module, "MAX_GATHERINGS", 7)
    assert club.refusal(CreateGathering, club.ada, **fields) == Code.TOO_MANY


# When it is


def instants(when: When) -> tuple[datetime, datetime]:
    found = gathering_module._times(when)
    return found["start"], found["end"]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("moment", "zone", "instant"),
    [
        (datetime(2024, 1, 10, 12), NEW_YORK, utc(2024, 1, 10, 17)),
        (datetime(2024, 7, 10, 12), NEW_YORK, utc(2024, 7, 10, 16)),
        (datetime(2024, 7, 10, 12, tzinfo=timezone(2 * HOUR)), NEW_YORK, utc(2024, 7, 10, 10)),
        (datetime(2024, 7, 10, 12), "UTC", utc(2024, 7, 10, 12)),
        (datetime(2024, 7, 10, 12), "Asia/Kolkata", utc(2024, 7, 10, 6, 30)),
        # The clock skips from 2 to 3: as much later.
        (datetime(2024, 3, 10, 2, 30), NEW_YORK, utc(2024, 3, 10, 7, 30)),
        (datetime(2024, 3, 31, 2), "Europe/Berlin", utc(2024, 3, 31, 1)),
        # The hour from 1 to 2 comes twice: the first.
        (datetime(2024, 11, 3, 1, 30), NEW_YORK, utc(2024, 11, 3, 5, 30)),
        (datetime(2024, 11, 3, 1, 30, fold=1), NEW_YORK, utc(2024, 11, 3, 5, 30)),
        (datetime(2024, 10, 27, 2, 30), "Europe/Berlin", utc(2024, 10, 27, 0, 30)),
        # An offset says which of the two.
        (datetime(2024, 11, 3, 1, 30, tzinfo=timezone(-5 * HOUR)), NEW_YORK, utc(2024, 11, 3, 6, 30)),
        # A whole day is skipped: Samoa went over the date line.
        (datetime(2011, 12, 30, 12), "Pacific/Apia", utc(2011, 12, 30, 22)),
        # Half an hour.
        (datetime(2024, 10, 6, 2, 15), "Australia/Lord_Howe", utc(2024, 10, 5, 15, 45)),
    ],
)
def test_wall_clocks(moment: datetime, zone: str, instant: datetime) -> None:
    assert to_instant(moment, zone_of(zone)) == instant
    assert instants(When(start=moment, timezone=zone)) == (instant, instant)


@pytest.mark.parametrize(
    ("start", "end", "zone", "first", "last"),
    [
        (datetime(2024, 7, 1), None, NEW_YORK, utc(2024, 7, 1, 4), utc(2024, 7, 2, 4)),
        (datetime(2024, 7, 1), datetime(2024, 7, 1), NEW_YORK, utc(2024, 7, 1, 4), utc(2024, 7, 2, 4)),
        (datetime(2024, 7, 1, 15), datetime(2024, 7, 1, 9), NEW_YORK, utc(2024, 7, 1, 4), utc(2024, 7, 2, 4)),
        (datetime(2024, 7, 1), datetime(2024, 7, 2), NEW_YORK, utc(2024, 7, 1, 4), utc(2024, 7, 2, 4)),
        (datetime(2024, 7, 1), datetime(2024, 7, 2, 0, 1), NEW_YORK, utc(2024, 7, 1, 4), utc(2024, 7, 3, 4)),
        (utc(2024, 7, 2, 3), utc(2024, 7, 2, 5), NEW_YORK, utc(2024, 7, 1, 4), utc(2024, 7, 3, 4)),
        # Days of 23 and of 25 hours.
        (datetime(2024, 3, 10), None, NEW_YORK, utc(2024, 3, 10, 5), utc(2024, 3, 11, 4)),
        (datetime(2024, 11, 3), None, NEW_YORK, utc(2024, 11, 3, 4), utc(2024, 11, 4, 5)),
        # A day without midnight begins at one.
        (datetime(2024, 4, 26), None, "Africa/Cairo", utc(2024, 4, 25, 22), utc(2024, 4, 26, 21)),
    ],
)
def test_whole_days(start: datetime, end: datetime | None, zone: str, first: datetime, last: datetime) -> None:
    assert instants(When(start=start, end=end, timezone=zone, all_day=True)) == (first, last)


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31)),
    st.timedeltas(-2 * HOUR, timedelta(days=400)),
    st.sampled_from(["UTC", NEW_YORK, "Europe/Berlin", "Pacific/Apia", "Africa/Cairo", "Australia/Lord_Howe"]),
    st.booleans(),
)
def test_it_never_ends_before_it_begins(start: datetime, lasting: timedelta, zone: str, all_day: bool) -> None:
    end = min(start + lasting, datetime(2199, 12, 31))
    try:
        first, last = instants(When(start=start, end=end, timezone=zone, all_day=all_day))
    except HubbubError as error:
        assert error.code is Code.INVALID
    else:
        assert first <= last <= first + MAX_SPAN
        assert not all_day or last - first >= 22 * HOUR or zone == "Pacific/Apia"


# Changing


@pytest.mark.parametrize(
    ("fields", "changed", "words"),
    [
        ({"name": "Party"}, ["name"], "name for the event 'Party'"),
        ({"description": "x"}, ["description"], "description for the event 'Picnic'"),
        ({"place": Place(name="Park")}, ["place"], "location for the event 'Picnic'"),
        ({"when": When(start=utc(2024, 8, 1))}, ["time"], "time for the event 'Picnic'"),
        ({"picture": "https://a/b"}, ["picture"], "picture for the event 'Picnic'"),
        ({"picture": "https://a/b", "name": "Picnic"}, ["picture"], "picture for the event 'Picnic'"),
        (
            {"name": "Party", "place": Place(name="Park"), "when": When(start=utc(2024, 8, 1), timezone=NEW_YORK)},
            ["name", "place", "time"],
            "name, location and time for the event 'Party'",
        ),
    ],
)
def test_what_changed_is_said_once(club: Club, fields: dict[str, Any], changed: list[str], words: str) -> None:
    made = club.make()
    club.house.advance(MINUTE)
    outcome = club.set(club.bob, made, **fields)
    assert said(outcome) == [f"Bobby updated the {words}"]
    assert outcome.one(GatheringUpdated).fields == tuple(changed)
    who = {"user": club.bob, "nickname": "Bobby"}
    name = fields.get("name", "Picnic")
    event = {"type": "calendar.updated", **who, "gathering": made.id, "name": name, "fields": changed}
    assert told(outcome) == event
    assert outcome.result.gathering.modified == club.house.now
    again = club.set(club.bob, made, **fields)
    assert (again.events, again.result.gathering) == ([], outcome.result.gathering)


def test_what_is_taken_away(club: Club) -> None:
    made = club.make(description="x", place=Place(name="Park"), picture="https://a/b", reminders=(300,))
    after = club.set(club.bob, made, description="", place=None, picture=None, reminders=()).result.gathering
    assert (after.description, after.place, after.picture, after.reminders) == ("", None, None, ())


def test_other_reminders_are_not_said(club: Club) -> None:
    made = club.make()
    outcome = club.set(club.bob, made, reminders=(300,))
    assert (said(outcome), outcome.one(GatheringUpdated).fields) == ([], ("reminders",))


def test_who_may_change_and_cancel_it(club: Club) -> None:
    made = club.make(club.bob)
    for kind, fields in ((UpdateGathering, {"name": "Mine"}), (CancelGathering, {})):
        assert club.refusal(kind, club.cleo, gathering=made.id, **fields) == Code.ROOM_DENIED
        assert club.refusal(kind, club.dan, gathering=made.id, **fields) == Code.ROOM_DENIED
        assert club.refusal(kind, club.bob, gathering=12345, **fields) == Code.GATHERING_UNKNOWN
    assert said(club.set(club.ada, made, name="Ours"))
    assert said(club.set(0, made, name="Theirs")) == ["Somebody updated the name for the event 'Theirs'"]
    club.do(SetAdmin, club.ada, user=club.cleo, admin=True)
    assert said(club.do(CancelGathering, club.cleo, gathering=made.id)) == ["Cleo canceled the event 'Theirs'"]


def test_who_left_changes_nothing_any_more(club: Club) -> None:
    house = club.house
    house.do(JoinChat(room=house.lounge), club.bob)
    command = CreateGathering(room=house.lounge, name="Picnic", when=club.at(HOUR))
    made = house.do(command, club.bob).result.gathering
    house.do(LeaveGroup(room=house.lounge), club.bob)
    cancel = CancelGathering(room=house.lounge, gathering=made.id)
    assert house.refusal(cancel, club.bob) == Code.ROOM_DENIED


def test_what_is_cancelled_is_gone(club: Club) -> None:
    made = club.make()
    club.answer(club.cleo, made, "going")
    outcome = club.do(CancelGathering, club.bob, gathering=made.id)
    assert said(outcome) == ["Bobby canceled the event 'Picnic'"]
    assert told(outcome)["type"] == "calendar.cancelled"
    assert outcome.result.going == (club.bob, club.cleo)
    assert {answer.user for answer in outcome.one(GatheringCancelled).answers} == {club.bob, club.cleo}
    assert club.refusal(GetGathering, club.bob, gathering=made.id) == Code.GATHERING_UNKNOWN
    assert club.refusal(AnswerGathering, club.bob, gathering=made.id, answer="going") == Code.GATHERING_UNKNOWN
    assert (club.house.state.answers, next_due(club.house.state, club.room)) == ({}, None)


# Taking part


def test_answers_are_said_each_time_they_change(club: Club) -> None:
    made = club.make()
    assert said(club.answer(club.cleo, made, None)) == []
    expected = [
        ("going", "calendar.going", "Cleo is going to 'Picnic'"),
        ("not_going", "calendar.not_going", "Cleo is not going to 'Picnic'"),
        (None, "calendar.undecided", "Cleo is undecided about 'Picnic'"),
    ]
    for answer, what, text in expected:
        outcome = club.answer(club.cleo, made, answer)
        assert (said(outcome), told(outcome)["type"]) == ([text], what)
        assert told(outcome)["gathering"] == made.id
        event = outcome.one(GatheringAnswered)
        assert (event.answer.answer if event.answer else None) == answer
        assert (event.void is not None) == (answer is None)
        assert club.answer(club.cleo, made, answer).events == []


def test_who_takes_part(club: Club) -> None:
    made = club.make(club.bob)
    club.house.advance(MINUTE)
    club.answer(club.cleo, made, "going")
    club.answer(club.ada, made, "not_going")
    sight = club.sight(made)
    assert (sight.going, sight.not_going) == ((club.bob, club.cleo), (club.ada,))
    assert club.refusal(AnswerGathering, club.dan, gathering=made.id, answer="going") == Code.ROOM_DENIED
    moderator = club.house.person("Mo", "moderator")
    assert club.refusal(AnswerGathering, moderator, gathering=made.id, answer="going") == Code.USER_UNKNOWN


def test_who_left_does_not_come_until_they_are_back(club: Club) -> None:
    made = club.make(club.ada)
    club.answer(club.cleo, made, "going")
    club.answer(club.bob, made, "going")
    club.do(LeaveGroup, club.cleo)
    assert club.sight(made).going == (club.ada, club.bob)
    club.do(RejoinGroup, club.cleo)
    assert set(club.sight(made).going) == {club.ada, club.bob, club.cleo}
    club.house.change_user(club.cleo, deleted=True)
    assert club.sight(made).going == (club.ada, club.bob)


def test_in_announcement_groups_everybody_answers(club: Club) -> None:
    made = club.make(club.ada)
    club.house.change_room(club.room, group="announcement")
    assert said(club.answer(club.cleo, made, "going")) == ["Cleo is going to 'Picnic'"]


# Looking


def test_lists_are_in_order(club: Club) -> None:
    late, soon, past = club.make(delay=3 * HOUR), club.make(delay=HOUR), club.make(delay=-3 * HOUR)

    def listed(**fields: Any) -> list[int]:
        return [one.gathering.id for one in club.do(ListGatherings, club.cleo, **fields).result]

    assert listed() == [past.id, soon.id, late.id]
    assert listed(ending=club.house.now) == [soon.id, late.id]
    assert listed(ending=soon.end) == [soon.id, late.id]
    assert listed(ending=soon.end + SECOND) == [late.id]
    assert listed(count=2) == [past.id, soon.id]
    assert listed(count=0) == listed(count=-1) == []
    assert club.refusal(ListGatherings, club.cleo, ending=datetime(2024, 1, 1)) == Code.INVALID
    assert club.refusal(ListGatherings, club.dan) == Code.ROOM_DENIED


# In time


def starting(minutes: int) -> str:
    return f"'Picnic' is starting in {minutes} minutes"


NOW = "'Picnic' is starting now"


def test_reminders_and_the_start(club: Club) -> None:
    made = club.make(delay=2 * HOUR, reminders=(900, 3600))
    assert club.pass_time(HOUR - SECOND) == []
    assert club.pass_time(SECOND) == [starting(60)]
    assert club.settle() == []
    assert club.pass_time(45 * MINUTE) == [starting(15)]
    assert club.pass_time(15 * MINUTE) == [NOW]
    assert club.pass_time(timedelta(days=1000)) == []
    assert next_due(club.house.state, club.room) is None
    assert made.id in club.house.state.gatherings[club.room]


def test_the_start_is_the_system_s_word(club: Club) -> None:
    made = club.make(delay=HOUR, reminders=(300,))
    club.house.advance(55 * MINUTE)
    outcome = club.do(SettleGatherings, 0)
    assert outcome.one(GatheringReminded).gathering.told == club.house.now
    event = {"type": "calendar.starting", "user": 0, "nickname": "Somebody"}
    assert told(outcome) == {**event, "gathering": made.id, "name": "Picnic", "minutes": 5}
    assert outcome.one(MessagePosted).message.sender is None
    club.house.advance(5 * MINUTE)
    outcome = club.do(SettleGatherings, 0)
    assert (outcome.one(GatheringStarted).session, told(outcome)["minutes"]) == (0, 0)


@pytest.mark.parametrize("seconds", sorted(REMINDERS))
def test_every_reminder(club: Club, seconds: int) -> None:
    club.make(delay=timedelta(days=30), reminders=(seconds,))
    texts = [starting(seconds // 60), NOW] if seconds else [NOW]
    assert club.pass_time(timedelta(days=30)) == texts


def test_what_is_too_late_at_the_beginning_is_not_told(club: Club) -> None:
    club.make(delay=10 * MINUTE, reminders=(900, 300))
    club.make(delay=-MINUTE, reminders=(900,))
    club.make(delay=timedelta())
    assert club.settle() == []
    assert club.pass_time(HOUR) == [starting(5), NOW]


def test_a_timer_that_is_late_tells_the_minutes_that_are_left(club: Club) -> None:
    club.make(delay=HOUR, reminders=(900,))
    club.house.advance(45 * MINUTE + 20 * SECOND)
    assert club.settle() == [starting(15)]
    club.make(delay=20 * MINUTE, reminders=(900,))
    club.house.advance(10 * MINUTE)
    assert club.settle() == [starting(10)]


def test_one_minute(club: Club) -> None:
    club.make(delay=HOUR, reminders=(300,))
    club.house.advance(59 * MINUTE + 50 * SECOND)
    assert club.settle() == ["'Picnic' is starting in 1 minute"]


@pytest.mark.parametrize(("late", "texts"), [(timedelta(), [NOW]), (LATE, [NOW]), (LATE + SECOND, [])])
def test_what_was_missed_is_told_once_and_while_it_matters(club: Club, late: timedelta, texts: list[str]) -> None:
    """The server was away for both reminders and the start."""
    club.make(delay=2 * HOUR, reminders=(900, 3600))
    club.house.advance(2 * HOUR + late)
    assert club.settle() == texts
    assert club.settle() == []
    assert next_due(club.house.state, club.room) is None


def test_another_time_is_told_anew(club: Club) -> None:
    made = club.make(delay=HOUR, reminders=(900,))
    assert club.pass_time(HOUR) == [starting(15), NOW]
    club.set(club.bob, made, when=club.at(HOUR))
    assert club.pass_time(HOUR) == [starting(15), NOW]


def test_a_nearer_time_does_not_tell_what_has_passed(club: Club) -> None:
    made = club.make(delay=5 * HOUR, reminders=(3600,))
    club.house.advance(HOUR)
    club.set(club.bob, made, when=club.at(10 * MINUTE))
    assert club.settle() == []
    assert club.pass_time(10 * MINUTE) == [NOW]


def test_another_name_leaves_the_reminders_as_they_are(club: Club) -> None:
    made = club.make(delay=HOUR, reminders=(900,))
    club.house.advance(45 * MINUTE)
    club.set(club.bob, made, name="Party")
    assert club.settle() == ["'Party' is starting in 15 minutes"]


def test_several_each_in_their_time(club: Club) -> None:
    club.make(name="B", delay=2 * HOUR)
    club.make(name="A", delay=HOUR, reminders=(300,))
    assert club.pass_time(3 * HOUR) == ["'A' is starting in 5 minutes", "'A' is starting now", "'B' is starting now"]


def test_no_group_no_appointment(club: Club) -> None:
    club.make(delay=HOUR)
    house = club.house
    assert list(APPOINTMENT.places(house.state)) == [club.room]
    assert APPOINTMENT.settle(club.room) == SettleGatherings(room=club.room)
    house.change_room(club.room, modules=({"type": "chat.native", "config": {"volatile": True}},))
    assert next_due(house.state, club.room) is None
    house.advance(2 * HOUR)
    assert club.settle() == []
    club.do(DeleteRoom, club.ada)
    assert next_due(house.state, club.room) is next_due(house.state, 12345) is None
    assert house.do(SettleGatherings(room=club.room), operator=True).events == []


def test_a_member_who_asks_hears_what_is_due_and_says_nothing(club: Club) -> None:
    club.make(delay=HOUR, reminders=(300,))
    house, tab = club.house, club.house.connect(club.cleo)
    for kind, delay, text in ((GatheringReminded, 55, starting(5)), (GatheringStarted, 5, NOW)):
        house.advance(delay * MINUTE)
        outcome = house.do(SettleGatherings(room=club.room), club.cleo, session=tab)
        assert (said(outcome), outcome.one(MessagePosted).message.sender) == ([text], None)
        assert outcome.one(kind).session == 0
    assert club.refusal(SettleGatherings, club.dan) == Code.ROOM_DENIED
