"""Who is here now, counted by user over all their connections.

Ephemeral: it dies with the process and is rebuilt as clients come back. Connections are known by their number alone.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec

from hubbub.core.origin import Origin

REMEMBERED = timedelta(hours=24)
"""How long somebody who left can still be acted on (protocols/jumpin.md 1.3: a ban may come after they have gone)."""
MAX_REMEMBERED = 10_000


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """The presence of a user in a room, from the first of their connections that entered to the last that left.

    `handle` is what the user is called there, unique among who is there; `color` one of handle.COLORS.
    """

    id: int
    room: int
    user: int
    entered: datetime
    handle: str
    color: str
    broadcasting: bool = False
    origins: tuple[Origin, ...] = ()
    sessions: set[int]
    """The connections that are in the room."""


class Presence:
    """Connections, visits in rooms, and who listens to which conversation.

    Every count settles to zero when the last connection has gone, whatever it did before; only the visits that ended
    are remembered for a while.
    """

    def __init__(self) -> None:
        self.sessions: dict[int, dict[int, None]] = {}
        """By user: their connections, oldest first."""
        self.visits: dict[int, dict[int, Visit]] = {}
        """By room, then by user, in the order in which they came."""
        self.listening: dict[int, dict[int, set[int]]] = {}
        """By room, then by user: the connections that listen to the conversation."""
        self.volatile: dict[int, dict[int, None]] = {}
        """By room: the users who belong to the conversation for as long as one of their connections listens."""
        self.kicked: dict[tuple[int, int], None] = {}
        """Rooms and users: who was sent out and is turned away once more when they come back."""
        self._places: dict[int, set[tuple[str, int]]] = defaultdict(set)
        """By connection: where it is, so that closing it costs what it used."""
        self._by_id: dict[int, Visit] = {}
        self._past: dict[int, tuple[datetime, Visit]] = {}
        """By id: the visits that ended last, and when."""

    def connect(self, user: int, session: int) -> None:
        """Note a new connection of a user."""
        self.sessions.setdefault(user, {})[session] = None

    def disconnect(self, user: int, session: int) -> None:
        """Forget a connection. It must have left its rooms and conversations before: see `places`."""
        connections = self.sessions.get(user)
        if connections is not None:
            connections.pop(session, None)
            if not connections:
                del self.sessions[user]
        self._places.pop(session, None)

    def places(self, session: int) -> tuple[list[int], list[int]]:
        """Give the rooms that a connection is in, and those whose conversation it listens to."""
        places = self._places.get(session, set())
        return [room for kind, room in places if kind == "visit"], [room for kind, room in places if kind == "listen"]

    def enter(self, visit: Visit, session: int) -> Visit:
        """Let a connection be in a room; give the user's visit there, which is this one unless there was one."""
        visits = self.visits.setdefault(visit.room, {})
        known = visits.get(visit.user)
        if known is None:
            self._put(visit)
        elif missing := tuple(origin for origin in visit.origins if origin not in known.origins):
            self._put(msgspec.structs.replace(known, origins=known.origins + missing))
        visit = visits[visit.user]
        visit.sessions.add(session)
        self._places[session].add(("visit", visit.room))
        return visit

    def update(self, visit: Visit, **changes: Any) -> Visit:
        """Change a visit, and give it as it is now."""
        visit = msgspec.structs.replace(visit, **changes)
        self._put(visit)
        return visit

    def leave(self, room: int, user: int, session: int, now: datetime) -> Visit | None:
        """Let a connection leave a room; give the user's visit when that ended it."""
        visit = self.visits.get(room, {}).get(user)
        if visit is None or not self._remove("visit", room, session, visit.sessions):
            return None
        del self.visits[room][user]
        del self._by_id[visit.id]
        if not self.visits[room]:
            del self.visits[room]
        self._past[visit.id] = (now, visit)
        while len(self._past) > MAX_REMEMBERED or now - next(iter(self._past.values()))[0] > REMEMBERED:
            del self._past[next(iter(self._past))]
        return visit

    def kick(self, room: int, user: int) -> None:
        """Let somebody be turned away once when they come back to a room; the first of very many are forgotten."""
        self.kicked[room, user] = None
        if len(self.kicked) > MAX_REMEMBERED:
            del self.kicked[next(iter(self.kicked))]

    def visit(self, room: int, user: int) -> Visit | None:
        """Give a user's visit in a room, or None when they are not there."""
        return self.visits.get(room, {}).get(user)

    def visit_by_id(self, identity: int) -> Visit | None:
        """Give a visit that has not ended."""
        return self._by_id.get(identity)

    def past_visits(self, now: datetime) -> Iterator[Visit]:
        """Give the visits that ended not long ago, newest first."""
        for left, visit in reversed(self._past.values()):
            if now - left <= REMEMBERED:
                yield visit

    def _put(self, visit: Visit) -> None:
        self.visits[visit.room][visit.user] = self._by_id[visit.id] = visit

    def listen(self, room: int, user: int, session: int) -> bool:
        """Let a connection listen to a conversation; tell whether it is the user's first one."""
        users = self.listening.setdefault(room, {})
        new = user not in users
        users.setdefault(user, set()).add(session)
        self._places[session].add(("listen", room))
        return new

    def ignore(self, room: int, user: int, session: int) -> bool:
        """Let a connection no longer listen; tell whether it was the user's last, which ends volatile belonging."""
        sessions = self.listening.get(room, {}).get(user, set())
        last = self._remove("listen", room, session, sessions)
        if last:
            del self.listening[room][user]
            if not self.listening[room]:
                del self.listening[room]
            self.part(room, user)
        return last

    def join(self, room: int, user: int) -> bool:
        """Let a user belong to a conversation while they are connected; tell whether that is new."""
        users = self.volatile.setdefault(room, {})
        new = user not in users
        users[user] = None
        return new

    def part(self, room: int, user: int) -> bool:
        """End a user's volatile belonging; tell whether there was one."""
        users = self.volatile.get(room, {})
        found = users.pop(user, user) is None
        if not users:
            self.volatile.pop(room, None)
        return found

    def occupants(self, room: int) -> int:
        """Count the users in a room."""
        return len(self.visits.get(room, ()))

    def online(self, user: int) -> bool:
        """Tell whether a user has a connection."""
        return user in self.sessions

    def statistics(self) -> dict[str, int]:
        """Give the sizes of everything, for health and for tests: all zero when nobody is here."""
        return {
            "sessions": sum(map(len, self.sessions.values())),
            "visits": sum(len(visit.sessions) for visits in self.visits.values() for visit in visits.values()),
            "listening": sum(len(sessions) for users in self.listening.values() for sessions in users.values()),
            "volatile": sum(map(len, self.volatile.values())),
            "rooms": len(self.visits) + len(self.listening) + len(self.volatile),
            "places": len(self._places),
        }

    def _remove(self, kind: str, room: int, session: int, sessions: set[int]) -> bool:
        """Take a connection out of those of a user somewhere; tell whether it was the last of them."""
        if session not in sessions:
            return False
        sessions.discard(session)
        places = self._places[session]
        places.discard((kind, room))
        if not places:
            del self._places[session]
        return not sessions
