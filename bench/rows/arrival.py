"""How long a crowd takes to come in: connect, authenticate, enter."""

from __future__ import annotations

from typing import Final

from bench import people, server, world
from bench.figure import Figure, Meter, Run
from bench.load import Client, Load, Script

CROWD: Final = 500
TARGET: Final = 1.0


def run(how: Run) -> list[Figure]:
    """Let new people come in, all at once, and then the same people again."""
    first, again = Meter(), Meter()
    news: list[float] = []
    olds: list[float] = []
    with Load() as load, server.hubbub(how.directory) as hubbub:
        stage = people.look_around(load, hubbub)[world.STAGE][0]

        def enter(client: Client) -> Script[None]:
            yield from people.log_in(client)
            yield from client.call("room.enter", {"room": stage})

        for repeat in range(how.repeats(5)):
            names = [people.name(repeat * CROWD + i) for i in range(CROWD)]
            for meter, seconds in ((first, news), (again, olds)):
                hubbub.settle()
                meter.start(hubbub)
                people.crowd(load, hubbub, names, enter, in_flight=CROWD)
                seconds.append(meter.stop())
                load.leave()
    note = f"{CROWD} at once, each waits for its answers"
    return [
        Figure("arrival, new people", "s", news, TARGET, meter=first, note=note),
        Figure("arrival, known people", "s", olds, meter=again, note="the same people come back"),
    ]
