"""Appointments that are kept by themselves: when a video or a poll ends, it does, whether or not anybody asks."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from hubbub.core.appointment import Appointment
from hubbub.core.error import HubbubError
from hubbub.core.event import Event, WorldReplaced
from hubbub.core.state import WorldState
from hubbub.live.clock import Timer
from hubbub.live.community import Community

LONGEST = timedelta(hours=1)
"""The longest that a timer runs before we look at the clock again: timers count seconds, and a machine may sleep."""
RETRY = timedelta(seconds=10)
"""When to try again what could not be done in time, as when the disk is full."""
NOW = timedelta()


class AppointmentKeeper:
    """Run the command of each appointment once it is due: one timer a room and kind, for what is due next there.

    What was due while nothing ran is done at the start. Nodes that share a database each keep all appointments; whoever
    comes second finds nothing to do.
    """

    def __init__(self, community: Community, kinds: Sequence[Appointment]) -> None:
        self._community = community
        self._kinds = kinds
        self._by_event = {event: kind for kind in kinds for event in kind.events}
        self._timers: dict[tuple[int, int], Timer] = {}
        """By kind (its place) and room."""
        self._closed = False

    def open(self) -> None:
        """Begin, with what is due already."""
        self._community.bus.subscribe(self.hear)
        for state in self._community.worlds.values():
            self._arm_all(state)

    def close(self) -> None:
        """Keep no appointment any more."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def hear(self, events: Sequence[Event]) -> None:
        """Make appointments anew where something has changed."""
        for event in events:
            kind = self._by_event.get(type(event))
            if kind is None and not isinstance(event, WorldReplaced):
                continue
            state = self._community.by_id(event.world)
            if state and kind:
                self._arm(kind, state, event.room)
            elif state:
                self._arm_all(state)

    def statistics(self) -> dict[str, int]:
        """Give the count of appointments."""
        return {"timers": len(self._timers)}

    def _arm_all(self, state: WorldState) -> None:
        for kind in self._kinds:
            for room in list(kind.places(state)):
                self._arm(kind, state, room)

    def _arm(self, kind: Appointment, state: WorldState, room: int, *, least: timedelta = NOW) -> None:
        """Make the appointment for what is due next in a room, in place of the one there was."""
        due = kind.next_due(state, room)
        if due is None:
            self._cancel(kind, room)
        else:
            delay = min(max(due - self._community.clock(), least), LONGEST)
            self._set(kind, room, delay, partial(self._keep, kind, state, room))

    def _set(self, kind: Appointment, room: int, delay: timedelta, then: Callable[[], None]) -> None:
        self._cancel(kind, room)
        if not self._closed:
            self._timers[self._kinds.index(kind), room] = self._community.clock.call_later(delay, then)

    def _cancel(self, kind: Appointment, room: int) -> None:
        timer = self._timers.pop((self._kinds.index(kind), room), None)
        if timer:
            timer.cancel()

    def _keep(self, kind: Appointment, state: WorldState, room: int) -> None:
        """Run the command if something is due by now; else look again when it is."""
        del self._timers[self._kinds.index(kind), room]
        if self._is_due(kind, state, room):
            done = partial(self._kept, kind, state, room)
            self._community.execute(state, kind.settle(room), done, operator=True)
        else:
            self._arm(kind, state, room)

    def _kept(self, kind: Appointment, state: WorldState, room: int, result: Any) -> None:
        """Go on with what is due next; what could not be done is tried again, but not at once."""
        if isinstance(result, HubbubError):
            # Memory may be ahead of what is stored, until it is read anew.
            self._set(kind, room, RETRY, partial(self._retry, kind, state, room))
        else:
            self._arm(kind, state, room, least=RETRY if self._is_due(kind, state, room) else NOW)

    def _retry(self, kind: Appointment, state: WorldState, room: int) -> None:
        del self._timers[self._kinds.index(kind), room]
        self._arm(kind, state, room)

    def _is_due(self, kind: Appointment, state: WorldState, room: int) -> bool:
        due = kind.next_due(state, room)
        return due is not None and due <= self._community.clock()
