"""One message into a room whose chat keeps its members: every client answers with `chat.mark_read`."""

from __future__ import annotations

from typing import Final

from bench import people, server, wire, world
from bench.bare import MARKER
from bench.figure import Figure, Meter, Run
from bench.load import Client, Load, LoadError

CROWD: Final = 1_000


class Reader:
    """Answers each message with `chat.mark_read`, as the stock web client does."""

    def __init__(self, client: Client, channel: str) -> None:
        self.client = client
        self.channel = channel
        self.read = 0
        client.on_frame = self.hear

    def hear(self, payload: bytes) -> None:
        """Mark a message as read, or count that it is marked."""
        if payload.startswith(b'["success"'):
            self.read += 1
        elif payload.startswith(b'["error"'):
            raise LoadError(f"{self.client.name}: {payload[:300]!r}")
        elif MARKER in payload and payload.startswith(b'["chat.event"'):
            event = wire.decode(payload)[1]["event_id"]
            self.client.post("chat.mark_read", {"channel": self.channel, "id": event})


def run(how: Run) -> list[Figure]:
    """Time from one message until everybody's mark is acknowledged."""
    meter = Meter()
    times: list[float] = []
    with Load() as load, server.hubbub(how.directory) as hubbub:
        channel = people.look_around(load, hubbub)[world.HALL][1]
        names = [people.name(i) for i in range(CROWD + 1)]
        clients = people.crowd(load, hubbub, names, people.chatter(channel), in_flight=64)
        sender = clients.pop()
        readers = [Reader(client, channel) for client in clients]
        for number in range(1, how.repeats(5) + 1):
            load.rest(0.1)
            hubbub.settle()
            meter.start(hubbub)
            sender.post("chat.send", people.text(channel, MARKER.decode()))
            await_marks(load, readers, number)
            times.append(meter.stop() * 1e3)
    return [Figure("mark_read storm", "ms", times, meter=meter, note=f"{CROWD} subscribers answer one message")]


def await_marks(load: Load, readers: list[Reader], number: int) -> None:
    """Wait until everybody's mark of the n-th message is acknowledged."""
    load.until(lambda: all(reader.read >= number for reader in readers), 30, "everybody's mark")
