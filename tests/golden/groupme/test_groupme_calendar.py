"""The calendars of groups (protocols/groupme.md 2.7): events, answers, and what is told of them (1.2)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.golden.groupme.conftest import PLENTY
from tests.golden.groupme.person import Json, Person
from tests.golden.jumpin.place import MovedClock, Place, Somebody

from hubbub.core.gathering import MAX_DESCRIPTION, MAX_NAME, MAX_PLACE
from hubbub.core.joining import LeaveGroup

HOUR = timedelta(hours=1)
KEYS = {
    *("event_id", "conversation_id", "creator_id", "name", "description", "location", "start_at", "end_at", "timezone"),
    *("is_all_day", "image_url", "reminders", "going", "going_count", "not_going", "maybe_going", "created_at"),
    "updated_at",
}


def club(ada: Person, *others: Person) -> str:
    """Make a group of Ada, who owns it, and others."""
    group = ada.make_group("Club")
    if others:
        ada.add(group, *others)
    return group


@pytest.fixture
def group(ada: Person, bob: Person) -> str:
    return club(ada, bob)


def path_of(group: str, what: str) -> str:
    return f"/v3/conversations/{group}/events/{what}"


def wanted(**fields: Json) -> Json:
    """Write an event as a client sends it."""
    return {
        "name": "Picnic",
        "start_at": "2027-06-05T14:00:00-04:00",
        "end_at": "2027-06-05T16:30:00-04:00",
        "timezone": "America/New_York",
        **fields,
    }


def make(person: Person, group: str, **fields: Json) -> Json:
    """Make an event, and give it."""
    return person.post(path_of(group, "create"), wanted(**fields))["event"]


def set_(person: Person, event: Json, **fields: Json) -> Json:
    query = {"event_id": event["event_id"]}
    return person.post(path_of(event["conversation_id"], "update"), fields, params=query)["event"]


def shown(person: Person, event: Json) -> Json:
    query = {"event_id": event["event_id"]}
    return person.get(path_of(event["conversation_id"], "show"), query)["event"]


def listed(person: Person, group: str, **query: Json) -> list[str]:
    return [event["name"] for event in person.get(path_of(group, "list"), query)["events"]]


def told(person: Person, group: str) -> list[Json]:
    """Give the events in the history of a group, the newest first."""
    return [message["event"] for message in person.history(group) if "event" in message]


def soon(person: Person, delay: timedelta) -> Json:
    """Write when something is that begins in a while and lasts an hour."""
    start: datetime = person.place.ask(person.place.clock) + delay
    return {"start_at": start.isoformat(), "end_at": (start + HOUR).isoformat(), "timezone": "UTC"}


# Making and looking


def test_an_event_is_made_and_said(ada: Person, bob: Person, group: str) -> None:
    location = {"name": "Park", "address": "5 Elm St", "lat": "40.5", "lng": -74}
    body = wanted(
        description="Bring cake", location=location, reminders=[86400, 300], image_url="https://x.example/a.png"
    )
    answer = ada.ask("POST", path_of(group, "create"), json={**body, "share": True, "scheduled_call": False})
    assert (answer.status, answer.meta) == (201, {"code": 201})
    event, message = answer.response["event"], answer.response["message"]
    now = ada.place.ask(ada.place.clock).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert event == {
        "event_id": event["event_id"],
        "conversation_id": group,
        "creator_id": ada.id,
        "name": "Picnic",
        "description": "Bring cake",
        "location": {"name": "Park", "address": "5 Elm St", "lat": "40.5", "lng": "-74.0"},
        "start_at": "2027-06-05T14:00:00-04:00",
        "end_at": "2027-06-05T16:30:00-04:00",
        "timezone": "America/New_York",
        "is_all_day": False,
        "image_url": "https://x.example/a.png",
        "reminders": [300, 86400],
        "going": [ada.id],
        "going_count": 1,
        "not_going": [],
        "maybe_going": [],
        "created_at": now,
        "updated_at": now,
    }
    assert event.keys() == KEYS
    assert len(event["event_id"]) == 32
    url = f"{ada.place.url}{path_of(group, 'show')}?event_id={event['event_id']}"
    assert (message["sender_id"], message["system"]) == (ada.id, False)
    assert message["text"] == f"Ada created event 'Picnic' {url}"
    assert message["attachments"] == [{"type": "event", "event_id": event["event_id"], "view": "full"}]
    assert message["event"]["data"]["event"] == {"id": event["event_id"], "name": "Picnic"}
    assert shown(bob, event) == event
    assert bob.get(path_of(group, "list"), {"end_at": "2027-01-01T00:00:00Z", "limit": 5}) == {"events": [event]}


def test_what_is_left_out_is_empty(ada: Person, group: str) -> None:
    event = make(ada, group, description=None, location=None, image_url=None, reminders=None, is_all_day=None)
    assert (event["description"], event["location"], event["image_url"]) == ("", None, None)
    assert (event["reminders"], event["is_all_day"]) == ([], False)


def test_events_are_listed_in_order_from_an_end_on(ada: Person, group: str) -> None:
    for day in (7, 5, 6):
        make(ada, group, name=f"June {day}", start_at=f"2027-06-{day:02}T10:00Z", end_at=f"2027-06-{day:02}T11:00Z")
    assert listed(ada, group) == ["June 5", "June 6", "June 7"]
    assert listed(ada, group, limit=2) == ["June 5", "June 6"]
    assert listed(ada, group, end_at="2027-06-06T11:00:00Z") == ["June 6", "June 7"]
    assert listed(ada, group, end_at="2027-06-06T11:00:01") == ["June 7"]
    assert listed(ada, group, end_at="2027-06-06T13:00:01+02:00") == ["June 7"]
    unescaped = ada.ask("GET", path_of(group, "list?end_at=2027-06-06T13:00:00+02:00"))
    assert [event["name"] for event in unescaped.response["events"]] == ["June 6", "June 7"]
    blank = ada.ask("GET", path_of(group, "list?end_at=2027-06-06%2011:00"))
    assert [event["name"] for event in blank.response["events"]] == ["June 6", "June 7"]


def test_what_is_over_is_listed_when_it_is_asked_for(ada: Person, group: str) -> None:
    make(ada, group, start_at="2020-01-01T10:00Z", end_at="2020-01-01T11:00Z")
    assert listed(ada, group) == []
    assert listed(ada, group, end_at="2019-01-01") == ["Picnic"]


# Time


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("06-05T20:00:00+02:00", "06-05T22:00:00+02:00"), ("06-05T14:00:00-04:00", "06-05T16:00:00-04:00")),
        (("06-05T14:00:00", "06-05T15:00"), ("06-05T14:00:00-04:00", "06-05T15:00:00-04:00")),
        (("06-05T14:00:00.123-04:00", "06-05T14:00:00.9-04:00"), ("06-05T14:00:00-04:00", "06-05T14:00:00-04:00")),
        (("03-14T02:30:00", "03-14T03:45:00"), ("03-14T03:30:00-04:00", "03-14T03:45:00-04:00")),
        (("11-07T01:30:00", "11-07T01:30:00-05:00"), ("11-07T01:30:00-04:00", "11-07T01:30:00-05:00")),
    ],
    ids=["another offset", "without an offset", "parts of seconds", "skipped by the clock", "twice on the clock"],
)
def test_times_are_told_in_the_zone_of_the_event(
    ada: Person, group: str, given: tuple[str, str], expected: tuple[str, str]
) -> None:
    event = make(ada, group, start_at=f"2027-{given[0]}", end_at=f"2027-{given[1]}")
    assert (event["start_at"], event["end_at"]) == (f"2027-{expected[0]}", f"2027-{expected[1]}")
    again = set_(ada, event, **{field: event[field] for field in ("start_at", "end_at", "timezone", "is_all_day")})
    assert again == event


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("03-14", "03-14"), ("03-14T00:00:00-05:00", "03-15T00:00:00-04:00")),
        (("11-07T09:00-05:00", "11-08T09:00-05:00"), ("11-07T00:00:00-04:00", "11-09T00:00:00-05:00")),
        (("06-05T00:00-04:00", "06-06T00:00-04:00"), ("06-05T00:00:00-04:00", "06-06T00:00:00-04:00")),
    ],
    ids=["of 23 hours", "of 49 hours", "until midnight"],
)
def test_one_that_is_all_day_is_whole_days_there(
    ada: Person, group: str, given: tuple[str, str], expected: tuple[str, str]
) -> None:
    event = make(ada, group, is_all_day=True, start_at=f"2027-{given[0]}", end_at=f"2027-{given[1]}")
    assert event["is_all_day"]
    assert (event["start_at"], event["end_at"]) == (f"2027-{expected[0]}", f"2027-{expected[1]}")
    again = set_(ada, event, **{field: event[field] for field in ("start_at", "end_at", "timezone", "is_all_day")})
    assert again == event


# Changing


def test_what_is_given_is_changed(ada: Person, group: str) -> None:
    event = make(ada, group, location={"name": "Park"}, image_url="https://x.example/a.png", reminders=[0])
    ada.place.move(HOUR)
    changed = set_(ada, event, name="Lunch", location=None, image_url=None, reminders=None)
    assert changed == {**event, "name": "Lunch", "updated_at": changed["updated_at"]}
    assert changed["updated_at"] > event["updated_at"]
    times = {
        "start_at": "2027-06-06T10:00:00Z",
        "end_at": "2027-06-06T11:00:00Z",
        "timezone": "UTC",
        "is_all_day": False,
    }
    emptied = set_(ada, event, location={}, image_url="", description="", reminders=[], **times)
    assert (emptied["location"], emptied["image_url"], emptied["reminders"]) == (None, None, [])
    assert (emptied["start_at"], emptied["timezone"]) == ("2027-06-06T10:00:00+00:00", "UTC")
    update, rename = told(ada, group)[:2]
    about = {"id": event["event_id"], "name": "Lunch"}
    assert update["data"] == {
        "event": about,
        "updated_fields": ["calendar.event.field.location", "calendar.event.field.time", "calendar.event.field.image"],
        "user": {"id": ada.id, "nickname": "Ada"},
    }
    assert rename["data"]["updated_fields"] == ["calendar.event.field.name"]


def test_what_is_so_already_is_not_said_again(ada: Person, group: str) -> None:
    event = make(ada, group, start_at="2027-06-05T14:00:00.9-04:00")
    times = {field: event[field] for field in ("start_at", "end_at", "timezone", "is_all_day")}
    assert set_(ada, event, name="Picnic", location={}, image_url="", description=" ", reminders=[], **times) == event
    assert told(ada, group)[0]["type"] == "calendar.event.created"


@pytest.mark.parametrize("missing", ["start_at", "end_at", "timezone", "is_all_day"])
def test_times_are_changed_together(ada: Person, group: str, missing: str) -> None:
    event = make(ada, group)
    body = {field: event[field] for field in ("start_at", "end_at", "timezone", "is_all_day") if field != missing}
    query = {"event_id": event["event_id"]}
    status, errors = ada.refusal("POST", path_of(group, "update"), body, params=query)
    assert (status, errors) == (400, ["start_at, end_at, timezone, is_all_day are changed together"])
    assert shown(ada, event) == event


def test_who_made_it_or_runs_the_group_changes_and_deletes_it(ada: Person, bob: Person, cleo: Person) -> None:
    group = club(ada, bob, cleo)
    event = make(bob, group)
    query = {"event_id": event["event_id"]}
    assert cleo.refusal("POST", path_of(group, "update"), {"name": "Mine"}, params=query)[0] == 403
    assert cleo.refusal("DELETE", path_of(group, "delete"), params=query)[0] == 403
    assert set_(ada, event, name="Lunch")["name"] == "Lunch"
    assert ada.ask("DELETE", path_of(group, "delete"), params=query) == (200, None, {"code": 200})
    assert bob.refusal("GET", path_of(group, "show"), params=query)[0] == 404
    assert ada.refusal("DELETE", path_of(group, "delete"), params=query)[0] == 404
    last = bob.last(group)
    assert last["text"] == "Ada canceled the event 'Lunch'"
    assert last["event"]["type"] == "calendar.event.cancelled"
    assert (last["sender_id"], last["name"], last["sender_type"]) == ("calendar", "GroupMe Calendar", "service")
    assert last["attachments"] == [{"type": "event", "event_id": event["event_id"], "view": "brief"}]


# Taking part


def test_people_say_whether_they_come(ada: Person, bob: Person, group: str) -> None:
    event = make(ada, group)
    query = {"event_id": event["event_id"]}
    path = path_of(group, "rsvp")
    found = bob.post(path, params={**query, "going": "true"})["event"]
    assert (found["going"], found["going_count"], found["not_going"]) == ([ada.id, bob.id], 2, [])
    bob.post(path, params={**query, "going": "true"})
    found = bob.post(path, params={**query, "going": "False"})["event"]
    assert (found["going"], found["not_going"]) == ([ada.id], [bob.id])
    answer = bob.ask("DELETE", path_of(group, "rsvp/delete"), params=query)
    assert (answer.status, answer.response["event"]) == (200, event)
    bob.ask("DELETE", path_of(group, "rsvp/delete"), params=query)
    about = {"event": {"id": event["event_id"], "name": "Picnic"}, "user": {"id": bob.id, "nickname": "Bob"}}
    assert told(ada, group)[:3] == [
        {"type": f"calendar.event.user.{what}", "data": about} for what in ("undecided", "not_going", "going")
    ]


def test_who_has_left_does_not_come(ada: Person, bob: Person, group: str) -> None:
    event = make(ada, group)
    bob.post(path_of(group, "rsvp"), params={"event_id": event["event_id"], "going": "true"})
    bob.place.do(LeaveGroup(room=int(group)), user=bob.number)
    assert shown(ada, event)["going"] == [ada.id]
    assert (
        bob.refusal("POST", path_of(group, "rsvp"), params={"event_id": event["event_id"], "going": "true"})[0] == 404
    )


@pytest.mark.parametrize("going", [None, "", "maybe", "1", "truefalse"])
def test_an_answer_is_yes_or_no(ada: Person, bob: Person, group: str, going: str | None) -> None:
    event = make(ada, group)
    query = {"event_id": event["event_id"]} | ({} if going is None else {"going": going})
    assert bob.refusal("POST", path_of(group, "rsvp"), params=query) == (400, ["going: true or false is expected"])
    assert shown(ada, event) == event


# What makes no sense


WRONG: dict[str, Json] = {
    "no name": {"name": None},
    "empty name": {"name": " "},
    "long name": {"name": "x" * (MAX_NAME + 1)},
    "name is a number": {"name": 7},
    "long description": {"description": "x" * (MAX_DESCRIPTION + 1)},
    "description is a list": {"description": ["x"]},
    "no start": {"start_at": None},
    "no end": {"end_at": None},
    "no zone": {"timezone": None},
    "end before the start": {"end_at": "2027-06-05T13:59:59-04:00"},
    "a year and more": {"end_at": "2029-06-05T13:59:59-04:00"},
    "start is no time": {"start_at": "tomorrow"},
    "start is empty": {"start_at": ""},
    "start is a number": {"start_at": 1_800_000_000},
    "start is long": {"start_at": "2027-06-05T14:00:00-04:00" + " " * 30},
    "no such day": {"start_at": "2027-02-30T14:00:00Z"},
    "no such hour": {"start_at": "2027-06-05T24:00:01Z"},
    "year 1": {"start_at": "0001-01-01T00:00:00+14:00"},
    "year 9999": {"end_at": "9999-12-31T23:59:59-14:00"},
    "unknown zone": {"timezone": "America/Gotham"},
    "empty zone": {"timezone": ""},
    "zone is a file": {"timezone": "../../../etc/passwd"},
    "zone is an offset": {"timezone": "+02:00"},
    "zone is a number": {"timezone": 2},
    "all day is a text": {"is_all_day": "true"},
    "all day before the start": {"is_all_day": True, "end_at": "2027-06-04T00:00:00-04:00"},
    "three reminders": {"reminders": [0, 300, 900]},
    "a thousand reminders": {"reminders": [300] * 1000},
    "reminder that is none": {"reminders": [299]},
    "reminder is a text": {"reminders": ["300"]},
    "reminder is negative": {"reminders": [-300]},
    "reminders are a number": {"reminders": 300},
    "latitude alone": {"location": {"name": "x", "lat": "1"}},
    "latitude is a word": {"location": {"lat": "north", "lng": "1"}},
    "latitude is out of range": {"location": {"lat": 90.1, "lng": 1}},
    "longitude is out of range": {"location": {"lat": "1", "lng": "-180.5"}},
    "latitude is nan": {"location": {"lat": "nan", "lng": "1"}},
    "longitude is infinite": {"location": {"lat": "1", "lng": "inf"}},
    "latitude is huge": {"location": {"lat": "1e999", "lng": 1}},
    "latitude is true": {"location": {"lat": True, "lng": 1}},
    "latitude is a list": {"location": {"lat": [1], "lng": 1}},
    "location is a text": {"location": "Park"},
    "long place": {"location": {"name": "x" * (MAX_PLACE + 1)}},
    "place with a control character": {"location": {"name": "a\x07b"}},
    "picture is a script": {"image_url": "javascript:alert(1)"},
    "long picture": {"image_url": "https://x.example/" + "x" * 3000},
    "picture is a number": {"image_url": 7},
    "null bytes": {"description": "a\0b"},
}


@pytest.mark.parametrize("name", WRONG)
def test_an_event_that_makes_no_sense_is_refused(ada: Person, group: str, name: str) -> None:
    status, errors = ada.refusal("POST", path_of(group, "create"), wanted(**WRONG[name]))
    assert status == 400
    assert errors[0]
    assert listed(ada, group, end_at="2000-01-01") == []


def test_what_is_wrong_is_called_as_clients_call_it(ada: Person, group: str) -> None:
    _, errors = ada.refusal("POST", path_of(group, "create"), wanted(end_at="2027-06-05T13:00:00-04:00"))
    assert errors == ["end_at: not before the start"]
    _, errors = ada.refusal("POST", path_of(group, "create"), wanted(location={"lat": 91, "lng": 0}))
    assert errors == ["location: no such place on earth"]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=-1", "end_at=x", "end_at=9999-12-31T23:59:59-14:00"])
def test_a_list_that_makes_no_sense_is_refused(ada: Person, group: str, query: str) -> None:
    make(ada, group)
    answer = ada.ask("GET", path_of(group, f"list?{query}"))
    assert (answer.status, answer.response) in [(400, None), (200, {"events": []})]


@pytest.mark.parametrize("event", ["", "x", "0" * 32, "f" * 32, "1", "%00"])
def test_an_event_that_is_not_there_is_not_found(ada: Person, group: str, event: str) -> None:
    expected = 404 if event else 400
    for method, what in (("GET", "show"), ("POST", "update"), ("DELETE", "delete"), ("DELETE", "rsvp/delete")):
        answer = ada.ask(
            method, path_of(group, f"{what}?event_id={event}"), **({"json": {}} if what == "update" else {})
        )
        assert answer.status == expected
    assert ada.ask("POST", path_of(group, f"rsvp?going=true&event_id={event}")).status == expected


def test_others_have_no_part_in_it(ada: Person, bob: Person, cleo: Person, group: str) -> None:
    event, other = make(ada, group), club(cleo)
    query = {"event_id": event["event_id"]}
    calls: list[tuple[str, str, Json]] = [
        ("GET", "list", {}),
        ("GET", "show", {}),
        ("POST", "create", {"json": wanted()}),
        ("POST", "update", {"json": {"name": "Mine"}}),
        ("DELETE", "delete", {}),
        ("POST", "rsvp", {}),
        ("DELETE", "rsvp/delete", {}),
    ]
    for method, what, more in calls:
        answer = cleo.ask(method, path_of(group, what), params={**query, "going": "true"}, **more)
        assert (what, answer.status) == (what, 404)
        if what not in ("list", "create"):
            answer = cleo.ask(method, path_of(other, what), params={**query, "going": "true"}, **more)
            assert (what, answer.status) == (what, 404)
    assert shown(bob, event) == event


def test_without_a_token_nothing_is_told(ada: Person, group: str) -> None:
    assert ada.refusal("GET", path_of(group, "list"), signed=False) == (401, ["unauthorized"])


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "lat", "lng"]), inner),
    max_leaves=6,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(field=st.sampled_from([*wanted(), "description", "location", "is_all_day", "image_url", "reminders"]), value=ODD)
def test_whatever_is_sent_is_answered(ada: Person, group: str, field: str, value: Json) -> None:
    answer = ada.ask("POST", path_of(group, "create"), json=wanted(**{field: value}))
    assert answer.status < 500
    if answer.status < 400:
        ada.ask("DELETE", path_of(group, "delete"), params={"event_id": answer.response["event"]["event_id"]})


# In time


def test_reminders_and_the_start_are_told_once(ada: Person, bob: Person, group: str) -> None:
    event = make(ada, group, reminders=[300, 3600], **soon(ada, 2 * HOUR))
    for minutes in (59, 1, 30, 25, 5, 1, 60):
        ada.place.move(timedelta(minutes=minutes))
    starting = [message for message in bob.history(group) if "starting" in message["text"]]
    assert [message["event"]["data"]["minutes"] for message in starting] == ["0", "5", "60"]
    assert [message["text"] for message in starting] == [
        "'Picnic' is starting now",
        "'Picnic' is starting in 5 minutes",
        "'Picnic' is starting in 60 minutes",
    ]
    for message in starting:
        assert message["event"]["type"] == "calendar.event.starting"
        assert message["event"]["data"]["event_name"] == "Picnic"
        assert message["attachments"] == [{"type": "event", "event_id": event["event_id"], "view": "brief"}]
        assert (message["name"], message["sender_id"], message["user_id"]) == (
            "GroupMe Calendar",
            "calendar",
            "calendar",
        )


@pytest.fixture
def own_place(tmp_path: Path) -> Iterator[Place]:
    """Give a server that a test may stop."""
    place = Place(tmp_path, rates=PLENTY)
    place.start()
    yield place
    place.stop()


def starting(place: Place, who: Somebody, group: str) -> list[str]:
    """Give what was told of starts and reminders, the oldest first."""
    with httpx.Client(trust_env=False, timeout=10) as http:
        history = Person(place, http, who).history(group)
    return [message["text"] for message in reversed(history) if "starting" in message["text"]]


def test_they_are_told_once_also_when_the_server_was_away(own_place: Place) -> None:
    place, who = own_place, own_place.account()
    clock = place.clock
    assert isinstance(clock, MovedClock)
    with httpx.Client(trust_env=False, timeout=10) as http:
        ada = Person(place, http, who)
        group = club(ada)
        make(ada, group, reminders=[300, 3600], **soon(ada, 2 * HOUR))
        make(ada, group, name="Nap", **soon(ada, 3 * HOUR))
    place.move(HOUR)
    expected = ["'Picnic' is starting in 60 minutes"]
    assert starting(place, who, group) == expected
    away: list[tuple[timedelta, str]] = [
        (timedelta(), ""),
        (timedelta(minutes=57), "'Picnic' is starting in 3 minutes"),
        (timedelta(minutes=10), "'Picnic' is starting now"),
        (timedelta(), ""),
        (2 * HOUR, ""),
    ]
    for delay, told_then in away:
        clock.now += delay  # nothing is due on a clock that nobody moves
        place.restart()
        place.move(timedelta())
        expected += [told_then] if told_then else []
        assert starting(place, who, group) == expected
    assert "Nap" not in str(expected), "it began more than an hour before anybody was here to tell it"
