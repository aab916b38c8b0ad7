"""Fifty clients of all kinds come, talk, upgrade, fall off and come back; then nothing is left of them."""

import gc
import random
import shutil
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.clients.driver import MODULES, NODE, PATIENCE, PYTHON, TRANSPORTS, Client, Driver
from tests.golden.jumpin.bot import Bot, Left, Poller
from tests.golden.jumpin.place import Place, Somebody
from websockets.exceptions import WebSocketException

from hubbub.dialects.jumpin.session import JumpinSession
from hubbub.live.session import Audience
from hubbub.wire.connection import Connection
from hubbub.wire.engine_io.session import Session
from hubbub.wire.socket_io.client import Client as SocketClient
from hubbub.wire.socket_io.option import Options
from hubbub.wire.socket_io.socket import Socket

ROUNDS = 100
"""What is done in each half, by each of the threads."""
BOUND = 8.0  # seconds of each half, on a machine that is slow
THREADS = 5
BRIEF = timedelta(seconds=1)
OPTIONS = Options(ping_interval=BRIEF, ping_timeout=BRIEF, old_ping_interval=BRIEF, old_ping_timeout=BRIEF)
"""Who falls off without a word is gone within two seconds."""
KINDS = (JumpinSession, Session, Connection, SocketClient, Socket, Audience)
"""What the server makes for a client."""


class Player:
    """Somebody with a client by hand, that breaks off and comes back as the dice say."""

    def __init__(self, place: Place, somebody: Somebody, room: str, dice: random.Random, kind: Any) -> None:
        self.place, self.somebody, self.room, self.dice, self.kind = place, somebody, room, dice, kind
        self.bot: Bot | Poller | None = None

    def play(self) -> None:
        try:
            self._play()
        except (Left, OSError, TimeoutError, AssertionError, WebSocketException):
            # Who was silent for too long is not known any more: that is what is played here.
            self.stop()

    def _play(self) -> None:
        if self.bot is None:
            self.bot = self.kind(self.place.port, self.somebody.token)
            self.bot.send("room::join", {"room": self.room})
            return
        throw = self.dice.random()
        if throw < 0.5:
            self.bot.send("room::message", {"message": f"{throw}"})
            self.bot.drain()
        elif throw < 0.65:
            self.bot.send("room::changeColor")
        elif throw < 0.75:
            self.bot.send_packet("41")
            self.stop()
        elif throw < 0.85 and isinstance(self.bot, Bot):
            with_reset(self.bot)
            self.bot = None
        else:
            self.stop()

    def stop(self) -> None:
        bot, self.bot = self.bot, None
        if bot:
            bot.close()


def with_reset(bot: Bot) -> None:
    """Break off in the middle: no close frame, no goodbye."""
    bot._socket.socket.shutdown(socket.SHUT_RDWR)
    bot.close()


class Fan:
    """Somebody with a client from a registry, which comes back by itself."""

    def __init__(self, client: Callable[[], Client], place: Place, somebody: Somebody, room: str, way: str) -> None:
        self.make, self.place, self.somebody, self.room, self.way = client, place, somebody, room, way
        self.dice = random.Random(somebody.id)
        self.client: Client | None = None

    def play(self) -> None:
        if self.client is None:
            self.client = self.make()
            self.client.connect(self.place.url, self.somebody.token, self.way)
            self.client.on("connect")
            self.client.emit("room::join", {"room": self.room})
        elif (throw := self.dice.random()) < 0.6:
            self.client.emit("room::message", {"message": f"{throw}"})
        elif throw < 0.8:
            self.client.drop()
        else:
            self.stop()

    def stop(self) -> None:
        client, self.client = self.client, None
        if client:
            client.close()
            client.on("closed")
            client.driver.forget(client)


def played(players: list[Any], seed: int) -> int:
    """Let all play at once, and stop; give how many turns there were."""
    turns: Counter[int] = Counter()
    faults: list[BaseException] = []
    until = time.monotonic() + BOUND

    def run(number: int) -> None:
        dice = random.Random(seed + number)
        own = players[number::THREADS]
        try:
            while turns[number] < ROUNDS and time.monotonic() < until:
                dice.choice(own).play()
                turns[number] += 1
            for player in own:
                player.stop()
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults, faults
    return sum(turns.values())


def things(place: Place) -> Counter[str]:
    """Count what the server has made for clients and is still there, and all that is of our own making."""
    for _ in range(3):
        gc.collect()
    turn = place.application.turn
    every = gc.get_objects()
    found = Counter(type(one).__name__ for one in every if isinstance(one, KINDS) and turn_of(one) is turn)
    found["all"] = sum(str(type(one).__module__).startswith("hubbub.") for one in every)
    return found


def turn_of(one: Any) -> object:
    """Tell which server something belongs to: other tests have their own, with clients of theirs."""
    if isinstance(one, SocketClient):
        one = one.session
    return (one.outbox if isinstance(one, JumpinSession | Socket) else one).turn


@pytest.mark.timeout(90)
def test_nothing_is_left_of_those_who_have_gone(tmp_path: Path, drivers: Callable[[str], Driver]) -> None:
    place = Place(tmp_path, options=OPTIONS)
    place.start()
    try:
        room = place.room().name
        people = [place.guest(f"player{number}") for number in range(50)]
        dice = random.Random(1)
        libraries = (*PYTHON, *(NODE if shutil.which("node") and MODULES.is_dir() else ()))
        players: list[Any] = []
        for number, somebody in enumerate(people):
            if number < 3 * len(libraries):
                library, way = libraries[number // 3], list(TRANSPORTS)[number % 3]
                make = lambda library=library: drivers(library).client(library)  # noqa: E731
                players.append(Fan(make, place, somebody, room, way))
            else:
                players.append(Player(place, somebody, room, dice, (Bot, Bot, Poller)[number % 3]))

        def left() -> list[Session]:
            return [one for one in gc.get_objects() if isinstance(one, Session) and not one.is_closed()]

        def quieten() -> None:
            """Wait until the last silent client is taken for gone; everything is counted."""
            until = time.monotonic() + PATIENCE
            while any((counts := place.statistics()).values()):
                assert time.monotonic() < until, (counts, [one.handshake for one in left()])
                time.sleep(0.05)

        turns = played(players, 100)
        quieten()
        before = things(place)
        turns += played(players, 200)
        quieten()
        after = things(place)
        assert turns >= 200, "too slow to say anything"
        assert place.ask(lambda: place.application.hub.sessions) == {}
        assert len(place.state.users) < 60
        assert {kind.__name__: after[kind.__name__] for kind in KINDS} == {kind.__name__: 0 for kind in KINDS}
        # Some is kept on purpose: who was here within a day, and the newest of what was said.
        assert after["all"] < before["all"] + turns, (before, after)
    finally:
        place.stop()
