"""Deliveries a second of a chat into 1,000 receivers, at saturation, next to the bare server's."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from bench import people, server, world
from bench.contest import RECEIVERS, SENDERS, ComeIn, Contestant, Sender, chatting, ratio
from bench.figure import Figure, Run
from bench.load import Client, Load, Script
from bench.server import Server

# Unacknowledged messages of one sender. The more are in flight, the more are joined in one write, and the less the
# system calls weigh against the work for one message; so the ratio to the bare server depends on it. With 16 in flight
# in all, a write is some 5 KB and both servers are busy; that is judged. The others are there to be seen.
WINDOWS: Final = (4, 16, 64)
JUDGED: Final = 4
TARGET: Final = 0.5


def crowd(target: Server, script: Callable[[Client], Script[None]], channel: str) -> ComeIn:
    """Give how people come in of whom the last are the senders."""

    def come_in(load: Load) -> tuple[list[Client], list[Sender]]:
        names = [people.name(i) for i in range(RECEIVERS + SENDERS)]
        clients = people.crowd(load, target, names, script, in_flight=256)
        return clients[:RECEIVERS], [Sender(client, chatting(channel)) for client in clients[RECEIVERS:]]

    return come_in


def run(how: Run) -> list[Figure]:
    """Measure Hubbub and the bare server by turns, second by second, as the machine's own speed drifts."""
    messages = 2_000 if how.quick else 6_000
    with ExitStack() as stack:
        load = stack.enter_context(Load())
        hubbub = stack.enter_context(server.hubbub(how.directory))
        channel = people.look_around(load, hubbub)[world.STAGE][1]
        ours = Contestant(hubbub, crowd(hubbub, people.chatter(channel), channel), WINDOWS)
        bare: Contestant | None = None
        for _ in range(how.repeats(4)):
            size = ours.gather(load).size
            if bare is None:
                target = stack.enter_context(server.limit(how.directory, size))
                bare = Contestant(target, crowd(target, people.only_open, channel), WINDOWS)
            bare.gather(load)
            for window in WINDOWS * how.repeats(2):
                ours.measure(messages, window)
                bare.measure(messages, window)
            load.leave()
    assert bare is not None
    figures: list[Figure] = []
    for window in WINDOWS:
        flight = f"{SENDERS} x {window} in flight"
        our, least = ours.series[window], bare.series[window]
        target_here = TARGET if window == JUDGED else None
        figures += [
            our.figure(f"fan-out, {flight}", f"{RECEIVERS} receivers, frames of {size} bytes"),
            least.figure("the bare server", "the same receivers, frames, messages"),
            ratio(f"ratio of the two, {flight}", our, least, target_here, "median of the repeats' ratios"),
        ]
    return figures


def run_limit(how: Run) -> list[Figure]:
    """Measure the bare server alone."""
    windows = (1, 4, *WINDOWS)
    with Load() as load, server.limit(how.directory, 230) as target:
        bare = Contestant(target, crowd(target, people.only_open, "-"), windows)
        for _ in range(how.repeats(5)):
            bare.gather(load)
            for window in bare.series:
                bare.measure(2_000 if how.quick else 6_000, window)
            load.leave()
    return [
        one.figure(f"bare server, {SENDERS} x {window} in flight", "frames of 230 bytes")
        for window, one in bare.series.items()
    ]
