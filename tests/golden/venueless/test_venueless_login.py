"""Authentication and its answer: the user, the world, the rooms that this user may see (1.3 to 1.5, 1.14, 1.15)."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
from tests.golden.placeholder import a_number, a_text, a_uuid, anything, unordered
from tests.golden.venueless.world import (
    GUEST_ROOM_PERMISSIONS,
    MODERATOR,
    PARTICIPANT,
    PROFILE_FIELDS,
    SECRETS,
    Json,
    World,
    chat,
    configuration,
    import_worlds,
    room,
)

open_to_all = pytest.mark.world(shared="open to all")
ticket_holders = pytest.mark.world(shared="ticket holders", grants={"attendee": ["ticket-holder"]})


def rejection(world: World, credentials: Json) -> Json:
    """Return why the credentials are refused; the same socket may try again, so it does."""
    client = world.connect()
    message = client.call(["authenticate", credentials])
    assert message[0] == "error", message
    assert len(message) == 2, message
    assert client.call(["room.enter", 1, {}]) == ["error", 1, {"code": "protocol.unauthenticated"}]
    client.authenticate({"token": world.token("ticket-holder")})
    return message[1]


# What comes back


@open_to_all
def test_a_fresh_guest_gets_exactly_these_seven_answers(world: World) -> None:
    client = world.connect()
    assert client.call(["authenticate", {"client_id": str(uuid4())}]) == [
        "authenticated",
        {
            "user.config": {
                "id": a_uuid(),
                "profile": {},
                "client_state": anything(),
                "pretalx_id": None,
                "deleted": False,
                "inactive": False,
                "badges": [],
            },
            "world.config": {"world": anything(), "permissions": ["world:view"], "rooms": anything()},
            "chat.channels": [],
            "chat.read_pointers": {},
            "chat.notification_counts": {},
            "exhibition": {"exhibitors": [], "contact_requests": []},
            "announcements": [],
        },
    ]
    client.silence()


@open_to_all
def test_the_world_object(world: World) -> None:
    shown = world.guest().hello["world.config"]["world"]
    assert shown == {
        "id": world.id,
        "title": world.title,
        "pretalx": {"domain": "https://pretalx.example/", "event": "golden"},
        "profile_fields": PROFILE_FIELDS,
        "social_logins": [],
        "iframe_blockers": {"default": {"enabled": False, "policy_url": None}},
        "onsite_traits": [],
        "vapid_public_key": a_text(r"[A-Za-z0-9_-]{87}"),
    }
    point = base64.urlsafe_b64decode(shown["vapid_public_key"] + "=")
    assert (len(point), point[0]) == (65, 4), "not an uncompressed point of P-256"


@open_to_all
def test_a_room_object(world: World) -> None:
    channel = a_uuid()
    assert world.guest().room_object("Main Stage") == {
        "id": a_uuid(),
        "name": "Main Stage",
        "description": "About Main Stage",
        "picture": None,
        "import_id": "stage",
        "pretalx_id": 130,
        "permissions": unordered(*GUEST_ROOM_PERMISSIONS),
        "force_join": False,
        "modules": [
            {"type": "livestream.native", "config": {"hls_url": "https://cdn.example/stage.m3u8"}},
            {"type": "chat.native", "config": {"volatile": True}, "channel_id": channel},
        ],
        "schedule_data": None,
        "users": "none",
    }
    assert str(UUID(channel.value)) == channel.value


@open_to_all
def test_rooms_come_in_the_order_of_the_import_and_only_visible_ones(world: World) -> None:
    guest, crew = world.guest(), world.member("crew")
    assert [room["name"] for room in guest.rooms] == ["About", "Main Stage", "Workshop", "Lounge"]
    assert [room["name"] for room in crew.rooms] == ["About", "Main Stage", "Workshop", "Lounge", "Backstage"]


@open_to_all
def test_the_settings_of_a_call_are_blanked(world: World) -> None:
    assert world.guest().room_object("Workshop")["modules"] == [{"type": "call.bigbluebutton", "config": {}}]
    assert world.guest().room_object("About")["modules"][0]["config"] == {"content": "# Hello"}


@open_to_all
def test_world_permissions_are_the_union_of_the_roles_held_on_the_world(world: World) -> None:
    assert world.member().permissions == ["world:view"]
    moderator = world.member("moderator")
    assert moderator.permissions == sorted(MODERATOR)
    assert sorted(moderator.room_object("Lounge")["permissions"]) == sorted(
        permission for permission in MODERATOR if permission.startswith("room:")
    )
    both = world.member("creator", "everywhere")
    assert both.permissions == sorted({"world:rooms.create.chat", *PARTICIPANT})


@open_to_all
def test_room_permissions_add_the_roles_held_on_the_room(world: World) -> None:
    crew = world.member("crew")
    assert crew.permissions == ["world:view"]
    assert sorted(crew.room_object("Backstage")["permissions"]) == sorted(
        permission for permission in MODERATOR if permission.startswith("room:")
    )
    assert sorted(crew.room_object("Lounge")["permissions"]) == GUEST_ROOM_PERMISSIONS


@pytest.mark.world(
    rooms=[
        room("all", "All of them", trait_grants={"viewer": ["red", "round"]}),
        room("any", "Any of them", trait_grants={"viewer": [["red", "blue"]]}),
        room("mixed", "Mixed", trait_grants={"viewer": ["round", ["red", "blue"]]}),
        room("nobody", "Nobody", trait_grants={}),
    ]
)
def test_all_requirements_must_hold_and_a_list_is_a_choice(world: World) -> None:
    def visible(*traits: str) -> list[str]:
        return [room["name"] for room in world.member(*traits).rooms]

    assert visible() == []
    assert visible("red") == ["Any of them"]
    assert visible("blue") == ["Any of them"]
    assert visible("round") == []
    assert visible("blue", "round") == ["Any of them", "Mixed"]
    assert visible("red", "round") == ["All of them", "Any of them", "Mixed"]


def test_badges_belong_to_traits(world: World, browser: httpx.Client) -> None:
    settings = browser.get(f"{world.api}/", headers=world.bearer("api")).json()["config"]
    settings["trait_badges_map"] = {"moderator": "Crew", "speaker": "On stage"}
    assert browser.patch(f"{world.api}/", json={"config": settings}, headers=world.bearer("api")).status_code == 200
    speaker = world.member("speaker", "moderator", "other")
    assert speaker.hello["user.config"]["badges"] == ["Crew", "On stage"]
    assert world.guest().ok("user.fetch", {"id": speaker.id})["badges"] == ["Crew", "On stage"]


# Client ids


@open_to_all
def test_a_client_id_is_an_account(world: World) -> None:
    first, again, other = world.guest(client_id="a"), world.guest(client_id="a"), world.guest(client_id="b")
    assert first.id == again.id
    assert first.id != other.id


@open_to_all
def test_a_client_id_may_be_a_number(world: World) -> None:
    assert world.guest(client_id=4).id == world.guest(client_id="4").id


@open_to_all
@pytest.mark.parametrize("credentials", [{}, {"client_id": ""}, {"client_id": None}, {"unknown": 1}])
def test_without_a_client_id_or_token(world: World, credentials: Json) -> None:
    assert rejection(world, credentials) == {"code": "auth.missing_id_or_token"}


@ticket_holders
def test_a_world_that_admits_ticket_holders_only_wants_a_token(world: World) -> None:
    assert rejection(world, {"client_id": "stranger"}) == {"code": "auth.missing_token"}
    assert rejection(world, {"client_id": 4}) == {"code": "auth.missing_token"}


def test_accounts_of_two_worlds_are_strangers(world: World) -> None:
    other = configuration(f"{world.id}b")
    import_worlds(world.server, other)
    neighbour = World(world.server, other)
    here, there = world.guest("Here", client_id="same"), neighbour.guest("There", client_id="same")
    try:
        assert here.id != there.id
        assert here.refused("user.fetch", {"id": there.id}) == {"code": "user.not_found"}
        assert here.refused("room.enter", {"room": there.room("Lounge")})["code"] == "room.unknown"
        assert here.refused("chat.subscribe", {"channel": there.channel("Lounge")})["code"] == "room.unknown"
        stage = there.room("Main Stage")
        there.ok("room.enter", {"room": stage})
        assert there.expect("world.user_count_change") == {"room": stage, "users": "few"}
        here.silence()
    finally:
        neighbour.close()


# Tokens


@open_to_all
@pytest.mark.parametrize("issuer", [0, 1])
def test_a_token_of_either_issuer(world: World, issuer: int) -> None:
    member = world.connect().authenticate({"token": world.token("anything", issuer=issuer)})
    assert member.permissions == ["world:view"]
    assert sorted(member.room_object("Lounge")["permissions"]) == GUEST_ROOM_PERMISSIONS


@open_to_all
def test_the_uid_of_a_token_is_an_account(world: World) -> None:
    assert world.member(uid="u-1").id == world.member(uid="u-1", name="Named later").id
    assert world.member(uid=123456).id == world.member(uid="123456").id
    assert world.member(uid="u-1").id != world.member(uid="u-2").id


@open_to_all
def test_a_token_wins_over_a_client_id(world: World) -> None:
    guest = world.guest(client_id="both")
    member = world.member(uid="both")
    token = world.token(uid="both")
    assert world.connect().authenticate({"client_id": "both", "token": token}).id == member.id
    assert guest.id != member.id


@open_to_all
def test_an_expired_token(world: World) -> None:
    gone = datetime.now(UTC) - timedelta(hours=1)
    for issuer in (0, 1):
        token = world.token(issuer=issuer, exp=gone, iat=gone - timedelta(days=1))
        assert rejection(world, {"token": token}) == {"code": "auth.expired_token"}


def forgeries(world: World) -> dict[str, Any]:
    claims = {
        "iss": SECRETS[0]["issuer"],
        "aud": SECRETS[0]["audience"],
        "uid": "forger",
        "traits": ["admin"],
        "exp": datetime.now(UTC) + timedelta(days=1),
    }
    good = world.token("admin")
    header, payload, signature = good.split(".")
    return {
        "wrong secret": world.token("admin", secret="not-the-secret-of-this-golden-world"),
        "wrong audience": world.token("admin", aud="elsewhere"),
        "no audience": world.token("admin", aud=None),
        "wrong issuer": world.token("admin", iss="https://nobody.example/"),
        "no issuer": world.token("admin", iss=None),
        "issuer and secret of two entries": world.token("admin", secret=SECRETS[1]["secret"]),
        "expired and forged": world.token("admin", secret="x" * 40, exp=datetime.now(UTC) - timedelta(days=1)),
        "no signature": jwt.encode(claims, "", algorithm="none"),
        "another algorithm": jwt.encode(claims, SECRETS[0]["secret"], algorithm="HS512"),
        "the signature of nothing": f"{header}.{payload}.",
        "another payload": f"{header}.{payload[:-2]}AA.{signature}",
        "rubbish": "rubbish",
        "three dots": "...",
    }


FORGERIES = [
    "wrong secret",
    "wrong audience",
    "no audience",
    "wrong issuer",
    "no issuer",
    "issuer and secret of two entries",
    "expired and forged",
    "no signature",
    "another algorithm",
    "the signature of nothing",
    "another payload",
    "rubbish",
    "three dots",
]


@open_to_all
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_token(world: World, forgery: str) -> None:
    assert rejection(world, {"token": forgeries(world)[forgery]}) == {"code": "auth.invalid_token"}


@ticket_holders
def test_a_good_token_without_the_trait_that_lets_in(world: World) -> None:
    assert rejection(world, {"token": world.token("curious", uid="curious")}) == {"code": "auth.denied"}
    admitted = world.member("ticket-holder", uid="curious", name="Curious")
    assert admitted.user["profile"] == {"display_name": "Curious"}, "the refused login had created the account"


@open_to_all
def test_the_traits_of_the_latest_token_replace_the_earlier_ones(world: World) -> None:
    assert world.member("moderator", uid="changing").permissions == sorted(MODERATOR)
    assert world.member("everywhere-viewer", uid="changing").permissions == [
        "room:chat.read",
        "room:view",
        "world:view",
    ]
    assert world.member(uid="changing").permissions == ["world:view"]


@open_to_all
def test_a_token_without_traits(world: World) -> None:
    """The original ends the connection of a returning user here; either answer will do, if it is one."""
    first = world.connect().authenticate({"token": world.token(uid="traitless", traits=None)})
    assert first.permissions == ["world:view"]
    again = world.connect()
    message = again.call(["authenticate", {"token": world.token(uid="traitless", traits=None)}])
    assert message[0] in {"authenticated", "error"}
    again.silence()


@open_to_all
def test_profile_and_pretalx_id_of_a_token_count_at_creation_only(world: World) -> None:
    profile = {"display_name": "Ada", "fields": {PROFILE_FIELDS[0]["id"]: "Analytical Engines"}}
    first = world.connect().authenticate({"token": world.token(uid="ada", profile=profile, pretalx_id="ADA123")})
    assert first.hello["user.config"]["profile"] == profile
    assert first.hello["user.config"]["pretalx_id"] == "ADA123"
    other = {"display_name": "Eve"}
    again = world.connect().authenticate({"token": world.token(uid="ada", profile=other, pretalx_id="EVE456")})
    assert again.hello["user.config"]["profile"] == profile
    assert again.hello["user.config"]["pretalx_id"] == "ADA123"


# Forced joins


FORCED = [
    room("all", "Everyone", chat(volatile=False), force_join=True),
    room("lounge", "Lounge", chat(volatile=False)),
]


@pytest.mark.world(rooms=FORCED)
def test_a_named_user_is_joined_to_forced_rooms_at_login(world: World) -> None:
    ada = world.member(uid="ada", name="Ada")
    everyone = ada.channel("Everyone")
    membership = {"id": everyone, "unread_pointer": a_number()}
    assert ada.expect("chat.channels") == {"channels": [membership]}
    ada.silence()
    again = world.member(uid="ada")
    assert again.hello["chat.channels"] == [membership]
    assert ada.drain() in ([], [["chat.channels", {"channels": [membership]}]])


@pytest.mark.world(rooms=FORCED)
def test_a_nameless_user_is_joined_as_soon_as_they_have_a_name(world: World) -> None:
    guest = world.guest()
    guest.silence()
    guest.rename("Gus")
    everyone = guest.channel("Everyone")
    assert guest.expect("chat.channels") == {"channels": [{"id": everyone, "unread_pointer": a_number()}]}
    guest.silence()
    assert guest.ok("chat.subscribe", {"channel": everyone})["members"] == [guest.user]
    guest.say(everyone, "Hello")


@pytest.mark.world(
    rooms=[
        room(
            "crew",
            "Crew only",
            chat(volatile=False),
            force_join=True,
            trait_grants={"viewer": [], "participant": ["crew"]},
        )
    ]
)
def test_a_forced_room_takes_only_those_who_may_join_it(world: World) -> None:
    """A bug of the original, reported as venueless#157, that is not to be had here."""
    guest, crew = world.member(name="Gus"), world.member("crew", name="Cleo")
    guest.silence()
    assert [channel["id"] for channel in crew.expect("chat.channels")["channels"]] == [crew.channel("Crew only")]
