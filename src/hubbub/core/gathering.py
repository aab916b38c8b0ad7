"""Gatherings: what a group will do together, and who takes part (elsewhere: calendar events).

When a gathering is, is an instant. A time without an offset is the wall clock's in the gathering's time zone. One that
the clock skips there is as much later as it skips; one that comes twice is the first of the two (RFC 5545 3.3.5). What
was reckoned once stays, also when a country changes its rules. Reminders count back from the start in real seconds.

The group is told of each change, of answers, before it begins and when it does; the words are GroupMe's
(protocols/groupme.md 1.2).
"""

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from hubbub.core.appointment import Appointment
from hubbub.core.chat import check_may_post
from hubbub.core.command import Act, Command, handles, invalid
from hubbub.core.error import Code, Limited, Unknown
from hubbub.core.event import (
    GatheringAnswered,
    GatheringCancelled,
    GatheringCreated,
    GatheringReminded,
    GatheringStarted,
    GatheringUpdated,
    MessagePosted,
)
from hubbub.core.group import access_group
from hubbub.core.membership import access_member, is_member, name_in, runs
from hubbub.core.model import Attendance, Gathering, GatheringAnswer, Message, Room
from hubbub.core.state import WorldState
from hubbub.core.telling import announce
from hubbub.core.text import checked_text, is_visible

REMINDERS = frozenset({0, 300, 900, 1800, 3600, 7200, 86_400, 172_800, 604_800})
"""Seconds before the start; 0 is the start itself, which is always told."""
MAX_REMINDERS = 2
"""Source of both: protocols/groupme.md 2.7."""
LATE = timedelta(hours=1)
"""For so long it is told that a gathering has begun, when the server was away at that moment."""
MAX_NAME = 200
MAX_DESCRIPTION = 4000
MAX_PLACE = 300
"""Characters of the name of a place, and of its address."""
MAX_URL = 2000
MAX_SPAN = timedelta(days=366)
YEARS = range(1970, 2200)
MAX_GATHERINGS = 1000
"""Of one group, past ones included."""
MAX_OWN = 50
"""To come, of one group and of somebody who does not run it."""
MAX_LISTED = 200
NOT_PLACES = frozenset({"localtime", "Factory"})
"""Files in the time zone database that name no zone."""


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a gathering is. Latitude and longitude are in degrees, and come together."""

    name: str = ""
    address: str = ""
    latitude: float | None = None
    longitude: float | None = None


class When(msgspec.Struct, frozen=True, kw_only=True):
    """When a gathering is.

    Attributes:
        start: An instant, or without an offset the wall clock's time in the zone.
        end: The same; the start without one. Of one that is all day, it is on its last day, or the midnight after.
        timezone: An IANA name.
        all_day: From the first moment of the first day to the last moment of the last.
    """

    start: datetime
    end: datetime | None = None
    timezone: str = "UTC"
    all_day: bool = False


class GatheringSight(msgspec.Struct, frozen=True, kw_only=True):
    """A gathering, who of the group takes part and who does not, by id in the order in which they said so; and what was
    said of it in the talk because of the command, if anything was."""

    gathering: Gathering
    going: tuple[int, ...]
    not_going: tuple[int, ...]
    message: Message | None = None


class CreateGathering(Command, frozen=True, kw_only=True):
    """Invite a group to something, and take part oneself."""

    room: int
    name: str
    when: When
    description: str = ""
    place: Place | None = None
    picture: str | None = None
    reminders: tuple[int, ...] = ()


class UpdateGathering(Command, frozen=True, kw_only=True):
    """Change a gathering; what is left out stays."""

    room: int
    gathering: int
    name: str | msgspec.UnsetType = msgspec.UNSET
    when: When | msgspec.UnsetType = msgspec.UNSET
    description: str | msgspec.UnsetType = msgspec.UNSET
    place: Place | msgspec.UnsetType | None = msgspec.UNSET
    picture: str | msgspec.UnsetType | None = msgspec.UNSET
    reminders: tuple[int, ...] | msgspec.UnsetType = msgspec.UNSET


class CancelGathering(Command, frozen=True, kw_only=True):
    """Let a gathering not be, and forget it."""

    room: int
    gathering: int


class AnswerGathering(Command, frozen=True, kw_only=True):
    """Say whether one takes part; None takes back what one said."""

    room: int
    gathering: int
    answer: Attendance | None


class GetGathering(Command, frozen=True, kw_only=True):
    """Look at a gathering."""

    room: int
    gathering: int


class ListGatherings(Command, frozen=True, kw_only=True):
    """Look at a group's gatherings, those alone that end at an instant or later where one is given."""

    room: int
    ending: datetime | None = None
    count: int = MAX_LISTED


class SettleGatherings(Command, frozen=True, kw_only=True):
    """Tell a group what is due. The server asks for it in time."""

    room: int


# Making and changing


@handles(
    CreateGathering,
    "room:chat.send",
    "room:gathering.create",
    rate="create",
    events=(GatheringCreated, MessagePosted),
)
def do_create(act: Act, command: CreateGathering) -> GatheringSight:
    """Make it. Who may say something in the group may, and who runs it."""
    room = access_group(act, command.room)
    if not act.may("room:gathering.create", room):
        check_may_post(act, room.id)
    _check_count(act, room)
    gathering = Gathering(
        id=act.new_id(),
        world=room.world,
        room=room.id,
        by=act.by,
        **_checked({name: getattr(command, name) for name in FIELDS}),
        told=act.now,
        created=act.now,
        modified=act.now,
    )
    answer = _answer(act, gathering, "going") if is_member(act.state, room.id, act.by) else None
    act.emit(GatheringCreated, room.id, gathering=gathering, answer=answer)
    return _said(act, room, gathering, "calendar.created", "{by} created event '{name}'")


def _check_count(act: Act, room: Room) -> None:
    known = act.state.gatherings.get(room.id, {}).values()
    if len(known) >= MAX_GATHERINGS:
        raise Limited(Code.TOO_MANY, f"A group has at most {MAX_GATHERINGS} events. Delete some first.")
    own = sum(one.by == act.by and one.end > act.now for one in known)
    if own >= MAX_OWN and not runs(act, room):
        raise Limited(Code.TOO_MANY, f"You can have at most {MAX_OWN} events here at once.")


FIELDS = ("name", "when", "description", "place", "picture", "reminders")
TIMES = ("start", "end", "timezone", "all_day")
WORDS = {"name": "name", "description": "description", "place": "location", "time": "time", "picture": "picture"}
"""What the fields are called to people. That reminders changed is not said."""


@handles(
    UpdateGathering,
    "room:chat.send",
    "room:gathering.create",
    rate="configure",
    events=(GatheringUpdated, MessagePosted),
)
def do_update(act: Act, command: UpdateGathering) -> GatheringSight:
    """Change what is given and different, and say that once. Who made it may, and who runs the group."""
    room = access_group(act, command.room)
    before = _access_own(act, room, command.gathering)
    given = {name: value for name in FIELDS if (value := getattr(command, name)) is not msgspec.UNSET}
    after = msgspec.structs.replace(before, **_checked(given))
    if after == before:
        return _sight(act, room, before)
    fields = tuple(name for name in ("name", "description", "place") if getattr(after, name) != getattr(before, name))
    moved = any(getattr(after, name) != getattr(before, name) for name in TIMES)
    fields += ("time",) * moved
    fields += tuple(name for name in ("picture", "reminders") if getattr(after, name) != getattr(before, name))
    told = act.now if moved or "reminders" in fields else before.told
    after = msgspec.structs.replace(after, modified=act.now, told=told)
    act.emit(GatheringUpdated, room.id, gathering=after, fields=fields)
    words = [WORDS[field] for field in fields if field in WORDS]
    if not words:
        return _sight(act, room, after)
    what = " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)
    text = "{by} updated the " + what + " for the event '{name}'"
    return _said(act, room, after, "calendar.updated", text, fields=[field for field in fields if field in WORDS])


@handles(
    CancelGathering,
    "room:chat.send",
    "room:gathering.create",
    rate="configure",
    events=(GatheringCancelled, MessagePosted),
)
def do_cancel(act: Act, command: CancelGathering) -> GatheringSight:
    """Forget it. Who made it may, and who runs the group."""
    room = access_group(act, command.room)
    gathering = _access_own(act, room, command.gathering)
    sight = _sight(act, room, gathering)
    answers = tuple(act.state.answers.get(gathering.id, {}).values())
    act.emit(GatheringCancelled, room.id, gathering=gathering, answers=answers)
    said = _said(act, room, gathering, "calendar.cancelled", "{by} canceled the event '{name}'")
    return msgspec.structs.replace(sight, message=said.message)


def _checked(given: dict[str, Any]) -> dict[str, Any]:
    """Check what is to be set of a gathering, and give it as it is kept. Raises Invalid."""
    if "name" in given:
        given["name"] = checked_text("name", given["name"], MAX_NAME)
    if given.get("description", "").strip():
        given["description"] = checked_text("description", given["description"], MAX_DESCRIPTION)
    elif "description" in given:
        given["description"] = ""
    if given.get("picture") is not None and (len(given["picture"]) > MAX_URL or not is_visible(given["picture"])):
        raise invalid("picture", f"at most {MAX_URL} characters that can be seen")
    if given.get("place") is not None:
        given["place"] = _checked_place(given["place"])
    if "reminders" in given:
        given["reminders"] = tuple(sorted(set(given["reminders"])))
        if len(given["reminders"]) > MAX_REMINDERS or not REMINDERS.issuperset(given["reminders"]):
            raise invalid("reminders", f"at most {MAX_REMINDERS} of {sorted(REMINDERS)} seconds")
    when = given.pop("when", None)
    return given | (_times(when) if when else {})


def _checked_place(place: Place) -> dict[str, Any] | None:
    for field in ("name", "address"):
        if len(getattr(place, field)) > MAX_PLACE or not is_visible(getattr(place, field)):
            raise invalid("place", f"{field}: at most {MAX_PLACE} characters that can be seen")
    for degrees, most in ((place.latitude, 90), (place.longitude, 180)):
        if degrees is not None and not -most <= degrees <= most:  # also what is not a number
            raise invalid("place", "no such place on earth")
    if (place.latitude is None) != (place.longitude is None):
        raise invalid("place", "latitude and longitude come together")
    found: dict[str, Any] = msgspec.to_builtins(place)
    return found or None


# Time


def _times(when: When) -> dict[str, Any]:
    """Reckon when a gathering begins and ends. Raises Invalid."""
    zone = zone_of(when.timezone)
    end = when.end or when.start
    for field, value in (("start", when.start), ("end", end)):
        if value.year not in YEARS:
            raise invalid(field, f"a year from {YEARS[0]} to {YEARS[-1]}")
    if when.all_day:
        first, last = _local(when.start, zone), _local(end, zone)
        days = last.date() - first.date()
        whole = last.time() == time() and days > timedelta()
        start = to_instant(_midnight(first.date()), zone)
        stop = to_instant(_midnight(last.date() + timedelta(days=0 if whole else 1)), zone)
    else:
        start, stop = to_instant(when.start, zone), to_instant(end, zone)
    if stop < start or (when.all_day and days < timedelta()):
        raise invalid("end", "not before the start")
    if stop - start > MAX_SPAN:
        raise invalid("end", f"at most {MAX_SPAN.days} days after the start")
    return {"start": start, "end": stop, "timezone": when.timezone, "all_day": when.all_day}


def to_instant(moment: datetime, zone: tzinfo) -> datetime:
    """Give the instant of a time, in UTC; one without an offset is the wall clock's (see above for gaps and folds)."""
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    return moment.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _local(moment: datetime, zone: tzinfo) -> datetime:
    return moment if moment.tzinfo is None else moment.astimezone(zone)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def zone_of(name: str) -> tzinfo:
    """Give a time zone by its IANA name. Raises Invalid."""
    if name == "UTC":
        return UTC
    if name not in _zones():
        raise invalid("timezone", "no such time zone")
    return ZoneInfo(name)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - NOT_PLACES


# Taking part


@handles(AnswerGathering, "room:chat.send", rate="react", events=(GatheringAnswered, MessagePosted))
def do_answer(act: Act, command: AnswerGathering) -> GatheringSight:
    """Note it, and say so; saying the same again is saying it once."""
    room = access_group(act, command.room)
    gathering = _access(act, room, command.gathering)
    user = access_member(act.state, room.id, act.actor.id).user
    old = act.state.answers.get(gathering.id, {}).get(user)
    if (old.answer if old else None) == command.answer:
        return _sight(act, room, gathering)
    if command.answer is None:
        act.emit(GatheringAnswered, room.id, void=old)
        return _said(act, room, gathering, "calendar.undecided", "{by} is undecided about '{name}'")
    act.emit(GatheringAnswered, room.id, answer=_answer(act, gathering, command.answer))
    if command.answer == "going":
        return _said(act, room, gathering, "calendar.going", "{by} is going to '{name}'")
    return _said(act, room, gathering, "calendar.not_going", "{by} is not going to '{name}'")


def _answer(act: Act, gathering: Gathering, answer: Attendance) -> GatheringAnswer:
    return GatheringAnswer(gathering=gathering.id, user=act.by, world=gathering.world, answer=answer, at=act.now)


# Looking


@handles(GetGathering, "room:chat.read", rate="read")
def do_get(act: Act, command: GetGathering) -> GatheringSight:
    """Give it."""
    room = access_group(act, command.room)
    return _sight(act, room, _access(act, room, command.gathering))


@handles(ListGatherings, "room:chat.read", rate="read")
def do_list(act: Act, command: ListGatherings) -> list[GatheringSight]:
    """Give them in the order in which they begin."""
    room = access_group(act, command.room)
    return [_sight(act, room, one) for one in listed(act, command)]


def listed(act: Act, command: ListGatherings) -> list[Gathering]:
    """Give them without who takes part: of many with many answers that is most of the work. Raises Invalid."""
    if command.ending is not None and command.ending.tzinfo is None:
        raise invalid("ending", "an instant")
    found = act.state.gatherings.get(command.room, {}).values()
    left = [one for one in found if command.ending is None or one.end >= command.ending]
    left.sort(key=lambda one: (one.start, one.id))
    return left[: max(0, min(command.count, MAX_LISTED))]


def _sight(act: Act, room: Room, gathering: Gathering, message: Message | None = None) -> GatheringSight:
    """Give a gathering with who of those who belong to the group answered; who comes back is counted again."""
    answers = sorted(act.state.answers.get(gathering.id, {}).values(), key=lambda answer: (answer.at, answer.user))
    left = [one for one in answers if is_member(act.state, room.id, one.user) and not act.state.users[one.user].deleted]
    return GatheringSight(
        gathering=gathering,
        going=tuple(one.user for one in left if one.answer == "going"),
        not_going=tuple(one.user for one in left if one.answer == "not_going"),
        message=message,
    )


def _access(act: Act, room: Room, identity: int) -> Gathering:
    gathering = act.state.gatherings.get(room.id, {}).get(identity)
    if gathering is None:
        raise Unknown(Code.GATHERING_UNKNOWN, "There is no such event.")
    return gathering


def _access_own(act: Act, room: Room, identity: int) -> Gathering:
    """Give a gathering that the actor may change. Raises Unknown, Denied."""
    gathering = _access(act, room, identity)
    own = gathering.by == act.by and is_member(act.state, room.id, act.by)
    if not own and not runs(act, room):
        act.deny(room)
    return gathering


# In time


@handles(SettleGatherings, "room:view", rate="free", events=(GatheringReminded, GatheringStarted, MessagePosted))
def do_settle(act: Act, command: SettleGatherings) -> None:
    """Tell what is due by now, once, wherever it is asked for.

    Of what was missed while the server was away, only the newest is told: how long it is until the start from now, or
    that it has begun, within LATE.
    """
    room = act.state.rooms.get(command.room)
    if room is None or room.deleted or not room.lasting:
        return
    for gathering in list(act.state.gatherings.get(room.id, {}).values()):
        due = [instant for instant in _instants(gathering) if instant <= act.now]
        if due:
            once = f"gathering:{gathering.id}:{max(due).timestamp():.0f}:{gathering.modified.timestamp():.6f}"
            _settle(act, room, msgspec.structs.replace(gathering, told=act.now), once)


def _settle(act: Act, room: Room, gathering: Gathering, once: str) -> None:
    if act.now < gathering.start:
        minutes = max(1, math.floor((gathering.start - act.now) / timedelta(minutes=1) + 0.5))
        act.emit(GatheringReminded, room.id, gathering=gathering, session=0)
        text = f"'{gathering.name}' is starting in {minutes} minute{'s' * (minutes > 1)}"
        _announce_start(act, room, gathering, text, minutes, once)
        return
    act.emit(GatheringStarted, room.id, gathering=gathering, session=0)
    if act.now <= gathering.start + LATE:
        _announce_start(act, room, gathering, f"'{gathering.name}' is starting now", 0, once)


def _announce_start(act: Act, room: Room, gathering: Gathering, text: str, minutes: int, once: str) -> None:
    about = {"gathering": gathering.id, "name": gathering.name, "minutes": minutes}
    announce(act, room, None, "calendar.starting", text, once=once, **about)


def _instants(gathering: Gathering) -> Iterator[datetime]:
    """Give when something of a gathering is to be told that was not yet."""
    for seconds in {0, *gathering.reminders}:
        instant = gathering.start - timedelta(seconds=seconds)
        if instant > gathering.told:
            yield instant


def next_due(state: WorldState, identity: int) -> datetime | None:
    """Tell when a group is to be told something of a gathering next."""
    room = state.rooms.get(identity)
    if room is None or room.deleted or not room.lasting:
        return None
    gatherings = state.gatherings.get(identity, {}).values()
    return min((instant for one in gatherings if one.told < one.start for instant in _instants(one)), default=None)


APPOINTMENT = Appointment(
    events=(GatheringCreated, GatheringUpdated, GatheringCancelled, GatheringReminded, GatheringStarted),
    next_due=next_due,
    settle=lambda room: SettleGatherings(room=room),
    places=lambda state: state.gatherings,
)


# What is said of it


def _said(act: Act, room: Room, gathering: Gathering, what: str, words: str, **more: Any) -> GatheringSight:
    """Say in the talk what happened, and give the gathering as it is now."""
    text = words.format(by=name_in(act.state, room.id, act.by), name=gathering.name)
    message = announce(act, room, act.user, what, text, gathering=gathering.id, name=gathering.name, **more)
    return _sight(act, room, gathering, message)
