"""What the server is expected to say, with stand-ins for what it chooses."""

import re
from typing import Any

from tests.golden.jumpin.bot import INSTANT, UUID4

Json = Any

FLOOD = "Flood limit reached. Please enhance your calm."


class Like:
    """Equals every text of a form: what is written down once can be compared often."""

    def __init__(self, form: re.Pattern[str]) -> None:
        self._form = form

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and bool(self._form.fullmatch(other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{self._form.pattern}>"


def stamped(message: str, **more: Json) -> Json:
    return {"message": message, "timestamp": Like(INSTANT), "id": Like(UUID4), **more}


def status(message: str, **more: Json) -> list[Json]:
    """Write a line of the room."""
    return ["room::status", stamped(message, **more)]


def statuses(*messages: str) -> list[list[Json]]:
    return [status(message) for message in messages]


def error(context: str, message: str, code: str, **more: Json) -> list[Json]:
    """Write an error; every one has a code, an instant and an id, as bots know them."""
    return ["client::error", stamped(message, context=context, error=code, **more)]


def joined(seen: Json) -> list[list[Json]]:
    """Write what a room hears of somebody who comes."""
    return [
        ["room::updateUserList", {"user": seen}],
        status(f"guest {seen['handle']} has joined the room", notification_type="room"),
    ]


def gone(seen: Json) -> list[list[Json]]:
    """Write what a room hears of somebody who goes."""
    return [status(f"{seen['handle']} has left the room"), ["room::disconnect", {"user": seen}]]


NO_SESSION = ("chat", "no session, try refreshing", "ENOSESSION")
HELP = 'You can find help for available chat commands by typing "/help"'
MOD_HELP = 'You can also list moderator commands by typing "/modhelp"'
ALONE = (" ", "There's nobody here right now, you can invite people by sharing the link above", " ")
