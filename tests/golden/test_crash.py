"""What survives when the server is killed in the middle of its work."""

import signal
import threading
from pathlib import Path

from tests.golden.server import Server
from tests.golden.venueless.world import Client
from websockets.exceptions import ConnectionClosed

SENDERS = 8
ENOUGH = 1000  # acknowledged messages after which the server is killed, while more are on their way
WINDOW = 16


class Sender(threading.Thread):
    """Posts without end, several messages at a time, and notes which were acknowledged with which number."""

    def __init__(self, client: Client, channel: str, name: str, acknowledged: dict[int, str]) -> None:
        super().__init__()
        self.client = client
        self.channel = channel
        self.prefix = name
        self.acknowledged = acknowledged

    def run(self) -> None:
        try:
            for count in range(10 * ENOUGH):
                content = {"type": "text", "body": f"{self.prefix} {count}"}
                body = {"channel": self.channel, "event_type": "channel.message", "content": content}
                self.client.send(["chat.send", count, body])
                if count >= WINDOW:
                    self.take_answer()
        except (ConnectionClosed, TimeoutError):
            pass  # the server was killed

    def take_answer(self) -> None:
        while (message := self.client.receive())[0] != "success":
            pass
        event = message[2]["event"]
        self.acknowledged[event["event_id"]] = event["content"]["body"]


def lobby(server: Server, who: str) -> tuple[Client, str]:
    """Log a guest in, named, and give the channel of the lobby too."""
    client = Client(f"{server.ws_url}/ws/world/main/")
    client.send(["authenticate", {"client_id": who}])
    (room,) = client.receive()[1]["world.config"]["rooms"]
    client.ok("user.update", {"profile": {"display_name": who}})
    channel = room["modules"][0]["channel_id"]
    client.ok("chat.join", {"channel": channel})
    return client, channel


def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.start()
    acknowledged: dict[int, str] = {}
    senders = []
    for number in range(SENDERS):
        client, channel = lobby(server, f"sender{number}")
        client.drain()
        # Senders do not listen, so that they read their answers only.
        sender = Sender(client, channel, f"sender{number}", acknowledged)
        senders.append(sender)
    for sender in senders:
        sender.start()
    while len(acknowledged) < ENOUGH:
        senders[0].join(0.01)
    server.kill(signal.SIGKILL)
    for sender in senders:
        sender.join()

    server.start()
    client, channel = lobby(server, "reader")
    found: dict[int, str] = {}
    before = 2**53
    while page := client.ok("chat.fetch", {"channel": channel, "count": 1000, "before_id": before})["results"]:
        found |= {event["event_id"]: event["content"]["body"] for event in page}
        before = page[0]["event_id"]
    assert acknowledged.items() <= found.items()
    assert sorted(found) == list(range(1, len(found) + 1)), "there is a gap, or a number twice"
    for sender in senders:
        counts = [int(body.split()[1]) for number, body in sorted(found.items()) if body.split()[0] == sender.prefix]
        assert counts == list(range(len(counts))), "a message is there without one that was sent before it"
    assert len(found) <= SENDERS * 10 * ENOUGH
    assert "ok" in server.run("doctor").lower()
    client.close()
    assert server.stop() == 0
