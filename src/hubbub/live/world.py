"""Worlds as they are made: their own secrets, and the first one that a newcomer's server has."""

import secrets
from typing import Any

from hubbub.core.login import IssueLogin
from hubbub.core.model import World
from hubbub.core.permission import DEFAULT_ROLES, DEFAULT_TRAIT_GRANTS, OWNER_ROLE
from hubbub.core.room import AddRoom, RoomSettings
from hubbub.core.user import CreateUser, GrantRole
from hubbub.core.world import UpdateWorld, check_name
from hubbub.live.community import Community
from hubbub.wire.web_push import new_private_key

OWNER_LOGIN = "admin"
LINK_DAYS = 7


def own_secrets(name: str) -> dict[str, Any]:
    """Make what a new world signs with: a secret for tokens (JWT), and a key for pushes (VAPID)."""
    secret = {"secret": secrets.token_urlsafe(32), "issuer": "hubbub", "audience": name}
    return {"JWT_secrets": [secret], "vapid_private_key": new_private_key()}


def new_world(community: Community, name: str, title: str = "") -> World:
    """Give a world with the usual roles and secrets of its own to sign with. Raises Invalid for a bad name."""
    check_name(name)
    return World(
        id=community.new_id(),
        name=name,
        title=title or name.capitalize(),
        roles={role: list(names) for role, names in DEFAULT_ROLES.items()},
        trait_grants={role: list(needs) for role, needs in DEFAULT_TRAIT_GRANTS.items()},
        config=own_secrets(name),
        created=community.clock(),
    )


async def ensure_world(community: Community, name: str) -> str:
    """Make the world with its lobby and owner unless there is one; give the owner's first login code, else ""."""
    if name in community.worlds or community.worlds:
        return ""
    state = await community.create_world(new_world(community, name))
    lobby = RoomSettings(
        name="Lobby",
        description="Where everybody meets",
        modules=({"type": "chat.native", "config": {"volatile": True}},),
        trait_grants={"viewer": [], "participant": []},
    )
    await community.call(state, AddRoom(settings=lobby), operator=True)
    owner = await community.call(state, CreateUser(login=OWNER_LOGIN), operator=True)
    await community.call(state, GrantRole(user=owner.id, role=OWNER_ROLE), operator=True)
    _, code = await community.call(state, IssueLogin(user=owner.id, days=LINK_DAYS), operator=True)
    return str(code)


async def ensure_push_keys(community: Community) -> None:
    """Give a key to sign pushes with to worlds that have none: they were made before there was push."""
    for state in list(community.worlds.values()):
        if state.world.config.get("vapid_private_key") is None:
            command = UpdateWorld(config={"vapid_private_key": new_private_key()}, secrets=True)
            await community.call(state, command, operator=True)
