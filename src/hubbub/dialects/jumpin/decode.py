"""What clients of this dialect ask: each event read into a command of the core, and what the asker alone is told.

What everybody is told follows from the core's events: see encode.py. Source: protocols/jumpin.md 1.2, 1.4, 1.5.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from hubbub.core import ignore, moderation, playlist
from hubbub.core.chat import PostMessage
from hubbub.core.command import Command
from hubbub.core.direct import Whisper
from hubbub.core.error import Code, HubbubError
from hubbub.core.model import Ban, Ignore
from hubbub.core.playlist import Playing
from hubbub.core.presence import Visit
from hubbub.core.room import SetTopic
from hubbub.core.visit import CloseBroadcast, SetBroadcasting, SetColor, SetHandle
from hubbub.dialects.jumpin.body import Json, cut, identity, number, text
from hubbub.dialects.jumpin.error import ALERT, BANNER, CHAT, MODAL, RefusedError, refusal
from hubbub.dialects.jumpin.id import Kind

if TYPE_CHECKING:
    from hubbub.dialects.jumpin.session import JumpinSession

MAX_MESSAGE = 255
"""UTF-16 code units; what is more is cut off."""

Read = Callable[["JumpinSession", Json], Command]
Write = Callable[["JumpinSession", Json, Any], None]


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """How an event becomes a command, and where its errors are shown.

    `write` tells the asker what nobody else is told. `refuse` puts an error of the core into words, where the usual
    ones do not fit; what it gives None for is no error. `guarded` calls count for the flood guard.
    """

    read: Read
    write: Write | None = None
    context: str = BANNER
    modal: str = ""
    permission: str = ""
    guarded: bool = False
    refuse: Callable[["JumpinSession", HubbubError], RefusedError | None] | None = None

    def refusal(self, session: "JumpinSession", error: HubbubError) -> RefusedError | None:
        """Say what is wrong; None when the client is told nothing."""
        if self.refuse:
            return self.refuse(session, error)
        return refusal(error, context=self.context, modal=self.modal, permission=self.permission)


# Talk


def _message(session: "JumpinSession", body: Json) -> Command:
    said = cut(text(body, "message").strip(), MAX_MESSAGE)
    if not said:
        raise RefusedError("Can not send empty message", "ERR_NO_MESSAGE", context=CHAT)
    return PostMessage(room=session.room, body=said)


def _refuse_message(session: "JumpinSession", error: HubbubError) -> RefusedError:
    left = session.silenced_for()
    if error.code in (Code.ROOM_DENIED, Code.CHAT_DENIED) and left is not None:
        return RefusedError(f"You are silenced, wait {left}", "ERR_SRV", context=CHAT)
    return refusal(error, context=CHAT, permission="chat")


def _private_message(session: "JumpinSession", body: Json) -> Command:
    said = cut(text(body, "message").strip(), MAX_MESSAGE)
    if not said:
        raise RefusedError("failed to send message", "ERR_NO_MESSAGE")
    return Whisper(room=session.room, visit=identity(body, "userListId", Kind.VISIT), body=said)


def _refuse_private(session: "JumpinSession", error: HubbubError) -> RefusedError:
    if error.code is Code.VISIT_UNKNOWN:
        return RefusedError("User not found", "ERR_NO_USER")
    if error.code is Code.SELF_ACTION:
        return RefusedError("failed to send message", "ERR_NO_USER")
    return refusal(error, permission="chat")


# Oneself


def _handle(session: "JumpinSession", body: Json) -> Command:
    return SetHandle(room=session.room, handle=text(body, "handle"))


def _write_handle(session: "JumpinSession", body: Json, result: Visit) -> None:
    session.emit("client::handleChange", {"handle": result.handle})


def _color(session: "JumpinSession", body: Json) -> Command:
    color = body.get("color")
    return SetColor(room=session.room, color=str(color)[:20] if color else None)


def _write_color(session: "JumpinSession", body: Json, result: Visit) -> None:
    session.emit_status("Chat color changed", color=result.color)
    session.emit("self::user", {"user": {"color": result.color}})


def _broadcasting(session: "JumpinSession", body: Json) -> Command:
    return SetBroadcasting(room=session.room, on=body.get("isBroadcasting") is True)


def _ignore(session: "JumpinSession", body: Json) -> Command:
    return ignore.IgnoreVisitor(room=session.room, visit=identity(body, "userListId", Kind.VISIT))


def _write_ignored(session: "JumpinSession", body: Json, result: Ignore) -> None:
    session.emit_status(f"You have ignored {result.handle}")


def _stop_ignoring(session: "JumpinSession", body: Json) -> Command:
    return ignore.StopIgnoring(ignore=identity(body, "id", Kind.IGNORE))


def _write_unignored(session: "JumpinSession", body: Json, result: Ignore) -> None:
    session.emit_status(f"You are no longer ignoring {result.handle}")


# The room


def _topic(session: "JumpinSession", body: Json) -> Command:
    if not isinstance(body.get("topic"), str):
        raise RefusedError("No topic provided", "ERR_INVALID_PARAMS")
    return SetTopic(room=session.room, topic=body["topic"])


def _target(command: Callable[..., Command]) -> Read:
    return lambda session, body: command(room=session.room, visit=identity(body, "user_list_id", Kind.VISIT))


def _ban(session: "JumpinSession", body: Json) -> Command:
    hours = number(body.get("duration"))
    duration = moderation.BAN if hours is None else timedelta(hours=max(-1, min(hours, 1e5)))
    return moderation.BanVisitor(room=session.room, visit=identity(body, "user_list_id", Kind.VISIT), duration=duration)


def _refuse_target(verb: str, permission: str, context: str, missing: tuple[str, str, str]) -> Any:
    """Say why somebody could not be acted on; `missing` is context, error and message when there is nobody."""

    def refuse(session: "JumpinSession", error: HubbubError) -> RefusedError:
        if error.code is Code.SELF_ACTION:
            return RefusedError(f"You can not {verb} yourself", f"ERR_SELF_{verb.split(maxsplit=1)[0].upper()}")
        if error.code is Code.RANK_DENIED and error.details:
            (standing,) = error.details["standing"]
            whom = {"owner": "the room owner", "moderator": "a moderator", "admin": "an admin"}
            return RefusedError(
                f"You can not {verb} {whom.get(standing, 'a site moderator')}", "PermissionError", context=context
            )
        if error.code is Code.VISIT_UNKNOWN:
            return RefusedError(missing[2], missing[1], context=missing[0])
        return refusal(error, context=CHAT if error.code is Code.NOT_BROADCASTING else BANNER, permission=permission)

    return refuse


def _lift(session: "JumpinSession", body: Json) -> Command:
    return moderation.LiftBan(room=session.room, ban=identity(body, "banlistId", Kind.BAN))


def _write_lifted(session: "JumpinSession", body: Json, result: Ban) -> None:
    session.emit_status(f"You unbanned {text(body, 'handle') or result.handle}")
    session.emit_banlist()


def _refuse_lift(session: "JumpinSession", error: HubbubError) -> RefusedError | None:
    if error.code is Code.BAN_UNKNOWN:
        session.emit_banlist()
        return None
    return refusal(error, context=MODAL, modal="banlist", permission="ban")


def _refuse_banlist(session: "JumpinSession", error: HubbubError) -> RefusedError:
    return RefusedError("you do not have permission to do this", "PermissionError", context=ALERT)


# Watching together


def _remove_video(session: "JumpinSession", body: Json) -> Command:
    return playlist.RemoveVideo(room=session.room, item=identity(body, "id", Kind.VIDEO))


def _refuse_video(what: str) -> Any:
    def refuse(session: "JumpinSession", error: HubbubError) -> RefusedError:
        if error.code is Code.ROOM_DENIED:
            return RefusedError("You don't have permission to play videos", "PermissionError", context=CHAT)
        if error.code is Code.MEDIA_UNKNOWN:
            return RefusedError(error.message, "ERR_NOT_FOUND", context=CHAT)
        if error.temporary:
            return refusal(error, context=CHAT)
        return RefusedError(f"Error {what} Youtube video", "ERR_SRV", context=CHAT)

    return refuse


def _write_playing(session: "JumpinSession", body: Json, result: Playing | None) -> None:
    if result is None:
        return
    session.emit("youtube::playvideo", session.jumpin.playing(result))
    if body.get("notify", True):
        session.emit_status(f"Currently playing: {result.item.title} ({result.item.link})")


def _seek(session: "JumpinSession", body: Json) -> Command:
    seconds = number(body.get("seekTo"))
    if not seconds or seconds < 0:
        raise RefusedError("New video time not set", "ERR_INVALID_PARAMS", context=CHAT)
    return playlist.SeekVideo(room=session.room, position=timedelta(seconds=min(seconds, playlist.MAX_DURATION)))


ADD_VIDEO = Call(read=lambda session, body: Command(), refuse=_refuse_video("starting"))
"""How what comes of `youtube::play` is told; its details are looked up first."""

CALLS: Mapping[str, Call] = {
    "room::message": Call(read=_message, refuse=_refuse_message, guarded=True),
    "room::privateMessage": Call(read=_private_message, refuse=_refuse_private, guarded=True),
    "room::handleChange": Call(read=_handle, write=_write_handle, context=MODAL, modal="changeHandle", guarded=True),
    "room::changeColor": Call(read=_color, write=_write_color),
    "room::setUserIsBroadcasting": Call(read=_broadcasting, permission="broadcast"),
    "room::ignoreUser": Call(read=_ignore, write=_write_ignored),
    "room::unignoreUser": Call(read=_stop_ignoring, write=_write_unignored, context=CHAT),
    "room::setTopic": Call(
        read=_topic, context=MODAL, modal="settings.room.info.topic", permission="roomDetails", guarded=True
    ),
    "room::operation::ban": Call(
        read=_ban, refuse=_refuse_target("ban", "ban", CHAT, (BANNER, "ERR_NO_USER", "User is no longer in the room"))
    ),
    "room::operation::kick": Call(
        read=_target(moderation.KickVisitor),
        refuse=_refuse_target("kick", "kick", BANNER, (BANNER, "NotFoundError", "Could not find user")),
    ),
    "room::operation::silence": Call(
        read=_target(moderation.SilenceVisitor),
        refuse=_refuse_target("silence", "muteUserChat", ALERT, (ALERT, "NotFoundError", "target user not found")),
    ),
    "room::operation::closeBroadcast": Call(
        read=_target(CloseBroadcast),
        refuse=_refuse_target("close", "closeCam", CHAT, (CHAT, "ERR_NO_USER", "Can not find user")),
    ),
    "room::operation::unban": Call(read=_lift, write=_write_lifted, refuse=_refuse_lift),
    "room::operation::banlist": Call(
        read=lambda session, body: moderation.ListBans(room=session.room),
        write=lambda session, body, result: session.emit_banlist(),
        refuse=_refuse_banlist,
    ),
    "youtube::remove": Call(read=_remove_video, refuse=_refuse_video("removing")),
    "youtube::checkisplaying": Call(
        read=lambda session, body: playlist.GetPlaying(room=session.room),
        write=_write_playing,
        refuse=_refuse_video("starting"),
    ),
    "youtube::pause": Call(
        read=lambda session, body: playlist.PauseVideo(room=session.room), refuse=_refuse_video("pausing")
    ),
    "youtube::resume": Call(
        read=lambda session, body: playlist.ResumeVideo(room=session.room), refuse=_refuse_video("resuming")
    ),
    "youtube::seek": Call(read=_seek, refuse=_refuse_video("seeking")),
}
"""The events that become one command each. The others are in session.py and command.py."""
