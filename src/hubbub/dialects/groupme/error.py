"""What goes wrong, in this dialect's form: a status, and sentences in an envelope (protocols/groupme.md 2.1)."""

from typing import Any

from hubbub.core.error import Code, Denied, HubbubError, Invalid, Limited, Unknown

BY_CODE = {
    Code.UNAUTHENTICATED: 401,
    Code.PASSWORD_WRONG: 401,
    Code.NONCE_USED: 409,
    Code.ROOM_UNKNOWN: 404,
    Code.DIRECT_EXISTS: 409,
}
CODES = {Code.ANSWER_MISSING: 40016}
"""What the envelope says, where that is not the status."""
BY_KIND: tuple[tuple[type[HubbubError], int], ...] = ((Denied, 403), (Unknown, 404), (Invalid, 400), (Limited, 400))
WORDS = {401: "unauthorized", 403: "forbidden", 404: "not found", 429: "too many requests"}
"""What is said where nothing else is known."""
FIELDS = {
    **{"content": "subject", "expires": "expiration"},
    **{"start": "start_at", "end": "end_at", "place": "location", "picture": "image_url"},
}
"""What fields of commands are called here, where that is another name."""


class RefusedError(Exception):
    """Answer with a status and sentences; `code` is that of the envelope, where it is not the status.

    `retry_after` is how many seconds to wait, where that is known.
    """

    def __init__(self, status: int, *errors: str, code: int = 0, retry_after: int = 0) -> None:
        super().__init__(status, *errors)
        self.status = status
        self.errors = errors or (WORDS.get(status, "bad request"),)
        self.code = code or status
        self.retry_after = retry_after


def refused(error: HubbubError) -> RefusedError:
    """Give the answer to a command that the core refused."""
    if isinstance(error, Limited) and error.retry_after is not None:
        return RefusedError(429, error.message, retry_after=max(1, round(error.retry_after.total_seconds())))
    if error.temporary and not isinstance(error, Limited):
        return RefusedError(503, error.message)
    status = BY_CODE.get(error.code) or next((status for kind, status in BY_KIND if isinstance(error, kind)), 400)
    return RefusedError(status, *_sentences(error), code=CODES.get(error.code, 0))


def _sentences(error: HubbubError) -> list[str]:
    if error.message:
        field, colon, what = error.message.partition(": ")
        known = colon and field in FIELDS and field in (error.details or {})
        return [f"{FIELDS[field]}: {what}" if known else error.message]
    found = [
        f"{name}: {what}" for name, all_ in (error.details or {}).items() for what in all_ if isinstance(all_, list)
    ]
    return found or [error.code.value.replace("_", " ")]


def envelope(status: int, errors: tuple[str, ...]) -> dict[str, Any]:
    """Write the body of an error."""
    return {"response": None, "meta": {"code": status, "errors": list(errors)}}
