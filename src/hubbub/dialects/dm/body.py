"""Reading what clients of this dialect send: JSON, forms and queries, with lists in every way that they write them."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

MAX_FIELDS = 1000
MAX_IDS = 1000
"""Ids in one list; those beyond are not looked at."""
MAX_LIST = 100_000
"""Characters of a list that is written with commas."""

Json = dict[str, Any]


class UnreadableError(Exception):
    """A body is neither JSON nor a form."""


def read_body(kind: str, raw: bytes) -> Json:
    """Read the body of a request: an object in JSON or a form, as its content type says. Raises UnreadableError."""
    if not raw:
        return {}
    try:
        if "application/x-www-form-urlencoded" in kind.lower():
            return _read_form(parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS))
        found = msgspec.json.decode(raw)
    except (ValueError, RecursionError) as error:
        raise UnreadableError from error
    if not isinstance(found, dict):
        raise UnreadableError
    return found


def _read_form(pairs: Iterable[tuple[str, str]]) -> Json:
    """Give the first value of each field. One with brackets is something nested, as in JSON, and so no text."""
    found: Json = {}
    for key, value in pairs:
        name, bracket, _ = key.partition("[")
        found.setdefault(name, {key: value} if bracket else value)
    return found


def text(body: Mapping[str, object], name: str) -> str:
    """Give a text, or a whole number as text; empty for whatever is neither."""
    value = body.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**20:
        return str(value)
    return value if isinstance(value, str) else ""


def ids(pairs: Iterable[tuple[str, str]], name: str) -> list[str]:
    """Give the ids of a list in a query, each once: repeated, name[], name[0], or separated by commas."""
    found: dict[str, None] = {}
    for key, value in pairs:
        bare, bracket, index = key.partition("[")
        if bare == name and (not bracket or index == "]" or (index.endswith("]") and index[:-1].isdecimal())):
            for part in value[:MAX_LIST].split(","):
                if part.strip() and len(found) < MAX_IDS:
                    found[part.strip()[:32]] = None
    return list(found)
