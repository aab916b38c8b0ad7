"""The configuration of a world, login tokens, the audit log (1.8)."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
import pytest
from tests.golden.placeholder import an_instant, anything
from tests.golden.venueless.world import (
    GUEST_ROOM_PERMISSIONS,
    MODERATOR,
    PARTICIPANT,
    PROFILE_FIELDS,
    ROLES,
    SECRETS,
    WORLD_DENIED,
    Json,
    World,
)

undisturbed = pytest.mark.world(shared="undisturbed")

KEYS = {
    "theme",
    "roles",
    "trait_grants",
    "bbb_defaults",
    "pretalx",
    "title",
    "locale",
    "dateLocale",
    "videoPlayer",
    "timezone",
    "connection_limit",
    "available_permissions",
    "profile_fields",
    "social_logins",
    "iframe_blockers",
    "track_exhibitor_views",
    "track_room_views",
    "track_world_views",
    "onsite_traits",
    "conftool_url",
    "conftool_password",
}


@pytest.mark.world(settings={"connection_limit": 7})
def test_reading_the_configuration(world: World) -> None:
    admin = world.member("admin")
    config = admin.ok("world.config.get", {})
    assert config.keys() == KEYS
    assert config["title"] == world.title
    assert config["roles"] == world.config["roles"]
    assert config["trait_grants"] == world.config["trait_grants"]
    assert config["pretalx"] == {"domain": "https://pretalx.example/", "event": "golden"}
    assert config["bbb_defaults"] == {"record": False}
    assert config["profile_fields"] == PROFILE_FIELDS
    assert config["connection_limit"] == 7
    assert config["social_logins"] == []
    assert config["iframe_blockers"] == {"default": {"enabled": False, "policy_url": None}}
    available = config["available_permissions"]
    assert len(available) == len(set(available)) >= 46, "the original has 46; other dialects may add theirs"
    assert {permission for role in ROLES.values() for permission in role} <= set(available)
    assert all(re.fullmatch(r"(world|room):[a-z._]+", permission) for permission in available)


@undisturbed
def test_guests_may_not_read_or_change_the_configuration(world: World) -> None:
    guest, other = world.guest(), world.guest()
    assert guest.call(["world.config.get", 1, {}]) == ["error", 1, WORLD_DENIED]
    assert guest.call(["world.config.patch", 2, {"title": "Mine"}]) == ["error", 2, WORLD_DENIED]
    assert guest.call(["world.auditlog.list", 3, {}]) == ["error", 3, WORLD_DENIED]
    body = {"number": 1, "traits": ["admin"], "days": 1}
    assert guest.call(["world.tokens.generate", 4, body]) == ["error", 4, WORLD_DENIED]
    other.silence()


def test_changing_the_configuration_shows_everybody_the_world(world: World) -> None:
    admin, guest = world.member("admin"), world.guest()
    before = admin.ok("world.config.get", {})
    body = {"title": "Renamed", "social_logins": ["gravatar"]}
    assert admin.call(["world.config.patch", 123, body]) == ["success", 123, {**before, **body}]
    for client in (admin, guest):
        shown = client.expect("world.updated")
        assert shown.keys() == {"world", "permissions", "rooms"}
        assert shown["world"] == {**client.hello["world.config"]["world"], **body}
        assert sorted(shown["permissions"]) == client.permissions
        assert shown["rooms"] == client.rooms
        client.silence()
    assert admin.ok("world.config.get", {}) == {**before, **body}


@undisturbed
def test_an_invalid_change_changes_nothing(world: World) -> None:
    admin, guest = world.member("admin"), world.guest()
    before = admin.ok("world.config.get", {})
    error = admin.refused("world.config.patch", {"title": "Half of it", "social_logins": ["unknown"]})
    assert error["code"] == "config.invalid"
    assert error["details"].keys() == {"social_logins"}
    assert isinstance(error["details"]["social_logins"], list)
    assert error["details"]["social_logins"]
    assert admin.ok("world.config.get", {}) == before
    guest.silence()


def test_changing_pretalx_tells_of_a_new_schedule(world: World) -> None:
    admin, guest = world.member("admin"), world.guest()
    pretalx = {"domain": "https://pretalx.example/", "event": "another"}
    assert admin.ok("world.config.patch", {"pretalx": pretalx})["pretalx"] == pretalx
    for client in (admin, guest):
        pushes = client.expect_all("world.updated", "world.schedule.updated")
        assert pushes["world.schedule.updated"] == pretalx
        assert pushes["world.updated"]["world"]["pretalx"] == pretalx


def test_grants_and_roles_hold_at_once(world: World) -> None:
    admin, guest = world.member("admin"), world.guest("Gus")
    lounge = guest.channel("Lounge")
    grants = {**world.config["trait_grants"], "moderator": []}
    admin.ok("world.config.patch", {"trait_grants": grants})
    assert sorted(guest.expect("world.updated")["permissions"]) == sorted(MODERATOR)
    guest.ok("room.schedule", {"room": guest.room("Lounge"), "schedule_data": {"title": "Mine"}})
    admin.expect("world.updated")
    reading = [permission for permission in PARTICIPANT if permission != "room:chat.join"]
    roles = {**world.config["roles"], "participant": reading, "moderator": ["world:view"]}
    admin.ok("world.config.patch", {"roles": roles})
    shown = guest.expect("world.updated")
    assert shown["permissions"] == ["world:view"]
    stage = next(room for room in shown["rooms"] if room["name"] == "Main Stage")
    assert sorted(stage["permissions"]) == sorted(set(GUEST_ROOM_PERMISSIONS) - {"room:chat.join"})
    assert guest.refused("chat.join", {"channel": lounge})["code"] == "protocol.denied"


# Login tokens


def claims(token: str) -> dict[str, Any]:
    return jwt.decode(
        token,
        SECRETS[0]["secret"],
        algorithms=["HS256"],
        audience=SECRETS[0]["audience"],
        issuer=SECRETS[0]["issuer"],
    )


def test_short_tokens_lead_to_a_login(world: World, browser: httpx.Client) -> None:
    host = world.settle(browser)
    admin = world.member("admin")
    results = admin.ok("world.tokens.generate", {"number": 2, "traits": ["moderator", "x"], "days": 3})["results"]
    assert len(set(results)) == 2
    ids = set()
    for short in results:
        assert re.fullmatch(r"[A-Za-z0-9]{24}", short)
        response = browser.get(f"/login/{short}", headers=host)
        assert response.status_code in {301, 302, 303, 307}
        target = urlsplit(response.headers["location"])
        assert target.path == "/"
        assert target.fragment.startswith("token=")
        token = target.fragment.removeprefix("token=")
        assert claims(token)["traits"] == ["moderator", "x"]
        member = world.connect().authenticate({"token": token})
        assert member.permissions == sorted(MODERATOR)
        ids.add(member.id)
    assert len(ids) == 2


def test_an_unknown_short_token_is_not_found(world: World, browser: httpx.Client) -> None:
    assert browser.get(f"/login/{'x' * 24}", headers=world.settle(browser)).status_code == 404


def test_long_tokens_are_signed_by_the_first_issuer(world: World) -> None:
    admin = world.member("admin")
    body = {"number": 3, "traits": ["everywhere"], "days": 3, "long": True}
    results = admin.ok("world.tokens.generate", body)["results"]
    assert len({claims(token)["uid"] for token in results}) == 3
    in_three_days = datetime.now(UTC) + timedelta(days=3)
    for token in results:
        expiry = datetime.fromtimestamp(claims(token)["exp"], UTC)
        assert abs(expiry - in_three_days) < timedelta(hours=1)
    assert world.connect().authenticate({"token": results[0]}).permissions == sorted(PARTICIPANT)


def test_a_kiosk_logs_in_with_its_short_token(world: World, browser: httpx.Client) -> None:
    host = world.settle(browser)
    admin, moderator = world.member("admin"), world.member("moderator")
    kiosk = admin.ok("user.kiosk.create", {"profile": {"display_name": "Hall 1"}})["user"]
    short = admin.ok("user.kiosk.fetch", {"id": kiosk})["token"]
    response = browser.get(f"/login/{short}", headers=host)
    token = urlsplit(response.headers["location"]).fragment.removeprefix("token=")
    client = world.connect().authenticate({"token": token})
    assert client.id == kiosk
    assert client.hello["user.config"]["profile"] == {"display_name": "Hall 1"}
    stage = moderator.room("Main Stage")
    moderator.ok("room.enter", {"room": stage})
    moderator.expect("world.user_count_change")
    client.drain()
    client.send(["room.enter", 1, {"room": stage}])
    assert client.receive()[1] == 1
    moderator.silence()


# Audit log


def logged(admin: Any, kind: str) -> list[Json]:
    results = admin.ok("world.auditlog.list", {})["results"]
    for entry in results:
        assert entry == {
            "id": anything(),
            "timestamp": an_instant(),
            "user": anything(),
            "type": anything(),
            "data": anything(),
        }
    return [entry for entry in results if entry["type"] == kind]


def test_changes_of_rooms_are_logged(world: World) -> None:
    admin = world.member("admin", name="Admin")
    body = {"name": "Quiet corner", "description": "x", "modules": [{"type": "chat.native"}]}
    made = admin.ok("room.create", body)["room"]
    admin.expect("room.create")
    admin.ok("room.config.patch", {"room": made, "name": "Loud corner"})
    admin.expect("world.updated")
    admin.ok("room.config.reorder", [made])
    admin.expect("world.updated")
    admin.ok("room.delete", {"room": made})
    admin.expect("room.delete")
    for kind in ("world.room.added", "world.room.updated", "world.room.reorder", "world.room.deleted"):
        entries = logged(admin, kind)
        assert len(entries) == 1, kind
        assert admin.id in repr(entries[0]["user"])
    change = logged(admin, "world.room.updated")[0]["data"]
    assert {"old", "new"} <= change.keys()
    assert "Quiet corner" in repr(change["old"])
    assert "Loud corner" in repr(change["new"])


def test_what_was_refused_is_not_logged(world: World) -> None:
    admin, guest = world.member("admin"), world.guest()
    guest.refused("room.delete", {"room": guest.room("Lounge")})
    admin.refused("room.config.patch", {"room": admin.room("Lounge"), "sorting_priority": "x"})
    assert logged(admin, "world.room.deleted") == []
    assert logged(admin, "world.room.updated") == []
