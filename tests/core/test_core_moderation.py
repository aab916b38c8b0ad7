"""Moderating one room (protocols/jumpin.md 1.2, 1.4; section 5, cases 11 and 16 to 19)."""

from datetime import timedelta
from typing import Any

import pytest
from tests.core.house import House

from hubbub.core import moderation as moderation_module
from hubbub.core.chat import JoinChat, PostMessage
from hubbub.core.error import Code
from hubbub.core.event import (
    Audited,
    OccupancyChanged,
    Topic,
    Unsubscribed,
    UserBanned,
    UserReactivated,
    VisitClosed,
    VisitorKicked,
)
from hubbub.core.model import WORLD_WIDE
from hubbub.core.moderation import (
    BAN,
    MAX_BAN,
    MAX_BANS,
    MIN_BAN,
    SILENCE,
    BanVisitor,
    KickVisitor,
    LiftBan,
    ListBans,
    SilenceVisitor,
)
from hubbub.core.origin import Origin
from hubbub.core.presence import REMEMBERED
from hubbub.core.reading import FetchMessages
from hubbub.core.room import EnterRoom, LeaveRoom
from hubbub.core.user import BanUser, DeleteUser, ReactivateUser
from hubbub.core.visit import JoinRoom

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
VERBS: list[Any] = [KickVisitor, BanVisitor, SilenceVisitor]

WORLD_ROLES = ("world moderator", "warden", "admin", "owner")
STANDINGS = ("nobody", "room moderator", "room owner", *WORLD_ROLES)
"""Who stands higher the later they come."""


def somebody(house: House, standing: str, room: int) -> int:
    """Make a person who stands so in a room."""
    if standing == "owner":
        return house.owner(standing)
    traits = {"world moderator": "moderator", "warden": "warden", "admin": "admin"}
    made = house.person(
        standing, *([traits[standing]] if standing in traits else []), client_id=f"{standing}'s browser"
    )
    if role := {"room moderator": "moderator", "room owner": "room_owner"}.get(standing):
        house.grant(made, role, room)
    return made


@pytest.fixture
def ada(house: House) -> int:
    return house.person("Ada", client_id="ada's browser")


@pytest.fixture
def mo(house: House) -> int:
    """A moderator of the lounge."""
    return somebody(house, "room moderator", house.lounge)


def visit(house: House, user: int, room: int = 0, origin: Origin | None = None) -> int:
    """Let somebody be in a room, and give the id of their visit."""
    house.arrive(user, room or house.lounge, origin or Origin())
    return house.visit_of(user, room or house.lounge).id


# Who may, and on whom


@pytest.mark.parametrize("verb", VERBS)
def test_who_is_nobody_may_not(house: House, ada: int, verb: Any) -> None:
    bob = visit(house, house.person("Bob"))
    assert house.refusal(verb(room=house.lounge, visit=bob), ada) == Code.ROOM_DENIED
    assert house.refusal(verb(room=house.lounge, visit=bob)) == Code.UNAUTHENTICATED


@pytest.mark.parametrize("verb", VERBS)
def test_who_moderates_one_room_does_so_there_alone(house: House, ada: int, mo: int, verb: Any) -> None:
    elsewhere = visit(house, ada, house.stage)
    assert house.refusal(verb(room=house.stage, visit=elsewhere), mo) == Code.ROOM_DENIED
    assert house.refusal(verb(room=house.lounge, visit=elsewhere), mo) == Code.VISIT_UNKNOWN
    assert house.refusal(verb(room=12345, visit=elsewhere), mo) == Code.ROOM_UNKNOWN
    house.do(verb(room=house.lounge, visit=visit(house, ada)), mo)


@pytest.mark.parametrize(("permission", "allowed"), [("room:kick", [KickVisitor]), ("room:chat.moderate", VERBS[1:])])
def test_one_permission_each(house: House, ada: int, permission: str, allowed: list[Any]) -> None:
    house.state.world.roles["helper"] = [permission]
    bob = house.person("Bob")
    house.grant(bob, "helper", house.lounge)
    for verb in VERBS:
        command = verb(room=house.lounge, visit=anew(house, ada))
        if verb in allowed:
            house.do(command, bob)
        else:
            assert house.refusal(command, bob) == Code.ROOM_DENIED


@pytest.mark.parametrize("target", STANDINGS)
@pytest.mark.parametrize("actor", STANDINGS[1:])
def test_nobody_acts_on_an_equal_or_on_who_stands_higher(house: House, actor: str, target: str) -> None:
    one, other = somebody(house, actor, house.lounge), somebody(house, target, house.lounge)
    meant = visit(house, other)
    verbs = VERBS if actor != "warden" else VERBS[1:]  # wardens of this house may not kick
    for verb in verbs:
        command = verb(room=house.lounge, visit=meant)
        if STANDINGS.index(actor) > STANDINGS.index(target):
            house.do(command, one)
            meant = anew(house, other)
        else:
            error = house.error(command, one)
            assert error.code == Code.RANK_DENIED
            named = target if target not in ("warden", "admin", "owner") else "admin"
            assert error.details == {"standing": [named.replace("room ", "")]}
            house.visit_of(other, house.lounge)


def anew(house: House, user: int) -> int:
    """Let somebody be in the lounge again, whatever was done to them."""
    house.state.presence.kicked.clear()
    house.advance(2 * BAN)
    return visit(house, user)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("standing", ["room moderator", "owner"])
def test_not_on_oneself(house: House, verb: Any, standing: str) -> None:
    one = somebody(house, standing, house.lounge)
    assert house.refusal(verb(room=house.lounge, visit=visit(house, one)), one) == Code.SELF_ACTION


@pytest.mark.parametrize("verb", VERBS)
def test_the_operator_may_act_on_anybody(house: House, verb: Any) -> None:
    house.do(verb(room=house.lounge, visit=visit(house, house.owner())), operator=True)


@pytest.mark.parametrize("verb", VERBS)
def test_who_is_not_there_or_not_seen_is_unknown(house: House, mo: int, verb: Any) -> None:
    hidden = house.person("Hidden", shown=False)
    assert house.refusal(verb(room=house.lounge, visit=visit(house, hidden)), mo) == Code.VISIT_UNKNOWN
    assert house.refusal(verb(room=house.lounge, visit=12345), mo) == Code.VISIT_UNKNOWN


# Sending out


def test_to_be_kicked_is_to_be_nowhere_in_the_room(house: House, ada: int, mo: int) -> None:
    tabs = [house.arrive(ada, house.lounge), house.arrive(ada, house.lounge)]
    for tab in tabs:
        house.do(JoinChat(room=house.lounge), ada, session=tab)
    elsewhere = house.arrive(ada, house.stage)
    meant = house.visit_of(ada, house.lounge)
    outcome = house.do(KickVisitor(room=house.lounge, visit=meant.id), mo)
    assert outcome.result == meant
    assert outcome.one(VisitorKicked).visit.id == meant.id
    assert outcome.one(VisitClosed).visit.id == meant.id
    assert outcome.one(OccupancyChanged).users == "none"
    kinds = [type(event) for event in outcome.events]
    assert kinds.index(VisitorKicked) < kinds.index(Unsubscribed) < kinds.index(VisitClosed)
    assert {event.session for event in outcome.of(Unsubscribed)} == set(tabs)
    for topic in Topic:
        assert house.hears(topic, house.lounge) == set()
    assert house.hears(Topic.VISITORS, house.stage) == {elsewhere}
    assert house.state.presence.visit(house.lounge, ada) is None
    assert ada in house.state.members[house.lounge], "who belongs is no less one who belongs"


def test_volatile_belonging_ends_with_being_kicked(house: House, ada: int) -> None:
    tab = house.arrive(ada, house.stage)
    house.do(JoinChat(room=house.stage), ada, session=tab)
    house.do(KickVisitor(room=house.stage, visit=house.visit_of(ada, house.stage).id), house.owner())
    assert not house.state.participates(ada, house.state.rooms[house.stage])
    house.log_out(ada, tab)
    assert set(house.state.presence.statistics().values()) == {0}


@pytest.mark.parametrize("way_in", [EnterRoom, JoinRoom])
@pytest.mark.parametrize("fields", [{"client_id": "c"}, {"login": "ada"}, {"token_id": "t"}])
def test_who_was_kicked_is_turned_away_once(house: House, mo: int, fields: Any, way_in: Any) -> None:
    ada = house.person("Ada", **fields)
    house.do(KickVisitor(room=house.lounge, visit=visit(house, ada)), mo)
    tab = house.connect(ada)
    house.arrive(ada, house.stage)
    assert house.refusal(way_in(room=house.lounge), ada, session=tab) == Code.KICKED
    house.do(way_in(room=house.lounge), ada, session=tab)


def test_who_was_kicked_twice_is_turned_away_once_for_each(house: House, ada: int, mo: int) -> None:
    for _ in range(2):
        house.do(KickVisitor(room=house.lounge, visit=visit(house, ada)), mo)
        assert house.refusal(EnterRoom(room=house.lounge), ada) == Code.KICKED


def test_who_has_left_cannot_be_kicked_or_silenced(house: House, ada: int, mo: int) -> None:
    tab = house.arrive(ada, house.lounge)
    meant = house.visit_of(ada, house.lounge).id
    house.do(LeaveRoom(room=house.lounge), ada, session=tab)
    for verb in (KickVisitor, SilenceVisitor):
        assert house.refusal(verb(room=house.lounge, visit=meant), mo) == Code.VISIT_UNKNOWN


# Keeping out


def test_a_ban_sends_out_and_keeps_out_of_one_room_for_a_day(house: House, ada: int, mo: int) -> None:
    tab = house.arrive(ada, house.lounge)
    house.do(JoinChat(room=house.lounge), ada, session=tab)
    outcome = house.do(BanVisitor(room=house.lounge, visit=house.visit_of(ada, house.lounge).id), mo)
    ban = outcome.one(UserBanned).ban
    assert outcome.result == ban
    assert (ban.user, ban.room, ban.kind, ban.by, ban.handle) == (ada, house.lounge, "ban", mo, "Ada")
    assert (ban.at, ban.until) == (house.now, house.now + BAN)
    assert outcome.one(Audited).entry.data == {"object": ada, "room": house.lounge, "until": ban.until}
    assert outcome.one(VisitClosed).user == ada
    assert house.hears_all() == set()
    assert house.refusal(EnterRoom(room=house.lounge), ada) == Code.BANNED
    assert house.refusal(PostMessage(room=house.lounge, body="Hi"), ada) == Code.ROOM_DENIED
    assert house.reloaded().moderation(ada, house.now, house.lounge) == "banned"
    house.arrive(ada, house.stage)
    house.advance(BAN - SECOND)
    assert house.refusal(EnterRoom(room=house.lounge), ada) == Code.BANNED
    house.advance(SECOND)
    house.arrive(ada, house.lounge)


@pytest.mark.parametrize("duration", [timedelta(), -HOUR, MIN_BAN - SECOND, MAX_BAN + SECOND])
def test_how_long_a_ban_cannot_be(house: House, ada: int, mo: int, duration: timedelta) -> None:
    command = BanVisitor(room=house.lounge, visit=visit(house, ada), duration=duration)
    error = house.error(command, mo)
    assert error.code == Code.DURATION_INVALID
    assert error.message.startswith("Duration must be at least 1" if duration < MIN_BAN else "Duration can only be up")


def test_the_longest_ban_has_no_end(house: House, ada: int, mo: int) -> None:
    longest = BanVisitor(room=house.lounge, visit=visit(house, ada), duration=MAX_BAN)
    assert house.do(longest, mo).result.until is None
    house.advance(10 * MAX_BAN)
    assert house.refusal(EnterRoom(room=house.lounge), ada) == Code.BANNED
    assert house.reloaded().moderation(ada, house.now, house.lounge) == "banned"
    bob = house.person("Bob")
    almost = BanVisitor(room=house.lounge, visit=visit(house, bob), duration=MAX_BAN - SECOND)
    assert house.do(almost, mo).result.until == house.now + MAX_BAN - SECOND


def test_an_ended_ban_does_not_shorten_a_fresh_one(house: House, ada: int, mo: int) -> None:
    for _ in range(2):
        house.do(BanVisitor(room=house.lounge, visit=visit(house, ada), duration=HOUR), mo)
        assert house.refusal(EnterRoom(room=house.lounge), ada) == Code.BANNED
        house.advance(HOUR)
    house.arrive(ada, house.lounge)


@pytest.mark.parametrize(
    ("origin", "same", "other"),
    [
        (Origin(address="192.0.2.7"), Origin(address="192.0.2.7"), Origin(address="192.0.2.8")),
        (Origin(address="2001:db8:0:1::/64"), Origin(address="2001:db8:0:1::/64"), Origin(address="2001:db8:0:2::/64")),
        (Origin(client="c"), Origin(address="192.0.2.9", client="c"), Origin(address="192.0.2.9", client="d")),
    ],
)
def test_a_ban_holds_for_whoever_comes_from_there(
    house: House, ada: int, mo: int, origin: Origin, same: Origin, other: Origin
) -> None:
    house.do(BanVisitor(room=house.lounge, visit=visit(house, ada, origin=origin)), mo)
    again = house.person("Ada again", client_id="another browser")
    assert house.refusal(EnterRoom(room=house.lounge), again, origin=same) == Code.BANNED
    assert house.refusal(EnterRoom(room=house.lounge), ada, origin=other) == Code.BANNED
    assert house.refusal(FetchMessages(room=house.lounge, before=9), again, origin=same) == Code.ROOM_DENIED
    assert house.reloaded().barred(same, house.now, house.lounge)
    house.arrive(again, house.lounge, other)
    house.arrive(again, house.stage, same)
    house.advance(BAN)
    house.arrive(house.person("Ada once more"), house.lounge, same)


def test_a_ban_by_origin_lets_in_who_moderates_the_room(house: House, ada: int, mo: int) -> None:
    home = Origin(address="192.0.2.7")
    house.do(BanVisitor(room=house.lounge, visit=visit(house, ada, origin=home)), house.owner())
    tab = house.arrive(mo, house.lounge, home)
    house.do(JoinChat(room=house.lounge), mo, session=tab)


def test_where_nobody_knows_they_come_from_no_ban_holds(house: House, ada: int, mo: int) -> None:
    """Behind a proxy on the same machine everybody has an empty address, and some keep nothing in their browser."""
    ban = house.do(BanVisitor(room=house.lounge, visit=visit(house, ada)), mo).result
    assert (ban.addresses, ban.clients) == ((), ())
    house.arrive(house.person("Bob"), house.lounge)


def test_every_place_that_they_came_from_and_none_of_the_actor_s_own(house: House, ada: int, mo: int) -> None:
    """Who sits beside the moderator is banned by name alone."""
    cafe = Origin(address="192.0.2.7", client="theirs")
    visit(house, ada, origin=cafe)
    visit(house, ada, origin=Origin(address="192.0.2.8", client="theirs"))
    tab = house.connect(mo, Origin(address="192.0.2.7", client="mine"))
    meant = house.visit_of(ada, house.lounge)
    ban = house.do(BanVisitor(room=house.lounge, visit=meant.id), mo, session=tab).result
    assert (ban.addresses, ban.clients) == (("192.0.2.8",), ("theirs",))


def test_who_left_within_a_day_can_be_banned(house: House, ada: int, mo: int) -> None:
    origin = Origin(address="192.0.2.7", client="c")
    tab = house.arrive(ada, house.lounge, origin)
    meant = house.visit_of(ada, house.lounge)
    house.do(LeaveRoom(room=house.lounge), ada, session=tab)
    assert house.refusal(BanVisitor(room=house.stage, visit=meant.id), house.owner()) == Code.VISIT_UNKNOWN
    house.advance(REMEMBERED)
    ban = house.do(BanVisitor(room=house.lounge, visit=meant.id), mo).result
    assert (ban.user, ban.handle, ban.addresses, ban.clients) == (ada, "Ada", ("192.0.2.7",), ("c",))
    assert house.refusal(EnterRoom(room=house.lounge), ada) == Code.BANNED
    house.advance(SECOND)
    assert house.refusal(BanVisitor(room=house.lounge, visit=meant.id), mo) == Code.VISIT_UNKNOWN


def test_who_left_and_came_back_can_be_banned_by_either_visit(house: House, ada: int, mo: int) -> None:
    first = visit(house, ada)
    house.log_out(ada, next(iter(house.visit_of(ada, house.lounge).sessions)))
    second = visit(house, ada)
    assert first != second
    outcome = house.do(BanVisitor(room=house.lounge, visit=first), mo)
    assert outcome.one(VisitClosed).visit.id == second


def test_standing_protects_those_who_left_too(house: House, mo: int) -> None:
    owner = somebody(house, "room owner", house.lounge)
    tab = house.arrive(owner, house.lounge)
    meant = house.visit_of(owner, house.lounge).id
    house.do(LeaveRoom(room=house.lounge), owner, session=tab)
    assert house.refusal(BanVisitor(room=house.lounge, visit=meant), mo) == Code.RANK_DENIED
    mine = visit(house, mo)
    house.log_out(mo, next(iter(house.visit_of(mo, house.lounge).sessions)))
    assert house.refusal(BanVisitor(room=house.lounge, visit=mine), mo) == Code.SELF_ACTION


def test_who_is_no_more_cannot_be_banned(house: House, ada: int, mo: int) -> None:
    meant = visit(house, ada)
    house.do(DeleteUser(user=ada), house.owner())
    assert house.refusal(BanVisitor(room=house.lounge, visit=meant), mo) == Code.USER_UNKNOWN


def test_a_room_has_only_so_many_bans(house: House, mo: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_BANS >= 100
    monkeypatch.setattr(moderation_module, "MAX_BANS", 2)
    house.ban(house.person("Elsewhere"), house.stage)
    for count in range(2):
        house.do(BanVisitor(room=house.lounge, visit=visit(house, house.person(f"P{count}"))), mo)
    last = visit(house, house.person("P2"))
    assert house.refusal(BanVisitor(room=house.lounge, visit=last), mo) == Code.TOO_MANY
    house.do(SilenceVisitor(room=house.lounge, visit=last), mo)
    house.advance(BAN)
    house.do(BanVisitor(room=house.lounge, visit=last), mo)


# Lifting and listing


def test_a_lifted_ban_holds_for_nobody(house: House, ada: int, mo: int) -> None:
    origin = Origin(address="192.0.2.7", client="c")
    ban = house.do(BanVisitor(room=house.lounge, visit=visit(house, ada, origin=origin)), mo).result
    outcome = house.do(LiftBan(room=house.lounge, ban=ban.id), mo)
    assert outcome.result == ban
    lifted = outcome.one(UserReactivated)
    assert (lifted.room, lifted.user, lifted.bans) == (house.lounge, ada, (ban,))
    assert outcome.one(Audited).entry.data == {"object": ada, "room": house.lounge}
    house.arrive(ada, house.lounge, origin)
    assert not house.reloaded().barred(origin, house.now, house.lounge)
    assert house.refusal(LiftBan(room=house.lounge, ban=ban.id), mo) == Code.BAN_UNKNOWN


def test_one_of_two_bans_that_is_lifted_leaves_the_other(house: House, ada: int, mo: int) -> None:
    meant = visit(house, ada, origin=Origin(address="192.0.2.7"))
    first = house.do(BanVisitor(room=house.lounge, visit=meant), mo).result
    second = house.do(BanVisitor(room=house.lounge, visit=meant), mo).result
    house.do(LiftBan(room=house.lounge, ban=first.id), mo)
    assert house.refusal(EnterRoom(room=house.lounge), ada) == Code.BANNED
    house.do(LiftBan(room=house.lounge, ban=second.id), mo)
    house.arrive(ada, house.lounge, Origin(address="192.0.2.7"))


def test_which_bans_can_be_lifted_where(house: House, ada: int, mo: int) -> None:
    elsewhere, silence = house.ban(ada, house.stage), house.ban(ada, house.lounge, kind="silence")
    over = house.ban(ada, house.lounge, until=house.now)
    for ban in (elsewhere, silence, over):
        assert house.refusal(LiftBan(room=house.lounge, ban=ban.id), mo) == Code.BAN_UNKNOWN
    own = house.ban(ada, house.lounge)
    assert house.refusal(LiftBan(room=house.lounge, ban=own.id), house.person("Bob")) == Code.ROOM_DENIED
    house.do(LiftBan(room=house.lounge, ban=own.id), mo)


def test_a_ban_from_the_world_is_lifted_by_who_may_ban_there(house: House, ada: int, mo: int) -> None:
    house.do(BanUser(user=ada), house.owner())
    (ban,) = house.do(ListBans(room=house.lounge), mo).result
    assert ban.room == WORLD_WIDE
    assert house.refusal(LiftBan(room=house.lounge, ban=ban.id), mo) == Code.BAN_UNKNOWN
    house.do(LiftBan(room=house.lounge, ban=ban.id), house.person("Warden", "warden"))
    house.arrive(ada, house.stage)


def test_a_ban_from_the_world_of_somebody_higher_is_not_lifted(house: House) -> None:
    """Once it was, in a room, by who could not reactivate them in the world."""
    admin, warden = house.person("Admin", "admin"), house.person("Warden", "warden")
    house.do(BanUser(user=admin), house.owner())
    (ban,) = house.do(ListBans(room=house.lounge), warden).result
    assert house.refusal(LiftBan(room=house.lounge, ban=ban.id), warden) == Code.WORLD_DENIED
    house.do(LiftBan(room=house.lounge, ban=ban.id), operator=True)


def test_the_operator_may_be_wrong_about_a_room_too(house: House) -> None:
    for command in (ListBans(room=12345), LiftBan(room=12345, ban=1)):
        assert house.refusal(command, operator=True) == Code.ROOM_UNKNOWN


def test_to_be_reactivated_in_the_world_opens_no_room(house: House, ada: int, mo: int) -> None:
    house.do(BanVisitor(room=house.lounge, visit=visit(house, ada)), mo)
    house.do(ReactivateUser(user=ada), house.owner())
    assert house.refusal(EnterRoom(room=house.lounge), ada) == Code.BANNED


def test_bans_are_listed_newest_first(house: House, ada: int, mo: int) -> None:
    first, second = house.ban(ada, house.lounge), house.ban(house.person("Bob"), house.lounge)
    world_wide = house.ban(house.person("Eve"))
    for room, fields in ((house.stage, {}), (house.lounge, {"kind": "silence"}), (house.lounge, {"until": house.now})):
        house.ban(ada, room, **fields)
    assert house.do(ListBans(room=house.lounge), mo).result == [world_wide, second, first]
    assert house.refusal(ListBans(room=house.lounge), house.person("Cy")) == Code.ROOM_DENIED


# Keeping silent


def test_the_silenced_read_on_and_speak_again_soon(house: House, ada: int, mo: int) -> None:
    tabs = {room: house.arrive(ada, room) for room in (house.lounge, house.stage)}
    for room, tab in tabs.items():
        house.do(JoinChat(room=room), ada, session=tab)
    meant = house.visit_of(ada, house.lounge).id
    outcome = house.do(SilenceVisitor(room=house.lounge, visit=meant), mo)
    ban = outcome.one(UserBanned).ban
    assert outcome.result == ban
    assert (ban.kind, ban.room, ban.user, ban.by, ban.handle) == ("silence", house.lounge, ada, mo, "Ada")
    assert (ban.addresses, ban.clients, ban.until) == ((), (), house.now + SILENCE)
    assert outcome.evicted == []
    say = PostMessage(room=house.lounge, body="Hi")
    assert house.refusal(say, ada, session=tabs[house.lounge]) == Code.ROOM_DENIED
    house.do(FetchMessages(room=house.lounge, before=99), ada)
    house.do(PostMessage(room=house.stage, body="Hi"), ada, session=tabs[house.stage])
    house.advance(SILENCE - SECOND)
    assert house.refusal(say, ada) == Code.ROOM_DENIED
    house.advance(SECOND)
    house.do(say, ada)


def test_who_is_silenced_still_comes_and_goes(house: House, ada: int, mo: int) -> None:
    house.do(SilenceVisitor(room=house.lounge, visit=visit(house, ada)), mo)
    tab = house.connect(ada)
    house.do(JoinRoom(room=house.lounge), ada, session=tab)
    assert house.hears(Topic.VIEWERS, house.lounge) >= {tab}
