"""Reading what clients of this dialect send: loosely, as they differ, but never trusting a type."""

from datetime import UTC, datetime
from typing import Any

from hubbub.dialects.jumpin.id import Kind, parse

Json = dict[str, Any]

MAX_NUMBER = 10**12
"""More than anybody means, and still a duration in any unit."""


def as_object(value: object) -> Json:
    """Give an object; an empty one for whatever is none."""
    return value if isinstance(value, dict) else {}


def text(body: Json, name: str) -> str:
    """Give a text; empty for whatever is none."""
    value = body.get(name)
    return value if isinstance(value, str) else ""


def identity(body: Json, name: str, kind: Kind) -> int:
    """Give an id of a kind; 0, which is nobody's, for whatever is none."""
    return parse(body.get(name), kind) or 0


def number(value: object) -> float | None:
    """Give a number, also one that is written as text, at most MAX_NUMBER away from 0; None for whatever is none."""
    if isinstance(value, str) and len(value) <= 20:
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124
        return None
    return float(min(max(value, -MAX_NUMBER), MAX_NUMBER))


def cut(content: str, units: int) -> str:
    """Cut a text to so many UTF-16 code units, as JavaScript counts, never through a character."""
    if len(content) * 2 <= units:
        return content
    encoded = content.encode("utf-16-le", "replace")
    return encoded[: units * 2].decode("utf-16-le", "ignore")


def instant(at: datetime | None) -> str | None:
    """Write an instant as JavaScript does."""
    if at is None:
        return None
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
