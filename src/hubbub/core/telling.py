"""Telling: what happens in a room is said in its talk, once, for programs and for people (docs/system-messages.md).

The texts are read by bots of GroupMe: they do not change.
"""

from typing import Any

from hubbub.core.command import Act
from hubbub.core.event import MessagePosted
from hubbub.core.membership import is_member, name_in, person_in
from hubbub.core.model import Message, Room, User

CHANGES: dict[str, tuple[str, str]] = {
    "name": ("group.name_change", "{by} changed the group's name to {value}"),
    "description": ("group.topic_change", "{by} changed the topic to: {value}"),
    "picture": ("group.avatar_change", "{by} changed the group's avatar"),
    "group": ("group.type_change", "{by} changed the group to {value}"),
    "theme": ("group.theme_change", "{by} changed the theme to {value}"),
    "like_icon": ("group.like_icon_set", "{by} changed the like icon"),
    "office_mode": ("group.office_mode", "{by} turned office mode {on}"),
    "directory": ("group.added_to_directory", "{by} added the group to the directory {value}"),
    "share_token": ("group.shared", "{by} shared the group"),
    "approval": ("group.approval_on", "{by} turned on approval of new members"),
}
"""What is said of a change of each field: its type, and the words."""
REMOVED: dict[str, tuple[str, str]] = {
    "like_icon": ("group.like_icon_removed", "{by} removed the like icon"),
    "directory": ("group.removed_from_directory", "{by} removed the group from the directory"),
    "share_token": ("group.unshared", "{by} unshared the group"),
    "approval": ("group.approval_off", "{by} turned off approval of new members"),
}
"""The same where a field is emptied."""
SECRET = frozenset({"share_token"})
"""What is changed without the value being told: whoever belongs later must not find an old one."""


def announce(
    act: Act, room: Room, user: User | None, what: str, text: str = "", *, once: str | None = None, **more: Any
) -> Message:
    """Say in a conversation that something happened: what, by or to whom (None: the system), and the same in words.

    `more` is what else programs want to know of it; see docs/system-messages.md. What happens by itself is said by
    every server on the database: under `once`, which names the occasion, only the first of them can store it.
    """
    message = Message(
        id=act.new_id(),
        world=room.world,
        room=room.id,
        sender=(user.id if user else 0) or None,
        at=act.now,
        kind="system",
        body=text,
        event={"type": what, **person_in(act.state, room.id, user.id if user else 0), **more},
        nonce=once,
    )
    act.emit(MessagePosted, room.id, message=message)
    return message


def announce_joined(act: Act, room: Room, user: User, *, again: bool) -> None:
    """Say that somebody belongs to a conversation now, `again` when they did before."""
    what, word = ("member.rejoined", "rejoined") if again else ("member.joined", "joined")
    announce(act, room, user, what, f"{name_in(act.state, room.id, user.id)} has {word} the group")


def announce_left(act: Act, room: Room, user: User, nickname: str) -> None:
    """Say that somebody, who was called so, belongs to a conversation no longer."""
    announce(act, room, user, "member.left", f"{nickname} has left the group.", nickname=nickname)


def say_changes(act: Act, room: Room, changed: dict[str, Any]) -> None:
    """Say in a group what changed of it, each by itself; `room` is as it is now. Of some fields nothing is said."""
    for name, usual in CHANGES.items():
        if name in changed:
            value = changed[name]
            what, words = REMOVED[name] if name in REMOVED and not value else usual
            text = words.format(by=name_in(act.state, room.id, act.by), value=value, on="on" if value else "off")
            announce(act, room, act.user, what, text, **({} if name in SECRET else {"value": value}))


def say_role(act: Act, room: Room, user: int, *, admin: bool) -> None:
    """Say in a group that a member helps to run it now, or no longer."""
    if not room.lasting or not is_member(act.state, room.id, user):
        return
    who = person_in(act.state, room.id, user)
    role, words = ("admin", "made {} an admin") if admin else ("user", "made {} a member again")
    text = f"{name_in(act.state, room.id, act.by)} {words.format(who['nickname'])}"
    announce(act, room, act.user, "group.role_change", text, role=role, member=who)
