"""Links that people follow: /XXXXXX of an invite and /login/<code> (protocols/venueless.md 1.15, 1.16)."""

import re
from collections.abc import Iterator
from typing import Any

from litestar import HttpMethod, Request, route
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect

from hubbub.core.error import Unknown
from hubbub.core.login import LOGIN_CODE_LENGTH, RedeemInvite, RedeemLogin
from hubbub.core.room import INVITE_ALPHABET, INVITE_LENGTH
from hubbub.core.state import WorldState
from hubbub.dialects.request import Connection, Throttle, address_of, base_url, host_of, world_of
from hubbub.dialects.venueless.id import Kind, render
from hubbub.live.community import Community

READ = [HttpMethod.GET, HttpMethod.HEAD]

_INVITE = re.compile(f"[{INVITE_ALPHABET}]{{{INVITE_LENGTH}}}")
_LOGIN = re.compile(f"[{INVITE_ALPHABET}]{{{LOGIN_CODE_LENGTH}}}")
_SECRET = {"Cache-Control": "no-store"}

LOGIN_GONE = "This login link is not valid: it is too old, or not copied whole. Ask whoever sent it for a new one."


def create_links(community: Community, *, url: str, world: str) -> list[HTTPRouteHandler]:
    """Make the routes; `world` is the one that is looked at first when the request's host is no world's."""
    throttle = Throttle(community, "login")

    @route("/{code:str}", http_method=READ, include_in_schema=False)
    async def follow_invite(request: Request[Any, Any, Any], code: FromPath[str]) -> Redirect:
        """Lead a guest to the room's page, with the code in the fragment."""
        if _INVITE.fullmatch(code):
            throttle.take(address_of(request))
            for state in _worlds(community, request, world):
                try:
                    invite = await community.call(state, RedeemInvite(code=code))
                except Unknown:
                    continue
                origin = base_url(request, url, state.world.domain)
                path = f"{origin}/standalone/{render(invite.room, Kind.ROOM)}/anonymous#invite={code}"
                return Redirect(path, status_code=302, headers=_SECRET)
        raise NotFoundException("There is nothing here.")

    @route("/login/{code:str}", http_method=READ, include_in_schema=False)
    async def follow_login(request: Request[Any, Any, Any], code: FromPath[str]) -> Redirect:
        """Lead somebody to the front page, with a token in the fragment."""
        if _LOGIN.fullmatch(code):
            throttle.take(address_of(request))
            for state in _worlds(community, request, world):
                try:
                    token = await community.call(state, RedeemLogin(code=code))
                except Unknown:
                    continue
                return Redirect(f"/#token={token}", status_code=302, headers=_SECRET)
        raise NotFoundException(LOGIN_GONE)

    return [follow_invite, follow_login]


def _worlds(community: Community, request: Connection, fallback: str) -> Iterator[WorldState]:
    """Give the world that the request's host is of, then the others."""
    try:
        first: WorldState | None = world_of(community, host_of(request), fallback)
    except Unknown:
        first = None
    if first:
        yield first
    yield from [state for state in community.worlds.values() if state is not first]
