"""Where a dialect is reached, when not at the root of every host."""

import msgspec


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the server's addresses. Clients must be told; most of them expect their dialect at the root."""

    prefix: str = ""
    """What the paths begin with, as /dm; empty is the root."""
    host: str = ""
    """The host name that the dialect is at, and no other; empty is all."""


EVERYWHERE = Place()
NAMES = ("venueless", "jumpin", "dm", "groupme")
"""The dialects, as settings call them."""
