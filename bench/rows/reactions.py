"""A whole audience reacts at the same moment."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from bench import people, server, wire, world
from bench.figure import Figure, Meter, Run
from bench.load import Client, Load, LoadError, Script

CROWD: Final = 500
TARGET: Final = 100.0
EMOJI: Final = ("\U0001f44f", "\u2764\ufe0f", "\U0001f44d", "\U0001f923", "\U0001f62e")
# The same person's same emoji counts once in two seconds: a round must not meet the one before it.
QUIET: Final = 2.6
# A second part has several waves, so that more than one push comes and the time between pushes can be seen.
WAVES: Final = 5
WAVE: Final = 0.5


@dataclass
class Spectator:
    """One person: what it was told, and how long its own reactions took to be answered."""

    client: Client
    room: str
    pushes: list[float] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    sent: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client.on_frame = self.hear

    def react(self, emoji: str) -> None:
        """Send one reaction."""
        self.sent.append(time.perf_counter())
        self.client.post("room.react", {"room": self.room, "reaction": emoji})

    def hear(self, payload: bytes) -> None:
        """Take a success or a push."""
        if payload.startswith(b'["success"'):
            self.waits.append(self.client.arrived - self.sent[len(self.waits)])
        elif payload.startswith(b'["error"'):
            raise LoadError(f"{self.client.name}: {payload[:300]!r}")
        elif payload.startswith(b'["room.reaction"'):
            self.pushes.append(self.client.arrived)
            self.counts.update(wire.decode(payload)[1]["reactions"])

    def forget(self) -> None:
        """Begin anew."""
        self.pushes.clear()
        self.counts.clear()


def run(how: Run) -> list[Figure]:
    """React all at once, then in waves; see that every reaction is counted once for everybody."""
    meter = Meter()
    slowest: list[float] = []
    once: list[float] = []
    waves: list[float] = []
    gaps: list[float] = []
    told: set[int] = set()
    sound = True
    with Load() as load, server.hubbub(how.directory) as hubbub:
        stage = people.look_around(load, hubbub)[world.STAGE][0]

        def enter(client: Client) -> Script[None]:
            yield from people.log_in(client)
            yield from client.call("room.enter", {"room": stage})

        clients = people.crowd(load, hubbub, [people.name(i) for i in range(CROWD)], enter)
        crowd = [Spectator(client, stage) for client in clients]
        for _ in range(how.repeats(3)):
            for number, pushes in ((1, once), (WAVES, waves)):
                hubbub.settle()
                sound &= react(load, crowd, number, lambda: meter.start(hubbub))
                meter.stop()
                pushes.append(median(len(one.pushes) for one in crowd))
                told.update(len(one.pushes) for one in crowd)
                gaps.extend(b - a for one in crowd for a, b in zip(one.pushes, one.pushes[1:], strict=False))
                if number == 1:
                    slowest.append(1e3 * max(one.waits[-1] for one in crowd))
                for one in crowd:
                    one.forget()
                load.rest(QUIET)
    between = f"{min(gaps):.2f} to {max(gaps):.2f} s apart" if gaps else "never two"
    counted = "counts exact" if sound else "COUNTS WRONG"
    return [
        Figure("reactions, slowest answer", "ms", slowest, TARGET, meter=meter, note=counted, sound=sound),
        Figure(
            "reactions, pushes for one burst",
            "per client",
            once,
            note=f"{CROWD} reactions at once; each client {min(told)} to {max(told)} in either part",
        ),
        Figure("reactions, pushes for waves", "per client", waves, note=f"{WAVES} waves in 2 s; {between}"),
    ]


def react(load: Load, crowd: list[Spectator], number: int, begin: Callable[[], None]) -> bool:
    """Let everybody react `number` times; tell whether everybody saw the counts that were sent."""
    expected: Counter[str] = Counter()
    begin()
    start = time.perf_counter()
    for wave in range(number):
        load.rest(start + wave * WAVE - time.perf_counter())
        for index, one in enumerate(crowd):
            emoji = EMOJI[(index + wave) % len(EMOJI)]
            expected[emoji] += 1
            one.react(emoji)
    load.until(lambda: all(len(one.waits) == len(one.sent) for one in crowd), 20, "the answers to reactions")
    try:
        load.until(lambda: all(one.counts.total() >= expected.total() for one in crowd), 5, "all counts")
    except LoadError:
        return False
    load.rest(1.5)  # nothing more may come
    return all(one.counts == expected for one in crowd)
