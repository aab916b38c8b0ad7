"""The contract of a bus: how nodes hear each other."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from hubbub.core.event import Event

Hear = Callable[[Sequence[Event]], None]
"""Take events that were published together. Must not block; what it raises is logged and reaches nobody else."""


class Bus(ABC):
    """Carry events to every node, the publishing one included.

    Guaranteed: the own node hears its events before `publish` returns; each node hears the events of another in the
    order in which they were published, at most once. Not guaranteed: that another node hears them at all. The journal
    is the truth; who was away reads it.
    """

    @abstractmethod
    async def open(self) -> None:
        """Connect. Raises OSError when that is not possible."""

    @abstractmethod
    async def close(self) -> None:
        """Disconnect; nothing is heard after."""

    @abstractmethod
    def subscribe(self, hear: Hear) -> None:
        """Let a function hear all that is published from now on."""

    @abstractmethod
    def publish(self, events: Sequence[Event]) -> None:
        """Let every node hear events, in order."""
