"""The gallery of a conversation (protocols/groupme.md 2.7)."""

from datetime import timedelta
from typing import Any

import pytest
from tests.golden.groupme.person import Person

PICTURE = {"type": "image", "url": "https://i.example.org/4x3.png.0123456789abcdef0123456789abcdef"}
PLACE = {"type": "location", "lat": "1", "lng": "2", "name": "here"}
SECOND = timedelta(seconds=1)


def say(who: Person, group: str, text: str, *attachments: Any) -> str:
    who.place.move(SECOND)
    return str(who.say(group, text, attachments=list(attachments))["id"])


def gallery(who: Person, conversation: str, **query: Any) -> Any:
    return who.get(f"/v3/conversations/{conversation}/gallery", query)["messages"]


def ids(messages: Any) -> list[str]:
    return [message["id"] for message in messages]


def test_messages_with_pictures_films_and_files(ada: Person, bob: Person) -> None:
    group = ada.make_group()
    ada.add(group, bob)
    assert gallery(ada, group) == []
    say(ada, group, "nothing")
    say(ada, group, "somewhere", PLACE)
    wanted = [
        say(ada, group, "picture", PICTURE),
        say(bob, group, "", {"type": "linked_image", "url": "https://example.org/a.png"}),
        say(bob, group, "film", {"type": "video", "url": "https://example.org/a.mp4"}),
        say(ada, group, "file", PLACE, {"type": "file", "file_id": "f"}),
    ]
    found = gallery(bob, group)
    assert ids(found) == wanted[::-1]
    own = {message["id"]: message for message in ada.history(group)}
    for message in found:
        at = message.pop("gallery_ts")
        assert at.endswith("Z") and message == own[message["id"]]


def test_pages(ada: Person) -> None:
    group = ada.make_group()
    said = []
    for number in range(5):
        said.append(say(ada, group, str(number), PICTURE))
        for _ in range(2):
            say(ada, group, "between", PLACE)
    newest = gallery(ada, group, limit=2)
    assert ids(newest) == said[:2:-1]
    older = gallery(ada, group, limit=2, before=newest[-1]["gallery_ts"])
    assert ids(older) == said[2:0:-1]
    for field in ("after", "since"):
        assert ids(gallery(ada, group, **{field: older[0]["gallery_ts"]})) == said[:2:-1]
    assert ids(gallery(ada, group, after=older[-1]["gallery_ts"], before=newest[0]["gallery_ts"])) == said[3:1:-1]
    with_offset = older[0]["gallery_ts"].replace("Z", "+00:00")
    path = f"/v3/conversations/{group}/gallery?before={with_offset}"
    assert ids(ada.ask("GET", path).response["messages"]) == said[1::-1], "a plus that is not escaped"


def test_what_is_looked_through_has_an_end(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    from hubbub.dialects.groupme import gallery as module

    group = ada.make_group()
    first = say(ada, group, "picture", PICTURE)
    for _ in range(4):
        say(ada, group, "somewhere", PLACE)
    monkeypatch.setattr(module, "MAX_PAGE", 2)
    assert ids(gallery(ada, group)) == [first]
    monkeypatch.setattr(module, "MAX_LOOKS", 2)
    assert gallery(ada, group) == []


def test_a_conversation_of_two(ada: Person, bob: Person) -> None:
    message = {"source_guid": "gallery", "recipient_id": bob.id, "text": "", "attachments": [PICTURE]}
    said = ada.post("/v3/direct_messages", {"direct_message": message})["direct_message"]
    for pair in (f"{ada.id}+{bob.id}", f"{bob.id}+{ada.id}", f"{ada.id}%2B{bob.id}"):
        (found,) = gallery(bob, pair)
        assert (found["id"], found["conversation_id"]) == (said["id"], said["conversation_id"])


def test_what_was_taken_back_is_gone(ada: Person) -> None:
    group = ada.make_group()
    said = say(ada, group, "picture", PICTURE)
    assert ada.fetch("DELETE", f"/v3/conversations/{group}/messages/{said}").status_code == 204
    assert gallery(ada, group) == []


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "x"},
        {"limit": "0"},
        {"before": "yesterday"},
        {"after": "1700000000"},
        {"since": "2026-13-01T00:00:00Z"},
        {"before": "0001-01-01T00:00:00+14:00"},
        {"before": "x" * 5000},
    ],
    ids=lambda query: "-".join(f"{name}{value[:5]}" for name, value in query.items()),
)
def test_what_makes_no_sense(ada: Person, query: dict[str, str]) -> None:
    group = ada.make_group()
    assert ada.refusal("GET", f"/v3/conversations/{group}/gallery", params=query)[0] == 400


def test_only_members_look(ada: Person, bob: Person, cleo: Person) -> None:
    group = ada.make_group()
    for conversation in (group, f"{ada.id}+{bob.id}", "1", "x"):
        assert cleo.refusal("GET", f"/v3/conversations/{conversation}/gallery")[0] == 404
    assert ada.refusal("GET", f"/v3/conversations/{group}/gallery", signed=False)[0] == 401
