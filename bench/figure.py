"""What a row gives: figures, each with its target and how it was measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.server import Server, machine_processor


class Meter:
    """Shares of a core that the load and the server use, between `start` and `stop`; several stretches add up."""

    def __init__(self) -> None:
        self.load = 0.0
        self.machine = 0.0
        self.server = 0.0
        self.wall = 0.0

    def start(self, server: Server) -> None:
        """Begin a stretch."""
        self._server = server
        self._server_before = server.processor()
        self._machine_before = machine_processor()
        self._load_before = time.process_time()
        self._wall_before = time.perf_counter()

    def stop(self) -> float:
        """End the stretch; give its seconds."""
        now = time.perf_counter()
        self.load += time.process_time() - self._load_before
        self.server += self._server.processor() - self._server_before
        self.machine += machine_processor() - self._machine_before
        self.wall += now - self._wall_before
        return now - self._wall_before

    def shares(self) -> tuple[float, float]:
        """Give the load's and the server's share of one core, 1.0 being all of it."""
        return self.load / self.wall, self.server / self.wall

    def others(self) -> str:
        """Say what else the machine did: all other processes' share of one core, the kernel's included."""
        return f"others used {max(0.0, self.machine - self.load - self.server) / self.wall:.0%} of a core"


@dataclass(frozen=True)
class Figure:
    """One measured thing; the value that counts is the median of the repeats."""

    name: str
    unit: str
    values: Sequence[float]
    target: float | None = None
    at_most: bool = True
    meter: Meter | None = None
    note: str = ""
    # False when what was measured is wrong (a count does not add up): then the figure fails, however good it is.
    sound: bool = True

    @property
    def value(self) -> float:
        """Give the median."""
        return median(self.values)

    @property
    def ratio(self) -> float | None:
        """Give value / target."""
        return None if self.target is None else self.value / self.target

    @property
    def passed(self) -> bool | None:
        """Tell whether the target is met; None when there is nothing to meet."""
        if not self.sound:
            return False
        if self.target is None:
            return None
        return self.value <= self.target if self.at_most else self.value >= self.target


@dataclass(frozen=True)
class Run:
    """How to run: shortly or in full, and where the databases go."""

    quick: bool
    directory: Path

    def repeats(self, full: int) -> int:
        """Give the number of repeats."""
        return 1 if self.quick else full


@dataclass(frozen=True)
class Row:
    """One row of the benchmark."""

    name: str
    title: str
    run: Callable[[Run], list[Figure]]
