"""The first world: what a newcomer's server has before anybody configured anything."""

import secrets

from hubbub.core.login import IssueLogin
from hubbub.core.model import World
from hubbub.core.permission import DEFAULT_ROLES, DEFAULT_TRAIT_GRANTS, OWNER_ROLE
from hubbub.core.room import AddRoom, RoomSettings
from hubbub.core.user import CreateUser, GrantRole
from hubbub.core.world import check_name
from hubbub.live.community import Community

OWNER_LOGIN = "admin"
LINK_DAYS = 7


def new_world(community: Community, name: str, title: str = "") -> World:
    """Give a world with the usual roles and a secret of its own to sign tokens with. Raises Invalid for a bad name."""
    check_name(name)
    secret = {"secret": secrets.token_urlsafe(32), "issuer": "hubbub", "audience": name}
    return World(
        id=community.new_id(),
        name=name,
        title=title or name.capitalize(),
        roles={role: list(names) for role, names in DEFAULT_ROLES.items()},
        trait_grants={role: list(needs) for role, needs in DEFAULT_TRAIT_GRANTS.items()},
        config={"JWT_secrets": [secret]},
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
