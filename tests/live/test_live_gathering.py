"""Reminders of gatherings and their start, told in time and once, also after a restart."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.live.scene import HandClock, Scene, scene

from hubbub.core.event import MessagePosted
from hubbub.core.gathering import CancelGathering, CreateGathering, UpdateGathering, When
from hubbub.core.model import Gathering
from hubbub.core.nouns import APPOINTMENTS
from hubbub.live.appointment import AppointmentKeeper

pytestmark = pytest.mark.anyio
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
NOW = "'Picnic' is starting now"


class Lounge:
    """The lounge of a scene, whose appointments are kept, and what is said in it."""

    def __init__(self, here: Scene) -> None:
        self.here = here
        self.said: list[str] = []
        here.community.bus.subscribe(self.hear)
        self.keeper = AppointmentKeeper(here.community, APPOINTMENTS)
        self.keeper.open()

    def hear(self, events: Any) -> None:
        self.said += [event.message.body for event in events if isinstance(event, MessagePosted)]

    async def do(self, command: Any) -> Any:
        return await self.here.community.call(self.here.state, command, operator=True)

    def after(self, delay: timedelta) -> When:
        return When(start=self.here.clock() + delay)

    async def make(self, delay: timedelta, *reminders: int) -> Gathering:
        room = next(room.id for room in self.here.state.ordered_rooms())
        command = CreateGathering(room=room, name="Picnic", when=self.after(delay), reminders=reminders)
        made: Gathering = (await self.do(command)).gathering
        self.said.clear()
        return made

    async def wait(self, delay: timedelta) -> list[str]:
        """Let time pass, minute after minute, and give what was said."""
        end, before = self.here.clock() + delay, len(self.said)
        while self.here.clock() < end:
            self.here.clock.advance(min(MINUTE, end - self.here.clock()))
            await self.here.settle()
        return self.said[before:]


@asynccontextmanager
async def lounge(url: str = "sqlite://", **options: Any) -> AsyncIterator[Lounge]:
    async with scene(url, **options) as here:
        opened = Lounge(here)
        await here.settle()
        try:
            yield opened
        finally:
            opened.keeper.close()


async def test_reminders_and_the_start_come_by_themselves() -> None:
    async with lounge() as here:
        await here.make(2 * HOUR, 3600, 300)
        assert await here.wait(HOUR - MINUTE) == []
        assert await here.wait(MINUTE) == ["'Picnic' is starting in 60 minutes"]
        assert await here.wait(55 * MINUTE) == ["'Picnic' is starting in 5 minutes"]
        assert await here.wait(5 * MINUTE) == [NOW]
        assert await here.wait(2 * HOUR) == []
        assert here.keeper.statistics() == {"timers": 0}


async def test_another_time_and_no_gathering() -> None:
    async with lounge() as here:
        made = await here.make(HOUR)
        await here.do(UpdateGathering(room=made.room, gathering=made.id, when=here.after(2 * HOUR)))
        here.said.clear()
        assert await here.wait(2 * HOUR - MINUTE) == []
        await here.do(CancelGathering(room=made.room, gathering=made.id))
        here.said.clear()
        assert await here.wait(HOUR) == []
        assert here.keeper.statistics() == {"timers": 0}


@pytest.mark.parametrize(
    ("down", "late", "then"),
    [
        (30 * MINUTE, [], ["'Picnic' is starting in 60 minutes", NOW]),
        (90 * MINUTE, ["'Picnic' is starting in 30 minutes"], [NOW]),
        (150 * MINUTE, [NOW], []),
        (300 * MINUTE, [], []),
    ],
)
async def test_a_restart_neither_forgets_nor_repeats(
    tmp_path: Path, down: timedelta, late: list[str], then: list[str]
) -> None:
    url, clock = f"sqlite:///{tmp_path / 'a.db'}", HandClock()
    async with lounge(url, clock=clock) as here:
        await here.make(2 * HOUR, 3600)
    clock.advance(down)
    async with lounge(url, clock=clock, node=1) as here:
        assert await here.wait(MINUTE) == late
        assert await here.wait(3 * HOUR) == then
    async with lounge(url, clock=clock, node=2) as here:
        assert await here.wait(HOUR) == []
