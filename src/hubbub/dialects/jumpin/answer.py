"""How this dialect answers over HTTP: its errors and its cookies.

Most errors are `{"error": CODE, "message": TEXT}`; some places have forms of their own, as the original has. Source:
protocols/jumpin.md 2.
"""

import logging
import math
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.exceptions import HTTPException

from hubbub.core.error import Code, Denied, HubbubError, Invalid, Limited, Unavailable, Unknown
from hubbub.dialects.jumpin.body import Json
from hubbub.dialects.jumpin.error import CODES, REFUSALS

logger = logging.getLogger(__name__)

TEXT = "text/plain"

NAMES: Mapping[Code, str] = {
    **CODES,
    **REFUSALS,
    Code.WORLD_DENIED: "ERR_NO_PERMISSION",
    Code.ROOM_DENIED: "ERR_NO_PERMISSION",
    Code.CHAT_DENIED: "ERR_NO_PERMISSION",
    Code.RANK_DENIED: "ERR_NO_PERMISSION",
    Code.ROOM_CREATE_DENIED: "ERR_NO_PERMISSION",
    Code.PRIVATE_DENIED: "ERR_NO_PERMISSION",
    Code.UNAUTHENTICATED: "ERR_AUTH",
    Code.TOKEN_REQUIRED: "ERR_AUTH",
    Code.WORLD_UNKNOWN: "ERR_NOT_FOUND",
    Code.ROOM_NAME_TAKEN: "ERR_EXISTS",
    Code.LOGIN_TAKEN: "ERR_USER_EXISTS",
    Code.LOGIN_INVALID: "ERR_VALIDATION",
    Code.PASSWORD_WRONG: "ERR_PASSWORD",
    Code.REGISTRATION_CLOSED: "ERR_REGISTRATION_CLOSED",
    Code.TOO_LARGE: "ERR_TOO_LARGE",
    Code.INVALID: "ERR_VALIDATION",
    Code.CONFIG_INVALID: "ERR_VALIDATION",
    Code.MESSAGE_EMPTY: "ERR_VALIDATION",
}
"""The `error` of an answer; ERR_INVALID_PARAMS for the rest."""

STATUS: Mapping[Code, int] = {
    Code.UNAUTHENTICATED: 401,
    Code.TOKEN_REQUIRED: 401,
    Code.PASSWORD_WRONG: 401,
    Code.LOGIN_TAKEN: 403,
    Code.TOO_LARGE: 413,
}
"""Codes that have a status of their own; the others have the one of their class."""

STATUS_OF: tuple[tuple[type[HubbubError], int], ...] = (
    (Denied, 403),
    (Unknown, 404),
    (Invalid, 400),
    (Limited, 429),
    (Unavailable, 503),
)


class HttpRefused(Exception):
    """Answer a request with a status and a body: an object, a text, or nothing."""

    def __init__(self, status: int, content: Json | str | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.content = content


def refused(status: int, error: str, message: str) -> HttpRefused:
    """Say no in the usual form."""
    return HttpRefused(status, {"error": error, "message": message})


def no_room() -> HttpRefused:
    """Say that there is no such room."""
    return refused(404, "ERR_NO_ROOM", "There is no such room.")


def no_user() -> HttpRefused:
    """Say that there is no such user."""
    return refused(404, "ERR_NO_USER", "Could not find user")


def status_of(error: HubbubError) -> int:
    """Give the HTTP status of what the core refused."""
    of_class = next((status for kind, status in STATUS_OF if isinstance(error, kind)), 400)
    return STATUS.get(error.code, of_class)


def message_of(error: HubbubError) -> str:
    """Give a sentence for people, with what is wrong by field where that is known."""
    fields = ((name, wrong) for name, wrong in (error.details or {}).items() if isinstance(wrong, list))
    found = "; ".join(f"{name}: {', '.join(map(str, wrong))}" for name, wrong in fields)
    return error.message or found or error.code.replace("_", " ").capitalize() + "."


def body_of(error: HubbubError) -> Json:
    """Write what the core refused in the usual form."""
    return {"error": NAMES.get(error.code, "ERR_INVALID_PARAMS"), "message": message_of(error)}


def answer(content: Json | list[Any] | str | None = None, status: int = 200, *cookies: Cookie) -> Response[Any]:
    """Answer with JSON, a text, or an empty body."""
    kind = TEXT if content is None or isinstance(content, str) else "application/json"
    body = b"" if content is None else content
    return Response(body, status_code=status, media_type=kind, cookies=list(cookies))


# What goes wrong


def refuse(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Answer what went wrong, whatever it is: in this dialect's words, and with nothing from inside."""
    if isinstance(error, HttpRefused):
        return answer(error.content, error.status)
    if isinstance(error, Limited):
        return _too_many(error)
    if isinstance(error, HubbubError):
        return answer(body_of(error), status_of(error))
    if isinstance(error, HTTPException) and error.status_code < 500:
        found = answer(_words(error), error.status_code)
        found.headers.update({name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"})
        return found
    if isinstance(error, HTTPException) and error.detail == "client disconnected prematurely":
        logger.info("a client went away while it sent %r", request.scope["path"][:200])
        return answer(None, 400)
    fault = secrets.token_hex(4)
    logger.error("fault %s at %s %r", fault, request.scope["method"], request.scope["path"][:200], exc_info=error)
    return answer({"error": "ERR_SRV", "message": f"Internal error {fault}"}, 500)


def _too_many(error: Limited) -> Response[Any]:
    found = answer(message_of(error), 429)
    if error.retry_after is not None:
        found.headers["Retry-After"] = str(max(1, math.ceil(error.retry_after.total_seconds())))
    return found


SAID: Mapping[int, tuple[str, str]] = {
    404: ("ERR_NOT_FOUND", "There is nothing here."),
    405: ("ERR_INVALID_PARAMS", "This cannot be done here."),
    413: ("ERR_TOO_LARGE", "This is too large."),
}
"""What is said of a request that fits nothing that we have, by its status."""


def _words(error: HTTPException) -> Json:
    name, message = SAID.get(error.status_code, ("ERR_INVALID_PARAMS", error.detail[:200]))
    return {"error": name, "message": message}


# Cookies


def cookie(name: str, value: str, life: timedelta | None, *, secure: bool) -> Cookie:
    """Give something to a browser that only we read, and that it sends with no request that another site makes.

    Without a `life` it goes when the browser is closed.
    """
    return Cookie(
        key=name,
        value=value,
        max_age=None if life is None else int(life.total_seconds()),
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def forget(name: str, *, secure: bool) -> Cookie:
    """Take a cookie back."""
    return cookie(name, "", timedelta(), secure=secure)
