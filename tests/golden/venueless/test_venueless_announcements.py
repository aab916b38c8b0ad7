"""Announcements: what is answered, and who is pushed what (1.12)."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from tests.golden.placeholder import a_uuid
from tests.golden.venueless.world import WORLD_DENIED, Client, Json, World

still = pytest.mark.world(shared="still")

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
YESTERDAY = TOMORROW - timedelta(days=2)


def create(moderator: Client, **fields: Json) -> Json:
    """Write an announcement, and consume what that pushes to its writer."""
    made = moderator.ok("announcement.create", {"text": "Tea!", **fields})["announcement"]
    moderator.drain()
    return made


def update(moderator: Client, announcement: Json, **fields: Json) -> Json:
    return moderator.ok("announcement.update", {"id": announcement["id"], **fields})["announcement"]


def told(announcement: Json) -> Json:
    shown = {name: value for name, value in announcement.items() if name != "is_visible"}
    return ["announcement.created_or_updated", shown]


def welcomed(world: World) -> list[Json]:
    return list(world.guest().hello["announcements"])


def test_the_life_of_an_announcement(world: World) -> None:
    mo, ada = world.member("moderator"), world.guest()
    draft: Json = {"id": a_uuid(), "text": "Tea!", "show_until": None, "state": "draft", "is_visible": False}
    body = {"text": " Tea!\n", "state": "active"}
    assert mo.call(["announcement.create", 123, body]) == ["success", 123, {"announcement": draft}]
    draft["id"] = draft["id"].value
    assert mo.ok("announcement.list", {}) == [draft]
    assert welcomed(world) == []
    mo.silence()
    ada.silence()

    active = {**draft, "state": "active", "is_visible": True}
    body = {"id": draft["id"], "state": "active"}
    assert mo.call(["announcement.update", 124, body]) == ["success", 124, {"announcement": active}]
    for client in (mo, ada):
        assert client.receive() == told(active)
    assert welcomed(world) == [active]

    edited = {**active, "text": "Cake!", "show_until": TOMORROW.isoformat()}
    assert update(mo, draft, text="Cake!", show_until=TOMORROW.isoformat()) == edited
    for client in (mo, ada):
        assert client.receive() == told(edited)
    assert welcomed(world) == [edited]

    archived = {**edited, "state": "archived", "is_visible": False}
    assert update(mo, draft, state="archived") == archived
    for client in (mo, ada):
        assert client.receive() == told(archived)
    assert welcomed(world) == []
    update(mo, draft, text="Late")
    mo.silence()
    ada.silence()
    assert mo.ok("announcement.list", {}) == [{**archived, "text": "Late"}]


def test_one_may_be_published_at_once(world: World) -> None:
    mo, ada = world.member("moderator"), world.guest()
    for active in (True, False):
        made = mo.ok("announcement.create", {"text": "Tea!", "is_active": active})["announcement"]
        assert (made["state"], made["is_visible"]) == (("active", True) if active else ("draft", False))
        if active:
            for client in (mo, ada):
                assert client.receive() == told(made)
    mo.silence()
    ada.silence()


def test_what_is_over_is_shown_to_nobody(world: World) -> None:
    mo, ada = world.member("moderator"), world.guest()
    made = create(mo, is_active=True, show_until=YESTERDAY.isoformat())
    assert (made["state"], made["is_visible"]) == ("active", False)
    ada.silence()
    assert welcomed(world) == []
    again = update(mo, made, show_until=None)
    mo.drain()
    assert again == {**made, "show_until": None, "is_visible": True}
    assert ada.receive() == told(again)
    over = update(mo, made, show_until=YESTERDAY.isoformat())
    assert ada.receive() == told(over), "who saw it is told that it is over"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2099-01-02T03:04:05Z", "2099-01-02T03:04:05+00:00"),
        ("2099-01-02T03:04:05.678Z", "2099-01-02T03:04:05.678000+00:00"),
        ("2099-01-02T03:04:05", "2099-01-02T03:04:05+00:00"),
        ("2099-01-02T05:04:05+02:00", "2099-01-02T03:04:05+00:00"),
        (None, None),
    ],
)
@still
def test_until_when_it_is_shown(world: World, given: Json, kept: Json) -> None:
    mo = world.member("moderator")
    made = create(mo, show_until=given)
    for found in (made, mo.ok("announcement.list", {})[-1]):
        assert found["show_until"] == kept


def test_the_moves_from_state_to_state(world: World) -> None:
    mo = world.member("moderator")
    made = create(mo)
    refused(mo, made, "archived")
    update(mo, made, state="draft")
    update(mo, made, state="active")
    mo.drain()
    refused(mo, made, "draft")
    update(mo, made, state="archived")
    mo.drain()
    for state in ("active", "draft"):
        refused(mo, made, state)


def refused(moderator: Client, announcement: Json, state: str) -> None:
    error = moderator.refused("announcement.update", {"id": announcement["id"], "state": state})
    assert error["code"] == "protocol.invalid_body"
    assert state in error["message"]


def test_everybody_in_the_world_is_told_wherever_they_are(world: World) -> None:
    mo, ada, bob = world.member("moderator"), world.guest(), world.guest()
    bob.ok("room.enter", {"room": bob.room("Lounge")})
    for client in (mo, ada, bob):
        client.drain()
    made = create(mo, is_active=True)
    for client in (ada, bob):
        assert client.receive() == told(made)


@still
def test_only_who_may_announce_has_to_do_with_them(world: World) -> None:
    ada, mo = world.guest(), world.member("moderator")
    made = create(mo)
    for command, body in (
        ("announcement.create", {"text": "Tea!"}),
        ("announcement.update", {"id": made["id"], "text": "Tea!"}),
        ("announcement.list", {}),
    ):
        assert ada.refused(command, body) == WORLD_DENIED
    assert ada.refused("announcement.delete", {}) == {"code": "announcement.unsupported_command"}


@still
def test_an_announcement_that_is_none(world: World) -> None:
    mo = world.member("moderator")
    wrong: list[Json] = [str(uuid4()), "x", 5, None, [], mo.id]
    for identity in wrong:
        error = mo.refused("announcement.update", {"id": identity, "text": "Tea!"})
        assert error == {"code": "announcement.unknown", "message": "Unknown announcement ID"}


@still
@pytest.mark.parametrize(
    "fields",
    [
        {"text": 5},
        {"text": ""},
        {"text": " "},
        {"text": "x" * 10_001},
        {"show_until": "soon"},
        {"show_until": 5},
        {"show_until": "2099-13-01T00:00:00Z"},
        {"show_until": "9999-12-31T23:59:59-01:00"},
        {"show_until": "0001-01-01T00:00:00+01:00"},
        {"show_until": []},
    ],
)
def test_what_is_no_announcement(world: World, fields: Json) -> None:
    mo = world.member("moderator")
    made = create(mo)
    for command, body in (("create", {"text": "Tea!"}), ("update", {"id": made["id"]})):
        assert mo.refused(f"announcement.{command}", {**body, **fields})["code"] == "protocol.invalid_body"
    assert mo.refused("announcement.create", {})["code"] == "protocol.invalid_body"
    assert mo.refused("announcement.create", {"text": "Tea!", "is_active": "yes"})["code"] == "protocol.invalid_body"
    assert mo.refused("announcement.update", {"id": made["id"], "state": "shown"})["code"] == "protocol.invalid_body"
    assert mo.ok("announcement.list", {})[-1] == made
