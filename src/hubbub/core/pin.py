"""Pins: messages that a conversation keeps at hand."""

import msgspec

from hubbub.core.chat import CHAT, access_message, check_may_speak
from hubbub.core.command import Act, Command, check, handles
from hubbub.core.error import Code, Denied, Invalid, Limited
from hubbub.core.event import DirectPosted, MessagePinned, MessagePosted, MessageUnpinned
from hubbub.core.membership import check_may_change, name_in
from hubbub.core.model import Message, Room
from hubbub.core.telling import announce

MAX_PINS = 100
"""Of one room."""


class PinMessage(Command, frozen=True, kw_only=True):
    """Keep a message at hand for everybody in the conversation."""

    MODULE = CHAT
    room: int
    number: int


class UnpinMessage(Command, frozen=True, kw_only=True):
    """Keep it at hand no longer."""

    MODULE = CHAT
    room: int
    number: int


class ListPinned(Command, frozen=True, kw_only=True):
    """Read what is pinned in a conversation."""

    MODULE = CHAT
    room: int


@handles(PinMessage, "room:chat.send", rate="configure", events=(MessagePinned, MessagePosted, DirectPosted))
async def do_pin(act: Act, command: PinMessage) -> Message:
    """Pin it, and say so; of a private group and a direct conversation everybody may, else who runs the room."""
    await act.archive.settle()
    pinned = await act.archive.pinned(command.room)
    message = await access_message(act, command.room, command.number)
    room = _check_may_pin(act, command)
    if message.pinned:
        raise Invalid(Code.STATE_INVALID, "The message is pinned already.")
    if message.deleted or message.replaces is not None or message.kind == "system":
        raise Denied(Code.CHAT_DENIED, "That cannot be pinned.")
    if len(pinned) >= MAX_PINS:
        raise Limited(Code.TOO_MANY, f"At most {MAX_PINS} messages can be pinned. Unpin some first.")
    message = msgspec.structs.replace(message, pinned=act.now, pinned_by=act.by)
    act.emit(MessagePinned, room.id, message=message)
    _say_pinned(act, room, message)
    return message


def _say_pinned(act: Act, room: Room, message: Message) -> None:
    text = f"{name_in(act.state, room.id, act.by)} pinned a message."
    said = announce(act, room, act.actor, "message.pinned", text, message=message.id, number=message.number)
    if room.kind == "direct":
        act.emit(DirectPosted, room.id, users=tuple(act.state.members[room.id]), message=said)


@handles(UnpinMessage, "room:chat.send", rate="configure", events=(MessageUnpinned,))
async def do_unpin(act: Act, command: UnpinMessage) -> Message:
    """Unpin it. Nothing is said of that (protocols/groupme.md 1.5)."""
    message = await access_message(act, command.room, command.number)
    room = _check_may_pin(act, command)
    if not message.pinned:
        raise Invalid(Code.STATE_INVALID, "The message is not pinned.")
    message = msgspec.structs.replace(message, pinned=None, pinned_by=0)
    act.emit(MessageUnpinned, room.id, message=message)
    return message


def _check_may_pin(act: Act, command: PinMessage | UnpinMessage) -> Room:
    check(act, command)  # the world may have changed while we looked
    room = check_may_speak(act, command.room)
    if room.kind != "direct":
        check_may_change(act, room)
    return room


@handles(ListPinned, "room:chat.read", rate="read")
async def do_list(act: Act, command: ListPinned) -> list[Message]:
    """Give them as they read now, the last pinned first."""
    await act.archive.settle()
    found = await act.archive.pinned(command.room)
    check(act, command)
    return [message for message in (act.state.changed.get(one.id, one) for one in found) if message.pinned]
