"""What people type after a slash: `room::command` with a command and its value.

Clients cut the line up; a plain message that begins with a slash is a message. Source: protocols/jumpin.md 1.3.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from hubbub.core.chat import PostMessage
from hubbub.core.moderation import bans_of
from hubbub.core.presence import Visit
from hubbub.core.visit import ClearFeed
from hubbub.dialects.jumpin.body import Json, as_object, cut, text
from hubbub.dialects.jumpin.decode import CALLS, MAX_MESSAGE, Call
from hubbub.dialects.jumpin.encode import username_of
from hubbub.dialects.jumpin.error import CHAT, RefusedError
from hubbub.dialects.jumpin.id import Kind, render

if TYPE_CHECKING:
    from hubbub.dialects.jumpin.session import JumpinSession

MAX_VALUE = 256
"""Characters of a value."""
SHRUG = "¯\\_(ツ)_/¯"

Run = Callable[["JumpinSession", str], tuple[Call, Json] | None]
"""Does a command with its value: gives what is to be asked of the core, or has said all there is to say."""


class Line(msgspec.Struct, frozen=True):
    """A command that people can type."""

    run: Run
    usage: str
    about: str
    moderator: bool = False


def run_command(session: "JumpinSession", body: Json) -> tuple[Call, Json] | None:
    """Do what was typed. Raises RefusedError."""
    message = as_object(body.get("message"))
    name, value = text(message, "command").strip().lower(), text(message, "value").strip()
    if not message or not name:
        raise RefusedError("command message body missing", "ERR_NO_MESSAGE", context=CHAT)
    if len(value) > MAX_VALUE:
        raise RefusedError(
            f"Message payload is too large, maximum size is {MAX_VALUE} characters", "PayloadSizeError", context=CHAT
        )
    line = LINES.get(name)
    if line is None:
        session.emit_status(f"'/{name[:32]}' is not a command, use '/help' to see a list of available commands")
        return None
    return line.run(session, value)


# Talk


def _say(read: Callable[["JumpinSession", Json], PostMessage]) -> Call:
    return msgspec.structs.replace(CALLS["room::message"], read=read)


def _shrug(session: "JumpinSession", value: str) -> tuple[Call, Json]:
    return _say(lambda session, body: PostMessage(room=session.room, body=SHRUG)), {}


def _me(session: "JumpinSession", value: str) -> tuple[Call, Json]:
    if not value:
        raise RefusedError("You actually need to do something...", "ERR_NO_MESSAGE", context=CHAT)
    said = cut(value, MAX_MESSAGE)
    return _say(lambda session, body: PostMessage(room=session.room, body=said, extra={"action": "me"})), {}


def _private(session: "JumpinSession", value: str) -> tuple[Call, Json]:
    name, _, said = value.partition(" ")
    if not name:
        raise RefusedError("missing nickname or username", "ERR_NO_VALUE", context=CHAT)
    if not said.strip():
        raise RefusedError("Missing message", "ERR_NO_VALUE", context=CHAT)
    visit = _find(session, name)
    return CALLS["room::privateMessage"], {"userListId": render(visit.id, Kind.VISIT), "message": said}


# Oneself


def _nick(session: "JumpinSession", value: str) -> tuple[Call, Json]:
    if not value:
        raise RefusedError("nick missing", "ERR_NO_HANDLE", context=CHAT)
    return msgspec.structs.replace(CALLS["room::handleChange"], context=CHAT, modal=""), {"handle": value}


def _color(session: "JumpinSession", value: str) -> tuple[Call, Json]:
    return CALLS["room::changeColor"], {"color": value}


# The room


def _topic(session: "JumpinSession", value: str) -> tuple[Call, Json] | None:
    if value:
        return msgspec.structs.replace(CALLS["room::setTopic"], context=CHAT, modal=""), {"topic": value}
    lines = session.topic_lines("room topic", "set by {by} on {on}")
    for line in [" ", *lines, " "] if lines else ["no topic set"]:
        session.emit_status(line)
    return None


def _clear(session: "JumpinSession", value: str) -> tuple[Call, Json]:
    call = Call(read=lambda session, body: ClearFeed(room=session.room), permission="ban")
    return call, {}


def _target(event: str, missing: str = "'{name}' doesn't appear to be a user") -> Run:
    def run(session: "JumpinSession", value: str) -> tuple[Call, Json]:
        if not value:
            raise RefusedError("missing nickname or username", "ERR_NO_HANDLE", context=CHAT)
        visit = _find(session, value, missing)
        return CALLS[event], {"user_list_id": render(visit.id, Kind.VISIT)}

    return run


def _ban(session: "JumpinSession", value: str) -> tuple[Call, Json]:
    if not value:
        raise RefusedError("missing nickname or username", "ERR_NO_HANDLE", context=CHAT)
    name, _, hours = value.rpartition(" ")
    if not name or not hours.isdecimal():
        name, hours = value, ""
    body: Json = {"user_list_id": render(_find(session, name, "User not found", gone=True).id, Kind.VISIT)}
    return CALLS["room::operation::ban"], body | ({"duration": hours} if hours else {})


def _unban(session: "JumpinSession", value: str) -> tuple[Call, Json]:
    if not value:
        raise RefusedError("missing nickname or username", "ERR_NO_HANDLE", context=CHAT)
    state, now = session.state, session.now()
    for ban in bans_of(state, now, state.rooms[session.room]) if session.may("room:chat.moderate") else ():
        user = state.users.get(ban.user)
        if value in (ban.handle, username_of(user) if user else None):
            return CALLS["room::operation::unban"], {"banlistId": render(ban.id, Kind.BAN), "handle": value}
    raise RefusedError(f"'{value}' doesn't appear to be in the banlist", "ERR_NO_USER", context=CHAT)


def _banlist(session: "JumpinSession", value: str) -> tuple[Call, Json]:
    return CALLS["room::operation::banlist"], {}


def _find(
    session: "JumpinSession", name: str, missing: str = "'{name}' doesn't appear to be a user", *, gone: bool = False
) -> Visit:
    """Find who is called so, by handle or account; `gone` finds those too who have left not long ago."""
    state = session.state
    here = list(state.presence.visits.get(session.room, {}).values())
    past = (visit for visit in state.presence.past_visits(session.now()) if visit.room == session.room)
    visit: Visit
    for visit in (*here, *(past if gone else ())):
        user = state.users.get(visit.user)
        if user and user.shown and name in (visit.handle, username_of(user)):
            return visit
    raise RefusedError(missing.format(name=name), "ERR_NO_USER", context=CHAT)


# Help


def _help(session: "JumpinSession", value: str) -> None:
    _list(session, moderator=False)


def _mod_help(session: "JumpinSession", value: str) -> None:
    _list(session, moderator=True, only=value.lstrip("/"))


def _list(session: "JumpinSession", *, moderator: bool, only: str = "") -> None:
    session.emit_status("Moderator commands:" if moderator else "Commands:")
    for name, line in _lines(moderator=moderator):
        if only in ("", name):
            session.emit_status(f"/{name} {line.usage}".rstrip() + f" - {line.about}")


def _lines(*, moderator: bool) -> Iterator[tuple[str, Line]]:
    seen: set[Line] = set()
    for name, line in LINES.items():
        if line.moderator == moderator and line.about and line not in seen:
            seen.add(line)
            yield name, line


def _nothing(session: "JumpinSession", value: str) -> None:
    """Do nothing, as the original."""


_WHISPER = Line(_private, "NAME MESSAGE", "say something to one person alone")
_HELP = Line(_help, "", "show these lines")

LINES: Mapping[str, Line] = {
    "me": Line(_me, "ACTION", "say what you do"),
    "shrug": Line(_shrug, "", "shrug your shoulders"),
    "nick": Line(_nick, "NAME", "change your nickname"),
    "color": Line(_color, "", "show your name in the next colour"),
    "msg": _WHISPER,
    "pm": _WHISPER,
    "topic": Line(_topic, "[TOPIC]", "show the topic or, as a moderator, set it"),
    "help": _HELP,
    "?": _HELP,
    "modhelp": Line(_mod_help, "[COMMAND]", "show what moderators can do"),
    "kick": Line(_target("room::operation::kick", "User not found"), "NAME", "send somebody out", moderator=True),
    "ban": Line(_ban, "NAME [HOURS]", "keep somebody out, for 24 hours or as long as you say", moderator=True),
    "unban": Line(_unban, "NAME", "let somebody in again", moderator=True),
    "banlist": Line(_banlist, "", "show who is banned", moderator=True),
    "silence": Line(_target("room::operation::silence"), "NAME", "let somebody only read for a while", moderator=True),
    "close": Line(_target("room::operation::closeBroadcast"), "NAME", "close somebody's broadcast", moderator=True),
    "clear": Line(_clear, "", "empty the chat on everybody's screen", moderator=True),
    "lastseen": Line(_nothing, "", ""),
}
