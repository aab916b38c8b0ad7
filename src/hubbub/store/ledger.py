"""The ledger: which number comes next, in each stream and each world.

It only counts; reading the counters from a database and knowing whether what it holds is still true is its user's
part.
"""

from collections.abc import Iterable

import msgspec
from msgspec.structs import force_setattr

from hubbub.core.event import Event
from hubbub.core.model import Message, World


class Counter(msgspec.Struct):
    """How far a stream is: the `seq` of its newest event, and for a world the `number` of its newest message."""

    id: int
    world: int
    epoch: int
    seq: int = 0
    number: int = 0


Stamps = list[tuple[msgspec.Struct, str, int]]
"""What was written in place: the struct, the field, and what it held before."""


class Ledger:
    """Number events and messages, from counters that were read from the database before."""

    def __init__(self) -> None:
        self.epochs: dict[int, int] = {}
        self.counters: dict[int, Counter] = {}

    def forget(self) -> None:
        """Drop all counters: somebody else may have counted on, or what was counted was not committed."""
        self.epochs.clear()
        self.counters.clear()

    def unknown(self, events: Iterable[Event]) -> tuple[set[int], set[int]]:
        """Give the worlds and the streams whose counters must be learned before these events can be stamped."""
        worlds: set[int] = set()
        streams: set[int] = set()
        epochs, counters = self.epochs, self.counters
        for event in events:
            if event.world not in epochs:
                worlds.add(event.world)
            if event.world not in counters:
                streams.add(event.world)
            if event.room and event.room not in counters:
                streams.add(event.room)
        return worlds, streams

    def learn(self, epochs: Iterable[tuple[int, int]], counters: Iterable[Counter]) -> None:
        """Take over what the database says of worlds (id, epoch) and streams."""
        self.epochs.update(epochs)
        self.counters.update((counter.id, counter) for counter in counters)

    def begin_anew(self, world: int) -> None:
        """Start all counters of a world from zero."""
        for identity in [counter.id for counter in self.counters.values() if counter.world == world]:
            del self.counters[identity]

    def stamp(self, event: Event, stamps: Stamps) -> list[Counter]:
        """Number an event and the new messages in it, in place; give the counters that rose.

        A message gets the `seq` of the event that posts it, or of the next one when that is not journalled. What was
        there before goes to `stamps`, for `revert`.
        """
        risen: list[Counter] = []
        records = event.written()
        for record in records:
            if type(record) is World:
                self.epochs[record.id] = record.epoch
        epoch = self.epochs.get(event.world, 1)
        if event.JOURNALLED:
            counter = self._counter(event.stream, event.world, epoch)
            if counter.epoch != epoch:
                counter.epoch, counter.seq = epoch, 0
            counter.seq += 1
            risen.append(counter)
            stamps.append((event, "epoch", event.epoch))
            stamps.append((event, "seq", event.seq))
            event.epoch, event.seq = epoch, counter.seq
        for record in records:
            if type(record) is Message:
                counter = self._counter(record.world, record.world, epoch)
                if not record.number:
                    stamps.append((record, "number", 0))
                    force_setattr(record, "number", counter.number + 1)
                    if not record.seq:
                        stamps.append((record, "seq", 0))
                        force_setattr(record, "seq", event.seq or self._next_seq(event, epoch))
                if record.number > counter.number:
                    counter.number = record.number
                    risen.append(counter)
        return risen

    def _next_seq(self, event: Event, epoch: int) -> int:
        """Give the `seq` of the next event in the stream of one that is not journalled itself."""
        counter = self._counter(event.stream, event.world, epoch)
        return counter.seq + 1 if counter.epoch == epoch else 1

    def _counter(self, identity: int, world: int, epoch: int) -> Counter:
        counter = self.counters.get(identity)
        if counter is None:
            counter = self.counters[identity] = Counter(identity, world, epoch)
        return counter


def revert(stamps: Stamps) -> None:
    """Put back what was there before: the transaction failed."""
    while stamps:
        struct, field, value = stamps.pop()
        force_setattr(struct, field, value)
