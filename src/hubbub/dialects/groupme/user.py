"""The user who asks (protocols/groupme.md 2.7)."""

from hubbub.core.account import checked_name
from hubbub.core.error import HubbubError
from hubbub.core.user import UpdateProfile
from hubbub.dialects.groupme.answer import Reply, Route, get, post
from hubbub.dialects.groupme.caller import Caller
from hubbub.dialects.groupme.error import RefusedError, refused

MAX_URL = 2000


async def me(caller: Caller) -> Reply:
    """Give who asks."""
    return Reply(response=caller.view.own_user(caller.user))


async def update(caller: Caller) -> Reply:
    """Change the name or the picture; what is left out stays, and what is not kept here is not looked at."""
    user, body = caller.user, await caller.body()
    profile = dict(user.profile)
    if body.get("name") is not None:
        try:
            profile["display_name"] = checked_name(body["name"] if isinstance(body["name"], str) else "")
        except HubbubError as error:
            raise refused(error) from error
    if body.get("avatar_url") is not None:
        url = body["avatar_url"]
        if not isinstance(url, str) or len(url) > MAX_URL or not url.startswith(("https://", "http://", "/media/")):
            raise RefusedError(400, "avatar_url: the address of an image is expected")
        profile["avatar"] = {"url": url}
    changed = await caller.do(UpdateProfile(profile=profile)) if profile != user.profile else user
    return Reply(response=caller.view.own_user(changed))


ROUTES: tuple[Route, ...] = (get("/v3/users/me", me), post("/v3/users/update", update))
