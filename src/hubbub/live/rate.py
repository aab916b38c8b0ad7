"""Rate limits: so many commands of a class from one connection."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from hubbub.core.error import Code, Limited


class Rate(msgspec.Struct, frozen=True):
    """`burst` at once, and `per_second` in the long run."""

    per_second: float
    burst: int


DEFAULT_RATES: Mapping[str, Rate] = {
    "default": Rate(1000, 5000),
    "message": Rate(2000, 10_000),
    "read_marks": Rate(2000, 10_000),
    "presence": Rate(200, 1000),
    "react": Rate(200, 1000),
    "read": Rate(200, 1000),
    "search": Rate(50, 200),
    "configure": Rate(100, 500),
    "create": Rate(50, 200),
    "found": Rate(0.1, 200),
    "login": Rate(10, 50),
}
"""Far above what a person does and below what hurts: they stop a loop that ran wild. Operators tighten them.

A class that is not listed is not limited.
"""


class Buckets:
    """What one connection has used of its limits: a token bucket for each class that it used."""

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        self._levels: dict[str, tuple[float, datetime]] = {}

    def take(self, name: str, rates: Mapping[str, Rate], now: datetime) -> None:
        """Use one of a class. Raises Limited, with the time to wait, when there is none left."""
        rate = rates.get(name)
        if rate is None:
            return
        found = self._levels.get(name)
        if found is None:
            level = float(rate.burst)
        else:
            elapsed = (now - found[1]).total_seconds()
            level = min(rate.burst, found[0] + max(0.0, elapsed) * rate.per_second)
        if level < 1:
            wait = timedelta(seconds=(1 - level) / rate.per_second) if rate.per_second else None
            raise Limited(Code.TOO_MANY, "Too many commands; wait a moment.", retry_after=wait)
        self._levels[name] = (level - 1, now)
