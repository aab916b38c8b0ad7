"""Bots that stay: they ping, and are answered; and those that fall silent, who are taken for gone.

`HUBBUB_BOT_MINUTES=30 pytest tests/golden/jumpin/test_jumpin_heartbeat.py -k stays` runs the first of them for real:
with the server's own intervals and clock, for so long.
"""

import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.golden.jumpin.bot import Bot, Poller, written
from tests.golden.jumpin.place import MovedClock, Place

from hubbub.live.clock import SystemClock
from hubbub.wire.socket_io.option import Options

MINUTES = float(os.environ.get("HUBBUB_BOT_MINUTES", "0"))
INTERVAL = timedelta(seconds=25) if MINUTES else timedelta(milliseconds=200)
"""How often a bot pings."""
PINGS = round(timedelta(minutes=MINUTES) / INTERVAL) if MINUTES else 5
HURRIED = Options(old_ping_interval=INTERVAL, old_ping_timeout=INTERVAL)


@pytest.fixture
def brief(tmp_path: Path) -> Iterator[Place]:
    """Give a server with the real intervals when the test is run for real, else one in a hurry."""
    clock = SystemClock() if MINUTES else MovedClock()
    running = Place(tmp_path, clock=clock, options=None if MINUTES else HURRIED)
    running.start()
    yield running
    running.stop()


@pytest.mark.timeout(MINUTES * 60 + 60)
def test_a_bot_that_pings_stays(brief: Place) -> None:
    """It says something now and then, and hears itself; nobody is told that it has gone."""
    room = brief.room("lounge").name
    bots = [Bot(brief.port, brief.guest(name).token) for name in ("marvin", "bender")]
    for bot in bots:
        bot.send("room::join", {"room": room})
        bot.settle(room)
    talker = bots[0]
    talker.drain()
    nobody = threading.Event()
    for number in range(PINGS):
        nobody.wait(INTERVAL.total_seconds() / 2)
        talker.send("room::message", {"message": f"still here {number}", "room": room})
        for bot in bots:
            said = bot.expect("room::message")
            assert (said["handle"], said["message"]) == ("marvin", f"still here {number}")
        nobody.wait(INTERVAL.total_seconds() / 2)
        for bot in bots:
            bot.send_packet("2")
            assert bot.packet() == "3"
        if number % 12 == 0:
            talker.send("room::isStillJoined", {"room": room})
            assert talker.expect("client::stillConnected") is None
    for bot in bots:
        bot.silence()
    for bot in bots:
        bot.close()


@pytest.mark.skipif(bool(MINUTES), reason="only the long test is run for real")
@pytest.mark.parametrize("kind", [Bot, Poller])
def test_a_bot_that_falls_silent_is_gone(brief: Place, kind: type[Bot] | type[Poller]) -> None:
    room = brief.room("lounge")
    watcher = Bot(brief.port, brief.guest("watcher").token)
    silent = kind(brief.port, brief.guest("silent").token)
    for one in (watcher, silent):
        one.send("room::join", {"room": room.name})
        one.settle(room.name)
    watcher.drain()
    heard: list[str] = []
    while len(heard) < 2:
        watcher.send_packet("2")
        while (packet := watcher.packet()) != "3":
            heard.append(packet)
        threading.Event().wait(INTERVAL.total_seconds() / 4)
    assert heard[0].startswith('42["room::status",{"message":"silent has left the room"')
    assert heard[1].startswith('42["room::disconnect",{"user":{"_id":"')
    if isinstance(silent, Poller):
        assert silent.ask("POST", written("2"))[0] == 400
    else:
        silent.left()
    watcher.close()
    silent.close()
