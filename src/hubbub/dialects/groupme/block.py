"""Blocks: whom the user wants nothing to do with (protocols/groupme.md 2.7)."""

from hubbub.core.model import Block, User
from hubbub.core.reading import LONG_AGO
from hubbub.core.user import BlockUser, ListBlocked, UnblockUser
from hubbub.dialects.groupme.answer import Reply, Route, delete, get, post
from hubbub.dialects.groupme.caller import Caller
from hubbub.dialects.groupme.error import RefusedError
from hubbub.dialects.groupme.id import parse


async def index(caller: Caller) -> Reply:
    """List the blocks of the user, and whether there is one between the user and `otherUser`, if that is given.

    There are clients that ask here for either. Since when somebody is blocked is not kept.
    """
    own = _own(caller)
    blocked: list[User] = await caller.do(ListBlocked())
    blocks = [Block(world=own.world, user=own.id, target=user.id) for user in blocked]
    found = {"blocks": [caller.view.block(block, LONG_AGO) for block in blocks]}
    return Reply(response=found | (_between(caller) if "otherUser" in caller.query else {}))


async def between(caller: Caller) -> Reply:
    """Tell whether the user or another has blocked the other one."""
    return Reply(response=_between(caller))


def _between(caller: Caller) -> dict[str, bool]:
    return {"between": caller.state.blocked(_own(caller).id, _other(caller))}


async def create(caller: Caller) -> Reply:
    """Block somebody; doing it twice is doing it once."""
    own, other = _own(caller), _other(caller)
    await caller.do(BlockUser(user=other))
    block = Block(world=own.world, user=own.id, target=other)
    return Reply(response={"block": caller.view.block(block, caller.now)}, status=201)


async def destroy(caller: Caller) -> Reply:
    """Unblock whoever is blocked."""
    _own(caller)
    await caller.do(UnblockUser(user=_other(caller)))
    return Reply()


def _own(caller: Caller) -> User:
    """Give the user, whom the query may name, too. Raises RefusedError when it names somebody else."""
    named = caller.query.get("user")
    if named and parse(named) != caller.user.id:
        raise RefusedError(403, "user: your own id is expected")
    return caller.user


def _other(caller: Caller) -> int:
    other = parse(caller.query.get("otherUser"))
    if not other:
        raise RefusedError(400, "otherUser: the id of a user is expected")
    return other


ROUTES: tuple[Route, ...] = (
    get("/v3/blocks", index),
    post("/v3/blocks", create),
    delete("/v3/blocks", destroy),
    post("/v3/blocks/delete", destroy),
    get("/v3/blocks/between", between),
)
