"""1,000 clients that poll, and one message a second to all of them: from send to receipt.

A message costs the server 1,000 answers and 1,000 new requests, all at once. Heartbeats are among them, where they are
due. The load reads the answers one after another, on another core; when it has read one is when that one has arrived.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from bench import jumpin, people, polling, server, world
from bench.bare import MARKER
from bench.contest import Sender, chatting
from bench.figure import Figure, Meter, Run
from bench.load import Load, LoadError
from bench.polling import Poller
from bench.rows.socketio import SAID, names
from bench.server import Server

CROWD: Final = 1_000
INTERVAL: Final = 1.0
# So long that all heartbeats, which are due 20 to 26 s after the arrival, are within what is measured in full.
WARM: Final = 6
TARGET: Final = 100.0


def run(how: Run) -> list[Figure]:
    """Measure each generation on a server of its own."""
    figures: list[Figure] = []
    count = (5 if how.quick else 20) + WARM
    for version in jumpin.GENERATIONS:
        with Load() as load, server.hubbub(how.directory) as hubbub:
            figures += measure(load, hubbub, version, count)
            load.leave()
    return figures


def measure(load: Load, hubbub: Server, version: int, count: int) -> list[Figure]:
    """Send one message a second and time every delivery; one clock, as all clients are in this process."""
    meter = Meter()
    sent: list[float] = []
    delays: list[list[float]] = []
    channel = people.look_around(load, hubbub)[world.STAGE][1]
    people_there = names(CROWD, version * 10_000)
    pollers = polling.crowd(load, hubbub, version, people_there, jumpin.ROOM, jumpin.Tickets(hubbub))
    (sender,) = (
        Sender(client, chatting(channel, SAID))
        for client in people.crowd(load, hubbub, ["bench-sender"], people.chatter(channel))
    )
    for poller in pollers:
        heard: list[float] = []
        delays.append(heard)
        poller.on_body = timing(poller, sent, heard)
    load.rest(1.0)  # for what has gathered while the others came
    begin = time.perf_counter()
    for number in range(count):
        if number == WARM:
            meter.start(hubbub)
        load.rest(begin + number * INTERVAL - time.perf_counter())
        sent.append(time.perf_counter())
        sender.post(1)
    load.until(lambda: all(len(heard) >= count for heard in delays), 10, "the last deliveries")
    meter.stop()
    load.rest(0.5)
    if any(len(heard) != count for heard in delays):
        raise LoadError("a message came more than once")
    measured = sorted(delay * 1e3 for heard in delays for delay in heard[WARM:])
    kind = f"long polling, {jumpin.generation(version)}"
    beats = sum(poller.beats for poller in pollers)
    note = f"{len(measured):,} deliveries to {CROWD:,} clients, {beats:,} heartbeats among them; {meter.others()}"
    return [
        Figure(f"{kind}, p50", "ms", [measured[len(measured) // 2]], meter=meter),
        Figure(f"{kind}, p99", "ms", [measured[len(measured) * 99 // 100]], TARGET, meter=meter, note=note),
        Figure(f"{kind}, max", "ms", [measured[-1]], meter=meter),
    ]


def timing(poller: Poller, sent: list[float], heard: list[float]) -> Callable[[bytes], None]:
    """Give what a receiver does: messages arrive in order, so its n-th is the n-th that was sent."""

    def hear(body: bytes) -> None:
        for _ in range(body.count(MARKER)):
            heard.append(poller.arrived - sent[len(heard)])

    return hear
