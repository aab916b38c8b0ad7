"""Talking, and being somebody: the events that everybody may send, with their answers and errors in order."""

import json
from datetime import timedelta
from typing import Any

import pytest
from tests.golden.jumpin.bot import COLORS
from tests.golden.jumpin.place import START
from tests.golden.jumpin.said import FLOOD, error, stamped, status
from tests.golden.jumpin.scene import Guest, Scene
from tests.golden.placeholder import Placeholder, a_text, a_uuid, an_instant

from hubbub.core.account import SetPreferences
from hubbub.core.user import BlockUser

Json = Any


def said(guest: Guest, message: str) -> list[Json]:
    """Write what a room hears of what somebody says."""
    body = stamped(message, handle=guest.handle, color=guest.user["color"], userId=guest.id)
    return ["room::message", body]


# Messages


def test_a_message_is_heard_by_everybody_alike(scene: Scene) -> None:
    ada, bob = scene.guest(), scene.member()
    ada.bot.send("room::message", {"message": "hello", "room": scene.name})
    assert ada.bot.settle(scene.name) == [said(ada, "hello")]
    assert bob.bot.packet() == next(packet for packet in ada.bot.heard if "hello" in packet)
    bob.bot.silence()


def test_a_message_byte_by_byte(scene: Scene) -> None:
    """The keys in the order of the notes, compact, and the id in the form of version 4."""
    ada = scene.guest()
    ada.bot.send_packet('42["room::message", {"message": "h\\u00e9 \\ud83d\\ude00", "room": "x"}]')
    body = json.loads(packet := ada.bot.packet()[2:])[1]
    assert list(body) == ["handle", "color", "userId", "message", "timestamp", "id"]
    now = scene.place.clock()
    written = now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z"
    assert packet == (
        f'["room::message",{{"handle":"{ada.handle}","color":"{ada.user["color"]}","userId":"{ada.id}",'
        f'"message":"hé 😀","timestamp":"{written}","id":"{body["id"]}"}}]'
    )
    assert body["id"] == a_uuid()


@pytest.mark.parametrize("room", ["another room", None, 7, {"name": "x", "users": [], "settings": {}}, []])
def test_the_room_of_a_message_is_the_one_that_was_joined(scene: Scene, room: Json) -> None:
    """The web client sends the whole object of the room, bots its name."""
    ada = scene.guest()
    ada.bot.send("room::message", {"message": "here", "room": room})
    assert ada.bot.settle(scene.name) == [said(ada, "here")]


@pytest.mark.parametrize(
    ("sent", "heard"),
    [
        ("x" * 300, "x" * 255),
        ("é" * 256, "é" * 255),
        ("😀" * 130, "😀" * 127),
        ("x" + "😀" * 130, "x" + "😀" * 127),
        ("  blanks around  ", "blanks around"),
        ("*bold* _italic_ <b>&amp;", "*bold* _italic_ <b>&amp;"),
        ("/me is not a command here", "/me is not a command here"),
        ('"quoted" \\ \u2028 \x7f', '"quoted" \\ \u2028 \x7f'),
    ],
)
def test_what_a_message_becomes(scene: Scene, sent: str, heard: str) -> None:
    """Cut to 255 units of UTF-16, and never through a character."""
    ada = scene.guest()
    ada.bot.send("room::message", {"message": sent})
    assert ada.bot.expect("room::message")["message"] == heard


@pytest.mark.parametrize("message", ["", "   ", None, 7, True, ["x"], {"x": 1}])
def test_an_empty_message_is_an_error(scene: Scene, message: Json) -> None:
    ada, bob = scene.guest(), scene.guest()
    ada.bot.send("room::message", {"message": message, "room": scene.name})
    assert ada.bot.settle(scene.name) == [error("chat", "Can not send empty message", "ERR_NO_MESSAGE")]
    bob.bot.silence()


def test_two_messages_have_different_ids_in_order(scene: Scene) -> None:
    ada = scene.guest()
    for number in range(5):
        ada.bot.send("room::message", {"message": f"line {number}"})
    heard = ada.bot.settle(scene.name)
    assert [event[1]["message"] for event in heard] == [f"line {number}" for number in range(5)]
    identities = [event[1]["id"] for event in heard]
    assert identities == sorted(set(identities))


# The flood guard


def test_the_seventh_message_within_two_seconds_is_refused(scene: Scene) -> None:
    ada, bob, place = scene.guest(), scene.guest(), scene.place
    for _ in range(7):
        ada.bot.send("room::message", {"message": "spam"})
    heard = ada.bot.settle(scene.name)
    assert heard == [*(said(ada, "spam") for _ in range(6)), error("chat", FLOOD, "FloodError")]
    assert len(bob.bot.drain()) == 6
    bob.bot.send("room::message", {"message": "I may"})
    assert bob.bot.settle(scene.name) == [said(bob, "I may")]

    place.move(timedelta(seconds=9))  # and each further call begins the ten seconds anew
    ada.bot.drain()
    ada.bot.send("room::message", {"message": "again"})
    assert ada.bot.settle(scene.name) == [error("chat", FLOOD, "FloodError")]
    place.move(timedelta(seconds=9))
    ada.bot.send("room::handleChange", {"handle": "calm"})
    assert ada.bot.settle(scene.name) == [error("chat", FLOOD, "FloodError")]
    place.move(timedelta(seconds=10))
    ada.bot.send("room::message", {"message": "calm now"})
    assert ada.bot.settle(scene.name) == [said(ada, "calm now")]


def test_below_the_limit_two_seconds_from_the_first_call_end_the_count(scene: Scene) -> None:
    ada, place = scene.guest(), scene.place
    for _ in range(3):
        for _ in range(6):
            ada.bot.send("room::message", {"message": "talk"})
        assert ada.bot.settle(scene.name) == [said(ada, "talk") for _ in range(6)]
        place.move(timedelta(seconds=2))


def test_what_counts_for_the_flood_guard(scene: Scene) -> None:
    """Messages, private ones, names and topics count together; commands and colours do not."""
    ada, bob = scene.moderator(), scene.guest()
    for name, body in (
        ("room::message", {"message": "x"}),
        ("room::handleChange", {"handle": "other"}),
        ("room::privateMessage", {"message": "x", "userListId": bob.id}),
        ("room::setTopic", {"topic": "x"}),
        ("room::message", {"message": ""}),
        ("room::handleChange", {"handle": ""}),
    ):
        ada.bot.send(name, body)
    for _ in range(10):
        ada.bot.send("room::changeColor")
        ada.bot.send("room::command", {"message": {"command": "me", "value": "x"}})
    assert "FloodError" not in [event[-1].get("error") for event in ada.bot.settle(scene.name)]
    for name in ("room::message", "room::handleChange", "room::privateMessage", "room::setTopic"):
        ada.bot.send(name, {"message": "x", "handle": "x", "topic": "x", "userListId": bob.id})
        assert ada.bot.settle(scene.name) == [error("chat", FLOOD, "FloodError")]


# Names


def test_a_new_name(scene: Scene) -> None:
    ada, bob = scene.guest("ada"), scene.guest("bob")
    ada.bot.send("room::handleChange", {"userId": None, "handle": "  grace_H-1|[]  "})
    told = [
        ["room::handleChange", {"userId": ada.id, "handle": "grace_H-1|[]"}],
        status("ada changed their name to grace_H-1|[]"),
    ]
    assert ada.bot.settle(scene.name) == [["client::handleChange", {"handle": "grace_H-1|[]"}], *told]
    assert bob.bot.drain() == told
    ada.bot.send("room::message", {"message": "me"})
    assert bob.bot.expect("room::message")["handle"] == "grace_H-1|[]"


@pytest.mark.parametrize(
    ("handle", "code", "message"),
    [
        ("x" * 17, "ERR_HANDLE_LENGTH", "Nickname is too long"),
        ("", "ERR_NO_HANDLE", "Can't have an empty nickname"),
        ("   ", "ERR_NO_HANDLE", "Can't have an empty nickname"),
        (None, "ERR_NO_HANDLE", "Can't have an empty nickname"),
        (12, "ERR_NO_HANDLE", "Can't have an empty nickname"),
        ({"a": 1}, "ERR_NO_HANDLE", "Can't have an empty nickname"),
        *(
            (
                wrong,
                "ERR_HANDLE_VALIDATION",
                "Nickname has invalid characters. It can contain: letters, numbers, - _ \\| [  ]",
            )
            for wrong in ("two words", "née", "a.b", "😀", "<b>", "x\ny", "١٢")
        ),
        ("bob", "ERR_HANDLE_EXISTS", "bob already in use"),
        ("ada", "ERR_HANDLE_EXISTS", "ada already in use"),
    ],
)
def test_a_name_that_cannot_be(scene: Scene, handle: Json, code: str, message: str) -> None:
    ada, bob = scene.guest("ada"), scene.guest("bob")
    ada.bot.send("room::handleChange", {"handle": handle})
    assert ada.bot.settle(scene.name) == [error("modal", message, code, modal="changeHandle")]
    bob.bot.silence()


def test_a_name_is_taken_only_as_it_is_written_and_only_here(scene: Scene) -> None:
    ada, _ = scene.guest("ada"), scene.guest("bob")
    elsewhere = scene.place.room().name
    stranger = scene.connect(scene.place.guest("carol"))
    stranger.join(elsewhere)
    for handle in ("Bob", "carol"):
        ada.bot.send("room::handleChange", {"handle": handle})
        assert ada.bot.settle(scene.name)[0] == ["client::handleChange", {"handle": handle}]


def test_the_name_of_a_guest_is_theirs_on_the_next_visit(scene: Scene) -> None:
    ada = scene.guest("ada")
    ada.bot.send("room::handleChange", {"handle": "lovelace"})
    ada.bot.settle(scene.name)
    scene.leave(ada)
    assert scene.guest(somebody=ada.somebody).handle == "lovelace"


# Colours


def test_a_colour(scene: Scene) -> None:
    ada, bob = scene.guest(), scene.guest()
    color = "aqua" if ada.user["color"] != "aqua" else "red"
    ada.bot.send("room::changeColor", {"color": color})
    seen = {**ada.seen, "color": color}
    assert ada.bot.settle(scene.name) == [
        ["room::status", stamped("Chat color changed", color=color, **{})],
        ["self::user", {"user": {"color": color}}],
        ["room::updateUser", {"user": seen, "color": color}],
    ]
    assert bob.bot.drain() == [["room::updateUser", {"user": seen, "color": color}]]
    ada.bot.send("room::message", {"message": "colourful"})
    assert bob.bot.expect("room::message")["color"] == color


@pytest.mark.parametrize("arguments", [[], [{}], [{"color": None}], [{"color": ""}]])
def test_the_next_colour(scene: Scene, arguments: Json) -> None:
    ada = scene.guest()
    ada.bot.send("room::changeColor", {"color": "orangealt"})
    ada.bot.settle(scene.name)
    seen = []
    for _ in range(len(COLORS)):
        ada.bot.send("room::changeColor", *arguments)
        seen.append(ada.bot.settle(scene.name)[-1][1]["color"])
    assert seen == COLORS


@pytest.mark.parametrize("color", ["pink", "RED", 7, ["red"], "x" * 1000])
def test_an_unknown_colour_changes_nothing(scene: Scene, color: Json) -> None:
    ada, bob = scene.guest(), scene.guest()
    ada.bot.send("room::changeColor", {"color": color})
    assert ada.bot.settle(scene.name) == [error("banner", "invalid color", "ERR_COLOR_INVALID")]
    bob.bot.silence()
    ada.bot.send("room::message", {"message": "x"})
    assert bob.bot.expect("room::message")["color"] == ada.user["color"]


# Private messages


def private(sender: Guest, list_id: str, message: str, **more: Json) -> list[Json]:
    return [
        "room::privateMessage",
        stamped(
            message,
            handle=sender.handle,
            color=sender.user["color"],
            userListId=list_id,
            userId=a_text("[0-9a-f]{24}"),
            **more,
        ),
    ]


def test_a_private_message(scene: Scene) -> None:
    ada, bob, eve = scene.guest(), scene.member(), scene.guest()
    ada.bot.send("room::privateMessage", {"message": "psst" + "x" * 300, "room": scene.name, "userListId": bob.id})
    message = ("psst" + "x" * 300)[:255]
    assert ada.bot.settle(scene.name) == [private(ada, bob.id, message, clientIsSender=True)]
    assert bob.bot.drain() == [private(ada, ada.id, message)]
    eve.bot.silence()
    bob.bot.send("room::privateMessage", {"message": "yes?", "userListId": ada.id})
    assert bob.bot.settle(scene.name) == [private(bob, ada.id, "yes?", clientIsSender=True)]
    assert ada.bot.drain() == [private(bob, bob.id, "yes?")]


def test_a_private_message_that_cannot_be(scene: Scene) -> None:
    ada, bob = scene.guest(), scene.member()
    elsewhere = scene.connect()
    elsewhere.join(scene.place.room().name)
    for target in (
        "",
        None,
        7,
        "0" * 24,
        bob.user["user_id"],
        elsewhere.id,
        bob.id[:-1] + ("1" if bob.id[-1] == "0" else "0"),
        [bob.id],
    ):
        ada.bot.send("room::privateMessage", {"message": "x", "userListId": target})
        assert ada.bot.settle(scene.name) == [error("banner", "User not found", "ERR_NO_USER")], target
        scene.place.move(timedelta(seconds=3))
    for message in ("", "  ", None, 7):
        ada.bot.send("room::privateMessage", {"message": message, "userListId": bob.id})
        assert ada.bot.settle(scene.name) == [error("banner", "failed to send message", "ERR_NO_MESSAGE")]
    ada.bot.send("room::privateMessage", {"message": "me", "userListId": ada.id})
    assert ada.bot.settle(scene.name) == [error("banner", "failed to send message", "ERR_NO_USER")]
    bob.bot.silence()
    elsewhere.bot.silence()


def test_who_wants_no_private_messages_gets_none(scene: Scene) -> None:
    ada, bob, carol = scene.guest(), scene.member(), scene.member()
    scene.place.do(SetPreferences(preferences={"private_messages": False}), user=bob.somebody.id)
    scene.place.do(BlockUser(user=ada.somebody.id), user=carol.somebody.id)
    for target in (bob, carol):
        ada.bot.send("room::privateMessage", {"message": "x", "userListId": target.id})
        heard = ada.bot.settle(scene.name)
        assert [event[1]["message"] for event in heard] == ["user does not allow private messages"]
        assert heard[0][1]["context"] == "banner"
        target.bot.silence()


# Ignoring


def test_ignoring_somebody_and_no_longer(scene: Scene) -> None:
    ada, bob = scene.guest(), scene.member("ignored1")
    ada.bot.send("room::ignoreUser", {"userListId": bob.id, "roomName": scene.name})
    entry = {
        "id": a_text("[0-9a-f-]+"),
        "handle": "ignored1",
        "userListId": bob.id,
        "userId": bob.user["user_id"],
        "timestamp": an_instant(),
        "expiresAt": an_instant(),
    }
    listed = ["room::updateIgnore", {"ignoreList": [entry]}]
    assert ada.bot.settle(scene.name) == [status("You have ignored ignored1"), listed]
    ada.bot.send("room::getIgnoreList", {"roomName": scene.name})
    assert ada.bot.settle(scene.name) == [listed]
    scene.leave(ada)
    assert scene.connect(ada.somebody).join(scene.name)[1] == listed

    again = scene.guest(somebody=ada.somebody)
    again.bot.send("room::unignoreUser", {"id": entry["id"].value})
    empty = ["room::updateIgnore", {"ignoreList": []}]
    assert again.bot.settle(scene.name) == [status("You are no longer ignoring ignored1"), empty]
    again.bot.send("room::unignoreUser", {"id": entry["id"].value})
    assert again.bot.settle(scene.name) == [error("chat", "user not found", "ERR_INVALID_PARAMS")]
    bob.bot.drain()
    bob.bot.silence()


def test_ignoring_ends_after_a_day(scene: Scene) -> None:
    ada, bob = scene.guest(), scene.guest()
    ada.bot.send("room::ignoreUser", {"userListId": bob.id})
    entry = ada.bot.settle(scene.name)[1][1]["ignoreList"][0]
    assert (entry["userId"], entry["userListId"]) == (None, bob.id)
    scene.place.move(timedelta(hours=24))
    ada.bot.send("room::getIgnoreList", {})
    assert ada.bot.settle(scene.name) == [["room::updateIgnore", {"ignoreList": []}]]


def test_whom_one_cannot_ignore(scene: Scene) -> None:
    ada = scene.guest()
    for target in ("", None, "0" * 24, 7):
        ada.bot.send("room::ignoreUser", {"userListId": target, "roomName": scene.name})
        ((name, body),) = ada.bot.settle(scene.name)
        assert (name, body["context"], body["error"]) == ("client::error", "banner", "ERR_NO_USER")
    for identity in ("", None, "0" * 24, {"a": 1}):
        ada.bot.send("room::unignoreUser", {"id": identity})
        assert ada.bot.settle(scene.name) == [error("chat", "user not found", "ERR_INVALID_PARAMS")]


# Broadcasting


def test_broadcasting(scene: Scene) -> None:
    ada, bob = scene.guest(), scene.guest()
    for on in (True, False):
        ada.bot.send("room::setUserIsBroadcasting", {"isBroadcasting": on})
        told = [["room::updateUser", {"user": {**ada.seen, "isBroadcasting": on}}]]
        assert ada.bot.settle(scene.name) == told
        assert bob.bot.drain() == told
    nonsense: Json
    for nonsense in (None, "true", 1, []):
        ada.bot.send("room::setUserIsBroadcasting", {"isBroadcasting": nonsense})
        assert ada.bot.settle(scene.name) == []


# The topic


def test_a_topic(scene: Scene) -> None:
    ada, bob = scene.moderator("topical1"), scene.guest()
    ada.bot.send("room::setTopic", {"topic": " Tea, or coffee? "})
    by = {"_id": ada.user["user_id"], "username": "topical1"}
    told = [
        ["room::settings", {"topic": {"text": "Tea, or coffee?", "updatedAt": an_instant(), "updatedBy": by}}],
        status('topical1 changed the room topic to "Tea, or coffee?"'),
    ]
    assert ada.bot.settle(scene.name) == told
    assert bob.bot.drain() == told
    ada.bot.send("room::setTopic", {"topic": ""})
    nothing = {"text": "", "updatedAt": None, "updatedBy": by}
    assert ada.bot.settle(scene.name)[0] == ["room::settings", {"topic": nothing}]


def test_a_topic_that_cannot_be(scene: Scene) -> None:
    ada, bob = scene.moderator(), scene.guest()
    modal = "settings.room.info.topic"
    for topic in (None, 7, ["x"]):
        ada.bot.send("room::setTopic", {"topic": topic})
        assert ada.bot.settle(scene.name) == [error("banner", "No topic provided", "ERR_INVALID_PARAMS")]
    ada.bot.send("room::setTopic", {"topic": "x" * 141})
    too_long = "Topic is invalid, max 140 characters"
    assert ada.bot.settle(scene.name) == [error("modal", too_long, "ERR_INVALID_PARAMS", modal=modal)]
    ada.bot.send("room::setTopic", {"topic": "x" * 140})
    assert [event[0] for event in ada.bot.settle(scene.name)] == ["room::settings", "room::status"]
    bob.bot.drain()
    bob.bot.send("room::setTopic", {"topic": "mine"})
    denied = "You do not have permission to do this: roomDetails"
    assert bob.bot.settle(scene.name) == [error("modal", denied, "PermissionError", modal=modal)]
    ada.bot.silence()


def test_placeholders_can_fail() -> None:
    """What this suite compares with must refuse what is not as written."""
    one: Placeholder = a_uuid()
    assert one != "x"
    assert stamped("a", context="chat") != {
        "message": "a",
        "timestamp": START.isoformat(),
        "id": "1",
        "context": "chat",
    }
