"""Ids as this dialect writes them: UUIDs, both directions, without a table.

48 bits of the id, version 8 (RFC 9562 5.8), the other 5 bits of the id and what it is the id of, variant 10, and 62
bits that follow from the id. So a user's UUID is never taken for a room's, and one that was made up is nobody's.
"""

from enum import IntEnum
from functools import lru_cache
from uuid import UUID

from hubbub.core.id import MAX_ID

_LOW_BITS = 5
_LOW = (1 << _LOW_BITS) - 1
_SCATTER = 0x1E3779B97F4A7C15
_TAIL = (1 << 62) - 1


class Kind(IntEnum):
    """What a UUID is the id of."""

    ROOM = 1
    CHANNEL = 2
    USER = 3
    OTHER = 4
    POLL = 5
    POLL_OPTION = 6
    QUESTION = 7
    ANNOUNCEMENT = 8


@lru_cache(maxsize=65_536)
def render(identity: int, kind: Kind) -> str:
    """Write an id."""
    tail = (identity * _SCATTER + kind) & _TAIL
    whole = (
        (identity >> _LOW_BITS) << 80 | 8 << 76 | (identity & _LOW) << 71 | kind << 64 | 2 << 62 | tail
    )  # fmt: skip
    return str(UUID(int=whole))


def parse(text: object, kind: Kind) -> int | None:
    """Read an id of a kind; None when it is none."""
    return _parse(text, kind) if isinstance(text, str) and 32 <= len(text) <= 45 else None


@lru_cache(maxsize=65_536)
def _parse(text: str, kind: Kind) -> int | None:
    try:
        whole = UUID(text).int
    except ValueError:
        return None
    identity = (whole >> 80) << _LOW_BITS | (whole >> 71) & _LOW
    if identity > MAX_ID or render(identity, kind) != str(UUID(int=whole)):
        return None
    return identity
