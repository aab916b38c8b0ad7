"""Questions: what is answered, and who is pushed what (1.10)."""

from uuid import uuid4

import pytest
from tests.golden.placeholder import a_uuid, an_instant
from tests.golden.venueless.world import ROOM_DENIED, UNKNOWN_ROOM, Client, Json, World, room

SETTINGS: Json = {
    "roles": {"listener": ["world:view", "room:view"]},
    "rooms": [
        room("stage", "Stage", {"type": "question", "config": {"active": True}}),
        room("pub", "Pub", {"type": "question", "config": {"active": True, "requires_moderation": False}}),
        room("closet", "Closet", {"type": "question", "config": {"active": False}}),
        room("lounge", "Lounge"),
        room("hall", "Hall", {"type": "question", "config": {"active": True}}, trait_grants={"listener": []}),
    ],
}
pytestmark = pytest.mark.world(**SETTINGS)
still = pytest.mark.world(shared="still", **SETTINGS)

NO_MODULE = {"code": "room.unknown", "message": "Room does not contain a matching module."}
INACTIVE = {"code": "question.inactive"}
UNKNOWN = {"code": "question.unknown", "message": "Unknown question ID"}


def come(place: str, *clients: Client) -> None:
    """Let clients enter a room, and consume what that pushes."""
    for client in clients:
        client.drain()
        client.ok("room.enter", {"room": place})
    for client in clients:
        client.drain()


def ask(client: Client, place: str, content: str = "Why?") -> Json:
    return client.ok("question.ask", {"room": place, "content": content})["question"]


def show(moderator: Client, question: Json) -> Json:
    """Let everybody see a question, and consume what that pushes to the moderator."""
    moderator.drain()
    body = {"room": question["room_id"], "id": question["id"], "state": "visible"}
    shown = moderator.ok("question.update", body)["question"]
    moderator.drain()
    return shown


def listed(client: Client, place: str) -> Json:
    return client.ok("question.list", {"room": place})


def pushed(question: Json) -> Json:
    return ["question.created_or_updated", {"question": question}]


def silent(*clients: Client) -> None:
    for client in clients:
        client.silence()


def test_the_life_of_a_question(world: World) -> None:
    mo, other, ada, bob = world.member("moderator"), world.member("moderator"), world.guest(), world.guest()
    outside = world.member("moderator")
    stage = mo.room("Stage")
    come(stage, mo, other, ada, bob)
    for client in (mo, outside):
        client.drain()
    question: Json = {
        "id": a_uuid(),
        "content": "Why?",
        "state": "mod_queue",
        "answered": False,
        "timestamp": an_instant(),
        "room_id": stage,
        "score": 0,
        "is_pinned": False,
    }
    reply = ada.call(["question.ask", 123, {"room": stage, "content": " Why?\n"}])
    assert reply == ["success", 123, {"question": question}]
    asked = reply[2]["question"]
    for moderator in (mo, other):
        assert moderator.receive() == pushed(asked)
    silent(ada, bob)
    assert listed(ada, stage) == listed(mo, stage) == [{**asked, "voted": False}]
    assert listed(bob, stage) == []

    visible = {**asked, "state": "visible"}
    body = {"room": stage, "id": asked["id"], "state": "visible"}
    assert mo.call(["question.update", 124, body]) == ["success", 124, {"question": visible}]
    for client in (mo, other, ada, bob):
        assert client.receive() == pushed(visible)
    assert listed(bob, stage) == [{**visible, "voted": False}]

    vote = {"room": stage, "id": asked["id"], "vote": True}
    wanted = {**visible, "score": 1}
    assert bob.call(["question.vote", 125, vote]) == ["success", 125, {"question": wanted}]
    for client in (bob, mo, other, ada):
        assert client.receive() == pushed(wanted)
    assert (listed(bob, stage), listed(ada, stage)) == ([{**wanted, "voted": True}], [{**wanted, "voted": False}])
    bob.ok("question.vote", vote)
    silent(bob, mo, other, ada)
    bob.ok("question.vote", {**vote, "vote": False})
    for client in (bob, mo, other, ada):
        assert client.receive() == pushed(visible)

    answered = {**visible, "answered": True, "content": "Why not?"}
    body = {"room": stage, "id": asked["id"], "answered": True, "content": "Why not?"}
    assert mo.ok("question.update", body) == {"question": answered}
    for client in (mo, other, ada, bob):
        assert client.receive() == pushed(answered)

    archived = {**answered, "state": "archived"}
    mo.ok("question.update", {"room": stage, "id": asked["id"], "state": "archived", "is_pinned": False})
    for client in (mo, other, ada, bob):
        assert client.receive() == pushed(archived)
    mo.ok("question.update", {"room": stage, "id": asked["id"], "answered": False})
    for moderator in (mo, other):
        assert moderator.receive() == pushed({**archived, "answered": False})
    assert (len(listed(ada, stage)), len(listed(bob, stage))) == (1, 0), "one sees what one asked oneself"

    gone = {"room": stage, "id": asked["id"]}
    assert mo.call(["question.delete", 126, gone]) == ["success", 126, {"question": asked["id"]}]
    for moderator in (mo, other):
        assert moderator.receive() == ["question.deleted", gone]
    silent(mo, other, ada, bob, outside)
    assert listed(mo, stage) == []


def test_where_no_moderator_is_needed_all_are_told_at_once(world: World) -> None:
    mo, ada, bob = world.member("moderator"), world.guest(), world.guest()
    pub = mo.room("Pub")
    come(pub, mo, ada, bob)
    mo.drain()
    question = ask(ada, pub)
    assert question["state"] == "visible"
    for client in (ada, bob, mo):
        assert client.receive() == pushed(question)
    mo.ok("question.delete", {"room": pub, "id": question["id"]})
    for client in (mo, ada, bob):
        assert client.receive() == ["question.deleted", {"room": pub, "id": question["id"]}]


def test_only_those_who_entered_and_may_read_are_told(world: World) -> None:
    mo, inside, outside, left = world.member("moderator"), world.guest(), world.member("moderator"), world.guest()
    pub = mo.room("Pub")
    come(pub, inside, left)
    left.ok("room.leave", {"room": pub})
    for client in (mo, inside, outside, left):
        client.drain()
    question = ask(mo, pub)
    assert inside.receive() == pushed(question)
    silent(mo, outside, left)


def test_who_loses_sight_of_the_room_is_told_no_more(world: World) -> None:
    admin, mo, ada = world.member("admin"), world.member("moderator"), world.guest()
    pub = mo.room("Pub")
    come(pub, mo, ada)
    admin.drain()
    admin.ok("room.config.patch", {"room": pub, "trait_grants": {"listener": []}})
    for client in (mo, ada):
        client.drain()
    question = ask(mo, pub)
    assert mo.receive() == pushed(question)
    ada.silence()
    assert ada.refused("question.list", {"room": pub}) == ROOM_DENIED


def test_votes_in_the_queue_are_told_to_moderators(world: World) -> None:
    mo, ada = world.member("moderator"), world.guest()
    stage = mo.room("Stage")
    come(stage, mo, ada)
    question = ask(ada, stage)
    mo.drain()
    ada.ok("question.vote", {"room": stage, "id": question["id"]})
    assert mo.receive() == pushed({**question, "score": 1})
    ada.silence()


def test_votes_that_do_not_count(world: World) -> None:
    ada, bob = world.guest(), world.guest()
    stage = ada.room("Stage")
    question = ask(ada, stage)
    for identity in (question["id"], str(uuid4()), None, 7):
        error = bob.refused("question.vote", {"room": stage, "id": identity, "vote": True})
        assert error == {"code": "question.vote", "message": "Unknown question ID"}
    error = ada.refused("question.vote", {"room": stage, "id": question["id"], "vote": "up"})
    assert error["code"] == "protocol.invalid_body"


def test_pinning(world: World) -> None:
    mo, ada = world.member("moderator"), world.guest()
    stage = mo.room("Stage")
    come(stage, mo, ada)
    first, second, queued = (ask(ada, stage) for _ in range(3))
    for question in (first, second):
        show(mo, question)
    ada.drain()
    for number, question in enumerate((first, second)):
        pin = {"room": stage, "id": question["id"]}
        assert mo.call(["question.pin", number, pin]) == ["success", number, {"id": question["id"]}]
        for client in (mo, ada):
            assert client.receive() == ["question.pinned", pin]
    assert [question["is_pinned"] for question in listed(mo, stage)] == [False, True, False]
    mo.ok("question.pin", {"room": stage, "id": queued["id"]})
    assert mo.receive() == ["question.pinned", {"room": stage, "id": queued["id"]}]
    ada.silence()
    assert mo.call(["question.unpin", 9, {"room": stage}]) == ["success", 9, {}]
    for client in (mo, ada):
        assert client.receive() == ["question.unpinned", {"room": stage}]
    assert not any(question["is_pinned"] for question in listed(mo, stage))


def test_archiving_unpins(world: World) -> None:
    mo, ada = world.member("moderator"), world.guest()
    stage = mo.room("Stage")
    question = show(mo, ask(ada, stage))
    of_it = {"room": stage, "id": question["id"]}
    assert mo.ok("question.update", {**of_it, "is_pinned": True})["question"]["is_pinned"] is True
    mo.ok("question.update", {**of_it, "state": "archived", "is_pinned": False})
    assert listed(mo, stage)[0]["is_pinned"] is False


def requests(place: str, question: Json) -> dict[str, Json]:
    """Write one request for each command, all of which make sense."""
    of_it = {"room": place, "id": question["id"]}
    return {
        "question.ask": {"room": place, "content": "Why?"},
        "question.vote": {**of_it, "vote": True},
        "question.list": {"room": place},
        "question.update": {**of_it, "answered": True},
        "question.pin": of_it,
        "question.unpin": {"room": place},
        "question.delete": of_it,
    }


def test_permissions(world: World) -> None:
    mo, ada = world.member("moderator"), world.guest()
    stage, hall = mo.room("Stage"), mo.room("Hall")
    asked = requests(stage, show(mo, ask(ada, stage)))
    for command in ("question.update", "question.pin", "question.unpin", "question.delete"):
        assert ada.refused(command, asked[command]) == ROOM_DENIED
    for command in ("question.ask", "question.vote", "question.list"):
        ada.ok(command, asked[command])
        assert ada.refused(command, {**asked[command], "room": hall}) == ROOM_DENIED
    for command, body in asked.items():
        mo.ok(command, body)


@still
@pytest.mark.parametrize("command", ["question.ask", "question.update", "question.vote", "question.delete"])
def test_where_nobody_asks(world: World, command: str) -> None:
    """The room comes first, then its module, then who asks, then whether it is switched on."""
    mo, ada = world.member("moderator"), world.guest()
    question = ask(ada, ada.room("Stage"))
    for place, error in ((mo.room("Lounge"), NO_MODULE), (str(uuid4()), UNKNOWN_ROOM)):
        for client in (mo, ada):
            assert client.refused(command, requests(place, question)[command]) == error
    body = requests(mo.room("Closet"), question)[command]
    assert mo.refused(command, body) == INACTIVE
    assert ada.refused(command, body) == (INACTIVE if command in ("question.ask", "question.vote") else ROOM_DENIED)


@still
def test_any_room_has_a_list(world: World) -> None:
    ada = world.guest()
    for name in ("Lounge", "Closet"):
        assert listed(ada, ada.room(name)) == []
    assert ada.refused("question.list", {"room": str(uuid4())}) == UNKNOWN_ROOM


@still
@pytest.mark.parametrize("command", ["question.update", "question.delete", "question.pin"])
def test_a_question_that_is_none(world: World, command: str) -> None:
    mo = world.member("moderator")
    elsewhere = ask(mo, mo.room("Pub"))
    wrong: list[Json] = [elsewhere["id"], str(uuid4()), "x", 5, None, {}, mo.id]
    for identity in wrong:
        assert mo.refused(command, {"room": mo.room("Stage"), "id": identity}) == UNKNOWN
    assert mo.refused(command, {"room": mo.room("Stage")}) == UNKNOWN


@still
@pytest.mark.parametrize("content", [None, 5, [], "", "  ", "x" * 2001])
def test_what_is_no_question(world: World, content: Json) -> None:
    mo = world.member("moderator")
    stage = mo.room("Stage")
    assert mo.refused("question.ask", {"room": stage, "content": content})["code"] == "protocol.invalid_body"
    assert mo.refused("question.ask", {"room": stage})["code"] == "protocol.invalid_body"
    question = ask(mo, stage)
    if content is not None:
        body = {"room": stage, "id": question["id"], "content": content}
        assert mo.refused("question.update", body)["code"] == "protocol.invalid_body"
    for fields in ({"state": "shown"}, {"answered": 1}, {"is_pinned": "yes"}):
        error = mo.refused("question.update", {"room": stage, "id": question["id"], **fields})
        assert error["code"] == "protocol.invalid_body"


def test_somebody_who_asks_too_much(world: World) -> None:
    ada, bob = world.guest(), world.guest()
    stage = ada.room("Stage")
    for _ in range(100):
        ask(ada, stage)
    assert ada.refused("question.ask", {"room": stage, "content": "?"})["code"] == "protocol.rate_limited"
    ask(bob, stage)
