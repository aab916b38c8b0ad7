"""Contacts: whom the user knows, and which conversations they keep at the top (protocols/groupme.md 2.7)."""

from datetime import datetime
from typing import Any

import msgspec

from hubbub.core.account import SetPreferences
from hubbub.core.contact import Acquaintance, Contact, GetContact, ListContacts
from hubbub.dialects.groupme.answer import Reply, Route, get, put
from hubbub.dialects.groupme.attachment import address
from hubbub.dialects.groupme.caller import Caller, instant, take
from hubbub.dialects.groupme.error import RefusedError
from hubbub.dialects.groupme.id import parse, render, render_conversation
from hubbub.dialects.groupme.view import seconds

Json = dict[str, Any]

MET = 3
"""Why somebody is a contact: because of a group or a conversation, and not of an address book."""
PINNED = "pinned_conversations"
"""Field of a body, and the preference that keeps it: ids of rooms."""
MAX_PINNED = 50


class Pins(msgspec.Struct, frozen=True):
    """The conversations that are to be at the top, by their ids."""

    pinned_conversations: list[str | int]


async def index(caller: Caller) -> Reply:
    """List whom the user knows, those first who have been known longest; `since` is when the last of a page was met."""
    blocked = caller.query.get("include_blocked", "") in ("true", "1")
    command = ListContacts(after=instant(caller.query.get("since")), blocked=blocked)
    contacts: list[Contact] = await caller.do(command)
    return Reply(response=[_contact(caller, contact) for contact in contacts])


async def show(caller: Caller) -> Reply:
    """Give what somebody shows of themselves to those who know them."""
    found: Acquaintance = await caller.do(GetContact(user=parse(caller.path["user"])))
    user = found.user
    shown = caller.view.user(user) | {
        "created_at": seconds(user.created),
        "app_installed": True,
        "direct_message_capable": user.preferences.get("private_messages") is not False,
        "bio": None,
        "directories": [],
        "photo_urls": [],
    }
    groups: list[Json] | None = None
    if caller.query.get("include_shared_groups") != "false":
        groups = [
            {
                "group_id": room.id,
                "group_name": room.name,
                "group_avatar": address(room.picture, caller.site) or None,
            }
            for room in found.groups
        ]
    relationship = _contact(caller, found.contact) if found.contact else None
    return Reply(response={"user": shown, "relationship": relationship, "shared_groups": groups})


def _contact(caller: Caller, contact: Contact) -> Json:
    user, at = caller.view.user(contact.user), _iso(contact.since)
    return {
        "id": user["id"],
        "user_id": user["id"],
        "name": user["name"],
        "avatar_url": user["avatar_url"],
        "created_at": seconds(contact.since),
        "created_at_iso8601": at,
        "updated_at": seconds(contact.since),
        "updated_at_iso8601": at,
        "reason": MET,
        "hidden": False,
        "app_installed": True,
        "mri": "",
        "blocked": contact.blocked,
    }


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# What is at the top


async def pinned(caller: Caller) -> Reply:
    """Give the conversations that the user keeps at the top, of those that they still belong to."""
    kept = caller.user.preferences.get(PINNED)
    return _pinned(caller, kept if isinstance(kept, list) else [])


async def pin(caller: Caller) -> Reply:
    """Keep these conversations at the top, in this order, and no others."""
    given = take(await caller.body(), Pins).pinned_conversations
    if len(given) > MAX_PINNED:
        raise RefusedError(400, f"{PINNED}: at most {MAX_PINNED}")
    rooms = [render(caller.conversation(text).id) for text in given]
    kept = list(dict.fromkeys(rooms))
    await caller.do(SetPreferences(preferences={PINNED: kept or None}))
    return _pinned(caller, kept)


def _pinned(caller: Caller, kept: list[str]) -> Reply:
    state = caller.state
    rooms = [state.rooms[room] for text in kept if (room := parse(text)) in state.belongs.get(caller.user.id, ())]
    shown = [render_conversation(state, room) for room in rooms if not room.deleted]
    return Reply(response={PINNED: shown})


ROUTES: tuple[Route, ...] = (
    get("/v2/users/{user:str}", show),
    get("/v4/relationships", index),
    get(f"/v4/{PINNED}", pinned),
    put(f"/v4/{PINNED}", pin),
)
