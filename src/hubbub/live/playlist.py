"""Playlists that go on by themselves: when a video ends, the next one begins, whether or not anybody asks."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from hubbub.core.event import Event, VideoEvent
from hubbub.core.playlist import AdvancePlaylist, next_end
from hubbub.core.state import WorldState
from hubbub.live.clock import Timer
from hubbub.live.community import Community


class PlaylistKeeper:
    """Keep an appointment for the end of each video that plays.

    It only makes clients hear in time: what plays follows from the clock, also when nobody looked (core.playlist).
    """

    def __init__(self, community: Community) -> None:
        self._community = community
        self._timers: dict[int, Timer] = {}

    def open(self) -> None:
        """Begin, with what plays already."""
        self._community.bus.subscribe(self.hear)
        for state in self._community.worlds.values():
            for room in state.playlists:
                self._arm(state, room)

    def close(self) -> None:
        """Keep no appointment any more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def hear(self, events: Sequence[Event]) -> None:
        """Make appointments anew where something has changed."""
        for event in events:
            state = self._community.by_id(event.world) if isinstance(event, VideoEvent) else None
            if state:
                self._arm(state, event.room)

    def statistics(self) -> dict[str, int]:
        """Give the count of appointments."""
        return {"timers": len(self._timers)}

    def _arm(self, state: WorldState, room: int) -> None:
        timer = self._timers.pop(room, None)
        if timer:
            timer.cancel()
        end = next_end(state.playlists.get(room, {}).values())
        if end:
            delay = max(end - self._community.clock(), end - end)
            self._timers[room] = self._community.clock.call_later(delay, partial(self._advance, state, room))

    def _advance(self, state: WorldState, room: int) -> None:
        self._timers.pop(room, None)
        self._community.execute(state, AdvancePlaylist(room=room), _ignore, operator=True)


def _ignore(_result: Any) -> None:
    """Nobody waits: a room that is gone has no playlist to go on with."""
