"""Permissions: dotted names, bundled into roles, given by traits or by grants.

A permission is `world:...` or `room:...`. The first 46 are Venueless' own strings; the rest name what Venueless has no
word for. `effective` is the only place where the rules of trait grants are written.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

VENUELESS = (
    "world:view",
    "world:update",
    "world:announce",
    "world:secrets",
    "world:api",
    "world:graphs",
    "world:rooms.create.stage",
    "world:rooms.create.chat",
    "world:rooms.create.bbb",
    "world:rooms.create.exhibition",
    "world:rooms.create.poster",
    "world:users.list",
    "world:users.manage",
    "world:chat.direct",
    "world:exhibition.contact",
    "world:connections.unlimited",
    "room:announce",
    "room:view",
    "room:update",
    "room:delete",
    "room:chat.read",
    "room:chat.join",
    "room:chat.send",
    "room:chat.moderate",
    "room:viewers",
    "room:invite",
    "room:invite.anonymous",
    "room:januscall.join",
    "room:januscall.moderate",
    "room:bbb.join",
    "room:bbb.moderate",
    "room:bbb.recordings",
    "room:digitalsamba.join",
    "room:digitalsamba.speak",
    "room:digitalsamba.moderate",
    "room:digitalsamba.recordings",
    "room:zoom.join",
    "room:roulette.join",
    "room:question.read",
    "room:question.ask",
    "room:question.vote",
    "room:question.moderate",
    "room:poll.read",
    "room:poll.early_results",
    "room:poll.vote",
    "room:poll.manage",
)

OURS = (
    "world:groups.create",
    "world:bots.create",
    "room:playlist.add",
    "room:playlist.control",
    "room:cam.broadcast",
    "room:cam.close",
    "room:kick",
    "room:group.manage",
    "room:member.add",
    "room:poll.create",
    "room:gathering.create",
    "room:bot.add",
)

ALL = frozenset(VENUELESS + OURS)

SILENCED = frozenset({"world:view", "room:view", "room:chat.read", "room:chat.join"})
"""The most that a silenced user may do."""
MUTED = SILENCED | {"room:viewers", "room:question.read", "room:poll.read"}
"""The most that somebody may do in a room who is silenced there for a while: they still see what goes on there."""

SYSTEM_ROLES: Mapping[str, Sequence[str]] = {
    "__kiosk": (
        "world:view",
        "room:view",
        "room:viewers",
        "room:chat.read",
        "room:question.read",
        "room:poll.read",
        "room:poll.early_results",
        "room:invite.anonymous",
    ),
    "__anonymous_world": ("world:view",),
    "__anonymous_room": (
        "room:view",
        "room:question.read",
        "room:question.ask",
        "room:question.vote",
        "room:poll.read",
        "room:poll.vote",
    ),
}
"""Roles that stand where the world does not define them itself (protocols/venueless.md 1.14)."""

OWNER_ROLE = "owner"
MEMBER_ROLE = "member"
"""What somebody is who has an account that they, or an organiser, made here."""

PARTICIPANT_ROLE = "participant"
"""What somebody is in a group that they belong to."""

DEFAULT_ROLES: Mapping[str, Sequence[str]] = {
    "attendee": ("world:view",),
    "member": (
        "world:view",
        "world:chat.direct",
        "world:rooms.create.chat",
        "world:groups.create",
        "world:bots.create",
    ),
    "viewer": ("world:view", "room:view", "room:chat.read"),
    "participant": (
        "world:view",
        "world:chat.direct",
        "room:view",
        "room:viewers",
        "room:chat.read",
        "room:chat.join",
        "room:chat.send",
        "room:bbb.join",
        "room:question.read",
        "room:question.ask",
        "room:question.vote",
        "room:poll.read",
        "room:poll.vote",
        "room:poll.create",
        "room:playlist.add",
        "room:cam.broadcast",
        "world:exhibition.contact",
    ),
    "room_owner": (
        "room:view",
        "room:viewers",
        "room:chat.read",
        "room:chat.join",
        "room:chat.send",
        "room:chat.moderate",
        "room:invite",
        "room:update",
        "room:delete",
        "room:playlist.add",
        "room:playlist.control",
        "room:cam.broadcast",
        "room:cam.close",
        "room:kick",
    ),
    "moderator": (
        "world:view",
        "world:chat.direct",
        "world:announce",
        "room:view",
        "room:viewers",
        "room:announce",
        "room:chat.read",
        "room:chat.join",
        "room:chat.send",
        "room:chat.moderate",
        "room:question.read",
        "room:question.ask",
        "room:question.vote",
        "room:question.moderate",
        "room:poll.read",
        "room:poll.vote",
        "room:poll.manage",
        "room:playlist.add",
        "room:playlist.control",
        "room:cam.broadcast",
        "room:cam.close",
        "room:kick",
    ),
    "admin": tuple(sorted(ALL - {"world:secrets", "world:api"})),
    "owner": tuple(sorted(ALL)),
}
"""Roles of a world that is made here and not imported."""

DEFAULT_TRAIT_GRANTS: Mapping[str, Sequence[Any]] = {"attendee": (), "moderator": ("moderator",), "admin": ("admin",)}


def applies(requirements: object, traits: frozenset[str], *, person: bool) -> bool:
    """Tell whether a trait grant gives its role: all requirements hold, each a trait or a list of which one suffices.

    An empty list gives the role to persons only (not to anonymous visitors, kiosks or bots). What is not a list gives
    nothing. Source: protocols/venueless.md 1.14.
    """
    if not isinstance(requirements, list | tuple):
        return False
    if not requirements:
        return person
    return all(
        any(isinstance(trait, str) and trait in traits for trait in need)
        if isinstance(need, list | tuple)
        else isinstance(need, str) and need in traits
        for need in requirements
    )


def granted(grants: Mapping[str, Any], traits: frozenset[str], *, person: bool) -> list[str]:
    """List the roles that trait grants give to somebody with these traits."""
    return [role for role, requirements in grants.items() if applies(requirements, traits, person=person)]


def permissions_of(role: str, roles: Mapping[str, Sequence[str]]) -> Iterable[str]:
    """List the permissions of a role; an unknown role has none."""
    return roles.get(role, SYSTEM_ROLES.get(role, ()))


RANKS = ("room:chat.moderate", "world:users.manage", "world:update")
"""Each permission, held on the world, lifts its holder one rank above those who lack it."""


def rank(permissions: frozenset[str], *, owner: bool) -> int:
    """Give the rank of somebody by what they hold on the world: 0 anybody, 1 to 3 by RANKS, 4 an owner."""
    if owner:
        return len(RANKS) + 1
    return max((place for place, name in enumerate(RANKS, 1) if name in permissions), default=0)
