"""The gates of rooms: what is asked of who comes in, beside a permission."""

from datetime import datetime, timedelta

import msgspec

from hubbub.core.archive import Passwords
from hubbub.core.command import Act, Command, check, handles, invalid
from hubbub.core.error import Code, Denied, HubbubError, Unavailable
from hubbub.core.event import RoomPasswordSet, RoomUpdated, UserUpdated
from hubbub.core.membership import must_ask
from hubbub.core.model import Room, RoomPassword, User
from hubbub.core.signature import read, sign

MAX_PASSWORD = 200
KEY_LIFE = timedelta(minutes=5)
"""Source: protocols/jumpin.md 1.1."""


class UnlockRoom(Command, frozen=True, kw_only=True):
    """Get the key of a room by its password, for a few minutes; EnterRoom takes it."""

    room: int
    password: str


class SetRoomPassword(Command, frozen=True, kw_only=True):
    """Ask for a password of everybody who comes in from now on; None asks for none."""

    room: int
    password: str | None


class ConfirmAge(Command, frozen=True, kw_only=True):
    """Say that one is of age."""


def check_may_enter(act: Act, room: Room, key: str) -> None:
    """Raise Denied unless the actor may come in, by the first of these that stands in the way.

    The room is closed, asks for an account, for a verified one, for an older one; the actor was kicked a moment ago;
    the room asks for its password, for a word on one's age; the actor is banned; lacks `room:view`; needs approval. Who
    moderates the room passes all but `room:view` and being kicked. Source: protocols/jumpin.md 1.1.
    """
    user, exempt = act.actor, act.admits_anyway(room)
    if not exempt:
        check_account(room, user, act.now)
    if (room.id, user.id) in act.state.presence.kicked:
        del act.state.presence.kicked[room.id, user.id]
        raise Denied(Code.KICKED, "You were sent out. You may come back now.")
    if room.locked and not exempt and not _opens(act, room, key):
        raise Denied(Code.ROOM_LOCKED, "The room needs a password.")
    if not exempt:
        check_adult(room, user)
    banned = act.state.moderation(user.id, act.now, room.id) == "banned"
    if banned or (act.state.barred(act.origin, act.now, room.id) and not exempt):
        raise Denied(Code.BANNED, "You are banned from this room.")
    act.check("room:view", room)
    if must_ask(act, room, user):
        raise Denied(Code.ROOM_DENIED, "Ask to join this group first.")


def check_account(room: Room, user: User, now: datetime) -> None:
    """Raise Denied when a room is closed, or closed to accounts like this one."""
    if room.closed is not None:
        raise Denied(Code.ROOM_CLOSED, room.closed)
    if room.accounts_only and not user.account:
        raise Denied(Code.ACCOUNT_REQUIRED, "Only people with an account may come in. Log in first.")
    if room.verified_only and not user.verified:
        raise Denied(Code.VERIFICATION_REQUIRED, "Only people whom the organisers have verified may come in.")
    young = timedelta(seconds=room.min_account_age) - (now - user.created)
    if room.min_account_age and young > timedelta():
        raise Denied(Code.ACCOUNT_TOO_YOUNG, "Your account is too new for this room.", retry_after=young)


def check_adult(room: Room, user: User) -> None:
    """Raise Denied when a room is for those who said that they are of age, and the user did not."""
    if room.age_restricted and not user.adult:
        raise Denied(Code.AGE_UNCONFIRMED, "Confirm your age first.")


def _opens(act: Act, room: Room, key: str) -> bool:
    if act.state.presence.visit(room.id, act.actor.id):
        return True  # another connection of theirs has come in already
    try:
        read(act.state.world, _purpose(room), key, act.now)
    except HubbubError:
        return False
    return True


def _purpose(room: Room) -> str:
    return f"room:{room.id}"


@handles(UnlockRoom, rate="login", outside=True)
async def do_unlock(act: Act, command: UnlockRoom) -> str:
    """Give a key, unless the password is wrong. A room without a password opens to any."""
    known = await act.archive.room_password(command.room)
    right = await passwords_of(act).verify(known.password if known else None, command.password[:MAX_PASSWORD])
    check(act, command)
    room = act.access_room(command.room)
    if room.locked and not right:
        raise Denied(Code.PASSWORD_WRONG, "Password incorrect")
    return sign(act.state.world, _purpose(room), {"room": room.id}, act.now + KEY_LIFE)


@handles(SetRoomPassword, "room:update", rate="configure", events=(RoomUpdated, RoomPasswordSet))
async def do_set_password(act: Act, command: SetRoomPassword) -> Room:
    """Lock or unlock the room; who is inside stays."""
    if command.password is not None and not 0 < len(command.password) <= MAX_PASSWORD:
        raise invalid("password", f"1 to {MAX_PASSWORD} characters")
    hashed = await passwords_of(act).hash(command.password) if command.password else ""
    check(act, command)
    room = act.access_room(command.room)
    if hashed:
        act.emit(RoomPasswordSet, room.id, password=RoomPassword(room=room.id, world=room.world, password=hashed))
    room = msgspec.structs.replace(room, locked=bool(hashed))
    act.emit(RoomUpdated, room.id, config=room)
    act.audit("world.room.password", {"object": room.id, "locked": room.locked})
    return room


@handles(ConfirmAge, "world:view", rate="configure", events=(UserUpdated,))
def do_confirm_age(act: Act, command: ConfirmAge) -> None:
    """Believe it."""
    if not act.actor.adult:
        act.emit(UserUpdated, user=msgspec.structs.replace(act.actor, adult=True))


def passwords_of(act: Act) -> Passwords:
    """Give what hashes passwords. Raises Unavailable where nothing does, as in some tools."""
    if act.passwords is None:
        raise Unavailable(Code.UNAVAILABLE, "Passwords cannot be checked here.")
    return act.passwords
