"""Fan-out: what is put within one turn of the event loop is joined and written once."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import Final

import msgspec

logger = logging.getLogger(__name__)

SOFT_LIMIT: Final = 256 * 1024
"""Bytes that may wait for a reader before droppable frames are withheld from it."""
HARD_LIMIT: Final = 4 * 1024 * 1024
"""Bytes that may wait for a reader before it is closed with 1013; some 18,000 frames of a busy room."""
TRY_AGAIN_LATER: Final = 1013
"""Tells a client to come back and resume (IANA WebSocket close code registry)."""


class Statistics(msgspec.Struct, frozen=True):
    """Counts of a turn since it was made."""

    flushes: int
    """Loop turns that had something to write."""
    writes: int
    """Outboxes written, once a turn each."""
    joins: int
    """Times that frames had to be joined; the rest of the writes reused a join."""
    dropped: int
    """Droppable frames withheld from slow readers."""
    overflows: int
    """Readers closed because the hard limit was passed."""
    dirty: int
    """Outboxes that wait for the end of this turn."""


class Outbox(ABC):
    """What one connection is still to be sent.

    Frames leave in the order in which they were put, whichever rooms they came from. Frames put after the close are
    lost.
    """

    __slots__ = ("pending", "slow", "turn")

    def __init__(self, turn: "Turn") -> None:
        self.turn = turn
        self.pending: list[bytes] | None = None
        """Prepared frames put within this loop turn; None, not empty, when there are none."""
        self.slow = False
        """More than the soft limit waits in the transport: droppable frames are not put."""

    def put(self, frame: bytes) -> None:
        """Queue one prepared frame for the end of this loop turn."""
        pending = self.pending
        if pending is None:
            self.pending = [frame]
            self.turn.mark(self)
        else:
            pending.append(frame)

    def flush(self) -> None:
        """Hand over what is pending now instead of at the end of the turn."""
        frames = self.pending
        if frames is not None:
            self.pending = None
            self.transmit(b"".join(frames), frames)

    def overflow(self) -> None:
        """Close a connection whose reader has passed the hard limit."""
        self.turn.overflows += 1
        self.close(TRY_AGAIN_LATER, "Try again later")

    @abstractmethod
    def transmit(self, joined: bytes, frames: list[bytes]) -> None:
        """Pass frames to the transport without waiting, or drop them if closed.

        An implementation keeps `slow` up to date and calls `overflow` when more than `turn.hard_limit` bytes wait.

        Args:
            joined: All frames in one piece, perhaps shared with other outboxes.
            frames: The same frames one by one; not to be changed.
        """

    @abstractmethod
    def close(self, code: int = 1000, reason: str = "") -> None:
        """Send what is pending, then close; does nothing when closed already.

        Args:
            code: A code that may be sent (RFC 6455 7.4).
            reason: For the peer's log, at most 123 bytes of it.
        """


class Turn:
    """Gathers the outboxes of one event loop that have something to send.

    There is one per event loop. It is flushed once per loop turn, however many frames were put in it.
    """

    __slots__ = (
        "_dirty",
        "_dropped",
        "_flushes",
        "_joins",
        "_loop",
        "_writes",
        "hard_limit",
        "overflows",
        "soft_limit",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop | None = None,
        *,
        soft_limit: int = SOFT_LIMIT,
        hard_limit: int = HARD_LIMIT,
    ) -> None:
        """Make a turn for a loop, by default the running one; limits are bytes."""
        self._loop = loop or asyncio.get_running_loop()
        self.soft_limit = soft_limit
        self.hard_limit = hard_limit
        self._dirty: list[Outbox] = []
        self._flushes = self._writes = self._joins = self._dropped = self.overflows = 0

    def broadcast(self, outboxes: Collection[Outbox], frame: bytes, *, droppable: bool = False) -> None:
        """Put one prepared frame into many outboxes.

        Args:
            outboxes: Receivers, in any order.
            frame: The frame, shared by all of them.
            droppable: Whether readers that have fallen behind may miss it.
        """
        dirty = self._dirty
        scheduled = bool(dirty)
        for outbox in outboxes:
            if droppable and outbox.slow:
                self._dropped += 1
                continue
            pending = outbox.pending
            if pending is None:
                outbox.pending = [frame]
                dirty.append(outbox)
            else:
                pending.append(frame)
        if dirty and not scheduled:
            self._loop.call_soon(self._flush)

    def mark(self, outbox: Outbox) -> None:
        """Note that an outbox has something to send in this turn."""
        if not self._dirty:
            self._loop.call_soon(self._flush)
        self._dirty.append(outbox)

    def statistics(self) -> Statistics:
        """Tell what was done so far."""
        return Statistics(
            self._flushes, self._writes, self._joins, self._dropped, self.overflows, dirty=len(self._dirty)
        )

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, []
        joined, previous = b"", None
        writes = joins = 0
        for outbox in dirty:
            frames = outbox.pending
            if frames is None:
                continue  # closed or flushed meanwhile
            outbox.pending = None
            # In a room everybody has been put the same objects, so that comparing is far cheaper than joining.
            if frames != previous:
                joined, previous = b"".join(frames), frames
                joins += 1
            writes += 1
            try:
                outbox.transmit(joined, frames)
            except Exception:
                # One broken transport must not keep the frames from the others.
                logger.exception("transport failed")
        self._flushes += 1
        self._writes += writes
        self._joins += joins
