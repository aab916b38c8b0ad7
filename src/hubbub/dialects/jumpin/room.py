"""Rooms by name: this dialect has no other way to speak of them."""

from functools import lru_cache

from hubbub.core.model import Room
from hubbub.core.state import WorldState
from hubbub.dialects.jumpin.id import Kind, parse, render

MAX_NAME = 64


def name_of(room: Room) -> str:
    """Give a room's name in addresses: its letters a-z and digits, in lower case; its id when there are none."""
    name = plain(room.name)
    return name or render(room.id, Kind.ROOM)


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """Reduce a name to what addresses have."""
    return "".join(sign for sign in name.lower() if sign.isascii() and sign.isalnum())[:MAX_NAME]


def find_room(state: WorldState, name: object) -> Room | None:
    """Find a room by its name in addresses, in any case and with dashes, or by its id. Of several the oldest."""
    if not isinstance(name, str) or len(name) > 4 * MAX_NAME:
        return None
    wanted = plain(name)
    found = [room for room in state.rooms.values() if room.kind == "room" and not room.deleted]
    return next((room for room in found if wanted and plain(room.name) == wanted), None) or next(
        (room for room in found if room.id == parse(wanted, Kind.ROOM)), None
    )
