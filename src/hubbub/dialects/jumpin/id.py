"""Ids as this dialect writes them: 24 hexadecimal digits, as MongoDB's ObjectIds, both directions, without a table.

The first 8 digits are the seconds since 1970 at which the id was made, as clients may read them; the other 16 are what
it is the id of (4 bits), the id (53 bits) and 7 bits that follow from both, so that one that was made up is nobody's.
"""

from enum import IntEnum
from functools import lru_cache

from hubbub.core.id import MAX_ID, created_at

_CHECK_BITS = 7
_ID_BITS = 53
_CHECK = (1 << _CHECK_BITS) - 1


class Kind(IntEnum):
    """What an ObjectId is the id of."""

    USER = 1
    VISIT = 2
    ROOM = 3
    BAN = 4
    VIDEO = 5
    OPERATOR = 6
    ROLE = 7
    MESSAGE = 8
    IGNORE = 9
    EVERYBODY = 10
    ENROLMENT = 11
    CONVERSATION = 12


@lru_cache(maxsize=65_536)
def render(identity: int, kind: Kind) -> str:
    """Write an id."""
    value = kind << _ID_BITS | identity
    return f"{int(created_at(identity).timestamp()):08x}{value << _CHECK_BITS | _check(value):016x}"


def parse(text: object, kind: Kind) -> int | None:
    """Read an id of a kind; None when it is none."""
    if not isinstance(text, str) or len(text) != 24:
        return None
    try:
        value = int(text[8:], 16)
    except ValueError:
        return None
    identity = value >> _CHECK_BITS & MAX_ID
    return identity if text.lower() == render(identity, kind) else None


def _check(value: int) -> int:
    return (value * 0x9E3779B97F4A7C15 >> 40) & _CHECK
