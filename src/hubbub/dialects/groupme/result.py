"""What came of adding people to groups, for whoever asks a moment later (protocols/groupme.md 2.3)."""

from collections import OrderedDict
from datetime import datetime, timedelta

import msgspec

LIFE = timedelta(hours=1)
MAX_KEPT = 1000
MAX_OF_ONE = 10
"""Of what one user has added."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Who was added to a group: users, each with what the request called them; `by` and `room` are ids."""

    by: int
    room: int
    added: tuple[tuple[int, str], ...]
    at: datetime


class Results:
    """The last results, in memory. One that is too old, or one too many, is gone."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Result] = OrderedDict()
        """By their ids, the oldest first."""

    def keep(self, identity: str, result: Result) -> None:
        """Keep a result, and of others no more than there may be."""
        own = [key for key, kept in self._kept.items() if kept.by == result.by]
        for key in own[: max(0, len(own) + 1 - MAX_OF_ONE)]:
            del self._kept[key]
        self._kept[identity] = result
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)

    def find(self, identity: str, by: int, room: int, now: datetime) -> Result | None:
        """Give a result to the user whose it is, of the group that it is of."""
        found = self._kept.get(identity)
        return found if found and (found.by, found.room) == (by, room) and now < found.at + LIFE else None
