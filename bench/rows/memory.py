"""Memory that the server needs for one more idle person."""

from __future__ import annotations

from typing import Final

from bench import people, server
from bench.figure import Figure, Meter, Run
from bench.load import Client, Load, Script

TARGET: Final = 12.0
WARM: Final = 200
SETTLE: Final = 2.0


def run(how: Run) -> list[Figure]:
    """Compare the server's memory before and after people have logged in; each repeat has a fresh server.

    The kernel's memory for the sockets is not in it. Every connection is a user of its own.
    """
    count = 1_000 if how.quick else 5_000
    meter = Meter()
    pss: list[float] = []
    rss: list[float] = []
    for _ in range(how.repeats(3)):
        with Load() as load, server.hubbub(how.directory) as hubbub:
            people.crowd(load, hubbub, [f"warm-{i}" for i in range(WARM)], arrive)
            load.leave()
            hubbub.settle()
            before = hubbub.memory()
            meter.start(hubbub)
            people.crowd(load, hubbub, [people.name(i) for i in range(count)], arrive, in_flight=256)
            meter.stop()
            load.rest(SETTLE)
            hubbub.settle()
            after = hubbub.memory()
            pss.append((after.pss - before.pss) / count)
            rss.append((after.rss - before.rss) / count)
    note = f"{count:,} connections, Pss; before {before.pss / 1024:.0f}, after {after.pss / 1024:.0f} MiB"
    return [
        Figure("memory per connection", "KiB", pss, TARGET, meter=meter, note=note),
        Figure("memory per connection, Rss", "KiB", rss, note="shared pages counted whole"),
    ]


def arrive(client: Client) -> Script[None]:
    """Log in and stay."""
    yield from people.log_in(client)
