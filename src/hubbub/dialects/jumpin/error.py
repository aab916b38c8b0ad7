"""What the core refuses, as this dialect says it: client::error with a context that says where clients show it.

Only these keys may be in one: context, error, message, timestamp, id, modal (bots build objects from it), and `body` in
refusals to join, after which the client is gone anyway.
"""

from collections.abc import Mapping
from datetime import timedelta

from hubbub.core.error import Code, HubbubError
from hubbub.dialects.jumpin.body import Json

CHAT, BANNER, ALERT, MODAL, DIALOG = "chat", "banner", "alert", "modal", "dialog"
"""A line in the chat, a notification (two kinds), a dialogue that is open, the refusal to let in."""

NO_SESSION = ("ENOSESSION", "no session, try refreshing")

REFUSALS: Mapping[Code, str] = {
    Code.ROOM_CLOSED: "ERR_ROOM_CLOSED",
    Code.ACCOUNT_REQUIRED: "ERR_ACCOUNT_REQUIRED",
    Code.VERIFICATION_REQUIRED: "ERR_VERIFIED_EMAIL_REQUIRED",
    Code.ACCOUNT_TOO_YOUNG: "ERR_MIN_ACCOUNT_AGE",
    Code.KICKED: "ERR_KICKED",
    Code.ROOM_LOCKED: "ERR_PASSWORD_REQUIRED",
    Code.AGE_UNCONFIRMED: "ERR_AGE_WARNING",
    Code.BANNED: "ERR_USER_BANNED",
    Code.LOGIN_DENIED: "ERR_USER_BANNED",
}
"""Why somebody may not join a room."""

CODES: Mapping[Code, str] = {
    Code.WORLD_DENIED: "PermissionError",
    Code.ROOM_DENIED: "PermissionError",
    Code.CHAT_DENIED: "PermissionError",
    Code.RANK_DENIED: "PermissionError",
    Code.VISIT_MISSING: NO_SESSION[0],
    Code.UNAUTHENTICATED: NO_SESSION[0],
    Code.VISIT_UNKNOWN: "ERR_NO_USER",
    Code.USER_UNKNOWN: "ERR_NO_USER",
    Code.ROOM_UNKNOWN: "ERR_NO_ROOM",
    Code.MESSAGE_EMPTY: "ERR_NO_MESSAGE",
    Code.COLOR_UNKNOWN: "ERR_COLOR_INVALID",
    Code.HANDLE_EMPTY: "ERR_NO_HANDLE",
    Code.HANDLE_TOO_LONG: "ERR_HANDLE_LENGTH",
    Code.HANDLE_CHARACTERS: "ERR_HANDLE_VALIDATION",
    Code.HANDLE_TAKEN: "ERR_HANDLE_EXISTS",
    Code.DURATION_INVALID: "ERR_INVALID_VALUE",
    Code.NOT_BROADCASTING: "ERR_USER_NOT_BROADCASTING",
    Code.MEDIA_UNKNOWN: "ERR_NOT_FOUND",
    Code.TOO_MANY: "FloodError",
    Code.UNAVAILABLE: "ERR_SRV",
}
"""The `error` of a client::error; ERR_INVALID_PARAMS for the rest."""

MESSAGES: Mapping[Code, str] = {
    Code.HANDLE_TOO_LONG: "Nickname is too long",
    Code.HANDLE_EMPTY: "Can't have an empty nickname",
    Code.HANDLE_CHARACTERS: "Nickname has invalid characters. It can contain: letters, numbers, - _ \\| [  ]",
    Code.COLOR_UNKNOWN: "invalid color",
    Code.MESSAGE_EMPTY: "Can not send empty message",
    Code.VISIT_MISSING: NO_SESSION[1],
}
"""What clients were told in these words, where ours are others."""


class RefusedError(Exception):
    """Say in an error event why something was not done."""

    def __init__(self, message: str, error: str = "", *, context: str = BANNER, modal: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.error = error
        self.context = context
        self.modal = modal

    def body(self) -> Json:
        """Write what the event says, but for its instant and id."""
        found: Json = {"context": self.context}
        if self.error:
            found["error"] = self.error
        if self.modal:
            found["modal"] = self.modal
        return found


def refusal(error: HubbubError, *, context: str = BANNER, modal: str = "", permission: str = "") -> RefusedError:
    """Put what the core refused into this dialect's words.

    Args:
        error: What the core said.
        context: Where it is shown.
        modal: The dialogue that it is shown in.
        permission: What the dialect calls the permission that was missing.
    """
    message = MESSAGES.get(error.code) or error.message or "That did not work."
    if error.code in (Code.ROOM_DENIED, Code.WORLD_DENIED, Code.CHAT_DENIED) and permission:
        message = f"You do not have permission to do this: {permission}"
    elif error.code is Code.HANDLE_TAKEN and error.details:
        message = f"{error.details['handle'][0]} already in use"
    return RefusedError(message, CODES.get(error.code, "ERR_INVALID_PARAMS"), context=context, modal=modal)


def join_refusal(error: HubbubError) -> Json | None:
    """Write why somebody may not join; None when it is nothing that ends their connection."""
    code = REFUSALS.get(error.code)
    if code is None:
        return None
    found: Json = {"context": DIALOG, "error": code}
    if error.code is Code.ACCOUNT_TOO_YOUNG and error.retry_after:
        found["body"] = span(error.retry_after)
    elif error.code is Code.ROOM_CLOSED and error.message:
        found["body"] = error.message
    return found


def span(delay: timedelta) -> str:
    """Write how long something takes, in days, hours and minutes."""
    minutes = max(1, int(delay.total_seconds() + 59) // 60)
    parts = ((minutes // 1440, "day"), (minutes // 60 % 24, "hour"), (minutes % 60, "minute"))
    return " ".join(f"{count} {unit}{'s' if count != 1 else ''}" for count, unit in parts)


def humanised(delay: timedelta) -> str:
    """Write how long something takes, roughly."""
    seconds = int(delay.total_seconds())
    if seconds < 45:
        return f"{seconds} seconds" if seconds > 1 else "a second"
    return "a minute" if seconds < 90 else f"{(seconds + 30) // 60} minutes"
