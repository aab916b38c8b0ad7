"""Bots (protocols/groupme.md 2.6)."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from tests.golden.groupme.person import Person
from tests.golden.jumpin.place import Place

from hubbub.core.user import UpdateProfile
from hubbub.live.callback import Delivery
from hubbub.live.rate import Rate

Json = Any

KEYS = {"bot_id", "group_id", "name", "avatar_url", "callback_url", "dm_notification"}
HOOK = "http://127.0.0.1:9/hook"
"""Where nothing may be sent, so that nothing leaves this machine."""
IMAGE = {"type": "image", "url": "https://pictures.example/1x1.png.0123"}


@pytest.fixture
def pub(ada: Person, bob: Person) -> str:
    group = ada.make_group()
    ada.add(group, bob)
    return group


def add(who: Person, group: str, name: str = "Robo", **more: Json) -> Json:
    """Add a bot, as Groupy does it, which sends null for what it has not."""
    given = {"avatar_url": None, "callback_url": None, "dm_notification": None, **more}
    return who.post("/v3/bots", {"bot": {"name": name, "group_id": group, **given}})["bot"]


def say(who: Person, **body: Json) -> int:
    """Speak as a bot, without a token; gives the status."""
    return who.ask("POST", "/v3/bots/post", json=body, signed=False).status


# Adding and removing


def test_a_bot_has_all_that_clients_read(ada: Person, bob: Person, pub: str) -> None:
    picture, callback = "https://pictures.example/robo.png", HOOK
    given = {"name": "Robo", "group_id": pub, "avatar_url": picture, "callback_url": callback, "dm_notification": True}
    answer = ada.ask("POST", "/v3/bots", json={"bot": given})
    assert (answer.status, set(answer.response)) == (201, {"bot"})
    bot = answer.response["bot"]
    assert bot.keys() >= KEYS
    assert {name: bot[name] for name in given} == given
    assert ada.get("/v3/bots") == [bot]
    assert bob.get("/v3/bots") == []  # the id is its owner's secret
    event = bob.last(pub)["event"]
    assert event == {"type": "bot.add", "data": {"user": {"id": ada.number, "nickname": "Ada"}, "bot": "Robo"}}


@pytest.mark.parametrize(
    "change",
    [
        *({"name": name} for name in (None, "", " ", 7, "x" * 51, "\u200b\0")),
        *(
            {"callback_url": url}
            for url in (7, "x", "ftp://x.example/", "https://x:y@x.example/", "https://" + "x" * 3000)
        ),
        *({"avatar_url": url} for url in (7, "javascript:alert(1)")),
        {"dm_notification": "yes"},
    ],
    ids=range(14),
)
def test_what_is_no_bot(ada: Person, pub: str, change: Json) -> None:
    assert ada.refusal("POST", "/v3/bots", {"bot": {"name": "Robo", "group_id": pub, **change}})[0] == 400
    assert ada.get("/v3/bots") == []


def test_bots_are_added_where_one_belongs(ada: Person, cleo: Person, pub: str) -> None:
    for body, status in (
        ({}, 400),
        ({"bot": "Robo"}, 400),
        ({"bot": {"name": "Robo"}}, 400),
        ({"bot": {"name": "Robo", "group_id": pub}}, 404),
        ({"bot": {"name": "Robo", "group_id": "x"}}, 404),
    ):
        assert cleo.refusal("POST", "/v3/bots", body)[0] == status
    assert cleo.ask("POST", "/v3/bots", json={"bot": {"name": "R", "group_id": pub}}, signed=False).status == 401
    assert cleo.ask("GET", "/v3/bots", signed=False).status == 401


def test_a_bot_is_changed(ada: Person, bob: Person, pub: str) -> None:
    bot = add(ada, pub, callback_url=HOOK)
    change = {"bot_id": bot["bot_id"], "name": "Robby", "callback_url": None}
    changed = ada.post("/v3/bots/update", change)["bot"]
    assert changed == {**bot, "name": "Robby", "callback_url": None}
    assert bob.last(pub)["event"]["data"]["bot_name_new"] == "Robby"
    assert ada.get("/v3/bots") == [changed]
    for who, body, status in (
        (bob, change, 404),
        (ada, {"name": "R"}, 404),
        (ada, {"bot_id": "x", "name": "R"}, 404),
        (ada, {"bot_id": bot["bot_id"], "name": ""}, 400),
        (ada, {"bot_id": bot["bot_id"], "callback_url": "x"}, 400),
    ):
        assert who.refusal("POST", "/v3/bots/update", body)[0] == status
    assert ada.get("/v3/bots") == [changed]


def test_a_bot_is_removed(ada: Person, bob: Person, pub: str) -> None:
    bot = add(ada, pub)
    for body in ({}, {"bot_id": None}, {"bot_id": "x"}, {"bot_id": bot["bot_id"][:-1] + "!"}, {"bot_id": 7}):
        assert ada.refusal("POST", "/v3/bots/destroy", body)[0] == 404
    assert bob.refusal("POST", "/v3/bots/destroy", {"bot_id": bot["bot_id"]})[0] == 404
    assert ada.ask("POST", "/v3/bots/destroy", json={"bot_id": bot["bot_id"]}) == (200, None, {"code": 200})
    assert ada.get("/v3/bots") == []
    assert bob.last(pub)["event"]["type"] == "bot.del"
    assert say(bob, bot_id=bot["bot_id"], text="Still here") == 404


def test_who_runs_the_group_removes_a_bot_by_its_user(ada: Person, bob: Person, pub: str) -> None:
    bot = add(bob, pub)
    say(bob, bot_id=bot["bot_id"], text="Buy!")
    sender = ada.last(pub)["sender_id"]
    assert ada.ask("POST", "/v3/bots/destroy", json={"bot_id": sender}).status == 200
    assert bob.get("/v3/bots") == []


def test_bots_are_no_members(ada: Person, pub: str) -> None:
    add(ada, pub)
    assert {member["name"] for member in ada.get(f"/v3/groups/{pub}")["members"]} == {"Ada", "Bob"}


# Speaking


def test_a_program_speaks_with_the_id_alone(ada: Person, pub: str) -> None:
    bot = add(ada, pub, avatar_url="https://pictures.example/robo.png")
    answer = ada.ask("POST", "/v3/bots/post", json={"bot_id": bot["bot_id"], "text": "Hello"}, signed=False)
    assert answer == (202, None, {"code": 202})
    said = ada.last(pub)
    assert (said["text"], said["name"], said["sender_type"]) == ("Hello", "Robo", "bot")
    assert (said["system"], said["avatar_url"]) == (False, "https://pictures.example/robo.png")
    assert said["sender_id"] not in (ada.id, bot["bot_id"])


def test_all_may_be_in_the_query(ada: Person, pub: str) -> None:
    bot = add(ada, pub)
    query = {"bot_id": bot["bot_id"], "text": "Hello & goodbye", "picture_url": IMAGE["url"]}
    assert ada.ask("POST", "/v3/bots/post", params=query, signed=False).status == 202
    said = ada.last(pub)
    assert (said["text"], said["attachments"]) == ("Hello & goodbye", [IMAGE])


def test_pictures_and_other_things_are_attached(ada: Person, pub: str) -> None:
    bot = add(ada, pub)
    place = {"type": "location", "lat": 51.5, "lng": "0", "name": "London"}
    assert say(ada, bot_id=bot["bot_id"], attachments=[place], picture_url=IMAGE["url"]) == 202
    assert ada.last(pub)["attachments"] == [{**place, "lat": "51.5"}, IMAGE]


@pytest.mark.parametrize(
    "body",
    [
        *({"text": text} for text in (None, "", 7, ["Hi"], "x" * 1001, "\0")),
        {"text": "Hi", "attachments": 7},
        {"text": "Hi", "attachments": "x"},
        {"text": "Hi", "attachments": ["x"]},
        {"text": "Hi", "attachments": [{"type": "image"}]},
        {"text": "Hi", "attachments": [IMAGE] * 21},
        {"text": "Hi", "picture_url": 7},
        {"text": "Hi", "picture_url": []},
        {"text": "Hi", "picture_url": {}},
        {"text": "Hi", "picture_url": "https://" + "x" * 20_000},
        {"text": "Hi", "attachments": [IMAGE] * 20, "picture_url": IMAGE["url"]},
        {"text": "Hi", "bot_id": None},
        {"text": "Hi", "bot_id": 7},
    ],
    ids=range(18),
)
def test_what_a_bot_cannot_say(ada: Person, pub: str, body: Json) -> None:
    bot = add(ada, pub)
    before = ada.last(pub)
    assert say(ada, **{"bot_id": bot["bot_id"], **body}) == 400
    assert ada.last(pub) == before


def test_nobody_guesses_a_bot(ada: Person, pub: str) -> None:
    bot_id = add(ada, pub)["bot_id"]
    other = "0" if bot_id[-1] != "0" else "1"
    for guess in ("", "x", "1", bot_id[:-1] + other, bot_id.upper() + "A", ada.token, "é"):
        assert say(ada, bot_id=guess, text="Hi") == 404


def test_a_bot_mentions_people(ada: Person, bob: Person, pub: str) -> None:
    bot = add(ada, pub)
    mention = {"type": "mentions", "user_ids": [bob.id], "loci": [[0, 3]]}
    assert say(ada, bot_id=bot["bot_id"], text="Bob!", attachments=[mention]) == 202
    states = bob.place.state.read_states
    assert bob.place.ask(lambda: len(states[bob.number][int(pub)].notifications)) == 1


def test_a_bot_falls_silent_with_its_owner(ada: Person, bob: Person, pub: str) -> None:
    bot = add(bob, pub)
    member = next(one["id"] for one in ada.get(f"/v3/groups/{pub}")["members"] if one["user_id"] == bob.id)
    ada.post(f"/v3/groups/{pub}/members/{member}/remove")
    assert say(bob, bot_id=bot["bot_id"], text="Still here") == 403


# What came of what it was sent


def test_an_owner_reads_what_came_of_callbacks(ada: Person, bob: Person, pub: str, monkeypatch: Any) -> None:
    bot = add(ada, pub)
    path = f"/v3/bots/{bot['bot_id']}/deliveries"
    assert ada.get(path) == {"deliveries": []}
    now = ada.place.clock()
    one = Delivery(at=now, message=5, attempt=2, status=500, duration=timedelta(seconds=1.5))
    monkeypatch.setattr(ada.place.application.callbacks, "log", lambda user: [one] * (str(user) == bot["user_id"]))
    assert ada.get(path)["deliveries"] == [
        {
            "at": int(now.timestamp()),
            "message_id": "100000000000000005",
            "attempt": 2,
            "status": 500,
            "reason": None,
            "milliseconds": 1500,
            "count": 1,
        }
    ]
    assert bob.refusal("GET", path)[0] == 404
    assert ada.refusal("GET", "/v3/bots/x/deliveries")[0] == 404
    assert ada.ask("GET", path, signed=False).status == 401


# Limits


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Place]:
    """Give a server of its own where little may be said as a bot."""
    running = Place(tmp_path, rates={"login": Rate(0.001, 6)})
    running.start()
    yield running
    running.stop()


def test_a_bot_and_an_address_speak_only_so_often(slow: Place, http: httpx.Client) -> None:
    who = slow.account()
    slow.do(UpdateProfile(profile={"display_name": "Ada"}), user=who.id)
    ada = Person(slow, http, msgspec.structs.replace(who, name="Ada"))
    bot = add(ada, ada.make_group())["bot_id"]
    other = add(ada, ada.make_group())["bot_id"]
    with httpx.Client(trust_env=False, transport=httpx.HTTPTransport(local_address="127.0.0.2")) as elsewhere:
        there = Person(slow, elsewhere, msgspec.structs.replace(who, name="Ada"))
        assert [say(ada, bot_id=bot, text="spam") for _ in range(4)] == [202] * 4
        assert [say(there, bot_id=bot, text="spam") for _ in range(3)] == [202, 202, 429]
        assert [say(ada, bot_id=other, text="spam") for _ in range(3)] == [202, 202, 429]
        assert say(ada, bot_id="guess", text="Hi") == 429  # nor does who asks guess on
        assert say(there, bot_id=other, text="Hi") == 202
    slow.move(timedelta(hours=1))
    assert say(ada, bot_id=bot, text="Hi") == 202


def test_a_callback_that_leads_to_a_bot_says_nothing(ada: Person) -> None:
    group = ada.make_group()
    bot = ada.post("/v3/bots", {"bot": {"name": "Robo", "group_id": group}})["bot"]["bot_id"]
    before = ada.history(group)
    path, signed = f"/v3/bots/post?bot_id={bot}&text=again", {"X-Hubbub-Signature": "sha256=0"}
    assert ada.refusal("POST", path, {}, headers=signed)[0] == 403
    assert ada.history(group) == before
