"""Signed words of the world to itself: what it hands to a client and believes when it comes back (JWT, HS256)."""

import hashlib
import hmac
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import jwt

from hubbub.core.error import Code, Denied, Invalid
from hubbub.core.model import World

MAX_TOKEN = 16_384
"""Characters; more is not looked at."""


def secrets_of(world: World) -> list[dict[str, str]]:
    """List the secrets of the world that are complete."""
    secrets = world.config.get("JWT_secrets")
    fields = ("secret", "issuer", "audience")
    return [
        secret
        for secret in (secrets if isinstance(secrets, list) else [])
        if isinstance(secret, dict) and all(isinstance(secret.get(field), str) and secret[field] for field in fields)
    ]


def first_secret(world: World) -> dict[str, str]:
    """Give what the world signs with. Raises Invalid when there is nothing."""
    secret = next(iter(secrets_of(world)), None)
    if secret is None:
        raise Invalid(Code.CONFIG_INVALID, "The world has no JWT secret; add one to its configuration.")
    return secret


def sign(world: World, purpose: str, content: dict[str, Any], expires: datetime) -> str:
    """Sign something that is good for one purpose until an instant. Raises Invalid when the world has no secret."""
    body = {**content, "aud": _audience(world, purpose), "exp": int(expires.timestamp())}
    with any_length():
        return jwt.encode(body, first_secret(world)["secret"], algorithm="HS256")


def read(world: World, purpose: str, token: str, now: datetime) -> dict[str, Any]:
    """Give what was signed for a purpose. Raises Denied: TOKEN_INVALID, or TOKEN_EXPIRED when it is over."""
    options: Any = {"verify_exp": False, "verify_iat": False, "require": ["exp", "aud"]}
    for secret in secrets_of(world) if len(token) <= MAX_TOKEN else ():
        try:
            with any_length():
                body: dict[str, Any] = jwt.decode(
                    token, secret["secret"], algorithms=["HS256"], audience=_audience(world, purpose), options=options
                )
            expires = float(body["exp"])
        except (jwt.InvalidTokenError, TypeError, ValueError, RecursionError):
            continue
        if expires <= now.timestamp():
            raise Denied(Code.TOKEN_EXPIRED)
        return body
    raise Denied(Code.TOKEN_INVALID)


def derive(secret: str, world: World, purpose: str, content: str) -> str:
    """Give 64 hexadecimal digits that only who has the secret can make of a content, and that stay the same."""
    # Nothing that is signed as a token begins with a NUL.
    text = f"\0{_audience(world, purpose)}\0{content}"
    return hmac.new(secret.encode("utf-8", "surrogatepass"), text.encode(), hashlib.sha256).hexdigest()


@contextmanager
def any_length() -> Iterator[None]:
    """Let JWT take the secret as it is: how long it is was decided elsewhere."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _audience(world: World, purpose: str) -> str:
    # No token that somebody else signs with the same secret, such as a ticket system, has an audience like this.
    return f"hubbub:{world.id}:{purpose}"
