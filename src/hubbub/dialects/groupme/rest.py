"""All routes of this dialect's REST: /v3, and the few of /v2 and /v4 that clients use (protocols/groupme.md 2)."""

from litestar import Router

from hubbub.dialects.groupme import (
    block,
    bot,
    calendar,
    contact,
    direct,
    feed,
    file,
    gallery,
    group,
    like,
    member,
    message,
    picture,
    pin,
    poll,
    search,
    token,
    user,
)
from hubbub.dialects.groupme.answer import handlers
from hubbub.dialects.groupme.caller import Desk

NOUNS = (
    *(user, group, member, poll, calendar, feed, picture, file, gallery, token),
    *(message, like, pin, direct, bot, block, contact, search),
)
"""The modules that have routes."""


def create_rest(desk: Desk) -> Router:
    """Make the routes."""
    return Router("/", route_handlers=handlers(desk, [route for noun in NOUNS for route in noun.ROUTES]))
