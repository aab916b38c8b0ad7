"""The calendar of a group as a feed, for programs that know nothing but an address (RFC 5545).

The address holds a token of its own (core.feed), which is good for nothing else. Whoever has it learns what the events
are, not who takes part: services that fetch feeds keep what they get.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import msgspec
from icalendar import Alarm, Calendar, Event, Timezone, vText
from litestar import Response
from litestar.datastructures import Headers

from hubbub.core.feed import Feed, GetFeed, ReadFeed
from hubbub.core.gathering import zone_of
from hubbub.core.model import Gathering
from hubbub.dialects.groupme.answer import CORS, Reply, Route, get
from hubbub.dialects.groupme.caller import Caller
from hubbub.dialects.groupme.event import event_url
from hubbub.dialects.groupme.id import parse, render, render_event

PRODUCT = "-//Hubbub//Hubbub//EN"
MEDIA_TYPE = "text/calendar"
"""Of UTF-8, which is told, too."""
FRESH = timedelta(minutes=5)
"""For so long a program need not ask again; and how often it is to ask is REFRESH."""
REFRESH = timedelta(hours=1)
MAX_ZONES = 20
"""Time zones of one feed: times in more of them are told in UTC. Each takes some milliseconds to write."""
NEARBY = 1
"""Years before and after the events for which the rules of time zones are written."""
KEPT = 16
"""Feeds that are kept as they were written: to write one of 200 events takes a tenth of a second."""
WRITER = ThreadPoolExecutor(1, "feed")
"""Where feeds are written, one at a time, so that nobody else waits for it."""


class Shown(msgspec.Struct, frozen=True):
    """All that a feed is made of; where that is the same, so is the feed."""

    name: str
    description: str
    site: str
    gatherings: tuple[Gathering, ...]


async def show(caller: Caller) -> Reply:
    """Tell a member where the feed of a group is: an address of their own, to be kept to themselves."""
    room = caller.group(caller.path["group"])
    token: str = await caller.do(GetFeed(room=room.id))
    return Reply(response={"url": f"{caller.site}/v3/groups/{render(room.id)}/calendar.ics?token={quote(token)}"})


async def read(caller: Caller) -> Response[Any]:
    """Give the feed, unless who asks has it as it is."""
    token = caller.query.get("token", "")
    feed: Feed = await caller.ask(ReadFeed(room=parse(caller.path["group"]), token=token))
    # What it has been told already is no part of it.
    gatherings = tuple(msgspec.structs.replace(one, told=one.created) for one in feed.gatherings)
    source = msgspec.json.encode(Shown(feed.room.name, feed.room.description, caller.site, gatherings))
    tag = f'"{sha256(source).hexdigest()[:32]}"'
    headers = CORS | {"Cache-Control": f"private, max-age={FRESH.seconds}", "ETag": tag}
    if _has(caller.request.headers, tag):
        return Response(None, status_code=304, headers=headers, media_type=MEDIA_TYPE)
    written = await asyncio.get_running_loop().run_in_executor(WRITER, write, source)
    return Response(written, headers=headers, media_type=MEDIA_TYPE)


def _has(headers: Headers, tag: str) -> bool:
    """Tell whether a client has what has this tag. Times do not tell it: an event that is gone leaves none."""
    given = [one.strip().removeprefix("W/") for one in headers.get("if-none-match", "").split(",")]
    return tag in given or "*" in given


# What is written


@lru_cache(maxsize=KEPT)
def write(source: bytes) -> bytes:
    """Write a feed; `source` is a Shown in JSON."""
    shown = msgspec.json.decode(source, type=Shown)
    zones: dict[str, ZoneInfo] = {}
    for one in shown.gatherings:
        zone = zone_of(one.timezone)
        if isinstance(zone, ZoneInfo) and len(zones) < MAX_ZONES and not one.all_day:
            zones[one.timezone] = zone
    calendar = Calendar()
    calendar.add("PRODID", PRODUCT)
    calendar.add("VERSION", "2.0")
    calendar.add("X-WR-CALNAME", _text(shown.name))
    if shown.description:
        calendar.add("X-WR-CALDESC", _text(shown.description))
    calendar.add("REFRESH-INTERVAL", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("X-PUBLISHED-TTL", "PT1H")
    years = [when.year for one in shown.gatherings for when in (one.start, one.end)]
    for name in zones:
        calendar.add_component(_timezone(name, min(years) - NEARBY, max(years) + NEARBY))
    for one in shown.gatherings:
        calendar.add_component(_event(one, zones.get(one.timezone), shown.site))
    written: bytes = calendar.to_ical()
    return written


@lru_cache(maxsize=256)
def _timezone(name: str, first: int, last: int) -> Timezone:
    return Timezone.from_tzid(name, first_date=date(max(first, 1970), 1, 1), last_date=date(last, 12, 31))


def _event(one: Gathering, zone: ZoneInfo | None, site: str) -> Event:
    """Write an event. One that others cancel is gone, so all that there are take place."""
    event = Event()
    event.add("UID", f"{render_event(one.id)}@{one.world}.hubbub")
    event.add("DTSTAMP", one.modified.astimezone(UTC))
    event.add("CREATED", one.created.astimezone(UTC))
    event.add("LAST-MODIFIED", one.modified.astimezone(UTC))
    if one.all_day:
        own = zone_of(one.timezone)
        event.add("DTSTART", one.start.astimezone(own).date())
        event.add("DTEND", one.end.astimezone(own).date())
    else:
        event.add("DTSTART", _local(one.start, zone))
        if one.end > one.start:  # it must be later, where it is (RFC 5545 3.8.2.2)
            event.add("DTEND", _local(one.end, zone))
    event.add("SUMMARY", _text(one.name))
    if one.description:
        event.add("DESCRIPTION", _text(one.description))
    _place(event, one.place or {})
    event.add("STATUS", "CONFIRMED")
    event.add("URL", event_url(site, one.room, one.id))
    for seconds in one.reminders:
        event.add_component(_alarm(one, timedelta(seconds=seconds)))
    return event


def _local(instant: datetime, zone: ZoneInfo | None) -> datetime:
    """Give a time in a zone; in UTC the second one of two that the clock shows there, which is not told otherwise."""
    local = instant.astimezone(zone or UTC)
    return instant.astimezone(UTC) if local.fold else local


def _place(event: Event, place: dict[str, Any]) -> None:
    words = ", ".join(part for part in (place.get("name", ""), place.get("address", "")) if part)
    if words:
        event.add("LOCATION", _text(words))
    if "latitude" in place:
        event.add("GEO", (place["latitude"], place["longitude"]))


def _alarm(one: Gathering, before: timedelta) -> Alarm:
    alarm = Alarm()
    alarm.add("ACTION", "DISPLAY")
    alarm.add("DESCRIPTION", _text(one.name))
    alarm.add("TRIGGER", -before)
    return alarm


def _text(text: str) -> vText:
    """Give a text without control characters but line feeds and tabs: the format has none (RFC 5545 3.1)."""
    return vText("".join(sign for sign in text if sign in "\n\t" or not (sign < " " or "\x7f" <= sign < "\xa0")))


ROUTES: tuple[Route, ...] = (
    get("/v3/groups/{group:str}/calendar", show),
    get("/v3/groups/{group:str}/calendar.ics", read),
)
