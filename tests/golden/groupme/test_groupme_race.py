"""Many at once: whatever comes over twenty connections in the same moment is as if it had come one after another."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx
import msgspec
import pytest
from tests.golden.groupme.ear import Ear
from tests.golden.groupme.person import Person
from tests.golden.jumpin.place import Place

from hubbub.core.user import UpdateProfile

Json = Any
Work = Callable[[], httpx.Response]

MANY = 20
EXPIRES = 1_780_000_000


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(MANY) as running:
        yield running


@pytest.fixture
def at_once(pool: ThreadPoolExecutor) -> Callable[..., Counter[int]]:
    """Give a function that does all works in the same moment, each over a connection of its own; counts statuses."""

    def run(*works: Work) -> Counter[int]:
        gate = Barrier(len(works))

        def one(work: Work) -> int:
            gate.wait(10)
            return work().status_code

        return Counter(pool.map(one, works))

    return run


@pytest.fixture
def crowd(person: Callable[[str], Person]) -> list[Person]:
    return [person(f"Fan{number}") for number in range(MANY)]


def sender(who: Person, method: str, path: str, body: Json = None) -> Work:
    return lambda: who.fetch(method, path, **({} if body is None else {"json": body}))


def events(who: Person, group: str) -> list[str]:
    """Give what happened in a group, oldest first."""
    return [said["event"]["type"] for said in reversed(who.history(group, limit=200)) if "event" in said]


def test_the_same_guid_is_said_once(ada: Person, at_once: Callable[..., Counter[int]]) -> None:
    group = ada.make_group()
    body = {"message": {"source_guid": "the same", "text": "Hi"}}
    assert at_once(*[sender(ada, "POST", f"/v3/groups/{group}/messages", body)] * MANY) == {201: 1, 409: MANY - 1}
    assert len(ada.history(group)) == 1


def test_two_who_begin_to_talk_have_one_conversation(
    ada: Person, bob: Person, at_once: Callable[..., Counter[int]]
) -> None:
    def said(who: Person, other: Person, guid: str) -> Work:
        body = {"direct_message": {"recipient_id": other.id, "source_guid": guid, "text": guid}}
        return sender(who, "POST", "/v3/direct_messages", body)

    assert at_once(
        *[said(ada, bob, f"{number}") for number in range(8)],
        *[said(bob, ada, f"{number}") for number in range(8)],
        *[said(ada, bob, "the same")] * 4,
    ) == {201: 17, 409: 3}
    (chat,) = ada.get("/v3/chats")
    assert chat["messages_count"] == 17


def test_somebody_joins_once(ada: Person, bob: Person, at_once: Callable[..., Counter[int]]) -> None:
    group = ada.make_group(share=True)
    token = ada.get(f"/v3/groups/{group}")["share_url"].rpartition("/")[2]
    statuses = at_once(*[sender(bob, "POST", f"/v3/groups/{group}/join", {"share_token": token})] * MANY)
    assert statuses == {201: 1, 200: MANY - 1}
    assert events(ada, group) == ["membership.announce.joined"]
    assert ada.get(f"/v3/groups/{group}")["members_count"] == 2


def test_everybody_likes_once(ada: Person, crowd: list[Person], at_once: Callable[..., Counter[int]]) -> None:
    group = ada.make_group()
    ada.add(group, *crowd)
    path = f"/v3/messages/{group}/{ada.say(group, 'Hi')['id']}"
    assert at_once(*[sender(who, "POST", f"{path}/like") for who in crowd]) == {200: MANY}
    assert at_once(*[sender(crowd[0], "POST", f"{path}/like")] * MANY) == {200: MANY}
    assert sorted(ada.last(group)["favorited_by"]) == sorted(who.id for who in crowd)
    assert at_once(*[sender(who, "POST", f"{path}/unlike") for who in crowd]) == {200: MANY}
    assert ada.last(group)["favorited_by"] == []


def test_votes_before_the_end_count_and_no_others(
    ada: Person, crowd: list[Person], at_once: Callable[..., Counter[int]]
) -> None:
    group = ada.make_group()
    ada.add(group, *crowd)
    options = [{"title": "A"}, {"title": "B"}]
    poll = ada.post(f"/v3/poll/{group}", {"subject": "Now?", "options": options, "expiration": EXPIRES})["poll"]
    path = f"/v3/poll/{group}/{poll['data']['id']}"
    voters = [sender(who, "POST", f"{path}/1") for who in crowd[:-1]]
    statuses = at_once(*voters[:10], sender(ada, "POST", f"{path}/end"), *voters[10:])
    assert set(statuses) <= {200, 403}
    told = ada.last(group)
    assert told["event"]["type"] == "poll.finished"
    assert told["event"]["data"]["options"][0].get("votes", 0) == statuses[200] - 1
    assert ada.get(path)["poll"]["data"]["options"][0].get("votes", 0) == statuses[200] - 1


def test_adding_and_removing_alternate(ada: Person, bob: Person, at_once: Callable[..., Counter[int]]) -> None:
    group = ada.make_group()
    ada.add(group, bob)
    member = ada.place.state.members[int(group)][bob.number].id
    add = sender(ada, "POST", f"/v3/groups/{group}/members/add", {"members": [{"user_id": bob.id}]})
    remove = sender(ada, "POST", f"/v3/groups/{group}/members/{member}/remove")
    statuses = at_once(*[add, remove] * (MANY // 2))
    assert set(statuses) <= {200, 202, 404}
    happened = events(ada, group)
    pair = ["membership.announce.added", "membership.notifications.removed"]
    assert happened == (pair * MANY)[: len(happened)]
    assert (len(happened) % 2 == 1) == (ada.get(f"/v3/groups/{group}")["members_count"] == 2)


def test_what_is_done_once_is_told_once(ada: Person, bob: Person, at_once: Callable[..., Counter[int]]) -> None:
    group = ada.make_group(share=True)
    said = ada.say(group, "Hi")["id"]
    path = f"/v3/conversations/{group}/messages/{said}"
    assert at_once(*[sender(ada, "POST", f"{path}/pin")] * MANY) == {200: 1, 400: MANY - 1}
    assert at_once(*[sender(ada, "DELETE", path)] * MANY) == {204: MANY}
    assert events(ada, group) == ["message.pinned", "message.deleted"]


def test_who_waits_is_let_in_once(ada: Person, bob: Person, at_once: Callable[..., Counter[int]]) -> None:
    group = ada.make_group(share=True, requires_approval=True)
    token = ada.get(f"/v3/groups/{group}")["share_url"].rpartition("/")[2]
    ask = sender(bob, "POST", f"/v3/groups/{group}/join", {"share_token": token})
    assert at_once(*[ask] * MANY) == {201: MANY}
    (request,) = ada.get(f"/v3/groups/{group}/pending_memberships")
    path = f"/v3/groups/{group}/members/{request['id']}/approval"
    assert at_once(*[sender(ada, "POST", path, {"approval": True})] * MANY) == {200: 1, 404: MANY - 1}
    assert events(ada, group) == ["membership.announce.joined"]


def test_who_begins_to_listen_while_others_talk_misses_nothing_from_then_on(
    ada: Person, bob: Person, pool: ThreadPoolExecutor
) -> None:
    """What is heard is the end of what was said, without a gap."""
    group = ada.make_group()
    ada.add(group, bob)
    talk = pool.submit(lambda: [ada.say(group, str(number))["id"] for number in range(60)])
    heard: list[str] = []
    while not talk.done():
        with Ear(bob) as ear:
            first = ada.say(group, "now")["id"]
            heard = [data["subject"]["id"] for data in ear.drain()]
            assert first in heard
            said = [one["id"] for one in reversed(ada.history(group, limit=200))]
            assert heard == said[said.index(heard[0]) :][: len(heard)]
    talk.result(10)


def test_what_was_said_is_known_after_a_restart(tmp_path: Path, http: httpx.Client) -> None:
    place = Place(tmp_path)
    place.start()
    try:
        who = place.account()
        place.do(UpdateProfile(profile={"display_name": "Ada"}), user=who.id)
        ada = Person(place, http, msgspec.structs.replace(who, name="Ada"))
        group = ada.make_group()
        body = {"message": {"source_guid": "the same", "text": "Hi"}}
        path = f"/v3/groups/{group}/messages"
        said = ada.post(path, body)["message"]
        place.restart()
        assert ada.refusal("POST", path, body)[0] == 409
        assert ada.history(group) == [said]
    finally:
        place.stop()
