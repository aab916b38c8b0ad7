"""Appointments: what happens because its time has come, without anybody asking for it."""

from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from hubbub.core.command import Command
from hubbub.core.event import Event
from hubbub.core.state import WorldState


class Appointment(msgspec.Struct, frozen=True, kw_only=True):
    """How a noun is brought up to the present in its time.

    `next_due` tells, of a room, when something is due next, or None when nothing is; it may be past. `settle` makes the
    command that does whatever is due by then, and nothing when that is done already. `events` are those after which
    something else may be due next. `places` gives the rooms where something may be due.

    It only makes clients hear in time: what is so by now follows from the clock, also when nobody kept the appointment.
    """

    events: tuple[type[Event], ...]
    next_due: Callable[[WorldState, int], datetime | None]
    settle: Callable[[int], Command]
    places: Callable[[WorldState], Iterable[int]]
