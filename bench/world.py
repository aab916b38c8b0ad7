"""The world that every row runs in: a Venueless world configuration, made the same way each time."""

from __future__ import annotations

import uuid
from typing import Any, Final

WORLD: Final = "bench"
PATH: Final = f"/ws/world/{WORLD}/"
# By which a request without the world's name in its path says what world it means: its Host.
DOMAIN: Final = "bench.invalid"
# One large stage, one room whose chat keeps its members, and small rooms for many conversations at once.
STAGE: Final = "Stage"
HALL: Final = "Hall"
SMALL: Final = tuple(f"Table {number}" for number in range(1, 17))


def room(name: str, *, volatile: bool) -> dict[str, Any]:
    """Give the configuration of one room with a chat."""
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.bench.invalid")),
        "name": name,
        "description": f"{name} of the benchmark",
        "trait_grants": {"viewer": [], "participant": []},
        "modules": [{"type": "chat.native", "config": {"volatile": volatile}}],
    }


def configuration() -> dict[str, Any]:
    """Give the whole world; whoever comes may look, talk and react, as attendees may."""
    attendee = ["world:view", "world:chat.direct"]
    viewer = ["room:view", "room:chat.read", "room:question.read", "room:poll.read"]
    participant = ["room:chat.join", "room:chat.send", "room:question.ask", "room:question.vote", "room:poll.vote"]
    return {
        "world": {
            "id": WORLD,
            "title": "Benchmark",
            "domain": DOMAIN,
            "connection_limit": 0,
            "JWT_secrets": [{"secret": "bench-only-" * 4, "issuer": "bench", "audience": "bench"}],
        },
        "roles": {"attendee": attendee, "viewer": viewer, "participant": participant},
        "trait_grants": {"attendee": []},
        "rooms": [
            room(STAGE, volatile=True),
            room(HALL, volatile=False),
            *(room(name, volatile=True) for name in SMALL),
        ],
    }
