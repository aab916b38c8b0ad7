"""Likes: one reaction of each user to a message, and what is liked most (protocols/groupme.md 2.4)."""

from datetime import timedelta
from typing import Annotated, Literal

import msgspec

from hubbub.core.chat import HEART, ReactToMessage
from hubbub.core.model import Message
from hubbub.core.reading import LONG_AGO, MAX_FETCH, ListLiked
from hubbub.dialects.groupme.answer import Reply, Route, get, post
from hubbub.dialects.groupme.caller import Caller, take
from hubbub.dialects.groupme.error import RefusedError
from hubbub.dialects.groupme.id import parse_message
from hubbub.dialects.groupme.view import reactions

LISTED = 100
"""Messages of one list."""
PERIODS = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}
Place = Annotated[int, msgspec.Meta(ge=0, le=999_999)]


class LikeIcon(msgspec.Struct, frozen=True):
    """A reaction as a client gives it: an emoji, or a picture of a pack."""

    type: Literal["unicode", "emoji"]
    code: str | None = None
    pack_id: Place | None = None
    pack_index: Place | None = None

    @property
    def sign(self) -> str:
        """The reaction as the core knows it; empty for none."""
        if self.type == "unicode":
            return self.code or ""
        return "" if self.pack_id is None or self.pack_index is None else f"pack:{self.pack_id}:{self.pack_index}"


class Liked(msgspec.Struct, frozen=True):
    """What is sent with a like: nothing, or with what."""

    like_icon: LikeIcon | None = None


async def like(caller: Caller) -> Reply:
    """React to a message, in place of how one did before."""
    icon = take(await caller.body(), Liked).like_icon
    return await _react(caller, HEART if icon is None else icon.sign)


async def unlike(caller: Caller) -> Reply:
    """Take the own reaction back, whichever it is."""
    return await _react(caller, HEART, remove=True)


async def _react(caller: Caller, sign: str, *, remove: bool = False) -> Reply:
    room = caller.conversation(caller.path["conversation"])
    number = parse_message(caller.path["message"])
    command = ReactToMessage(room=room.id, number=number, reaction=sign, delete=remove, single=True)
    return Reply(response={"reactions": reactions(await caller.do(command))})


async def leaderboard(caller: Caller) -> Reply:
    """Give what was said within a period and is liked most."""
    room = caller.group(caller.path["group"])
    period = PERIODS.get(caller.query.get("period") or "day")
    if period is None:
        raise RefusedError(400, f"period: one of {', '.join(PERIODS)}")
    return _list(caller, await caller.do(ListLiked(room=room.id, since=caller.now - period, count=LISTED)))


async def mine(caller: Caller) -> Reply:
    """Give what the user likes, the newest first."""
    room = caller.group(caller.path["group"])
    command = ListLiked(room=room.id, since=LONG_AGO, count=MAX_FETCH, by=caller.user.id)
    found: list[Message] = await caller.do(command)
    return _list(caller, sorted(found, key=lambda message: message.number, reverse=True)[:LISTED])


async def for_me(caller: Caller) -> Reply:
    """Give what others like of what the user said, what is liked most first."""
    room = caller.group(caller.path["group"])
    command = ListLiked(room=room.id, since=LONG_AGO, count=LISTED, sender=caller.user.id)
    return _list(caller, await caller.do(command))


def _list(caller: Caller, messages: list[Message]) -> Reply:
    return Reply(response={"messages": [caller.view.message(message) for message in messages]})


ROUTES: tuple[Route, ...] = (
    post("/v3/messages/{conversation:str}/{message:str}/like", like),
    post("/v3/messages/{conversation:str}/{message:str}/unlike", unlike),
    get("/v3/groups/{group:str}/likes", leaderboard),
    get("/v3/groups/{group:str}/likes/mine", mine),
    get("/v3/groups/{group:str}/likes/for_me", for_me),
)
