"""The flood guard: what a client says too often is refused until it has been quiet for a while."""

from datetime import datetime, timedelta

ALLOWED = 6
"""Calls within one window; the seventh is refused."""
WINDOW = timedelta(seconds=2)
PENALTY = timedelta(seconds=10)
"""Source of all three: protocols/jumpin.md 1.2."""


class FloodGuard:
    """Count the calls of one client."""

    __slots__ = ("_count", "_until")

    def __init__(self) -> None:
        self._count = 0
        self._until: datetime | None = None

    def admits(self, now: datetime) -> bool:
        """Count a call, and tell whether it may be done."""
        if self._until is None or now >= self._until:
            self._count, self._until = 0, now + WINDOW
        self._count += 1
        if self._count <= ALLOWED:
            return True
        self._until = now + PENALTY
        return False
