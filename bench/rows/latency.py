"""Time from send to receipt in a lively room."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from bench import people, server, world
from bench.bare import MARKER
from bench.figure import Figure, Meter, Run
from bench.load import Client, Load, LoadError

RECEIVERS: Final = 500
INTERVAL: Final = 0.1
WARM: Final = 10
TARGET: Final = 15.0


def run(how: Run) -> list[Figure]:
    """Send ten messages a second and time every delivery; one clock, as all clients are in this process."""
    count = int((5 if how.quick else 20) / INTERVAL) + WARM
    meter = Meter()
    sent: list[float] = []
    delays: list[float] = []
    with Load() as load, server.hubbub(how.directory) as hubbub:
        channel = people.look_around(load, hubbub)[world.STAGE][1]
        clients = people.crowd(load, hubbub, [people.name(i) for i in range(RECEIVERS + 1)], people.chatter(channel))
        sender = clients.pop()
        sender.on_frame = refuse_errors(sender)
        for client in clients:
            client.on_frame = timing(client, sent, delays)
        hubbub.settle()
        begin = time.perf_counter()
        for number in range(count):
            if number == WARM:
                meter.start(hubbub)
            load.rest(begin + number * INTERVAL - time.perf_counter())
            sent.append(time.perf_counter())
            sender.post("chat.send", people.text(channel, MARKER.decode()))
        load.until(lambda: len(delays) >= count * RECEIVERS, 10, "the last deliveries")
        meter.stop()
    measured = sorted(delay * 1e3 for delay in delays[WARM * RECEIVERS :])
    note = f"{len(measured):,} deliveries"
    return [
        Figure("latency p50", "ms", [measured[len(measured) // 2]], meter=meter, note=note),
        Figure("latency p99", "ms", [measured[len(measured) * 99 // 100]], TARGET, meter=meter, note=note),
        Figure("latency max", "ms", [measured[-1]], meter=meter, note=note),
    ]


def timing(client: Client, sent: list[float], delays: list[float]) -> Callable[[bytes], None]:
    """Give what a receiver does: messages arrive in order, so its n-th is the n-th that was sent."""
    heard = 0

    def hear(payload: bytes) -> None:
        nonlocal heard
        if MARKER in payload:
            delays.append(client.arrived - sent[heard])
            heard += 1

    return hear


def refuse_errors(client: Client) -> Callable[[bytes], None]:
    """Give what a sender does: nothing, but an error ends the row."""

    def hear(payload: bytes) -> None:
        if payload.startswith(b'["error"'):
            raise LoadError(f"{client.name}: {payload[:300]!r}")

    return hear
