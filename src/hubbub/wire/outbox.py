"""Fan-out: what is put within one turn of the event loop is joined and written once."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable
from time import perf_counter
from typing import Any, Final, Generic, TypeVar

import msgspec

logger = logging.getLogger(__name__)

SOFT_LIMIT: Final = 256 * 1024
"""Bytes that may wait for a reader before droppable frames are withheld from it."""
HARD_LIMIT: Final = 4 * 1024 * 1024
"""Bytes that may wait for a reader before it is closed with 1013; some 18,000 frames of a busy room."""
LONG: Final = 0.001
QUIET: Final = 0.001
MOST_GATHER: Final = 0.01
"""Soon after a flush that took longer than LONG seconds, the next waits until as much has come in as went out with the
last one, or nothing more for QUIET seconds; but not longer than the last one took, nor than MOST_GATHER. More is then
joined in one write: writing to a thousand takes 5 ms, be it one message or fifty. Who sends rarely never waits."""
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

    __slots__ = ("batch", "pending", "slow", "turn")

    def __init__(self, turn: "Turn") -> None:
        self.turn = turn
        self.pending: list[bytes] | None = None
        """Prepared frames put within this loop turn; None when there are none."""
        self.batch: Batch | None = None
        """Set while `pending` is the list of a group's batch, shared with the others in the group."""
        self.slow = False
        """More than the soft limit waits in the transport: droppable frames are not put."""

    def put(self, frame: bytes) -> None:
        """Queue one prepared frame for the end of this loop turn."""
        pending = self.pending
        if pending is None:
            self.pending = [frame]
            self.turn.mark(self)
            return
        if self.batch is not None:
            pending = self.stray(self.batch)
        pending.append(frame)

    def stray(self, batch: "Batch") -> list[bytes]:
        """Go on with a list of one's own instead of the batch's, and give it."""
        self.batch = None
        self.pending = pending = batch.frames.copy()
        batch.strays[self] = None
        return pending

    def flush(self) -> None:
        """Hand over what is pending now instead of at the end of the turn."""
        frames = self.pending
        if frames is not None:
            if self.batch is not None:
                frames = self.stray(self.batch)
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


class Batch:
    """What a group is sent in this turn: one list for all whose order of frames is the same, and the others."""

    __slots__ = ("frames", "strays")

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.strays: dict[Outbox, None] = {}


T = TypeVar("T")


class Group(Generic[T]):
    """Outboxes that are sent the same frames, each with something that its owner keeps by it.

    However many frames a group is sent within a turn, each outbox is touched once: all share one list of frames. One
    that is sent something else in between strays, and is from then on sent each frame by itself, so that the order is
    right for everyone.
    """

    __slots__ = ("_batch", "members", "turn")

    def __init__(self, turn: "Turn") -> None:
        self.turn = turn
        self.members: dict[Outbox, T] = {}
        """Who is in the group, in order; to be changed by `add` and `discard` alone."""
        self._batch: Batch | None = None

    def add(self, outbox: Outbox, kept: T) -> None:
        """Send an outbox what the group is sent from now on."""
        if self._batch is not None and outbox not in self.members:
            self._batch.strays[outbox] = None
        self.members[outbox] = kept

    def discard(self, outbox: Outbox) -> None:
        """Send an outbox nothing more; what it has been sent stays."""
        self.members.pop(outbox, None)
        batch = self._batch
        if batch is not None:
            if outbox.batch is batch:
                outbox.stray(batch)
            batch.strays.pop(outbox, None)

    def broadcast(self, frame: bytes, *, droppable: bool = False) -> None:
        """Put one prepared frame into every outbox of the group; readers that fell behind miss droppable ones."""
        batch = self._batch
        if batch is None:
            batch = self._begin()
        if droppable:
            for outbox in self.members:
                if outbox.slow and outbox.batch is batch:
                    outbox.stray(batch)
        batch.frames.append(frame)
        self.turn.broadcasts += 1
        for outbox in batch.strays:
            if droppable and outbox.slow:
                self.turn.dropped += 1
            else:
                outbox.put(frame)

    def _begin(self) -> Batch:
        self._batch = batch = Batch()
        fresh = []
        for outbox in self.members:
            if outbox.pending is None:
                outbox.pending = batch.frames
                outbox.batch = batch
                fresh.append(outbox)
            else:
                batch.strays[outbox] = None
        self.turn.begin(self, fresh)
        return batch

    def end(self) -> None:
        """Forget the batch of the turn that is over."""
        self._batch = None


class Turn:
    """Gathers the outboxes of one event loop that have something to send.

    There is one per event loop. It is flushed once per loop turn, however many frames were put in it.
    """

    __slots__ = (
        *("_dirty", "_enough", "_flushes", "_gather_until", "_groups", "_joins", "_loop", "_quiet_since", "_seen"),
        *("_writes", "broadcasts", "dropped", "hard_limit", "overflows", "soft_limit"),
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
        self._groups: list[Group[Any]] = []
        self._gather_until = self._quiet_since = 0.0
        self._seen = self._enough = 0
        self.broadcasts = 0
        """Frames for groups since the last flush."""
        self._flushes = self._writes = self._joins = self.dropped = self.overflows = 0

    def broadcast(self, outboxes: Iterable[Outbox], frame: bytes, *, droppable: bool = False) -> None:
        """Put one prepared frame into outboxes that are no group; readers that fell behind miss droppable ones."""
        for outbox in outboxes:
            if droppable and outbox.slow:
                self.dropped += 1
            else:
                outbox.put(frame)

    def begin(self, group: Group[Any], outboxes: list[Outbox]) -> None:
        """Note that a group has something to send in this turn, and with it those of its outboxes that had not."""
        if not self._dirty:
            self._schedule()
        self._dirty += outboxes
        self._groups.append(group)

    def mark(self, outbox: Outbox) -> None:
        """Note that an outbox has something to send in this turn."""
        if not self._dirty:
            self._schedule()
        self._dirty.append(outbox)

    def statistics(self) -> Statistics:
        """Tell what was done so far."""
        return Statistics(
            self._flushes, self._writes, self._joins, self.dropped, self.overflows, dirty=len(self._dirty)
        )

    def _schedule(self) -> None:
        """Flush at the end of this loop turn; but soon after a flush that took long, gather first."""
        if self._gather_until and perf_counter() < self._gather_until:
            self._seen = 0
            self._loop.call_soon(self._gather)
        else:
            self._loop.call_soon(self._flush)

    def _gather(self) -> None:
        """Flush when enough is there, or it is quiet or late, else look again in the next loop turn.

        A loop's timers are too coarse for that.
        """
        now = perf_counter()
        if self._seen != self.broadcasts:
            self._seen, self._quiet_since = self.broadcasts, now
            more = True
        else:
            more = self.broadcasts < self._enough and now - self._quiet_since < QUIET
        if more and now < self._gather_until:
            self._loop.call_soon(self._gather)
        else:
            self._flush()

    def _flush(self) -> None:
        begun = perf_counter()  # a loop's own clock stands still within a turn
        dirty, self._dirty = self._dirty, []
        groups, self._groups = self._groups, []
        for group in groups:
            group.end()
        joined: bytes = b""
        previous: list[bytes] | None = None
        writes = joins = 0
        for outbox in dirty:
            frames = outbox.pending
            outbox.pending = outbox.batch = None
            if not frames:
                continue  # closed or flushed meanwhile, or it missed the only frame
            # Mostly it is the same list, a group's. Comparing others is cheaper than joining: the frames are the same.
            if frames is not previous and frames != previous:
                joined, previous = b"".join(frames), frames
                joins += 1
            writes += 1
            try:
                outbox.transmit(joined, frames)
            except Exception:
                # One broken transport must not keep the frames from the others.
                logger.exception("transport failed")
        took = perf_counter() - begun
        self._enough, self.broadcasts = self.broadcasts, 0
        self._gather_until = begun + took + min(took, MOST_GATHER) if took > LONG else 0.0
        self._flushes += 1
        self._writes += writes
        self._joins += joins
