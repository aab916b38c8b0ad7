"""What is in exports of GroupMe, sorted by conversation and time, in a temporary database.

An export has the newest message first, and messages must be written oldest first; several exports may have the same
ones. So all of them are read once before anything is changed here, which also finds every fault before it does harm.
Held in memory are only the people, the groups and their polls.
"""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from zipfile import ZipInfo

import msgspec

from hubbub.core.model import LeaveKind
from hubbub.transfer.error import TransferError
from hubbub.transfer.groupme_zip import Export, Folder

MAX_PEOPLE = 100_000
MAX_CONVERSATIONS = 10_000
MAX_MESSAGE = 512 * 1024
"""Bytes of JSON."""
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
MILLISECONDS_FROM = 10**11
"""Numbers above are milliseconds, others seconds."""
BATCH = 1000
LEAVING: dict[str, tuple[str, LeaveKind]] = {
    "membership.notifications.exited": ("removed_user", "left"),
    "membership.notifications.removed": ("removed_user", "removed"),
    "membership.notifications.autokicked": ("user", "dropped"),
}
"""Events that end a membership: where they name whom, and how it ends."""

_ID = re.compile(r"[0-9A-Za-z_.-]{1,64}")
_PERSON = re.compile(r"[1-9][0-9]{0,19}")
_PAIR = re.compile(r"([1-9][0-9]{0,19})[+_]([1-9][0-9]{0,19})")

Json = dict[str, Any]


class Person(msgspec.Struct):
    """Somebody whom an export knows. `rank` says how well: 0 by hearsay, 1 as a sender, 2 as a member."""

    name: str = ""
    avatar: str = ""
    kind: Literal["person", "bot"] = "person"
    rank: int = -1


class Seen(msgspec.Struct):
    """Somebody who was in a group: what they were called, how they left, when that was or they were last heard of."""

    nickname: str
    at: datetime
    how: LeaveKind = "left"


class Conversation(msgspec.Struct):
    """A group, or two people who talk; `foreign` is its id there, `place` its number in the temporary database."""

    foreign: str
    place: int
    direct: bool = False
    details: Json = {}
    seen: dict[str, Seen] = {}
    polls: dict[str, Json] = {}
    pictures: dict[str, tuple[Export, ZipInfo]] = {}
    count: int = 0
    begun: datetime | None = None

    @property
    def pair(self) -> tuple[str, str]:
        """The two people of a direct conversation."""
        one, _, other = self.foreign.partition("+")
        return one, other


class Stage:
    """Everything that some exports have. Later ones count where they differ."""

    def __init__(self, folder: Path) -> None:
        """Sort in a file in `folder`, which its user removes."""
        self.people: dict[str, Person] = {}
        self.conversations: dict[str, Conversation] = {}
        self.left_out: Counter[str] = Counter()
        self._database = sqlite3.connect(folder / "messages.db")
        for statement in (
            "PRAGMA journal_mode = OFF",
            "PRAGMA synchronous = OFF",
            "CREATE TABLE message (place INTEGER, at INTEGER, id TEXT, pinned INTEGER, data BLOB)",
            "CREATE UNIQUE INDEX message_id ON message (place, id)",
        ):
            self._database.execute(statement)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    # Taking in

    def add(self, export: Export) -> None:
        """Read an export. Raises TransferError."""
        for folder in export.folders:
            self._add_folder(export, folder)
        self._database.commit()

    def _add_folder(self, export: Export, folder: Folder) -> None:
        details = export.document(folder, "conversation")
        details = details if isinstance(details, dict) else {}
        conversation = self._named(details)
        rows: list[tuple[int, int, str, int, bytes]] = []
        for raw in export.messages(folder):
            if not isinstance(raw, dict):
                self.left_out["messages that are none"] += 1
                continue
            if conversation is None:
                conversation = self._of_message(raw, folder)
            row = self._row(conversation, raw)
            if row is not None:
                rows.append(row)
            if len(rows) >= BATCH:
                self._write(rows)
        self._write(rows)
        if conversation is None:
            return
        if details:
            conversation.details = details
        self._see_members(details)
        for poll in _polls(export.document(folder, "poll")):
            if identity := text_id(poll.get("id")):
                conversation.polls[identity] = poll
                self._see_voters(poll)
        for name, info in folder.pictures.items():
            conversation.pictures[name.partition("_")[2] or name] = export, info

    def _named(self, details: Json) -> Conversation | None:
        """Find a group by what conversation.json says."""
        identity = text_id(details.get("group_id")) or text_id(details.get("id"))
        if not identity or "other_user" in details:
            return None
        pair = _PAIR.fullmatch(identity)
        return self._conversation(_pair(pair[1], pair[2]), direct=True) if pair else self._conversation(identity)

    def _of_message(self, raw: Json, folder: Folder) -> Conversation:
        """Find a conversation by one of its messages, or by the name of its folder."""
        if group := text_id(raw.get("group_id")):
            return self._conversation(group)
        for name in (raw.get("conversation_id"), raw.get("chat_id"), folder.name):
            if isinstance(name, str) and (pair := _PAIR.fullmatch(name)):
                return self._conversation(_pair(pair[1], pair[2]), direct=True)
        one, other = person_id(raw.get("sender_id")), person_id(raw.get("recipient_id"))
        if one and other:
            return self._conversation(_pair(one, other), direct=True)
        return self._conversation(text_id(folder.name) or "0")

    def _conversation(self, foreign: str, *, direct: bool = False) -> Conversation:
        found = self.conversations.get(foreign)
        if found is None:
            if len(self.conversations) >= MAX_CONVERSATIONS:
                raise TransferError(f"There are more than {MAX_CONVERSATIONS} conversations. Import fewer at once.")
            found = Conversation(foreign, len(self.conversations), direct)
            self.conversations[foreign] = found
            if direct:
                for person in found.pair:
                    self.see(person)
        return found

    def _row(self, conversation: Conversation, raw: Json) -> tuple[int, int, str, int, bytes] | None:
        """Give what is kept of a message, None when it makes no sense."""
        identity = text_id(raw.get("id"))
        at = instant(raw.get("created_at")) or _instant_of(identity)
        if not identity or at is None:
            self.left_out["messages without an id or a time"] += 1
            return None
        try:
            data = msgspec.json.encode(raw)
        except (ValueError, TypeError, RecursionError, OverflowError):
            data = b""
        if not 0 < len(data) <= MAX_MESSAGE:
            self.left_out["messages that are too large"] += 1
            return None
        self._see_people(conversation, raw, at)
        pinned = instant(raw.get("pinned_at"))
        return conversation.place, microseconds(at), identity, microseconds(pinned) if pinned else 0, data

    def _write(self, rows: list[tuple[int, int, str, int, bytes]]) -> None:
        self._database.executemany("INSERT OR REPLACE INTO message VALUES (?, ?, ?, ?, ?)", rows)
        rows.clear()

    # People

    def see(self, identity: str, name: object = "", avatar: object = "", *, rank: int = 0, bot: bool = False) -> None:
        """Note somebody, unless more is known of them. Raises TransferError when there are too many."""
        known = self.people.get(identity)
        if known is None:
            if len(self.people) >= MAX_PEOPLE:
                raise TransferError(f"There are more than {MAX_PEOPLE} people. Import fewer groups at once.")
            known = self.people[identity] = Person(kind="bot" if bot else "person")
        if rank > known.rank or (not known.name and name):
            known.name = name if isinstance(name, str) and name else known.name
            known.avatar = avatar if isinstance(avatar, str) and avatar else known.avatar
            known.rank = max(rank, known.rank)

    def _see_members(self, details: Json) -> None:
        for member in dicts(details.get("members")):
            if identity := person_id(member.get("user_id")):
                self.see(identity, member.get("name") or member.get("nickname"), member.get("image_url"), rank=2)
        if creator := person_id(details.get("creator_user_id")):
            self.see(creator)
        other = details.get("other_user")
        if isinstance(other, dict) and (identity := person_id(other.get("id"))):
            self.see(identity, other.get("name"), other.get("avatar_url"), rank=2)

    def _see_voters(self, poll: Json) -> None:
        if owner := person_id(poll.get("owner_id")):
            self.see(owner)
        for option in dicts(poll.get("options")):
            for voter in people(option.get("voter_ids")):
                self.see(voter)

    def _see_people(self, conversation: Conversation, raw: Json, at: datetime) -> None:
        """Note everybody whom a message names. The newest of an export comes first, so the first word counts."""
        sender = sender_of(raw)
        if sender:
            bot = raw.get("sender_type") == "bot"
            self.see(sender, raw.get("name"), raw.get("avatar_url"), rank=1, bot=bot)
            if not bot and sender not in conversation.seen:
                conversation.seen[sender] = Seen(_text(raw.get("name")), at)
        for identity in (
            *people(raw.get("favorited_by")),
            *(one for given in reactions(raw) for one in given[1]),
            *people([raw.get("pinned_by")]),
        ):
            self.see(identity)
        for attachment in dicts(raw.get("attachments")):
            for identity in (*people(attachment.get("user_ids")), *people([attachment.get("user_id")])):
                self.see(identity)
        event = raw.get("event")
        if isinstance(event, dict) and isinstance(event.get("data"), dict):
            self._see_event(conversation, str(event.get("type")), event["data"], at)

    def _see_event(self, conversation: Conversation, kind: str, data: Json, at: datetime) -> None:
        for value in data.values():
            for person in dicts(value if isinstance(value, list) else [value]):
                if (identity := person_id(person.get("id"))) and "nickname" in person:
                    self.see(identity, person["nickname"])
                    if kind.startswith("membership.") and identity not in conversation.seen:
                        conversation.seen[identity] = Seen(_text(person["nickname"]), at)
                for voter in people(person.get("voter_ids")):
                    self.see(voter)
        for identity in people([data.get("deleter_id"), data.get("pinned_by"), data.get("sender_id")]):
            self.see(identity)
        if kind in LEAVING:
            field, how = LEAVING[kind]
            gone = data.get(field)
            identity = person_id(gone.get("id")) if isinstance(gone, dict) else ""
            known = conversation.seen.get(identity)
            if known and known.at <= at:
                known.how, known.at = how, at

    # Giving back

    def sort(self) -> None:
        """Finish what was taken in; nothing is added after this."""
        self._database.execute("CREATE INDEX message_at ON message (place, at, length(id), id)")
        counts = self._database.execute("SELECT place, count(*), min(at) FROM message GROUP BY place").fetchall()
        by_place = {conversation.place: conversation for conversation in self.conversations.values()}
        for place, count, begun in counts:
            by_place[place].count = count
            by_place[place].begun = from_microseconds(begun)

    def rows(self, conversation: Conversation) -> Iterator[tuple[str, datetime, Json]]:
        """Give the messages of a conversation, oldest first: the id, the time, and what the export says."""
        rows = self._database.execute(
            "SELECT id, at, data FROM message WHERE place = ? ORDER BY place, at, length(id), id",
            (conversation.place,),
        )
        for identity, at, data in rows:
            yield identity, from_microseconds(at), msgspec.json.decode(data)

    def pinned_since(self, conversation: Conversation, most: int) -> datetime | None:
        """Tell since when messages of a conversation were pinned of which there are no more than so many."""
        found = self._database.execute(
            "SELECT pinned FROM message WHERE place = ? AND pinned > 0 ORDER BY pinned DESC LIMIT 1 OFFSET ?",
            (conversation.place, most),
        ).fetchone()
        return from_microseconds(found[0]) if found else None


# What strangers' JSON may be


def dicts(value: object) -> list[Json]:
    """Give the objects of an array; nothing for whatever else it is."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def text_id(value: object) -> str:
    """Give an id of anything, "" for what is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def person_id(value: object) -> str:
    """Give the id of a user, which is a number or the text of one; "" for what is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and _PERSON.fullmatch(value) else ""


def people(value: object) -> list[str]:
    """Give the ids of users in an array."""
    return [identity for one in value if (identity := person_id(one))] if isinstance(value, list) else []


def sender_of(raw: Json) -> str:
    """Say who sent a message: a user or a bot; "" for the service itself (protocols/groupme.md 1.4)."""
    if raw.get("system") is True or raw.get("sender_type") in ("system", "service"):
        return ""
    sender = raw.get("sender_id") if raw.get("sender_id") not in (None, "") else raw.get("user_id")
    return person_id(sender)  # neither "system" nor "calendar" nor "0" is one


def reactions(raw: Json) -> list[tuple[Json, list[str]]]:
    """Give the reactions of a message, as what they are and who gave them; they may be a list or a map."""
    given = raw.get("reactions")
    if isinstance(given, dict):
        # By the sign, then those who gave it or an object with these.
        return [
            ({"type": "unicode", "code": sign}, people(who.get("user_ids") if isinstance(who, dict) else who))
            for sign, who in given.items()
        ]
    return [(one, people(one.get("user_ids"))) for one in dicts(given)]


def instant(value: object) -> datetime | None:
    """Read a time: seconds or milliseconds since 1970, or ISO 8601; None for what is none, or absurd."""
    found: datetime | None = None
    try:
        if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,9})?", value):
            found = datetime.fromisoformat(value)
            found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        elif isinstance(value, int | float | str) and not isinstance(value, bool):
            number = float(value)
            seconds = number / 1000 if number >= MILLISECONDS_FROM else number
            found = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        return None
    return found if found and EARLIEST <= found <= LATEST else None


def _instant_of(identity: str) -> datetime | None:
    """Read the time that the id of a message has: hundredths of a microsecond (protocols/groupme.md 2.1)."""
    return instant(int(identity) / 10**8) if re.fullmatch(r"[0-9]{18}", identity) else None


def microseconds(at: datetime) -> int:
    """Give an instant as a number."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def from_microseconds(number: int) -> datetime:
    """Give an instant of a number."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=number)


def _pair(one: str, other: str) -> str:
    low, high = sorted((one, other), key=int)
    return f"{low}+{high}"


def _polls(document: object) -> list[Json]:
    """Give the polls of poll.json: an array, or an object with one, of polls or of objects that have them in `data`."""
    found = document.get("polls") if isinstance(document, dict) else document
    return [poll["data"] if isinstance(poll.get("data"), dict) else poll for poll in dicts(found)]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
