"""Rooms over /api/rooms/: finding and making them, their gates, their settings."""

from datetime import timedelta
from typing import Any

import pytest
from tests.dialects.jumpin.browser import Browser, add_room, enter, pass_time
from tests.web.site import Site

from hubbub.core.error import HubbubError
from hubbub.core.gate import KEY_LIFE, SetRoomPassword
from hubbub.core.moderator import AppointModerator
from hubbub.core.room import RoomSettings, SetTopic, UpdateRoom
from hubbub.core.user import BanUser, GrantRole
from hubbub.core.visit import JoinRoom, SetBroadcasting
from hubbub.core.world import UpdateWorld
from hubbub.dialects.jumpin.id import Kind, parse, render
from hubbub.dialects.jumpin.identity import visitor_of


@pytest.fixture
def olga(site: Site) -> Browser:
    """Who owns the club."""
    olga = Browser(site).log_in("Olga")
    add_room(site, "Club", olga, description="Where we dance")
    return olga


def club(site: Site) -> Any:
    return next(room for room in site.world.rooms.values() if room.name == "Club")


# Finding


def test_a_room(site: Site, olga: Browser, browser: Browser) -> None:
    room = club(site)
    assert olga.user
    site.do(SetTopic(room=room.id, topic="Tango"), user=olga.user.id)
    answer = browser.get("/api/rooms/club")
    assert answer.status_code == 200
    identity = render(room.id, Kind.ROOM)
    assert answer.json() == {
        "_id": identity,
        "name": "club",
        "users": [],
        "attrs": {"owner": olga.id, "janus_id": identity, "fresh": False, "ageRestricted": False},
        "settings": {
            "public": True,
            "modOnlyPlayMedia": False,
            "forcePtt": False,
            "forceUser": False,
            "description": "Where we dance",
            "topic": {
                "text": "Tango",
                "updatedAt": "2026-03-01T12:00:00.000Z",
                "updatedBy": {"_id": olga.id, "username": "Olga"},
            },
            "display": "room-display/room-blank.png",
            "requiresPassword": False,
        },
    }
    assert browser.client.cookies["janus_id"] == identity
    assert browser.guest() is None, "looking makes nobody a user"
    for name in ("CLUB", "c-l-u-b", identity):
        assert browser.get(f"/api/rooms/{name}").json()["_id"] == identity


def test_who_is_in_it(site: Site, olga: Browser, browser: Browser) -> None:
    assert olga.user
    place = enter(site, olga.user.id, club(site).id)
    (user,) = browser.get("/api/rooms/club").json()["users"]
    assert (user["_id"], user["handle"], user["roles"]) == (place, "Olga", ["everybody", "mods"])
    site.do(SetRoomPassword(room=club(site).id, password="tango"))
    assert browser.get("/api/rooms/club").json()["users"] == [], "not before one is inside"
    assert len(olga.get("/api/rooms/club").json()["users"]) == 1


def test_a_room_that_the_asker_may_not_see(site: Site, browser: Browser) -> None:
    add_room(site, "Office", trait_grants={"viewer": ["staff"]})
    answer = browser.get("/api/rooms/office")
    assert (answer.status_code, answer.content) == (403, b"")


# Making


def test_an_account_makes_a_room_by_going_there(site: Site, ada: Browser) -> None:
    answer = ada.get("/api/rooms/My-Place")
    assert answer.status_code == 201
    assert (answer.json()["name"], answer.json()["attrs"]["owner"]) == ("myplace", ada.id)
    again = ada.get("/api/rooms/myplace")
    assert (again.status_code, again.json()) == (200, answer.json())
    room = site.world.rooms[parse(answer.json()["_id"], Kind.ROOM) or 0]
    assert room.chat and room.volatile


def test_a_guest_makes_none_unless_the_world_lets_them(site: Site, browser: Browser) -> None:
    answer = browser.get("/api/rooms/myplace")
    assert (answer.status_code, answer.content, browser.guest()) == (403, b"", None)
    roles = site.world.world.roles
    site.do(UpdateWorld(roles={**roles, "attendee": [*roles["attendee"], "world:rooms.create.chat"]}))
    answer = browser.get("/api/rooms/myplace")
    guest = browser.guest()
    assert answer.status_code == 201 and guest
    room = parse(answer.json()["_id"], Kind.ROOM) or 0
    assert "room_owner" in site.world.granted_roles(guest.id, room)


def test_what_makes_no_room(site: Site, ada: Browser) -> None:
    before = dict(site.world.rooms)
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
        assert ada.get("/api/rooms/myplace", headers=headers).status_code == 404
    assert ada.ask("HEAD", "/api/rooms/myplace").status_code == 404
    assert ada.ask("OPTIONS", "/api/rooms/myplace").status_code == 204
    own_words = ("admin", "Login", "public-", "media")
    odd = ("%00", "-", "%F0%9F%92%83", "%20", "..%2f..", "x" * 65, "x" * 400, "%C3%84nne")
    for name in (*own_words, *odd):
        assert ada.get(f"/api/rooms/{name}").status_code == 404, name
    assert site.world.rooms == before
    for headers in ({"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "same-origin"}):
        assert ada.get("/api/rooms/myplace", headers=headers).status_code in (200, 201)
    assert ada.ask("HEAD", "/api/rooms/myplace").status_code == 200


def test_making_rooms_is_limited(site: Site, ada: Browser) -> None:
    found = [ada.get(f"/api/rooms/room{number}").status_code for number in range(11)]
    assert found == [201] * 10 + [429]
    assert ada.get("/api/rooms/room0").status_code == 200
    pass_time(site, timedelta(minutes=1))
    assert ada.get("/api/rooms/room10").status_code == 201


def test_who_is_banned_makes_none(site: Site, ada: Browser) -> None:
    assert ada.user
    site.do(BanUser(user=ada.user.id))
    assert ada.get("/api/rooms/myplace").status_code == 403
    assert ada.get("/api/rooms/lobby").status_code == 403


def test_emoji(site: Site, browser: Browser) -> None:
    assert Browser(site).get("/api/rooms/lobby/emoji").json() == []
    answer = browser.get("/api/rooms/nowhere/emoji")
    assert (answer.status_code, answer.json()["error"]) == (404, "ERR_NO_ROOM")


# The directory


def test_the_public_directory(site: Site, olga: Browser) -> None:
    assert olga.user
    add_room(site, "Hidden", listed=False)
    for number in range(3):
        add_room(site, f"Room {number}")
    place = enter(site, olga.user.id, club(site).id)
    found = Browser(site).get("/api/rooms/public").json()
    assert found["count"] == len(found["rooms"]) == 5
    assert "hidden" not in [room["name"] for room in found["rooms"]]
    busiest = found["rooms"][0]
    assert (busiest["name"], busiest["users"]) == ("club", []), place
    assert busiest["attrs"].items() >= {"userCount": 1, "broadcastingUsers": 0}.items()
    part = Browser(site).get("/api/rooms/public?start=1&end=3").json()
    assert (part["count"], part["rooms"]) == (5, found["rooms"][1:3])
    assert Browser(site).get("/api/rooms/public?start=90&end=99").json() == {"rooms": [], "count": 5}
    assert Browser(site).get("/api/rooms/public?start=3&end=1").json()["rooms"] == []


def test_who_broadcasts_is_counted(site: Site, olga: Browser) -> None:
    assert olga.user
    enter(site, olga.user.id, club(site).id)
    site.do(SetBroadcasting(room=club(site).id, on=True), user=olga.user.id)
    assert Browser(site).get("/api/rooms/public").json()["rooms"][0]["attrs"]["broadcastingUsers"] == 1


def test_parts_that_make_no_sense(site: Site) -> None:
    for query in ("start=x", "start=-1", "end=nan", "end=1e99", "start=true", "end=inf"):
        answer = Browser(site).get(f"/api/rooms/public?{query}")
        assert (answer.status_code, answer.json()["error"]) == (400, "ERR_INVALID_PARAMS"), query


# Gates


def test_a_password_opens_the_room_for_five_minutes(site: Site, olga: Browser, browser: Browser) -> None:
    room = club(site)
    site.do(SetRoomPassword(room=room.id, password="tango"))
    assert browser.get("/api/rooms/club").json()["settings"]["requiresPassword"] is True
    answer = browser.post("/api/rooms/CLUB/password", {"password": "tango"})
    assert (answer.status_code, answer.content) == (200, b"")
    (header,) = answer.headers.get_list("set-cookie")
    assert header.startswith("jic.password.club=") and "HttpOnly" in header
    assert f"Max-Age={int(KEY_LIFE.total_seconds())}" in header
    assert browser.guest() is None
    cookies = {"cookie": "; ".join(f"{name}={value}" for name, value in browser.client.cookies.items())}
    key = visitor_of(site.world, cookies, site.community.clock()).keys["club"]
    browser.post("/api/rooms/confirmAge")
    guest = browser.guest()
    assert guest
    with pytest.raises(HubbubError):
        site.do(JoinRoom(room=room.id), user=guest.id)
    site.do(JoinRoom(room=room.id, key=key), user=guest.id)


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("club", {"password": "polka"}, 401, "ERR_PASSWORD"),
        ("club", {"password": "x" * 50_000}, 401, "ERR_PASSWORD"),
        ("club", {"password": "\0"}, 401, "ERR_PASSWORD"),
        ("nowhere", {"password": "tango"}, 404, "ERR_NO_ROOM"),
        ("club", {}, 400, "ERR_VALIDATION"),
        ("club", {"password": ""}, 400, "ERR_VALIDATION"),
        ("club", {"password": 5}, 400, "ERR_VALIDATION"),
        ("club", None, 400, "ERR_VALIDATION"),
        ("club", [], 400, "ERR_VALIDATION"),
    ],
)
def test_what_opens_nothing(
    site: Site, olga: Browser, browser: Browser, path: str, body: Any, status: int, error: str
) -> None:
    site.do(SetRoomPassword(room=club(site).id, password="tango"))
    answer = browser.post(f"/api/rooms/{path}/password", body)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    if error == "ERR_PASSWORD":
        assert answer.json()["message"] == "Password incorrect"
    assert not answer.headers.get_list("set-cookie")


def test_passwords_cannot_be_tried_for_long(site: Site, olga: Browser, browser: Browser) -> None:
    site.do(SetRoomPassword(room=club(site).id, password="tango"))
    found = [browser.post("/api/rooms/club/password", {"password": "x"}).status_code for _ in range(11)]
    assert found == [401] * 10 + [429]
    assert Browser(site).open_session().post("/api/rooms/club/password", {"password": "tango"}).status_code == 200
    pass_time(site, timedelta(seconds=10))
    assert browser.post("/api/rooms/club/password", {"password": "tango"}).status_code == 200


def test_saying_that_one_is_of_age(site: Site, browser: Browser, ada: Browser) -> None:
    answer = browser.post("/api/rooms/confirmAge", {})
    assert (answer.status_code, answer.content) == (200, b"")
    guest = browser.guest()
    assert guest and guest.adult, "this makes a guest somebody, the same as they are over a socket"
    assert ada.post("/api/rooms/confirmAge").status_code == 200
    assert ada.user and site.world.users[ada.user.id].adult


def test_guests_that_become_somebody_are_limited(site: Site) -> None:
    address = "203.0.113.9"
    found = [Browser(site, address=address).open_session().post("/api/rooms/confirmAge").status_code for _ in range(61)]
    assert found == [200] * 60 + [429]


# Settings

ALL = {
    "public": False,
    "forceUser": True,
    "requireVerifiedEmail": True,
    "minAccountAge": 86_400_000,
    "modOnlyPlayMedia": True,
    "forcePtt": True,
    "ageRestricted": True,
    "description": "Only tango",
    "closed": "for repairs",
}


def test_settings(site: Site, olga: Browser, browser: Browser) -> None:
    usual = {
        **{"public": True, "forceUser": False, "requireVerifiedEmail": False, "minAccountAge": 0},
        **{"modOnlyPlayMedia": False, "forcePtt": False, "ageRestricted": False, "description": "Where we dance"},
        **{"closed": None, "requiresPassword": False},
    }
    assert olga.get("/api/rooms/club/settings").json() == usual
    answer = olga.put("/api/rooms/club/settings", ALL)
    assert (answer.status_code, answer.json()) == (200, {**ALL, "requiresPassword": False})
    room = club(site)
    assert (room.listed, room.accounts_only, room.verified_only, room.min_account_age) == (False, True, True, 86_400)
    assert (room.moderated_playlist, room.push_to_talk, room.age_restricted) == (True, True, True)
    assert (room.description, room.closed) == ("Only tango", "for repairs")
    answer = olga.put("/api/rooms/club/settings", {"password": "tango", "closed": None, "minAccountAge": 1})
    assert answer.json() == {**ALL, "closed": None, "minAccountAge": 1000, "requiresPassword": True}
    assert browser.post("/api/rooms/club/password", {"password": "tango"}).status_code == 200
    for nothing in (None, ""):
        assert olga.put("/api/rooms/club/settings", {"password": "x"}).json()["requiresPassword"] is True
        assert olga.put("/api/rooms/club/settings", {"password": nothing}).json()["requiresPassword"] is False
    assert olga.put("/api/rooms/club/settings", {}).status_code == 200


def test_settings_that_make_no_sense_change_nothing(site: Site, olga: Browser) -> None:
    before = club(site)
    for wrong in (
        *({"public": "yes"}, {"public": None}, {"public": 1}, {"minAccountAge": -1}, {"minAccountAge": 1.5}),
        *({"minAccountAge": 10**30}, {"minAccountAge": "5"}, {"description": None}, {"description": "x" * 10_001}),
        *({"closed": "x" * 301}, {"closed": 5}, {"password": "x" * 201}, {"password": 5}, {"nonsense": 1}),
        {"password": "tango", "description": "x" * 10_001},
        {"force_user": True},
    ):
        answer = olga.put("/api/rooms/club/settings", {"forcePtt": True, **wrong})
        assert (answer.status_code, answer.json()["error"]) == (400, "ERR_VALIDATION"), wrong
        assert len(answer.json()["message"]) > 10
        assert club(site) == before, wrong


def test_only_who_runs_the_room_sets_it(site: Site, olga: Browser, ada: Browser) -> None:
    assert ada.user and olga.user
    for _ in range(2):
        assert ada.get("/api/rooms/club/settings").status_code == 403
        for body in ({"forcePtt": True}, {"password": "mine"}):
            answer = ada.put("/api/rooms/club/settings", body)
            assert (answer.status_code, answer.json()["error"]) == (403, "ERR_NO_PERMISSION")
        assert ada.put("/api/rooms/club/setAgeRestricted").json()["error"] == "ERR_NOT_OWNER"
        site.do(AppointModerator(room=club(site).id, user=ada.user.id), user=olga.user.id)
    assert not club(site).push_to_talk and not club(site).locked
    site.do(GrantRole(user=ada.user.id, role="admin"))
    assert ada.put("/api/rooms/club/settings", {"forcePtt": True}).status_code == 200
    for method in ("GET", "PUT"):
        answer = olga.ask(method, "/api/rooms/nowhere/settings", json={})
        assert (answer.status_code, answer.json()["error"]) == (404, "ERR_NO_ROOM")


def test_restricting_a_room_to_adults(site: Site, olga: Browser) -> None:
    answer = olga.put("/api/rooms/club/setAgeRestricted")
    assert (answer.status_code, answer.content) == (200, b"")
    assert (club(site).age_restricted, club(site).accounts_only, club(site).listed) == (True, True, False)


def test_reading_the_information_of_a_room(olga: Browser) -> None:
    answer = olga.put("/api/rooms/club/inforead")
    assert (answer.status_code, answer.content) == (200, b"")
    assert olga.put("/api/rooms/nowhere/inforead").status_code == 404


def test_organisers_close_a_room_and_open_it_again(site: Site, olga: Browser, ada: Browser) -> None:
    assert ada.user
    assert ada.post("/api/admin/rooms/club/close", {"reason": "no"}).status_code == 403
    site.do(GrantRole(user=ada.user.id, role="admin"))
    answer = ada.post("/api/admin/rooms/club/close", {"reason": "fire"})
    assert (answer.status_code, club(site).closed) == (201, "fire")
    for body in ({}, {"reason": 5}, None):
        assert ada.post("/api/admin/rooms/club/close", body).status_code == 201
    assert ada.post("/api/admin/rooms/nowhere/close").status_code == 404
    assert ada.put("/api/rooms/club/settings", {"closed": None}).json()["closed"] is None


# Pushes


KEYS = {
    "key": "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA/0QTpQtUbVlUls0VJXg7A8u+Ts1XbjhazAkj7I99e8QcYP7DkM=",
    "authSecret": "tBHItJI5svbpez7KI4CCXg==",
}


def test_pushes(site: Site, browser: Browser) -> None:
    key = browser.get("/api/rooms/push/publickey").json()["key"]
    assert len(key) == 87
    body = {"endpoint": "https://push.example.org/x", "ttl": 60, **KEYS}
    answer = browser.post("/api/rooms/push/some-socket/register", body)
    assert (answer.status_code, answer.content) == (204, b"")
    guest = browser.guest()
    assert guest
    (known,) = site.runner.run(site.community.store.push_subscriptions(guest.id))
    assert known.endpoint == "https://push.example.org/x"


def test_pushes_that_make_no_sense(site: Site, browser: Browser) -> None:
    for wrong in (
        {},
        {"endpoint": 5},
        {"endpoint": "http://127.0.0.1/"},
        {"endpoint": "https://x", **KEYS, "key": "x"},
    ):
        answer = browser.post("/api/rooms/push/x/register", wrong)
        assert (answer.status_code, answer.json()["error"]) == (400, "ERR_VALIDATION"), wrong


def test_a_closed_room_is_told_from_outside(site: Site, olga: Browser, browser: Browser) -> None:
    site.do(UpdateRoom(room=club(site).id, settings=RoomSettings(closed="")))
    assert browser.get("/api/rooms/club").status_code == 200
    assert "club" not in browser.get("/api/rooms/public").text
