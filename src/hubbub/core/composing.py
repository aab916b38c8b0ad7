"""Composing: somebody is about to say something."""

from hubbub.core.chat import CHAT, check_may_speak
from hubbub.core.command import Act, Command, handles
from hubbub.core.event import Typing


class SignalTyping(Command, frozen=True, kw_only=True):
    """Let those in a conversation know that the actor is writing. Nothing says that they stopped: it wears off."""

    MODULE = CHAT
    room: int


@handles(SignalTyping, "room:chat.send", rate="presence", events=(Typing,))
def do_signal(act: Act, command: SignalTyping) -> None:
    """Tell it, to everybody who listens in a room, and to all connections of those in a direct conversation."""
    room = check_may_speak(act, command.room)
    users = tuple(act.state.members[room.id]) if room.kind == "direct" else ()
    act.emit(Typing, room.id, user=act.actor.id, users=users, at=act.now)
