"""Time as the live parts see it: an instant, and something to be done later."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Timer(Protocol):
    """Something that will be done later, unless it is cancelled."""

    def cancel(self) -> None:
        """Let it not be done."""


class Clock(Protocol):
    """Tell the time and keep appointments. Tests pass one that they move."""

    def __call__(self) -> datetime:
        """Give the present instant, aware, in UTC."""

    def call_later(self, delay: timedelta, callback: Callable[[], None]) -> Timer:
        """Call a function once, when this much time has passed."""


class SystemClock:
    """The machine's time and the running event loop's timers."""

    def __call__(self) -> datetime:
        """Give the present instant."""
        return datetime.now(UTC)

    def call_later(self, delay: timedelta, callback: Callable[[], None]) -> Timer:
        """Call a function once, when this much time has passed."""
        return asyncio.get_running_loop().call_later(delay.total_seconds(), callback)
