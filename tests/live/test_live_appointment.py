"""Appointments are kept in their time and once, also after a restart, and when something goes wrong."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.live.scene import OPEN, START, HandClock, Scene, scene

from hubbub.core.appointment import Appointment
from hubbub.core.event import Event, MessagePosted, PollCreated, PollUpdated, VideoEnded, VideoStarted
from hubbub.core.model import Message, Poll
from hubbub.core.nouns import APPOINTMENTS
from hubbub.core.playlist import AddVideo, GetPlaying, Media, SeekVideo
from hubbub.core.poll import Choice, CreatePoll, DeletePoll, SettlePolls, UpdatePoll
from hubbub.core.room import AddRoom, DeleteRoom, RoomSettings
from hubbub.core.world import ReplaceWorld
from hubbub.live.appointment import LONGEST, RETRY, AppointmentKeeper
from hubbub.store.contract import StoreUnavailable

pytestmark = pytest.mark.anyio
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
MODULES: tuple[dict[str, Any], ...] = (
    {"type": "chat.native", "config": {"volatile": False}},
    {"type": "poll", "config": {"active": True}},
)


class Hall:
    """A scene with a hall that has talk and polls, somebody who keeps its appointments, and what has happened."""

    def __init__(self, here: Scene) -> None:
        self.here = here
        self.room = 0
        self.events: list[Event] = []
        here.community.bus.subscribe(self.events.extend)
        self.keeper = AppointmentKeeper(here.community, APPOINTMENTS)

    async def furnish(self) -> None:
        settings = RoomSettings(name="Hall", modules=MODULES, trait_grants=OPEN)
        made = await self.here.community.call(self.here.state, AddRoom(settings=settings), operator=True)
        self.room = made.id

    async def do(self, command: Any) -> Any:
        return await self.here.community.call(self.here.state, command, operator=True)

    async def make(self, lasting: timedelta | None, **fields: Any) -> Poll:
        expires = None if lasting is None else self.here.clock() + lasting
        options = (Choice(content="Tea"), Choice(content="Mate"))
        command = CreatePoll(room=self.room, content="Tea?", options=options, expires=expires, **fields)
        return (await self.do(command)).poll  # type: ignore[no-any-return]

    async def wait(self, delay: timedelta) -> None:
        """Let time pass and everything be done that is due."""
        self.here.clock.advance(delay)
        await self.settle()
        while any(timer.callback and at <= self.here.clock() for at, _, timer in self.here.clock._timers):
            self.here.clock.advance(timedelta())  # what was due while something else was being done
            await self.settle()

    async def settle(self) -> None:
        with suppress(StoreUnavailable):
            await self.here.settle()
        await self.here.settle_tasks()

    def said(self) -> list[str]:
        found: list[Message] = [event.message for event in self.events if isinstance(event, MessagePosted)]
        return [message.event["type"] for message in found if message.event]

    def state_of(self, poll: Poll) -> str:
        return self.here.state.polls[poll.room][poll.id].state


@asynccontextmanager
async def hall(url: str = "sqlite://", **options: Any) -> AsyncIterator[Hall]:
    async with scene(url, **options) as here:
        opened = Hall(here)
        if not options.get("node"):
            await opened.furnish()
        opened.keeper.open()
        try:
            yield opened
        finally:
            opened.keeper.close()


async def test_a_poll_is_reminded_of_and_ends_without_anybody_asking() -> None:
    async with hall() as here:
        poll = await here.make(10 * HOUR)
        await here.wait(9 * HOUR - SECOND)
        assert here.said() == ["poll.created"]
        await here.wait(SECOND)
        assert here.said() == ["poll.created", "poll.reminder"]
        await here.wait(HOUR - SECOND)
        assert here.state_of(poll) == "open"
        await here.wait(SECOND)
        assert here.state_of(poll) == "closed"
        assert here.said() == ["poll.created", "poll.reminder", "poll.finished"]
        await here.wait(9 * HOUR)
        assert len(here.said()) == 3
        assert here.keeper.statistics() == {"timers": 0}


async def test_polls_of_a_room_end_each_in_its_time() -> None:
    async with hall() as here:
        late, soon = await here.make(2 * HOUR), await here.make(HOUR)
        assert here.keeper.statistics() == {"timers": 1}
        await here.wait(HOUR)
        assert (here.state_of(soon), here.state_of(late)) == ("closed", "open")
        await here.wait(HOUR)
        assert here.state_of(late) == "closed"


async def test_a_changed_poll_is_kept_to_its_new_time() -> None:
    async with hall() as here:
        poll = await here.make(HOUR)
        await here.do(UpdatePoll(room=here.room, poll=poll.id, expires=START + 3 * HOUR))
        await here.wait(2 * HOUR)
        assert here.state_of(poll) == "open"
        await here.do(UpdatePoll(room=here.room, poll=poll.id, expires=here.here.clock() + MINUTE))
        await here.wait(MINUTE)
        assert here.state_of(poll) == "closed"


@pytest.mark.parametrize("how", ["deleted", "ended", "room", "world"])
async def test_an_appointment_that_is_off(how: str) -> None:
    async with hall() as here:
        poll = await here.make(HOUR)
        match how:
            case "deleted":
                await here.do(DeletePoll(room=here.room, poll=poll.id))
            case "ended":
                await here.do(UpdatePoll(room=here.room, poll=poll.id, state="closed"))
            case "room":
                await here.do(DeleteRoom(room=here.room))
            case _:
                await here.do(ReplaceWorld(title="x", roles={}, trait_grants={}, config={}, rooms=()))
        before = len(here.said())
        await here.wait(2 * HOUR)
        assert len(here.said()) == before
        assert here.keeper.statistics() == {"timers": 0}


async def test_a_poll_without_an_end_needs_no_appointment() -> None:
    async with hall() as here:
        await here.make(None)
        await here.make(HOUR, state="draft")
        assert here.keeper.statistics() == {"timers": 0}


async def test_videos_go_on_by_themselves() -> None:
    async with hall() as here:
        mo = (await here.here.client("mo")).user
        for title in ("one", "two"):
            command = AddVideo(room=here.room, media=Media(media_id=title, duration=60))
            await here.here.community.call(here.here.state, command, user=mo)
        await here.do(GetPlaying(room=here.room))
        await here.wait(MINUTE - SECOND)
        assert not [event for event in here.events if isinstance(event, VideoEnded)]
        await here.wait(SECOND)
        assert [event.item.media_id for event in here.events if isinstance(event, VideoStarted)] == ["one", "two"]
        await here.do(SeekVideo(room=here.room, position=50 * SECOND))
        await here.wait(10 * SECOND)
        assert [event.item.media_id for event in here.events if isinstance(event, VideoEnded)] == ["one", "two"]
        assert here.keeper.statistics() == {"timers": 0}


async def test_a_room_keeps_appointments_of_each_kind() -> None:
    async with hall() as here:
        mo = (await here.here.client("mo")).user
        poll = await here.make(HOUR)
        command = AddVideo(room=here.room, media=Media(media_id="one", duration=60))
        await here.here.community.call(here.here.state, command, user=mo)
        await here.do(GetPlaying(room=here.room))
        assert here.keeper.statistics() == {"timers": 2}
        await here.wait(HOUR)
        assert [type(event) for event in here.events].count(VideoEnded) == 1
        assert here.state_of(poll) == "closed"


async def test_no_timer_runs_for_longer_than_one_can_rely_on_it() -> None:
    async with hall() as here:
        await here.make(20 * HOUR)
        clock = here.here.clock
        assert max(timer.at for *_, timer in clock._timers if timer.callback) <= clock() + LONGEST
        await here.wait(20 * HOUR)
        assert here.said()[-1] == "poll.finished"


async def test_what_was_due_while_the_server_was_down_is_done_at_its_start_once(tmp_path: Path) -> None:
    url, clock = f"sqlite:///{tmp_path}/hubbub.db", HandClock()
    async with hall(url, clock=clock) as here:
        poll = await here.make(HOUR)
        over = await here.make(10 * HOUR)
    clock.advance(9 * HOUR)
    for starts in range(3):
        async with hall(url, clock=clock, node=starts + 1) as again:
            await again.wait(timedelta())
            assert [event.poll.id for event in again.events if isinstance(event, PollUpdated)] == [poll.id][starts:]
            assert again.said() == ["poll.finished", "poll.reminder"][: 0 if starts else 2]
    async with hall(url, clock=clock, node=9) as last:
        await last.wait(HOUR)
        assert (last.state_of(over), last.said()) == ("closed", ["poll.finished"])


async def test_what_another_process_made_is_kept_too(tmp_path: Path) -> None:
    url, clock = f"sqlite:///{tmp_path}/hubbub.db", HandClock()
    async with hall(url, clock=clock) as here, scene(url, clock=clock, node=1) as other:
        command = CreatePoll(room=here.room, content="?", options=(Choice(content="Tea"),), expires=START + HOUR)
        poll = (await other.community.call(other.state, command, operator=True)).poll
        await here.wait(SECOND)
        await here.wait(HOUR)
        assert here.state_of(poll) == "closed"


async def test_what_could_not_be_stored_is_tried_again() -> None:
    async with hall() as here:
        poll = await here.make(HOUR)
        await here.wait(HOUR - MINUTE)
        here.here.faulty.full = True
        await here.wait(MINUTE)
        await here.wait(RETRY - SECOND)
        assert here.said() == ["poll.created", "poll.reminder"]
        here.here.faulty.full = False
        await here.wait(SECOND)
        assert here.state_of(poll) == "closed"
        assert here.said() == ["poll.created", "poll.reminder", "poll.finished"]


async def test_what_gets_nowhere_is_not_tried_at_once_again() -> None:
    """A command that does nothing while something is due must not be run over and over."""
    runs: list[int] = []

    def settle(room: int) -> SettlePolls:
        runs.append(room)
        return SettlePolls(room=room)

    async with scene() as here:
        stuck = Appointment(
            events=(PollCreated,), next_due=lambda *_: START, settle=settle, places=lambda state: state.rooms
        )
        keeper = AppointmentKeeper(here.community, [stuck])
        keeper.open()
        for delay, expected in ((timedelta(), 1), (RETRY - SECOND, 1), (SECOND, 2), (RETRY, 3)):
            here.clock.advance(delay)
            await here.settle()
            assert len(runs) == expected
        keeper.close()
        assert keeper.statistics() == {"timers": 0}
        here.clock.advance(HOUR)
        assert len(runs) == 3


async def test_two_servers_that_keep_an_appointment_at_the_same_moment_say_it_once(tmp_path: Path) -> None:
    url, clock = f"sqlite:///{tmp_path}/hubbub.db", HandClock()
    async with hall(url, clock=clock) as here, hall(url, clock=clock, node=1) as there:
        there.room = here.room
        poll = await here.make(HOUR)
        await there.wait(SECOND)  # it hears of the poll
        for delay in (45 * MINUTE, 15 * MINUTE):
            clock.advance(delay)  # both keep it before either has stored anything
            for one in (here, there) * 3:
                await one.wait(RETRY)
        for one in (here, there):
            assert one.state_of(poll) == "closed"
            assert one.keeper.statistics() == {"timers": 0}
        kept = await here.here.community.store.messages(here.room, before=100, limit=100)
        said = [message.event["type"] for message in kept if message.event]
        assert said == ["poll.created", "poll.reminder", "poll.finished"]
