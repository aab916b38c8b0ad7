"""Bots: programs that speak in a group, added by a member, each as a user of its own who cannot log in.

A program speaks as its bot with a token alone. It is derived from a secret of the world, so nothing secret is kept and
the owner can look it up again; it is good as long as that secret is one of the world's. To have another one, remove the
bot and add it again.

A bot is there until it is removed, but it speaks and hears only while its owner may, who must belong to the group. In
an announcement group it may speak also when its owner may not.
"""

import hmac
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from hubbub.core.chat import PostMessage, do_post
from hubbub.core.command import Act, Command, check, handles, invalid
from hubbub.core.error import Code, Denied, Limited, Unknown
from hubbub.core.event import (
    BotAdded,
    BotRemoved,
    BotUpdated,
    ChannelsChanged,
    DirectPosted,
    GrantGiven,
    GrantTaken,
    MemberJoined,
    MemberLeft,
    MemberUpdated,
    MentionMissed,
    MessagePosted,
    NotificationsCounted,
    UserCreated,
    UserDeleted,
    UserNotified,
    UserUnread,
    UserUpdated,
)
from hubbub.core.group import access_group
from hubbub.core.joining import MAX_MEMBERS
from hubbub.core.membership import check_may_change, enroll, is_member, name_in, part, runs
from hubbub.core.model import Bot, Room, User, World
from hubbub.core.signature import derive, first_secret, secrets_of
from hubbub.core.state import WorldState
from hubbub.core.telling import announce
from hubbub.core.text import checked_text, is_visible

MAX_NAME = 50
MAX_URL = 2000
MAX_BOTS = 50
"""Of one group."""
MAX_OWN = 100
"""Of one user, in all groups."""
ID_DIGITS = 14
"""Hexadecimal digits that hold any id (core.id)."""
PROOF_DIGITS = 32
"""Hexadecimal digits: 128 bits that nobody guesses."""
TOKEN = re.compile(f"[0-9a-f]{{{ID_DIGITS + PROOF_DIGITS}}}")


class BotSight(msgspec.Struct, frozen=True, kw_only=True):
    """A bot, the user as whom it speaks, and the token with which it does: for its owner alone."""

    bot: Bot
    user: User
    token: str


class AddBot(Command, frozen=True, kw_only=True):
    """Let a program speak in a group. What is said there is sent to `callback`, if there is one."""

    room: int
    name: str
    avatar: str = ""
    callback: str = ""
    direct: bool = False


class UpdateBot(Command, frozen=True, kw_only=True):
    """Call an own bot otherwise, or change what it looks like and where it is told; what is left out stays."""

    bot: int
    name: str | msgspec.UnsetType = msgspec.UNSET
    avatar: str | msgspec.UnsetType = msgspec.UNSET
    callback: str | msgspec.UnsetType = msgspec.UNSET
    direct: bool | msgspec.UnsetType = msgspec.UNSET


class RemoveBot(Command, frozen=True, kw_only=True):
    """Take a bot out of its group: an own one, or as one who runs the group. What it said stays."""

    bot: int


class ListBots(Command, frozen=True, kw_only=True):
    """List the own bots."""


class CheckBot(Command, frozen=True, kw_only=True):
    """Give an own bot. Whoever gets it may also read what came of what was sent to its callback."""

    bot: int


class PostAsBot(Command, frozen=True, kw_only=True):
    """Say something as a bot, by its token alone."""

    token: str
    body: str = ""
    attachments: tuple[dict[str, Any], ...] = ()
    mentions: tuple[int, ...] = ()
    everyone: bool = False
    nonce: str | None = None


# Adding and changing


@handles(
    AddBot,
    "room:chat.send",
    "room:bot.add",
    rate="found",
    events=(UserCreated, MemberJoined, GrantGiven, BotAdded, MessagePosted),
)
def do_add(act: Act, command: AddBot) -> BotSight:
    """Make the bot and its user, and say so. Members may who hold `world:bots.create` and may change the group."""
    room = access_group(act, command.room)
    owner = act.actor
    if not is_member(act.state, room.id, owner.id) or owner.kind != "person":
        act.deny(room)
    if not act.may("room:bot.add", room):
        act.check("world:bots.create")
        check_may_change(act, room)
    _check_count(act, room)
    first_secret(act.state.world)  # raises: without one there would be no token
    user = User(
        id=act.new_id(),
        world=room.world,
        kind="bot",
        profile=_profile(checked_text("name", command.name, MAX_NAME), _checked_url("avatar", command.avatar)),
        shown=False,
        created=act.now,
    )
    callback = _checked_url("callback", command.callback)
    bot = Bot(
        user=user.id,
        world=room.world,
        room=room.id,
        by=owner.id,
        callback=callback,
        direct=command.direct,
        created=act.now,
    )
    act.emit(UserCreated, user=user)
    enroll(act, room, user, let_in=True)
    act.emit(BotAdded, room.id, bot=bot)
    act.audit("bot.added", {"object": user.id, "room": room.id})
    text = f"{_called(act, room)} added the {user.display_name} bot to the group"
    announce(act, room, owner, "bot.added", text, bot=user.id, name=user.display_name)
    return _sight(act, bot)


def _check_count(act: Act, room: Room) -> None:
    if len(act.state.bots.get(room.id, ())) >= MAX_BOTS:
        raise Limited(Code.TOO_MANY, f"A group has at most {MAX_BOTS} bots.")
    if len(_own(act)) >= MAX_OWN:
        raise Limited(Code.TOO_MANY, f"You can have at most {MAX_OWN} bots.")
    if len(act.state.members.get(room.id, ())) >= MAX_MEMBERS:
        raise Limited(Code.TOO_MANY, f"A group has at most {MAX_MEMBERS} members.")


@handles(UpdateBot, rate="configure", events=(UserUpdated, BotUpdated, MessagePosted))
def do_update(act: Act, command: UpdateBot) -> BotSight:
    """Change what is given and different, as long as one may speak there: another name is said in the group."""
    bot = _access_own(act, command.bot)
    room, before = access_group(act, bot.room), act.state.users[bot.user]
    if not works(act.state, bot, act.now, "room:chat.send"):
        act.deny(room)
    name, avatar = before.display_name, _avatar_of(before)
    if command.name is not msgspec.UNSET:
        name = checked_text("name", command.name, MAX_NAME)
    if command.avatar is not msgspec.UNSET:
        avatar = _checked_url("avatar", command.avatar)
    callback = bot.callback if command.callback is msgspec.UNSET else _checked_url("callback", command.callback)
    direct = bot.direct if command.direct is msgspec.UNSET else command.direct
    user = msgspec.structs.replace(before, profile=_profile(name, avatar))
    changed = msgspec.structs.replace(bot, callback=callback, direct=direct)
    if user != before:
        act.emit(UserUpdated, user=user)
    if changed != bot:
        act.emit(BotUpdated, room.id, bot=changed)
    if name != before.display_name:
        text = f"{_called(act, room)} renamed the {before.display_name} bot to {name}"
        announce(act, room, act.actor, "bot.renamed", text, bot=bot.user, old=before.display_name, name=name)
    return _sight(act, changed)


@handles(RemoveBot, rate="configure", events=(BotRemoved, MemberLeft, GrantTaken, UserDeleted, MessagePosted))
def do_remove(act: Act, command: RemoveBot) -> None:
    """Take it out, and say so. Its user is deleted but keeps the name, as what it said is still there."""
    bot = _access_bot(act, command.bot)
    room = access_group(act, bot.room)
    if bot.by != act.by and not runs(act, room):
        raise Unknown(Code.BOT_UNKNOWN, "You have no such bot.")
    user, member = act.state.users[bot.user], act.state.members[room.id].get(bot.user)
    act.emit(BotRemoved, room.id, bot=bot)
    if member:
        part(act, room, member, "removed", roles=None)
    act.emit(UserDeleted, user=msgspec.structs.replace(user, deleted=True))
    act.audit("bot.removed", {"object": user.id, "room": room.id})
    text = f"{_called(act, room)} removed the {user.display_name} bot from the group"
    announce(act, room, act.user, "bot.removed", text, bot=user.id, name=user.display_name)


@handles(ListBots, rate="read")
def do_list(act: Act, command: ListBots) -> list[BotSight]:
    """Give them with their tokens, the oldest first."""
    return [_sight(act, bot) for bot in sorted(_own(act), key=lambda bot: bot.user)]


@handles(CheckBot, rate="read")
def do_check(act: Act, command: CheckBot) -> Bot:
    """Give it, whether or not its owner still belongs to the group. Raises Unknown for those of others."""
    bot = _access_own(act, command.bot)
    access_group(act, bot.room)
    return bot


def _own(act: Act) -> list[Bot]:
    return [
        bot
        for identity, bots in act.state.bots.items()
        if (room := act.state.rooms.get(identity)) and not room.deleted
        for bot in bots.values()
        if bot.by == act.by
    ]


def _access_bot(act: Act, identity: int) -> Bot:
    bot = bot_of(act.state, identity)
    if bot is None:
        raise Unknown(Code.BOT_UNKNOWN, "You have no such bot.")
    return bot


def _access_own(act: Act, identity: int) -> Bot:
    bot = _access_bot(act, identity)
    if bot.by != act.by:
        raise Unknown(Code.BOT_UNKNOWN, "You have no such bot.")
    return bot


def _sight(act: Act, bot: Bot) -> BotSight:
    return BotSight(bot=bot, user=act.state.users[bot.user], token=token_of(act.state.world, bot))


def _called(act: Act, room: Room) -> str:
    return name_in(act.state, room.id, act.by)


def _profile(name: str, avatar: str) -> dict[str, Any]:
    if not is_visible(name):
        raise invalid("name", "characters that can be seen")
    return {"display_name": name, **({"avatar": {"url": avatar}} if avatar else {})}


def _avatar_of(user: User) -> str:
    return str(user.profile.get("avatar", {}).get("url", ""))


def _checked_url(field: str, url: str) -> str:
    """Give an address of the web as it is; an empty one is none. Raises Invalid."""
    if url and not is_web_address(url):
        raise invalid(field, f"an address of the web with at most {MAX_URL} characters")
    return url


def is_web_address(url: str) -> bool:
    """Tell whether this is an address of the web as bots may have: whole, plainly written, without a password."""
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
        fine = fine and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    return fine and len(url) <= MAX_URL and url.isascii() and url.isprintable() and " " not in url


# Speaking


@handles(
    PostAsBot,
    rate="login",
    before_login=True,
    events=(
        *(MessagePosted, DirectPosted, MentionMissed, UserUnread, UserNotified, NotificationsCounted, MemberUpdated),
        ChannelsChanged,
    ),
)
def do_post_as_bot(act: Act, command: PostAsBot) -> Any:
    """Say it as any member does: the message, or a coroutine that gives it."""
    bot = bot_by_token(act.state, command.token)
    if bot is None:
        raise Unknown(Code.BOT_UNKNOWN, "There is no such bot.")
    if not works(act.state, bot, act.now, "room:chat.send"):
        raise Denied(Code.CHAT_DENIED, "This bot is of somebody who cannot speak here any more.")
    act.user = act.state.users[bot.user]
    said = PostMessage(
        room=bot.room,
        body=command.body,
        attachments=command.attachments,
        mentions=command.mentions,
        everyone=command.everyone,
        nonce=command.nonce,
    )
    check(act, said)
    return do_post(act, said)


def works(state: WorldState, bot: Bot, now: datetime, permission: str) -> bool:
    """Tell whether a bot may do what takes a permission: while its owner belongs to the group and holds it, too."""
    owner, room = state.users.get(bot.by), state.rooms.get(bot.room)
    if owner is None or room is None or room.deleted or not room.lasting:
        return False
    return is_member(state, room.id, owner.id) and permission in state.permissions(owner, now, room)


def listeners(state: WorldState, room: int, now: datetime) -> Iterator[Bot]:
    """Give the bots of a room that are to be told what is said there."""
    for bot in state.bots.get(room, {}).values():
        if bot.callback and works(state, bot, now, "room:chat.read"):
            yield bot


def token_of(world: World, bot: Bot) -> str:
    """Give the token of a bot. Raises Invalid when the world has no secret."""
    return _token(first_secret(world)["secret"], world, bot)


def bot_by_token(state: WorldState, token: str) -> Bot | None:
    """Give the bot that has this token, if there is one."""
    if not TOKEN.fullmatch(token):
        return None
    bot = bot_of(state, int(token[:ID_DIGITS], 16))
    if bot is None:
        return None
    # All are looked at, so that the time tells nothing.
    same = [hmac.compare_digest(_token(one["secret"], state.world, bot), token) for one in secrets_of(state.world)]
    return bot if any(same) else None


def bot_of(state: WorldState, user: int) -> Bot | None:
    """Give the bot that speaks as this user, if there is one."""
    for room in state.belongs.get(user, ()):
        bot = state.bots.get(room, {}).get(user)
        if bot:
            return bot
    return None


def _token(secret: str, world: World, bot: Bot) -> str:
    identity = f"{bot.user:0{ID_DIGITS}x}"
    return identity + derive(secret, world, "bot", identity)[:PROOF_DIGITS]
