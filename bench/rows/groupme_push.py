"""A group's talk into 1,000 of its members' push clients, at saturation, next to the bare server's.

The receivers are GroupMe's, each told on a channel of their own, so that no two get the same bytes; the senders are
Venueless's in the same room, as they cost the least to be heard. Every message is checked, stored and told to both.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Final

from bench import groupme, people, server, world
from bench.contest import RECEIVERS, SENDERS, ComeIn, Contestant, Sender, beat, chatting, ratio
from bench.figure import Figure, Meter, Run
from bench.load import Client, Load
from bench.rows import fanout
from bench.rows.memory import SETTLE, WARM
from bench.rows.socketio import PAIRED, SAID, flight, names
from bench.server import Server

# See rows/fanout.py.
WINDOWS: Final = (4, 16)
JUDGED: Final = 4
TARGET: Final = 0.4
MEMORY_TARGET: Final = 12.0


def listeners(hubbub: Server, members: list[groupme.Member], channel: str) -> ComeIn:
    """Give how members come in to listen, and Venueless's people to speak."""

    def come_in(load: Load) -> tuple[list[Client], list[Sender]]:
        # First those of whom the room says that they have come.
        clients = people.crowd(load, hubbub, names(SENDERS), people.chatter(channel))
        return groupme.crowd(load, hubbub, members), [Sender(client, chatting(channel, SAID)) for client in clients]

    return come_in


def run(how: Run) -> list[Figure]:
    """Measure Hubbub and the bare server by turns."""
    messages = 500 if how.quick else 2_000
    with ExitStack() as stack:
        load = stack.enter_context(Load())
        hubbub = stack.enter_context(server.hubbub(how.directory))
        channel = people.look_around(load, hubbub)[world.HALL][1]
        members = groupme.enroll(hubbub, RECEIVERS, world.HALL)
        ours = Contestant(hubbub, listeners(hubbub, members, channel), WINDOWS, groupme.MARKER)
        bare: Contestant | None = None
        for _ in range(how.repeats(3)):
            size = ours.gather(load).size
            if bare is None:
                target = stack.enter_context(server.limit(how.directory, size))
                bare = Contestant(target, fanout.crowd(target, people.only_open, "-"), WINDOWS)
            bare.gather(load)
            for window in WINDOWS * how.repeats(3):
                for contestant in (bare, ours):
                    beat(load, (bare, ours))
                    contestant.measure(messages, window)
            load.leave()
            hubbub.settle()
    assert bare is not None
    figures: list[Figure] = []
    for window in WINDOWS:
        our, least = ours.series[window], bare.series[window]
        target_here = TARGET if window == JUDGED else None
        figures += [
            least.figure(f"the bare server, {flight(window)}", f"frames of {size} bytes"),
            our.figure(
                f"GroupMe push, {flight(window)}",
                f"{RECEIVERS:,} members, each a frame of their own as large; {our.meter.others()}",
            ),
            ratio(f"ratio to the bare server, GroupMe push, {flight(window)}", our, least, target_here, PAIRED),
        ]
    return figures


def run_memory(how: Run) -> list[Figure]:
    """Compare the server's memory before and after members' clients are there; each repeat has a fresh server.

    All belong to one group, and the server knows them before. The kernel's memory for the sockets is not in it.
    """
    count = 1_000 if how.quick else 4_000
    meter = Meter()
    pss: list[float] = []
    for _ in range(how.repeats(3)):
        with Load() as load, server.hubbub(how.directory) as hubbub:
            members = groupme.enroll(hubbub, count, world.HALL)
            groupme.crowd(load, hubbub, members[:WARM])
            load.leave()
            hubbub.settle()
            before = hubbub.memory().pss
            meter.start(hubbub)
            groupme.crowd(load, hubbub, members)
            meter.stop()
            load.rest(SETTLE)
            hubbub.settle()
            after = hubbub.memory().pss
            pss.append((after - before) / count)
    note = f"{count:,} clients over WebSocket, Pss; before {before / 1024:.0f}, after {after / 1024:.0f} MiB"
    return [Figure("memory per GroupMe push client", "KiB", pss, MEMORY_TARGET, meter=meter, note=note)]
