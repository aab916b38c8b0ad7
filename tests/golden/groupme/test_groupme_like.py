"""Likes and leaderboards (protocols/groupme.md 2.4)."""

from datetime import timedelta
from typing import Any

import pytest
from tests.golden.groupme.person import Person

from hubbub.core.chat import ReactToMessage

Json = Any

HEART = "\u2764\ufe0f"
FIRE = {"type": "unicode", "code": "\U0001f525"}
PACK = {"type": "emoji", "pack_id": 1, "pack_index": 12}


@pytest.fixture
def pub(ada: Person, bob: Person) -> str:
    group = ada.make_group()
    ada.add(group, bob)
    return group


def like(who: Person, conversation: str, message: Json, icon: Json = None) -> Json:
    body = {} if icon is None else {"json": {"like_icon": icon}}
    return who._fine(who.ask("POST", f"/v3/messages/{conversation}/{message['id']}/like", **body))


def unlike(who: Person, conversation: str, message: Json) -> Json:
    return who.post(f"/v3/messages/{conversation}/{message['id']}/unlike")


def likes(who: Person, message: Json) -> tuple[Json, Json]:
    """Give how a message is liked now."""
    found = who.get(f"/v4/groups/{message['group_id']}/messages/{message['id']}")["message"]
    return found["favorited_by"], found.get("reactions")


def test_a_like_is_a_heart(ada: Person, bob: Person, pub: str) -> None:
    said = ada.say(pub, "Hi")
    hearts = [{"type": "unicode", "code": HEART, "user_ids": [bob.id]}]
    assert like(bob, pub, said) == {"reactions": hearts}
    assert likes(ada, said) == ([bob.id], hearts)
    assert like(bob, pub, said, None) == {"reactions": hearts}  # twice is once
    assert unlike(bob, pub, said) == {"reactions": []}
    assert likes(ada, said) == ([], None)
    assert unlike(bob, pub, said) == {"reactions": []}


def test_everybody_has_one_reaction(ada: Person, bob: Person, pub: str) -> None:
    said = ada.say(pub, "Hi")
    like(bob, pub, said, FIRE)
    like(ada, pub, said, PACK)
    both = [{**FIRE, "user_ids": [bob.id]}, {**PACK, "user_ids": [ada.id]}]
    assert likes(ada, said) == ([bob.id, ada.id], both)
    assert like(bob, pub, said, PACK) == {"reactions": [{**PACK, "user_ids": [ada.id, bob.id]}]}
    assert unlike(ada, pub, said) == {"reactions": [{**PACK, "user_ids": [bob.id]}]}


@pytest.mark.parametrize(
    "body",
    [
        {"like_icon": "heart"},
        {"like_icon": {}},
        {"like_icon": {"type": "unicode"}},
        {"like_icon": {"type": "unicode", "code": "x"}},
        {"like_icon": {"type": "unicode", "code": ""}},
        {"like_icon": {"type": "unicode", "code": HEART * 2}},
        {"like_icon": {"type": "unicode", "code": 7}},
        {"like_icon": {"type": "unicode", "code": "pack:1:2:3"}},
        {"like_icon": {"type": "emoji"}},
        {"like_icon": {"type": "emoji", "pack_id": 1}},
        {"like_icon": {"type": "emoji", "pack_id": -1, "pack_index": 0}},
        {"like_icon": {"type": "emoji", "pack_id": 10**6, "pack_index": 0}},
        {"like_icon": {"type": "emoji", "pack_id": "1", "pack_index": "2"}},
        {"like_icon": {"type": "other", "code": HEART}},
    ],
    ids=range(14),
)
def test_what_is_no_reaction(ada: Person, bob: Person, pub: str, body: Json) -> None:
    said = ada.say(pub, "Hi")
    assert bob.refusal("POST", f"/v3/messages/{pub}/{said['id']}/like", body)[0] == 400
    assert likes(ada, said) == ([], None)


def test_strangers_like_nothing(ada: Person, cleo: Person, pub: str) -> None:
    said, other = ada.say(pub, "Hi"), cleo.make_group()
    for place in (pub, other, "x", f"{ada.id}+{cleo.id}"):
        for verb in ("like", "unlike"):
            assert cleo.refusal("POST", f"/v3/messages/{place}/{said['id']}/{verb}")[0] == 404
    assert cleo.ask("POST", f"/v3/messages/{pub}/{said['id']}/like", signed=False).status == 401
    assert ada.refusal("POST", f"/v3/messages/{pub}/x/like")[0] == 404
    assert likes(ada, said) == ([], None)


def test_direct_messages_are_liked_by_either_id(ada: Person, bob: Person) -> None:
    message = {"recipient_id": bob.id, "text": "Hi"}
    said = ada.post("/v3/direct_messages", {"direct_message": message})["direct_message"]
    low, high = sorted((int(ada.id), int(bob.id)))
    for place in (f"{low}+{high}", f"{high}+{low}", f"{low}%2B{high}", f"{high}_{low}", f"{low}%20{high}"):
        assert like(bob, place, said)["reactions"][0]["user_ids"] == [bob.id]
        assert unlike(bob, place, said) == {"reactions": []}


def test_the_leaderboard(ada: Person, bob: Person, pub: str) -> None:
    old, once, twice = (ada.say(pub, text) for text in ("old", "once", "twice"))
    like(bob, pub, old)
    for who in (ada, bob):
        like(who, pub, twice)
    like(bob, pub, once)

    def board(**query: str) -> list[str]:
        return [message["text"] for message in ada.get(f"/v3/groups/{pub}/likes", query)["messages"]]

    assert board(period="day") == board() == ["twice", "once", "old"]
    ada.place.move(timedelta(days=3))
    new = ada.say(pub, "new")
    like(bob, pub, new)
    assert board(period="day") == ["new"]
    assert board(period="week") == board(period="month") == ["twice", "new", "once", "old"]
    assert ada.refusal("GET", f"/v3/groups/{pub}/likes?period=year")[0] == 400


def test_what_one_likes_and_what_is_liked_of_one(ada: Person, bob: Person, pub: str) -> None:
    hers, his, own = ada.say(pub, "hers"), bob.say(pub, "his"), ada.say(pub, "own")
    like(bob, pub, hers)
    like(ada, pub, his)
    like(ada, pub, own)

    def listed(who: Person, name: str) -> list[Json]:
        found: list[Json] = who.get(f"/v3/groups/{pub}/likes/{name}")["messages"]
        return [message["text"] for message in found]

    assert listed(ada, "mine") == ["own", "his"]
    assert listed(ada, "for_me") == ["hers"]
    assert (listed(bob, "mine"), listed(bob, "for_me")) == (["hers"], ["his"])


@pytest.mark.parametrize("name", ["", "/mine", "/for_me"], ids=["all", "mine", "for-me"])
def test_strangers_see_no_leaderboard(cleo: Person, pub: str, name: str) -> None:
    assert cleo.refusal("GET", f"/v3/groups/{pub}/likes{name}")[0] == 404


def test_reactions_of_other_dialects_count(ada: Person, bob: Person, pub: str) -> None:
    said = ada.say(pub, "Hi")
    number = int(said["id"]) - 10**17
    for sign in ("\U0001f44d", HEART):
        ada.place.do(ReactToMessage(room=int(pub), number=number, reaction=sign), user=bob.number)
    assert likes(ada, said)[0] == [bob.id]
    assert len(likes(ada, said)[1]) == 2
    assert unlike(bob, pub, said) == {"reactions": []}
