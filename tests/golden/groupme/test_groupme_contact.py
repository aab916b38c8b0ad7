"""Contacts, profiles, and conversations at the top (protocols/groupme.md 2.7)."""

from datetime import timedelta
from typing import Any

import pytest
from tests.golden.groupme.person import Person

Json = Any

PATH = "/v4/relationships"
PINNED = "/v4/pinned_conversations"


@pytest.fixture
def pub(ada: Person, bob: Person) -> str:
    group = ada.make_group()
    ada.add(group, bob)
    return group


def greet(who: Person, other: Person) -> None:
    who.post("/v3/direct_messages", {"direct_message": {"recipient_id": other.id, "text": "Hi"}})


def names(who: Person, **query: str) -> list[str]:
    return [contact["name"] for contact in who.get(PATH, query)]


def test_a_contact_has_all_that_clients_read(ada: Person, bob: Person, pub: str) -> None:
    now = ada.place.clock()
    at = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert ada.get(PATH) == [
        {
            "id": bob.id,
            "user_id": bob.id,
            "name": "Bob",
            "avatar_url": None,
            "created_at": int(now.timestamp()),
            "created_at_iso8601": at,
            "updated_at": int(now.timestamp()),
            "updated_at_iso8601": at,
            "reason": 3,
            "hidden": False,
            "app_installed": True,
            "mri": "",
            "blocked": False,
        }
    ]


def test_whom_one_shares_a_group_or_talks_with(ada: Person, bob: Person, cleo: Person, pub: str) -> None:
    assert (names(ada), names(cleo)) == (["Bob"], [])
    ada.place.move(timedelta(seconds=1))
    greet(cleo, ada)
    assert (names(ada), names(cleo)) == (["Bob", "Cleo"], ["Ada"])
    ada.post("/v3/bots", {"bot": {"name": "Robo", "group_id": pub}})
    assert names(ada) == ["Bob", "Cleo"]


def test_the_next_page_begins_where_one_ended(ada: Person, bob: Person, cleo: Person, pub: str) -> None:
    ada.place.move(timedelta(microseconds=1))
    greet(ada, cleo)
    first, last = ada.get(PATH)
    for field in ("created_at_iso8601", "updated_at_iso8601"):
        assert names(ada, since=first[field]) == ["Cleo"]
        assert names(ada, since=last[field]) == []
    for since in ("x", "2024-05-01", "9" * 30, "2024-05-01T12:00:00"):
        assert ada.refusal("GET", f"{PATH}?since={since}")[0] == 400


def test_the_blocked_are_left_out_unless_asked_for(ada: Person, bob: Person, pub: str) -> None:
    ada.post(f"/v3/blocks?user={ada.id}&otherUser={bob.id}")
    assert (names(ada), names(ada, include_blocked="false"), names(bob)) == ([], [], ["Ada"])
    (contact,) = ada.get(PATH, {"include_blocked": "true"})
    assert (contact["name"], contact["blocked"]) == ("Bob", True)


def test_a_profile_is_for_those_who_know_one(ada: Person, bob: Person, cleo: Person, pub: str) -> None:
    found = bob.get(f"/v2/users/{ada.id}")
    assert set(found) == {"user", "relationship", "shared_groups"}
    assert found["user"] == {
        "id": ada.id,
        "name": "Ada",
        "avatar_url": None,
        "created_at": found["user"]["created_at"],
        "app_installed": True,
        "direct_message_capable": True,
        "bio": None,
        "directories": [],
        "photo_urls": [],
    }
    assert found["relationship"] == bob.get(PATH)[0]
    assert found["shared_groups"] == [{"group_id": int(pub), "group_name": "Pub", "group_avatar": None}]
    assert bob.get(f"/v2/users/{ada.id}", {"include_shared_groups": "false"})["shared_groups"] is None
    own = bob.get(f"/v2/users/{bob.id}")
    assert (own["user"]["id"], own["relationship"]) == (bob.id, None)
    for stranger in (cleo.id, "1", "x", "9" * 40):
        assert bob.refusal("GET", f"/v2/users/{stranger}")[0] == 404
    assert bob.ask("GET", f"/v2/users/{ada.id}", signed=False).status == 401
    assert bob.ask("GET", PATH, signed=False).status == 401


def test_conversations_at_the_top(ada: Person, bob: Person, pub: str) -> None:
    greet(ada, bob)
    low, high = sorted((ada.number, bob.number))
    direct = f"{low}+{high}"
    assert ada.get(PINNED) == {"pinned_conversations": []}
    wanted = {"pinned_conversations": [f"{high}_{low}", pub, direct]}
    answer = ada.ask("PUT", PINNED, json=wanted)
    assert (answer.status, answer.response) == (200, {"pinned_conversations": [direct, pub]})
    assert ada.get(PINNED) == answer.response
    assert bob.get(PINNED) == {"pinned_conversations": []}
    bob.ask("PUT", PINNED, json={"pinned_conversations": [pub]})
    member = next(one["id"] for one in ada.get(f"/v3/groups/{pub}")["members"] if one["user_id"] == bob.id)
    ada.post(f"/v3/groups/{pub}/members/{member}/remove")
    assert bob.get(PINNED) == {"pinned_conversations": []}
    ada.post(f"/v3/groups/{pub}/destroy")
    assert ada.get(PINNED) == {"pinned_conversations": [direct]}
    ada.ask("PUT", PINNED, json={"pinned_conversations": []})
    assert ada.get(PINNED) == {"pinned_conversations": []}


def test_what_cannot_be_at_the_top(ada: Person, cleo: Person, pub: str) -> None:
    ada.ask("PUT", PINNED, json={"pinned_conversations": [pub]})
    for body, status in (
        ({}, 400),
        ({"pinned_conversations": None}, 400),
        ({"pinned_conversations": pub}, 400),
        ({"pinned_conversations": [None]}, 400),
        ({"pinned_conversations": [pub] * 51}, 400),
        ({"pinned_conversations": [pub, "x"]}, 404),
        ({"pinned_conversations": [pub, cleo.make_group()]}, 404),
        ({"pinned_conversations": [pub, cleo.id]}, 404),
    ):
        assert ada.refusal("PUT", PINNED, body)[0] == status
    assert ada.get(PINNED) == {"pinned_conversations": [pub]}
    assert ada.ask("GET", PINNED, signed=False).status == 401
