"""A batch: what a transaction leaves behind, whatever the database.

Of several writes of one record only the last is kept, so a batch is as short as its outcome.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from hubbub.core.event import Event, WorldReplaced
from hubbub.core.model import RECORDS, Record
from hubbub.store.ledger import Counter, Ledger, Stamps
from hubbub.store.row import key_of

KEY_OF = {record: key_of(record) for record in RECORDS}


class Batch:
    """The records written and erased, the journal entries and the counters of events that were stamped in order."""

    def __init__(self) -> None:
        self.wiped: int | None = None
        """The world of which every row goes before anything here is written, or None."""
        self.written: dict[type[Record], dict[tuple[Any, ...], Record]] = {}
        self.erased: dict[type[Record], dict[tuple[Any, ...], None]] = {}
        self.journal: list[Event] = []
        self.counters: dict[int, Counter] = {}

    def add(self, event: Event, ledger: Ledger, stamps: Stamps) -> None:
        """Stamp an event and take it in. Raises ValueError on one that is not durable."""
        if not event.durable():
            raise ValueError(f"{type(event).__name__} is not durable")
        for counter in ledger.stamp(event, stamps):
            self.counters[counter.id] = counter
        if event.ERASES:
            for record in event.erased():
                kind = type(record)
                key = KEY_OF[kind](record)
                self.erased.setdefault(kind, {})[key] = None
                self.written.get(kind, {}).pop(key, None)
        for record in event.written():
            kind = type(record)
            key = KEY_OF[kind](record)
            self.written.setdefault(kind, {})[key] = record
            if kind in self.erased:
                self.erased[kind].pop(key, None)
        if event.JOURNALLED:
            self.journal.append(event)


def batches(events: Iterable[Event], ledger: Ledger, stamps: Stamps) -> Iterator[Batch]:
    """Give the batches of these events in order: a new one begins where a world is replaced.

    Each must be stored before the next is asked for, as all share the ledger's counters.
    """
    batch = Batch()
    for event in events:
        if isinstance(event, WorldReplaced):
            yield batch
            batch = Batch()
            batch.wiped = event.world
            ledger.begin_anew(event.world)
        batch.add(event, ledger, stamps)
    yield batch


def record_keys(event: Event) -> Sequence[Any]:
    """Name the records that an event writes or erases: what a later event with the same answer makes void."""
    return tuple((type(record), KEY_OF[type(record)](record)) for record in (*event.written(), *event.erased()))
