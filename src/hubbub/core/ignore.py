"""Ignoring: not reading somebody for a while. The client leaves their messages out, as it knows what it shows."""

from datetime import timedelta

from hubbub.core.command import Act, Command, handles
from hubbub.core.error import Code, Denied, Limited, Unknown
from hubbub.core.event import IgnoreBegun, IgnoreEnded
from hubbub.core.model import Ignore
from hubbub.core.visit import access_visit

LIFE = timedelta(hours=24)
"""Source: protocols/jumpin.md 1.2."""
MAX_IGNORED = 200


class IgnoreVisitor(Command, frozen=True, kw_only=True):
    """Begin to ignore somebody who is in a room."""

    room: int
    visit: int


class StopIgnoring(Command, frozen=True, kw_only=True):
    """Read somebody again."""

    ignore: int


class ListIgnored(Command, frozen=True, kw_only=True):
    """List whom the actor ignores."""


@handles(IgnoreVisitor, "room:view", rate="configure", events=(IgnoreBegun,))
def do_ignore(act: Act, command: IgnoreVisitor) -> Ignore:
    """Ignore; doing it twice is doing it once."""
    visit = access_visit(act, command.room, command.visit)
    if visit.user == act.by:
        raise Denied(Code.SELF_ACTION, "You cannot ignore yourself.")
    ignored = ignored_by(act)
    known = next((ignore for ignore in ignored if ignore.target == visit.user), None)
    if known:
        return known
    if len(ignored) >= MAX_IGNORED:
        raise Limited(Code.TOO_MANY, f"You can ignore at most {MAX_IGNORED} people.")
    ignore = Ignore(
        id=act.new_id(),
        world=act.state.world.id,
        user=act.actor.id,
        target=visit.user,
        handle=visit.handle,
        at=act.now,
        until=act.now + LIFE,
    )
    act.emit(IgnoreBegun, ignore=ignore)
    return ignore


@handles(StopIgnoring, rate="configure", events=(IgnoreEnded,))
def do_stop_ignoring(act: Act, command: StopIgnoring) -> Ignore:
    """End it."""
    found = act.state.ignores.get(act.actor.id, {}).get(command.ignore)
    if found is None:
        raise Unknown(Code.IGNORE_UNKNOWN, "user not found")
    act.emit(IgnoreEnded, ignore=found)
    return found


@handles(ListIgnored, rate="read")
def do_list_ignored(act: Act, command: ListIgnored) -> list[Ignore]:
    """Give them, oldest first."""
    return ignored_by(act)


def ignored_by(act: Act) -> list[Ignore]:
    """Give what the actor ignores now."""
    found = act.state.ignores.get(act.actor.id, {})
    return [ignore for ignore in found.values() if ignore.until > act.now]
