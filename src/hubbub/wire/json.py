"""JSON from strangers and for strangers: bounded in depth, without halves of surrogate pairs, NaN or Infinity."""

import re
from typing import Any, Final

import msgspec

MOST_DEPTH: Final = 64
"""Levels of lists and objects. Python's own limit is of the stack, which is deeper in use when the data is sent on."""

# Each alternative takes an escape whole, be it a pair of surrogates, a half of one, or any other: so a backslash is
# never taken for another's second.
_ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)

_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode


def utf8(text: str) -> bytes:
    """Encode text; halves of surrogate pairs become U+FFFD, as nobody could read what holds them."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def mend(text: str) -> str:
    """Give JSON with U+FFFD in the place of each such escape, so that one bad character costs nobody a message."""
    if "\\ud" in text or "\\uD" in text:
        return _ESCAPE.sub(lambda match: "\\ufffd" if match[1] else match[0], text)
    return text


def load(text: str) -> Any:
    """Read JSON. Raises ValueError for what is none, NaN and 1e400 among it, and for what is nested too deeply."""
    try:
        data = _decode(mend(text))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if text.count("[") + text.count("{") > MOST_DEPTH:
        _check_depth(data)
    return data


def dump(value: object) -> bytes:
    """Write JSON that any client can read."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return _encode(_mended(msgspec.to_builtins(value)))


def _check_depth(data: Any) -> None:
    level = [data] if isinstance(data, list | dict) else []
    for _ in range(MOST_DEPTH):
        level = [
            child
            for one in level
            for child in (one if isinstance(one, list) else one.values())
            if isinstance(child, list | dict)
        ]
        if not level:
            return
    raise ValueError("nested too deeply")


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return utf8(value).decode()
    if isinstance(value, list | tuple):
        return [_mended(one) for one in value]
    if isinstance(value, dict):
        return {_mended(key): _mended(one) for key, one in value.items()}
    return value
