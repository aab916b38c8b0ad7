"""The calendars of groups: events, and who takes part (protocols/groupme.md 2.7).

Times are ISO 8601, with the offset that the event's time zone has then; one that comes without is the wall clock's
there. An event that is all day ends with the midnight after its last day.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from hubbub.core.gathering import (
    MAX_LISTED,
    MAX_REMINDERS,
    MAX_URL,
    AnswerGathering,
    CancelGathering,
    CreateGathering,
    GatheringSight,
    GetGathering,
    ListGatherings,
    Place,
    UpdateGathering,
    When,
    zone_of,
)
from hubbub.core.model import Attendance, Gathering, Room
from hubbub.dialects.groupme.answer import Reply, Route, delete, get, post
from hubbub.dialects.groupme.attachment import address
from hubbub.dialects.groupme.caller import Caller, number, take
from hubbub.dialects.groupme.error import RefusedError
from hubbub.dialects.groupme.id import SYSTEM, parse_event, render, render_event

Json = dict[str, Any]

PAGE = 20
TIMES = ("start_at", "end_at", "timezone", "is_all_day")
"""What is changed together."""
GOING: Mapping[str, Attendance] = {"true": "going", "false": "not_going"}


class GivenPlace(msgspec.Struct, frozen=True):
    """Where an event is; latitude and longitude are texts, or numbers."""

    name: str | None = None
    address: str | None = None
    lat: str | float | None = None
    lng: str | float | None = None


class GivenEvent(msgspec.Struct, frozen=True):
    """An event as a client makes or changes it; null is as good as nothing."""

    name: str | None = None
    description: str | None = None
    location: GivenPlace | None = None
    start_at: str | None = None
    end_at: str | None = None
    timezone: str | None = None
    is_all_day: bool | None = None
    image_url: str | None = None
    reminders: list[int] | None = None


async def create(caller: Caller) -> Reply:
    """Make an event."""
    room = caller.group(caller.path["conversation"])
    given = take(await caller.body(), GivenEvent)
    for field in ("name", "start_at", "end_at", "timezone"):
        if getattr(given, field) is None:
            raise RefusedError(400, f"{field} is needed")
    sight: GatheringSight = await caller.do(CreateGathering(room=room.id, **_read(given)))
    message = caller.view.message(sight.message) if sight.message else None
    return Reply(response={"event": _write(caller, sight), "message": message}, status=201)


async def update(caller: Caller) -> Reply:
    """Change what is given of an event."""
    room, event = _access(caller)
    given = take(await caller.body(), GivenEvent)
    times = [field for field in TIMES if getattr(given, field) is not None]
    if times and len(times) < len(TIMES):
        raise RefusedError(400, f"{', '.join(TIMES)} are changed together")
    return _answer(caller, await caller.do(UpdateGathering(room=room.id, gathering=event, **_read(given))))


async def cancel(caller: Caller) -> Reply:
    """Delete an event."""
    room, event = _access(caller)
    await caller.do(CancelGathering(room=room.id, gathering=event))
    return Reply()


async def index(caller: Caller) -> Reply:
    """List events in the order in which they begin: those that end at `end_at` or later, which is now if left out."""
    room = caller.group(caller.path["conversation"])
    text = caller.query.get("end_at")
    # A plus that was not escaped has become a blank; between a date and a time, either is as good as a T.
    ending = _instant("end_at", text.replace(" ", "+")) if text else caller.now
    count = number(caller.query.get("limit"), PAGE, MAX_LISTED)
    ending = ending if ending.tzinfo else ending.replace(tzinfo=UTC)
    sights: list[GatheringSight] = await caller.do(ListGatherings(room=room.id, ending=ending, count=count))
    return Reply(response={"events": [_write(caller, sight) for sight in sights]})


async def show(caller: Caller) -> Reply:
    """Give an event."""
    room, event = _access(caller)
    return _answer(caller, await caller.do(GetGathering(room=room.id, gathering=event)))


async def answer(caller: Caller) -> Reply:
    """Say whether one takes part."""
    room, event = _access(caller)
    going = GOING.get(caller.query.get("going", "").lower())
    if going is None:
        raise RefusedError(400, "going: true or false is expected")
    return _answer(caller, await caller.do(AnswerGathering(room=room.id, gathering=event, answer=going)))


async def withdraw(caller: Caller) -> Reply:
    """Take back what one said."""
    room, event = _access(caller)
    return _answer(caller, await caller.do(AnswerGathering(room=room.id, gathering=event, answer=None)))


def _access(caller: Caller) -> tuple[Room, int]:
    """Give the group, and the number of the event that is asked about. Raises RefusedError."""
    room = caller.group(caller.path["conversation"])
    text = caller.query.get("event_id")
    if not text:
        raise RefusedError(400, "event_id is needed")
    return room, parse_event(text)


# What is sent


def _read(given: GivenEvent) -> Json:
    """Give the fields of a command. An empty location or image_url is none."""
    found: Json = {}
    if given.start_at is not None and given.end_at is not None:
        found["when"] = When(
            start=_instant("start_at", given.start_at),
            end=_instant("end_at", given.end_at),
            timezone=given.timezone or "",
            all_day=bool(given.is_all_day),
        )
    for field in ("name", "description"):
        if getattr(given, field) is not None:
            found[field] = getattr(given, field)
    if given.location is not None:
        found["place"] = _place(given.location)
    if given.image_url is not None:
        if given.image_url and not given.image_url.startswith(("https://", "http://", "/media/")):
            raise RefusedError(400, f"image_url: the address of an image, of at most {MAX_URL} characters")
        found["picture"] = given.image_url or None
    if given.reminders is not None:
        if len(given.reminders) > MAX_REMINDERS:
            raise RefusedError(400, f"reminders: at most {MAX_REMINDERS}")
        found["reminders"] = tuple(given.reminders)
    return found


def _place(given: GivenPlace) -> Place:
    latitude, longitude = _degrees("lat", given.lat), _degrees("lng", given.lng)
    return Place(name=given.name or "", address=given.address or "", latitude=latitude, longitude=longitude)


def _degrees(field: str, given: str | float | None) -> float | None:
    if given is None or given == "":
        return None
    try:
        return float(given)
    except ValueError:
        raise RefusedError(400, f"location: {field} is a number of degrees") from None


def _instant(field: str, text: str) -> datetime:
    """Read a time; parts of seconds are dropped. Raises RefusedError."""
    try:
        return datetime.fromisoformat(text).replace(microsecond=0)
    except ValueError:
        raise RefusedError(400, f"{field}: a time like 2026-03-01T20:00:00+01:00 is expected") from None


# What is shown


def _answer(caller: Caller, sight: GatheringSight) -> Reply:
    return Reply(response={"event": _write(caller, sight)})


def _write(caller: Caller, sight: GatheringSight) -> Json:
    event = sight.gathering
    zone = zone_of(event.timezone)
    return {
        "event_id": render_event(event.id),
        "conversation_id": render(event.room),
        "creator_id": render(event.by) if event.by else SYSTEM,
        "name": event.name,
        "description": event.description,
        "location": _location(event),
        "start_at": event.start.astimezone(zone).isoformat(timespec="seconds"),
        "end_at": event.end.astimezone(zone).isoformat(timespec="seconds"),
        "timezone": event.timezone,
        "is_all_day": event.all_day,
        "image_url": address(event.picture, caller.site) or None,
        "reminders": list(event.reminders),
        "going": [render(user) for user in sight.going],
        "going_count": len(sight.going),
        "not_going": [render(user) for user in sight.not_going],
        "maybe_going": [],
        "created_at": _stamp(event.created),
        "updated_at": _stamp(event.modified),
    }


def _location(event: Gathering) -> Json | None:
    """Write where it is. Latitude and longitude are texts."""
    if not event.place:
        return None
    found: Json = {"name": event.place.get("name", ""), "address": event.place.get("address", "")}
    if "latitude" in event.place:
        found |= {"lat": str(event.place["latitude"]), "lng": str(event.place["longitude"])}
    return found


def _stamp(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


EVENTS = "/v3/conversations/{conversation:str}/events"
ROUTES: tuple[Route, ...] = (
    get(f"{EVENTS}/list", index),
    get(f"{EVENTS}/show", show),
    post(f"{EVENTS}/create", create),
    post(f"{EVENTS}/update", update),
    delete(f"{EVENTS}/delete", cancel),
    post(f"{EVENTS}/rsvp", answer),
    delete(f"{EVENTS}/rsvp/delete", withdraw),
)
