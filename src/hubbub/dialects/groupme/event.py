"""What is said of what happens, in this dialect's words (protocols/groupme.md 1).

The core's messages carry what happened with the core's ids (docs/system-messages.md). Here each becomes an `event` of a
type and data, as programs know it, with who says it and what is attached.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from hubbub.core.chat import deletion_actor
from hubbub.core.membership import name_in
from hubbub.core.model import GroupKind, Message
from hubbub.core.state import WorldState
from hubbub.dialects.groupme.id import SYSTEM, render, render_conversation, render_event, render_message

Json = dict[str, Any]

EDIT_PERIODS: dict[GroupKind, int] = {"private": 15, "closed": 15, "announcement": 43_200}
"""Minutes (protocols/groupme.md 1.2). Clients show it; here messages can be edited for ever."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """How a message of what happened reads: `sender` is a user, or 0 for the system and -1 for the calendar's service.

    `event` is None for what this dialect has no word for: then there is the text alone.
    """

    event: Json | None
    text: str
    sender: int = 0
    attachments: tuple[Json, ...] = ()


BY_CALENDAR = -1


class Teller:
    """Renders what happened in one world; `site` is where the server is reached."""

    def __init__(self, state: WorldState, site: str) -> None:
        self._state = state
        self._site = site

    def render(self, message: Message) -> Said:
        """Render a message that tells what happened: of the system, about a poll, an edit or a deletion."""
        event = message.event or {}
        kind = event.get("type")
        if message.replaces is not None and kind != "message.deleted":
            return self._edited(message)
        teller = TELLERS.get(kind) if isinstance(kind, str) else None
        if teller is None:
            return Said(event=None, text=message.body)
        try:
            return teller(self, message, event)
        except (KeyError, TypeError, ValueError):  # written by another version, or taken over from elsewhere
            return Said(event=None, text=message.body)

    # People

    def _user(self, event: Json, *, text: bool = False) -> Json:
        return self._person(event, text=text)

    @staticmethod
    def _person(person: Json, *, text: bool = False) -> Json:
        """Write a user: of groups, members and bots with a number as id, of everything else with a text."""
        identity = person["user"]
        return {"id": render(identity) if text else identity, "nickname": person["nickname"]}

    # Members

    def _joined(self, message: Message, event: Json) -> Said:
        return self._say(message, "membership.announce.joined", user=self._user(event))

    def _rejoined(self, message: Message, event: Json) -> Said:
        return self._say(message, "membership.announce.rejoined", user=self._user(event))

    def _added(self, message: Message, event: Json) -> Said:
        added = [self._person(member) for member in event["members"]]
        return self._say(message, "membership.announce.added", added_users=added, adder_user=self._user(event))

    def _left(self, message: Message, event: Json) -> Said:
        return self._say(message, "membership.notifications.exited", removed_user=self._user(event))

    def _removed(self, message: Message, event: Json) -> Said:
        who = {"remover_user": self._user(event), "removed_user": self._person(event["member"])}
        return self._say(message, "membership.notifications.removed", **who)

    def _dropped(self, message: Message, event: Json) -> Said:
        attachment = {"type": "autokicked_member", "user_id": render(event["user"])}
        said = self._say(message, "membership.notifications.autokicked", user=self._user(event))
        return msgspec.structs.replace(said, attachments=(attachment,))

    def _renamed(self, message: Message, event: Json) -> Said:
        return self._say(message, "membership.nickname_changed", user=self._user(event), name=event["name"])

    def _avatar_changed(self, message: Message, event: Json) -> Said:
        return self._say(message, "membership.avatar_changed", user=self._user(event), avatar_url=event["value"])

    # Groups

    def _group_changed(self, message: Message, event: Json) -> Said:
        name, field = GROUP_CHANGES[event["type"]]
        return self._say(message, name, user=self._user(event), **{field: event["value"] or ""})

    def _topic_changed(self, message: Message, event: Json) -> Said:
        if not event["value"]:
            return self._say(message, "group.topic_removed", user=self._user(event))
        return self._say(message, "group.topic_change", user=self._user(event), topic=event["value"])

    def _type_changed(self, message: Message, event: Json) -> Said:
        period = EDIT_PERIODS[event["value"]]
        more = {"type": event["value"], "message_edit_period": period}
        return self._say(message, "group.type_change", user=self._user(event), **more)

    def _like_icon_set(self, message: Message, event: Json) -> Said:
        return self._say(message, "group.like_icon_set", user=self._user(event), like_icon=event["value"])

    def _user_alone(self, message: Message, event: Json) -> Said:
        return self._say(message, USER_ALONE[event["type"]], user=self._user(event))

    def _office_mode(self, message: Message, event: Json) -> Said:
        on = "enabled" if event["value"] else "disabled"
        return self._say(message, f"group.office_mode_{on}", user=self._user(event))

    def _shared(self, message: Message, event: Json) -> Said:
        """The link itself is a secret of who belongs to the group now: it is not kept in what was said."""
        room = self._state.rooms.get(message.room)
        url = share_url(self._site, message.room, room.share_token) if room and room.share_token else ""
        return self._say(message, "group.shared", user=self._user(event), share_url=url, share_qr_code_url="")

    def _owner_changed(self, message: Message, event: Json) -> Said:
        old = self._person(event["old"]) if event["old"] else None
        return self._say(message, "group.owner_changed", old_owner=old, new_owner=self._person(event["new"]))

    def _role_changed(self, message: Message, event: Json) -> Said:
        more = {"role": event["role"], "member": self._person(event["member"])}
        return self._say(message, "group.role_change_admin", user=self._user(event), **more)

    # Messages

    def _pinned(self, message: Message, event: Json) -> Said:
        more = {"pinned": True, "pinned_by": render(event["user"]), "pinned_at": int(message.at.timestamp())}
        return self._say(message, "message.pinned", message_id=render_message(event["number"]), **more)

    def _deleted(self, message: Message, event: Json) -> Said:
        """The system's deletions name the author, as the original's do."""
        deleter = event["author"] if event["actor"] == "system" else event["user"]
        return self._say(
            message,
            "message.deleted",
            message_id=render_message(event["number"]),
            deleted_at=int(message.at.timestamp()),
            deletion_actor=event["actor"],
            deleter_id=render(deleter) if deleter else SYSTEM,
        )

    def _edited(self, message: Message) -> Said:
        name = name_in(self._state, message.room, message.sender or 0)
        content = {"text": message.body or None, "attachments": list(message.attachments)}
        said = self._say(
            message,
            "message.update",
            message_id=render_message(message.replaces or 0),
            sender_id=render(message.sender or 0),
            updated_at=int(message.at.timestamp()),
            message=content,
        )
        return msgspec.structs.replace(said, text=f"{name} edited to: \u201c{message.body}\u201d")

    # Bots

    def _bot(self, message: Message, event: Json) -> Said:
        name = {"bot.added": "bot.add", "bot.removed": "bot.del"}[event["type"]]
        return self._say(message, name, user=self._user(event), bot=event["name"])

    def _bot_renamed(self, message: Message, event: Json) -> Said:
        more = {"bot_name_old": event["old"], "bot_name_new": event["name"]}
        return self._say(message, "bot.rename", user=self._user(event), **more)

    # The calendar

    def _event_created(self, message: Message, event: Json) -> Said:
        url = event_url(self._site, message.room, event["gathering"])
        said = self._calendar(message, event, "calendar.event.created", url=url, user=self._user(event, text=True))
        attachment = {"type": "event", "event_id": render_event(event["gathering"]), "view": "full"}
        text = f"{message.body} {url}"
        return msgspec.structs.replace(said, sender=event["user"], attachments=(attachment,), text=text)

    def _event_updated(self, message: Message, event: Json) -> Said:
        fields = [f"calendar.event.field.{FIELDS.get(field, field)}" for field in event["fields"]]
        user = self._user(event, text=True)
        return self._calendar(message, event, "calendar.event.updated", updated_fields=fields, user=user)

    def _event_answered(self, message: Message, event: Json) -> Said:
        return self._calendar(message, event, CALENDAR_CHANGES[event["type"]], user=self._user(event, text=True))

    def _event_starting(self, message: Message, event: Json) -> Said:
        more = {"event_name": event["name"], "minutes": str(event["minutes"])}
        said = self._say(message, "calendar.event.starting", **more)
        return msgspec.structs.replace(said, sender=BY_CALENDAR, attachments=(self._brief(event),))

    def _calendar(self, message: Message, event: Json, name: str, /, **data: Any) -> Said:
        about = {"id": render_event(event["gathering"]), "name": event["name"]}
        said = self._say(message, name, event=about, **data)
        return msgspec.structs.replace(said, sender=BY_CALENDAR, attachments=(self._brief(event),))

    @staticmethod
    def _brief(event: Json) -> Json:
        return {"type": "event", "event_id": render_event(event["gathering"]), "view": "brief"}

    # Polls

    def _poll_created(self, message: Message, event: Json) -> Said:
        user = {"user": event["user"], "nickname": name_in(self._state, message.room, event["user"])}
        said = self._poll(message, event, "poll.created", user=self._person(user, text=True))
        attachment = {"type": "poll", "poll_id": render(event["poll"])}
        return msgspec.structs.replace(said, sender=event["user"], attachments=(attachment,))

    def _poll_reminder(self, message: Message, event: Json) -> Said:
        return self._poll(message, event, "poll.reminder", {"expiration": event["expires"]})

    def _poll_finished(self, message: Message, event: Json) -> Said:
        options = [option_of(place, option) for place, option in enumerate(event["options"], 1)]
        return self._poll(message, event, "poll.finished", options=options)

    def _poll(self, message: Message, event: Json, name: str, more: Json | None = None, /, **data: Any) -> Said:
        room = self._state.rooms.get(message.room)
        conversation = {"id": render_conversation(self._state, room) if room else render(message.room)}
        poll = {"id": render(event["poll"]), "subject": event["subject"], **(more or {})}
        return self._say(message, name, conversation=conversation, poll=poll, **data)

    # What was taken over

    def _original(self, message: Message, event: Json) -> Said:
        """What another service said in this dialect's own words stays as it was."""
        original = event["original"]
        if not isinstance(original.get("type"), str) or not isinstance(original.get("data"), dict):
            raise TypeError
        return Said(event=original, text=message.body)

    @staticmethod
    def _say(message: Message, name: str, /, **data: Any) -> Said:
        return Said(event={"type": name, "data": data}, text=message.body)


def option_of(place: int, option: Json) -> Json:
    """Write an option of a poll that is over: nobody's choice has neither votes nor voters (1.3)."""
    found: Json = {"id": str(place), "title": option["content"]}
    if option.get("votes"):
        found["votes"] = option["votes"]
        if option.get("voters"):
            found["voter_ids"] = [render(user) for user in option["voters"]]
    return found


def share_url(site: str, room: int, token: str) -> str:
    """Write the link by which people join a group: clients read its last two parts."""
    return f"{site}/join_group/{render(room)}/{token}"


def event_url(site: str, room: int, gathering: int) -> str:
    """Write where an event of the calendar is to be found."""
    return f"{site}/v3/conversations/{render(room)}/events/show?event_id={render_event(gathering)}"


def tombstone(message: Message) -> str:
    """Say what stands in place of a deleted message (1.3)."""
    actor = deletion_actor(message.sender, message.deleted_by)
    return {
        "sender": "This message was deleted",
        "admin": "An admin deleted this message",
        "system": "This message was removed",
    }[actor]


FIELDS = {"place": "location", "picture": "image"}
"""Fields of an event of the calendar that have other names here."""
GROUP_CHANGES = {
    "group.name_change": ("group.name_change", "name"),
    "group.avatar_change": ("group.avatar_change", "avatar_url"),
    "group.theme_change": ("group.theme_change", "theme_name"),
    "group.added_to_directory": ("group.added_to_directory", "directory_name"),
}
"""The type, and the field that has the new value."""
USER_ALONE = {
    "group.like_icon_removed": "group.like_icon_removed",
    "group.unshared": "group.unshared",
    "group.approval_on": "group.requires_approval_enabled",
    "group.approval_off": "group.requires_approval_disabled",
}
CALENDAR_CHANGES = {
    "calendar.cancelled": "calendar.event.cancelled",
    "calendar.going": "calendar.event.user.going",
    "calendar.not_going": "calendar.event.user.not_going",
    "calendar.undecided": "calendar.event.user.undecided",
}
TELLERS: dict[str, Callable[[Teller, Message, Json], Said]] = {
    "member.joined": Teller._joined,
    "member.rejoined": Teller._rejoined,
    "member.added": Teller._added,
    "member.left": Teller._left,
    "member.removed": Teller._removed,
    "member.dropped": Teller._dropped,
    "member.renamed": Teller._renamed,
    "member.avatar_changed": Teller._avatar_changed,
    **dict.fromkeys(GROUP_CHANGES, Teller._group_changed),
    "group.topic_change": Teller._topic_changed,
    "group.type_change": Teller._type_changed,
    "group.like_icon_set": Teller._like_icon_set,
    "group.office_mode": Teller._office_mode,
    "group.shared": Teller._shared,
    **dict.fromkeys(USER_ALONE, Teller._user_alone),
    "group.owner_changed": Teller._owner_changed,
    "group.role_change": Teller._role_changed,
    "message.pinned": Teller._pinned,
    "message.deleted": Teller._deleted,
    "bot.added": Teller._bot,
    "bot.removed": Teller._bot,
    "bot.renamed": Teller._bot_renamed,
    "calendar.created": Teller._event_created,
    "calendar.updated": Teller._event_updated,
    **dict.fromkeys(CALENDAR_CHANGES, Teller._event_answered),
    "calendar.starting": Teller._event_starting,
    "poll.created": Teller._poll_created,
    "poll.reminder": Teller._poll_reminder,
    "poll.finished": Teller._poll_finished,
    "groupme": Teller._original,
}
"""By what the core calls it."""
