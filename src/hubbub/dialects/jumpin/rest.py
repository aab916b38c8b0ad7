"""The REST interface of this dialect: /api/..., which serves its clients beside the socket (protocols/jumpin.md 2)."""

from litestar import Router
from litestar.datastructures import CacheControlHeader
from litestar.exceptions import HTTPException

from hubbub.core.error import HubbubError
from hubbub.dialects.jumpin import account, chatroom, message, picture, role, site, video
from hubbub.dialects.jumpin.answer import HttpRefused, refuse
from hubbub.dialects.jumpin.caller import Desk, make_guard

__all__ = ["create_rest", "refuse", "serves"]

PREFIX = "/api"
OTHERS = (f"{PREFIX}/v1/",)
"""What another dialect has below."""
MAX_BODY = 65_536
"""Bytes: far more than any of these has."""


def serves(path: str) -> bool:
    """Tell whether a path would be one of this dialect's, if there were anything."""
    return path.startswith(f"{PREFIX}/") and not path.startswith(OTHERS)


def create_rest(desk: Desk) -> Router:
    """Make the routes."""
    return Router(
        PREFIX,
        route_handlers=[
            *account.HANDLERS,
            *picture.HANDLERS,
            *chatroom.HANDLERS,
            *video.HANDLERS,
            *message.HANDLERS,
            *role.HANDLERS,
            *site.HANDLERS,
        ],
        guards=[make_guard(desk)],
        exception_handlers={
            HttpRefused: refuse,
            HubbubError: refuse,
            HTTPException: refuse,
            Exception: refuse,
        },
        request_max_body_size=MAX_BODY,
        cache_control=CacheControlHeader(no_store=True),
        include_in_schema=False,
    )
