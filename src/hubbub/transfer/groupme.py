"""Taking over GroupMe's data exports: people, groups, direct conversations, polls, pictures and all that was said.

Everything is read once before anything is changed. Then each conversation is written oldest message first, some hundred
messages in a transaction; whatever is written is noted with its id at GroupMe, so what was broken off goes on where it
was, and doing it again doubles nothing.
"""

import tempfile
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec

from hubbub.core.command import Command
from hubbub.core.error import HubbubError
from hubbub.core.group import GroupSettings
from hubbub.core.history import (
    MarkHistoryRead,
    OldMessage,
    OldOption,
    OldPoll,
    Taken,
    TakeOverMessages,
    TakeOverPolls,
    option_id,
)
from hubbub.core.model import GroupKind, Room
from hubbub.core.pin import MAX_PINS
from hubbub.core.state import WorldState
from hubbub.core.takeover import (
    OldFormer,
    OldMember,
    OldUser,
    TakeOverDirect,
    TakeOverGroup,
    TakeOverIds,
    TakeOverUsers,
)
from hubbub.core.upload import UploadFile
from hubbub.live.community import Community
from hubbub.transfer.error import TransferError
from hubbub.transfer.groupme_message import Known, Reference, Translator, Writing, asked, gathered, referred
from hubbub.transfer.groupme_stage import Conversation, Stage, dicts, instant, people, person_id, text_id
from hubbub.transfer.groupme_zip import Export, open_export

SOURCE = "groupme"
BATCH = 500
"""Messages in a transaction."""
USERS = 200
REMEMBERED = 20_000
"""Messages of which the number here is held in memory."""

Json = dict[str, Any]
T = TypeVar("T")
Row = tuple[str, datetime, Json]
Advance = Callable[[int, int], None]
Keep = Callable[[IO[bytes], str], "Kept | None"]
"""Check and keep a picture of which the name is given; None when it is none."""


class Kept(msgspec.Struct, frozen=True):
    """A picture that was kept: the address at which clients find it, its path in the media folder, type and bytes."""

    url: str
    path: str
    type: str
    size: int


class Summary(msgspec.Struct):
    """What came of an import; `left_out` says what of it was not taken over, and how often."""

    groups: int = 0
    direct: int = 0
    people: int = 0
    added: int = 0
    changed: int = 0
    kept: int = 0
    polls: int = 0
    pictures: int = 0
    left_out: Counter[str] = msgspec.field(default_factory=Counter)


async def import_exports(
    community: Community,
    state: WorldState,
    files: Sequence[Path],
    *,
    accounts: Mapping[str, int] = {},
    keep: Keep | None = None,
    writing: Writing | None = None,
    advance: Advance = lambda done, total: None,
) -> Summary:
    """Take over what some exports have; where they differ, later ones count.

    Args:
        community: Where to write, as a process beside a server that may be running.
        state: The world.
        files: The exports.
        accounts: Who of GroupMe, by the id there, is which user here. All others are users whom nobody can log in as.
        keep: What keeps pictures; without it messages keep GroupMe's addresses.
        writing: How attachments write ids.
        advance: Told how many messages are done, of how many.

    Raises TransferError for an export that cannot be read, before anything is changed; HubbubError where the core
    refuses the people.
    """
    with tempfile.TemporaryDirectory(prefix="hubbub-import-") as folder, ExitStack() as stack:
        stage = Stage(Path(folder))
        stack.callback(stage.close)
        for file in files:
            stage.add(stack.enter_context(open_export(file)))
        stage.sort()
        strangers = sorted(set(accounts) - stage.people.keys())
        if strangers:
            raise TransferError(f"Nobody in the export has the id {strangers[0]}. Look again who is to be whom.")
        return await _Importer(community, state, stage, keep, writing or Writing(), advance).run(accounts)


class _Importer:
    def __init__(
        self,
        community: Community,
        state: WorldState,
        stage: Stage,
        keep: Keep | None,
        writing: Writing,
        advance: Advance,
    ) -> None:
        self._community = community
        self._state = state
        self._stage = stage
        self._keep = keep
        self._writing = writing
        self._advance = advance
        self._users: dict[str, int] = {}
        self._done = 0
        self._total = sum(conversation.count for conversation in stage.conversations.values())
        self.summary = Summary(left_out=stage.left_out)

    async def run(self, accounts: Mapping[str, int]) -> Summary:
        await self._take_users(accounts)
        for conversation in self._stage.conversations.values():
            if conversation.count or conversation.details:
                await self._take(conversation)
        return self.summary

    async def _do(self, command: Command) -> Any:
        return await self._community.call(self._state, command, operator=True)

    async def _take_users(self, accounts: Mapping[str, int]) -> None:
        old = (
            OldUser(
                foreign=identity,
                name=person.name,
                avatar=person.avatar,
                kind=person.kind,
                user=accounts.get(identity, 0),
            )
            for identity, person in self._stage.people.items()
        )
        for some in _batches(old, USERS):
            self._users |= await self._do(TakeOverUsers(source=SOURCE, users=tuple(some)))
        self.summary.people = len(self._users)

    async def _take(self, conversation: Conversation) -> None:
        """Take over a conversation; one that the core does not want is left out."""
        try:
            room = await self._place(conversation)
        except HubbubError as error:
            what = "direct conversations" if conversation.direct else "groups"
            self.summary.left_out[f"{what}: {error.message or error.code.value}"] += 1
            self._tell(conversation.count)
            return
        said = self._state.last_said.get(room.id, 0)
        known = Known(self._users, self._state.users, _Recent())
        await self._take_polls(conversation, room, known)
        await self._take_messages(conversation, room, known)
        if self._state.last_said.get(room.id, 0) > said:
            await self._do(MarkHistoryRead(room=room.id, said=said))
        if conversation.direct:
            self.summary.direct += 1
        else:
            self.summary.groups += 1

    def _tell(self, count: int) -> None:
        self._done += count
        self._advance(self._done, self._total)

    # Places

    async def _place(self, conversation: Conversation) -> Room:
        created = instant(conversation.details.get("created_at")) or conversation.begun or self._community.clock()
        command: Command
        if conversation.direct:
            one, other = (self._users.get(person, 0) for person in conversation.pair)
            command = TakeOverDirect(source=SOURCE, foreign=conversation.foreign, users=(one, other), created=created)
        else:
            command = TakeOverGroup(
                source=SOURCE,
                foreign=conversation.foreign,
                settings=_settings(conversation.details),
                members=tuple(self._members(conversation.details)),
                former=tuple(self._former(conversation)),
                created=created,
            )
        found: Room = await self._do(command)
        return found

    def _members(self, details: Json) -> Iterator[OldMember]:
        creator = person_id(details.get("creator_user_id"))
        members = dicts(details.get("members"))
        owned = any(person_id(member.get("user_id")) == creator for member in members)
        for member in members:
            identity = person_id(member.get("user_id"))
            given = member.get("roles")
            roles = {str(role) for role in given} if isinstance(given, list) else set()
            owns = identity == creator if owned else "owner" in roles
            if identity:
                yield OldMember(
                    user=self._users[identity],
                    nickname=_text(member.get("nickname")),
                    avatar=_text(member.get("image_url")),
                    role="owner" if owns else "admin" if {"admin", "owner"} & roles else "",
                )

    def _former(self, conversation: Conversation) -> Iterator[OldFormer]:
        there = {person_id(member.get("user_id")) for member in dicts(conversation.details.get("members"))}
        for identity, seen in conversation.seen.items():
            if identity not in there and self._stage.people[identity].kind == "person":
                yield OldFormer(user=self._users[identity], nickname=seen.nickname, how=seen.how, at=seen.at)

    # Polls

    async def _take_polls(self, conversation: Conversation, room: Room, known: Known) -> None:
        now = self._community.clock()
        polls = [self._poll(identity, poll, now) for identity, poll in conversation.polls.items()]
        if not polls:
            return
        known.polls = await self._do(TakeOverPolls(room=room.id, source=SOURCE, polls=tuple(polls)))
        known.kept_polls = frozenset(known.polls.values()) & self._state.polls.get(room.id, {}).keys()
        self.summary.polls += len(known.kept_polls)
        options = [option_id(poll.foreign, option.foreign) for poll in polls for option in poll.options]
        world = self._state.world.id
        known.options = await self._community.store.imported(world, SOURCE, "option", options)

    def _poll(self, identity: str, poll: Json, now: datetime) -> OldPoll:
        created = instant(poll.get("created_at")) or now
        expires = instant(poll.get("expiration"))
        is_open = poll.get("status") == "active" and (expires is None or expires > now)
        return OldPoll(
            foreign=identity,
            by=self._users.get(person_id(poll.get("owner_id")), 0),
            content=_text(poll.get("subject")).strip(),
            options=tuple(
                OldOption(
                    foreign=text_id(option.get("id")) or str(place),
                    content=_text(option.get("title")),
                    voters=tuple(self._users[voter] for voter in people(option.get("voter_ids"))),
                )
                for place, option in enumerate(dicts(poll.get("options")), 1)
            ),
            kind="multi" if poll.get("type") == "multi" else "single",
            visibility="anonymous" if poll.get("visibility") == "anonymous" else "public",
            open=is_open,
            created=created,
            modified=instant(poll.get("last_modified")) or created,
            expires=expires,
        )

    # Messages

    async def _take_messages(self, conversation: Conversation, room: Room, known: Known) -> None:
        pinned_since = self._stage.pinned_since(conversation, MAX_PINS)
        pictures = _Pictures(conversation, self._keep, self.summary)
        translator = Translator(known, self._writing, pictures)
        for rows in _runs(self._stage.rows(conversation)):
            await self._learn(conversation, known, rows)
            messages: list[OldMessage] = []
            for identity, at, raw in rows:
                pictures.on = _is_new(known.messages.get(identity), raw)
                message = translator.read(_named(conversation, identity), at, raw)
                if message.pinned and pinned_since and message.pinned <= pinned_since:
                    message = msgspec.structs.replace(message, pinned=None, pinned_by=0)
                messages.append(message)
            for kept in pictures.take():
                await self._do(UploadFile(path=kept.path, type=kept.type, size=kept.size))
            taken: Taken = await self._do(TakeOverMessages(room=room.id, source=SOURCE, messages=tuple(messages)))
            self.summary.added += taken.added
            self.summary.changed += taken.changed
            self.summary.kept += taken.kept
            self._tell(len(rows))

    async def _learn(self, conversation: Conversation, known: Known, rows: Sequence[Row]) -> None:
        """Look up, or take ids for, whatever some messages name; and which of them are here already."""
        store, world = self._community.store, self._state.world.id
        wanted = {identity for identity, _, _ in rows} | {one for _, _, raw in rows for one in referred(raw) if one}
        names = {_named(conversation, one): one for one in wanted if one not in known.messages}
        for name, message in (await store.imported_messages(world, SOURCE, list(names))).items():
            reference = Reference(message.id, message.number, message.sender or 0, message.edited)
            known.messages[names[name]] = reference
        polls = [poll for _, _, raw in rows for poll in asked(raw)]
        options = [option_id(poll, option) for poll, given in polls for option in given]
        gatherings = [one for _, _, raw in rows for one in gathered(raw) if one]
        known.polls |= await self._ids("poll", [poll for poll, _ in polls], known.polls)
        known.options |= await self._ids("option", options, known.options)
        known.gatherings |= await self._ids("gathering", gatherings, known.gatherings)

    async def _ids(self, kind: Any, wanted: Sequence[str], known: Mapping[str, int]) -> dict[str, int]:
        new = tuple(dict.fromkeys(one for one in wanted if one not in known))
        found: dict[str, int] = await self._do(TakeOverIds(source=SOURCE, kind=kind, foreign=new)) if new else {}
        return found


class _Recent(OrderedDict[str, Reference]):
    """The messages looked up last."""

    def __setitem__(self, key: str, value: Reference) -> None:
        super().__setitem__(key, value)
        if len(self) > REMEMBERED:
            self.popitem(last=False)


class _Pictures:
    """Keeps the pictures of a conversation as they are named, while it is `on`."""

    def __init__(self, conversation: Conversation, keep: Keep | None, summary: Summary) -> None:
        self._there = conversation.pictures
        self._keep = keep
        self._summary = summary
        self._kept: list[Kept] = []
        self.on = True

    def take(self) -> list[Kept]:
        """Give what was kept since this was last asked."""
        kept, self._kept = self._kept, []
        return kept

    def __call__(self, url: str) -> str:
        name = url.rpartition("/")[2]
        found = self._there.get(name)
        if found is None or self._keep is None or not self.on:
            return ""
        export, info = found
        kept = _keep(export, info, name, self._keep)
        if kept is None:
            self._summary.left_out["pictures that are none, too large or damaged"] += 1
            return ""
        self._summary.pictures += 1
        self._kept.append(kept)
        return kept.url


def _named(conversation: Conversation, message: str) -> str:
    """Name a message for good: nobody says that its id is unique beyond its conversation."""
    return f"{conversation.foreign}/{message}"


def _is_new(there: Reference | None, raw: Json) -> bool:
    """Tell whether what a message says is not here yet."""
    edited = instant(raw.get("updated_at"))
    return there is None or (edited is not None and (there.edited is None or there.edited < edited))


def _keep(export: Export, info: Any, name: str, keep: Keep) -> Kept | None:
    try:
        with export.picture(info) as file, tempfile.TemporaryFile() as copy:
            while piece := file.read(65_536):
                copy.write(piece)
            return keep(copy, name)
    except TransferError:
        return None


def _runs(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Cut messages into batches, none of which has one that names another of it: that has no number yet."""
    run: list[Row] = []
    here: set[str] = set()
    for row in rows:
        if len(run) >= BATCH or not here.isdisjoint(referred(row[2])):
            yield run
            run, here = [], set()
        run.append(row)
        here.add(row[0])
    if run:
        yield run


def _batches(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while some := list(islice(items, size)):
        yield some


def _settings(details: Json) -> GroupSettings:
    """Give what a group is like; the core cuts what is too long."""
    kinds: dict[object, GroupKind] = {"private": "private", "closed": "closed", "announcement": "announcement"}
    icon = details.get("like_icon")
    return GroupSettings(
        name=_text(details.get("name")),
        description=_text(details.get("description")),
        picture=_text(details.get("image_url")) or None,
        group=kinds.get(_text(details.get("type")), "private"),
        theme=_text(details.get("theme_name")),
        like_icon=icon if isinstance(icon, dict) else None,
        office_mode=details.get("office_mode") is True,
        approval=details.get("requires_approval") is True,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
