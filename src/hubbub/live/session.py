"""A session: one connection of a client, as the live parts know it; and the audiences that sessions form."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Set

from hubbub.core.event import Event, Topic
from hubbub.core.origin import NOWHERE
from hubbub.core.state import WorldState
from hubbub.live.rate import Buckets
from hubbub.wire.outbox import Group, Outbox, Turn

Key = tuple[str, int]
"""The name of an audience: its kind and the id of the room, user, world or connection."""

FETCHED_KEPT = 1000
"""People that a connection is known to have fetched; when there are more, they are told again."""
NOBODY: frozenset[int] = frozenset()


class Session:
    """One connection: its number, its world, its user once known, its outbox, and what it is told of."""

    __slots__ = ("_fetched", "buckets", "encoder", "id", "origin", "outbox", "state", "topics", "user")

    def __init__(self, identity: int, state: WorldState, outbox: Outbox, encoder: Encoder) -> None:
        self.id = identity
        self.state = state
        self.outbox = outbox
        self.encoder = encoder
        self.user = 0
        """0 before the login."""
        self.origin = NOWHERE
        self.topics: dict[Key, int] = {}
        """With how many, this one included, had joined the audience by then."""
        self.buckets = Buckets()
        self._fetched: dict[int, tuple[int | None, frozenset[int]]] | None = None

    def fetched(self, room: int) -> Set[int]:
        """Give the people whose profiles came with old messages of a room since the connection subscribed to it."""
        found = self._fetched.get(room) if self._fetched else None
        return found[1] if found and found[0] == self.topics.get((Topic.CHAT.value, room)) else NOBODY

    def note_fetched(self, room: int, people: Iterable[int]) -> None:
        """Note that the profiles of people came with old messages of a room."""
        known = self.fetched(room)
        if len(known) > FETCHED_KEPT:
            known = NOBODY
        if self._fetched is None:
            self._fetched = {}
        self._fetched[room] = (self.topics.get((Topic.CHAT.value, room)), frozenset(known) | frozenset(people))

    def retire(self) -> None:
        """Belong to nobody any more; the connection may still be there for a moment."""
        self.user = 0


class Audience(Group[Session]):
    """The connections of one dialect that are told of one topic, in the order in which they came.

    `joined` rises with every newcomer. `told` is the dialect's: what everybody here has been told already, as of which
    `joined`.
    """

    __slots__ = ("joined", "told")

    def __init__(self, turn: Turn) -> None:
        super().__init__(turn)
        self.joined = 0
        self.told: dict[int, tuple[int, object]] = {}

    def add(self, outbox: Outbox, kept: Session) -> None:
        """Let a connection be told."""
        if outbox not in self.members:
            self.joined += 1
        super().add(outbox, kept)


class Encoder(ABC):
    """What a dialect tells its clients of events. One for each dialect."""

    @abstractmethod
    def tell(self, event: Event, audience: Audience) -> None:
        """Tell the connections of an audience of an event, encoding it once for all that are told the same."""
