"""Messages of GroupMe's export in the words of the core.

Attachments are kept as GroupMe has them, with the ids of what is here; ids of what is not are under `groupme` in the
attachment.
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from datetime import datetime
from typing import Any

import msgspec

from hubbub.core.chat import is_reaction
from hubbub.core.history import OldMessage, option_id
from hubbub.core.membership import NAMELESS
from hubbub.core.model import MessageKind, User
from hubbub.transfer.groupme_event import VERBATIM, translate
from hubbub.transfer.groupme_stage import dicts, instant, people, person_id, reactions, sender_of, text_id

Json = dict[str, Any]

HEART = "\N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}"
"""What a like is, and a reaction that is not known here."""
EVERYONE = "-1"
"""Stands for all members of a group where people are mentioned."""
TOMBSTONES = frozenset({"This message was deleted", "An admin deleted this message", "This message was removed"})
"""What stands in place of a deleted message (protocols/groupme.md 1.3)."""
TOLD = frozenset({"poll", "event", "autokicked_member"})
"""Attachments that say no more than the event of their message."""
MESSAGES = ("reply_id", "base_reply_id")
"""Where attachments name messages."""
MAX_VERBATIM = 32_768
"""Bytes of an event that is kept as it is."""


class Reference(msgspec.Struct, frozen=True):
    """A message that is here: its id and number, who sent it, and when it was edited."""

    id: int
    number: int
    sender: int
    edited: datetime | None = None


class Writing(msgspec.Struct, frozen=True):
    """How ids are written in attachments: of a message by its number here, of an event of the calendar by its id."""

    message: Callable[[int], str] = str
    event: Callable[[int], str] = str


class Known(msgspec.Struct):
    """What is known here of what GroupMe has, by the ids there."""

    users: Mapping[str, int]
    accounts: Mapping[int, User]
    messages: MutableMapping[str, Reference] = {}
    polls: dict[str, int] = {}
    kept_polls: frozenset[int] = frozenset()
    options: dict[str, int] = {}
    gatherings: dict[str, int] = {}


def referred(raw: Json) -> Iterator[str]:
    """Give the messages that a message is about or answers."""
    yield text_id(_data(raw).get("message_id"))
    for attachment in dicts(raw.get("attachments")):
        if attachment.get("type") == "reply":
            yield from (text_id(attachment.get(name)) for name in MESSAGES)


def asked(raw: Json) -> Iterator[tuple[str, list[str]]]:
    """Give the polls that a message names, with their options."""
    data = _data(raw)
    poll = data.get("poll")
    if isinstance(poll, dict) and (identity := text_id(poll.get("id"))):
        options = (text_id(option.get("id")) for option in dicts(data.get("options")))
        yield identity, [option for option in options if option]
    for attachment in dicts(raw.get("attachments")):
        if attachment.get("type") == "poll" and (identity := text_id(attachment.get("poll_id"))):
            yield identity, []


def gathered(raw: Json) -> Iterator[str]:
    """Give the events of the calendar that a message names."""
    about = _data(raw).get("event")
    if isinstance(about, dict):
        yield text_id(about.get("id"))
    for attachment in dicts(raw.get("attachments")):
        if attachment.get("type") == "event":
            yield text_id(attachment.get("event_id"))


def _data(raw: Json) -> Json:
    """Give the data of a message's event."""
    event = raw.get("event")
    data = event.get("data") if isinstance(event, dict) else None
    return data if isinstance(data, dict) else {}


class Translator:
    """Reads messages of one conversation; gives their events the ids of what they name (groupme_event.Ids).

    `picture` gives the address here of a picture by that there, "" when it is not here.
    """

    def __init__(self, known: Known, writing: Writing, picture: Callable[[str], str]) -> None:
        self.known = known
        self._writing = writing
        self._picture = picture

    # Ids

    def user(self, foreign: str) -> int:
        """Give the id of somebody, 0 when they are not known."""
        return self.known.users.get(foreign, 0)

    def called(self, user: int) -> str:
        """Say what somebody is called."""
        found = self.known.accounts.get(user)
        return (found.display_name if found else "") or NAMELESS

    def poll(self, foreign: str) -> int:
        """Give the id of a poll."""
        return self.known.polls.get(foreign, 0)

    def option(self, poll: str, foreign: str) -> int:
        """Give the id of an answer."""
        return self.known.options.get(option_id(poll, foreign), 0)

    def gathering(self, foreign: str) -> int:
        """Give the id of an event of the calendar."""
        return self.known.gatherings.get(foreign, 0)

    def message(self, foreign: str) -> tuple[int, int, int]:
        """Give the id and number of a message, and who sent it; zeros when it is not here."""
        found = self.known.messages.get(foreign)
        return (found.id, found.number, found.sender) if found else (0, 0, 0)

    # Messages

    def read(self, identity: str, at: datetime, raw: Json) -> OldMessage:
        """Read one."""
        if isinstance(raw.get("event"), dict):
            return self._happening(identity, at, raw)
        sender = self.user(sender_of(raw))
        body = _text(raw.get("text"))
        deleted = self._deleted(raw, body)
        gone = instant(raw.get("deleted_at"))
        edited = gone if deleted else _later(instant(raw.get("updated_at")), at)
        pinned = None if deleted else instant(raw.get("pinned_at"))
        return OldMessage(
            foreign=identity,
            at=at,
            sender=sender,
            kind="text" if sender or not _is_system(raw) else "system",
            body="" if deleted else body,
            attachments=() if deleted else self._attachments(raw, frozenset()),
            edited=edited,
            deleted=deleted,
            deleted_by=sender if deleted and raw.get("deletion_actor") in (None, "sender") else 0,
            pinned=pinned,
            pinned_by=self.user(person_id(raw.get("pinned_by"))) if pinned else 0,
            reactions=self._reactions(raw),
        )

    @staticmethod
    def _deleted(raw: Json, body: str) -> bool:
        return bool(raw.get("deleted_at") or raw.get("deletion_actor")) or (
            body in TOMBSTONES and not raw.get("attachments")
        )

    def _happening(self, identity: str, at: datetime, raw: Json) -> OldMessage:
        """Read a message that tells what happened."""
        given = raw["event"]
        if given.get("type") == "message.update" and (edit := self._edit(identity, at, raw)):
            return edit
        event = translate(given, self)
        kind = event["type"]
        body = _text(raw.get("text"))
        if kind == VERBATIM and len(msgspec.json.encode(event)) > MAX_VERBATIM:
            event = {"type": VERBATIM, "original": {"type": str(given.get("type"))[:100], "data": {}}}
        if kind == "calendar.starting":
            event["gathering"] = next((self.gathering(one) for one in gathered(raw) if one), 0)
        if kind == "calendar.created":
            body = body.removesuffix(event["url"] or "").rstrip()
        told = frozenset() if kind == VERBATIM else TOLD
        sender = self._teller(event, raw)
        return OldMessage(
            foreign=identity,
            at=at,
            sender=sender,
            kind=self._kind(event),
            body=body,
            attachments=self._attachments(raw, told),
            event=event,
            replaces=event["number"] if kind == "message.deleted" else None,
            deleted=kind == "message.deleted",
            reactions=self._reactions(raw),
        )

    def _kind(self, event: Json) -> MessageKind:
        if event["type"] == "message.deleted":
            return "text"
        return "poll" if event["type"] == "poll.created" and event["poll"] in self.known.kept_polls else "system"

    def _teller(self, event: Json, raw: Json) -> int:
        """Say who a message is of that tells what happened: who did it."""
        user = event.get("user", 0)
        if event["type"] != VERBATIM:
            return user if isinstance(user, int) else 0
        data = event["original"].get("data")
        person = data.get("user") if isinstance(data, dict) else None
        return self.user(person_id(person.get("id")) if isinstance(person, dict) else "") or self.user(sender_of(raw))

    def _edit(self, identity: str, at: datetime, raw: Json) -> OldMessage | None:
        """Read an edit, which here is a message in the other's words; None when the other is not here."""
        data = raw["event"].get("data")
        if not isinstance(data, dict) or not isinstance(data.get("message"), dict):
            return None
        _, number, sender = self.message(text_id(data.get("message_id")))
        if not number:
            return None
        return OldMessage(
            foreign=identity,
            at=at,
            sender=self.user(person_id(data.get("sender_id"))) or sender,
            body=_text(data["message"].get("text")),
            attachments=self._attachments(data["message"], frozenset()),
            replaces=number,
            reactions=self._reactions(raw),
        )

    # Parts

    def _reactions(self, raw: Json) -> dict[str, tuple[int, ...]]:
        """Give who reacted how; a like that is told of no other way is a heart."""
        found: dict[str, dict[int, None]] = {}
        told: set[str] = set()
        for what, who in reactions(raw):
            users = [self.user(one) for one in who]
            found.setdefault(_sign(what), {}).update(dict.fromkeys(users))
            told.update(who)
        likes = [self.user(one) for one in people(raw.get("favorited_by")) if one not in told]
        if likes:
            found.setdefault(HEART, {}).update(dict.fromkeys(likes))
        return {sign: tuple(user for user in users if user) for sign, users in found.items() if any(users)}

    def _attachments(self, raw: Json, without: frozenset[str]) -> tuple[Json, ...]:
        given = dicts(raw.get("attachments"))
        return tuple(self._attachment(one) for one in given if str(one.get("type")) not in without)

    def _attachment(self, given: Json) -> Json:
        found = {name: value for name, value in given.items() if value is not None}
        unknown: Json = {}
        for name in MESSAGES:
            if name in found:
                number = self.message(text_id(found[name]))[1]
                _put(found, unknown, name, self._writing.message(number) if number else None)
        if "user_id" in found:
            user = self.user(person_id(found["user_id"]))
            _put(found, unknown, "user_id", str(user) if user else None)
        if "user_ids" in found:
            found["user_ids"] = self._mentioned(found["user_ids"])
        if "poll_id" in found:
            poll = self.poll(text_id(found["poll_id"]))
            _put(found, unknown, "poll_id", str(poll) if poll else None)
        if "event_id" in found:
            gathering = self.gathering(text_id(found["event_id"]))
            _put(found, unknown, "event_id", self._writing.event(gathering) if gathering else None)
        if found.get("type") == "image" and isinstance(found.get("url"), str):
            here = self._picture(found["url"])
            if here:
                found |= {"url": here, "source_url": found["url"]}
        return {**found, "groupme": unknown} if unknown else found

    def _mentioned(self, users: object) -> list[str]:
        """Give those who are mentioned, in their order, as the places where they are in the text are in the same."""
        given = users if isinstance(users, list) else []
        return [EVERYONE if str(one) == EVERYONE else str(self.user(person_id(one))) for one in given]


def _put(found: Json, unknown: Json, name: str, value: str | None) -> None:
    """Set an id that is known here, or keep the one there apart."""
    given = found.pop(name)
    if value is None:
        unknown[name] = given
    else:
        found[name] = value


def _sign(what: Json) -> str:
    """Give a reaction as it is kept here (core.chat.PACKED)."""
    sign = what.get("code")
    if what.get("type") == "emoji":
        sign = f"pack:{what.get('pack_id')}:{what.get('pack_index')}"
    return sign if isinstance(sign, str) and is_reaction(sign) else HEART


def _is_system(raw: Json) -> bool:
    """Tell whether the service said it, not somebody of whom nothing is known."""
    return raw.get("system") is True or raw.get("sender_type") in ("system", "service") or raw.get("name") == "GroupMe"


def _later(instant: datetime | None, than: datetime) -> datetime | None:
    return instant if instant and instant > than else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
