"""Records as they are read from a file that somebody gives us: what must be true of each before it is stored."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import GenericAlias
from typing import Any, get_args, get_origin

import msgspec

from hubbub.core.id import MAX_ID, created_at
from hubbub.core.model import WORLD_WIDE, PushSubscription, ReadState, Record

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
"""A database keeps instants as UTC, where those near the ends of time in other zones are none."""
MAX_NUMBER = 2**48
"""Of messages, and of `seq`: what comes after it still fits everywhere."""
LATE = (ReadState, PushSubscription)
"""Records that are stored without looking once more whether their user is still there."""


class WrongRecord(Exception):
    """A record cannot be taken in; the text names the field and what is wrong, not where the record is."""


class Kind:
    """How records of one type are read."""

    def __init__(self, record: type[Record]) -> None:
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(_strict(record)).decode
        fields = msgspec.structs.fields(record)
        self._identified = record.KEY == ("id",)
        self._instants = [one.name for one in fields if one.type in (datetime, datetime | None)]
        self._rooms = [(one.name, one.default == WORLD_WIDE) for one in fields if one.name == "room"]
        self._users = [
            one.name for one in fields if one.name in ("user", "target") and one.type is int and record not in LATE
        ]

    def read(self, line: bytes, now: datetime) -> Any:
        """Read a record from JSON, and check what it says by itself. Raises WrongRecord.

        What comes is a struct of its own type, which refuses unknown fields, with the fields of the record.
        """
        try:
            record = self._decode(line)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise WrongRecord(str(error)) from error
        if self._identified:
            _check_id(record.id, now)
        for name in self._instants:
            _check_instant(name, getattr(record, name))
        return record

    def check_place(self, record: Any, world: int, rooms: set[int], users: set[int]) -> None:
        """Raise WrongRecord unless the record belongs to this world, with these rooms and users."""
        if record.world != world:
            raise WrongRecord("world: another one than the file's")
        for name, world_wide in self._rooms:
            room = getattr(record, name)
            if room not in rooms and not (world_wide and room == WORLD_WIDE):
                raise WrongRecord(f"{name}: there is no room {room} in the file")
        for name in self._users:
            if getattr(record, name) not in users:
                raise WrongRecord(f"{name}: there is no user {getattr(record, name)} in the file")


def check_numbers(number: int, seq: int, before: int) -> None:
    """Raise WrongRecord unless a message after the one with the number `before` can have these."""
    if not before < number <= MAX_NUMBER:
        raise WrongRecord(f"number: {number} after {before}, though they rise")
    if not 0 < seq <= MAX_NUMBER:
        raise WrongRecord("seq: out of range")


def _check_id(identity: int, now: datetime) -> None:
    if not 0 < identity <= MAX_ID:
        raise WrongRecord("id: out of range")
    if created_at(identity) > now:  # it would be given out again here
        raise WrongRecord(f"id: made at {created_at(identity)}, which is still to come. Is the clock here right?")


def _check_instant(name: str, instant: datetime | None) -> None:
    if instant is not None and (instant.tzinfo is None or not FIRST <= instant <= LAST):
        raise WrongRecord(f"{name}: an instant with its time zone, from the year 1 to 9999")


def _strict(kind: Any) -> Any:
    """Give a type like a struct, or a tuple of structs, that refuses unknown fields; other types as they are."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        nested = [
            (one.name, strict, one.default)
            for one in msgspec.structs.fields(kind)
            if (strict := _strict(one.type)) is not one.type
        ]
        return msgspec.defstruct(kind.__name__, nested, bases=(kind,), frozen=True, forbid_unknown_fields=True)
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        strict = _strict(inner)
        return kind if strict is inner else GenericAlias(tuple, (strict, ...))
    return kind
