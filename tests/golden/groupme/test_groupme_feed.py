"""The calendar of a group as a feed (RFC 5545), read back with icalendar as programs do."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar, Event
from tests.golden.groupme.person import Json, Person

from hubbub.core.gathering import MAX_LISTED, CreateGathering, When, to_instant
from hubbub.core.joining import LeaveGroup, RejoinGroup, RemoveMember
from hubbub.core.model import Gathering
from hubbub.core.user import BanUser, ReactivateUser
from hubbub.core.world import UpdateWorld
from hubbub.dialects.groupme.feed import MAX_ZONES, Shown, write

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NEW_YORK = ZoneInfo("America/New_York")
START = datetime(2027, 6, 5, 18, tzinfo=UTC)
SITE = "https://chat.example"


@pytest.fixture
def group(ada: Person, bob: Person) -> str:
    group = ada.make_group("Club")
    ada.add(group, bob)
    return group


def make(person: Person, group: str, **fields: Json) -> Json:
    body = {
        "name": "Picnic",
        "start_at": "2027-06-05T14:00:00-04:00",
        "end_at": "2027-06-05T16:30:00-04:00",
        "timezone": "America/New_York",
        **fields,
    }
    return person.post(f"/v3/conversations/{group}/events/create", body)["event"]


def url_of(person: Person, group: str) -> str:
    found: str = person.get(f"/v3/groups/{group}/calendar")["url"]
    return found


def fetch(url: str, **headers: str) -> httpx.Response:
    """Ask for a feed as a program does that knows nothing but the address."""
    return httpx.get(url, headers=headers, trust_env=False, timeout=10)


def events_of(response: httpx.Response) -> list[Any]:
    assert response.status_code == 200, response.text
    return list(Calendar.from_ical(response.content).walk("VEVENT"))


# The address


def test_a_member_is_given_an_address_of_their_own(ada: Person, bob: Person, group: str) -> None:
    url = url_of(ada, group)
    assert url.startswith(f"{ada.place.url}/v3/groups/{group}/calendar.ics?token=")
    assert url == url_of(ada, group) != url_of(bob, group)
    make(ada, group)
    for one in (url, url_of(bob, group)):
        response = fetch(one)
        assert [str(event["SUMMARY"]) for event in events_of(response)] == ["Picnic"]
        assert response.headers["content-type"] == "text/calendar; charset=utf-8"
        assert response.headers["cache-control"].startswith("private")


def test_others_are_given_none(ada: Person, cleo: Person, group: str) -> None:
    assert cleo.refusal("GET", f"/v3/groups/{group}/calendar")[0] == 404
    assert ada.refusal("GET", f"/v3/groups/{group}/calendar", signed=False)[0] == 401


def refused(url: str) -> bool:
    response = fetch(url)
    assert response.status_code in (200, 404), response.text
    if response.status_code == 404:
        assert response.json()["meta"] == {"code": 404, "errors": ["There is no such feed."]}
    return response.status_code == 404


def test_an_address_is_good_for_one_group(ada: Person, cleo: Person, group: str) -> None:
    other, foreign = ada.make_group("Other"), cleo.make_group("Foreign")
    url = url_of(ada, group)
    for one in (other, foreign, "0", "x", "9" * 17):
        assert refused(url.replace(f"/{group}/", f"/{one}/"))


def test_its_token_is_no_access_token_nor_the_other_way_round(ada: Person, group: str) -> None:
    url = url_of(ada, group)
    (token,) = parse_qs(urlsplit(url).query)["token"]
    assert ada.refusal("GET", f"/v3/users/me?token={token}", signed=False)[0] == 401
    base = url.split("?")[0]
    assert refused(f"{base}?token={ada.token}")
    assert fetch(base, **{"X-Access-Token": ada.token}).status_code == 404


@pytest.mark.parametrize("change", ["", "0" * 46, "f" * 46, "first", "last", "long", "capitals", "%ff", "%00"])
def test_a_token_that_is_not_quite_right_is_refused(ada: Person, group: str, change: str) -> None:
    base, token = url_of(ada, group).split("token=")
    other = {
        "first": f"{'1' if token[0] == '0' else '0'}{token[1:]}",
        "last": token[:-1] + ("1" if token[-1] == "0" else "0"),
        "long": f"{token}0",
        "capitals": token[:-1] + "G",
    }.get(change, change)
    assert refused(f"{base}token={other}")
    assert not refused(f"{base}token={token}")


def test_who_leaves_has_it_no_longer_and_another_later(ada: Person, bob: Person, group: str) -> None:
    first = url_of(bob, group)
    bob.place.do(LeaveGroup(room=int(group)), user=bob.number)
    assert refused(first)
    bob.place.do(RejoinGroup(room=int(group)), user=bob.number)
    assert refused(first)
    assert not refused(url_of(bob, group))
    assert not refused(url_of(ada, group))


def test_who_is_removed_or_banned_has_it_no_longer(ada: Person, bob: Person, group: str) -> None:
    url = url_of(bob, group)
    bob.place.do(BanUser(user=bob.number))
    assert refused(url)
    bob.place.do(ReactivateUser(user=bob.number))
    assert not refused(url)
    ada.place.do(RemoveMember(room=int(group), user=bob.number), user=ada.number)
    assert refused(url)


def test_it_ends_with_the_secret_of_the_world(ada: Person, group: str) -> None:
    place, url = ada.place, url_of(ada, group)
    before = place.ask(lambda: list(place.state.world.config["JWT_secrets"]))
    new = {"issuer": "any", "audience": "test", "secret": "another secret, and long enough"}
    try:
        place.do(UpdateWorld(config={"JWT_secrets": [new, *before]}, secrets=True))
        assert not refused(url)
        assert url_of(ada, group) != url
        place.do(UpdateWorld(config={"JWT_secrets": [new]}, secrets=True))
        assert refused(url)
    finally:
        place.do(UpdateWorld(config={"JWT_secrets": before}, secrets=True))
    assert not refused(url)


# Asking again


def test_a_program_that_has_it_is_not_told_again(ada: Person, bob: Person, group: str) -> None:
    event = make(ada, group)
    url = url_of(ada, group)
    tag = fetch(url).headers["etag"]
    for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        response = fetch(url, **{"If-None-Match": known})
        assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", tag)
    assert fetch(url, **{"If-None-Match": '"x"'}).status_code == 200
    bob.post(f"/v3/conversations/{group}/events/rsvp", params={"event_id": event["event_id"], "going": "true"})
    assert fetch(url, **{"If-None-Match": tag}).status_code == 304
    ada.ask("DELETE", f"/v3/conversations/{group}/events/delete", params={"event_id": event["event_id"]})
    response = fetch(url, **{"If-None-Match": tag})
    assert events_of(response) == []


def test_a_reminder_is_no_change(ada: Person, group: str) -> None:
    start = ada.place.ask(ada.place.clock) + 2 * HOUR
    make(ada, group, start_at=start.isoformat(), end_at=start.isoformat(), reminders=[3600])
    url = url_of(ada, group)
    tag = fetch(url).headers["etag"]
    ada.place.move(HOUR)
    assert "starting in 60 minutes" in ada.last(group)["text"]
    assert fetch(url).headers["etag"] == tag


def test_a_time_does_not_keep_what_was_deleted(ada: Person, group: str) -> None:
    event, url = make(ada, group), url_of(ada, group)
    ada.ask("DELETE", f"/v3/conversations/{group}/events/delete", params={"event_id": event["event_id"]})
    assert events_of(fetch(url, **{"If-Modified-Since": "Tue, 01 Jan 2999 00:00:00 GMT"})) == []


# What is in it


def test_an_event_is_told_whole(ada: Person, group: str) -> None:
    location = {"name": "Park", "address": "5 Elm St; back, left", "lat": "40.5", "lng": "-74"}
    event = make(ada, group, description="Bring cake,\nand a plate", location=location, reminders=[300, 86400])
    response = fetch(url_of(ada, group))
    calendar: Any = Calendar.from_ical(response.content)
    assert (calendar["VERSION"], calendar["PRODID"]) == ("2.0", "-//Hubbub//Hubbub//EN")
    assert calendar["X-WR-CALNAME"] == "Club"
    assert [zone["TZID"] for zone in calendar.walk("VTIMEZONE")] == ["America/New_York"]
    (found,) = events_of(response)
    assert found["UID"] == f"{event['event_id']}@{ada.place.state.world.id}.hubbub"
    assert (found["SUMMARY"], found["DESCRIPTION"]) == ("Picnic", "Bring cake,\nand a plate")
    assert found["LOCATION"] == "Park, 5 Elm St; back, left"
    assert found["GEO"].to_ical() == "40.5;-74.0"
    assert found["STATUS"] == "CONFIRMED"
    assert found["DTSTART"].params["TZID"] == found["DTEND"].params["TZID"] == "America/New_York"
    assert found.start == datetime(2027, 6, 5, 14, tzinfo=NEW_YORK)
    assert found.end == datetime(2027, 6, 5, 16, 30, tzinfo=NEW_YORK)
    now = ada.place.ask(ada.place.clock)
    assert found["DTSTAMP"].dt == found["LAST-MODIFIED"].dt == found["CREATED"].dt == now.replace(microsecond=0)
    assert f"event_id={event['event_id']}" in found["URL"]
    assert [alarm["TRIGGER"].dt for alarm in found.walk("VALARM")] == [-timedelta(minutes=5), -DAY]
    assert {"ORGANIZER", "ATTENDEE"}.isdisjoint(found), "who takes part is not told"
    assert ada.name not in response.text
    for line in response.content.split(b"\r\n"):
        assert len(line) <= 75


def test_an_event_that_is_changed_is_the_same_one(ada: Person, group: str) -> None:
    event, url = make(ada, group), url_of(ada, group)
    (before,) = events_of(fetch(url))
    ada.place.move(HOUR)
    query = {"event_id": event["event_id"]}
    ada.post(f"/v3/conversations/{group}/events/update", {"name": "Lunch"}, params=query)
    (after,) = events_of(fetch(url))
    assert (after["UID"], after["SUMMARY"]) == (before["UID"], "Lunch")
    assert after["LAST-MODIFIED"].dt == after["DTSTAMP"].dt == before["DTSTAMP"].dt + HOUR


def test_one_that_is_all_day_is_dates(ada: Person, group: str) -> None:
    make(ada, group, is_all_day=True, start_at="2027-03-13", end_at="2027-03-14T10:00")
    response = fetch(url_of(ada, group))
    (found,) = events_of(response)
    assert (found.start, found.end) == (date(2027, 3, 13), date(2027, 3, 15))
    assert found["DTSTART"].params["VALUE"] == "DATE"
    assert b"VTIMEZONE" not in response.content


def test_what_is_long_over_is_left_out_and_so_is_what_is_too_much(ada: Person, group: str) -> None:
    place, now = ada.place, ada.place.ask(ada.place.clock)
    for days in range(1, MAX_LISTED + 2):
        when = When(start=now + days * DAY, end=now + days * DAY)
        place.do(CreateGathering(room=int(group), name=f"Day {days}", when=when))
    for ended in (89, 91):
        when = When(start=now - 100 * DAY, end=now - ended * DAY)
        place.do(CreateGathering(room=int(group), name=f"Over for {ended}", when=when))
    names = [str(event["SUMMARY"]) for event in events_of(fetch(url_of(ada, group)))]
    assert names == ["Over for 89", *(f"Day {days}" for days in range(1, MAX_LISTED))]


# How it is written


def shown(*gatherings: Gathering, name: str = "Club") -> Any:
    """Write a feed, and read it."""
    found: Any = Calendar.from_ical(write(msgspec.json.encode(Shown(name, "", SITE, gatherings))))
    assert not found.errors
    return found


def gathering(**fields: Any) -> Gathering:
    given = {"name": "Picnic", "start": START, "end": START + HOUR, "timezone": "UTC", **fields}
    return Gathering(id=7, world=1, room=5, by=3, told=START, created=START, modified=START, **given)


def one(**fields: Any) -> Any:
    (event,) = shown(gathering(**fields)).walk("VEVENT")
    assert isinstance(event, Event)
    assert not event.errors
    return event


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]) | st.sampled_from('\n\t,;:"\\'), max_size=200)


@settings(max_examples=150, deadline=None)
@given(name=TEXT, description=TEXT)
def test_whatever_people_write_comes_back(name: str, description: str) -> None:
    event = one(name=name, description=description, place={"name": name})
    assert event["SUMMARY"] == name
    assert event.get("DESCRIPTION", "") == description
    assert event.get("LOCATION", "") == name


@pytest.mark.parametrize(
    "name",
    ["C:\\new", "a\\", "\\,", "Fish, chips; more", "two\nlines", "\u00e9\U0001f355" * 60],
    ids=["path", "backslash", "both", "signs", "lines", "long"],
)
def test_so_do_signs_that_mean_something(name: str) -> None:
    assert one(name=name)["SUMMARY"] == name


def test_the_name_of_the_group_is_a_text_too() -> None:
    """It has no type of its own, so that the library gives it back as it is written."""
    assert shown(name="Fish, chips;\nmore\\n")["X-WR-CALNAME"] == "Fish\\, chips\\;\\nmore\\\\n"


@pytest.mark.parametrize(
    "hostile",
    ["\r\nEND:VEVENT", "\nBEGIN:VALARM\nEND:VALARM", "\rX:1", "\x0bX:1", "\x85X", "\u2028END:VCALENDAR", "\x00\x1b[2J"],
    ids=["crlf", "lf", "cr", "vertical tab", "next line", "line separator", "escape"],
)
def test_nothing_that_people_write_is_a_line_of_its_own(hostile: str) -> None:
    event = one(name=f"a{hostile}", description=f"b{hostile}", place={"name": f"c{hostile}"})
    assert not {"X", "END", "BEGIN"} & event.keys()
    assert event.subcomponents == []
    hostile_one = gathering(name=f"a{hostile}", place={"name": f"c{hostile}"})
    written = write(msgspec.json.encode(Shown(f"d{hostile}", f"e{hostile}", SITE, (hostile_one,))))
    assert not set(written.decode()) & set("\x00\x0b\x1b\x85")
    assert written.count(b"\r") == written.count(b"\n") == written.count(b"\r\n")


@pytest.mark.parametrize(
    ("zone", "local"),
    [
        ("America/New_York", "2027-03-14T02:30"),
        ("America/New_York", "2027-11-07T01:30"),
        ("Africa/Casablanca", "2027-02-07T02:30"),
        ("Australia/Lord_Howe", "2027-04-04T01:45"),
        ("Asia/Kolkata", "2027-04-04T01:45"),
        ("Etc/GMT+5", "2027-04-04T01:45"),
        ("UTC", "2027-04-04T01:45"),
    ],
    ids=["gap", "fold", "casablanca", "half an hour", "half an offset", "fixed", "utc"],
)
def test_an_instant_comes_back_also_where_clocks_change(zone: str, local: str) -> None:
    start = to_instant(datetime.fromisoformat(local), ZoneInfo(zone))
    for delay in (timedelta(), timedelta(minutes=30), HOUR, 2 * HOUR):
        event = one(start=start + delay, end=start + delay + HOUR, timezone=zone)
        assert event.start.astimezone(UTC) == start + delay
        assert event.end.astimezone(UTC) == start + delay + HOUR


def test_one_without_a_length_has_no_end() -> None:
    assert "DTEND" not in one(end=START)


def test_all_day_where_a_day_does_not_begin_at_midnight() -> None:
    """In Cairo the clock skips the first hour of a day in spring."""
    zone = ZoneInfo("Africa/Cairo")
    start, end = (to_instant(datetime(2027, 4, day), zone) for day in (30, 30))
    event = one(start=start, end=end + 23 * HOUR, timezone="Africa/Cairo", all_day=True)
    assert (start.astimezone(zone).hour, event.start, event.end) == (1, date(2027, 4, 30), date(2027, 5, 1))


def test_the_rules_of_few_zones_are_written() -> None:
    """Each zone takes time to write; who makes events in hundreds of them costs nobody anything."""
    zones = [f"Etc/GMT+{hours}" for hours in range(1, 13)] + [f"Etc/GMT-{hours}" for hours in range(1, 13)]
    gatherings = [gathering(timezone=zone) for zone in zones]
    calendar = shown(*gatherings)
    assert len(calendar.walk("VTIMEZONE")) == MAX_ZONES
    assert {event.start.astimezone(UTC) for event in calendar.walk("VEVENT")} == {START}


def test_a_group_without_events_has_an_empty_feed() -> None:
    assert shown().subcomponents == []
