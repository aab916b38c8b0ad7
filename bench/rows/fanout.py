"""Deliveries a second of a chat into 1,000 receivers, at saturation, next to the bare server's.

Counting a marker in every byte that arrives takes CPython about 50 ns a frame, and the bare server would be three
times faster than that. So one receiver in twenty counts markers, and all others count bytes that they leave in the
kernel (MSG_TRUNC). All get the same bytes: who did not get as many as those who counted, missed something, and the row
fails. After each burst everybody reads one more message as a frame, so everybody's bytes did end with a whole frame.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

from bench import people, server, wire, world
from bench.bare import MARKER
from bench.figure import Figure, Meter, Run
from bench.load import Client, Load, LoadError, Script
from bench.server import Server

RECEIVERS: Final = 1_000
SAMPLE: Final = 20
SENDERS: Final = 4
# Unacknowledged messages of one sender. The more are in flight, the more are joined in one write, and the less the
# system calls weigh against the work for one message; so the ratio to the bare server depends on it. With 16 in flight
# in all, a write is some 5 KB and both servers are busy; that is judged. The others are there to be seen.
WINDOWS: Final = (4, 16, 64)
JUDGED: Final = 4
# How many messages the receivers may be behind before the senders wait: without it a server that is faster than the
# load would have to keep all in memory. At 300 bytes a frame about 75 KB for each receiver. (More leaves the cache.)
LAG: Final = 256
# Receivers may differ by a control frame (a ping), never by a message.
SLACK: Final = 100
TARGET: Final = 0.5
LIMIT: Final = 60.0
BODY: Final = MARKER.decode()


@dataclass
class Sender:
    """A client that keeps a window of messages in flight."""

    client: Client
    body: dict[str, object]
    posted: int = 0
    acked: int = 0

    def __post_init__(self) -> None:
        self.client.on_frame = self.hear

    def hear(self, payload: bytes) -> None:
        """Count acknowledgements; everything else is a broadcast."""
        if payload.startswith(b'["success"'):
            self.acked += 1
        elif payload.startswith(b'["error"'):
            raise LoadError(f"{self.client.name}: {payload[:300]!r}")

    def post(self, count: int) -> None:
        """Send `count` messages in one write."""
        client = self.client
        frames = []
        for _ in range(count):
            client.sequence += 1
            frames.append(wire.frame(wire.encode(["chat.send", client.sequence, self.body])))
        client.send(b"".join(frames))
        self.posted += count


class Audience:
    """Everybody in the room, come in and warm; ends with `Load.leave`."""

    def __init__(self, load: Load, target: Server, script: Callable[[Client], Script[None]], channel: str) -> None:
        self.load = load
        self.server = target
        names = [people.name(i) for i in range(RECEIVERS + SENDERS)]
        clients = people.crowd(load, target, names, script, in_flight=256)
        self.receivers = clients[:RECEIVERS]
        self.senders = [Sender(client, people.text(channel, BODY)) for client in clients[RECEIVERS:]]
        self.size = 0  # of the frame of one message, as it is on the wire
        # One after another: the first event of a sender brings its profile along, the later ones do not.
        for sender in self.senders * 4:
            self.probe(sender)

    def probe(self, sender: Sender) -> None:
        """Send one message that everybody reads as a frame."""
        sizes: list[int] = []

        def hear(payload: bytes) -> None:
            if MARKER in payload:
                sizes.append(len(payload) + (2 if len(payload) < 126 else 4))

        for client in self.receivers:
            client.on_frame = hear
        sender.post(1)
        self.load.until(lambda: len(sizes) == RECEIVERS, 20, "one message that everybody reads")
        self.load.until(lambda: sender.acked == sender.posted, 10, "its acknowledgement")
        for client in self.receivers:
            client.on_frame = None
        self.size = sizes[-1]

    def burst(self, messages: int, window: int, meter: Meter) -> float:
        """Send many messages; give the deliveries a second until the last has arrived everywhere."""
        self.server.settle()
        total = [0]
        sample = self.receivers[::SAMPLE]
        for client in self.receivers:
            client.discard(total)
        for client in sample:
            client.count(MARKER, total)

        def arrived() -> bool:
            if any(client.counted < messages for client in sample):
                return False
            least = sample[0].received - SLACK
            return all(client.received >= least for client in self.receivers)

        share = self.size * RECEIVERS
        nearly = messages * share * 0.97  # from there on `arrived` is asked, which is too dear to be asked always
        left = messages
        limit = time.perf_counter() + LIMIT
        meter.start(self.server)
        while total[0] < nearly or not arrived():
            if left:
                ahead = total[0] // share + LAG - (messages - left)
                for sender in self.senders:
                    count = min(window - sender.posted + sender.acked, left, ahead)
                    if count > 0:
                        sender.post(count)
                        left -= count
                        ahead -= count
            self.load.turn(0.1)
            if time.perf_counter() > limit:
                raise LoadError(f"after {LIMIT:g} s {total[0]} of {messages * share} bytes have come")
        seconds = meter.stop()
        self.verify(sample, messages)
        return messages * RECEIVERS / seconds

    def verify(self, sample: list[Client], messages: int) -> None:
        """See that everybody got everything once, and that all still read frames."""
        self.load.until(lambda: all(one.acked == one.posted for one in self.senders), 10, "the last acknowledgements")
        self.load.rest(0.1)  # what is too much would come now
        wrong = [client.name for client in sample if client.counted != messages]
        wrong += [client.name for client in self.receivers if abs(client.received - sample[0].received) > SLACK]
        if wrong:
            raise LoadError(f"{len(wrong)} receivers did not get each message once, {wrong[0]} among them")
        for client in self.receivers:
            client.attend()
        self.probe(self.senders[0])


@dataclass
class Series:
    """What one server gave with one window."""

    rates: list[float] = field(default_factory=list)
    meter: Meter = field(default_factory=Meter)

    def figure(self, name: str, note: str) -> Figure:
        """Give its figure."""
        return Figure(name, "M deliveries/s", [rate / 1e6 for rate in self.rates], meter=self.meter, note=note)


@dataclass
class Contest:
    """One server's part: how people come in, where they talk, and its series for each window."""

    server: Server
    script: Callable[[Client], Script[None]]
    channel: str
    series: dict[int, Series] = field(default_factory=lambda: {window: Series() for window in WINDOWS})

    def come_in(self, load: Load) -> Audience:
        """Bring everybody in."""
        return Audience(load, self.server, self.script, self.channel)

    def measure(self, audience: Audience, messages: int, window: int) -> None:
        """Measure one window once."""
        one = self.series[window]
        one.rates.append(audience.burst(messages, window, one.meter))


def run(how: Run) -> list[Figure]:
    """Measure Hubbub and the bare server by turns, second by second, as the machine's own speed drifts."""
    messages = 2_000 if how.quick else 6_000
    with ExitStack() as stack:
        load = stack.enter_context(Load())
        hubbub = stack.enter_context(server.hubbub(how.directory))
        channel = people.look_around(load, hubbub)[world.STAGE][1]
        ours = Contest(hubbub, people.chatter(channel), channel)
        bare: Contest | None = None
        for _ in range(how.repeats(4)):
            we = ours.come_in(load)
            if bare is None:
                target = stack.enter_context(server.limit(how.directory, we.size))
                bare = Contest(target, people.only_open, channel)
            they = bare.come_in(load)
            for window in WINDOWS * how.repeats(2):
                ours.measure(we, messages, window)
                bare.measure(they, messages, window)
            load.leave()
    assert bare is not None
    note = f"{RECEIVERS} receivers, frames of {we.size} bytes"
    figures: list[Figure] = []
    for window in WINDOWS:
        flight = f"{SENDERS} x {window} in flight"
        our, least = ours.series[window], bare.series[window]
        ratios = [rate / limit for rate, limit in zip(our.rates, least.rates, strict=True)]
        figures += [
            our.figure(f"fan-out, {flight}", note),
            least.figure("the bare server", "the same receivers, frames, messages"),
            Figure(
                f"ratio of the two, {flight}",
                "",
                ratios,
                TARGET if window == JUDGED else None,
                at_most=False,
                note="median of the repeats' ratios",
            ),
        ]
    return figures


def run_limit(how: Run) -> list[Figure]:
    """Measure the bare server alone."""
    with Load() as load, server.limit(how.directory, 230) as target:
        bare = Contest(target, people.only_open, "-", {window: Series() for window in (1, 4, *WINDOWS)})
        for _ in range(how.repeats(5)):
            audience = bare.come_in(load)
            for window in bare.series:
                bare.measure(audience, 2_000 if how.quick else 6_000, window)
            load.leave()
    return [
        one.figure(f"bare server, {SENDERS} x {window} in flight", "frames of 230 bytes")
        for window, one in bare.series.items()
    ]
