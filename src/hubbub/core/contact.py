"""Contacts: whom somebody knows, as both belong to a group or talk to each other.

Nobody keeps a list of them: it follows from who belongs where.
"""

from datetime import datetime

import msgspec

from hubbub.core.bot import bot_of
from hubbub.core.command import Act, Command, handles
from hubbub.core.error import Code, Unknown
from hubbub.core.model import Room, User

MAX_LISTED = 500
MAX_LOOKED = 500_000
"""Memberships that are looked at, those of small groups first: with that many, some fifty milliseconds."""


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whom the actor knows, `since` when, and whether the actor has blocked them."""

    user: User
    since: datetime
    blocked: bool


class Acquaintance(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whom the actor knows; `groups` are those that both belong to, `contact` is None for the actor."""

    user: User
    contact: Contact | None
    groups: tuple[Room, ...]


class ListContacts(Command, frozen=True, kw_only=True):
    """List whom the actor knows, those first who have been known longest.

    Those known since after `after`, an aware instant, and those blocked only when asked for.
    """

    after: datetime | None = None
    blocked: bool = False


class GetContact(Command, frozen=True, kw_only=True):
    """Look at somebody whom the actor knows, or at oneself."""

    user: int


@handles(ListContacts, "world:view", rate="search")
def do_list(act: Act, command: ListContacts) -> list[Contact]:
    """Give a page of them; the next one is that `after` its last. It has MAX_LISTED, and who is known as long."""
    known: dict[int, datetime] = {}
    looked = 0
    for members in sorted((act.state.members[room.id] for room in _rooms(act)), key=len):
        looked += len(members)
        if looked > MAX_LOOKED:
            break
        own = members[act.by].joined
        for user, member in members.items():  # of many groups that are large: no calls
            since = member.joined if member.joined > own else own
            if user not in known or since < known[user]:
                known[user] = since
    found = [contact for user, since in known.items() if (contact := _contact(act, user, since))]
    found = [contact for contact in found if command.blocked or not contact.blocked]
    found = [contact for contact in found if command.after is None or contact.since > command.after]
    found.sort(key=lambda contact: (contact.since, contact.user.id))
    page = found[:MAX_LISTED]
    return page + [contact for contact in found[MAX_LISTED:] if contact.since == page[-1].since]


@handles(GetContact, "world:view", rate="read")
def do_get(act: Act, command: GetContact) -> Acquaintance:
    """Give them. Raises Unknown for those whom the actor does not know."""
    rooms = [room for room in _rooms(act) if command.user in act.state.members[room.id]]
    since = min((_since(act, room, command.user) for room in rooms), default=act.now)
    contact = _contact(act, command.user, since) if rooms else None
    if contact is None and command.user != act.by:
        raise Unknown(Code.USER_UNKNOWN, "You know nobody like that.")
    groups = tuple(room for room in rooms if room.lasting)
    return Acquaintance(user=act.state.users[command.user], contact=contact, groups=groups)


def _rooms(act: Act) -> list[Room]:
    """Give the groups and direct conversations of the actor that they may read."""
    rooms = (act.state.rooms.get(identity) for identity in act.state.belongs.get(act.actor.id, ()))
    return [room for room in rooms if room and act.state.reads(act.actor, act.now, room)]


def _since(act: Act, room: Room, user: int) -> datetime:
    """Say since when somebody and the actor have both belonged to a room."""
    members = act.state.members[room.id]
    return max(members[act.by].joined, members[user].joined)


def _contact(act: Act, identity: int, since: datetime) -> Contact | None:
    """Give somebody as a contact; the actor, who is deleted, and programs that were added to a group are none."""
    user = act.state.users.get(identity)
    if user is None or user.deleted or identity == act.by:
        return None
    if user.kind == "bot" and bot_of(act.state, identity):
        return None
    return Contact(user=user, since=since, blocked=identity in act.state.blocks.get(act.by, ()))
