"""Errors as this dialect writes them: one table."""

from typing import Any

from hubbub.core.error import Code, HubbubError

ENTRY = (
    *(Code.ROOM_CLOSED, Code.ACCOUNT_REQUIRED, Code.VERIFICATION_REQUIRED, Code.ACCOUNT_TOO_YOUNG, Code.KICKED),
    *(Code.ROOM_LOCKED, Code.AGE_UNCONFIRMED, Code.BANNED),
)
"""Why somebody may not come into a room."""

UNFIT = (
    *(Code.LOGIN_INVALID, Code.LOGIN_TAKEN, Code.HANDLE_EMPTY, Code.HANDLE_TOO_LONG, Code.HANDLE_CHARACTERS),
    *(Code.HANDLE_TAKEN, Code.COLOR_UNKNOWN, Code.TOPIC_TOO_LONG, Code.DURATION_INVALID, Code.NOT_BROADCASTING),
    *(Code.POSITION_INVALID, Code.STATE_INVALID, Code.ANSWER_MISSING),
)
"""What makes no sense in a command that Venueless does not have."""

CODES: dict[Code, str] = {
    Code.UNAUTHENTICATED: "protocol.unauthenticated",
    Code.CREDENTIALS_MISSING: "auth.missing_id_or_token",
    Code.TOKEN_REQUIRED: "auth.missing_token",
    Code.TOKEN_EXPIRED: "auth.expired_token",
    Code.TOKEN_INVALID: "auth.invalid_token",
    Code.LOGIN_DENIED: "auth.denied",
    Code.WORLD_DENIED: "auth.denied",
    Code.ROOM_DENIED: "protocol.denied",
    Code.CHAT_DENIED: "chat.denied",
    Code.SELF_ACTION: "user.self",
    Code.WORLD_UNKNOWN: "world.unknown_world",
    Code.ROOM_UNKNOWN: "room.unknown",
    Code.MODULE_MISSING: "room.unknown",
    Code.USER_UNKNOWN: "user.not_found",
    Code.MESSAGE_UNKNOWN: "chat.unknown_event",
    Code.INVITE_UNKNOWN: "auth.missing_token",
    Code.INVALID: "protocol.invalid_body",
    Code.CONFIG_INVALID: "config.invalid",
    Code.PROFILE_MISSING: "channel.join.missing_profile",
    Code.MESSAGE_EMPTY: "chat.empty",
    Code.MESSAGE_KIND: "chat.unsupported_content_type",
    Code.REACTION_UNKNOWN: "room.unknown_reaction",
    Code.SCHEDULE_INVALID: "room.unknown_schedule_data",
    Code.ROOM_NAME_TAKEN: "room.invalid.name_taken",
    Code.ROOM_MODULES_INVALID: "room.invalid.invalid",
    Code.ROOM_CREATE_DENIED: "room.invalid.denied",
    Code.TOO_MANY: "protocol.rate_limited",
    Code.TOO_LARGE: "protocol.too_large",
    Code.UNAVAILABLE: "server.unavailable",
    # What Venueless has no word for is told by the word for its kind; the message says more.
    **dict.fromkeys((Code.PASSWORD_WRONG, Code.REGISTRATION_CLOSED), "auth.denied"),
    **dict.fromkeys(ENTRY, "protocol.denied"),
    **dict.fromkeys((Code.RANK_DENIED, Code.VISIT_MISSING), "protocol.denied"),
    **dict.fromkeys((Code.PRIVATE_DENIED, Code.DIRECT_EXISTS, Code.NONCE_USED), "chat.denied"),
    **dict.fromkeys((Code.VISIT_UNKNOWN, Code.BAN_UNKNOWN, Code.IGNORE_UNKNOWN, Code.BOT_UNKNOWN), "user.not_found"),
    **dict.fromkeys((Code.MEDIA_UNKNOWN, Code.GATHERING_UNKNOWN), "chat.unknown_event"),
    Code.POLL_UNKNOWN: "poll.unknown",
    Code.OPTION_UNKNOWN: "poll.unknown_option",
    Code.POLL_CLOSED: "poll.vote",
    Code.QUESTION_UNKNOWN: "question.unknown",
    Code.ANNOUNCEMENT_UNKNOWN: "announcement.unknown",
    Code.MODULE_INACTIVE: "protocol.denied",
    **dict.fromkeys(UNFIT, "protocol.invalid_body"),
}

SAID = frozenset(
    {
        *(Code.ROOM_DENIED, Code.WORLD_DENIED, Code.ROOM_UNKNOWN, Code.MODULE_MISSING, Code.REACTION_UNKNOWN),
        *(Code.SCHEDULE_INVALID, Code.ROOM_NAME_TAKEN, Code.ROOM_MODULES_INVALID, Code.ROOM_CREATE_DENIED),
        *(Code.INVALID, Code.TOO_MANY, Code.TOO_LARGE, Code.UNAVAILABLE),
        *(Code.PASSWORD_WRONG, Code.REGISTRATION_CLOSED, Code.RANK_DENIED, Code.VISIT_MISSING),
        *(Code.POLL_UNKNOWN, Code.OPTION_UNKNOWN, Code.POLL_CLOSED, Code.QUESTION_UNKNOWN),
        *(Code.ANNOUNCEMENT_UNKNOWN, Code.MODULE_INACTIVE),
        *(*ENTRY, *UNFIT),
    }
)
"""Errors that have a message for people. The others have none, as in the original: clients compare them whole."""

DETAILED = frozenset({Code.INVALID, Code.CONFIG_INVALID})
"""Errors that say what is wrong by field."""

POSTED_AS_EVENT = {"kind": ["system"]}
"""What the core says of a message that a client posted with another event_type than channel.message."""

LISTED = frozenset({Code.ROOM_NAME_TAKEN, Code.ROOM_MODULES_INVALID, Code.ROOM_CREATE_DENIED})
"""Errors whose message the original writes as a Python list of one string (protocols/venueless.md 1.6)."""


def describe(error: HubbubError) -> tuple[str, str, Any]:
    """Give the code, the message and the details of an error."""
    if error.code is Code.MESSAGE_KIND and error.details == POSTED_AS_EVENT:
        return "chat.unsupported_event_type", "", None
    message = error.message if error.code in SAID else ""
    if error.code is Code.ROOM_CLOSED:
        message = f"This room is closed: {message}" if message else "This room is closed."
    if error.code in LISTED:
        message = str([message])
    details: Any = dict(error.details) if error.details and error.code in DETAILED else None
    if error.retry_after is not None:
        details = {**(details or {}), "retry_after": round(error.retry_after.total_seconds(), 3)}
    return CODES[error.code], message, details
