"""What is said in groups (protocols/groupme.md 2.4)."""

import socket
from typing import Any

import pytest
from tests.golden.groupme.person import Person

Json = Any

KEYS = {
    *("id", "source_guid", "created_at", "user_id", "sender_id", "sender_type", "group_id", "name", "avatar_url"),
    *("text", "system", "attachments", "favorited_by", "platform", "pinned_at", "pinned_by"),
}
NEVER = "999999999999999999"
IMAGE = {"type": "image", "url": "https://pictures.example/1x1.png.0123"}


@pytest.fixture
def pub(ada: Person, bob: Person) -> str:
    group = ada.make_group()
    ada.add(group, bob)
    return group


def texts(messages: list[Json]) -> list[str]:
    return [message["text"] for message in messages]


def talk(who: Person, group: str, count: int) -> list[str]:
    """Say so many things; gives the ids, oldest first."""
    return [who.say(group, f"line {number}")["id"] for number in range(count)]


def raw(who: Person, path: str) -> tuple[bytes, bytes]:
    """Ask over a bare socket; gives the head and the rest of what is answered until the server ends."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Access-Token: {who.token}\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", who.place.port), timeout=10) as line:
        line.sendall(request.encode())
        answer = b""
        while part := line.recv(65536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body


# Saying


def test_a_message_has_all_that_clients_read(ada: Person, bob: Person, pub: str) -> None:
    answer = bob.ask("POST", f"/v3/groups/{pub}/messages", json={"message": {"source_guid": "g1", "text": "Hi"}})
    assert answer.status == 201
    message = answer.response["message"]
    assert set(message) == KEYS
    assert message == {
        "id": message["id"],
        "source_guid": "g1",
        "created_at": int(bob.place.clock().timestamp()),
        "user_id": bob.id,
        "sender_id": bob.id,
        "sender_type": "user",
        "group_id": pub,
        "name": "Bob",
        "avatar_url": None,
        "text": "Hi",
        "system": False,
        "attachments": [],
        "favorited_by": [],
        "platform": "gm",
        "pinned_at": None,
        "pinned_by": "",
    }
    assert len(message["id"]) == 18
    assert ada.last(pub) == message


def test_the_same_guid_is_taken_once(ada: Person, bob: Person, pub: str) -> None:
    said = {"message": {"source_guid": "twice", "text": "Hi"}}
    bob.post(f"/v3/groups/{pub}/messages", said)
    assert bob.refusal("POST", f"/v3/groups/{pub}/messages", said) == (409, ["You have said that already."])
    ada.post(f"/v3/groups/{pub}/messages", said)  # everybody has guids of their own
    assert texts(ada.history(pub, limit=3)).count("Hi") == 2


@pytest.mark.parametrize("guid", [None, ""], ids=["null", "empty"])
def test_without_a_guid_everything_is_new(ada: Person, pub: str, guid: str | None) -> None:
    said = [ada.post(f"/v3/groups/{pub}/messages", {"message": {"source_guid": guid, "text": "Hi"}}) for _ in "ab"]
    assert said[0]["message"]["id"] != said[1]["message"]["id"]
    assert said[0]["message"]["source_guid"]


def test_a_picture_needs_no_text(ada: Person, pub: str) -> None:
    picture = {**IMAGE, "source_url": None, "file_id": None}  # as Groupy sends it
    message = ada.post(f"/v3/groups/{pub}/messages", {"message": {"attachments": [picture]}})["message"]
    assert (message["text"], message["attachments"]) == (None, [IMAGE])


def test_a_thousand_characters_fit(ada: Person, pub: str) -> None:
    assert ada.say(pub, "\U0001f600" * 1000)["text"] == "\U0001f600" * 1000


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"message": None},
        {"message": "Hi"},
        {"message": {}},
        {"message": {"text": ""}},
        {"message": {"text": None, "attachments": []}},
        {"message": {"text": 7}},
        {"message": {"text": ["Hi"]}},
        {"message": {"text": "x" * 1001}},
        {"message": {"text": "nul\0"}},
        {"message": {"text": "Hi", "source_guid": 7}},
        {"message": {"text": "Hi", "source_guid": "g" * 129}},
        {"message": {"text": "Hi", "source_guid": "\0"}},
        {"message": {"text": "Hi", "attachments": "image"}},
        {"message": {"text": "Hi", "attachments": ["image"]}},
        {"message": {"text": "Hi", "attachments": [{}]}},
        {"message": {"text": "Hi", "attachments": [{"type": "image"}]}},
        {"message": {"text": "Hi", "attachments": [{"type": "image", "url": 7}]}},
        {"message": {"text": "Hi", "attachments": [{"type": "mentions", "user_ids": "-1", "loci": [[0, 1]]}]}},
        {"message": {"text": "Hi", "attachments": [{"type": "mentions", "user_ids": ["1"], "loci": 7}]}},
        {"message": {"text": "Hi", "attachments": [IMAGE] * 21}},
        {"message": {"text": "Hi", "attachments": [{"type": "image", "url": "x" * 20_000}]}},
    ],
    ids=range(22),
)
def test_what_cannot_be_said(ada: Person, pub: str, body: Json) -> None:
    before = ada.last(pub)
    status, errors = ada.refusal("POST", f"/v3/groups/{pub}/messages", body)
    assert status == 400
    assert all(isinstance(error, str) and error for error in errors)
    assert ada.last(pub) == before


def test_whoever_does_not_belong_finds_no_group(ada: Person, cleo: Person, pub: str) -> None:
    number = ada.say(pub, "ours")["id"]
    other = cleo.make_group()
    for method, path in (
        ("GET", f"/v3/groups/{pub}/messages"),
        ("POST", f"/v3/groups/{pub}/messages"),
        ("GET", f"/v4/groups/{pub}/messages/{number}"),
        ("PUT", f"/v4/groups/{pub}/messages/{number}"),
        ("DELETE", f"/v3/conversations/{pub}/messages/{number}"),
        ("PUT", f"/v4/groups/{other}/messages/{number}"),  # hers, but the message is not in it
        ("DELETE", f"/v3/conversations/{other}/messages/{number}"),
    ):
        assert cleo.refusal(method, path, {"message": {"text": "mine"}, "text": "mine"})[0] == 404
        if "/messages/" not in path:
            assert cleo.ask(method, path, signed=False).status == 401
    assert ada.last(pub)["text"] == "ours"


def test_mentions_reach_whom_they_name(ada: Person, bob: Person, cleo: Person, pub: str) -> None:
    def unseen(who: Person) -> int:
        states = who.place.state.read_states
        return who.place.ask(lambda: len(found.notifications) if (found := states[who.number].get(int(pub))) else 0)

    ada.add(pub, cleo)
    loci = [[0, 4]]
    ada.say(pub, "@Bob", attachments=[{"type": "mentions", "user_ids": [bob.id], "loci": loci}])
    assert (unseen(bob), unseen(cleo)) == (1, 0)
    said = ada.say(pub, "@all", attachments=[{"type": "mentions", "user_ids": ["-1"], "loci": loci}])
    assert (unseen(bob), unseen(cleo), unseen(ada)) == (2, 1, 0)
    assert said["attachments"] == [{"type": "mentions", "user_ids": ["-1"], "loci": loci}]
    nobody: list[Json] = [["5"], [{}], [None]]
    for user_ids in nobody:
        ada.say(pub, "nobody", attachments=[{"type": "mentions", "user_ids": user_ids, "loci": loci}])
    assert (unseen(bob), unseen(cleo)) == (2, 1)


# Reading


def test_pages_in_each_direction(ada: Person, pub: str) -> None:
    ids = talk(ada, pub, 5)

    def page(**query: Any) -> list[str]:
        return [message["id"] for message in ada.history(pub, **query)]

    assert page(limit=2) == [ids[4], ids[3]]
    assert page(before_id=ids[3], limit=2) == [ids[2], ids[1]]
    assert page(since_id=ids[1], limit=2) == [ids[4], ids[3]]  # leaves a gap
    assert page(after_id=ids[1], limit=2) == [ids[2], ids[3]]  # leaves none
    assert page(after_id=ids[1], before_id=ids[4]) == [ids[2], ids[3]]
    assert page(before_id="1") == []
    assert page(since_id=NEVER) == page(after_id=NEVER) == []
    assert page(since_id="0", limit=1) == [ids[4]]
    assert page(before_id=NEVER, limit=1) == [ids[4]]
    assert page(before_id="", limit=1) == [ids[4]]


def test_twenty_are_a_page_and_two_hundred_the_most(ada: Person, pub: str) -> None:
    talk(ada, pub, 25)
    found = ada.get(f"/v3/groups/{pub}/messages")
    assert (len(found["messages"]), set(found)) == (20, {"count", "messages"})
    everything = ada.get(f"/v3/groups/{pub}/messages", {"limit": 200})["messages"]
    assert found["count"] == len(everything)


@pytest.mark.parametrize(
    "query",
    [
        *({"limit": limit} for limit in ("0", "-1", "201", "99999", "x", "1.5", "1e3", "9" * 40, "٣")),
        *({name: given} for name in ("before_id", "since_id", "after_id") for given in ("x", "-1", "9" * 40, "1 2")),
    ],
    ids=range(21),
)
def test_what_is_no_page(ada: Person, pub: str, query: dict[str, str]) -> None:
    assert ada.ask("GET", f"/v3/groups/{pub}/messages", params=query).status == 400


def test_a_page_without_messages_is_empty_and_says_so(ada: Person, pub: str) -> None:
    head, body = raw(ada, f"/v3/groups/{pub}/messages?before_id=1")
    assert head.startswith(b"HTTP/1.1 304 ")
    assert b"content-length: 0" in head.lower().split(b"\r\n")
    assert body == b""


def test_one_message(ada: Person, bob: Person, pub: str) -> None:
    said = ada.say(pub, "Hi")
    for version in ("v3", "v4"):
        assert bob.get(f"/{version}/groups/{pub}/messages/{said['id']}") == {"message": said}


@pytest.mark.parametrize("number", ["x", "0", NEVER, "-1", "9" * 40, "%00", "💣"])
def test_no_such_message(ada: Person, pub: str, number: str) -> None:
    for method, path in (
        ("GET", f"/v4/groups/{pub}/messages/{number}"),
        ("PUT", f"/v4/groups/{pub}/messages/{number}"),
        ("DELETE", f"/v3/conversations/{pub}/messages/{number}"),
    ):
        assert ada.refusal(method, path, {"text": "Hi"})[0] == 404


# Changing


def test_an_edit_is_read_and_told(ada: Person, bob: Person, pub: str) -> None:
    said = ada.say(pub, "Helo", attachments=[IMAGE])
    answer = ada.ask("PUT", f"/v4/groups/{pub}/messages/{said['id']}", json={"text": "Hello"})
    changed = {**said, "text": "Hello", "updated_at": said["created_at"]}
    assert answer.response == {"message": changed}
    told, original = bob.history(pub, limit=2)
    assert original == changed
    assert told["text"] == "Ada edited to: \u201cHello\u201d"
    data = {
        "message_id": said["id"],
        "sender_id": ada.id,
        "updated_at": said["created_at"],
        "message": {"text": "Hello", "attachments": [IMAGE]},
    }
    assert told["event"] == {"type": "message.update", "data": data}
    assert ada.ask("PUT", f"/v4/groups/{pub}/messages/{said['id']}", json={"attachments": None}).status == 200
    assert bob.history(pub, limit=3)[2]["attachments"] == []


def test_what_cannot_be_edited(ada: Person, bob: Person, pub: str) -> None:
    said = ada.say(pub, "Hi")
    path = f"/v4/groups/{pub}/messages/{said['id']}"
    assert bob.refusal("PUT", path, {"text": "mine"})[0] == 403
    for body in ({"text": ""}, {"text": None}, {"text": 7}, {"text": "x" * 1001}, {"attachments": 7}):
        assert ada.refusal("PUT", path, body)[0] == 400
    assert ada.last(pub) == said
    ada.fetch("PUT", path, json={"text": "Ho"})
    notice = ada.last(pub)["id"]
    for method, place in (("PUT", "/v4/groups"), ("DELETE", "/v3/conversations")):
        assert ada.refusal(method, f"{place}/{pub}/messages/{notice}", {"text": "No"})[0] == 403


def test_who_said_it_takes_it_back(ada: Person, bob: Person, pub: str) -> None:
    said = bob.say(pub, "oops", attachments=[IMAGE])
    path = f"/v3/conversations/{pub}/messages/{said['id']}"
    for _ in "ab":  # the second time nothing happens
        answer = bob.fetch("DELETE", path)
        assert (answer.status_code, answer.content) == (204, b"")
    told, gone = ada.history(pub, limit=2)
    now = said["created_at"]
    assert gone == {
        **said,
        "text": "This message was deleted",
        "attachments": [],
        "deleted_at": now,
        "deletion_actor": "sender",
    }
    data = {"message_id": said["id"], "deleted_at": now, "deletion_actor": "sender", "deleter_id": bob.id}
    assert told["event"] == {"type": "message.deleted", "data": data}
    assert told["text"] == "A message was deleted."
    assert bob.refusal("PUT", f"/v4/groups/{pub}/messages/{said['id']}", {"text": "again"})[0] == 403


def test_who_runs_the_group_takes_it_away(ada: Person, bob: Person, cleo: Person, pub: str) -> None:
    ada.add(pub, cleo)
    said = bob.say(pub, "spam")
    path = f"/v3/conversations/{pub}/messages/{said['id']}"
    assert cleo.refusal("DELETE", path)[0] == 403
    assert ada.fetch("DELETE", path).status_code == 204
    gone = bob.history(pub, limit=2)[1]
    assert (gone["text"], gone["deletion_actor"]) == ("An admin deleted this message", "admin")


def test_notices_of_the_group_stay(ada: Person, pub: str) -> None:
    notice = ada.last(pub)
    assert notice["system"]
    assert ada.refusal("DELETE", f"/v3/conversations/{pub}/messages/{notice['id']}")[0] == 403


def test_in_an_announcement_group_members_listen(ada: Person, bob: Person) -> None:
    group = ada.make_group(type="announcement")
    ada.add(group, bob)
    assert bob.refusal("POST", f"/v3/groups/{group}/messages", {"message": {"text": "Hi"}})[0] == 403
    assert ada.say(group, "Hear, hear")["text"] == "Hear, hear"
