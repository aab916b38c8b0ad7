"""Commands: what somebody asks to be done, and the one registry that binds each to its permission, limit and handler.

A handler is a plain function of an `Act` (who asks, where, when) and the command. It checks, then emits events; the
first `emit` comes after the last check, so a refused command has changed nothing. Handlers that must read what is not
in memory are coroutines, and await only before they check.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, ClassVar, NoReturn

import msgspec

from hubbub.core.archive import Archive, Passwords
from hubbub.core.error import Code, Denied, HubbubError, Invalid, Unknown
from hubbub.core.event import Audited, Event
from hubbub.core.model import WORLD_WIDE, AuditEntry, Room, User
from hubbub.core.origin import NOWHERE, Origin
from hubbub.core.permission import SILENCED
from hubbub.core.state import WorldState


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """The base of every command. A command that is about a room has its id in `room`."""

    MODULE: ClassVar[str] = ""
    """The module that the room must have."""


class Act:
    """One command being done: who asks, when, on which state; and what comes of it.

    `user` is None for what is done before logging in, or by the operator at the command line (`operator`), who may do
    everything. `session` is 0 when no connection is behind it (REST, command line). `origin` is where the request
    comes from, as far as that is known.
    """

    __slots__ = (
        *(
            "archive",
            "events",
            "new_id",
            "now",
            "operator",
            "origin",
            "passwords",
            "secret",
            "session",
            "state",
            "user",
        ),
    )

    def __init__(
        self,
        state: WorldState,
        *,
        now: datetime,
        new_id: Callable[[], int],
        secret: Callable[[int, str], str],
        archive: Archive,
        passwords: Passwords | None = None,
        user: User | None = None,
        session: int = 0,
        origin: Origin = NOWHERE,
        operator: bool = False,
    ) -> None:
        self.state = state
        self.now = now
        self.new_id = new_id
        self.secret = secret
        self.archive = archive
        self.passwords = passwords
        self.user = user
        self.session = session
        self.origin = origin
        self.operator = operator
        self.events: list[Event] = []

    @property
    def actor(self) -> User:
        """The user who asks. Raises Denied when nobody is logged in."""
        if self.user is None:
            raise Denied(Code.UNAUTHENTICATED, "Log in first.")
        return self.user

    @property
    def by(self) -> int:
        """The id of the user who asks, 0 for the operator."""
        return self.user.id if self.user else 0

    # What comes of it

    def emit(self, kind: type[Event], room: int = 0, /, **fields: Any) -> None:
        """Let an event have happened: in memory now, in the store and to others once the command is done."""
        fields.setdefault("session", self.session)
        event = kind(world=self.state.world.id, room=room, by=self.by, **fields)
        self.state.apply(event)
        self.events.append(event)

    def audit(self, what: str, data: dict[str, Any]) -> None:
        """Note for the organisers what was done."""
        entry = AuditEntry(
            id=self.new_id(), world=self.state.world.id, user=self.by or None, type=what, data=data, at=self.now
        )
        self.emit(Audited, entry=entry)

    # What is allowed

    def may(self, name: str, room: Room | None = None) -> bool:
        """Tell whether the actor holds a permission, on a room or on the world."""
        return self.operator or name in self.state.permissions(self.actor, self.now, room)

    def check(self, name: str, room: Room | None = None) -> None:
        """Raise Denied when the actor lacks a permission, on a room or on the world."""
        if not self.may(name, room):
            self.deny(room)

    def deny(self, room: Room | None = None) -> NoReturn:
        """Refuse for want of a permission, on a room or on the world."""
        raise Denied(Code.ROOM_DENIED if room else Code.WORLD_DENIED, "Permission denied.")

    def check_rank(self, target: User) -> None:
        """Raise Denied unless the actor stands higher than the target: nobody acts on an equal, or on an owner."""
        if not self.operator and self.state.rank(target, self.now) >= self.state.rank(self.actor, self.now):
            self.deny()

    def check_standing(self, target: User, room: Room) -> None:
        """Raise Denied unless the actor stands higher in a room than the target."""
        if self.operator:
            return
        theirs = self.state.standing(target, self.now, room)
        if theirs and theirs >= self.state.standing(self.actor, self.now, room):
            raise Denied(Code.RANK_DENIED, "Permission denied.", details={"standing": [STANDINGS[min(theirs, 4)]]})

    def admits_anyway(self, room: Room) -> bool:
        """Tell whether no gate and no ban by origin keeps the actor out: who moderates a room must get in."""
        return self.operator or self.state.standing(self.actor, self.now, room) > 0

    def admitted(self, room: Room) -> bool:
        """Tell whether the actor has come through a room's gates: is there, belongs there, or moderates it."""
        user = self.actor
        return (
            self.state.presence.visit(room.id, user.id) is not None
            or user.id in self.state.members.get(room.id, ())
            or self.admits_anyway(room)
        )

    # What may be seen

    def access_room(self, identity: int, *, module: str = "") -> Room:
        """Give a room that is there and has a module. Whether the actor may act in it is not checked here.

        A direct conversation is there only for what is about a module: nobody enters, configures or closes it.
        """
        room = self.state.rooms.get(identity)
        if room is None or room.deleted or (room.kind == "direct" and not module):
            raise Unknown(Code.ROOM_UNKNOWN, "Unknown room ID")
        if module and room.kind == "room" and room.module(module) is None:
            raise Unknown(Code.MODULE_MISSING, "Room does not contain a matching module.")
        return room

    def access_user(self, identity: int) -> User:
        """Give a user of this world who is not deleted."""
        user = self.state.users.get(identity)
        if user is None or user.deleted:
            raise Unknown(Code.USER_UNKNOWN)
        return user


STANDINGS = ("nobody", "moderator", "owner", "world moderator", "admin")
"""Names of what WorldState.standing gives."""

Handler = Callable[[Act, Any], Any] | Callable[[Act, Any], Awaitable[Any]]


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What is declared of a command.

    `permission`: what the actor must hold; of several, one suffices. A `room:` permission is asked of the command's
    room when it has one, else of the world. `rate`: the class of limits that it counts against (live/rate.py).
    `events`: what may come of it. `before_login`: it needs no actor. `outside`: it needs not have come through the
    room's gates, nor be free of bans by origin.
    """

    command: type[Command]
    handler: Handler
    permission: tuple[str, ...] = ()
    rate: str = "default"
    events: tuple[type[Event], ...] = ()
    before_login: bool = False
    outside: bool = False

    @property
    def stores(self) -> bool:
        """Whether anything of it may be kept."""
        return any(event.durable() for event in self.events)


REGISTRY: dict[type[Command], Spec] = {}


def handles(
    command: type[Command],
    *permission: str,
    rate: str = "default",
    events: tuple[type[Event], ...] = (),
    before_login: bool = False,
    outside: bool = False,
) -> Callable[[Handler], Handler]:
    """Register the decorated function as the handler of a command."""

    def register(handler: Handler) -> Handler:
        if command in REGISTRY:
            raise TypeError(f"{command.__name__} has a handler already")
        REGISTRY[command] = Spec(
            command=command,
            handler=handler,
            permission=permission,
            rate=rate,
            events=events,
            before_login=before_login,
            outside=outside,
        )
        return handler

    return register


def check(act: Act, command: Command) -> Spec:
    """Find the command's declaration, and raise unless the actor may do it.

    The order: logged in, room exists, room has the module, permission, gates. The actor is who they are now:
    handlers that waited check once more.
    """
    spec = REGISTRY[type(command)]
    if act.operator or spec.before_login:
        return spec
    actor = act.user = act.state.users.get(act.actor.id, act.actor)
    identity = getattr(command, "room", WORLD_WIDE)
    room = act.access_room(identity, module=command.MODULE) if identity else None
    if room and room.kind == "direct":
        _check_direct(act, actor, room, spec)
    elif spec.permission:
        held = act.state.permissions(actor, act.now, room)
        if not any(name in held for name in spec.permission):
            act.deny(room)
        if room and not spec.outside:
            _check_inside(act, room)
    elif act.state.moderation(actor.id, act.now) == "banned" or actor.deleted:
        act.deny(room)
    return spec


def _check_inside(act: Act, room: Room) -> None:
    if act.state.bans_by_origin and act.state.barred(act.origin, act.now, room.id) and not act.admits_anyway(room):
        act.deny(room)
    if room.gated and not act.admitted(room):
        act.deny(room)


def _check_direct(act: Act, actor: User, room: Room, spec: Spec) -> None:
    """In a direct conversation, belonging to it stands for every permission on the room, but for the silenced."""
    moderation = act.state.moderation(actor.id, act.now)
    silenced = moderation == "silenced" and not SILENCED.issuperset(spec.permission)
    if silenced or moderation == "banned" or actor.deleted or actor.id not in act.state.members.get(room.id, ()):
        raise Denied(Code.CHAT_DENIED)


def invalid(field: str, message: str) -> HubbubError:
    """Say what is wrong with one field of a command."""
    return Invalid(Code.INVALID, f"{field}: {message}", details={field: [message]})
