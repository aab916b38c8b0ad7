"""Feeds: what a group will do together, for a program that only knows an address, such as a calendar.

An address holds a token in place of whoever asked for it. It is good for the gatherings of one group, as long as that
membership lasts and its holder may read what is said there: who leaves and comes back has another. It is derived from a
secret of the world, so nothing secret is kept; it ends, too, when that secret is no longer one of the world's.
"""

import hmac
import re
from datetime import timedelta

import msgspec

from hubbub.core.command import Act, Command, check, handles
from hubbub.core.error import Code, Denied, Unknown
from hubbub.core.gathering import ListGatherings, listed
from hubbub.core.group import access_group
from hubbub.core.membership import access_member
from hubbub.core.model import Gathering, Member, Room, World
from hubbub.core.signature import derive, first_secret, secrets_of

PAST = timedelta(days=90)
"""For so long what is over is shown."""
ID_DIGITS = 14
"""Hexadecimal digits that hold any id (core.id)."""
PROOF_DIGITS = 32
"""Hexadecimal digits: 128 bits that nobody guesses."""
TOKEN = re.compile(f"[0-9a-f]{{{ID_DIGITS + PROOF_DIGITS}}}")


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """A group and its gatherings in the order in which they begin, at most gathering.MAX_LISTED.

    Nobody who takes part is named: whoever has the address sees it.
    """

    room: Room
    gatherings: tuple[Gathering, ...]


class GetFeed(Command, frozen=True, kw_only=True):
    """Give one's own token for the gatherings of a group that one belongs to."""

    room: int


class ReadFeed(Command, frozen=True, kw_only=True):
    """Look at the gatherings of a group, by a token alone."""

    room: int
    token: str


@handles(GetFeed, "room:chat.read", rate="read")
def do_get(act: Act, command: GetFeed) -> str:
    """Give it: always the same one. Raises Unknown for who does not belong, Invalid when the world has no secret."""
    room = access_group(act, command.room)
    member = access_member(act.state, room.id, act.actor.id)
    return _token(first_secret(act.state.world)["secret"], act.state.world, member)


@handles(ReadFeed, rate="login", before_login=True)
def do_read(act: Act, command: ReadFeed) -> Feed:
    """Give what its holder may see now, from PAST on. Raises Unknown, whatever may be wrong with the token."""
    try:
        member = _holder(act, command)
        act.user = act.access_user(member.user)
        act.check("world:view")
        wanted = ListGatherings(room=member.room, ending=act.now - PAST)
        check(act, wanted)
        room = access_group(act, member.room)
    except (Denied, Unknown):
        raise Unknown(Code.ROOM_UNKNOWN, "There is no such feed.") from None
    return Feed(room=room, gatherings=tuple(listed(act, wanted)))


def _holder(act: Act, command: ReadFeed) -> Member:
    if not TOKEN.fullmatch(command.token):
        raise Unknown(Code.ROOM_UNKNOWN)
    member = access_member(act.state, command.room, int(command.token[:ID_DIGITS], 16))
    world = act.state.world
    # All are looked at, so that the time tells nothing.
    same = [hmac.compare_digest(_token(one["secret"], world, member), command.token) for one in secrets_of(world)]
    if not any(same):
        raise Unknown(Code.ROOM_UNKNOWN)
    return member


def _token(secret: str, world: World, member: Member) -> str:
    identity = f"{member.user:0{ID_DIGITS}x}"
    return identity + derive(secret, world, "feed", f"{member.room}:{member.user}:{member.id}")[:PROOF_DIGITS]
