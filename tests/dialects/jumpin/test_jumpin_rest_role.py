"""Roles of rooms over /api/role/."""

import pytest
from tests.dialects.jumpin.browser import Browser, add_room, enter
from tests.web.site import Site

from hubbub.core.model import Room
from hubbub.core.world import UpdateWorld
from hubbub.dialects.jumpin.id import Kind, render
from hubbub.dialects.jumpin.role import PERMISSIONS


@pytest.fixture
def olga(site: Site) -> Browser:
    return Browser(site).log_in("Olga")


@pytest.fixture
def club(site: Site, olga: Browser) -> Room:
    return add_room(site, "Club", olga)


def roles(browser: Browser) -> dict[str, str]:
    answer = browser.get("/api/role/room/club/all")
    assert answer.status_code == 200
    return {role["tag"]: role["_id"] for role in answer.json()}


def enrol(browser: Browser, role: str, **who: str) -> object:
    answer = browser.post("/api/role/enroll", {"roomName": "club", "roleId": role, **who})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_every_room_has_two(site: Site, club: Room, browser: Browser) -> None:
    mods, everybody = browser.get("/api/role/room/club/all").json()
    keys = {"_id", "name", "tag", "roomId", "createdBy", "createdAt", "permanent", "isDefault", "order", "icon"}
    assert mods.keys() == everybody.keys() == keys | {"permissions"}
    assert (mods["tag"], mods["order"], mods["isDefault"]) == ("mods", 1, False)
    assert (everybody["tag"], everybody["order"], everybody["isDefault"]) == ("everybody", 0, True)
    assert mods["roomId"] == everybody["roomId"] == render(club.id, Kind.ROOM)
    assert mods["icon"] == {"name": "star", "color": "yellowalt", "url": None}
    assert mods["_id"] != everybody["_id"]
    for role in (mods, everybody):
        assert role["permissions"].keys() == PERMISSIONS.keys()
    allowed = {name for name, may in everybody["permissions"].items() if may}
    assert allowed == {"playMedia", "playYoutube", "broadcast"}
    allowed = {name for name, may in mods["permissions"].items() if may}
    assert allowed >= {"ban", "kick", "closeCam", "muteUserChat", "controlMedia", "roomDetails", "bypassPassword"}
    assert not allowed & {"applyPassword", "assignRoles", "manageRoles"}


def test_permissions_are_those_of_the_world(site: Site, club: Room, browser: Browser) -> None:
    site.do(UpdateWorld(roles={**site.world.world.roles, "moderator": ["room:kick"]}))
    mods, _ = browser.get("/api/role/room/club/all").json()
    assert {name for name, may in mods["permissions"].items() if may} == {"kick"}


def test_enrolling_and_ending_it(site: Site, club: Room, olga: Browser, ada: Browser) -> None:
    assert ada.user
    role = roles(olga)["mods"]
    answer = olga.post("/api/role/enroll", {"roomName": "CLUB", "roleId": role, "userId": ada.id})
    assert answer.status_code == 201
    enrolment = answer.json()
    assert (enrolment["user"], enrolment["role"]["tag"], enrolment["role"]["_id"]) == (ada.id, "mods", role)
    assert "room:kick" in site.world.permissions(site.world.users[ada.user.id], site.community.clock(), club)
    (listed,) = olga.get("/api/role/room/club/enrollments").json()
    assert (listed["username"], listed["userId"]) == ("Ada", ada.id)
    assert [(one["tag"], one["enrollmentId"]) for one in listed["roles"]] == [
        ("everybody", None),
        ("mods", enrolment["_id"]),
    ]
    assert listed["roles"][0]["isDefault"] is True
    answer = olga.delete(f"/api/role/room/club/enrollment/{enrolment['_id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert olga.get("/api/role/room/club/enrollments").json() == []
    answer = olga.delete(f"/api/role/room/club/enrollment/{enrolment['_id']}")
    assert (answer.status_code, answer.text) == (404, "Enrollment not found")


def test_a_guest_who_is_there(site: Site, club: Room, olga: Browser, browser: Browser) -> None:
    browser.post("/api/rooms/confirmAge")
    guest = browser.guest()
    assert guest
    place = enter(site, guest.id, club.id)
    assert browser.get(f"/api/role/user/club/{place}").json() == []
    enrol(olga, roles(olga)["mods"], userListId=place)
    (found,) = browser.get(f"/api/role/user/club/{place}").json()
    assert (found["role"]["tag"], found["user"]) == ("mods", None)
    assert found["role"]["permissions"]["kick"] is True
    (user,) = browser.get("/api/rooms/club").json()["users"]
    assert user["roles"] == ["everybody", "mods"]


def test_only_who_runs_the_room(site: Site, club: Room, olga: Browser, ada: Browser) -> None:
    role = roles(ada)["mods"]
    eve = Browser(site).log_in("Eve")
    for _ in range(2):
        answer = ada.post("/api/role/enroll", {"roomName": "club", "roleId": role, "userId": eve.id})
        assert (answer.status_code, answer.text) == (403, "Permission denied.")
        assert answer.headers["content-type"].startswith("text/plain")
        enrol(olga, role, userId=ada.id)
    assert ada.get("/api/role/room/club/enrollments").status_code == 200
    assert eve.get("/api/role/room/club/enrollments").status_code == 403
    (listed,) = olga.get("/api/role/room/club/enrollments").json()
    assert eve.delete(f"/api/role/room/club/enrollment/{listed['roles'][1]['enrollmentId']}").status_code == 403


def test_what_there_is_not(site: Site, club: Room, olga: Browser, ada: Browser) -> None:
    role, other = roles(olga)["mods"], roles(olga)["everybody"]
    for body, said in (
        ({"roomName": "nowhere", "roleId": role, "userId": ada.id}, 'Room "nowhere" not found'),
        ({"roleId": role, "userId": ada.id}, 'Room "" not found'),
        ({"roomName": "club", "roleId": other, "userId": ada.id}, "Role not found"),
        ({"roomName": "club", "roleId": 5, "userId": ada.id}, "Role not found"),
        ({"roomName": "club", "roleId": role}, "User not found"),
        ({"roomName": "club", "roleId": role, "userId": "0" * 24, "userListId": {}}, "User not found"),
        ({}, 'Room "" not found'),
        ([], 'Room "" not found'),
    ):
        answer = olga.post("/api/role/enroll", body)
        assert (answer.status_code, answer.text) == (404, said)
    answer = olga.get("/api/role/room/nowhere/all")
    assert (answer.status_code, answer.text) == (400, 'Room "nowhere" not found')
    assert olga.get("/api/role/room/nowhere/enrollments").status_code == 404
    for wrong in ("0" * 24, "x", ada.id):
        assert olga.delete(f"/api/role/room/club/enrollment/{wrong}").status_code == 404
        assert olga.get(f"/api/role/user/club/{wrong}").status_code == 404


def test_roles_are_what_they_are(club: Room, olga: Browser) -> None:
    for method, path in (
        ("POST", "/api/role/"),
        ("PUT", "/api/role/room/club"),
        ("DELETE", f"/api/role/room/club/role/{roles(olga)['mods']}"),
    ):
        answer = olga.ask(method, path, json={"roles": []})
        assert answer.status_code == 501
        assert "cannot be made or changed" in answer.text
