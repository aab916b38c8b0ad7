"""A small community without a loop, a socket or a database: commands go in, results and events come out.

Every command that is done here is also held against what Hubbub promises of all commands: a refused one has changed
nothing; its events are those that it declares; and the events carry what the state becomes. The last is Zulip's test:
the events applied to a copy of the old state, and a snapshot of what a store would have kept, both give the new state.
"""

import re
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from msgspec.structs import force_setattr, replace

from hubbub.core.archive import Found, Query, Term
from hubbub.core.command import Act, Command, check
from hubbub.core.error import Code, HubbubError
from hubbub.core.event import (
    Audited,
    Event,
    GrantGiven,
    RoomCreated,
    RoomUpdated,
    Subscribed,
    Topic,
    Unsubscribed,
    UserBanned,
    UserCreated,
    UserUpdated,
    WorldReplaced,
)
from hubbub.core.eviction import RIGHTS, evict
from hubbub.core.id import IdGenerator
from hubbub.core.login import LogIn, LogOut
from hubbub.core.model import (
    AuditEntry,
    Ban,
    Block,
    Credential,
    Grant,
    Imported,
    ImportedKind,
    LoginCode,
    Message,
    PushSubscription,
    Record,
    Room,
    RoomPassword,
    User,
    World,
)
from hubbub.core.origin import NOWHERE, Origin
from hubbub.core.permission import DEFAULT_ROLES, OWNER_ROLE
from hubbub.core.presence import Presence, Visit
from hubbub.core.room import EnterRoom
from hubbub.core.state import WorldState

START = datetime(2024, 6, 1, 12, tzinfo=UTC)
WORLD = 1
OPEN: dict[str, Any] = {"viewer": [], "participant": []}
SECRET = {"issuer": "any", "audience": "demo", "secret": "a secret of thirty-two characters"}


class Outcome(NamedTuple):
    """What came of a command; `evicted` are the events of those who were sent away because of it."""

    result: Any
    events: list[Event]
    evicted: list[Event]

    def of(self, kind: type[Any], **fields: object) -> list[Any]:
        """Give the events of a type, the evicted ones' too, that have these values."""
        return [
            event
            for event in (*self.events, *self.evicted)
            if isinstance(event, kind) and all(getattr(event, name) == value for name, value in fields.items())
        ]

    def one(self, kind: type[Any], **fields: object) -> Any:
        (found,) = self.of(kind, **fields)
        return found


class Cabinet:
    """An archive in memory whose methods never suspend, and the tables that a store would have."""

    def __init__(self) -> None:
        self.records: dict[tuple[type[Record], tuple[object, ...]], Record] = {}
        self.seqs: dict[int, int] = {}
        self.last_number = 0
        self.meanwhile: Callable[[], None] | None = None
        """Something that happens while the next command waits for the archive."""

    def keep(self, events: Sequence[Event]) -> None:
        """Do as a store does: number, then write."""
        for event in events:
            if not event.durable():
                continue
            if isinstance(event, WorldReplaced):
                self.records.clear()
                self.seqs.clear()
                self.last_number = 0
            if event.JOURNALLED:
                event.seq = self.seqs[event.stream] = self.seqs.get(event.stream, 0) + 1
            for record in event.erased():
                self.records.pop(key_of(record), None)
            for record in event.written():
                if isinstance(record, Message) and not record.number:
                    self.last_number += 1
                    force_setattr(record, "number", self.last_number)
                    force_setattr(record, "seq", event.seq or self.seqs.get(event.stream, 0) + 1)
                self.records[key_of(record)] = record

    def said(self) -> list[Message]:
        found = [record for record in self.records.values() if isinstance(record, Message)]
        return sorted(found, key=lambda message: message.number)

    def last_said(self) -> dict[int, int]:
        return {message.room: message.number for message in self.said() if message.kind != "system"}

    def _wait(self) -> None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            meanwhile()

    async def settle(self) -> None:
        self._wait()

    async def messages(
        self, room: int, *, before: int, limit: int, system: bool = True, after: int = 0, oldest: bool = False
    ) -> list[Message]:
        self._wait()
        found = [
            message
            for message in self.said()
            if message.room == room and after < message.number < before and (system or message.kind != "system")
        ]
        return (found[:limit] if oldest else found[-limit:]) if limit else []

    async def newest(self, rooms: Sequence[int]) -> dict[int, Message]:
        self._wait()
        return {message.room: message for message in self.said() if message.room in rooms}

    async def liked(self, room: int, *, since: datetime, limit: int) -> list[Message]:
        self._wait()
        found = [one for one in self.said() if one.room == room and one.reactions and one.at > since]
        return found[::-1][:limit]

    async def gallery(self, room: int, *, after: datetime, before: datetime, limit: int) -> list[Message]:
        self._wait()
        found = [one for one in self.said() if one.room == room and one.attachments and after < one.at < before]
        return found[::-1][:limit]

    async def message(self, world: int, number: int) -> Message | None:
        self._wait()
        return next((message for message in self.said() if message.number == number), None)

    async def message_by_id(self, identity: int) -> Message | None:
        self._wait()
        return next((message for message in self.said() if message.id == identity), None)

    async def pinned(self, room: int) -> list[Message]:
        self._wait()
        found = [message for message in self.said() if message.room == room and message.pinned]
        return sorted(found, key=lambda message: (message.pinned or START, message.id), reverse=True)

    async def imported(self, world: int, source: str, kind: ImportedKind, foreign: Sequence[str]) -> dict[str, int]:
        self._wait()
        kept = [record for record in self.records.values() if isinstance(record, Imported)]
        wanted = [one for one in kept if (one.source, one.kind) == (source, kind) and one.foreign in foreign]
        return {one.foreign: one.local for one in wanted}

    async def imported_messages(self, world: int, source: str, foreign: Sequence[str]) -> dict[str, Message]:
        said = {message.id: message for message in self.said()}
        found = await self.imported(world, source, "message", foreign)
        return {one: said[local] for one, local in found.items()}

    async def message_by_nonce(self, world: int, sender: int, nonce: str) -> Message | None:
        self._wait()
        return next((one for one in self.said() if one.sender == sender and one.nonce == nonce), None)

    async def search(
        self,
        world: int,
        query: Query,
        *,
        rooms: Sequence[int],
        sender: int = 0,
        since: datetime | None = None,
        until: datetime | None = None,
        before: int | None = None,
        limit: int,
    ) -> Found:
        """Find in a plain way what a store's index finds; a page begins below the number of a message."""
        self._wait()
        found = [
            message
            for message in self.said()
            if message.room in rooms
            and message.sender in (sender or message.sender,)
            and (since is None or message.at >= since)
            and (until is None or message.at < until)
            and (before is None or message.number < before)
            and message.kind in ("text", "poll")
            and not message.deleted
            and message.replaces is None
            and all(says(message.body, term) for term in query.terms)
            and not any(says(message.body, term) for term in query.without)
        ][::-1]
        more = len(found) > limit
        return Found(messages=found[:limit], next=found[limit - 1].number if more else None)

    async def audit(self, world: int, *, limit: int = 1000, types: Sequence[str] | None = None) -> list[AuditEntry]:
        self._wait()
        entries = [record for record in self.records.values() if isinstance(record, AuditEntry)]
        return [entry for entry in reversed(entries) if types is None or entry.type in types][:limit]

    async def credential(self, user: int) -> Credential | None:
        found = self.records.get((Credential, (user,)))
        return found if isinstance(found, Credential) else None

    async def room_password(self, room: int) -> RoomPassword | None:
        self._wait()
        found = self.records.get((RoomPassword, (room,)))
        return found if isinstance(found, RoomPassword) else None

    async def login_code(self, digest: str, now: datetime) -> LoginCode | None:
        self._wait()
        found = self.records.get((LoginCode, (digest,)))
        return found if isinstance(found, LoginCode) and found.expires > now else None

    async def push_subscriptions(self, user: int) -> list[PushSubscription]:
        self._wait()
        found = [one for one in self.records.values() if isinstance(one, PushSubscription) and one.user == user]
        return sorted(found, key=lambda one: one.created)


class Plain:
    """Passwords that are not hashed, but look so."""

    def __init__(self, cabinet: Cabinet) -> None:
        self._cabinet = cabinet

    async def hash(self, password: str) -> str:
        self._cabinet._wait()
        return f"hash of {password}"

    async def verify(self, hashed: str | None, password: str) -> bool:
        return hashed == f"hash of {password}"


class House:
    """A world with four rooms, and hands to do things in it.

    Attributes:
        stage: Everybody may watch and talk; talking ends with the connection.
        lounge: Everybody may talk, for good.
        office: Only those with the trait `staff` see it.
        shed: No modules; everybody sees it.
    """

    def __init__(self, **config: Any) -> None:
        self.now = START
        self.new_id = IdGenerator(lambda: self.now)
        self.cabinet = Cabinet()
        self.passwords: Plain | None = Plain(self.cabinet)
        self.heard: dict[tuple[Topic, int], set[int]] = {}
        self._secrets = 0
        self._session = 0
        self._origins: dict[int, Origin] = {}
        here = World(
            id=WORLD,
            name="here",
            title="Here",
            roles={
                **{role: list(names) for role, names in DEFAULT_ROLES.items()},
                "warden": ["world:view", "world:users.manage", "world:users.list", "room:chat.moderate"],
                "talker": ["world:chat.direct"],
                "maker": ["world:rooms.create.chat"],
            },
            trait_grants={
                "attendee": [],
                "talker": [],
                "moderator": ["moderator"],
                "warden": ["warden"],
                "admin": ["admin"],
                "maker": ["maker"],
            },
            config={"JWT_secrets": [SECRET], **config},
            created=START,
        )
        self.state = WorldState(here)
        self.cabinet.records[key_of(here)] = here
        stage = [{"type": "livestream.native", "config": {}}, {"type": "chat.native", "config": {"volatile": True}}]
        self.stage = self.add_room("Stage", stage, OPEN)
        self.lounge = self.add_room("Lounge", [{"type": "chat.native", "config": {"volatile": False}}], OPEN)
        staff = {"viewer": ["staff"], "participant": ["staff"]}
        self.office = self.add_room("Office", [{"type": "chat.native", "config": {}}], staff)
        self.shed = self.add_room("Shed", [], OPEN)

    # Things and people

    def advance(self, delay: timedelta) -> None:
        self.now += delay

    def happen(self, event: Event) -> None:
        """Let an event have happened, as if a command had made it."""
        self.state.apply(event)
        self._commit([event])

    def add_room(self, name: str, modules: Sequence[dict[str, Any]], grants: dict[str, Any], **fields: Any) -> int:
        place = len(self.state.rooms) + 1
        made = Room(
            id=self.new_id(),
            world=WORLD,
            name=name,
            modules=tuple(modules),
            trait_grants=grants,
            **{"sorting_priority": place, "created": self.now, **fields},
        )
        self.happen(RoomCreated(world=WORLD, room=made.id, config=made))
        return made.id

    def person(self, name: str = "", *traits: str, **fields: Any) -> int:
        """Let somebody be a user; without a name they have not chosen one."""
        profile = {"display_name": name} if name else {}
        made = User(
            id=self.new_id(),
            world=WORLD,
            **{"profile": profile, "traits": tuple(traits), "created": self.now, "last_login": self.now, **fields},
        )
        self.happen(UserCreated(world=WORLD, user=made))
        return made.id

    def owner(self, name: str = "Owner") -> int:
        made = self.person(name, "admin")
        self.grant(made, OWNER_ROLE)
        return made

    def grant(self, user: int, role: str, room: int = 0) -> None:
        grant = Grant(world=WORLD, user=user, role=role, room=room)
        self.happen(GrantGiven(world=WORLD, room=room, grant=grant))

    def change_user(self, identity: int, **changes: Any) -> None:
        self.happen(UserUpdated(world=WORLD, user=replace(self.user(identity), **changes)))

    def change_room(self, identity: int, **changes: Any) -> None:
        config = replace(self.state.rooms[identity], **changes)
        self.happen(RoomUpdated(world=WORLD, room=identity, config=config))

    def ban(self, user: int, room: int = 0, **fields: Any) -> Ban:
        """Let somebody have been banned, from a room or from the world; nobody is sent out."""
        made = Ban(id=self.new_id(), world=WORLD, user=user, room=room, at=self.now, **fields)
        self.happen(UserBanned(world=WORLD, room=room, ban=made))
        return made

    def connect(self, user: int, origin: Origin = NOWHERE) -> int:
        """Give a new connection of a user, logged in; all that comes through it comes from an origin."""
        self._session += 1
        self._origins[self._session] = origin
        self.state.presence.connect(user, self._session)
        return self._session

    def log_in(self, **fields: Any) -> tuple[Outcome, int]:
        """Log in with a new connection, and give what came of it and the connection."""
        self._session += 1
        return self.do(LogIn(**fields), session=self._session), self._session

    def arrive(self, user: int, room: int, origin: Origin = NOWHERE, *, key: str = "") -> int:
        """Let somebody enter a room, with a new connection, and give that."""
        session = self.connect(user, origin)
        self.do(EnterRoom(room=room, key=key), user, session=session)
        return session

    def visit_of(self, user: int, room: int) -> Visit:
        """Give the visit of somebody who is in a room."""
        visit = self.state.presence.visit(room, user)
        assert visit, "is not there"
        return visit

    def log_out(self, user: int, session: int) -> Outcome:
        outcome = self.do(LogOut(user=user), user, session=session)
        for listeners in self.heard.values():
            listeners.discard(session)  # as the hub forgets a connection
        return outcome

    def hears(self, topic: Topic, room: int) -> set[int]:
        """Give the connections that are told of a topic, as the hub would know them."""
        return self.heard.get((topic, room), set())

    def hears_all(self) -> set[int]:
        """Give the connections that are told of anything."""
        return {session for sessions in self.heard.values() for session in sessions}

    def user(self, identity: int) -> User:
        return self.state.users[identity]

    def permissions(self, user: int, room: int = 0) -> frozenset[str]:
        return self.state.permissions(self.user(user), self.now, self.state.rooms[room] if room else None)

    # Commands

    def do(
        self,
        command: Command,
        user: int = 0,
        *,
        session: int = 0,
        operator: bool = False,
        origin: Origin | None = None,
    ) -> Outcome:
        """Do a command and hold it against all promises. Raises HubbubError.

        It comes from where its connection comes from, unless an origin is given.
        """
        before = copy_of(self.state)
        places = who_is_where(self.state.presence)
        act = Act(
            self.state,
            now=self.now,
            new_id=self.new_id,
            secret=self._secret,
            archive=self.cabinet,
            passwords=self.passwords,
            user=self.state.users.get(user),
            session=session,
            origin=self._origins.get(session, NOWHERE) if origin is None else origin,
            operator=operator,
        )
        meanwhile = self.cabinet.meanwhile
        try:
            spec = check(act, command)
            result = spec.handler(act, command)
            if isinstance(result, Coroutine):
                result = drive(result)
        except HubbubError:
            assert not act.events, "a refused command has emitted events"
            if not meanwhile:
                assert picture(self.state) == picture(before), "a refused command has changed something"
                assert who_is_where(self.state.presence) == places, "a refused command has moved somebody"
            raise
        undeclared = {type(event).__name__ for event in act.events if not isinstance(event, (*spec.events, Audited))}
        assert not undeclared, f"{type(command).__name__} does not declare {undeclared}"
        self._commit(act.events)
        if not meanwhile:
            for event in act.events:
                before.apply(event)
                before.committed(event)
            assert picture(before) == picture(self.state), "the events do not carry what the state became"
        assert picture(self.reloaded()) == picture(self.state), "a restart would not give the same state"
        evicted: list[Event] = []
        if any(isinstance(event, RIGHTS) for event in act.events):
            evicted = evict(self.state, act.events, now=self.now, new_id=self.new_id, archive=self.cabinet)
            assert not any(event.durable() for event in evicted)
            self._hear(evicted)
        return Outcome(result, act.events, evicted)

    def refusal(self, command: Command, user: int = 0, **how: Any) -> Code:
        """Do a command that must be refused, and give the error's code."""
        return self.error(command, user, **how).code

    def error(self, command: Command, user: int = 0, **how: Any) -> HubbubError:
        """Do a command that must be refused, and give the error."""
        try:
            outcome = self.do(command, user, **how)
        except HubbubError as error:
            return error
        raise AssertionError(f"{command} was not refused but gave {outcome}")

    def reloaded(self) -> WorldState:
        """Give the state that a restart would give."""
        tables = self.cabinet.records.values()
        (here,) = [record for record in tables if isinstance(record, World)]
        fresh = WorldState(here)
        kept = [record for record in tables if not isinstance(record, Message | World)]
        fresh.load(kept, last_number=self.cabinet.last_number, last_said=self.cabinet.last_said())
        return fresh

    def _commit(self, events: Sequence[Event]) -> None:
        self.cabinet.keep(events)
        for event in events:
            self.state.committed(event)
        self._hear(events)

    def _hear(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, Subscribed):
                self.heard.setdefault((event.topic, event.room), set()).add(event.session)
            elif isinstance(event, Unsubscribed):
                self.heard.get((event.topic, event.room), set()).discard(event.session)

    def _secret(self, length: int, alphabet: str) -> str:
        self._secrets += 1
        text, rest = "", self._secrets
        for _ in range(length):
            rest, place = divmod(rest, len(alphabet))
            text += alphabet[place]
        return text


def drive(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as stop:
        return stop.value
    work.close()
    raise AssertionError("a command waited for something else than the archive")


def who_is_where(presence: Presence) -> dict[str, object]:
    """Give all that presence knows of who is here now, but for who was sent out."""
    return {
        **presence.statistics(),
        "visits of rooms": {
            room: [(replace(visit, sessions=set()), set(visit.sessions)) for visit in visits.values()]
            for room, visits in presence.visits.items()
        },
        "volatile members": {room: set(users) for room, users in presence.volatile.items()},
    }


def says(body: str, term: Term) -> bool:
    """Tell whether a text has the words of a term."""
    words = re.findall(r"\w+", body.lower())
    wanted = [word.lower() for word in term.words]
    places = (words[i : i + len(wanted)] for i in range(len(words)))
    if term.prefix:
        return any(one[:-1] == wanted[:-1] and one[-1].startswith(wanted[-1]) for one in places)
    return any(one == wanted for one in places)


def key_of(record: Record) -> tuple[type[Record], tuple[object, ...]]:
    return type(record), tuple(getattr(record, name) for name in record.KEY)


def records_of(state: WorldState) -> Iterator[Record]:
    """Give what a snapshot of a state has."""
    yield from state.users.values()
    yield from state.rooms.values()
    for members in state.members.values():
        yield from members.values()
    for user, places in state.roles.items():
        for place, roles in places.items():
            yield from (Grant(world=state.world.id, user=user, role=role, room=place) for role in roles)
    for bans in state.bans.values():
        yield from bans.values()
    for user, targets in state.blocks.items():
        yield from (Block(world=state.world.id, user=user, target=other) for other in targets)
    yield from state.invites.values()
    for ignores in state.ignores.values():
        yield from ignores.values()
    for items in state.playlists.values():
        yield from items.values()
    for polls in state.polls.values():
        yield from polls.values()
    for votes in state.poll_votes.values():
        yield from votes.values()
    for questions in state.questions.values():
        yield from questions.values()
    for wishes in state.question_votes.values():
        yield from wishes.values()
    yield from state.announcements.values()
    for gatherings in state.gatherings.values():
        yield from gatherings.values()
    for answers in state.answers.values():
        yield from answers.values()
    for bots in state.bots.values():
        yield from bots.values()
    yield from state.tokens.values()
    for gone in state.former.values():
        yield from gone.values()
    for waiting in state.requests.values():
        yield from waiting.values()
    for read in state.read_states.values():
        yield from read.values()


def copy_of(state: WorldState) -> WorldState:
    copy = WorldState(state.world)
    copy.load(records_of(state), last_number=state.last_number, last_said=state.last_said)
    return copy


def picture(state: WorldState) -> dict[str, object]:
    """Give all that a state holds of what is kept, so that equal states have equal pictures."""
    return {
        "world": state.world,
        "users": dict(state.users),
        "rooms": dict(state.rooms),
        "members": {room: dict(members) for room, members in state.members.items() if members},
        "belongs": {user: set(rooms) for user, rooms in state.belongs.items() if rooms},
        "roles": {
            (user, place): set(roles)
            for user, places in state.roles.items()
            for place, roles in places.items()
            if roles
        },
        "bans": {user: dict(bans) for user, bans in state.bans.items() if bans},
        "blocks": {user: set(targets) for user, targets in state.blocks.items() if targets},
        "invites": dict(state.invites),
        "bans_by_origin": {place: dict(bans) for place, bans in state.bans_by_origin.items() if bans},
        "ignores": {user: dict(ignores) for user, ignores in state.ignores.items() if ignores},
        "playlists": {room: list(items.items()) for room, items in state.playlists.items() if items},
        "polls": {room: list(polls.items()) for room, polls in state.polls.items() if polls},
        "poll_votes": {poll: dict(votes) for poll, votes in state.poll_votes.items() if votes},
        "tallies": {poll: dict(tally) for poll, tally in state.tallies.items() if tally},
        "questions": {room: list(questions.items()) for room, questions in state.questions.items() if questions},
        "question_votes": {question: dict(votes) for question, votes in state.question_votes.items() if votes},
        "announcements": dict(state.announcements),
        "tokens": dict(state.tokens),
        "former": {room: dict(gone) for room, gone in state.former.items() if gone},
        "requests": {room: dict(waiting) for room, waiting in state.requests.items() if waiting},
        "gatherings": {room: list(found.items()) for room, found in state.gatherings.items() if found},
        "answers": {one: dict(answers) for one, answers in state.answers.items() if answers},
        "bots": {room: list(bots.items()) for room, bots in state.bots.items() if bots},
        "read_states": {user: dict(read) for user, read in state.read_states.items() if read},
        "last_number": state.last_number,
        "last_said": dict(state.last_said),
        "by_client_id": dict(state.by_client_id),
        "by_token_id": dict(state.by_token_id),
        "by_login": dict(state.by_login),
    }
