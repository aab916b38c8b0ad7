"""Direct messages, and how far people have read (protocols/groupme.md 2.5)."""

import socket
from datetime import timedelta
from typing import Any

import pytest
from tests.golden.groupme.person import Person

from hubbub.core.chat import LeaveChat, PostMessage
from hubbub.core.direct import OpenDirect
from hubbub.core.reading import MarkRead
from hubbub.core.user import BlockUser

Json = Any

KEYS = {
    *("id", "source_guid", "created_at", "user_id", "sender_id", "sender_type", "name", "avatar_url", "text"),
    *("attachments", "favorited_by", "pinned_at", "pinned_by", "conversation_id", "recipient_id"),
}
PATH = "/v3/direct_messages"


def send(who: Person, other: Person, text: str = "Hi", **more: Json) -> Json:
    message = {"recipient_id": other.id, "text": text, **more}
    return who.post(PATH, {"direct_message": message})["direct_message"]


def pair(one: Person, other: Person) -> str:
    low, high = sorted((one.number, other.number))
    return f"{low}+{high}"


def page(who: Person, other: Person, **query: Any) -> Json:
    """Give a page; an empty one when there is none."""
    answer = who.ask("GET", PATH, params={"other_user_id": other.id, **query})
    return {"count": 0, "direct_messages": []} if answer.status == 304 else who._fine(answer)


def texts(who: Person, other: Person, **query: Any) -> list[str]:
    return [message["text"] for message in page(who, other, **query)["direct_messages"]]


# Saying


def test_a_message_has_all_that_clients_read(ada: Person, bob: Person) -> None:
    said = {"source_guid": "direct-1", "recipient_id": bob.id, "text": "Hi", "attachments": None}
    answer = ada.ask("POST", PATH, json={"direct_message": said})
    assert (answer.status, set(answer.response)) == (201, {"direct_message"})
    message = answer.response["direct_message"]
    assert set(message) == KEYS
    assert message == {
        "id": message["id"],
        "source_guid": "direct-1",
        "created_at": int(ada.place.clock().timestamp()),
        "user_id": ada.id,
        "sender_id": ada.id,
        "sender_type": "user",
        "name": "Ada",
        "avatar_url": "",
        "text": "Hi",
        "attachments": [],
        "favorited_by": [],
        "pinned_at": None,
        "pinned_by": "",
        "conversation_id": pair(ada, bob),
        "recipient_id": bob.id,
    }
    assert page(bob, ada) == {"count": 1, "direct_messages": [message]}
    assert page(ada, bob) == {"count": 1, "direct_messages": [message]}
    assert bob.get(f"{PATH}/{message['id']}", {"other_user_id": ada.id}) == {"message": message}


def test_the_same_guid_is_taken_once(ada: Person, bob: Person) -> None:
    send(ada, bob, source_guid="twice")
    again = {"direct_message": {"recipient_id": bob.id, "text": "Hi", "source_guid": "twice"}}
    assert ada.refusal("POST", PATH, again)[0] == 409
    assert page(ada, bob)["count"] == 1


def test_a_recipient_may_be_a_number(ada: Person, bob: Person) -> None:
    assert ada.ask("POST", PATH, json={"direct_message": {"recipient_id": bob.number, "text": "Hi"}}).status == 201


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"recipient_id": "x"}, 404),
        ({"recipient_id": "1"}, 404),
        ({"recipient_id": ""}, 404),
        ({"recipient_id": None}, 400),
        ({"recipient_id": ["1"]}, 400),
        ({"text": ""}, 400),
        ({"text": None}, 400),
        ({"text": "x" * 1001}, 400),
        ({"text": 7}, 400),
        ({"attachments": [{"type": 7}]}, 400),
        ({"source_guid": "g" * 129}, 400),
    ],
    ids=range(11),
)
def test_what_cannot_be_said(ada: Person, bob: Person, change: Json, status: int) -> None:
    message = {"recipient_id": bob.id, "text": "Hi", **change}
    assert ada.refusal("POST", PATH, {"direct_message": message})[0] == status
    assert bob.get("/v3/chats") == []


def test_nobody_talks_to_themselves_or_to_whom_they_shun(ada: Person, bob: Person) -> None:
    assert ada.refusal("POST", PATH, {"direct_message": {"recipient_id": ada.id, "text": "Hi"}})[0] == 400
    bob.place.do(BlockUser(user=ada.number), user=bob.number)
    assert ada.refusal("POST", PATH, {"direct_message": {"recipient_id": bob.id, "text": "Hi"}})[0] == 403
    assert ada.ask("POST", PATH, json={"direct_message": {"recipient_id": "5"}}, signed=False).status == 401
    assert ada.ask("POST", PATH, json={"direct_message": {"recipient_id": bob.id}}, signed=False).status == 401


# Reading


def test_pages_in_each_direction(ada: Person, bob: Person) -> None:
    ids = [send(ada, bob, text)["id"] for text in "abcde"]
    assert texts(bob, ada, limit=2) == ["e", "d"]
    assert texts(bob, ada, before_id=ids[3], limit=2) == ["c", "b"]
    assert texts(bob, ada, since_id=ids[1], limit=2) == ["e", "d"]
    assert texts(bob, ada, after_id=ids[1], limit=2) == ["c", "d"]
    assert texts(bob, ada, after_id="0", limit=1) == ["a"]  # and not that the two began to talk
    assert texts(bob, ada, before_id=ids[0]) == []
    assert page(bob, ada, limit=1)["count"] == 5
    assert bob.refusal("GET", f"{PATH}?other_user_id={ada.id}&limit=201")[0] == 400
    assert bob.refusal("GET", f"{PATH}?other_user_id={ada.id}&before_id=x")[0] == 400


def test_nothing_said_is_an_empty_answer(ada: Person, bob: Person) -> None:
    request = f"GET {PATH}?other_user_id={bob.id}&token={ada.token} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", ada.place.port), timeout=10) as line:
        line.sendall(request.encode())
        answer = b""
        while part := line.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 304 ")
    assert b"content-length: 0\r\n" in answer.lower()


@pytest.mark.parametrize("other", ["", "x", "1", "9" * 30], ids=["none", "word", "nobody", "long"])
def test_nobody_to_talk_to(ada: Person, other: str) -> None:
    assert ada.refusal("GET", f"{PATH}?other_user_id={other}")[0] == 404


def test_a_third_person_reads_nothing(ada: Person, bob: Person, cleo: Person) -> None:
    said = send(ada, bob)
    for path in (
        f"/v3/chats/{pair(ada, bob)}",
        f"{PATH}/{said['id']}?other_user_id={bob.id}",
        f"/v4/groups/{pair(ada, bob)}/messages/{said['id']}",
    ):
        assert cleo.refusal("GET", path)[0] == 404
    assert cleo.refusal("DELETE", f"/v3/conversations/{pair(ada, bob)}/messages/{said['id']}")[0] == 404
    assert texts(cleo, bob) == []


def test_a_message_is_edited_and_taken_back(ada: Person, bob: Person) -> None:
    said = send(ada, bob, "Helo")
    path = f"/v4/groups/{pair(ada, bob)}/messages/{said['id']}"
    assert ada._fine(ada.ask("PUT", path, json={"text": "Hello"}))["message"]["text"] == "Hello"
    assert texts(bob, ada) == ["Ada edited to: \u201cHello\u201d", "Hello"]
    # There are clients that name a conversation by the other one alone.
    assert bob.refusal("DELETE", f"/v3/conversations/{ada.id}/messages/{said['id']}")[0] == 403
    assert ada.fetch("DELETE", f"/v3/conversations/{bob.id}/messages/{said['id']}").status_code == 204
    gone = page(bob, ada)["direct_messages"][-1]
    assert (gone["text"], gone["deletion_actor"]) == ("This message was deleted", "sender")


# Conversations


def test_conversations_have_all_that_clients_read(ada: Person, bob: Person) -> None:
    send(ada, bob, "Hi")
    last = send(bob, ada, "Hello")
    now = last["created_at"]
    (chat,) = ada.get("/v3/chats")
    assert chat == {
        "other_user": {"id": bob.id, "name": "Bob", "avatar_url": None},
        "created_at": now,
        "updated_at": now,
        "messages_count": 2,
        "last_message": last,
        "message_deletion_period": 2**31 - 1,
        "message_deletion_mode": ["sender"],
    }
    assert ada.get(f"/v3/chats/{pair(ada, bob)}") == chat
    assert bob.get("/v3/chats")[0]["other_user"]["id"] == ada.id


def test_the_last_spoken_in_comes_first(ada: Person, bob: Person, cleo: Person) -> None:
    send(ada, bob)
    send(cleo, ada)

    def others(**query: int) -> list[str]:
        return [chat["other_user"]["name"] for chat in ada.get("/v3/chats", query)]

    assert others() == ["Cleo", "Bob"]
    send(bob, ada)
    assert others() == ["Bob", "Cleo"]
    assert (others(per_page=1), others(per_page=1, page=2), others(per_page=1, page=3)) == (["Bob"], ["Cleo"], [])
    for query in ("page=0", "page=x", "per_page=0", "per_page=-1"):
        assert ada.refusal("GET", f"/v3/chats?{query}")[0] == 400
    assert others(per_page=999_999_999, page=1) == ["Bob", "Cleo"]


def test_conversations_without_words_or_of_three_are_none(ada: Person, bob: Person, cleo: Person) -> None:
    place = ada.place
    place.do(OpenDirect(users=(bob.number,)), user=ada.number)
    crowd = place.do(OpenDirect(users=(bob.number, cleo.number)), user=ada.number).room
    place.do(PostMessage(room=crowd.id, body="you two"), user=ada.number)
    assert ada.get("/v3/chats") == []
    assert ada.refusal("GET", f"/v3/chats/{pair(ada, bob)}")[0] == 404
    assert ada.refusal("GET", f"/v3/chats/{crowd.id}")[0] == 404
    assert texts(ada, bob) == []


def test_a_conversation_that_is_hidden_is_not_listed(ada: Person, bob: Person) -> None:
    send(ada, bob)
    room = next(iter(ada.place.state.belongs[ada.number]))
    ada.place.do(LeaveChat(room=room), user=ada.number)
    assert (ada.get("/v3/chats"), len(bob.get("/v3/chats"))) == ([], 1)
    send(bob, ada)
    assert len(ada.get("/v3/chats")) == 1


def test_a_call_of_another_dialect_says_what_it_is(ada: Person, bob: Person) -> None:
    send(ada, bob)
    room = next(iter(ada.place.state.belongs[ada.number]))
    ada.place.do(PostMessage(room=room, kind="call", extra={"id": "7"}), user=bob.number)
    assert texts(ada, bob)[0] == "Started a call"


# How far people have read


def receipt(who: Person, other: Person, message: Json, at: int) -> Json:
    """Give how a receipt reads by which somebody has read a message of the conversation with another."""
    return {
        "id": message["id"],
        "chat_id": pair(who, other),
        "message_id": message["id"],
        "user_id": who.id,
        "read_at": at,
    }


def test_what_the_other_one_has_read(ada: Person, bob: Person) -> None:
    first, second = send(ada, bob, "first"), send(ada, bob, "second")
    assert "read_receipt" not in page(ada, bob)
    bob.place.move(timedelta(minutes=5))
    now, said_at = int(bob.place.clock().timestamp()), first["created_at"]
    body = {"read_receipt": {"message_id": first["id"], "chat_id": pair(ada, bob)}}
    assert bob.ask("POST", "/v2/read_receipts", json=body).response == {"read_receipt": receipt(bob, ada, first, now)}
    # When it was read is not kept: no earlier than it was said.
    assert page(ada, bob)["read_receipt"] == receipt(bob, ada, first, said_at)
    assert "read_receipt" not in page(bob, ada)
    answer = bob.ask("POST", f"/v4/read_receipts/{pair(ada, bob)}")
    assert (answer.status, answer.response) == (202, {"read_receipt": receipt(bob, ada, second, now)})
    assert page(ada, bob)["read_receipt"]["message_id"] == second["id"]
    assert bob.post("/v2/read_receipts", body)["read_receipt"]["message_id"] == second["id"]  # never back


def test_a_pointer_of_another_dialect(ada: Person, bob: Person, cleo: Person) -> None:
    said = send(ada, bob)
    room = next(iter(ada.place.state.belongs[bob.number]))
    elsewhere = send(ada, cleo)
    bob.place.do(MarkRead(room=room, number=int(elsewhere["id"]) - 10**17), user=bob.number)
    assert page(ada, bob)["read_receipt"]["message_id"] == said["id"]


def test_who_has_only_opened_it_has_read_nothing(ada: Person, bob: Person) -> None:
    said = send(ada, bob)
    room = next(iter(ada.place.state.belongs[bob.number]))
    bob.place.do(MarkRead(room=room, number=int(said["id"]) - 10**17 - 1), user=bob.number)
    assert "read_receipt" not in page(ada, bob)


def test_a_group_is_read(ada: Person, bob: Person) -> None:
    group = ada.make_group()
    ada.add(group, bob)
    said = ada.say(group, "Hi")
    path = f"/v3/conversations/{group}/read_receipt"
    assert bob.post(path, {"message_id": said["id"]})["read_receipt"]["message_id"] == said["id"]
    read = bob.place.ask(lambda: bob.place.state.read_states[bob.number][int(group)].read)
    assert read == int(said["id"]) - 10**17


def test_what_cannot_be_read(ada: Person, bob: Person, cleo: Person) -> None:
    said, other = send(ada, bob), send(ada, cleo)
    for body, status in (
        ({}, 404),
        ({"read_receipt": None}, 404),
        ({"read_receipt": "x"}, 400),
        ({"read_receipt": {"chat_id": pair(ada, bob), "message_id": 7}}, 400),
        ({"read_receipt": {"chat_id": pair(ada, bob), "message_id": "x"}}, 404),
        ({"read_receipt": {"chat_id": pair(ada, bob), "message_id": other["id"]}}, 404),
        ({"read_receipt": {"chat_id": pair(ada, cleo), "message_id": other["id"]}}, 404),
    ):
        assert bob.refusal("POST", "/v2/read_receipts", body)[0] == status
    for path in (f"/v4/read_receipts/{pair(ada, bob)}", f"/v3/conversations/{pair(ada, bob)}/read_receipt"):
        assert cleo.refusal("POST", path, {"message_id": said["id"]})[0] == 404
        assert bob.refusal("POST", path, {"message_id": []})[0] == 400
    assert "read_receipt" not in page(ada, bob)
