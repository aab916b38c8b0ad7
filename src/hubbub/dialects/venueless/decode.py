"""What clients of this dialect ask: Venueless' commands as the core's.

One table: for each name a function that makes the core's command of the body, and one that makes the reply of its
result. Source: protocols/venueless.md 1.6 to 1.9.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from hubbub.core import chat, direct, login, push, reading, room, user, world
from hubbub.core.command import Command
from hubbub.core.error import Code, HubbubError
from hubbub.core.event import Topic
from hubbub.core.model import Invite, Message, Room, User, World
from hubbub.dialects.venueless import body as bodies
from hubbub.dialects.venueless import decide
from hubbub.dialects.venueless.call import Call, Context, RefusedError, mapping, room_of, take
from hubbub.dialects.venueless.encode import CONFIG_SETTINGS, tells
from hubbub.dialects.venueless.error import describe
from hubbub.dialects.venueless.id import Kind, parse, render

NAMESPACES = frozenset(
    {
        *("announcement", "bbb", "chat", "digitalsamba", "exhibition", "januscall", "poll", "poster"),
        *("question", "room", "roulette", "user", "world", "zoom"),
    }
)
"""First parts of command names that clients of this dialect know, whether or not we do anything there."""

MAX_USERS = 100
"""Ids in one user.fetch or user.online_status."""

T = TypeVar("T")


# Reading


def channel_of(body: Any) -> int:
    """Read which conversation a command is about."""
    if not mapping(body).get("channel"):
        raise RefusedError("chat.unknown", "Unknown channel ID")
    found = parse(body["channel"], Kind.CHANNEL)
    if not found:
        raise RefusedError("room.unknown", "Unknown room ID")
    return found


def user_of(body: Any) -> int:
    """Read which user a command is about."""
    found = parse(take(body, bodies.Named).id, Kind.USER)
    if not found:
        raise RefusedError("user.not_found")
    return found


def users_of(ids: Sequence[str]) -> tuple[int, ...]:
    """Read ids of users; those that are none are left out."""
    if len(ids) > MAX_USERS:
        raise RefusedError("protocol.invalid_body", f"At most {MAX_USERS} ids at once.")
    return tuple(found for text in ids if (found := parse(text, Kind.USER)))


def _create_room(body: Any) -> Command:
    given = take(body, bodies.RoomCreate)
    return room.CreateRoom(
        name=given.name,
        description=given.description,
        modules=tuple(given.modules),
        public=given.permission_preset == "public",
    )


def _patch_room(body: Any) -> Command:
    return room.UpdateRoom(room=room_of(body), settings=_take_config(body, bodies.RoomPatch).settings())


def _take_config(body: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError:
        raise RefusedError("config.invalid") from None


def _reorder(body: Any) -> Command:
    ids = take(body, list[str])
    return room.ReorderRooms(rooms=tuple(found for text in ids if (found := parse(text, Kind.ROOM))))


def _schedule(body: Any) -> Command:
    place = room_of(body)
    return room.ScheduleRoom(room=place, schedule_data=take(body, bodies.ScheduleBody).schedule_data)


def _react_in_room(body: Any) -> Command:
    place, reaction = room_of(body), body.get("reaction")
    return room.ReactInRoom(room=place, reaction=reaction if isinstance(reaction, str) else "")


def _update_profile(body: Any) -> Command:
    given = take(body, bodies.UserUpdate)
    return user.UpdateProfile(profile=given.profile, client_state=given.client_state)


def _update_user(body: Any) -> Command:
    given = take(body, bodies.AdminUpdate)
    return user.UpdateUser(
        user=user_of(body), profile=given.profile, pretalx_id=given.pretalx_id, client_state=given.client_state
    )


def _fetch_users(body: Any) -> Command:
    given = take(body, bodies.UserFetch)
    if given.ids is not None:
        return user.FetchUsers(users=users_of(given.ids))
    if given.pretalx_ids is not None:
        return user.FetchUsersByPretalx(ids=tuple(map(str, given.pretalx_ids[:MAX_USERS])))
    return user.FetchUsers(users=users_of([given.id or ""]))


def _search(body: Any) -> Command:
    given = take(body, bodies.UserSearch)
    return user.SearchUsers(
        term=given.search_term, page=given.page, badge=given.badge, include_banned=given.include_banned
    )


def _list_users(body: Any) -> Command:
    given = take(body, bodies.UserList)
    return user.ListUsers(kind=given.type, include_banned=given.include_banned)


def _connect_social(body: Any) -> Command:
    if not take(body, bodies.SocialConnect).return_url:
        raise RefusedError("user.social.return_url_required")
    raise RefusedError("user.social.unknown")  # there is none that a server could be connected to


def _subscribe_push(body: Any) -> Command:
    try:
        given = msgspec.convert(body, bodies.PushSubscribe).subscription
    except msgspec.ValidationError:
        raise RefusedError("invalid_input") from None
    return push.SubscribePush(
        endpoint=given.endpoint, p256dh=given.keys.p256dh, auth=given.keys.auth, expires=given.expirationTime
    )


def _tokens(body: Any) -> Command:
    given = take(body, bodies.Tokens)
    return login.IssueLogins(number=given.number, traits=tuple(given.traits), days=given.days, long=given.long)


def _patch_world(body: Any) -> Command:
    given = _take_config(mapping(body), bodies.WorldPatch)
    settings = {name: body[name] for name in CONFIG_SETTINGS if name in body}
    own = {name: value for name in given.__struct_fields__ if (value := getattr(given, name)) is not msgspec.UNSET}
    return world.UpdateWorld(**own, config=settings)


def _join(body: Any) -> Command:
    fields = mapping(body)
    place = parse(fields.get("channel"), Kind.CHANNEL)
    if not place:
        raise RefusedError("room.unknown", "Unknown room ID")
    return chat.JoinChat(room=place, volatile=take(body, bodies.ChatJoin).volatile)


def _fetch(body: Any) -> Command:
    place, given = channel_of(body), take(body, bodies.ChatFetch)
    return reading.FetchMessages(room=place, before=given.before_id, count=given.count)


def _send(body: Any) -> Command:
    place, given = channel_of(body), take(body, bodies.ChatSend)
    if given.event_type != "channel.message":
        return chat.PostMessage(room=place, kind="system", body=given.event_type)
    kind = given.content.get("type")
    text = given.content.get("body", "")
    if not isinstance(text, str) and kind != "call":
        raise RefusedError("protocol.invalid_body", "content.body must be text.")
    attached = given.content.get("files", []) if kind == "files" else []
    if not isinstance(attached, list) or not all(isinstance(file, dict) for file in attached):
        raise RefusedError("protocol.invalid_body", "content.files must be a list of objects.")
    files = tuple(attached)
    extra = {name: value for name, value in given.content.items() if name not in ("type", "files", "body")} or None
    if given.replaces and kind == "deleted":
        return chat.DeleteMessage(room=place, number=given.replaces)
    if given.replaces and kind in ("text", "files"):
        return chat.EditMessage(room=place, number=given.replaces, body=text, attachments=files, extra=extra)
    if kind == "call":
        return chat.PostMessage(room=place, kind="call", extra=extra, nonce=given.nonce)
    if kind not in ("text", "files"):
        return chat.PostMessage(room=place, kind="poll")
    mentions = tuple(
        found for text_id in chat.MENTION.findall(text) if (found := parse(text_id, Kind.USER) or -1)
    )  # fmt: skip
    return chat.PostMessage(room=place, body=text, attachments=files, extra=extra, mentions=mentions, nonce=given.nonce)


def _react(body: Any) -> Command:
    place, given = channel_of(body), take(body, bodies.ChatReact)
    return chat.ReactToMessage(room=place, number=given.event, reaction=given.reaction, delete=given.delete)


def _mark_read(body: Any) -> Command:
    place, number = channel_of(body), body.get("id")
    if not number or isinstance(number, bool) or not isinstance(number, int):
        raise RefusedError("chat.invalid_body")
    return reading.MarkRead(room=place, number=number)


def _open_direct(body: Any) -> Command:
    given = take(body, bodies.DirectCreate)
    # An id that is none is kept as one that nobody has, so that it is refused like an unknown user's.
    return direct.OpenDirect(users=tuple(parse(text, Kind.USER) or -1 for text in given.users), hide=given.hide)


# Writing


def _write_viewers(result: room.Arrival, context: Context) -> Any:
    viewers = result.viewers
    return {} if viewers is None else {"viewers": [context.encoder.user(viewer) for viewer in viewers]}


def _write_created(result: Room, context: Context) -> Any:
    return {
        "room": render(result.id, Kind.ROOM),
        "channel": render(result.id, Kind.CHANNEL) if result.chat else None,
    }


def _write_room(result: Room, context: Context) -> Any:
    return context.encoder.room_config(result)


def _write_rooms(result: list[Room], context: Context) -> Any:
    return [context.encoder.room_config(found) for found in result]


def _write_invite(result: Invite, context: Context) -> Any:
    return {"url": f"{context.base_url}/{result.code}"}


def _write_fetched(result: list[User], context: Context) -> Any:
    if context.body.get("ids") is not None:
        return {render(found.id, Kind.USER): context.write_user(found) for found in result}
    if context.body.get("pretalx_ids") is not None:
        return {found.pretalx_id: context.write_user(found) for found in result}
    if not result:
        raise RefusedError("user.not_found")
    return context.write_user(result[0])


def _write_users(result: list[User], context: Context) -> Any:
    return {"results": [context.write_user(found) for found in result]}


def _write_page(result: user.Page, context: Context) -> Any:
    found = [context.encoder.user(one) for one in result.users]
    for one in found:
        del one["deleted"]
    return {"results": found, "isLastPage": result.last}


def _write_blocked(result: list[User], context: Context) -> Any:
    return {"users": [context.encoder.user(found) for found in result]}


def _write_online(result: dict[int, bool], context: Context) -> Any:
    return {render(identity, Kind.USER): online for identity, online in result.items()}


def _write_kiosk(result: tuple[User, str], context: Context) -> Any:
    kiosk, code = result
    return {**context.encoder.user(kiosk, admin=True, private=True), "token": code}


def _write_settings(result: World, context: Context) -> Any:
    return context.encoder.settings()


def _write_conversation(result: chat.Conversation, context: Context) -> Any:
    return {
        "state": None,
        "next_event_id": result.next_number,
        "unread_pointer": result.last_said,
        "members": [context.encoder.user(member) for member in result.members],
    }


def _write_direct(result: chat.Conversation, context: Context) -> Any:
    return {**_write_conversation(result, context), "id": render(result.room.id, Kind.CHANNEL)}


def _write_messages(result: list[Message], context: Context) -> Any:
    audience = context.hub.audience_of(context.session, (Topic.CHAT.value, channel_of(context.body)))
    users = context.encoder.fetched(context.session, audience, result)
    return {"results": [context.encoder.message(message) for message in result if tells(message)], "users": users}


def _write_sent(result: Message, context: Context) -> Any:
    return {"event": context.encoder.message(result)}


def _self(verb: str) -> dict[Code, str]:
    return {Code.SELF_ACTION: f"user.{verb}.self"}


CALLS: dict[str, Call] = {
    "room.enter": Call(lambda body: room.EnterRoom(room=room_of(body)), _write_viewers),
    "room.leave": Call(lambda body: room.LeaveRoom(room=room_of(body))),
    "room.react": Call(_react_in_room),
    "room.create": Call(_create_room, _write_created),
    "room.delete": Call(lambda body: room.DeleteRoom(room=room_of(body))),
    "room.config.get": Call(lambda body: room.GetRoomConfig(room=room_of(body)), _write_room),
    "room.config.list": Call(lambda _body: room.ListRoomConfigs(), _write_rooms),
    "room.config.patch": Call(_patch_room, _write_room, codes={Code.CONFIG_INVALID: "config.invalid"}),
    "room.config.reorder": Call(_reorder, _write_rooms),
    "room.schedule": Call(_schedule),
    "room.invite.anonymous.link": Call(lambda body: room.InviteAnonymous(room=room_of(body)), _write_invite),
    "user.update": Call(_update_profile),
    "user.admin.update": Call(_update_user),
    "user.fetch": Call(_fetch_users, _write_fetched),
    "user.list": Call(_list_users, _write_users),
    "user.list.search": Call(_search, _write_page),
    "user.list.blocked": Call(lambda _body: user.ListBlocked(), _write_blocked),
    "user.block": Call(lambda body: user.BlockUser(user=user_of(body)), codes=_self("block")),
    "user.unblock": Call(lambda body: user.UnblockUser(user=user_of(body)), codes=_self("unblock")),
    "user.ban": Call(lambda body: user.BanUser(user=user_of(body)), codes=_self("ban")),
    "user.silence": Call(lambda body: user.SilenceUser(user=user_of(body)), codes=_self("silence")),
    "user.reactivate": Call(lambda body: user.ReactivateUser(user=user_of(body)), codes=_self("reactivate")),
    "user.delete": Call(lambda body: user.DeleteUser(user=user_of(body)), codes=_self("delete")),
    "user.online_status": Call(
        lambda body: user.CheckOnline(users=users_of(take(body, bodies.Ids).ids)), _write_online
    ),
    "user.web_push.subscribe": Call(_subscribe_push, codes={Code.INVALID: "invalid_input"}),
    "user.social.connect": Call(_connect_social),
    "user.kiosk.create": Call(
        lambda body: user.CreateKiosk(profile=take(body, bodies.Kiosk).profile),
        lambda result, _context: {"user": render(result.id, Kind.USER)},
    ),
    "user.kiosk.fetch": Call(lambda body: login.IssueLogin(user=user_of(body), days=365, kiosk=True), _write_kiosk),
    "world.config.get": Call(lambda _body: world.GetWorldConfig(), _write_settings),
    "world.config.patch": Call(_patch_world, _write_settings),
    "world.tokens.generate": Call(_tokens, lambda result, _context: {"results": result}),
    "world.auditlog.list": Call(
        lambda _body: world.ListAudit(),
        lambda result, context: {"results": [context.encoder.audit(entry) for entry in result]},
    ),
    "chat.subscribe": Call(lambda body: chat.SubscribeChat(room=channel_of(body)), _write_conversation),
    "chat.join": Call(_join, _write_conversation),
    "chat.leave": Call(lambda body: chat.LeaveChat(room=channel_of(body))),
    "chat.unsubscribe": Call(lambda body: chat.UnsubscribeChat(room=channel_of(body))),
    "chat.fetch": Call(_fetch, _write_messages),
    "chat.send": Call(_send, _write_sent),
    "chat.react": Call(
        _react,
        lambda result, context: context.encoder.message(result),
        codes={Code.REACTION_UNKNOWN: "emoji.sadpanda"},
    ),
    "chat.mark_read": Call(_mark_read),
    "chat.direct.create": Call(_open_direct, _write_direct),
    **decide.CALLS,
}


def find(name: str) -> Call:
    """Find a command by its name; raises RefusedError as clients expect of a name that there is not."""
    call = CALLS.get(name)
    if call:
        return call
    namespace, dot, _ = name.partition(".")
    if dot and namespace in NAMESPACES:
        raise RefusedError(f"{namespace}.unsupported_command")
    raise RefusedError("protocol.unknown_command")


def refusal(call: Call | None, error: HubbubError) -> RefusedError:
    """Say in this dialect's words why the core refused."""
    code, message, details = describe(error)
    if call and error.code in call.codes:
        return RefusedError(call.codes[error.code])
    if call and error.code in call.reasons:
        return RefusedError(call.reasons[error.code], error.message)
    return RefusedError(code, message, details)
