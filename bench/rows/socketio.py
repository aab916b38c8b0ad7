"""A chat into 1,000 Socket.IO sessions over WebSocket, at saturation, next to the bare server's and to Node's.

The receivers are jumpin's, in the room; the senders are Venueless's in the same room, as a client of jumpin may say but
six things in two seconds. Every message is checked, stored and told to both. Node's server only passes it on.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import Final

from bench import jumpin, people, server, wire, world
from bench.bare import MARKER
from bench.contest import BODY, RECEIVERS, SENDERS, ComeIn, Contestant, Sender, beat, chatting, ratio
from bench.figure import Figure, Run
from bench.load import Client, Load
from bench.rows import fanout
from bench.server import Server

# See rows/fanout.py: 16 in flight in all are judged, 64 are there to be seen.
WINDOWS: Final = (4, 16)
JUDGED: Final = 4
TARGET: Final = 0.4
NODE_TARGET: Final = 10.0
# Makes the frame some 230 bytes long, as long as a sentence is.
SAID: Final = BODY + "x" * 18
PACKAGES: Final = {jumpin.OLD: "socket.io 2", jumpin.NEW: "socket.io 4"}
# Each generation has a room of its own on the same server.
ROOMS: Final = {jumpin.OLD: world.STAGE, jumpin.NEW: world.SMALL[0]}


def names(count: int, first: int = 0) -> list[str]:
    """Name people."""
    return [people.name(i) for i in range(first, first + count)]


def visitors(hubbub: Server, version: int, channel: str) -> ComeIn:
    """Give how jumpin's people come in to listen, and Venueless's to speak."""
    tickets = jumpin.Tickets(hubbub)

    def come_in(load: Load) -> tuple[list[Client], list[Sender]]:
        script = jumpin.visitor(version, ROOMS[version])
        receivers = jumpin.crowd(load, hubbub, version, names(RECEIVERS, version * 10_000), script, tickets)
        clients = people.crowd(load, hubbub, names(SENDERS), people.chatter(channel))
        return receivers, [Sender(client, chatting(channel, SAID)) for client in clients]

    return come_in


def connected(target: Server, version: int, size: int) -> ComeIn:
    """Give how people come in to Node's server, where frames shall have `size` bytes."""
    bare = len(wire.encode({"message": ""})) + len(b'42["room::message",]') + 4 + len(MARKER)
    body = wire.encode({"message": BODY + "x" * (size - bare)})

    def write(sequence: int) -> bytes:
        return wire.frame(b'42%d["post",%b]' % (sequence, body))

    def come_in(load: Load) -> tuple[list[Client], list[Sender]]:
        def gather(count: int) -> list[Client]:
            return jumpin.crowd(load, target, version, names(count), partial(jumpin.enter, version=version))

        receivers, clients = gather(RECEIVERS), gather(SENDERS)
        return receivers, [Sender(client, write, b"43", b"44") for client in clients]

    return come_in


def ours(load: Load, hubbub: Server) -> dict[int, Contestant]:
    """Give Hubbub's part for both generations."""
    channels = {version: channel for version, (_, channel) in rooms_of(load, hubbub).items()}
    return {
        version: Contestant(hubbub, visitors(hubbub, version, channels[version]), WINDOWS)
        for version in jumpin.GENERATIONS
    }


def rooms_of(load: Load, hubbub: Server) -> dict[int, tuple[str, str]]:
    """Give each generation's room."""
    rooms = people.look_around(load, hubbub)
    return {version: rooms[ROOMS[version]] for version in jumpin.GENERATIONS}


def flight(window: int) -> str:
    """Say how much is in flight."""
    return f"{SENDERS} x {window} in flight"


def run(how: Run) -> list[Figure]:
    """Measure both generations and the bare server by turns."""
    messages = 1_000 if how.quick else 4_000
    with ExitStack() as stack:
        load = stack.enter_context(Load())
        hubbub = stack.enter_context(server.hubbub(how.directory))
        mine = ours(load, hubbub)
        bare: Contestant | None = None
        for _ in range(how.repeats(3)):
            size = max(contestant.gather(load).size for contestant in mine.values())
            if bare is None:
                target = stack.enter_context(server.limit(how.directory, size))
                bare = Contestant(target, fanout.crowd(target, people.only_open, "-"), WINDOWS)
            bare.gather(load)
            everybody = [bare, *mine.values()]
            for window in WINDOWS * how.repeats(3):
                for contestant in everybody:
                    beat(load, everybody)
                    contestant.measure(messages, window)
            load.leave()
            hubbub.settle()
    assert bare is not None
    figures: list[Figure] = []
    for window in WINDOWS:
        least = bare.series[window]
        figures.append(least.figure(f"the bare server, {flight(window)}", f"frames of {size} bytes"))
        for version, contestant in mine.items():
            our, kind = contestant.series[window], jumpin.generation(version)
            note = f"{RECEIVERS:,} jumpin sessions, the same frames"
            target_here = TARGET if window == JUDGED else None
            figures += [
                our.figure(f"Socket.IO fan-out, {kind}, {flight(window)}", f"{note}; {our.meter.others()}"),
                ratio(f"ratio to the bare server, {kind}, {flight(window)}", our, least, target_here, PAIRED),
            ]
    return figures


PAIRED: Final = "median of the repeats' ratios"


def run_node(how: Run) -> list[Figure]:
    """Measure both generations and Node's server for each by turns; Node needs fewer messages for as long."""
    messages, fewer = (1_000, 100) if how.quick else (4_000, 400)
    server.install_node()
    with ExitStack() as stack:
        load = stack.enter_context(Load())
        hubbub = stack.enter_context(server.hubbub(how.directory))
        mine = ours(load, hubbub)
        theirs: dict[int, Contestant] = {}
        sizes = {version: contestant.gather(load).size for version, contestant in mine.items()}
        for version, size in sizes.items():
            target = stack.enter_context(server.node(how.directory, version))
            node = Contestant(target, connected(target, version, size), WINDOWS)
            node.gather(load)
            theirs[version] = node
        everybody = [*mine.values(), *theirs.values()]
        for window in WINDOWS * how.repeats(5):
            for version in jumpin.GENERATIONS:
                for contestants, count in ((theirs, fewer), (mine, messages)):
                    beat(load, everybody)
                    contestants[version].measure(count, window)
    figures: list[Figure] = []
    for window in WINDOWS:
        for version in jumpin.GENERATIONS:
            our, node_s = mine[version].series[window], theirs[version].series[window]
            kind = f"{jumpin.generation(version)}, {flight(window)}"
            target_here = NODE_TARGET if window == JUDGED else None
            note = f"{RECEIVERS:,} jumpin sessions, frames of {sizes[version]} bytes"
            figures += [
                our.figure(f"Socket.IO fan-out, {kind}", f"{note}; {our.meter.others()}"),
                node_s.figure(f"Node's {PACKAGES[version]}, {kind}", "as many sessions; it stores and checks nothing"),
                ratio(f"ratio to Node's, {kind}", our, node_s, target_here, PAIRED),
            ]
    return figures
