"""What browsers of this dialect's clients are pushed while they are not connected."""

from re import Match
from typing import Any

from hubbub.core.chat import MENTION
from hubbub.core.event import UserNotified
from hubbub.core.state import WorldState
from hubbub.dialects.venueless.id import Kind, parse, render

MAX_BODY = 200
"""Characters of a message that are pushed: more than a notification shows, and far less than a push can hold."""


def write_notification(state: WorldState, event: UserNotified) -> dict[str, Any]:
    """Write what a notification shows: who said what, and where it leads."""
    message = event.message
    sender = state.users.get(message.sender or 0)

    def name(mention: Match[str]) -> str:
        user = state.users.get(parse(mention[1], Kind.USER) or 0)
        return f"@{user.display_name}" if user and user.display_name else mention[0]

    body = MENTION.sub(name, message.body)
    return {
        "type": "chat.notification",
        "channel": render(event.room, Kind.CHANNEL),
        "event_id": message.number,
        "sender": sender.display_name if sender else "",
        "body": body if len(body) <= MAX_BODY else body[: MAX_BODY - 1] + "…",
    }
