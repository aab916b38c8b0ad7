"""Memory that the server needs for one more idle Socket.IO session over WebSocket."""

from __future__ import annotations

from functools import partial
from typing import Final

from bench import jumpin, server, world
from bench.figure import Figure, Meter, Run
from bench.load import Client, Load, Script
from bench.rows.memory import SETTLE, WARM
from bench.rows.socketio import names

TARGET: Final = 16.0


def run(how: Run) -> list[Figure]:
    """Compare the server's memory before and after sessions are there; each repeat has a fresh server.

    First they are only open, and then each joins one of the small rooms as a guest of its own: all that jumpin keeps of
    them counts. The kernel's memory for the sockets is not in it.
    """
    count = 1_000 if how.quick else 4_000
    figures: list[Figure] = []
    for version in jumpin.GENERATIONS:
        meter = Meter()
        opened: list[float] = []
        joined: list[float] = []
        for _ in range(how.repeats(3)):
            before, between, after = measure(how, version, count, meter)
            opened.append((between - before) / count)
            joined.append((after - before) / count)
        note = f"{count:,} sessions, Pss; before {before / 1024:.0f}, after {after / 1024:.0f} MiB"
        kind = f"memory per Socket.IO session, {jumpin.generation(version)}"
        figures += [
            Figure(f"{kind}, open", "KiB", opened, note="in no room yet"),
            Figure(f"{kind}, in a room", "KiB", joined, TARGET, meter=meter, note=note),
        ]
    return figures


def measure(how: Run, version: int, count: int, meter: Meter) -> tuple[int, int, int]:
    """Give the memory in KiB without sessions, with open ones, and with the same in rooms."""
    with Load() as load, server.hubbub(how.directory) as hubbub:
        tickets = jumpin.Tickets(hubbub)

        def enter(client: Client) -> Script[None]:
            yield from jumpin.enter(client, version)

        for client in jumpin.crowd(load, hubbub, version, names(WARM, 90_000), enter, tickets):
            start_joining(client, world.SMALL[0])
        load.gather((), 30, "the first to join")
        load.leave()
        hubbub.settle()
        before = hubbub.memory().pss
        meter.start(hubbub)
        clients = jumpin.crowd(load, hubbub, version, names(count), enter, tickets, in_flight=256)
        load.rest(SETTLE)
        hubbub.settle()
        between = hubbub.memory().pss
        rooms = world.SMALL[1:]
        joins = (partial(start_joining, client, rooms[i % len(rooms)]) for i, client in enumerate(clients))
        load.gather(joins, 60, "everybody to join", 64)
        meter.stop()
        load.rest(SETTLE)
        hubbub.settle()
        return before, between, hubbub.memory().pss


def start_joining(client: Client, room: str) -> None:
    """Begin to join a room."""
    client.run(jumpin.join(client, room))
