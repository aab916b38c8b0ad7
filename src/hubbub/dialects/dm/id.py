"""Ids as this dialect writes them: decimal strings of milliseconds since 1970, as its clients take them for times.

An id is the millisecond at which it was made and twelve bits that tell it from others of that millisecond. These are
zero for nearly all; where they are not, they follow as four more digits. The user who welcomes newcomers is "1", and
their greeting "0", as clients know them.
"""

from datetime import UTC, datetime

from hubbub.core.id import COUNTER_BITS, EPOCH, MAX_ID, MILLISECOND, NODE_BITS
from hubbub.core.model import Message
from hubbub.core.state import WorldState
from hubbub.core.welcome import HOST, WELCOME

HOST_ID, GREETING_ID = "1", "0"
_START = (EPOCH - datetime(1970, 1, 1, tzinfo=UTC)) // MILLISECOND
_BITS = NODE_BITS + COUNTER_BITS
_SHORT, _LONG = 13, 17


def render(identity: int) -> str:
    """Write an id."""
    milliseconds, rest = (identity >> _BITS) + _START, identity & ((1 << _BITS) - 1)
    return f"{milliseconds:013d}{rest:04d}" if rest else f"{milliseconds:013d}"


def parse(text: object) -> int:
    """Read an id, also one that is a number; 0, which is nobody's, for whatever is none."""
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text) if 0 < text < 10**_LONG else ""
    if not isinstance(text, str) or len(text) not in (_SHORT, _LONG) or not (text.isascii() and text.isdecimal()):
        return 0
    milliseconds, rest = int(text[:_SHORT]) - _START, int(text[_SHORT:] or 0)
    identity = milliseconds << _BITS | rest
    return identity if 0 < identity <= MAX_ID and rest >> _BITS == 0 and render(identity) == text else 0


def render_user(state: WorldState, identity: int) -> str:
    """Write the id of a user."""
    return HOST_ID if state.by_token_id.get(HOST) == identity else render(identity)


def parse_user(state: WorldState, text: object) -> int:
    """Read the id of a user; 0 for whatever is none."""
    return state.by_token_id.get(HOST, 0) if text in (HOST_ID, int(HOST_ID)) else parse(text)


def is_greeting(state: WorldState, message: Message) -> bool:
    """Tell whether a message is the greeting of a welcome channel."""
    return message.extra == WELCOME and message.sender == state.by_token_id.get(HOST)


def render_message(state: WorldState, message: Message) -> str:
    """Write the id of a message."""
    return GREETING_ID if is_greeting(state, message) else render(message.id)
