"""A session: one connection of a client, as the live parts know it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubbub.live.rate import Buckets

if TYPE_CHECKING:
    from hubbub.core.state import WorldState
    from hubbub.live.hub import Encoder, Key
    from hubbub.wire.outbox import Outbox


class Session:
    """One connection: its number, its world, its user once known, its outbox, and what it is told of."""

    __slots__ = ("buckets", "encoder", "id", "outbox", "state", "topics", "user")

    def __init__(self, identity: int, state: WorldState, outbox: Outbox, encoder: Encoder) -> None:
        self.id = identity
        self.state = state
        self.outbox = outbox
        self.encoder = encoder
        self.user = 0
        """0 before the login."""
        self.topics: set[Key] = set()
        self.buckets = Buckets()

    def retire(self) -> None:
        """Belong to nobody any more; the connection may still be there for a moment."""
        self.user = 0
