"""Access tokens: getting one by name and password, the list of one's own, ending them (protocols/groupme.md 2.1).

There is no second step after the password; a client that sends what it knows of one is let in all the same.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from hubbub.core.account import MAX_LABEL, IssueToken, LogInByPassword, RevokeOwnToken
from hubbub.core.login import digest
from hubbub.core.model import AccessToken, User
from hubbub.core.state import WorldState
from hubbub.dialects.groupme.answer import Reply, Route, get, post
from hubbub.dialects.groupme.caller import Caller, take
from hubbub.dialects.groupme.error import RefusedError
from hubbub.dialects.groupme.id import parse, render
from hubbub.dialects.groupme.view import NOBODY, seconds

LIFE = timedelta(days=365)
LABEL = "groupme: "
"""What the labels of tokens begin with that this dialect's clients have; the name of the client follows."""


class Login(msgspec.Struct, frozen=True):
    """What a client sends to be let in."""

    username: str
    password: str
    grant_type: str
    app_id: str | None = None


def label_of(client: str) -> str:
    """Give the label of the token of a client that is called so."""
    return f"{LABEL}{client}"[:MAX_LABEL]


def tokens_of(state: WorldState, user: int, now: datetime) -> list[AccessToken]:
    """Give the tokens that let clients act as a user, of whichever dialect, newest first."""
    own = state.tokens_of.get(user, {}).values()
    good = [token for token in own if token.use == "access" and token.expires > now]
    return sorted(good, key=lambda token: token.created, reverse=True)


def id_of(token: AccessToken) -> str:
    """Give the id of a token: a number that every client can hold, and that says nothing of the token."""
    return render(int(token.digest[:13], 16))


async def create(caller: Caller) -> Reply:
    """Give a token to who has an account's name and password."""
    desk, login = caller.desk, take(await caller.body(), Login)
    if login.grant_type != "password":
        raise RefusedError(400, "grant_type: it is password")
    desk.accounts.take(caller.address)
    desk.passwords.take((caller.state.world.id, login.username.strip().casefold()[:200]))
    user: User = await caller.ask(LogInByPassword(login=login.username, password=login.password))
    secret = await caller.act_as(user, IssueToken(label=label_of(login.app_id or ""), life=LIFE))
    shown = {**caller.view.user(user), "email": "", "admin": False}
    found = {
        "access_token": secret,
        "user_id": render(user.id),
        "user_name": user.display_name or NOBODY,
        "expires_at": seconds(caller.now + LIFE),
        "user": shown,
    }
    return Reply(response=found, status=201)


async def index(caller: Caller) -> Reply:
    """List which clients have a token of the user's; no token is told."""
    own = tokens_of(caller.state, caller.user.id, caller.now)
    return Reply(response={"access_tokens": [_render(token) for token in own]})


def _render(token: AccessToken) -> dict[str, Any]:
    created = token.created.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"id": int(id_of(token)), "created_at": created, "app_id": token.label.removeprefix(LABEL)}


async def destroy(caller: Caller) -> Reply:
    """Let a token of the user's be good for nothing any more."""
    wanted = parse(caller.path["token"])
    for token in tokens_of(caller.state, caller.user.id, caller.now):
        if id_of(token) == render(wanted):
            await caller.do(RevokeOwnToken(digest=token.digest))
            return Reply()
    raise RefusedError(404, "Token not found")


async def destroy_current(caller: Caller) -> Reply:
    """Let the token that was shown be good for nothing any more."""
    await caller.do(RevokeOwnToken(digest=digest(caller.token)))
    return Reply()


ROUTES: tuple[Route, ...] = tuple(
    route
    for version in ("v2", "v3")
    for route in (
        post(f"/{version}/access_tokens", create),
        get(f"/{version}/access_tokens", index),
        post(f"/{version}/access_tokens/current/destroy", destroy_current),
        post(f"/{version}/access_tokens/{{token:str}}/destroy", destroy),
    )
)
