"""Errors: one tree, one closed list of codes.

    HubbubError
      Denied         the actor may not do that
      Unknown        there is no such thing, or the actor may not see it
      Invalid        the command makes no sense as it is
      Limited        too many, too much or too often
      Unavailable    nothing is wrong with the command; try again

Each dialect maps the codes to its own form in one table.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any


class Code(StrEnum):
    """Say what is wrong, in a word that programs compare."""

    # who are you
    UNAUTHENTICATED = "unauthenticated"
    CREDENTIALS_MISSING = "credentials_missing"
    TOKEN_REQUIRED = "token_required"  # noqa: S105
    TOKEN_EXPIRED = "token_expired"  # noqa: S105
    TOKEN_INVALID = "token_invalid"  # noqa: S105
    LOGIN_DENIED = "login_denied"
    PASSWORD_WRONG = "password_wrong"  # noqa: S105
    REGISTRATION_CLOSED = "registration_closed"
    # what may you do
    WORLD_DENIED = "world_denied"
    ROOM_DENIED = "room_denied"
    CHAT_DENIED = "chat_denied"
    SELF_ACTION = "self_action"
    RANK_DENIED = "rank_denied"
    PRIVATE_DENIED = "private_denied"
    # may you come into this room
    ROOM_CLOSED = "room_closed"
    ACCOUNT_REQUIRED = "account_required"
    VERIFICATION_REQUIRED = "verification_required"
    ACCOUNT_TOO_YOUNG = "account_too_young"
    KICKED = "kicked"
    ROOM_LOCKED = "room_locked"
    AGE_UNCONFIRMED = "age_unconfirmed"
    BANNED = "banned"
    # what is there
    WORLD_UNKNOWN = "world_unknown"
    ROOM_UNKNOWN = "room_unknown"
    MODULE_MISSING = "module_missing"
    USER_UNKNOWN = "user_unknown"
    MESSAGE_UNKNOWN = "message_unknown"
    INVITE_UNKNOWN = "invite_unknown"
    VISIT_UNKNOWN = "visit_unknown"
    VISIT_MISSING = "visit_missing"
    BAN_UNKNOWN = "ban_unknown"
    IGNORE_UNKNOWN = "ignore_unknown"
    MEDIA_UNKNOWN = "media_unknown"
    POLL_UNKNOWN = "poll_unknown"
    OPTION_UNKNOWN = "option_unknown"
    QUESTION_UNKNOWN = "question_unknown"
    ANNOUNCEMENT_UNKNOWN = "announcement_unknown"
    GATHERING_UNKNOWN = "gathering_unknown"
    BOT_UNKNOWN = "bot_unknown"
    # what makes sense
    INVALID = "invalid"
    CONFIG_INVALID = "config_invalid"
    PROFILE_MISSING = "profile_missing"
    ANSWER_MISSING = "answer_missing"
    MESSAGE_EMPTY = "message_empty"
    MESSAGE_KIND = "message_kind"
    REACTION_UNKNOWN = "reaction_unknown"
    NONCE_USED = "nonce_used"
    SCHEDULE_INVALID = "schedule_invalid"
    ROOM_NAME_TAKEN = "room_name_taken"
    ROOM_MODULES_INVALID = "room_modules_invalid"
    ROOM_CREATE_DENIED = "room_create_denied"
    LOGIN_INVALID = "login_invalid"
    LOGIN_TAKEN = "login_taken"
    DIRECT_EXISTS = "direct_exists"
    HANDLE_EMPTY = "handle_empty"
    HANDLE_TOO_LONG = "handle_too_long"
    HANDLE_CHARACTERS = "handle_characters"
    HANDLE_TAKEN = "handle_taken"
    COLOR_UNKNOWN = "color_unknown"
    TOPIC_TOO_LONG = "topic_too_long"
    DURATION_INVALID = "duration_invalid"
    NOT_BROADCASTING = "not_broadcasting"
    POSITION_INVALID = "position_invalid"
    STATE_INVALID = "state_invalid"
    # not now
    MODULE_INACTIVE = "module_inactive"
    POLL_CLOSED = "poll_closed"
    TOO_MANY = "too_many"
    TOO_LARGE = "too_large"
    UNAVAILABLE = "unavailable"


class HubbubError(Exception):
    """Refuse a command. Nothing has changed when it is raised.

    `code` is from the closed list; `message` is for people; `details` maps the names of fields to lists of what is
    wrong with them; `temporary` says that the same command may succeed later, after `retry_after` where that is known.
    """

    temporary = False

    def __init__(
        self,
        code: Code,
        message: str = "",
        *,
        details: Mapping[str, Any] | None = None,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(message or code.value)
        self.code = code
        self.message = message
        self.details = details
        self.retry_after = retry_after


class Denied(HubbubError):
    """The actor may not do that."""


class Unknown(HubbubError):
    """There is no such thing, or the actor may not see it."""


class Invalid(HubbubError):
    """The command makes no sense as it is."""


class Limited(HubbubError):
    """Too many, too much or too often."""

    temporary = True


class Unavailable(HubbubError):
    """Nothing is wrong with the command; the server could not do it now."""

    temporary = True
