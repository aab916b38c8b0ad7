"""One command of this dialect: how it is read, how what came of it is written, and how it is refused."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from hubbub.core.command import Command
from hubbub.core.error import Code
from hubbub.core.model import User
from hubbub.dialects.venueless.body import Body
from hubbub.dialects.venueless.encode import VenuelessEncoder
from hubbub.dialects.venueless.id import Kind, parse
from hubbub.live.hub import Hub
from hubbub.live.session import Session

T = TypeVar("T")


class RefusedError(Exception):
    """A request that this dialect refuses in its own words, before or after the core was asked."""

    def __init__(self, code: str, message: str = "", details: Any = None) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.details = details


class Context(msgspec.Struct, frozen=True):
    """What a reply is made with: who asked, and how things are written."""

    session: Session
    hub: Hub
    encoder: VenuelessEncoder
    body: Any
    base_url: str

    @property
    def user(self) -> User:
        """The user who asked."""
        return self.session.state.users[self.session.user]

    @property
    def admin(self) -> bool:
        """Whether the user may see what only managers of users see."""
        return "world:users.manage" in self.session.state.permissions(self.user, self.encoder.clock())

    def write_user(self, user: User) -> Body:
        """Write a user with what the asker may see."""
        return self.encoder.user(user, admin=self.admin)


class Call(msgspec.Struct, frozen=True):
    """One command of the dialect: how to read it, and how to write what came of it."""

    read: Callable[[Any], Command]
    write: Callable[[Any, Context], Any] = lambda _result, _context: {}
    codes: dict[Code, str] = {}
    """Codes that this command writes in its own way."""
    reasons: dict[Code, str] = {}
    """The same for codes that are written with the reason."""


def take(body: Any, kind: type[T]) -> T:
    """Read a body; raises RefusedError with the field's name when it is not what it should be."""
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise RefusedError("protocol.invalid_body", str(error)) from None


def mapping(body: Any) -> Body:
    """Take a body that must be an object."""
    if not isinstance(body, dict):
        raise RefusedError("protocol.invalid_body", "The body must be an object.")
    return body


def room_of(body: Any) -> int:
    """Read which room a command is about: by `room`, or by `channel`, the channel of a room."""
    fields = mapping(body)
    found = parse(fields.get("room"), Kind.ROOM) or parse(fields.get("channel"), Kind.CHANNEL)
    if not found:
        raise RefusedError("room.unknown", "Unknown room ID")
    return found
