"""Stand-ins for what a server chooses, so that an expected answer can be written down whole."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID


class Placeholder:
    """Equal the first value that it accepts, and from then on only that value.

    An id that is written as a placeholder in one line of a transcript must come back unchanged in every later line that
    names the same placeholder; `value` gives it to the commands that need it.
    """

    def __init__(self, kind: str, accepts: Callable[[Any], bool]) -> None:
        self._kind = kind
        self._accepts = accepts
        self._seen: list[Any] = []

    def __eq__(self, other: object) -> bool:
        if self._seen:
            return bool(self._seen[0] == other)
        try:
            accepted = self._accepts(other)
        except ValueError:
            return False
        if accepted:
            self._seen.append(other)
        return accepted

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{self._kind} {self._seen[0]!r}>" if self._seen else f"<any {self._kind}>"

    @property
    def value(self) -> Any:
        """Return what was seen; fails when nothing was compared with this placeholder yet."""
        assert self._seen, f"no {self._kind} was seen yet"
        return self._seen[0]


def anything() -> Placeholder:
    return Placeholder("value", lambda _: True)


def a_uuid() -> Placeholder:
    return Placeholder("uuid", lambda value: isinstance(value, str) and str(UUID(value)) == value.lower())


def a_number() -> Placeholder:
    return Placeholder("number", lambda value: isinstance(value, int) and not isinstance(value, bool))


def a_text(pattern: str = r".+") -> Placeholder:
    return Placeholder(f"text {pattern}", lambda value: isinstance(value, str) and bool(re.fullmatch(pattern, value)))


def an_instant() -> Placeholder:
    """Accept an ISO 8601 date and time that names its time zone."""
    return Placeholder("instant", lambda value: isinstance(value, str) and bool(datetime.fromisoformat(value).tzinfo))


def unordered(*values: Any) -> Placeholder:
    """Accept a list of exactly these values in any order."""
    return Placeholder(f"ordering of {values}", lambda other: _same_in_any_order(list(values), other))


def _same_in_any_order(expected: list[Any], other: object) -> bool:
    if not isinstance(other, list) or len(other) != len(expected):
        return False
    left = list(other)
    for value in expected:
        if value not in left:
            return False
        left.remove(value)
    return True
