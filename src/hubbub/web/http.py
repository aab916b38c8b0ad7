"""HTTP: one Litestar application of pages, REST and uploads.

It needs no lifespan of its own: app.py has the only one, and sends HTTP requests here. Whatever goes wrong, the client
hears a status and a sentence; of our own mistakes it hears an id that the log has too.
"""

import logging
import secrets
from collections.abc import Iterable
from typing import Any

import msgspec
from litestar import HttpMethod, Litestar, Request, Response, post, route
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.params import JSONBody
from litestar.types import ControllerRouterHandler, Message, Scope

from hubbub import __version__
from hubbub.core.error import HubbubError
from hubbub.dialects.jumpin import rest as jumpin
from hubbub.dialects.request import HubbubRequest, Throttle, address_of, base_url, host_of, world_of
from hubbub.dialects.venueless.rest import refuse, refuse_body
from hubbub.live.community import Community
from hubbub.settings import Settings
from hubbub.web.page import HEADERS, index_page, message_page

logger = logging.getLogger(__name__)

READ = [HttpMethod.GET, HttpMethod.HEAD]
HTML = "text/html"
MAX_BODY = 65_536
"""Bytes of a body, where nothing else is said."""

ALWAYS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
}
"""Headers of every answer that does not have them already."""

Json = dict[str, Any]


class Feedback(msgspec.Struct, frozen=True):
    """What a client reports of its own faults."""

    module: str = ""
    message: str = ""
    trace: str = ""


LOGGED = {"module": 200, "message": 2000, "trace": 8000}
"""Characters of each field of a report that reach the log."""


def create_http(
    community: Community, settings: Settings, routes: Iterable[ControllerRouterHandler], *, pages: bool = True
) -> Litestar:
    """Make an ASGI application for HTTP scopes, with the routes of some dialects and perhaps our own pages.

    Raises ImproperlyConfiguredException when two of them want the same path.
    """
    token = SecurityScheme(type="http", scheme="bearer", bearer_format="JWT", description="A token of the world")
    return Litestar(
        [
            *(_pages(community, settings) if pages else ()),
            *([_feedback(community)] if pages else ()),
            *routes,
        ],
        request_class=HubbubRequest,
        request_max_body_size=MAX_BODY,
        before_send=[add_headers],
        exception_handlers={
            HubbubError: refuse_command,
            HTTPException: refuse_request,
            Exception: hide_fault,
        },
        openapi_config=OpenAPIConfig(
            title="Hubbub",
            version=__version__,
            path="/schema",
            render_plugins=[JsonRenderPlugin()],
            components=Components(security_schemes={"token": token}),
        ),
        logging_config=None,
        debug=False,
        pdb_on_exception=False,
    )


# Pages


def _pages(community: Community, settings: Settings) -> list[HTTPRouteHandler]:
    @route(["/healthcheck"], http_method=READ, media_type="text/plain", include_in_schema=False, sync_to_thread=False)
    def healthcheck() -> str:
        """Say that requests are served."""
        return "OK"

    @route("/", http_method=READ, include_in_schema=False, sync_to_thread=False)
    def index(request: Request[Any, Any, Any]) -> Response[str]:
        """Say what runs here."""
        world = world_of(community, host_of(request), settings.world).world
        origin = base_url(request, settings.url)
        shown = index_page(title=world.title, world=world.name, origin=origin, version=__version__)
        return Response(shown, media_type=HTML, headers=HEADERS)

    @route("/standalone/{room:str}/anonymous", http_method=READ, include_in_schema=False, sync_to_thread=False)
    def client_place(request: Request[Any, Any, Any]) -> Response[str]:
        """Say that a client belongs here."""
        text = "Here a web client will take you into the room. Until then, open this link in an app that knows it."
        return Response(message_page("Almost there", text), media_type=HTML, headers=HEADERS)

    @route("/manifest.json", http_method=READ, include_in_schema=False, sync_to_thread=False)
    def manifest(request: Request[Any, Any, Any]) -> Response[Json]:
        """Say how the community is called when somebody puts it on a home screen."""
        title = world_of(community, host_of(request), settings.world).world.title
        content = {"name": title, "short_name": title[:30], "start_url": "/", "display": "standalone"}
        return Response(content, media_type="application/manifest+json")

    return [healthcheck, index, client_place, manifest]


def _feedback(community: Community) -> HTTPRouteHandler:
    throttle = Throttle(community, "feedback")

    @post("/_feedback", include_in_schema=False, sync_to_thread=False)
    def feedback(request: Request[Any, Any, Any], data: JSONBody[Feedback]) -> Json:
        """Put a client's report of its own fault into the log, and do nothing else."""
        throttle.take(address_of(request))
        shown = {name: getattr(data, name)[:most] for name, most in LOGGED.items()}
        logger.warning("a client reports %r", shown)
        return {}

    return feedback


# Around every answer


async def add_headers(message: Message, scope: Scope) -> None:
    """Add the headers that every answer has."""
    if message["type"] == "http.response.start":
        headers = list(message["headers"])
        known = {name.lower() for name, _ in headers}
        message["headers"] = headers + [(name, value) for name, value in ALWAYS.items() if name not in known]


def refuse_command(request: Request[Any, Any, Any], error: HubbubError) -> Response[Any]:
    """Answer a command that the core refused."""
    answer = refuse(request, error)
    return _page(answer, error.message) if _wants_page(request) else answer


def refuse_request(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """Answer a request that makes no sense, or fits nothing that we have."""
    if error.status_code >= 500:
        return hide_fault(request, error)
    if jumpin.serves(request.scope["path"]):
        return jumpin.refuse(request, error)
    if error.status_code == 400 and error.extra:
        return refuse_body(request, error)
    detail = "There is nothing here." if error.detail == "Not Found" else error.detail
    answer = Response(
        {"detail": detail}, status_code=error.status_code, headers=error.headers, media_type="application/json"
    )
    return _page(answer, detail) if _wants_page(request) else answer


def hide_fault(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Log our own mistake under an id, and let nothing of it out but the id."""
    if isinstance(error, HTTPException) and error.detail == "client disconnected prematurely":
        logger.info("a client went away while it sent %r", request.scope["path"][:200])
        return Response(None, status_code=400)
    fault = secrets.token_hex(4)
    logger.error("fault %s at %s %r", fault, request.scope["method"], request.scope["path"][:200], exc_info=error)
    answer: Response[Any] = Response(
        {"detail": f"Internal error {fault}"}, status_code=500, media_type="application/json"
    )
    return _page(answer, f"Internal error {fault}. The log of the server has more.") if _wants_page(request) else answer


def _wants_page(request: Request[Any, Any, Any]) -> bool:
    return request.scope["method"] in ("GET", "HEAD") and "text/html" in request.headers.get("accept", "")


def _page(answer: Response[Any], text: str) -> Response[str]:
    title = {404: "Not found", 429: "One moment", 500: "Something broke"}.get(
        answer.status_code or 400, "That did not work"
    )
    headers = {**answer.headers, **HEADERS}
    return Response(message_page(title, text), status_code=answer.status_code, headers=headers, media_type=HTML)
