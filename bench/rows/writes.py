"""Messages that are on disk, a second, when many wait at the same moment."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from bench import people, server, wire, world
from bench.figure import Figure, Meter, Run
from bench.load import Client, Load, LoadError, Script
from bench.server import Server

SENDERS: Final = 256
TARGET: Final = 5_000.0


@dataclass
class Writer:
    """A client that sends its next message when the one before is acknowledged."""

    client: Client
    channel: str
    acked: int = 0
    going: bool = True
    last: int = 0

    def __post_init__(self) -> None:
        self.client.on_frame = self.hear

    def hear(self, payload: bytes) -> None:
        """Count a success and go on; remember the event of the last one."""
        if payload.startswith(b'["success"'):
            self.acked += 1
            if self.going:
                self.post()
            else:
                self.last = wire.decode(payload)[2]["event"]["event_id"]
        elif payload.startswith(b'["error"'):
            raise LoadError(f"{self.client.name}: {payload[:300]!r}")

    def post(self) -> None:
        """Send the next message."""
        self.client.post("chat.send", people.text(self.channel, f"{self.client.name} says {self.acked}"))


def run(how: Run) -> list[Figure]:
    """Let everybody write as fast as acknowledgements come, over rooms so small that the fan-out does not count."""
    meter = Meter()
    rates = []
    for _ in range(how.repeats(3)):
        with Load() as load, server.hubbub(how.directory) as hubbub:
            rates.append(write(load, hubbub, 2.0 if how.quick else 5.0, meter))
    rooms = len(world.SMALL)
    note = f"{rooms} rooms with {SENDERS // rooms} each; the last message of each was fetched afterwards"
    return [Figure("durable messages", "per s", rates, TARGET, at_most=False, meter=meter, note=note)]


def write(load: Load, hubbub: Server, duration: float, meter: Meter) -> float:
    """Write for a while, see that the last messages are there, and give acknowledged messages a second."""
    rooms = people.look_around(load, hubbub)
    channels = [rooms[name][1] for name in world.SMALL]
    places = {people.name(i): channels[i % len(channels)] for i in range(SENDERS)}

    def join(client: Client) -> Script[None]:
        return people.chatter(places[client.name])(client)

    clients = people.crowd(load, hubbub, list(places), join)
    writers = [Writer(client, places[client.name]) for client in clients]
    for writer in writers:
        writer.post()
    load.rest(0.5)  # warm
    before = sum(writer.acked for writer in writers)
    meter.start(hubbub)
    end = time.perf_counter() + duration
    while (left := end - time.perf_counter()) > 0:
        load.turn(left)
    rate = (sum(writer.acked for writer in writers) - before) / meter.stop()
    for writer in writers:
        writer.going = False
    load.until(lambda: all(writer.last for writer in writers), 20, "the last acknowledgements")
    verify(load, writers)
    return rate


def verify(load: Load, writers: list[Writer]) -> None:
    """Fetch the newest messages of every room; the last of each writer must be among them."""
    found: dict[str, dict[int, str]] = defaultdict(dict)

    def fetch(writer: Writer) -> Script[None]:
        newest = max(one.last for one in writers) + 1
        result = yield from writer.client.call(
            "chat.fetch", {"channel": writer.channel, "count": 1_000, "before_id": newest}
        )
        for event in result["results"]:
            found[writer.channel][event["event_id"]] = event["content"].get("body", "")

    for writer in {writer.channel: writer for writer in writers}.values():
        writer.client.run(fetch(writer))
    load.gather((), 20, "the messages of every room")
    for writer in writers:
        expected = f"{writer.client.name} says {writer.acked - 1}"
        if found[writer.channel].get(writer.last) != expected:
            raise LoadError(f"event {writer.last}, acknowledged to {writer.client.name}, cannot be fetched")
