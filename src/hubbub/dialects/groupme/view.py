"""What clients of this dialect see: users, groups, members and messages, as objects (protocols/groupme.md 2)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from hubbub.core.attachment import text_of
from hubbub.core.chat import PACKED, deletion_actor
from hubbub.core.direct import is_opening
from hubbub.core.membership import name_in
from hubbub.core.model import Block, Bot, FormerMember, JoinRequest, LeaveKind, Member, Message, Room, User
from hubbub.core.moderator import ROLE as MODERATOR
from hubbub.core.room import OWNER
from hubbub.core.state import WorldState
from hubbub.dialects.groupme.attachment import address, picture_of, write_attachments
from hubbub.dialects.groupme.event import BY_CALENDAR, EDIT_PERIODS, Said, Teller, share_url, tombstone
from hubbub.dialects.groupme.id import CALENDAR, SYSTEM, render, render_message, render_pair

Json = dict[str, Any]

MAX_MEMBERS = 5000
FOR_EVER = 2**31 - 1
SYSTEM_NAME, CALENDAR_NAME, NOBODY = "GroupMe", "GroupMe Calendar", "Somebody"
"""What programs know the services as (protocols/groupme.md 1.4)."""
LOCALE = "en"


STATES: dict[LeaveKind, str] = {
    "left": "exited",
    "removed": "removed",
    "dropped": "exited",
    "barred": "exited_removed",
}
"""What somebody is to a group who belongs to it no longer."""
WAITING = "requested_pending"
QUESTION = "Why do you want to join this group?"
"""What groups ask that have no question of their own (protocols/groupme.md 2.2)."""


class View:
    """Writes the objects of one world; `site` is where the server is reached, with this dialect's prefix."""

    def __init__(self, state: WorldState, site: str) -> None:
        self.state = state
        self.site = site
        self.teller = Teller(state, site)

    # People

    def user(self, user: User) -> Json:
        """Write a user as others see them."""
        return {"id": render(user.id), "name": user.display_name or NOBODY, "avatar_url": picture_of(user, self.site)}

    def own_user(self, user: User) -> Json:
        """Write a user as they see themselves. Neither telephone numbers nor mail addresses are kept here."""
        return {
            "id": render(user.id),
            "user_id": render(user.id),
            "name": user.display_name or NOBODY,
            "image_url": picture_of(user, self.site),
            "avatar_url": picture_of(user, self.site),
            "phone_number": "",
            "email": "",
            "sms": False,
            "created_at": seconds(user.created),
            "updated_at": seconds(user.last_login or user.created),
            "locale": LOCALE,
            "zip_code": None,
            "share_url": None,
            "share_qr_code_url": None,
            "facebook_connected": False,
            "twitter_connected": False,
        }

    def member(self, member: Member, now: datetime) -> Json:
        """Write a membership."""
        user = self.state.users.get(member.user)
        return {
            "id": render(member.id or member.user),
            "user_id": render(member.user),
            "nickname": name_in(self.state, member.room, member.user),
            "name": (user.display_name if user else "") or NOBODY,
            "image_url": address(member.avatar, self.site) or picture_of(user, self.site),
            "muted": bool(member.muted_until and member.muted_until > now),
            "autokicked": False,
            "roles": self.roles(member.room, member.user),
        }

    def roles(self, room: int, user: int) -> list[str]:
        """Write what somebody is in a group."""
        held = self.state.granted_roles(user, room)
        return ["admin", "owner"] if OWNER in held else ["admin"] if MODERATOR in held else ["user"]

    def members(self, room: Room, now: datetime) -> list[Json]:
        """Write the members of a group; its bots are none."""
        bots = self.state.bots.get(room.id, {})
        return [self.member(one, now) for one in self.state.members[room.id].values() if one.user not in bots]

    def former_member(self, former: FormerMember) -> Json:
        """Write a membership that has ended."""
        user = self.state.users.get(former.user)
        name = (user.display_name if user else "") or NOBODY
        return {
            "id": render(former.id or former.user),
            "user_id": render(former.user),
            "nickname": former.nickname or name,
            "name": name,
            "image_url": picture_of(user, self.site),
            "state": STATES[former.how],
            "roles": ["user"],
        }

    def block(self, block: Block, at: datetime) -> Json:
        """Write that somebody has blocked another."""
        return {"user_id": render(block.user), "blocked_user_id": render(block.target), "created_at": seconds(at)}

    # Groups

    def group(self, room: Room, user: User, now: datetime, last: Message | None, *, brief: bool = False) -> Json:
        """Write a group as one of its members sees it, with the newest message there; `brief` leaves members out."""
        own = self.state.members[room.id].get(user.id)
        muted = own.muted_until if own and own.muted_until and own.muted_until > now else None
        owners = [who for who, roles in self.state.holders.get(room.id, {}).items() if OWNER in roles]
        count = len(self.state.members[room.id]) - len(self.state.bots.get(room.id, {}))
        shared = share_url(self.site, room.id, room.share_token) if room.share_token else None
        modified = room.modified or room.created
        return {
            "id": render(room.id),
            "group_id": render(room.id),
            "name": room.name,
            "phone_number": "",
            "type": room.group,
            "description": room.description,
            "image_url": address(room.picture, self.site) or None,
            "creator_user_id": render(owners[0]) if owners else SYSTEM,
            "created_at": seconds(room.created),
            "updated_at": seconds(max(modified, last.at) if last else modified),
            "office_mode": room.office_mode,
            "muted_until": seconds(muted) if muted else None,
            "share_url": shared,
            "share_qr_code_url": None,
            "members": None if brief else self.members(room, now),
            "members_count": 0 if brief else count,
            "max_members": MAX_MEMBERS,
            "theme_name": room.theme or None,
            "like_icon": room.like_icon,
            "directories": [room.directory] if room.directory else [],
            "visibility": "searchable" if room.directory else "hidden",
            "requires_approval": room.approval,
            "show_join_question": room.show_question,
            "join_question": question(room.question) if room.question or room.show_question else None,
            "message_deletion_period": FOR_EVER,
            "message_deletion_mode": ["admin", "sender"],
            "message_edit_period": EDIT_PERIODS[room.group],
            "children_count": 0,
            "unread_count": None,
            "system_message_settings": None,
            "messages": self._summary(room, last),
        }

    def outline(self, room: Room) -> Json:
        """Write a group as somebody sees it who does not belong to it, but may: without members, talk and link."""
        nobody = User(id=0, world=room.world, created=room.created)
        count = len(self.state.members.get(room.id, ())) - len(self.state.bots.get(room.id, {}))
        found = self.group(room, nobody, room.created, None, brief=True)
        found["messages"]["count"] = 0
        return {**found, "members": [], "members_count": count, "share_url": None}

    def sent_request(self, request: JoinRequest, room: Room) -> Json:
        """Write that somebody waits for a group's approval, as they see it."""
        return {
            "id": render(request.id),
            "group_id": render(room.id),
            "name": room.name,
            "image_url": address(room.picture, self.site) or None,
            "state": WAITING,
            "updated_at": seconds(request.at),
            "user_count": len(self.state.members.get(room.id, ())) - len(self.state.bots.get(room.id, {})),
        }

    def pending(self, request: JoinRequest, user: User) -> Json:
        """Write that somebody waits for a group's approval, as those who give it see it."""
        return {
            "id": render(request.id),
            "user_id": render(user.id),
            "nickname": user.display_name or NOBODY,
            "image_url": picture_of(user, self.site),
            "reason": {
                "type": "join_reason/membership_join_reason",
                "question": question(request.question),
                "answer": {"type": "join_reason/answers/text", "response": request.answer},
                "method": "share_url",
            }
            if request.answer
            else None,
            "timestamp": seconds(request.at),
            "state": WAITING,
        }

    def _summary(self, room: Room, last: Message | None) -> Json:
        found: Json = {
            "count": self.state.message_counts.get(room.id, 0),
            "last_message_id": render_message(last.number) if last else None,
            "last_message_created_at": seconds(last.at) if last else None,
            "preview": {"nickname": None, "text": None, "image_url": None, "attachments": []},
        }
        if last:
            shown = self.message(last)
            names = {"nickname": "name", "text": "text", "image_url": "avatar_url", "attachments": "attachments"}
            found["preview"] = {name: shown[there] for name, there in names.items()}
        return found

    # Messages

    def message(self, message: Message) -> Json:
        """Write a message of a group."""
        return {**self._content(message), "group_id": render(message.room), "platform": "gm"}

    def shown(self, message: Message) -> Json:
        """Write a message the way that its conversation calls for."""
        room = self.state.rooms.get(message.room)
        return self.direct_message(message) if room and room.kind == "direct" else self.message(message)

    def direct_message(self, message: Message, *, key: str = "conversation_id") -> Json:
        """Write a message between two people; pushes name the conversation otherwise than everything else."""
        found = self._content(message)
        del found["system"]
        two = list(self.state.members.get(message.room, ()))
        other = next((user for user in two if user != message.sender), 0)
        found["avatar_url"] = found["avatar_url"] or ""
        found[key] = render_pair(two[0], two[-1]) if two else render(message.room)
        return {**found, "recipient_id": render(other)}

    def _content(self, message: Message) -> Json:
        said = self.teller.render(message) if is_event(message) else None
        found: Json = {
            "id": render_message(message.number),
            "source_guid": (message.nonce if message.sender else None) or f"{message.id:032x}",
            "created_at": seconds(message.at),
            **self.sender(message, said),
            "text": (said.text if said else text_of(message)) or None,
            "attachments": write_attachments(said.attachments if said else message.attachments, self.site),
            "favorited_by": reactors(message),
            "pinned_at": seconds(message.pinned) if message.pinned else None,
            "pinned_by": render(message.pinned_by) if message.pinned else "",
        }
        if said and said.event:
            found["event"] = said.event
        if message.reactions:
            found["reactions"] = reactions(message)
        if message.deleted and message.replaces is None:
            actor = deletion_actor(message.sender, message.deleted_by)
            at = seconds(message.edited or message.at)
            found |= {"text": tombstone(message), "attachments": [], "deleted_at": at, "deletion_actor": actor}
        elif message.edited:
            found["updated_at"] = seconds(message.edited)
        return found

    def sender(self, message: Message, said: Said | None) -> Json:
        """Write who has said a message: a person, a bot, or one of the services."""
        identity = said.sender if said else message.sender or 0
        if identity == BY_CALENDAR:
            return _sender(CALENDAR, CALENDAR_NAME, "service", None)
        if not identity:
            return _sender(SYSTEM, SYSTEM_NAME, "system", None)
        user = self.state.users.get(identity)
        member = self.state.members.get(message.room, {}).get(identity)
        picture = (address(member.avatar, self.site) if member else "") or picture_of(user, self.site)
        kind = "bot" if user and user.kind == "bot" else "user"
        return _sender(render(identity), name_in(self.state, message.room, identity), kind, picture)

    # Bots

    def bot(self, bot: Bot, user: User, token: str) -> Json:
        """Write a bot as its owner sees it: its id is what lets a program speak."""
        room = self.state.rooms.get(bot.room)
        return {
            "bot_id": token,
            "user_id": render(bot.user),
            "group_id": render(bot.room),
            "group_name": room.name if room else "",
            "name": user.display_name,
            "avatar_url": picture_of(user, self.site),
            "callback_url": bot.callback or None,
            "dm_notification": bot.direct,
            "active": True,
        }

    def callback(self, message: Message) -> Json:
        """Write what a bot's program is told of a message: no event, and no likes (protocols/groupme.md 2.6)."""
        found = self.message(message)
        return {name: found[name] for name in CALLBACK}


CALLBACK = (
    *("attachments", "avatar_url", "created_at", "group_id", "id", "name", "sender_id", "sender_type", "source_guid"),
    *("system", "text", "user_id"),
)


def is_event(message: Message) -> bool:
    """Tell whether a message reports what happened, instead of saying something."""
    return message.kind in ("system", "poll") or message.replaces is not None


def is_hidden(message: Message, room: Room) -> bool:
    """Tell whether this dialect leaves a message out: that two people have begun to talk to each other."""
    return room.kind == "direct" and is_opening(message)


def reactors(message: Message) -> list[str]:
    """Write who has reacted to a message, in whichever way."""
    return [render(user) for user in dict.fromkeys(user for users in message.reactions.values() for user in users)]


def reactions(message: Message) -> list[Json]:
    """Write the reactions to a message."""
    return [
        {**reaction(sign), "user_ids": [render(user) for user in users]} for sign, users in message.reactions.items()
    ]


def reaction(sign: str) -> Json:
    """Write a reaction: an emoji, or one of a pack."""
    packed = PACKED.fullmatch(sign)
    if packed:
        return {"type": "emoji", "pack_id": int(packed[1]), "pack_index": int(packed[2])}
    return {"type": "unicode", "code": sign}


def question(text: str) -> Json:
    """Write what a group asks of who wants to join it."""
    return {"type": "join_reason/questions/text", "text": text or QUESTION}


def seconds(at: datetime) -> int:
    """Write an instant, in seconds since 1970."""
    return int(at.timestamp())


def newest(messages: Iterable[Message]) -> Message | None:
    """Give the newest of some messages."""
    return max(messages, key=lambda message: message.number, default=None)


def _sender(identity: str, name: str, kind: str, picture: str | None) -> Json:
    return {
        "user_id": identity,
        "sender_id": identity,
        "sender_type": kind,
        "name": name,
        "avatar_url": picture,
        "system": kind == "system",
    }
