"""Servers side by side: each has its receivers and senders, and delivers bursts of messages by turns with the others.

Counting a marker in every byte that arrives takes CPython about 50 ns a frame, and the bare server would be three
times faster than that. So one receiver in twenty counts markers, and all others count bytes that they leave in the
kernel (MSG_TRUNC). All get the same bytes: who did not get as many as those who counted, missed something, and the row
fails. After each burst everybody reads one more message as a frame, so everybody's bytes did end with a whole frame.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import mean
from typing import Final, TypeAlias

from bench import people, wire
from bench.bare import MARKER
from bench.figure import Figure, Meter
from bench.load import Client, Load, LoadError
from bench.server import Server

RECEIVERS: Final = 1_000
SAMPLE: Final = 20
SENDERS: Final = 4
# How many messages the receivers may be behind before the senders wait: without it a server that is faster than the
# load would have to keep all in memory. At 300 bytes a frame about 75 KB for each receiver. (More leaves the cache.)
LAG: Final = 256
# Receivers may differ by a control frame or a heartbeat, never by a message.
SLACK: Final = 100
LIMIT: Final = 60.0
BODY: Final = MARKER.decode()


@dataclass
class Sender:
    """A client that keeps a window of messages in flight; how they are written is its dialect's matter.

    `write` gives the frame of the n-th message; frames that begin with `done` acknowledge one, with `fault` refuse it.
    """

    client: Client
    write: Callable[[int], bytes]
    done: bytes = b'["success"'
    fault: bytes = b'["error"'
    posted: int = 0
    acked: int = 0

    def __post_init__(self) -> None:
        self.client.on_frame = self.hear

    def hear(self, payload: bytes) -> None:
        """Count acknowledgements; everything else is a broadcast."""
        if payload.startswith(self.done):
            self.acked += 1
        elif payload.startswith(self.fault):
            raise LoadError(f"{self.client.name}: {payload[:300]!r}")

    def post(self, count: int) -> None:
        """Send `count` messages in one write."""
        client = self.client
        frames = []
        for _ in range(count):
            client.sequence += 1
            frames.append(self.write(client.sequence))
        client.send(b"".join(frames))
        self.posted += count


def chatting(channel: str, body: str = BODY) -> Callable[[int], bytes]:
    """Give how Venueless's clients write a message."""
    content = people.text(channel, body)
    return lambda sequence: wire.frame(wire.encode(["chat.send", sequence, content]))


ComeIn: TypeAlias = Callable[[Load], tuple[list[Client], list[Sender]]]
"""Brings in the receivers and the senders of one server."""


class Audience:
    """Everybody of one server, come in and warm; ends with `Load.leave`. The marker is once in each frame."""

    def __init__(self, load: Load, target: Server, come_in: ComeIn, marker: bytes = MARKER) -> None:
        self.load = load
        self.server = target
        self.marker = marker
        self.receivers, self.senders = come_in(load)
        # One after another: the first event of a sender brings its profile along, the later ones do not.
        sizes = [self.probe(sender) for sender in self.senders * 4]
        # Of the frame of one message as it is on the wire; a sender's may be some bytes longer than another's.
        self.size = round(mean(sizes[-len(self.senders) :]))

    def probe(self, sender: Sender) -> int:
        """Send one message that everybody reads as a frame; give the size of the frame."""
        sizes: list[int] = []

        def hear(payload: bytes) -> None:
            if self.marker in payload:
                sizes.append(len(payload) + (2 if len(payload) < 126 else 4))

        for client in self.receivers:
            client.on_frame = hear
        sender.post(1)
        self.load.until(lambda: len(sizes) == len(self.receivers), 20, "one message that everybody reads")
        self.load.until(lambda: sender.acked == sender.posted, 10, "its acknowledgement")
        for client in self.receivers:
            client.on_frame = None
        return sizes[-1]

    def beat(self) -> None:
        """Let everybody say that they are still there, where the server wants to hear it."""
        for client in (*self.receivers, *(sender.client for sender in self.senders)):
            if client.heartbeat:
                client.send(client.heartbeat)

    def burst(self, messages: int, window: int, meter: Meter) -> float:
        """Send many messages; give the deliveries a second until the last has arrived everywhere."""
        self.server.settle()
        total = [0]
        sample = self.receivers[::SAMPLE]
        for client in self.receivers:
            client.discard(total)
        for client in sample:
            client.count(self.marker, total)

        def arrived() -> bool:
            if any(client.counted < messages for client in sample):
                return False
            least = sample[0].received - SLACK
            return all(client.received >= least for client in self.receivers)

        share = self.size * len(self.receivers)
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
        return messages * len(self.receivers) / seconds

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


class Contestant:
    """One server's part: how people come in, what is once in each of its frames, and its series for each window."""

    def __init__(self, target: Server, come_in: ComeIn, windows: Sequence[int], marker: bytes = MARKER) -> None:
        self.server = target
        self.come_in = come_in
        self.marker = marker
        self.series = {window: Series() for window in windows}
        self.audience: Audience

    def gather(self, load: Load) -> Audience:
        """Bring everybody in."""
        self.audience = Audience(load, self.server, self.come_in, self.marker)
        return self.audience

    def measure(self, messages: int, window: int) -> None:
        """Measure one window once."""
        one = self.series[window]
        one.rates.append(self.audience.burst(messages, window, one.meter))


def beat(load: Load, contestants: Sequence[Contestant]) -> None:
    """Let everybody say that they are still there, those too who have just waited for the others."""
    for contestant in contestants:
        contestant.audience.beat()
    load.rest(0.1)  # for the answers


def ratio(name: str, ours: Series, theirs: Series, target: float | None, note: str) -> Figure:
    """Give the figure of the paired ratios of two series that were measured by turns."""
    ratios = [one / other for one, other in zip(ours.rates, theirs.rates, strict=True)]
    return Figure(name, "", ratios, target, at_most=False, note=note)
