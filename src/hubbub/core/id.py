"""Ids: one integer for everything that has an identity."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Give the present instant, aware, in UTC. Tests pass one that they move."""

EPOCH = datetime(2024, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
NODE_BITS = 5
COUNTER_BITS = 7
MAX_ID = 2**53 - 1
"""Clients written in JavaScript hold ids as doubles: 2^53 - 1 is the last exact integer."""

SERVER_NODES = range(16)
TOOL_NODES = range(16, 32)
"""Node numbers of command line tools that work beside servers on one database."""


class IdGenerator:
    """Make ids that are unique across nodes, strictly increasing, below 2^53.

    41 bits of milliseconds since 2024 (69 years), 5 bits of node, 7 bits of counter: 128 ids a millisecond and node.
    When a millisecond is used up, or the clock steps back, the generator runs ahead of the clock instead of repeating.
    """

    def __init__(self, clock: Clock, node: int = 0, after: datetime = EPOCH) -> None:
        """Make ids of a node; `after` is when its ids may have been made last, should the clock have stepped back."""
        if not 0 <= node < 2**NODE_BITS:
            raise ValueError(f"a node number is 0 to {2**NODE_BITS - 1}, not {node}")
        self._clock = clock
        self._node = node
        self._millisecond = (after - EPOCH) // MILLISECOND + 1
        self._counter = 0

    def __call__(self) -> int:
        """Give the next id."""
        now = (self._clock() - EPOCH) // MILLISECOND
        if now > self._millisecond:
            self._millisecond, self._counter = now, 0
        else:
            self._counter += 1
            if self._counter >= 2**COUNTER_BITS:
                self._millisecond, self._counter = self._millisecond + 1, 0
        return (self._millisecond << NODE_BITS | self._node) << COUNTER_BITS | self._counter


def created_at(identity: int) -> datetime:
    """Give the instant at which an id was made, to the millisecond."""
    return EPOCH + (identity >> NODE_BITS + COUNTER_BITS) * MILLISECOND


def node_of(identity: int) -> int:
    """Give the number of the node that made an id."""
    return identity >> COUNTER_BITS & ((1 << NODE_BITS) - 1)
