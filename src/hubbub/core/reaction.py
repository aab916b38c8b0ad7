"""Counting reactions: one sum a second instead of one message a clap."""

from collections import Counter
from datetime import datetime, timedelta

ALLOWED = (
    "\N{CLAPPING HANDS SIGN}",
    "\N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}",
    "\N{THUMBS UP SIGN}",
    "🤣",
    "😮",
)
"""The five of the rooms document, to the code point: a heart without its variation selector is another one."""

INTERVAL = timedelta(seconds=1)
DEBOUNCE = timedelta(seconds=2)
"""One reaction of each emoji from a user in a room in this time; the others are counted as nothing."""


class Reactions:
    """The reactions given in the rooms of a world and not told yet.

    The first reaction in a room begins an interval; when it is over, `take_due` gives the sums, each reaction in
    exactly one of them.
    """

    def __init__(self) -> None:
        self._counts: dict[int, Counter[str]] = {}
        self._due: dict[int, datetime] = {}
        self._last: dict[tuple[int, int, str], datetime] = {}

    def add(self, room: int, user: int, reaction: str, now: datetime) -> bool:
        """Count a reaction; False when the user gave the same one a moment ago."""
        key = (room, user, reaction)
        last = self._last.get(key)
        if last is not None and now - last < DEBOUNCE:
            return False
        self._last.pop(key, None)
        self._last[key] = now  # at the end: the dict stays in order of time
        self._counts.setdefault(room, Counter())[reaction] += 1
        self._due.setdefault(room, now + INTERVAL)
        return True

    def next_due(self) -> datetime | None:
        """Tell when there is something to give."""
        return next(iter(self._due.values()), None)

    def take_due(self, now: datetime) -> list[tuple[int, dict[str, int]]]:
        """Give the sums of the rooms whose interval is over, and begin those anew."""
        rooms = [room for room, due in self._due.items() if due <= now]
        for room in rooms:
            del self._due[room]
        for key, last in list(self._last.items()):
            if now - last < DEBOUNCE:
                break
            del self._last[key]
        return [(room, dict(self._counts.pop(room))) for room in rooms]

    def forget(self, room: int) -> None:
        """Drop what was given in a room that is gone."""
        self._counts.pop(room, None)
        self._due.pop(room, None)

    def statistics(self) -> dict[str, int]:
        """Give the sizes of everything: all zero some seconds after the last reaction."""
        return {"rooms": len(self._counts), "due": len(self._due), "debounced": len(self._last)}
