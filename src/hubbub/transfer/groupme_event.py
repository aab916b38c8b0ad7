"""What GroupMe says of what happened, in our words (docs/system-messages.md), by one table.

Sources: protocols/groupme.md 1.2, 1.3 and 1.5. What we have no word for, or what is not as it should be, is kept as it
is: {"type": "groupme", "original": the event}.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from hubbub.transfer.groupme_stage import instant, people, person_id, text_id

Json = dict[str, Any]

VERBATIM = "groupme"


class Ids(Protocol):
    """Give the ids here of what has an id there; 0 for what is not known."""

    def user(self, foreign: str) -> int:
        """Give the id of somebody."""
        ...

    def called(self, user: int) -> str:
        """Say what somebody is called, by the id here."""
        ...

    def poll(self, foreign: str) -> int:
        """Give the id of a poll."""
        ...

    def option(self, poll: str, foreign: str) -> int:
        """Give the id of an answer that a poll offers."""
        ...

    def gathering(self, foreign: str) -> int:
        """Give the id of an event of the calendar."""
        ...

    def message(self, foreign: str) -> tuple[int, int, int]:
        """Give the id and the number of a message, and who sent it."""
        ...


class OddError(Exception):
    """An event is not as it should be."""


Reader = Callable[[Json, Ids], Any]


class Form(NamedTuple):
    """How we say it: the type, where it is told who did it ("" for nobody), and what more there is."""

    type: str
    by: str = "user"
    more: Mapping[str, Reader] = {}


# Reading


def _need(data: Json, name: str, kind: type | tuple[type, ...]) -> Any:
    value = data.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise OddError(name)
    return value


def _text(name: str) -> Reader:
    return lambda data, ids: _need(data, name, str)


def _any(name: str, *kinds: type) -> Reader:
    def read(data: Json, ids: Ids) -> Any:
        if name not in data:
            raise OddError(name)
        return None if data[name] is None else _need(data, name, kinds)

    return read


def _always(value: object) -> Reader:
    return lambda data, ids: value


def _person_of(value: object, ids: Ids) -> Json:
    identity = person_id(value.get("id")) if isinstance(value, dict) else ""
    if not isinstance(value, dict) or not identity or not isinstance(value.get("nickname"), str):
        raise OddError("a person")
    return {"user": ids.user(identity), "nickname": value["nickname"]}


def _person(name: str) -> Reader:
    return lambda data, ids: _person_of(data.get(name), ids)


def _people(name: str) -> Reader:
    def read(data: Json, ids: Ids) -> list[Json]:
        found = [_person_of(one, ids) for one in _need(data, name, list)]
        if not found:
            raise OddError(name)
        return found

    return read


def _in(name: str, read: Reader) -> Reader:
    """Read in an object within the data."""
    return lambda data, ids: read(_need(data, name, dict), ids)


def _gathering(data: Json, ids: Ids) -> int:
    identity = text_id(_need(data, "id", str))
    return ids.gathering(identity)


def _poll(data: Json, ids: Ids) -> int:
    return ids.poll(text_id(_need(data, "id", str)))


def _message(place: int) -> Reader:
    def read(data: Json, ids: Ids) -> int:
        found = ids.message(text_id(data.get("message_id")))[place]
        if not found:
            raise OddError("message_id")
        return found

    return read


def _author(data: Json, ids: Ids) -> int | None:
    return ids.message(text_id(data.get("message_id")))[2] or None


def _actor(data: Json, ids: Ids) -> str:
    actor = data.get("deletion_actor")
    if actor not in ("sender", "admin", "system"):
        raise OddError("deletion_actor")
    return str(actor)


def _expires(data: Json, ids: Ids) -> int:
    at = instant(data.get("expiration"))
    if at is None:
        raise OddError("expiration")
    return int(at.timestamp())


def _minutes(data: Json, ids: Ids) -> int:
    minutes = data.get("minutes")
    if not isinstance(minutes, str) or not (minutes.isascii() and minutes.isdigit()) or len(minutes) > 6:
        raise OddError("minutes")
    return int(minutes)


def _options(data: Json, ids: Ids) -> list[Json]:
    poll = text_id(_need(_need(data, "poll", dict), "id", str))
    found: list[Json] = []
    for option in _need(data, "options", list):
        if not isinstance(option, dict):
            raise OddError("options")
        one: Json = {"id": ids.option(poll, text_id(option.get("id"))), "content": _need(option, "title", str)}
        if option.get("votes"):
            one["votes"] = _need(option, "votes", int)
        if option.get("voter_ids"):
            one["voters"] = [ids.user(voter) for voter in people(option["voter_ids"])]
        found.append(one)
    return found


FIELD = "calendar.event.field."
FIELDS = {"location": "place", "image": "picture", "start_at": "time", "end_at": "time"}
"""What we call otherwise of what changed of an event of the calendar."""


def _fields(data: Json, ids: Ids) -> list[str]:
    fields = [str(one).removeprefix(FIELD) for one in _need(data, "updated_fields", list)]
    return list(dict.fromkeys(FIELDS.get(field, field) for field in fields))


# The table

_NAME = {"name": _text("name")}
_CALENDAR = {"gathering": _in("event", _gathering), "name": _in("event", _text("name"))}
_POLL = {"poll": _in("poll", _poll), "subject": _in("poll", _text("subject"))}
_PLACE = {"message": _message(0), "number": _message(1)}

FORMS: dict[str, Form] = {
    "membership.announce.added": Form("member.added", "adder_user", {"members": _people("added_users")}),
    "membership.announce.joined": Form("member.joined"),
    "membership.announce.rejoined": Form("member.rejoined"),
    "membership.avatar_changed": Form("member.avatar_changed", more={"value": _any("avatar_url", str)}),
    "membership.nickname_changed": Form("member.renamed", more=_NAME),
    "membership.notifications.autokicked": Form("member.dropped"),
    "membership.notifications.exited": Form("member.left", "removed_user"),
    "membership.notifications.removed": Form("member.removed", "remover_user", {"member": _person("removed_user")}),
    "group.name_change": Form("group.name_change", more={"value": _text("name")}),
    "group.topic_change": Form("group.topic_change", more={"value": _text("topic")}),
    "group.topic_removed": Form("group.topic_change", more={"value": _always("")}),
    "group.avatar_change": Form("group.avatar_change", more={"value": _any("avatar_url", str)}),
    "group.type_change": Form("group.type_change", more={"value": _text("type")}),
    "group.theme_change": Form("group.theme_change", more={"value": _text("theme_name")}),
    "group.like_icon_set": Form("group.like_icon_set", more={"value": _any("like_icon", dict)}),
    "group.like_icon_removed": Form("group.like_icon_removed", more={"value": _always(None)}),
    "group.office_mode_enabled": Form("group.office_mode", more={"value": _always(True)}),
    "group.office_mode_disabled": Form("group.office_mode", more={"value": _always(False)}),
    "group.added_to_directory": Form("group.added_to_directory", more={"value": _text("directory_name")}),
    "group.shared": Form("group.shared"),
    "group.unshared": Form("group.unshared"),
    "group.owner_changed": Form(
        "group.owner_changed", "old_owner", {"old": _person("old_owner"), "new": _person("new_owner")}
    ),
    "group.role_change_admin": Form("group.role_change", more={"role": _text("role"), "member": _person("member")}),
    "group.requires_approval_enabled": Form("group.approval_on", more={"value": _always(True)}),
    "group.requires_approval_disabled": Form("group.approval_off", more={"value": _always(False)}),
    "message.pinned": Form("message.pinned", "", _PLACE),
    "message.deleted": Form("message.deleted", "", {**_PLACE, "author": _author, "actor": _actor}),
    "bot.add": Form("bot.added", more={"bot": _always(0), "name": _text("bot")}),
    "bot.del": Form("bot.removed", more={"bot": _always(0), "name": _text("bot")}),
    "bot.rename": Form(
        "bot.renamed", more={"bot": _always(0), "old": _text("bot_name_old"), "name": _text("bot_name_new")}
    ),
    "calendar.event.created": Form("calendar.created", more={**_CALENDAR, "url": _any("url", str)}),
    "calendar.event.updated": Form("calendar.updated", more={**_CALENDAR, "fields": _fields}),
    "calendar.event.cancelled": Form("calendar.cancelled", more=_CALENDAR),
    "calendar.event.user.going": Form("calendar.going", more=_CALENDAR),
    "calendar.event.user.not_going": Form("calendar.not_going", more=_CALENDAR),
    "calendar.event.user.undecided": Form("calendar.undecided", more=_CALENDAR),
    "calendar.event.starting": Form("calendar.starting", "", {"name": _text("event_name"), "minutes": _minutes}),
    "poll.created": Form("poll.created", more={**_POLL, "state": _always("open")}),
    "poll.reminder": Form("poll.reminder", "", {**_POLL, "expires": _in("poll", _expires)}),
    "poll.finished": Form("poll.finished", "", {**_POLL, "options": _options}),
}
"""By GroupMe's type. `bot` is 0 as GroupMe only gives the name of a bot that comes or goes."""

NAMED_BY = {"message.pinned": "pinned_by", "message.deleted": "deleter_id"}
"""Types that name who did it by an id alone."""


def translate(event: object, ids: Ids) -> Json:
    """Give our event for one of GroupMe's."""
    if not isinstance(event, dict):
        return {"type": VERBATIM, "original": event}
    form, data = FORMS.get(str(event.get("type"))), event.get("data")
    if form is None or not isinstance(data, dict):
        return {"type": VERBATIM, "original": event}
    try:
        return {"type": form.type, **_by(str(event["type"]), form, data, ids), **_read(form, data, ids)}
    except OddError:
        return {"type": VERBATIM, "original": event}


def _read(form: Form, data: Json, ids: Ids) -> Json:
    return {name: read(data, ids) for name, read in form.more.items()}


def _by(kind: str, form: Form, data: Json, ids: Ids) -> Json:
    """Say who did it. Of polls only who made one is told, and by id alone."""
    if form.by:
        person = _person_of(data.get(form.by), ids)
        return {"user": person["user"]} if kind == "poll.created" else person
    if kind not in NAMED_BY:
        return {} if kind.startswith("poll.") else {"user": 0, "nickname": ids.called(0)}
    user = 0 if data.get("deletion_actor") == "system" else ids.user(person_id(data.get(NAMED_BY[kind])))
    if kind == "message.deleted" and data.get("deletion_actor") == "sender":
        user = user or ids.message(text_id(data.get("message_id")))[2]
    return {"user": user, "nickname": ids.called(user)}
