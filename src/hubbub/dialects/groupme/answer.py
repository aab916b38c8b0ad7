"""Answers, and the way from a request to one: what all routes of this dialect have in common."""

import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from litestar import HttpMethod, Response, route
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from hubbub.core.error import HubbubError
from hubbub.dialects.groupme.caller import Asked, Caller, Desk
from hubbub.dialects.groupme.error import RefusedError, envelope, refused

logger = logging.getLogger(__name__)

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Retry-After",
    "Cache-Control": "no-store",
}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
    "Access-Control-Allow-Headers": "Content-Type, X-Access-Token",
    "Access-Control-Max-Age": "600",
}
JSON = "application/json"


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered: a status, and what the envelope holds; `code` is that of the envelope where it is another.

    With `bare` there is no envelope: `response` is the body, or there is none.
    """

    response: Any = None
    status: int = 200
    code: int = 0
    bare: bool = False

    def body(self) -> Any:
        """Write the body. An envelope of success has no list of errors: there are clients that go by its presence."""
        if self.bare:
            return self.response
        return {"response": self.response, "meta": {"code": self.code or self.status}}


NOTHING_NEW = Reply(status=304, bare=True)
"""A page of messages that has none."""
GONE = Reply(status=204, bare=True)

Run = Callable[[Caller], Awaitable[Reply | Response[Any]]]
"""Handles one request; what is no reply is answered as it is."""


class Route(msgspec.Struct, frozen=True):
    """A way to call this dialect; in its path, what is in braces is a text."""

    method: HttpMethod
    path: str
    run: Run
    large: bool = False
    """Whether it counts by itself how much is sent."""


def get(path: str, run: Run) -> Route:
    """Name what answers GET."""
    return Route(HttpMethod.GET, path, run)


def post(path: str, run: Run, *, large: bool = False) -> Route:
    """Name what answers POST."""
    return Route(HttpMethod.POST, path, run, large)


def put(path: str, run: Run) -> Route:
    """Name what answers PUT."""
    return Route(HttpMethod.PUT, path, run)


def delete(path: str, run: Run) -> Route:
    """Name what answers DELETE."""
    return Route(HttpMethod.DELETE, path, run)


def handlers(desk: Desk, routes: Sequence[Route]) -> list[HTTPRouteHandler]:
    """Make the handlers of routes."""
    paths: dict[str, list[Route]] = {}
    for one in routes:
        paths.setdefault(one.path, []).append(one)
    return [_handler(desk, path, same) for path, same in paths.items()]


def _handler(desk: Desk, path: str, same: Sequence[Route]) -> HTTPRouteHandler:
    runs = {one.method: one.run for one in same}
    more: dict[str, Any] = {"name": f"groupme {path}", "include_in_schema": False}
    if any(one.large for one in same):
        more["request_max_body_size"] = None

    @route(path, http_method=[*runs, HttpMethod.OPTIONS], status_code=200, **more)  # every reply has its own status
    async def handle(request: Asked) -> Response[Any]:
        """Answer with an envelope, whatever happens."""
        if request.method == HttpMethod.OPTIONS:
            return Response(None, status_code=204, headers=CORS | PREFLIGHT)
        try:
            reply = await runs[HttpMethod(request.method)](desk.caller(request))
            if isinstance(reply, Response):
                return reply
            # Without a length of its own, a client of an empty page waits for more.
            headers = CORS | ({"Content-Length": "0"} if reply.status == 304 else {})
            return Response(reply.body(), status_code=reply.status, headers=headers, media_type=JSON)
        except RefusedError as error:
            return _refuse(error)
        except HubbubError as error:
            return _refuse(refused(error))
        except HTTPException as error:
            return _refuse(RefusedError(error.status_code, error.detail))
        except Exception:
            fault = secrets.token_hex(4)
            logger.exception("fault %s at %s", fault, path)
            return _refuse(RefusedError(500, f"Internal error {fault}"))

    return handle


def _refuse(error: RefusedError) -> Response[Any]:
    body = envelope(error.code, error.errors)
    headers = CORS | ({"Retry-After": str(error.retry_after)} if error.retry_after else {})
    return Response(body, status_code=error.status, headers=headers, media_type=JSON)
