"""Logging in: tokens, guests, invites, codes, and how many connections (protocols/venueless.md 1.3, 1.15, 1.16)."""

import warnings
from datetime import timedelta
from typing import Any

import jwt
import msgspec
import pytest
from tests.core.house import SECRET, WORLD, House

from hubbub.core.error import Code, HubbubError
from hubbub.core.event import (
    Audited,
    GrantGiven,
    LoginIssued,
    MemberJoined,
    SessionReplaced,
    UserCreated,
    UserSeen,
    UserUpdated,
    VisitClosed,
    WorldUpdated,
)
from hubbub.core.login import (
    IssueLogin,
    IssueLogins,
    LogIn,
    RedeemInvite,
    RedeemLogin,
    digest,
    read_token,
)
from hubbub.core.room import DeleteRoom, EnterRoom, InviteAnonymous, RoomSettings, UpdateRoom
from hubbub.core.user import BanUser, CreateKiosk, DeleteUser, SilenceUser

HOUR = timedelta(hours=1)
OTHER = {"issuer": "other", "audience": "demo", "secret": "another secret of thirty-two chars"}


def token(house: House, secret: dict[str, str] = SECRET, *, algorithm: str = "HS256", **claims: Any) -> str:
    """Sign a token; a claim that is None is left out."""
    body = {
        "iss": secret["issuer"],
        "aud": secret["audience"],
        "iat": int(house.now.timestamp()),
        "exp": int((house.now + HOUR).timestamp()),
        "uid": "ada",
        "traits": ["attendee"],
        **claims,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return jwt.encode({k: v for k, v in body.items() if v is not None}, secret["secret"], algorithm=algorithm)


def refused(house: House, **fields: Any) -> Code:
    return house.refusal(LogIn(**fields), session=99)


# Tokens


def test_the_first_login_with_a_token_makes_the_user(house: House) -> None:
    profile = {"display_name": "Ada", "fields": {}}
    outcome, session = house.log_in(token=token(house, profile=profile, pretalx_id=12))
    user = outcome.one(UserCreated).user
    assert outcome.result == user
    assert (user.token_id, user.traits, user.profile, user.pretalx_id) == ("ada", ("attendee",), profile, "12")
    assert (user.kind, user.shown, user.last_login) == ("person", True, house.now)
    assert house.state.presence.sessions == {user.id: {session: None}}


def test_a_name_that_a_token_brings_has_no_control_characters(house: House) -> None:
    outcome, _ = house.log_in(token=token(house, profile={"display_name": " A\x00d\x07a "}))
    assert outcome.result.display_name == "Ada"


def test_later_logins_take_the_traits_and_leave_the_profile(house: House) -> None:
    first, _ = house.log_in(token=token(house, profile={"display_name": "Ada"}))
    changed = token(house, profile={"display_name": "Other"}, pretalx_id="P", traits=["staff"])
    second, _ = house.log_in(token=changed)
    assert second.of(UserCreated) == []
    assert second.one(UserUpdated).user == second.result
    assert (second.result.id, second.result.traits) == (first.result.id, ("staff",))
    assert (second.result.display_name, second.result.pretalx_id) == ("Ada", None)
    third, _ = house.log_in(token=changed)
    assert third.events == []


def test_a_uid_may_be_a_number(house: House) -> None:
    one, _ = house.log_in(token=token(house, uid=4))
    other, _ = house.log_in(token=token(house, uid="4"))
    assert one.result.id == other.result.id


def test_any_of_the_world_s_secrets_will_do(house: House) -> None:
    house.state.world.config["JWT_secrets"] = ["rubbish", {"issuer": "x"}, SECRET, OTHER]
    assert house.log_in(token=token(house, OTHER))[0].result
    assert house.log_in(token=token(house))[0].result


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "other"},
        {"aud": "other"},
        {"iss": None},
        {"aud": None},
        {"uid": None},
        {"uid": ""},
        {"uid": "x" * 201},
        {"uid": ["ada"]},
        {"traits": "attendee"},
        {"traits": [1]},
        {"exp": "soon"},
        {"profile": "Ada"},
    ],
)
def test_tokens_that_are_not_valid(house: House, claims: Any) -> None:
    assert refused(house, token=token(house, **claims)) == Code.TOKEN_INVALID


@pytest.mark.parametrize("rubbish", ["a", "a.b.c", "." * 100, "x" * 20_000, "\ud800", "ä.ö.ü"])
def test_what_is_no_token(house: House, rubbish: str) -> None:
    assert refused(house, token=rubbish) == Code.TOKEN_INVALID


def test_only_one_algorithm(house: House) -> None:
    assert refused(house, token=token(house, algorithm="HS512")) == Code.TOKEN_INVALID
    head, body, _ = token(house).split(".")
    unsigned = jwt.encode({"uid": "ada"}, "", algorithm="none").split(".")[0]
    assert refused(house, token=f"{unsigned}.{body}.") == Code.TOKEN_INVALID
    assert refused(house, token=f"{head}.{body}.AAAA") == Code.TOKEN_INVALID


def test_a_token_that_is_over(house: House) -> None:
    house.state.world.config["JWT_secrets"] = [OTHER, SECRET]
    old = token(house)
    forged = token(house, {**SECRET, "secret": "some other secret that is nobody's"})
    house.advance(HOUR - timedelta(seconds=1))
    assert read_token(house.state.world, old, house.now).uid == "ada"
    house.advance(timedelta(seconds=1))
    assert refused(house, token=old) == Code.TOKEN_EXPIRED
    assert refused(house, token=forged) == Code.TOKEN_INVALID


def test_a_token_is_worth_more_than_a_client_id(house: House) -> None:
    assert house.log_in(token=token(house), client_id="c")[0].result.token_id == "ada"
    assert refused(house, token="rubbish", client_id="c") == Code.TOKEN_INVALID


def test_a_token_whose_traits_do_not_let_its_holder_in(house: House) -> None:
    house.state.world.trait_grants.pop("attendee")
    house.state.world.trait_grants["viewer"] = ["guest"]
    assert refused(house, token=token(house)) == Code.LOGIN_DENIED
    assert house.state.users == {}
    assert house.log_in(token=token(house, traits=["guest"]))[0].result
    assert refused(house, token=token(house, traits=[])) == Code.LOGIN_DENIED


# Guests


@pytest.mark.parametrize("fields", [{}, {"client_id": ""}, {"token": ""}, {"invite": "x"}])
def test_neither_token_nor_client_id(house: House, fields: Any) -> None:
    assert refused(house, **fields) == Code.CREDENTIALS_MISSING


def test_a_guest_is_who_they_were(house: House) -> None:
    first, _ = house.log_in(client_id="4")
    assert first.one(UserCreated).user.client_id == "4"
    second, _ = house.log_in(client_id="4")
    assert (second.result.id, second.events) == (first.result.id, [])
    assert house.log_in(client_id="5")[0].result.id != first.result.id


def test_a_world_that_does_not_let_strangers_in(house: House) -> None:
    house.state.world.trait_grants.pop("attendee")
    assert refused(house, client_id="c") == Code.TOKEN_REQUIRED
    assert house.state.users == {}
    assert set(house.state.presence.statistics().values()) == {0}


def test_the_banned_are_not_let_in(house: House) -> None:
    owner = house.owner()
    guest, holder = house.log_in(client_id="c")[0].result.id, house.log_in(token=token(house))[0].result.id
    for user in (guest, holder):
        house.do(BanUser(user=user), owner)
    assert refused(house, client_id="c") == Code.LOGIN_DENIED
    assert refused(house, token=token(house)) == Code.LOGIN_DENIED


def test_the_silenced_are(house: House) -> None:
    guest = house.log_in(client_id="c")[0].result.id
    house.do(SilenceUser(user=guest), house.owner())
    assert house.log_in(client_id="c")[0].result.id == guest


def test_whoever_was_deleted_is_not_let_in_as_who_they_were(house: House) -> None:
    guest = house.log_in(client_id="c")[0].result.id
    house.do(DeleteUser(user=guest), house.owner())
    assert house.log_in(client_id="c")[0].result.id != guest


def test_a_login_is_noted_now_and_then(house: House) -> None:
    house.log_in(client_id="c")
    house.advance(timedelta(minutes=10))
    assert house.log_in(client_id="c")[0].of(UserSeen) == []
    house.advance(timedelta(microseconds=1))
    assert house.log_in(client_id="c")[0].one(UserSeen).user.last_login == house.now


def test_rooms_that_everybody_belongs_to_are_joined_by_who_has_a_name(house: House) -> None:
    house.do(UpdateRoom(room=house.lounge, settings=RoomSettings(force_join=True)), operator=True)
    assert house.log_in(client_id="c")[0].of(MemberJoined) == []
    outcome, _ = house.log_in(token=token(house, profile={"display_name": "Ada"}))
    assert outcome.one(MemberJoined).room == house.lounge
    assert house.log_in(token=token(house))[0].of(MemberJoined) == []


# Invites


@pytest.fixture
def invite(house: House) -> str:
    return str(house.do(InviteAnonymous(room=house.stage), house.owner()).result.code)


def test_an_invite_lets_a_guest_into_one_room(house: House, invite: str) -> None:
    house.state.world.trait_grants.pop("attendee")
    outcome, _ = house.log_in(client_id="c", invite=invite)
    guest = outcome.one(UserCreated).user
    assert (guest.kind, guest.shown) == ("anon", False)
    assert house.permissions(guest.id) == {"world:view"}
    assert "room:question.ask" in house.permissions(guest.id, house.stage)
    assert "room:view" not in house.permissions(guest.id, house.lounge)
    again, _ = house.log_in(client_id="c")
    assert again.result.id == guest.id


def test_a_guest_with_another_invite_sees_two_rooms(house: House, invite: str) -> None:
    guest = house.log_in(client_id="c", invite=invite)[0].result.id
    second = house.do(InviteAnonymous(room=house.office), house.owner()).result.code
    outcome, _ = house.log_in(client_id="c", invite=second)
    assert outcome.one(GrantGiven).grant.room == house.office
    assert "room:view" in house.permissions(guest, house.office)
    assert house.log_in(client_id="c", invite=second)[0].of(GrantGiven) == []


def test_a_banned_guest_gets_nothing_by_an_invite(house: House, invite: str) -> None:
    guest = house.log_in(client_id="c", invite=invite)[0].result.id
    house.do(BanUser(user=guest), house.owner())
    second = house.do(InviteAnonymous(room=house.office), house.owner()).result.code
    for code in (invite, second):
        assert refused(house, client_id="c", invite=code) == Code.LOGIN_DENIED
    assert house.state.granted_roles(guest, house.office) == ()


@pytest.mark.parametrize("why", ["made up", "over", "the room is gone"])
def test_invites_that_are_not_valid(house: House, invite: str, why: str) -> None:
    if why == "made up":
        invite = invite.swapcase() + "x"
    elif why == "over":
        house.advance(timedelta(days=90))
    else:
        house.do(DeleteRoom(room=house.stage), operator=True)
    assert refused(house, client_id="c", invite=invite) == Code.TOKEN_REQUIRED
    assert house.refusal(RedeemInvite(code=invite)) == Code.INVITE_UNKNOWN


def test_looking_an_invite_up_needs_no_login(house: House, invite: str) -> None:
    house.advance(timedelta(days=90) - timedelta(microseconds=1))
    assert house.do(RedeemInvite(code=invite)).result.room == house.stage


# How many connections


@pytest.mark.parametrize("limit", [1, 2])
def test_the_oldest_connections_make_room(limit: int) -> None:
    house = House(connection_limit=limit)
    sessions, replaced = [], []
    for _ in range(4):
        outcome, session = house.log_in(client_id="c")
        sessions.append(session)
        replaced += [event.session for event in outcome.of(SessionReplaced)]
        house.do(EnterRoom(room=house.stage), outcome.result.id, session=session)
    assert replaced == sessions[:-limit]
    assert list(house.state.presence.sessions[outcome.result.id]) == sessions[-limit:]
    assert house.hears_all() == set(sessions[-limit:])


def test_a_replaced_connection_leaves_its_rooms() -> None:
    house = House(connection_limit=1)
    outcome, session = house.log_in(client_id="c")
    house.do(EnterRoom(room=house.stage), outcome.result.id, session=session)
    outcome, session = house.log_in(client_id="c")
    assert outcome.one(VisitClosed).room == house.stage
    house.log_out(outcome.result.id, session)
    assert set(house.state.presence.statistics().values()) == {0}


@pytest.mark.parametrize("limit", [0, None, -1, "2", "absent"])
def test_no_limit(limit: Any) -> None:
    house = House(**({} if limit == "absent" else {"connection_limit": limit}))
    assert all(house.log_in(client_id="c")[0].of(SessionReplaced) == [] for _ in range(5))


def test_some_have_no_limit() -> None:
    house = House(connection_limit=1)
    for _ in range(3):
        assert house.log_in(token=token(house, traits=["admin"]))[0].of(SessionReplaced) == []


def test_a_login_without_a_connection_is_none(house: House) -> None:
    house.do(LogIn(client_id="c"))
    assert set(house.state.presence.statistics().values()) == {0}


# Tokens and codes for others


@pytest.mark.parametrize("long", [True, False])
def test_tokens_for_people_who_are_yet_to_come(house: House, long: bool) -> None:
    admin = house.person("Admin", "admin")
    outcome = house.do(IssueLogins(number=3, traits=("staff",), days=7, long=long), admin)
    assert len(set(outcome.result)) == 3
    assert outcome.one(Audited).entry.type == "world.tokens.generate"
    assert len(outcome.of(LoginIssued)) == (0 if long else 1)
    tokens = outcome.result if long else [house.do(RedeemLogin(code=code)).result for code in outcome.result]
    users = [house.log_in(token=one)[0].result for one in tokens]
    assert len({user.id for user in users}) == 3
    assert {user.traits for user in users} == {("staff",)}
    house.advance(timedelta(days=7))
    assert {refused(house, token=one) for one in tokens} == {Code.TOKEN_EXPIRED}


def test_a_code_is_kept_as_a_hash_only(house: House) -> None:
    outcome = house.do(IssueLogins(number=1, traits=(), days=1), house.owner())
    (code,) = outcome.result
    assert len(code) == 24
    assert outcome.one(LoginIssued).codes[0].digest == digest(code)
    assert code.encode() not in msgspec.json.encode(outcome.events)


@pytest.mark.parametrize(("number", "days"), [(0, 1), (-1, 1), (1001, 1), (1, 0), (1, -1), (1, 3651)])
def test_how_many_and_how_long(house: House, number: int, days: int) -> None:
    code = house.refusal(IssueLogins(number=number, traits=(), days=days), house.owner())
    assert code in (Code.TOO_MANY, Code.INVALID)


def test_who_may_issue(house: House) -> None:
    assert house.refusal(IssueLogins(number=1, traits=(), days=1), house.person("W", "warden")) == Code.WORLD_DENIED
    assert house.refusal(IssueLogin(user=1), house.person("Mo", "moderator")) == Code.WORLD_DENIED


def test_a_code_for_one_user(house: House) -> None:
    owner, kiosk = house.owner(), house.do(CreateKiosk(profile={}), operator=True).result
    found, code = house.do(IssueLogin(user=kiosk.id, kiosk=True), owner).result
    assert found == kiosk
    signed = house.do(RedeemLogin(code=code)).result
    assert house.do(RedeemLogin(code=code)).result == signed, "a screen that reloads may use it again"
    assert house.log_in(token=signed)[0].result.id == kiosk.id
    house.advance(timedelta(days=1))
    assert house.refusal(RedeemLogin(code=code)) == Code.INVITE_UNKNOWN
    assert house.refusal(RedeemLogin(code="made up")) == Code.INVITE_UNKNOWN


def test_for_whom_there_are_no_codes(house: House) -> None:
    owner, guest, holder = house.owner(), house.person("G", client_id="c"), house.person("H", token_id="h")
    assert house.refusal(IssueLogin(user=guest), owner) == Code.USER_UNKNOWN
    assert house.refusal(IssueLogin(user=holder, kiosk=True), owner) == Code.USER_UNKNOWN
    assert house.refusal(IssueLogin(user=12345), owner) == Code.USER_UNKNOWN
    admin = house.person("Admin", "admin", token_id="a")
    assert house.refusal(IssueLogin(user=admin), house.person("Other", "admin")) == Code.WORLD_DENIED
    assert house.do(IssueLogin(user=admin), admin).result


def test_a_world_without_a_secret_signs_nothing(house: House) -> None:
    bare = msgspec.structs.replace(house.state.world, config={})
    house.happen(WorldUpdated(world=WORLD, config=bare))
    with pytest.raises(HubbubError) as caught:
        house.do(IssueLogins(number=1, traits=(), days=1, long=True), house.owner())
    assert caught.value.code == Code.CONFIG_INVALID
