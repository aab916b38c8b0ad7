"""The REST interface: who may, what is refused and how. The golden suite has the usual course of things."""

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.web.site import Site

from hubbub.core.model import AuditEntry
from hubbub.core.world import ListAudit, UpdateWorld

API = "/api/v1/worlds/main"
ROOM: dict[str, Any] = {"name": "Forum", "module_config": [{"type": "chat.native", "config": {"volatile": True}}]}


def add(site: Site, **fields: Any) -> str:
    answer = site.ask("POST", f"{API}/rooms/", json={**ROOM, **fields}, headers=site.bearer("api"))
    assert answer.status_code == 201, answer.text
    return f"{API}/rooms/{answer.json()['id']}/"


def patch(site: Site, path: str, body: Any, *traits: str) -> httpx.Response:
    return site.ask("PATCH", path, json=body, headers=site.bearer(*(traits or ("api",))))


def audit(site: Site) -> list[AuditEntry]:
    return list(site.do(ListAudit()))


# Who may

ENDPOINTS = [
    ("GET", "/"),
    ("PATCH", "/"),
    ("POST", "/schedule_update"),
    ("POST", "/delete_user"),
    ("GET", "/rooms/"),
    ("POST", "/rooms/"),
    ("GET", "/rooms/{room}/"),
    ("PATCH", "/rooms/{room}/"),
    ("PUT", "/rooms/{room}/"),
    ("DELETE", "/rooms/{room}/"),
]
BODY = {"name": "x", "title": "x", "user_id": str(uuid4())}


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_every_endpoint_wants_a_token_and_a_permission(site: Site, method: str, path: str) -> None:
    path = API + path.replace("{room}", add(site).rstrip("/").rpartition("/")[2])
    wrong = ["", "Bearer", "Bearer ", "Bearer rubbish", f"Bearer {'x' * 20_000}", "Basic eDp5", f"Client {uuid4()}"]
    wrong += [f"Bearer {site.token('api', secret='another-secret-of-enough-bytes-to-be-one')}"]
    wrong += [f"Bearer {site.token('api', exp=0)}", f"Bearer {site.token('api', aud='elsewhere')}"]
    wrong += [f"Bearer {site.token(*map(str, range(300)))}"]
    for value in wrong:
        answer = site.ask(method, path, json=BODY, headers={"Authorization": value})
        assert answer.status_code == 401, (value, answer.text)
        assert answer.headers["www-authenticate"] == "Bearer"
    for traits in ((), ("reader",)):
        answer = site.ask(method, path, json=BODY, headers=site.bearer(*traits))
        if (method, traits) == ("POST", ("reader",)) and path.endswith("schedule_update"):
            assert answer.status_code == 400  # it may, but the world has no timetable
        else:
            assert answer.status_code == 403, (traits, answer.text)


def test_a_token_of_another_world_is_none_here(site: Site) -> None:
    site.add_world("other")
    assert site.ask("GET", "/api/v1/worlds/other/", headers=site.bearer("api")).status_code == 401
    assert site.ask("GET", "/api/v1/worlds/nowhere/", headers=site.bearer("api")).status_code == 404


def test_permissions_are_asked_one_by_one(site: Site) -> None:
    path = add(site)
    assert patch(site, path, {"name": "x"}, "editor").status_code == 200
    assert site.ask("DELETE", path, headers=site.bearer("editor")).status_code == 403
    assert patch(site, f"{API}/", {"title": "x"}, "editor").status_code == 403


def test_nobody_comes_of_it(site: Site) -> None:
    before = dict(site.world.users)
    path = add(site)
    patch(site, path, {"name": "Foyer"})
    assert site.world.users == before
    assert site.world.roles.get(0) is None
    assert {entry.user for entry in audit(site)} == {None}


# The world


def test_a_world_is_merged_by_key(site: Site) -> None:
    first = patch(site, f"{API}/", {"config": {"timezone": "Europe/Berlin", "anything": [1]}}).json()
    assert first["config"]["JWT_secrets"]
    second = patch(site, f"{API}/", {"domain": "chat.example.org", "unknown": True}).json()
    assert second["config"] == first["config"]
    assert (second["id"], second["domain"]) == ("main", "chat.example.org")
    assert patch(site, f"{API}/", {"domain": None}).json()["domain"] is None


WRONG_WORLDS = [
    {"title": 5},
    {"title": None},
    {"title": ""},
    {"title": "x" * 301},
    {"config": []},
    {"config": None},
    {"config": {"timezone": 5}},
    {"config": {"connection_limit": -1}},
    {"trait_grants": "x"},
    {"roles": {"x": "y"}},
    {"roles": {"x": ["no:such"]}},
    {"roles": []},
    {"domain": 5},
    {"domain": "x" * 251},
    {"id": "other"},
]


@pytest.mark.parametrize("body", WRONG_WORLDS, ids=lambda body: json.dumps(body)[:40])
def test_a_wrong_field_of_a_world_is_named(site: Site, body: dict[str, Any]) -> None:
    before = site.world.world
    answer = patch(site, f"{API}/", body)
    assert answer.status_code == 400, answer.text
    ((field, messages),) = answer.json().items()
    assert field in {*body, "timezone", "connection_limit"}
    assert isinstance(messages, list)
    assert all(isinstance(message, str) for message in messages)
    assert site.world.world == before


def test_a_domain_has_one_world(site: Site) -> None:
    site.add_world("other", domain="chat.example.org")
    assert patch(site, f"{API}/", {"domain": "chat.example.org"}).json().keys() == {"domain"}


# Rooms

WRONG_ROOMS = [
    {"name": None},
    {"name": ""},
    {"name": ["x"]},
    {"name": "x" * 301},
    {"description": 5},
    {"description": "x" * 10_001},
    {"trait_grants": 5},
    {"trait_grants": {"x": ["y" * 200_000]}},
    {"module_config": {}},
    {"module_config": [5]},
    {"module_config": [{}]},
    {"module_config": [{"type": 5}]},
    {"sorting_priority": "x"},
    {"sorting_priority": 2**40},
    {"sorting_priority": 10**30},
    {"sorting_priority": None},
    {"pretalx_id": {}},
    {"schedule_data": "x"},
    {"deleted": True},
    {"deleted": 7},
]


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
@pytest.mark.parametrize("body", WRONG_ROOMS, ids=lambda body: json.dumps(body)[:40])
def test_a_wrong_field_of_a_room_is_named(site: Site, method: str, body: dict[str, Any]) -> None:
    path = add(site)
    before = dict(site.world.rooms)
    path = f"{API}/rooms/" if method == "POST" else path
    whole = {"name": "Forum", **body}
    answer = site.ask(method, path, content=json.dumps(whole), headers=site.bearer("api"))
    assert answer.status_code == 400, answer.text
    ((field, messages),) = answer.json().items()
    assert field in body
    assert isinstance(messages, list)
    assert site.world.rooms == before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"rubbish",
        b"[]",
        b'"x"',
        b"5",
        b"null",
        b'{"name": NaN}',
        b'{"name": "\\ud800"}',
        b'{"name": "x", "schedule_data": ' + b'{"a":' * 60 + b"1" + b"}" * 61,
        b'{"name": "x", "schedule_data": ' + b'{"a":' * 60_000 + b"1" + b"}" * 60_001,
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_a_body_that_is_none_is_refused(site: Site, body: bytes) -> None:
    for method, path in (("POST", f"{API}/rooms/"), ("PATCH", add(site)), ("PATCH", f"{API}/")):
        answer = site.ask(method, path, content=body, headers=site.bearer("api"))
        assert answer.status_code == 400, answer.text


def test_too_large_a_body_is_refused(site: Site) -> None:
    answer = patch(site, f"{API}/", {"config": {"x": "y" * 2_100_000}})
    assert answer.status_code == 413


def test_a_new_room_needs_a_name(site: Site) -> None:
    for method, path in (("POST", f"{API}/rooms/"), ("PUT", add(site))):
        answer = site.ask(method, path, json={"description": "x"}, headers=site.bearer("api"))
        assert (answer.status_code, answer.json()) == (400, {"name": ["This field is required."]})


def test_what_is_null_is_nothing(site: Site) -> None:
    path = add(site, description="x", pretalx_id=5, schedule_data={"title": "Now"})
    shown = patch(site, path, {"description": None, "pretalx_id": None, "schedule_data": None}).json()
    assert (shown["description"], shown["pretalx_id"], shown["schedule_data"]) == ("", None, None)


@pytest.mark.parametrize("page", ["0", "2", "-1", "x", "1e3", "", "9" * 50, "٣"])
def test_a_page_that_is_not_there(site: Site, page: str) -> None:
    answer = site.ask("GET", f"{API}/rooms/", params={"page": page}, headers=site.bearer("api"))
    assert answer.status_code == 404


@pytest.mark.parametrize("room", ["x", "6f8a2b1c-0d3e-4f5a-8b7c-9d0e1f2a3b4c", "0" * 36, "%00", "5" * 1000])
def test_a_room_that_is_not_there(site: Site, room: str) -> None:
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        answer = site.ask(method, f"{API}/rooms/{room}/", json={"name": "x"}, headers=site.bearer("api"))
        assert answer.status_code == 404


# Commands


@pytest.mark.parametrize(
    "body",
    [{}, {"user_id": 5}, {"user_id": None}, {"token_id": []}, {"user_id": "x", "token_id": "y"}, {"user_id": ""}],
)
def test_deleting_nobody_in_particular(site: Site, body: dict[str, Any]) -> None:
    assert site.ask("POST", f"{API}/delete_user", json=body, headers=site.bearer("api")).status_code == 400


def test_deleting_by_a_number(site: Site) -> None:
    user = site.member("77")
    answer = site.ask("POST", f"{API}/delete_user", json={"token_id": 77}, headers=site.bearer("api"))
    assert (answer.status_code, answer.content) == (204, b"")
    assert site.world.users[user].deleted
    assert site.ask("POST", f"{API}/delete_user", json={"token_id": 77}, headers=site.bearer("api")).status_code == 404


def test_whether_a_user_is_there_is_not_told_to_everybody(site: Site) -> None:
    site.member("77")
    for uid in ("77", "78"):
        answer = site.ask("POST", f"{API}/delete_user", json={"token_id": uid}, headers=site.bearer("reader"))
        assert answer.status_code == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"domain": "https://pretalx.example/x/", "event": "conf"}, 200),
        ({"domain": "http://PRETALX.example", "event": "conf"}, 200),
        ({"domain": "https://pretalx.example/", "event": "other"}, 400),
        ({"domain": "https://elsewhere.example/", "event": "conf"}, 400),
        ({"domain": "http://[", "event": "conf"}, 400),
        ({"domain": 5, "event": "conf"}, 400),
        ({"event": "conf"}, 400),
        ({}, 400),
    ],
)
def test_the_timetable_must_be_the_known_one(site: Site, body: dict[str, Any], status: int) -> None:
    known = {"domain": "https://pretalx.example/", "event": "conf", "conference": "x"}
    site.do(UpdateWorld(config={"pretalx": known}))
    answer = site.ask("POST", f"{API}/schedule_update", json=body, headers=site.bearer("reader"))
    assert answer.status_code == status, answer.text
    assert site.world.world.config["pretalx"] == known


def test_a_loop_that_ran_wild_is_stopped(site: Site) -> None:
    site.community.rates = {}
    headers = site.bearer("api")
    statuses = [site.ask("PATCH", f"{API}/", json={}, headers=headers).status_code for _ in range(501)]
    assert (statuses[499], statuses[500]) == (200, 429)
