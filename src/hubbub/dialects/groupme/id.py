"""Ids as this dialect writes them (protocols/groupme.md 2.1): decimal texts, but for events of the calendar.

A message's id is its number with a base, so that all have 18 digits and sort as texts as they do as numbers. A group's
conversation has the group's id; that of two people is both of theirs with a plus, the lower first.
"""

import re

from hubbub.core.id import MAX_ID
from hubbub.core.model import Room
from hubbub.core.state import WorldState

FIRST_MESSAGE = 10**17
SYSTEM, CALENDAR = "system", "calendar"
"""Stand where a user's id would."""
EVERYONE = "-1"
"""Stands for all members of a group where people are mentioned."""
_DECIMAL = re.compile(r"[0-9]{1,18}")
_HEXADECIMAL = re.compile(r"[0-9a-f]{32}")
_PAIR = re.compile(r"([0-9]{1,18})[+_ ]([0-9]{1,18})")
"""Of two people; a plus that was not escaped in a path or a query may have become a blank."""


def render(identity: int) -> str:
    """Write an id."""
    return str(identity)


def parse(text: object) -> int:
    """Read an id, which clients also send as a number; 0 for what is none."""
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text)
    if not isinstance(text, str) or not _DECIMAL.fullmatch(text):
        return 0
    identity = int(text)
    return identity if identity <= MAX_ID else 0


def is_decimal(text: object) -> bool:
    """Tell whether something may be the id of anything but an event of the calendar."""
    return isinstance(text, str) and _DECIMAL.fullmatch(text) is not None


def render_message(number: int) -> str:
    """Write the id of a message by its number."""
    return str(FIRST_MESSAGE + number)


def parse_message(text: object) -> int:
    """Read the number of a message out of its id; 0 for what is none."""
    if not isinstance(text, str) or not _DECIMAL.fullmatch(text):
        return 0
    return max(0, int(text) - FIRST_MESSAGE)


def render_event(gathering: int) -> str:
    """Write the id of an event of the calendar: 32 hexadecimal digits."""
    return f"{gathering:032x}"


def parse_event(text: object) -> int:
    """Read the id of an event of the calendar; 0 for what is none."""
    if not isinstance(text, str) or not _HEXADECIMAL.fullmatch(text.lower()):
        return 0
    identity = int(text, 16)
    return identity if identity <= MAX_ID else 0


def render_pair(one: int, other: int, sign: str = "+") -> str:
    """Write the id of the conversation of two people; push channels have another sign than everything else."""
    return f"{min(one, other)}{sign}{max(one, other)}"


def parse_pair(text: object) -> tuple[int, int]:
    """Read two people out of the id of their conversation, in whichever order; zeros for what is none."""
    found = _PAIR.fullmatch(text) if isinstance(text, str) else None
    return (parse(found[1]), parse(found[2])) if found else (0, 0)


def render_conversation(state: WorldState, room: Room) -> str:
    """Write the id of a group or of a conversation of two."""
    members = list(state.members.get(room.id, ()))
    return render_pair(members[0], members[1]) if room.kind == "direct" and len(members) == 2 else render(room.id)
