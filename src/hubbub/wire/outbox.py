"""Fan-out: what is put within one turn of the event loop is joined and written once."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable
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
LARGE: Final = 16
"""Members from which on a group is worth sharing."""
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
        """Prepared frames put within this loop turn; None when there are none but those of the turn's shared group."""
        self.slow = False
        """More than the soft limit waits in the transport: droppable frames are not put."""

    def put(self, frame: bytes) -> None:
        """Queue one prepared frame for the end of this loop turn."""
        pending = self.pending
        if pending is None:
            pending = self.pending = self.turn.begin(self)
        pending.append(frame)

    def flush(self) -> None:
        """Hand over what is pending now instead of at the end of the turn."""
        frames = self.pending
        if frames is None and self.turn.shares(self):
            frames = self.turn.begin(self)
        self.pending = None
        if frames:
            self.transmit(b"".join(frames), frames)

    def overflow(self) -> None:
        """Close a connection whose reader has passed the hard limit."""
        self.turn.overflows += 1
        self.close(TRY_AGAIN_LATER, "Try again later")

    @abstractmethod
    def transmit(self, joined: bytes, frames: Iterable[bytes]) -> None:
        """Pass frames to the transport without waiting, or drop them if closed.

        An implementation keeps `slow` up to date and calls `overflow` when more than `turn.hard_limit` bytes wait.

        Args:
            joined: All frames in one piece, perhaps shared with other outboxes.
            frames: The same frames one by one, to be gone through once at most; not to be changed.
        """

    @abstractmethod
    def close(self, code: int = 1000, reason: str = "") -> None:
        """Send what is pending, then close; does nothing when closed already.

        Args:
            code: A code that may be sent (RFC 6455 7.4).
            reason: For the peer's log, at most 123 bytes of it.
        """


T = TypeVar("T")


class Group(Generic[T]):
    """Outboxes that are sent the same frames, each with something that its owner keeps by it."""

    __slots__ = ("members", "turn")

    def __init__(self, turn: "Turn") -> None:
        self.turn = turn
        self.members: dict[Outbox, T] = {}
        """Who is in the group, in order; to be changed by `add` and `discard` alone."""

    def add(self, outbox: Outbox, kept: T) -> None:
        """Send an outbox what the group is sent from now on."""
        if outbox not in self.members:
            self.turn.joined(self, outbox)
        self.members[outbox] = kept

    def discard(self, outbox: Outbox) -> None:
        """Send an outbox nothing more; what it has been sent stays."""
        if outbox in self.members:
            self.turn.left(self, outbox)
            del self.members[outbox]

    def broadcast(self, frame: bytes, *, droppable: bool = False) -> None:
        """Put one prepared frame into every outbox of the group; readers that fell behind miss droppable ones."""
        self.turn.broadcast_to_group(self, frame, droppable=droppable)


class Turn:
    """Gathers what the outboxes of one event loop have to send, and flushes it once per loop turn.

    There is one per event loop. One large group a turn is *shared*: its frames are kept once, not in each outbox, so
    that a frame more costs nothing per member. A member that is sent something else in between strays: it goes on with
    a list of its own, so that the order is right for everyone. So does everybody in the other groups of that turn.
    """

    __slots__ = (
        *("_dirty", "_enough", "_flushes", "_frames", "_gather_until", "_joins", "_loop", "_quiet_since", "_seen"),
        *("_shared", "_strays", "_writes", "broadcasts", "dropped", "hard_limit", "overflows", "soft_limit"),
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
        self._shared: Group[Any] | None = None
        self._frames: list[bytes] = []
        self._strays: dict[Outbox, None] = {}
        self._gather_until = self._quiet_since = 0.0
        self._seen = self._enough = 0
        self.broadcasts = 0
        """Frames for groups since the last flush."""
        self._flushes = self._writes = self._joins = self.dropped = self.overflows = 0

    # One outbox

    def begin(self, outbox: Outbox) -> list[bytes]:
        """Give a list of its own to an outbox that has none, with what it shared before."""
        if not self._dirty and self._shared is None:
            self._schedule()
        self._dirty.append(outbox)
        if not self.shares(outbox):
            return []
        self._strays[outbox] = None
        return self._frames.copy()

    def shares(self, outbox: Outbox) -> bool:
        """Tell whether an outbox is sent the shared frames."""
        return self._shared is not None and outbox in self._shared.members and outbox not in self._strays

    # Many

    def broadcast(self, outboxes: Iterable[Outbox], frame: bytes, *, droppable: bool = False) -> None:
        """Put one prepared frame into outboxes one by one; readers that fell behind miss droppable ones."""
        for outbox in outboxes:
            if droppable and outbox.slow:
                self.dropped += 1
            else:
                outbox.put(frame)

    def broadcast_to_group(self, group: Group[Any], frame: bytes, *, droppable: bool = False) -> None:
        """Put one prepared frame into the outboxes of a group."""
        self.broadcasts += 1
        if self._shared is None and len(group.members) >= LARGE:
            if not self._dirty:
                self._schedule()
            self._shared = group
            self._strays = dict.fromkeys(
                outbox for outbox in self._dirty if outbox.pending is not None and outbox in group.members
            )
        if self._shared is not group:
            self.broadcast(group.members, frame, droppable=droppable)
            return
        if droppable:
            for outbox in group.members:
                if outbox.slow and outbox not in self._strays:
                    outbox.pending = self.begin(outbox)
        self._frames.append(frame)
        self.broadcast(self._strays, frame, droppable=droppable)

    def joined(self, group: Group[Any], outbox: Outbox) -> None:
        """Note, before it does, that an outbox joins a group: it is not sent what the group was sent before."""
        if self._shared is group:
            self._strays[outbox] = None

    def left(self, group: Group[Any], outbox: Outbox) -> None:
        """Note, before it does, that an outbox leaves a group: it is still sent what the group was sent before."""
        if self._shared is group:
            if outbox not in self._strays:
                outbox.pending = self.begin(outbox)
            del self._strays[outbox]

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
        started = perf_counter()  # a loop's own clock stands still within a turn
        dirty, self._dirty = self._dirty, []
        group, frames, strays = self._shared, self._frames, self._strays
        self._shared, self._frames, self._strays = None, [], {}
        joined: bytes = b""
        previous: list[bytes] | None = None
        for outbox in dirty:
            own = outbox.pending
            outbox.pending = None
            if not own:
                continue  # closed or flushed meanwhile, or it missed the only frame
            # Comparing is cheaper than joining, as equal frames mostly are the same object.
            if own != previous:
                joined, previous = b"".join(own), own
                self._joins += 1
            self._transmit((outbox,), joined, own)
        if group is not None and frames:
            self._joins += 1
            members = [outbox for outbox in group.members if outbox not in strays] if strays else list(group.members)
            self._transmit(members, b"".join(frames), frames)
        took = perf_counter() - started
        self._enough, self.broadcasts = self.broadcasts, 0
        self._gather_until = started + took + min(took, MOST_GATHER) if took > LONG else 0.0
        self._flushes += 1

    def _transmit(self, outboxes: Collection[Outbox], joined: bytes, frames: list[bytes]) -> None:
        self._writes += len(outboxes)
        for outbox in outboxes:
            try:
                outbox.transmit(joined, frames)
            except Exception:
                # One broken transport must not keep the frames from the others.
                logger.exception("transport failed")
