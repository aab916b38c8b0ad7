"""What a group's link shows in a browser: /join_group/<id>/<token> (protocols/groupme.md 2.2)."""

from typing import Any

from litestar import Request, Response, route
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from hubbub.core.joining import PreviewGroup
from hubbub.core.model import Room
from hubbub.dialects.groupme.caller import Desk
from hubbub.dialects.groupme.error import RefusedError
from hubbub.dialects.groupme.id import parse
from hubbub.web.lobby import HTML, READ
from hubbub.web.page import HEADERS, message_page

SECRET = {**HEADERS, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
GONE = (
    "This link does not lead to a group: it is no longer valid, or not copied whole. Ask whoever sent it for another."
)


def create_invitation(desk: Desk) -> list[HTTPRouteHandler]:
    """Make the route."""

    @route("/join_group/{group:str}/{token:str}", http_method=READ, include_in_schema=False)
    async def show_group(request: Request[Any, Any, Any]) -> Response[str]:
        """Say which group it is, and how to join it; nothing of it when the link is not right."""
        caller = desk.caller(request)
        try:
            room: Room = await caller.ask(PreviewGroup(room=parse(caller.path["group"]), token=caller.path["token"]))
        except RefusedError as error:
            detail = GONE if error.status == 404 else error.errors[0]
            raise HTTPException(detail, status_code=error.status) from error
        text = f"You are invited to this group of {caller.state.world.title}. Open this link in an app to join it."
        if room.by_approval:
            text += " Those who run it will be asked first."
        return Response(message_page(room.name, text), media_type=HTML, headers=SECRET)

    return [show_group]
