"""Odd things that strangers send: each is refused with a sentence or does what it says, and nothing breaks."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.golden.groupme.person import Person

Json = Any

BIG = "x" * 2000
ODD: list[Json] = [
    *(None, True, 0, -1, 1.5, 2**53, 2**63, 10**40, 1e300, "", " ", "x", "\0", "\ud800", "💣", "-1", "1e5", BIG),
    *([], [None], [[]], [{}], {}, {"": None}, {"type": {}}, [[[[[[]]]]]], ["x"] * 300),
]
IMAGE = {"type": "image", "url": "https://x.example/a.png"}
MENTIONS = {"type": "mentions", "user_ids": ["1"], "loci": [[0, 1]]}
PLACE = {"type": "location", "lat": "1", "lng": "2", "name": "x"}
SAID = {"source_guid": "odd", "text": "Hi", "attachments": [IMAGE, MENTIONS, PLACE]}
BODIES: dict[str, tuple[str, Json]] = {
    "/v3/groups/GROUP/messages": ("POST", {"message": SAID}),
    "/v4/groups/GROUP/messages/MESSAGE": ("PUT", {"text": "Hi", "attachments": [IMAGE]}),
    "/v3/messages/GROUP/MESSAGE/like": ("POST", {"like_icon": {"type": "unicode", "code": "💣"}}),
    "/v3/messages/GROUP/MESSAGE/unlike": ("POST", {}),
    "/v3/conversations/GROUP/messages/MESSAGE/pin": ("POST", {}),
    "/v3/direct_messages": ("POST", {"direct_message": {"recipient_id": "1", **SAID}}),
    "/v2/read_receipts": ("POST", {"read_receipt": {"message_id": "1", "chat_id": "1+2"}}),
    "/v4/read_receipts/GROUP": ("POST", {"message_id": "1"}),
    "/v3/bots": ("POST", {"bot": {"name": "R", "group_id": "1", "avatar_url": "", "callback_url": ""}}),
    "/v3/bots/update": ("POST", {"bot_id": "x", "name": "R", "callback_url": ""}),
    "/v3/bots/destroy": ("POST", {"bot_id": "x"}),
    "/v3/bots/post": ("POST", {"bot_id": "x", "text": "Hi", "picture_url": "x", "attachments": [IMAGE]}),
    "/v4/pinned_conversations": ("PUT", {"pinned_conversations": ["1"]}),
}
NAMES = ["x", "0", "-1", "1", "9" * 18, "9" * 40, "%00", "%FF", "1+1", "1%2B2", "a%2Fb", "%F0%9F%92%A3", "+", "%20"]
PATHS: dict[str, str] = {
    "/v3/groups/{}/messages": "GET",
    "/v3/groups/{}/search?q=x": "GET",
    "/v3/groups/{}/likes": "GET",
    "/v3/groups/{}/likes/mine": "GET",
    "/v3/pinned/groups/{}/messages": "GET",
    "/v3/pinned/direct_messages?other_user_id={}": "GET",
    "/v3/chats/{}": "GET",
    "/v3/direct_messages?other_user_id={}": "GET",
    "/v3/direct_messages/{}": "GET",
    "/v2/users/{}": "GET",
    "/v3/bots/{}/deliveries": "GET",
    "/v3/blocks?otherUser={}": "POST",
    "/v3/conversations/{}/read_receipt": "POST",
    "/v4/read_receipts/{}": "POST",
    "/v4/groups/GROUP/messages/{}": "GET",
    "/v3/conversations/GROUP/messages/{}": "DELETE",
    "/v3/conversations/GROUP/messages/{}/unpin": "POST",
    "/v3/messages/{}/MESSAGE/like": "POST",
    "/v3/messages/GROUP/{}/unlike": "POST",
}


def twisted(body: Json) -> Iterator[Json]:
    """Give a body with one part of it replaced by something odd, each part by everything."""
    yield from ODD
    parts = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for name, part in list(parts):
        for odd in twisted(part):
            changed = dict(body) if isinstance(body, dict) else list(body)
            changed[name] = odd
            yield changed


@pytest.fixture
def where(ada: Person) -> dict[str, str]:
    """Give what stands for a group and a message of Ada's."""
    group = ada.make_group()
    return {"GROUP": group, "MESSAGE": ada.say(group, "Hi")["id"]}


def filled(path: str, where: dict[str, str]) -> str:
    for word, identity in where.items():
        path = path.replace(word, identity)
    return path


@pytest.mark.parametrize("path", BODIES)
def test_no_body_breaks_anything(ada: Person, where: dict[str, str], path: str) -> None:
    method, body = BODIES[path]
    for odd in twisted(body):
        answer = ada.ask(method, filled(path, where), content=json.dumps(odd))
        assert answer.status < 500, (odd, answer)
        assert answer.status < 400 or all(isinstance(error, str) and error for error in answer.errors), (odd, answer)
    assert ada.history(where["GROUP"])


@pytest.mark.parametrize("path", PATHS)
def test_no_name_breaks_anything(ada: Person, where: dict[str, str], path: str) -> None:
    for name in NAMES:
        answer = ada.fetch(PATHS[path], filled(path, where).replace("{}", name))
        assert 400 <= answer.status_code < 500, (name, answer.text)
        assert isinstance(answer.json(), dict)
