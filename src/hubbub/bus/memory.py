"""A bus for one node: whoever subscribed hears at once."""

import logging
from collections.abc import Sequence

from hubbub.bus.contract import Bus, Hear
from hubbub.core.event import Event

logger = logging.getLogger(__name__)


class MemoryBus(Bus):
    """Carry events within the process."""

    def __init__(self) -> None:
        self._hearers: list[Hear] = []

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        self._hearers.clear()

    def subscribe(self, hear: Hear) -> None:
        self._hearers.append(hear)

    def publish(self, events: Sequence[Event]) -> None:
        for hear in self._hearers:
            try:
                hear(events)
            except Exception:
                logger.exception("a subscriber of the bus failed")
