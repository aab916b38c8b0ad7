"""What every bus promises, held against every driver."""

import asyncio
import logging
from collections.abc import Callable, Sequence

import pytest

from hubbub.bus.contract import Bus
from hubbub.bus.memory import MemoryBus
from hubbub.core.event import ChannelsChanged, Event

DRIVERS: dict[str, Callable[[], Bus]] = {"memory": MemoryBus}

every_driver = pytest.mark.parametrize("make", DRIVERS.values(), ids=DRIVERS)


def news(*users: int) -> list[Event]:
    return [ChannelsChanged(world=1, user=user) for user in users]


class Ear:
    """Somebody who hears, and remembers it."""

    def __init__(self) -> None:
        self.heard: list[list[int]] = []

    def __call__(self, events: Sequence[Event]) -> None:
        self.heard.append([event.user for event in events if isinstance(event, ChannelsChanged)])


@every_driver
def test_everybody_hears_before_publish_returns(make: Callable[[], Bus]) -> None:
    async def scene() -> None:
        bus, one, other = make(), Ear(), Ear()
        await bus.open()
        bus.subscribe(one)
        bus.subscribe(other)
        bus.publish(news(1, 2))
        assert one.heard == other.heard == [[1, 2]]
        await bus.close()

    asyncio.run(scene())


@every_driver
def test_events_are_heard_once_in_the_order_in_which_they_were_published(make: Callable[[], Bus]) -> None:
    async def scene() -> None:
        bus, ear = make(), Ear()
        await bus.open()
        bus.subscribe(ear)
        for user in range(100):
            bus.publish(news(user, -user))
        await asyncio.sleep(0)
        assert ear.heard == [[user, -user] for user in range(100)]
        await bus.close()

    asyncio.run(scene())


@every_driver
def test_who_subscribes_hears_what_is_published_from_then_on(make: Callable[[], Bus]) -> None:
    async def scene() -> None:
        bus, early, late = make(), Ear(), Ear()
        await bus.open()
        bus.subscribe(early)
        bus.publish(news(1))
        bus.subscribe(late)
        bus.publish(news(2))
        assert (early.heard, late.heard) == ([[1], [2]], [[2]])
        await bus.close()

    asyncio.run(scene())


@every_driver
def test_what_one_raises_reaches_nobody_else(make: Callable[[], Bus], caplog: pytest.LogCaptureFixture) -> None:
    def broken(events: Sequence[Event]) -> None:
        raise ValueError("deaf")

    async def scene() -> None:
        bus, ear = make(), Ear()
        await bus.open()
        bus.subscribe(broken)
        bus.subscribe(ear)
        bus.publish(news(1))
        bus.publish(news(2))
        assert ear.heard == [[1], [2]]
        await bus.close()

    with caplog.at_level(logging.ERROR):
        asyncio.run(scene())
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["deaf", "deaf"]


@every_driver
def test_nothing_is_heard_after_the_end(make: Callable[[], Bus]) -> None:
    async def scene() -> None:
        bus, ear = make(), Ear()
        await bus.open()
        bus.subscribe(ear)
        await bus.close()
        bus.publish(news(1))
        assert ear.heard == []

    asyncio.run(scene())


@every_driver
def test_who_publishes_while_hearing_is_heard_too(make: Callable[[], Bus]) -> None:
    async def scene() -> None:
        bus, ear = make(), Ear()
        await bus.open()

        def answer(events: Sequence[Event]) -> None:
            if [event.user for event in events if isinstance(event, ChannelsChanged)] == [1]:
                bus.publish(news(2))

        bus.subscribe(ear)
        bus.subscribe(answer)
        bus.publish(news(1))
        assert ear.heard == [[1], [2]]
        await bus.close()

    asyncio.run(scene())
