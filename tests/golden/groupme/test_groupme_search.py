"""Search, which is ours (docs/dialects/groupme.md)."""

from datetime import timedelta
from typing import Any

import pytest
from tests.golden.groupme.person import Person

from hubbub.core.chat import PostMessage
from hubbub.core.direct import OpenDirect

Json = Any


@pytest.fixture
def pub(ada: Person, bob: Person) -> str:
    group = ada.make_group()
    ada.add(group, bob)
    return group


def find(who: Person, group: str = "", **query: Any) -> list[str]:
    path = f"/v3/groups/{group}/search" if group else "/v3/search"
    return [message["text"] for message in who.get(path, query)["messages"]]


def test_words_are_found_in_a_group(ada: Person, bob: Person, pub: str) -> None:
    said = ada.say(pub, "The café is open")
    bob.say(pub, "Which cafe?")
    other = ada.make_group("Other")
    ada.say(other, "Another cafe")
    assert find(bob, pub, q="cafe") == ["Which cafe?", "The café is open"]
    assert find(bob, pub, q='"cafe is"') == ["The café is open"]
    assert ada.get(f"/v3/groups/{pub}/search", {"q": "open"}) == {"messages": [said], "next": None}
    assert find(ada, q="cafe") == ["Another cafe", "Which cafe?", "The café is open"]
    assert find(bob, q="cafe") == ["Which cafe?", "The café is open"]


def test_the_query_narrows_it_down(ada: Person, bob: Person, pub: str) -> None:
    early = ada.say(pub, "tea early")
    ada.place.move(timedelta(hours=1))
    late = bob.say(pub, "tea late")
    assert find(ada, pub, q="tea", sender_id=bob.id) == ["tea late"]
    at = ada.place.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
    assert find(ada, pub, q="tea", since=at) == find(ada, pub, q="tea", since=late["created_at"]) == ["tea late"]
    assert find(ada, pub, q="tea", until=at) == ["tea early"]
    page = ada.get(f"/v3/groups/{pub}/search", {"q": "tea", "limit": 1})
    assert [message["text"] for message in page["messages"]] == ["tea late"]
    rest = ada.get(f"/v3/groups/{pub}/search", {"q": "tea", "limit": 1, "before": page["next"]})
    assert rest["messages"] == [early]


def test_direct_messages_are_found_by_those_whom_they_are_between(ada: Person, bob: Person, cleo: Person) -> None:
    ada.post("/v3/direct_messages", {"direct_message": {"recipient_id": bob.id, "text": "whisper"}})
    crowd = ada.place.do(OpenDirect(users=(bob.number, cleo.number)), user=ada.number).room
    ada.place.do(PostMessage(room=crowd.id, body="whisper to two"), user=ada.number)
    (found,) = bob.get("/v3/search", {"q": "whisper"})["messages"]
    assert (found["text"], found["recipient_id"]) == ("whisper", bob.id)
    assert find(bob, found["conversation_id"], q="whisper") == ["whisper"]
    assert find(cleo, q="whisper") == []
    assert cleo.refusal("GET", f"/v3/groups/{found['conversation_id']}/search?q=whisper")[0] == 404


@pytest.mark.parametrize(
    "query",
    [
        *("", "q=", "q=%00", "q=-tea", "q=...", f"q={'x' * 300}", "q=tea&limit=0", "q=tea&limit=x", "q=tea&before=x"),
        *("q=tea&since=x", "q=tea&until=2024-05-01", "q=tea&sender_id=x", f"q=tea&before={'9' * 40}"),
        f"q=tea&since={'9' * 30}",
    ],
    ids=range(14),
)
def test_what_cannot_be_looked_for(ada: Person, pub: str, query: str) -> None:
    for path in (f"/v3/groups/{pub}/search", "/v3/search"):
        assert ada.refusal("GET", f"{path}?{query}")[0] == 400


def test_strangers_find_nothing(ada: Person, cleo: Person, pub: str) -> None:
    ada.say(pub, "secret")
    assert cleo.refusal("GET", f"/v3/groups/{pub}/search?q=secret")[0] == 404
    assert cleo.ask("GET", "/v3/search?q=secret", signed=False).status == 401
    assert find(cleo, q="secret") == []
