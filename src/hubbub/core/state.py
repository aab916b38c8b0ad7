"""What the server holds of one world in memory: everything but messages, files and secrets.

`apply` is the only way in: it takes events, never calls. So memory after a restart (a store's snapshot), memory that
followed the journal and memory that ran the commands itself are equal.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from hubbub.core import permission
from hubbub.core.event import Event, HistoryExtended, MemberJoined, MemberReturned, MessagePosted, WorldReplaced
from hubbub.core.model import (
    WORLD_WIDE,
    AccessToken,
    Announcement,
    Ban,
    Block,
    Bot,
    FormerMember,
    Gathering,
    GatheringAnswer,
    Grant,
    Ignore,
    Invite,
    JoinRequest,
    Member,
    Message,
    PlaylistItem,
    Poll,
    PollVote,
    PushSubscription,
    Question,
    QuestionVote,
    ReadState,
    Record,
    Room,
    User,
    World,
)
from hubbub.core.origin import Origin
from hubbub.core.presence import Presence
from hubbub.core.reaction import Reactions


class WorldState:
    """One world: its records by key, and the indexes that commands ask.

    Not thread-safe, and need not be: it belongs to one event loop, and nothing is awaited between reading and writing
    it.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.presence = Presence()
        self.reactions = Reactions()
        self.version = 0
        """Rises with every change of what people see of the world and its rooms."""
        self.clear()

    def clear(self) -> None:
        """Forget every record but the world's own, and keep who is here now."""
        self.users: dict[int, User] = {}
        self.rooms: dict[int, Room] = {}
        self.members: dict[int, dict[int, Member]] = defaultdict(dict)
        """By room, then by user, in the order in which they joined."""
        self.belongs: dict[int, dict[int, None]] = defaultdict(dict)
        """The rooms that a user is a lasting member of."""
        self.former: dict[int, dict[int, FormerMember]] = defaultdict(dict)
        """By room, then by user: who belonged to it once."""
        self.requests: dict[int, dict[int, JoinRequest]] = defaultdict(dict)
        """By room, then by user, in the order in which they asked."""
        self.roles: dict[int, dict[int, tuple[str, ...]]] = defaultdict(dict)
        """Roles granted by name: by user, then by room (or 0)."""
        self.holders: dict[int, dict[int, tuple[str, ...]]] = defaultdict(dict)
        """The same by room (or 0), then by user; those who hold none are left out."""
        self.bans: dict[int, dict[int, Ban]] = defaultdict(dict)
        """By user, then by id."""
        self.bans_by_origin: dict[str, dict[int, Ban]] = defaultdict(dict)
        """By address or client, then by id."""
        self.ignores: dict[int, dict[int, Ignore]] = defaultdict(dict)
        """By user, then by id."""
        self.tokens: dict[str, AccessToken] = {}
        """By digest."""
        self.tokens_of: dict[int, dict[str, AccessToken]] = defaultdict(dict)
        """By user, then by digest."""
        self.blocks: dict[int, set[int]] = defaultdict(set)
        self.invites: dict[str, Invite] = {}
        self.read_states: dict[int, dict[int, ReadState]] = defaultdict(dict)
        """By user, then by room."""
        self.unread: dict[int, dict[int, None]] = defaultdict(dict)
        """By room: who is to be told, once, that there is something unread, in order."""
        self.last_number = 0
        self.last_said: dict[int, int] = {}
        self.message_counts: dict[int, int] = {}
        """By room: how many messages it has."""
        self.by_client_id: dict[str, int] = {}
        self.by_token_id: dict[str, int] = {}
        self.by_login: dict[str, int] = {}
        self.nonces: dict[tuple[int, str], Message] = {}
        """By sender and idempotency key: the newest NONCES_KEPT messages of this run. Older ones are in the store."""
        self.changed: dict[int, Message] = {}
        """By id: the messages that were edited or reacted to last. The store may not have committed them yet, so who
        reads one there to change it must look here before."""
        self._permissions: dict[object, frozenset[str]] = {}
        self._clear_pastimes()
        self.version += 1

    def _clear_pastimes(self) -> None:
        """Forget what people in rooms do besides talking."""
        self.playlists: dict[int, dict[int, PlaylistItem]] = defaultdict(dict)
        """By room, then by id, in order; what plays is the first, if that has started."""
        self.polls: dict[int, dict[int, Poll]] = defaultdict(dict)
        """By room, then by id, in order."""
        self.poll_votes: dict[int, dict[int, PollVote]] = defaultdict(dict)
        """By poll, then by user."""
        self.tallies: dict[int, dict[int, int]] = defaultdict(dict)
        """By poll, then by option: how many chose it; nothing for none."""
        self.questions: dict[int, dict[int, Question]] = defaultdict(dict)
        """By room, then by id, in order."""
        self.question_votes: dict[int, dict[int, QuestionVote]] = defaultdict(dict)
        """By question, then by user."""
        self.announcements: dict[int, Announcement] = {}
        self.gatherings: dict[int, dict[int, Gathering]] = defaultdict(dict)
        """By room, then by id, in order."""
        self.answers: dict[int, dict[int, GatheringAnswer]] = defaultdict(dict)
        """By gathering, then by user."""
        self.bots: dict[int, dict[int, Bot]] = defaultdict(dict)
        """By room, then by user, in order."""

    # Records

    def put(self, record: Record) -> None:
        """Take in a record, in place of the one with its key."""
        match record:
            case Message():  # first, as they are the most
                if record.number:
                    self.changed.pop(record.id, None)
                    self.changed[record.id] = record
                    _forget_oldest(self.changed, CHANGED_KEPT)
            case User():
                self._index_user(record)
            case Room():
                self.rooms[record.id] = record
                self._permissions.clear()
                self.version += 1
            case Member():
                self.members[record.room][record.user] = record
                self.belongs[record.user][record.room] = None
            case FormerMember() | JoinRequest():
                self._circle(record)[record.user] = record
            case Grant():
                self._set_roles(record, (*self.granted_roles(record.user, record.room), record.role))
            case Ban():
                self.bans[record.user][record.id] = record
                for place in (*record.addresses, *record.clients):
                    self.bans_by_origin[place][record.id] = record
            case Ignore():
                self.ignores[record.user][record.id] = record
            case PlaylistItem() | Poll() | Question() | Gathering():
                self._shelf(record)[record.id] = record
            case PollVote() | QuestionVote():
                self._put_vote(record)
            case Announcement():
                self.announcements[record.id] = record
            case GatheringAnswer():
                self.answers[record.gathering][record.user] = record
            case Bot():
                self.bots[record.room][record.user] = record
            case AccessToken():
                self.tokens[record.digest] = self.tokens_of[record.user][record.digest] = record
            case Block():
                self.blocks[record.user].add(record.target)
            case Invite():
                self.invites[record.code] = record
            case ReadState():
                self.read_states[record.user][record.room] = record
            case World():
                self.world = record
                self._permissions.clear()
                self.version += 1
            case _:
                pass  # files and secrets are not kept in memory

    def drop(self, record: Record) -> None:
        """Forget a record."""
        match record:
            case Member():
                self.members[record.room].pop(record.user, None)
                self.belongs[record.user].pop(record.room, None)
                self.unread[record.room].pop(record.user, None)
            case FormerMember() | JoinRequest():
                self._circle(record).pop(record.user, None)
            case Grant():
                roles = self.granted_roles(record.user, record.room)
                self._set_roles(record, (role for role in roles if role != record.role))
            case Ban():
                self.bans[record.user].pop(record.id, None)
                for place in (*record.addresses, *record.clients):
                    self.bans_by_origin[place].pop(record.id, None)
            case Ignore():
                self.ignores[record.user].pop(record.id, None)
            case PlaylistItem() | Poll() | Question() | Gathering():
                self._shelf(record).pop(record.id, None)
            case PollVote() | QuestionVote():
                self._drop_vote(record)
            case GatheringAnswer():
                self.answers[record.gathering].pop(record.user, None)
                if not self.answers[record.gathering]:
                    del self.answers[record.gathering]
            case Bot():
                self.bots[record.room].pop(record.user, None)
            case AccessToken():
                self.tokens.pop(record.digest, None)
                self.tokens_of[record.user].pop(record.digest, None)
            case Block():
                self.blocks[record.user].discard(record.target)
            case PushSubscription():
                pass  # not in memory
            case _:
                raise TypeError(f"a {type(record).__name__} is never erased")

    def apply(self, event: Event) -> None:
        """Let an event have happened. Ephemeral events leave no trace here."""
        if isinstance(event, WorldReplaced):
            self.clear()
        for record in event.erased():
            self.drop(record)
        for record in event.written():
            self.put(record)
        if isinstance(event, MemberJoined | MemberReturned):
            self.unread[event.room][event.member.user] = None

    def committed(self, event: Event) -> None:
        """Note what the store assigned to an event when it committed it."""
        if isinstance(event, MessagePosted):
            message = event.message
            self.last_number = max(self.last_number, message.number)
            self.message_counts[message.room] = self.message_counts.get(message.room, 0) + 1
            if message.kind != "system":
                self.last_said[message.room] = max(self.last_said.get(message.room, 0), message.number)
        elif isinstance(event, HistoryExtended):
            room = event.room
            self.last_number = max(self.last_number, event.last.number if event.last else 0)
            if event.count:
                self.message_counts[room] = self.message_counts.get(room, 0) + event.count
            if event.said:
                self.last_said[room] = max(self.last_said.get(room, 0), event.said.number)

    def load(
        self,
        records: Iterable[Record],
        *,
        last_number: int = 0,
        last_said: dict[int, int] | None = None,
        counts: dict[int, int] | None = None,
    ) -> None:
        """Take in all records of a snapshot."""
        self.clear()
        for record in records:
            self.put(record)
        self.last_number = last_number
        self.last_said = dict(last_said or {})
        self.message_counts = dict(counts or {})
        for room, members in self.members.items():
            self.unread[room].update(dict.fromkeys(members))

    def _put_vote(self, vote: PollVote | QuestionVote) -> None:
        if isinstance(vote, QuestionVote):
            self.question_votes[vote.question][vote.user] = vote
            return
        self._count(self.poll_votes[vote.poll].get(vote.user), -1)
        self.poll_votes[vote.poll][vote.user] = vote
        self._count(vote, 1)

    def _drop_vote(self, vote: PollVote | QuestionVote) -> None:
        if isinstance(vote, QuestionVote):
            self.question_votes[vote.question].pop(vote.user, None)
            if not self.question_votes[vote.question]:
                del self.question_votes[vote.question]
            return
        self._count(self.poll_votes[vote.poll].pop(vote.user, None), -1)
        if not self.poll_votes[vote.poll]:
            del self.poll_votes[vote.poll]

    def _count(self, vote: PollVote | None, step: int) -> None:
        """Count a vote, or no longer."""
        if vote is None:
            return
        tally = self.tallies[vote.poll]
        for option in vote.options:
            tally[option] = tally.get(option, 0) + step
            if not tally[option]:
                del tally[option]
        if not tally:
            del self.tallies[vote.poll]

    def _circle(self, record: FormerMember | JoinRequest) -> dict[int, Any]:
        """Give where such records of a room are, by user."""
        return self.requests[record.room] if isinstance(record, JoinRequest) else self.former[record.room]

    def _shelf(self, record: PlaylistItem | Poll | Question | Gathering) -> dict[int, Any]:
        """Give where such records of a room are, by id."""
        shelves: dict[type[Record], dict[int, dict[int, Any]]] = {
            PlaylistItem: self.playlists,
            Poll: self.polls,
            Question: self.questions,
            Gathering: self.gatherings,
        }
        return shelves[type(record)][record.room]

    def _set_roles(self, grant: Grant, roles: Iterable[str]) -> None:
        """Note the roles that somebody is granted by name where a grant is."""
        held = self.roles[grant.user][grant.room] = tuple(dict.fromkeys(roles))
        if held:
            self.holders[grant.room][grant.user] = held
        else:
            self.holders[grant.room].pop(grant.user, None)

    def _index_user(self, user: User) -> None:
        old = self.users.get(user.id)
        for index, field in (
            (self.by_client_id, "client_id"),
            (self.by_token_id, "token_id"),
            (self.by_login, "login"),
        ):
            before: str | None = getattr(old, field) if old else None
            after: str | None = getattr(user, field)
            if before is not None and before != after:
                index.pop(before, None)
            if after is not None:
                index[after] = user.id
        self.users[user.id] = user

    def forget_expired(self, now: datetime) -> None:
        """Forget what is over by itself; a store forgets the same."""
        over: list[Record] = [token for token in self.tokens.values() if token.expires <= now]
        over += [ban for bans in self.bans.values() for ban in bans.values() if not ban.holds(now)]
        over += [ignore for ignores in self.ignores.values() for ignore in ignores.values() if ignore.until <= now]
        for record in over:
            self.drop(record)

    # Who may do what

    def granted_roles(self, user: int, room: int) -> tuple[str, ...]:
        """List the roles granted to a user by name, on the world (0) or a room."""
        return self.roles[user].get(room, ()) if user in self.roles else ()

    def moderation(self, user: int, now: datetime, room: int = WORLD_WIDE) -> str:
        """Tell whether a user is "banned", "silenced" in the world, "muted" in a room or none of these ("").

        Of bans and silences those of the world count and, also, those of one room.
        """
        bans = self.bans.get(user)
        if not bans:
            return ""
        held = {(ban.kind, ban.room) for ban in bans.values() if ban.room in (WORLD_WIDE, room) and ban.holds(now)}
        if any(kind == "ban" for kind, _ in held):
            return "banned"
        return "silenced" if ("silence", WORLD_WIDE) in held else "muted" if held else ""

    def barred(self, origin: Origin, now: datetime, room: int) -> bool:
        """Tell whether a ban from a room holds for whoever comes from somewhere."""
        return any(
            ban.kind == "ban" and ban.room in (WORLD_WIDE, room) and ban.holds(now)
            for place in (origin.address, origin.client)
            if place and place in self.bans_by_origin
            for ban in self.bans_by_origin[place].values()
        )

    def permissions(
        self, user: User, now: datetime, room: Room | None = None, *, moderated: bool = True
    ) -> frozenset[str]:
        """Give all that a user may do in the world, or in a room (which includes the former).

        Bans and silences take away from that, unless `moderated` is False.
        """
        place = room.id if room else WORLD_WIDE
        key = (
            place,
            user.kind,
            user.traits,
            user.deleted,
            self.granted_roles(user.id, WORLD_WIDE),
            self.granted_roles(user.id, place) if room else (),
            self.moderation(user.id, now, place) if moderated and user.id in self.bans else "",
        )
        found = self._permissions.get(key)
        if found is None:
            if len(self._permissions) > PERMISSION_SETS_KEPT:
                self._permissions.clear()
            found = self._permissions[key] = self._work_out(key, user, room)
        return found

    def _work_out(self, key: tuple[object, ...], user: User, room: Room | None) -> frozenset[str]:
        moderation = key[-1]
        if user.deleted or moderation == "banned":
            return frozenset()
        person, traits = user.kind == "person", frozenset(user.traits)
        roles = permission.granted(self.world.trait_grants, traits, person=person)
        roles += self.granted_roles(user.id, WORLD_WIDE)
        if room:
            roles += permission.granted(room.trait_grants, traits, person=person)
            roles += self.granted_roles(user.id, room.id)
        found = frozenset(name for role in roles for name in permission.permissions_of(role, self.world.roles))
        if moderation == "silenced":
            return found & permission.SILENCED
        return found & permission.MUTED if moderation == "muted" else found

    def rank(self, user: User, now: datetime) -> int:
        """Give how high a user stands in the world, silenced or not; see permission.rank."""
        owner = permission.OWNER_ROLE in self.granted_roles(user.id, WORLD_WIDE)
        return permission.rank(self.permissions(user, now, moderated=False), owner=owner)

    def standing(self, user: User, now: datetime, room: Room) -> int:
        """Give how high a user stands in a room: 0 anybody, 1 who moderates it, 2 who owns it, more by `rank`."""
        rank = self.rank(user, now)
        if rank:
            return rank + 2
        held = self.permissions(user, now, room, moderated=False)
        return 2 if "room:delete" in held else 1 if "room:chat.moderate" in held else 0

    def access_key(self, user: User, now: datetime) -> object:
        """Give a key that is equal for users who see the same of the world: same rooms, same permissions."""
        return (
            user.kind,
            user.traits,
            user.deleted,
            tuple(sorted(self.roles.get(user.id, {}).items())),
            self.moderation(user.id, now),
        )

    def user_by_token(self, digest: str, now: datetime) -> User | None:
        """Give the user as whom an access token, by its digest, lets a client act."""
        token = self.tokens.get(digest)
        if token is None or token.use != "access" or token.expires <= now:
            return None
        user = self.users.get(token.user)
        return None if user is None or user.deleted else user

    # Who talks with whom

    def blocked(self, one: int, other: int) -> bool:
        """Tell whether either of two users has blocked the other."""
        return other in self.blocks.get(one, ()) or one in self.blocks.get(other, ())

    def participates(self, user: int, room: Room) -> bool:
        """Tell whether a user belongs to the conversation of a room, for good or for as long as they are connected."""
        return user in self.members.get(room.id, ()) or user in self.presence.volatile.get(room.id, ())

    def reads(self, user: User, now: datetime, room: Room) -> bool:
        """Tell whether a user may read what is said in a room: by permission, or as one whom it is between."""
        if room.kind == "room":
            return not room.deleted and "room:chat.read" in self.permissions(user, now, room)
        banned = user.deleted or self.moderation(user.id, now) == "banned"
        return not room.deleted and not banned and user.id in self.members.get(room.id, ())

    def ordered_rooms(self) -> list[Room]:
        """List the rooms that are not deleted, in the organisers' order."""
        rooms = [room for room in self.rooms.values() if not room.deleted and room.kind == "room"]
        return sorted(rooms, key=lambda room: (room.sorting_priority, room.name, room.id))

    def conversations(self, user: int) -> Iterator[Room]:
        """Give the rooms in whose conversation the user belongs for good and that are not hidden from them."""
        for identity in self.belongs.get(user, ()):
            room = self.rooms.get(identity)
            if room and not room.deleted and not self.members[identity][user].hidden:
                yield room

    def direct_between(self, *users: int) -> Room | None:
        """Find the direct conversation of exactly these users."""
        for identity in self.belongs.get(users[0], ()):
            room = self.rooms.get(identity)
            if room and room.kind == "direct" and not room.deleted and self.members[identity].keys() == set(users):
                return room
        return None

    def remember_nonce(self, message: Message) -> None:
        """Keep a message by its sender's idempotency key, and forget the oldest over NONCES_KEPT."""
        if message.nonce is None or message.sender is None:
            return
        self.nonces[message.sender, message.nonce] = message
        _forget_oldest(self.nonces, NONCES_KEPT)


def _forget_oldest(kept: dict[Any, Any], most: int) -> None:
    while len(kept) > most:
        del kept[next(iter(kept))]


NONCES_KEPT = 10_000
CHANGED_KEPT = 10_000
PERMISSION_SETS_KEPT = 10_000


def occupancy(count: int) -> str:
    """Give the bucket of a number of people in a room: none, few (1 to 10) or many (protocols/venueless.md 1.5)."""
    return "none" if count == 0 else "few" if count <= 10 else "many"
