"""Private messages over /api/message/."""

from typing import Any

import pytest
from tests.dialects.jumpin.browser import Browser
from tests.web.site import Site

from hubbub.core.chat import MAX_BODY, DeleteMessage, EditMessage
from hubbub.core.direct import OpenDirect
from hubbub.core.user import BlockUser, GrantRole, UpdateUser
from hubbub.dialects.jumpin.id import Kind, parse, render
from hubbub.dialects.jumpin.message import PAGE


@pytest.fixture
def bob(site: Site) -> Browser:
    return Browser(site).log_in("Bob")


def write(one: Browser, other: Browser, message: str = "Hi") -> Any:
    answer = one.post(f"/api/message/{other.id}", {"message": message})
    assert answer.status_code == 201, answer.text
    return answer.json()


def unread(browser: Browser) -> int:
    answer = browser.get(f"/api/message/{browser.id}/unread")
    assert answer.json().keys() == {"unread"}
    return int(answer.json()["unread"])


def conversation(one: Browser, other: Browser, query: str = "") -> Any:
    answer = one.get(f"/api/message/{one.id}/{other.id}{query}")
    assert answer.status_code == 200
    return answer.json()


def conversations(browser: Browser, query: str = "") -> Any:
    answer = browser.get(f"/api/message/{browser.id}{query}")
    assert answer.status_code == 200
    return answer.json()


def test_two_write_to_each_other(site: Site, ada: Browser, bob: Browser) -> None:
    sent = write(ada, bob, "Hi")
    assert sent == {
        "_id": sent["_id"],
        "conversation": sent["conversation"],
        "attrs": {"unread": True, "archived": {"recipient": False, "sender": False}},
        "createdAt": "2026-03-01T12:00:00.000Z",
        "sender": ada.id,
        "recipient": bob.id,
        "message": "Hi",
    }
    assert (unread(ada), unread(bob)) == (0, 1)
    write(bob, ada, "Hello")
    found = conversation(ada, bob)
    assert found["participant"] == {
        "_id": bob.id,
        "username": "Bob",
        "profile": {"pic": "user-avatar/avatar-blank.png"},
        "attrs": {"userLevel": 0},
    }
    assert [(one["sender"], one["message"], one["attrs"]["unread"]) for one in found["messages"]] == [
        (ada.id, "Hi", True),
        (bob.id, "Hello", True),
    ]
    assert (found["unread"], found["count"]) == (1, 2)
    (listed,) = conversations(bob)["conversations"]
    assert {one["_id"] for one in listed["participants"]} == {ada.id, bob.id}
    assert listed["participant"]["_id"] == ada.id
    assert listed.items() >= {"unread": 1, "count": 2, "latestMessage": "2026-03-01T12:00:00.000Z"}.items()
    assert listed["_id"] == found["messages"][0]["conversation"]


def test_reading(ada: Browser, bob: Browser, site: Site) -> None:
    eve = Browser(site).log_in("Eve")
    for writer in (ada, eve):
        write(writer, bob)
    assert unread(bob) == 2
    answer = bob.put(f"/api/message/read/{bob.id}/{ada.id}")
    assert (answer.status_code, answer.content, unread(bob)) == (200, b"", 1)
    assert conversation(bob, ada)["unread"] == 0
    answer = bob.put("/api/message/read")
    assert (answer.status_code, answer.content, unread(bob)) == (200, b"", 0)
    assert bob.put("/api/message/read").status_code == 200


def test_putting_away(ada: Browser, bob: Browser) -> None:
    write(ada, bob)
    answer = bob.put(f"/api/message/archive/{bob.id}/{ada.id}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert conversations(bob) == {"conversations": [], "count": 0}
    assert conversations(ada)["count"] == 1
    assert len(conversation(bob, ada)["messages"]) == 1
    write(ada, bob, "Are you there?")
    assert conversations(bob)["conversations"][0]["count"] == 2


def test_who_have_not_written_have_nothing(ada: Browser, bob: Browser, site: Site) -> None:
    rooms = dict(site.world.rooms)
    found = conversation(ada, bob)
    assert (found["messages"], found["unread"], found["count"]) == ([], 0, 0)
    assert conversations(ada) == {"conversations": [], "count": 0}
    assert ada.put(f"/api/message/read/{ada.id}/{bob.id}").status_code == 200
    assert ada.put(f"/api/message/archive/{ada.id}/{bob.id}").status_code == 200
    assert site.world.rooms == rooms, "looking opens no conversation"


def test_pages(site: Site, ada: Browser, bob: Browser) -> None:
    for number in range(PAGE + 5):
        write(ada, bob, f"message {number}")
    found = conversation(ada, bob)
    assert [one["message"] for one in found["messages"]] == [f"message {number}" for number in range(5, PAGE + 5)]
    assert found["count"] == PAGE + 5
    assert len(conversation(ada, bob, "?page=2")["messages"]) == PAGE + 5
    assert len(conversation(ada, bob, "?page=1000")["messages"]) == PAGE + 5
    for number in range(PAGE):
        write(Browser(site).log_in(f"friend{number}"), ada)
    first, second = conversations(ada), conversations(ada, "?page=2")
    assert first["count"] == second["count"] == PAGE + 1
    assert first["conversations"][0]["participant"]["username"] == f"friend{PAGE - 1}"
    assert [one["participant"]["_id"] for one in second["conversations"]] == [bob.id]
    for wrong in ("0", "-1", "x", "nan", "1e99", "99999999999999999999"):
        answer = ada.get(f"/api/message/{ada.id}?page={wrong}")
        assert (answer.status_code, answer.json()["error"]) == (400, "ERR_INVALID_PARAMS")
        assert ada.get(f"/api/message/{ada.id}/{bob.id}?page={wrong}").status_code == 400


def test_what_was_taken_back_or_changed(site: Site, ada: Browser, bob: Browser) -> None:
    assert ada.user
    first, second = (write(ada, bob, text) for text in ("a secret", "a tpyo"))
    numbers = {}
    for sent in (first, second):
        identity = parse(sent["_id"], Kind.MESSAGE)
        numbers[sent["message"]] = next(
            number
            for number in range(1, site.world.last_number + 1)
            if (found := site.runner.run(site.community.store.message(site.world.world.id, number)))
            and found.id == identity
        )
    room = parse(first["conversation"], Kind.CONVERSATION) or 0
    site.do(DeleteMessage(room=room, number=numbers["a secret"]), user=ada.user.id)
    site.do(EditMessage(room=room, number=numbers["a tpyo"], body="a typo"), user=ada.user.id)
    assert [one["message"] for one in conversation(bob, ada)["messages"]] == ["a typo"]


# What is refused


def test_messages_that_cannot_be_sent(site: Site, ada: Browser, bob: Browser) -> None:
    bodies: list[Any] = [{}, {"message": ""}, {"message": 5}, {"message": None}, [], None]
    for body in bodies:
        answer = ada.post(f"/api/message/{bob.id}", body)
        assert (answer.status_code, answer.json()["error"]) == (400, "ERR_VALIDATION"), body
    answer = ada.post(f"/api/message/{bob.id}", {"message": "x" * (MAX_BODY + 1)})
    assert answer.status_code in (413, 429)
    assert ada.post(f"/api/message/{ada.id}", {"message": "me"}).status_code == 403
    for wrong in ("0" * 24, "x", "%00", render(bob.user.id if bob.user else 0, Kind.VISIT)):
        answer = ada.post(f"/api/message/{wrong}", {"message": "Hi"})
        assert (answer.status_code, answer.json()["error"]) == (404, "ERR_NO_USER")
        assert ada.get(f"/api/message/{ada.id}/{wrong}").status_code in (404, 400)
    assert not [room for room in site.world.rooms.values() if room.kind == "direct"]


def test_who_wants_no_messages_gets_none(site: Site, ada: Browser, bob: Browser) -> None:
    bob.post(f"/api/user/{bob.id}/settings", {"allowPrivateMessages": False})
    answer = ada.post(f"/api/message/{bob.id}", {"message": "Hi"})
    assert (answer.status_code, answer.json()) == (
        403,
        {"error": "ERR_NO_PERMISSION", "message": "user does not allow private messages"},
    )
    bob.post(f"/api/user/{bob.id}/settings", {"allowPrivateMessages": True})
    write(ada, bob)
    assert bob.user and ada.user
    site.do(BlockUser(user=ada.user.id), user=bob.user.id)
    assert ada.post(f"/api/message/{bob.id}", {"message": "Hi"}).status_code == 403


def test_conversations_of_several_are_for_other_clients(site: Site, ada: Browser, bob: Browser) -> None:
    eve = Browser(site).log_in("Eve")
    assert ada.user and bob.user and eve.user
    site.do(OpenDirect(users=(bob.user.id, eve.user.id), hide=False), user=ada.user.id)
    assert conversations(bob)["count"] == 0


def test_the_rank_of_who_one_writes_with(site: Site, ada: Browser, bob: Browser) -> None:
    assert bob.user
    for role, level in (("moderator", 20), ("admin", 30), ("owner", 30)):
        site.do(GrantRole(user=bob.user.id, role=role))
        assert conversation(ada, bob)["participant"]["attrs"] == {"userLevel": level}
    site.do(UpdateUser(user=bob.user.id, profile={}))
    assert conversation(ada, bob)["participant"]["username"] == "bob"
