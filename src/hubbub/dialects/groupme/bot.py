"""Bots: programs that speak in a group, each with a token that is its id here (protocols/groupme.md 2.6).

Their owner adds them and looks at what came of what they were sent; the program itself speaks with its id alone.
"""

from datetime import timedelta
from typing import Any

import msgspec

from hubbub.core.bot import AddBot, BotSight, CheckBot, ListBots, PostAsBot, RemoveBot, UpdateBot, bot_by_token, works
from hubbub.core.error import HubbubError
from hubbub.dialects.groupme.answer import Reply, Route, get, post
from hubbub.dialects.groupme.attachment import mentioned, read_attachments
from hubbub.dialects.groupme.caller import Caller, take
from hubbub.dialects.groupme.error import RefusedError, refused
from hubbub.dialects.groupme.id import parse, render_message
from hubbub.dialects.groupme.message import checked
from hubbub.dialects.groupme.view import seconds
from hubbub.live.callback import SIGNATURE, Delivery

Json = dict[str, Any]


class NewBot(msgspec.Struct, frozen=True):
    """A bot as its owner describes it."""

    name: str
    group_id: str | int
    avatar_url: str | None = None
    callback_url: str | None = None
    dm_notification: bool | None = None


class Sent(msgspec.Struct, frozen=True):
    """A bot in its envelope."""

    bot: NewBot


class Change(msgspec.Struct, frozen=True):
    """How a bot is to be; what is left out stays, and null is none."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    avatar_url: str | msgspec.UnsetType | None = msgspec.UNSET
    callback_url: str | msgspec.UnsetType | None = msgspec.UNSET
    dm_notification: bool | msgspec.UnsetType = msgspec.UNSET


class Post(msgspec.Struct, frozen=True):
    """What a bot says."""

    bot_id: str
    text: str | None = None
    attachments: Any = None
    picture_url: str | None = None


async def index(caller: Caller) -> Reply:
    """List the own bots."""
    sights: list[BotSight] = await caller.do(ListBots())
    return Reply(response=[_write(caller, sight) for sight in sights])


async def create(caller: Caller) -> Reply:
    """Add a bot to a group."""
    given = take(await caller.body(), Sent).bot
    command = AddBot(
        room=caller.group(given.group_id).id,
        name=given.name,
        avatar=given.avatar_url or "",
        callback=given.callback_url or "",
        direct=bool(given.dm_notification),
    )
    return Reply(response={"bot": _write(caller, await caller.do(command))}, status=201)


async def update(caller: Caller) -> Reply:
    """Change an own bot."""
    body = await caller.body()
    given = take(body, Change)
    command = UpdateBot(
        bot=_named(caller, body.get("bot_id")),
        name=given.name,
        avatar="" if given.avatar_url is None else given.avatar_url,
        callback="" if given.callback_url is None else given.callback_url,
        direct=given.dm_notification,
    )
    return Reply(response={"bot": _write(caller, await caller.do(command))})


async def destroy(caller: Caller) -> Reply:
    """Take a bot out of its group: an own one, or as one who runs the group."""
    bot_id = (await caller.body()).get("bot_id") or caller.query.get("bot_id")
    await caller.do(RemoveBot(bot=_named(caller, bot_id)))
    return Reply()


async def say(caller: Caller) -> Reply:
    """Say something as a bot. Nobody need be logged in; a picture is attached.

    Callbacks that lead here are refused: what they say would be told to them again, for ever.
    """
    if SIGNATURE in caller.request.headers:
        raise RefusedError(403, "A callback does not lead to a bot.")
    given = take({**caller.query, **await caller.body()}, Post)
    picture = [{"type": "image", "url": given.picture_url}] if given.picture_url else None
    attachments = (*read_attachments(given.attachments), *read_attachments(picture))
    bot = bot_by_token(caller.state, given.bot_id)
    if bot:
        _throttle(caller, bot.user)
    mentions, everyone = mentioned(attachments)
    command = PostAsBot(
        token=given.bot_id,
        body=checked(given.text),
        attachments=attachments,
        mentions=mentions,
        everyone=everyone,
    )
    await caller.ask(command)
    return Reply(status=202)


def _throttle(caller: Caller, bot: int) -> None:
    """Count one for a bot, from wherever it speaks; whoever asks is counted, too."""
    try:
        caller.desk.commands.take(("bot", bot), "login")
    except HubbubError as error:
        raise refused(error) from error


async def deliveries(caller: Caller) -> Reply:
    """Give what came of what was last sent to the callback of an own bot, the newest first."""
    bot = await caller.do(CheckBot(bot=_named(caller, caller.path["bot"])))
    found = caller.desk.callbacks.log(bot.user) if caller.desk.callbacks else []
    return Reply(response={"deliveries": [_delivery(one) for one in found]})


def _delivery(one: Delivery) -> Json:
    return {
        "at": seconds(one.at),
        "message_id": render_message(one.message),
        "attempt": one.attempt,
        "status": one.status or None,
        "reason": one.reason or None,
        "milliseconds": one.duration // timedelta(milliseconds=1),
        "count": one.count,
    }


def _named(caller: Caller, text: object) -> int:
    """Give the user of a bot, by its id or by that of the user; 0 for none."""
    bot = bot_by_token(caller.state, text) if isinstance(text, str) else None
    return bot.user if bot else parse(text)


def _write(caller: Caller, sight: BotSight) -> Json:
    """Write an own bot; what its group is called now, only as long as one may read there."""
    found = caller.view.bot(sight.bot, sight.user, sight.token)
    return found if works(caller.state, sight.bot, caller.now, "room:chat.read") else found | {"group_name": ""}


ROUTES: tuple[Route, ...] = (
    get("/v3/bots", index),
    post("/v3/bots", create),
    post("/v3/bots/update", update),
    post("/v3/bots/destroy", destroy),
    post("/v3/bots/post", say),
    get("/v3/bots/{bot:str}/deliveries", deliveries),
)
