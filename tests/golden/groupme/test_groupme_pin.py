"""Pins (protocols/groupme.md 2.4)."""

from typing import Any

import pytest
from tests.golden.groupme.person import Person

Json = Any


@pytest.fixture
def pub(ada: Person, bob: Person) -> str:
    group = ada.make_group()
    ada.add(group, bob)
    return group


def pin(who: Person, conversation: str, message: Json, verb: str = "pin") -> None:
    answer = who.ask("POST", f"/v3/conversations/{conversation}/messages/{message['id']}/{verb}")
    assert answer == (200, None, {"code": 200})


def test_what_is_pinned_is_listed_and_told(ada: Person, bob: Person, pub: str) -> None:
    first, second = ada.say(pub, "first"), ada.say(pub, "second")
    pin(bob, pub, first)
    now = first["created_at"]
    assert bob.last(pub)["event"] == {
        "type": "message.pinned",
        "data": {"message_id": first["id"], "pinned": True, "pinned_by": bob.id, "pinned_at": now},
    }
    assert bob.last(pub)["text"] == "Bob pinned a message."
    pin(ada, pub, second)
    listed = ada.get(f"/v3/pinned/groups/{pub}/messages")
    assert set(listed) == {"count", "messages"}
    assert listed["count"] == 2
    assert listed["messages"][1] == {**first, "pinned_at": now, "pinned_by": bob.id}
    pin(ada, pub, first, "unpin")
    assert [message["text"] for message in ada.get(f"/v3/pinned/groups/{pub}/messages/")["messages"]] == ["second"]


def test_what_is_so_already_is_refused(ada: Person, pub: str) -> None:
    said = ada.say(pub, "Hi")
    path = f"/v3/conversations/{pub}/messages/{said['id']}"
    assert ada.refusal("POST", f"{path}/unpin")[0] == 400
    pin(ada, pub, said)
    assert ada.refusal("POST", f"{path}/pin")[0] == 400
    assert ada.get(f"/v3/pinned/groups/{pub}/messages")["count"] == 1


def test_what_cannot_be_pinned(ada: Person, bob: Person, cleo: Person, pub: str) -> None:
    notice, said = ada.last(pub), ada.say(pub, "Hi")
    assert ada.refusal("POST", f"/v3/conversations/{pub}/messages/{notice['id']}/pin")[0] == 403
    for number in ("x", "0", "1", "9" * 18):
        assert ada.refusal("POST", f"/v3/conversations/{pub}/messages/{number}/pin")[0] == 404
    assert cleo.refusal("POST", f"/v3/conversations/{pub}/messages/{said['id']}/pin")[0] == 404
    assert cleo.refusal("GET", f"/v3/pinned/groups/{pub}/messages")[0] == 404
    closed = ada.make_group(type="closed")
    ada.add(closed, bob)
    path = f"/v3/conversations/{closed}/messages/{ada.say(closed, 'Hi')['id']}/pin"
    assert bob.refusal("POST", path)[0] == 403
    assert ada.ask("POST", path).status == 200


def test_between_two_people(ada: Person, bob: Person, cleo: Person) -> None:
    path = "/v3/pinned/direct_messages"
    assert bob.get(path, {"other_user_id": ada.id}) == {"count": 0, "messages": []}
    message = {"recipient_id": bob.id, "text": "Hi"}
    said = ada.post("/v3/direct_messages", {"direct_message": message})["direct_message"]
    pin(bob, said["conversation_id"], said)
    pinned = {**said, "pinned_at": said["created_at"], "pinned_by": bob.id}
    assert ada.get(path, {"other_user_id": bob.id}) == {"count": 1, "messages": [pinned]}
    assert cleo.get(path, {"other_user_id": bob.id})["count"] == 0
    assert cleo.refusal("POST", f"/v3/conversations/{said['conversation_id']}/messages/{said['id']}/unpin")[0] == 404
    for query, status in (("", 404), ("?other_user_id=x", 404), (f"?other_user_id={ada.id}", 400)):
        assert ada.refusal("GET", f"{path}{query}")[0] == status
