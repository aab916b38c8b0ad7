"""Who a request is of: what its cookies, header and token say (protocols' session, identity and room password).

Three things are carried by clients. The *session token* is a signed word of ours that names a browser's session, and
the access token of its account where somebody has logged in; it comes as a cookie, and in the query of a socket. The
*identity* is an access token, as a cookie or in the Authorization header. The *room keys* are what core.gate gives for
a password. All are opaque to clients.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from hubbub.core.error import HubbubError
from hubbub.core.login import digest
from hubbub.core.origin import Origin, client_of, network_of
from hubbub.core.signature import read, sign
from hubbub.core.state import WorldState

ACTIVITY, IDENT, CONNECT, ROOM_KEY = "jic.activity", "jic.ident", "connect.sid", "jic.password."
"""Names of cookies; the last is followed by the room's name."""
SESSION_LIFE = timedelta(hours=24)
IDENT_LIFE = timedelta(days=180)
MAX_COOKIES = 16_384
SESSION_LENGTH = 32
_PURPOSE = "jumpin session"


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody as their client shows them.

    `session` is the id of the browser's session, a secret that makes a guest come back as the same; empty when there is
    none. `access` is the digest of a valid access token of `user`; both are empty for a guest.
    """

    session: str = ""
    access: str = ""
    user: int = 0
    keys: dict[str, str] = {}
    """By the name of the room."""

    @property
    def client_id(self) -> str:
        """By what a guest is known to the core."""
        return f"jumpin:{self.session}"

    def origin(self, address: str) -> Origin:
        """Say where this comes from, as bans see it."""
        return Origin(network_of(address), client_of(self.session))


def cookies_of(header: str) -> dict[str, str]:
    """Read a Cookie header. What makes no sense is passed over: it may be of another program on the same host."""
    found: dict[str, str] = {}
    for part in header[:MAX_COOKIES].split(";"):
        name, equals, value = part.partition("=")
        if equals:
            found.setdefault(name.strip(), value.strip().strip('"'))
    return found


def write_session(state: WorldState, visitor: Visitor, now: datetime) -> str:
    """Sign a session token. Raises Invalid when the world has nothing to sign with."""
    content: dict[str, Any] = {"session": visitor.session}
    if visitor.access:
        content["access"] = visitor.access
    return sign(state.world, _PURPOSE, content, now + SESSION_LIFE)


def read_session(state: WorldState, token: str, now: datetime) -> Visitor:
    """Read a session token. Raises Denied when it is none or over."""
    body = read(state.world, _PURPOSE, token, now)
    session, access = body.get("session"), body.get("access")
    user = state.user_by_token(access, now) if isinstance(access, str) else None
    return Visitor(
        session=session if isinstance(session, str) else "",
        access=str(access) if user else "",
        user=user.id if user else 0,
    )


def visitor_of(state: WorldState, headers: Mapping[str, str], now: datetime, *, token: str = "") -> Visitor:
    """Put together what a request says; what is missing, over or made up counts for nothing.

    Args:
        state: The world that is asked.
        headers: By names in lower case.
        now: The present instant.
        token: The session token, where the request carries one beside its cookies.
    """
    cookies = cookies_of(headers.get("cookie", ""))
    visitor = Visitor()
    for found in (token, cookies.get(ACTIVITY, "")):
        try:
            visitor = read_session(state, found, now)
            break
        except HubbubError:
            continue
    for secret in (cookies.get(IDENT, ""), headers.get("authorization", "").removeprefix("Bearer ").strip()):
        access = digest(secret) if secret else ""
        user = state.user_by_token(access, now) if access else None
        if user:
            visitor = msgspec.structs.replace(visitor, access=access, user=user.id)
            break
    keys = {name.removeprefix(ROOM_KEY): value for name, value in cookies.items() if name.startswith(ROOM_KEY)}
    return msgspec.structs.replace(visitor, keys=keys) if keys else visitor
